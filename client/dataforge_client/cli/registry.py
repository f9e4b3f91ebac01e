"""The table of all commands. A command's module is imported when it runs, so that the help and every start are fast."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from textwrap import shorten

import click

COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": (
        "run:command",
        "Make a dataset from files, folders and web pages (PDF, DOCX, Markdown, TXT, HTML, CSV; http and https URLs)",
    ),
    "synth": ("synth:command", "Make a dataset from a description, without documents"),
    "jobs": ("jobs:command", "List, download, resume and cancel jobs of `dataforge synth`"),
    "runs": (
        "runs:command",
        "List runs and synthetic jobs with their state, newest first; of one PROJECT all of its runs",
    ),
    "check": ("check:command", "Check a file of training records: JSON lines, in the shape of any trainer"),
    "up": ("up:command", "Run the server on this machine until Ctrl-C"),
    "down": ("down:command", "Stop the server on this machine"),
    "teachers": ("teachers:command", "List the teachers that the server can use"),
    "train": ("train:command", "Fine-tune a model on a dataset, and follow it"),
    "watch": ("watch:command", "Follow a training until it ends, the one that goes on unless JOB names another"),
    "models": ("models:command", "List, show, delete, export and push the models that you have trained"),
    "chat": ("chat:command", "Ask a trained model, by number or name"),
    "eval": (
        "evaluation:command",
        "Show how well a model, by number or name, does on held-out lines, beside the one that it was made from",
    ),
    "improve": (
        "improve:command",
        "Make a model, by number or name, better on the topics on which it is weak",
    ),
    "login": ("profile:login", "Check a server and a key, and save them in a profile, readable by you only"),
    "profile": ("profile:command", "List, choose and show the servers that are saved"),
    "whoami": (
        "whoami:command",
        "Show server, organisation, member and key that a command with these options would use",
    ),
    "projects": ("projects:command", "List, create, show and delete projects; without a word after it, list"),
    "documents": (
        "documents:command",
        "List the documents of a project, by id or name, with the reason of each that failed",
    ),
    "chunks": ("documents:chunks", "List the chunks of a project, by id or name, in the order of its documents"),
    "status": ("status:command", "Show the state, counts and cost of a job, also of a synthetic one"),
    "logs": ("logs:command", "Print the log of a parse or generate job, also while it is running"),
    "records": ("records:command", "Write the slots of a finished job with this outcome, one JSON object per line"),
    "cancel": ("cancel:command", "Stop a running job"),
    "pairs": ("pairs:command", "List the pairs of a project, by id or name"),
    "pair": ("pair:command", "Edit or delete single pairs; `dataforge trace` shows one"),
    "trace": (
        "trace:command",
        "Show the document, passage, call, cost and reply of a pair, and which of them have changed or are deleted",
    ),
    "bulk": (
        "bulk:command",
        "Accept, reject, reset or delete pairs: the given ids, or all pairs that match the options, or --all",
    ),
    "export": ("export:command", "Export the accepted and edited pairs of a project, by id or name, as a new version"),
    "org": ("org:command", "Create and list organisations, in a data folder (--home) or a deployment (--stage)"),
    "key": ("key:command", "Create, list and revoke API keys"),
    "member": ("member:command", "Add, list, verify and remove members of an organisation"),
    "ledger": ("ledger:command", "Balance, quota and charges of the synthetic API"),
    "deploy": ("deploy:command", "Deploy or update the service in your AWS account"),
    "destroy": ("deploy:destroy", "Remove the service from your AWS account"),
    "doctor": (
        "deploy:doctor",
        "Check the requirements of a deployment (credentials, region, permissions, quotas, models) and say what to fix",
    ),
    "images": ("images:command", "Build the training images in your AWS account"),
    "cost": ("cost:command", "Estimate the AWS cost of a deployment from a price list"),
}
"""Name -> (module:attribute, first sentence of its help, which a test compares)."""


class Registry(click.Group):
    """A group over COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        return load(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, which suggests only commands that are imported already."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, n=1)
            suggestion = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{name}'.{suggestion}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        rows = [(name, shorten(COMMANDS[name][1], limit, placeholder="...")) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def load(name: str) -> click.Command:
    module, _, attribute = COMMANDS[name][0].partition(":")
    found: click.Command = getattr(import_module(f"dataforge_client.cli.{module}"), attribute)
    return found
