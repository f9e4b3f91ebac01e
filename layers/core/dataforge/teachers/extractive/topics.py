"""Labels from the headings: what the author put over a text is what it is about.

Nothing is judged, so only topics taken from the headings can be given, never labels of the caller's own.
"""

from __future__ import annotations

from dataforge.recipes.excerpts import excerpts
from dataforge.records import Passage
from dataforge.text.topic_labels import topic_of


def topics(passage: Passage, labels: tuple[str, ...]) -> tuple[str, ...]:
    """The label of each text of the passage, in order; empty when its headings name none, or several."""
    if passage.content_type == "code":
        return ()
    found = topic_of(passage.heading_path, labels)
    return (found,) * len(excerpts(passage.content)) if found else ()
