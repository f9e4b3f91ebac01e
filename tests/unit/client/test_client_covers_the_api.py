"""The client against the OpenAPI document: every operation has a method that sends and reads every documented field."""

from __future__ import annotations

import asyncio
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from types import UnionType
from typing import Any, Literal

import pytest

from dataforge_client import AsyncDataForge, DataForge
from dataforge_client.api_request import ApiRequest
from dataforge_client.resources import BUILT_ON
from tests.support.paths import DOCS

Json = dict[str, Any]


def _document() -> Json:
    from dataforge_functions.api.main import create_app

    return create_app().openapi()


DOCUMENT = _document()
SCHEMAS: Json = DOCUMENT["components"]["schemas"]
OPERATIONS: dict[str, tuple[str, str, Json]] = {
    operation["operationId"]: (method, path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
METHODS = {name for name in dir(DataForge) if not name.startswith("_")} - {"close", "base_url"}
PRESENT = sorted(METHODS & OPERATIONS.keys())


class Taken(Exception):
    def __init__(self, call: ApiRequest) -> None:
        self.call = call


class Recorder:
    """A transport that sends nothing and keeps what it was given."""

    def json(self, call: ApiRequest) -> object:
        raise Taken(call)

    json_and_headers = text = json


@pytest.fixture(params=[DataForge, AsyncDataForge])
def data_forge(request: pytest.FixtureRequest) -> DataForge | AsyncDataForge:
    client: DataForge | AsyncDataForge = request.param("http://nowhere", "sk_x", "org_x", http_client=object())
    client._transport = Recorder()  # type: ignore[assignment]
    return client


def sample(name: str, annotation: object) -> object:
    """A value that an argument of this type takes, recognisable where it arrives."""
    kinds: list[object] = [k for k in _alternatives(annotation) if k is not type(None)]
    if typing.get_origin(kinds[0]) is Literal:
        return typing.get_args(kinds[0])[0]
    made: dict[object, object] = {str: f"the_{name}", int: 7, float: 0.5, bool: True, bytes: b"the bytes"}
    if kinds[0] in made:
        return made[kinds[0]]
    return {"a": 1} if typing.get_origin(kinds[0]) is Mapping else ["one"]


def _alternatives(annotation: object) -> tuple[Any, ...]:
    return typing.get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)


def parameters(method: Callable[..., object]) -> Json:
    """Name -> type of every argument, also of those that `**options: Unpack[...]` lists."""
    hints, found = typing.get_type_hints(method), {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            [options] = typing.get_args(hints[name])
            found |= typing.get_type_hints(options)
        elif name != "self":
            found[name] = hints[name]
    return found


def sent(method: Callable[..., object]) -> ApiRequest:
    """What the method sends when every argument is given."""
    return taken(method, **{name: sample(name, kind) for name, kind in parameters(method).items()})


def taken(method: Callable[..., Any], *args: object, **options: object) -> ApiRequest:
    """The first request of a method of either client."""
    with pytest.raises(Taken) as stopped:
        asyncio.run(method(*args, **options))  # the synchronous one does not come to run
    return stopped.value.call


def resolved(schema: Json) -> Json:
    """The object that a schema means: behind its reference, without its null, of a list the entry."""
    if "$ref" in schema:
        return resolved(SCHEMAS[schema["$ref"].rsplit("/", 1)[-1]])
    if "anyOf" in schema:
        return next((resolved(way) for way in schema["anyOf"] if way.get("type") != "null"), {})
    return resolved(schema["items"]) if schema.get("type") == "array" else schema


def test_every_operation_has_a_method_and_every_method_names_its_operations() -> None:
    strangers = {name for name in METHODS - OPERATIONS.keys() if name not in BUILT_ON}

    assert OPERATIONS.keys() - METHODS == set(), "operations without a method of that name"
    assert strangers == set(), "no operation has this name: rename it, or say in BUILT_ON what it calls"
    assert BUILT_ON.keys() <= METHODS
    assert {used for all_used in BUILT_ON.values() for used in all_used} <= OPERATIONS.keys()


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    def arguments(client: type[object]) -> dict[str, list[str]]:
        names = {n for n in dir(client) if not n.startswith("_")} - {"close", "aclose", "base_url"}
        return {n: list(inspect.signature(getattr(client, n)).parameters) for n in names}

    assert arguments(DataForge) == arguments(AsyncDataForge)


def test_every_method_is_documented() -> None:
    page = (DOCS / "sdk.md").read_text()

    assert {name for name in METHODS if f"`{name}`" not in page} == set()


SENT_BY_OTHERS = {"playground_generate": {"stream"}}
"""Fields that a method leaves to another one of the same operation, `stream_generate`: the answer is another one."""


@pytest.mark.parametrize("name", PRESENT)
def test_a_method_sends_what_its_operation_takes(data_forge: DataForge | AsyncDataForge, name: str) -> None:
    verb, path, operation = OPERATIONS[name]
    places = {
        p["name"]: "7" if p["schema"].get("type") == "integer" else f"the_{p['name']}"
        for p in operation.get("parameters", ())
        if p["in"] == "path"
    }
    query = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})

    call = sent(getattr(data_forge, name))

    assert (call.method, call.path) == (verb.upper(), path.format(**places))
    assert set(call.params or ()) == query
    assert isinstance(call.body, dict | None)
    assert set(call.body or ()) == set(resolved(body).get("properties", ())) - SENT_BY_OTHERS.get(name, set())
    assert call.key == ("the_idempotency_key" if verb == "post" and name != "create_api_key" else None)


