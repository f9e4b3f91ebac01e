"""Semantics of the states of a machine, as pure functions: paths, templates, choices, retries, limits.

The subset of the Amazon States Language (states-language.net/spec.html) that both backends run alike; `asl_parser.py`
parses a file into these records and rejects the rest. Paths are JSONPath: `$`, `$.a.b`, `$.a[0]`, `$['a b']`.

A state's data flows: raw input -> InputPath -> Parameters -> the work -> ResultSelector -> ResultPath (into the raw
input) -> OutputPath. A caught failure goes into the raw input by the catcher's own ResultPath instead.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Literal, TypeAlias

from dataforge.log import redact
from dataforge.platform.ports import Item, Value

Path: TypeAlias = tuple[str | int, ...]
"""Steps from the root; `$` is empty."""

LIMIT: Final = 256 * 1024
"""Most bytes of JSON (UTF-8) between two states; the quota of Step Functions."""

_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\['([^'\\]+)'\]")
_TERMINAL = ("States.DataLimitExceeded", "States.Runtime")


class StateFailed(Exception):
    """A state failed, as Retry and Catch see it.

    error: the name they match. cause: free text; of a function's exception a JSON object with `errorMessage`,
    `errorType` and `stackTrace`, as Lambda reports it.
    """

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}" if cause else error)
        self.error = error
        self.cause = cause


def describe_exception(error: BaseException, stack: Sequence[str] = ()) -> StateFailed:
    """The error that Lambda reports for an exception of a handler: its class name, and its message as JSON."""
    name = type(error).__name__
    cause = {"errorMessage": redact(str(error))[:8000], "errorType": name, "stackTrace": list(stack)}
    return StateFailed(name, json.dumps(cause, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class Retrier:
    errors: tuple[str, ...]
    interval: int = 1
    backoff: float = 2.0
    attempts: int = 3
    max_delay: int | None = None
    full_jitter: bool = False


@dataclass(frozen=True, slots=True)
class Catcher:
    errors: tuple[str, ...]
    next: str
    result_path: Path | None = ()
    """None: the failure is dropped and the raw input goes on."""


@dataclass(frozen=True, slots=True)
class ChoiceRule:
    """One comparison of a Choice. `And`, `Or` and `Not` hold `rules`; the rest compare `variable` with `operand`."""

    operator: str
    variable: Path = ()
    operand: Value | Path = None
    rules: tuple[ChoiceRule, ...] = ()


@dataclass(frozen=True, slots=True)
class MapProcessor:
    """The ItemProcessor and ItemReader of a Map.

    Items come from a JSON array in a file (`key` is the template of its name) or from `items_path`. Inline children
    fail the Map with their own error, distributed ones by tolerance.
    """

    start_at: str
    states: Mapping[str, State]
    max_concurrency: int
    distributed: bool
    key: Item | None = None
    items_path: Path = ()
    tolerated_count: int = 0
    tolerated_percentage: float = 0.0


Kind: TypeAlias = Literal["Task", "Choice", "Pass", "Succeed", "Fail", "Wait", "Map"]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`kind` decides which of the later fields matter. A None path is JSON null; `next` None ends the machine."""

    name: str
    kind: Kind
    next: str | None = None
    input_path: Path | None = ()
    output_path: Path | None = ()
    result_path: Path | None = ()
    parameters: Value = None
    selector: Value = None
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()
    timeout: int = 0
    token: bool = False
    """A Task that ends when its token is completed, or after `seconds`."""
    seconds: int | Path = 0
    rules: tuple[tuple[ChoiceRule, str], ...] = ()
    default: str = ""
    result: Value = None
    error: str = ""
    cause: str = ""
    processor: MapProcessor | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    start_at: str
    states: Mapping[str, State]
    timeout: int
    """Seconds from the start of an execution to its end."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """State of an earlier definition -> its name in this one, also inside a Map: interrupted executions go on there."""


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


def parse_path(text: str) -> Path:
    """Raises ValueError for anything but the subset: no `$$`, filters, wildcards, slices, `..` or functions."""
    position, steps = 1, list[str | int]()
    while position < len(text):
        match = _STEP.match(text, position)
        if not match:
            break
        dotted, index, quoted = match.groups()
        steps.append(int(index) if index is not None else dotted or quoted)
        position = match.end()
    if not text.startswith("$") or position != len(text):
        raise ValueError(f"{text!r} is not a path of the subset ($, $.a.b, $.a[0], $['a b'])")
    return tuple(steps)


def show_path(path: Path) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in path)


def find(path: Path, data: Value) -> Value | _Missing:
    here = data
    for step in path:
        if isinstance(step, int):
            if not isinstance(here, list) or step >= len(here):
                return MISSING
            here = here[step]
        else:
            if not isinstance(here, dict) or step not in here:
                return MISSING
            here = here[step]
    return here


def get(path: Path, data: Value) -> Value:
    """Raises StateFailed(States.Runtime) if the path matches nothing."""
    found = find(path, data)
    if isinstance(found, _Missing):
        raise StateFailed("States.Runtime", f"The path {show_path(path)} matches nothing in the input.")
    return found


def put(path: Path | None, data: Value, value: Value) -> Value:
    """`data` with `value` at the path (a ResultPath: names only); objects on the way are made, nothing is changed
    in place. None leaves `data` as it is. Raises StateFailed(States.ResultPathMatchFailure) when a step meets
    something that is no object."""
    if path is None:
        return data
    if not path:
        return value
    if not isinstance(data, dict):
        raise StateFailed("States.ResultPathMatchFailure", f"{show_path(path)} needs an object to write into.")
    name = str(path[0])
    inner: Value = data.get(name, {}) if len(path) > 1 else None
    return {**data, name: put(path[1:], inner, value)}


def fill(template: Value, data: Value) -> Value:
    """A payload template: of every key that ends in `.$` the value is a path into `data`."""
    if isinstance(template, list):
        return [fill(part, data) for part in template]
    if not isinstance(template, dict):
        return template
    return {
        key.removesuffix(".$"): get(parse_path(str(part)), data) if key.endswith(".$") else fill(part, data)
        for key, part in template.items()
    }


TOKEN: Final = "$$.Task.Token"  # noqa: S105
"""The only part of the context object in the subset."""


def with_token(template: Value, token: str) -> Value:
    """A payload template with the token in its place."""
    if isinstance(template, list):
        return [with_token(part, token) for part in template]
    if not isinstance(template, dict):
        return template
    return {
        key.removesuffix(".$") if part == TOKEN else key: token if part == TOKEN else with_token(part, token)
        for key, part in template.items()
    }


def whole_seconds(state: State, data: Value) -> int:
    """Raises StateFailed(States.Runtime) where the path leads to no whole number."""
    seconds = get(state.seconds, data) if isinstance(state.seconds, tuple) else state.seconds
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 0:
        raise StateFailed("States.Runtime", f"'{state.name}' waits for a whole number of seconds.")
    return seconds


def check_size(value: Value, name: str) -> None:
    """Raises StateFailed(States.DataLimitExceeded) above LIMIT; no Retry and no States.ALL matches that."""
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > LIMIT:
        raise StateFailed(
            "States.DataLimitExceeded", f"The data of state '{name}' is larger than {LIMIT} bytes; pass a key instead."
        )


def effective_input(state: State, raw: Value) -> Value:
    data: Value = {} if state.input_path is None else get(state.input_path, raw)
    if state.parameters is not None:
        data = fill(state.parameters, data)
        check_size(data, state.name)
    return data


def output(state: State, raw: Value, result: Value) -> Value:
    """The state's output, from its raw input and the result of its work."""
    if state.selector is not None:
        result = fill(state.selector, result)
    return narrow(state, put(state.result_path, raw, result))


