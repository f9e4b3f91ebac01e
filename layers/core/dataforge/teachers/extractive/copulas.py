"""What is it responsible for, how does it compare, what are they: what "is" and "are" say of a subject asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataforge.teachers.extractive import english
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.clauses import Clause
from dataforge.teachers.extractive.predicates import QUANTIFIERS, Predicate, ask, is_askable, is_phrase, offer
from dataforge.teachers.extractive.scene import Scene
from dataforge.teachers.extractive.statements import Statement
from dataforge.teachers.extractive.verbs import base_of

_ADJECTIVE_WITH = re.compile(
    r"(?:(?:very|most|more|highly|particularly|especially|largely|closely|directly|fully|also|not) )?"
    r"(?P<a>responsible for|"
    r"similar to|different from|capable of|dependent on|aware of|famous for|notable for|vulnerable to|subject to|"
    r"available (?:for|to|in|from)|equal to|equivalent to|related to|essential (?:for|to)|important (?:for|to|in)|"
    r"necessary (?:for|to)|useful (?:for|in)|suitable for|native to|endemic to|prone to|common (?:in|among|to)|popular "
    r"(?:with|among|in)|safe from|typical of|consistent with|concerned (?:with|about)|free (?:of|from)|rich in|"
    r"adjacent "
    r"to|sensitive to|resistant to|relevant to|opposed to|parallel to|specific to|unique to|critical (?:for|to|of)|"
    r"ideal for|renowned for|active in|accountable to|answerable to|toxic to|synonymous with|compatible with) (?=\w)"
)
_THAN = re.compile(r"\b(?:\w+er|more [\w-]+|less [\w-]+|fewer)\b[^,;]{0,60}? than (?P<y>[^,;]+)")


def adjective(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    found = _ADJECTIVE_WITH.match(p.rest)
    if not found:
        return
    phrase = p.rest[found.end() :]
    if is_askable(phrase) and not (
        phrase.split()[0] in ("be",) or (base_of(phrase.split()[0], "base") and " to " in found.group())
    ):
        yield from offer(s, c, ask(c, "What", f"{p.head} {found['a']}".strip()), scene, worth=0.72)


def compared(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    found = _THAN.search(p.rest)
    if not found or found.start() > 30 or not is_phrase(found["y"]) or english.is_number(found["y"].split()[0]):
        return
    other = re.split(r" (?:because|which|who|that|when|as|if|and (?:is|are|was|were|have|has)) ?", found["y"])[0]
    if (
        len(other.split()) > 8
        or set(other.casefold().split()) & (english.BE | {"either", "those", "that"})
        or re.search(r"\b(?:expected|average|half|usual|normal|before|ever|one|once)\b", other)
    ):
        return
    if p.voice == "copula" and not re.match(r"(?:of|in|at|on|to|by)\b", p.rest):
        question = f"How {'do' if c.plural else 'does'} {c.subject} compare with {other}?"
        if c.aux in ("is", "are"):
            yield from offer(s, c, question, scene, kind="comparison", worth=0.75, difficulty="medium")


def described(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    """Two adjectives joined: what is it like?"""
    words = p.rest.split() if p.voice == "copula" else [p.head.split()[-1], *p.rest.split()]
    joined = re.match(
        r"(?:very |usually |generally |quite |both )?[a-z-]+(?:, [a-z-]+)*,? (?:and|but|or) (?:[a-z]+ly )?[a-z-]+\b",
        " ".join(words),
    )
    first = words[0].casefold() if words else ""
    if not joined or c.aux not in english.BE or first in english.DETERMINERS | _bad_openers() or first.endswith("ing"):
        return
    if p.voice == "passive" and not p.rest.startswith(("and ", ", ")):
        return
    described = words[joined.group().split().index("and") - 1] if "and" in joined.group().split() else first
    if english.is_plural(described) or (base_of(first, "participle") and p.voice == "passive" and " by " in p.rest):
        return
    if c.aux in ("is", "are"):
        question = f"How can {c.subject} be described?"
        yield from offer(s, c, question, scene, worth=0.5, difficulty="medium")


def _bad_openers() -> frozenset[str]:
    return english.PREPOSITIONS | english.PRONOUNS | english.NUMBER_WORDS | {"not", "so", "too", "only"}


def tools(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    """ "Language models are powerful tools that ...": what are language models?"""
    chunk = re.split(r" (?:that|which|who|of|in|on|for|with|used|designed|to|from|by) |,", p.rest)[0].split()
    opener = c.subject.split()[0].casefold()
    told = len(p.rest.split()) > 3 and len(chunk) < 5 and all(w.isalpha() and w.islower() for w in chunk)
    if not c.plural or not told or opener in english.DETERMINERS | english.NUMBER_WORDS or len(c.subject.split()) > 5:
        return
    if not english.is_plural(chunk[-1]) or chunk[0] in QUANTIFIERS or base_of(chunk[0], "gerund"):
        return
    if c.aux in ("are", "were") and not _THAN.search(p.rest) and " and " not in c.subject:
        yield from offer(s, c, ask(c, "What", p.head), scene, kind="definition", worth=0.85)


def kinds(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    """ "The two general types of nuts are the all-metal type and the fiber lock type." """
    several = (
        c.plural
        and re.match(r"(?:the |a |an |[A-Z])[^,]*(?:, | and )", p.rest)
        and c.subject.startswith(("The ", "Both "))
    )
    another = re.match(
        r"(?:another|one of|an example of|among|the (?:name|process|study|science|art|use|ability)) ", p.rest
    )
    infinitive = re.match(r"to ([a-z]+) ", p.rest)
    if c.aux in ("is", "was") and (p.rest.startswith("that ") or (infinitive and base_of(infinitive.group(1), "base"))):
        yield from offer(s, c, ask(c, "What", p.head), scene, worth=0.75)
    elif c.aux in english.BE and (several or another) and len(p.rest.split()) > 3 and not _THAN.search(p.rest):
        yield from offer(s, c, ask(c, "What", p.head), scene, kind="factual", worth=0.75)
