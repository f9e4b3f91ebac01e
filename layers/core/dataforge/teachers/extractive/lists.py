"""Lists with what introduces them: which documents, what does it include, how do you; and terms with explanations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from zlib import crc32

from dataforge.teachers.extractive import clauses, english
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.scene import Item, Listing, Scene
from dataforge.teachers.extractive.verbs import base_of
from dataforge.teachers.extractive.wording import anchored, lower_first, topic

MOST_ITEMS, MOST_CHARACTERS = 15, 1500
_FOLLOWING = re.compile(
    r"^(?:the following|these|the) (?P<what>[a-z][a-z -]*?)(?: below)?(?P<tail>$| (?:within|before|after|not "
    r"later than|when|for|in|on|at|to|with|of|if|during|every) .+)"
)
_TO_DO = re.compile(
    r"^To (?P<what>[a-z]+ .+?)(?:, (?:follow|do|complete|take|you|please|proceed|use|perform|carry).*)?:?$"
)
_NOUNS = re.compile(
    r"^(?:The |Our |Your )?(?:following )?(?P<what>[A-Za-z][\w’' -]+?)(?: (?:is|are|include|includes|as follows))*:$"
)
_TERM = re.compile(r"^(?P<term>[A-Z][^:–—|]{1,48}?)\s*(?::|\s[–—-])\s+(?P<text>\S.{19,})$")
_HOLDS = re.compile(r" (?:contain|include|comprise|cover|require|provide|offer|need|list|receive)s?:$")
_BAD_ITEM = re.compile(r"_{3,}|^\W*$|^(?:https?://|www\.)|\.{4,}|☐")


def lists(listing: Listing, scene: Scene) -> Iterator[Candidate]:
    items = [i for i in listing.items if i.depth == min(x.depth for x in listing.items)]
    if not 2 <= len(items) <= MOST_ITEMS or any(_BAD_ITEM.search(i.text) for i in listing.items):
        return
    question = _question(listing, items, scene)
    if question and sum(len(i.text) for i in listing.items) <= MOST_CHARACTERS:
        how = question.startswith(("How ", "What are the steps", "Which steps")) or " steps" in question
        yield Candidate(
            question=anchored(question, listing.headings, scene),
            answer=written(listing),
            kind="how-to" if how else "list",
            difficulty="medium",
            evidence=tuple(x for x in (listing.lead.raw if listing.lead else "", *(i.raw for i in listing.items)) if x),
            worth=1.0,
        )
    yield from _terms(items, listing, scene)


def written(listing: Listing) -> str:
    """The list with what introduces it, as a person would write it."""
    lines = [listing.lead.text] if listing.lead else []
    number = 0
    for item in listing.items:
        number += item.ordered and item.depth == listing.items[0].depth
        marker = f"{number}." if item.ordered and item.depth == listing.items[0].depth else "-"
        lines.append("  " * (item.depth - listing.items[0].depth) + f"{marker} {item.text}")
    return "\n".join(lines)


def _question(listing: Listing, items: Sequence[Item], scene: Scene) -> str | None:
    if listing.lead is None:
        return _by_heading(listing, items, scene)
    lead = english.CONNECTIVES.sub("", listing.lead.text)
    adjunct, main = clauses.split_adjunct(lead)
    to_do = _TO_DO.match(lead)
    if to_do and "," not in to_do["what"] and base_of(to_do["what"].split()[0], "base"):
        return f"How do you {to_do['what']}?"
    clause = clauses.read(main) or (
        clauses.read(f"{main.rstrip(' .:')} the following") if _HOLDS.search(main) else None
    )
    if clause and not clause.negated and clause.rest.split(" ")[0] not in ("that", "as"):
        rest = main.rstrip(" .:")
        rest = rest[rest.index(clause.rest) :] if clause.rest and clause.rest in rest else clause.rest
        subject = lower_first(clause.subject, scene)
        what = _FOLLOWING.match(rest) if rest != "the following" else None
        if (what and not rest.startswith("the ")) or (what and rest.startswith("the following")):
            asked = f"Which {what['what']} {clause.aux} {subject} {clause.verb}{what['tail']}?".replace("  ", " ")
        elif clause.subject.casefold().startswith("the following "):
            asked = f"Which {clause.subject[14:]} {clause.finite} {rest}?".replace(" ?", "?")
        elif rest in ("", "the following") or rest.split()[-1] in english.PREPOSITIONS or rest == "as follows":
            tail = "" if rest in ("the following", "as follows") else f" {rest}"
            asked = f"What {clause.aux} {subject} {clause.verb}{tail}?".replace(" ?", "?")
        else:
            what_for = re.match(r"^(?:the )?(?P<n>[A-Z]\w+ )?(?:method|procedure|process|rules|steps)\b.*$", rest)
            if not what_for or not all(i.text.split()[0][:1].isupper() for i in items):
                return None
            if not rest.startswith("the "):
                return None
            asked = f"What steps make up {rest}?"
        return f"{adjunct}, {asked[0].lower()}{asked[1:]}" if adjunct else re.sub(r"\s+", " ", asked)
    return _nouns(lead, scene) if not adjunct else None


def _nouns(lead: str, scene: Scene) -> str | None:
    """ "Suggested reportable symptoms:", "The required documents are:" """
    found = _NOUNS.match(lead)
    if not found:
        return None
    what = found["what"].strip()
    last = re.split(r" (?:of|for|in|on|to)\b", what)[0].split()[-1]
    if (
        not english.is_plural(last)
        or len(what.split()) > 8
        or (base_of(last.casefold(), "third") and len(what.split()) < 2)
    ):
        return None
    if any(w.casefold() in english.MODALS | english.PRONOUNS | english.RELATIVES for w in what.split()):
        return None
    running = _running(what, scene)
    return f"What are {running}?" if running.startswith(("some ", "several ")) else f"What are the {running}?"


def _running(what: str, scene: Scene) -> str:
    """Title Case in running case, but for words that the text itself never writes small."""
    words = what.split()
    if not all(w[:1].isupper() for w in words):
        return lower_first(what, scene)
    small = scene.lower_words | english.DETERMINERS | english.PREPOSITIONS
    return " ".join(w.lower() if w.casefold() in small and w not in scene.proper_words else w for w in words)


def _by_heading(listing: Listing, items: Sequence[Item], scene: Scene) -> str | None:
    if not listing.headings:
        return None
    heading = listing.headings[-1]
    words = heading.split()
    how = re.match(r"^How to ([a-z]+ .+)$", heading)
    if how and base_of(how.group(1).split()[0], "base"):
        return f"How do you {how.group(1)}?"
    name = topic(listing.headings[-1:], scene, allow_gerund=True)
    if name is None:
        return None
    imperative = sum(base_of(i.text.split()[0].casefold(), "base") is not None for i in items) >= 0.7 * len(items)
    if items[0].ordered and imperative and base_of(words[0].casefold(), "gerund"):
        over = topic(listing.headings[-2:-1], scene) if len(words) == 1 else None
        thing = over.split(" and ")[-1].split(" ", 1)[-1] if over and " " in over else ""
        return f"What are the steps for {name}{' ' + thing if thing else ''}?"
    if items[0].ordered and imperative:
        steps = name.split()[-1] in ("steps", "instructions")
        return f"What are the {name.removeprefix('the ')}?" if steps else f"What are the steps for {name}?"
    doing = base_of(words[0].casefold(), "gerund")
    if doing and any(base_of(w.casefold(), "gerund") for w in words[1:]):
        return None
    if doing and len(words) > 1 and words[0].casefold() != "following":
        return f"How do you {doing} {' '.join(_running(heading, scene).split()[1:])}?" if items[0].ordered else None
    if items[0].ordered:
        return None
    last = re.split(r" (?:of|for|in|on|to|that)\b", name)[0].split()[-1]
    if (
        english.is_plural(last)
        and not imperative
        and len(words) < 7
        and sum(len(i.text.split()) for i in items) > 2 * len(items)
    ):
        return f"What are the {name}?" if not name.startswith(("the ", "our ")) else f"What are {name}?"
    return None


_KNOW = ("What should one know about {}?", "What is there to say about {}?", "How would you explain {}?")
_OPTION = re.compile(
    r"^(?:This|The) (?:\w+ )?(?P<what>option|setting|feature|status|page|mode|area|button|field|level)\b"
)


def _about(term: str, text: str, over: str | None) -> str:
    """A definition is asked for as one; a sentence or more is what there is to know."""
    option = _OPTION.match(text)
    if option and option["what"] in ("status", "level"):
        return f"What does the {option['what']} “{term}” mean{f' for {over}' if over else ''}?"
    if option:
        return f"What does the “{term}” {option['what']} do?"
    first = text.split()[0].casefold()
    phrase = clauses.read(re.split(r"(?<=[.!?]) ", text)[0]) is None and base_of(first, "base") is None
    if phrase and (text[:1].islower() or first in ("a", "an", "the", "any", "one")):
        within = f", in the context of {over}" if over else ""
        return f"What {'are' if english.is_plural(term.split()[-1]) else 'is'} {term}{within}?"
    lead = _KNOW[crc32(term.encode()) % len(_KNOW)]
    within = f"Regarding {over}, {lead[0].lower()}{lead[1:]}" if over else lead
    return within.format(term)


def _terms(items: Sequence[Item], listing: Listing, scene: Scene) -> Iterator[Candidate]:
    """ "Templates: pre-designed formats for documents": a small glossary; two of them also make a comparison."""
    found = [(m["term"].strip(), m["text"], i) for i in items if (m := _TERM.match(i.text))]
    if len(found) < max(2, 0.6 * len(items)):
        return
    over = topic(listing.headings, scene)
    for term, text, item in found:
        if len(term.split()) > 6 or text[:1] in "_*|(" or text.startswith(("Refer to", "See ", "For details")):
            continue
        question = _about(term, text, over)
        answer = f"{term}: {text}" if text[-1] in ".!?" else f"{term}: {text}."
        yield Candidate(
            question=question, answer=answer, kind="definition", difficulty="easy", evidence=(item.raw,), worth=0.75
        )
