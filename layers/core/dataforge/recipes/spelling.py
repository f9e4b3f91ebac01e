"""Does a short description hold typing mistakes? Careful rather than thorough: a false alarm costs a caller a request.

A word is suspected only if no lexicon knows it (English in both spellings, six other languages, the terms of our field,
and whatever the tokenizer of a language model has as one piece, which is what the web writes often) and an English word
in common use stands one edit away, two for words of eight letters and more.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import orjson

from dataforge import tokens

LEAST_LETTERS = 4
LONG_WORD = 8
MOST_SUGGESTIONS = 3
MOST_LOOKED_AT = 40
"""Unknown words of one text that are compared with the dictionary, the first ones: each takes two milliseconds of a
request, and a text with more of them holds no slips but another language, or nothing."""
COMMON = 60
"""Occurrences in the dictionary's corpus from which on a word counts as common: only such are suggested."""
VERY_COMMON, OBVIOUS_LETTERS = 9000, 6
"""In an English text a slip of so frequent a word is pointed out even where the tokenizer knows it as a piece."""
_OTHERS = ("es", "fr", "de", "pt", "it", "nl")
_ENDINGS = ("s", "es", "ed", "ing", "er", "ers", "ly", "able", "ness")
_BRITISH = (
    ("our", "or"),
    ("ae", "e"),
    ("oe", "e"),
    ("is", "iz"),
    ("ys", "yz"),
    ("ogue", "og"),
    ("re", "er"),
    ("ll", "l"),
)
_PIECE = re.compile(r"[^\s_\-/.,;:!?()\[\]{}\"'’“”&+|]+")
_TECHNICAL = """
    adapter agentic ansible autoencoder autoscaling backend backpropagation bitcoin blockchain chatbot changelog
    checkpointing codebase containerization crypto cybersecurity cypher dataset datasets datatype devops distillation
    dockerfile ecommerce edtech embeddings endpoint ethereum etcd fastapi fintech firmware flaky frontend geospatial
    github gitlab grafana graphql gridfs hadoop healthtech helm homelab insurtech javascript json jsonl kafka kanban
    keycloak kubernetes langchain lidar linux llama lora llms martech microservice microservices middleware mlops mongo
    multimodal mysql namespace neural nginx nodejs numpy nosql observability onboarding onprem openapi opensearch pandas
    parquet phishing postgres postgresql preprocessing proptech prometheus pydantic pytest pytorch qlora quantization
    quantized ransomware redis regex regtech reranker restful retargeting runbook saas scalability scikit serverless
    shopify sklearn sysadmin telehealth telemetry tensorflow terraform tokenizer transformer typescript unsloth upsell
    upskilling username vectorization virtualization vlan webhook webhooks wearables whitelist whitelisting workflow
    workflows xgboost zigbee
"""
_TERMS = frozenset(_TECHNICAL.split())


@dataclass(frozen=True, slots=True)
class Suspect:
    """A word as written, and what may have been meant, likeliest first."""

    word: str
    suggestions: tuple[str, ...]


def suspects(text: str) -> list[Suspect]:
    """In order of appearance, each word once. Words with digits, inner capitals or three letters are left alone.

    A text that is mostly not English is taken for another language, unless all its words look like slips of English.
    """
    pieces = [m.group() for m in _PIECE.finditer(text)]
    words = list(dict.fromkeys(p for p in pieces if _is_plain(p)))
    unknown = [w for w in words if not _is_english(w.lower())]
    mostly_english = 2 * len(unknown) <= len(words)
    unknown = unknown[:MOST_LOOKED_AT]
    names = set() if all(p[:1].isupper() for p in pieces) else {p for p in pieces[1:] if p[:1].isupper()}
    sure = {w: meant for w in unknown if w not in names and (meant := _meant(w.lower(), obvious=False))}
    if mostly_english or sure:
        sure |= {w: meant for w in unknown if w not in names and (meant := _meant(w.lower(), obvious=True))}
    return [Suspect(w, sure[w]) for w in unknown if w in sure] if mostly_english or len(sure) == len(unknown) else []


