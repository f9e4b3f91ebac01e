"""The options of a training request under their public names (contract D.2): defaults, limits, what excludes what.

One field of `Options` is one option; the API's description, the docs and `training.json` are made of this table.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any, Literal

from dataforge.errors import FieldError, Invalid
from dataforge.training import instances
from dataforge.training.option_fields import Option, choice, flag, is_required, modules, number, of, text, whole

TASKS = ("text-generation", "summarization", "extractive-question-answering")
PROVIDERS = ("huggingface", "unsloth")
STRATEGIES = ("sft", "qlora", "rlhf", "dpo")
"""In the order of the public document, as `/api/info` lists them."""
PREFERENCES = ("rlhf", "dpo")
"""Strategies that learn from a better and a worse answer."""
LEARNING_RATES = {"sft": 2e-4, "qlora": 2e-4, "dpo": 5e-6, "rlhf": 5e-6}
"""Where the request gives none."""
SEED = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    task: str = choice("What the model learns to do", TASKS)
    model_name: str = text("Model to start from: a Hugging Face id, or a path on the machine that trains")
    dataset: str = text(
        "What to train on: an uploaded filename, syn_job_...[#split], proj_...@version, or an s3:// address", most=1024
    )
    provider: str = choice("Library that trains; unsloth takes text-generation only", PROVIDERS, "huggingface")
    strategy: str = choice("How it is trained; rlhf and dpo take text-generation only", STRATEGIES, "sft")
    compute_specs: str = choice("Size of the machine, where instance_type names none", instances.SIZES, "mid_range")
    device: str = choice(
        "Processor on one machine; auto takes the best there is", ("auto", "cuda", "mps", "cpu"), "auto"
    )

    lora_r: int = whole("Rank of the adapter", 16, low=1, high=256)
    lora_alpha: int = whole("Scale of the adapter", 32, low=1, high=4096)
    lora_dropout: float = number("Dropout of the adapter", 0.1, low=0, high=1)
    target_modules: str | tuple[str, ...] = modules("Layers that get an adapter", "all-linear")
    use_4bit: bool = flag("Hold the base model in 4 bits (QLoRA); needs a CUDA GPU, else full precision", True)
    use_8bit: bool = flag("Hold the base model in 8 bits; excludes use_4bit", False)
    bnb_4bit_compute_dtype: str = choice("Precision of 4-bit arithmetic", ("float16", "bfloat16", "float32"), "float16")
    bnb_4bit_quant_type: str = choice("Kind of 4-bit numbers", ("nf4", "fp4"), "nf4")
    use_nested_quant: bool = flag("Quantise the quantisation constants too", False)
    fp16: bool = flag("Train in float16; excludes bf16", False)
    bf16: bool = flag("Train in bfloat16; excludes fp16", False)

    num_train_epochs: int = whole("Passes over the training lines", 1, low=1, high=1000)
    max_steps: int = whole("Steps at most, instead of epochs; -1: off", -1, low=1, besides=(-1,))
    per_device_train_batch_size: int = whole("Lines at once on one device", 1, low=1, high=1024)
    per_device_eval_batch_size: int = whole("The same in evaluation", 1, low=1, high=1024)
    gradient_accumulation_steps: int = whole("Batches before the weights move", 4, low=1, high=1024)
    gradient_checkpointing: bool = flag("Compute activations again, to save memory", True)
    max_grad_norm: float = number("Largest norm of a gradient", 0.3, low=0, high=1000)
    weight_decay: float = number("Weight decay", 0.001, low=0, high=1)
    learning_rate: float | None = number(
        "Step size; null: 2e-4, for rlhf and dpo 5e-6", None, low=0, high=1, above=True
    )
    optim: str = choice(
        "Optimiser; those of 8 bits and paged ones need a CUDA GPU, else adamw_torch",
        ("adamw_torch", "adamw_8bit", "paged_adamw_32bit", "sgd"),
        "paged_adamw_32bit",
    )
    lr_scheduler_type: str = choice("Course of the step size", ("linear", "cosine", "constant", "polynomial"), "cosine")
    warmup_ratio: float = number("Share of the steps in which the step size grows", 0.03, low=0, high=1)
    group_by_length: bool = flag("Put lines of like length together", True)
    packing: bool = flag("Put several lines into one sequence", False)
    max_seq_length: int | None = whole(
        "Tokens of a line at most; null: as the lines and the model need", None, low=8, high=2**20
    )
    use_chat_template: bool = flag(
        "Write lines with the model's chat template; lines with messages do so anyway", False
    )
    eval_split: float = number("Share of the lines held back for validation", 0.2, low=0, high=1, below=True)
    eval_steps: int = whole("Steps between two evaluations", 100, low=1)
    logging_steps: int = whole("Steps between two lines of progress", 10, low=1)
    save_steps: int = whole("Steps between two checkpoints", 100, low=1)
    beta: float = number(
        "dpo, rlhf: how close the model stays to the one it started from", 0.1, low=0, high=100, above=True
    )
    loss_type: str = choice("dpo: the loss", ("sigmoid", "hinge", "ipo", "robust", "apo_zero", "apo_down"), "sigmoid")
    max_prompt_length: int = whole("dpo, rlhf: tokens of a prompt at most", 128, low=1, high=2**20)

    adam_beta2: float = number(
        "Decay of Adam's mean of squared gradients", 0.999, low=0, high=1, above=True, below=True, extension=True
    )
    name: str | None = text("Name of the model; null: made of base model and job", None, most=200, extension=True)
    full_finetune: bool = flag("Train every weight instead of an adapter; not with qlora", False, extension=True)
    seed: int = whole("Seed of everything random", SEED, low=0, extension=True)
    evaluate: bool = flag("Compare base and tuned model on held-out lines at the end", True, extension=True)
    eval_examples: int = whole("Held-out lines compared at most", 200, low=0, high=100_000, extension=True)
    eval_dataset: str | None = text(
        "Held-out lines: as dataset; null: the validation lines", None, most=1024, extension=True
    )
    num_generations: int | None = whole(
        "rlhf: answers for each prompt; null: auto", None, low=2, high=64, extension=True
    )
    max_completion_length: int = whole(
        "Tokens of an answer at most, in rlhf and in evaluation", 256, low=1, high=32_768, extension=True
    )
    instance_type: str | None = text("SageMaker instance; null: chosen by compute_specs", None, most=60, extension=True)
    instance_count: int = whole("Instances at once", 1, low=1, high=16, extension=True)
    spot: bool = flag("Spot instances: cheaper, may be interrupted and goes on", False, extension=True)
    warm_pool_seconds: int = whole(
        "Seconds for which SageMaker keeps the instances for the next training, at their price; not with spot",
        0, low=0, high=3600, extension=True,
    )  # fmt: skip
    volume_gb: int = whole("GB of disk of each SageMaker instance", 100, low=10, high=16_384, extension=True)
    max_runtime_seconds: int = whole("Longest training", 86_400, low=60, high=2_419_200, extension=True)
    max_cost_usd: float | None = number(
        "Dollars at most: the longest training ends earlier by it", None, low=0, high=10**9, above=True, extension=True
    )
    estimate: bool = flag("Only say what it would take: nothing is started", False, extension=True)

    given: frozenset[str] = frozenset()
    """Names that the request gave, not null."""

    @property
    def rate(self) -> float:
        return self.learning_rate or LEARNING_RATES[self.strategy]

    @property
    def quantised_bits(self) -> int | None:
        """Bits of a weight of the base model; None: full precision."""
        if self.full_finetune:
            return None
        if self.strategy == "qlora" and not self.use_8bit:
            return 4
        return 8 if self.use_8bit else 4 if self.use_4bit else None


TABLE: dict[str, Field[Any]] = {f.name: f for f in fields(Options) if f.name != "given"}
"""Every option by its public name; `option_fields.of` has its words and limits."""
NOT_FOR_THE_PROGRAM = {
    "dataset", "compute_specs", "name", "eval_dataset", "instance_type", "instance_count", "spot",
    "warm_pool_seconds", "volume_gb", "max_runtime_seconds", "max_cost_usd", "estimate",
}  # fmt: skip
"""What is settled before the training program runs: where it runs and what its files hold."""


def read(request: Mapping[str, Any]) -> Options:
    """The request with defaults and consequences filled in. Raises Invalid with every broken field in `errors`."""
    unknown = [str(name) for name in request if name not in TABLE]
    broken = [FieldError(name, f"{name[:100]} is unknown{_nearest(name)}") for name in unknown]
    values: dict[str, Any] = {}
    for name, declared in TABLE.items():
        try:
            if name in request and not (request[name] is None and not is_required(declared)):
                values[name] = of(declared).read(name, request[name])
            elif is_required(declared):
                raise Invalid(f"{name} is required", field=name)
        except Invalid as problem:
            broken += problem.errors
    _raise(broken)
    options = Options(**_settled(values), given=frozenset(values))
    _raise([FieldError(field, message) for rule in _RULES for field, message in rule(options)])
    return options


def schema() -> dict[str, Any]:
    """JSON schema of a request's body."""
    return {
        "type": "object",
        "required": [name for name, f in TABLE.items() if is_required(f)],
        "properties": {name: _schema(of(f), f) for name, f in TABLE.items()},
        "additionalProperties": False,
    }


