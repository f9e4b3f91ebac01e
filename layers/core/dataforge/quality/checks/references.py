"""Does the record stand alone: it refers to no text, thing or person that its reader does not have."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.checks.wording import (
    LONGEST_QUESTION,
    brings_text,
    content,
    determiners,
    exchanges,
    first_match,
)
from dataforge.text.languages.phrases import phrases_of
from dataforge.text.languages.word_order import order_of
from dataforge.text.normal_forms import Word, flattened, words

_EXPLETIVE_BEFORE = frozenset(["is", "was", "does", "will", "would", "can", "may", "can", "could", "has", "if", "how"])
_EXPLETIVE = re.compile(
    r"\bit (?:is |be |was )?(?:\w+ )?(?:possible|necessary|allowed|permitted|important|take|takes|cost|mean|"
    r"required|forbidden|"
    r"advisable|enough|legal|true|raining|correct|safe|okay|worth)\b|\b(?:does|will|did|would) it (?:take|cost|"
    r"mean|matter)\b|"
    r"\bit comes to\b|\bthere (?:is|are|was|were|be|exist)|(?:is|are|was|were|be|been) there\b|"
    r"\b(?:gibt|ist|sind|wird|war|kommt|dauert|geht|handelt|bedarf|braucht|gilt|heißt|bedeutet|muss|darf|"
    r"kann) es\b|\bes (?:gibt|ist|"
    r"möglich|erlaubt|sich)|\b(?:y a-t-il|faut-il|est-il (?:\w+ )?(?:possible|permis|interdit|nécessaire|"
    r"obligatoire|recommandé)|"
    r"(?:ما|من|أين|متى) (?:هو|هي|هم|هن|عليه)|s'agit-il|se passe-t-il|il (?:faut|y a|est|s'agit|suffit)|"
    r"arrive-t-il|convient-il)\b",
    re.IGNORECASE,
)
_PERSONAL: dict[str, frozenset[str]] = {
    "en": frozenset(["it", "they", "them", "he", "she", "him", "their", "its", "latter", "former"]),
    "de": frozenset(
        ["er", "sie", "es", "ihn", "ihm", "ihnen", "davon", "dabei", "damit", "dafür", "daran", "darin", "darüber"]
    ),
    "fr": frozenset(["elle", "elles", "ils", "eux", "celui-ci", "celle-ci", "ceux-ci", "celles-ci", "cela", "ceci"]),
    "es": frozenset(["él", "ellos", "ellas", "ella", "eso", "esto", "ello"]),
    "pt": frozenset(["ele", "ela", "eles", "elas", "isso", "isto", "dele", "dela", "deles", "delas"]),
    "it": frozenset(["lui", "loro", "essi", "esse", "egli", "ella", "ciò", "lei"]),
    "nl": frozenset(["hij", "zij", "hem", "hen", "ervan", "daarvan", "ermee", "daarmee"]),
    "pl": frozenset(["on", "ona", "oni", "one", "ich", "im", "nim", "nich", "niej", "nią", "temu", "tego"]),
    "ar": frozenset(
        [
            "هو",
            "هي",
            "هم",
            "هن",
            "هما",
            "عددهم",
            "منهم",
            "منها",
            "منه",
            "فيها",
            "فيه",
            "عنها",
            "عنه",
            "لهم",
            "بها",
            "به",
            "إليها",
            "إليه",
            "عليهم",
            "عليها",
            "عليه",
            "ذلك",
            "تلك",
        ]
    ),
    "hi": frozenset(
        [
            "वह",
            "वे",
            "उसे",
            "उन्हें",
            "इसे",
            "इन्हें",
            "उसका",
            "उसके",
            "उसकी",
            "उनका",
            "उनके",
            "उनकी",
            "इसका",
            "इसके",
            "इसकी",
            "इनका",
            "इनके",
            "इनकी",
            "उसमें",
            "इसमें",
            "उनमें",
            "उन्होंने",
            "उसने",
        ]
    ),
}
_POSSESSIVE = frozenset(["its", "their", "उसका", "उसके", "उसकी", "उनका", "उनके", "उनकी", "इसका", "इसके", "इसकी"])
"""Of the thing that is asked for, as soon as the question says something of it: "what carries its name"."""
_FRENCH_EN = re.compile(
    r"^(?:qui|que|combien|quand|où|quel\w*|comment|pourquoi|et)?\b.{0,12}\ben (?:est|sont|a|ont|faut|fait|a-t)\b",
    re.IGNORECASE,
)
_CJK_OPENING = re.compile(
    r"^(?:那么|那麼|那|请问|請問|如果|为什么|為什麼|为何|什么时候|何时|では|じゃあ)?[,，、]?(?:他们|她们|它们|他們|她們|它們|他|她|它|前者|后者|後者|这个|這個|"
    r"那个|那個|这些|這些|那些|此项|该项|彼ら|彼女|彼は|それ(?!ぞれ|以)|これ(?!から)|そこ(?!そ)|その(?:場合|時|とき|際))"
)


def _refers_to_passage(record: CheckedRecord) -> Signal | None:
    """Who reads the record has no passage. A request may speak of the text that it brings along, a later turn of what
    was said before."""
    for n, (asked, said) in enumerate(exchanges(record)):
        own = brings_text(record)
        for text in (said,) if own else (asked, said):
            found = first_match((p.refers for p in record.phrases), flattened(text[:4000]))
            if not found and n == 0 and not own:
                found = first_match((p.points_back for p in record.phrases), _opening(text))
            if found:
                return Signal(words=(found.group().strip(),))
    return None


def _opening(text: str) -> str:
    """The first lines: further down, "as stated above" points to the answer itself."""
    return flattened(text[:200])


def _dangling_reference(record: CheckedRecord) -> Signal | None:
    """A pronoun, or "this programme", with nothing before it that it could stand for."""
    question = flattened(record.request)
    if brings_text(record) or len(question) > LONGEST_QUESTION:
        return None
    for language, phrases in zip(record.languages, record.own_phrases, strict=True):
        found = phrases.pointing.search(question)
        if found and not _has_antecedent(question[: found.start()], language):
            return Signal(words=(found.group(),))
        if word := _dangling(question, language):
            return Signal(words=(word,))
    return None


def _dangling(question: str, language: str) -> str | None:
    if language in ("zh", "ja"):
        opening = _CJK_OPENING.match(question)
        return opening.group() if opening else None
    if language == "fr" and (en := _FRENCH_EN.search(question)) and not _has_antecedent(en.group()[:-6], language):
        return en.group()
    expletive = [m.span() for m in _EXPLETIVE.finditer(question)]
    for word in words(question):
        if word.folded not in _PERSONAL.get(language, ()) or any(a <= word.start < b for a, b in expletive):
            continue
        if language == "de" and word.start and question[word.start].isupper():
            continue  # the polite "Sie"
        owner = word.folded in _POSSESSIVE and content(question[: word.start], (language,))
        if not owner and not _has_antecedent(question[: word.start], language):
            return question[word.start : word.end]
    return None


def _has_antecedent(before: str, language: str) -> bool:
    """A noun with its article, a name, a plural after its verb, or two words that carry meaning."""
    said = words(before)
    phrases = phrases_of(language)
    vague = phrases.vague if phrases else frozenset[str]()
    if _is_named(before, said) or len([w for w in content(before, (language,)) if w not in vague]) > 1:
        return True
    order = order_of(language)
    return any(
        content(b.folded, (language,))
        and (a.folded in determiners(language) or (a.folded in order.auxiliaries and b.folded.endswith("s")))
        for a, b in pairwise(said)
    )


def _is_named(before: str, said: Iterable[Word]) -> bool:
    return any(n > 0 and (before[w.start].isupper() or before[w.start].isdigit()) for n, w in enumerate(said))


CHECKS: dict[str, Check] = {
    "refers_to_passage": Check(_refers_to_passage, "review", "It refers to a text that its reader does not have"),
    "dangling_reference": Check(_dangling_reference, "review", "It refers to something that was not named"),
}
