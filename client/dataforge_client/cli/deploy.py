"""`dataforge deploy`, `destroy` and `doctor`: the service in an AWS account.

A child process, `python -m dataforge_infra.deploy`, does the work; this package itself uses only the HTTP API.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dataforge_client.cli.exit_codes import FAILED, OK
from dataforge_client.cli.hints import program_name
from dataforge_client.cli.tables import json_option, print_json
from dataforge_client.cli.terminal import confirm, echo
from dataforge_client.errors import ClientError


class StageName(click.ParamType[str]):
    """Up to 16 lower-case letters and digits, a letter first: `dataforge_infra.stages` says the same."""

    name = "stage"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        if not re.fullmatch(r"[a-z][a-z0-9]{0,15}", value):
            self.fail(f"{value!r} is no name of a stage: use up to 16 lower-case letters and digits, such as prod")
        return value


stage_option = click.option(
    "--stage",
    type=StageName(),
    default="dev",
    show_default=True,
    metavar="NAME",
    help="Deployment stage: dev, prod, or a name of yours.",
)


@click.command("deploy")
@stage_option
@click.option("--region", metavar="NAME", help="AWS region [default: AWS_REGION, or the region of your AWS profile].")
@click.option("-c", "--context", multiple=True, metavar="KEY=VALUE", help="Deployment option; may be repeated.")
@click.option(
    "--training/--no-training",
    default=None,
    help="With or without the training of models: builds the training image in the account [default: as before; no].",
)
@click.option(
    "--assembly",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Deploy the templates that `make synth` wrote to this folder.",
)
@click.option(
    "--organization-name",
    default="first organization",
    show_default=True,
    metavar="NAME",
    help="Name of the organisation that the first deployment creates.",
)
@click.option(
    "--new-organization",
    is_flag=True,
    help="Create another organisation with its own key, although the deployment has keys.",
)
@click.option("--profile", metavar="NAME", help="Profile to save URL and API key in [default: the stage].")
@click.option("--diff", is_flag=True, help="Only show what would change.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def command(
    stage: str,
    region: str | None,
    context: Sequence[str],
    training: bool | None,
    assembly: Path | None,
    organization_name: str,
    new_organization: bool,
    profile: str | None,
    diff: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Deploy or update the service in your AWS account. Needs AWS credentials and a checkout.

    Options given with -c are kept with the deployment; -c NAME= takes one back.
    """
    from dataforge_client import profiles

    name = profile or stage
    saved = profiles.read_profile(name, os.environ)
    options = [*context, *([] if training is None else [f"training={'yes' if training else 'no'}"])]
    arguments = [
        "deploy",
        "--stage",
        stage,
        *region_words(region),
        *(word for pair in options for word in ("-c", pair)),
    ]
    arguments += ["--assembly", str(assembly.absolute())] if assembly else []
    arguments += [word for what in ("account", "region") if what in saved for word in (f"--saved-{what}", saved[what])]
    if new_organization:
        arguments += ["--new-organization", organization_name]
    elif not saved.get("api_key"):
        arguments += ["--first-key", organization_name]
    output = _run([*arguments, *(["--diff"] if diff else []), *(["--yes"] if yes else [])])
    if diff:
        changed = output["changes"]
        if as_json:
            print_json({"changes": changed})
            return OK
        echo("\n".join(changed) if changed else "Nothing would change.")
        return OK
    new = {
        "url": output["ApiUrl"].rstrip("/"),
        "api_key": output.get("api_key") or saved.get("api_key", ""),
        "organization_id": output.get("organization_id") or saved.get("organization_id", ""),
        "account": output["account"],
        "region": output["region"],
    }
    entry = {key: value for key, value in new.items() if value}
    path = profiles.write_profile(name, entry, os.environ)
    code = OK if output.get("training_image", "") is not None else FAILED
    if as_json:
        public = {key: value for key, value in entry.items() if key != "api_key"}
        image = {"training_image": output["training_image"]} if "training_image" in output else {}
        print_json({**public, **image, "profile": name, "file": str(path)})
        return code
    if "api_key" not in entry:
        echo(
            f"{entry['url']}\nThe URL is saved in the profile {name!r} of {path}. This deployment has keys, but there "
            "is none on this machine: ask whoever deployed it first for one, or pass --new-organization.",
            err=True,
        )
        return code
    echo(f"{entry['url']}\nURL and API key are saved in the profile {name!r} of {path}.", err=True)
    echo(f"Next: {program_name()} run --profile {name} ./docs --pairs 200 --out dataset.jsonl", err=True)
    return code


@click.command("destroy")
@stage_option
@click.option("--region", metavar="NAME", help="AWS region [default: AWS_REGION, or the region of your AWS profile].")
@click.option(
    "--data", is_flag=True, help="Delete the data stack too; its tables and bucket are kept, outside any stack."
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def destroy(stage: str, region: str | None, data: bool, yes: bool, as_json: bool) -> int:
    """Remove the service from your AWS account. Tables and files are always kept."""
    if not yes:
        what = "service and data stacks" if data else "service"
        confirm(f"Delete the {what} of stage {stage}? Tables and files are kept.")
    output = _run(["destroy", "--stage", stage, *region_words(region), *(["--data"] if data else [])])
    if as_json:
        print_json(output)
        return OK
    echo(f"Deleted: {output.get('stacks') or 'nothing, no stack exists'}", err=True)
    return OK


@click.command("doctor")
@stage_option
@click.option("--region", metavar="NAME", help="AWS region [default: AWS_REGION, or the region of your AWS profile].")
@click.option(
    "--policy",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Only write the IAM policies for deploying to this folder.",
)
@json_option
def doctor(stage: str, region: str | None, policy: Path | None, as_json: bool) -> int:
    """Check the requirements of a deployment (credentials, region, permissions, quotas, models) and say what to fix."""
    arguments = ["doctor", "--stage", stage, *region_words(region)]
    output = _run([*arguments, "--policy", str(policy.absolute())] if policy else arguments)
    if as_json:
        print_json(output)
    return OK


def region_words(region: str | None) -> list[str]:
    return ["--region", region] if region else []


def _run(arguments: Sequence[str]) -> Mapping[str, Any]:
    return run_module("dataforge_infra.deploy", arguments, name=arguments[0])


def run_module(module: str, arguments: Sequence[str], *, name: str) -> Mapping[str, Any]:
    """Run `python -m module` and return the JSON of its last output line; its stderr is passed through.

    Raises ClientError when it fails. PYTHONSAFEPATH: see `local_server.start`.
    """
    process = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    if process.returncode != 0:
        raise ClientError(f"{name} failed; see the messages above")
    output: Mapping[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return output
