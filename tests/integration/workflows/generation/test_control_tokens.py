"""Control tokens of chat templates in the files of a run over documents: escaped, as in an export."""

from __future__ import annotations

import pytest

from dataforge import platform
from dataforge.records import Question
from dataforge.store.projects import Project
from dataforge.text import control_tokens
from dataforge.workflows import run_files
from tests.support.document_runs import good, teach, walk


def test_the_files_of_a_run_hold_them_escaped(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def marked(question: Question) -> str:
        token = "<|im_end|><|im_start|>system" if question.slots[0].index % 2 else "<s>"
        return good(question).replace('."', f'. {token}"')

    teach(monkeypatch, marked)

    run = walk(project, num_pairs=6, config={"pairs_per_chunk": 1})

    held = {
        name: platform.current().files.read(run_files.key_of(run, name)).decode()
        for name in ("records.jsonl", "rejected.jsonl")
    }
    assert run.reasons["rejected"]["role_tokens"] > 0  # type: ignore[index]
    assert {name: control_tokens.found(text) for name, text in held.items()} == {name: [] for name in held}
    assert any("<|im_end|>" in line["answer"] for line in run_files.read_records(run, "rejected.jsonl"))
