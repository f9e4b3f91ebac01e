"""Synthetic runs at batch price, both backends: every pass of a call waits for a job of its own teacher."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from dataforge import ids
from dataforge.platform import current
from dataforge.store import ledger, run_log, runs
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge.workflows.engine.provider_batch import submitting
from dataforge_functions import on_jobs_changed
from tests.support.batch_servers import KEY, BatchServer, Body, Plot, Refused, openai_batches, serving
from tests.support.scripted_replies import kind_of, scripted_reply
from tests.support.service import Service, aws_is_slow
from tests.support.synthetic_api import Synthetic
from tests.support.synthetic_batches import COST, MODELS, PLAIN, WHOLE, WRITER
from tests.support.waiting import until


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """Ask for it before `service`, whose workers inherit its address."""
    with openai_batches(Plot(reply=scripted_reply)) as made:
        for name, value in {
            "OPENAI_BASE_URL": made.url,
            "OPENAI_API_KEY": KEY,
            "DATAFORGE_BATCH_POLL": "1",
            "DATAFORGE_BATCH_LEAST": "1",
            "DATAFORGE_BATCH_CALLS": "2",
            "DATAFORGE_MODELS": json.dumps(MODELS),
        }.items():
            monkeypatch.setenv(name, value)
        yield made


def batch(**request: Any) -> Body:
    return {**request, "mode": "batch"}


def stored(service: Service, job: Body) -> Run:
    return runs.get(service.headers["X-Organization-ID"], job["job_id"])


def counts(service: Service, job: Body) -> tuple[int, int, int, int]:
    run = stored(service, job)
    assert run.asked == run.delivered + run.rejected + run.failed, run
    return run.asked, run.delivered, run.rejected, run.failed


def logs(job: Body) -> str:
    return "\n".join(str(line["message"]) for line in run_log.tail(job["job_id"], 200))


def asked(provider: BatchServer) -> list[str]:
    """The kinds of questions of each job."""
    return ["+".join(f"{n} {k}" for k, n in Counter(map(kind_of, lines)).items()) for lines in provider.batched]


@aws_is_slow
def test_every_pass_goes_out_as_jobs_of_its_own_model_for_half_the_price(
    provider: BatchServer, service: Service
) -> None:
    """The same records and counts as in real time; the first call is made in real time, from end to end."""
    api = Synthetic(service)
    live = api.run(WHOLE)
    in_real_time = len(provider.asked)

    job = api.run(batch(**WHOLE))

    assert (job["status"], job["mode"], live["mode"]) == ("succeeded", "batch", "realtime"), logs(job)
    assert counts(service, job) == counts(service, live) == (20, 20, 0, 0)
    assert _written(api, job) == _written(api, live)
    assert asked(provider) == ["4 preference", "4 critic", "4 judge", "4 invariants"]
    assert [{b["model"] for b in lines} for lines in provider.batched] == [
        {"writer"},
        {"critic"},
        {"gpt-4o-mini"},
        {"gpt-4o-mini"},
    ]
    assert Counter(map(kind_of, provider.asked[in_real_time:])) == dict.fromkeys(
        ("taxonomy", "preference", "critic", "judge", "invariants"), 1
    )
    call = COST["writer"] + COST["critic"] + 2 * COST["gpt-4o-mini"]
    assert stored(service, live).cost_usd == pytest.approx(COST["writer"] + 5 * call)
    assert stored(service, job).cost_usd == pytest.approx(COST["writer"] + call + 4 * call / 2)
    assert provider.files == {}
    assert "Sent 4 questions to the critic for 16 records as batch job batch_0001" in logs(job)
    assert (
        job["cost_usd"] == live["cost_usd"] == ledger.charged(service.headers["X-Organization-ID"], job["job_id"]) / 1e6
    )
    manifest = api.file(f"/jobs/{job['job_id']}/manifest")
    assert manifest["parameters"]["mode"] == "batch"
    lineage = [r["lineage"]["job"] for r in run_files.read_lines(stored(service, job), "records.jsonl")]
    assert Counter(lineage) == {None: 4, "batch_0000": 16}


def _written(api: Synthetic, job: Body) -> list[str]:
    fields = ("prompt", "chosen", "rejected", "chosen_score", "rejected_score", "reasoning")
    return sorted(json.dumps([r[f] for f in fields]) for r in api.records(job["job_id"]))


@aws_is_slow
def test_what_was_rejected_is_tried_again_by_job_with_what_is_written_in_sight(
    provider: BatchServer, service: Service
) -> None:
    """The first record that the judge sees, in the call that is made in real time; its sub-topic has another."""
    turns = itertools.count()

    def strict(body: Body) -> str:
        answer = scripted_reply(body)
        if kind_of(body) == "judge" and next(turns) == 0:
            return answer.replace('"relevance": 9.0, "accuracy": 8.0', '"relevance": 2.0, "accuracy": 2.0', 1)
        return answer

    provider.plot.reply = strict
    api = Synthetic(service)

    job = api.run(batch(**{**PLAIN, "count": 40}, verified=True))

    assert counts(service, job) == (41, 40, 1, 0), logs(job)
    assert asked(provider) == ["9 instruction", "9 judge", "1 instruction", "1 judge"]
    first, again = provider.batched[0], provider.batched[2]
    assert not any("Already written" in b["messages"][1]["content"] for b in first)
    assert "Already written on this sub-topic" in again[0]["messages"][1]["content"]
    assert job["summary"]["rejection_breakdown"] == {"judge_rejected": 1}


@pytest.mark.slow
def test_a_correction_and_a_lost_line_wait_for_the_next_job_beside_the_questions_of_other_teachers(
    provider: BatchServer, service: Service
) -> None:
    """Job 0 loses a line and one of its replies cannot be read: both are asked again while the critic has the rest."""

    def moody(body: Body) -> str:
        spoilt = kind_of(body) == "preference" and len(body["messages"]) == 2 and "cargo rules" in _topics(body)
        return "I would rather not." if spoilt else scripted_reply(body)

    error = {"status": 500, "code": "server_error"}
    provider.plot.reply = moody
    provider.plot.line = lambda job, line: error if (job, line) == (0, 2) else None
    api = Synthetic(service)

    job = api.run(batch(**WHOLE))

    made = asked(provider)
    assert counts(service, job) == (20, 20, 0, 0), logs(job)
    assert made[0] == "4 preference"
    assert Counter(kind_of(b) for lines in provider.batched for b in lines)["critic"] == 4
    in_jobs = sum(len(lines) for lines in provider.batched) + len(provider.asked)
    assert in_jobs == 1 + 5 * 4 + 1 + 1  # sub-topics, every pass of every call, the correction, the lost line
    assert "4 are asked again" not in logs(job)
    assert "1 are asked again: HTTP 500: The request failed" in logs(job)
    corrections = [b for lines in [*provider.batched, provider.asked] for b in lines if len(b["messages"]) == 4]
    assert len(corrections) == 1
    asked_first = next(
        b
        for lines in [*provider.batched, provider.asked]
        for b in lines
        if len(b["messages"]) == 2 and kind_of(b) == "preference" and "cargo rules" in _topics(b)
    )
    assert corrections[0]["messages"][:2] == asked_first["messages"]


def _topics(body: Body) -> str:
    return body["messages"][1]["content"]


@pytest.fixture
def jobs_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_LEAST", "3")


@pytest.mark.slow
def test_a_tail_too_small_for_a_job_goes_through_all_its_passes_in_real_time(
    provider: BatchServer, jobs_of_three: None, service: Service
) -> None:
    provider.plot.line = lambda job, line: {"code": "odd", "message": "lost"} if (job, line) == (0, 0) else None
    api = Synthetic(service)

    job = api.run(batch(**WHOLE))

    assert counts(service, job) == (20, 20, 0, 0), logs(job)
    assert asked(provider) == ["4 preference", "3 critic", "3 judge", "3 invariants"]
    assert Counter(map(kind_of, provider.asked)) == {
        "taxonomy": 1,
        "preference": 2,
        "critic": 2,
        "judge": 2,
        "invariants": 2,
    }
    assert "The rest is asked in real time, at full price" in logs(job)


@aws_is_slow
def test_a_critic_without_batch_jobs_is_asked_in_real_time_as_soon_as_there_is_something_to_score(
    provider: BatchServer, keyless: str, service: Service
) -> None:
    request = {**WHOLE, "models": {**WRITER, "critic": {"provider": "ollama", "model": "critic"}}}
    api = Synthetic(service)

    job = api.run(batch(**request))

    assert counts(service, job) == (20, 20, 0, 0), logs(job)
    assert asked(provider) == ["4 preference", "4 judge", "4 invariants"]
    assert Counter(map(kind_of, provider.asked))["critic"] == 5


@pytest.fixture
def keyless(provider: BatchServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same server for those that send no key."""

    def handle(method: str, path: str, headers: Any, raw: bytes) -> tuple[int, bytes]:
        told_type = {"Content-Type": headers["Content-Type"], "Authorization": f"Bearer {KEY}"}
        return provider.handle(method, path, told_type, raw)

    with serving(handle) as address:
        monkeypatch.setenv("OLLAMA_BASE_URL", f"{address}/v1")
        yield address


