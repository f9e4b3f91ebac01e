"""Tokens per second and MFU of our training program beside the plain transformers Trainer: `make bench-training`.

Random weights in the shapes of Llama-3.2-1B and Qwen3-0.6B, sequences of 4,096 tokens, bfloat16, every weight or LoRA
(rank 16); each run is a process of its own, ours and theirs by turns. Without a GPU the shapes are small ones, which
says nothing about a GPU: it shows that the benchmark runs and what our program adds to a step.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.training import shapes
from dataforge_training import flops

ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="small shapes on a GPU, too")
    chosen = parser.parse_args()
    on_gpu = torch.cuda.is_available()
    full = on_gpu and not chosen.small
    load = shapes.FULL if full else shapes.SMALL
    name = torch.cuda.get_device_name() if on_gpu else "CPU, one thread"
    peak = flops.peak(name) if on_gpu else None
    print(f"{name}; torch {torch.__version__}; sequences of {load.sequence}, batch {load.batch}, {load.steps} steps")
    if not full:
        print("small shapes: these figures say nothing about the speed on a GPU")
    print("| model | parameters | trained | program | tokens/s | MFU | memory MB |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        for model, config in shapes.configs(full=full).items():
            folder = Path(place) / model
            parameters = shapes.write_model(folder, config)
            for lora in (False, True):
                for program, run in (("dataforge_training", ours), ("transformers Trainer", theirs)):
                    with tempfile.TemporaryDirectory(dir=place) as root:
                        found = run(Path(root), folder, load, lora=lora, on_gpu=on_gpu)
                    needed = flops.per_token(parameters, adapter=lora)
                    rate = found["tokens_per_second"]
                    mfu = f"{flops.utilisation(rate, needed, peak):.1%}" if peak else "-"
                    memory = f"{found['memory_mb']:,.0f}" if found["memory_mb"] else "-"
                    cells = (
                        *(model, f"{parameters / 1e6:,.1f} M", "LoRA" if lora else "all", program),
                        *(f"{rate:,.0f}", mfu, memory),
                    )
                    print(f"| {' | '.join(cells)} |", flush=True)


def ours(root: Path, model: Path, load: shapes.Load, *, lora: bool, on_gpu: bool) -> dict[str, Any]:
    """The whole job as a process; speed is what it reports of its last 20 steps."""
    shapes.write_lines(root / "input/data/train/train.jsonl", load)
    told = {
        "task": "text-generation",
        "model_name": str(model),
        "full_finetune": not lora,
        "use_4bit": False,
        "lora_dropout": 0.0,
        "per_device_train_batch_size": load.batch,
        "gradient_accumulation_steps": 1,
        "gradient_checkpointing": False,
        "max_steps": load.steps,
        "max_seq_length": load.sequence,
        "learning_rate": 1e-4,
        "optim": "adamw_torch",
        "logging_steps": 1,
        "save_steps": 10_000,
        "evaluate": False,
    }
    config = root / "input/data/config/training.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps(told), "utf-8")
    start(["-m", "dataforge_training", "train", "--root", str(root)])
    lines = [json.loads(line) for line in (root / "checkpoints/progress.jsonl").read_text("utf-8").splitlines()]
    last = next(line for line in reversed(lines) if line["step"] == load.steps)
    return {"tokens_per_second": last["tokens_per_second"], "memory_mb": last["memory_mb"] if on_gpu else None}


def theirs(root: Path, model: Path, load: shapes.Load, *, lora: bool, on_gpu: bool) -> dict[str, Any]:
    lines = root / "train.jsonl"
    shapes.write_lines(lines, load)
    told = {
        "model": str(model),
        "lines": str(lines),
        "output": str(root / "out"),
        "lora": lora,
        "sequence": load.sequence,
        "batch": load.batch,
        "steps": load.steps,
    }
    output = start(["-m", "benchmarks.training.plain", json.dumps(told)])
    found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return found


def start(arguments: list[str]) -> str:
    """Standard output. What went wrong is shown and ends the benchmark."""
    path = os.pathsep.join((str(ROOT / "training_images"), str(ROOT)))
    quiet = {"PYTHONPATH": path, "PYTHONWARNINGS": "ignore", "CUDA_VISIBLE_DEVICES": gpu()}
    one_thread = {} if torch.cuda.is_available() else {"OMP_NUM_THREADS": "1"}
    environment = os.environ | quiet | one_thread
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def gpu() -> str:
    """One GPU, so that both programs have the same."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]


if __name__ == "__main__":
    main()
