"""Start a generate run: merge the configuration, check it, quote it in slots, take the project."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from dataforge import clock, ids
from dataforge.errors import Invalid
from dataforge.platform.ports import Item, Value
from dataforge.recipes import RECIPES, conversation, spreading, summary
from dataforge.recipes.options import GenerationOptions
from dataforge.recipes.planning import check_distribution
from dataforge.store import projects
from dataforge.store.projects import Project, StoredChunk
from dataforge.store.runs import Run
from dataforge.teachers import Model, Teacher, available, batch_jobs_lack, build, catalogue, resolve
from dataforge.text import topic_labels as labels
from dataforge.workflows import estimating
from dataforge.workflows import runs as flow

DEFAULTS: Item = {
    "generation_type": "qa",
    "temperature": 0.7,
    "max_tokens": 4096,
    "style_template": "mixed",
    "difficulty_distribution": {"easy": 0.3, "medium": 0.5, "hard": 0.2},
    "seed": 0,
}
_NO_CONFIG = ("config", "estimate")
TOP_UP = 1.25
"""A run never asks for more than this many times the pairs it was asked for."""
ROUNDS = 6
"""Rounds of asking in one run, the first included."""
MODES = ("realtime", "batch")
"""How the teacher is asked: question by question, or many as one job of its provider, for less money."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The numbers a configuration may hold."""

    low: float
    high: float
    whole: bool


TEXTS = ("model_id", "generation_type", "system_prompt", "style_template", "pair_system_prompt", "summary_style")
BOUNDS: dict[str, Bounds] = {
    "num_pairs": Bounds(1, 100_000, True),
    "pairs_per_chunk": Bounds(1, 50, True),
    "temperature": Bounds(0, 2, False),
    "max_tokens": Bounds(1, 32_768, True),
    "auto_accept_min_quality": Bounds(0, 1, False),
    "max_cost_usd": Bounds(0, 1_000_000, False),
    "seed": Bounds(0, 2**53, True),
    "turns": Bounds(conversation.LEAST_TURNS, conversation.MOST_TURNS, True),
    "multi_hop_share": Bounds(0, 1, False),
}


@dataclass(frozen=True, slots=True)
class Order:
    """A request that was checked: what it asks for, of whom, and what that will take."""

    config: Item
    model: Model
    requested: int
    estimate: Item


def quote(project: Project, request: Item) -> Order:
    """Request fields win over `config`, that over the project's defaultConfig, that over the service's defaults.

    Writes nothing and calls nobody. Raises Invalid naming the field.
    """
    extra = request.get("config")
    layers = (DEFAULTS, project.config, extra if isinstance(extra, dict) else {}, request)
    config: Item = {k: v for layer in layers for k, v in layer.items() if k not in _NO_CONFIG and v is not None}
    check(config)
    model = resolve(str(config["model_id"]), org_id=project.org_id)
    asked = build(model)
    _check_teacher(config, asked, project.org_id)
    _check_budget(config, model)
    if config.get("mode") == "batch":
        check_batch(model, asked)
    recipe = RECIPES[str(config["generation_type"])]
    config = {**recipe.config_defaults, **config}
    if isinstance(chosen := config.get("chunk_ids"), list):
        config["chunk_ids"] = list(dict.fromkeys(map(str, chosen)))
    sizes, paths = list[estimating.Size](), list[list[str]]()
    for chunk in _chosen_chunks(project, config.get("chunk_ids")):
        sizes.append(estimating.size(chunk, recipe, options_of(config)))
        if recipe.uses_labels:
            paths.append(chunk.heading_path)
    if not sizes:
        raise Invalid("There is no chunk to generate from: parse documents first", code="NO_CHUNKS")
    if recipe.uses_labels:
        config["labels"] = list[Value](_labels(config, paths))
    requested = _target(config, len(sizes))
    per_chunk = config.get("pairs_per_chunk")
    if per_chunk is None and config.get("num_pairs") is None:
        per_chunk = recipe.pairs_per_chunk
    taken = estimating.estimate(
        sizes,
        config,
        options_of(config),
        model,
        requested=requested,
        pairs_per_chunk=per_chunk if isinstance(per_chunk, int) else None,
    )
    if config.get("mode") == "batch":
        check_size(model, asked, calls=cast("dict[str, int]", taken["calls"])["low"], more="num_pairs")
    return Order(config, model, requested, taken)


