"""Repeats and contradictions between labelled records, by kind and language: `make bench-repeats` (`DATA=file`).

Each record of a relation is held against the one it repeats, contradicts or only resembles; then every two good records
of a kind against each other. `before` is the verdict of form alone: more than 70 % of the character trigrams shared.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from benchmarks import judged
from benchmarks.judged import Judged
from benchmarks.race import table
from dataforge.quality import repeats
from dataforge.quality.duplicates import near_duplicates
from dataforge.quality.repeats import Statement

NEAR_MISS = "good_near_miss"


class Read:
    """A record with what is compared of it."""

    def __init__(self, record: Judged) -> None:
        row = record.row
        self.record, self.row, self.passage = record, row, str(row["passage"])
        at = self.passage.find(row["evidence"][0]) if row["evidence"] else -1
        self.statement: Statement = repeats.statement(
            row["question"], row["answer"], row["evidence"], chunk_id=self.passage, start=None if at < 0 else at
        )
        self.figures = repeats.figures(self.passage)

    @property
    def text(self) -> str:
        return f"{self.row['question']}\n{self.row['answer']}"


def after(one: Read, other: Read) -> str | None:
    a, b = one.statement, other.statement
    if a.language and b.language and a.language != b.language:
        lengths = len(one.passage), len(other.passage)
        found = repeats.aligned(one.figures, other.figures) and repeats.translated(a, b, lengths)
        return "translated_repeat" if found else None
    same = one.passage == other.passage
    return repeats.compare(a, b, lambda: repeats.content(one.passage, a.language).words if same else frozenset())


def before(one: Read, other: Read) -> str | None:
    return "near_duplicate" if near_duplicates([one.text, other.text]) else None


def share(found: Iterable[str | None]) -> str:
    """Rejected and flagged of all."""
    said = list(found)
    rejected = said.count("near_duplicate")
    return f"{rejected} + {sum(1 for s in said if s) - rejected} of {len(said)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=judged.DATA)
    records = {r.id: Read(r) for r in judged.read(parser.parse_args().data, relations=True)}
    related = [r for r in records.values() if r.row.get("pair_of") in records]
    rows = []
    for kind in (*sorted(judged.RELATIONS), NEAR_MISS):
        of_kind = [r for r in related if r.record.kind == kind]
        pairs = [(records[r.row["pair_of"]], r) for r in of_kind]
        said: dict[str, list[bool]] = defaultdict(list)
        for one, other in pairs:
            said[other.record.language].append(after(one, other) is not None)
        rows.append(
            (
                kind,
                share(before(a, b) for a, b in pairs),
                share(after(a, b) for a, b in pairs),
                ", ".join(f"{language} {sum(found)}/{len(found)}" for language, found in sorted(said.items())),
            )
        )
    good = [r for r in records.values() if r.record.severity == "good" and r.row["generation_type"] == "qa"]
    alike = list(combinations(good, 2))
    rows.append(
        (
            f"good, {len(good)} records",
            f"{len(near_duplicates([r.text for r in good]))} + 0 of {len(good)}",
            share(after(a, b) for a, b in alike).replace(f"of {len(alike)}", f"of {len(alike):,} pairs"),
            "",
        )
    )
    print(table(("relation", "before: rejected + flagged", "now: rejected + flagged", "now, by language"), rows))
    print("reproduce: make bench-repeats (DATA=file)")


if __name__ == "__main__":
    main()
