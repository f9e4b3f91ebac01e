"""Conversations out of the passage's pairs: questions on one subject in the order of the text.

Later questions lean on earlier ones only where nothing can go wrong: an anchor that was just named is dropped, a
table's next column or row is asked for by its name alone, a thing that was just defined is "it".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

from dataforge.records import DIFFICULTIES, Draft, Message
from dataforge.teachers.extractive.ranking import alike, grams, ranked
from dataforge.text.claims import content_words

_NOT_TALKED_OF = frozenset(["summary", "yes-no"])
"""Kinds whose answers hold, or repeat, those of others."""
_ANCHOR = re.compile(r"^(?:Regarding|When it comes to|With regard to|Concerning) (?P<what>[^,]+), (?P<rest>.+\?)$")
_CELL = re.compile(r"^What (?:is|are) the (?P<column>[^?]+?) (?P<link>of|for) (?P<row>[^?]+)\?$")
_DEFINED = re.compile(r"^What is (?P<thing>(?:an?|the) [^?,]+)\?$")
_PERSON = re.compile(r"\b(?:who|whom|person|people|somebody|someone|employees?|colleagues?|members?|officers?)\b")
_ASKING = re.compile(
    r"^(?:What|How|When|Where|Who|Why|Which|Is|Are|Was|Were|Do|Does|Did|Can|May|Must|Should|Has|Have|Within|Until|"
    r"From|By|At|In|On|To|For|Under|Up)\b"
)
_FRAMES = ("And {lower}", "{upper}", "I see. And {lower}", "Thanks. {upper}")
_CLOSING = ("One more thing: {lower}", "And finally, {lower}", "And {lower}")


@lru_cache(maxsize=1024)
def conversations(content: str, headings: tuple[str, ...], content_type: str, turns: int) -> tuple[Draft, ...]:
    """As many as the passage has pairs for; no pair stands in two of them."""
    left = sorted(
        (d for d in ranked(content, headings, content_type) if d.question_type not in _NOT_TALKED_OF),
        key=lambda d: content.find(d.evidence[-1]),
    )
    made: list[Draft] = []
    while len(left) >= turns:
        group = _group(left, turns)
        if len(group) == turns:
            made.append(_conversation(group))
            left = [d for d in left if d not in group]
        else:
            left = left[1:]
    return tuple(made)


def _group(left: Sequence[Draft], turns: int) -> list[Draft]:
    """The first pair, then those after it that speak of something already spoken of and say something new. Cells of a
    table and prose stay apart."""
    group = [left[0]]
    known = set(content_words(f"{left[0].question} {left[0].answer}"))
    for pair in left[1:]:
        words, said = set(content_words(f"{pair.question} {pair.answer}")), set(content_words(pair.answer))
        fits = words & known and said - known and _is_cell(pair) == _is_cell(left[0])
        if len(group) < turns and fits and not any(_says_the_same(pair, d) for d in group):
            group.append(pair)
            known |= words
    return group


def _is_cell(pair: Draft) -> bool:
    return pair.evidence[-1].startswith("|")


def _says_the_same(a: Draft, b: Draft) -> bool:
    same_sentence = a.evidence[-1] == b.evidence[-1] and not _is_cell(a)
    return same_sentence or alike(grams(a.answer), grams(b.answer))


def _conversation(group: Sequence[Draft]) -> Draft:
    said: list[Message] = []
    for n, pair in enumerate(group):
        asked = pair.question if n == 0 else _leaning(pair, group[:n], last=n == len(group) - 1)
        said += [Message("user", asked), Message("assistant", pair.answer)]
    level = max(group, key=lambda d: DIFFICULTIES.index(d.difficulty)).difficulty
    evidence = tuple(dict.fromkeys(e for d in group for e in d.evidence))
    return Draft(
        question=said[0].content,
        answer=said[-1].content,
        question_type="conversation",
        difficulty=level,
        evidence=evidence,
        turns=tuple(said),
    )


def _leaning(pair: Draft, before: Sequence[Draft], *, last: bool) -> str:
    """The question as it would be asked after those before it."""
    short = _next_cell(pair.question, before[-1].question)
    if short:
        return short
    question = pair.question
    anchor = _ANCHOR.match(question)
    spoken_of = {w for d in before for w in content_words(f"{d.question} {d.answer}")}
    if anchor and not anchor["rest"].startswith("what applies to") and set(content_words(anchor["what"])) <= spoken_of:
        question = anchor["rest"][:1].upper() + anchor["rest"][1:]
    question = _it(question, before[-1])
    if not _ASKING.match(question):
        return question
    frames = _CLOSING if last and len(before) > 1 else _FRAMES
    frame = frames[crc32(question.encode()) % len(frames)]
    return frame.format(lower=question[:1].lower() + question[1:], upper=question)


def _next_cell(question: str, before: str) -> str | None:
    """Another column of the same row, or another row of the same column."""
    this, last = _CELL.match(question), _CELL.match(before)
    if not this or not last:
        return None
    if this["row"] == last["row"]:
        return f"And the {this['column']}?"
    return f"And {this['link']} {this['row']}?" if this["column"] == last["column"] else None


def _it(question: str, before: Draft) -> str:
    """ "What is an Islander Card?" -> "How much does it cost a year?" """
    defined = _DEFINED.match(before.question)
    if not defined or _PERSON.search(before.answer):
        return question
    thing = re.compile(rf"\b{re.escape(defined['thing'])}\b(?!['’-])")
    if len(thing.findall(question)) != 1 or question.startswith(defined["thing"]):
        return question
    return thing.sub("it", question)