def start(project: Project, request: Item) -> Run:
    """Raises Invalid as `quote` does, Conflict while another run of the project is active."""
    order = quote(project, request)
    run_id = ids.new("gen")
    run = Run(
        project.org_id,
        run_id,
        project.project_id,
        project.user_id,
        "generate",
        order.config,
        f"{project.s3_prefix}/runs/{run_id}",
        clock.now(),
        ids.tail(run_id),
        teacher=catalogue.to_item(order.model),
        requested=order.requested,
        estimate=order.estimate,
    )
    flow.begin(project, run)
    return run


def _check_budget(config: Item, model: Model) -> None:
    """A cap on what cannot be counted would be no cap."""
    free = not model.model or model.provider == "ollama"
    if config.get("max_cost_usd") is not None and model.price is None and not free:
        raise Invalid(
            f"max_cost_usd: the price of {model.backend} is not known here; add it to DATAFORGE_MODELS",
            field="max_cost_usd",
            code="PRICE_UNKNOWN",
        )


def check_batch(model: Model, chosen: Teacher) -> None:
    """Raises Invalid when the provider takes no batch jobs."""
    if chosen.can.batch is None:
        raise Invalid(
            f"mode: the teacher {model.id} has no batch API; leave mode out, or choose openai:<model> or "
            "bedrock:<model>",
            field="mode",
            code="TEACHER_CANNOT",
        )
    lacks = batch_jobs_lack(model)
    if lacks:
        raise Invalid(f"mode: batch jobs of {model.backend} need {lacks}", field="mode", code="TEACHER_NOT_CONFIGURED")


def check_size(model: Model, chosen: Teacher, *, calls: int, more: str) -> None:
    """Raises Invalid when the provider takes no batch job as small as a run of so many calls.

    more: the field that makes it larger.
    """
    limits = chosen.can.batch
    if limits and calls <= limits.least and limits.least > 1:
        raise Invalid(
            f"mode: a batch job of {model.backend} takes at least {limits.least} requests, and this run asks only "
            f"{calls} (one of them beforehand); raise {more}, or leave mode out",
            field="mode",
            code="TOO_SMALL",
        )


def check(config: Item) -> None:
    """Every known key of a merged configuration. Raises Invalid."""
    for name in TEXTS:
        if not isinstance(config.get(name, ""), str):
            raise Invalid(f"{name} must be text", field=name)
    kind = str(config["generation_type"])
    if kind not in RECIPES:
        known = ", ".join(RECIPES)
        raise Invalid(f"generation_type {kind!r} is not available here; use one of: {known}", field="generation_type")
    for name, bounds in BOUNDS.items():
        if config.get(name) is not None:
            _check_number(name, config[name], bounds)
    chosen = config.get("chunk_ids", [])
    if not isinstance(chosen, list) or not all(isinstance(c, str) and 0 < len(c) <= 200 for c in chosen):
        raise Invalid("chunk_ids must be a list of chunk ids", field="chunk_ids")
    check_distribution(config["difficulty_distribution"])
    for name in spreading.DIMENSIONS:
        if config.get(name) is not None:
            spreading.shares(name, config[name])
    if config.get("multi_hop_share") and not RECIPES[kind].multi_hop:
        able = " or ".join(name for name, recipe in RECIPES.items() if recipe.multi_hop)
        raise Invalid(
            f"multi_hop_share: a {kind} is of one passage; set it to 0, or generation_type to {able}",
            field="multi_hop_share",
        )
    style = config.get("summary_style", "mixed")
    if style not in ("mixed", *summary.STYLES):
        raise Invalid(f"summary_style must be one of: mixed, {', '.join(summary.STYLES)}", field="summary_style")
    if config.get("mode", "realtime") not in MODES:
        raise Invalid(f"mode must be one of: {', '.join(MODES)}", field="mode")
    if config.get("labels") is not None:
        labels.check(config["labels"])


