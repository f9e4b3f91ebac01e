"""`dataforge run`: documents in, dataset out. The options; `session` does the work."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import Place, place_options
from dataforge_client.cli.export import FORMATS

MODES = ("realtime", "batch")

if TYPE_CHECKING:
    from dataforge_client.cli.sources import Source, Unused


class _Place(click.Path):
    """A file or folder that exists, or a URL as it was typed."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        if isinstance(value, str) and value.startswith(("http://", "https://")):
            return value
        return super().convert(value, param, ctx)


_PLACE = _Place(exists=True, path_type=Path)


@click.command("run")
@click.argument("paths", nargs=-1, type=_PLACE)
@click.option(
    "--pairs",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="How many pairs to make [default: some for every passage].",
)
@click.option(
    "--out",
    default="dataset.jsonl",
    show_default=True,
    metavar="FILE",
    help="Where to write the dataset; - for stdout. An old file is replaced at the very end.",
)
@click.option(
    "--format", "kind", type=click.Choice(FORMATS), default="chatml", show_default=True, help="Shape of a line."
)
@click.option(
    "--teacher",
    default="extractive",
    show_default=True,
    metavar="NAME",
    help="Who writes the pairs: extractive (offline), openai:gpt-4o, ollama:llama3.2 ...",
)
@click.option("--project", metavar="NAME", help="Name of the new project [default: the first path's name].")
@click.option(
    "--min-quality",
    type=click.FloatRange(0, 1),
    default=0.6,
    show_default=True,
    metavar="Q",
    help="Pairs scored at or above this are accepted at once; the others wait for review.",
)
@click.option("--system-prompt", metavar="TEXT", help="Instructions for the teacher.")
@click.option("--temperature", type=click.FloatRange(0, 2), metavar="T", help="Sampling temperature of the teacher.")
@click.option("--seed", type=int, metavar="N", help="Makes the plan of the run repeatable.")
@click.option(
    "--question-type",
    "types",
    multiple=True,
    metavar="TYPE[=SHARE]",
    help="Ask only for these kinds of question, such as factual or how-to=2; may be repeated.",
)
@click.option(
    "--persona",
    "personas",
    multiple=True,
    metavar="WHO[=SHARE]",
    help="Who asks, such as 'a new colleague'; may be repeated. mixed: two dozen that come with it.",
)
@click.option(
    "--style",
    "styles",
    multiple=True,
    metavar="HOW[=SHARE]",
    help="How questions are put: question, keywords, scenario, request, statement, or your own words; may be "
    "repeated. mixed: all five.",
)
@click.option(
    "--multi-hop",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="So many of the questions need two related passages, such as 0.2.",
)
@click.option(
    "--max-cost",
    type=click.FloatRange(0, 1_000_000),
    metavar="USD",
    help="End the job before it costs more; what it made is kept.",
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="batch: as jobs of the teacher's provider, for about half the price, in hours [default: realtime].",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Read the documents, say what the job would take (calls, tokens, dollars), and ask no teacher.",
)
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Skip these files in folders, such as '*.csv'.")
@click.option("--resume", metavar="ID", help="Go on with a project or generation that was interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines on stdout; the last is the result.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
@place_options
def command(
    place: Place,
    paths: tuple[Path | str, ...],
    pairs: int | None,
    out: str,
    kind: str,
    teacher: str,
    project: str | None,
    min_quality: float,
    system_prompt: str | None,
    temperature: float | None,
    seed: int | None,
    types: tuple[str, ...],
    personas: tuple[str, ...],
    styles: tuple[str, ...],
    multi_hop: float | None,
    max_cost: float | None,
    mode: str | None,
    dry_run: bool,
    exclude: tuple[str, ...],
    resume: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make a dataset from files, folders and web pages (PDF, DOCX, Markdown, TXT, HTML, CSV; http and https URLs).

    Without --server it starts a server on this machine for as long as it takes. Exit codes: 0 ok, 1 failed, 2 usage,
    3 partial, 4 key or configuration, 130 interrupted.
    """
    from dataforge_client.cli.pipeline import Order
    from dataforge_client.cli.session import Session

    _check_out(out, as_json=as_json)
    sources, unused = _collect(paths, exclude, resume)
    order = Order(
        sources=sources,
        pairs=pairs,
        out=Path(out),
        format=kind,
        teacher=teacher,
        project=project or _name(paths),
        min_quality=min_quality,
        system_prompt=system_prompt,
        temperature=temperature,
        seed=seed,
        resume=resume,
        max_cost=max_cost,
        mode=mode,
        dry_run=dry_run,
        spread={"question_types": types, "personas": personas, "styles": styles},
        multi_hop=multi_hop,
    )
    return Session(place, order, unused, paths=paths, exclude=exclude, as_json=as_json, quiet=quiet).go()


def _check_out(out: str, *, as_json: bool) -> None:
    """Before any work: a run must not fail at its last step for a folder that cannot be written."""
    if out == "-":
        if as_json:
            raise click.UsageError("--out - and --json both write to stdout; choose one.")
        return
    path = Path(out).absolute()
    if path.is_dir():
        raise click.UsageError(f"--out {out} is a folder; name a file in it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as problem:
        raise click.UsageError(f"--out {out} cannot be written: {problem.strerror}.") from None


def _collect(
    paths: Sequence[Path | str], exclude: Sequence[str], resume: str | None
) -> tuple[list[Source], list[Unused]]:
    from dataforge_client.cli.sources import collect, pages

    if not paths and resume is None:
        raise click.UsageError("Name files, folders or URLs to read, or --resume a run.")
    sources, unused = collect([p for p in paths if isinstance(p, Path)], exclude)
    sources += pages([p for p in paths if isinstance(p, str)])
    if paths and not sources and not any(u.kind == "failed" for u in unused):
        raise click.UsageError(f"No documents in {', '.join(map(str, paths))}.")
    return sources, unused


def _name(paths: Sequence[Path | str]) -> str:
    """A project's name: what the first path is called, or its URL, up to the API's 200 characters."""
    if not paths:
        return "documents"
    first = paths[0]
    return ((first.resolve().stem if isinstance(first, Path) else first) or "documents")[:200]
