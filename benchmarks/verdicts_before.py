"""What the scorers of an earlier commit say of labelled records; run by `benchmarks.verdicts --before`, which puts
that commit's packages on the path. It prints {id: {"reasons": [...], "score": 0-1}}."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dataforge.quality.record_scoring import ScoringCase
from dataforge.recipes import RECIPES
from dataforge.records import Draft, Message


def main() -> None:
    said = {}
    for line in Path(sys.argv[1]).read_text("utf-8").splitlines():
        row = json.loads(line)
        kind, question = row["generation_type"], row["question"]
        asked = f"{question}\n\n{row['passage']}" if kind == "summary" else question
        draft = Draft(
            asked,
            row["answer"],
            evidence=tuple(row["evidence"]),
            turns=tuple(Message(t["role"], t["content"]) for t in row.get("turns") or ()),
            material_at=len(question) + 2 if kind == "summary" else None,
        )
        case = ScoringCase(draft=draft, passage=row["passage"], headings=tuple(row["heading"].split(" > ")))
        found = RECIPES[kind].score(case)
        said[row["id"]] = {"reasons": list(found.reasons), "score": found.score}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
