"""The OpenAPI document against the public document of the Data Forge API: its routes, its fields, its casing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

Json = dict[str, Any]
BASE = "/api/v1/data-forge"

PROJECT = (
    "projectId name description status sourceType userId organizationId s3Prefix stats defaultConfig "
    "currentVersion versions createdAt updatedAt"
)
STATS = "total_documents total_chunks total_pairs accepted_pairs rejected_pairs pending_pairs avg_quality_score"
DOCUMENT = "documentId projectId name mimeType fileSize s3Key parsingStatus chunkCount createdAt"
CHUNK = (
    "chunkId projectId documentId content heading pageNumber position contentType topic difficulty "
    "pairsGenerated createdAt"
)
GENERATION = "generationId projectId config status progress jobName results startedAt completedAt createdAt"
PAIR = (
    "pairId projectId chunkId documentId generationId type systemPrompt messages question answer qualityScore "
    "groundingScore complexityLevel questionType isDuplicate status reviewerNotes createdAt"
)
EXPORT = "version format s3Key pairCount fileSize downloadUrl includeSystemPrompt minQualityScore"

ROUTES: dict[str, dict[str, str]] = {
    "POST /projects": {"body": "name description source_type config", "201": PROJECT, "201 stats": STATS},
    "GET /projects": {"200": PROJECT, "200 stats": STATS},
    "GET /projects/{project_id}": {"200": PROJECT},
    "PUT /projects/{project_id}": {"body": "name description config", "200": PROJECT},
    "DELETE /projects/{project_id}": {"200": "message deleted"},
    "POST /projects/{project_id}/upload-url": {"body": "filename content_type file_size", "200": "upload_url s3_key"},
    "POST /projects/{project_id}/documents": {
        "body": "filename s3_key content_type file_size metadata",
        "201": DOCUMENT,
    },
    "GET /projects/{project_id}/documents": {"200": DOCUMENT},
    "DELETE /projects/{project_id}/documents/{document_id}": {"200": "message"},
    "GET /projects/{project_id}/chunks": {
        "query": "page page_size document_id",
        "200": "chunks total page page_size",
        "200 chunks": CHUNK,
    },
    "PUT /projects/{project_id}/chunks/{chunk_id}": {"body": "content metadata excluded", "200": CHUNK},
    "POST /projects/{project_id}/parse": {"200": "generation_id status message"},
    "POST /projects/{project_id}/generate": {
        "body": "model_id generation_type num_pairs temperature max_tokens system_prompt chunk_ids config",
        "200": "generationId projectId config status progress createdAt",
    },
    "POST /generations/{generation_id}/cancel": {"200": "generation_id status message"},
    "GET /projects/{project_id}/generations": {"200": GENERATION},
    "GET /generations/{generation_id}": {"200": GENERATION},
    "GET /generations/{generation_id}/logs": {
        "query": "tail",
        "200": "generation_id logs",
        "200 logs": "timestamp level stage message",
    },
    "GET /projects/{project_id}/pairs": {
        "query": "page page_size status generation_id search",
        "200": "pairs total page page_size",
        "200 pairs": PAIR,
        "200 pairs messages": "role content",
    },
    "PUT /pairs/{pair_id}": {"body": "input_text output_text status metadata", "200": PAIR},
    "POST /projects/{project_id}/pairs/bulk-action": {
        "body": "action pair_ids filters",
        "200": "action affected_count message",
    },
    "POST /projects/{project_id}/export": {"body": "format include_system_prompt min_quality_score", "200": EXPORT},
    "GET /projects/{project_id}/export/{version}": {"200": EXPORT},
    "GET /projects/{project_id}/analytics": {
        "200": "projectId projectName documents chunks pairs qualityDistribution generations exportsCount",
        "200 documents": "total parsed failed",
        "200 chunks": "total by_type",
        "200 pairs": "total accepted rejected pending avg_quality_score",
        "200 qualityDistribution": "range count",
        "200 generations": "total completed running failed",
    },
    "GET /available-models": {"200": "id name provider"},
}
"""The public document's 24 routes: place -> the fields it names there; a second word is a field that holds objects."""


def _document() -> Json:
    from dataforge_functions.api.main import create_app

    return json.loads(json.dumps(create_app().openapi()))


OURS = _document()
SCHEMAS: Json = OURS["components"]["schemas"]


def operation(route: str) -> Json | None:
    method, path = route.split()
    return OURS["paths"].get(BASE + path, {}).get(method.lower())


def resolved(schema: Json) -> Json:
    if "$ref" in schema:
        return resolved(SCHEMAS[schema["$ref"].rsplit("/", 1)[-1]])
    if "anyOf" in schema:
        return next((resolved(way) for way in schema["anyOf"] if way.get("type") != "null"), {})
    return resolved(schema["items"]) if schema.get("type") == "array" else schema