@aws_is_slow
def test_cancel_keeps_what_the_job_had_answered(provider: BatchServer, service: Service) -> None:
    provider.plot.job_status = lambda _: "hold"
    api = Synthetic(service)
    job_id = api.start(batch(**PLAIN))["job_id"]
    until(lambda: any(b.steps > 1 for b in provider.batches.values()))
    waiting = api.call("GET", f"/jobs/{job_id}")

    api.call("POST", f"/jobs/{job_id}/cancel")
    job = api.wait(job_id)
    until(lambda: runs.get(service.headers["X-Organization-ID"], job_id).status == "cancelled")

    assert (waiting["status"], waiting["stage"], waiting["progress"]) == ("running", "waiting", 36)  # 8 of 20, of 90
    assert (job["status"], job["error"]) == ("failed", "cancelled by user")
    assert counts(service, job) == (20, 12, 0, 8), logs(job)
    assert [b.resource["status"] for b in provider.batches.values()] == ["cancelled"]
    assert len(api.records(job_id)) == 12


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ({"generator": {"provider": "templated", "model": "templated"}}, "the teacher templated has no batch API"),
        ({"generator": {"provider": "ollama", "model": "llama3"}}, "the teacher ollama:llama3 has no batch API"),
    ],
)
def test_a_generator_without_batch_jobs_is_refused_before_anything_is_spent(
    provider: BatchServer, service: Service, models: Body, words: str
) -> None:
    api = Synthetic(service)
    body = {**PLAIN, "models": models, "mode": "batch"}

    refused = api.start(body, expect=422)
    quoted = api.start({**body, "estimate": True}, expect=422)

    assert refused["errors"][0]["field"] == quoted["errors"][0]["field"] == "mode"
    assert words in refused["message"]
    assert api.call("GET", "/jobs")["jobs"] == []
    assert provider.asked == []


