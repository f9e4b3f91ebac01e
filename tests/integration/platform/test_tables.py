"""The promises of the Tables port, on both backends: items and writes. (Queries: test_table_queries.py.)"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import ConditionFailed, Invalid, TooLarge
from dataforge.platform.ports import ABSENT, Delete, Item, Put, Tables, Update
from tests.support import storage_backends
from tests.support.storage_backends import key, on_one_backend, pair, walk

fresh = itertools.count()
"""Hypothesis runs many examples against one backend; each takes a partition of its own."""

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda x: x == 0 or 1e-130 <= abs(x) < 1e125
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture
def one_machine(tmp_path: Path) -> Iterator[Tables]:
    """For refusals that DynamoDB makes by itself and moto does not: here the embedded backend must make them."""
    with storage_backends.embedded_tables(tmp_path) as opened:
        yield opened


@pytest.fixture(params=list(storage_backends.TABLES))
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tables]:
    with storage_backends.TABLES[request.param](tmp_path) as opened:
        yield opened


def test_what_was_put_is_got(tables: Tables) -> None:
    tables.put("pairs", pair(1, question="Why?"))
    tables.put("pairs", {**pair(1), "extra": {"deep": [1, "two", None, True, {"a": 0.25}]}})
    tables.put("key_hashes", {"key_hash": "h", "scopes": []})

    assert tables.get("pairs", key(1)) == {**pair(1), "extra": {"deep": [1, "two", None, True, {"a": 0.25}]}}
    assert tables.get("key_hashes", {"key_hash": "h"}) == {"key_hash": "h", "scopes": []}
    assert tables.get("pairs", key(2)) is None


@on_one_backend
@given(attributes=st.dictionaries(NAMES, VALUES, max_size=5))
def test_every_item_comes_back_equal(tables: Tables, attributes: Item) -> None:
    place: dict[str, str | int] = {"project_id": f"h{next(fresh)}", "pair_id": "r"}
    item = {"a": attributes, **place}

    tables.put("pairs", item)
    (queried,) = tables.query_page("pairs", {"project_id": place["project_id"]}).items

    assert tables.get("pairs", place) == item
    assert queried == item


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (1.0, 1),
        (-0.0, 0),
        (0.1, 0.1),
        (1e22, 1e22),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (1e-100, 1e-100),
        (True, True),
        (9007199254740993, 9007199254740993),
    ],
)
def test_a_number_keeps_its_value_and_a_whole_float_becomes_an_int(tables: Tables, given: float, kept: float) -> None:
    tables.put("pairs", pair(1, n=given))

    found = (tables.get("pairs", key(1)) or {})["n"]

    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 1e126, 1e-131, 2**63, b"bytes", {1, 2}, (1, 2), {1: "a"}, "\ud800", object()],
    ids=lambda v: "an-object" if type(v) is object else ascii(v),
)
def test_what_cannot_be_kept_is_refused(tables: Tables, value: Any) -> None:
    with pytest.raises(Invalid):
        tables.put("pairs", pair(1, deep={"x": [value]}))

    assert tables.get("pairs", key(1)) is None


def test_an_item_above_400_kb_is_refused(tables: Tables) -> None:
    tables.put("pairs", pair(1, text="x" * 390_000))

    with pytest.raises(TooLarge):
        tables.put("pairs", pair(2, text="x" * 410_000))
    with pytest.raises(TooLarge):
        tables.update("pairs", key(1), set={"more": "x" * 30_000})
    assert len(str((tables.get("pairs", key(1)) or {})["text"])) == 390_000


@pytest.mark.parametrize(
    "item",
    [
        {"project_id": "p"},
        {"project_id": "", "pair_id": "x"},
        {"project_id": 1, "pair_id": "x"},
        {"project_id": "p", "pair_id": None},
        pair(1, run_id=None),
    ],
)
def test_a_key_of_the_wrong_kind_is_refused(tables: Tables, item: Item) -> None:
    with pytest.raises(Invalid):
        tables.put("pairs", item)


def test_dynamodbs_own_refusals_hold_on_one_machine(one_machine: Tables) -> None:
    one_machine.put("pairs", pair(1))

    with pytest.raises(Invalid):
        one_machine.put("pairs", {"project_id": "p", "pair_id": "é" * 513})
    with pytest.raises(Invalid):
        one_machine.put("pairs", pair(2, run_id=3))
    with pytest.raises(Invalid):
        one_machine.update("pairs", key(1), set={"run_id": 3})
    with pytest.raises(Invalid):
        one_machine.get("pairs", {**key(1), "run_id": "run_1"})
    with pytest.raises(Invalid):
        one_machine.query_page("pairs", {"project_id": "p"}, between=("pair_id", 1, 2))
    assert walk(one_machine, "pairs", {"project_id": "p"}) == [pair(1)]


def test_a_missing_table_is_refused(tables: Tables) -> None:
    with pytest.raises(Invalid):
        tables.get("sheep", {"id": "1"})


def test_half_a_key_is_refused(tables: Tables) -> None:
    with pytest.raises(Invalid):
        tables.get("pairs", {"project_id": "p"})


def test_put_new_writes_once(tables: Tables) -> None:
    tables.put_new("pairs", pair(1, who="first"))

    with pytest.raises(ConditionFailed):
        tables.put_new("pairs", pair(1, who="second"))

    assert tables.get("pairs", key(1)) == pair(1, who="first")


def test_update_sets_adds_and_removes_in_one_write(tables: Tables) -> None:
    tables.put("pairs", pair(1, old=1, count=2, stats={"total": 5, "gone": 1}))

    after = tables.update(
        "pairs",
        key(1),
        set={"name": "n", "stats.best": [1]},
        add={"count": 3, "fresh": 1.5, "stats.total": -1},
        remove=["old", "stats.gone", "never_there"],
    )

    assert after == pair(1, count=5, fresh=1.5, name="n", stats={"total": 4, "best": [1]})
    assert tables.get("pairs", key(1)) == after


def test_reserved_words_and_odd_names_are_plain_attributes(tables: Tables) -> None:
    tables.put("pairs", pair(1, status="new", size=1, **{"größe-#:x y": {"name": 1}}))

    after = tables.update(
        "pairs",
        key(1),
        set={"status": "old", "größe-#:x y.name": 2},
        add={"size": 1},
        where={"status": "new", "größe-#:x y.name": 1},
    )

    assert after == pair(1, status="old", size=2, **{"größe-#:x y": {"name": 2}})


def test_adding_tenths_counts_in_decimals(tables: Tables) -> None:
    tables.put("pairs", pair(1))

    for _ in range(3):
        after = tables.update("pairs", key(1), add={"cost": 0.1})

    assert after["cost"] == 0.3


def test_update_of_a_missing_item_fails(tables: Tables) -> None:
    with pytest.raises(ConditionFailed):
        tables.update("pairs", key(1), set={"a": 1})

    assert tables.get("pairs", key(1)) is None


def test_an_update_without_changes_gives_the_item(tables: Tables) -> None:
    tables.put("pairs", pair(1))

    assert tables.update("pairs", key(1)) == pair(1)


@pytest.mark.parametrize(
    "change",
    [
        {"set": {"pair_id": "other"}},
        {"remove": ["project_id"]},
        {"set": {"none.deep": 1}},
        {"add": {"none.deep": 1}},
        {"add": {"question": 1}},
        {"set": {"stats": {}}, "add": {"stats.total": 1}},
        {"set": {"a": 1}, "remove": ["a"]},
        {"set": {"a..b": 1}},
        {"set": {"": 1}},
        {"set": {"stats.total": float("nan")}},
    ],
    ids=repr,
)
def test_an_impossible_update_is_refused_and_changes_nothing(tables: Tables, change: dict[str, Any]) -> None:
    tables.put("pairs", pair(1, stats={"total": 1}))

    with pytest.raises(Invalid):
        tables.update("pairs", key(1), **change)

    assert tables.get("pairs", key(1)) == pair(1, stats={"total": 1})


HOLDS: list[dict[str, Any]] = [
    {},
    {"question": "What is wet?"},
    {"n": 1},
    {"n": 1.0},
    {"flag": True},
    {"nothing": None},
    {"missing": ABSENT},
    {"stats.missing": ABSENT},
    {"missing.deeper": ABSENT},
    {"stats.total": 5},
    {"run_id": ("run_0", "run_1")},
    {"n": tuple(range(150))},
    {"stats": {"total": 5, "list": [1, {"a": True}]}},
    {"n": 1, "flag": True, "missing": ABSENT},
    {"n": ("x", None, 1)},
]
FAILS: list[dict[str, Any]] = [
    {"question": "what is wet?"},
    {"n": 2},
    {"n": "1"},
    {"missing": "x"},
    {"missing": ("a", "b")},
    {"n": ABSENT},
    {"stats.total": ABSENT},
    {"nothing": ABSENT},
    {"pair_id": ABSENT},
    {"run_id": ("run_2",)},
    {"run_id": ()},
    {"stats": {"total": 5}},
    {"n": 1, "flag": False},
    {"question.deeper": "x"},
]
FAILS_BY_KIND: list[dict[str, Any]] = [
    {"n": True},
    {"flag": 1},
    {"flag": (0, 1)},
    {"missing": None},
    {"missing": ("a", None)},
    {"stats": {"total": 5, "list": [1, {"a": 1}]}},
]
"""DynamoDB compares kinds too; moto compares as Python does, so only one machine is asked."""


@pytest.mark.parametrize(
    ("where", "holds"), [*((w, True) for w in HOLDS), *((w, False) for w in FAILS)], ids=lambda x: repr(x)[:40]
)
def test_conditions_mean_the_same_everywhere(tables: Tables, where: dict[str, Any], holds: bool) -> None:
    item = pair(1, n=1, flag=True, nothing=None, stats={"total": 5, "list": [1, {"a": True}]})
    tables.put("pairs", item)

    attempts = {
        "update": lambda: tables.update("pairs", key(1), set={"done": 1}, where=where),
        "put": lambda: tables.transact([Put("pairs", {**item, "done": 1}, where=where)]),
        "transact": lambda: tables.transact([Update("pairs", key(1), set={"done": 1}, where=where)]),
        "delete": lambda: tables.delete("pairs", key(1), where=where or None),
    }
    for name, attempt in attempts.items():
        if not holds:
            with pytest.raises(ConditionFailed):
                attempt()
            assert tables.get("pairs", key(1)) == item, name
            continue
        attempt()
        assert tables.get("pairs", key(1)) == (None if name == "delete" else {**item, "done": 1}), name


@pytest.mark.parametrize("where", FAILS_BY_KIND, ids=repr)
def test_a_condition_compares_kinds(one_machine: Tables, where: dict[str, Any]) -> None:
    one_machine.put("pairs", pair(1, n=1, flag=True, stats={"total": 5, "list": [1, {"a": True}]}))

    with pytest.raises(ConditionFailed):
        one_machine.update("pairs", key(1), set={"done": 1}, where=where)


def test_delete_is_harmless_twice_but_not_its_condition(tables: Tables) -> None:
    tables.put("pairs", pair(1))

    tables.delete("pairs", key(1))
    tables.delete("pairs", key(1))

    assert tables.get("pairs", key(1)) is None
    with pytest.raises(ConditionFailed):
        tables.delete("pairs", key(1), where={"question": "What is wet?"})


def test_transact_writes_all(tables: Tables) -> None:
    tables.put("pairs", pair(2))
    tables.put("projects", {"org_id": "o", "project_id": "p", "pending": 0})

    tables.transact(
        [
            Put("pairs", pair(1), where={"pair_id": ABSENT}),
            Update("projects", {"org_id": "o", "project_id": "p"}, add={"pending": 1}),
            Delete("pairs", key(2)),
            Delete("pairs", key(3)),
        ]
    )

    assert tables.get("pairs", key(1)) == pair(1)
    assert tables.get("pairs", key(2)) is None
    assert (tables.get("projects", {"org_id": "o", "project_id": "p"}) or {})["pending"] == 1


@pytest.mark.parametrize(
    "bad",
    [
        Put("pairs", pair(2), where={"pair_id": ABSENT}),
        Update("pairs", key(3), set={"a": 1}),
        Update("pairs", key(3)),
        Update("pairs", key(2), where={"question": "other"}),
        Delete("pairs", key(2), where={"question": "other"}),
    ],
    ids=repr,
)
def test_transact_writes_nothing_when_one_condition_fails(tables: Tables, bad: Put | Update | Delete) -> None:
    tables.put("pairs", pair(2))

    with pytest.raises(ConditionFailed):
        tables.transact([Put("pairs", pair(1)), bad, Put("pairs", pair(4))])

    assert walk(tables, "pairs", {"project_id": "p"}) == [pair(2)]


def test_transact_refuses_more_than_100_writes_and_one_item_twice(tables: Tables) -> None:
    tables.transact([])
    tables.transact([Put("pairs", pair(n)) for n in range(100)])

    with pytest.raises(Invalid):
        tables.transact([Put("pairs", pair(n)) for n in range(200, 301)])
    with pytest.raises(Invalid):
        tables.transact([Put("pairs", pair(500)), Update("pairs", key(500), set={"a": 1})])
    assert len(walk(tables, "pairs", {"project_id": "p"})) == 100


def test_transact_refuses_an_impossible_write_whole(tables: Tables) -> None:
    tables.put("pairs", pair(1))

    with pytest.raises(Invalid):
        tables.transact([Put("pairs", pair(2)), Update("pairs", key(1), set={"none.deep": 1})])

    assert tables.get("pairs", key(2)) is None


def test_batches_of_any_size_keep_the_order_asked(tables: Tables) -> None:
    tables.batch_put("pairs", (pair(n) for n in range(260)))
    wanted = [key(n) for n in (259, 0, 777, 100, 0, *range(1, 150))]

    found = tables.batch_get("pairs", wanted)

    assert [i["pair_id"] for i in found] == [k["pair_id"] for k in wanted if k != key(777)]
    assert tables.batch_get("pairs", []) == []


def test_batch_put_replaces_and_the_later_of_two_stays(tables: Tables) -> None:
    tables.put("pairs", pair(1, who="old", gone=True))

    tables.batch_put("pairs", [pair(1, who="mid"), pair(2), pair(1, who="new")])

    assert walk(tables, "pairs", {"project_id": "p"}) == [pair(1, who="new"), pair(2)]


def test_batch_delete_takes_any_number_and_what_is_not_there(tables: Tables) -> None:
    tables.batch_put("pairs", (pair(n) for n in range(70)))

    tables.batch_delete("pairs", (key(n) for n in [*range(10, 200), 10]))

    assert [i["pair_id"] for i in walk(tables, "pairs", {"project_id": "p"})] == [f"pair_{n:04d}" for n in range(10)]


def test_an_item_with_a_time_to_live_is_a_plain_item_until_then(tables: Tables) -> None:
    reply: Item = {"run_id": "r", "slot": "000001#01", "text": "yes", "expires_at": 4_000_000_000}
    tables.put("replies", reply)

    assert walk(tables, "replies", {"run_id": "r"}, begins=("slot", "000001#")) == [reply]


def test_what_a_caller_got_is_the_callers_own(tables: Tables) -> None:
    item = pair(1, stats={"total": 1})
    tables.put("pairs", item)

    item["stats"]["total"] = 2  # type: ignore[index,call-overload]
    got = tables.get("pairs", key(1)) or {}
    got["stats"] = "spoilt"

    assert tables.get("pairs", key(1)) == pair(1, stats={"total": 1})
