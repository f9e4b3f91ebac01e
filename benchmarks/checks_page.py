"""Writes the table of docs/checks.md from the checks."""

from __future__ import annotations

import re
from pathlib import Path

from dataforge.quality import check_names

PAGE = Path(__file__).parents[1] / "docs" / "checks.md"


def main() -> None:
    text = PAGE.read_text("utf-8")
    head, tail = "<!-- checks -->\n", "<!-- end -->"
    written = re.sub(f"{head}.*{tail}", lambda _: f"{head}{check_names.table()}{tail}", text, flags=re.DOTALL)
    PAGE.write_text(written, "utf-8")


if __name__ == "__main__":
    main()
