"""How many, how much, how long, how often, by when: the numbers and dates of a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from dataforge.records import Difficulty
from dataforge.teachers.extractive import english
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.clauses import Clause
from dataforge.teachers.extractive.english import DAYS, MONEY, MONTHS, NUMBER, QUANTIFIER, TIME_UNIT
from dataforge.teachers.extractive.scene import Scene
from dataforge.teachers.extractive.statements import Statement
from dataforge.teachers.extractive.wording import anchored, lower_first, with_adjunct
from dataforge.text.claims import numbers

_AMOUNT = rf"(?:{QUANTIFIER} )?(?P<n>{NUMBER})"
_DATE = (
    rf"(?:the (?:first|second|third|fourth|last) (?:{DAYS}|day|working day|weekday) (?:of|in) (?:each month|the "
    rf"month|every month|the year|(?:{MONTHS}))|"
    rf"(?:the (?:end|beginning|first|last)[a-z ]* of )?(?:the )?(?:early |late |mid-)?(?:\d{{1,2}}(?:st|nd|rd|"
    rf"th)? (?:of )?(?:{MONTHS})(?: \d{{4}})?|"
    rf"(?:{MONTHS})(?: \d{{1,2}})?(?:,? \d{{4}})?|(?:1[4-9]|20|21)\d\ds?(?! ?\d)|\d{{1,2}}[:.]\d{{2}}(?: "
    rf"?[ap]\.?m\.?)?|\d{{1,2}} ?[ap]\.?m\.?|"
    rf"(?:{DAYS})s?|noon|midnight))"
)
_OFTEN = re.compile(
    rf"(?:(?:at least|at most|about|not more than) )?(?:every (?:(?:{NUMBER}|other|second|third) )?(?:seconds?|"
    rf"minutes?|hours?|days?|"
    rf"weeks?|months?|quarters?|years?|nights?|mornings?|{DAYS}|spring|summer|autumn|winter|{MONTHS})\b|(?:once|"
    rf"twice|(?:{NUMBER}) times) (?:a|an|per|each|every) \w+|"
    rf"(?:hourly|daily|weekly|monthly|quarterly|annually|yearly)(?=$| (?:by|in|on|at|to|for)\b))"
)
_AROUND = re.compile(rf"{_AMOUNT} {TIME_UNIT} (?P<when>before|after) (?P<what>[^,]+?)(?=$|,| and | on | in writing)")
_WITHIN = re.compile(
    rf"within {_AMOUNT} (?P<unit>{TIME_UNIT})(?P<of> (?:of|after|from|before) [^,]+?)?(?=$|,| and | to | by | with )"
)
_DURING = re.compile(rf"for {_AMOUNT} {TIME_UNIT}(?! (?:of|before|after)\b)(?: each| a (?:day|week|month|year))?")
_UNTIL = re.compile(rf"until {_DATE}(?: (?:on|in) {_DATE})?")
_WHEN = re.compile(
    rf"(?P<p>in|on|at|by|since|before|from|between) (?P<d>{_DATE}(?:(?: to | and | until |-|–){_DATE})?)(?! "
    rf"(?:percent|euros?|people|years)\b)"
)
_REDUCED = re.compile(
    r"\w (?:\w+ly )?(?:built|established|founded|born|held|published|signed|written|created|opened|formed) $"
)
_OBJECT = re.compile(rf"^(?:(?:an?|the) (?:extra|additional|further|total of) )?{_AMOUNT} (?P<tail>[^\d].*)$")
_TO = re.compile(rf"^to {_AMOUNT} (?P<noun>[a-z][a-z -]*?)(?P<tail>$|,.*| (?:per|a|an|for|in|on|at|of|from|by)\b.*)")
_DIMENSION = re.compile(
    rf"^(?:a|an|the) (?P<what>(?:[a-z-]+ )?(?:depth|height|length|width|weight|speed|distance|capacity|"
    rf"temperature|pressure|voltage|"
    rf"power|fee|price|fine|cost|limit|maximum|minimum|rate|discount|salary|allowance|area|range|size|age|bonus|"
    rf"deposit|premium|"
    rf"budget|population|duration|frequency|charge|refund|reward|penalty)) of {_AMOUNT} [^,]*$"
)
_MEASURE = re.compile(
    r"%|percent|(?:kilo|centi|milli)?(?:metres?|meters?|grams?|litres?|liters?|watts?|volts?|bytes?)|[kcm]?[gml]|"
    r"knots?|tonnes?|tons?|degrees?|"
    r"nautical|square|cubic|miles?|feet|foot|inch(?:es)?|decibels?|amperes?|hertz|[KMG]B|kWh?|people|points?|"
    r"million|billion"
)
_NOUNS = re.compile(
    r"^(?P<noun>[a-z][a-z'-]*(?: [a-z][a-z'-]*){0,4}?)(?P<tail>$|,.*| (?:in|on|at|for|to|with|from|by|per|of|"
    r"during|when|who|that|which|each|"
    r"a|an|every|before|after|between|under|over|across|within|and|or|as|towards|named|called|off)\b.*)$"
)
_SECOND_NUMBER = re.compile(
    rf",(?!\d)|;| and (?:more|less|fewer) than |"
    rf" and (?:never|not|only)\b| on and | on \d{{3}}| and (?=(?:at least |at most |up to |to |by |with |for |"
    rf"from |in |on )*(?:\w+ )?(?:{NUMBER})\b)| and (?:once|twice)\b| but | or (?={NUMBER}\b)|, and "
)
_SUBJECT = re.compile(
    rf"^(?:At least |At most |Up to |About |Over |More than )?(?P<n>{NUMBER}) (?P<what>[a-z].+)$", re.IGNORECASE
)


def quantities(statement: Statement, scene: Scene) -> Iterator[Candidate]:
    for clause in statement.clauses:
        if clause.negated:
            continue
        plain = _before_relative(clause)
        for make in _WAYS:
            found = make(plain)
            if found:
                question, kind, worth = found
                yield _pair(statement, clause, question, kind, worth, scene)
                break
        if dated := _adjunct_date(clause):
            yield _pair(statement, clause, dated, "temporal", 0.9, scene)


_NO_END = (english.PREPOSITIONS | english.DETERMINERS) - {"in", "out", "up", "off", "back", "away"}
_Made: TypeAlias = "tuple[str, str, float] | None"


def _before_relative(c: Clause) -> Clause:
    """Without what a relative clause at the end says: its numbers and dates are not the verb's."""
    found = re.search(r" (?:that|which|who|whose) ", c.rest)
    return replace(c, rest=c.rest[: found.start()].rstrip(" ,")) if found else c


