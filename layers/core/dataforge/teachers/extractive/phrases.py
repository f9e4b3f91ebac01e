"""What does it feed on, what is it made of, how does it do it: the phrase after the verb asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from dataforge.teachers.extractive import english
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.clauses import Clause
from dataforge.teachers.extractive.copulas import adjective, compared, described, kinds, tools
from dataforge.teachers.extractive.predicates import (
    QUANTIFIERS,
    Predicate,
    ask,
    is_askable,
    is_phrase,
    offer,
    predicate,
    without_adverbs,
)
from dataforge.teachers.extractive.scene import Scene
from dataforge.teachers.extractive.statements import Statement
from dataforge.teachers.extractive.verbs import base_of

_ASKED_BY_PREPOSITION = {
    "on": "depend rely focus feed act operate draw impose concentrate insist specialise specialize embark prey agree "
    "comment elaborate reflect vote live subsist encroach border center centre hinge thrive",
    "to": "belong lead apply refer relate contribute respond adapt adhere amount appeal aspire attend attest cater "
    "conform consent correspond extend listen migrate move object pertain point react return revert speak stretch "
    "subscribe succumb switch travel turn yield convert connect emigrate flee ascribe",
    "in": "result consist engage participate lie believe excel invest specialise specialize culminate succeed "
    "originate "
    "major partake",
    "with": "originate deal comply begin start end interact cooperate collaborate compete coincide affiliate "
    "combine conflict cope "
    "correspond experiment interfere merge react side trade agree associate open",
    "from": "come derive suffer originate emerge benefit arise descend result stem differ vary range deviate escape "
    "graduate profit recover refrain evolve develop",
    "of": "consist approve dispose",
    "into": "develop evolve divide turn transform translate fall expand grow flow split merge",
    "for": "account allow apply call care compete opt provide search serve stand strive substitute campaign compensate "
    "fight",
    "as": "act serve function emerge double operate",
    "against": "press fight protest defend rebel campaign",
    "through": "pass flow run travel evolve",
}
_TOGETHER = frozenset(f"{verb} {p}" for p, verbs in _ASKED_BY_PREPOSITION.items() for verb in verbs.split())
_PASSIVE_WORDS = "with from into of for as through against to by on upon"
_PASSIVE_PREPOSITIONS = frozenset(_PASSIVE_WORDS.split())
_TWO_OBJECTS = frozenset(
    [
        "call",
        "name",
        "term",
        "consider",
        "dub",
        "label",
        "deem",
        "title",
        "grant",
        "give",
        "award",
        "offer",
        "deny",
        "pay",
        "promise",
    ]
)
_BUILT_ON = frozenset(["base", "build", "model", "focus", "mount", "found", "centre", "center", "concentrate", "spend"])
_PLACE_NOUNS_WORDS = """
    city town village country area region island islands building room sea ocean river lake north south east west centre
    center water ground edge front side top bottom coast border valley mountains mountain forest desert office offices
    safe cabinet warehouse harbour harbor port station hospital church palace castle museum university school laboratory
    hemisphere continent district province county state states suburb suburbs street road land surface body cell cells
    page tab menu screen panel device zoos homes parks gardens schools areas regions countries cities membrane cytoplasm
    nucleus chloroplast chloroplasts atmosphere basin floor wall roof tray drawer house houses market
"""
_PLACE_NOUNS = frozenset(_PLACE_NOUNS_WORDS.split())
_AT_PLACES_WORDS = """
    live occur exist grow work study die reside settle nest breed forage winter arrive originate appear teach
    locate base headquarter keep store find hold sell park situate publish bury build produce manufacture house bear
    raise educate discover install grow place display serve use practise practice perform spend train meet
