"""The promises of the Tables port, on both backends: queries, indexes, cursors. (Writes: test_tables.py.)"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import Invalid, Malformed
from dataforge.platform.ports import Item, Tables, Update
from tests.support import storage_backends
from tests.support.storage_backends import key, on_one_backend, pair, walk

fresh = itertools.count()

RANGE_KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)


@pytest.fixture(params=list(storage_backends.TABLES))
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tables]:
    with storage_backends.TABLES[request.param](tmp_path) as opened:
        yield opened


@on_one_backend
@given(names=st.sets(RANGE_KEYS, max_size=25), limit=st.integers(1, 8), descending=st.booleans())
def test_a_cursor_walk_gives_everything_exactly_once_in_byte_order(
    tables: Tables, names: set[str], limit: int, descending: bool
) -> None:
    project = f"h{next(fresh)}"
    tables.batch_put("chunks", ({"project_id": project, "chunk_id": name} for name in names))

    found = walk(tables, "chunks", {"project_id": project}, limit=limit, descending=descending)

    assert [i["chunk_id"] for i in found] == sorted(names, key=str.encode, reverse=descending)


@on_one_backend
@given(names=st.sets(RANGE_KEYS, min_size=1, max_size=15), data=st.data())
def test_begins_and_between_choose_by_bytes(tables: Tables, names: set[str], data: st.DataObject) -> None:
    project = f"h{next(fresh)}"
    tables.batch_put("chunks", ({"project_id": project, "chunk_id": name} for name in names))
    prefix = data.draw(st.sampled_from(sorted(names)).map(lambda n: n[:1]) | RANGE_KEYS)
    low, high = data.draw(RANGE_KEYS), data.draw(RANGE_KEYS)

    by_prefix = walk(tables, "chunks", {"project_id": project}, begins=("chunk_id", prefix), limit=4)
    within = walk(tables, "chunks", {"project_id": project}, between=("chunk_id", low, high), limit=4)

    ordered = sorted(names, key=str.encode)
    assert [i["chunk_id"] for i in by_prefix] == [n for n in ordered if n.startswith(prefix)]
    assert [i["chunk_id"] for i in within] == [n for n in ordered if low.encode() <= n.encode() <= high.encode()]


def test_number_range_keys_sort_as_numbers(tables: Tables) -> None:
    for version in (10, 9, 100, -1):
        tables.put_new("exports", {"project_id": "p", "version": version})

    upward = walk(tables, "exports", {"project_id": "p"}, limit=1)
    within = walk(tables, "exports", {"project_id": "p"}, between=("version", 9, 10))

    assert [i["version"] for i in upward] == [-1, 9, 10, 100]
    assert [i["version"] for i in within] == [9, 10]
    assert tables.get("exports", {"project_id": "p", "version": 100}) == {"project_id": "p", "version": 100}


def test_partitions_do_not_see_each_other(tables: Tables) -> None:
    tables.put("pairs", pair(1))
    tables.put("pairs", pair(1, project_id="q", project_status="q#pending"))

    assert walk(tables, "pairs", {"project_id": "q"}) == [pair(1, project_id="q", project_status="q#pending")]
    assert walk(tables, "pairs", {"project_id": "nobody"}) == []


def test_a_keys_only_index_gives_only_keys(tables: Tables) -> None:
    tables.batch_put("pairs", (pair(n) for n in range(7)))

    found = walk(tables, "pairs", {"run_id": "run_1"}, index="by_run", limit=2)
    backwards = walk(tables, "pairs", {"project_status": "p#pending"}, index="by_status", limit=3, descending=True)

    assert found == [{**key(n), "run_id": "run_1"} for n in (1, 3, 5)]
    assert backwards == [{**key(n), "project_status": "p#pending"} for n in reversed(range(7))]


def test_an_index_that_projects_all_gives_whole_items(tables: Tables) -> None:
    run = {"org_id": "o", "run_id": "gen_1", "project_id": "p", "sequence": "1", "config": {"a": 1}}
    tables.put("runs", run)

    assert walk(tables, "runs", {"project_id": "p"}, index="by_project") == [run]


def test_an_index_follows_every_write_and_leaves_out_items_without_its_key(tables: Tables) -> None:
    tables.put("pairs", pair(1))
    tables.put("pairs", {k: v for k, v in pair(2).items() if k != "project_status"})

    def in_status(status: str) -> list[Any]:
        return [i["pair_id"] for i in walk(tables, "pairs", {"project_status": status}, index="by_status")]

    assert in_status("p#pending") == ["pair_0001"]
    tables.update("pairs", key(1), set={"project_status": "p#accepted"})
    tables.transact([Update("pairs", key(2), set={"project_status": "p#pending"})])
    assert (in_status("p#pending"), in_status("p#accepted")) == (["pair_0002"], ["pair_0001"])
    tables.update("pairs", key(2), remove=["project_status"])
    tables.delete("pairs", key(1))
    assert (in_status("p#pending"), in_status("p#accepted")) == ([], [])


def test_equal_index_keys_of_several_partitions_are_all_found_once(tables: Tables) -> None:
    for project in ("p", "q", "r"):
        tables.batch_put("pairs", (pair(n, project_id=project, run_id="same") for n in range(3)))

    found = walk(tables, "pairs", {"run_id": "same"}, index="by_run", limit=2)

    places = [(i["project_id"], i["pair_id"]) for i in found]
    assert sorted(places) == [(p, f"pair_{n:04d}") for p in "pqr" for n in range(3)]
    assert [pair_id for _, pair_id in places] == sorted(pair_id for _, pair_id in places)


def test_a_page_ends_at_about_a_megabyte(tables: Tables) -> None:
    tables.batch_put("pairs", (pair(n, text="x" * 300_000) for n in range(8)))

    page = tables.query_page("pairs", {"project_id": "p"})

    assert 3 <= len(page.items) <= 4
    assert page.cursor is not None
    assert len(walk(tables, "pairs", {"project_id": "p"})) == 8


def test_a_cursor_survives_the_deletion_of_the_item_it_stands_on(tables: Tables) -> None:
    tables.batch_put("pairs", (pair(n) for n in range(6)))
    page = tables.query_page("pairs", {"project_id": "p"}, limit=3)

    tables.delete("pairs", key(2))
    rest = tables.query_page("pairs", {"project_id": "p"}, cursor=page.cursor)

    assert [i["pair_id"] for i in rest.items] == ["pair_0003", "pair_0004", "pair_0005"]


@pytest.mark.parametrize(
    "cursor", ["", "%%%", "bm90IGpzb24", "e30", "W10", "WzEsMiwzLDRd", "bnVsbA", "🐑", "W3siYSI6MX1d"]
)
def test_a_made_up_cursor_is_malformed(tables: Tables, cursor: str) -> None:
    with pytest.raises(Malformed):
        tables.query_page("pairs", {"project_id": "p"}, cursor=cursor)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"index": "by_magic"},
        {"begins": ("question", "W")},
        {"begins": ("pair_id", "a"), "between": ("pair_id", "a", "b")},
    ],
    ids=repr,
)
def test_an_impossible_query_is_refused(tables: Tables, query: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        tables.query_page("pairs", {"project_id": "p"}, **query)


def test_a_projection_gives_the_named_attributes_and_the_same_pages(tables: Tables) -> None:
    tables.batch_put("runs", (run_row(n) for n in range(5)))
    wanted = ["status", "size", "run_id", "missing"]

    found = walk(tables, "runs", {"project_id": "p"}, index="by_project", limit=2, attributes=wanted)
    of_table = walk(tables, "runs", {"org_id": "o"}, begins=("run_id", "gen_"), limit=2, attributes=["status"])

    assert found == [{"run_id": f"gen_{n}", "status": "failed"} for n in range(5)]
    assert of_table == [{"status": "failed"}] * 5


def run_row(n: int) -> Item:
    return {
        "org_id": "o",
        "run_id": f"gen_{n}",
        "project_id": "p",
        "sequence": str(n),
        "status": "failed",
        "report": {"size": n},
    }
