"""synthetic-data-kit: what its `create` command calls, with waves as large as the concurrency.

Its chunker always carries the last sentences of a passage over to the next; a chunk size below that of the passages
makes one chunk of each.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import synthetic_data_kit
import yaml
from synthetic_data_kit.core.create import process_file

from benchmarks.peers import Task
from benchmarks.peers.driving import ASK, drive, folder


def make(task: Task) -> list[Any]:
    config = yaml.safe_load((Path(synthetic_data_kit.__file__).parent / "config.yaml").read_text())
    config["generation"].update(batch_size=task.concurrency, chunk_size=min(map(len, task.passages)))
    config["api-endpoint"]["api_key"] = "not-needed"
    config["prompts"]["qa_generation"] = ASK.format(passage="{text}")
    document, settings = Path(task.folder) / "rules.txt", Path(task.folder) / "config.yaml"
    document.write_text("\n\n".join(task.passages))
    settings.write_text(yaml.safe_dump(config))
    written = process_file(
        str(document),
        str(folder(task, "generated")),
        config_path=settings,
        api_base=task.url,
        model="stub",
        provider="api-endpoint",
        num_pairs=len(task.passages),
    )
    return list(json.loads(Path(written).read_text())["qa_pairs"])


if __name__ == "__main__":
    drive("synthetic-data-kit", make)
