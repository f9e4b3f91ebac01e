"""What the public document of the training API shows, as it stands there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

DOCUMENTED = {
    "task": "text-generation",
    "model_name": "meta-llama/Llama-3.2-3B",
    "provider": "unsloth",
    "strategy": "sft",
    "dataset": "/path/to/dataset.jsonl",
    "max_seq_length": 2048,
    "num_train_epochs": 3,
    "per_device_train_batch_size": 4,
}
PYTHON_SAMPLE = {
    "task": "text-generation",
    "model_name": "meta-llama/Llama-3.2-3B",
    "provider": "unsloth",
    "dataset": "/path/to/dataset.jsonl",
    "num_train_epochs": 3,
}


def jsonl(lines: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
