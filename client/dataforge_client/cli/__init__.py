"""The `dataforge` command. Each command is a file; anything heavy is imported when the command runs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from dataforge_client import __version__
from dataforge_client.cli import (
    bulk,
    cancel,
    cost,
    deploy,
    export,
    key,
    ledger,
    local,
    logs,
    member,
    models,
    org,
    pairs,
    projects,
    records,
    run,
    status,
    synth,
    trace,
    up,
)
from dataforge_client.cli.exits import FAILED, INTERRUPTED, OK, exit_code
from dataforge_client.errors import ClientError

_interrupted = False


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="dataforge")
def cli() -> None:
    """Turn documents into fine-tuning datasets.

    Start here: dataforge run ./docs --pairs 200 --out dataset.jsonl
    """


for _command in (
    run.command,
    synth.command,
    up.command,
    models.command,
    projects.command,
    status.command,
    logs.command,
    records.command,
    cancel.command,
    pairs.command,
    trace.command,
    bulk.command,
    export.command,
    org.command,
    key.command,
    member.command,
    ledger.command,
    deploy.command,
    deploy.destroy,
    deploy.doctor,
    cost.command,
):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The console script: runs the command and exits with its code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup is respected
            signal.signal(number, _interrupt)
    code = execute(arguments)
    if code == INTERRUPTED:
        # An upload that waits for a dead connection must not hold the prompt.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """The first signal unwinds, which stops a local server gracefully; the second does not wait for that."""
    global _interrupted
    if _interrupted:
        local.kill_all()
        os._exit(INTERRUPTED)
    _interrupted = True
    raise KeyboardInterrupt


def execute(arguments: Sequence[str] | None) -> int:
    """Runs the command; the exit code."""
    try:
        done = cli.main(args=arguments, prog_name="dataforge", standalone_mode=False)
        return done if isinstance(done, int) else OK
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except ClientError as problem:
        click.echo(f"Error: {problem}", err=True)
        return exit_code(problem)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`dataforge pairs ... | head`); the exit must not try to flush to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as problem:
        click.echo(f"Error: {problem}", err=True)
        return FAILED
