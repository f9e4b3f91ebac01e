"""The names that `config.checks` takes: the checks of a record, and what is found of it beside others."""

from __future__ import annotations

from dataforge.quality import rulings
from dataforge.quality.checks import CHECKS
from dataforge.quality.checks.check import Weight

OTHERS: dict[str, tuple[Weight, str]] = {
    "near_duplicate": ("reject", "It says nothing that an earlier record of the run or the project does not say"),
    "contaminated": ("reject", "It holds an item of an evaluation set of `config.decontaminate`, or is nearly one"),
    "reworded_repeat": ("review", "It says in other words what an earlier record of its chunk says"),
    "translated_repeat": ("review", "It says in another language what an earlier record says"),
    "contradicts": ("review", "Another record answers the same question otherwise"),
    "single_source": ("reject", "One of its two passages was not needed"),
    rulings.REJECTED: ("reject", "A verifier found that it is wrong"),
    rulings.DOUBTED: ("review", "A verifier was not sure of it"),
    rulings.UNVERIFIED: ("review", "A verifier should have looked at it and did not"),
}
"""What they do by themselves, and what is wrong."""


def known() -> dict[str, tuple[Weight, str]]:
    """Every check in the order in which findings are shown."""
    return {**{name: (check.weight, check.says) for name, check in CHECKS.items()}, **OTHERS}


def table() -> str:
    """The table of docs/checks.md."""
    does = {"reject": "rejects", "review": "flags", "weigh": "lowers the score"}
    rows = [f"| `{name}` | {does[weight]} | {says} |" for name, (weight, says) in known().items()]
    return "\n".join(["| check | standard | what it says |", "|---|---|---|", *rows]) + "\n"