def narrow(state: State, data: Value) -> Value:
    return {} if state.output_path is None else get(state.output_path, data)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_IS: dict[str, Callable[[object], bool]] = {
    "String": lambda value: isinstance(value, str),
    "Numeric": _is_number,
    "Boolean": lambda value: isinstance(value, bool),
}
COMPARISONS: dict[str, tuple[Callable[[object], bool], Callable[[Any, Any], bool]]] = {
    **{f"String{name}": (_IS["String"], compare) for name, compare in _COMPARE.items()},
    **{f"Numeric{name}": (_IS["Numeric"], compare) for name, compare in _COMPARE.items()},
    "BooleanEquals": (_IS["Boolean"], operator.eq),
}
"""Operator -> (the type both sides must have, or the test is false; the comparison)."""
TYPE_TESTS: dict[str, Callable[[object], bool]] = {
    "IsString": _IS["String"],
    "IsNumeric": _IS["Numeric"],
    "IsBoolean": _IS["Boolean"],
    "IsNull": lambda value: value is None,
}
GROUPS: dict[str, Callable[[Sequence[ChoiceRule], Value], bool]] = {
    "And": lambda rules, data: all(holds(rule, data) for rule in rules),
    "Or": lambda rules, data: any(holds(rule, data) for rule in rules),
    "Not": lambda rules, data: not holds(rules[0], data),
}