def _is_nominal(c: Clause) -> bool:
    """ "is the blue column": the time belongs to the noun, not to the verb."""
    first = c.rest.split(" ")[0]
    counted = english.is_number(first) or re.match(QUANTIFIER, c.rest) is not None
    return c.aux in english.BE and not c.verb and (first in english.DETERMINERS or counted)


def _often(c: Clause) -> _Made:
    found = _OFTEN.search(c.rest)
    if (
        not found
        or c.verb in ("depend", "have", "run", "mean")
        or re.search(r"\b(?:of|on|a|an|and) $", c.rest[: found.start()])
    ):
        return None
    return c.ask("How often", _without(c.rest, found)), "numeric", 0.85


def _around(c: Clause) -> _Made:
    found = _AROUND.search(c.rest)
    if not found or _is_nominal(c):
        return None
    before = c.rest[: found.start()].rstrip(" ,")
    if before.endswith("for") and c.verb:
        return c.ask(f"How long {found['when']} {found['what']}", before.removesuffix("for").rstrip()), "numeric", 0.95
    lead = f"How long {found['when']} {found['what']}"
    if before.endswith("until"):
        return c.ask(f"Until {lead[0].lower()}{lead[1:]}", before.removesuffix("until").rstrip()), "numeric", 0.95
    if before.split(" ")[-1] in _NO_END:
        return None
    return c.ask(lead, _without(c.rest, found)), "numeric", 0.95


def _within(c: Clause) -> _Made:
    found = _WITHIN.search(c.rest)
    if not found or _is_nominal(c):
        return None
    unit = _plural(found["unit"])
    return c.ask(f"Within how many {unit}{found['of'] or ''}", _without(c.rest, found)), "numeric", 0.95


def _duration(c: Clause) -> _Made:
    found = _DURING.search(c.rest)
    if found and not _is_nominal(c):
        return c.ask("How long", _without(c.rest, found)), "numeric", 0.95
    object_ = re.match(rf"{_AMOUNT} {TIME_UNIT}\b", c.rest)
    if object_ and c.verb in ("last", "take") and not (c.verb == "take" and c.aux == "did"):
        return c.ask("How long", _trim(c.rest[object_.end() :])), "numeric", 0.95
    return None


