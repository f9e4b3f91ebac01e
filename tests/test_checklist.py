"""Every capability of the checklist that is promised is proven by a test that says so: `# checklist 12, 14-17`."""

from __future__ import annotations

import re

from tests.support.paths import TESTS

PROMISED = {*range(1, 131), *range(157, 187), 196, 197, 199}
HIGHEST = 200
COMMENT = re.compile(r"^\s*# checklist (.+)$", re.MULTILINE)


def numbers(said: str) -> set[int]:
    """`12, 14-17` -> {12, 14, 15, 16, 17}. Raises ValueError for anything else."""
    found: set[int] = set()
    for part in said.split(","):
        first, _, last = part.strip().partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def claimed() -> dict[int, set[str]]:
    """Number -> the files that claim it; a comment counts where a test or a table of cases follows it."""
    where: dict[int, set[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        for said in COMMENT.findall(path.read_text("utf-8")):
            for number in numbers(said):
                where.setdefault(number, set()).add(path.name)
    return where


def test_every_promised_number_is_proven_somewhere() -> None:
    missing = sorted(PROMISED - claimed().keys())

    assert missing == [], "no test says `# checklist <number>` for these"


def test_only_numbers_of_the_checklist_are_claimed() -> None:
    assert {n: files for n, files in claimed().items() if not 1 <= n <= HIGHEST} == {}


def test_a_claim_stands_right_above_a_test() -> None:
    stray = [
        f"{path.name}: # checklist {match[1]}"
        for path in TESTS.rglob("test_*.py")
        for match in re.finditer(r"^\s*# checklist (.+)\n(.*)$", path.read_text("utf-8"), re.MULTILINE)
        if not re.match(r"\s*(async def test_|def test_|@|class |#)", match[2])
    ]

    assert stray == []


def test_lists_and_ranges_are_read() -> None:
    assert numbers("3") == {3}
    assert numbers("1, 2, 14-16,20") == {1, 2, 14, 15, 16, 20}
