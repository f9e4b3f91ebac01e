"""What follows a look at a training, state by state, with a trainer that says what the test wants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from dataforge import clock, platform, settings
from dataforge.errors import NotFound
from dataforge.platform.ports import TrainingRequest, TrainingState
from dataforge.store import organisations, run_status, runs, trained_models, training_state
from dataforge.store.runs import Run
from dataforge.training import instances, memory
from dataforge.workflows import lifecycle, run_states
from dataforge.workflows.training import (
    attempts,
    evaluating,
    following,
    jobs,
    preparing,
    registering,
    starting,
    status,
    stopping,
    uploads,
)
from dataforge.workflows.training.jobs import Attempt
from tests.support.embedded_platform import Started, embedded_platform

REQUEST = {"task": "text-generation", "model_name": "tiny/model", "dataset": "d.jsonl"}
Json = dict[str, Any]


@dataclass
class ScriptedTrainer:
    """states: what `describe` answers next, by job; the last one again and again."""

    states: dict[str, list[TrainingState]] = field(default_factory=dict)
    started: list[TrainingRequest] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def missing(self) -> str | None:
        return None

    def start(self, request: TrainingRequest) -> None:
        self.started.append(request)

    def describe(self, job_id: str) -> TrainingState | None:
        left = self.states.get(job_id.rpartition("-a")[2], [])
        return left.pop(0) if len(left) > 1 else left[0] if left else None

    def refresh(self, job_id: str) -> None:
        return None

    def stop(self, job_id: str) -> None:
        self.stopped.append(job_id)

    def forget(self, job_id: str, files_prefix: str) -> None:
        self.forgotten.append(job_id)

    def on_changed(self, callback: object) -> None:
        return None


@dataclass
class Walk:
    run: Run
    state: Json
    trainer: ScriptedTrainer

    def check(self) -> Json:
        self.state = following.check_training(self.state)
        return self.state

    def start(self) -> Json:
        self.state = attempts.start_training(self.state)
        return self.state

    def close(self) -> Run:
        run_states.close_run(self.state)
        return runs.get(self.run.org_id, self.run.run_id)

    def progress(self, **line: Any) -> None:
        self.write(jobs.checkpoints(self.run, "progress.jsonl"), json.dumps(line) + "\n")

    def write(self, key: str, text: str) -> None:
        platform.current().files.write(key, text.encode())


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    """A training whose data is prepared and whose first attempt has been started."""
    settings.get.cache_clear()
    with embedded_platform(tmp_path) as executions:
        yield begun(executions)


def begun(executions: Started) -> Walk:
    trainer = ScriptedTrainer()
    platform.use(replace(platform.current(), trainer=trainer))
    org_id, user_id = organisations.create("harbour")
    rows = "".join(json.dumps({"input": f"Question {n}?", "output": f"Answer {n}."}) + "\n" for n in range(20))
    uploads.receive(org_id, "d.jsonl", [rows.encode()])
    run = starting.start(org_id, user_id, REQUEST)
    walk = Walk(run, executions.input, trainer)
    walk.state = run_states.plan_run(walk.state)
    walk.state = preparing.prepare_data(walk.state)
    walk.start()
    return walk


def test_an_interrupted_attempt_is_followed_by_another_from_where_it_came(walk: Walk) -> None:
    walk.trainer.states = {"0": [TrainingState(status="training"), TrainingState(status="interrupted")]}
    walk.progress(step=5, total_steps=10)

    waiting = walk.check()["next"]
    again = walk.check()
    assert (waiting, again["next"], again["attempt"]["number"], again["attempt"]["step"]) == ("wait", "start", 1, 5)
    walk.start()

    assert [request.job_id[-3:] for request in walk.trainer.started] == ["-a0", "-a1"]
    assert {request.files_prefix for request in walk.trainer.started} == {walk.run.files_prefix}


def test_interruptions_without_a_step_forward_end_the_run_with_the_reason(walk: Walk) -> None:
    gone = TrainingState(status="interrupted", failure="CapacityError: no instances")
    walk.trainer.states = {str(n): [gone] for n in range(5)}

    seen = []
    while walk.check()["next"] == "start":
        seen.append(walk.start()["attempt"]["number"])
    run = walk.close()

    assert seen == [1, 2]
    assert run.status == "failed"
    assert "3 times, the last 3 without a step forward: CapacityError" in str(run.error)
    assert training_state.of(run.org_id).active_run is None


def test_attempts_that_come_further_may_be_interrupted_often(walk: Walk) -> None:
    for number in range(10):
        walk.trainer.states = {str(number): [TrainingState(status="interrupted")]}
        walk.progress(step=number + 1, total_steps=100)
        assert walk.check()["next"] == "start"
        walk.start()

    assert len(walk.trainer.started) == 11


def test_a_job_that_was_never_made_is_made(walk: Walk) -> None:
    assert walk.check()["next"] == "start"
    assert walk.state["attempt"]["number"] == 0


def test_a_stop_reaches_the_job_once_and_wins_over_a_model_that_was_done_just_then(walk: Walk) -> None:
    walk.trainer.states = {"0": [TrainingState(status="training")] * 2 + [TrainingState(status="completed")]}
    lifecycle.cancel(runs.get(walk.run.org_id, walk.run.run_id))

    assert [walk.check()["next"], walk.check()["next"], walk.check()["next"]] == ["wait", "wait", "close"]
    assert len(walk.trainer.stopped) == 1
    assert walk.close().status == "cancelled"


@pytest.mark.parametrize("before_the_evaluation", [True, False])
def test_a_stop_while_the_model_is_evaluated_leaves_no_model(walk: Walk, before_the_evaluation: bool) -> None:
    org_id, prefix = walk.run.org_id, jobs.model_prefix(walk.run, jobs.job_name(walk.run, 0))
    walk.write(f"{prefix}/metrics.json", "{}")
    walk.trainer.states = {"0": [TrainingState(status="completed")]}
    walk.check()
    walk.state = registering.register_model(walk.state)
    if not before_the_evaluation:
        walk.state = evaluating.evaluate_model(walk.state)

    stopped = stopping.stop(org_id)
    if before_the_evaluation:
        walk.state = evaluating.evaluate_model(walk.state)
    run = walk.close()

    assert stopped.run_id == run.run_id
    assert run.status == "cancelled"
    assert (status.of_run(run).status, status.of_run(run).model_id) == ("stopped", None)
    assert trained_models.of_organisation(org_id) == []
    assert list(platform.current().files.list(f"{prefix}/")) == []
    assert training_state.of(org_id).active_run is None
    with pytest.raises(NotFound, match="nothing to stop"):
        stopping.stop(org_id, run.run_id)


def test_a_model_that_somebody_uses_by_then_stays(walk: Walk) -> None:
    prefix = jobs.model_prefix(walk.run, jobs.job_name(walk.run, 0))
    walk.write(f"{prefix}/metrics.json", "{}")
    walk.trainer.states = {"0": [TrainingState(status="completed")]}
    walk.check()
    walk.state = registering.register_model(walk.state)
    [model] = trained_models.of_organisation(walk.run.org_id)
    trained_models.hold(model, "call-1", 60)
    stopping.stop(walk.run.org_id)

    run = walk.close()

    assert run.status == "completed"
    assert [m.status for m in trained_models.of_organisation(run.org_id)] == ["ready"]


def priced(walk: Walk, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
    """The run costs money from now on, as on AWS."""
    request = {**REQUEST, "instance_type": "ml.g5.xlarge", **options}
    walk.run = run_status.change(walk.run, {"config": {**walk.run.config, "request": request}})
    monkeypatch.setattr(memory, "choose", lambda chosen: instances.get(chosen.instance_type))
    platform.use(replace(platform.current(), name="aws"))


@pytest.mark.parametrize("said", [{"billable_seconds": 600}, {"started_at": "2026-01-01T00:00:00Z"}])
def test_the_budget_counts_every_attempt_of_a_training(
    said: dict[str, Any], walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = instances.get("ml.g5.xlarge").usd_per_hour
    priced(walk, monkeypatch, max_cost_usd=hour * 1200 / 3600 + 1e-6)
    gone = TrainingState(status="interrupted", ended_at="2026-01-01T00:10:00Z", **said)
    walk.trainer.states = {str(n): [gone] for n in range(3)}
    walk.progress(step=1, total_steps=100)

    walk.check()
    walk.start()
    walk.progress(step=2, total_steps=100)
    walk.check()
    walk.start()

    assert [request.max_runtime_seconds for request in walk.trainer.started[1:]] == [600]
    assert "max_cost_usd is used up by 2 interrupted attempts" in str(walk.close().error)


def test_instances_that_are_kept_warm_are_paid_for_as_well(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    hour = instances.get("ml.g5.xlarge").usd_per_hour
    priced(walk, monkeypatch, max_cost_usd=hour + 1e-6, warm_pool_seconds=600, volume_gb=30)

    request = attempts.request_of(walk.run, 0)

    assert (request.max_runtime_seconds, request.warm_pool_seconds, request.volume_gb) == (3000, 600, 30)


def test_what_the_program_said_last_is_no_message_of_a_later_stage(walk: Walk) -> None:
    walk.progress(stage="evaluating", step=1, total_steps=1, message="the tuned model answers 20 held-out lines")
    run = run_status.advance(walk.run, "training", "evaluating")
    during = status.of_run(run).message

    after = status.of_run(run_status.advance(run, "training", "finalizing")).message

    assert (during, after) == ("the tuned model answers 20 held-out lines", "Registering the model")


def test_a_program_that_is_done_leaves_the_rest_to_us_before_and_after_the_next_look(walk: Walk) -> None:
    walk.trainer.states = {"0": [TrainingState(status="training")]}
    walk.progress(stage="evaluating", step=4, total_steps=4)
    walk.check()
    walk.progress(stage="done", step=4, total_steps=4, message=None)
    seen = []
    for _ in range(2):
        found = status.of_run(runs.get(walk.run.org_id, walk.run.run_id))
        seen.append((found.stage, found.message))
        walk.check()

    assert seen == [("finalizing", "Registering the model")] * 2


def test_a_job_stopped_by_somebody_else_is_an_error_that_says_so(walk: Walk) -> None:
    walk.trainer.states = {"0": [TrainingState(status="stopped")]}

    assert walk.check()["next"] == "close"
    assert "stopped from outside of Data Forge" in str(walk.close().error)


def test_metrics_of_the_log_stand_in_for_a_progress_file_that_is_not_there(walk: Walk) -> None:
    metrics = {"loss": 0.5, "step": 40.0, "total_steps": 100.0}
    message = "Downloading the training image"
    walk.trainer.states = {"0": [TrainingState(status="training", message=message, metrics=metrics)]}
    walk.check()

    found = status.of_run(runs.get(walk.run.org_id, walk.run.run_id))

    assert (found.loss, found.progress, found.message) == (0.5, 40.0, message)


def test_half_a_line_and_numbers_that_are_none_do_not_disturb_the_status(walk: Walk) -> None:
    lines = '{"step": 3, "total_steps": 7, "epoch": 0.4, "loss": NaN}\n{"step": 3, "total_steps": 7, "loss": 0.5}\n{"st'
    walk.write(jobs.checkpoints(walk.run, "progress.jsonl"), lines)

    found = status.of_run(runs.get(walk.run.org_id, walk.run.run_id))

    assert (found.current_step, found.progress, found.loss) == (3, 42.9, 0.5)


def test_registering_and_evaluating_twice_make_one_model(walk: Walk) -> None:
    prefix = jobs.model_prefix(walk.run, jobs.job_name(walk.run, 0))
    walk.write(f"{prefix}/metrics.json", json.dumps({"final_loss": 0.5, "base": {"eval_loss": 2.0}}))
    walk.write(f"{prefix}/README.md", "x" * 40_000)
    walk.trainer.states = {"0": [TrainingState(status="completed")]}
    walk.check()

    for _ in range(2):
        registering.register_model(walk.state)
        evaluating.evaluate_model(walk.state)
    run = walk.close()

    [model] = trained_models.of_organisation(run.org_id)
    assert (model.model_id, model.status, dict(model.holds)) == (1, "ready", {})
    assert model.evaluation
    assert (model.evaluation["base"], model.evaluation["tuned"]) == ({"eval_loss": 2.0}, {"final_loss": 0.5})
    assert (model.evaluation["lines"], model.evaluation["gain"]) == (0, None)
    assert len(model.card) < 33_000
    assert (run.status, run.delivered, run.failed) == ("completed", 1, 0)


def test_a_completed_job_without_files_is_no_model(walk: Walk) -> None:
    walk.trainer.states = {"0": [TrainingState(status="completed")]}
    walk.check()

    with pytest.raises(registering.NoModel, match="no file under"):
        registering.register_model(walk.state)


def test_a_run_that_ended_without_releasing_its_organisation_does_not_block_the_next(walk: Walk) -> None:
    run_status.change(walk.run, {"status": "failed", "completed_at": clock.now()})
    assert training_state.of(walk.run.org_id).active_run == walk.run.run_id

    again = starting.start(walk.run.org_id, walk.run.user_id, REQUEST)

    assert training_state.of(walk.run.org_id).active_run == again.run_id


def test_looks_grow_rarer_on_aws_so_that_28_days_fit_into_one_execution(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_TRAINING_POLL", "20")
    settings.get.cache_clear()
    platform.use(replace(platform.current(), name="aws"))
    began, waited, looks = clock.epoch(), 0, 0
    while waited < 28 * 86_400:
        monkeypatch.setattr(clock, "epoch", lambda at=began + waited: at)
        waited += following.pause(Attempt(began=began))
        looks += 1

    assert looks * 14 < 25_000, "events of one execution, 14 for each look"
    settings.get.cache_clear()
