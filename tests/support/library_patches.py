"""What makes moto slow or unsteady for us, mended without a change that a test sees; `conftest` plugs it in.

Every test on moto has an account, a session and clients of its own, and asks DynamoDB some hundred times.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

from botocore.loaders import JSONFileLoader
from botocore.model import StructureShape
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.responses import DynamoHandler

read_description = JSONFileLoader._load_file
_answer = DynamoHandler.call_action
_one_at_a_time = threading.RLock()
_write_structure = BaseJSONSerializer._serialize_type_structure


@cache
def _once(full_path: str, open_method: Any) -> Any:
    return read_description(JSONFileLoader(), full_path, open_method)


def _only_what_is_there(serializer: Any, serialized: Any, value: Any, shape: StructureShape, key: str) -> None:
    """A DynamoDB value is of one of ten kinds, and moto looks for each of them under five names."""
    if shape.name != "AttributeValue" or not key or type(value) is not dict or not value.keys() <= shape.members.keys():
        _write_structure(serializer, serialized, value, shape, key)
        return
    kinds: dict[str, Any] = {}
    for kind, held in value.items():
        serializer._serialize(kinds, held, shape.members[kind], kind)
    serializer._default_serialize(serialized, kinds, shape, key)


def _whole(handler: DynamoHandler) -> Any:
    """moto hands out the very items that it changes: a read beside a write would see "dictionary changed size"."""
    with _one_at_a_time:
        return _answer(handler)


def plug_in() -> None:
    # A session would read the same descriptions of AWS again: 0.7 s of CPU.
    JSONFileLoader._load_file = lambda _, full_path, open_method: _once(full_path, open_method)  # type: ignore[method-assign]
    BaseJSONSerializer._serialize_type_structure = _only_what_is_there  # type: ignore[method-assign, assignment]
    DynamoHandler.call_action = _whole  # type: ignore[method-assign]
