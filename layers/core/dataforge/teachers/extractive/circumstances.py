"""What happens if, under what condition, why, how, where: the clauses and phrases around a statement."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataforge.teachers.extractive import clauses, english
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.clauses import Clause
from dataforge.teachers.extractive.roles import is_person
from dataforge.teachers.extractive.scene import Scene
from dataforge.teachers.extractive.statements import Statement
from dataforge.teachers.extractive.verbs import base_of
from dataforge.teachers.extractive.wording import anchored, lower_first, with_adjunct

_BECAUSE = re.compile(r"(?:,? because(?! of\b)|, (?:as|since) (?=its? |their |they |the |most |there ))\s?")
_BECAUSE_OF = re.compile(r",? (?:because of|due to|owing to|thanks to) ")
_PROVIDED = re.compile(r",? (?:(?:only |even )?if|provided(?: that)?|as long as|on condition that) ")
_TRAILING_WHEN = re.compile(
    r" (?P<word>when|once|where|as soon as|whenever) (?=(?:a|an|the|it|they|all|any|no|both|one|there) )"
)
_MEANS = re.compile(
    r"\b(?:by (?!(?:the|a|an|its|their|any|no|\d)\b)(?:\w+ing\b|telephone|phone|mail|e-?mail|post|radio|car|rail|"
    r"train|hand|eye|law|name)"
    r"|with (?:the )?form\b|via\b|using\b|by means of|with the help of|in writing\b|online\b|electronically\b)"
)
_PLACES_WORDS = """
    locate base headquarter keep store find hold sell park place display serve situate record collect publish bury
    build produce manufacture house position post stow install wear file enter list
