"""Who does it, who may, what is done, what does it cover: subjects and objects."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataforge.teachers.extractive import english
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.clauses import Clause
from dataforge.teachers.extractive.scene import Scene
from dataforge.teachers.extractive.statements import Statement
from dataforge.teachers.extractive.verbs import base_of, past_of, third_person
from dataforge.teachers.extractive.wording import anchored, lower_first, with_adjunct
from dataforge.text.claims import content_words

_AGENT = re.compile(
    r"^(?P<before>(?:[^,]*? )??)by (?P<who>(?:the |a |an )?[A-Za-z][\w’' -]*?)(?P<after>$|,.*| (?:before|after|"
    r"within|at|on|in|for|during|every|as|to|when) .*)"
)
_PREPOSITIONAL = frozenset(
    [
        "depend on",
        "consist of",
        "apply to",
        "belong to",
        "lead to",
        "rely on",
        "result in",
        "relate to",
        "focus on",
        "deal with",
        "comply with",
        "contribute to",
        "specialise in",
        "specialize in",
        "start with",
        "begin with",
        "consist in",
        "concentrate on",
    ]
)
_VAGUE_WORDS = """
    be have do make take mean become say get go come find need want seem appear remain stay keep let put set give
    hold happen follow refer stand lie cost pay last start begin open close count fall rise run show use tell ask
    call name know think invite help cause lead see
    emerge occur arise exist die live arrive appear
"""
_VAGUE_VERBS = frozenset(_VAGUE_WORDS.split())
_MAKING_WORDS = """
    invent found write patent discover design develop create introduce direct paint compose propose coin build
    establish lead join marry publish win teach study warn argue describe note claim recruit order command conquer
    defeat appoint formulate translate preach persuade demonstrate observe calculate
"""
_MAKING = frozenset(_MAKING_WORDS.split())
_FULL_NAME = re.compile(r"^[A-Z][a-z]+(?: (?:[A-Z]\.|[A-Z][a-z]+)){1,3}$")
_ORGANISATIONS_WORDS = """
    Company Corporation Laboratories Labs Party University College School Union Army Navy Society Institute Group
    Systems Ferries Recycling Marine Bank Association Council Court Congress Parliament Empire Kingdom Republic
    States Inc Ltd
