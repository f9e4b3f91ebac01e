"""A shallow reading of an English sentence: (leading adjunct,) subject, finite verb, rest; and how to ask with it.

No parser and no tagger: word forms, agreement of subject and verb, and caution. A sentence that is not surely of this
shape gives None, and nothing is asked about it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dataforge.teachers.extractive import english
from dataforge.teachers.extractive.finite import ADVERB, MOST_SUBJECT_WORDS, bare_word, finite_at, head_noun
from dataforge.teachers.extractive.verbs import base_of

_ADJUNCT_OPENERS = english.PREPOSITIONS | english.CONDITIONS | {"although", "while", "whereas", "because"}
_NO_SUBJECT = english.PREPOSITIONS | english.CONDITIONS | english.PRONOUNS
_BOUND = re.compile(rf"(?:At least|At most|Up to|More than|Less than|About|Over) {english.NUMBER} [a-z]")
_IMPERATIVE = re.compile(
    r"(?:Assign|Ensure|Select|Choose|Enter|Click|Press|Insert|Remove|Open|Close|Configure|Install|Verify|Save|Delete|Add|"
    r"Type|Specify|Provide|Use|Make|Keep|Turn|Check|Avoid|Refer|Enable|Disable|North|South|East|West|Imagine|Consider) "
    r"(?!.*\bof\b)"
)
_PERSONAL = frozenset(["they", "it", "he", "she", "we", "you", "i"])
_NEVER = frozenset(["never", "rarely", "seldom", "hardly", "not", "no"])
_DATED = re.compile(
    rf"^(?:In|Since|During|By|On|At|From|Until) (?:(?:the )?(?:early |late |mid-)?\d{{4}}s?|(?:\d{{1,2}} "
    rf")?(?:{english.MONTHS})"
    rf"(?: \d{{1,2}},?)?(?: \d{{4}})?|(?:{english.DAYS})s?)(?=,? (?!and |or |to )[a-zA-Z])"
)
_ENUMERATION = re.compile(r"^[^,]+(?:, [^,]+)*,? (?:and|or) [^,]+$")
_COORDINATE = re.compile(
    r"(?:;| [–—-] |,? (?:and|but|or|so|while|whereas|because|although|though|unless|yet|nor|then)\b|"
    r",? (?:which|who|where|when|whose|if|provided|except|as|since)\b|(?<![A-Z])\.\s|: )"
)


@dataclass(frozen=True, slots=True)
class Clause:
    """subject aux (not) verb rest, as in "| the form | must | not | be | sent by mail |".

    aux is the word that moves in front in a question; a plain verb ("covers") has aux "does", "do" or "did" and its
    base form in `verb`. rest is what follows, without the final stop.
    """

    adjunct: str
    subject: str
    aux: str
    negated: bool
    verb: str
    rest: str
    finite: str
    """The verb as written: "must not be", "covers"."""
    plural: bool

    def ask(self, lead: str, rest: str | None = None) -> str:
        """lead + inverted clause: ask("How long", "in the safe") -> "How long is it kept in the safe?"."""
        parts = [
            lead,
            self.aux,
            self.subject,
            "not" if self.negated else "",
            self.verb,
            self.rest if rest is None else rest,
        ]
        return _join(parts)

    def about_subject(self, lead: str) -> str:
        """ask for the subject: "Who" -> "Who approves the swap?"."""
        return _join([lead, self.finite, self.rest])


def read(sentence: str) -> Clause | None:
    """sentence: clean text of one sentence, connectives already gone."""
    adjunct, main = split_adjunct(sentence.rstrip(" .!;:"))
    words = main.split()
    if len(words) < 3 or (bare_word(words[0]) in _NO_SUBJECT and not _counts(words) and not _BOUND.match(main)):
        return None
    at = finite_at(words)
    if at is None or not 0 < at <= MOST_SUBJECT_WORDS:
        return None
    subject = _subject(words[:at])
    if not subject or not _is_subject(subject):
        return None
    clause = _clause(adjunct, subject, words, at)
    return clause and replace(clause, rest=first_clause(clause.rest))


def read_all(sentence: str) -> list[Clause]:
    """The main clause and those joined to it by "and" or "but"; a verb alone takes the subject before it."""
    found: list[Clause] = []
    adjunct, text = split_adjunct(_unbracketed(sentence).rstrip(" .!;:"))
    while text and len(found) < 3:
        clause = read(text)
        if clause is None:
            break
        found.append(replace(clause, adjunct=adjunct))
        at = text.find(clause.rest) + len(clause.rest) if clause.rest else len(text)
        joined = re.match(r",? (?:and|but) (.+)", text[at:])
        if not joined:
            break
        text = joined.group(1)
        first = bare_word(text.split()[0])
        following = bare_word(text.split()[1]) if len(text.split()) > 1 else ""
        periods = base_of(first, "participle") and english.is_plural(following) and not base_of(first, "base")
        if first in english.PRONOUNS or base_of(first, "gerund") or periods:
            break
        if clause.aux in english.BE and clause.verb and base_of(first, "participle"):
            text = f"{clause.subject} {clause.aux} {text}"
        elif (
            first in english.MODALS | english.BE | english.HAVE | english.DO
            or (base_of(first, "third") and not clause.plural)
            or (base_of(first, "past") or (base_of(first, "base") and clause.plural and clause.aux == "do"))
        ):
            text = f"{clause.subject} {text}"
        text = text[0].upper() + text[1:]
    return found


def _unbracketed(sentence: str) -> str:
    """Without what stands in brackets, and with "wasn't" written out."""
    bare = re.sub(r" \([^()]*\)", "", sentence)
    bare = re.sub(r"\b(is|are|was|were|do|does|did|has|have|had|must|should|would|could)n[’']t\b", r"\1 not", bare)
    return re.sub(r"\b[Cc]an[’']t\b", "cannot", bare)


def split_adjunct(sentence: str) -> tuple[str, str]:
    """("In 1961", "IBM developed ..."); no leading adjunct: ("", sentence)."""
    words = sentence.split()
    if not words or not (bare_word(words[0]) in _ADJUNCT_OPENERS or _opens_participle(words)):
        return "", sentence
    if dated := _DATED.match(sentence):
        main = sentence[dated.end() :].lstrip(" ,")
        return dated.group(), main[0].upper() + main[1:]
    adjunct, comma, main = sentence.partition(", ")
    if not comma or len(adjunct.split()) > 30 or len(main.split()) < 3:
        return "", sentence
    return adjunct, main[0].upper() + main[1:]


def _opens_participle(words: Sequence[str]) -> bool:
    """ "Patented in 1868 by Sholes, the typewriter ..." """
    first = bare_word(words[0])
    return (
        (base_of(first, "participle") or base_of(first, "gerund")) is not None
        and len(words) > 2
        and bare_word(words[1]) in (english.PREPOSITIONS)
    )


def first_clause(rest: str) -> str:
    """Up to the first coordinate or subordinate clause; "and" between nouns is no boundary."""
    for mark in _COORDINATE.finditer(rest):
        following = rest[mark.end() :].split()
        word = mark.group().strip(" ,;")
        if word in ("", ":") or mark.group()[0] in ";." or word in ("–", "—", "-"):
            return rest[: mark.start()].rstrip(" ,")
        if word in ("and", "or", "but", "so", "yet", "nor", "then"):
            if _starts_clause(following, after_comma=mark.group().startswith(",")):
                return rest[: mark.start()].rstrip(" ,")
        elif mark.group().startswith(",") or word in ("because", "while", "whereas", "although", "though", "unless"):
            return rest[: mark.start()].rstrip(" ,")
    return rest


def _starts_clause(words: Sequence[str], *, after_comma: bool) -> bool:
    """Whether what follows "and" has a verb of its own ("and includes the fee"), or drops it ("and vans 10 euros")."""
    for n, word in enumerate(words[:9]):
        bare = bare_word(word)
        following = bare_word(words[n + 1]) if n + 1 < len(words) else ""
        if bare in english.MODALS | english.BE | english.HAVE | english.DO:
            return True
        if bare in english.RELATIVES:
            return False
        if n == 0 and (
            bare == "then"
            or base_of(bare, "third")
            or base_of(bare, "past")
            or bare in english.PRONOUNS - {"one", "both"}
        ):
            return True
        if n == 0 and base_of(bare, "base"):
            return following in english.DETERMINERS | english.PREPOSITIONS | {"not"}
        if (
            n > 0
            and following
            and (base_of(bare, "third") or (base_of(bare, "base") and english.is_plural(bare_word(words[n - 1]))))
            and bare not in english.PREPOSITIONS
        ):
            return True
        if (
            after_comma
            and n > 0
            and (english.is_number(bare) or (bare in ("at", "up") and following in ("least", "to")))
        ):
            return True
        if not after_comma and (word.endswith((",", ";", ".")) or bare in ("and", "or")):
            return False
    return False


def _counts(words: Sequence[str]) -> bool:
    """ "One companion travels free": a number, not a pronoun."""
    return (
        bare_word(words[0]) in ("one", "all", "both", "another", "this", "these")
        and words[1][:1].islower()
        and bare_word(words[1]) not in english.PREPOSITIONS | english.BE | english.MODALS | english.HAVE
    )


def _subject(words: Sequence[str]) -> str:
    """Without adverbs before the verb and without an apposition; empty when the verb is denied by "never"."""
    kept = list(words)
    while kept and (
        bare_word(kept[-1]) in english.ADVERBS or (len(kept) > 1 and kept[-1][:1].islower() and ADVERB.search(kept[-1]))
    ):
        kept.pop()
    if not kept or any(bare_word(w) in _NEVER for w in kept):
        return ""
    whole = " ".join(kept)
    apposition = re.fullmatch(r"([^,]+), [^,]+,", whole)
    return apposition.group(1) if apposition else whole.rstrip(",")


def _is_subject(subject: str) -> bool:
    words = subject.split()
    if "," in subject and not _ENUMERATION.match(subject):
        return False
    if (
        base_of(bare_word(words[0]), "base")
        and len(words) > 1
        and bare_word(words[1]) in english.DETERMINERS | {"it", "them"}
    ):
        return False  # an imperative: "Read the draught marks"
    if re.search(r"[;:()\[\]\"“”|#*_=<>]|\.\s|^You['’]", subject) or _IMPERATIVE.match(subject):
        return False
    first = bare_word(words[0])
    if first in ("its", "their", "his", "her", "our", "my", "such"):
        return False
    if (first in english.PRONOUNS and not _counts([*words, "x"])) or (base_of(first, "gerund") and len(words) < 2):
        return False
    if re.match(r"(?:North|South|East|West) of ", subject) or bare_word(words[-1]) in _PERSONAL:
        return False
    return bare_word(words[-1]) not in english.PREPOSITIONS | english.DETERMINERS | {"and", "or", "not", "to"}


def _clause(adjunct: str, subject: str, words: Sequence[str], at: int) -> Clause | None:
    finite, after = bare_word(words[at]), list(words[at + 1 :])
    while len(after) > 1 and bare_word(after[0]) in english.ADVERBS - {"only", "all", "both", "first"}:
        after = after[1:]
    if (
        finite in english.HAVE
        and len(after) > 1
        and bare_word(after[0]) == "only"
        and base_of(bare_word(after[1]), "participle")
    ):
        return None
    plural = english.is_plural(head_noun(subject.split())) or bool(_ENUMERATION.match(subject) and " and " in subject)
    negated = finite == "cannot" or (bool(after) and bare_word(after[0]) == "not")
    if negated and finite != "cannot":
        after = after[1:]
    written = words[at] + (" not" if negated and finite != "cannot" else "")
    if finite in english.MODALS:
        if not after or not (
            base_of(bare_word(after[0]), "base") or bare_word(after[0]) in ("be", "only", "also", "never")
        ):
            return None
        aux = "can" if finite == "cannot" else finite
        return Clause(
            adjunct=adjunct,
            subject=subject,
            aux=aux,
            negated=negated,
            verb=after[0],
            rest=" ".join(after[1:]),
            finite=f"{written} {after[0]}",
            plural=plural,
        )
    if finite in english.BE or (
        finite in english.HAVE
        and after
        and base_of(bare_word(after[0]), "participle")
        and not english.is_number(after[0])
    ):
        moved = _participle(after)
        verb = after[0] if moved else ""
        rest = " ".join(after[1:] if moved else after)
        return Clause(
            adjunct=adjunct,
            subject=subject,
            aux=finite,
            negated=negated,
            verb=verb,
            rest=rest,
            finite=f"{written} {verb}".strip(),
            plural=plural,
        )
    if finite in english.DO:
        if not negated or not after:
            return None
        return Clause(
            adjunct=adjunct,
            subject=subject,
            aux=finite,
            negated=True,
            verb=after[0],
            rest=" ".join(after[1:]),
            finite=f"{written} {after[0]}",
            plural=plural,
        )
    return _full_verb(adjunct, subject, words[at], " ".join(after), plural)


def _participle(after: Sequence[str]) -> bool:
    return bool(after) and base_of(bare_word(after[0]), "participle") is not None and after[0].isalpha()


def _full_verb(adjunct: str, subject: str, written: str, rest: str, plural: bool) -> Clause | None:
    bare = bare_word(written)
    for form, aux in (("third", "does"), ("past", "did"), ("base", "do")):
        base = base_of(bare, form)  # type: ignore[arg-type]
        if base and base != "be":
            if form == "past" and base == bare:
                aux = "do" if plural else "did"
            return Clause(
                adjunct=adjunct,
                subject=subject,
                aux=aux,
                negated=False,
                verb=base,
                rest=rest,
                finite=written,
                plural=plural,
            )
    return None


def _join(parts: Sequence[str]) -> str:
    return re.sub(r"\s+([,?])", r"\1", " ".join(p for p in parts if p)).strip(" ,") + "?"
