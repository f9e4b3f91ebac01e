"""What loosens the nut, which ducks forage underwater: the subject asked for, without inversion; and yes-no."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataforge.teachers.extractive import clauses, english
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.clauses import Clause
from dataforge.teachers.extractive.predicates import is_phrase, known, offer, predicate
from dataforge.teachers.extractive.roles import is_person
from dataforge.teachers.extractive.scene import Scene
from dataforge.teachers.extractive.statements import Statement
from dataforge.teachers.extractive.verbs import base_of, third_person
from dataforge.teachers.extractive.wording import anchored, with_adjunct
from dataforge.text.claims import content_words

_VAGUELY = frozenset(["no", "few", "some", "many", "most"])
_COUNTS = frozenset(["many", "several", "various", "much", "number", "default"])
_SINGULAR = {"are": "is", "were": "was", "have": "has", "do": "does"}
_HEDGED = re.compile(
    r"\b(?:just|only|merely|necessarily|always|simply|also|until|unless|except|however|rather|either|both)\b"
)
_THERE = re.compile(
    rf"^There (?P<be>is|are|was|were) (?:(?:{english.QUANTIFIER}) )?(?P<n>{english.NUMBER}) "
    r"(?P<what>[a-z-]+(?: [a-z-]+){0,3}?) "
    r"(?P<where>(?:in|on|at|within|across|throughout|between|of|for) [^,;]+)"
)


def subjects(statement: Statement, scene: Scene) -> Iterator[Candidate]:
    for clause in statement.clauses:
        if not clause.negated:
            yield from _asked(statement, clause, scene)
    yield from _there(statement, scene)


def _asked(statement: Statement, clause: Clause, scene: Scene) -> Iterator[Candidate]:
    said = predicate(clause)
    subject = clause.subject
    words = subject.split()
    if said is None or said.voice == "copula" or not _is_answer(subject, statement, scene):
        return
    rest = _tail(clause.rest)
    if rest.startswith("a long way") or re.search(r"\b(?:similar|same) ", rest):
        return
    content = [w for w in content_words(rest) if not english.is_number(w) and w not in _COUNTS]
    if len(content) < 2 or not (is_phrase(rest) or rest.split()[0] in english.PREPOSITIONS):
        return
    if re.match(r"(?:that|which|who|what|how|why|whether)\b", rest) or is_person(subject):
        return
    lead, finite = "What", clause.finite
    plain = re.sub(r"^(?:the|these|all|most|many|some|several|both) ", "", subject, flags=re.IGNORECASE).split()
    short = len(plain) in (2, 3) and not re.search(r" (?:of|and|or|in|on|for|to|with|from) |,", subject)
    if clause.plural and short and english.is_plural(plain[-1]) and plain[-1].islower():
        lead = f"Which {plain[-1]}"
    if lead == "What":
        first, _, after = finite.partition(" ")
        finite = f"{_SINGULAR.get(first, first)} {after}".strip() if first in _SINGULAR else finite
        if clause.aux == "do":
            finite = third_person(clause.verb)
    asked = with_adjunct(clause.adjunct, f"{lead} {finite} {rest}?".replace("  ", " "))
    if asked and words:
        yield Candidate(
            question=anchored(asked, statement.headings, scene),
            answer=statement.text,
            kind="factual",
            difficulty="easy",
            evidence=statement.evidence,
            worth=0.55,
        )


def _is_answer(subject: str, statement: Statement, scene: Scene) -> bool:
    """A short noun phrase that tells something; what may be a person's name is not asked for with "what"."""
    words = subject.split()
    if len(words) > 9 or not known(subject, statement.headings, scene) or english.is_number(words[0]):
        return False
    if words[0].casefold() in ("the", "a", "an") and len(content_words(subject)) < 2:
        return False
    if all(w[:1].isupper() for w in words) and not (len(words) == 1 and english.is_plural(words[0])):
        return False
    alone = words[0].casefold() not in scene.lower_words if len(words) == 1 else False
    if (
        alone
        or any(english.singular(w.casefold().strip(",")) in english.PEOPLE for w in words)
        or words[-1].endswith(("ist", "ists"))
    ):
        return False
    names = [w for w in words[1:] if w[:1].isupper()]
    return not (names and words[-1][:1].isupper() and words[0].casefold() != "the")


