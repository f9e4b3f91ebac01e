"""No pattern takes more than linear time over the texts that it sees, whatever they hold.

Every pattern of the package is found, wherever it is compiled, and attacked with what it is made of
(`tests/support/hostile_texts.py`). A pattern with nested or adjoining repetitions does not pass.
"""

from __future__ import annotations

import re
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from dataforge.quality import toxicity
from dataforge.recipes import json_repair
from dataforge.teachers.extractive import scene
from dataforge.text.languages import asked_words, logic_words
from tests.support import hostile_texts, package_patterns
from tests.support.hostile_texts import Attack
from tests.support.package_patterns import Found

SHORT = "dataforge.teachers.extractive."
"""The patterns of the offline teacher look at sentences, items, rows and headings of at most scene.MOST_CHARACTERS."""
SHORT_SECONDS = 0.03

_grammar = json_repair._grammar(frozenset({"question", "answer", "evidence"}))
_cues = [
    pattern
    for name in ("negation", "no negation", "at most", "over", "duty", "general", "condition", "yes", "no")
    for language in ("en", "fr", "zh")
    if (pattern := logic_words.cue(name, language))
]
_cues_at_the_start = [
    re.compile(rf"\W*(?:{pattern.pattern})\s*[,.:;，。、!،]\s*")
    for pattern in (logic_words.cue(name, language) for name in ("yes", "no") for language in ("en", "fr", "zh"))
    if pattern
]
MADE_WHEN_USED: dict[str, list[re.Pattern[str]]] = {
    "dataforge.parsing.pdf_layout._items": [re.compile(r"(?<=[.!?;,\w)])\s12\.\s+(?=\S)")],
    # Made for tables of the module, which are looked at as well.
    "dataforge.quality.checks.logic._bare": _cues_at_the_start,
    "dataforge.quality.checks.logic._clauses": [],
    "dataforge.quality.checks.logic._conditions": [],
    "dataforge.quality.checks.logic._denies": [],
    "dataforge.quality.checks.logic._is_negated": [],
    "dataforge.quality.checks.logic._negations": [],
    "dataforge.quality.checks.logic.direction": [],
    "dataforge.quality.injections._any": [],
    "dataforge.quality.privacy.context.words": [],
    "dataforge.quality.privacy.national_ids._id": [],
    "dataforge.quality.privacy.secrets._rule": [],
    "dataforge.quality.toxicity._patterns": [one for name in ("en", "zh") for one in toxicity._patterns(name)],
    "dataforge.recipes.json_repair._grammar": [_grammar.after_member, _grammar.after_item],
    "dataforge.recipes.record_lists.shielded": [re.compile(r"<(?=\s*+/?+\s*+(?:record|answer)\b)", re.IGNORECASE)],
    "dataforge.recipes.verifying._has": [re.compile(r"(?<![0-9a-z])5 euros(?![0-9a-z])")],
    "dataforge.store.spending._matches": [re.compile(r"openai:gpt\-.*", re.DOTALL)],
    "dataforge.text.languages.asked_words.asks": [
        re.compile(rf"(?<!\w)(?:{table[language]})(?!\w)")
        for table in (asked_words.NUMBER_ASKED, asked_words.TIME_ASKED)
        for language in ("en", "de", "fr")
    ],
    "dataforge.text.languages.logic_words._one_of": [one for pair in logic_words.opposites("en")[:6] for one in pair],
    "dataforge.text.languages.logic_words.cue": _cues,
    "dataforge.text.languages.phrases.pattern": [],
    "dataforge.teachers.extractive.conversations._it": [re.compile(r"\b(?:an Islander Card)\b(?!['’-])")],
    "dataforge.teachers.extractive.sections._explained": [re.compile(r"^#+ .*Hours of rest", re.MULTILINE)],
    "dataforge.teachers.extractive.wording._running": [
        re.compile(r"\bthe hours(?=[.,;:)]| (?:is|are|was|were|of|and|or|in|on|at|for|to|must|may)\b)", re.IGNORECASE)
    ],
    "dataforge.teachers.templated._listed": [re.compile(r'"override_condition" is exactly one of: (.+)')],
    "dataforge_functions.api.openapi.methods_at": [],
    "dataforge_functions.api.openapi._document_operation": [],
}
"""Patterns that are made of what a function is given, and examples of them; none for paths of our own routes, and where
a module keeps the patterns that are made."""

AT_ONE_PLACE = {
    "dataforge.quality.checks.logic._bare",
    "dataforge.recipes.json_repair._grammar",
    "dataforge.store.spending._matches",
}
"""Of them: matched at one place, never searched for."""

MODULES = package_patterns.modules()


def _run(found: Found, text: str) -> None:
    data: Any = text.encode("utf-8", "replace") if isinstance(found.pattern.pattern, bytes) else text
    if found.scans:
        for _ in found.pattern.finditer(data):
            pass
    else:
        found.pattern.match(data)
        found.pattern.fullmatch(data)


def _too_slow(found: Found, attack: Attack) -> str | None:
    if not found.where.startswith(SHORT):
        return hostile_texts.grows_too_fast(partial(_run, found), attack)
    text = attack.of(scene.MOST_CHARACTERS)
    took = min(hostile_texts.seconds(lambda text: _run(found, text), text) for _ in range(3))
    return f"{attack}: {len(text)} characters take {took:.4f} s" if took > SHORT_SECONDS else None


def _slow(found: Found) -> list[str]:
    """The first attack that works."""
    problems = (_too_slow(found, attack) for attack in hostile_texts.attacks_on(found.pattern))
    first = next(filter(None, problems), None)
    return [f"{found.where}: {first}"] if first else []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_pattern_is_linear(module: ModuleType) -> None:
    found, unknown = package_patterns.of_module(module)
    made = [Found(where, p, where not in AT_ONE_PLACE) for where in set(unknown) for p in MADE_WHEN_USED[where]]

    assert [problem for one in (*found, *made) for problem in _slow(one)] == []


def test_the_patterns_of_every_module_are_found() -> None:
    everywhere = [package_patterns.of_module(module) for module in MODULES]

    assert sum(len(found) for found, _ in everywhere) > 300
    assert {where for _, unknown in everywhere for where in unknown} == set(MADE_WHEN_USED), "declare what it compiles"


@pytest.mark.parametrize(
    ("source", "flags"),
    [
        (r"^\s*(?:user|assistant)\s*:", re.MULTILINE),
        (r"^\s*(?:<!--.*?-->\s*)*<html", re.DOTALL),
        (r"\[([^\]]*)\]\([^)\s]*\)", 0),
        (r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", 0),
        (r"^[\d.,\s]*\d[\d.,\s]*%?$", 0),
        (r"(?:[A-Z]\w+ ?){2,}$", 0),
        (r"(?<=[.!?])[\"')]*(?:\[\d+\])*[\"')]*(?=\s|$)", 0),
    ],
)
def test_patterns_that_are_not_linear_are_told(source: str, flags: int) -> None:
    """Those that documents and replies could stop the service with."""
    found = Found("an example", re.compile(source, flags), scans=True)

    assert any(
        hostile_texts.grows_too_fast(partial(_run, found), attack, sizes=(64, 4096), suspicious=0.01)
        for attack in hostile_texts.attacks_on(found.pattern)
    )
