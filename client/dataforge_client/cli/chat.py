"""`dataforge chat`: ask a trained model."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.finding import find_model
from dataforge_client.cli.terminal import echo, echo_json
from dataforge_client.errors import ApiError

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.training_models import Generated

BASE = "base"
LOADING = "MODEL_LOADING"
LOADING_MINUTES = 20
"""How long a model that is being loaded is waited for."""
_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A model to ask. base: the one that it was made from answers."""

    label: str
    model_id: int
    base: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    max_new_tokens: int | None
    temperature: float | None
    top_p: float | None


@click.command("chat")
@click.argument("model")
@click.option("--prompt", "-p", "prompts", multiple=True, metavar="TEXT", help="Ask this, and end; may be repeated.")
@click.option(
    "--vs",
    metavar="MODEL",
    help="Ask this model too: another one by number or name, or `base` for the one that MODEL was made from.",
)
@click.option("--base", is_flag=True, help="Ask the model that MODEL was made from instead.")
@click.option("--max-tokens", type=click.IntRange(1, 4096), metavar="N", help="Tokens of an answer [default: 100].")
@click.option("--temperature", type=click.FloatRange(0, 2), metavar="T", help="0: always the same [default: 0.7].")
@click.option(
    "--top-p", type=click.FloatRange(0, 1, min_open=True), metavar="P", help="Share of likely tokens [default: 0.9]."
)
@click.option("--json", "as_json", is_flag=True, help="Print each answer as a JSON line.")
@connection_options
def command(
    connection: ConnectionOptions,
    model: str,
    prompts: tuple[str, ...],
    vs: str | None,
    base: bool,
    max_tokens: int | None,
    temperature: float | None,
    top_p: float | None,
    as_json: bool,
) -> None:
    """Ask a trained model, by number or name.

    Without --prompt, the questions are typed, or come from stdin, one a line. Each stands alone: the model sees no
    earlier one. A model that is being loaded is waited for.
    """
    with connect(connection, on_server_start=lambda said: echo(said, err=True)) as forge:
        asked = _asked(forge, model, vs, base=base)
        settings = Settings(max_tokens, temperature, top_p)
        for prompt in prompts or _typed():
            if as_json:
                _print_json(forge, asked, settings, prompt)
            else:
                _print(forge, asked, settings, prompt)


def _asked(forge: DataForge, model: str, vs: str | None, *, base: bool) -> list[Asked]:
    number = find_model(forge, model)
    first = Asked(BASE if base else f"model {number}", number, base=base)
    if vs is None:
        return [first]
    if vs == BASE:
        return [first, Asked(BASE, number, base=True)]
    other = find_model(forge, vs)
    return [first, Asked(f"model {other}", other)]


def _typed() -> Iterator[str]:
    """Lines of stdin that say something; on a terminal after a prompt, until Ctrl-D or an empty line."""
    if not sys.stdin.isatty():
        yield from (line.strip() for line in sys.stdin if line.strip())
        return
    while True:
        echo("> ", err=True, nl=False)
        line = sys.stdin.readline()
        if not line.strip():
            return
        yield line.strip()


def _print(forge: DataForge, asked: list[Asked], settings: Settings, prompt: str) -> None:
    """Each answer, as it is written where it is the only one."""
    if len(asked) == 1:
        for piece in _pieces(forge, asked[0], settings, prompt):
            echo(piece, nl=False)
            sys.stdout.flush()
        echo()
        return
    width = max(len(a.label) for a in asked)
    for one in asked:
        echo(f"{one.label:<{width}}  {''.join(_pieces(forge, one, settings, prompt))}")


def _print_json(forge: DataForge, asked: list[Asked], settings: Settings, prompt: str) -> None:
    """The first model's answer; with --vs the other's as `vs`."""
    found = [{"model_id": one.model_id, "base": one.base, **_whole(forge, one, settings, prompt).raw} for one in asked]
    echo_json({"prompt": prompt, **found[0], **({"vs": found[1]} if len(found) > 1 else {})})


def _pieces(forge: DataForge, asked: Asked, settings: Settings, prompt: str) -> Iterator[str]:
    """Pieces of the answer as they come; the whole where the server does not stream."""
    streamed = False
    for _ in _until_loaded():
        try:
            for piece in forge.stream_generate(
                asked.model_id,
                prompt,
                max_new_tokens=settings.max_new_tokens,
                temperature=settings.temperature,
                top_p=settings.top_p,
                base=asked.base or None,
            ):
                if isinstance(piece, str):
                    streamed = True
                    yield piece
                elif not streamed:
                    yield piece.generated_text
            return
        except ApiError as problem:
            _require_loading(problem)


def _whole(forge: DataForge, asked: Asked, settings: Settings, prompt: str) -> Generated:
    for _ in _until_loaded():
        try:
            return forge.playground_generate(
                asked.model_id,
                prompt,
                max_new_tokens=settings.max_new_tokens,
                temperature=settings.temperature,
                top_p=settings.top_p,
                base=asked.base or None,
            )
        except ApiError as problem:
            _require_loading(problem)
    raise AssertionError("_until_loaded raises at its end")


def _require_loading(problem: ApiError) -> None:
    """Raises the error again unless the model is being loaded."""
    if problem.code != LOADING:
        raise problem


def _until_loaded() -> Iterator[None]:
    """Once, and again after a pause as long as the model is being loaded. Raises click.ClickException at the end."""
    deadline = time.monotonic() + 60 * LOADING_MINUTES
    yield
    echo("The model is being loaded ...", err=True)
    while time.monotonic() < deadline:
        time.sleep(_PAUSE)
        yield
    raise click.ClickException(f"The model was not loaded within {LOADING_MINUTES} minutes.")