def _tail(rest: str) -> str:
    enumerated = re.match(r"[^,]+(?:, [^,]+)+,? (?:and|or) [^,]+$", rest)
    second = rest.partition(", ")[2].split()
    if second and (base_of(second[0], "past") or base_of(second[0], "gerund") or base_of(second[0], "third")):
        enumerated = None
    if dated := re.match(r"[^,]*\d, \d{4}(?=,|$)", rest):
        return dated.group()
    short = rest if enumerated else re.split(r",(?!\d)|;| (?:which|who|whose|because|while|although|since) ", rest)[0]
    return short.strip()


def pointed(statement: Statement, scene: Scene) -> Iterator[Candidate]:
    """ "These machines were used in offices": which machines? The sentence before tells."""
    text = _last(statement)
    alone = re.match(r"This (?=[a-z]+(?:s|ed|d) |led |made |gave |can |may |is |was |has )", text)
    clause = clauses.read(f"The matter {text[alone.end() :]}") if alone else None
    lead = "What"
    if clause is None or clause.subject != "The matter":
        clause = statement.clauses[0] if statement.clauses else None
        found = clause and re.fullmatch(r"(?:This|These) ((?:[a-z-]+ ){0,2}[a-z-]+)", clause.subject)
        if not clause or not found or clause.adjunct:
            return
        lead = f"Which {found.group(1)}"
    said = predicate(clause)
    rest = _tail(clause.rest)
    if said is None or clause.negated or said.voice == "copula" or len(set(content_words(rest))) < 2:
        return
    if said.base in ("mean", "say", "seem") or lead.split()[-1] in ("case", "way", "reason", "time", "period", "word"):
        return
    question = anchored(f"{lead} {clause.finite} {rest}?", statement.headings, scene)
    yield Candidate(
        question=question,
        answer=statement.text,
        kind="factual",
        difficulty="medium",
        evidence=statement.evidence,
        worth=0.55,
    )


def _last(statement: Statement) -> str:
    """The second of two sentences, as it stands in the text."""
    found = re.search(r"[.!?][\"”’)]* ((?:This|These) .*)$", statement.text)
    return found.group(1) if found else ""


def _there(statement: Statement, scene: Scene) -> Iterator[Candidate]:
    found = _THERE.match(statement.text)
    if not found or found["n"].casefold() in ("one", "half a", "half an"):
        return
    question = f"How many {found['what']} {found['be']} there {found['where'].rstrip(' .')}?"
    if known(f"the {found['what']} {found['where']}", statement.headings, scene):
        yield Candidate(
            question=anchored(question, statement.headings, scene),
            answer=statement.text,
            kind="numeric",
            difficulty="easy",
            evidence=statement.evidence,
            worth=0.85,
        )


def polar(statement: Statement, scene: Scene) -> Iterator[Candidate]:
    """Yes-no by inversion of the main clause; what is denied is worth more, so that a dataset does not learn yes."""
    clause = statement.clauses[0] if statement.clauses else None
    if clause is None or clause.adjunct or clause.subject.split()[0].casefold() in _VAGUELY:
        return
    said = predicate(clause)
    if said is None or len(clause.rest.split()) < 2 or _HEDGED.search(f"{clause.subject} {clause.rest}"):
        return
    if not clause.negated and clause.aux not in ("is", "are", "was", "were", "has", "have", "can", "must"):
        return
    if not clause.negated and said.voice == "copula" and clause.rest.startswith("the "):
        return
    rest = re.split(r" but | rather than |, | because | such as | instead of |;", clause.rest)[0]
    if len(rest.split()) < 2 or (not clause.negated and rest != clause.rest):
        return
    question = " ".join(w for w in (clause.aux.capitalize(), clause.subject, clause.verb, rest) if w) + "?"
    if re.match(r"(?:and|or|that|so)\b", rest) or (clause.verb and base_of(clause.verb, "gerund")):
        return
    for made in offer(statement, clause, question, scene, kind="yes-no", worth=0.6 if clause.negated else 0.3):
        yield Candidate(
            question=made.question,
            answer=f"{'No' if clause.negated else 'Yes'}. {made.answer}",
            kind=made.kind,
            difficulty=made.difficulty,
            evidence=made.evidence,
            worth=made.worth,
        )