def to_config(
    options: Options,
    *,
    job_id: str,
    provenance: Mapping[str, Any],
    network: bool = False,
    model_format: str | None = None,
) -> dict[str, Any]:
    """`training.json`: what the training program reads, every option under its public name.

    network: it may fetch models from the hub; model_format: what else the model is saved as.
    """
    named = {name: getattr(options, name) for name in TABLE if name not in NOT_FOR_THE_PROGRAM}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in named.items()}
    return {
        "job_id": job_id,
        **plain,
        "learning_rate": options.rate,
        "resume": True,
        "network": network,
        "model_format": model_format,
        "provenance": dict(provenance),
    }


_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?", re.ASCII)


def model_kind(model_name: str) -> Literal["hub", "path", "s3"]:
    """Where the base model is. Raises Invalid for a name that can be none of them."""
    if model_name.startswith("s3://"):
        return "s3"
    if model_name.startswith(("/", "./", "../", "~")):
        return "path"
    if _HUB_ID.fullmatch(model_name) and ".." not in model_name:
        return "hub"
    raise Invalid(
        f"model_name must be a Hugging Face id such as meta-llama/Llama-3.2-3B, or a path that begins with /, "
        f"not {model_name[:100]!r}",
        field="model_name",
    )


Broken = Iterator[tuple[str, str]]