def _dated(c: Clause) -> _Made:
    found = _WHEN.search(c.rest)
    if not found or (found["p"] in ("in", "by") and not re.search(r"\d{4}|[A-Z]|\d[:.]\d", found["d"])):
        return None
    before = c.rest[: found.start()]
    if _is_nominal(c) or re.search(r"\band (?:at|on|in|for|from|by) ", before):
        return None
    if _REDUCED.search(before):
        return None
    if re.search(r"\b(?:that|when|which|where|because)\b|, [a-z]+ $", before):
        return None
    lead = {"by": "By when", "before": "By when", "since": "Since when"}.get(found["p"], "When")
    if found["p"] == "from" and not re.search(r" (?:to|until) |-|–", found["d"]):
        lead = "From when"
    rest = _without(c.rest, found)
    if re.match(r"at a\b", rest) and len(rest.split()) < 2:
        return None
    return c.ask(lead, rest), "temporal", 0.9


def _until(c: Clause) -> _Made:
    found = _UNTIL.search(c.rest)
    return (c.ask("Until when", _without(c.rest, found)), "temporal", 0.9) if found else None


def _count(c: Clause) -> _Made:
    """The object is an amount: "has six vessels", "costs 20 euros a year", "pay 40 percent of the fare"."""
    if c.aux in english.BE and not c.verb:
        return None
    found = _OBJECT.match(c.rest)
    if not found:
        return None
    tail = found["tail"]
    money = re.match(rf"{MONEY}\b(.*)$", tail)
    if money:
        return c.ask("How much", _trim(money.group(1))), "numeric", 0.95
    percent = re.match(
        r"percent( off)?( of (?:the|their|its|a|an|all)? ?[a-z -]+?)?(?= (?:on|in|for|at|to|by|into|and)\b|$|,)(.*)$",
        tail,
    )
    if tail.startswith("percent") and not (percent and (percent.group(1) or percent.group(2))):
        part = re.match(r"percent ([a-z]+)$", tail)
        return (c.ask(f"What percentage of {part.group(1)}", ""), "numeric", 0.9) if part else None
    if percent:
        lead = f"What percentage{percent.group(1) or ''}{percent.group(2) or ''}"
        return c.ask(lead, _trim(percent.group(3))), "numeric", 0.95
    noun = _NOUNS.match(tail)
    if re.match(r"(?:[mck]?m|k?g|cm|ft|in|lb|mi) ", tail):
        return None
    if not noun or re.match(TIME_UNIT, noun["noun"]) or found["n"].casefold() in ("one", "half a", "half an"):
        return None
    if (
        re.match(r"(?:kilo)?(?:grams|metres|litres)|tonnes|percent|points", noun["noun"])
        and not noun["tail"].startswith(" of ")
        and c.verb not in ("weigh", "measure", "travel", "hold", "carry", "move", "rise", "fall")
    ):
        return None
    rest = re.sub(r"^ (?:who|that|which|of them|each)\b.*", "", noun["tail"])
    attached = re.match(r" of [a-z-]+(?: [a-z-]+)?(?= (?:for|in|on|at|to|per|from|with|a|an|each)\b|$|,)", rest)
    lead = f"How many {noun['noun']}" + (attached.group() if attached else "")
    return c.ask(lead, _trim(rest[attached.end() :] if attached else rest)), "numeric", 0.9


def _copula(c: Clause) -> _Made:
    """ "The punctuality target is 96 percent": an amount said of the subject."""
    if c.aux not in english.BE or c.verb:
        return None
    if re.match(r"one\b", c.rest):
        return None
    found = re.match(rf"^{_AMOUNT}(?P<unit> ?[^\W\d_]+| ?%)?(?P<tail>.*)$", c.rest)
    if not found:
        return None
    unit = (found["unit"] or "").strip()
    tail, many = found["tail"], english.is_plural(c.subject.split()[-1])
    if re.fullmatch(TIME_UNIT, unit) or unit in ("working", "business", "calendar"):
        more = re.match(r" (?:days?|weeks?)", tail)
        limit = re.search(r"\b(?:limit|maximum|minimum|target|quota|allowance)\b", c.subject)
        return (
            c.ask("What" if limit else "How long", _trim(tail[more.end() :] if more and unit[-1] != "s" else tail)),
            "numeric",
            0.9,
        )
    if re.fullmatch(MONEY, unit) and not many:
        return c.ask("How much", _trim(tail)), "numeric", 0.9
    if not unit or unit in ("of", "in", "to"):
        return None
    if not _MEASURE.fullmatch(unit):
        return (c.ask("What", ""), "numeric", 0.85) if c.subject.split()[0] in ("The", "Its") else None
    tail = re.sub(r"^ (?:an?|per) (?:hour|minute|second|day|week|month|year)\b", "", tail)
    attached = re.match(r" of (?:the|its|their) [a-z -]+?(?= (?:for|on|in|at)\b|$)", tail)
    return c.ask("What", _trim(tail[attached.end() :] if attached else tail)), "numeric", 0.85


