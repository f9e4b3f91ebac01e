"""Where a pair comes from, on both backends: what records carry, and what a trace says when parts of it are gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from dataforge import clock, ids, platform
from dataforge.store import chunks as chunk_store
from dataforge.store import documents, projects
from dataforge.workflows.documents import parsing
from tests.support.projects import Json, harbour, lines, parsed_text
from tests.support.service import Service


def pairs_of(service: Service, project_id: str) -> list[Json]:
    return service.call("GET", f"/projects/{project_id}/pairs", page_size=500)["pairs"]


# checklist 38, 186
def test_a_pair_knows_its_call_and_its_place_in_the_document(service: Service) -> None:
    project_id = harbour(service)

    run = service.generate(project_id, model_id="scripted", num_pairs=6)

    [document] = service.call("GET", f"/projects/{project_id}/documents")
    text = parsed_text(service, project_id, document["documentId"])
    found = pairs_of(service, project_id)
    assert found
    for pair in found:
        known = pair["lineage"]
        assert (known["teacher"], known["attempt"], len(known["promptHash"])) == ("scripted", 1, 64)
        assert known["answeredAt"] <= pair["createdAt"]
        assert pair["documentId"] == document["documentId"]
        for span in pair["evidence"]:
            assert text[span["document_start"] : span["document_end"]] == span["text"]
    kept = lines(service, run["generationId"], "records.jsonl") + lines(service, run["generationId"], "rejected.jsonl")
    assert len(kept) == len(found)
    assert all(line["lineage"]["prompt_hash"] and "document_start" in e for line in kept for e in line["evidence"])


# checklist 34, 186
def test_shares_add_up_to_what_the_run_spent(service: Service) -> None:
    project_id = harbour(service)

    run = service.generate(project_id, model_id="scripted", num_pairs=7)

    known = [
        line["lineage"]
        for name in ("records.jsonl", "rejected.jsonl", "failed.jsonl")
        for line in lines(service, run["generationId"], name)
    ]
    assert len(known) == run["counts"]["asked"]
    assert sum(k["input_tokens"] for k in known) == run["tokens"]["input"] > 0
    assert sum(k["output_tokens"] for k in known) == run["tokens"]["output"] > 0
    assert sum(k["cost_usd"] for k in known) == pytest.approx(run["costUsd"])
    calls = {k["reply"].split("#")[0]: k["call"] for k in known}
    assert sum(c["slots"] for c in calls.values()) == len(known)


# checklist 186
def test_a_trace_names_the_whole_chain(service: Service) -> None:
    project_id = harbour(service)
    run = service.generate(project_id, model_id="scripted", num_pairs=4)
    [document] = service.call("GET", f"/projects/{project_id}/documents")
    pair = pairs_of(service, project_id)[0]

    answer = service.call("GET", f"/pairs/{pair['pairId']}/trace")

    assert (answer["pairId"], answer["generationId"], answer["question"]) == (
        pair["pairId"],
        run["generationId"],
        pair["question"],
    )
    assert (answer["modelId"], answer["lineage"]) == ("scripted", pair["lineage"])
    assert answer["reply"]["kept"]
    assert json.dumps(pair["question"])[1:-1] in answer["reply"]["text"]
    assert (answer["chunk"]["state"], answer["chunk"]["chunkId"]) == ("unchanged", pair["chunkId"])
    assert answer["chunk"]["content"][answer["evidence"][0]["start"] :].startswith(answer["evidence"][0]["text"])
    assert {k: answer["document"][k] for k in ("state", "name", "checksum", "source")} == {
        "state": "present",
        "name": "rules.md",
        "checksum": document["checksum"],
        "source": "upload",
    }
    assert service.fetch(answer["document"]["textUrl"]).decode() == parsed_text(
        service, project_id, document["documentId"]
    )
    assert {e["holds"] for e in answer["evidence"]} == {True}
    assert answer["notes"] == []


def edit(service: Service, project_id: str, pair: Json) -> None:
    service.call("PUT", f"/projects/{project_id}/chunks/{pair['chunkId']}", json={"content": "Something else."})


def parse_again(service: Service, project_id: str, pair: Json) -> None:
    """The document as a newer parser would read it: every chunk another text."""
    project = projects.get(service.headers["X-Organization-ID"], project_id)
    document = documents.get(project_id, pair["documentId"])
    document = documents.mark(document, {"parsing_status": "parsing"})
    changed = platform.current().files.read(parsing.text_key(project, document)).decode().upper()
    parse = documents.begin_chunks(document)
    platform.current().files.write(parsing.text_key(project, replace(document, parse=parse)), changed.encode())
    chunks = [
        chunk_store.StoredChunk(**{**{f: getattr(c, f) for f in c.__dataclass_fields__}, "content": c.content.upper()})
        for c in chunk_store.of_project(project_id, document.document_id)
    ]
    documents.replace_chunks(project.org_id, document, chunks, {"parsing_status": "parsed"}, parse=parse)


def delete(service: Service, project_id: str, pair: Json) -> None:
    service.call("DELETE", f"/projects/{project_id}/documents/{pair['documentId']}")


def expire(service: Service, project_id: str, pair: Json) -> None:
    key = {"run_id": pair["generationId"], "slot": pair["lineage"]["reply"]}
    platform.current().tables.update("replies", key, set={"expires_at": clock.epoch() - 1})


def replace_file(service: Service, project_id: str, pair: Json) -> None:
    documents.mark(documents.get(project_id, pair["documentId"]), {"checksum": "0" * 64})


def review(service: Service, project_id: str, pair: Json) -> None:
    service.call("PUT", f"/pairs/{pair['pairId']}", json={"output_text": "Ask the harbour office."})


@pytest.mark.parametrize(
    ("change", "chunk", "document", "note"),
    [
        (edit, "edited", "present", "edited by hand"),
        (parse_again, "parsed_again", "present", "parsed again"),
        (delete, "deleted", "deleted", "document was deleted"),
        (expire, "unchanged", "present", "raw reply is no longer kept"),
        (replace_file, "unchanged", "replaced", "another one"),
        (review, "unchanged", "present", "reviewed or edited"),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)
def test_a_trace_says_what_is_no_longer_there(
    service: Service, change: Callable[[Service, str, Json], None], chunk: str, document: str, note: str
) -> None:
    project_id = harbour(service)
    service.generate(project_id, model_id="scripted", num_pairs=3)
    pair = pairs_of(service, project_id)[0]

    change(service, project_id, pair)
    answer = service.call("GET", f"/pairs/{pair['pairId']}/trace")

    assert (answer["chunk"]["state"], answer["document"]["state"]) == (chunk, document)
    assert note in " ".join(answer["notes"])
    assert answer["document"]["name"] == "rules.md"
    assert answer["reply"]["kept"] == (change is not expire)
    holds = {e["holds"] for e in answer["evidence"]}
    assert holds == {parse_again: {False}, delete: {None}}.get(change, {True})


def test_evidence_of_a_rewritten_chunk_has_no_place_in_the_document(service: Service) -> None:
    project_id = harbour(service)
    chunk = service.call("GET", f"/projects/{project_id}/chunks")["chunks"][0]
    text = "Every diver carries a lamp, a knife and a whistle, and reports to the harbour office before a dive."
    service.call("PUT", f"/projects/{project_id}/chunks/{chunk['chunkId']}", json={"content": text})

    service.generate(project_id, model_id="scripted", num_pairs=1, chunk_ids=[chunk["chunkId"]])

    [pair] = pairs_of(service, project_id)
    assert pair["evidence"]
    assert {(e["document_start"], e["document_end"]) for e in pair["evidence"]} == {(None, None)}
    answer = service.call("GET", f"/pairs/{pair['pairId']}/trace")
    assert (answer["chunk"]["state"], answer["notes"]) == ("unchanged", [])


def test_a_pair_of_an_earlier_version_is_traced_as_far_as_it_goes(service: Service) -> None:
    project_id = harbour(service)
    service.generate(project_id, model_id="scripted", num_pairs=1)
    [pair] = pairs_of(service, project_id)
    platform.current().tables.update(
        "pairs", {"project_id": project_id, "pair_id": pair["pairId"]}, set={"lineage": {}}
    )

    answer = service.call("GET", f"/pairs/{pair['pairId']}/trace")

    assert (answer["lineage"], answer["chunk"]["state"], answer["reply"]["kept"]) == (None, "unknown", True)
    assert "made before lineage was kept" in " ".join(answer["notes"])


# checklist 8, 129
def test_a_pair_of_another_organisation_has_no_trace(service: Service) -> None:
    project_id = harbour(service)
    service.generate(project_id, model_id="scripted", num_pairs=1)
    [pair] = pairs_of(service, project_id)

    answer = service.other().call("GET", f"/pairs/{pair['pairId']}/trace", expect=404)

    assert answer["message"] == f"Pair {pair['pairId']} not found"
    service.call("GET", f"/pairs/{ids.pair_id(project_id, ids.new('gen'), 0)}/trace", expect=404)
    service.call("GET", "/pairs/nonsense/trace", expect=404)
