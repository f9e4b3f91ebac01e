"""What all request bodies have in common: `null` is "not given", and where money is at stake no key is ignored."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

Schema = dict[str, Any]


class Body(BaseModel):
    """A request body. `null` for a field that may be left out means that it was left out, in every body."""

    model_config = ConfigDict(protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if not isinstance(given, dict) or None not in given.values():
            return given
        optional = {f.alias or name for name, f in cls.model_fields.items() if not f.is_required()}
        return {key: value for key, value in given.items() if value is not None or key not in optional}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        made = handler(schema)
        whole = handler.resolve_ref_schema(made)
        for name, given in whole.get("properties", {}).items():
            if name not in whole.get("required", ()):
                whole["properties"][name] = _or_null(given)
        return made


class Strict(Body):
    """A body that spends money or gives rights: an unknown key is refused, since a misspelt limit would be none. The
    error names the one that may have been meant (`dataforge_functions.api.unknown_fields`)."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


def _or_null(given: Schema) -> Schema:
    if any(way.get("type") == "null" for way in given.get("anyOf", ())):
        return given
    about: Schema = {name: given[name] for name in ("title", "description", "default", "examples") if name in given}
    value = {name: part for name, part in given.items() if name not in about}
    return {"anyOf": [value, {"type": "null"}], **about}
