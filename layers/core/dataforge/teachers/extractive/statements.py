"""The sentences that something can be asked about: connectives off, a leading pronoun replaced, clauses read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dataforge.teachers.extractive import clauses, english
from dataforge.teachers.extractive.clauses import Clause
from dataforge.teachers.extractive.scene import Scene, Sentence

MOST_WORDS = 60
_SKIPPED = re.compile(
    r"^(?:For example|For instance|E\.g\.|See |Figure |Table |Listing |Source:|Main article|Copyright|©)", re.IGNORECASE
)
_GLUED = re.compile(
    r"^(?:\d+(?:\.\d+)+ )?(?:[A-Z][A-Z-]{3,} ){1,6}(?=[A-Z][a-z])|"
    r"^[. ]*(?:[A-Z][\w®™’'/-]* )(?:(?:[A-Z][\w®™’'/-]*|of|and|for|the|in|to|with|a) ){0,6}"
    r"(?:[A-Z][\w®™’'/-]*) (?=(?:The|An?|You|If|When|To|Each|It|For|In|All) )"
)
"""A heading that a page's layout ran into the sentence after it."""
_NOTE = re.compile(r"^(?:Note|Tip|Important|Caution|Warning)s?: (?=[A-Z])|^Note in (?:Figure|Table) [\d.-]+ that ")
_PRONOUN = re.compile(r"^(It|They|He|She)(?= [a-z])")
_RESEARCH = re.compile(
    r"\b(?:experiments?|benchmarks?|datasets?|state of the art|this paper|we propose|our results|"
    r"accuracy|data set|baseline)\b"
)
_INNER = re.compile(r"^((?:In|On|By|During|After|At|Since|From|Under|Between) [^,]*, )(it|they|he|she)(?= [a-z])")
_OWNER = re.compile(r"^(Its|Their|His|Her)(?= [a-z])")
_OWNERS = {"Its": "It", "Their": "They", "His": "He", "Her": "She"}
_ELSEWHERE = re.compile(
    r"\b(?:such(?! as\b)|above|below|former|latter|aforementioned|following|as follows|as mentioned|"
    r"see (?:also|section|chapter|page)|figure \d|table \d)\b",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(r"\b(?:this|these|those(?! (?:of|who|that|in|with|from|which)\b))\b", re.IGNORECASE)
_OBJECT_PRONOUN = re.compile(r"(?:\w+ (?:for|to|of|from|by|with) )?(?:it|them|him|her|this|these)\b")
_DEBRIS = re.compile(
    r"[|{}<>\\_=]{1}|\.{4}|https?://|[^\x00-\u02ff\u2010-\u2044\u20ac\u2122\u2190-\u21ff\u2212\ufb00-\ufb06½-¾]"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """text: a whole sentence that stands for itself: it is the answer. evidence: slices of the passage behind it."""

    text: str
    clauses: tuple[Clause, ...]
    evidence: tuple[str, ...]
    headings: tuple[str, ...]
    paragraph: int
    joined: bool = False
    """The sentence before comes along, because this one points back to it; the clauses are those of the second."""


def read(scene: Scene) -> list[Statement]:
    found: list[Statement] = []
    ours = len(re.findall(r"\b[Ww]e\b", scene.content)) > 0 and _RESEARCH.search(scene.content) is not None
    ours = ours and re.search(r"\b(?:your|please|customers?|employees?)\b", scene.content, re.IGNORECASE) is None
    for paragraph in scene.paragraphs:
        found += _paragraph([_by_authors(s) for s in paragraph] if ours else paragraph)
    for number, listing in enumerate(scene.lists):
        for item in listing.items:
            if item.text.endswith(".") and len(item.text.split()) > 5 and ": " not in item.text[:40]:
                sentence = Sentence(item.text, item.raw, listing.headings, -1 - number)
                found += _paragraph([sentence])
    return found


def _paragraph(sentences: Sequence[Sentence]) -> Iterator[Statement]:
    before: Clause | None = None
    raw_before = said_before = ""
    glued_over: tuple[str, ...] = ()
    evidence_before: tuple[str, ...] = ()
    for sentence in sentences:
        glued = _GLUED.match(sentence.text)
        if glued and glued.group().strip(" ."):
            sentence = replace(sentence, headings=(*sentence.headings, glued.group().strip(" .")))
            glued_over = sentence.headings
        elif glued_over:
            sentence = replace(sentence, headings=glued_over)
        text = _plain(sentence.text)
        evidence: tuple[str, ...] = (sentence.raw,)
        pronoun = _PRONOUN.match(text)
        if pronoun and before and _agrees(pronoun.group(), before):
            text = before.subject + text[pronoun.end() :]
            evidence = (raw_before, sentence.raw)
        inner = _INNER.match(text)
        if inner and before and _agrees(inner.group(2).capitalize(), before):
            text = f"{inner.group(1)}{before.subject}{text[inner.end() :]}"
            evidence = (raw_before, sentence.raw)
        owner = _OWNER.match(text)
        if owner and before and len(before.subject.split()) < 5 and _agrees(_OWNERS[owner.group()], before):
            text = f"{before.subject}{chr(39) if before.subject.endswith('s') else chr(39) + 's'}{text[owner.end() :]}"
            evidence = (raw_before, sentence.raw)
        read = tuple(clauses.read_all(text)) if _usable(text) else ()
        if _usable(text) and _POINTS_BACK.search(text):
            if said_before:
                both = (*evidence_before, sentence.raw)
                yield Statement(f"{said_before} {text}", read, both, sentence.headings, sentence.paragraph, joined=True)
            before, raw_before, said_before = None, sentence.raw, ""
            continue
        said_before, evidence_before = (text, evidence) if _usable(text) and not _PRONOUN.match(text) else ("", ())
        if _usable(text) and not any(_OBJECT_PRONOUN.match(c.rest) for c in read[:1]):
            yield Statement(text, read, evidence, sentence.headings, sentence.paragraph)
        before, raw_before = (read[0] if read else None), sentence.raw


def _by_authors(sentence: Sentence) -> Sentence:
    """ "We use" in a report of research: the authors use."""
    text = re.sub(r"^We(?= [a-z])", "The authors", re.sub(r"^Then we\b", "We", sentence.text))
    text = re.sub(r"(?<=, )we(?= [a-z])", "the authors", text)
    if text == sentence.text or re.search(r"\b(?:we|us)\b", text):
        return sentence
    return replace(sentence, text=re.sub(r"\bour\b", "their", text))


def _plain(text: str) -> str:
    bare = re.sub(r"(?<=[.!?]) [a-z]\.$", "", _NOTE.sub("", _GLUED.sub("", text)))
    bare = english.CONNECTIVES.sub("", bare)
    bare = re.sub(r"^(?:[A-Z][a-z]{2,}ly|Later|Traditionally|Contrary to popular belief), (?=[A-Za-z])", "", bare)
    bare = re.sub(r", (?:however|therefore|though|for example|in turn)(?=[,.]),?", "", bare)
    return bare[:1].upper() + bare[1:]


def _usable(text: str) -> bool:
    words = text.split()
    return (
        4 <= len(words) <= MOST_WORDS
        and text[-1] in '.!”"'
        and text[0].isalnum()
        and not _SKIPPED.match(text)
        and not _DEBRIS.search(text)
        and not (_ELSEWHERE.search(text))
        and text.count('"') % 2 == 0
        and text.count("(") == text.count(")")
        and not re.match(r"[a-z]", text)
        and not text.endswith(('etc."', " No."))
    )


def _agrees(pronoun: str, before: Clause) -> bool:
    """A wrong antecedent is worse than a lost sentence: number must fit, and people are not "it"."""
    head = before.subject.split()[-1].casefold()
    first = before.subject.split()[0].casefold()
    if (
        any(english.is_number(w) for w in before.subject.split())
        or first in english.PRONOUNS | {"no", "every", "each", "one", "only", "all"}
        or len(before.subject.split()) > 7
    ):
        return False
    person = any(w.strip(",").casefold() in english.PEOPLE for w in before.subject.split())
    if pronoun == "They":
        return before.plural
    named = all(w[:1].isupper() for w in before.subject.split()) and len(before.subject.split()) < 4
    if pronoun in ("He", "She") and named and not before.plural:
        return True
    return (
        not before.plural
        and (pronoun == "It") == (not person)
        and head != "company"
        and not (pronoun in ("He", "She") and not before.subject[:1].isupper())
    )