def test_a_post_without_a_key_of_the_callers_gets_a_fresh_one(data_forge: DataForge | AsyncDataForge) -> None:
    keys = set()
    for _ in range(2):
        keys.add(taken(data_forge.parse, "proj_x").key)

    assert len(keys) == 2
    assert None not in keys


def record_of(name: str) -> type[Any] | None:
    """The record class that a method returns, alone or as an entry."""
    found = typing.get_type_hints(getattr(DataForge, name))["return"]
    inner = typing.get_args(found)
    kind = inner[0] if inner else found
    return kind if is_dataclass(kind) else None


def answer_of(operation: Json) -> Json:
    """The object of the good answer that a record is read from: of a page, of logs and of a mere list, the entry."""
    good = next(answer for code, answer in sorted(operation["responses"].items()) if code < "3")
    made = resolved(good["content"]["application/json"]["schema"])
    lists = [p for p in made.get("properties", {}).values() if p.get("type") == "array" and "$ref" in p["items"]]
    is_page = len(lists) == 1 and (set(made["properties"]) & {"page_size", "logs"} or len(made["properties"]) == 1)
    return resolved(lists[0]) if is_page else made


def compared(kind: type[Any], wire: Json, where: str) -> Iterator[tuple[type[Any], set[str], set[str]]]:
    """(record, its fields on the wire, fields of the wire that it does not have), also of the records inside."""
    hints = typing.get_type_hints(kind)
    by_name = {name: f.name for f in fields(kind) for name in (f.name, _camel(f.name)) if f.name != "raw"}
    properties: Json = wire.get("properties", {})
    known = properties.keys() & by_name.keys()
    yield kind, {by_name[p] for p in known}, {f"{where}.{p}" for p in properties.keys() - known}
    for name, schema in properties.items():
        inner = [k for k in _inside(hints[by_name[name]]) if is_dataclass(k)] if name in by_name else []
        if inner and "properties" in resolved(schema):
            yield from compared(inner[0], resolved(schema), f"{where}.{name}")


def _inside(annotation: object) -> list[Any]:
    return [k for way in _alternatives(annotation) for k in (way, *typing.get_args(way))]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def test_records_have_every_field_of_the_wire_and_no_other() -> None:
    read: dict[type[Any], set[str]] = {}
    unread: set[str] = set()

    for name in PRESENT:
        if (kind := record_of(name)) is not None:
            for record, known, missed in compared(kind, answer_of(OPERATIONS[name][2]), name):
                read.setdefault(record, set()).update(known)
                unread |= missed

    invented = {
        f"{kind.__name__}.{f.name}"
        for kind, known in read.items()
        for f in fields(kind)
        if f.name not in known | {"raw"}
    }
    assert unread == set(), "the server says it, the client's record does not have it"
    assert invented == set(), "no answer has such a field"
    assert len(read) >= 12


def literals(annotation: object) -> set[str]:
    """The values that a type lists, alone, optional or in a sequence."""
    found = [annotation, *_inside(annotation)]
    return {value for k in found if typing.get_origin(k) is Literal for value in typing.get_args(k)}


def listed(schema: Json) -> set[str]:
    """The values that a schema lists, alone, optional or in a list."""
    parts = [schema, *schema.get("anyOf", ())]
    return {value for part in parts for kind in (part, part.get("items", {})) for value in kind.get("enum", ())}


def is_time(schema: Json) -> bool:
    return any(part.get("format") == "date-time" for part in (schema, *schema.get("anyOf", ())))


def fields_on_the_wire(kind: type[Any], wire: Json) -> Iterator[tuple[str, object, Json]]:
    """(name, annotation, schema) of every field of a record and of the records inside."""
    hints = typing.get_type_hints(kind)
    by_name = {name: f.name for f in fields(kind) for name in (f.name, _camel(f.name))}
    for name, schema in wire.get("properties", {}).items():
        if name in by_name:
            annotation = hints[by_name[name]]
            yield f"{kind.__name__}.{by_name[name]}", annotation, schema
            for inner in (k for k in _inside(annotation) if is_dataclass(k)):
                yield from fields_on_the_wire(inner, resolved(schema))


OWN_VALUES = {"Generation.status": {"estimated"}, "Started.status": {"estimated"}, "RunEvent.status": {"estimated"}}
"""Values that only the client sets, or that the type has from another record."""
TEXTS = {"Bucket.range"}


def test_values_and_times_are_typed_as_the_api_says() -> None:
    every = [
        field
        for name in PRESENT
        if (kind := record_of(name)) is not None
        for field in fields_on_the_wire(kind, answer_of(OPERATIONS[name][2]))
    ]
    untyped = {
        name: sorted(listed(schema) ^ literals(annotation))
        for name, annotation, schema in every
        if listed(schema) and literals(annotation) - OWN_VALUES.get(name, set()) != listed(schema)
    }
    texts = {name for name, annotation, schema in every if is_time(schema) and datetime not in _inside(annotation)}

    assert {name: values for name, values in untyped.items() if name not in TEXTS} == {}
    assert texts == set()
    assert sum(is_time(schema) for _, _, schema in every) > 20


@pytest.mark.parametrize("name", PRESENT)
def test_arguments_take_the_values_that_the_api_takes(name: str) -> None:
    hints = parameters(getattr(DataForge, name))
    operation = OPERATIONS[name][2]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schemas = {p["name"]: p["schema"] for p in operation.get("parameters", ())} | resolved(body).get("properties", {})

    differing = {n: listed(s) ^ literals(hints[n]) for n, s in schemas.items() if n in hints}

    assert {n: values for n, values in differing.items() if values} == {}
