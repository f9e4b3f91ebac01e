"""`dataforge images`: the container images that train models, built in the AWS account of a deployment."""

from __future__ import annotations

import click

from dataforge_client.cli.deploy import region_words, run_module, stage_option
from dataforge_client.cli.exit_codes import OK
from dataforge_client.cli.tables import json_option, print_json
from dataforge_client.cli.terminal import echo


@click.group("images")
def command() -> None:
    """Build the training images in your AWS account."""


@command.command("build")
@stage_option
@click.option("--region", metavar="NAME", help="AWS region [default: AWS_REGION, or the region of your AWS profile].")
@click.option("--unsloth", is_flag=True, help="The image for the provider unsloth, in the place of the usual one.")
@click.option("--again", is_flag=True, help="Also when there is an image of the deployed sources already.")
@json_option
def build(stage: str, region: str | None, unsloth: bool, again: bool, as_json: bool) -> int:
    """Build a training image with CodeBuild in your AWS account, and print its address. Needs no Docker.

    The stage must be deployed with --training. Interrupting the command does not stop the build: the next one follows
    it.
    """
    words = ["images", "--stage", stage, *region_words(region), "--name", "unsloth" if unsloth else "huggingface"]
    output = run_module("dataforge_infra.deploy", [*words, *(["--again"] if again else [])], name="images build")
    if as_json:
        print_json(output)
    else:
        echo(output["image"])
    return OK
