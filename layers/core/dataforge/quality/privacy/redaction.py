"""What was found taken out of a text, and shown in reports without showing it."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dataforge.quality.privacy.detections import Detection

_SHORTEST = 4
"""Of values whose other occurrences are replaced too: shorter ones are parts of words."""


@dataclass(slots=True)
class Placeholders:
    """The numbers of a document's values: the same value always has the same one. Holds digests, never a value."""

    numbers: dict[str, int] = field(default_factory=dict)
    """Label and digest of a value -> its number, from 1 within a label."""
    _last: dict[str, int] = field(default_factory=dict)

    def of(self, label: str, value: str) -> str:
        key = f"{label}:{digest(value)}"
        if key not in self.numbers:
            if not self._last:
                for known, number in self.numbers.items():
                    name = known.partition(":")[0]
                    self._last[name] = max(number, self._last.get(name, 0))
            self._last[label] = self.numbers[key] = self._last.get(label, 0) + 1
        return f"[{label}_{self.numbers[key]}]"


def digest(value: str) -> str:
    """Of what the value says, whatever separators and case it is written with."""
    plain = unicodedata.normalize("NFKC", value).casefold()
    plain = "".join(c for c in plain if c.isalnum() or c in "@._") or plain
    return hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Redacted:
    text: str
    edits: tuple[tuple[int, int, int], ...] = ()
    """(start, end, length of what stands there now) of the original's replaced parts, in order."""

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The original's part that text[start:end] comes from, whole placeholders on both sides."""
        return self._back(start, last=False), self._back(end, last=True)

    def _back(self, place: int, *, last: bool) -> int:
        shift = 0
        for start, end, length in self.edits:
            now = start - shift
            if place <= now:
                break
            if place < now + length:
                return end if last else start
            shift += end - start - length
        return place + shift


def redact(text: str, detections: Sequence[Detection], placeholders: Placeholders | None = None) -> Redacted:
    """Each finding replaced by a placeholder such as `[EMAIL_1]`, and every other place where the same value stands.

    detections: of this very text, in order, without overlaps.
    """
    numbers = placeholders if placeholders is not None else Placeholders()
    pieces: list[str] = []
    edits: list[tuple[int, int, int]] = []
    place = 0
    for start, end, label in _places(text, detections):
        said = numbers.of(label, text[start:end])
        pieces += (text[place:start], said)
        edits.append((start, end, len(said)))
        place = end
    return Redacted("".join((*pieces, text[place:])), tuple(edits))


def _places(text: str, detections: Sequence[Detection]) -> Iterator[tuple[int, int, str]]:
    """Detections, and the same values elsewhere, in order and without overlaps."""
    labels: dict[str, str] = {}
    by_start: dict[str, list[int]] = {}
    """First characters of the values -> their lengths, longest first."""
    for one in detections:
        value = text[one.start : one.end]
        if len(value) >= _SHORTEST and value not in labels:
            labels[value] = one.label
            lengths = by_start.setdefault(value[:_SHORTEST], [])
            if len(value) not in lengths:
                lengths.append(len(value))
    for lengths in by_start.values():
        lengths.sort(reverse=True)
    place, number = 0, 0
    while place < len(text):
        if number < len(detections) and detections[number].start <= place:
            one = detections[number]
            number += 1
            if one.start == place:
                yield one.start, one.end, one.label
                place = one.end
            continue
        lengths = by_start.get(text[place : place + _SHORTEST], [])
        same = next((v for n in lengths if (v := text[place : place + n]) in labels), None)
        if same is None:
            place += 1
        else:
            yield place, place + len(same), labels[same]
            place += len(same)


def masked(text: str, detection: Detection) -> str:
    """For reports: of a secret nothing but its kind; of personal data the first and last character at most, and only
    where enough is left out between them."""
    value = text[detection.start : detection.end]
    if detection.category == "secret" or len(value) < 8:
        return f"[{detection.label}]"
    return f"{value[0]}…{value[-1]}"
