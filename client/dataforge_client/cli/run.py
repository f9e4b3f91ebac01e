"""`dataforge run`: a dataset from documents. This module defines the options; `run_session` runs the pipeline."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dataforge_client.cli.connection import ConnectionOptions, connection_options
from dataforge_client.cli.export import FORMATS
from dataforge_client.cli.splits import split_option

MODES = ("realtime", "batch")
TREATMENTS = ("flag", "redact", "reject")
VERIFY = ("off", "uncertain", "all")

if TYPE_CHECKING:
    from dataforge_client.folders import SkippedFile, Source


class _PathOrUrl(click.Path):
    """An existing file or folder as a Path, or a URL as text."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        if isinstance(value, str) and value.startswith(("http://", "https://")):
            return value
        return super().convert(value, param, ctx)


_PATH_OR_URL = _PathOrUrl(exists=True, path_type=Path)


@click.command("run")
@click.argument("paths", nargs=-1, type=_PATH_OR_URL)
@click.option(
    "--pairs",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Number of pairs to generate [default: some for every chunk].",
)
@click.option(
    "--out",
    default="dataset.jsonl",
    show_default=True,
    metavar="FILE",
    help="File for the dataset; - for stdout. An existing file is replaced when the run is complete.",
)
@click.option("--format", type=click.Choice(FORMATS), default="chatml", show_default=True, help="Format of a line.")
@click.option(
    "--teacher",
    default="extractive",
    show_default=True,
    metavar="NAME",
    help="Model that writes the pairs: extractive (offline), openai:gpt-4o, ollama:llama3.2 ...",
)
@click.option("--project", metavar="NAME", help="Name of the new project [default: the name of the first path].")
@click.option(
    "--min-quality",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="Q",
    help="Pairs that no check flags, with this score or more, are accepted automatically; the others need review.",
)
@click.option("--system-prompt", metavar="TEXT", help="Instructions for the teacher.")
@click.option("--temperature", type=click.FloatRange(0, 2), metavar="T", help="Sampling temperature of the teacher.")
@click.option("--seed", type=int, metavar="N", help="Seed, to make the plan of the run reproducible.")
@click.option(
    "--question-type",
    "question_types",
    multiple=True,
    metavar="TYPE[=SHARE]",
    help="Generate only these question types, such as factual or how-to=2; may be repeated.",
)
@click.option(
    "--persona",
    "personas",
    multiple=True,
    metavar="WHO[=SHARE]",
    help="Persona that asks, such as 'a new colleague'; may be repeated. mixed: 24 built-in personas.",
)
@click.option(
    "--style",
    "styles",
    multiple=True,
    metavar="HOW[=SHARE]",
    help="Style of the questions: question, keywords, scenario, request, statement, or your own words; may be "
    "repeated. mixed: all five.",
)
@click.option(
    "--multi-hop",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Share of questions that need two related chunks, such as 0.2.",
)
@click.option(
    "--personal-data",
    type=click.Choice(TREATMENTS),
    help="Personal data in records: flag, redact before the teacher sees it, or reject [default: flag].",
)
@click.option(
    "--secrets",
    type=click.Choice(TREATMENTS),
    help="The same for passwords and keys [default: redact].",
)
@click.option(
    "--max-cost",
    type=click.FloatRange(0, 1_000_000),
    metavar="USD",
    help="End the job before it costs more; its pairs are kept.",
)
@click.option(
    "--price-in",
    type=click.FloatRange(0, 10_000),
    metavar="USD",
    help="Dollars per million input tokens, for a teacher whose price is not known; with --price-out.",
)
@click.option("--price-out", type=click.FloatRange(0, 10_000), metavar="USD", help="The same for output tokens.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Calls to the teacher in flight, such as 1 for a small server [default and most: DATAFORGE_CONCURRENCY].",
)
@click.option(
    "--max-tokens",
    type=click.IntRange(1, 32_768),
    metavar="N",
    help="Tokens of one reply of the teacher [default: 4096, more where a reply is cut off].",
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="batch: use batch jobs of the provider, at about half the price, within hours [default: realtime].",
)
@click.option(
    "--language",
    metavar="CODE",
    help="Language of the pairs, such as de or zh, whatever that of the documents [default: that of each document].",
)
@click.option(
    "--checks",
    metavar="LEVEL|CHECK=DOES",
    help="lenient, standard or strict; and single checks as off, review or reject, such as strict,truncated=review "
    "[default: standard].",
)
@split_option
@click.option(
    "--verify",
    type=click.Choice(VERIFY),
    help="Ask a verifier about the pairs that the checks leave open (uncertain), about all that they do not reject, or "
    "about none [default: uncertain; off for offline teachers].",
)
@click.option(
    "--verifier",
    metavar="NAME",
    help="Model that verifies the pairs [default: DATAFORGE_VERIFIER, else a light model or the teacher itself].",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Parse the documents and estimate the job (calls, tokens, dollars), without calling a teacher.",
)
@click.option(
    "--exclude", multiple=True, metavar="PATTERN", help="Skip these files in folders, such as '*.csv'; may be repeated."
)
@click.option("--resume", metavar="ID", help="Resume an interrupted run, by id or project, with its own request.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines on stdout; the last is the result.")
@click.option("--quiet", "-q", is_flag=True, help="Print only errors.")
@connection_options
def command(
    connection: ConnectionOptions,
    paths: tuple[Path | str, ...],
    out: str,
    project: str | None,
    question_types: tuple[str, ...],
    personas: tuple[str, ...],
    styles: tuple[str, ...],
    exclude: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Make a dataset from files, folders and web pages (PDF, DOCX, Markdown, TXT, HTML, CSV; http and https URLs).

    Without --server a server on this machine is started for the duration of the run. Exit codes: 0 ok, 1 failed,
    2 usage, 3 partial, 4 key or configuration, 130 interrupted.
    """
    from dataforge_client.cli.hints import command_line
    from dataforge_client.cli.run_request import RunRequest
    from dataforge_client.cli.run_session import RunSession

    _check_out(out, as_json=as_json)
    if out == "-" and options["split"]:
        raise click.UsageError("--split writes several files; name one of them with --out.")
    sources, skipped = _collect_sources(paths, exclude, options["resume"])
    request = RunRequest(
        sources=sources,
        out=Path(out),
        project=project or _project_name(paths),
        distributions={"question_types": question_types, "personas": personas, "styles": styles},
        typed=_typed_options(),
        command_line=partial(command_line, connection),
        **options,
    )
    session = RunSession(connection, request, skipped, paths=paths, exclude=exclude, as_json=as_json, quiet=quiet)
    return session.run()


def _typed_options() -> frozenset[str]:
    """The options on the command line, as they are spelled in the help."""
    context = click.get_current_context()
    return frozenset(
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    )


def _check_out(out: str, *, as_json: bool) -> None:
    """Check before any work that the output file can be written. Raises UsageError."""
    if out == "-":
        if as_json:
            raise click.UsageError("--out - and --json both write to stdout; use only one of them.")
        return
    path = Path(out).resolve()
    if path.is_dir():
        raise click.UsageError(f"--out {out} is a folder; name a file in it.")
    if path.exists() and not path.is_file():
        raise click.UsageError(f"--out {out} is not a regular file; - writes to stdout.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as problem:
        raise click.UsageError(f"--out {out} cannot be written: {problem.strerror}.") from None


def _collect_sources(
    paths: Sequence[Path | str], exclude: Sequence[str], resume: str | None
) -> tuple[list[Source], list[SkippedFile]]:
    from dataforge_client.folders import collect_files, web_pages

    if not paths and resume is None:
        raise click.UsageError("Give files, folders or URLs, or --resume ID.")
    sources, skipped = collect_files([p for p in paths if isinstance(p, Path)], exclude)
    sources += web_pages([p for p in paths if isinstance(p, str)])
    if paths and not sources and not any(u.kind == "failed" for u in skipped):
        raise click.UsageError(f"No documents in {', '.join(map(str, paths))}.")
    return sources, skipped


def _project_name(paths: Sequence[Path | str]) -> str:
    """The default name of the project: of the first path, or its URL; at most 200 characters, as the API allows."""
    from dataforge_client.folders import shown

    if not paths:
        return "documents"
    first = paths[0]
    return ((shown(Path(first.resolve().stem)) if isinstance(first, Path) else first) or "documents")[:200]
