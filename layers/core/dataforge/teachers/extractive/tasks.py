"""Work that can be done on a passage without a model: steps to a checklist, a table to JSON, rules pulled out of prose.

Each task brings the text to work on where a user would; its outcome is right by construction, or it is not offered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from zlib import crc32

from dataforge.recipes.excerpts import excerpts
from dataforge.records import Difficulty, Draft, Passage
from dataforge.teachers.extractive import scene as scenes
from dataforge.teachers.extractive.lists import written
from dataforge.teachers.extractive.ranking import ranked
from dataforge.teachers.extractive.scene import Listing, Scene, Table
from dataforge.teachers.extractive.verbs import base_of
from dataforge.text.claims import numbers

MOST_ROWS, MOST_ITEMS, MOST_PULLED = 12, 15, 8
_DUTY = re.compile(
    r"\b(?:must|may|shall|cannot|not allowed|forbidden|prohibited|obliged|required to|ha(?:s|ve) to|needs? to)\b",
    re.IGNORECASE,
)
_TERM = re.compile(r"^What (?P<be>is|are) (?P<term>(?:an? |the )?[^?,]{2,40})\?$")
_HOW = re.compile(r"^How do you (?P<what>[a-z]+ [^?]+)\?$")


@dataclass(frozen=True, slots=True)
class Task:
    request: str
    material: str
    """The text that the user brings; empty: none."""
    work: str
    kind: str
    difficulty: Difficulty
    evidence: tuple[str, ...]


@lru_cache(maxsize=1024)
def tasks(content: str, headings: tuple[str, ...], content_type: str) -> tuple[Task, ...]:
    """One of each maker in turn, so that the first few differ in kind."""
    if content_type == "code":
        return ()
    scene = scenes.read(Passage(content, headings))
    if not scene.english:
        return ()
    pairs = ranked(content, headings, content_type)
    made = [list(make(scene, pairs)) for make in _MAKERS]
    return tuple(task for turn in zip_longest(*made) for task in turn if task is not None)


def _checklists(scene: Scene, _: tuple[Draft, ...]) -> Iterator[Task]:
    """Steps only: an ordered list of orders."""
    for listing in scene.lists:
        items = [i for i in listing.items if i.depth == listing.items[0].depth]
        steps = sum(base_of(i.text.split()[0].casefold(), "base") is not None for i in items)
        if not 3 <= len(items) == len(listing.items) <= MOST_ITEMS or not items[0].ordered or steps < len(items):
            continue
        yield Task(
            request=_worded(
                listing.items[0].text,
                "Turn the following procedure into a checklist that can be ticked off.",
                "Rewrite these steps as a checklist.",
                "Make a checklist of the steps below.",
            ),
            material=written(listing),
            work="\n".join(f"- [ ] {i.text}" for i in items),
            kind="checklist",
            difficulty="easy",
            evidence=_raw(listing),
        )


def _steps(_: Scene, pairs: tuple[Draft, ...]) -> Iterator[Task]:
    """A procedure out of one's head."""
    for pair in pairs:
        how = _HOW.match(pair.question)
        if how and "\n" in pair.answer:
            request = _worded(how["what"], "Explain step by step how to {}.", "Write instructions on how to {}.")
            yield Task(
                request=request.format(how["what"]),
                material="",
                work=pair.answer,
                kind="explain",
                difficulty="medium",
                evidence=pair.evidence,
            )


def _json(scene: Scene, _: tuple[Draft, ...]) -> Iterator[Task]:
    for table in filter(_is_plain, scene.tables):
        rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
        yield Task(
            request=_worded(
                table.raw_header,
                "Convert the following table to a JSON array with one object per row.",
                "Give me the table below as JSON: a list of objects, one for each row.",
            ),
            material=_markdown(table),
            work=json.dumps(rows, ensure_ascii=False, indent=1),
            kind="extract",
            difficulty="easy",
            evidence=_rows(table),
        )


def _bullets(scene: Scene, _: tuple[Draft, ...]) -> Iterator[Task]:
    for table in filter(_is_plain, scene.tables):
        lines = [
            f"- {row[0]}: " + "; ".join(f"{h} {c}" for h, c in zip(table.header[1:], row[1:], strict=True) if c)
            for row in table.rows
        ]
        yield Task(
            request=_worded(
                table.raw_header,
                "Write the following table as a list, one line for each row.",
                "I cannot show tables. Turn the one below into bullet points, one per row.",
            ),
            material=_markdown(table),
            work="\n".join(lines),
            kind="rewrite",
            difficulty="easy",
            evidence=_rows(table),
        )