"""
_PLACES = frozenset(_PLACES_WORDS.split())
_PLACE = re.compile(
    r"^(?P<before>(?:[a-z]+ly )?)(?P<p>in|at|on|behind|beside|under|near|outside|inside|next to|between) "
    r"(?=(?:the|a|an|its|their|every|each|both|lane|deck|[A-Z]))(?P<where>[^,]+)$"
)


def circumstances(statement: Statement, scene: Scene) -> Iterator[Candidate]:
    yield from _leading_condition(statement, scene)
    if not statement.clauses:
        return
    first = statement.clauses[0]
    for make in (_reason, _trailing_condition):
        yield from make(statement, first, scene)
    for clause in statement.clauses:
        yield from _means(statement, clause, scene)
        yield from _where(statement, clause, scene)


def _leading_condition(statement: Statement, scene: Scene) -> Iterator[Candidate]:
    adjunct, main = clauses.split_adjunct(statement.text)
    words = adjunct.split()
    if len(words) > 1 and words[1] in ("not", "needed", "necessary", "required", "available"):
        return
    if not words or words[0].casefold() not in ("if", "when", "once", "where", "unless") or len(words) < 3:
        return
    if re.match(r"(?:They|It|This|These|He|She) ", main) and not re.search(r"\b(?:an?|one|no|any) ", adjunct):
        return
    condition = adjunct[0].lower() + adjunct[1:]
    clause = clauses.read(main)
    nested = re.match(r"(?:For|In|On|Under|To|At|From) [^,]+, ([a-z]+)", main)
    if nested and base_of(nested.group(1), "base"):
        main = main[main.index(", ") + 2 :]
        clause = None
    allowed = re.match(r"[Yy]ou (can|may|must|should) (?!not\b)", main)
    imperative = base_of(main.split()[0].casefold(), "base") is not None and clause is None
    if allowed:
        question = f"What {allowed.group(1)} you do {condition}?"
    elif imperative or main.casefold().startswith("please "):
        question = f"What should you do {condition}?"
    elif clause and is_person(clause.subject) and _acts(clause) and "who" not in clause.subject:
        question = f"What {clause.aux} {lower_first(clause.subject, scene)} do {condition}?"
    else:
        question = f"What happens {condition}?"
    yield Candidate(
        question=anchored(question, statement.headings, scene),
        answer=statement.text,
        kind="condition",
        difficulty="medium",
        evidence=statement.evidence,
        worth=0.95,
    )


def _acts(clause: Clause) -> bool:
    return (
        not clause.negated
        and clause.verb not in ("be", "have", "")
        and clause.aux in ("must", "should", "may", "can", "does", "do", "shall")
    )


def _reason(statement: Statement, clause: Clause, scene: Scene) -> Iterator[Candidate]:
    found = _BECAUSE.search(statement.text) or _BECAUSE_OF.search(statement.text)
    if found and not clause.adjunct:
        main = clauses.read(statement.text[: found.start()])
        if main and main.rest in statement.text[: found.start()] and _covers(main, statement.text[: found.start()]):
            yield _of(statement, main, main.ask("Why"), "reason", 0.95, scene)
        return
    effect = re.search(r", so (?!that\b|far\b)(.+)$", statement.text)
    if effect:
        main = clauses.read(effect.group(1)[0].upper() + effect.group(1)[1:])
        if main:
            yield _of(statement, main, main.ask("Why"), "reason", 0.85, scene)


def _covers(clause: Clause, text: str) -> bool:
    """The clause is the whole of the text, not only its first half."""
    return len(clause.subject) + len(clause.rest) + len(clause.finite) + 8 >= len(text)


def _trailing_condition(statement: Statement, clause: Clause, scene: Scene) -> Iterator[Candidate]:
    found = _PROVIDED.search(statement.text)
    if found and not clause.adjunct:
        main = clauses.read(statement.text[: found.start()])
        if (
            main
            and _covers(main, statement.text[: found.start()])
            and not statement.text[found.end() :].startswith("not ")
            and len(statement.text[found.end() :].split()) > 1
        ):
            yield _of(statement, main, main.ask("Under what condition"), "condition", 0.9, scene)
    when = _TRAILING_WHEN.search(statement.text)
    if when and not clause.adjunct:
        main = clauses.read(statement.text[: when.start()])
        if (
            main
            and main.rest
            and "," not in main.rest
            and _covers(main, statement.text[: when.start()])
            and base_of(main.rest.split()[-1], "base") is None
            and not main.rest.endswith(("cases", "time", "time,", "moment", "only", "except"))
        ):
            lead = "Where" if when["word"] == "where" else "When"
            if lead == "Where" and not statement.text[when.end() :].startswith("the "):
                return
            yield _of(statement, main, main.ask(lead), "condition", 0.85, scene)


def _means(statement: Statement, clause: Clause, scene: Scene) -> Iterator[Candidate]:
    found = _MEANS.search(clause.rest)
    passive = (clause.aux in english.BE and clause.verb) or clause.verb == "be"
    if not found or clause.negated or not (passive or clause.aux in english.MODALS):
        return
    before = clause.rest[: found.start()].strip()
    if set(before.split()) & (english.MODALS | english.BE | english.HAVE):
        return
    if before.endswith((",", " and", " or", "only")) or (found.start() == 0 and clause.verb in ("be", "")):
        return
    yield _of(statement, clause, clause.ask("How", before), "how-to", 0.85, scene)


def _where(statement: Statement, clause: Clause, scene: Scene) -> Iterator[Candidate]:
    base = base_of(clause.verb, "participle") if clause.aux in english.BE else None
    rest = clause.rest
    if clause.verb == "be" and rest:
        base, rest = base_of(rest.split()[0], "participle"), " ".join(rest.split()[1:])
    if base not in _PLACES or clause.negated:
        return
    found = _PLACE.match(rest)
    if found and not re.match(
        r"(?:the )?(?:same|end|order|case|day|accordance|writing|advance|addition|time|month|way|form)", found["where"]
    ):
        head = "" if clause.verb != "be" else clause.rest.split()[0]
        yield _of(statement, clause, clause.ask("Where", head), "factual", 0.85, scene)


def _of(statement: Statement, clause: Clause, question: str, kind: str, worth: float, scene: Scene) -> Candidate:
    asked = question.replace(f" {clause.subject}", f" {lower_first(clause.subject, scene)}", 1)
    asked = with_adjunct(clause.adjunct, asked)
    return Candidate(
        question=anchored(asked, statement.headings, scene),
        answer=statement.text,
        kind=kind,
        difficulty="easy" if kind == "factual" else "medium",
        evidence=statement.evidence,
        worth=worth,
    )
