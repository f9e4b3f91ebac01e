"""Parses a state machine file, and rejects whatever only one of the two backends would run.

Rejected, with location and reason in the message: JSONata, intrinsic functions, variables, `$$` but for the token
of a task that waits for one, other resources than `lambda:invoke`, ItemBatcher, ResultWriter, ItemSelector, JSON Lines
and CSV readers, a Choice without Default, a Task or a machine without TimeoutSeconds, a Map without MaxConcurrency or
inside a Map, and every field that the language or this subset does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from dataforge.platform.embedded import asl_interpreter as asl
from dataforge.platform.ports import Item, Value

_COMMON = {"Type", "Comment", "InputPath", "OutputPath"}
_FLOW = {*_COMMON, "Next", "End"}
_WORK = {*_FLOW, "ResultPath", "ResultSelector", "Retry", "Catch"}
_FIELDS: dict[str, set[str]] = {
    "Task": {*_WORK, "Resource", "Parameters", "TimeoutSeconds", "TimeoutSecondsPath"},
    "Map": {*_WORK, "ItemReader", "ItemsPath", "ItemProcessor", "MaxConcurrency", "ToleratedFailurePercentage",
            "ToleratedFailureCount"},
    "Pass": {*_FLOW, "Parameters", "Result", "ResultPath"},
    "Wait": {*_FLOW, "Seconds", "SecondsPath"},
    "Choice": {*_COMMON, "Choices", "Default"},
    "Succeed": _COMMON,
    "Fail": {"Type", "Comment", "Error", "Cause"},
}  # fmt: skip
_INVOKE = "arn:aws:states:::lambda:invoke"
_WITH_TOKEN = f"{_INVOKE}.waitForTaskToken"
_READER = "arn:aws:states:::s3:getObject"
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")

# A JSON object of the file, before anything is known of it.
Raw = dict[str, Any]


class OutsideSubset(ValueError):
    """The message names the state and the problem."""


def read(
    definition: Mapping[str, Any],
    substitutions: Mapping[str, str] | None = None,
    renamed: Mapping[str, str] | None = None,
) -> asl.Machine:
    """The parsed state machine.

    substitutions: the value of each `${Name}`; every placeholder must be given. renamed: states of earlier definitions
    -> their names in this one. Raises OutsideSubset.
    """
    raw = cast(Raw, substitute(dict(definition), substitutions or {}))
    _only(raw, {"Comment", "StartAt", "States", "TimeoutSeconds", "QueryLanguage", "Version"}, "the machine")
    _require(raw.get("QueryLanguage", "JSONPath") == "JSONPath", "the machine: only JSONPath is read")
    timeout = _whole(raw, "TimeoutSeconds", "the machine", least=1)
    states = _states(raw, "the machine", inside_map=False)
    names = [name for state in states.values() for name in _names(state)]
    _require(len(names) == len(set(names)), "the machine: a state name appears twice, also counting Map states")
    for old, new in (renamed or {}).items():
        _require(new in names and old not in names, f"the machine: {old!r} cannot stand for {new!r}")
    return asl.Machine(raw["StartAt"], states, timeout, dict(renamed or {}))


def substitute(value: Value, substitutions: Mapping[str, str]) -> Value:
    """Every `${Name}` in every string replaced; raises OutsideSubset for a name that is not given."""

    def replace(match: re.Match[str]) -> str:
        _require(match[1] in substitutions, f"${{{match[1]}}} has no value")
        return substitutions[match[1]]

    if isinstance(value, str):
        return _PLACEHOLDER.sub(replace, value)
    if isinstance(value, list):
        return [substitute(part, substitutions) for part in value]
    if isinstance(value, dict):
        return {key: substitute(part, substitutions) for key, part in value.items()}
    return value


def _states(raw: Raw, where: str, *, inside_map: bool) -> dict[str, asl.State]:
    _require(isinstance(raw.get("States"), dict) and raw["States"], f"{where}: States must be a non-empty object")
    _require(raw.get("StartAt") in raw["States"], f"{where}: StartAt names no state")
    states = {name: _state(name, body, inside_map=inside_map) for name, body in raw["States"].items()}
    reached, todo = set[str](), [raw["StartAt"]]
    while todo:
        name = todo.pop()
        _require(name in states, f"{where}: {name!r} is named as the next state, but is not there")
        if name not in reached:
            reached.add(name)
            todo.extend(_targets(states[name]))
    _require(reached == set(states), f"{where}: never reached: {', '.join(sorted(set(states) - reached))}")
    return states


def _targets(state: asl.State) -> Iterator[str]:
    if state.next:
        yield state.next
    if state.default:
        yield state.default
    yield from (target for _, target in state.rules)
    yield from (catcher.next for catcher in state.catch)


def _names(state: asl.State) -> Iterator[str]:
    yield state.name
    if state.processor:
        yield from state.processor.states


def _state(name: str, raw: Raw, *, inside_map: bool) -> asl.State:
    kind = raw.get("Type")
    _require(kind in _FIELDS, f"{name}: Type must be one of {', '.join(_FIELDS)}, not {kind!r}")
    _require(0 < len(name) <= 80, f"{name}: a state name has 1 to 80 characters")
    _require(not (inside_map and kind == "Map"), f"{name}: a Map inside a Map is outside the subset")
    _only(raw, _FIELDS[str(kind)], name)
    if "Next" in _FIELDS[str(kind)]:
        _require(("Next" in raw) != (raw.get("End") is True), f"{name}: either Next or End true")
    fields: dict[str, Any] = {
        "next": raw.get("Next"),
        "input_path": _path(raw, "InputPath", name),
        "output_path": _path(raw, "OutputPath", name),
        "result_path": _path(raw, "ResultPath", name, names_only=True),
        "parameters": _template(raw, "Parameters", name),
        "selector": _template(raw, "ResultSelector", name),
        "retry": tuple(_retriers(raw.get("Retry", []), name)),
        "catch": tuple(_catchers(raw.get("Catch", []), name)),
        **_KINDS[str(kind)](name, raw),
    }
    return asl.State(name=name, kind=cast(asl.Kind, kind), **fields)


def _task(name: str, raw: Raw) -> dict[str, Any]:
    waits = raw.get("Resource") == _WITH_TOKEN
    _require(waits or raw.get("Resource") == _INVOKE, f"{name}: Resource must be {_INVOKE}, or {_WITH_TOKEN}")
    parameters = raw.get("Parameters", {})
    _only(parameters, {"FunctionName", "Payload", "Payload.$"}, f"{name}.Parameters")
    _require(isinstance(parameters.get("FunctionName"), str), f"{name}: Parameters need a FunctionName")
    if not waits:
        _require("TimeoutSecondsPath" not in raw, f"{name}: TimeoutSecondsPath is for a task that waits for its token")
        return {"timeout": _whole(raw, "TimeoutSeconds", name, least=1)}
    _require(asl.TOKEN in str(parameters), f"{name}: no caller could complete the task without {asl.TOKEN}")
    _require(("TimeoutSeconds" in raw) != ("TimeoutSecondsPath" in raw), f"{name}: either timeout")
    by_path = "TimeoutSecondsPath" in raw
    seconds = _path(raw, "TimeoutSecondsPath", name) if by_path else _whole(raw, "TimeoutSeconds", name, least=1)
    return {"token": True, "seconds": seconds}


def _wait(name: str, raw: Raw) -> dict[str, Any]:
    _require(("Seconds" in raw) != ("SecondsPath" in raw), f"{name}: either Seconds or SecondsPath")
    return {"seconds": _path(raw, "SecondsPath", name) if "SecondsPath" in raw else _whole(raw, "Seconds", name)}


def _choice(name: str, raw: Raw) -> dict[str, Any]:
    _require(isinstance(raw.get("Default"), str), f"{name}: without a Default the two backends fail in different ways")
    rules = raw.get("Choices")
    _require(isinstance(rules, list) and rules, f"{name}: Choices must be a non-empty array")
    for rule in rules or ():
        _require(isinstance(rule.get("Next"), str), f"{name}: every choice needs a Next")
    return {"default": raw["Default"], "rules": tuple((_rule(rule, name), rule["Next"]) for rule in raw["Choices"])}


def _rule(raw: Raw, name: str) -> asl.ChoiceRule:
    operators = set(raw) - {"Variable", "Next", "Comment"}
    _require(len(operators) == 1, f"{name}: a choice has one operator, not {sorted(operators)}")
    operator = operators.pop()
    operand = raw[operator]
    if operator in asl.GROUPS:
        parts = [operand] if operator == "Not" else operand
        _require(isinstance(parts, list) and parts, f"{name}: {operator} needs rules")
        return asl.ChoiceRule(operator, rules=tuple(_rule(part, name) for part in parts))
    _require("Variable" in raw, f"{name}: {operator} needs a Variable")
    variable = _path(raw, "Variable", name) or ()
    if operator == "IsPresent" or operator in asl.TYPE_TESTS:
        _require(isinstance(operand, bool), f"{name}: {operator} takes true or false")
        return asl.ChoiceRule(operator, variable, operand)
    known = operator.removesuffix("Path")
    _require(known in asl.COMPARISONS, f"{name}: the operator {operator} is outside the subset")
    if operator.endswith("Path"):
        return asl.ChoiceRule(operator, variable, _path(raw, operator, name))
    _require(asl.COMPARISONS[known][0](operand), f"{name}: {operator} cannot compare with {operand!r}")
    return asl.ChoiceRule(operator, variable, operand)


def _map(name: str, raw: Raw) -> dict[str, Any]:
    processor = raw.get("ItemProcessor")
    _require(isinstance(processor, dict), f"{name}: a Map needs an ItemProcessor")
    processor = cast(Raw, processor)
    _only(processor, {"ProcessorConfig", "StartAt", "States"}, f"{name}.ItemProcessor")
    modes = {"DISTRIBUTED": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "INLINE": {"Mode": "INLINE"}}
    config = processor.get("ProcessorConfig")
    _require(config in modes.values(), f"{name}: ProcessorConfig must be one of {list(modes.values())}")
    distributed = config == modes["DISTRIBUTED"]
    max_concurrency = _whole(raw, "MaxConcurrency", name, least=1)
    _require(max_concurrency <= (1000 if distributed else 40), f"{name}: MaxConcurrency is too large")
    percentage = raw.get("ToleratedFailurePercentage", 0.0)
    _require(
        isinstance(percentage, float) and 0 <= percentage <= 100,
        f"{name}: ToleratedFailurePercentage must be written with a decimal point (100.0): one emulator needs it so",
    )
    _require(distributed or not raw.keys() & {"ItemReader", "ToleratedFailurePercentage", "ToleratedFailureCount"},
             f"{name}: ItemReader and tolerance need the DISTRIBUTED mode")  # fmt: skip
    _require(("ItemReader" in raw) != ("ItemsPath" in raw), f"{name}: either ItemReader or ItemsPath")
    processor = asl.MapProcessor(
        start_at=processor.get("StartAt", ""),
        states=_states(processor, name, inside_map=True),
        max_concurrency=max_concurrency,
        distributed=distributed,
        key=_reader_key(name, raw["ItemReader"]) if "ItemReader" in raw else None,
        items_path=_path(raw, "ItemsPath", name) or (),
        tolerated_count=_whole(raw, "ToleratedFailureCount", name) if "ToleratedFailureCount" in raw else 0,
        tolerated_percentage=percentage,
    )
    return {"processor": processor}


def _reader_key(name: str, reader: Raw) -> Item:
    _only(reader, {"Resource", "ReaderConfig", "Parameters"}, f"{name}.ItemReader")
    _require(reader.get("Resource") == _READER, f"{name}: the ItemReader's Resource must be {_READER}")
    config = {"InputType": "JSON"}
    _require(reader.get("ReaderConfig") == config, f"{name}: the ItemReader reads a JSON array: ReaderConfig {config}")
    parameters = reader.get("Parameters", {})
    _only(parameters, {"Bucket", "Key", "Key.$"}, f"{name}.ItemReader.Parameters")
    _require("Bucket" in parameters and len(parameters) == 2, f"{name}: the ItemReader needs a Bucket and a Key")
    return {key: cast(Value, part) for key, part in parameters.items() if key != "Bucket"}


def _plain(name: str, raw: Raw) -> dict[str, Any]:
    for field in ("Error", "Cause"):
        _require(isinstance(raw.get(field, ""), str), f"{name}: {field} must be a string")
    return {"result": raw.get("Result"), "error": raw.get("Error", ""), "cause": raw.get("Cause", "")}


_KINDS: dict[str, Callable[[str, Raw], dict[str, Any]]] = {
    "Task": _task,
    "Map": _map,
    "Choice": _choice,
    "Wait": _wait,
    "Pass": _plain,
    "Succeed": _plain,
    "Fail": _plain,
}


def _retriers(raw: list[Raw], name: str) -> Iterator[asl.Retrier]:
    for position, retrier in enumerate(raw):
        where = f"{name}.Retry"
        _only(retrier, {"ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxAttempts", "MaxDelaySeconds",
                        "JitterStrategy", "Comment"}, where)  # fmt: skip
        interval = _whole(retrier, "IntervalSeconds", where, least=1, default=1)
        backoff = retrier.get("BackoffRate", 2.0)
        _require(isinstance(backoff, int | float) and backoff >= 1, f"{where}: BackoffRate is a number from 1.0")
        most = _whole(retrier, "MaxDelaySeconds", where, least=1) if "MaxDelaySeconds" in retrier else None
        _require(most is None or most > interval, f"{where}: MaxDelaySeconds must be larger than IntervalSeconds")
        jitter = retrier.get("JitterStrategy", "NONE")
        _require(jitter in ("FULL", "NONE"), f"{where}: JitterStrategy is FULL or NONE")
        yield asl.Retrier(
            errors=_errors(retrier, where, last=position == len(raw) - 1),
            interval=interval,
            backoff=float(backoff),
            attempts=_whole(retrier, "MaxAttempts", where, default=3),
            max_delay=most,
            full_jitter=jitter == "FULL",
        )


def _catchers(raw: list[Raw], name: str) -> Iterator[asl.Catcher]:
    for position, catcher in enumerate(raw):
        where = f"{name}.Catch"
        _only(catcher, {"ErrorEquals", "Next", "ResultPath", "Comment"}, where)
        _require(isinstance(catcher.get("Next"), str), f"{where}: a catcher needs a Next")
        errors = _errors(catcher, where, last=position == len(raw) - 1)
        yield asl.Catcher(errors, catcher["Next"], _path(catcher, "ResultPath", where, names_only=True))


def _errors(raw: Raw, where: str, *, last: bool) -> tuple[str, ...]:
    errors = raw.get("ErrorEquals")
    _require(isinstance(errors, list) and errors and all(isinstance(error, str) for error in errors),
             f"{where}: ErrorEquals must be a non-empty array of names")  # fmt: skip
    names = tuple(cast("list[str]", errors))
    _require("States.ALL" not in names or (len(names) == 1 and last), f"{where}: States.ALL stands alone and last")
    return names


def _path(raw: Raw, field: str, where: str, *, names_only: bool = False) -> asl.Path | None:
    """`$` when the field is absent, None when it is null."""
    text = raw.get(field, "$")
    if text is None and field != "Variable":
        return None
    try:
        path = asl.parse_path(text if isinstance(text, str) else repr(text))
    except ValueError as error:
        raise OutsideSubset(f"{where}: {field} {error}") from None
    _require(not names_only or all(isinstance(step, str) for step in path), f"{where}: {field} takes names only")
    return path


def _template(raw: Raw, field: str, where: str) -> Value:
    def check(part: Value) -> None:
        if isinstance(part, list):
            for element in part:
                check(element)
        elif isinstance(part, dict):
            for key, element in part.items():
                if element == asl.TOKEN:
                    _require(
                        raw.get("Resource") == _WITH_TOKEN and key.endswith(".$"),
                        f"{where}: {asl.TOKEN} is for a task that waits for it",
                    )
                elif key.endswith(".$"):
                    _path({field: element}, field, where)
                    _require(isinstance(element, str), f"{where}: {field}.{key} must be a path")
                else:
                    check(element)

    check(raw.get(field))
    return cast(Value, raw.get(field))


def _whole(raw: Raw, field: str, where: str, *, least: int = 0, default: int | None = None) -> int:
    value = raw.get(field, default)
    fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= 99_999_999
    _require(fits, f"{where}: {field} must be a whole number from {least}, not {value!r}")
    return cast(int, value)


def _only(raw: object, known: set[str], where: str) -> None:
    _require(isinstance(raw, dict), f"{where}: must be an object")
    unknown = sorted(set(cast(Raw, raw)) - known)
    _require(not unknown, f"{where}: {', '.join(unknown)} is outside the subset that both backends run")


def _require(condition: object, message: str) -> None:
    if not condition:
        raise OutsideSubset(message)
