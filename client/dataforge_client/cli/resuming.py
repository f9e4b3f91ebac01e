"""What a resumed run asks for: the request that is stored on the server, whole. A differing option is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dataforge_client.cli.exit_codes import WrongUse
from dataforge_client.cli.formatting import time_text

if TYPE_CHECKING:
    from dataforge_client.cli.run_request import RunRequest
    from dataforge_client.client import DataForge
    from dataforge_client.models import Generation, Json

OPTIONS: Mapping[str, str] = {
    "--teacher": "model_id",
    "--pairs": "num_pairs",
    "--min-quality": "auto_accept_min_quality",
    "--system-prompt": "system_prompt",
    "--temperature": "temperature",
    "--seed": "seed",
    "--question-type": "question_types",
    "--persona": "personas",
    "--style": "styles",
    "--multi-hop": "multi_hop_share",
    "--personal-data": "personal_data",
    "--secrets": "secrets",
    "--max-cost": "max_cost_usd",
    "--price-in": "price_in",
    "--price-out": "price_out",
    "--concurrency": "concurrency",
    "--max-tokens": "max_tokens",
    "--mode": "mode",
    "--language": "language",
    "--checks": "checks",
    "--verify": "verify",
    "--verifier": "verifier",
}
"""Each option of the request with its field of the API."""
_PRIVATE = {"personal_data": "flag", "secrets": "redact"}
_UNSET: Mapping[str, object] = {
    "mode": "realtime",
    "seed": 0,
    "multi_hop_share": 0,
    "max_tokens": 4096,
    "checks": "standard",
    **_PRIVATE,
}
"""What a field means that is not stored."""
_GENERATION = re.compile(r"gen_(parse_)?[0-9a-z]+")


class DifferentRequest(WrongUse):
    """An option differs from the stored request. The class name is the error code in the JSON output."""


def is_generation(identifier: str) -> bool:
    """Whether the id is that of a parse or generate job; otherwise it is a project's id or name."""
    return _GENERATION.fullmatch(identifier) is not None


def stored_request(forge: DataForge, project_id: str, job: Generation | None) -> Json | None:
    """The request of the job; without a job that of the project, which `dataforge run` stored; None: there is none."""
    stored = job.config if job is not None else forge.get_project(project_id).default_config
    return stored if isinstance(stored.get("model_id"), str) else None


def latest_job(jobs: Sequence[Generation]) -> Generation | None:
    """The newest generate job, however it ended."""
    return max(
        (j for j in jobs if j.kind == "generate"),
        key=lambda j: (time_text(j.created_at), j.generation_id),
        default=None,
    )


def check_options(request: RunRequest, stored: Json, what: str) -> None:
    """Raises DifferentRequest when an option that was typed differs from the stored request of `what` (an id)."""
    wanted = request.options()
    differing = [
        f"{option} {_shown(wanted.get(field))} (it was started with {_shown(_stored(stored, field))})"
        for option, field in OPTIONS.items()
        if option in request.typed and wanted.get(field) != _stored(stored, field)
    ]
    if differing:
        raise DifferentRequest(
            f"{what} cannot be resumed with another request: {'; '.join(differing)}. Leave the option out to resume it "
            "as it was started, or start a new run without --resume"
        )


def described(stored: Json) -> str:
    """The stored request as options, such as `--teacher openai:gpt-4o --pairs 200`."""
    return " ".join(f"{option} {_shown(stored[f])}" for option, f in OPTIONS.items() if stored.get(f) is not None)


def _stored(stored: Json, field: str) -> object:
    value = stored.get(field)
    return _UNSET.get(field) if value is None else value


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, Mapping):
        return ",".join(
            f"{name}={share:g}" if isinstance(share, float | int) else f"{name}={share}"
            for name, share in value.items()
        )
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else repr(value) if " " in str(value) else str(value)
