"""Every place where a test changes the private parts of a library, each with its reason.

An upgrade of moto or botocore that breaks a test breaks it here. Two kinds:

- for all tests, installed by `tests/conftest.py`: `speed_up_moto`, which changes nothing that a test sees;
- for those that ask: `run_step_functions_in_process`, `lambda_handlers`, `record_botocore_pauses`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import botocore.endpoint
import pytest
from botocore.loaders import JSONFileLoader
from botocore.model import StructureShape
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.responses import DynamoHandler

if TYPE_CHECKING:
    from moto.awslambda.models import LambdaFunction

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


def speed_up_moto() -> None:
    """What makes moto slow or unsteady: every test on it has an account, a session and clients of its own."""
    # A session would read the same descriptions of AWS again: 0.7 s of CPU.
    JSONFileLoader._load_file = lambda _, full_path, open_method: _once(full_path, open_method)  # type: ignore[method-assign]
    BaseJSONSerializer._serialize_type_structure = _only_what_is_there  # type: ignore[method-assign, assignment]
    DynamoHandler.call_action = _whole  # type: ignore[method-assign]


@cache
def run_step_functions_in_process() -> None:
    """State machines on moto without Docker and without the same checks again; once per process."""
    import moto.settings  # with the next one 5 s of CPU, which only tests on state machines need
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend

    # Every test makes the same machines, and moto checks each definition again: 0.2 s of CPU.
    StepFunctionsParserBackend._validate_definition = staticmethod(  # type: ignore[method-assign]
        cache(StepFunctionsParserBackend._validate_definition)
    )
    # moto asks Docker through a pipe that it never closes; Python then blames whichever test runs when it is collected.
    moto.settings.get_docker_host = lambda: "http://host.docker.internal"


InvokeLambda = Callable[["LambdaFunction", dict[str, Any]], tuple[str, bool, str]]
"""From a function and its event to (payload, whether it failed, log)."""


@contextmanager
def lambda_handlers(invoke: InvokeLambda, afterwards: InvokeLambda) -> Iterator[None]:
    """moto would start a container for every call; `_invoke_lambda` is the one place where it decides how a function
    runs. afterwards: for an execution that outlives its test: moto's own would ask Docker."""
    from moto.awslambda.models import LambdaFunction

    LambdaFunction._invoke_lambda = invoke  # type: ignore[method-assign]
    try:
        yield
    finally:
        LambdaFunction._invoke_lambda = afterwards  # type: ignore[method-assign]


def record_botocore_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that botocore would have slept between its tries: it has no option for that."""
    slept: list[float] = []
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=slept.append))
    return slept
