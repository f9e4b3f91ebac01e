"""Trainings, the models that they make, and their data: the API's responses as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from dataforge_client.decoding import TIME, nested, nested_list
from dataforge_client.literals import (
    ComputeSpecs,
    ExportState,
    FourBitDtype,
    FourBitQuantType,
    LrSchedule,
    ModelState,
    Optimizer,
    PreferenceLoss,
    PushState,
    TargetModules,
    TrainingDevice,
    TrainingProvider,
    TrainingStart,
    TrainingState,
    TrainingStrategy,
)
from dataforge_client.models import Json


class TrainingOptions(TypedDict, total=False):
    """Every option of a training beside task, model and dataset; docs/training.md describes them. What is left out has
    the server's default."""

    provider: TrainingProvider
    strategy: TrainingStrategy
    compute_specs: ComputeSpecs
    device: TrainingDevice
    lora_r: int
    lora_alpha: int
    lora_dropout: float
    target_modules: TargetModules | Sequence[str]
    use_4bit: bool
    use_8bit: bool
    bnb_4bit_compute_dtype: FourBitDtype
    bnb_4bit_quant_type: FourBitQuantType
    use_nested_quant: bool
    fp16: bool
    bf16: bool
    num_train_epochs: int
    max_steps: int
    per_device_train_batch_size: int
    per_device_eval_batch_size: int
    gradient_accumulation_steps: int
    gradient_checkpointing: bool
    max_grad_norm: float
    weight_decay: float
    learning_rate: float | None
    optim: Optimizer
    adam_beta2: float
    lr_scheduler_type: LrSchedule
    warmup_ratio: float
    group_by_length: bool
    packing: bool
    max_seq_length: int | None
    use_chat_template: bool
    eval_split: float
    eval_steps: int
    logging_steps: int
    save_steps: int
    beta: float
    loss_type: PreferenceLoss
    max_prompt_length: int
    name: str | None
    full_finetune: bool
    seed: int
    evaluate: bool
    eval_examples: int
    eval_dataset: str | None
    num_generations: int | None
    max_completion_length: int
    instance_type: str | None
    instance_count: int
    spot: bool
    warm_pool_seconds: int
    volume_gb: int
    max_runtime_seconds: int
    max_cost_usd: float | None
    estimate: bool


@dataclass(frozen=True, slots=True)
class TrainingInfo:
    providers: tuple[str, ...] = field(metadata={"decode": tuple})
    strategies: tuple[str, ...] = field(metadata={"decode": tuple})
    tasks: tuple[str, ...] = field(metadata={"decode": tuple})
    version: str = ""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class TrainingStarted:
    """status: started, or estimated (then there is no job_id)."""

    status: TrainingStart
    message: str = ""
    job_id: str | None = None
    estimate: Json | None = None
    """What it would take: instance, hours and dollars as ranges, and the notes that say how they were found."""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class TrainingStatus:
    """Numbers are 0 and other figures None while they are not known yet."""

    status: TrainingState
    progress: float = 0.0
    """Percent of all steps."""
    current_epoch: int = 0
    total_epochs: int = 0
    current_step: int = 0
    total_steps: int = 0
    loss: float | None = None
    learning_rate: float | None = None
    job_id: str | None = None
    stage: str | None = None
    """preparing, loading, training, evaluating, saving, finalizing; None once it has ended."""
    message: str | None = None
    eval_loss: float | None = None
    tokens_per_second: float | None = None
    mfu: float | None = None
    """Share of the processor's peak that is used, 0-1."""
    memory_mb: float | None = None
    seconds_left: float | None = None
    updated_at: datetime | None = field(default=None, metadata=TIME)
    model_id: int | None = None
    """Of the model that it has made."""
    error: str | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @property
    def closed(self) -> bool:
        """Whether it goes on no more; also where nothing was trained yet."""
        return self.status != "training"


