"""Records labelled by hand, as the benchmarks of the checks read them: by path, never copied into the project.

One JSON object a line: `id`, `lang`, `passage`, `heading`, `generation_type`, `question`, `answer`, `turns`,
`evidence`, `kind` (what is good or wrong about it), `severity` (null: good; reject; review) and, of relations between
two records, `pair_of`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dataforge.quality.checks.record import CheckedRecord
from dataforge.records import Message

DATA = Path(__file__).parents[2] / "shared/corpus/judged/dev.jsonl"
RELATIONS = frozenset(("duplicate_light", "duplicate_reworded", "duplicate_translated", "contradiction_within_run"))
"""They can only be seen over a run."""
FORM = frozenset(
    (
        "wrong_language",
        "refusal",
        "not_specified",
        "truncated",
        "placeholder",
        "gibberish_question",
        "question_repeated_as_answer",
        "prompt_leak",
        "injection_obeyed",
        "chatter_only",
    )
)
"""Kinds of severity reject that show in the form; all others are about facts."""
_LABEL = re.compile(r"^- (.+)$", re.MULTILINE)
_UNSPACED = re.compile("[\u4e00-\u9fff]")
_RUN = 15
"""Characters; a third of it in Chinese."""
_SAME = 0.15
"""Share of the smaller passage's runs of characters that two editions of a text have in common."""


@dataclass(frozen=True)
class Judged:
    id: str
    language: str
    kind: str
    severity: str
    """`good`, `reject` or `review`."""
    row: Mapping[str, Any]

    @property
    def is_fact(self) -> bool:
        return self.severity == "reject" and self.kind not in FORM

    @cached_property
    def record(self) -> CheckedRecord:
        """As a run has it: what a summary is of, and what a classification labels, stands in the question."""
        row, kind = self.row, self.row["generation_type"]
        question, at, labels = row["question"], None, ()
        if kind == "summary":
            question, at = f"{question}\n\n{row['passage']}", len(question) + 2
        if kind == "classification":
            listed = list(_LABEL.finditer(question))
            labels = tuple(m.group(1).strip() for m in listed)
            at = listed[-1].end() + 2 if listed else None
        return CheckedRecord(
            question=question,
            answer=row["answer"],
            kind=kind,
            passage=row["passage"],
            headings=tuple(h for h in row["heading"].split(" > ") if h),
            turns=tuple(Message(t["role"], t["content"]) for t in row.get("turns") or ()),
            evidence=tuple(row["evidence"]),
            material_at=at,
            labels=labels,
        )


def read(path: Path = DATA, *, relations: bool = False) -> list[Judged]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [
        Judged(row["id"], row["lang"], row["kind"], row["severity"] or "good", row)
        for row in rows
        if relations or row["kind"] not in RELATIONS
    ]


def groups(judged: Sequence[Judged]) -> list[str]:
    """Of each record: the name of its passage, one name for passages that are editions of the same text."""
    passages = {j.row["passage"]: None for j in judged}
    name = {text: hashlib.sha256(text.encode()).hexdigest()[:12] for text in passages}
    runs = {text: _runs(text) for text in passages}
    for text in passages:
        for other in passages:
            if name[text] != name[other] and _alike(runs[text], runs[other]):
                old, new = sorted((name[text], name[other]))
                name = {t: new if n == old else n for t, n in name.items()}
    return [name[j.row["passage"]] for j in judged]


def spread(judged: Sequence[Judged], parts: int) -> list[int]:
    """The part of each record, by its passage: the groups of each language are dealt out in the order of their names,
    the largest share of records to the part that has the fewest."""
    named = groups(judged)
    size: dict[tuple[str, str], int] = defaultdict(int)
    first = {n: j.language for n, j in reversed(list(zip(named, judged, strict=True)))}
    for name in named:
        size[first[name], name] += 1
    held: dict[str, list[int]] = defaultdict(lambda: [0] * parts)
    whole, part = [0] * parts, {}
    for language, name in sorted(size):
        mine = held[language]
        at = min(range(parts), key=lambda p: (mine[p], whole[p], p))
        part[name] = at
        mine[at] += size[language, name]
        whole[at] += size[language, name]
    return [part[name] for name in named]


def _runs(text: str) -> frozenset[str]:
    size = _RUN if text.isascii() or not _UNSPACED.search(text) else _RUN // 3
    return frozenset(text[i : i + size] for i in range(len(text) - size + 1))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) > _SAME * max(1, min(len(one), len(other)))


def share(found: Iterable[bool]) -> float:
    """NaN of nothing."""
    seen = list(found)
    return sum(seen) / len(seen) if seen else float("nan")