def _task(options: Options) -> Broken:
    """Both values are named, so that whoever meant the other one sees the way out."""
    if options.task == "text-generation":
        return
    if options.strategy in PREFERENCES:
        yield (
            "strategy",
            f"strategy {options.strategy} is for the task text-generation, not {options.task}: use sft or qlora",
        )
    if options.provider == "unsloth":
        yield (
            "provider",
            f"provider unsloth is for the task text-generation, not {options.task}: use huggingface",
        )


def _provider(options: Options) -> Broken:
    if options.provider == "unsloth" and options.strategy == "rlhf":
        yield "provider", "provider unsloth cannot train the reward model of rlhf: use huggingface"


def _precision(options: Options) -> Broken:
    if options.use_4bit and options.use_8bit:
        yield "use_8bit", "use_4bit and use_8bit exclude each other: set one of them"
    if options.fp16 and options.bf16:
        yield "bf16", "fp16 and bf16 exclude each other: set one of them"


def _full(options: Options) -> Broken:
    if not options.full_finetune:
        return
    if options.strategy == "qlora":
        yield "full_finetune", "full_finetune: qlora trains an adapter; use the strategy sft"
    for name in ("use_4bit", "use_8bit"):
        if getattr(options, name):
            yield name, f"{name}: full_finetune needs every weight in full precision; set one of the two"


def _machine(options: Options) -> Broken:
    if options.spot and options.warm_pool_seconds:
        yield "warm_pool_seconds", "warm_pool_seconds: SageMaker keeps no spot instances; leave one of the two out"


def _model(options: Options) -> Broken:
    try:
        model_kind(options.model_name)
    except Invalid as problem:
        yield "model_name", problem.message


def _instance(options: Options) -> Broken:
    if options.instance_type is None:
        return
    try:
        instances.get(options.instance_type)
    except Invalid as problem:
        yield "instance_type", problem.message


def _lengths(options: Options) -> Broken:
    limit = options.max_seq_length
    if limit and "max_prompt_length" in options.given and options.max_prompt_length >= limit:
        yield "max_prompt_length", f"max_prompt_length must be below max_seq_length ({limit})"


_RULES: tuple[Callable[[Options], Broken], ...] = (
    _task, _provider, _precision, _full, _machine, _model, _instance, _lengths,
)  # fmt: skip


def _settled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults that give way to what the request says: use_4bit is on unless something else is asked for."""
    gives_way = values.get("use_8bit") or values.get("full_finetune")
    return {**values, "use_4bit": False} if gives_way and "use_4bit" not in values else dict(values)


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name[:100], TABLE, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; use one of: {', '.join(TABLE)}"


def _raise(broken: list[FieldError]) -> None:
    if broken:
        problem = Invalid("; ".join(b.message for b in broken))
        problem.errors = broken
        raise problem


def _schema(option: Option, declared: Field[Any]) -> dict[str, Any]:
    found = {**option.schema, "description": option.doc}
    if option.nullable and "type" in found:
        found["type"] = [found["type"], "null"]
    return found if is_required(declared) else {**found, "default": declared.default}