@dataclass(frozen=True, slots=True)
class TrainingStopped:
    status: str
    message: str = ""
    job_id: str | None = None
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class TrainedModelSummary:
    """A trained model in a list."""

    id: int
    name: str
    base_model: str
    task: str
    size_mb: float = 0.0
    created_at: datetime | None = field(default=None, metadata=TIME)
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """training_params: every option by its public name. metrics: of held-out lines. card: Markdown."""

    id: int
    name: str
    base_model: str
    task: str
    provider: str = ""
    strategy: str = ""
    training_params: Json = field(default_factory=dict)
    metrics: Json = field(default_factory=dict)
    size_mb: float = 0.0
    job_id: str = ""
    status: ModelState = "ready"
    evaluation: Json | None = None
    """The model that it was made from against this one, on held-out lines."""
    notes: tuple[str, ...] = field(default=(), metadata={"decode": tuple})
    """What the training did otherwise than it was asked to, and why."""
    card: str = ""
    provenance: Json = field(default_factory=dict)
    """What it was trained on: dataset, lines, documents with their versions."""
    created_at: datetime | None = field(default=None, metadata=TIME)
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class EvaluationStarted:
    """A verifier is at work. max_cost_usd: of its replies, None where their price is not known."""

    status: str
    job_id: str = ""
    verdicts: int = 0
    max_cost_usd: float | None = None
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ModelGain:
    """Two models on the same held-out lines. difference: value, low and high (95 %) of the means."""

    model_id: int
    over: int
    measure: str = ""
    lines: int = 0
    gained: int = 0
    lost: int = 0
    difference: Json = field(default_factory=dict)
    p_value: float = 1.0
    is_noise: bool = True
    """Nothing shows that the model is better."""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class WeakTopic:
    """A topic on which a model does worse than on the rest. by: document, section, question_type or topic."""

    by: str
    topic: str
    lines: int = 0
    tuned: Json = field(default_factory=dict)
    against_rest: Json = field(default_factory=dict)
    chunk_ids: tuple[str, ...] = field(default=(), metadata={"decode": tuple})


@dataclass(frozen=True, slots=True)
class ModelImprovement:
    """What to generate (chunk_ids of the project) and to train (training, without dataset) next."""

    model_id: int
    project_id: str
    dataset: str
    eval_dataset: str
    weak_topics: tuple[WeakTopic, ...] = field(default=(), metadata={"decode": nested_list(WeakTopic)})
    chunk_ids: tuple[str, ...] = field(default=(), metadata={"decode": tuple})
    training: Json = field(default_factory=dict)
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ModelDeleted:
    status: str
    message: str = ""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """A model as one file. status: converting, until it is completed."""

    status: ExportState
    filename: str | None = None
    size_bytes: int | None = None
    url: str | None = None
    """Signed; valid for an hour."""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class PushedModel:
    """A model at a hub. status: pushing, until it is pushed."""

    status: PushState
    url: str | None = None
    """Of the commit."""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class DatasetValidation:
    """errors: each with its line, at most 100; error_count: all of them."""

    valid: bool
    errors: tuple[str, ...] = field(default=(), metadata={"decode": tuple})
    error_count: int = 0
    unchecked: int = 0
    """Lines of a very large file that were only counted; a training reads them all."""


@dataclass(frozen=True, slots=True)
class UploadedDataset:
    """A file that was checked. With `validation.valid` false it is kept, but not trained on."""

    status: str
    filename: str
    num_examples: int
    validation: DatasetValidation = field(metadata={"decode": nested(DatasetValidation)})
    shapes: Mapping[str, int] = field(default_factory=dict)
    """Shape of lines -> how many have it."""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class DatasetUploadTarget:
    """Where a large file is PUT; `complete_dataset_upload` takes its `upload_id`."""

    upload_url: str
    complete_url: str
    upload_id: str
    filename: str
    expires_in: int = 3600
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class TrainingDataset:
    filename: str
    num_examples: int
    size_mb: float = 0.0
    valid: bool = True
    shapes: Mapping[str, int] = field(default_factory=dict)
    uploaded_at: datetime | None = field(default=None, metadata=TIME)
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class DatasetDeleted:
    status: str
    message: str = ""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Generated:
    """An answer of a trained model."""

    generated_text: str
    tokens_generated: int
    generation_time_ms: float
    """Without the time that loading the model took."""
    finish_reason: str = ""
    """`stop`: the model ended it; `length`: max_new_tokens did."""
    raw: Json = field(default_factory=dict, repr=False)
