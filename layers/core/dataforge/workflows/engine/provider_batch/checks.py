"""Whether a provider takes the batch jobs of a run."""

from __future__ import annotations

from dataforge.errors import Invalid
from dataforge.teachers import Model, Teacher, batch_jobs_lack


def check_batch(model: Model, chosen: Teacher) -> None:
    """Raises Invalid when the provider takes no batch jobs."""
    if chosen.can.batch is None:
        raise Invalid(
            f"mode: the teacher {model.id} has no batch API; leave mode out, or choose openai:<model> or "
            "bedrock:<model>",
            field="mode",
            code="TEACHER_CANNOT",
        )
    lacks = batch_jobs_lack(model)
    if lacks:
        raise Invalid(f"mode: batch jobs of {model.backend} need {lacks}", field="mode", code="TEACHER_NOT_CONFIGURED")


def check_size(model: Model, chosen: Teacher, *, calls: int, more: str) -> None:
    """Raises Invalid when the provider takes no batch job as small as a run of so many calls.

    more: the field that makes it larger.
    """
    limits = chosen.can.batch
    if limits and calls <= limits.least and limits.least > 1:
        raise Invalid(
            f"mode: a batch job of {model.backend} takes at least {limits.least} requests, and this run asks only "
            f"{calls} (one of them beforehand); raise {more}, or leave mode out",
            field="mode",
            code="TOO_SMALL",
        )
