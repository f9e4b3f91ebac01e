"""`dataforge deploy`, `destroy` and `doctor`: the service in an AWS account. The work is done by a program of its own
(`infra.deploy`), started here: this package speaks HTTP only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dataforge_client.cli.exits import OK
from dataforge_client.cli.texts import program
from dataforge_client.errors import ClientError

STAGES = click.Choice(["dev", "prod"])


@click.command("deploy")
@click.option("--stage", type=STAGES, default="dev", show_default=True, help="Which of the two deployments.")
@click.option("--region", metavar="NAME", help="AWS region [default: AWS_REGION, or that of your AWS profile].")
@click.option("-c", "--context", multiple=True, metavar="KEY=VALUE", help="A deployment option; may be repeated.")
@click.option(
    "--assembly",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Deploy what `make synth` wrote there.",
)
@click.option(
    "--organization-name",
    default="first organization",
    show_default=True,
    metavar="NAME",
    help="Name of the organisation that a first deployment makes.",
)
@click.option("--profile", metavar="NAME", help="Profile to write address and key to [default: the stage].")
def command(
    stage: str,
    region: str | None,
    context: Sequence[str],
    assembly: Path | None,
    organization_name: str,
    profile: str | None,
) -> int:
    """Put the service into your AWS account, or bring it up to date. Needs AWS credentials and a checkout."""
    from dataforge_client import profiles

    name = profile or stage
    known = profiles.stored(name, os.environ)
    words = ["deploy", "--stage", stage, *_region(region), *(word for pair in context for word in ("-c", pair))]
    words += ["--assembly", str(assembly.absolute())] if assembly else []
    words += [] if known.get("api_key") else ["--first-key", organization_name]
    told = _run(words)
    entry = {
        "url": told["ApiUrl"].rstrip("/"),
        "api_key": told.get("api_key") or known["api_key"],
        "organization_id": told.get("organization_id") or known.get("organization_id", ""),
    }
    path = profiles.store(name, entry, os.environ)
    click.echo(f"{entry['url']}\nAddress and key are in the profile {name!r} of {path}.", err=True)
    click.echo(f"Next: {program()} run --profile {name} ./docs --pairs 200 --out dataset.jsonl", err=True)
    return OK


@click.command("destroy")
@click.option("--stage", type=STAGES, default="dev", show_default=True, help="Which of the two deployments.")
@click.option("--region", metavar="NAME", help="AWS region [default: AWS_REGION, or that of your AWS profile].")
@click.option("--data", is_flag=True, help="The data stack too; its tables and bucket are kept, outside any stack.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def destroy(stage: str, region: str | None, data: bool, yes: bool) -> int:
    """Take the service out of your AWS account. Tables and files are always kept."""
    if not yes:
        what = "service and data stacks" if data else "service"
        click.confirm(f"Delete the {what} of stage {stage}? Tables and files are kept", abort=True, err=True)
    told = _run(["destroy", "--stage", stage, *_region(region), *(["--data"] if data else [])])
    click.echo(f"Deleted: {told.get('stacks') or 'nothing was there'}", err=True)
    return OK


@click.command("doctor")
@click.option("--stage", type=STAGES, default="dev", show_default=True, help="Which of the two deployments.")
@click.option("--region", metavar="NAME", help="AWS region [default: AWS_REGION, or that of your AWS profile].")
@click.option(
    "--policy",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write the IAM policies of whoever deploys there, and check nothing.",
)
def doctor(stage: str, region: str | None, policy: Path | None) -> int:
    """Check what a deployment needs: credentials, region, rights, limits, models; each with what to do."""
    words = ["doctor", "--stage", stage, *_region(region)]
    _run([*words, "--policy", str(policy.absolute())] if policy else words)
    return OK


def _region(region: str | None) -> list[str]:
    return ["--region", region] if region else []


def _run(words: Sequence[str]) -> Mapping[str, str]:
    return run_program("infra.deploy", words, name=words[0])


def run_program(module: str, words: Sequence[str], *, name: str) -> Mapping[str, Any]:
    """What it said at the end; what a person reads passes by on stderr. PYTHONSAFEPATH as in `local.start`."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    if done.returncode != 0:
        raise ClientError(f"{name} did not finish; the reason is above")
    told: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
