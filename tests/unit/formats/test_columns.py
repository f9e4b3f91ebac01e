"""Column types are those of the whole dataset, whatever a part of it holds, and the dataset card lists them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dataforge.formats.columns import Columns, kind_of, merged
from dataforge_client.dataset_card import render_card

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.dictionaries(st.sampled_from("xyz"), VALUES, max_size=3)


def features(*records: dict[str, Any]) -> dict[str, Any]:
    columns = Columns()
    for record in records:
        columns.see(record)
    return columns.features()


def value(dtype: str) -> dict[str, str]:
    return {"dtype": dtype, "_type": "Value"}


def test_the_type_of_a_missing_value_comes_from_another_record() -> None:
    made = features({"a": None, "b": [], "c": 1, "m": {"t": None}}, {"a": "x", "b": [True], "c": 0.5, "m": {"t": "u"}})

    assert made == {
        "a": value("string"),
        "b": {"feature": value("bool"), "_type": "List"},
        "c": value("float64"),
        "m": {"t": value("string")},
    }


def test_a_column_that_stays_empty_is_text() -> None:
    assert features({"a": None, "b": []}) == {"a": value("string"), "b": {"feature": value("string"), "_type": "List"}}


@given(VALUES, VALUES, VALUES)
def test_order_and_repetition_do_not_matter(one: Any, two: Any, three: Any) -> None:
    kinds = [kind_of(v) for v in (one, two, three)]

    there = merged(merged(kinds[0], kinds[1]), kinds[2])
    back = merged(merged(kinds[2], kinds[1]), kinds[0])

    assert there == back
    assert all(merged(there, kind) == there for kind in kinds)


@given(st.lists(RECORDS, min_size=1, max_size=4))
def test_the_card_names_every_column(records: list[dict[str, Any]]) -> None:
    manifest = {
        "features": features(*records),
        "splits": {"train": 3, "hold-out": 1},
        "domain": "har\nbours",
        "schema": "eval_v1",
        "count_accepted": 4,
        "count_requested": 5,
        "job_id": "j",
        "completed_at": "now",
    }

    _, head, text = render_card(manifest).split("---\n", 2)

    answer = {name: json.loads(rest) for name, rest in (line.split(": ", 1) for line in head.splitlines())}
    assert {c["name"] for c in answer["dataset_info"]["features"]} == {name for r in records for name in r}
    assert answer["configs"][0]["data_files"] == [
        {"split": "train", "path": "splits/train.jsonl"},
        {"split": "hold_out", "path": "splits/hold-out.jsonl"},
    ]
    assert "# har bours\n" in text