def corrected(text: str, wrong: list[Suspect]) -> str:
    """The text with the first suggestion for each, capitals kept."""
    best = {s.word: s.suggestions[0] for s in wrong}

    def replace(match: re.Match[str]) -> str:
        better = best.get(match.group())
        if better is None:
            return match.group()
        return better.capitalize() if match.group()[0].isupper() else better

    return _PIECE.sub(replace, text)


def _is_plain(word: str) -> bool:
    """Latin letters a-z only: other alphabets, accents, digits and camel case are never mistakes that we can tell."""
    return len(word) >= LEAST_LETTERS and word.isascii() and word.isalpha() and word[1:].islower()


def _meant(word: str, *, obvious: bool) -> tuple[str, ...]:
    """obvious: also a piece of the tokenizer, if it is a slip of a very common word and no dictionary has it."""
    near = _near(word)
    english = _english()
    best = sorted(near, key=lambda w: (near[w], -english.get(w, COMMON), w))[:MOST_SUGGESTIONS]
    slip = obvious and len(word) >= OBVIOUS_LETTERS and best and english.get(best[0], 0) >= VERY_COMMON
    if best and ((not slip and _is_one_piece(word)) or any(word in _words(code) for code in _OTHERS)):
        return ()
    return tuple(best)


@lru_cache(maxsize=1024)
def _near(word: str) -> dict[str, int]:
    """Common words at the least distance there is, if that is small enough for the word's length."""
    most = 2 if len(word) >= LONG_WORD else 1
    letters = _letters(word)
    near = {
        other: distance
        for length in range(len(word) - most, len(word) + most + 1)
        for other, mask in _by_length().get(length, ())
        if (mask & ~letters).bit_count() <= most
        and (letters & ~mask).bit_count() <= most
        and (distance := edits(word, other, most)) <= most
    }
    least = min(near.values(), default=0)
    return {other: distance for other, distance in near.items() if distance == least}


def edits(one: str, other: str, most: int) -> int:
    """Insertions, deletions, exchanges and swaps of neighbours that make one the other; `most + 1` for more."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


def _letters(word: str) -> int:
    """One bit for each letter that occurs."""
    mask = 0
    for letter in word:
        mask |= 1 << (ord(letter) & 31)
    return mask


def _is_english(word: str) -> bool:
    stems = {word, *(word.removesuffix(end) for end in _ENDINGS if len(word) - len(end) >= LEAST_LETTERS)}
    american = {stem.replace(british, other) for stem in stems for british, other in _BRITISH}
    english = _english()
    return bool(stems & _TERMS) or any(w in english for w in stems | american) or _is_compound(word)


def _is_one_piece(word: str) -> bool:
    """A whole word to the tokenizer, as it stands in running text."""
    return any(len(tokens.encoding().encode_ordinary(form)) == 1 for form in (f" {word}", f" {word.capitalize()}"))


def _is_compound(word: str) -> bool:
    """Two common words of four letters and more, written as one."""
    common = _common()
    return any(
        word[:cut] in common and word[cut:] in common for cut in range(LEAST_LETTERS, len(word) - LEAST_LETTERS + 1)
    )


@cache
def _english() -> dict[str, int]:
    """Word to its occurrences in the dictionary's corpus."""
    return _load("en")


@cache
def _common() -> dict[str, int]:
    """Every word that may be suggested, with its letters."""
    plain = (w for w, n in _english().items() if n >= COMMON and w.isascii() and w.isalpha())
    return {w: _letters(w) for w in (*plain, *_TERMS)}


@cache
def _by_length() -> dict[int, list[tuple[str, int]]]:
    made: dict[int, list[tuple[str, int]]] = {}
    for word, letters in _common().items():
        made.setdefault(len(word), []).append((word, letters))
    return made


def _load(code: str) -> dict[str, int]:
    packed = resources.files("spellchecker").joinpath(f"resources/{code}.json.gz").read_bytes()
    loaded: dict[str, int] = orjson.loads(gzip.decompress(packed))
    return loaded


@cache
def _words(code: str) -> frozenset[str]:
    """The words of another language."""
    return frozenset(_load(code))
