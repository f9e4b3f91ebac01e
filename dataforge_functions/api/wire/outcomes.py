"""Files with the outcome of every record that was requested of a run."""

from __future__ import annotations

from pydantic import BaseModel

from dataforge.platform import current
from dataforge.store.runs import Run
from dataforge.workflows.engine import rounds
from dataforge_functions.api.wire import fields


class OutcomeFile(BaseModel):
    """A file of JSON lines."""

    url: fields.Link
    """Of the JSON lines; presigned."""
    lines: int
    """How many there are."""


class Outcomes(BaseModel):
    """Files with the outcome of every record that was asked for."""

    generation_id: fields.RunId
    files: dict[str, OutcomeFile]
    """By `delivered`, `rejected` and `failed`, if the run has any. A parse has none."""
    expires_in: fields.Expires = 3600


class SyntheticOutcomes(BaseModel):
    """Files with the outcome of every record that was asked for."""

    job_id: fields.RunId
    files: dict[str, OutcomeFile]
    """By `delivered`, `rejected` and `failed`, if the job has any; the latter two with reasons."""
    expires_in: fields.Expires = 3600


def files_of(run: Run) -> dict[str, OutcomeFile]:
    """Raises Conflict while the run goes on."""
    lines = {"delivered": run.delivered, "rejected": run.rejected, "failed": run.failed}
    return {
        outcome: OutcomeFile(
            url=current().files.presign_get(key, filename=f"{run.run_id}-{outcome}.jsonl"), lines=lines[outcome]
        )
        for outcome, key in rounds.outcome_files(run).items()
    }
