"""A record that needs several passages: judged over all of them, and rejected when one alone would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from dataforge.quality.grounding import find_quote
from dataforge.records import Draft, Span
from dataforge.text.claims import content_words

_GAP = "\n\n"


@dataclass(frozen=True, slots=True)
class Joined:
    """Passages as one text."""

    texts: tuple[str, ...]

    @property
    def text(self) -> str:
        return _GAP.join(self.texts)

    def in_turns(self, quotes: Sequence[str]) -> tuple[str, ...]:
        """A quote of each passage in turn, then those of none: whoever looks at the first few sees all passages."""
        where = [next((n for n, text in enumerate(self.texts) if find_quote(q, text)), None) for q in quotes]
        of_each = [[q for q, at in zip(quotes, where, strict=True) if at == n] for n in range(len(self.texts))]
        turns = chain.from_iterable(zip_longest(*of_each))
        return (*(q for q in turns if q is not None), *(q for q, at in zip(quotes, where, strict=True) if at is None))

    def apart(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """Spans of the joined text as spans of its passages; one that crosses a border becomes two."""
        found: list[Span] = []
        begin = 0
        for source, text in enumerate(self.texts):
            for span in spans:
                start, end = max(span.start - begin, 0), min(span.end - begin, len(text))
                if text[start : max(start, end)].strip():
                    found.append(Span(start, end, text[start:end], source))
            begin += len(text) + len(_GAP)
        return tuple(found)

    def all_needed(self, draft: Draft, spans: Sequence[Span]) -> bool:
        """Whether each passage gives evidence, and words of the pair that no other passage has.

        spans: as `apart` gives them.
        """
        said = set(content_words(f"{draft.question} {draft.answer}"))
        held = [set(content_words(text)) for text in self.texts]
        others = [set().union(*(h for n, h in enumerate(held) if n != at)) for at in range(len(held))]
        own = all(said & (mine - theirs) for mine, theirs in zip(held, others, strict=True))
        return own and {s.source for s in spans} == set(range(len(self.texts)))
