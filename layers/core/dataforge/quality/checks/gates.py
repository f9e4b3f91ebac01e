"""What a dataset must not teach, whatever it says: personal data, secrets, insults, orders hidden in its sources."""

from __future__ import annotations

from functools import lru_cache

from dataforge.quality import injections, privacy, toxicity
from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.privacy import Category, Detection
from dataforge.text.languages.identifying import language_of

_SHORTEST = 6
"""Characters of a value that is looked for in a record because its passage says what it is."""
_MOST_SHOWN = 5


def _said(record: CheckedRecord) -> str:
    """All that the record would teach, questions included."""
    return "\n".join([m.content for m in record.turns] or [record.question, record.answer])


@lru_cache(maxsize=256)  # both checks look at the record, and several records in a row have one passage
def _found(text: str) -> tuple[Detection, ...]:
    return tuple(privacy.find(text))


def _private(category: Category) -> Check:
    def look(record: CheckedRecord) -> Signal | None:
        said = _said(record)
        found = [one for one in _found(said) if one.category == category]
        shown = [privacy.masked(said, one) for one in found]
        if record.passage is not None and not found:
            found = [one for one in _of_passage(record.source, said) if one.category == category]
            shown = [privacy.masked(record.source, one) for one in found]
        if not found:
            return None
        kinds = ", ".join(dict.fromkeys(one.kind for one in found))
        return Signal(words=tuple(dict.fromkeys(shown))[:_MOST_SHOWN], detail=f"Found: {kinds}")

    what = "personal data" if category == "personal" else "a password or key"
    return Check(look, "review", f"The record holds {what}")


def _of_passage(source: str, said: str) -> list[Detection]:
    """What words of the passage make known for personal data, and the record repeats without them."""
    return [one for one in _found(source) if len(v := source[one.start : one.end]) >= _SHORTEST and v in said]


def _toxic(record: CheckedRecord) -> Signal | None:
    for text in (*record.answers, record.request):
        if found := toxicity.find(text, language_of(text)):
            return Signal(words=tuple(dict.fromkeys(text[one.start : one.end] for one in found))[:_MOST_SHOWN])
    return None


def _injection_obeyed(record: CheckedRecord) -> Signal | None:
    if record.passage is None:
        return None
    for answer in record.answers:
        if words := injections.obeyed(record.request, answer, record.passage):
            return Signal(words=words[:_MOST_SHOWN])
    return None


CHECKS: dict[str, Check] = {
    "personal_data": _private("personal"),
    "secret": _private("secret"),
    "toxic": Check(_toxic, "review", "It insults somebody"),
    "injection_obeyed": Check(
        _injection_obeyed, "reject", "The answer obeys an instruction that is hidden in the document"
    ),
}
