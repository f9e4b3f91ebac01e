"""Small closed word classes of English, and whether a text is English at all."""

from __future__ import annotations

import re


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


MODALS = _set("must may can should shall will would could might cannot")
BE = _set("is are was were")
HAVE = _set("has have had")
DO = _set("does do did")
DETERMINERS = _set(
    "a an the each every all any no some both either neither most many much several few one another other these those "
    "this that such its their his her our your my"
)
PREPOSITIONS = _set(
    "in on at by for from to of with without within during after before since until under over above below between "
    "among through throughout across against along around behind beside beyond into onto off per towards toward upon "
    "via despite except inside outside near as about than like unlike up down out away back because"
)
RELATIVES = _set("who which that whose whom where when why how what whether")
CONDITIONS = _set("if when where once whenever unless")
PRONOUNS = _set(
    "i you he she it we they this these those that such one ones someone somebody anyone anybody everyone everybody "
    "nobody none nothing something anything everything there here who what which others another both it's they're"
)
ADVERBS = _set(
    "still also always only usually normally often sometimes then now already typically generally automatically "
    "directly immediately currently mainly primarily mostly originally traditionally historically commonly frequently "
    "regularly together both all first later soon eventually ultimately initially partly largely entirely fully"
)
"""What may stand between subject and verb without changing what is claimed."""
CONNECTIVES = re.compile(
    r"^(?:However|In addition(?! to)|Additionally|Furthermore|Moreover|Also|Therefore|Thus|Hence|Consequently|"
    r"As a result|"
    r"Nevertheless|Nonetheless|Finally|Similarly|Likewise|In general|Generally|In particular|Of course|Instead(?! of)|"
    r"At the same time|In practice|Normally|Usually|Typically|Today|Currently|Note that|Please note that|In fact|"
    r"Overall|In short|In other words|Importantly|Notably|Meanwhile|Then|Otherwise|And|But|So)\b,?\s+"
)
_PEOPLE_WORDS = """
    actor actress administrator adult adviser advisor agency agent analyst applicant approver architect artist
    assistant attendant auditor author authority board body bureau cadet candidate captain carer cashier chair
    chairman chairperson chef chemist chief child children citizen clerk client coach coastguard colleague commander
    commission committee companion company composer contractor coordinator council counsellor coxswain crew
    custodian customer deckhand department designer developer director doctor driver economist emperor employee
    employer engineer executive expert family farmer firm governor guardian guest holder hr inspector instructor
    intern inventor judge king landlord lawyer leader lecturer librarian linesman linesmen maker manager marshal
    master mate mathematician mayor mechanic member mentor minister monarch nurse office officer ombudsman operator
    owner parent participant passenger patient people person personnel philosopher physician physicist pilot pirate
    player poet police practitioner president professor provider pupil purser queen recruiter registrar
    representative requester researcher resident reviewer scientist secretary seller sergeant servant shareholder
    singer sponsor staff steward student supervisor supplier surgeon teacher team technician tenant tester trainee
    trainer traveller treasurer trustee tutor user vendor vet visitor volunteer warden witness worker writer
"""
PEOPLE = _set(_PEOPLE_WORDS)
MASS_NOUNS = _set(
    "alcohol breakfast lunch dinner luggage baggage money cash water fuel food access equipment software hardware "
    "overtime notice leave ice oil gas electricity email mail coffee tea sugar sleep health property furniture advice "
    "research evidence traffic weather wine beer tax insurance rent freeboard deadweight theft homework news music "
    "information knowledge progress proof paper steel wood glass plastic sand rice bread milk meat fish salt soap air "
    "light heat sound blood rain snow wind energy power wealth poverty freedom justice art law trade data parking "
    "smoking hand speed silence noise waste rubbish post cargo freight stock credit cover"
)
BODIES = _set(
    "agency authority board body bureau commission committee company council coastguard crew department family firm "
    "office people personnel staff team police"
)
"""Of PEOPLE, those that are asked for with "who" when they act, but with "what" when they are explained."""
UNINFLECTED_PLURALS = _set("people staff men women children crew personnel aircraft feet teeth linesmen")
NUMBER_WORDS = _set(
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred"
)
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
NUMBER = (
    rf"(?:\d[\d,.]{{0,30}}(?<![,.])|{'|'.join(sorted(NUMBER_WORDS))}|half an?|one)(?: (?:and a half|million|billion|"
    rf"thousand))?"
)
TIME_UNIT = (
    r"(?:(?:working|business|calendar|consecutive|full|school) )?(?:seconds?|minutes?|hours?|days?|weeks?|"
    r"months?|years?|nights?)"
)
MONEY = r"(?:euros?|dollars?|pounds?|cents?|EUR|USD|GBP|CHF)"
QUANTIFIER = (
    r"(?:at least|at most|up to|no more than|not more than|no less than|no later than|not later than|"
    r"about|around|approximately|roughly|nearly|almost|over|more than|less than|fewer than|exactly|only|"
    r"a maximum of|a minimum of|an average of|as many as)"
)

_COMMON = _set(
    "the of and to in a is are was were be been for on with as by at from that which this it or an not can must may "
    "has have will should if when each their its they you your all any than into who before after"
)
_WORD = re.compile(r"[^\W\d_]+")


def is_english(text: str) -> bool:
    """Whether a sixth of the words are the commonest English ones; texts under five words are not judged (True)."""
    words = [w.casefold() for w in _WORD.findall(text)]
    return len(words) < 5 or sum(w in _COMMON for w in words) >= len(words) / 6


def is_plural(noun: str) -> bool:
    word = noun.casefold()
    if word in UNINFLECTED_PLURALS:
        return True
    return word.endswith("s") and not word.endswith(("ss", "us", "is", "'s", "’s")) and len(word) > 3


def is_number(word: str) -> bool:
    return word[:1].isdigit() or word.casefold() in NUMBER_WORDS


def singular(noun: str) -> str:
    if noun.endswith("ies") and len(noun) > 4:
        return noun[:-3] + "y"
    if noun.endswith(("sses", "ches", "shes", "xes")):
        return noun[:-2]
    return noun[:-1] if is_plural(noun) and noun.casefold() not in UNINFLECTED_PLURALS else noun
