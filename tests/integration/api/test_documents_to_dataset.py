"""From documents to a dataset (contract A), both backends: project, upload, parse, generate, review, export."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from dataforge import platform
from tests.support.projects import RULES, harbour
from tests.support.service import Service


# checklist 3, 7, 8
def test_a_new_project_has_every_field_of_the_contract(service: Service) -> None:
    made = service.call(
        "POST",
        "/projects",
        expect=201,
        json={
            "name": "Harbour",
            "description": "Rules",
            "config": {"pairs_per_chunk": 2},
        },
    )

    assert {k: made[k] for k in ("name", "description", "status", "sourceType", "currentVersion", "versions")} == {
        "name": "Harbour",
        "description": "Rules",
        "status": "active",
        "sourceType": "documents",
        "currentVersion": 0,
        "versions": [],
    }
    assert made["defaultConfig"] == {"pairs_per_chunk": 2}
    assert made["s3Prefix"] == f"data-forge/{made['userId']}/{made['projectId']}"
    assert made["stats"] == {
        "total_documents": 0,
        "total_chunks": 0,
        "total_pairs": 0,
        "accepted_pairs": 0,
        "rejected_pairs": 0,
        "pending_pairs": 0,
        "avg_quality_score": None,
    }
    assert service.call("GET", f"/projects/{made['projectId']}") == made
    assert service.call("GET", "/projects") == [made]


OVER_THEIR_LIMITS: list[tuple[str, dict[str, object], str]] = [
    ("/projects", {"name": ""}, "name"),
    ("/projects", {"name": "x" * 201}, "name"),
    ("/projects", {"name": "x", "description": "y" * 2001}, "description"),
    ("/projects", {"name": "x", "source_type": "video"}, "source_type"),
    ("/projects/{p}/upload-url", {"filename": ""}, "filename"),
    ("/projects/{p}/upload-url", {"filename": "x" * 501}, "filename"),
    ("/projects/{p}/upload-url", {"filename": "x", "file_size": -1}, "file_size"),
    ("/projects/{p}/upload-url", {"filename": "x", "file_size": 2**40}, "file_size"),
    ("/projects/{p}/documents", {"filename": "x", "s3_key": "elsewhere/x", "file_size": 1}, "s3_key"),
    ("/projects/{p}/generate", {"num_pairs": 5}, "model_id"),
    ("/projects/{p}/generate", {"model_id": "extractive", "num_pairs": 0}, "num_pairs"),
    ("/projects/{p}/generate", {"model_id": "extractive", "num_pairs": 100_001}, "num_pairs"),
    ("/projects/{p}/generate", {"model_id": "extractive", "temperature": 2.1}, "temperature"),
    ("/projects/{p}/generate", {"model_id": "extractive", "max_tokens": 32_769}, "max_tokens"),
    ("/projects/{p}/generate", {"model_id": "extractive", "system_prompt": "x" * 10_001}, "system_prompt"),
    ("/projects/{p}/generate", {"model_id": "extractive", "config": {"pairs_per_chunk": 0}}, "pairs_per_chunk"),
    ("/projects/{p}/generate", {"model_id": "no-such-model"}, "model_id"),
    ("/projects/{p}/generate", {"model_id": "extractive", "config": {"generation_type": [1]}}, "generation_type"),
    ("/projects/{p}/generate", {"model_id": "extractive", "config": {"system_prompt": {"a": 1}}}, "system_prompt"),
    ("/projects/{p}/generate", {"model_id": "extractive", "config": {"chunk_ids": "abc"}}, "chunk_ids"),
    (
        "/projects/{p}/generate",
        {"model_id": "extractive", "config": {"generation_type": "poem"}},
        "generation_type",
    ),
    ("/projects/{p}/generate", {"model_id": "scripted", "config": {"labels": ["only one"]}}, "labels"),
    ("/projects/{p}/export", {"min_quality_score": 1.1}, "min_quality_score"),
    ("/projects/{p}/export", {"format": "xml"}, "format"),
]
"""(path, body, the field that is wrong in it)"""


# checklist 4, 5, 6, 13, 27, 28, 29
def test_a_value_over_its_limit_names_its_field(service: Service) -> None:
    project_id = service.project()

    for path, body, field in OVER_THEIR_LIMITS:
        answer = service.call("POST", path.replace("{p}", project_id), json=body, expect=422)

        assert answer["errors"][0]["field"] == field, body
        assert answer["status_code"] == 422
        assert field in answer["message"]
        assert answer["message"] == answer["detail"]
        assert answer["request_id"]


# checklist 12, 14, 16, 18, 19, 20, 22
def test_a_document_becomes_chunks_that_know_where_they_stand(service: Service) -> None:
    project_id = service.project()
    document = service.upload(project_id, "rules.md", RULES)
    again = {"filename": "rules.md", "s3_key": document["s3Key"], "file_size": len(RULES)}
    repeated = service.call("POST", f"/projects/{project_id}/documents", json=again, expect=201)

    run = service.parse(project_id)

    assert repeated["documentId"] == document["documentId"]

    assert (document["parsingStatus"], document["chunkCount"]) == ("pending", 0)
    assert (run["status"], run["kind"], run["progress"]) == ("completed", "parse", 100)
    page = service.call("GET", f"/projects/{project_id}/chunks", page_size=2)
    everything = service.call("GET", f"/projects/{project_id}/chunks")["chunks"]
    assert run["results"] == {
        "documents_processed": 1,
        "documents_failed": 0,
        "chunks_created": page["total"],
    }
    assert len(page["chunks"]) == 2
    assert len(everything) == page["total"]
    assert [c["position"] for c in everything] == list(range(page["total"]))
    assert all(c["headingPath"][0] == "Berth rules" and c["heading"] for c in everything)
    assert all(c["tokenCount"] > 0 and c["endOffset"] - c["startOffset"] == len(c["content"]) for c in everything)
    assert service.call("GET", f"/projects/{project_id}/documents")[0]["parsingStatus"] == "parsed"
    assert service.call("GET", f"/projects/{project_id}")["stats"]["total_chunks"] == page["total"]


# checklist 25, 33, 34, 36, 37, 38
def test_a_generation_delivers_grounded_pairs_and_its_counts_add_up(service: Service) -> None:
    project_id = harbour(service)

    run = service.generate(project_id, num_pairs=8, config={"seed": 1})

    counts = run["counts"]
    assert run["status"] == "completed"
    assert counts["asked"] == counts["delivered"] + counts["rejected"] + counts["failed"]
    assert 5 <= counts["delivered"] <= 8
    assert run["results"]["pairs_valid"] == counts["delivered"]
    assert run["jobName"] == f"df-generate-{run['generationId'][:8]}"
    pairs = service.call("GET", f"/projects/{project_id}/pairs")["pairs"]
    assert Counter(p["status"] for p in pairs)["rejected"] == counts["rejected"]
    for pair in pairs:
        chunk = next(
            c
            for c in service.call("GET", f"/projects/{project_id}/chunks")["chunks"]
            if c["chunkId"] == pair["chunkId"]
        )
        assert [m["role"] for m in pair["messages"]] == ["user", "assistant"]
        assert (pair["messages"][0]["content"], pair["messages"][1]["content"]) == (pair["question"], pair["answer"])
        assert all(chunk["content"][s["start"] : s["end"]] == s["text"] for s in pair["evidence"])
        assert 0 <= pair["qualityScore"] <= 1
    logs = service.call("GET", f"/generations/{run['generationId']}/logs", tail=100)["logs"]
    assert {"planning", "generating", "finalizing"} <= {line["stage"] for line in logs}
    assert service.call("GET", f"/generations/{run['generationId']}/logs", tail=1)["logs"] == logs[-1:]
    listed = service.call("GET", f"/projects/{project_id}/generations")
    assert [r["kind"] for r in listed] == ["generate", "parse"]


# checklist 31, 32
def test_request_wins_over_config_over_project_defaults(service: Service) -> None:
    project_id = service.project(config={"temperature": 0.1, "max_tokens": 100, "style_template": "brief"})
    service.upload(project_id, "rules.md", RULES)
    service.parse(project_id)

    run = service.generate(project_id, temperature=0.9, config={"temperature": 0.5, "max_tokens": 200, "seed": None})

    assert {k: run["config"][k] for k in ("temperature", "max_tokens", "style_template", "generation_type")} == {
        "temperature": 0.9,
        "max_tokens": 200,
        "style_template": "brief",
        "generation_type": "qa",
    }


# checklist 30
def test_only_the_named_chunks_are_used(service: Service) -> None:
    project_id = harbour(service)
    chosen = service.call("GET", f"/projects/{project_id}/chunks")["chunks"][0]["chunkId"]

    service.generate(project_id, num_pairs=3, chunk_ids=[chosen])

    pairs = service.call("GET", f"/projects/{project_id}/pairs")["pairs"]
    assert {p["chunkId"] for p in pairs} == {chosen}
    service.call(
        "POST",
        f"/projects/{project_id}/generate",
        expect=422,
        json={"model_id": "extractive", "chunk_ids": ["chunk_none_000000"]},
    )


# checklist 39, 40, 41
def test_a_reviewer_finds_and_edits_pairs_and_the_counters_follow(service: Service) -> None:
    project_id = harbour(service)
    run = service.generate(project_id, num_pairs=8)
    pending = service.call("GET", f"/projects/{project_id}/pairs", status="pending")
    first, second = pending["pairs"][:2]

    edited = service.call(
        "PUT",
        f"/pairs/{first['pairId']}",
        json={
            "input_text": "Who hands out berths, the zebra office?",
            "metadata": {"reviewer_notes": "clearer", "by": "me"},
        },
    )
    accepted = service.call("PUT", f"/pairs/{second['pairId']}", json={"status": "accepted"})

    assert edited["status"] == "edited"
    assert edited["messages"][0]["content"] == "Who hands out berths, the zebra office?"
    assert (edited["reviewerNotes"], edited["metadata"]["by"]) == ("clearer", "me")
    assert accepted["status"] == "accepted"
    found = service.call(
        "GET", f"/projects/{project_id}/pairs", search="ZEBRA", status="edited", generation_id=run["generationId"]
    )
    assert (found["total"], found["pairs"][0]["pairId"]) == (1, first["pairId"])
    stats = service.call("GET", f"/projects/{project_id}")["stats"]
    assert stats["accepted_pairs"] == 2
    assert stats["accepted_pairs"] + stats["rejected_pairs"] + stats["pending_pairs"] == stats["total_pairs"]
    assert service.call("GET", f"/projects/{project_id}/pairs", status="pending")["total"] == pending["total"] - 2
    service.call("PUT", f"/pairs/{first['pairId']}", json={"output_text": "  "}, expect=422)


# checklist 44, 45, 46
def test_an_export_holds_exactly_the_approved_pairs(service: Service) -> None:
    project_id = harbour(service)
    service.call("POST", f"/projects/{project_id}/export", expect=422)
    service.generate(
        project_id,
        num_pairs=6,
        config={
            "auto_accept_min_quality": 0.0,
            "pair_system_prompt": "You know the harbour.",
        },
    )

    chatml = service.call("POST", f"/projects/{project_id}/export", json={})
    alpaca = service.call("POST", f"/projects/{project_id}/export", json={"format": "alpaca"})
    bare = service.call("POST", f"/projects/{project_id}/export", json={"include_system_prompt": False})

    accepted = service.call("GET", f"/projects/{project_id}/pairs", status="accepted")
    lines = [json.loads(line) for line in service.fetch(chatml["downloadUrl"]).splitlines()]
    assert (chatml["version"], alpaca["version"], bare["version"]) == (1, 2, 3)
    assert chatml["pairCount"] == len(lines) == accepted["total"]
    assert chatml["fileSize"] == len(service.fetch(chatml["downloadUrl"]))
    assert [[m["role"] for m in line["messages"]] for line in lines] == [["system", "user", "assistant"]] * len(lines)
    first = accepted["pairs"][0]
    assert json.loads(service.fetch(alpaca["downloadUrl"]).splitlines()[0]) == {
        "instruction": first["question"],
        "input": "",
        "output": first["answer"],
    }
    assert b"You know the harbour" not in service.fetch(bare["downloadUrl"])
    again = service.call("GET", f"/projects/{project_id}/export/1")
    assert service.fetch(again["downloadUrl"]).count(b"\n") == len(lines)
    assert service.call("GET", f"/projects/{project_id}")["currentVersion"] == 3


# checklist 1, 2, 8, 129
def test_another_organisation_sees_nothing_and_cannot_learn_that_it_exists(service: Service) -> None:
    project_id = harbour(service)
    run = service.generate(project_id, num_pairs=2)
    pair = service.call("GET", f"/projects/{project_id}/pairs")["pairs"][0]
    stranger = service.other()

    for path in (
        f"/projects/{project_id}",
        f"/projects/{project_id}/pairs",
        f"/projects/{project_id}/chunks",
        f"/projects/{project_id}/documents",
        f"/projects/{project_id}/generations",
        f"/generations/{run['generationId']}",
        f"/generations/{run['generationId']}/logs",
    ):
        stranger.call("GET", path, expect=404)
    unknown = stranger.call("PUT", "/pairs/pair_x_y_000000", json={"status": "accepted"}, expect=404)
    foreign = stranger.call("PUT", f"/pairs/{pair['pairId']}", json={"status": "accepted"}, expect=404)
    assert set(unknown) == set(foreign)
    assert stranger.call("GET", "/projects") == []

    intruder = Service(
        service.http,
        {**stranger.headers, "X-Organization-ID": service.headers["X-Organization-ID"]},
        service.put,
        service.fetch,
    )
    assert intruder.call("GET", "/projects", expect=403)["code"] == "ORGANIZATION_FORBIDDEN"


# checklist 1, 2
def test_keys_and_organisation_headers(service: Service) -> None:
    key, org = service.headers["X-API-Key"], service.headers["X-Organization-ID"]
    url = "/api/v1/data-forge/projects"

    answers = [
        service.http.get(url, headers=h).status_code
        for h in (
            {},
            {"X-API-Key": "sk_wrong", "X-Organization-ID": org},
            {"X-API-Key": key},
            {"Authorization": f"Bearer {key}", "X-Organization-ID": org},
        )
    ]

    assert answers == [401, 401, 400, 200]
    assert service.http.get("/health").json()["status"] == "ok"
    assert service.http.get("/api/v1/auth/whoami", headers={"X-API-Key": key}).json()["organizationId"] == org


# checklist 9, 10, 11, 17
def test_deleting_takes_everything_along(service: Service) -> None:
    project_id = harbour(service)
    document = service.upload(project_id, "more.txt", b"Water costs 4 euros per cubic metre.", "text/plain")
    renamed = service.call("PUT", f"/projects/{project_id}", json={"name": "Port"})

    gone = service.call("DELETE", f"/projects/{project_id}/documents/{document['documentId']}")
    deleted = service.call("DELETE", f"/projects/{project_id}")

    assert (renamed["name"], renamed["stats"]["total_documents"]) == ("Port", 2)
    assert gone == {"message": f"Document {document['documentId']} deleted successfully"}
    assert deleted == {"message": f"Project {project_id} deleted successfully", "deleted": True}
    service.call("GET", f"/projects/{project_id}", expect=404)
    from dataforge.platform import current

    assert list(current().files.list(f"data-forge/{renamed['userId']}/{project_id}")) == []


# checklist 18, 23
def test_what_makes_no_sense_now_is_refused(service: Service) -> None:
    project_id = service.project()

    nothing = service.call("POST", f"/projects/{project_id}/parse", expect=422)
    early = service.call("POST", f"/projects/{project_id}/generate", json={"model_id": "extractive"}, expect=422)

    assert nothing["code"] == "NOTHING_TO_PARSE"
    assert early["code"] == "NO_CHUNKS"
    broken = service.http.post(
        f"/api/v1/data-forge/projects/{project_id}/parse",
        content=b"{not json",
        headers={**service.headers, "Content-Type": "application/json"},
    )
    assert broken.status_code == 400


# checklist 48
def test_available_models_are_what_this_deployment_can_run(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    on_aws = platform.current().name == "aws"
    if not on_aws:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/no/such/file")
    without_key = service.call("GET", "/available-models")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0000000000")
    with_key = service.call("GET", "/available-models")

    assert without_key[0]["id"] == "extractive"
    assert {m["provider"] for m in without_key[1:]} == ({"bedrock"} if on_aws else set())
    assert {"id": "gpt-4o", "name": "GPT-4o", "provider": "openai"} in with_key
    assert "extractive" in {m["id"] for m in with_key}
