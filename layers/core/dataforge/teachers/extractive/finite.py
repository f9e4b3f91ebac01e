"""Which word of a clause is its finite verb: word forms, agreement with the noun before, and what follows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dataforge.teachers.extractive import english
from dataforge.teachers.extractive.verbs import base_of

MOST_SUBJECT_WORDS = 14
_BARE = re.compile(r"^\W+|\W+$")
_MANY = frozenset(["many", "most", "some", "several", "all", "both", "few"])
_OF_VERBS = frozenset(["consist", "dispose", "approve", "conceive", "die", "speak", "compose"])
_SURE = frozenset(
    [
        "include",
        "show",
        "become",
        "contain",
        "require",
        "consist",
        "remain",
        "begin",
        "depend",
        "occur",
        "exist",
        "tend",
        "appear",
        "allow",
        "involve",
        "suggest",
        "vary",
        "represent",
        "indicate",
        "receive",
        "live",
        "comprise",
        "believe",
        "argue",
        "maintain",
    ]
)
ADVERB = re.compile(
    r"^(?!(?:family|supply|assembly|reply|anomaly|ally|jelly|monopoly|butterfly|fly|bully|belly|only)$)[a-z]{2,}ly$|"
    r"^however,?$"
)


def bare_word(word: str) -> str:
    """Without the marks around it, in lower case."""
    return _BARE.sub("", word).casefold()


def finite_at(words: Sequence[str]) -> int | None:
    """Index of the main finite verb."""
    skip = 0
    head: str | None = None
    for at in range(1, min(len(words), MOST_SUBJECT_WORDS + 8)):
        bare = bare_word(words[at])
        if bare in english.RELATIVES and at > 0:
            skip += 1
            head = head or bare_word(words[at - 1])
            continue
        if bare in english.CONDITIONS | {"because", "although", "while"}:
            return None
        if bare in english.MODALS | english.BE | english.HAVE | english.DO:
            found = True
        else:
            found = _is_lexical(words, at, head, inside=skip > 0)
        if found and skip:
            skip -= 1
            continue
        if found:
            return at
    return None


def _is_lexical(words: Sequence[str], at: int, head: str | None, *, inside: bool) -> bool:
    """Whether words[at] is a finite full verb: its form agrees with the noun before it and what follows fits."""
    bare = bare_word(words[at])
    before = next(
        (
            b
            for w in reversed(words[:at])
            if (b := bare_word(w)) not in english.ADVERBS | {"most", "more", "very"} and not ADVERB.search(b)
        ),
        "",
    )
    if words[at][0].isupper() or before in english.DETERMINERS | english.PREPOSITIONS | {"and", "or", "not", "to"}:
        return inside and before in english.RELATIVES and base_of(bare, "third") is not None
    following = words[at + 1] if at + 1 < len(words) else ""
    if inside and before in english.RELATIVES:
        return any(base_of(bare, form) for form in ("third", "past", "base"))
    if not following or (words[at].endswith((",", ";", ":")) and not base_of(bare, "past")):
        return False
    lemma = base_of(bare, "third") or base_of(bare, "past") or base_of(bare, "base")
    if not _after_verb(following) and not (following == "of" and lemma in _OF_VERBS):
        return False
    noun = head if head and not inside else head_noun(words[:at])
    if base_of(bare, "past") and not base_of(bare, "third"):
        named = bare in ("called", "named", "entitled", "titled", "dubbed") and len(words) > at + 4
        reduced = base_of(bare, "participle") and (bare_word(following) == "by" or _commas(words[:at]) == 1 or named)
        later = [bare_word(w) for w in words[at + 1 : at + 7]]
        surely = any(base_of(w, "past") and not base_of(w, "participle") for w in later)
        reduced = reduced or (surely and base_of(bare, "participle") and later[0] in ("in", "at", "on", "from"))
        return not reduced and not _later_auxiliary(words[at + 1 :])
    plural = english.is_plural(noun) or " and " in " ".join(words[:at])
    if base_of(bare, "third"):
        several = bare_word(words[0]) in ("several", "many", "few", "these", "various")
        if several or base_of(bare_word(following), "gerund") or bare_word(following) in _SURE:
            return False
        year = re.fullmatch(r"\d{4}", before) and at > 1 and bare_word(words[at - 2]) in ("of", "in")
        if (english.is_number(before) and not year) or (
            base_of(bare_word(following), "past") and base_of(bare, "base") is None
        ):
            return False
        return (not plural or bool(head)) and not _noun_before_verb(words, at)
    countable = (
        (bare in _SURE and english.is_plural(noun))
        or " and " in " ".join(words[:at])
        or english.is_plural(before)
        or english.is_number(before)
        or before in english.UNINFLECTED_PLURALS
        or (
            english.is_plural(noun)
            and bare_word(following) in english.DETERMINERS | english.PREPOSITIONS | english.ADVERBS
        )
    )
    if base_of(before, "base") and not english.is_plural(before) and (" to " in f" {' '.join(words[:at])} "):
        return False
    return base_of(bare, "base") is not None and plural and countable


def _commas(words: Sequence[str]) -> int:
    return sum(word.endswith(",") for word in words)


def _noun_before_verb(words: Sequence[str], at: int) -> bool:
    """ "School groups receive", "Later changes cost": bare plural nouns that look like verbs."""
    if at + 2 >= len(words):
        return False
    after = bare_word(words[at + 2])
    return base_of(bare_word(words[at + 1]), "base") is not None and (
        after in english.DETERMINERS | english.PREPOSITIONS or english.is_number(after)
    )


def _after_verb(word: str) -> bool:
    """What may follow a full verb but hardly a noun that looks like one."""
    bare = bare_word(word)
    if bare in english.MODALS | english.BE | english.HAVE | english.DO | english.RELATIVES - {"that", "how", "what"}:
        return False
    if bare in ("of", "than"):
        return False
    known = english.DETERMINERS | english.PREPOSITIONS | {"not", "only", "their", "to", "that", "how", "what"}
    return (
        bare in known - {"of", "than"}
        or english.is_number(bare)
        or word[:1].isupper()
        or (bare.isalpha() and bare not in ("and", "or"))
    )


def _later_auxiliary(words: Sequence[str]) -> bool:
    """ "Employees hired after June must": a participle, not the verb."""
    inserted = False
    for n, word in enumerate(words[:16]):
        bare = bare_word(word)
        if word.endswith(",") and (inserted or words[n + 1 : n + 2] == ["such"]):
            inserted = not inserted
            continue
        if not inserted and n >= 10:
            return False
        if inserted:
            continue
        if bare in english.DO:
            return True
        if bare in english.MODALS | english.BE | english.HAVE:
            return True
        if bare in english.RELATIVES or bare in ("and", "but", "because", "if", "when") or word.endswith((",", ";")):
            return False
    return False


def head_noun(words: Sequence[str]) -> str:
    """The noun that the verb agrees with: the last word before the first preposition ("members of every crew")."""
    if len(words) > 2 and bare_word(words[0]) in _MANY and bare_word(words[1]) == "of":
        return head_noun(words[2:])
    apposed = _commas(words) == 2 and words[-1].endswith(",")
    for n, word in enumerate(words):
        if n and bare_word(word) in english.PREPOSITIONS:
            return bare_word(words[n - 1])
        if apposed and word.endswith(","):
            return bare_word(word)
    kept = list(words)
    while len(kept) > 1 and (
        bare_word(kept[-1]) in english.ADVERBS
        or ADVERB.search(bare_word(kept[-1]))
        or bare_word(kept[-1]) in ("most", "more")
    ):
        kept.pop()
    return bare_word(kept[-1])
