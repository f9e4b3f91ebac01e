"""How much of almost-JSON comes out again, beside json-repair: `make bench-salvage`.

Made-up replies of all five kinds, texts full of what JSON could be confused by, are damaged as models do it. `whole`:
the share of records that come out with exactly their texts (of a reply that is cut off: of those that were whole before
the cut). `wrong`: records that a recipe would take, with a text that is not theirs, in a hundred. Both readers' results
are opened by the same code.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.damages import DAMAGES, KINDS, PIECES, Record, alike, dumped, usable
from dataforge.recipes import reply_json
from dataforge.recipes.draft_reading import ReplyForm

Reader = Callable[[str, ReplyForm], list[Record]]


def ours(text: str, form: ReplyForm) -> list[Record]:
    return reply_json.objects(text, whole=form.whole, fields=form.fields)


def peer() -> Reader | None:
    """None where it is not installed."""
    try:
        import json_repair
    except ImportError:
        return None

    def read(text: str, form: ReplyForm) -> list[Record]:
        return list(reply_json._records(json_repair.loads(text), form.whole))

    return read


@dataclass
class Score:
    whole: int = 0
    wrong: int = 0
    of: int = 0
    seconds: float = 0.0
    raised: int = 0

    def add(self, read: Reader, text: str, shape: tuple[ReplyForm, Record], records: list[Record], least: int) -> None:
        """least: how many of the records, from the first, have to come out."""
        form, sample = shape
        began = time.process_time()
        try:
            found = read(text, form)
        except Exception:
            found, self.raised = [], self.raised + 1
        self.seconds += time.process_time() - began
        self.of += least
        self.whole += sum(any(alike(f, r) for f in found) for r in records[:least])
        self.wrong += sum(not any(alike(f, r) for r in records) for f in usable(found, sample))


@dataclass
class Maker:
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def text(self) -> str:
        return " ".join(self.rng.choices(PIECES, k=self.rng.randint(2, 6))).strip() or "Empty."

    def record(self, kind: str) -> Record:
        quotes = [self.text() for _ in range(self.rng.randint(0, 2))]
        level = self.rng.choice(["easy", "medium", "hard"])
        fields: dict[str, Callable[[], dict[str, Any]]] = {
            "qa": lambda: {"question": self.text(), "answer": self.text(), "question_type": "factual"},
            "instruction": lambda: {"instruction": self.text(), "input": "", "output": self.text(), "task": "extract"},
            "conversation": lambda: {
                "turns": [{"user": self.text(), "assistant": self.text()} for _ in range(3)],
                "situation": "case",
            },
            "summary": lambda: {"number": 1, "request": self.text(), "summary": self.text()},
            "classification": lambda: {"number": 1, "label": self.text(), "request": self.text()},
        }
        return {**fields[kind](), "difficulty": level, "evidence": quotes}

    def reply(self) -> tuple[str, list[Record]]:
        kind = self.rng.choice(list(KINDS))
        return kind, [self.record(kind) for _ in range(self.rng.randint(2, 5))]


def cut(key: str, records: list[Record], rng: random.Random) -> tuple[str, int]:
    """A reply that ends anywhere, and how many of its records were whole by then."""
    text = dumped(key, records)
    at = rng.randrange(len(text))
    ends = [len(dumped(key, records[:n])) - 2 for n in range(1, len(records) + 1)]
    return text[:at], sum(end <= at for end in ends)


def measure(readers: dict[str, Reader], count: int) -> dict[str, dict[str, Score]]:
    table: dict[str, dict[str, Score]] = {}
    for name in [*DAMAGES, "cut off anywhere"]:
        maker = Maker()
        table[name] = {reader: Score() for reader in readers}
        for _ in range(count):
            kind, records = maker.reply()
            form = KINDS[kind]
            text, least = (
                cut(form.key, records, maker.rng)
                if name not in DAMAGES
                else (DAMAGES[name].do(form.key, records), len(records))
            )
            for reader, read in readers.items():
                table[name][reader].add(read, text, (form, records[0]), records, least)
    return table


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=400, help="replies of each damage")
    count = options.parse_args().count
    other = peer()
    readers: dict[str, Reader] = {"ours": ours, **({"json-repair": other} if other else {})}
    table = measure(readers, count)
    print(f"{'':30}" + "".join(f"{name:>34}" for name in readers))
    print(f"{f'{count} replies each':30}" + f"{'whole':>12}{'wrong':>12}{'ms':>10}" * len(readers))
    for name, scores in table.items():
        print(
            f"{name:30}"
            + "".join(
                f"{s.whole / s.of:>12.1%}{100 * s.wrong / s.of:>12.1f}{1000 * s.seconds / count:>10.2f}"
                for s in scores.values()
            )
        )
    for reader in readers:
        sums = [scores[reader] for scores in table.values()]
        whole, of = sum(s.whole for s in sums), sum(s.of for s in sums)
        print(
            f"{reader}: {whole / of:.1%} of {of:,} records whole, {sum(s.wrong for s in sums):,} wrong, "
            f"{sum(s.raised for s in sums)} replies raised"
        )


if __name__ == "__main__":
    main()
