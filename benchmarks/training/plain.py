"""The same training with the plain `transformers.Trainer`: prints one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
)

MEASURED = 20


class Clock(TrainerCallback):
    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.monotonic())


def main(told: dict[str, Any]) -> None:
    on_gpu = torch.cuda.is_available()
    words = AutoTokenizer.from_pretrained(told["model"])
    lines = [json.loads(line) for line in Path(told["lines"]).read_text("utf-8").splitlines()]
    rows = []
    for line in lines:
        ids = words(line["prompt"] + line["completion"])["input_ids"][: told["sequence"]]
        rows.append({"input_ids": ids, "labels": ids, "attention_mask": [1] * len(ids)})
    precision = torch.bfloat16 if on_gpu and told["lora"] else torch.float32
    model = AutoModelForCausalLM.from_pretrained(told["model"], dtype=precision)
    if told["lora"]:
        adapter = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, adapter)
    clock = Clock()
    arguments = TrainingArguments(
        output_dir=told["output"],
        per_device_train_batch_size=told["batch"],
        max_steps=told["steps"],
        learning_rate=1e-4,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        data_collator=default_data_collator,
        callbacks=[clock],
    )
    trainer.train()
    seconds = clock.ends[-1] - clock.ends[-1 - MEASURED]
    rate = MEASURED * told["batch"] * told["sequence"] / seconds
    memory = torch.cuda.max_memory_allocated() / 2**20 if on_gpu else None
    print(json.dumps({"tokens_per_second": rate, "memory_mb": memory}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
