"""The rights of each function as its role has them, enforced on the backends of a test: moto checks no IAM.

A call that the catalog does not allow is recorded and goes on, so that a test fails with all of them at its end. Calls
in threads that do not know the function they work for are not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from dataforge.platform.ports import Platform
from dataforge_infra import catalog

READS = {"get", "batch_get", "query_page"}
"""Operations of tables that only read; all others write."""
FILE_READS = {"read", "stream", "open", "info", "list"}
_function: ContextVar[str] = ContextVar("function", default="")

Handler = Callable[[dict[str, Any], object], Any]
Check = Callable[[catalog.Function, str, Any], str | None]
"""What a call of a function on a port is, if its rights do not allow it."""


class Watch:
    """What functions did outside of their rights: `<function>: <call>`."""

    def __init__(self) -> None:
        self.violations: set[str] = set()

    def handler(self, function: str, run: Handler) -> Handler:
        """The handler, whose calls count as those of the function."""

        def named(event: dict[str, Any], context: object) -> Any:
            token = _function.set(function)
            try:
                return run(event, context)
            finally:
                _function.reset(token)

        return named

    def platform(self, plain: Platform) -> Platform:
        return replace(
            plain,
            tables=_watched(plain.tables, self, self._table_call),
            files=_watched(plain.files, self, self._file_call),
            workflows=_watched(plain.workflows, self, self._workflow_call),
            trainer=_watched(plain.trainer, self, self._trainer_call),
            inference=_watched(plain.inference, self, self._inference_call),
        )

    def _table_call(self, facts: catalog.Function, operation: str, target: Any) -> str | None:
        # Who moves runs pushes to the connections of those who follow them (dataforge_infra/lambdas.py).
        writes = {*facts.writes, *(["connections"] if "runs" in facts.writes else [])}
        for table in _tables_of(target):
            allowed = {*writes, *facts.reads} if operation in READS else writes
            if table not in allowed:
                return f"{operation} on the table {table}"
        return None

    def _file_call(self, facts: catalog.Function, operation: str, key: Any) -> str | None:
        if not isinstance(key, str):
            return None
        if facts.files == "none" or (facts.files == "read" and operation not in FILE_READS):
            return f"{operation} of a file"
        patterns = catalog.file_patterns(facts) + (catalog.read_patterns(facts) if operation in FILE_READS else [])
        fits = any(fnmatchcase(key, pattern) for pattern in patterns)
        return None if fits or operation == "list" else f"{operation} of {key}"

    def _workflow_call(self, facts: catalog.Function, operation: str, machine: Any) -> str | None:
        allowed = {"start": facts.starts, "describe": (*facts.starts, *facts.stops)}.get(operation)
        allowed = (*facts.starts, *facts.stops) if operation == "stop" else allowed
        if operation == "send_task_success":
            return None if facts.wakes else operation
        return None if allowed is None or machine in allowed else f"{operation} of {machine}"

    def _trainer_call(self, facts: catalog.Function, operation: str, _: Any) -> str | None:
        allowed = {"start": ("start",), "describe": ("follow",), "stop": ("follow",)}.get(operation)
        return None if allowed is None or facts.training in allowed else f"{operation} of a training"

    def _inference_call(self, facts: catalog.Function, operation: str, _: Any) -> str | None:
        makes = operation in ("set_up", "remove") and facts.inference != "manage"
        return f"{operation} of a trained model" if makes or facts.inference == "none" else None

    def record(self, check: Check, operation: str, target: Any) -> None:
        name = _function.get()
        if name and (found := check(catalog.FUNCTIONS[name], operation, target)):
            self.violations.add(f"{name}: {found}")


def _watched(plain: Any, watch: Watch, check: Check) -> Any:
    """The port itself, in a class of its own kind whose public calls are checked before they are made."""

    class Watched(type(plain)):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if name.startswith("_") or not callable(found):
                return found

            def call(*args: Any, **options: Any) -> Any:
                if args:
                    watch.record(check, name, args[0])
                return found(*args, **options)

            return call

    port = object.__new__(Watched)
    port.__dict__.update(plain.__dict__)
    return port


def _tables_of(target: Any) -> Iterable[str]:
    return [target] if isinstance(target, str) else [write.table for write in target]
