"""A verifier compares the answers of a trained model with those of its base: start, plan, ask, count, close.

A run of the kind `verify` on the machine `generate`: it has the rate limits, budgets and metering of every other run,
each reply is stored before it is read, and a run that was cut off pays for none twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, cast

from dataforge import clock, ids
from dataforge.errors import Conflict, Invalid
from dataforge.platform import current
from dataforge.platform.ports import Item, Put
from dataforge.recipes import model_comparison
from dataforge.recipes.model_comparison import Answers
from dataforge.records import Slot
from dataforge.store import runs, trained_models
from dataforge.store.item_codec import to_item
from dataforge.store.runs import Run
from dataforge.store.trained_models import TrainedModel
from dataforge.teachers import Model, build, catalogue, resolve
from dataforge.training import evaluation
from dataforge.workflows import kinds, lifecycle, run_files
from dataforge.workflows.engine import batches, cost_budget, loading, monthly_budget, outcomes
from dataforge.workflows.engine.batches import RoundPlan
from dataforge.workflows.engine.call_loop import answer_of, explained
from dataforge.workflows.engine.context import DEFECTS, BatchContext, Fetch, OpenBatch, Stopped, open_context
from dataforge.workflows.engine.outcomes import Drafted, Outcome
from dataforge.workflows.state_input import StateInput
from dataforge.workflows.training import evaluating, held_out, jobs

ANSWERS = "answers.jsonl"
"""Of a run: what is compared, one line for each held-out line whose two answers differ, then those with the same."""
HOLD_SECONDS = 24 * 3600
MOST_LINES = 5_000
TRIES = 2
"""Of a reply that cannot be read."""
VERIFICATION = "verification"
UNREADABLE = "unreadable_reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What the caller wants. both_orders: every line is asked about twice, each answer once in the first place."""

    verifier: str
    max_cost_usd: float | None = None
    both_orders: bool = True
    seed: int = 42


@dataclass(frozen=True, slots=True)
class Verdict:
    """The content of a drafted outcome: scores 1-10 of both answers. line: of the run's answers."""

    line: int
    tuned_first: bool
    base: float
    tuned: float
    reasoning: str

    def to_fields(self) -> Item:
        return {name: getattr(self, name) for name in self.__slots__}


def of_fields(fields: Item) -> Verdict:
    return Verdict(**{name: cast(Any, fields[name]) for name in Verdict.__slots__})


def start(org_id: str, user_id: str, model_id: int, wanted: Verification) -> tuple[Run, float | None]:
    """The run, and the dollars that it costs at most (None: the price is not known).

    Raises NotFound, Conflict (nothing to compare, or a verifier is at work), Invalid naming the field, PaymentRequired,
    Busy.
    """
    model = trained_models.get(org_id, model_id)
    teacher = _teacher(org_id, wanted)
    _check_free(model)
    rows = list(_rows(model))
    asked = [row for row in rows if not row["same"]]
    same = [{"id": row["id"], "topics": row["topics"], "same": True} for row in rows if row["same"]]
    loading.set_up([teacher])
    run = _run(org_id, user_id, model, wanted, teacher, ties=len(same), lines=len(asked))
    run_files.write_lines(run, ANSWERS, [*asked, *same])
    most = _most(run, asked, teacher)
    trained_models.hold(model, VERIFICATION, HOLD_SECONDS)
    current().tables.transact([Put("runs", to_item(run))])
    note(model, {"run_id": run.run_id, "verifier": wanted.verifier, "status": "running"})
    try:
        lifecycle.start_or_withdraw(run)
    except Exception:
        trained_models.release(model, VERIFICATION)
        raise
    return run, most


def _teacher(org_id: str, wanted: Verification) -> Model:
    """Raises Invalid, PaymentRequired."""
    try:
        model = resolve(wanted.verifier, org_id=org_id)
        able = build(model).can.kinds
    except Invalid as problem:
        message = problem.message.replace("model_id", "verifier", 1)
        raise Invalid(message, field="verifier", code=problem.code) from None
    if able is not None and model_comparison.KIND not in able:
        raise Invalid(f"verifier: {wanted.verifier} cannot compare answers: choose a language model", field="verifier")
    if wanted.max_cost_usd is not None and not model.is_priced:
        raise Invalid(
            f"max_cost_usd: the price of {model.backend} is not known: the operator can add it to DATAFORGE_MODELS",
            field="max_cost_usd",
            code="PRICE_UNKNOWN",
        )
    monthly_budget.check(org_id, [model])
    return model


def _check_free(model: TrainedModel) -> None:
    """Raises Conflict while another verification of the model goes on."""
    known = (model.evaluation or {}).get("verifier")
    if not isinstance(known, dict) or known.get("status") != "running":
        return
    run = lifecycle.reconcile(runs.get(model.org_id, str(known["run_id"])))
    if run.status not in runs.FINISHED:
        raise Conflict(
            f"A verifier is at work on model {model.model_id} ({run.run_id}): wait for its end", code="VERIFYING"
        )


