"""`config.checks`: a level, single checks, and what is refused."""

from __future__ import annotations

import pytest

from dataforge.errors import Invalid
from dataforge.quality import check_names, policy
from dataforge.quality.findings import Finding
from dataforge.quality.policy import STANDARD, Policy

KNOWN = ("truncated", "ungrounded", "near_duplicate")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (None, STANDARD),
        ("strict", Policy("strict")),
        ({}, STANDARD),
        ({"level": "lenient"}, Policy("lenient")),
        ({"truncated": "off"}, Policy("standard", {"truncated": "off"})),
        ({"level": "strict", "ungrounded": "review"}, Policy("strict", {"ungrounded": "review"})),
    ],
)
def test_a_level_and_single_checks_are_read(given: object, meant: Policy) -> None:
    assert policy.read(given, KNOWN) == meant


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ("severe", "checks", "lenient, standard or strict"),
        (3, "checks", "lenient, standard or strict"),
        ([], "checks", "lenient, standard or strict"),
        ({"level": "none"}, "checks", "lenient, standard or strict"),
        ({"truncatd": "off"}, "checks.truncatd", "did you mean truncated?"),
        ({"Ungrounded": "off"}, "checks.Ungrounded", "did you mean ungrounded?"),
        ({"xyz": "off"}, "checks.xyz", "use one of: truncated, ungrounded, near_duplicate"),
        ({"truncated": "maybe"}, "checks.truncated", "off, review or reject"),
        ({"truncated": ["off"]}, "checks.truncated", "off, review or reject"),
        ({"truncated": None}, "checks.truncated", "off, review or reject"),
        ({"level": {}}, "checks", "lenient, standard or strict"),
    ],
)
def test_what_is_no_check_or_setting_is_refused_with_its_field(given: object, field: str, said: str) -> None:
    with pytest.raises(Invalid) as refusal:
        policy.read(given, KNOWN)

    assert [e.field for e in refusal.value.errors] == [field]
    assert said in refusal.value.message


def test_a_stored_choice_may_name_a_check_that_is_gone() -> None:
    stored = {"level": "strict", "truncated": "off", "retired": "reject"}

    assert policy.stored(stored, KNOWN) == Policy("strict", {"truncated": "off"})


@pytest.mark.parametrize(
    ("chosen", "outcome"), [({}, "reject"), ({"near_duplicate": "review"}, "review"), ({"near_duplicate": "off"}, None)]
)
def test_a_repeat_counts_as_it_is_set(chosen: dict[str, str], outcome: str | None) -> None:
    counted = policy.read(chosen, KNOWN).settled(Finding("near_duplicate", "reject", ("a",), "Repeats another"))

    assert (counted and counted.outcome) == outcome
    assert counted is None or counted.words == ("a",)


def test_every_name_of_a_check_is_known_and_says_something() -> None:
    known = check_names.known()

    assert {"truncated", "ungrounded", "near_duplicate"} <= known.keys()
    assert [name for name, (_, says) in known.items() if not says or "|" in says or "\n" in says] == []
