"""`dataforge synth`: a dataset from a description. This module defines the options; `synth_session` runs the job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from dataforge_client.cli.connection import ConnectionOptions, connection_options
from dataforge_client.cli.jobs import out_option

SCHEMAS = ("instruction_v1", "preference_v1", "eval_v1", "conflict_v1")
MODES = ("realtime", "batch")
TIERS = ("fast", "balanced", "diverse", "deep")


@click.command("synth")
@click.option(
    "--schema", type=click.Choice(SCHEMAS), default="instruction_v1", show_default=True, help="Schema of the records."
)
@click.option("--domain", metavar="TEXT", help="Topic of the records, in plain words.")
@click.option("--count", type=click.IntRange(1, 100_000), metavar="N", help="Number of records.")
@click.option("--model", type=click.Choice(TIERS), help="Model tier [default: balanced].")
@click.option("--generator", metavar="PROVIDER:MODEL", help="A specific model, such as ollama:llama3.2, or templated.")
@click.option("--verified", is_flag=True, help="Let a judge score every record; a record below 6.0 is rejected.")
@click.option("--language", metavar="CODE", help="Language of the records, such as es.")
@click.option("--tone", metavar="TEXT", help="Tone of the answers.")
@click.option("--difficulty", metavar="TEXT", help="Difficulty of the records; mixed alternates.")
@click.option("--system-prompt", metavar="TEXT", help="Additional instructions for the model.")
@click.option(
    "--hard-negatives", type=click.IntRange(1, 100), metavar="PERCENT", help="Percentage of adversarial records."
)
@click.option(
    "--invariant",
    "invariants",
    multiple=True,
    metavar="RULE",
    help="A rule that every record must follow; may be repeated.",
)
@click.option("--split", "split", metavar="NAME=N,...", help="Named splits, such as train=80,test=20.")
@click.option("--license", "license_", metavar="NAME", help="Licence to write into the manifest.")
@click.option(
    "--max-cost", type=click.FloatRange(min=0, min_open=True), metavar="USD", help="End the job before it costs more."
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Calls to the models in flight, such as 1 for a small server [default and most: DATAFORGE_CONCURRENCY].",
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="batch: use batch jobs of the models' providers, at about half "
    "the price, within a day each [default: realtime].",
)
@click.option(
    "--request",
    "request",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The whole request as JSON; other options override its values.",
)
@out_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask before spending money.")
@click.option("--confirm-domain", is_flag=True, help="Skip the spell check of the domain.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines on stdout; the last is the result.")
@click.option("--quiet", "-q", is_flag=True, help="Print only errors.")
@connection_options
def command(
    connection: ConnectionOptions,
    out: Path,
    yes: bool,
    confirm_domain: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Make a dataset from a description, without documents.

    Shows the price, then the progress, and saves results, splits, quality report and manifest in --out. A language
    model writes the records: set OPENAI_API_KEY on the server, or use a local model. To try the command offline, use
    `--generator templated`, which writes placeholder text.
    """
    from dataforge_client.cli.synth_session import SynthRequest, SynthSession

    request = SynthRequest(build_request(**options), out, yes=yes, domain_confirmed=confirm_domain)
    return SynthSession(connection, request, as_json=as_json, quiet=quiet).run()


def build_request(
    *,
    request: Path | None,
    generator: str | None,
    invariants: tuple[str, ...],
    hard_negatives: int | None,
    split: str | None,
    license_: str | None,
    max_cost: float | None,
    **others: Any,
) -> dict[str, Any]:
    """The JSON body of the API request. Raises UsageError when domain or count is missing and no file is given."""
    body: dict[str, Any] = _read_request(request) if request else {}
    for name in ("language", "tone", "difficulty"):
        if others.get(name):
            body.setdefault("constraints", {})[name] = others[name]
    direct = {
        name: others[name]
        for name in ("domain", "count", "model", "system_prompt", "mode", "concurrency")
        if others.get(name)
    }
    body |= {
        **direct,
        **({"license": license_} if license_ else {}),
        **({"max_cost_usd": max_cost} if max_cost else {}),
    }
    if others.get("verified"):
        body["verified"] = True
    body.setdefault("schema", others["schema"])
    advanced = _advanced(hard_negatives, invariants, split)
    if advanced:
        body["advanced"] = {**body.get("advanced", {}), **advanced}
    if generator:
        provider, _, model = generator.partition(":")
        body["models"] = {**body.get("models", {}), "generator": {"provider": provider, "model": model or provider}}
    if not body.get("model") and not body.get("models"):
        body["model"] = "balanced"
    if request is None and not (body.get("domain") and body.get("count")):  # of a file, the server names what is wrong
        raise click.UsageError("Give --domain and --count, or --request FILE.")
    return body


def _advanced(hard_negatives: int | None, invariants: tuple[str, ...], split: str | None) -> dict[str, Any]:
    advanced: dict[str, Any] = {}
    if hard_negatives:
        advanced["hard_negatives"] = {"enabled": True, "percentage": hard_negatives}
    if invariants:
        advanced["invariants"] = [{"rule": rule} for rule in invariants]
    if split:
        advanced["output_split"] = _parse_split(split)
    return advanced


def _read_request(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text("utf-8"))
    except ValueError as problem:
        raise click.UsageError(f"--request {path} is not JSON: {problem}") from None
    if not isinstance(body, dict):
        raise click.UsageError(f"--request {path} must contain one JSON object.")
    return body


def _parse_split(text: str) -> dict[str, int]:
    try:
        return {name.strip(): int(share) for name, share in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise click.UsageError(f"--split {text} must look like train=80,test=20.") from None