"""
_AT_PLACES = frozenset(_AT_PLACES_WORDS.split())
_TO_DO = frozenset(
    [
        "decide",
        "attempt",
        "try",
        "seek",
        "aim",
        "help",
        "serve",
        "plan",
        "agree",
        "want",
        "wish",
        "choose",
        "fail",
        "intend",
        "promise",
        "refuse",
        "tend",
        "threaten",
        "vow",
        "offer",
        "struggle",
        "allow",
        "use",
        "design",
        "require",
        "intend",
        "expect",
        "need",
        "force",
        "order",
        "permit",
        "oblige",
        "train",
        "adapt",
        "equip",
        "program",
        "programme",
        "authorise",
        "authorize",
        "build",
        "create",
        "make",
        "say",
        "believe",
        "think",
        "continue",
    ]
)
_REPORTS = frozenset(
    [
        "say",
        "show",
        "claim",
        "suggest",
        "argue",
        "find",
        "believe",
        "state",
        "report",
        "indicate",
        "conclude",
        "propose",
        "demonstrate",
        "reveal",
        "note",
        "observe",
        "predict",
        "think",
        "hold",
        "require",
        "mean",
        "imply",
        "ensure",
        "prove",
        "assert",
        "recommend",
        "maintain",
        "recognise",
        "recognize",
        "discover",
        "assume",
        "realise",
        "realize",
        "estimate",
        "declare",
        "announce",
        "decide",
        "emphasise",
        "emphasize",
        "stress",
        "warn",
        "confirm",
        "establish",
        "contend",
        "acknowledge",
        "posit",
        "guarantee",
        "specify",
        "stipulate",
        "theorise",
        "theorize",
        "determine",
        "allege",
        "agree",
        "insist",
        "explain",
    ]
)
_BY_DOING = re.compile(r",? (?P<all>by (?:(?:\w+ly|also|not) )?(?P<doing>\w+ing)\b)")
_GROUPED = re.compile(
    r"(?:a (?:wide |broad |large |great )?|the )?(?:range|variety|number|series|array|set|list|types?|kinds?) of "
    r"(?P<what>[a-z][a-z -]*?s)(?=$|,| (?:such|including|like|that|in|on|for|to|from|with|at)\b)"
)
_HAD = re.compile(
    r"(?P<q>(?:a|an|the|many|several|various|two|three|four|five|both|some|numerous|different) )?"
    r"(?P<mods>(?:[a-z][a-z-]+ ){1,3}?)(?P<noun>[a-z]{3,})(?=$|,| (?:in|on|at|for|to|of|that|which|with|from|by|and|as|"
    r"such|including|like|than|whose|where|when)\b)"
)
_NO_OBJECT_VERBS = frozenset(
    [
        "be",
        "have",
        "remain",
        "seem",
        "appear",
        "look",
        "feel",
        "happen",
        "take",
        "make",
        "give",
        "get",
        "go",
        "come",
        "let",
        "put",
        "set",
        "say",
        "tell",
        "call",
        "name",
        "know",
        "think",
        "cost",
        "pay",
        "last",
        "run",
        "stand",
        "stay",
        "fall",
        "rise",
        "weigh",
    ]
)
_PARTICLES = frozenset(["up", "out", "off", "down", "over", "back", "away"])
_PLAY = re.compile(r"(?:a|an|the) (?P<adj>[\w-]+(?:,? (?:and )?[\w-]+)?) ?(?P<what>role|part) in (?P<in>[^,]+)")


def phrases(statement: Statement, scene: Scene) -> Iterator[Candidate]:
    for clause in statement.clauses:
        said = predicate(clause)
        if said is None or clause.negated:
            continue
        said = Predicate(said.voice, said.base, said.head, without_adverbs(said.rest))
        for make in _WAYS[said.voice]:
            yield from make(statement, clause, said, scene)


def _how(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    """ "by enabling people to ...": how did it?"""
    found = _BY_DOING.search(f" {p.rest}")
    if not found or not base_of(found["doing"], "gerund"):
        return
    before = f" {p.rest}"[: found.start()].strip()
    if set(before.split()) & (english.MODALS | english.BE | english.HAVE):
        return
    if len(before.split()) > 14 or before.endswith((" or", " and", ",")) or "," in before:
        return
    yield from offer(s, c, ask(c, "How", f"{p.head} {before}"), scene, kind="how-to", worth=0.85, difficulty="medium")


def _where(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    found = re.match(
        r"(?P<p>in|at|on|near|along|throughout|across|outside|inside|within|between|around) (?P<np>[^,;]+)", p.rest
    )
    if not found or not _is_place(found["np"], found["p"]) or (p.base not in _AT_PLACES and p.voice != "copula"):
        return
    yield from offer(s, c, ask(c, "Where", p.head), scene, worth=0.75)


def _is_place(phrase: str, preposition: str) -> bool:
    core = re.split(r" (?:of|in|at|on|for|with|by|that|which|where|and|during|from|to)\b", phrase)[0].split()
    if not core or re.search(rf"\d|\b(?:{english.MONTHS}|{english.DAYS})\b", " ".join(core)):
        return False
    if core[-1].casefold() in _PLACE_NOUNS:
        return True
    named = core[-1][:1].isupper() and not core[-1].endswith(("ism", "ity", "ish", "ese", "ian", "Church", "War"))
    return named and preposition in ("in", "at", "near", "throughout", "across", "outside") and core[-1].isalpha()


def _by_preposition(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    preposition, _, phrase = p.rest.partition(" ")
    doing = preposition == "to" and phrase and base_of(phrase.split()[0], "base") and phrase.split()[0].islower()
    if (
        f"{p.base} {preposition}" in _TOGETHER
        and not doing
        and (is_askable(phrase) or (preposition == "of" and is_phrase(phrase)))
    ):
        yield from offer(s, c, ask(c, "What", f"{p.head} {preposition}"), scene, worth=0.7)


def _passive_preposition(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    preposition, _, phrase = p.rest.partition(" ")
    first = phrase.split()[0] if phrase else ""
    if p.base in _TWO_OBJECTS and is_askable(p.rest) and p.rest[0] not in '"“':
        yield from offer(s, c, ask(c, "What", p.head), scene, worth=0.72)
        return
    if preposition not in _PASSIVE_PREPOSITIONS or not is_askable(phrase):
        return
    if preposition == "to" and base_of(first, "base") and first.islower():
        if p.base in _TO_DO:
            yield from offer(s, c, ask(c, "What", f"{p.head} to do"), scene, worth=0.75)
        return
    if preposition == "by" and (first.endswith("ing") or first[0].isupper() or re.match(r"(?:the )?[A-Z]", phrase)):
        return
    if preposition in ("on", "for") and re.search(rf"\d|\b(?:{english.MONTHS}|{english.DAYS}|years?|time)\b", phrase):
        return
    if (preposition == "as" and first == "well") or (preposition == "on" and p.base not in _BUILT_ON):
        return
    if preposition == "with" and p.base in ("connect", "join", "attach", "fasten", "secure", "tie", "seal"):
        yield from offer(s, c, ask(c, "How", p.head), scene, worth=0.75)
    else:
        yield from offer(s, c, ask(c, "What", f"{p.head} {preposition}"), scene, worth=0.72)


def _object(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    """Where `roles` asks for no object: perfect tenses, phrasal verbs, ranges of things."""
    particle, _, phrase = p.rest.partition(" ")
    if particle in _PARTICLES and is_askable(phrase) and p.base not in ("go", "come"):
        yield from offer(s, c, ask(c, "What", f"{p.head} {particle}"), scene, worth=0.6)
        return
    grouped = _GROUPED.match(p.rest)
    if grouped and re.search(r",|such as|including", p.rest):
        yield from offer(
            s, c, ask(c, f"What {grouped['what']}", p.head), scene, kind="list", worth=0.75, difficulty="medium"
        )
        return
    played = _PLAY.match(p.rest) if p.base == "play" else None
    if played:
        yield from offer(s, c, ask(c, f"What {played['what']}", f"{p.head} in {played['in']}"), scene, worth=0.75)
        return
    progressive = c.aux in english.HAVE | english.BE
    if progressive and p.base not in _NO_OBJECT_VERBS and is_askable(p.rest) and len(p.rest.split()) > 1:
        yield from offer(s, c, ask(c, "What", p.head), scene, worth=0.6)


def _had(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    if p.base not in ("have", "use", "possess", "display", "exhibit", "provide", "offer") or c.aux in english.HAVE:
        return
    found = _HAD.match(p.rest)
    if not found or any(w in english.PREPOSITIONS | english.PRONOUNS | QUANTIFIERS for w in found["mods"].split()):
        return
    plural, tail = english.is_plural(found["noun"]), p.rest[found.end() :]
    if re.match(r"(?:,? (?:such as|including|like)|,? being) ", tail) and plural:
        yield from offer(
            s,
            c,
            ask(c, f"What {found['mods']}{found['noun']}", p.head),
            scene,
            kind="list",
            worth=0.75,
            difficulty="medium",
        )
        return
    own = re.match(r"(?:own|same|other|better|good|great|long|such)\b", found["mods"])
    idle = found["noun"] in ("right", "difficulty", "effect", "role", "time", "way", "choice", "option")
    if p.base == "have" and not own and not idle:
        yield from offer(s, c, ask(c, f"What kind of {found['noun']}", p.head), scene, worth=0.6)


def _to_do(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    word, _, phrase = p.rest.partition(" ")
    first = phrase.split()[0] if phrase else ""
    if word == "to" and p.base in _TO_DO and base_of(first, "base") and len(phrase.split()) > 1:
        yield from offer(s, c, ask(c, "What", f"{p.head} to do"), scene, worth=0.68)


def _did(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    """Nothing else to ask of what somebody or something named did at a time: what did it do then?"""
    timed = re.match(r"(?:In|On|By|During|After|At) .*\d", c.adjunct)
    named = c.subject.split()[-1][:1].isupper() or c.subject.split()[0] in scene.proper_words
    if c.aux == "did" and timed and len(c.adjunct.split()) < 6 and named and len(p.rest.split()) > 2:
        yield from offer(s, c, ask(c, "What", "do"), scene, worth=0.4)


def _report(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    if p.rest.startswith("that ") and p.base in _REPORTS and len(p.rest.split()) > 4:
        yield from offer(s, c, ask(c, "What", p.head), scene, worth=0.72, difficulty="medium")


def _used_to(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    found = re.match(r"(?P<np>(?:[\w-]+ ){1,6}?)to (?:[a-z]+ly )?(?P<v>[a-z]+) \w", p.rest)
    if p.base == "use" and found and base_of(found["v"], "base") and is_phrase(found["np"]):
        yield from offer(s, c, ask(c, "What", f"{p.head} {found['np']}to do"), scene, worth=0.7)


_Maker = Callable[[Statement, Clause, Predicate, Scene], Iterator[Candidate]]
_WAYS: dict[str, tuple[_Maker, ...]] = {
    "active": (_how, _where, _by_preposition, _object, _had, _to_do, _used_to, _did, _report),
    "passive": (_how, _where, _passive_preposition, described),
    "copula": (_where, adjective, compared, described, kinds, tools),
}
