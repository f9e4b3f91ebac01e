"""Which passage a record was made from, when the record does not say: the one that shares its rare words.

The work of a search is bounded, whatever the record and however many passages there are: at most MOST_WORDS of its
words are looked up, the rarest first, and words that very many passages hold are left out.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dataforge.text.claims import content_words

MOST_WORDS = 24
MOST_PASSAGES = 2000
"""A word that more passages hold tells nothing."""
LEAST_SHARE = 0.4
"""Of the weight of the words of question and answer that a passage must hold; with less the record has no source."""
LEAST_WORDS = 2


@dataclass(frozen=True, slots=True)
class SourcePassage:
    text: str
    document: str = ""
    headings: tuple[str, ...] = ()
    chunk_id: str = ""


class PassageIndex:
    """Passages by their words, their ids and their documents."""

    def __init__(self, passages: Sequence[SourcePassage]) -> None:
        self.passages = passages
        self._holding: dict[str, array[int]] = {}
        self._by_id: dict[str, int] = {}
        self._by_document: dict[str, array[int]] = {}
        for number, passage in enumerate(passages):
            for word in set(content_words("\n".join((*passage.headings, passage.text)))):
                self._holding.setdefault(word, array("L")).append(number)
            if passage.chunk_id:
                self._by_id.setdefault(passage.chunk_id, number)
            for name in _names(passage.document):
                self._by_document.setdefault(name, array("L")).append(number)

    def by_ids(self, chunk_ids: Iterable[str]) -> list[int]:
        """Numbers of the passages that have these ids."""
        return [number for chunk_id in chunk_ids if (number := self._by_id.get(chunk_id)) is not None]

    def best(self, question: str, answer: str, *, document: str = "") -> int | None:
        """The number of the passage that holds most of the record's words; None: none holds enough of them.

        document: its name, if the record has it; then only its passages are compared, if there are any.
        """
        within = next((self._by_document[n] for n in _names(document) if n in self._by_document), None)
        words = set(content_words(f"{question}\n{answer}"))
        known = sorted(words & self._holding.keys(), key=lambda w: (len(self._holding[w]), w))[:MOST_WORDS]
        weights = {w: self._weight(w) for w in known if len(self._holding[w]) <= MOST_PASSAGES}
        scores, held = Counter[int](), Counter[int]()
        for word, weight in weights.items():
            for number in self._holding[word]:
                scores[number] += weight  # type: ignore[assignment]
                held[number] += 1
        if within is not None:
            mine = set(within)
            scores = Counter({n: s for n, s in scores.items() if n in mine})
        if not scores:
            return within[0] if within is not None and len(within) == 1 else None
        number = max(scores, key=lambda n: (scores[n], -n))
        whole = sum(weights.values()) + self._weight("") * max(0, min(len(words), MOST_WORDS) - len(weights))
        enough = scores[number] >= LEAST_SHARE * whole and held[number] >= LEAST_WORDS
        return number if enough or within is not None else None

    def _weight(self, word: str) -> float:
        """Inverse document frequency; of an unknown word, that of one which a single passage holds."""
        return math.log(1 + len(self.passages) / len(self._holding.get(word, "x")))


def _names(document: str) -> list[str]:
    """How a record may call a document: its path, its last part, that without its ending."""
    name = document.strip().casefold().replace("\\", "/")
    last = name.rpartition("/")[2]
    return list(dict.fromkeys(filter(None, (name, last, last.rpartition(".")[0]))))
