"""Records that give away an evaluation set: they share 13 words in a row with one of its items, or are nearly it.

The 13-gram is the measure of the GPT-3 paper (Brown et al. 2020, appendix C). Scripts without blanks between words are
compared by 20 characters in a row. Items that are shorter than that are found by likeness (`quality.duplicates`).
The index holds 12 bytes for every word of the evaluation set, no text of it but the short items'.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from dataforge.text.normal_forms import normalise

WORDS, CHARACTERS = 13, 20
"""In a row: words, and characters of scripts without blanks."""
_SHORT_ITEM = 3 * WORDS
"""Items up to so many words are also compared for likeness."""
_BLOCK = 2048
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f"
_RUN = re.compile(rf"[{_UNSPACED}]+|[^\W{_UNSPACED}]+")
_TEXT_FIELDS = ("question", "prompt", "instruction", "input", "context", "problem", "text", "query", "passage", "goal")
_ANSWER_FIELDS = ("answer", "output", "completion", "response", "target", "solution", "chosen")


@dataclass(frozen=True, slots=True)
class EvaluationItem:
    """name: shown in reasons, such as `mmlu.jsonl:17`. texts: what of it must not be learnt."""

    name: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contamination:
    """A record that holds an item of an evaluation set, or is nearly one."""

    index: int
    """Of the record."""
    item: str
    similarity: float | None = None
    """None: they share words in a row."""


@dataclass(slots=True)
class EvaluationIndex:
    """What records are held against. Make it with `index_of`."""

    grams: Any
    """Sorted digests of all grams, numpy uint64."""
    owners: Any
    """Of each gram the place of its item in `names`, numpy int32."""
    names: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    """Texts of short items ..."""
    short_names: list[int] = field(default_factory=list)
    """... and the places of their names."""
    _screen: Any = None

    def find(self, records: Sequence[Sequence[str]]) -> list[Contamination]:
        """records: the texts of each, the question first. At most one finding for each record."""
        import numpy as np  # see text.normal_forms

        found: dict[int, Contamination] = {}
        if len(self.grams):
            for n, texts in enumerate(records):
                mine = np.fromiter((g for text in texts for g in grams(text)), np.uint64)
                at = np.searchsorted(self.grams, mine)
                at[at == len(self.grams)] = 0
                shared = np.flatnonzero(self.grams[at] == mine)
                if len(shared):
                    found[n] = Contamination(n, self.names[int(self.owners[at[shared[0]]])])
        for n, of, similarity in self._alike([(n, text) for n, ts in enumerate(records) for text in _shown(ts)]):
            found.setdefault(n, Contamination(n, self.names[self.short_names[of]], similarity))
        return [found[n] for n in sorted(found)]

    def _alike(self, texts: Sequence[tuple[int, str]]) -> Iterator[tuple[int, int, float]]:
        if not self.short:
            return
        if self._screen is None:
            from dataforge.quality.duplicates import Screen

            self._screen = Screen(against=self.short)
        for one in self._screen.find([text for _, text in texts]):
            yield texts[one.index][0], one.of, one.similarity


def index_of(items: Iterable[EvaluationItem]) -> EvaluationIndex:
    import numpy as np

    hashes, owners = array("Q"), array("i")
    names: list[str] = []
    short: list[str] = []
    short_names: list[int] = []
    for item in items:
        names.append(item.name)
        for text in item.texts:
            for gram in grams(text):
                hashes.append(gram)
                owners.append(len(names) - 1)
            if len(text.split()) <= _SHORT_ITEM and len(text) >= WORDS:
                short.append(text)
                short_names.append(len(names) - 1)
    order = np.argsort(np.frombuffer(hashes, np.uint64), kind="stable") if hashes else np.zeros(0, np.intp)
    return EvaluationIndex(
        grams=np.frombuffer(hashes, np.uint64)[order] if hashes else np.zeros(0, np.uint64),
        owners=np.frombuffer(owners, np.int32)[order] if owners else np.zeros(0, np.int32),
        names=names,
        short=short,
        short_names=short_names,
    )


def grams(text: str) -> Iterator[int]:
    """64-bit digests of every 13 words in a row, and of every 20 characters of scripts without blanks; punctuation and
    case do not count."""
    words: list[str] = []
    for match in _RUN.finditer(normalise(text)):
        run = match.group()
        if "\u0e00" <= run[0] <= "\u0e7f" or run[0] >= "\u3040":
            yield from _digests(words, WORDS, " ")
            words = []
            yield from _digests(run, CHARACTERS, "")
        else:
            words.append(run)
    yield from _digests(words, WORDS, " ")


def _digests(parts: Sequence[str], size: int, between: str) -> Iterator[int]:
    for start in range(len(parts) - size + 1):
        gram = between.join(parts[start : start + size])
        yield int.from_bytes(hashlib.blake2b(gram.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def items_of(lines: Iterable[Mapping[str, Any]], name: str) -> Iterator[EvaluationItem]:
    """Lines of any usual form: questions under their common names, messages, conversations. A line without a text is
    passed over. name: of the set."""
    for number, line in enumerate(lines, 1):
        texts = tuple(text for text in _texts_of(line) if text.strip())
        if texts:
            yield EvaluationItem(f"{name}:{number}", texts)


def _texts_of(line: Mapping[str, Any]) -> Iterator[str]:
    """Each text by itself, and question with answer: a record may repeat either."""
    asked = [line[name] for name in _TEXT_FIELDS if isinstance(line.get(name), str)]
    answers = [line[name] for name in _ANSWER_FIELDS if isinstance(line.get(name), str)]
    for name in ("messages", "conversations", "conversation"):
        turns = line.get(name)
        for turn in turns if isinstance(turns, list) else ():
            said = turn.get("content", turn.get("value")) if isinstance(turn, dict) else None
            role = turn.get("role", turn.get("from")) if isinstance(turn, dict) else None
            if isinstance(said, str) and role != "system":
                (answers if role in ("assistant", "gpt", "model") else asked).append(said)
    yield from asked
    if asked and answers:
        yield f"{asked[0]}\n{answers[0]}"
    yield from (text for text in answers if len(text.split()) >= WORDS or not asked)


def _shown(texts: Sequence[str]) -> Iterator[str]:
    """The question, and question with answer."""
    yield from islice(texts, 1)
    if len(texts) > 1:
        yield "\n".join(texts[:2])
