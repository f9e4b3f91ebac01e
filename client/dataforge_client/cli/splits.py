"""`--split train=90,validation=10`: read, downloaded and told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.models import Export


class Shares(click.ParamType[dict[str, int]]):
    """Names with percentages; the server checks the sum and the names."""

    name = "shares"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, int]:
        if isinstance(value, dict):
            return value
        shares: dict[str, int] = {}
        for piece in str(value).split(","):
            name, _, percent = piece.strip().partition("=")
            if not name or not percent.strip().isdecimal() or name in shares:
                self.fail(f"{value!r} is not of the form train=90,validation=10", param, ctx)
            shares[name] = int(percent)
        if sum(shares.values()) != 100:
            self.fail(f"the percentages add up to {sum(shares.values())}, not to 100", param, ctx)
        return shares


split_option = click.option(
    "--split",
    type=Shares(),
    metavar="NAME=PERCENT,...",
    help="Parts in files of their own beside the whole, such as train=90,validation=10: no document, passage or "
    "similar pair stands in two of them.",
)


def part_path(out: Path, name: str) -> Path:
    """`dataset.jsonl` -> `dataset.train.jsonl`."""
    return out.with_name(f"{out.stem}.{name}{out.suffix}")


def download(forge: DataForge, project_id: str, export: Export, out: Path) -> None:
    """The files of the parts beside the whole."""
    for name in (export.splits or {}).get("files", {}):
        forge.download_export(project_id, export.version, part_path(out, name), part=name)


def told(export: Export, out: Path) -> Iterator[str]:
    """A line for each part, what two of them share, and the notes."""
    splits = export.splits
    if not splits:
        return
    for name, file in splits["files"].items():
        yield f"{part_path(out, name)}: {file['pairCount']:,} lines"
    shared = {name: count for name, count in splits["leaks"].items() if count}
    if shared:
        yield f"Parts are not apart: they share {', '.join(f'{n:,} {name}' for name, n in shared.items())}"
    else:
        yield f"Parts are apart, by {splits['by']}: checked after they were written"
    yield from splits["notes"]
