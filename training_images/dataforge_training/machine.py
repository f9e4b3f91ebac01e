"""What this machine can do, and the options that fall back where it cannot do them: each fallback leaves a note."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass

import torch

from dataforge_training import flops
from dataforge_training.config import Config
from dataforge_training.errors import ConfigError


@dataclass(frozen=True)
class Machine:
    device: str
    """cuda, mps or cpu."""
    name: str
    dtype: torch.dtype
    """Of the forward pass: bfloat16 or float16 on a GPU, float32 elsewhere."""
    world: int
    """Processes of the whole job."""

    @property
    def peak_flops(self) -> float | None:
        """Of all processes together; None where the table of peaks does not know the device."""
        one = flops.peak(self.name) if self.device == "cuda" else None
        return one * self.world if one else None

    def memory_mb(self) -> float:
        """Highest use so far: of the GPU, else of the process."""
        if self.device == "cuda":
            return float(torch.cuda.max_memory_allocated() / 2**20)
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def detect(config: Config) -> Machine:
    """Raises ConfigError when the config asks for a device that is not there."""
    found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = found if config.device == "auto" else config.device
    if device not in (found, "cpu"):
        raise ConfigError(f"device: {device} is not on this machine, which has {found}: leave `device` at auto")
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if device != "cuda":
        return Machine(device, device, torch.float32, world)
    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    dtype = torch.float16 if config.fp16 or not has_bfloat16 else torch.bfloat16
    return Machine(device, torch.cuda.get_device_name(), dtype, world)


def settle(config: Config, machine: Machine) -> tuple[Config, list[str]]:
    """The config that really runs, and why it differs from what was asked. Raises ConfigError."""
    changes: dict[str, object] = {}
    notes: list[str] = []

    def change(reason: str, **values: object) -> None:
        changes.update(values)
        told = ", ".join(f"{name} = {value}".lower() for name, value in values.items())
        notes.append(f"{told}: {reason}")

    on_gpu = machine.device == "cuda"
    if config.strategy == "qlora":
        if importlib.util.find_spec("bitsandbytes") is None:
            raise ConfigError("strategy: qlora needs the package bitsandbytes, which this machine does not have")
        if not config.use_4bit:
            change("strategy qlora trains on a 4-bit base", use_4bit=True, use_8bit=False)
        if config.bnb_4bit_quant_type != "nf4":
            change("strategy qlora is defined on nf4", bnb_4bit_quant_type="nf4")
    elif config.use_4bit or config.use_8bit:
        if config.full_finetune:
            change("full fine-tuning trains every weight in full precision", use_4bit=False, use_8bit=False)
        elif not on_gpu:
            change(f"a quantised base needs a GPU, this machine has {machine.device}", use_4bit=False, use_8bit=False)
    if not on_gpu:
        if config.optim in ("paged_adamw_32bit", "adamw_8bit"):
            change(f"{config.optim} needs a GPU", optim="adamw_torch")
        if config.fp16 or config.bf16:
            change(f"training on {machine.device} is in float32", fp16=False, bf16=False)
    else:
        name = str(machine.dtype).removeprefix("torch.")
        wanted = {"fp16": name == "float16", "bf16": name == "bfloat16"}
        if wanted != {"fp16": config.fp16, "bf16": config.bf16}:
            change(f"{name} is what {machine.name} computes best in", **wanted)
        uses_4bit = bool(changes.get("use_4bit", config.use_4bit))
        if uses_4bit and config.bnb_4bit_compute_dtype != name and config.bnb_4bit_compute_dtype != "float32":
            change("it has to equal the precision of the training", bnb_4bit_compute_dtype=name)
    if config.packing and attention(machine) != "flash_attention_2":
        change("packed lines need an attention kernel for sequences of different lengths (flash-attn)", packing=False)
    return config.model_copy(update=changes), notes


def attention(machine: Machine) -> str:
    """The attention implementation that transformers is asked for."""
    has_flash = machine.device == "cuda" and importlib.util.find_spec("flash_attn") is not None
    return "flash_attention_2" if has_flash else "sdpa"