def _compared(scene: Scene, _: tuple[Draft, ...]) -> Iterator[Task]:
    """The first two rows that differ in every column."""
    for table in filter(_is_plain, scene.tables):
        for a, b in zip(table.rows, table.rows[1:], strict=False):
            differ = [(h, x, y) for h, x, y in zip(table.header[1:], a[1:], b[1:], strict=True) if x and y and x != y]
            if len(differ) == len(table.header) - 1 >= 2:
                yield Task(
                    request=f"Using the following table, compare {a[0]} with {b[0]}, column by column.",
                    material=_markdown(table),
                    work="\n".join(f"- {h}: {x} for {a[0]}, {y} for {b[0]}" for h, x, y in differ),
                    kind="compare",
                    difficulty="medium",
                    evidence=_rows(table),
                )
                break


def _pulled(scene: Scene, _: tuple[Draft, ...]) -> Iterator[Task]:
    """Every sentence of one sort; only out of plain prose, where none can hide in a table or a list."""
    whole = excerpts(scene.content)
    if scene.lists or scene.tables or not whole or len(scene.sentences) < 4:
        return
    sorts: tuple[tuple[Callable[[str], bool], str, str], ...] = (
        (
            lambda t: bool(numbers(t)),
            "Copy every sentence of the following text that states a number, an amount or a time.",
            "List the figures in the text below, each with its whole sentence.",
        ),
        (
            lambda t: _DUTY.search(t) is not None,
            "Pull the rules out of the following text: every sentence that says what must, may or may not be done.",
            "Which sentences of the text below say what has to be done or is allowed? Copy them as a list.",
        ),
    )
    for belongs, *requests in sorts:
        chosen = [s for s in scene.sentences if belongs(s.text)]
        if 2 <= len(chosen) <= MOST_PULLED and len(chosen) <= 0.7 * len(scene.sentences):
            yield Task(
                request=_worded(scene.content, *requests),
                material=whole[0],
                work="\n".join(f"- {s.text}" for s in chosen),
                kind="extract",
                difficulty="medium",
                evidence=tuple(s.raw for s in chosen),
            )


def _terms(_: Scene, pairs: tuple[Draft, ...]) -> Iterator[Task]:
    """What one word means, told to somebody new."""
    for pair in pairs:
        asked = _TERM.match(pair.question)
        if asked and pair.question_type == "definition" and " is " in f" {pair.answer} ".replace(" are ", " is "):
            request = _worded(
                pair.question,
                "Explain to a new colleague what {} {}.",
                "Somebody who is new here asks what {} {}. Explain it.",
            )
            yield Task(
                request=request.format(asked["term"], asked["be"]),
                material="",
                work=pair.answer,
                kind="explain",
                difficulty="easy",
                evidence=pair.evidence,
            )


def _faqs(scene: Scene, pairs: tuple[Draft, ...]) -> Iterator[Task]:
    """Three or four questions from different places."""
    whole = excerpts(scene.content)
    chosen: list[Draft] = []
    for pair in pairs:
        new = all(pair.evidence[-1] != c.evidence[-1] and pair.answer != c.answer for c in chosen)
        if new and pair.question_type not in ("summary", "table", "comparison", "yes-no") and len(chosen) < 4:
            chosen.append(pair)
    if whole and len(chosen) >= 3:
        count = {3: "three", 4: "four"}[len(chosen)]
        yield Task(
            request=_worded(
                scene.content,
                f"Write a short FAQ with {count} questions and answers on the following text.",
                f"Make {count} frequently asked questions, with answers, out of the text below.",
            ),
            material=whole[0],
            work="\n\n".join(f"**{d.question}**\n{d.answer}" for d in chosen),
            kind="faq",
            difficulty="hard",
            evidence=tuple(dict.fromkeys(e for d in chosen for e in d.evidence)),
        )


_MAKERS = (_checklists, _json, _faqs, _pulled, _steps, _compared, _terms, _bullets)


def _worded(seed: str, *wordings: str) -> str:
    return wordings[crc32(seed.encode()) % len(wordings)]


def _raw(listing: Listing) -> tuple[str, ...]:
    lead = (listing.lead.raw,) if listing.lead else ()
    return (*lead, *(i.raw for i in listing.items))


def _is_plain(table: Table) -> bool:
    """Whole in this passage, with names over all its columns."""
    return (
        table.whole
        and 2 <= len(table.rows) <= MOST_ROWS
        and 2 <= len(table.header) <= 8
        and len(set(table.header)) == len(table.header)
        and all(table.header)
        and all(row[0] for row in table.rows)
    )


def _markdown(table: Table) -> str:
    return "\n".join([table.raw_header, "|" + " --- |" * len(table.header), *table.raw_rows])


def _rows(table: Table) -> tuple[str, ...]:
    return (table.raw_header, *table.raw_rows)
