"""Personal data and secrets in a text: found with exact places, replaced by placeholders, masked in reports.

Pure, without a model, in time linear in the length of the text. Found is what has a form or a check digit; names of
people, and what is secret only by its meaning, are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dataforge.quality.privacy import national_ids, personal, phones, secrets
from dataforge.quality.privacy.context import Surroundings
from dataforge.quality.privacy.detections import Category, Detection, apart
from dataforge.quality.privacy.folding import fold
from dataforge.quality.privacy.redaction import Placeholders, Redacted, masked, redact

__all__ = [
    "Category",
    "Detection",
    "Placeholders",
    "Redacted",
    "find",
    "find_personal",
    "find_secrets",
    "masked",
    "redact",
]


def find(text: str) -> list[Detection]:
    """Everything, in order, without overlaps; a secret goes before personal data at the same place."""
    folded = fold(text)
    found = [*secrets.find(folded.text), *_personal(folded.text)]
    return apart(_placed(one, *folded.span(one.start, one.end)) for one in found)


def find_personal(text: str) -> list[Detection]:
    return [one for one in find(text) if one.category == "personal"]


def find_secrets(text: str) -> list[Detection]:
    folded = fold(text)
    return apart(_placed(one, *folded.span(one.start, one.end)) for one in secrets.find(folded.text))


def _placed(one: Detection, start: int, end: int) -> Detection:
    return one if (start, end) == (one.start, one.end) else replace(one, start=start, end=end)


def _personal(text: str) -> Iterator[Detection]:
    around = Surroundings(text)
    any_found = False
    for detector in (
        personal.mails,
        personal.ibans,
        personal.cards,
        national_ids.find,
        phones.find,
        personal.addresses,
    ):
        for one in detector(around):
            any_found = True
            yield one
    if any_found:
        yield from personal.streets(around)
