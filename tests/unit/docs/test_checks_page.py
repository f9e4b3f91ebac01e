"""docs/checks.md lists every check and every line of the levels as they are."""

from __future__ import annotations

import re
from pathlib import Path

from dataforge.quality import check_names
from dataforge.quality.policy import LINES

PAGE = Path(__file__).parents[3] / "docs" / "checks.md"


def test_every_check_is_listed_with_what_it_does_and_says() -> None:
    listed = re.search(r"<!-- checks -->\n(.*)<!-- end -->", PAGE.read_text("utf-8"), re.DOTALL)

    assert listed is not None
    assert listed[1] == check_names.table(), "make checks-page writes the table again"


def test_the_lines_of_the_levels_are_those_of_the_policy() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| (never|[\d.]+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)

    page = {level: (float(flags), 0.0 if rejects == "never" else float(rejects)) for level, flags, rejects in rows}
    assert page == {level: (lines.flag_below, lines.reject_below) for level, lines in LINES.items()}
