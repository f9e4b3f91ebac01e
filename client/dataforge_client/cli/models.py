"""`dataforge models`: the models that were trained: list, show, delete, export, push."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.figures import figures_text, verifier_text
from dataforge_client.cli.finding import find_model
from dataforge_client.cli.formatting import size, time_text
from dataforge_client.cli.groups import DefaultGroup
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import confirm, echo

PRECISIONS = ("f32", "f16", "bf16", "q8_0", "auto")
PUSH_POLL_SECONDS = 5.0

if TYPE_CHECKING:
    from dataforge_client.literals import ModelPrecision


@click.group("models", cls=DefaultGroup, default="list")
def command() -> None:
    """List, show, delete, export and push the models that you have trained.

    `dataforge teachers` lists the models that write records.
    """


@command.command("list")
@json_option
@connection_options
def list_(connection: ConnectionOptions, as_json: bool) -> None:
    """List the trained models, newest first."""
    with connect(connection) as forge:
        found = forge.list_models()
    if as_json:
        print_json([m.raw for m in found])
        return
    print_table(
        {
            "MODEL": [m.id for m in found],
            "NAME": [m.name for m in found],
            "BASE": [m.base_model for m in found],
            "TASK": [m.task for m in found],
            "SIZE": [f"{m.size_mb:,.1f} MB" for m in found],
            "CREATED": [m.created_at for m in found],
        }
    )


@command.command("show")
@click.argument("model")
@click.option("--card", is_flag=True, help="Print the model card only, as Markdown.")
@json_option
@connection_options
def show(connection: ConnectionOptions, model: str, card: bool, as_json: bool) -> None:
    """Show what a model, by number or name, was made of, with which options, and how well it does."""
    with connect(connection) as forge:
        found = forge.get_model(find_model(forge, model))
    if as_json:
        print_json(found.raw)
        return
    if card:
        echo(found.card)
        return
    echo(f"{found.id}  {found.name}  {found.task}  {found.strategy} ({found.provider})")
    echo(f"made of {found.base_model} by {found.job_id}, {time_text(found.created_at)}, {found.size_mb:,.1f} MB")
    for line in (*figures_text(found), *verifier_text(found), *(f"note: {note}" for note in found.notes)):
        echo(line)
    echo("options " + ", ".join(f"{name}={value}" for name, value in found.training_params.items()))


@command.command("delete")
@click.argument("model")
@click.option("--yes", "-y", is_flag=True, help="Delete without asking.")
@json_option
@connection_options
def delete(connection: ConnectionOptions, model: str, yes: bool, as_json: bool) -> None:
    """Delete a model, by number or name, with all its files. Its number is never given again."""
    with connect(connection) as forge:
        found = forge.get_model(find_model(forge, model))
        if not yes:
            confirm(f"Delete model {found.id} ({found.name}, {found.size_mb:,.1f} MB)?")
        deleted = forge.delete_model(found.id)
    if as_json:
        print_json(deleted.raw)
        return
    echo(f"{found.id} {deleted.status}", err=True)


@command.command("export")
@click.argument("model")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="The file.")
@click.option("--precision", type=click.Choice(PRECISIONS), help="Of the weights in the file [default: f16].")
@json_option
@connection_options
def export(
    connection: ConnectionOptions, model: str, out: Path, precision: ModelPrecision | None, as_json: bool
) -> None:
    """Write a model, by number or name, as one GGUF file for llama.cpp, Ollama and LM Studio."""
    with connect(connection) as forge:
        number = find_model(forge, model)
        forge.download_model(number, out, precision=precision)
    if as_json:
        print_json({"model_id": number, "out": str(out.absolute()), "size_bytes": out.stat().st_size})
        return
    echo(f"{out}  {size(out.stat().st_size)}", err=True)


@command.command("push")
@click.argument("model")
@click.argument("repository")
@click.option("--public", is_flag=True, help="Make a new repository public [default: private].")
@json_option
@connection_options
def push(connection: ConnectionOptions, model: str, repository: str, public: bool, as_json: bool) -> None:
    """Upload a model, by number or name, with its card to REPOSITORY at a model hub. The server has the token."""
    with connect(connection) as forge:
        number = find_model(forge, model)
        while (pushed := forge.push_model(number, repository, private=not public)).status == "pushing":
            time.sleep(PUSH_POLL_SECONDS)
    if as_json:
        print_json(pushed.raw)
        return
    echo(f"{number} {pushed.status}: {pushed.url}", err=True)
