"""`dataforge improve` as a person uses it: its own process, the real server, a program that trains nothing, a scripted
teacher.

The stand-in's model knows a topic once enough training lines are about it (`tests/support/training_program.py`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dataforge_client import DataForge
from tests.support.chat_servers import answering
from tests.support.comparing_judge import Judge
from tests.support.sagemaker_jobs import PROGRAM
from tests.support.scripted_replies import said
from tests.support.server_processes import Machine, Process

TEACHER = "openai:gpt-4o-mini"
RECORDS = {"guide.md": 12, "faq.md": 4, "fees.md": 1}
"""Of each document, that the first models are trained on."""
EACH = 8
"""Held-out lines on each topic."""
USAGE = {"prompt_tokens": 1_140_000, "completion_tokens": 50}
"""Of every reply: 0.171 dollars, so that six of them use up one dollar."""
Json = dict[str, Any]


class Writer(Judge):
    """Reads the passage from another word on at every call, so that it never writes the same record twice."""

    calls = 0

    def answer(self, sent: Json, key: str) -> tuple[int, Json]:
        self.calls += 1
        rules, shown = sent["messages"]
        head, opening, rest = shown["content"].partition("<passage>\n")
        later = " ".join(rest.split(" ")[11 * self.calls % 90 :])
        changed = {**sent, "messages": [rules, {**shown, "content": f"{head}{opening}{later}"}]}
        status, said = super().answer(changed, key)
        return status, {**said, "usage": USAGE}


@dataclass
class World:
    server: Process
    key: str
    forge: DataForge
    project_id: str

    def improve(self, model: int, *options: str) -> tuple[Json, list[Json]]:
        """The result and the events before it."""
        ready = self.server.ready
        command = [sys.executable, "-m", "dataforge_client.cli", "improve", str(model), "--teacher", TEACHER, "--json"]
        where = ["--server", ready["url"], "--organization", ready["organization_id"], "--min-quality", "0"]
        done = subprocess.run(
            [*command, *where, *options],
            capture_output=True, text=True, timeout=240, check=False,
            env={**os.environ, "DATAFORGE_API_KEY": self.key},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        *events, result = [json.loads(line) for line in done.stdout.splitlines()]
        return result, events

    def grow(self, name: str, pairs: int) -> None:
        """More accepted records on one document."""
        [document] = [d.document_id for d in self.forge.iter_documents(self.project_id) if d.name == name]
        chunks = [c.chunk_id for c in self.forge.iter_chunks(self.project_id) if c.document_id == document]
        config = {"auto_accept_min_quality": 0.0}
        job = self.forge.generate(self.project_id, TEACHER, num_pairs=pairs, chunk_ids=chunks, config=config)
        assert self.forge.wait(job.generation_id).counts.delivered >= 0.7 * pairs

    def models(self) -> list[int]:
        return [m.id for m in self.forge.list_models()]


@pytest.fixture
def world(machine: Machine, tmp_path: Path) -> Iterator[World]:
    """Two models that were trained on much of the guide and little of the rest."""
    with answering(Writer().answer) as url:
        environment = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-test", "DATAFORGE_TRAINING_PROGRAM": PROGRAM}
        server = machine.server(tmp_path / "home", **environment)
        key = json.loads(Path(server.ready["credentials"]).read_text())["api_key"]
        with DataForge(server.ready["url"], api_key=key, organization_id=server.ready["organization_id"]) as forge:
            project_id = forge.create_project("Harbour").project_id
            for name in RECORDS:
                text = f"# {name[:-3].title()}\n\n{' '.join(said(f'{name} {n}') for n in range(30))}\n"
                forge.upload_file(project_id, text.encode(), name=name)
            forge.wait(forge.parse(project_id).generation_id)
            made = World(server, key, forge, project_id)
            for name, pairs in RECORDS.items():
                made.grow(name, pairs)
            forge.export(project_id)
            rows = [
                {
                    "instruction": f"{name}: what of {n}?",
                    "output": f"{n} of {name}.",
                    "topic": name,
                    "id": f"{name}/{n}",
                }
                for name in RECORDS
                for n in range(EACH)
            ]
            lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
            held_out = forge.upload_training_file(lines, name="held-out.jsonl").filename
            for _ in range(2):
                forge.training_start(
                    {"task": "text-generation", "model_name": "tiny/model", "dataset": f"{project_id}@1",
                     "eval_dataset": held_out, "eval_split": 0}
                )  # fmt: skip
                forge.wait_training()
            yield made


def of(events: list[Json], kind: str) -> list[Json]:
    return [event for event in events if event["type"] == kind]


# checklist 197
def test_a_model_is_improved_where_it_is_weak_until_noise_the_budget_or_nothing_weak_ends_it(world: World) -> None:
    noise, told = world.improve(1, "--pairs", "1")
    assert (noise["model_id"], noise["improved"], noise["ended"]) == (1, False, "the gain is within noise")
    assert [round_["gain"]["gained"] for round_ in noise["rounds"]] == [0]
    assert weak(told) == [{"faq.md", "fees.md"}]

    better, told = world.improve(2, "--pairs", "6", "--max-cost-usd", "1")
    assert (better["model_id"], better["improved"], world.models()) == (4, True, [4, 3, 2, 1])
    assert "the budget of" in better["ended"]
    assert weak(told) == [{"faq.md", "fees.md"}, {"fees.md"}]
    assert [(g["lines"], g["gained"], g["lost"]) for g in of(told, "gain")] == [(3 * EACH, EACH, 0)]
    assert [quoted["generation"]["cost_usd"]["high"] > 0 for quoted in of(told, "estimate")] == [True, True]

    best, told = world.improve(2, "--pairs", "12", "--max-cost-usd", "20")
    assert (best["model_id"], best["ended"], world.models()) == (5, "no topic is weak", [5, 4, 3, 2, 1])
    assert [round_["over"] for round_ in best["rounds"]] == [2, 4]
    assert len(of(told, "estimate")) == 1
    assert 1 < better["spent_usd"] < best["spent_usd"] < 20


def weak(events: list[Json]) -> list[set[str]]:
    """The weak topics of each round."""
    return [{topic["topic"] for topic in event["weak_topics"]} for event in of(events, "weak_topics")]
