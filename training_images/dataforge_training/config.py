"""training.json: every option of the public training API under its public name, with its default and range."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dataforge_training.errors import ConfigError

TASKS = ("text-generation", "summarization", "extractive-question-answering")
LEARNING_RATES = {"sft": 2e-4, "qlora": 2e-4, "dpo": 5e-6, "rlhf": 5e-6}
"""Where the config gives none."""

Positive = Annotated[int, Field(ge=1)]


class Config(BaseModel):
    """What to train, on what, how. Names and defaults are those of the public API; `# extension` marks ours."""

    model_config = ConfigDict(extra="forbid")

    job_id: str = "local"
    task: Literal["text-generation", "summarization", "extractive-question-answering"]
    model_name: Annotated[str, Field(min_length=1)]
    provider: Literal["huggingface", "unsloth"] = "huggingface"
    strategy: Literal["sft", "qlora", "dpo", "rlhf"] = "sft"
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"

    lora_r: Annotated[int, Field(ge=1, le=256)] = 16
    lora_alpha: Positive = 32
    lora_dropout: Annotated[float, Field(ge=0, le=1)] = 0.1
    target_modules: Literal["all-linear"] | list[str] = "all-linear"
    use_4bit: bool = True
    use_8bit: bool = False
    bnb_4bit_compute_dtype: Literal["float16", "bfloat16", "float32"] = "float16"
    bnb_4bit_quant_type: Literal["nf4", "fp4"] = "nf4"
    use_nested_quant: bool = False
    fp16: bool = False
    bf16: bool = False

    num_train_epochs: Positive = 1
    max_steps: Annotated[int, Field(ge=-1)] = -1
    per_device_train_batch_size: Positive = 1
    per_device_eval_batch_size: Positive = 1
    gradient_accumulation_steps: Positive = 4
    gradient_checkpointing: bool = True
    max_grad_norm: Annotated[float, Field(ge=0)] = 0.3
    weight_decay: Annotated[float, Field(ge=0)] = 0.001
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    optim: Literal["adamw_torch", "adamw_8bit", "paged_adamw_32bit", "sgd"] = "paged_adamw_32bit"
    lr_scheduler_type: Literal["linear", "cosine", "constant", "polynomial"] = "cosine"
    warmup_ratio: Annotated[float, Field(ge=0, le=1)] = 0.03
    group_by_length: bool = True
    packing: bool = False
    max_seq_length: Annotated[int, Field(ge=8)] | None = None
    use_chat_template: bool = False
    eval_split: Annotated[float, Field(ge=0, lt=1)] = 0.2
    eval_steps: Positive = 100
    logging_steps: Positive = 10
    save_steps: Positive = 100
    beta: Annotated[float, Field(gt=0)] = 0.1
    loss_type: str = "sigmoid"
    max_prompt_length: Positive = 128

    seed: int = 42
    eval_examples: Annotated[int, Field(ge=0)] = 200
    evaluate: bool = True
    resume: bool = True
    network: bool = False
    model_format: str | None = None
    provenance: dict[str, Any] = {}

    full_finetune: bool = False  # extension: every weight is trained, no adapter
    num_generations: Annotated[int, Field(ge=2)] | None = None  # extension: answers per prompt in rlhf
    max_completion_length: Positive = 256  # extension: tokens of an answer in rlhf and in evaluation
    adam_beta2: Annotated[float, Field(gt=0, lt=1)] = 0.999  # extension
    sharding: Literal["auto", "ddp", "fsdp"] = "auto"  # extension: how several GPUs share one model
    processes: Positive | None = None  # extension: processes per machine; null = one per GPU

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for wrong, message in (
            (self.use_4bit and self.use_8bit, "use_4bit and use_8bit: only one of them can be true"),
            (self.fp16 and self.bf16, "fp16 and bf16: only one of them can be true"),
            (
                self.strategy in ("dpo", "rlhf") and self.task != "text-generation",
                f"strategy {self.strategy} is for task text-generation, not {self.task}",
            ),
            (
                self.provider == "unsloth" and self.task != "text-generation",
                f"provider unsloth is for task text-generation, not {self.task}",
            ),
            (
                self.provider == "unsloth" and self.strategy == "rlhf",
                "strategy rlhf trains a reward model, which provider unsloth cannot: use provider huggingface",
            ),
            (
                self.full_finetune and self.strategy == "qlora",
                "full_finetune: strategy qlora trains an adapter; use strategy sft",
            ),
        ):
            if wrong:
                raise ValueError(message)
        return self

    @property
    def rate(self) -> float:
        """Learning rate, by strategy where the config gives none."""
        return self.learning_rate or LEARNING_RATES[self.strategy]


def read(path: Path) -> Config:
    """The config of the channel. Raises ConfigError, which names every wrong field."""
    try:
        return Config.model_validate(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise ConfigError(f"{path.name} is missing in the channel `config`") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path.name} is not JSON: {error}") from None
    except ValidationError as error:
        told = "; ".join(said(e["loc"], e["msg"]) for e in error.errors(include_url=False, include_input=False))
        raise ConfigError(f"{path.name}: {told}") from None


def said(where: tuple[int | str, ...], message: str) -> str:
    field = ".".join(str(part) for part in where)
    return f"{field}: {message}" if field else message.removeprefix("Value error, ")
