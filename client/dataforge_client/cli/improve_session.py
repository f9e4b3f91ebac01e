"""One execution of `dataforge improve`. All state is on the server, so a second execution goes on with it: the records
of a round are a generation whose configuration names the model and the round, its model has the name of the round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from dataforge_client.cli import training_session
from dataforge_client.cli.connection import ConnectionOptions, connect
from dataforge_client.cli.exit_codes import INTERRUPTED, OK, describe, exit_code
from dataforge_client.cli.finding import find_model
from dataforge_client.cli.formatting import estimate_lines, money
from dataforge_client.cli.hints import command_line
from dataforge_client.cli.terminal import confirm, echo, echo_json
from dataforge_client.cli.training_session import highest
from dataforge_client.cli.training_view import make_view
from dataforge_client.errors import ApiError, ClientError, Conflict

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.models import Generation, Json
    from dataforge_client.training_models import ModelGain, ModelImprovement, TrainedModel

PAIRS_PER_CHUNK = 5
MOST_NAME = 170
"""Characters of the first model's name in the names of those that follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImproveRequest:
    model: str
    teacher: str
    pairs: int | None
    min_quality: float
    rounds: int
    max_cost: float | None
    dry_run: bool
    yes: bool


@dataclass(slots=True)
class _Improved:
    """best: the model that is proven to be the best so far. spent: dollars of all rounds, trainings as estimated."""

    first: TrainedModel
    best: int
    spent: float = 0.0
    rounds: list[dict[str, Any]] = field(default_factory=list)
    ended: str = ""


