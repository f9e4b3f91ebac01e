"""`dataforge cost`: what an idle deployment costs, and what a job costs without the teacher's tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from dataforge_client.cli.deploy import run_module, stage_option
from dataforge_client.cli.exit_codes import OK
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import echo


@click.command("cost")
@stage_option
@click.option(
    "--waf/--no-waf", default=None, help="With or without the web ACL [default: as configured for the stage]."
)
@click.option("-c", "--context", multiple=True, metavar="KEY=VALUE", help="Deployment option; may be repeated.")
@click.option("--pairs", type=click.IntRange(0), default=1000, show_default=True, help="Pairs that the job generates.")
@click.option(
    "--pages",
    type=click.FloatRange(0),
    metavar="N",
    help="Pages of 400 words that the job parses [default: as many per pair as in the measured job].",
)
@json_option
def command(
    stage: str, waf: bool | None, context: Sequence[str], pairs: int, pages: float | None, as_json: bool
) -> int:
    """Estimate the AWS cost of a deployment from a price list. Needs a checkout, but no AWS account and no network."""
    options = [*context, *([] if waf is None else [f"waf={'yes' if waf else 'no'}"])]
    arguments = ["--stage", stage, *(word for pair in options for word in ("-c", pair)), "--pairs", str(pairs)]
    costs = run_module(
        "dataforge_infra.cost", [*arguments, *(["--pages", str(pages)] if pages is not None else [])], name="cost"
    )
    if as_json:
        print_json(costs)
        return OK
    _bill(f"Idle, a month ({stage})", costs["idle"], costs["idle_usd"])
    _note(
        f"without WAF {costs['idle_usd_without_waf']:.2f}; with the whole free tier of the account "
        f"{costs['idle_usd_after_free']:.2f}"
    )
    _bill(
        f"{pairs:,} pairs from {costs['pages']:,.0f} pages, without the teacher's tokens",
        costs["used"],
        costs["used_usd"],
    )
    _note(
        f"and {costs['kept_usd_a_month']:.4f} a month to store them; measured on {costs['job_measured']}, "
        f"assuming that {'; '.join(costs['assumptions'])}"
    )
    _note(f"List prices in USD, {costs['region']}, {costs['prices_as_of']}: docs/cost.md")
    return OK


def _bill(title: str, lines: Sequence[Mapping[str, Any]], total: float) -> None:
    echo(title, err=True)
    print_table(
        {
            "what": [*(line["what"] for line in lines), "total"],
            "units": [*(f"{line['units']:,.6g}" for line in lines), ""],
            "USD": [*(f"{line['usd']:.6f}" for line in lines), f"{total:.6f}"],
        }
    )


def _note(text: str) -> None:
    echo(text, err=True)
