"""Trained models as teachers: `trained:<number>` or `trained:<name>`, in their own organisation only."""

from __future__ import annotations

from dataforge import ids
from dataforge.errors import Invalid
from dataforge.platform.ports import ServedModel
from dataforge.store import trained_models
from dataforge.store.trained_models import TrainedModel
from dataforge.teachers.catalogue import Model
from dataforge.teachers.prices import Price

PROVIDER = "trained"
UNKNOWN = "UNKNOWN_TEACHER"
FREE = Price(0.0, 0.0)
"""Nobody charges for tokens: who answers is a machine that is paid for by the hour."""
WRITES_TEXT = "text-generation"
"""The task whose models follow instructions: only they are teachers."""


def find(name: str, org_id: str | None) -> Model:
    """name: the number or the name of a model, behind `trained:`. Raises Invalid (field model_id) for what is no
    language model of this organisation."""
    wanted = name.removeprefix(f"{PROVIDER}:")
    if org_id is None:
        raise Invalid(f"{name} belongs to one organization: it cannot answer for all of them", field="model_id")
    models = [m for m in trained_models.of_organisation(org_id) if wanted in (str(m.model_id), m.name)]
    numbered = [m for m in models if str(m.model_id) == wanted]
    found = numbered or models
    if not found:
        raise Invalid(f"model_id: there is no trained model {wanted[:200]!r} here", field="model_id", code=UNKNOWN)
    if len(found) > 1:
        numbers = ", ".join(f"{PROVIDER}:{m.model_id}" for m in found)
        raise Invalid(
            f"model_id: {len(found)} trained models are named {wanted[:200]!r}; choose one of {numbers}",
            field="model_id",
            code=UNKNOWN,
        )
    if found[0].task != WRITES_TEXT:
        raise Invalid(
            f"model_id: {PROVIDER}:{found[0].model_id} was trained for {found[0].task}; a teacher needs a model that "
            f"was trained for {WRITES_TEXT}",
            field="model_id",
            code="TEACHER_CANNOT",
        )
    return as_model(found[0])


def named(name: str, org_id: str) -> Model | None:
    """A name without `trained:` in front; None: no model has it. Raises as `find`."""
    known = ":" not in name and any(m.name == name for m in trained_models.of_organisation(org_id))
    return find(name, org_id) if known else None


def listed(org_id: str) -> list[Model]:
    """The organisation's language models, newest first."""
    return [as_model(m) for m in trained_models.of_organisation(org_id) if m.task == WRITES_TEXT]


def as_model(trained: TrainedModel) -> Model:
    name = f"{PROVIDER}:{trained.model_id}"
    length = trained.params.get("max_seq_length")
    return Model(
        name,
        f"{trained.name} (trained here)",
        name,
        price=FREE,
        context=length if isinstance(length, int) else None,
        form="text",
        org_id=trained.org_id,
    )


def served(trained: TrainedModel) -> ServedModel:
    return ServedModel(
        key=f"m-{ids.tail(trained.org_id)}-{trained.model_id}",
        base_model=trained.base_model,
        files_prefix=trained.files_prefix,
        base_prefix=_staged(trained.base_model),
        size_bytes=trained.size_bytes,
    )


def _staged(base_model: str) -> str:
    """Where in Files the weights lie that the training read without a network; the training checked that they are the
    organisation's own. Empty: it was named otherwise."""
    return base_model.removeprefix("s3://").partition("/")[2].strip("/") if base_model.startswith("s3://") else ""