class ImproveSession:
    def __init__(self, connection: ConnectionOptions, request: ImproveRequest, *, as_json: bool, quiet: bool) -> None:
        self._connection, self._request, self._json, self._quiet = connection, request, as_json, quiet
        self._view = make_view(as_json=as_json, quiet=quiet)

    def run(self) -> int:
        """Returns the exit code."""
        try:
            with connect(self._connection, on_server_start=self._view.note) as forge:
                return self._show_result(self._improve(forge))
        except KeyboardInterrupt:
            echo("\nInterrupted. What was started goes on; the same command goes on with it.", err=True)
            return INTERRUPTED
        except (click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as problem:
            code, message = exit_code(problem), describe(problem)
            if self._json:
                said = problem.code if isinstance(problem, ApiError) else type(problem).__name__
                echo_json(
                    {
                        "type": "result",
                        "status": "failed",
                        "exit_code": code,
                        "error": {"code": said, "message": message},
                    }
                )
            else:
                echo(f"Error: {message}", err=True)
            return code

    def _improve(self, forge: DataForge) -> _Improved:
        first = forge.get_model(find_model(forge, self._request.model))
        made = _Improved(first, first.id)
        named = {m.name: m.id for m in reversed(forge.list_models())}
        for number in range(1, self._request.rounds + 1):
            plan = forge.model_improvement(made.best)
            self._show_weak(made.best, plan)
            if not plan.weak_topics:
                made.ended = "no topic is weak"
                return made
            model_id = named.get(_name(first, number))
            if model_id is None:
                model_id = self._round(forge, made, plan, number)
            else:
                self._view.note(f"Round {number} was trained before: model {model_id}")
            if model_id is None:
                return made
            gain = forge.model_gain(model_id, over=made.best)
            made.rounds.append({"round": number, "model_id": model_id, "over": made.best, "gain": dict(gain.raw)})
            self._view.event("gain", dict(gain.raw))
            self._view.note(gain_text(gain))
            if gain.is_noise:
                made.ended = "the gain is within noise"
                return made
            made.best = model_id
        made.ended = "all rounds are done"
        return made

    def _round(self, forge: DataForge, made: _Improved, plan: ModelImprovement, number: int) -> int | None:
        """The model of the round; None where the round is not begun: `made.ended` says why."""
        earlier = [g for g in forge.iter_generations(plan.project_id) if _is_of(g, made.first.id)]
        of_round = [g for g in earlier if g.config.get("improve_round") == number]
        job = next((g for g in of_round if g.status not in ("failed", "cancelled")), None)
        training = {**plan.training, "dataset": plan.project_id, "eval_dataset": f"model_{made.first.id}"}
        training |= {"name": _name(made.first, number)}
        estimated = self._training_estimate(forge, {**training, "dataset": plan.dataset})
        cost = highest(estimated.get("cost_usd"))
        made.spent = sum(g.cost_usd or 0.0 for g in earlier) + cost * (number - 1)
        if job is None and not self._agreed(forge, made, plan, number, estimated):
            return None
        if job is None:
            job = self._generate(forge, plan, number, made, self._left(made.spent + cost))
        job = forge.wait(job.generation_id)
        made.spent += cost + (
            0.0 if any(g.generation_id == job.generation_id and g.closed for g in earlier) else job.cost_usd or 0.0
        )
        if job.status == "cancelled":
            raise ClientError(f"{job.generation_id} was cancelled; the same command starts the round again")
        self._view.note(f"{job.counts.delivered:,} records for {money(job.cost_usd)} ({job.generation_id})")
        version = forge.export(plan.project_id).version
        training["dataset"] = f"{plan.project_id}@{version}"
        return self._train(forge, training)

    def _agreed(self, forge: DataForge, made: _Improved, plan: ModelImprovement, number: int, estimated: Json) -> bool:
        """Show what the round costs, and ask. False: the budget does not pay for it, or nothing is to be started."""
        quoted = self._generate(forge, plan, number, made, None, estimate=True).estimate or {}
        self._view.event("estimate", {"round": number, "generation": quoted, "training": estimated})
        self._view.note(f"Round {number}: more records of {len(plan.chunk_ids):,} chunks, then a training")
        for line in (
            *(f"  {text}" for text in estimate_lines(quoted)),
            *(f"  {t}" for t in training_session.estimate_lines(estimated)),
        ):
            self._view.note(line)
        left = self._left(made.spent + highest(estimated.get("cost_usd")))
        if self._request.dry_run:
            made.ended = "nothing was started (--dry-run)"
            return False
        if left is not None and left <= 0:
            made.ended = f"the budget of {money(self._request.max_cost)} does not pay for another training"
            return False
        if not self._request.yes:
            confirm(f"Start round {number}?", default=True)
        return True

    def _left(self, spent: float) -> float | None:
        """Of the budget; None: there is none."""
        return None if self._request.max_cost is None else self._request.max_cost - spent

    def _generate(
        self,
        forge: DataForge,
        plan: ModelImprovement,
        number: int,
        made: _Improved,
        most: float | None,
        *,
        estimate: bool | None = None,
    ) -> Generation:
        """most: dollars."""
        return forge.generate(
            plan.project_id,
            self._request.teacher,
            num_pairs=self._request.pairs or PAIRS_PER_CHUNK * len(plan.chunk_ids),
            chunk_ids=plan.chunk_ids,
            max_cost_usd=most,
            estimate=estimate,
            config={
                "auto_accept_min_quality": self._request.min_quality,
                "improves_model": made.first.id,
                "improve_round": number,
            },
        )

    def _training_estimate(self, forge: DataForge, training: Json) -> Json:
        try:
            answered = forge.training_estimate(training)
        except Conflict:  # another training goes on; this one waits for it
            return {}
        if answered.job_id:  # a server that knows no estimates has started it
            forge.stop_training(job_id=answered.job_id)
            forge.wait_training(answered.job_id)
        return answered.estimate or {}

    def _train(self, forge: DataForge, training: Mapping[str, Any]) -> int:
        """The number of the new model. Raises ClientError when it fails."""
        try:
            job_id = forge.training_start(dict(training)).job_id
        except Conflict:  # one that a stopped command has started, or another one
            self._follow(forge, None)
            known = [m.id for m in forge.list_models() if m.name == training["name"]]
            if known:
                return known[0]
            job_id = forge.training_start(dict(training)).job_id
        return self._follow(forge, job_id) or 0

    def _follow(self, forge: DataForge, job_id: str | None) -> int | None:
        with self._view:
            for state in forge.watch_training(job_id, poll=training_session.POLL_SECONDS):
                self._view.state(state)
        if job_id is not None and (state.status != "completed" or state.model_id is None):
            raise ClientError(f"{state.job_id} ended as {state.status}: {state.error or state.message or 'no reason'}")
        return state.model_id

    def _show_weak(self, model_id: int, plan: ModelImprovement) -> None:
        self._view.event("weak_topics", {"model_id": model_id, "weak_topics": plan.raw.get("weak_topics", [])})
        if not plan.weak_topics:
            self._view.note(f"Model {model_id} is weak on no topic: none is below the others beyond chance")
        for topic in plan.weak_topics:
            measure, of = next(iter(topic.tuned.items()), ("", {}))
            share = f"{of['value']:.0%}" if isinstance(of, Mapping) else "?"
            self._view.note(
                f"Model {model_id} is weak on {topic.by} {topic.topic!r}: {measure} {share} of {topic.lines} lines, "
                f"{len(topic.chunk_ids)} chunks"
            )

    def _show_result(self, made: _Improved) -> int:
        chat = command_line(self._connection, "chat", str(made.best))
        if self._json:
            echo_json(
                {
                    "type": "result",
                    "status": "completed",
                    "exit_code": OK,
                    "model_id": made.best,
                    "improved": made.best != made.first.id,
                    "ended": made.ended,
                    "spent_usd": round(made.spent, 6),
                    "rounds": made.rounds,
                }
            )
        elif not self._quiet:
            better = f"Model {made.best} is the best" if made.best != made.first.id else f"Model {made.best} stays"
            echo(f"{better}: {made.ended}. Spent {money(made.spent)}, trainings as estimated.\nNext: {chat}", err=True)
        return OK


def gain_text(gain: ModelGain) -> str:
    """`Model 2 over model 1 on 16 lines: exact_match +50 % (+25 to +75), 8 gained, 0 lost`."""
    found = {name: gain.difference.get(name) for name in ("value", "low", "high")}
    value, low, high = (f"{v:+.0%}".replace("%", " %") if isinstance(v, int | float) else "?" for v in found.values())
    verdict = " within noise" if gain.is_noise else ""
    return (
        f"Model {gain.model_id} over model {gain.over} on {gain.lines} lines: {gain.measure} {value} "
        f"({low} to {high}), {gain.gained} gained, {gain.lost} lost{verdict}"
    )


def _name(first: TrainedModel, number: int) -> str:
    return f"{first.name[:MOST_NAME]}-improved-{first.id}.{number}"


def _is_of(job: Generation, model_id: int) -> bool:
    return job.kind == "generate" and job.config.get("improves_model") == model_id