"""
_ORGANISATIONS = frozenset(_ORGANISATIONS_WORDS.split())
_NO_OBJECT = (
    english.PREPOSITIONS | english.RELATIVES | english.PRONOUNS | {"to", "not", "only", "its", "their", "his", "her"}
) - {
    "all",
    "both",
}
_NOUN_PHRASE = re.compile(
    r"^(?:(?:a|an|the|all|any|both|each|every|its|their|two|three|four|five|six|seven|eight|nine|ten|\d+) )?[\w’'-]+"
)
_ADJUNCT = re.compile(
    r" (?:(?:in|on|at|during|before|after|within|until|since) (?:the )?(?:\d|[A-Z]|end|beginning|first|last|"
    r"next|same|whole|event|case)"
    r"|per |every (?:\w+ )?(?:day|week|month|quarter|year|night|hour|time)|"
    r"once (?:a|per|every) |twice (?:a|per|every) |when |while |if ).*$"
)


def roles(statement: Statement, scene: Scene) -> Iterator[Candidate]:
    for clause in statement.clauses:
        yield from _who(statement, clause, scene)
        yield from _agent(statement, clause, scene)
        yield from _permission(statement, clause, scene)
        yield from _object(statement, clause, scene)
        yield from _duty(statement, clause, scene)


def is_person(phrase: str) -> bool:
    """Whether the head of a noun phrase is a role, a body or a person."""
    words = re.split(r" (?:of|in|on|for|at|who|that|with|from|under|over|between|ashore|and)\b", phrase)[0].split()
    return (bool(words) and english.singular(words[-1].casefold().strip(",")) in english.PEOPLE) or re.search(
        r"\bHead of [A-Z]|\b(?:Manager|Officer|Director|Team|Board|Committee)\b", phrase
    ) is not None


def _who(statement: Statement, clause: Clause, scene: Scene) -> Iterator[Candidate]:
    """The subject asked for: no inversion, so the safest of all questions."""
    only = clause.subject.startswith("Only ")
    subject = clause.subject.removeprefix("Only ")
    words = subject.split()
    named = all(w[:1].isupper() for w in words) and words[0].casefold() not in english.DETERMINERS | {"one"}
    named = named and not (len(words) == 1 and english.is_plural(words[0]))
    definite = only or words[0] in ("The", "Both", "the") or named
    if (
        english.is_number(subject.split()[0])
        or subject.split()[0] in ("At", "Up", "More")
        or subject in ("The company", "The firm", "The authors", "The Doctor")
        or len(set(content_words(clause.rest))) < 2
    ):
        return
    maker = clause.verb in _MAKING and _FULL_NAME.match(subject) and subject.split()[-1] not in _ORGANISATIONS
    if (
        (not maker and (not is_person(subject) or not definite))
        or " who " in subject
        or clause.negated
        or not clause.rest
    ):
        return
    if (clause.aux in english.BE and not clause.verb) or (clause.verb in ("have", "be") and not only):
        return
    finite = clause.finite
    if clause.aux == "do":
        finite = third_person(clause.verb)
    for plural, singular in (("are", "is"), ("were", "was"), ("have", "has")):
        finite = singular + finite[len(plural) :] if finite.split()[0] == plural else finite
    question = f"Who {finite} {_kernel(clause.rest)}?"
    asked = with_adjunct(clause.adjunct, question)
    yield Candidate(
        question=anchored(asked, statement.headings, scene),
        answer=statement.text,
        kind="person",
        difficulty="easy",
        evidence=statement.evidence,
        worth=0.9 if only else 0.85,
    )


def _kernel(rest: str) -> str:
    """Up to the first comma, unless the comma is one of an enumeration."""
    enumerated = re.match(r"[^,]+(?:, [^,]+)+ (?:and|or) [^,]+$", rest)
    return rest if enumerated else re.split(r", ", rest)[0]


def _agent(statement: Statement, clause: Clause, scene: Scene) -> Iterator[Candidate]:
    """ "Larger sums are decided by the Head of Service": who decides larger sums?"""
    verb, rest, modal = clause.verb, clause.rest, ""
    if verb == "be" and clause.aux in english.MODALS and rest:
        verb, rest, modal = rest.split()[0], " ".join(rest.split()[1:]), clause.aux
    base = base_of(verb, "participle")
    found = _AGENT.match(rest)
    if base is None or found is None or clause.negated or clause.aux not in english.BE | english.MODALS:
        return
    who = found["who"]
    if re.search(r"\b(?:Storm|Hurricane|Typhoon|War|Route|Highway|Act|Treaty)\b", who):
        return
    person = is_person(who) or bool(re.match(r"(?:[A-Z][\w’'-]++(?: |$)){2,}+$", who))
    if not person and base not in (
        "cause",
        "drive",
        "power",
        "trigger",
        "produce",
        "govern",
        "regulate",
        "fund",
        "separate",
    ):
        return
    if re.search(rf"\b(?:morning|evening|day|week|month|year|end|time|{english.MONTHS})\b|\d", who):
        return
    active = f"{modal} {base}" if modal else past_of(base) if clause.aux in ("was", "were") else third_person(base)
    before = found["before"].strip().removesuffix("only").strip()
    if "only" in before.split():
        return
    words = [("Who" if person else "What"), active, lower_first(clause.subject, scene), before, found["after"].strip()]
    question = " ".join(w for w in words if w).replace(" ,", ",") + "?"
    asked = with_adjunct(clause.adjunct, question)
    yield Candidate(
        question=anchored(asked, statement.headings, scene),
        answer=statement.text,
        kind="person" if person else "factual",
        difficulty="easy",
        evidence=statement.evidence,
        worth=0.9 if person else 0.65,
    )


def _permission(statement: Statement, clause: Clause, scene: Scene) -> Iterator[Candidate]:
    """Yes-no questions, where a rule says may, must not, cannot, is allowed or forbidden."""
    permitted = clause.verb in ("allowed", "permitted", "accepted", "refused") or clause.rest in (
        "forbidden",
        "prohibited",
    )
    rules = clause.aux in ("may", "can") or (permitted and clause.aux in ("is", "are"))
    if not rules or clause.adjunct or len(clause.rest.split()) + len(clause.subject.split()) < 3:
        return
    if clause.aux in ("may", "can") and not clause.negated and not (is_person(clause.subject) and clause.verb != "be"):
        return
    if (
        "only" in clause.rest.split()
        or clause.subject.startswith("Only")
        or re.search(r"\b(?:at most|at least|up to)\b", clause.rest)
    ):
        return
    denied = clause.negated or clause.rest in ("forbidden", "prohibited") or clause.verb == "refused"
    subject = lower_first(clause.subject, scene)
    verb, rest = clause.verb, clause.rest
    if rest in ("forbidden", "prohibited"):
        rest = "allowed"
    if rest.startswith(("or ", "and ")):
        return
    if verb == "refused":
        verb = "accepted"
    question = " ".join(w for w in (clause.aux.capitalize(), subject, verb, rest) if w) + "?"
    answer = f"{'No' if denied else 'Yes'}. {statement.text}"
    yield Candidate(
        question=anchored(question, statement.headings, scene),
        answer=answer,
        kind="yes-no",
        difficulty="easy",
        evidence=statement.evidence,
        worth=0.8 if denied else 0.7,
    )


def _object(statement: Statement, clause: Clause, scene: Scene) -> Iterator[Candidate]:
    """What does S cover? What the sentence says of the time stays in the question."""
    if (
        clause.negated
        or clause.aux in english.BE | english.HAVE
        or clause.verb in _VAGUE_VERBS
        or set(clause.subject.casefold().split()) & {"similar", "same", "such", "another", "other"}
        or clause.subject.startswith("Only ")
        or "only" in clause.rest.split()
    ):
        return
    rest, kept = clause.rest, ""
    preposition = rest.split(" ")[0]
    if f"{clause.verb} {preposition}" in _PREPOSITIONAL:
        kept, rest = f" {preposition}", rest[len(preposition) + 1 :]
    if not _is_object(rest):
        return
    enumerated = ("," in rest and " and " in rest) or " or " in rest
    question = f"What {clause.aux} {lower_first(clause.subject, scene)} {clause.verb}{kept}{_time(rest)}?"
    asked = anchored(with_adjunct(clause.adjunct, question), statement.headings, scene)
    if len(set(content_words(asked))) < 3:
        asked = anchored(with_adjunct(clause.adjunct, question), statement.headings, scene, always=True)
        if len(set(content_words(asked))) < (3 if clause.subject.startswith("The ") else 2):
            return
    kind, difficulty, worth = ("list", "medium", 0.8) if enumerated else ("factual", "easy", 0.6)
    yield Candidate(
        question=asked,
        answer=statement.text,
        kind=kind,
        difficulty=difficulty,  # type: ignore[arg-type]
        evidence=statement.evidence,
        worth=worth,
    )


def _is_object(rest: str) -> bool:
    """A noun phrase of two words or more, not a person, not somebody's own."""
    words = rest.split()
    first = words[0].casefold().strip(",") if words else ""
    if first in (
        "more",
        "most",
        "deep",
        "far",
        "well",
        "less",
        "ever",
        "east",
        "west",
        "north",
        "south",
        "regarding",
        "concerning",
        "better",
        "worse",
        "high",
        "low",
        "either",
        "so",
    ):
        return False
    if len(words) < 2 or first in _NO_OBJECT or first in english.ADVERBS or first.endswith("ly"):
        return False
    person = "," not in rest and is_person(rest)
    return not english.is_number(first) and _NOUN_PHRASE.match(rest) is not None and not person


def _time(rest: str) -> str:
    """The phrase of time after an object of two words or more, with the blank before it; or nothing."""
    found = _ADJUNCT.search(rest)
    before = rest[: found.start()].split() if found else []
    if not found or len(before) < 2 or set(before) & (english.RELATIVES | {"and", "to"}) or "," in rest[: found.end()]:
        return ""
    return found.group()


def _duty(statement: Statement, clause: Clause, scene: Scene) -> Iterator[Candidate]:
    """ "A crew member who takes a medicine tells the master": what must a crew member who ... do?"""
    if (
        not re.search(r" (?:who|whose) ", clause.subject)
        or clause.negated
        or clause.adjunct
        or clause.verb in ("be", "have", "")
    ):
        return
    if clause.aux not in ("does", "do", "must", "may", "should", "can"):
        return
    time = re.search(r" (?:before|after|when) .*$", clause.rest)
    tail = time.group() if time else ""
    question = f"What {clause.aux} {lower_first(clause.subject, scene)} do{tail}?"
    yield Candidate(
        question=anchored(question, statement.headings, scene),
        answer=statement.text,
        kind="condition",
        difficulty="medium",
        evidence=statement.evidence,
        worth=0.9,
    )
