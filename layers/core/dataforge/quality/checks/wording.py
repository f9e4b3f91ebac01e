"""Words, sentences and exchanges of a record, as the checks of its form look at them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from dataforge.quality.checks.record import CheckedRecord
from dataforge.text.claims import STOP_WORDS, stem, tokens
from dataforge.text.languages.function_words import function_words
from dataforge.text.languages.word_order import order_of
from dataforge.text.normal_forms import flattened, folded, words
from dataforge.text.sentences import sentences

LONGEST_QUESTION = 600
"""Characters of a question that are looked at; what is longer is no question but a text."""
_EMPTY_CJK = frozenset(
    "的了是在和与與就也都而及着或一这這那该該怎么麼做什多少几幾吗嗎呢吧个個要会會能可以有须須应應得不为為被把对對于於其它他她们們"
    "谁誰哪里裡何如若则則请請"
)
_QUESTION_MARK = re.compile(r"[?？؟]")
_HIRAGANA = re.compile(r"[\u3041-\u309f]")
_ARABIC_TAIL = re.compile(r"(?<=[\u0621-\u064a]{3})(?:ات|ون|ين|ان|ها|هم|ية|ه|ة|ا|ي)$")
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_DETERMINERS = frozenset(
    [
        "this",
        "these",
        "every",
        "each",
        "all",
        "any",
        "many",
        "your",
        "my",
        "our",
        "der",
        "die",
        "das",
        "den",
        "dem",
        "jeder",
        "jede",
        "viele",
        "alle",
        "todos",
        "tous",
        "tutti",
        "which",
        "whose",
        "welche",
        "welcher",
        "welches",
        "welchen",
        "quel",
        "quelle",
        "quels",
        "quelles",
        "qué",
        "cuál",
        "cuáles",
        "cuántos",
        "cuántas",
        "qual",
        "quais",
        "quantos",
        "quantas",
        "quale",
        "quali",
        "quanti",
        "quante",
        "welk",
        "welke",
        "hoeveel",
        "jaki",
        "jaka",
        "jakie",
        "który",
        "która",
        "które",
        "ile",
    ]
)


def content(text: str, languages: Iterable[str]) -> list[str]:
    """Stems of the words that carry meaning, in order; of Chinese and Japanese, pairs of such characters."""
    return list(_content(text, tuple(languages)))


@lru_cache(maxsize=2048)
def _content(text: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    empty = _empty(languages)
    found = []
    for place, said in enumerate(tokens(text)):
        if place and len(said) == 1 and said.isupper() and said not in "IO":
            found.append(said)  # "vitamin A", "Plan B"
            continue
        word = folded(said).replace("’", "'")
        if _HAN.match(word):
            if not (set(word) & _EMPTY_CJK) and not _HIRAGANA.search(word):
                found.append(word)
            continue
        word = word.split("'")[-1] if word.split("'")[0] in empty else word
        if word not in empty and word != "%":
            found.append(_ARABIC_TAIL.sub("", stem(word)))
    return tuple(found)


@cache
def _empty(languages: tuple[str, ...]) -> frozenset[str]:
    """Words without meaning of their own: small words and question words."""
    small = frozenset[str]().union(*map(function_words, languages))
    asking = frozenset[str]().union(*(order_of(one).interrogatives for one in languages))
    return small | asking | (STOP_WORDS if "en" in languages or not languages else frozenset())


@lru_cache(maxsize=512)
def lines(text: str) -> tuple[str, ...]:
    """Its sentences, list items and rows, each as phrases are looked for."""
    return tuple(flattened(s.text) for s in sentences(text))


@cache
def determiners(language: str) -> frozenset[str]:
    """What a noun stands after: articles, "which", "all"."""
    order = order_of(language)
    return order.articles | (_DETERMINERS & (function_words(language) | order.interrogatives | {"many", "viele"}))


def first_match(found: Iterable[re.Pattern[str]], text: str) -> re.Match[str] | None:
    return next((m for p in found if (m := p.search(text))), None)


def exchanges(record: CheckedRecord) -> Iterator[tuple[str, str]]:
    """Every question with its answer, each without the text that the question brings along."""
    if len(record.turns) < 2:
        yield record.request, record.answer
        return
    said = [m for m in record.turns if m.role != "system"]
    for asked, answered in zip(said[::2], said[1::2], strict=False):
        yield asked.content, answered.content


def brings_text(record: CheckedRecord) -> bool:
    """The request has a text at hand that it may speak of: its own paragraphs, or the passage of a summary."""
    return record.material_at is not None or record.is_digest or "\n\n" in record.question.strip()


def asks_nothing(record: CheckedRecord) -> bool:
    """A task, a summary or a label: no question with its answer. Of an unknown kind: what is no question in form."""
    if record.kind:
        return not record.is_answer
    return not _QUESTION_MARK.search(record.request) and not any(
        has_interrogative(record.request[:LONGEST_QUESTION], language) for language in record.languages
    )


def is_dialogue(record: CheckedRecord) -> bool:
    return len(record.turns) > 2


def _parts(word: str) -> tuple[str, ...]:
    """ "combien" of "d'combien", "quand" of "jusqu'à quand"."""
    return (word, *word.replace("’", "'").split("'")) if "'" in word or "’" in word else (word,)


def is_polar(question: str, languages: Iterable[str]) -> bool:
    """To be answered by yes or no, or by a choice that the question offers; so is every question of a language that is
    not known."""
    known = list(languages)
    for language in known:
        order = order_of(language)
        said = [w.folded for w in words(question)]
        if (order.polar and order.polar.search(question)) or any(w in order.choices for w in said[1:]):
            return True
    return not any(has_interrogative(question, language) for language in known)


def has_interrogative(question: str, language: str) -> bool:
    order = order_of(language)
    if order.asks is not None:
        return order.asks.search(question) is not None
    return any(part in order.interrogatives for w in words(question) for part in _parts(w.folded))
