"""The command that goes on where a run stopped, ready to paste."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dataforge_client.cli.connection import Place, home_of, remote_of
from dataforge_client.cli.texts import program

if TYPE_CHECKING:
    from dataforge_client.cli.pipeline import Order, Trail


def resume_command(
    place: Place, order: Order, trail: Trail, *, paths: Sequence[Path | str], exclude: Sequence[str]
) -> str:
    """Absolute paths, URLs as typed, no secret: a key that was typed becomes `"$DATAFORGE_API_KEY"`."""
    words = ["run", *(str(p.absolute()) if isinstance(p, Path) else p for p in paths)]
    words += [w for pattern in exclude for w in ("--exclude", pattern)]
    known = trail.generation_id or trail.project_id or order.resume
    if known:
        words += ["--resume", known]
    words += place_words(place)
    words += ["--out", str(order.out.absolute()) if str(order.out) != "-" else "-", "--format", order.format]
    if trail.generation_id is None:
        words += _order_words(order)
    return f"{program()} {shlex.join(words)}{key_words(place)}"


def place_words(place: Place) -> list[str]:
    """The options that lead to the same server; nothing where the environment already does."""
    if remote_of(place) is None:
        return ["--home", str(home_of(place))]
    named = (("--server", place.server), ("--profile", place.profile), ("--organization", place.organization))
    return [word for option, value in named if value for word in (option, value)]


def key_words(place: Place) -> str:
    return ' --api-key "$DATAFORGE_API_KEY"' if place.api_key and remote_of(place) is not None else ""


def _order_words(order: Order) -> list[str]:
    values: dict[str, object] = {
        "--pairs": order.pairs,
        "--teacher": order.teacher,
        "--project": order.project,
        "--min-quality": order.min_quality,
        "--system-prompt": order.system_prompt,
        "--temperature": order.temperature,
        "--seed": order.seed,
        "--multi-hop": order.multi_hop,
        "--max-cost": order.max_cost,
        "--mode": order.mode,
    }
    words = [word for option, value in values.items() if value is not None for word in (option, str(value))]
    return words + [
        word
        for name, typed in order.spread.items()
        for one in typed
        for word in (f"--{name.removesuffix('s').replace('_', '-')}", one)
    ]