def _rows(model: TrainedModel) -> Iterator[dict[str, Any]]:
    """Raises Conflict where nothing was held out."""
    run = runs.get(model.org_id, model.run_id)
    learnt, topics = held_out.learnt(run), evaluating.topics_of(run)
    number = -1
    for number, row in enumerate(islice(held_out.predictions(run, model.files_prefix), MOST_LINES)):
        texts = {name: str(row.get(name) or "") for name in ("prompt", "reference", "base", "tuned")}
        if number not in learnt:
            identifier = str(number if row.get("id") is None else row["id"])
            line = evaluation.of_prediction(row, number, topics.get(identifier))
            same = texts["base"].split() == texts["tuned"].split()
            yield {"id": identifier, **texts, "topics": dict(line.topics), "same": same}
    if number < 0:
        raise Conflict(
            f"Model {model.model_id} has no answers to held-out lines: train it with evaluate, and with eval_split or "
            "eval_dataset",
            code="NO_HELD_OUT_LINES",
        )


def _run(
    org_id: str, user_id: str, model: TrainedModel, wanted: Verification, teacher: Model, *, ties: int, lines: int
) -> Run:
    run_id = ids.new("verify")
    orders = model_comparison.orders(lines, wanted.seed, both=wanted.both_orders)
    return Run(
        org_id=org_id,
        run_id=run_id,
        project_id=jobs.project_of(org_id),
        user_id=user_id,
        kind=kinds.VERIFY.name,
        config={
            "model_id": wanted.verifier,
            "max_cost_usd": wanted.max_cost_usd,
            "trained_model": model.model_id,
            "both_orders": wanted.both_orders,
            "seed": wanted.seed,
            "same_answers": ties,
            "lines": lines,
        },
        files_prefix=f"{jobs.folder_of(org_id)}/runs/{run_id}",
        created_at=clock.now(),
        sequence=ids.tail(run_id),
        requested=len(orders),
        teacher=catalogue.to_item(teacher),
    )


def _most(run: Run, asked: Sequence[Mapping[str, Any]], teacher: Model) -> float | None:
    if teacher.is_free:
        return 0.0
    if teacher.price is None:
        return None
    slot, price = Slot(index=0, chunk_id=""), teacher.price
    questions = (model_comparison.question(_answers(asked[n]), slot, tuned_first=first) for n, first in orders_of(run))
    most = sum(cost_budget.max_cost(question, price) for question in questions)
    limit = cast("float | None", run.config["max_cost_usd"])
    return round(most if limit is None else min(most, limit), 6)


def note(model: TrainedModel, verifier: Item) -> None:
    """What the model's evaluation says of its verifier. Raises NotFound for a model that was deleted."""
    trained_models.change(model, {"evaluation": {**(model.evaluation or {}), "verifier": verifier}})


def orders_of(run: Run) -> Sequence[tuple[int, bool]]:
    """By slot."""
    config = cast("dict[str, Any]", run.config)
    return model_comparison.orders(config["lines"], config["seed"], both=config["both_orders"])


def _slots(run: Run) -> list[Slot]:
    return [Slot(index=n, chunk_id="") for n in range(len(orders_of(run)))]


def _answers(row: Mapping[str, Any]) -> Answers:
    return Answers(row["prompt"], row["reference"], row["base"], row["tuned"])


def plan(run: Run, e: StateInput) -> Item:
    """One call for each line and order."""
    slots = [] if run.cancel_requested else _slots(run)
    return batches.write_round(
        run,
        e,
        RoundPlan(
            slots=slots,
            calls=lambda: ([slot] for slot in slots),
            slots_before=0,
            subject=lambda count: f"{count} verdicts on {run.config['lines']} held-out lines",
        ),
    )


def open_batch(e: StateInput) -> OpenBatch:
    """The batch whose file the input names, with the verifier, its stored replies and the answers to compare."""
    run = lifecycle.run_of(e)
    file = batches.read_batch(e.key)
    calls = [[Slot(**slot) for slot in call] for call in file.calls]
    orders = orders_of(run)
    wanted = {orders[slot.index][0] for call in calls for slot in call}
    answers = {n: _answers(row) for n, row in enumerate(run_files.read_lines(run, ANSWERS)) if n in wanted}
    context = open_context(run, e, calls)
    asked = {slot.index: (*orders[slot.index], answers[orders[slot.index][0]]) for call in calls for slot in call}
    return OpenBatch(
        context=context,
        calls=calls,
        concurrency=file.concurrency,
        call=partial(_ask, context, asked),
        job_roles={},
    )


async def _ask(
    context: BatchContext, asked: Mapping[int, tuple[int, bool, Answers]], slots: Sequence[Slot], fetch: Fetch
) -> list[Outcome[Any]]:
    """Asked once more where the reply cannot be read; a verdict is never guessed."""
    [slot] = slots
    line, tuned_first, answers = asked[slot.index]
    question = model_comparison.question(answers, slot, tuned_first=tuned_first)
    said, problem = "", "the reply has no verdict"
    for attempt in range(TRIES):
        try:
            reply = await fetch(context, question, slot.index, attempt)
        except Stopped as stopped:
            return [outcomes.failed(slot, stopped.reason, stopped.detail)]
        try:
            judged = model_comparison.read(answer_of(reply), tuned_first=tuned_first)
        except DEFECTS as defect:
            noted = context.note_defect(defect)
            return [outcomes.failed(slot, noted.reason, noted.detail, reply.text)]
        if judged is not None:
            verdict = Verdict(line, tuned_first, judged.base, judged.tuned, judged.reasoning)
            return [Drafted(slot=slot.index, reply=reply.slot, teacher=reply.model, content=verdict)]
        said, problem = reply.text or reply.note, explained("the reply has no verdict", reply)
    return [outcomes.failed(slot, UNREADABLE, problem, said)]