def _rate(c: Clause) -> _Made:
    """ "is paid at 150 percent of the hourly rate on weekdays" """
    found = re.match(
        rf"^at {_AMOUNT} (?P<u>percent|{MONEY})(?P<of> (?:of (?:the|its|their) [a-z ]+?|an? [a-z]+|per "
        rf"[a-z]+))?(?P<tail>$|,.*| (?:on|for|in|and|from)\b.*)$",
        c.rest,
    )
    if not found or c.verb not in ("paid", "charged", "billed", "reimbursed", "sold"):
        return None
    lead = f"At what percentage{found['of'] or ''}" if found["u"] == "percent" else "At what rate"
    return c.ask(lead, _trim(found["tail"])), "numeric", 0.9


def _limit(c: Clause) -> _Made:
    found = _TO.match(c.rest)
    if not found or c.verb not in ("limited", "restricted", "increased", "reduced", "raised", "divided", "assigned"):
        return None
    if re.match(MONEY, found["noun"]):
        return c.ask("To what amount", _trim(found["tail"])), "numeric", 0.85
    return c.ask(f"To how many {found['noun']}", _trim(found["tail"])), "numeric", 0.85


def _dimension(c: Clause) -> _Made:
    found = _DIMENSION.match(c.rest)
    if not found or c.aux in english.BE:
        return None
    return c.ask(f"What {found['what']}", ""), "numeric", 0.85


def _of_subject(c: Clause) -> _Made:
    """ "Two linesmen are at the berth before every arrival." """
    found = _SUBJECT.match(c.subject)
    if not found or found["n"].casefold() == "one" or re.match(rf"{TIME_UNIT}|{MONEY}|percent|of\b", found["what"]):
        return None
    return f"How many {found['what']} {c.finite} {c.rest}".rstrip() + "?", "numeric", 0.85


def _adjunct_date(c: Clause) -> str | None:
    """ "In 1961, IBM developed the SABRE system." """
    found = re.match(rf"(?:In|On|At|During|By) (?:the )?{_DATE}$", c.adjunct)
    if not found or c.aux not in ("did", "was", "were") or c.rest.startswith("that "):
        return None
    return c.ask("When", re.split(r",\s", c.rest)[0])


_WAYS = (_rate, _within, _around, _duration, _dated, _until, _often, _count, _copula, _limit, _dimension, _of_subject)
"""In order: the first that fits is asked."""


def _pair(statement: Statement, clause: Clause, question: str, kind: str, worth: float, scene: Scene) -> Candidate:
    subject = lower_first(clause.subject, scene)
    asked = question.replace(f" {clause.subject}", f" {subject}", 1)
    if kind != "temporal":
        asked = with_adjunct(clause.adjunct, asked)
    final = anchored(asked, statement.headings, scene)
    return Candidate(
        question=final,
        answer=statement.text,
        kind=kind,
        difficulty=_difficulty(statement),
        evidence=statement.evidence,
        worth=worth,
    )


def _difficulty(statement: Statement) -> Difficulty:
    """With several numbers in the sentence one must pick the right one; so with a fact spread over two sentences."""
    several = len(numbers(statement.text)) > 1
    return "medium" if several or len(statement.evidence) > 1 else "easy"


def _without(rest: str, found: re.Match[str]) -> str:
    before, after = rest[: found.start()].rstrip(" ,"), rest[found.end() :]
    before = re.sub(r" and (?:in|by|at|on|with) \w+(?: \w+)?$", "", before)
    return f"{before} {_trim(after)}".strip()


def _trim(tail: str) -> str:
    """Up to what would drag another number or clause along."""
    tail = re.sub(r"^ ?(?:and|or)\b.*$", "", tail)
    tail = re.sub(r"^ on(?:wards?)?(?=$|,| and)", "", tail)
    return _SECOND_NUMBER.split(tail, maxsplit=1)[0].strip(" ,")


def _plural(unit: str) -> str:
    return unit if unit.endswith("s") else unit + "s"
