"""Batch inference of Bedrock, both backends: S3 in, S3 out."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dataforge import ids, platform, settings
from dataforge.platform.aws import signing
from dataforge.store import run_log, runs
from dataforge.workflows.engine.provider_batch import submitting
from dataforge_functions import on_jobs_changed
from tests.support import scripted_replies
from tests.support.batch_servers import Body
from tests.support.bedrock_server import KEY_ID, REGION, ROLE, SECRET, BedrockServer, bedrock, bucket_server
from tests.support.dead_machines import closed, is_dead, kill, noticed_at_once
from tests.support.document_batches import counts, logs
from tests.support.service import BUCKET, Service, aws_is_slow
from tests.support.synthetic_api import Synthetic
from tests.support.waiting import until

pytestmark = pytest.mark.slow  # Bedrock takes no job of fewer than a hundred questions
LIVE, HALF = (1000 * 2.0 + 100 * 10.0) / 1e6, (1000 * 1.0 + 100 * 5.0) / 1e6
PRICED = json.dumps(
    {
        "models": [
            {
                "id": "priced",
                "backends": ["bedrock:amazon.stand-in-v1:0"],
                "price": {"input": 2.0, "output": 10.0, "batch": 0.5},
            }
        ]
    }
)
SECTIONS = 110


def words(n: int) -> list[str]:
    """Of a section, and of no other."""
    rng = random.Random(n)
    return ["".join(rng.choices("abcdefghijklmnoprstuvwxyz", k=7)) for _ in range(12)]


def model_reply(body: Body) -> str:
    shown = body["messages"][0]["content"][0]["text"]
    said = words(int(shown.partition("number ")[2].partition(" ")[0]))
    sentence = f"{' '.join(said).capitalize()}."
    return json.dumps(
        {
            "pairs": [
                {
                    "question": f"What of {' '.join(said[:4])}?",
                    "answer": sentence,
                    "question_type": "factual",
                    "difficulty": "easy",
                    "evidence": [sentence],
                }
            ]
        }
    )


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[BedrockServer]:
    """On the embedded backend the bucket is a server, too. Ask for it before `service`."""
    with bedrock(model_reply) as made, bucket_server() as (bucket, address):
        for name, value in {
            "DATAFORGE_BEDROCK_URL": made.url,
            "DATAFORGE_BATCH_ROLE": ROLE,
            "DATAFORGE_BATCH_BUCKET": BUCKET,
            "DATAFORGE_BATCH_POLL": "2",
            "DATAFORGE_MODELS": PRICED,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "DATAFORGE_BUCKET": BUCKET,
            "DATAFORGE_BATCH_CALLS": "40",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        if "embedded" in request.node.name:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)
            made.read = lambda b, k: bucket.objects[b, k]
            made.write = lambda b, k, data: bucket.objects.__setitem__((b, k), data)
        signing._session.cache_clear()  # it holds the credentials of whoever signed first
        yield made
        signing._session.cache_clear()


def harbour(service: Service) -> str:
    project_id = service.project()
    body = "\n\n".join(
        f"## Section {n}\n\nThis is number {n} of them. {' '.join(words(n)).capitalize()}. "
        + f"It was written down by clerk {n}. " * 12
        for n in range(SECTIONS)
    )
    service.upload(project_id, "rules.md", body.encode())
    service.parse(project_id)
    return project_id


def generate(service: Service, project_id: str, **config: object) -> dict[str, Any]:
    return service.generate(
        project_id, model_id="priced", num_pairs=SECTIONS - 5, config={"mode": "batch", "pairs_per_chunk": 1, **config}
    )


# checklist 183
def test_a_job_reads_and_writes_the_bucket_and_its_tail_is_asked_in_real_time(
    provider: BedrockServer, service: Service
) -> None:
    provider.line = lambda _, line: {"errorCode": 500, "errorMessage": "internal"} if line < 4 else None

    run = generate(service, harbour(service))

    assert counts(run) == (105, 105, 0, 0), logs(service, run)
    (job,) = provider.jobs.values()
    assert len(job.lines) == 104
    assert job.resource["modelInvocationType"] == "Converse"
    assert len(provider.asked) == 1 + 4
    assert run["costUsd"] == pytest.approx(5 * LIVE + 100 * HALF)
    assert "4 are asked again: 500: internal" in logs(service, run)


@aws_is_slow
def test_what_expires_half_way_is_asked_again_and_a_stopped_job_keeps_what_it_has(
    provider: BedrockServer, service: Service
) -> None:
    provider.job_status = lambda job: "Expired" if job == 0 else "Completed"

    run = generate(service, harbour(service))

    assert counts(run) == (105, 105, 0, 0), logs(service, run)
    assert [len(j.lines) for j in provider.jobs.values()] == [104]
    assert len(provider.asked) == 1 + 52  # too few for another job
    assert "brought 52 of 104 replies" in logs(service, run)


@aws_is_slow
def test_a_job_whose_creation_got_no_answer_is_not_made_again(provider: BedrockServer, service: Service) -> None:
    provider.lose_answers = 1

    run = generate(service, harbour(service))

    assert counts(run) == (105, 105, 0, 0), logs(service, run)
    assert len(provider.jobs) == 1


def start_held(provider: BedrockServer, service: Service, project_id: str) -> str:
    """A run whose job does not end."""
    provider.job_status = lambda _: "hold"
    body = {"model_id": "priced", "num_pairs": 105, "config": {"mode": "batch", "pairs_per_chunk": 1}}
    run_id = service.call("POST", f"/projects/{project_id}/generate", json=body)["generationId"]
    until(lambda: any(job.steps > 1 for job in provider.jobs.values()))
    return str(run_id)


# checklist 184, 185
@pytest.mark.parametrize(
    ("then", "delivered", "status"),
    [("Completed", 105, "Completed"), ("Expired", 53, "Expired"), ("hold", 53, "Stopped")],
)
@aws_is_slow
def test_a_run_whose_machine_died_gets_what_its_job_has_answered(
    provider: BedrockServer,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    then: str,
    delivered: int,
    status: str,
) -> None:
    run_id = start_held(provider, service, harbour(service))
    provider.job_status = lambda _: then if is_dead("generate", run_id) else "hold"

    kill("generate", run_id)
    noticed_at_once(monkeypatch)
    run = closed(service, run_id)

    assert run["status"] == "failed"
    assert counts(run) == (105, delivered, 0, 105 - delivered), logs(service, run)
    assert run["costUsd"] == pytest.approx(LIVE + (delivered - 1) * HALF)
    assert [job.resource["status"] for job in provider.jobs.values()] == [status]
    assert len(provider.asked) == 1, "nothing is asked again"


# checklist 184
@aws_is_slow
def test_a_prompt_that_is_refused_inside_a_job_fails_its_own_slot_and_the_rest_goes_on(
    provider: BedrockServer, service: Service
) -> None:
    too_long = {"errorCode": 400, "errorMessage": "Input is too long for requested model."}
    provider.line = lambda job, line: too_long if (job, line) == (0, 7) else None

    run = generate(service, harbour(service))

    asked, delivered, _, failed = counts(run)
    assert (delivered, failed) == (104, 1), logs(service, run)
    assert run["reasons"]["failed"] == {"prompt_refused": 1}
    assert len(provider.asked) == 1 + (asked - 105), "top-ups only: the refused prompt is not asked again"
    assert "1 prompts were refused: 400: Input is too long" in logs(service, run)


@pytest.fixture
def long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_POLL", "900")
    monkeypatch.setattr(submitting, "FIRST_PAUSE", 900)


@pytest.mark.parametrize("service", ["aws"], indirect=True)
def test_the_event_of_a_job_wakes_its_run_and_a_cancel_too(
    provider: BedrockServer, long_pauses: None, service: Service
) -> None:
    """Nobody looks for a quarter of an hour."""
    provider.job_status = lambda _: "hold"
    project_id = harbour(service)
    body = {"model_id": "priced", "num_pairs": 105, "config": {"mode": "batch", "pairs_per_chunk": 1}}
    run_id = service.call("POST", f"/projects/{project_id}/generate", json=body)["generationId"]
    until(lambda: waits_for(run_id))
    (job,) = provider.jobs.values()

    answer = on_jobs_changed.handler({"detail": {"batchJobName": job.resource["jobName"], "status": "Completed"}}, None)
    until(lambda: job.steps == 1)
    until(lambda: waits_for(run_id))
    service.call("POST", f"/generations/{run_id}/cancel")
    until(lambda: job.resource["status"] == "Stopping")
    until(lambda: waits_for(run_id))
    time.sleep(0.2)
    assert job.resource["status"] == "Stopping"  # nobody looks all the time meanwhile
    on_jobs_changed.handler({"detail": {"batchJobName": job.resource["jobName"], "status": "Stopped"}}, None)
    run = service.wait(run_id)

    assert answer == {"woken": True}
    assert on_jobs_changed.handler({"detail": {"batchJobName": job.resource["jobName"]}}, None) == {"woken": False}
    assert on_jobs_changed.handler({"detail": {"batchJobName": "somebody-elses"}}, None) == {"woken": False}
    assert counts(run) == (105, 53, 0, 52), logs(service, run)


def waits_for(run_id: str) -> bool:
    scope = f"wait#{ids.tail(run_id)}"
    return platform.current().tables.get("admissions", {"scope": scope}) is not None


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
def test_a_machine_without_a_role_says_what_to_set_and_a_small_run_how_many_it_takes(
    provider: BedrockServer, monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    project_id = harbour(service)
    body: dict[str, Any] = {"model_id": "priced", "num_pairs": 60, "config": {"mode": "batch"}}

    small = service.call("POST", f"/projects/{project_id}/generate", json=body, expect=422)
    monkeypatch.delenv("DATAFORGE_BATCH_ROLE")
    settings.get.cache_clear()
    bare = service.call("POST", f"/projects/{project_id}/generate", json={**body, "num_pairs": 105}, expect=422)

    assert small["errors"][0]["field"] == bare["errors"][0]["field"] == "mode"
    assert "takes at least 100 requests, and this run asks only" in small["message"]
    assert "set DATAFORGE_BATCH_BUCKET and DATAFORGE_BATCH_ROLE" in bare["message"]
    assert provider.asked == []


SYNTHETIC = {
    "schema": "instruction_v1",
    "domain": "harbours",
    "verified": True,
    "mode": "batch",
    "models": {"generator": {"provider": "bedrock", "model": "amazon.stand-in-v1:0"}},
}


def voiced(body: Body) -> str:
    return scripted_replies.scripted_reply(
        {"messages": [{"content": body["system"][0]["text"]}, {"content": body["messages"][0]["content"][0]["text"]}]}
    )


@aws_is_slow
def test_a_synthetic_run_asks_writer_and_judge_one_after_the_other(provider: BedrockServer, service: Service) -> None:
    """Here they are one model. A lost line of the judge's is too few for a job and asked in real time."""
    provider.reply = voiced
    provider.line = lambda job, line: {"errorCode": 500, "errorMessage": "internal"} if (job, line) == (1, 0) else None
    api = Synthetic(service)

    job = api.run({**SYNTHETIC, "count": 420})

    run = runs.get(service.headers["X-Organization-ID"], job["job_id"])
    assert (run.asked, run.delivered, run.failed) == (420, 420, 0), run_log.tail(run.run_id, 200)
    assert [len(j.lines) for j in provider.jobs.values()] == [104, 104]
    assert len(provider.asked) == 1 + 2 + 1  # sub-topics, the first call, the lost line
    assert run.cost_usd == pytest.approx(4 * LIVE + 207 * HALF)
    assert job["models"] == dict.fromkeys(("generator", "judge"), "bedrock:amazon.stand-in-v1:0") | {"critic": None}


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
def test_a_synthetic_run_too_small_for_a_job_is_refused(provider: BedrockServer, service: Service) -> None:
    refused = Synthetic(service).start({**SYNTHETIC, "count": 400}, expect=422)

    assert refused["errors"][0]["field"] == "mode"
    assert (
        "takes at least 100 requests, and this run asks only 100 (one of them beforehand); raise count"
        in (refused["message"])
    )
    assert provider.asked == []
