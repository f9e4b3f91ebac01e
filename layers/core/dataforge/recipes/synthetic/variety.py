"""Who asks and from where: what makes a thousand records about one domain differ.

Sub-topics come from a taxonomy that the teacher draws up of the domain; personas and angles are ours.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

PERSONAS = (
    "a complete beginner who has never dealt with this",
    "an experienced practitioner",
    "a manager who has to decide",
    "a student writing about it",
    "a customer who is annoyed",
    "a customer who is polite but confused",
    "a new colleague in the first week",
    "an auditor who checks that it is done right",
    "a developer who has to automate it",
    "a parent with little time",
    "an older person who distrusts technology",
    "a non-native speaker who writes in short, plain sentences",
    "a journalist who asks for background",
    "a teacher who has to explain it to others",
    "a small-business owner who watches the costs",
    "a freelancer who works alone",
    "a support agent who relays someone else's problem",
    "a sceptic who wants proof",
    "a perfectionist who asks about details",
    "someone under time pressure",
    "a person who tried it once and failed",
    "an expert from a neighbouring field",
    "a volunteer who helps out",
    "a buyer who compares offers",
)
ANGLES = (
    "the very first step",
    "something that went wrong",
    "a choice between two options",
    "the reason behind a rule",
    "a step-by-step procedure",
    "a common misunderstanding",
    "a deadline that is close",
    "costs and what drives them",
    "an unusual special case",
    "what to do when information is missing",
    "a before-and-after comparison",
    "a mistake and how to recover from it",
    "who is responsible for what",
    "how to check that it worked",
    "a definition in plain words",
    "risks and how to limit them",
    "a small numeric example",
    "a change of plans",
    "what experts disagree about",
    "a checklist",
    "a conversation that has to be handled with tact",
    "limits and exceptions",
    "how it was done in the past and is done now",
)
_PLAIN = (
    "getting started",
    "terms and definitions",
    "everyday procedures",
    "typical problems",
    "exceptions and limits",
    "costs and time",
    "roles and responsibilities",
    "tools and materials",
    "quality and checks",
    "safety and risks",
    "law and policy",
    "communication with others",
    "planning ahead",
    "comparing alternatives",
    "measuring results",
    "mistakes and corrections",
    "advanced practice",
    "history and trends",
    "records and documents",
    "training others",
)
"""Facets that every domain has: the taxonomy when no teacher draws one up."""


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Sub-topics by category; the empty name stands for the whole domain."""

    topics: Mapping[str, Sequence[str]]
    own: bool = True
    """A teacher drew it up for this domain; False: the facets that every domain has."""
    notes: tuple[str, ...] = field(default_factory=tuple)

    def of(self, category: str | None) -> Sequence[str]:
        return self.topics.get(category or "") or self.topics.get("") or _PLAIN


def plain(categories: Sequence[str]) -> Taxonomy:
    return Taxonomy(dict.fromkeys(("", *categories), _PLAIN), own=False)


def combinations(topics: Sequence[str], seed: str) -> Iterator[tuple[str, str, str]]:
    """(topic, persona, angle) without end: topics take turns, and no combination comes twice before all have come."""
    rng = random.Random(seed)
    order = list(topics)
    rng.shuffle(order)
    every = [(p, a) for p in PERSONAS for a in ANGLES]
    sides = [every.copy() for _ in order]  # of the same pairs: there may be hundreds of sub-topics
    for pairs in sides:
        rng.shuffle(pairs)
    turn = 0
    while True:
        for topic, pairs in zip(order, sides, strict=True):
            persona, angle = pairs[turn % len(pairs)]
            yield topic, persona, angle
        turn += 1
