"""Answers that do not answer: refusals, "not specified", pleasantries."""

from __future__ import annotations

import re

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.checks.wording import content, exchanges, first_match, is_dialogue, lines
from dataforge.text.normal_forms import flattened, folded, normalise

MOST_LINES = 40
"""A longer answer does say something."""
_FINISHED_WORK, _NOTHING_NEW = 4, 2
"""Words of the passage that an answer says besides its refusal, or besides that it cannot tell."""
_FINISHED_WITHOUT_SOURCE = 8


def _refusal(record: CheckedRecord) -> Signal | None:
    """The refusal has to be the whole point: a reply that apologises and goes on, or that says what its passage says,
    is none."""
    for asked, said in exchanges(record):
        if found := first_match((p.refuses for p in record.phrases), flattened(said[:2000])):
            quoted = found.group().strip()
            if normalise(quoted) in normalise(record.source) or _says_more(record, asked, said, quoted):
                continue
            return Signal(words=(quoted,))
    return None


def _says_more(record: CheckedRecord, asked: str, said: str, besides: str) -> bool:
    rest = flattened(said).replace(besides, " ")
    new = set(content(rest, record.languages)) - set(content(asked, record.languages))
    if not record.source:
        return len(new) >= _FINISHED_WITHOUT_SOURCE
    return len(new & set(content(record.source, record.languages))) >= _FINISHED_WORK


def _not_specified(record: CheckedRecord) -> Signal | None:
    """ "Is not specified", and nothing else that the question does not say itself."""
    for asked, said in exchanges(record):
        told = [one for one in lines(said) if not _is_chatter(one, record)]
        if not told or len(told) > 3:
            continue
        found = first_match((p.says_nothing for p in record.phrases), told[0])
        if not found or _opens_with_yes_or_no(told[0], record):
            continue
        words = set(content(found.group(), record.languages))
        rest = set(content(" ".join(told).replace(found.group(), " "), record.languages))
        held = set(content(record.source, record.languages))
        if not (words and words <= held) and len((rest - set(content(asked, record.languages))) & held) <= _NOTHING_NEW:
            return Signal(words=(found.group().strip(),))
    return None


def _opens_with_yes_or_no(line: str, record: CheckedRecord) -> bool:
    """ "No, it is not included." In Spanish "no" is a "not" as well, so the mark after it counts."""
    opening = line.split(None, 1)[0]
    return opening[-1] in ",.;:،，。" and any(folded(opening[:-1]) in p.yes_no for p in record.phrases)


def _is_chatter(line: str, record: CheckedRecord) -> bool:
    return len(line) < 300 and first_match((p.chatter for p in record.phrases), line) is not None


def _chatter_only(record: CheckedRecord) -> Signal | None:
    asked = record.turns[-2].content if is_dialogue(record) else record.request
    told = lines(record.answer)
    if not told or len(told) > MOST_LINES or (is_dialogue(record) and not re.search(r"[?？؟]", asked)):
        return None
    polite = [one for one in told if _is_chatter(one, record)]
    if not polite or len(polite) < len(told):
        return None
    return Signal(words=(polite[0],))


def _chatter(record: CheckedRecord) -> Signal | None:
    """Pleasantries before or after the answer. Letters and conversations are polite."""
    told = lines(record.answer)
    if record.is_work or record.turns or not 1 < len(told) <= MOST_LINES:
        return None
    polite = [one for one in (told[0], told[-1]) if _is_chatter(one, record) and not _is_of_source(one, record)]
    return Signal(words=tuple(polite)) if polite and len(polite) < len(told) else None


def _is_of_source(line: str, record: CheckedRecord) -> bool:
    return normalise(line) in normalise(record.source)


CHECKS: dict[str, Check] = {
    "refusal": Check(_refusal, "reject", "The answer refuses"),
    "not_specified": Check(_not_specified, "reject", "The answer only says that nothing is said about it"),
    "chatter_only": Check(_chatter_only, "reject", "The answer is polite and says nothing"),
    "chatter": Check(_chatter, "review", "Pleasantries stand around the answer"),
}
