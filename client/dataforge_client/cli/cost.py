"""`dataforge cost`: what a deployment costs while nobody works, and what a job costs beside the teacher's tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from dataforge_client.cli.deploy import STAGES, run_program
from dataforge_client.cli.exits import OK
from dataforge_client.cli.tables import json_option, show, show_json


@click.command("cost")
@click.option("--stage", type=STAGES, default="dev", show_default=True, help="Which of the two deployments.")
@click.option("--waf/--no-waf", default=None, help="With or without the web ACL [default: as the stage has it].")
@click.option("-c", "--context", multiple=True, metavar="KEY=VALUE", help="A deployment option; may be repeated.")
@click.option("--pairs", type=click.IntRange(0), default=1000, show_default=True, help="Pairs that a job makes.")
@click.option(
    "--pages",
    type=click.FloatRange(0),
    metavar="N",
    help="Pages of 400 words that it reads [default: as many for a pair as the measured job].",
)
@json_option
def command(
    stage: str, waf: bool | None, context: Sequence[str], pairs: int, pages: float | None, as_json: bool
) -> int:
    """Price a deployment by the dated list of its AWS prices. Needs a checkout, but no account and no network."""
    options = [*context, *([] if waf is None else [f"waf={'yes' if waf else 'no'}"])]
    words = ["--stage", stage, *(word for pair in options for word in ("-c", pair)), "--pairs", str(pairs)]
    told = run_program("infra.cost", [*words, *(["--pages", str(pages)] if pages is not None else [])], name="cost")
    if as_json:
        show_json(told)
        return OK
    _bill(f"Idle, a month ({stage})", told["idle"], told["idle_usd"])
    _note(
        f"without WAF {told['idle_usd_without_waf']:.2f}; in an account whose free allowances nothing else uses "
        f"{told['idle_usd_after_free']:.2f}"
    )
    _bill(
        f"{pairs:,} pairs from {told['pages']:,.0f} pages, without the teacher's tokens", told["used"], told["used_usd"]
    )
    _note(
        f"and {told['kept_usd_a_month']:.4f} a month to keep them; counted on {told['job_measured']}, assuming that "
        f"{'; '.join(told['assumptions'])}"
    )
    _note(f"List prices in USD, {told['region']}, {told['prices_as_of']}: docs/cost.md")
    return OK


def _bill(title: str, lines: Sequence[Mapping[str, Any]], total: float) -> None:
    click.echo(title, err=True)
    show(
        {
            "what": [*(line["what"] for line in lines), "together"],
            "units": [*(f"{line['units']:,.6g}" for line in lines), ""],
            "USD": [*(f"{line['usd']:.6f}" for line in lines), f"{total:.6f}"],
        }
    )


def _note(text: str) -> None:
    click.echo(text, err=True)
