"""What a language says in answers and questions that teach a model nothing: its phrases, as patterns.

Every language has a module here with `PHRASES`, loaded when a text is first met in it. The patterns see texts as
`normal_forms.flattened` returns them and ignore case.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import cache

from dataforge.text.languages import LANGUAGES
from dataforge.text.normal_forms import folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    refers: re.Pattern[str]
    """To the text before the reader, who has none: "according to the passage"."""
    points_back: re.Pattern[str]
    """To an earlier place: "as mentioned above". Right in a later turn of a conversation."""
    refuses: re.Pattern[str]
    """To answer, in the first person, or as a machine."""
    says_nothing: re.Pattern[str]
    """That the answer is not known: "is not specified"."""
    chatter: re.Pattern[str]
    """A sentence that holds it is a pleasantry."""
    asks_about_form: re.Pattern[str]
    """How a text is made and not what it says: "how many sentences", "the last column of the table"."""
    writes_questions: re.Pattern[str]
    """What a teacher is told: "write a question about"."""
    yes_no: frozenset[str]
    pronouns: frozenset[str]
    """That stand for something said before; nothing else."""
    pointing: re.Pattern[str]
    """A demonstrative with a noun that says nothing by itself: "this programme", "in that case"."""
    vague: frozenset[str]
    """That say nothing of what a question is about: "how many days?", "does it work?"."""
    joins_questions: re.Pattern[str]
    """The seam of two questions in one: "and how"."""
    unfinished: frozenset[str]
    """Words that no finished sentence ends with."""


@cache
def phrases_of(language: str) -> Phrases | None:
    """None for a language that is not in LANGUAGES."""
    if language not in LANGUAGES:
        return None
    found: Phrases = importlib.import_module(f"dataforge.text.languages.{language}").PHRASES
    return found


def listed(words: str) -> frozenset[str]:
    """As they are compared."""
    return frozenset(folded(word) for word in words.split())


def pattern(*alternatives: str) -> re.Pattern[str]:
    """Any of them, whatever the case."""
    return re.compile("|".join(alternatives), re.IGNORECASE)


def references(
    *more: str,
    by: str,
    within: str,
    the: str,
    this: str,
    given: str,
    coming: str,
    text: str,
    document: str,
    says: str,
    of: str,
) -> re.Pattern[str]:
    """References to the text before the reader, in a language that writes words apart.

    text: nouns that mean nothing but a text, document: those that may be a thing of their own as well; given: what is
    said of a text that is at hand, before or after the noun; coming: "following", which may announce a list as well. A noun counts only where it stands alone: neither
    followed by `of` ("the text of the treaty") nor by a number, nor joined to another noun.
    """
    alone = rf"(?![\w-]| (?:{of})\b| ?[\d§])"
    any_noun = f"(?:{text}|{document})"
    return pattern(
        rf"\b(?:{by}) (?:(?:{the}) ?)?(?:(?:{given}|{coming}) )?{any_noun}{alone}",
        rf"\b(?:{within}) (?:(?:{the}) ?)?(?:(?:{given}|{coming}) )?(?:{text}){alone}",
        rf"\b(?:{within}) (?:{this}) ?(?:(?:{given}|{coming}) )?{any_noun}{alone}",
        rf"\b(?:{this}) ?(?:{text}){alone}",
        rf"\b(?:{the}) ?(?:{given}) {any_noun}{alone}",
        rf"\b(?:{the}) ?{any_noun} (?:{given})(?!\w| (?:{of})\b)",
        rf"\b(?:{the}) ?{any_noun} (?:{says})(?!\w)",
        rf"\b(?:{says}) (?:{the}) ?{any_noun}{alone}",
        *more,
    )
