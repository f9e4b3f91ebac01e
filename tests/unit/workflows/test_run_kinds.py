"""The table of run kinds: every step that it names exists and can be called as the table says."""

from __future__ import annotations

import inspect
import json

import pytest

from dataforge.errors import UnknownRunKind
from dataforge.workflows import kinds
from tests.support.paths import INFRA

STEPS = ("plan", "open_batch", "assess", "close", "recover", "record_failure", "give_up")
PARAMETERS = {
    "plan": 2,
    "open_batch": 1,
    "assess": 2,
    "close": 2,
    "recover": 2,
    "record_failure": 1,
    "give_up": 2,
}


@pytest.mark.parametrize("kind", kinds.KINDS.values(), ids=lambda k: k.name)
def test_every_step_exists_and_takes_what_the_table_says(kind: kinds.RunKind) -> None:
    for name in STEPS:
        if getattr(kind, name):
            found = kind.step(name)
            assert len(inspect.signature(found).parameters) == PARAMETERS[name], f"{kind.name}.{name}"
            assert inspect.getdoc(found), f"{kind.name}.{name} has no docstring"
        else:
            with pytest.raises(UnknownRunKind, match=f"{kind.name}.*{name}"):
                kind.step(name)


@pytest.mark.parametrize("kind", kinds.KINDS.values(), ids=lambda k: k.name)
def test_every_kind_has_a_state_machine(kind: kinds.RunKind) -> None:
    definition = json.loads((INFRA / f"{kind.machine}.asl.json").read_text("utf-8"))

    assert definition["StartAt"] in definition["States"]


def test_kinds_are_found_by_name_and_never_guessed() -> None:
    assert kinds.of("generate") is kinds.GENERATE
    with pytest.raises(UnknownRunKind, match="known: generate, synthetic, parse, train, verify, erase"):
        kinds.of("documents")
