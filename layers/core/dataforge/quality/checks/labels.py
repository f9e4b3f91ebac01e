"""Is the label of a text the one that its words speak for?"""

from __future__ import annotations

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.reading import tokens
from dataforge.quality.checks.record import CheckedRecord
from dataforge.text import topic_labels


def other_label(record: CheckedRecord) -> Signal | None:
    """Another label's words stand in the text, or in the heading above it, and none of this one's."""
    if not record.is_label or record.material_at is None or len(record.labels) > _MOST_LABELS:
        return None
    chosen = topic_labels.match(record.answer, record.labels)
    if chosen is None:
        return None
    text = {t.key for t in tokens(record.question[record.material_at :]) if t.key}
    above = {t.key for t in tokens(" ".join(record.headings[-2:])) if t.key}
    spoken = {label: _spoken(label, text) + 0.5 * _spoken(label, above) for label in record.labels}
    best = max(spoken, key=lambda label: spoken[label])
    if spoken[chosen] or not spoken[best]:
        return None
    return Signal(1.0, (record.answer,), f"The words of the text speak for {best}")


def _spoken(label: str, text: set[str]) -> float:
    """Share of the label's words that the text has."""
    keys = {t.key for t in tokens(label) if t.key}
    return len(keys & text) / (len(keys) or 1)


_MOST_LABELS = 50
CHECKS: dict[str, Check] = {
    "other_label": Check(other_label, "weigh", "Another label fits the text better"),
}
