"""Start a generate run: merge the configuration, check it, quote it in slots, take the project."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from dataforge import clock, ids
from dataforge.errors import Invalid
from dataforge.platform.ports import Item, Value
from dataforge.recipes import RECIPES, spreading
from dataforge.store import chunks as chunk_store
from dataforge.store.chunks import StoredChunk
from dataforge.store.projects import Project
from dataforge.store.runs import Run
from dataforge.teachers import Model, Teacher, available, build, catalogue, resolve
from dataforge.teachers.prices import Price
from dataforge.text import topic_labels as labels
from dataforge.workflows import kinds, lifecycle, run_files
from dataforge.workflows.engine import loading, monthly_budget
from dataforge.workflows.engine.provider_batch import checks
from dataforge.workflows.generation import config as generation_config
from dataforge.workflows.generation import decontaminating, estimating, verifier_choice
from dataforge.workflows.generation.config import DEFAULTS

_NO_CONFIG = ("config", "estimate")


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A request that was checked: what it asks for, of whom, and what that will take."""

    config: Item
    model: Model
    verifier: Model | None
    """None: nobody is asked about the records."""
    requested: int
    estimate: Item


def quote(project: Project, request: Item) -> CheckedRequest:
    """Request fields win over `config`, that over the project's defaultConfig, that over the service's defaults.

    Writes nothing and calls nobody. Raises Invalid naming the field.
    """
    extra = request.get("config")
    layers = (DEFAULTS, project.config, extra if isinstance(extra, dict) else {}, request)
    config: Item = {k: v for layer in layers for k, v in layer.items() if k not in _NO_CONFIG and v is not None}
    generation_config.check(config)
    model = _priced(config, resolve(str(config["model_id"]), org_id=project.org_id))
    asked = build(model)
    _check_teacher(config, asked, project.org_id)
    _check_budget(config, model)
    config["verify"], verifier = verifier_choice.choose(config, model, project.org_id)
    config.pop("verifier", None)
    if verifier is not None:
        config["verifier"] = verifier.id
    verifier_choice.check_price(config, verifier)
    if config.get("mode") == "batch":
        checks.check_batch(model, asked)
    recipe = RECIPES[str(config["generation_type"])]
    config = {**recipe.config_defaults, **config}
    if isinstance(chosen := config.get("chunk_ids"), list):
        config["chunk_ids"] = list(dict.fromkeys(map(str, chosen)))
    typed = generation_config.read(config)
    sizes, paths = list[estimating.Size](), list[list[str]]()
    for chunk in _chosen_chunks(project, typed.chunk_ids):
        sizes.append(estimating.size(chunk, typed))
        if recipe.uses_labels:
            paths.append(chunk.heading_path)
    if not sizes:
        raise Invalid("There is no chunk to generate from: parse documents first", code="NO_CHUNKS")
    if recipe.uses_labels:
        config["labels"] = list[Value](_labels(config, paths))
        typed = generation_config.read(config)
    requested = typed.requested(len(sizes))
    estimate = estimating.estimate(sizes, typed, model, requested=requested)
    if typed.mode == "batch":
        checks.check_size(model, asked, calls=cast("dict[str, int]", estimate["calls"])["low"], more="num_pairs")
    if verifier is not None:
        estimate = estimating.with_verifier(estimate, sizes, typed, verifier)
    return CheckedRequest(config=config, model=model, verifier=verifier, requested=requested, estimate=estimate)


