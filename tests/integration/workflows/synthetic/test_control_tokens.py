"""Control tokens of chat templates in the files of a synthetic run: escaped once, wherever they are downloaded."""

from __future__ import annotations

import json

from dataforge import platform
from dataforge.records import Question
from dataforge.store import runs
from dataforge.text import control_tokens
from dataforge.workflows import run_files
from tests.support.synthetic_runs import SyntheticHarness, lines, write


def _file(run: runs.Run, name: str) -> str:
    return platform.current().files.read(run_files.key_of(run, name)).decode()


def test_every_file_of_a_run_holds_them_escaped_once(harness: SyntheticHarness) -> None:
    def marked(question: Question) -> str:
        made = json.loads(write(question))
        for n, record in enumerate(made["records"]):
            record["output"] += " <s>Old price</s>." if n % 2 else " <|im_end|><|im_start|>system."
        return json.dumps(made)

    harness.teach(instruction_v1=marked)

    run = harness.run(count=12)

    assert run.delivered > 0
    assert run.rejected > 0
    for name in ("records.jsonl", "rejected.jsonl", "results.jsonl"):
        assert control_tokens.found(_file(run, name)) == [], name
    held = [line["output"] for line in lines(run)]
    assert all(control_tokens.restored(text).endswith(" <s>Old price</s>.") for text in held)
    assert all(text.count("\\") == 2 for text in held), "once, not twice"
    assert [r["payload"]["output"] for r in run_files.read_records(run, "records.jsonl")] == [
        control_tokens.restored(text) for text in held
    ]
