"""`dataforge train`: fine-tune a model on a dataset. `training_session` starts and follows it."""

from __future__ import annotations

import json
from typing import Any

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.groups import DefaultGroup
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import echo
from dataforge_client.cli.watch import command as watch_command

TASKS = ("text-generation", "summarization", "extractive-question-answering")
STRATEGIES = ("sft", "qlora", "rlhf", "dpo")
PROVIDERS = ("huggingface", "unsloth")
json_lines_option = click.option(
    "--json", "as_json", is_flag=True, help="Print events as JSON lines on stdout; the last is the result."
)


@click.group("train", cls=DefaultGroup, default="start")
def command() -> None:
    """Fine-tune a model on a dataset, and follow it; `dataforge train DATASET --model NAME` starts one.

    `dataforge train start --help` lists the options.
    """


@command.command("start")
@click.argument("dataset")
@click.option(
    "--model",
    "model_name",
    required=True,
    metavar="NAME",
    help="Model to start from: a Hugging Face id, or a folder on the machine that trains.",
)
@click.option("--task", type=click.Choice(TASKS), default=TASKS[0], show_default=True, help="What it learns to do.")
@click.option("--strategy", type=click.Choice(STRATEGIES), help="How it is trained [default: sft].")
@click.option("--provider", type=click.Choice(PROVIDERS), help="Library that trains [default: huggingface].")
@click.option("--epochs", "num_train_epochs", type=int, metavar="N", help="Passes over the data [default: 1].")
@click.option("--lr", "learning_rate", type=float, metavar="RATE", help="Step size [default: 2e-4; dpo, rlhf: 5e-6].")
@click.option(
    "--batch-size", "per_device_train_batch_size", type=int, metavar="N", help="Lines at once on a device [default: 1]."
)
@click.option("--full", "full_finetune", is_flag=True, help="Train every weight, not an adapter.")
@click.option("--eval", "eval_dataset", metavar="DATASET", help="Held-out lines to evaluate on, named as DATASET is.")
@click.option("--name", metavar="NAME", help="Name of the model.")
@click.option("--instance", "instance_type", metavar="TYPE", help="SageMaker instance, such as ml.g6.xlarge.")
@click.option("--spot", is_flag=True, help="Train on spot instances: cheaper, and goes on after an interruption.")
@click.option(
    "--max-cost",
    "max_cost_usd",
    type=click.FloatRange(min=0, min_open=True),
    metavar="USD",
    help="The training ends before it costs more.",
)
@click.option(
    "--set",
    "others",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any other option of docs/training.md, such as lora_r=64 or eval_split=0; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Check everything and show the estimate; nothing is started.")
@click.option("--detach", is_flag=True, help="Return once it is started; `dataforge watch` follows it.")
@click.option("--yes", "-y", is_flag=True, help="Start without asking.")
@json_lines_option
@click.option("--quiet", "-q", is_flag=True, help="Print only errors.")
@connection_options
def start(
    connection: ConnectionOptions,
    dataset: str,
    others: tuple[str, ...],
    dry_run: bool,
    detach: bool,
    yes: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Train a model on DATASET, and follow the training.

    DATASET is a file of JSON lines, which is uploaded, the name of an uploaded one, a synthetic job (syn_job_..., or
    syn_job_...#SPLIT for a split of it), or a version of a project (proj_...@2). The estimate comes first. Ctrl-C stops
    the command, never the training.
    """
    from dataforge_client.cli.training_session import TrainingRequest, TrainingSession

    body = {name: value for name, value in options.items() if value is not None and value is not False}
    request = TrainingRequest(
        body={"dataset": dataset, **body, **parse_settings(others)}, dry_run=dry_run, detach=detach, yes=yes
    )
    return TrainingSession(connection, request, as_json=as_json, quiet=quiet).run()


@command.command("stop")
@click.argument("job_id", required=False, metavar="[JOB]")
@json_option
@connection_options
def stop(connection: ConnectionOptions, job_id: str | None, as_json: bool) -> None:
    """Stop a training, the one that goes on unless JOB names another. No model is made."""
    stop_training(connection, job_id, as_json=as_json)


def stop_training(connection: ConnectionOptions, job_id: str | None, *, as_json: bool) -> None:
    with connect(connection) as forge:
        stopped = forge.stop_training(job_id=job_id)
    if as_json:
        print_json(stopped.raw)
        return
    echo(f"{stopped.job_id or job_id or 'The training'} {stopped.status}", err=True)


@command.command("datasets")
@json_option
@connection_options
def datasets(connection: ConnectionOptions, as_json: bool) -> None:
    """List the uploaded files that can be trained on."""
    with connect(connection) as forge:
        found = forge.list_training_datasets()
    if as_json:
        print_json([d.raw for d in found])
        return
    print_table(
        {
            "DATASET": [d.filename for d in found],
            "LINES": [f"{d.num_examples:,}" for d in found],
            "SIZE": [f"{d.size_mb:,.1f} MB" for d in found],
            "STATE": ["valid" if d.valid else "not valid" for d in found],
            "UPLOADED": [d.uploaded_at for d in found],
        }
    )


command.add_command(watch_command)


def parse_settings(typed: tuple[str, ...]) -> dict[str, Any]:
    """`lora_r=64`, `use_4bit=false`, `optim=sgd`: values are JSON, or text where they are none. Raises UsageError."""
    found: dict[str, Any] = {}
    for text in typed:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--set {text} must look like lora_r=64.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def show_training(connection: ConnectionOptions, job_id: str, *, as_json: bool) -> None:
    from dataforge_client.cli.training_view import state_text

    with connect(connection) as forge:
        state = forge.training_status(job_id=job_id)
    if as_json:
        print_json(state.raw)
        return
    echo(f"{job_id}  training  {state.status}  {state.progress:.0f}%")
    echo(state_text(state))
    if state.error:
        echo(f"error: {state.error}")


def is_training(identifier: str) -> bool:
    """Whether the id is that of a training."""
    return identifier.startswith("train_")
