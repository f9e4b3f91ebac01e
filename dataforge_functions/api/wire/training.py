"""Bodies of the training API (contract D)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, RootModel
from pydantic_core import CoreSchema

from dataforge.training import options
from dataforge_functions.api.wire import fields
from dataforge_functions.api.wire.bodies import Strict
from dataforge_functions.api.wire.fields import one_of
from dataforge_functions.api.wire.limits import Flag, Id, NotBoolean

Json = dict[str, Any]


class StartTraining(RootModel[Json]):
    """What to train on what; `dataforge.training.options` has every option, and checks them."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        example = {
            "task": "text-generation",
            "model_name": "meta-llama/Llama-3.2-3B",
            "provider": "unsloth",
            "strategy": "sft",
            "dataset": "/path/to/dataset.jsonl",
            "max_seq_length": 2048,
            "num_train_epochs": 3,
            "per_device_train_batch_size": 4,
        }
        return {**options.schema(), "description": cls.__doc__, "examples": [example]}


class EvaluateModel(Strict):
    """Have a verifier compare the answers of a model with those of the model that it was made from."""

    verifier: Annotated[str, Field(min_length=1, max_length=200)]
    """The teacher that judges; it sees question, reference and both answers, and is not told which is which."""
    max_cost_usd: Annotated[float, Field(gt=0, le=1_000_000), NotBoolean()] | None = None
    """What its replies may cost; lines that are not reached are counted as not asked."""
    both_orders: Flag = True
    """Each line is asked about twice, with the answers swapped; false: once, in random order."""
    seed: Annotated[int, Field(ge=0, lt=2**31), NotBoolean()] = 42
    """Of the random orders."""


class StopTraining(Strict):
    """Which training to stop."""

    job_id: Id | None = None
    """The active one if absent."""


class _Answer(BaseModel):
    model_config = ConfigDict(protected_namespaces=())


class TrainingInfo(_Answer):
    """What this service can train."""

    providers: list[str]
    """Libraries that train."""
    strategies: list[str]
    """Ways to train."""
    tasks: list[str]
    """What a model can learn to do."""
    version: Literal["v2"] = "v2"
    """Of this API."""


class TrainingHealth(_Answer):
    """The training API answers."""

    status: Literal["healthy"] = "healthy"
    """Always this word: a service that is not healthy does not answer."""
    version: Literal["v2"] = "v2"
    """Of this API."""


class TrainingStarted(_Answer):
    """A training that was begun, or what it would take."""

    status: Literal["started", "estimated"] = "started"
    """started: it goes on by itself; estimated: nothing was started."""
    job_id: str | None
    """Id of the training; null with `estimate: true`."""
    message: fields.Message = "Training started successfully"
    estimate: Json | None = None
    """instance_type, lines, tokens, hours and cost_usd as ranges (low, high), notes that say how they were found."""


class TrainingStatus(_Answer):
    """How far a training is. Numbers that are not known yet are 0, other figures null."""

    status: Annotated[str, one_of("idle", "training", "completed", "error", "stopped")]
    """idle: nothing was trained yet. training: from the request on, also while a machine is started."""
    progress: float
    """Percent of all steps, one decimal."""
    current_epoch: int
    """The pass over the data that is under way, from 1."""
    total_epochs: int
    """Passes over the data."""
    current_step: int
    """Steps that are done."""
    total_steps: int
    """Steps in all."""
    loss: float | None
    """Of the last steps."""
    learning_rate: float | None
    """Of the last step."""
    job_id: str | None = None
    """Id of the training; null: there is none."""
    stage: str | None = None
    """preparing, loading, training, evaluating, saving, finalizing; null once it has ended."""
    message: str | None = None
    """What is going on, or what went wrong, for people."""
    eval_loss: float | None = None
    """On the lines that were held back."""
    tokens_per_second: float | None = None
    """Speed of the training."""
    mfu: float | None = None
    """Share of the processor's peak that is used, 0 to 1."""
    memory_mb: float | None = None
    """Memory in use on the processor that trains."""
    seconds_left: float | None = None
    """Until the end of the training, at the speed of now."""
    updated_at: fields.Time | None = None
    """When these numbers were measured."""
    model_id: int | None = None
    """Number of the model that it has made."""
    error: str | None = None
    """Why it failed."""


