"""`dataforge check`: what every check says of a file of training records, on this machine."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from dataforge_client.cli.exit_codes import BELOW_GRADE, OK
from dataforge_client.cli.terminal import echo, echo_json, write_over

LEVELS = ("lenient", "standard", "strict")
SETTINGS = ("off", "review", "reject")
TRAINERS = ("openai", "bedrock", "trl", "llama-factory")
GRADES = ("A", "B", "C", "D")
_OUTPUT = click.Path(dir_okay=False, path_type=Path)


@click.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--sources",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR | FILE",
    help="The documents that the records were made from; or passages as JSON lines. May be repeated.",
)
@click.option(
    "--against",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="An evaluation set as JSON lines: records that hold an item of it are rejected. May be repeated.",
)
@click.option("--for", "trainer", type=click.Choice(TRAINERS), help="Also check what this trainer would refuse.")
@click.option(
    "--checks",
    multiple=True,
    metavar="LEVEL | NAME=SETTING",
    help="How strict: lenient, standard, strict; or one check by name: off, review, reject. May be repeated "
    "[default: standard].",
)
@click.option("--out", type=_OUTPUT, metavar="FILE", help="Write the lines that are not rejected, as they are.")
@click.option("--flagged", type=_OUTPUT, metavar="FILE", help="Write the doubtful lines here instead of to --out.")
@click.option("--rejected", type=_OUTPUT, metavar="FILE", help="Write the rejected lines with the reasons.")
@click.option("--verdicts", type=_OUTPUT, metavar="FILE", help="Write the verdict on every line.")
@click.option("--html", type=_OUTPUT, metavar="FILE", help="Write the report as a page for a browser, or for paper.")
@click.option(
    "--min-grade", type=click.Choice(GRADES, case_sensitive=False), help="Exit with code 6 when the grade is lower."
)
@click.option("--processes", type=click.IntRange(1, 256), metavar="N", help="[default: one for each processor]")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout.")
@click.option("--quiet", "-q", is_flag=True, help="Print only errors.")
def command(
    file: Path,
    sources: tuple[Path, ...],
    against: tuple[Path, ...],
    trainer: str | None,
    checks: tuple[str, ...],
    min_grade: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Check a file of training records: JSON lines, in the shape of any trainer.

    Runs on this machine, without a project or a network; the file is not changed. Exit codes: 0 ok, 1 failed, 2 the
    file cannot be read or an option is wrong, 6 the grade is lower than --min-grade.
    """
    from dataforge_client.cli import check_report
    from dataforge_client.cli.local_check import run_check

    asked = {**_policy(checks), **options, "trainer": trainer, "sources": _sources(sources)}
    asked["against"] = [str(path.absolute()) for path in against]
    with _as_file(file) as path:
        _check_outputs(path, options)
        paths = {name: str(p.absolute()) for name, p in asked.items() if isinstance(p, Path)}
        with _Progress(shown=not quiet) as progress:
            report = run_check({**asked, **paths, "file": str(path.absolute())}, on_progress=progress.update)
    below = min_grade is not None and report["grade"] > min_grade.upper()
    code = BELOW_GRADE if below else OK
    if as_json:
        status = "below_grade" if below else "ok"
        echo_json({"type": "result", "status": status, "exit_code": code, "file": str(file), **report, "out": paths})
    elif not quiet:
        echo("\n".join(check_report.lines(file, report, options)), err=False)
    if below:
        echo(f"The grade is {report['grade']}, lower than {min_grade}.", err=True)
    return code


def _sources(paths: tuple[Path, ...]) -> list[tuple[str, str]]:
    """Each document, or file of passages, with its name. Raises UsageError where there is none."""
    from dataforge_client.folders import collect_files

    passages = [p for p in paths if p.is_file() and p.suffix.lower() == ".jsonl"]
    documents, skipped = collect_files([p for p in paths if p not in passages])
    for one in skipped:
        if one.kind == "failed":
            raise click.UsageError(f"--sources {one.path}: {one.message}")
    found = [(str(d.path.absolute()), d.name) for d in documents] + [(str(p.absolute()), p.name) for p in passages]
    if paths and not found:
        raise click.UsageError(f"No documents in {', '.join(map(str, paths))}.")
    return found


def _policy(checks: tuple[str, ...]) -> dict[str, object]:
    """Raises BadParameter."""
    level, single = "standard", dict[str, str]()
    for text in checks:
        name, equals, setting = text.partition("=")
        if equals and setting in SETTINGS:
            single[name] = setting
        elif not equals and name in LEVELS:
            level = name
        else:
            raise click.BadParameter(
                f"{text}: give {', '.join(LEVELS)}, or a check as NAME={'|'.join(SETTINGS)}", param_hint="--checks"
            )
    return {"level": level, "single": single}


@contextmanager
def _as_file(file: Path) -> Iterator[Path]:
    """stdin is copied, because a check reads its file twice."""
    if str(file) != "-":
        yield file
        return
    with tempfile.NamedTemporaryFile(prefix="dataforge-check-", suffix=".jsonl") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield Path(copy.name)


def _check_outputs(file: Path, options: Mapping[str, Any]) -> None:
    """Raises UsageError where an output is the file itself, another output, or in no folder."""
    taken = {file.resolve(): "the file that is checked"}
    for name, path in options.items():
        if isinstance(path, Path):
            if (other := taken.get(path.resolve())) is not None:
                raise click.UsageError(f"--{name} {path} is {other}.")
            if not path.parent.is_dir():
                raise click.UsageError(f"--{name} {path}: there is no folder {path.parent}.")
            taken[path.resolve()] = f"also --{name}"


class _Progress:
    """A line on stderr that is written over; nothing where stderr is no terminal."""

    def __init__(self, *, shown: bool) -> None:
        self._shown, self._started = shown and sys.stderr.isatty(), time.monotonic()

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            write_over()

    def update(self, event: Mapping[str, int]) -> None:
        if self._shown:
            share = event["bytes"] / event["size"] if event["size"] else 1.0
            rate = event["lines"] / max(time.monotonic() - self._started, 0.001)
            write_over(f"{event['lines']:,} lines, {share:.0%} read, {rate:,.0f} a second")
