"""The `dataforge` command. `registry` has the table of its commands."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from dataforge_client import __version__
from dataforge_client.cli.exit_codes import FAILED, INTERRUPTED, OK, describe, exit_code
from dataforge_client.cli.registry import Registry
from dataforge_client.cli.terminal import echo
from dataforge_client.errors import ClientError

_interrupted = False


@click.group(cls=Registry, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="dataforge")
def cli() -> None:
    """Turn documents into fine-tuning datasets.

    Start here: dataforge run ./docs --pairs 200 --out dataset.jsonl
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Entry point of the console script: run the command and exit with its code."""
    if os.name == "nt":
        sys.exit(
            "dataforge runs on Linux and macOS. On Windows, use it inside WSL; the Python client works everywhere."
        )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # keep nohup working
            signal.signal(number, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: a file name may hold bytes that are not UTF-8
    code = execute(arguments)
    if code == INTERRUPTED:
        # Do not wait for an upload thread that hangs on a dead connection.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """The first signal raises KeyboardInterrupt, which stops a local server; the second kills it and exits at once."""
    global _interrupted
    if _interrupted:
        from dataforge_client.cli import local_server

        local_server.kill_all()
        os._exit(INTERRUPTED)
    _interrupted = True
    raise KeyboardInterrupt


def _show(problem: click.ClickException) -> None:
    """As click shows it, but through `echo`."""
    if isinstance(problem, click.exceptions.NoArgsIsHelpError):  # a group without a command: the help is the message
        echo(problem.format_message(), err=True)
        return
    context = problem.ctx if isinstance(problem, click.UsageError) else None
    if context is not None:
        echo(f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n", err=True)
    echo(f"Error: {problem.format_message()}", err=True)


def execute(arguments: Sequence[str] | None) -> int:
    """Run the command and return its exit code."""
    try:
        done = cli.main(args=arguments, prog_name="dataforge", standalone_mode=False)
        return done if isinstance(done, int) else OK
    except click.ClickException as problem:
        _show(problem)
        return problem.exit_code
    except ClientError as problem:
        echo(f"Error: {problem}", err=True)
        return exit_code(problem)
    except (click.Abort, KeyboardInterrupt):
        echo("Interrupted.", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of stdout has exited (`dataforge pairs ... | head`): the interpreter must not flush to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as problem:
        echo(f"Error: {describe(problem)}", err=True)
        return FAILED
