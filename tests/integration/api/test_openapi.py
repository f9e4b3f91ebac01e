"""The API keeps what its OpenAPI document says, for requests that a generator thought of and for malicious ones."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as examples
from schemathesis import Case

from tests.support.generated_requests import TEXT, World, described, make_harbour, prepare
from tests.support.service import BASE

generated = described(boundaries=False)  # they are in test_openapi_long.py


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    for world in prepare(tmp_path_factory.mktemp("world")):
        yield world
        assert world.succeeded > 0.1 or world.cases == 0


@pytest.fixture(scope="module")
def document(world: World) -> dict[str, Any]:
    return world.service.http.get("/openapi.json").json()


@generated.parametrize()
@examples(max_examples=8, suppress_health_check=list(HealthCheck))
def test_answers_are_as_documented(case: Case, world: World) -> None:
    world.send(case)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, of_path in document["paths"].items():
        for method, operation in of_path.items():
            yield method.upper(), path, operation


def test_the_document_describes_every_route_once(document: dict[str, Any]) -> None:
    answer = [operation for _, _, operation in operations(document)]

    generated.validate()
    assert document["openapi"].startswith("3.1.")
    assert {name: n for name, n in Counter(o["operationId"] for o in answer).items() if n > 1} == {}
    assert [o["operationId"] for o in answer if not o.get("summary") or not o.get("tags")] == []
    assert {tag for o in answer for tag in o["tags"]} == {tag["name"] for tag in document["tags"]}


def test_references_lead_somewhere_and_no_schema_is_left_over(document: dict[str, Any]) -> None:
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))

    assert named == set(document["components"]["schemas"])


def test_every_refusal_is_the_one_error_body(document: dict[str, Any]) -> None:
    refusals = [
        (operation["operationId"], code, answer["content"]["application/json"]["schema"])
        for _, _, operation in operations(document)
        for code, answer in operation["responses"].items()
        if code >= "4" and code != "416"  # of a file: it has no body
    ]

    assert {schema["$ref"] for _, _, schema in refusals} == {"#/components/schemas/Error"}
    codes = {"400", "401", "402", "403", "404", "409", "410", "413", "415", "422", "429", "500", "503"}
    assert {code for _, code, _ in refusals} == codes


def test_the_document_says_how_to_sign_in(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    public = [operation["operationId"] for _, _, operation in operations(document) if "security" not in operation]
    ways = {json.dumps(operation.get("security")) for _, _, operation in operations(document)}

    assert {(s["type"], s.get("name"), s.get("scheme")) for s in schemes.values()} == {
        ("apiKey", "X-API-Key", None),
        ("apiKey", "X-Organization-ID", None),
        ("http", None, "bearer"),
    }
    assert public == ["health", "synthetic_pricing", "training_info", "training_health"]
    scope = '["data-forge:read"]'
    assert f'[{{"ApiKeyAuth": {scope}, "OrganizationId": []}}, {{"BearerAuth": {scope}, "OrganizationId": []}}]' in ways


def test_every_route_but_health_asks_for_a_key_first(world: World, document: dict[str, Any]) -> None:
    own, foreign = world.service.headers, world.stranger
    callers: list[tuple[dict[str, str], int]] = [
        ({}, 401),
        ({"X-Organization-ID": own["X-Organization-ID"]}, 401),
        ({**own, "X-API-Key": "sk_none"}, 401),
        ({**own, "X-API-Key": foreign["X-API-Key"]}, 403),
        ({**own, "X-Organization-ID": "o" * 5000}, 403),
    ]

    for method, path, operation in operations(document):
        for headers, expected in callers if "security" in operation else ():
            place = re.sub(r"{\w+}", "x", path)
            response = world.service.http.request(method, place, headers=headers, json={})
            assert (place, response.status_code) == (place, expected)
            assert response.headers.get("www-authenticate") == ("Bearer" if expected == 401 else None)


def test_a_key_without_the_documented_scopes_is_refused_and_told_them(world: World, document: dict[str, Any]) -> None:
    service = world.service
    body = {"name": "nothing", "scopes": ["datasets:read"]}
    made = service.http.post("/v1/api-keys", json=body, headers=service.headers).json()
    headers = {**service.headers, "X-API-Key": made["key"]}

    for method, path, operation in operations(document):
        scopes = {scope for way in operation.get("security", ()) for needed in way.values() for scope in needed}
        answer = service.http.request(method, re.sub(r"{\w+}", "x", path), headers=headers, json={})
        refused = answer.status_code == 403
        assert (path, refused) == (path, bool(scopes))
        if refused:
            [scope] = scopes
            assert (answer.json()["code"], scope in answer.json()["message"]) == ("SCOPE_REQUIRED", True)


def test_a_wrong_method_is_answered_with_the_allowed_ones(world: World) -> None:
    response = world.service.http.patch(f"{BASE}/projects/any/")

    assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET, HEAD, PUT")


def send(world: World, method: str, path: str, body: str | bytes) -> tuple[int, dict[str, Any]]:
    response = world.service.http.request(
        method, BASE + path, content=body, headers={**world.service.headers, "Content-Type": "application/json"}
    )
    return response.status_code, response.json()


UNREADABLE = {
    "not JSON": "{",
    "half a string": '{"name": "x',
    "not UTF-8": b'{"name": "\xff"}',
    "an integer of 5,000 digits": '{"name": "x", "config": {"n": 1%s}}' % ("0" * 5000),
    "nested 100,000 deep": '{"name": "x", "config": %s}' % ('{"a":' * 100_000 + "1" + "}" * 100_000),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_cannot_be_read_is_malformed(world: World, body: str | bytes) -> None:
    status, answer = send(world, "POST", "/projects", body)

    assert (status, answer["code"]) == (400, "MALFORMED_REQUEST")


OBJECTS = {
    "an integer beyond 64 bits": ('{"a": {"b": [1, 9223372036854775808]}}', "at a.b.1 must"),
    "NaN": ('{"a": NaN}', "at a must be finite"),
    "infinity": ('{"a": 1e999}', "at a must be finite"),
    "too large a float": ('{"a": 1e200}', "1e125"),
    "too small a float": ('{"a": 1e-200}', "1e-130"),
    "NUL in a value": (r'{"a": "\u0000"}', "the text at a holds a NUL"),
    "NUL in a key": (r'{"a": {"\u0000": 1}}', "a key at a holds a NUL"),
    "half a surrogate pair": (r'{"a": ["\udfff"]}', "at a.0 holds half a surrogate pair"),
    "half a pair in a key": (r'{"\ud800": 1}', "a key holds half a surrogate pair"),
    "an empty key": ('{"a": {"": 1}}', "an empty key at a"),
    "31 levels": ('{"a":' * 31 + "1" + "}" * 31, "more than 30 levels"),
    "100 kB": ('{"a": "%s"}' % ("x" * 100_000), "at most 65,536"),
    "500 kB in keys": (json.dumps({f"{n:0500}": n for n in range(1000)}), "at most 65,536"),
}


@pytest.mark.parametrize(("sent", "why"), OBJECTS.values(), ids=OBJECTS)
def test_a_free_object_that_cannot_be_kept_names_its_field(world: World, sent: str, why: str) -> None:
    harbour = world.harbours[0]
    register = {"filename": "a.md", "s3_key": harbour.s3_key, "file_size": len(TEXT)}
    places = [
        ("POST", "/projects", {"name": "x"}, "config"),
        ("PUT", f"/projects/{harbour.project_id}", {}, "config"),
        ("POST", f"/projects/{harbour.project_id}/generate", {"model_id": "extractive"}, "config"),
        ("POST", f"/projects/{harbour.project_id}/documents", register, "metadata"),
        ("PUT", f"/pairs/{harbour.pair_ids[0]}", {}, "metadata"),
    ]

    for method, path, rest, field in places:
        body = json.dumps({**rest, field: "here"}).replace('"here"', sent)
        status, answer = send(world, method, path, body)

        assert (path, status) == (path, 422)
        assert [e["field"] for e in answer["errors"]] == [field]
        assert why in answer["errors"][0]["message"]


def test_odd_but_sound_objects_come_back_as_they_were(world: World) -> None:
    config = {
        "a.b": {"c.d.": [1, None, True, -(2**63)], "e": "\U0001f600 é \x01"},
        "x" * 5000: 0.1,
        " ": {},
        "[0]": [],
        "deep": json.loads("[" * 28 + "]" * 28),
        "long": "y" * 40_000,
    }

    status, made = send(world, "POST", "/projects", json.dumps({"name": "odd", "config": config}))
    _, read = send(world, "GET", f"/projects/{made['projectId']}", b"")

    assert (status, made["defaultConfig"], read["defaultConfig"]) == (201, config, config)


TEXTS = [
    ("POST", "/projects", {}, "name"),
    ("POST", "/projects", {"name": "x"}, "description"),
    ("POST", "/projects/{project}/upload-url", {}, "filename"),
    ("POST", "/projects/{project}/upload-url", {"filename": "a.md"}, "content_type"),
    ("POST", "/projects/{project}/documents", {"filename": "a.md", "file_size": 1}, "s3_key"),
    ("POST", "/projects/{project}/generate", {}, "model_id"),
    ("POST", "/projects/{project}/generate", {"model_id": "extractive"}, "system_prompt"),
    ("PUT", "/pairs/{pair}", {}, "input_text"),
    ("PUT", "/pairs/{pair}", {}, "output_text"),
]


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"], ids=["NUL", "half a surrogate pair"])
@pytest.mark.parametrize(("method", "path", "rest", "field"), TEXTS, ids=[t[3] for t in TEXTS])
def test_text_that_is_none_names_its_field(
    world: World, method: str, path: str, rest: dict[str, Any], field: str, text: str
) -> None:
    harbour = world.harbours[0]
    place = path.format(project=harbour.project_id, pair=harbour.pair_ids[0])

    status, answer = send(world, method, place, json.dumps({**rest, field: text}))

    assert (status, [e["field"] for e in answer["errors"]]) == (422, [field])


QUERIES = [
    ("/projects/{project}/chunks", "page", str(10**12)),
    ("/projects/{project}/chunks", "page", str(10**30)),
    ("/projects/{project}/chunks", "page", "9" * 5000),
    ("/projects/{project}/chunks", "page", "-1"),
    ("/projects/{project}/pairs", "page", str(10**12)),
    ("/projects/{project}/pairs", "page_size", "501"),
    ("/projects/{project}/chunks", "document_id", ""),
    ("/projects/{project}/chunks", "document_id", "\0"),
    ("/projects/{project}/chunks", "document_id", "d" * 2000),
    ("/projects/{project}/pairs", "generation_id", ""),
    ("/projects/{project}/pairs", "search", "s" * 501),
    ("/generations/{run}/logs", "tail", str(10**20)),
]


@pytest.mark.parametrize(("path", "name", "value"), QUERIES, ids=[f"{q[1]}={q[2][:6]!a}" for q in QUERIES])
def test_a_query_out_of_range_names_its_parameter(world: World, path: str, name: str, value: str) -> None:
    harbour = world.harbours[0]
    place = path.format(project=harbour.project_id, run=harbour.generation_ids[0])

    response = world.service.http.get(BASE + place, params={name: value}, headers=world.service.headers)

    assert (response.status_code, [e["field"] for e in response.json()["errors"]]) == (422, [name])


@pytest.mark.parametrize("odd", ["%00", "%20", "%ff", "x" * 5000, "pair__x_", "%F0%9F%98%80" * 200])
def test_an_odd_id_is_refused_and_not_looked_for(world: World, odd: str) -> None:
    project = world.harbours[0].project_id
    places = [
        ("GET", f"/projects/{odd}"),
        ("GET", f"/generations/{odd}"),
        ("PUT", f"/pairs/{odd}"),
        ("DELETE", f"/projects/{project}/documents/{odd}"),
    ]

    assert {send(world, method, path, "{}")[0] for method, path in places} <= {404, 422}


def test_a_score_too_small_to_keep_counts_as_none(world: World) -> None:
    project = world.harbours[0].project_id

    status, made = send(world, "POST", f"/projects/{project}/export", '{"min_quality_score": 1e-200}')
    _, read = send(world, "GET", f"/projects/{project}", b"")

    assert (status, made["minQualityScore"]) == (200, 0)
    assert [v["version"] for v in read["versions"]] == list(range(1, read["currentVersion"] + 1))


def test_links_work_and_end_with_what_they_lead_to(world: World, document: dict[str, Any]) -> None:
    """Make each thing that can be made, follow every link from it, and delete it where that can be done."""
    message = {operation["operationId"]: (method, path, operation) for method, path, operation in operations(document)}
    harbour = make_harbour(world.service)
    world.clear_keys()
    bodies: dict[str, dict[str, Any]] = {
        "register_document": {"filename": "spare.md", "s3_key": harbour.s3_key, "file_size": len(TEXT)},
        "add_member": {"name": "Walker"},
        "parse": {"force": True},
        "generate": {"model_id": "extractive", "num_pairs": 1},
        "export": {"format": "chatml"},
    }

    def ask(name: str, places: dict[str, Any]) -> tuple[int, Any]:
        method, path, operation = message[name]
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        body = bodies.get(name, content.get("example"))
        sent = {} if body is None else {"json": body}
        response = world.service.http.request(method, path.format(**places), headers=world.service.headers, **sent)
        is_page = response.headers["content-type"].startswith("text/html")
        return response.status_code, response.text if is_page else response.json()

    followed: dict[str, int] = {}
    for name, (_, _, operation) in message.items():
        links = next(a for code, a in operation["responses"].items() if code < "3").get("links", {})
        if not links:
            continue
        known = {"project_id": harbour.project_id}
        status, made = ask(name, known)
        assert status in (200, 201), (name, made)
        if "generation_id" in made:
            world.service.wait(made["generation_id"])
        for target in sorted(links, key=lambda n: message[n][0] == "DELETE"):
            for place, expression in links[target]["parameters"].items():
                if expression.startswith("$response.body#/"):
                    known[place] = made[expression.removeprefix("$response.body#/")]
            status, answer = ask(target, known)
            may_be_missing = target in ("undo_bulk_action", "get_generation_report")
            expected = {200, 201, 409, 422} | ({404} if may_be_missing else set())
            assert status in expected, (name, target, answer)
            followed[target] = status
            if message[target][0] == "DELETE":
                assert ask(target, known)[0] == 404, (name, target)

    assert len(followed) >= 20
    assert {n for n, status in followed.items() if status > 201} <= {
        "cancel_generation",
        "parse",
        "generate",
        "export",
        "register_document",
        "create_upload_url",
    } | {n for n in followed if "bulk" in n}, "what is empty, or has ended, may refuse; the rest may not"
