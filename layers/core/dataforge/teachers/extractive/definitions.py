"""What is X? What does X mean? What does ABC stand for? How do X and Y differ?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from dataforge.teachers.extractive import english
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.clauses import Clause
from dataforge.teachers.extractive.scene import Scene
from dataforge.teachers.extractive.statements import Statement
from dataforge.teachers.extractive.wording import anchored, lower_first

_COMPLEMENT = re.compile(r"(?:a|an|the|any|another|one of|part of|two|three) \S+ ")
_EMPTY = frozenset(
    [
        "result",
        "reason",
        "aim",
        "goal",
        "purpose",
        "answer",
        "problem",
        "idea",
        "cause",
        "limit",
        "word",
        "name",
        "rest",
        "time",
        "point",
    ]
)
_ORDINARY = re.compile(r"(?:the|a) (?:same|case|reason|result|number|following|fact|lot|must)\b")
_SUPERLATIVE = re.compile(
    r"the ((?:second |third )?(?:\w+est|most \w+|least \w+|first|last|only|main|oldest|best|worst)"
    r"(?: (?:[a-z-]+ly )?[a-z-]+)? [a-z-]+)( (?:in|of|on|with|to|for|from|by) .+)?$"
)
_CALLED = re.compile(
    r".*\b((?:the|a|an) [a-z][a-z -]{2,40}?), (?:which is |which are )?(?:called|known as|named) [A-Z\"“]"
)
_MEANING = {
    "mean": "mean",
    "refer": "refer to",
    "denote": "denote",
    "represent": "represent",
    "describe": "describe",
    "stand": "stand for",
    "signify": "signify",
}
_SHORT = re.compile(
    r"\b((?:[A-Z][\w’'-]+|of|and|for|the|in|on|&|to)(?:[ -](?:[A-Z][\w’'-]+|of|and|for|the|in|on|&|to)){1,7}) "
    r"\(([A-Z][A-Za-z&]{1,7})\)"
)


def definitions(statement: Statement, scene: Scene) -> Iterator[Candidate]:
    yield from _named(statement, scene)
    if not statement.clauses:
        return
    clause = statement.clauses[0]
    if clause.adjunct or clause.negated:
        return
    if clause.aux in english.BE and not clause.verb:
        yield from _complement(statement, clause, scene)
    elif clause.verb in _MEANING and clause.aux in ("does", "do"):
        preposition = _MEANING[clause.verb].partition(" ")[2]
        if clause.rest.startswith(preposition):
            question = clause.ask("What", "").rstrip("?") + f" {preposition}".rstrip() + "?"
            yield _pair(statement, _lowered(question, clause, scene), "definition", 0.9)


def _complement(statement: Statement, clause: Clause, scene: Scene) -> Iterator[Candidate]:
    rest, subject = clause.rest, lower_first(clause.subject, scene)
    best = _SUPERLATIVE.match(rest.split(",")[0])
    if best and " and " not in clause.subject:
        who = _is_person(best.group(1).split()[-1])
        question = f"{'Who' if who else 'What'} {clause.aux} the {best.group(1)}{best.group(2) or ''}?"
        yield _pair(statement, anchored(question, statement.headings, scene), "factual", 0.85)
        return
    if not _COMPLEMENT.match(rest + " ") or _ORDINARY.match(rest) or len(rest.split()) < 3:
        return
    words = clause.subject.split()
    if (
        words[-1].casefold() in _EMPTY
        or len(words) > 6
        or " that " in clause.subject
        or " who " in clause.subject
        or english.is_number(words[0])
    ):
        return
    general = words[0].casefold() in ("a", "an") or words[0].casefold() not in english.DETERMINERS
    person = _is_person(words[-1]) or _names_person(clause.subject, rest)
    question = f"{'Who' if person else 'What'} {clause.aux} {subject}?"
    always = not general or (person and not clause.subject[:1].isupper())
    asked = anchored(question, statement.headings, scene) if always else question
    yield _pair(statement, asked, "definition" if general else "factual", 1.0 if general else 0.75)


def _names_person(subject: str, rest: str) -> bool:
    """A name of two capitals that "is a" person."""
    words = subject.split()
    head = re.split(r" (?:of|in|on|who|that|which|from|with|for|at|and)\b|,", rest)[0].split()
    return 1 < len(words) < 5 and all(w[:1].isupper() for w in words) and words[0] != "The" and _is_person(head[-1])


def _is_person(noun: str) -> bool:
    return english.singular(noun.casefold().strip(",.")) in english.PEOPLE - english.BODIES


def _named(statement: Statement, scene: Scene) -> Iterator[Candidate]:
    for found in _SHORT.finditer(statement.text):
        long = _expansion(found.group(1), found.group(2))
        if long:
            yield Candidate(
                question=f"What does {found.group(2)} stand for?",
                answer=f"{found.group(2)} stands for {long}.",
                kind="definition",
                difficulty="easy",
                evidence=statement.evidence[-1:],
                worth=0.8,
            )
    called = _CALLED.match(statement.text)
    if called and not set(called.group(1).split()) & english.PREPOSITIONS:
        question = anchored(f"What is {called.group(1)} called?", statement.headings, scene)
        yield _pair(statement, question, "factual", 0.75)


def _expansion(words: str, short: str) -> str | None:
    """The words whose initials make the abbreviation, taken from the right."""
    parts = re.split(r"[ -]", words)
    letters = [c for c in short if c.isupper()]
    for start in range(len(parts)):
        initials = [p[0] for p in parts[start:] if p[:1].isupper()]
        if initials == letters and parts[start][:1].isupper() and len(letters) > 1:
            return words[words.index(parts[start]) :]
    return None


def differences(statements: Sequence[Statement], scene: Scene) -> Iterator[Candidate]:
    """Two terms defined side by side in one paragraph: what tells them apart takes both sentences."""
    defined = [
        (s, s.clauses[0])
        for s in statements
        if s.clauses
        and s.clauses[0].aux in ("is", "are")
        and not s.clauses[0].verb
        and not s.clauses[0].adjunct
        and re.match(r"(?:A|An|The) ", s.clauses[0].subject)
        and len(s.clauses[0].subject.split()) < 5
        and re.match(r"(?:a|an|the|valid|one|two) ", s.clauses[0].rest)
        and not s.clauses[0].negated
    ]
    for (first, a), (second, b) in pairwise(defined):
        heads = a.subject.split()[-1], b.subject.split()[-1]
        if first.paragraph != second.paragraph or a.aux != b.aux or a.subject.split()[0] != b.subject.split()[0]:
            continue
        if heads[0] != heads[1] and a.rest.split()[:2] != b.rest.split()[:2]:
            continue
        names = lower_first(a.subject, scene), lower_first(b.subject, scene)
        yield Candidate(
            question=f"What is the difference between {names[0]} and {names[1]}?",
            answer=f"{first.text} {second.text}",
            kind="comparison",
            difficulty="hard",
            evidence=(*first.evidence, *second.evidence),
            worth=0.9,
        )


def _lowered(question: str, clause: Clause, scene: Scene) -> str:
    return question.replace(clause.subject, lower_first(clause.subject, scene), 1)


def _pair(statement: Statement, question: str, kind: str, worth: float) -> Candidate:
    return Candidate(
        question=question, answer=statement.text, kind=kind, difficulty="easy", evidence=statement.evidence, worth=worth
    )
