"""The meaning of states, as rules over any data; and what the reader of definitions refuses."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dataforge.platform.embedded import asl_interpreter as asl
from dataforge.platform.embedded.asl_interpreter import Catcher, ChoiceRule, MapProcessor, Retrier, State, StateFailed
from dataforge.platform.embedded.asl_parser import OutsideSubset, read, substitute
from tests.support.paths import INFRA

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
ODD_NAMES = st.text(st.characters(exclude_characters="'\\", exclude_categories=["Cs"]), min_size=1, max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=3)
BLOCKS = (str, int, float, list, type(None))
"""What ResultPath cannot reach into."""
SEED = Random(7)


def places(data: Any, path: asl.Path = ()) -> list[tuple[asl.Path, Any]]:
    """Every value inside, with the way to it."""
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [(path, data), *(place for step, part in inside for place in places(part, (*path, step)))]


@given(JSON)
def test_every_place_is_found_by_its_path(data: Any) -> None:
    for path, value in places(data):
        assert asl.get(asl.parse_path(asl.show_path(path)), data) == value


@given(st.lists(NAMES | ODD_NAMES | st.integers(0, 99), max_size=5))
def test_a_path_survives_being_shown_and_read(steps: list[str | int]) -> None:
    assert asl.parse_path(asl.show_path(tuple(steps))) == tuple(steps)


@given(st.lists(NAMES, max_size=4))
def test_the_dotted_way_to_write_a_path_is_the_same(names: list[str]) -> None:
    assert asl.parse_path("".join(["$", *(f".{name}" for name in names)])) == tuple(names)


@given(OBJECTS, st.lists(NAMES, min_size=1, max_size=3).map(tuple), JSON)
def test_what_result_path_puts_is_found_there_and_the_rest_is_untouched(data: Any, path: asl.Path, value: Any) -> None:
    before = copy.deepcopy(data)
    if any(isinstance(asl.find(path[:end], data), BLOCKS) for end in range(1, len(path))):
        with pytest.raises(StateFailed, match=r"States\.ResultPathMatchFailure"):
            asl.put(path, data, value)
        return

    after = asl.put(path, data, value)

    assert asl.get(path, after) == value
    assert data == before
    assert {name: part for name, part in after.items() if name != path[0]} == {
        name: part for name, part in before.items() if name != path[0]
    }


@given(JSON, JSON)
def test_the_two_ends_of_result_path(data: Any, value: Any) -> None:
    assert asl.put((), data, value) == value
    assert asl.put(None, data, value) == data


@given(OBJECTS)
def test_a_template_without_paths_is_its_own_filling(template: Any) -> None:
    assert asl.fill(template, {"any": "data"}) == template


@given(JSON)
def test_a_template_finds_what_its_paths_name(data: Any) -> None:
    filled = asl.fill({"whole.$": "$", "in": [{"deep.$": "$"}], "plain": "$"}, data)

    assert filled == {"whole": data, "in": [{"deep": data}], "plain": "$"}


@pytest.mark.parametrize("path", ["", "a", "$a", "$.", "$..a", "$$.Execution", "$.a[*]", "$.a[1:2]", "$.a[?(@.b)]",
                                  "$.a[-1]", "States.Format('x')", "$.a.b-c", "$['a'"])  # fmt: skip
def test_paths_outside_the_subset_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is not a path of the subset"):
        asl.parse_path(path)


@given(JSON, JSON)
def test_choice_compares_values_of_one_type_only_and_is_consistent(left: Any, right: Any) -> None:
    def holds(operator: str) -> bool:
        return asl.holds(ChoiceRule(operator, ("left",), ("right",)), {"left": left, "right": right})

    for prefix, kind in (("String", str), ("Numeric", (int, float))):
        comparable = all(isinstance(side, kind) and not isinstance(side, bool) for side in (left, right))
        less, equal, greater = (holds(f"{prefix}{name}Path") for name in ("LessThan", "Equals", "GreaterThan"))
        assert [less, equal, greater].count(True) == comparable
        assert holds(f"{prefix}LessThanEqualsPath") == (less or equal)
        assert holds(f"{prefix}GreaterThanEqualsPath") == (greater or equal)
    assert holds("BooleanEqualsPath") == (isinstance(left, bool) and left is right)


@given(st.lists(st.booleans(), min_size=1, max_size=4))
def test_and_or_not_are_logic(values: list[bool]) -> None:
    rules = tuple(ChoiceRule("BooleanEquals", (index,), True) for index in range(len(values)))
    data: Any = values

    assert asl.holds(ChoiceRule("And", rules=rules), data) == all(values)
    assert asl.holds(ChoiceRule("Or", rules=rules), data) == any(values)
    assert asl.holds(ChoiceRule("Not", rules=rules[:1]), data) != values[0]


@given(OBJECTS, NAMES)
def test_presence_and_types(data: Any, name: str) -> None:
    present = asl.holds(ChoiceRule("IsPresent", (name,), True), data)

    assert present == (name in data) != asl.holds(ChoiceRule("IsPresent", (name,), False), data)
    if present:
        value = data[name]
        assert asl.holds(ChoiceRule("IsNull", (name,), True), data) == (value is None)
        assert asl.holds(ChoiceRule("IsString", (name,), False), data) == (not isinstance(value, str))
        assert asl.holds(ChoiceRule("IsBoolean", (name,), True), data) == isinstance(value, bool)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        assert asl.holds(ChoiceRule("IsNumeric", (name,), True), data) == number
    else:
        with pytest.raises(StateFailed, match=r"States\.Runtime"):
            asl.holds(ChoiceRule("StringEquals", (name,), "x"), data)


def test_the_first_rule_that_holds_decides() -> None:
    rules = (
        (ChoiceRule("NumericGreaterThan", ("n",), 5), "many"),
        (ChoiceRule("NumericGreaterThan", ("n",), 0), "some"),
    )
    state = State(name="c", kind="Choice", rules=rules, default="none")

    assert [asl.choose(state, {"n": n}) for n in (9, 3, 0)] == ["many", "some", "none"]


def test_data_flows_through_a_state_in_the_order_of_the_language() -> None:
    state = State(
        name="s", kind="Task", input_path=("in",), parameters={"p.$": "$.a"}, selector={"s.$": "$.r"},
        result_path=("out",), output_path=("out", "s"),
    )  # fmt: skip
    raw: Any = {"in": {"a": 1}, "x": 2}

    assert asl.effective_input(state, raw) == {"p": 1}
    assert asl.output(state, raw, {"r": 3, "dropped": 4}) == 3
    assert asl.output(State(name="s", kind="Task", output_path=None), raw, 5) == {}
    assert asl.effective_input(State(name="s", kind="Task", input_path=None), raw) == {}


@pytest.mark.parametrize(
    ("names", "error", "matched"),
    [
        (["States.ALL"], "ValueError", True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.DataLimitExceeded", False),
        (["States.ALL"], "States.Runtime", False),
        (["States.Runtime"], "States.Runtime", False),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", True),
        (["States.TaskFailed"], "ValueError", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["TypeError", "ValueError"], "ValueError", True),
        (["TypeError"], "ValueError", False),
    ],
)
def test_which_names_stand_for_which_errors(names: list[str], error: str, matched: bool) -> None:
    assert asl.matches(names, error) == matched


@given(st.integers(1, 9), st.floats(1, 4), st.integers(0, 6), st.none() | st.integers(10, 20), st.booleans())
def test_retries_back_off_are_bounded_and_end(
    interval: int, backoff: float, attempts: int, most: int | None, jitter: bool
) -> None:
    retriers = [Retrier(("A",), attempts=1), Retrier(("States.ALL",), interval, backoff, attempts, most, jitter)]
    tries: tuple[int, ...] = ()
    delays = []

    while (answer := asl.next_try(retriers, "B", tries, rng=SEED)) is not None:
        tries, delay = answer
        delays.append(delay)

    assert len(delays) == attempts
    for count, delay in enumerate(delays):
        full = min(interval * backoff**count, most or float("inf"))
        assert 0 <= delay <= full if jitter else delay == pytest.approx(full)
    assert asl.next_try(retriers, "A", tries, rng=SEED) is not None


def test_a_retrier_that_is_used_up_hides_the_later_ones() -> None:
    retriers = [Retrier(("A",), attempts=0), Retrier(("States.ALL",))]

    assert asl.next_try(retriers, "A", (), rng=SEED) is None
    assert asl.next_try(retriers, "B", (), rng=SEED) == ((0, 1), 1)


def test_the_hundredth_retry_is_still_a_number() -> None:
    retrier = Retrier(("States.ALL",), attempts=10_000, max_delay=60)

    assert asl.next_try([retrier], "A", (5_000,), rng=SEED) == ((5_001,), 60)


def test_the_first_catcher_that_matches_gets_the_failure_into_the_raw_input() -> None:
    catchers = (Catcher(("Other",), "no"), Catcher(("States.ALL",), "yes", ("failure",)), Catcher(("Mine",), "late"))
    state = State(name="s", kind="Task", catch=catchers, output_path=None)

    caught = asl.catch(state, {"run_id": "r"}, StateFailed("Mine", "why"))

    assert caught == ("yes", {"run_id": "r", "failure": {"Error": "Mine", "Cause": "why"}})
    assert asl.catch(state, {}, StateFailed("States.Runtime")) is None


@given(st.integers(0, 20), st.integers(1, 20), st.integers(0, 20), st.sampled_from([0.0, 10.0, 33.3, 50.0, 100.0]))
def test_tolerance(failed: int, total: int, count: int, percentage: float) -> None:
    assume(failed <= total)
    fan = MapProcessor("s", {}, 1, True, tolerated_count=count, tolerated_percentage=percentage)

    exceeded = asl.exceeds_tolerance(fan, failed, total)

    if failed == 0:
        assert not exceeded
    if percentage == 100.0 and not count:
        assert not exceeded
    if not percentage and not count:
        assert exceeded == (failed > 0)
    if count and failed > count:
        assert exceeded


def test_the_limit_counts_bytes() -> None:
    asl.check_size("x" * (asl.LIMIT - 2), "s")

    with pytest.raises(StateFailed, match=r"States\.DataLimitExceeded"):
        asl.check_size("x" * (asl.LIMIT - 1), "s")
    with pytest.raises(StateFailed):
        asl.check_size("ä" * (asl.LIMIT // 2), "s")


@given(JSON)
def test_placeholders_are_replaced_everywhere_or_refused(value: Any) -> None:
    assume("${" not in json.dumps(value))

    assert substitute({"a": [value, "x-${Name}-${Name}"]}, {"Name": "n"}) == {"a": [value, "x-n-n"]}
    with pytest.raises(OutsideSubset, match="Other"):
        substitute(["${Other}"], {"Name": "n"})


GENERATE = json.loads((INFRA / "generate.asl.json").read_text("utf-8"))
FUNCTIONS = dict.fromkeys(
    (
        "PlanRun",
        "GenerateBatch",
        "RecordFailure",
        "AssessRun",
        "CloseRun",
        "SubmitJobs",
        "WaitForJobs",
        "CheckJobs",
        "CollectReplies",
        "Bucket",
    ),
    "x",
)


def test_the_generate_machine_is_inside_the_subset() -> None:
    machine = read(GENERATE, FUNCTIONS)

    assert machine.start_at == "PlanRun"
    assert machine.states["GenerateBatches"].processor is not None
    assert machine.states["PlanRun"].catch[0].next == "CloseRun"


def changed(place: str, value: Any) -> dict[str, Any]:
    """The generate machine with another value at a place; DROP takes the field away."""
    definition = copy.deepcopy(GENERATE)
    *way, last = place.split("/")
    here: Any = definition
    for step in way:
        here = here[int(step)] if isinstance(here, list) else here[step]
    if value is DROP:
        del here[last]
    else:
        here[last] = value
    return definition


DROP = object()
MAP = "States/GenerateBatches"
CHILD = f"{MAP}/ItemProcessor/States/GenerateBatch"


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("QueryLanguage", "JSONata", "only JSONPath"),
        ("TimeoutSeconds", DROP, "TimeoutSeconds"),
        ("StartAt", "Nowhere", "StartAt"),
        ("Output", {}, "Output is outside"),
        ("States/PlanRun/TimeoutSeconds", DROP, "TimeoutSeconds"),
        ("States/PlanRun/TimeoutSeconds", True, "whole number"),
        ("States/PlanRun/Resource", "arn:aws:states:::sqs:sendMessage", "Resource"),
        ("States/PlanRun/Type", "Parallel", "Type"),
        ("States/PlanRun/Next", "Nowhere", "Nowhere"),
        ("States/PlanRun/End", True, "either Next or End"),
        ("States/PlanRun/HeartbeatSeconds", 5, "HeartbeatSeconds is outside"),
        ("States/PlanRun/Assign", {}, "Assign is outside"),
        ("States/PlanRun/Parameters/Qualifier", "1", "Qualifier is outside"),
        ("States/PlanRun/Parameters/Payload.$", "$$.Execution.Id", "path of the subset"),
        ("States/PlanRun/Parameters/Payload.$", "$$.Task.Token", "is for a task that waits for it"),
        ("States/PlanRun/TimeoutSecondsPath", "$.seconds", "is for a task that waits for its token"),
        ("States/WaitForJobs/TimeoutSeconds", 5, "either timeout"),
        ("States/WaitForJobs/Parameters/Payload", {}, "no caller could complete"),
        ("States/PlanRun/Parameters/Payload.$", "States.UUID()", "path of the subset"),
        ("States/PlanRun/ResultPath", "$.a[0]", "names only"),
        ("States/PlanRun/Retry/0/IntervalSeconds", 0, "IntervalSeconds"),
        ("States/PlanRun/Retry/0/BackoffRate", 0.5, "BackoffRate"),
        ("States/PlanRun/Retry/0/MaxDelaySeconds", 1, "MaxDelaySeconds"),
        ("States/PlanRun/Retry/0/JitterStrategy", "HALF", "JitterStrategy"),
        ("States/PlanRun/Retry/0/ErrorEquals", ["States.ALL", "X"], "alone and last"),
        ("States/PlanRun/Catch/0/ErrorEquals", [], "ErrorEquals"),
        ("States/PlanRun/Catch/0/Output", {}, "Output is outside"),
        ("States/NeedsTopUp/Default", DROP, "Default"),
        ("States/Island", {"Type": "Succeed"}, "never reached: Island"),
        ("States/NeedsTopUp/Choices/0/StringMatches", "*", "one operator"),
        ("States/NeedsTopUp/Choices/0/BooleanEquals", "yes", "cannot compare"),
        (f"{MAP}/ItemBatcher", {"MaxItemsPerBatch": 2}, "ItemBatcher is outside"),
        (f"{MAP}/ResultWriter", {}, "ResultWriter is outside"),
        (f"{MAP}/ItemSelector", {}, "ItemSelector is outside"),
        (f"{MAP}/ItemsPath", "$", "either ItemReader or ItemsPath"),
        (f"{MAP}/MaxConcurrency", DROP, "MaxConcurrency"),
        (f"{MAP}/MaxConcurrency", 0, "MaxConcurrency"),
        (f"{MAP}/ToleratedFailurePercentage", 100, "decimal point"),
        (f"{MAP}/ItemReader/ReaderConfig/InputType", "JSONL", "JSON array"),
        (f"{MAP}/ItemReader/Resource", "arn:aws:states:::s3:listObjectsV2", "Resource"),
        (f"{MAP}/ItemProcessor/ProcessorConfig/ExecutionType", "EXPRESS", "ProcessorConfig"),
        (f"{MAP}/ItemProcessor/ProcessorConfig", {"Mode": "INLINE"}, "DISTRIBUTED"),
        (f"{CHILD}/Next", "CloseRun", "either Next or End"),
        (f"{CHILD}/Catch/0/Next", "CloseRun", "CloseRun"),
    ],
)
def test_what_only_one_backend_would_run_is_refused_by_name(place: str, value: Any, said: str) -> None:
    with pytest.raises(OutsideSubset) as refusal:
        read(changed(place, value), FUNCTIONS)

    assert said in str(refusal.value)


def test_a_map_inside_a_map_and_a_name_used_twice_are_refused() -> None:
    inner = copy.deepcopy(GENERATE["States"]["GenerateBatches"])
    nested = {**inner, "Next": "RecordFailure", "Catch": []}
    twice = copy.deepcopy(GENERATE)
    states = twice["States"]["GenerateBatches"]["ItemProcessor"]["States"]
    states["CloseRun"] = {**states.pop("RecordFailure")}
    states["GenerateBatch"]["Catch"][0]["Next"] = "CloseRun"

    with pytest.raises(OutsideSubset, match="Map inside a Map"):
        read(changed(CHILD, nested), FUNCTIONS)
    with pytest.raises(OutsideSubset, match="twice"):
        read(twice, FUNCTIONS)
