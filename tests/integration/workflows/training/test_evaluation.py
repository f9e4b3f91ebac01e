"""Base against tuned on held-out lines, a verifier's win rate, and what to improve: over HTTP on both backends."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest

from dataforge import platform
from dataforge.store import replies, runs, trained_models
from dataforge.workflows.training import evaluating, held_out, jobs
from tests.support.comparing_judge import Judge
from tests.support.scripted_replies import said
from tests.support.service import Service
from tests.support.trainings import FULL, Trainings

Json = dict[str, Any]
VERIFIER = "openai:gpt-4o-mini"
SENTENCES = {name: [said(f"{name} {n}") for n in range(30)] for name in ("guide.md", "faq.md")}


def project(service: Service) -> str:
    project_id = service.project()
    for name, sentences in SENTENCES.items():
        service.upload(project_id, name, f"# {name[:-3].title()}\n\n{' '.join(sentences)}\n".encode())
    service.parse(project_id)
    return project_id


def chunks_of(service: Service, project_id: str, name: str) -> list[str]:
    documents = service.call("GET", f"/projects/{project_id}/documents")
    [document_id] = [d["documentId"] for d in documents if d["name"] == name]
    found = service.call("GET", f"/projects/{project_id}/chunks")
    return [c["chunkId"] for c in found["chunks"] if c["documentId"] == document_id]


def grow(service: Service, project_id: str, chunk_ids: list[str], pairs: int) -> None:
    made = service.generate(
        project_id, model_id=VERIFIER, num_pairs=pairs, chunk_ids=chunk_ids,
        config={"auto_accept_min_quality": 0.0, "check_duplicates": False},
    )  # fmt: skip
    assert made["counts"]["delivered"] >= 0.7 * pairs, made


def different(count: int) -> list[Json]:
    """Lines that no split takes for each other."""
    return [{"input": said(f"question {n}", 8), "output": said(f"answer {n}", 8)} for n in range(count)]


def uploaded_lines(api: Trainings, each: int = 8) -> str:
    """Uploaded lines on both documents, which no training has."""
    rows = [
        {"instruction": f"{name}: what of {n}?", "output": f"It is {n} of {name}.", "topic": name, "id": f"{name}/{n}"}
        for name in SENTENCES
        for n in range(each)
    ]
    return api.dataset(name="held-out.jsonl", rows=rows)


def wait_for_verifier(api: Trainings, model_id: int) -> Json:
    end = time.monotonic() + 60
    while (found := api.call("GET", f"/models/{model_id}")["evaluation"]["verifier"])["status"] == "running":
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


# checklist 196, 197
def test_a_weak_topic_leads_to_its_chunks_and_more_of_them_to_a_better_model(judge: Judge, service: Service) -> None:
    api, project_id = Trainings(service), project(service)
    guide, faq = (chunks_of(service, project_id, name) for name in SENTENCES)
    grow(service, project_id, guide, 12)
    grow(service, project_id, faq, 2)
    exported = service.call("POST", f"/projects/{project_id}/export", json={})

    started = api.start(dataset=f"{project_id}@1", eval_dataset=uploaded_lines(api), eval_split=0, num_train_epochs=1)
    first = api.call("GET", f"/models/{api.wait(started['job_id'])['model_id']}")
    wanted = api.call("GET", f"/models/{first['id']}/improvement")

    found = first["evaluation"]
    assert (found["lines"], found["measured_on"]["dataset"]) == (16, "held-out.jsonl")
    assert found["measured_on"]["left_out_as_learnt"] == 0
    assert (found["base"]["exact_match"]["value"], found["tuned"]["exact_match"]["value"]) == (0, 0.5)
    assert found["tuned"]["exact_match"]["low"] < 0.5 < found["tuned"]["exact_match"]["high"]
    assert found["tuned"]["rougeL"]["value"] == found["tuned"]["f1"]["value"] == 0.5
    assert (found["gain"]["gained"], found["gain"]["lost"], found["gain"]["is_noise"]) == (8, 0, False)
    topics = {t["topic"]: t for t in found["topics"]}
    assert {name: t["tuned"]["exact_match"]["value"] for name, t in topics.items()} == {"faq.md": 0, "guide.md": 1}
    assert [name for name, t in topics.items() if t["is_weak"]] == ["faq.md"]

    api.call("POST", f"/models/{first['id']}/evaluate", json={"verifier": VERIFIER, "max_cost_usd": 1})
    won = wait_for_verifier(api, first["id"])["topics"]
    assert [(t["topic"], t["lines"], t["wins"], t["ties"], t["win_rate"]["value"]) for t in won] == [
        ("faq.md", 8, 0, 8, 0.5),
        ("guide.md", 8, 8, 0, 1),
    ]

    provenance = first["provenance"]
    assert (provenance["dataset"], provenance["lines"]["train"]) == (f"{project_id}@1", exported["pairCount"])
    assert {d["name"] for d in provenance["documents"]} == set(SENTENCES)
    text = f"# Faq\n\n{' '.join(SENTENCES['faq.md'])}\n".encode()
    assert hashlib.sha256(text).hexdigest() in {d["sha256"] for d in provenance["documents"]}
    assert sum(d["lines"] for d in provenance["documents"]) == exported["pairCount"]

    assert (wanted["project_id"], wanted["dataset"]) == (project_id, f"{project_id}@1")
    assert wanted["chunk_ids"] == wanted["weak_topics"][0]["chunk_ids"] == faq
    assert wanted["training"]["num_train_epochs"] == 1
    assert not {"dataset", "eval_dataset", "name"} & wanted["training"].keys()

    grow(service, project_id, wanted["chunk_ids"], 10)
    service.call("POST", f"/projects/{project_id}/export", json={})
    again = {**wanted["training"], "dataset": f"{project_id}@2", "eval_dataset": wanted["eval_dataset"]}
    second = api.wait(api.call("POST", "/start_training", json=again)["job_id"])["model_id"]

    gain = api.call("GET", f"/models/{second}/gain", over=first["id"])
    assert (gain["lines"], gain["gained"], gain["lost"], gain["is_noise"]) == (16, 8, 0, False)
    assert gain["difference"]["value"] == 0.5
    assert gain["p_value"] == pytest.approx(2 / 2**8, abs=1e-5)
    assert api.call("GET", f"/models/{first['id']}/gain", over=first["id"])["is_noise"]
    assert api.call("GET", f"/models/{second}/improvement")["weak_topics"] == []


def test_lines_that_were_learnt_are_not_measured(service: Service) -> None:
    api = Trainings(service)
    api.dataset(rows=different(20))
    model_id = api.wait(api.start(eval_split=0.5, num_train_epochs=1)["job_id"])["model_id"]
    model = trained_models.get(api.org_id, model_id)
    run = runs.get(api.org_id, model.run_id)
    before = evaluating.evaluate(run, model)
    files, train, held = platform.current().files, jobs.data_key(run, jobs.TRAIN), held_out.key_of(run)
    assert held is not None
    asked = [json.loads(line) for line in files.read(held).splitlines()]

    leak = json.dumps({**asked[2], "prompt": f" {asked[2]['prompt'].upper()}", "completion": "Another."}).encode()
    files.write(train, files.read(train) + leak + b"\n")
    after = evaluating.evaluate(run, model)

    split = {"dataset": FULL["dataset"], "of": "split", "share": 0.5}
    assert before["measured_on"] == {**split, "left_out_as_learnt": 0}
    assert (before["lines"], after["lines"]) == (len(asked), len(asked) - 1)
    assert after["measured_on"]["left_out_as_learnt"] == 1


# checklist 196
def test_a_verifier_compares_both_answers_without_knowing_whose_they_are(judge: Judge, service: Service) -> None:
    api = Trainings(service)
    api.dataset(20, name="held-out.jsonl")
    api.dataset(12, rows=[{"input": f"Berth {n}?", "output": f"It is {n}."} for n in range(12)])
    model_id = api.wait(api.start(eval_dataset="held-out.jsonl", eval_split=0, num_train_epochs=1)["job_id"])[
        "model_id"
    ]
    judge.mumbles = {"What is rule 3?"}

    started = api.call("POST", f"/models/{model_id}/evaluate", json={"verifier": VERIFIER, "max_cost_usd": 1})
    found = wait_for_verifier(api, model_id)

    assert (started["status"], started["verdicts"]) == ("started", 40)
    assert 0 < started["max_cost_usd"] <= 1
    assert (found["status"], found["lines"], found["wins"], found["losses"]) == ("completed", 19, 19, 0)
    assert (found["unreadable"], found["contradicted"], found["same_answers"]) == (2, 0, 0)
    assert found["win_rate"] == {"value": 1, "low": 1, "high": 1}
    assert found["cost_usd"] == pytest.approx(42 * (100 * 0.15 + 50 * 0.60) / 1e6)  # 38 verdicts, and 2 asked twice
    first = [a == reference for _, reference, a, _ in judge.compared]
    assert 0 < sum(first) < len(first)
    assert len(judge.compared) == 42
    assert not any("tuned" in rules or "base model" in rules for rules in judge.systems)
    stored = replies.between(started["job_id"], 0, 39)
    assert len(stored) == 42
    assert api.call("GET", f"/models/{model_id}")["evaluation"]["tuned"]["exact_match"]["value"] == 1


def test_a_verifier_stops_at_its_budget_and_says_what_it_did_not_ask(judge: Judge, service: Service) -> None:
    api = Trainings(service)
    api.dataset(20, name="held-out.jsonl")
    api.dataset(12, rows=[{"input": f"Berth {n}?", "output": f"It is {n}."} for n in range(12)])
    model_id = api.wait(api.start(eval_dataset="held-out.jsonl", eval_split=0, num_train_epochs=1)["job_id"])[
        "model_id"
    ]

    body = {"verifier": VERIFIER, "max_cost_usd": 0.0008, "both_orders": False}
    api.call("POST", f"/models/{model_id}/evaluate", json=body)
    found = wait_for_verifier(api, model_id)

    assert found["stop_reason"] == "budget_reached"
    assert 0 < found["lines"] < 20
    assert found["lines"] + found["not_asked"]["budget_reached"] == 20
    assert found["cost_usd"] <= 0.0008 + 45e-6


def test_what_cannot_be_evaluated_or_improved_says_why(judge: Judge, service: Service) -> None:
    api = Trainings(service)
    api.dataset(rows=different(20))
    plain = api.wait(api.start(num_train_epochs=1)["job_id"])["model_id"]
    bare = api.wait(api.start(num_train_epochs=1, eval_split=0)["job_id"])["model_id"]

    unknown = api.call("POST", f"/models/{plain}/evaluate", json={"verifier": "nobody"}, expect=400)
    offline = api.call("POST", f"/models/{plain}/evaluate", json={"verifier": "extractive"}, expect=400)
    nothing = api.call("POST", f"/models/{bare}/evaluate", json={"verifier": VERIFIER}, expect=409)
    no_project = api.call("GET", f"/models/{plain}/improvement", expect=409)
    no_lines = api.call("GET", f"/models/{bare}/improvement", expect=409)
    other = api.call("GET", f"/models/{bare}/gain", over=plain, expect=409)
    missing = api.start(eval_dataset="model_99", expect=400)

    assert "verifier" in str(unknown)
    assert "nobody" in str(unknown)
    assert "cannot compare answers" in str(offline)
    assert "no answers to held-out lines" in str(nothing)
    assert "no export of a Data Forge project" in str(no_project)
    assert "was not evaluated" in str(no_lines)
    assert "same held-out lines" in str(other)
    assert "eval_dataset" in str(missing)
    assert not judge.compared
