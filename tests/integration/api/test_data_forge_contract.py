"""Contract A as its users meet it, on both backends: projects, the life of a run, and the teachers.

Where a run has to be caught half way, its teacher is a server of our own that answers when the test lets it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dataforge import clock, settings
from dataforge.platform import current
from dataforge_client import DataForge, api_resource
from tests.support.document_replies import pairs_for
from tests.support.projects import RULES, harbour
from tests.support.service import BASE, Service
from tests.support.waiting import until

FOUR_CHUNKS = "\n\n".join(
    f"# Pier {n}\n\n" + " ".join(f"Pier {n} opens gate {g} at {g + 4} o'clock on day {n}." for g in range(6))
    for n in range(4)
).encode()


class PacedTeacher:
    """Chat completions that wait until `let` allows them; `asked` counts the questions."""

    def __init__(self) -> None:
        self.asked = 0
        self._allowed = threading.Semaphore(0)
        teacher = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                teacher.asked += 1
                teacher._allowed.acquire(timeout=30)
                answer = teacher.reply(body["messages"][1]["content"])
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def reply(self, prompt: str) -> bytes:
        text = json.dumps({"pairs": pairs_for(prompt)})
        return json.dumps(
            {
                "model": "paced",
                "usage": {"prompt_tokens": 100, "completion_tokens": 20},
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            }
        ).encode()

    def let(self, times: int) -> None:
        self._allowed.release(times)

    def close(self) -> None:
        self.let(1000)
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> Iterator[PacedTeacher]:
    """Comes before `service`: its workers take their settings when they start. One question at a time."""
    paced = PacedTeacher()
    for name, value in {
        "OPENAI_BASE_URL": paced.url,
        "DATAFORGE_CONCURRENCY": "1",
        "DATAFORGE_WORKERS": "1",
        "DATAFORGE_BATCH_CALLS": "2",
    }.items():
        monkeypatch.setenv(name, value)
    settings.get.cache_clear()
    yield paced
    paced.close()
    monkeypatch.undo()
    settings.get.cache_clear()


def piers(service: Service) -> str:
    project_id = service.project()
    service.upload(project_id, "piers.md", FOUR_CHUNKS)
    service.parse(project_id)
    return project_id


def start(service: Service, project_id: str) -> str:
    body = {"model_id": "openai:paced", "num_pairs": 4, "config": {"pairs_per_chunk": 1}}
    return service.call("POST", f"/projects/{project_id}/generate", json=body)["generation_id"]


# checklist 3
def test_create_answers_with_the_whole_project(service: Service) -> None:
    made = service.call("POST", "/projects", json={"name": "Customer Support FAQ"}, expect=201)

    assert set(made) == {
        "projectId",
        "name",
        "description",
        "status",
        "sourceType",
        "userId",
        "organizationId",
        "s3Prefix",
        "stats",
        "defaultConfig",
        "currentVersion",
        "versions",
        "createdAt",
        "updatedAt",
    }
    assert made["projectId"].startswith("proj_")
    assert made["organizationId"] == service.headers["X-Organization-ID"]
    assert made["createdAt"] == made["updatedAt"]
    assert made["createdAt"].endswith("Z")
    assert len(made["createdAt"]) == len("2025-06-15T10:00:00Z")


# checklist 4, 5
def test_limits_of_name_and_description(service: Service) -> None:
    taken: list[dict[str, object]] = [
        {"name": "x"},
        {"name": "ü" * 200},
        {"name": "x", "description": ""},
        {"name": "x", "description": "ü" * 2000},
    ]
    refused: list[tuple[dict[str, object], str]] = [
        ({"name": ""}, "name"),
        ({"name": "ü" * 201}, "name"),
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x", "description": "ü" * 2001}, "description"),
    ]

    for fields in taken:
        made = service.call("POST", "/projects", json=fields, expect=201)
        assert {name: made[name] for name in fields} == fields
    for fields, field in refused:
        answer = service.call("POST", "/projects", json=fields, expect=422)
        assert [e["field"] for e in answer["errors"]] == [field]
    assert len(service.call("GET", "/projects")) == len(taken)


# checklist 6
def test_three_kinds_of_source_and_documents_by_default(service: Service) -> None:
    made = [
        service.call("POST", "/projects", json={"name": "x", **kind}, expect=201)["sourceType"]
        for kind in ({}, *({"source_type": kind} for kind in ("documents", "urls", "raw_text")))
    ]

    assert made == ["documents", "documents", "urls", "raw_text"]
    answer = service.call("POST", "/projects", json={"name": "x", "source_type": "video"}, expect=422)
    assert answer["errors"][0]["field"] == "source_type"


# checklist 7
def test_the_list_of_projects_is_a_bare_array_newest_first_in_pages_when_asked(service: Service) -> None:
    ids = [service.project(name=f"p{n}") for n in range(5)]
    service.other().project(name="not mine")
    url = f"{BASE}/projects"

    whole = service.http.get(url, headers=service.headers)
    second = service.http.get(url + "/", params={"page": 2, "page_size": 2}, headers=service.headers)
    beyond = service.http.get(url, params={"page": 4, "page_size": 2}, headers=service.headers)
    first = service.http.get(url, params={"page": 1}, headers=service.headers)

    assert [p["projectId"] for p in whole.json()] == ids[::-1] == [p["projectId"] for p in first.json()]
    assert [p["projectId"] for p in second.json()] == ids[::-1][2:4]
    assert beyond.json() == []
    assert {r.headers["x-total-count"] for r in (whole, second, beyond, first)} == {"5"}
    for broken in ({"page": 0}, {"page_size": 0}, {"page_size": 501}, {"page": "x"}):
        assert service.http.get(url, params=broken, headers=service.headers).status_code == 422


# checklist 16, 36
def test_documents_and_generations_come_in_pages_too(service: Service) -> None:
    project_id = service.project()
    names = []
    for n in range(3):
        names.append(service.upload(project_id, f"{n}.md", RULES + b"%d" % n)["name"])
        service.parse(project_id)

    for part, key, newest in (("documents", "name", names[::-1]), ("generations", "kind", ["parse"] * 3)):
        url = f"{BASE}/projects/{project_id}/{part}"
        whole = service.http.get(url, headers=service.headers)
        last = service.http.get(url, params={"page": 2, "page_size": 2}, headers=service.headers)
        assert [d[key] for d in whole.json()] == newest
        assert last.json() == whole.json()[2:]
        assert (whole.headers["x-total-count"], last.headers["x-total-count"]) == ("3", "3")
    created = [g["generationId"] for g in service.call("GET", f"/projects/{project_id}/generations")]
    assert created == sorted(created, reverse=True)


def test_the_client_walks_every_list_to_its_end(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_resource, "PAGE_SIZE", 2)
    ids = [service.project(name=f"p{n}") for n in range(5)]
    uploaded = [service.upload(ids[0], f"{n}.md", RULES + b"%d" % n)["documentId"] for n in range(3)]
    run = service.parse(ids[0])
    data_forge = DataForge("http://testserver", service.headers["X-API-Key"], service.headers["X-Organization-ID"])
    data_forge.close()
    data_forge._transport._http = service.http  # type: ignore[assignment]  # the same calls, answered in this process

    projects, documents = list(data_forge.iter_projects()), list(data_forge.iter_documents(ids[0]))
    runs = list(data_forge.iter_generations(ids[0]))

    assert [p.project_id for p in projects] == ids[::-1]
    assert [d.document_id for d in documents] == uploaded[::-1]
    assert [r.generation_id for r in runs] == [run["generationId"]]
    assert [p.project_id for p in data_forge.list_projects(page=2, page_size=3)] == ids[::-1][3:]


# checklist 8
def test_an_unknown_project_is_not_found(service: Service) -> None:
    for unknown in ("proj_none", "proj_01jz0000000000000000000000", "%20", "..%2f..%2fhealth"):
        answer = service.call("GET", f"/projects/{unknown}", expect=404)
        assert (answer["code"], answer["error"], answer["status_code"]) == ("NOT_FOUND", "Not Found", 404)


# checklist 9
def test_put_changes_only_what_is_sent(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    made = service.call(
        "POST",
        "/projects",
        expect=201,
        json={
            "name": "Harbour",
            "description": "Rules",
            "config": {"pairs_per_chunk": 2, "seed": 3},
        },
    )
    place = f"/projects/{made['projectId']}"
    monkeypatch.setattr(clock, "now", lambda: "2099-01-01T00:00:00Z")

    renamed = service.call("PUT", place, json={"name": "Port"})
    emptied = service.call("PUT", place, json={"description": "", "config": {}})

    assert renamed == {**made, "name": "Port", "updatedAt": "2099-01-01T00:00:00Z"}
    assert emptied == {**renamed, "description": "", "defaultConfig": {}}
    assert service.call("GET", place) == emptied
    for body, field in (
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"description": "x" * 2001}, "description"),
        ({"config": [1]}, "config"),
    ):
        assert service.call("PUT", place, json=body, expect=422)["errors"][0]["field"] == field
    assert service.call("GET", place) == emptied


# checklist 10, 11
def test_delete_takes_a_project_with_all_below_it_and_nothing_beside_it(service: Service) -> None:
    kept, gone = harbour(service), harbour(service)
    for project_id in (kept, gone):
        service.generate(project_id, num_pairs=3, config={"auto_accept_min_quality": 0})
        service.call("POST", f"/projects/{project_id}/export")
    user = service.call("GET", f"/projects/{gone}")["userId"]
    before = service.call("GET", f"/projects/{kept}")
    stored = len(list(current().files.list(f"data-forge/{user}/{gone}/")))

    answer = service.call("DELETE", f"/projects/{gone}")

    assert answer == {"message": f"Project {gone} deleted successfully", "deleted": True}
    assert stored >= 3
    assert list(current().files.list(f"data-forge/{user}/{gone}/")) == []
    for table in ("documents", "chunks", "pairs", "exports"):
        assert current().tables.query_page(table, {"project_id": gone}).items == [], table
        assert current().tables.query_page(table, {"project_id": kept}).items != [], table
    for part in ("", "/documents", "/chunks", "/pairs", "/generations", "/export/1"):
        service.call("GET", f"/projects/{gone}{part}", expect=404)
    service.call("DELETE", f"/projects/{gone}", expect=404)
    assert service.call("GET", f"/projects/{kept}") == before
    assert [p["projectId"] for p in service.call("GET", "/projects")] == [kept]


# checklist 33, 36, 37
def test_a_run_is_seen_on_its_way(teacher: PacedTeacher, service: Service) -> None:
    project_id = piers(service)
    run_id = start(service, project_id)
    place = f"/generations/{run_id}"
    seen = [service.call("GET", place)]

    until(lambda: teacher.asked >= 1, "the first question does not come")
    seen.append(service.call("GET", place))
    live = service.call("GET", f"{place}/logs")["logs"]
    teacher.let(3)
    until(lambda: service.call("GET", place)["progress"] > 0, "no progress shows")
    seen.append(service.call("GET", place))
    teacher.let(100)
    done = service.wait(run_id)

    walked = [s["status"] for s in seen] + [done["status"]]
    order = ["pending", "generating", "validating", "completed"]
    assert [order.index(s) for s in walked] == sorted(order.index(s) for s in walked)
    assert walked[1:3] == ["generating", "generating"]
    assert [s["progress"] for s in [*seen, done]] == sorted(s["progress"] for s in [*seen, done])
    assert (seen[0]["progress"], done["progress"]) == (0, 100)
    assert 0 < seen[2]["progress"] < 100
    assert seen[1]["completedAt"] is None
    assert done["createdAt"] <= done["startedAt"] <= done["completedAt"]
    assert {"planning", "generating"} & {line["stage"] for line in live}
    assert done["jobName"] == f"df-generate-{run_id[:8]}"
    assert service.call("GET", f"/projects/{project_id}/generations")[0] == done


# checklist 33
def test_a_run_that_cannot_work_fails_and_says_why(service: Service) -> None:
    project_id = service.project()
    service.upload(project_id, "broken.pdf", b"%PDF-1.7 and then nothing", "application/pdf")

    run = service.parse(project_id)

    assert run["status"] == "failed"
    assert run["error"]
    assert run["progress"] < 100
    levels = {line["level"] for line in service.call("GET", f"/generations/{run['generationId']}/logs")["logs"]}
    assert "error" in levels


# checklist 34
def test_results_say_what_the_lists_show(service: Service) -> None:
    project_id = harbour(service)

    run = service.generate(project_id, num_pairs=6)

    pairs = service.call("GET", f"/projects/{project_id}/pairs", generation_id=run["generationId"], page_size=500)
    good = [p for p in pairs["pairs"] if p["status"] != "rejected"]
    results = run["results"]
    assert set(results) >= {"chunks_processed", "pairs_generated", "pairs_valid", "avg_quality_score", "tokens_used"}
    assert results["pairs_generated"] == pairs["total"]
    assert results["pairs_valid"] == len(good)
    assert results["chunks_processed"] == len({p["chunkId"] for p in pairs["pairs"]})
    assert results["avg_quality_score"] == pytest.approx(sum(p["qualityScore"] for p in good) / len(good), abs=1e-3)
    chunks = {c["chunkId"]: c for c in service.call("GET", f"/projects/{project_id}/chunks")["chunks"]}
    assert sum(c["pairsGenerated"] for c in chunks.values()) == len(good)


# checklist 35
def test_cancel_stops_within_a_batch_and_keeps_what_was_made(teacher: PacedTeacher, service: Service) -> None:
    project_id = piers(service)
    run_id = start(service, project_id)
    teacher.let(2)
    until(lambda: teacher.asked >= 3, "the second batch does not begin")

    answer = service.call("POST", f"/generations/{run_id}/cancel")
    teacher.let(100)
    done = service.wait(run_id)
    again = service.call("POST", f"/generations/{run_id}/cancel")

    assert answer == again
    assert {k: answer[k] for k in ("generation_id", "status", "message")} == {
        "generation_id": run_id,
        "status": "cancelled",
        "message": "Generation cancelled",
    }
    assert done["status"] == "cancelled"
    assert teacher.asked <= 4
    assert done["counts"]["asked"] == sum(done["counts"][n] for n in ("delivered", "rejected", "failed"))
    kept = service.call("GET", f"/projects/{project_id}/pairs", generation_id=run_id)["total"]
    assert kept == done["counts"]["delivered"] + done["counts"]["rejected"]
    assert kept >= 2
    service.upload(project_id, "more.md", RULES)
    assert service.parse(project_id)["status"] == "completed", "the project is free again"


# checklist 35
def test_a_run_that_says_it_is_cancelled_lets_the_next_one_start_at_once(
    teacher: PacedTeacher, service: Service
) -> None:
    project_id = piers(service)
    run_id = start(service, project_id)
    until(lambda: teacher.asked >= 1, "nothing is asked")
    service.call("POST", f"/generations/{run_id}/cancel")
    busy = service.call("GET", f"/generations/{run_id}")

    teacher.let(100)
    until(lambda: service.call("GET", f"/generations/{run_id}")["status"] == "cancelled", "it does not stop")
    following = start(service, project_id)

    assert (busy["status"], busy["cancelRequested"]) == ("generating", True), "its teacher still answers"
    listed = {run["generationId"]: run["status"] for run in service.call("GET", f"/projects/{project_id}/generations")}
    assert listed[run_id] == "cancelled"
    assert service.wait(following)["completedAt"]


# checklist 35
def test_what_has_ended_cannot_be_cancelled(service: Service) -> None:
    project_id = harbour(service)
    run = service.call("GET", f"/projects/{project_id}/generations")[0]

    answer = service.call("POST", f"/generations/{run['generationId']}/cancel", expect=409)

    assert answer["code"] == "CONFLICT"
    assert service.call("GET", f"/generations/{run['generationId']}")["status"] == "completed"


# checklist 37
def test_logs_are_the_last_lines_oldest_first(service: Service) -> None:
    project_id = harbour(service)
    run = service.generate(project_id, num_pairs=3)
    place = f"/generations/{run['generationId']}/logs"

    until(lambda: service.call("GET", place)["logs"][-1]["stage"] == "finalizing", "its last line is missing")
    whole = service.call("GET", place)

    assert whole["generation_id"] == run["generationId"]
    assert all(set(line) == {"timestamp", "level", "stage", "message"} for line in whole["logs"])
    times = [line["timestamp"] for line in whole["logs"]]
    assert times == sorted(times)
    assert service.call("GET", place, tail=10_000) == whole
    assert service.call("GET", place, tail=2)["logs"] == whole["logs"][-2:]
    for tail in (0, 10_001, -1):
        assert service.call("GET", place, tail=tail, expect=422)["errors"][0]["field"] == "tail"


# checklist 48, 25
def test_every_model_that_is_listed_can_be_chosen_and_no_other(service: Service) -> None:
    project_id = harbour(service)

    listed = service.call("GET", "/available-models")

    assert all(set(model) == {"id", "name", "provider"} for model in listed)
    for model in listed:
        body = {"model_id": model["id"], "num_pairs": 1}
        response = service.call("POST", f"/projects/{project_id}/generate", json={**body, "estimate": True})
        assert response["config"]["model_id"] == model["id"]
    for model in (m for m in listed if m["provider"] == "built-in"):  # the others answer from outside
        run = service.generate(project_id, model_id=model["id"], num_pairs=1)
        assert (run["status"], run["config"]["model_id"]) == ("completed", model["id"])
    for unknown in ("gpt-4o", "openai:gpt-4o", "no-such-model", ""):
        body = {"model_id": unknown, "num_pairs": 1}
        response = service.call("POST", f"/projects/{project_id}/generate", json=body, expect=422)
        assert response["errors"][0]["field"] == "model_id"
