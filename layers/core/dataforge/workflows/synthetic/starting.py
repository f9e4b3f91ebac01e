"""Begin a synthetic run: check the request, name the models, quote, look at the spelling, reserve, start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import orjson

from dataforge import clock, ids, settings
from dataforge.errors import Invalid, Misspelt
from dataforge.platform.ports import Item, Put
from dataforge.recipes import spelling
from dataforge.recipes.synthetic import checking, planning, pricing
from dataforge.recipes.synthetic import spec as specs
from dataforge.recipes.synthetic.asking import SHAPES
from dataforge.recipes.synthetic.pricing import ModelName, Quote, Tariff
from dataforge.recipes.synthetic.spec import Request, Spec
from dataforge.store import ledger, run_log
from dataforge.store.item_codec import to_item
from dataforge.store.runs import Run
from dataforge.teachers import batch_jobs_lack, build, catalogue, resolve, teacher
from dataforge.teachers.checkers import default_checker
from dataforge.workflows import kinds, lifecycle
from dataforge.workflows.engine import loading, monthly_budget
from dataforge.workflows.engine.provider_batch.checks import check_batch, check_size
from dataforge.workflows.engine.rounds import max_slots

MAX_REQUEST_BYTES = 100_000
"""A run keeps its whole request, and an item of a table holds 400 KB."""
_OFFLINE = ("templated", "scripted", "extractive")
"""Providers whose teachers need no model name."""


@dataclass(frozen=True, slots=True)
class ModelRoles:
    """The teachers that have a part in a run, by the names they are asked for; None: not needed."""

    generator: str
    critic: str | None = None
    judge: str | None = None
    """Also the checker of invariants."""

    @property
    def names(self) -> list[str]:
        """Of all that are needed."""
        return [name for name in (self.generator, self.critic, self.judge) if name]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuote:
    """A request that could be started, and what it would cost."""

    request: Request
    spec: Spec
    tariff: Tariff
    price: Quote
    roles: ModelRoles
    records: int
    """What will be delivered at most: the count, or less under max_cost_usd."""
    batch_roles: tuple[str, ...] | None = None
    """At batch price: which roles besides the generator take batch jobs, too; the others are asked in real time. None:
    everyone is."""

    @property
    def model(self) -> str:
        """As the caller named it."""
        given = self.request.get("models")
        return str(given["generator"]["model"] if given else self.request["model"])

    @property
    def limited_to(self) -> int | None:
        """The records, where they are fewer than the count."""
        return self.records if self.records < self.spec.count else None

    @property
    def cost(self) -> int:
        """Micro-dollars at most."""
        return self.price.cost(self.records)

    @property
    def most_generated(self) -> int:
        return max_slots(self.records)


def start(org_id: str, user_id: str, request: Request, *, domain_confirmed: bool) -> Run:
    """Raises Malformed, Invalid, Misspelt, PaymentRequired, Busy; nothing is begun or charged then."""
    quoted = quote(org_id, request, domain_confirmed=domain_confirmed)
    models = [resolve(name, org_id=org_id) for name in quoted.roles.names]
    monthly_budget.check(org_id, models)
    loading.set_up(models)
    run = _run(org_id, user_id, quoted)
    demand = ledger.Demand(quoted.cost, quoted.price.quota(quoted.records), quoted.price.subscription)
    ledger.reserve(org_id, run.run_id, demand, also=[Put("runs", to_item(run))])
    lifecycle.start_or_withdraw(run)
    if quoted.limited_to is not None:
        message = f"max_cost_usd pays for {quoted.limited_to:,} of the {quoted.spec.count:,} records: no more are made"
        run_log.write(run.run_id, run.stage, message, level="warning")
    return run


def quote(org_id: str, request: Request, *, domain_confirmed: bool) -> JobQuote:
    """Raises Malformed, Invalid, Misspelt."""
    if len(orjson.dumps(request)) > MAX_REQUEST_BYTES:
        raise Invalid(f"The request takes more than {MAX_REQUEST_BYTES:,} bytes as JSON", field="advanced")
    checking.check(request)
    spec = specs.read(request, seed="")
    models: dict[str, Any] = request.get("models") or {}
    generator = _named(models.get("generator"))
    tariff = pricing.tariff(request.get("model"), generator)
    price = pricing.quote(spec, tariff)
    roles = _model_roles(
        org_id,
        spec,
        generator or cast(ModelName, tariff.model),
        _named(models.get("critic")),
        field="models.generator" if generator else "model",
    )
    records = _affordable(spec.count, price, request.get("max_cost_usd"))
    batch_roles = _batch_roles(org_id, roles, replace(spec, count=records)) if request.get("mode") == "batch" else None
    if not domain_confirmed:
        check_spelling(spec.domain)
    return JobQuote(
        request=request,
        spec=spec,
        tariff=tariff,
        price=price,
        roles=roles,
        records=records,
        batch_roles=batch_roles,
    )


def check_spelling(domain: str) -> None:
    """Raises Misspelt with suggestions."""
    wrong = spelling.suspects(domain)
    if wrong:
        words = ", ".join(f"{s.word!r} (perhaps {s.suggestions[0]!r})" for s in wrong)
        raise Misspelt(
            f"The domain may hold a typing mistake: {words}. Correct it, or send it again with the header "
            "X-Domain-Confirmed: true",
            suggestions=[(s.word, s.suggestions) for s in wrong],
            corrected=spelling.corrected(domain, wrong),
        )


def project_of(org_id: str) -> str:
    """Runs are listed by project; an organisation's synthetic runs stand together under this name."""
    return f"synthetic_{ids.tail(org_id)}"


