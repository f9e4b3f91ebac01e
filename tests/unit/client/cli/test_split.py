"""`--split`: what may be typed, where the parts go, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from dataforge_client.cli import splits
from dataforge_client.models import Export


def read(typed: str) -> dict[str, int]:
    return splits.Shares().convert(typed, None, None)


def test_names_with_percentages_are_read() -> None:
    assert read("train=90, validation=10") == {"train": 90, "validation": 10}


@pytest.mark.parametrize(
    "typed", ["train", "train=90", "train=90,train=10", "train=ninety,test=10", "=100", "a=60,b=60", ""]
)
def test_anything_else_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(click.BadParameter, match=r"train=90,validation=10|add up to"):
        read(typed)


def test_parts_lie_beside_the_whole() -> None:
    assert splits.part_path(Path("out/dataset.jsonl"), "train") == Path("out/dataset.train.jsonl")


def exported(**leaks: int) -> Export:
    made = {
        "by": "documents",
        "groups": 4,
        "notes": ["The shares are missed by more than 5 %: records that belong together are too many"],
        "leaks": {"documents": 0, "chunks": 0, "similar": 0, **leaks},
        "files": {"train": {"pairCount": 9}, "validation": {"pairCount": 1}},
    }
    return Export(version=1, format="chatml", pair_count=10, file_size=1, splits=made)


def test_counts_the_check_and_the_notes_are_told() -> None:
    lines = list(splits.told(exported(), Path("d.jsonl")))

    assert lines[:3] == [
        "d.train.jsonl: 9 lines",
        "d.validation.jsonl: 1 lines",
        "Parts are apart, by documents: checked after they were written",
    ]
    assert lines[3].startswith("The shares are missed")


def test_a_leak_is_told_instead() -> None:
    assert "Parts are not apart: they share 2 similar" in list(splits.told(exported(similar=2), Path("d.jsonl")))


def test_an_export_without_parts_says_nothing() -> None:
    export = Export(version=1, format="chatml", pair_count=10, file_size=1)

    assert list(splits.told(export, Path("d.jsonl"))) == []