class TrainingStopped(_Answer):
    """A training that was told to stop."""

    status: Literal["stopped"] = "stopped"
    """It ends now; its machine has two minutes for a last checkpoint."""
    message: fields.Message = "Training stopped successfully"
    job_id: fields.JobId


class TrainedModelBrief(_Answer):
    """A trained model in a list."""

    id: int
    """Its number, from 1 in each organisation; never given twice."""
    name: str
    """What it is called."""
    base_model: str
    """What it was made of."""
    task: str
    """What it has learned to do."""
    created_at: fields.Created
    size_mb: float
    """Size of all its files, in millions of bytes."""


class TrainedModels(_Answer):
    """Trained models, the newest first."""

    models: list[TrainedModelBrief]
    """All of the organisation."""


class TrainedModel(TrainedModelBrief):
    """A trained model."""

    provider: str
    """Library that trained it."""
    strategy: str
    """How it was trained."""
    training_params: Json
    """num_epochs, batch_size, learning_rate, and every other option by its name."""
    metrics: Json
    """final_loss, perplexity = exp(final_loss), and what else was measured on held-out lines."""
    job_id: fields.JobId
    status: Annotated[str, one_of("evaluating", "ready")]
    """evaluating: its training still measures it."""
    evaluation: Json | None = None
    """Base model against this one on held-out lines, whole and per topic, with intervals; what a verifier said."""
    provenance: Json = {}
    """What it was trained on: dataset, lines, documents with their versions."""
    notes: list[str] = []
    """What the training did otherwise than it was asked to, and why."""
    card: str = ""
    """Model card, as Markdown: what it was trained on, and how well it does."""


class TrainedModelDeleted(_Answer):
    """A model that is gone."""

    status: Literal["deleted"] = "deleted"
    """With all its files."""
    message: fields.Message = "Model deleted successfully"


class EvaluationStarted(_Answer):
    """A verifier is at work; the model's `evaluation.verifier` tells how it ended."""

    status: Literal["started"] = "started"
    """It goes on by itself."""
    job_id: fields.JobId
    verdicts: int
    """Calls that it takes, if every reply can be read."""
    max_cost_usd: float | None
    """What they cost at most; null: the price of the verifier is not known."""


class ModelGain(_Answer):
    """Two models on the same held-out lines."""

    model_id: int
    """The one that may be better."""
    over: int
    """The one that it is compared with."""
    measure: str
    """exact_match, or f1 where no answer is ever the very words."""
    lines: int
    """Held-out lines that both have answered."""
    gained: int
    """Lines on which it scores higher."""
    lost: int
    """Lines on which it scores lower."""
    difference: Json
    """Of the means: value, low, high (95 %)."""
    p_value: float
    """Of the exact McNemar test on the lines that changed."""
    is_noise: bool
    """Nothing shows that it is better."""


class WeakTopic(_Answer):
    """A topic on which the model does worse than on the rest."""

    by: str
    """Kind of topic: document, section, question_type, topic."""
    topic: str
    """Its name."""
    lines: int
    """Held-out lines of it."""
    tuned: Json
    """What the model scores on them, by measure, with intervals."""
    against_rest: Json
    """The same less what it scores on all other lines; all of the interval is below 0."""
    chunk_ids: list[str]
    """Its chunks in the project."""


class ModelImprovement(_Answer):
    """What to generate and train next, so that the model does better where it is weak."""

    model_id: int
    """The model."""
    project_id: str
    """Project that its training data was exported from."""
    dataset: str
    """That export: `proj_...@<version>`."""
    eval_dataset: str
    """Held-out lines of the model, as an option of the next training: the same lines measure both."""
    weak_topics: list[WeakTopic]
    """The weakest first; empty: none is worse than the rest beyond chance."""
    chunk_ids: list[str]
    """Chunks of all weak topics, for a generation."""
    training: Json
    """Request of the next training, without `dataset`: the options of this one."""