def _run(org_id: str, user_id: str, quoted: JobQuote) -> Run:
    run_id = ids.new("syn_job")
    config: Item = {
        "request": cast(Item, quoted.request),
        "model_id": quoted.roles.generator,
        "model": quoted.model,
        "tier": quoted.tariff.tier,
        "critic": quoted.roles.critic,
        "judge": quoted.roles.judge,
        "price": {"record": quoted.price.record, "units": quoted.price.units},
        "estimate": quoted.cost,
        "concurrency": quoted.request.get("concurrency"),
        "teachers": {
            role: catalogue.to_item(resolve(name, org_id=org_id))
            for role, name in (("critic", quoted.roles.critic), ("judge", quoted.roles.judge))
            if name
        },
    }
    if quoted.batch_roles is not None:
        config |= {"mode": "batch", "by_job": list(quoted.batch_roles)}
    return Run(
        org_id=org_id,
        run_id=run_id,
        project_id=project_of(org_id),
        user_id=user_id,
        kind=kinds.SYNTHETIC.name,
        config=config,
        files_prefix=f"data-forge/synthetic/{org_id}/runs/{run_id}",
        created_at=clock.now(),
        sequence=ids.tail(run_id),
        requested=quoted.records,
        teacher=catalogue.to_item(resolve(quoted.roles.generator, org_id=org_id)),
    )


def _named(given: dict[str, str] | None) -> ModelName | None:
    return ModelName(given["provider"], given["model"]) if given else None


def _affordable(count: int, quote: Quote, most: float | None) -> int:
    if most is None or quote.record == 0:
        return count
    records = min(count, round(most * pricing.MICRO) // quote.record)
    if records < 1:
        raise Invalid(
            f"max_cost_usd covers no record: one costs ${pricing.dollars(quote.record):g}", field="max_cost_usd"
        )
    return records


def _model_roles(org_id: str, spec: Spec, generator: ModelName, critic: ModelName | None, *, field: str) -> ModelRoles:
    """Who really answers. field: the one that named the generator. Raises Invalid naming the field when a model cannot
    run here."""
    stand_in = settings.get().synthetic_teacher.strip()
    writer = stand_in or teacher_name(generator)
    _check(org_id, writer, field, spec.schema)
    needs_critic = SHAPES[spec.schema].critic
    needs_judge = spec.verified or bool(spec.assessed_fields) or bool(spec.invariants)
    explicit = stand_in or (teacher_name(critic) if critic else None)
    if explicit and needs_critic:
        _check(org_id, explicit, "models.critic", "critic")
    light = stand_in or _checker(org_id, writer)
    return ModelRoles(writer, (explicit or light) if needs_critic else None, light if needs_judge else None)


def _batch_roles(org_id: str, chosen: ModelRoles, spec: Spec) -> tuple[str, ...]:
    """The roles whose teachers take batch jobs. Raises Invalid (field mode) where the generator takes none."""
    writer = resolve(chosen.generator, org_id=org_id)
    asked = build(writer)
    check_batch(writer, asked)
    check_size(writer, asked, calls=-(-spec.count // planning.slots_per_call(spec)), more="count")
    named = (("critic", chosen.critic), ("judge", chosen.judge))
    others = {role: resolve(name, org_id=org_id) for role, name in named if name}
    return tuple(r for r, m in others.items() if build(m).can.batch is not None and batch_jobs_lack(m) is None)


def _checker(org_id: str, writer: str) -> str:
    model = resolve(writer, org_id=org_id)
    checker = default_checker(model, org_id=org_id)
    return writer if checker is model else checker.id


def teacher_name(model: ModelName) -> str:
    """A model of the price list by its public name, which the catalogue maps to a backend; others by provider."""
    known: Sequence[ModelName] = [
        pricing.critic(),
        *(t.model for t in pricing.tiers().values() if t.model),
        *(ModelName(m["provider"], m["model"]) for m in pricing.table()["models"]),
    ]
    if model in known:
        return model.model
    return model.provider if model.provider in _OFFLINE else f"{model.provider}:{model.model}"


def _check(org_id: str, name: str, field: str, kind: str) -> None:
    try:
        able = teacher(name, org_id=org_id).can.kinds
    except Invalid as problem:
        message = problem.message.replace("model_id", field, 1)  # the name of the field in the other API
        raise Invalid(message, field=field, code=problem.code) from None
    if able is not None and kind not in able:
        raise Invalid(f"The teacher {name} cannot write {kind}: choose a language model", field=field)