def start(project: Project, request: Item) -> Run:
    """Raises Invalid as `quote` does, PaymentRequired when the organisation's monthly budget is used up, Conflict and
    Busy as `lifecycle.begin`, ModelLoading as `loading.set_up`."""
    checked = quote(project, request)
    # Without the caller's own price: the operator's budget must not depend on it.
    models = [resolve(str(checked.config["model_id"]), org_id=project.org_id)]
    monthly_budget.check(project.org_id, models)
    loading.set_up(models)
    run_id = ids.new("gen")
    run = Run(
        org_id=project.org_id,
        run_id=run_id,
        project_id=project.project_id,
        user_id=project.user_id,
        kind=kinds.GENERATE.name,
        config=checked.config,
        files_prefix=f"{project.s3_prefix}/runs/{run_id}",
        created_at=clock.now(),
        sequence=ids.tail(run_id),
        teacher=catalogue.to_item(checked.model),
        checkers={verifier_choice.ROLE: catalogue.to_item(checked.verifier)} if checked.verifier else {},
        requested=checked.requested,
        estimate=checked.estimate,
    )
    if sets := generation_config.of(run).decontaminate:
        run_files.write_json(run, decontaminating.SETS_FILE, decontaminating.check(project.org_id, sets))
    lifecycle.begin(project, run)
    return run


def _priced(config: Item, model: Model) -> Model:
    """The model with the price that the caller gave, where none is known. Raises Invalid for half a price, and for a
    price that differs from the known one: a budget must not depend on it."""
    given = {name: config[name] for name in ("price_in", "price_out") if config.get(name) is not None}
    if not given:
        return model
    if len(given) == 1:
        name = next(n for n in ("price_in", "price_out") if n not in given)
        raise Invalid(f"{name}: a price needs price_in and price_out, in dollars per million tokens", field=name)
    price = Price(float(str(given["price_in"])), float(str(given["price_out"])))
    if model.price is not None and (model.price.input, model.price.output) != (price.input, price.output):
        raise Invalid(
            f"price_in: the price of {model.backend} is known here, {model.price.input:g} in and "
            f"{model.price.output:g} out per million tokens; leave it out, or change it in DATAFORGE_MODELS",
            field="price_in",
        )
    return model if model.price is not None else replace(model, price=price, price_is_callers=True)


def _check_budget(config: Item, model: Model) -> None:
    """A cap on what cannot be counted would be no cap."""
    if config.get("max_cost_usd") is not None and not model.is_priced:
        raise Invalid(
            f"max_cost_usd: the price of {model.backend} is not known here; give it with config.price_in and "
            "config.price_out (--price-in, --price-out: dollars per million tokens), or set it for all runs "
            "(DATAFORGE_PRICE_IN, DATAFORGE_PRICE_OUT, DATAFORGE_MODELS)",
            field="max_cost_usd",
            code="PRICE_UNKNOWN",
        )


def _check_teacher(config: Item, chosen: Teacher, org_id: str) -> None:
    """Raises Invalid (TEACHER_CANNOT) when the teacher cannot write this kind of record, saying who can."""
    name, kind = str(config["model_id"]), str(config["generation_type"])
    can = chosen.can
    if can.kinds is not None and kind not in can.kinds:
        what = f"writes {', '.join(can.kinds)} only, not {kind}"
    elif RECIPES[kind].uses_labels and config.get("labels") and not can.labels:
        what = "takes labels from the headings of the documents and cannot judge your own; leave config.labels out, or"
    elif not can.instructions and config.get("language"):
        what = "writes in the language of each document and cannot follow language; leave it out of config, or"
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


def _chosen_chunks(project: Project, chunk_ids: Sequence[str] | None) -> Iterator[StoredChunk]:
    """The chunks that the run may use. Raises Invalid when one is unknown."""
    if chunk_ids is None:
        yield from (c for c in chunk_store.of_project(project.project_id) if not c.excluded)
        return
    for at in range(0, len(chunk_ids), 100):
        wanted = chunk_ids[at : at + 100]
        found = chunk_store.get_many(project.project_id, wanted)
        unknown = set(wanted) - {c.chunk_id for c in found}
        if unknown:
            raise Invalid(f"chunk_ids: no chunk {sorted(unknown)[0]} in this project", field="chunk_ids")
        yield from (c for c in found if not c.excluded)
