"""Organisations are apart, on every route there is: the tests walk the app's own table of routes.

A route with a kind of id that they do not know fails with a message that says what to add, so no new route escapes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi.routing import iter_route_contexts
from ulid import ULID

from dataforge import platform
from dataforge.store.item_codec import to_item
from dataforge.store.trained_models import TrainedModel
from tests.support.generated_requests import make_job
from tests.support.projects import RULES, harbour
from tests.support.service import BASE, Service

Json = dict[str, Any]
SIGNED = {"/files/{key:path}"}
"""Hidden routes with a path parameter, whose URL carries its own signature (test_signed_urls.py)."""

VOLATILE = {"x-request-id", "server-timing", "date"}
"""Headers that differ between any two answers; so do the counters of the rate limit."""

NOT_OURS = {"model_id", "source_id"}
"""Words that end like ids and name nothing that an organisation owns."""


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    operation: Json

    @property
    def names(self) -> list[str]:
        return re.findall(r"{(\w+)", self.path)

    def filled(self, ids: Json) -> str:
        unknown = [name for name in self.names if name not in ids]
        assert not unknown, (
            f"{self.method} {self.path}: no sample for {unknown}; add what another organisation owns to `owned_by` "
            "in tests/integration/api/test_tenant_isolation.py"
        )
        return self.path.format(**{name: ids[name] for name in self.names})

    def queried(self, ids: Json) -> Json:
        """The query parameters that must be given: `over` names a second model."""
        required = [p["name"] for p in self.operation.get("parameters", ()) if p["in"] == "query" and p["required"]]
        return {name: {"over": ids["model_id"]}[name] for name in required}

    @property
    def example(self) -> object:
        content = self.operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        return content.get("example")


def owned_by(service: Service, project_id: str) -> Json:
    """One real id of every kind, by the name it has in a path, a query or a body."""
    run = service.generate(project_id, num_pairs=3, config={"auto_accept_min_quality": 0})
    version = service.call("POST", f"/projects/{project_id}/export")["version"]
    pair = service.call("GET", f"/projects/{project_id}/pairs")["pairs"][0]
    document = service.call("GET", f"/projects/{project_id}/documents")[0]
    who = service.http.get("/api/v1/auth/whoami", headers=service.headers).json()
    return {
        "project_id": project_id,
        "document_id": document["documentId"],
        "chunk_id": pair["chunkId"],
        "generation_id": run["generationId"],
        "pair_id": pair["pairId"],
        "version": version,
        "key_id": who["keyId"],
        "user_id": who["userId"],
        "member_id": who["userId"],
        "s3_key": document["s3Key"],
        "undo_token": _undo_token(service, project_id, pair["pairId"]),
        "job_id": make_job(service),
        "upload_id": _upload_id(service),
        "filename": _training_file(service),
        "model_id": _trained_model(service),
    }


def _upload_id(service: Service) -> str:
    """Of an announced file to train on."""
    body = {"filename": "data.jsonl"}
    return str(service.http.post("/api/upload_dataset/url", json=body, headers=service.headers).json()["upload_id"])


def _trained_model(service: Service) -> int:
    """A trained model with a number that nobody else has."""
    org_id, number = service.headers["X-Organization-ID"], 730_155
    model = TrainedModel(
        org_id=org_id,
        model_id=number,
        name="ours",
        base_model="tiny/model",
        run_id="train_1",
        files_prefix=f"data-forge/training/{org_id}/runs/train_1/output/a0/output/model",
        task="text-generation",
        provider="huggingface",
        strategy="sft",
        created_at="2026-11-29T12:00:00Z",
    )
    platform.current().tables.put("models", to_item(model))
    return number


def _training_file(service: Service) -> str:
    name = f"{ULID()}.jsonl".lower()
    sent = service.http.post("/api/upload_dataset", files={"file": (name, b"{}\n")}, headers=service.headers)
    return str(sent.json()["filename"])


def _undo_token(service: Service, project_id: str, pair_id: str) -> str:
    """Of a bulk action that can be undone, where there is such a thing."""
    response = service.http.post(
        f"{BASE}/projects/{project_id}/pairs/bulk-action",
        headers=service.headers,
        json={"action": "reject", "pair_ids": [pair_id]},
    )
    answer = response.json().get("undo_token") if response.status_code == 200 else None
    return str(answer or ULID())


def nobodys(ids: Json) -> Json:
    """Ids of the same shape that nothing has. Those that carry others (pairs, chunks, keys) carry unknown ones."""
    fresh: dict[str, str] = {}

    def another(found: re.Match[str]) -> str:
        return fresh.setdefault(found.group(0), str(ULID()).lower())

    made: Json = {}
    for name, value in ids.items():
        changed = re.sub(r"[0-9a-hjkmnp-tv-z]{26}", another, value) if isinstance(value, str) else value + 1000
        made[name] = changed if changed != value else _turned(value)
    return made


def _turned(value: str) -> str:
    """Another text of the same length and alphabet."""
    return value[:-8] + value[-8:][::-1] if value[-8:] != value[-8:][::-1] else value[:-1] + "0"


def routes(service: Service) -> Iterator[Route]:
    """The app's own table, checked against its OpenAPI document."""
    app: Any = service.http.app
    document = app.openapi()
    for context in iter_route_contexts(app.routes):
        path = str(context.path)
        for method in sorted(context.methods or ()):
            if not context.include_in_schema:
                assert "{" not in path or path in SIGNED, f"{path} is hidden and takes an id: who checks it?"
                continue
            yield Route(method, path, document["paths"][path][method.lower()])


