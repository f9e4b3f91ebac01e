"""The only place that prints: no text from a server, a document or a file name can give orders to the terminal.

Control characters (escape sequences, also OSC), direction marks and lone surrogates are printed as `\\x1b`, `\\u202e`.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import TextIO

import click

from dataforge_client.redaction import redact

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
"""Controls but tab and line feed, marks that reorder text, invisible tags, and halves of characters."""


def visible(text: str) -> str:
    """The text with every unsafe character spelled out and without passwords of URLs. Line feeds and tabs are kept."""
    return _UNSAFE.sub(_escape, redact(text))


def json_text(value: object, *, indent: int | None = None) -> str:
    """JSON in which unsafe characters are escapes; it reads back as the same value."""
    return _UNSAFE.sub(_json_escape, json.dumps(value, ensure_ascii=False, indent=indent))


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print to stdout, or with err to stderr."""
    click.echo(visible(text), err=err, nl=nl)


def confirm(question: str, *, default: bool = False) -> None:
    """Ask on stderr; return after a yes. Raises click.Abort after a no, click.UsageError where nobody can answer."""
    try:
        agreed = click.confirm(visible(question), default=default, err=True)
    except click.Abort as problem:
        if isinstance(problem.__context__, EOFError):  # stdin is closed or empty, as in a script
            echo(err=True)
            raise click.UsageError("Nobody is there to answer: add --yes to go on without the question.") from None
        raise
    if not agreed:
        raise click.Abort


def echo_json(value: object, *, indent: int | None = None) -> None:
    """Print JSON to stdout."""
    click.echo(json_text(value, indent=indent))


def write_line(text: str, out: TextIO) -> None:
    """Print a line to a stream and flush it."""
    print(visible(text), file=out, flush=True)


def write_over(text: str = "") -> None:
    """Replace the last line of the terminal that stderr is."""
    click.echo(f"\r\x1b[K{visible(text)}", err=True, nl=False)


def copy_to_stdout(path: Path) -> None:
    """The file as it is; on a terminal its JSON lines with escapes instead of unsafe characters."""
    if sys.stdout.isatty():
        with path.open(encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                click.echo(_UNSAFE.sub(_json_escape, line.rstrip("\n")))
    else:
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.flush()


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
