"""What does it feed on, what is it made of, what does it have, how does it do it: the phrase after the verb asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from dataforge.teachers.extractive import english
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.clauses import Clause
from dataforge.teachers.extractive.predicates import Predicate, is_phrase, offer, predicate, without_adverbs
from dataforge.teachers.extractive.roles import is_person
from dataforge.teachers.extractive.scene import Scene
from dataforge.teachers.extractive.statements import Statement
from dataforge.teachers.extractive.verbs import base_of

_ASKED_BY_PREPOSITION = {
    "on": "depend rely focus feed act operate draw impose concentrate insist specialise specialize embark prey agree "
    "comment elaborate reflect vote live subsist encroach border center centre hinge thrive",
    "to": "belong lead apply refer relate contribute respond adapt adhere amount appeal aspire attend attest cater "
    "conform consent correspond extend listen migrate move object pertain point react return revert speak stretch "
    "subscribe succumb switch travel turn yield convert connect emigrate flee ascribe",
    "in": "result consist engage participate lie believe excel invest specialise specialize culminate succeed originate "
    "major partake",
    "with": "deal comply begin start end interact cooperate collaborate compete coincide combine conflict cope "
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
_PASSIVE_PREPOSITIONS = frozenset(
    ["with", "from", "into", "of", "for", "as", "through", "against", "to", "by", "on", "upon"]
)
_BUILT_ON = frozenset("base build model focus mount found centre center concentrate spend".split())
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
    "decide attempt try seek aim help serve plan agree want wish choose fail intend promise refuse tend threaten "
    "vow offer struggle allow use design require intend expect need force order permit oblige train adapt equip program "
    "programme authorise authorize build create make say believe think continue".split()
)
_REPORTS = frozenset(
    "say show claim suggest argue find believe state report indicate conclude propose demonstrate reveal note observe "
    "predict think hold require mean imply ensure prove assert recommend maintain recognise recognize discover assume "
    "realise realize estimate declare announce decide emphasise emphasize stress warn confirm establish contend "
    "acknowledge posit guarantee specify stipulate theorise theorize determine allege agree insist explain".split()
)
_ADJECTIVE_WITH = re.compile(
    r"(?:(?:very|most|more|highly|particularly|especially|largely|closely|directly|fully|also|not) )?(?P<a>responsible for|"
    r"similar to|different from|capable of|dependent on|aware of|famous for|notable for|vulnerable to|subject to|"
    r"available (?:for|to|in|from)|equal to|equivalent to|related to|essential (?:for|to)|important (?:for|to|in)|"
    r"necessary (?:for|to)|useful (?:for|in)|suitable for|native to|endemic to|prone to|common (?:in|among|to)|popular "
    r"(?:with|among|in)|safe from|typical of|consistent with|concerned (?:with|about)|free (?:of|from)|rich in|adjacent "
    r"to|sensitive to|resistant to|relevant to|opposed to|parallel to|specific to|unique to|critical (?:for|to|of)|"
    r"ideal for|accountable to|answerable to|toxic to|synonymous with|compatible with) (?=\w)"
)
_THAN = re.compile(r"\b(?:\w+er|more [\w-]+|less [\w-]+|fewer)\b[^,;]{0,60}? than (?P<y>[^,;]+)")
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
_QUANTIFIERS = frozenset(
    "to and or no a an the many much several various some few more most less any both all two three four five numerous "
    "different little enough each every".split()
)
_NO_OBJECT_VERBS = frozenset(
    "be have remain seem appear look feel happen take make give get go come let put set say tell call name know think "
    "cost pay last run stand stay fall rise weigh".split()
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


def _ask(c: Clause, lead: str, tail: str) -> str:
    return f"{lead} {c.aux} {c.subject} {tail}".strip() + "?"


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
    yield from offer(s, c, _ask(c, "How", f"{p.head} {before}"), scene, kind="how-to", worth=0.85, difficulty="medium")


def _where(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    found = re.match(r"(?P<p>in|at|on|near|along|throughout|across|outside|inside|within|between|around) (?P<np>[^,;]+)", p.rest)
    if not found or not _is_place(found["np"], found["p"]) or (p.base not in _AT_PLACES and p.voice != "copula"):
        return
    yield from offer(s, c, _ask(c, "Where", p.head), scene, worth=0.75)


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
    if f"{p.base} {preposition}" in _TOGETHER and _askable(phrase):
        yield from offer(s, c, _ask(c, "What", f"{p.head} {preposition}"), scene, worth=0.7)


def _askable(phrase: str) -> bool:
    first = phrase.split()[0].casefold() if phrase else ""
    return is_phrase(phrase) and not english.is_number(first) and not (is_person(phrase) and "," not in phrase)


def _passive_preposition(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    preposition, _, phrase = p.rest.partition(" ")
    first = phrase.split()[0] if phrase else ""
    if preposition not in _PASSIVE_PREPOSITIONS or not _askable(phrase):
        return
    if preposition == "to" and base_of(first, "base") and first.islower():
        if p.base in _TO_DO:
            yield from offer(s, c, _ask(c, "What", f"{p.head} to do"), scene, worth=0.75)
        return
    if preposition == "by" and (first.endswith("ing") or first[0].isupper() or re.match(r"(?:the )?[A-Z]", phrase)):
        return
    if preposition in ("on", "for") and re.search(rf"\d|\b(?:{english.MONTHS}|{english.DAYS}|years?|time)\b", phrase):
        return
    if (preposition == "as" and first == "well") or (preposition == "on" and p.base not in _BUILT_ON):
        return
    if preposition == "with" and p.base in ("connect", "join", "attach", "fasten", "secure", "tie", "seal"):
        yield from offer(s, c, _ask(c, "How", p.head), scene, worth=0.75)
    else:
        yield from offer(s, c, _ask(c, "What", f"{p.head} {preposition}"), scene, worth=0.72)


def _object(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    """Where `roles` asks for no object: perfect tenses, phrasal verbs, ranges of things."""
    particle, _, phrase = p.rest.partition(" ")
    if particle in _PARTICLES and _askable(phrase) and p.base not in ("go", "come"):
        yield from offer(s, c, _ask(c, "What", f"{p.head} {particle}"), scene, worth=0.6)
        return
    grouped = _GROUPED.match(p.rest)
    if grouped and re.search(r",|such as|including", p.rest):
        yield from offer(s, c, _ask(c, f"What {grouped['what']}", p.head), scene, kind="list", worth=0.75, difficulty="medium")
        return
    played = _PLAY.match(p.rest) if p.base == "play" else None
    if played:
        yield from offer(s, c, _ask(c, f"What {played['what']}", f"{p.head} in {played['in']}"), scene, worth=0.75)
        return
    progressive = c.aux in english.HAVE | english.BE
    if progressive and p.base not in _NO_OBJECT_VERBS and _askable(p.rest) and len(p.rest.split()) > 1:
        yield from offer(s, c, _ask(c, "What", p.head), scene, worth=0.6)


def _had(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    if p.base not in ("have", "use", "possess", "display", "exhibit", "provide", "offer") or c.aux in english.HAVE:
        return
    found = _HAD.match(p.rest)
    if not found or any(w in english.PREPOSITIONS | english.PRONOUNS | _QUANTIFIERS for w in found["mods"].split()):
        return
    plural, tail = english.is_plural(found["noun"]), p.rest[found.end() :]
    if re.match(r"(?:,? (?:such as|including|like)|,? being) ", tail) and plural:
        yield from offer(
            s, c, _ask(c, f"What {found['mods']}{found['noun']}", p.head), scene, kind="list", worth=0.75, difficulty="medium"
        )
    elif p.base == "have" and not re.match(r"(?:own|same|other|better|good|great|long|such)\b", found["mods"]):
        if found["noun"] not in ("right", "difficulty", "effect", "role", "time", "way", "choice", "option"):
            yield from offer(s, c, _ask(c, f"What kind of {found['noun']}", p.head), scene, worth=0.6)


def _to_do(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    word, _, phrase = p.rest.partition(" ")
    first = phrase.split()[0] if phrase else ""
    if word == "to" and p.base in _TO_DO and base_of(first, "base") and len(phrase.split()) > 2:
        yield from offer(s, c, _ask(c, "What", f"{p.head} to do"), scene, worth=0.68)


def _report(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    if p.rest.startswith("that ") and p.base in _REPORTS and len(p.rest.split()) > 4:
        yield from offer(s, c, _ask(c, "What", p.head), scene, worth=0.72, difficulty="medium")


def _adjective(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    found = _ADJECTIVE_WITH.match(p.rest)
    if not found:
        return
    phrase = p.rest[found.end() :]
    if _askable(phrase) and not (phrase.split()[0] in ("be",) or base_of(phrase.split()[0], "base") and " to " in found.group()):
        yield from offer(s, c, _ask(c, "What", f"{p.head} {found['a']}".strip()), scene, worth=0.72)


def _compared(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    found = _THAN.search(p.rest)
    if not found or found.start() > 30 or not is_phrase(found["y"]) or english.is_number(found["y"].split()[0]):
        return
    other = re.split(r" (?:because|which|who|that|when|as|if|and (?:is|are|was|were|have|has)) ?", found["y"])[0]
    if len(other.split()) > 8 or re.search(r"\b(?:expected|average|half|usual|normal|before|ever|one|once)\b", other):
        return
    if p.voice == "copula" and not re.match(r"(?:of|in|at|on|to|by)\b", p.rest):
        question = f"How {'do' if c.plural else 'does'} {c.subject} compare with {other}?"
        if c.aux in ("is", "are"):
            yield from offer(s, c, question, scene, kind="comparison", worth=0.75, difficulty="medium")


def _described(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    """Two adjectives joined: what is it like?"""
    words = p.rest.split() if p.voice == "copula" else [p.head.split()[-1], *p.rest.split()]
    joined = re.match(r"(?:very |usually |generally |quite |both )?[a-z-]+(?:, [a-z-]+)*,? (?:and|but|or) (?:[a-z]+ly )?[a-z-]+\b", " ".join(words))
    first = words[0].casefold() if words else ""
    if not joined or c.aux not in english.BE or first in english.DETERMINERS | _bad_openers() or first.endswith("ing"):
        return
    if p.voice == "passive" and not p.rest.startswith(("and ", ", ")):
        return
    described = words[joined.group().split().index("and") - 1] if "and" in joined.group().split() else first
    if english.is_plural(described) or (base_of(first, "participle") and p.voice == "passive" and " by " in p.rest):
        return
    yield from offer(s, c, f"How can {c.subject} be described?" if c.aux in ("is", "are") else
                     f"How can one describe what {c.subject} {c.aux} like?", scene, worth=0.5, difficulty="medium")


def _bad_openers() -> frozenset[str]:
    return english.PREPOSITIONS | english.PRONOUNS | english.NUMBER_WORDS | {"not", "so", "too", "only"}


def _kinds(s: Statement, c: Clause, p: Predicate, scene: Scene) -> Iterator[Candidate]:
    """ "The two general types of nuts are the all-metal type and the fiber lock type." """
    several = c.plural and re.match(r"(?:the |a |an |[A-Z])[^,]*(?:, | and )", p.rest) and c.subject.startswith(("The ", "Both "))
    another = re.match(r"(?:another|one of|an example of|among|the (?:name|process|study|science|art|use|ability)) ", p.rest)
    infinitive = re.match(r"to ([a-z]+) ", p.rest)
    if c.aux in ("is", "was") and (p.rest.startswith("that ") or (infinitive and base_of(infinitive.group(1), "base"))):
        yield from offer(s, c, _ask(c, "What", p.head), scene, worth=0.75)
    elif c.aux in english.BE and (several or another) and len(p.rest.split()) > 3 and not _THAN.search(p.rest):
        yield from offer(s, c, _ask(c, "What", p.head), scene, kind="factual", worth=0.75)


_Maker = Callable[[Statement, Clause, Predicate, Scene], Iterator[Candidate]]
_WAYS: dict[str, tuple[_Maker, ...]] = {
    "active": (_how, _where, _by_preposition, _object, _had, _to_do, _report),
    "passive": (_how, _where, _passive_preposition, _described),
    "copula": (_where, _adjective, _compared, _described, _kinds),
}