def answer(who: Service, route: Route, path: str, *, body: object = None, **query: object) -> tuple[int, str, Json]:
    """Status, text and lasting headers."""
    sent: Json = {} if body is None else {"json": body}
    response = who.http.request(route.method, path, headers=who.headers, params=query, **sent)
    headers = {k: v for k, v in response.headers.items() if k not in VOLATILE and not k.startswith("x-ratelimit-")}
    return response.status_code, response.text, headers


def like(said: tuple[int, str, Json], ids: Json) -> tuple[int, Json, Json]:
    """The answer without the ids that were asked for, to compare it with one about other ids."""
    status, text, headers = said
    for name in sorted(ids, key=lambda n: -len(str(ids[n]))):
        if name != "version":
            text = text.replace(str(ids[name]), f"<{name}>")
    response = json.loads(re.sub(r"(?<=ersion )\d+", "N", text))
    if isinstance(response, dict):
        response.pop("request_id", None)
    return status, response, {k: v for k, v in headers.items() if k != "content-length"}


def everything(service: Service, project_id: str) -> list[Any]:
    """All that the organisation can see of itself and its project."""
    seen = [service.call("GET", f"/projects/{project_id}{part}") for part in ("", "/documents", "/generations")]
    seen += [service.call("GET", f"/projects/{project_id}{part}", page_size=500) for part in ("/chunks", "/pairs")]
    return [*seen, service.http.get("/api/v1/auth/whoami", headers=service.headers).json()]


# checklist 2, 8, 129
def test_no_route_reveals_whether_another_organisation_has_an_id(service: Service) -> None:
    project_id = harbour(service)
    foreign = owned_by(service, project_id)
    stranger, unknown = service.other(), nobodys(foreign)
    own = {**foreign, "project_id": stranger.project()}, {**unknown, "project_id": stranger.project()}
    before = everything(service, project_id)
    tried = 0

    for route in routes(service):
        if not route.names:
            continue
        pairs = [(foreign, unknown), own] if len(route.names) > 1 else [(foreign, unknown)]
        for theirs, nobody in pairs:
            also, other = route.queried(theirs), route.queried(nobody)
            about_theirs = answer(stranger, route, route.filled(theirs), body=route.example, **also)
            about_nobody = answer(stranger, route, route.filled(nobody), body=route.example, **other)
            assert about_theirs[0] == 404, (route.method, route.path, about_theirs)
            assert like(about_theirs, theirs) == like(about_nobody, nobody), (route.method, route.path)
            tried += 1

    assert tried >= 17
    assert everything(service, project_id) == before


