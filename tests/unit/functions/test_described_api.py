"""Everything in the OpenAPI document is described and typed, and every request body follows the same rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from dataforge_functions.api.wire import bodies, docstrings

Json = dict[str, Any]


def _document() -> Json:
    from dataforge_functions.api.main import create_app

    return json.loads(json.dumps(create_app().openapi()))


DOCUMENT = _document()
SCHEMAS: Json = DOCUMENT["components"]["schemas"]
OPERATIONS: dict[str, Json] = {o["operationId"]: o for place in DOCUMENT["paths"].values() for o in place.values()}
BODIES = sorted(
    (m for m in docstrings.models().values() if issubclass(m, bodies.Body) and m.__name__ in SCHEMAS),
    key=lambda model: model.__name__,
)


def described() -> Iterator[tuple[str, Json]]:
    """Everything that needs a description, by where it stands."""
    for name, schema in SCHEMAS.items():
        yield name, schema
        for field, about in schema.get("properties", {}).items():
            yield f"{name}.{field}", about
    for name, operation in OPERATIONS.items():
        yield name, operation
        for parameter in operation.get("parameters", ()):
            yield f"{name} {parameter['in']} {parameter['name']}", parameter
        for code, answer in operation["responses"].items():
            yield f"{name} {code}", answer
            for header, about in answer.get("headers", {}).items():
                yield f"{name} {code} {header}", about


def test_every_property_parameter_and_response_is_described() -> None:
    everything = dict(described())
    bare = [where for where, about in everything.items() if not str(about.get("description", "")).strip()]

    assert bare == [], "write a docstring under the field, of the model or of the route"
    assert [w for w, about in everything.items() if about["description"] == "Successful Response"] == []
    assert len(everything) > 1000


def test_every_operation_can_fail_with_500() -> None:
    assert {name for name, operation in OPERATIONS.items() if "500" not in operation["responses"]} == set()


def test_fields_that_hold_times_say_so() -> None:
    names = {"createdAt", "created_at", "updatedAt", "startedAt", "completedAt", "parsedAt", "expires_at", "timestamp"}
    stamps = [
        (f"{name}.{field}", json.dumps(about))
        for name, schema in SCHEMAS.items()
        for field, about in schema.get("properties", {}).items()
        if field in names and not name.startswith("Trace")  # which shows stored values, of early releases too
    ]

    assert [where for where, about in stamps if '"date-time"' not in about] == []
    assert len(stamps) > 20


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("Document.parsingStatus", {"pending", "parsing", "parsed", "failed"}),
        ("Generation.status", {"pending", "parsing", "generating", "validating", "completed", "failed", "cancelled"}),
        ("Pair.status", {"pending", "accepted", "rejected", "edited"}),
        ("SyntheticJob.status", {"queued", "running", "succeeded", "failed"}),
        ("Export.format", {"chatml", "alpaca"}),
    ],
)
def test_fields_with_few_words_list_them(field: str, words: set[str]) -> None:
    name, _, inner = field.partition(".")

    assert words <= set(SCHEMAS[name]["properties"][inner]["enum"])


def test_descriptions_come_from_the_docstrings() -> None:
    about = SCHEMAS["GenerateRequest"]["properties"]["max_cost_usd"]["description"]

    assert about.startswith("The run ends cleanly before it costs more")
    assert docstrings.of(docstrings.models()["PairQuery"])["search"].startswith("Text in any turn"), "inherited"


def _ways(schema: Json) -> list[Json]:
    return [inner for way in schema.get("anyOf", [schema]) for inner in (_ways(way) if "anyOf" in way else [way])]


def _type_of(schema: Json) -> set[str]:
    return {str(way.get("type")) for way in _ways(schema)}


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, Json, bool]]:
    schema = SCHEMAS[model.__name__]
    for field, about in schema["properties"].items():
        yield field, about, field in schema.get("required", ())


def _problems(model: type[BaseModel], body: Json) -> list[str]:
    """Of this field alone: other fields may be missing."""
    try:
        model.model_validate(body)
    except ValidationError as problem:
        return [str(e["msg"]) for e in problem.errors() if e["loc"][:1] == tuple(body)]
    return []


@pytest.mark.parametrize("model", BODIES, ids=lambda m: m.__name__)
def test_null_for_an_optional_field_is_the_same_as_leaving_it_out(model: type[BaseModel]) -> None:
    for field, about, required in _fields(model):
        assert (field, _problems(model, {field: None}) == []) == (field, not required)
        assert (field, "null" in _type_of(about)) == (field, not required), "and the document says so"


@pytest.mark.parametrize("model", BODIES, ids=lambda m: m.__name__)
def test_booleans_are_no_numbers_and_numbers_no_booleans(model: type[BaseModel]) -> None:
    for field, about, _ in _fields(model):
        kinds = _type_of(about) - {"null"}
        if kinds & {"integer", "number"} and "boolean" not in kinds:
            assert (field, _problems(model, {field: True})) != (field, [])
            assert (field, _problems(model, {field: False})) != (field, [])
        if kinds == {"boolean"}:
            assert (field, _problems(model, {field: 1})) != (field, [])
            assert (field, _problems(model, {field: 0.0})) != (field, [])


@pytest.mark.parametrize("name", ["GenerateRequest", "SyntheticRequest", "Advanced", "CreateKey", "BulkFilters"])
def test_where_money_or_rights_are_at_stake_an_unknown_key_is_refused(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        docstrings.models()[name].model_validate({"max_cost_us": 1})

    assert "extra_forbidden" in {e["type"] for e in refused.value.errors()}
    assert SCHEMAS[name]["additionalProperties"] is False


def test_other_bodies_ignore_what_they_do_not_know() -> None:
    """A client that is newer than the server may send more."""
    lenient = {m.__name__ for m in BODIES if not issubclass(m, bodies.Strict)}

    assert {"CreateProject", "UpdateProject", "RegisterDocument", "UpdatePair", "ExportRequest"} <= lenient
    assert _problems(docstrings.models()["UpdatePair"], {"invented": 1}) == []
