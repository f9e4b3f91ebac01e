"""`dataforge synth`: a description in, a dataset out. The options; `synthesis` does the work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from dataforge_client.cli.connection import Place, place_options

SCHEMAS = ("instruction_v1", "preference_v1", "eval_v1", "conflict_v1")
MODES = ("realtime", "batch")
TIERS = ("fast", "balanced", "diverse", "deep")


@click.command("synth")
@click.option(
    "--schema", type=click.Choice(SCHEMAS), default="instruction_v1", show_default=True, help="Shape of a record."
)
@click.option("--domain", metavar="TEXT", help="What the records are about, in plain words.")
@click.option("--count", type=click.IntRange(1, 100_000), metavar="N", help="Records wanted.")
@click.option("--model", type=click.Choice(TIERS), help="Tier [default: balanced].")
@click.option("--generator", metavar="PROVIDER:MODEL", help="A model by name, such as ollama:llama3.2, or templated.")
@click.option("--verified", is_flag=True, help="Have every record scored by a judge; below 6.0 is rejected.")
@click.option("--language", metavar="CODE", help="Language of the records, such as es.")
@click.option("--tone", metavar="TEXT", help="Tone of the answers.")
@click.option("--difficulty", metavar="TEXT", help="Difficulty; mixed takes turns.")
@click.option("--system-prompt", metavar="TEXT", help="Further instructions, appended to the rules.")
@click.option("--hard-negatives", type=click.IntRange(1, 100), metavar="PERCENT", help="Share of adversarial records.")
@click.option("--invariant", "invariants", multiple=True, metavar="RULE", help="A rule that every record must keep.")
@click.option("--split", "split", metavar="NAME=N,...", help="Named splits, such as train=80,test=20.")
@click.option("--license", "license_", metavar="NAME", help="Licence named in the manifest.")
@click.option("--max-cost", type=click.FloatRange(min=0, min_open=True), metavar="USD", help="Stop below this price.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="batch: as jobs of the models' providers, for about half "
    "of what they ask, within a day each [default: realtime].",
)
@click.option(
    "--request",
    "request",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The whole request as JSON; options given here win over it.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("synthetic"),
    show_default=True,
    metavar="DIR",
    help="Folder for results.jsonl, splits, report and manifest.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask before spending.")
@click.option("--confirm-domain", is_flag=True, help="The domain is spelt as meant.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines on stdout; the last is the result.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
@place_options
def command(
    place: Place, out: Path, yes: bool, confirm_domain: bool, as_json: bool, quiet: bool, **options: Any
) -> int:
    """Make a dataset from a description: no documents needed.

    First the price, then live progress; results, splits, quality report and manifest are saved in --out. Records come
    from a language model: set OPENAI_API_KEY where the server runs, or name a local one. `--generator templated` works
    offline and writes filler, for trying things out.
    """
    from dataforge_client.cli.synthesis import Order, Synthesis

    order = Order(request_of(**options), out, yes=yes, domain_confirmed=confirm_domain)
    return Synthesis(place, order, as_json=as_json, quiet=quiet).go()


def request_of(
    *,
    request: Path | None,
    generator: str | None,
    invariants: tuple[str, ...],
    hard_negatives: int | None,
    split: str | None,
    license_: str | None,
    max_cost: float | None,
    **plain: Any,
) -> dict[str, Any]:
    """The API's JSON. Raises UsageError when domain or count is missing."""
    body: dict[str, Any] = _read(request) if request else {}
    for name in ("language", "tone", "difficulty"):
        if plain.get(name):
            body.setdefault("constraints", {})[name] = plain[name]
    named = {name: plain[name] for name in ("domain", "count", "model", "system_prompt", "mode") if plain.get(name)}
    body |= {**named, **({"license": license_} if license_ else {}), **({"max_cost_usd": max_cost} if max_cost else {})}
    if plain.get("verified"):
        body["verified"] = True
    body.setdefault("schema", plain["schema"])
    advanced: dict[str, Any] = {}
    if hard_negatives:
        advanced["hard_negatives"] = {"enabled": True, "percentage": hard_negatives}
    if invariants:
        advanced["invariants"] = [{"rule": rule} for rule in invariants]
    if split:
        advanced["output_split"] = _split(split)
    if advanced:
        body["advanced"] = {**body.get("advanced", {}), **advanced}
    if generator:
        provider, _, model = generator.partition(":")
        body["models"] = {**body.get("models", {}), "generator": {"provider": provider, "model": model or provider}}
    if not body.get("model") and not body.get("models"):
        body["model"] = "balanced"
    if not body.get("domain") or not body.get("count"):
        raise click.UsageError("Say what to make: --domain and --count, or --request FILE.")
    return body


def _read(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text("utf-8"))
    except ValueError as problem:
        raise click.UsageError(f"--request {path} is not JSON: {problem}") from None
    if not isinstance(body, dict):
        raise click.UsageError(f"--request {path} must hold one JSON object.")
    return body


def _split(told: str) -> dict[str, int]:
    try:
        return {name.strip(): int(share) for name, share in (part.split("=") for part in told.split(","))}
    except ValueError:
        raise click.UsageError(f"--split {told} must look like train=80,test=20.") from None