# checklist 2, 129
def test_a_key_of_another_organisation_opens_no_route(service: Service) -> None:
    project_id = harbour(service)
    foreign = owned_by(service, project_id)
    intruder = Service(
        service.http,
        {**service.other().headers, "X-Organization-ID": service.headers["X-Organization-ID"]},
        service.put,
        service.fetch,
    )
    before = everything(service, project_id)
    tried = 0

    for route in routes(service):
        if "security" in route.operation:
            status, text, _ = answer(intruder, route, route.filled(foreign), body=route.example)
            assert (status, json.loads(text)["code"]) == (403, "ORGANIZATION_FORBIDDEN"), (route.method, route.path)
            tried += 1

    assert tried >= 22
    assert everything(service, project_id) == before


def mentions(route: Route, document: Json) -> set[str]:
    """Names of queries and body fields that hold an id: `x_id`, `x_ids`, `x_key`, `x_token`."""
    query = {p["name"] for p in route.operation.get("parameters", ()) if p["in"] == "query"}
    content = route.operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    named = query | set(_properties(content.get("schema", {}), document))
    return {n for n in named if re.search(r"_(ids?|key|token)$", n)} - NOT_OURS


def _properties(schema: Json, document: Json) -> Iterator[str]:
    """Names of all fields, those of inner objects too."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    for inner in (*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())):
        yield from _properties(inner, document)
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from _properties(inner, document)


def asked(route: Route, name: str, ids: Json) -> tuple[Json, Json]:
    """(body, query) that mention the foreign id under this name, valid in all else."""
    kind = re.sub(r"s$", "", name)
    assert kind in ids, (
        f"{route.method} {route.path} takes {name}: add a sample to `owned_by` in test_tenant_isolation.py"
    )
    value = [ids[kind]] if name.endswith("s") else ids[kind]
    if any(p["name"] == name and p["in"] == "query" for p in route.operation.get("parameters", ())):
        return {}, {name: value}
    rest = REST.get(route.operation["operationId"], {})
    if name in (filters := rest.get("filters", {})):
        return {**rest, "filters": {**filters, name: value}}, {}
    return {**{k: v for k, v in rest.items() if k != "filters"}, name: value}, {}


REST: dict[str, Json] = {
    "generate": {"model_id": "extractive"},
    "parse": {"force": True},
    "register_document": {"filename": "rules.md", "file_size": len(RULES)},
    "bulk_action": {"action": "accept", "filters": {"document_id": "", "chunk_id": "", "generation_id": ""}},
}
"""What a body holds besides the id, by operation."""


# checklist 129
def test_ids_of_another_organisation_in_bodies_and_queries_do_nothing_and_tell_nothing(service: Service) -> None:
    project_id = harbour(service)
    foreign = owned_by(service, project_id)
    stranger, unknown = service.other(), nobodys(foreign)
    own = {"project_id": harbour(stranger)}
    before = everything(service, project_id)
    mine = everything(stranger, own["project_id"])[:3]
    tried: set[tuple[str, str]] = set()

    for route in routes(service):
        for name in sorted(mentions(route, service.http.app.openapi())):  # type: ignore[attr-defined]
            path = route.filled({**foreign, **own})
            (body, query), (other_body, other_query) = asked(route, name, foreign), asked(route, name, unknown)
            about_theirs = answer(stranger, route, path, body=body or None, **query)
            about_nobody = answer(stranger, route, path, body=other_body or None, **other_query)
            assert like(about_theirs, foreign) == like(about_nobody, unknown), (route.method, route.path, name)
            assert _nothing(about_theirs), (route.method, route.path, name, about_theirs)
            tried.add((route.operation["operationId"], name))

    assert tried >= {
        ("generate", "chunk_ids"),
        ("parse", "document_ids"),
        ("list_chunks", "document_id"),
        ("list_pairs", "generation_id"),
        ("register_document", "s3_key"),
    }
    assert everything(service, project_id) == before
    assert everything(stranger, own["project_id"])[:3] == mine


def _nothing(said: tuple[int, str, Json]) -> bool:
    """A refusal, an empty page, or an action that changed nothing."""
    status, text, _ = said
    answer = json.loads(text)
    counts = [answer[n] for n in ("total", "affected_count", "restored_count") if n in answer]
    return status in (404, 422) or (status == 200 and counts != [] and set(counts) == {0})