def fields_at(found: Json, place: str) -> set[str]:
    where, *inner = place.split()
    if where == "query":
        return {p["name"] for p in found["parameters"] if p["in"] == "query"}
    holder = found["requestBody"] if where == "body" else found["responses"][where]
    schema = resolved(holder["content"]["application/json"]["schema"])
    for name in inner:
        schema = resolved(schema["properties"][name])
    return set(schema.get("properties", ()))


def contents() -> Iterator[tuple[str, Json]]:
    """Every JSON body that the document describes: (where it stands, its media type object)."""
    for path, operations in OURS["paths"].items():
        for method, found in operations.items():
            bodies = {"body": found.get("requestBody", {}), **found["responses"]}
            for place, body in bodies.items():
                if place < "4" or place == "body":
                    for content in body.get("content", {}).values():
                        yield f"{method.upper()} {path} {place}", content


@pytest.mark.parametrize("route", ROUTES)
def test_every_field_of_the_public_document_is_in_ours(route: str) -> None:
    found = operation(route)

    assert found is not None, "the public document has this route"
    missing = {
        place: left for place, names in ROUTES[route].items() if (left := set(names.split()) - fields_at(found, place))
    }

    assert missing == {}


def test_all_24_routes_are_listed() -> None:
    assert len(ROUTES) == 24


def test_every_operation_shows_what_is_sent_and_what_comes_back() -> None:
    bare = [where for where, content in contents() if "example" not in content]

    assert bare == [], "give the body's model `model_config = example(...)`, or a line in wire/examples.py"


def test_every_example_fits_its_schema() -> None:
    for where, content in contents():
        schema = {**content["schema"], "components": OURS["components"]}
        assert [str(e) for e in Draft202012Validator(schema).iter_errors(content["example"])] == [], where
    for name, schema in SCHEMAS.items():
        whole = {"$ref": f"#/components/schemas/{name}", "components": OURS["components"]}
        for shown in schema.get("examples", ()):
            assert [str(e) for e in Draft202012Validator(whole).iter_errors(shown)] == [], name


def test_examples_of_answers_hold_every_field() -> None:
    """An example that lacks an optional field hides it from the reader."""
    lacking = {
        where: left
        for where, content in contents()
        if not where.endswith("body")
        if (left := set(resolved(content["schema"]).get("properties", ())) - set(_one(content["example"])))
    }

    assert lacking == {}


def _one(shown: Any) -> Json:
    return shown[0] if isinstance(shown, list) else shown


def test_every_example_of_the_table_is_used() -> None:
    from dataforge_functions.api.wire.examples import EXAMPLES

    assert EXAMPLES.keys() - SCHEMAS.keys() == set()


def test_posts_take_an_idempotency_key_and_lists_tell_their_total() -> None:
    posts = {o["post"]["operationId"]: o["post"] for o in OURS["paths"].values() if "post" in o}
    without_key = {name for name, o in posts.items() if "Idempotency-Key" not in {p["name"] for p in o["parameters"]}}
    totals = {
        path.removeprefix(BASE)
        for path, o in OURS["paths"].items()
        if "X-Total-Count" in o.get("get", {"responses": {}})["responses"].get("200", {}).get("headers", {})
    }

    assert len(posts) >= 11
    assert without_key == {
        *("create_upload_url", "create_dataset_upload_url", "create_socket_ticket", "create_api_key", "upload_dataset")
    }, "they expire, are shown once, replace what has the same name"
    assert totals >= {"/projects", "/projects/{project_id}/documents", "/projects/{project_id}/generations"}


def test_answers_name_their_headers() -> None:
    for operations in OURS["paths"].values():
        for found in operations.values():
            for code, answer in found["responses"].items():
                assert "X-Request-ID" in answer["headers"]
                assert ("Retry-After" in answer["headers"]) == (code in ("429", "503"))
            assert ("429" in found["responses"]) == ("security" in found)


def test_links_lead_to_what_was_made() -> None:
    answer = {o["operationId"]: o for operations in OURS["paths"].values() for o in operations.values()}
    links = {
        name: next(a for code, a in o["responses"].items() if code < "3").get("links", {}) for name, o in answer.items()
    }

    assert {"get_project", "delete_project", "parse", "export"} <= links["create_project"].keys()
    assert links["register_document"]["delete_document"]["parameters"] == {
        "document_id": "$response.body#/documentId",
        "project_id": "$request.path.project_id",
    }
    assert links["generate"].keys() == {
        "get_generation",
        "cancel_generation",
        "get_generation_logs",
        "get_generation_events",
        "get_generation_outcomes",
        "get_generation_report",
    }
    assert links["get_project"] == {}
    for found in links.values():
        for name, link in found.items():
            needed = {p["name"] for p in answer[name]["parameters"] if p["in"] == "path"}
            assert link["parameters"].keys() == needed