def holds(rule: ChoiceRule, data: Value) -> bool:
    """Raises StateFailed(States.Runtime) when the variable is missing and the test is not IsPresent."""
    if rule.operator in GROUPS:
        return GROUPS[rule.operator](rule.rules, data)
    if rule.operator == "IsPresent":
        return (find(rule.variable, data) is not MISSING) == rule.operand
    value = get(rule.variable, data)
    if rule.operator in TYPE_TESTS:
        return TYPE_TESTS[rule.operator](value) == rule.operand
    is_type, compare = COMPARISONS[rule.operator.removesuffix("Path")]
    operand = get(rule.operand, data) if isinstance(rule.operand, tuple) else rule.operand
    return is_type(value) and is_type(operand) and compare(value, operand)


def choose(state: State, data: Value) -> str:
    return next((target for rule, target in state.rules if holds(rule, data)), state.default)


def _enter_pass(state: State, raw: Value) -> tuple[str | None, Value]:
    result = state.result if state.result is not None else effective_input(state, raw)
    return state.next, output(state, raw, result)


def _enter_choice(state: State, raw: Value) -> tuple[str | None, Value]:
    data = effective_input(state, raw)
    return choose(state, data), narrow(state, data)


def _enter_fail(state: State, _raw: Value) -> tuple[str | None, Value]:
    raise StateFailed(state.error, state.cause)


PURE: dict[Kind, Callable[[State, Value], tuple[str | None, Value]]] = {
    "Pass": _enter_pass,
    "Choice": _enter_choice,
    "Succeed": lambda state, raw: (None, narrow(state, effective_input(state, raw))),
    "Fail": _enter_fail,
}
"""Kinds of state that depend on nothing but their input: (state, raw input) -> next state (None: the end), output."""


def matches(names: Sequence[str], error: str) -> bool:
    """`States.ALL` stands for every error but the terminal ones; `States.TaskFailed` also not for time-outs."""
    if error in names and error != "States.Runtime":
        return True
    if error in _TERMINAL:
        return False
    return "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")


def next_try(
    retriers: Sequence[Retrier], error: str, tries: Sequence[int], *, rng: Random
) -> tuple[tuple[int, ...], float] | None:
    """The tries counted with this one, and the seconds to wait before it; None when nothing (more) retries.

    tries: how often each retrier has been used in this visit of the state (empty: none yet). The first retrier that
    matches decides, also when it is used up.
    """
    counts = [*tries, *[0] * (len(retriers) - len(tries))]  # an earlier definition may have had fewer
    for index, retrier in enumerate(retriers):
        if not matches(retrier.errors, error):
            continue
        if counts[index] >= retrier.attempts:
            return None
        # The exponent is capped: 2.0 ** 1100 is no float any more.
        delay = retrier.interval * retrier.backoff ** min(counts[index], 60)
        if retrier.max_delay is not None:
            delay = min(delay, retrier.max_delay)
        counts[index] += 1
        return tuple(counts), rng.uniform(0, delay) if retrier.full_jitter else delay
    return None


def catch(state: State, raw: Value, failure: StateFailed) -> tuple[str, Value] | None:
    """The next state and its input; None when nothing catches. OutputPath is not applied."""
    for catcher in state.catch:
        if matches(catcher.errors, failure.error):
            return catcher.next, put(catcher.result_path, raw, {"Error": failure.error, "Cause": failure.cause})
    return None


def exceeds_tolerance(processor: MapProcessor, failed: int, total: int) -> bool:
    """With both limits at zero (the default) one failed child is too many; above zero, either may be exceeded."""
    if failed == 0:
        return False
    over_count = failed > processor.tolerated_count
    over_percentage = failed * 100 > processor.tolerated_percentage * total
    if processor.tolerated_count and processor.tolerated_percentage:
        return over_count or over_percentage
    return over_count if processor.tolerated_count else over_percentage