@aws_is_slow
def test_a_critic_that_refuses_shows_before_any_job(provider: BatchServer, service: Service) -> None:
    def refusing(body: Body) -> str:
        if body["model"] == "critic":
            raise Refused(404, "The model critic does not exist", "model_not_found")
        return scripted_reply(body)

    provider.plot.reply = refusing
    api = Synthetic(service)

    job = api.run(batch(**WHOLE))

    assert provider.batches == {}
    assert (job["status"], counts(service, job)) == ("failed", (20, 0, 0, 20)), logs(job)
    assert "The model critic does not exist" in job["error"]
    assert Counter(map(kind_of, provider.asked)) == {"taxonomy": 1, "preference": 1, "critic": 1}


@pytest.mark.slow
def test_a_critic_whose_jobs_bring_nothing_ends_the_run_without_top_ups(
    provider: BatchServer, service: Service
) -> None:
    provider.plot.job_status = lambda job: "failed:invalid_url" if job else "completed"
    api = Synthetic(service)

    job = api.run(batch(**WHOLE))

    assert asked(provider) == ["4 preference", "4 critic", "4 critic"]
    assert counts(service, job) == (20, 4, 0, 16), logs(job)
    assert stored(service, job).reasons["failed"] == {"critic_batch_job_failed": 16}
    assert "The batch failed: invalid_url" in logs(job)


@pytest.fixture
def long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_POLL", "900")
    monkeypatch.setattr(submitting, "FIRST_PAUSE", 900)


@pytest.mark.parametrize("service", ["aws"], indirect=True)
def test_an_event_wakes_the_run_at_every_pass(provider: BatchServer, long_pauses: None, service: Service) -> None:
    """Nobody looks for a quarter of an hour."""
    provider.steps = ()
    api = Synthetic(service)
    job_id = api.start(batch(**PLAIN, verified=True))["job_id"]

    for number in range(2):
        until(lambda number=number: number in [b.number for b in provider.batches.values()] and waits_for(job_id))
        name = [*provider.batches.values()][number].resource["metadata"]["dataforge_job"]
        assert on_jobs_changed.handler({"detail": {"batchJobName": name}}, None) == {"woken": True}
    job = api.wait(job_id)

    assert counts(service, job) == (20, 20, 0, 0), logs(job)
    assert asked(provider) == ["4 instruction", "4 judge"]


def waits_for(job_id: str) -> bool:
    return current().tables.get("admissions", {"scope": f"wait#{ids.tail(job_id)}"}) is not None


@aws_is_slow
def test_a_job_whose_creation_got_no_answer_is_found_again(provider: BatchServer, service: Service) -> None:
    provider.crash_after_create = 1
    api = Synthetic(service)

    job = api.run(batch(**PLAIN))

    assert counts(service, job) == (20, 20, 0, 0), logs(job)
    assert asked(provider) == ["4 instruction"]
    left = [f.key for f in current().files.list(run_files.key_of(stored(service, job), "round-0/jobs-"))]
    assert not any(key.endswith(".jsonl") for key in left)
