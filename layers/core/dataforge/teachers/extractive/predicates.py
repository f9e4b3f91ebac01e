"""What a clause says of its subject, in one shape whatever the tense: voice, base verb, the words that stay behind the
subject in a question, and the rest. And how a candidate is offered from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dataforge.records import Difficulty
from dataforge.teachers.extractive import english
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.clauses import Clause
from dataforge.teachers.extractive.roles import is_person
from dataforge.teachers.extractive.scene import Scene
from dataforge.teachers.extractive.statements import Statement
from dataforge.teachers.extractive.verbs import base_of
from dataforge.teachers.extractive.wording import anchored, lower_first, topic, with_adjunct
from dataforge.text.claims import content_words

_BLANK_WORDS = """
    company firm result term number city system process method case way thing example problem idea study
    report author result rest latter former majority name group following goal aim purpose reason effect change issue
    work period time year day place area country state region nation organization organisation committee
    one ones most many some few both all others such work use first second third approach model event
    user users option options team people practice concept theory series show film book university school
    language war law act treaty plan project program programme movement government population economy reference
    phase stage announcement decision reduction increase principle network position
"""
_BLANK = frozenset(_BLANK_WORDS.split())
_NO_PHRASE = (
    english.PREPOSITIONS | english.RELATIVES | english.PRONOUNS | english.CONDITIONS | {"and", "or", "ever"}
) - {"all", "both", "one"}
_IDLE = re.compile(
    r"(?:the )?(?:example|instance|part|addition|general|fact|course|order|case|time|advance|detail|same|own|"
    r"least|most|"
    r"first|last|well|such|way|end|place|turn|practice|particular|effect|view|favor|favour|use|return|front|spite|"
    r"contrast|common|total|default|it|them|him|her|this|these|those|that)\b(?! of\b)"
)
QUANTIFIERS = frozenset(
    [
        "to",
        "and",
        "or",
        "no",
        "a",
        "an",
        "the",
        "many",
        "much",
        "several",
        "various",
        "some",
        "few",
        "more",
        "most",
        "less",
        "any",
        "both",
        "all",
        "two",
        "three",
        "four",
        "five",
        "numerous",
        "different",
        "little",
        "enough",
        "each",
        "every",
    ]
)
Voice = Literal["active", "passive", "copula"]


@dataclass(frozen=True, slots=True)
class Predicate:
    voice: Voice
    base: str
    """Base form of the full verb; "be" for a copula."""
    head: str
    """What follows the subject in a question: "feed", "split", "be split", "been working"."""
    rest: str


def predicate(clause: Clause) -> Predicate | None:
    """None where the reading is not sure enough to ask about it."""
    verb, rest = clause.verb.casefold(), clause.rest
    first, _, after = rest.partition(" ")
    if clause.aux in english.BE:
        if verb:
            return _of("passive", "participle", verb, verb, rest)
        if first in ("being", "having"):
            return None
        if first.endswith("ing") and base_of(first, "gerund"):
            return _of("active", "gerund", first, first, after)
        return Predicate("copula", "be", "", rest)
    if clause.aux in english.HAVE:
        if verb != "been":
            return _of("active", "participle", verb, verb, rest)
        if base_of(first, "participle"):
            return _of("passive", "participle", first, f"been {first}", after)
        if base_of(first, "gerund"):
            return _of("active", "gerund", first, f"been {first}", after)
        return Predicate("copula", "be", "been", rest)
    if verb == "be":
        if base_of(first, "participle"):
            return _of("passive", "participle", first, f"be {first}", after)
        return Predicate("copula", "be", "be", rest)
    if verb == "have" and clause.aux in english.MODALS and base_of(first, "participle"):
        return None
    return _of("active", "base", verb, clause.verb, rest)


def _of(
    voice: Voice, form: Literal["base", "participle", "gerund"], word: str, head: str, rest: str
) -> Predicate | None:
    base = base_of(word, form)
    return Predicate(voice, base, head, rest) if base else None


def known(subject: str, headings: tuple[str, ...], scene: Scene) -> bool:
    """Whether a reader without the passage can tell what the subject is: "the committee" alone tells nothing."""
    words = [w.strip(",'’\"").casefold() for w in subject.split()]
    content = [w for w in content_words(subject) if w.casefold() not in _BLANK and not english.is_number(w)]
    if subject.casefold() == "the authors":
        return True
    if not content and words[0] == "the" and len(words) == 2 and not english.is_number(words[1]):
        return topic(headings, scene) is not None
    if not content or words[0] in ("other", "another", "some", "others", "its", "their", "his", "her", "either", "two"):
        return False
    if words[-1] in english.PRONOUNS or words[0] in ("he", "she", "we", "i"):
        return False
    if {"similar", "same", "such", "however", "but", "this", "these", "that"} & set(words):
        return False
    proper = any(w[:1].isupper() for w in subject.split()[1:]) or (
        subject.split()[0] in scene.proper_words and words[0] not in english.DETERMINERS
    )
    if words[0] == "the" and not proper and len(set(content)) < 2:
        return topic(headings, scene) is not None
    return True


def is_phrase(text: str) -> bool:
    """Whether a noun phrase begins here that is worth asking for."""
    words = text.split()
    first = words[0].casefold().strip(",") if words else ""
    return (
        bool(first)
        and first not in _NO_PHRASE
        and first not in english.ADVERBS
        and not first.endswith("ly")
        and first[0].isalnum()
        and not _IDLE.match(text.casefold())
        and bool(content_words(text))
    )


def offer(
    statement: Statement,
    clause: Clause,
    question: str,
    scene: Scene,
    *,
    kind: str = "factual",
    worth: float = 0.6,
    difficulty: Difficulty = "easy",
) -> Iterator[Candidate]:
    """question: with the clause's subject in it as written. Nothing when the subject or the adjunct cannot stand."""
    if clause.subject.startswith("Only ") or not known(clause.subject, statement.headings, scene):
        return
    asked = question.replace(f" {clause.subject}", f" {lower_first(clause.subject, scene)}", 1)
    asked = with_adjunct(clause.adjunct, re.sub(r"\s+", " ", asked).replace(" ?", "?"))
    if asked and len(set(content_words(asked))) > 1:
        few = len(set(content_words(asked))) < 3 and not any(w[:1].isupper() for w in clause.subject.split()[1:])
        blank = clause.subject.split()[-1].casefold() in _BLANK
        final = anchored(asked, statement.headings, scene, always=few or blank)
        if blank and len(clause.subject.split()) == 2 and final == asked:
            return
        yield Candidate(
            question=final,
            answer=statement.text,
            kind=kind,
            difficulty=difficulty,
            evidence=statement.evidence,
            worth=worth,
        )


def without_adverbs(rest: str) -> str:
    """ "primarily in offices" -> "in offices"."""
    words = rest.split()
    while len(words) > 1 and (
        words[0].casefold() in english.ADVERBS - {"all", "both", "first"} or words[0].endswith("ly")
    ):
        words = words[1:]
    return " ".join(words)


def ask(c: Clause, lead: str, tail: str) -> str:
    return f"{lead} {c.aux} {c.subject} {tail}".strip() + "?"


def is_askable(phrase: str) -> bool:
    first = phrase.split()[0].casefold() if phrase else ""
    if first in ("and", "or", "ever", "regarding", "concerning", "how", "as"):
        return False
    return is_phrase(phrase) and not english.is_number(first) and not (is_person(phrase) and "," not in phrase)