def _check_teacher(config: Item, chosen: Teacher, org_id: str) -> None:
    """Raises Invalid (TEACHER_CANNOT) when the teacher cannot write this kind of record, saying who can."""
    name, kind = str(config["model_id"]), str(config["generation_type"])
    can = chosen.can
    if can.kinds is not None and kind not in can.kinds:
        what = f"writes {', '.join(can.kinds)} only, not {kind}"
    elif RECIPES[kind].uses_labels and config.get("labels") and not can.labels:
        what = "takes labels from the headings of the documents and cannot judge your own; leave config.labels out, or"
    elif not can.instructions and (asked := [n for n in ("multi_hop_share", *spreading.DIMENSIONS) if config.get(n)]):
        what = f"cannot follow {' or '.join(asked)}; leave {'it' if len(asked) == 1 else 'them'} out of config, or"
    else:
        return
    able = ", ".join(e.id for e in available(org_id) if e.id != name and e.id.partition(":")[0] != "extractive")
    raise Invalid(
        f"model_id: the teacher {name} {what}{'' if what.endswith('or') else ';'} choose a language model: "
        f"{f'{able}, ' if able else ''}openai:<model> or ollama:<model>",
        field="model_id",
        code="TEACHER_CANNOT",
    )


def _labels(config: Item, paths: Sequence[Sequence[str]]) -> list[str]:
    """The caller's labels, else the topics that the headings over the chosen chunks name."""
    if config.get("labels") is not None:
        return labels.check(config["labels"])
    found = labels.topics(paths)
    if not found:
        raise Invalid(
            "labels: the headings over the chosen chunks name fewer than two topics; say which labels to choose from "
            "in config.labels",
            field="labels",
            code="NO_LABELS",
        )
    return found


def _check_number(name: str, value: Value, bounds: Bounds) -> None:
    fits = isinstance(value, int if bounds.whole else int | float) and not isinstance(value, bool)
    if not fits or not bounds.low <= float(str(value)) <= bounds.high:
        kind = "a whole number" if bounds.whole else "a number"
        raise Invalid(f"{name} must be {kind} from {bounds.low:g} to {bounds.high:,.0f}", field=name)


def _chosen_chunks(project: Project, chunk_ids: Value) -> Iterator[StoredChunk]:
    """The chunks that the run may use. Raises Invalid when one is unknown."""
    if not isinstance(chunk_ids, list):
        yield from (c for c in projects.chunks_of(project.project_id) if not c.excluded)
        return
    for at in range(0, len(chunk_ids), 100):
        wanted = [str(c) for c in chunk_ids[at : at + 100]]
        found = projects.get_chunks(project.project_id, wanted)
        unknown = set(wanted) - {c.chunk_id for c in found}
        if unknown:
            raise Invalid(f"chunk_ids: no chunk {sorted(unknown)[0]} in this project", field="chunk_ids")
        yield from (c for c in found if not c.excluded)


def _target(config: Item, chunks: int) -> int:
    """Pairs wanted: num_pairs, else chunks x pairs_per_chunk."""
    asked = config.get("num_pairs")
    if isinstance(asked, int):
        return asked
    per_chunk = config.get("pairs_per_chunk")
    kind = str(config["generation_type"])
    return chunks * (per_chunk if isinstance(per_chunk, int) else RECIPES[kind].pairs_per_chunk)


def most_slots(requested: int) -> int:
    """How many slots a run may promise over all its rounds; at least one more than asked."""
    return math.ceil(requested * TOP_UP)


def options_of(config: Item) -> GenerationOptions:
    prompt, chosen = config.get("system_prompt"), config.get("labels")
    return GenerationOptions(
        temperature=float(str(config["temperature"])),
        max_tokens=int(str(config["max_tokens"])),
        system_prompt=str(prompt) if prompt else None,
        style=str(config["style_template"]),
        seed=int(str(config["seed"])),
        turns=int(str(config.get("turns") or 3)),
        labels=tuple(str(label) for label in chosen) if isinstance(chosen, list) else (),
        summary_style=str(config.get("summary_style") or "mixed"),
    )
