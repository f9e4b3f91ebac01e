"""Is the record in one language, and in the one that is wanted."""

from __future__ import annotations

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.checks.wording import exchanges
from dataforge.text.languages import LANGUAGES
from dataforge.text.languages.identifying import language_of, letters
from dataforge.text.normal_forms import folded

LEAST_LETTERS = 20
"""What is shorter is a name or a number in any language."""
LEAST_LETTERS_UNSPACED = 6
_UNSPACED = ("zh", "ja", "ko")


def _told(text: str) -> str | None:
    """The language of a text that is long enough to tell."""
    language = language_of(text, sure=True)
    least = LEAST_LETTERS_UNSPACED if language in _UNSPACED else LEAST_LETTERS
    return language if letters(text) >= least else None


def _wrong_language(record: CheckedRecord) -> Signal | None:
    """The answer in another language than its question, or the record in another one than `config.language`. A request
    may ask for a translation: its words or the text that it brings are in two languages then."""
    for asked, said in exchanges(record):
        theirs = _told(said)
        wanted = record.wanted_language or language_of(asked)
        if theirs is None or wanted is None or theirs == wanted or wanted not in LANGUAGES:
            continue
        if not _names(asked, theirs) and record.material_at is None and not _is_quote(said, record):
            return Signal(
                words=(said.strip()[:60],), detail=f"The answer is in {_name(theirs)}, not in {_name(wanted)}"
            )
    spoken = _told(record.request) if record.wanted_language else None
    if spoken and spoken != record.wanted_language:
        detail = f"The question is in {_name(spoken)}, not in {_name(str(record.wanted_language))}"
        return Signal(words=(record.request.strip()[:60],), detail=detail)
    return None


def _is_quote(said: str, record: CheckedRecord) -> bool:
    """A passage in several languages is quoted as it is; a mixture is no other language."""
    return record.passage is not None and said.strip() in record.passage and record.wanted_language is None


def _names(asked: str, language: str) -> bool:
    """ "Translate it into German"."""
    return folded(LANGUAGES.get(language, language)) in folded(asked) or "translat" in folded(asked)


def _name(language: str) -> str:
    return LANGUAGES.get(language, language)


def _other_language(record: CheckedRecord) -> Signal | None:
    """Question and answer in one language, their passage in another, and nobody asked for that."""
    if record.wanted_language or not record.passage or record.material_at is not None:
        return None
    asked, source = language_of(record.request, sure=True), language_of(record.passage, sure=True)
    if asked is None or source is None or asked == source or asked not in LANGUAGES:
        return None
    if letters(record.request) < (LEAST_LETTERS_UNSPACED if asked in _UNSPACED else LEAST_LETTERS):
        return None
    return Signal(detail=f"The record is in {_name(asked)}, its passage in {_name(source)}")


CHECKS: dict[str, Check] = {
    "wrong_language": Check(_wrong_language, "reject", "The answer is in the wrong language"),
    "other_language": Check(_other_language, "review", "The record is in another language than its passage"),
}
