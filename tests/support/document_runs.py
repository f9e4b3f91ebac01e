"""A run over a harbour's passages, state after state in this process, with a teacher that follows a script."""

from __future__ import annotations

import json

import pytest

from dataforge import platform
from dataforge.platform.ports import Item
from dataforge.records import Question
from dataforge.store import runs
from dataforge.store.projects import Project
from dataforge.teachers import PROVIDERS
from dataforge.teachers.scripted import Line, ScriptedTeacher
from dataforge.workflows import run_states
from dataforge.workflows.generation import starting
from tests.support.embedded_platform import Started

FACTS = [
    [
        ("When does the north pier open?", "The north pier opens at five in the morning"),
        ("How much can the old crane lift?", "The old crane lifts eleven tonnes at most"),
        ("Who signs the tide journal?", "Tide journals are signed by the harbour master"),
    ],
    [
        ("What does fresh water cost?", "Fresh water costs four euros per cubic metre"),
        ("Where is waste oil collected?", "Waste oil goes into the green tank behind shed two"),
        ("How long may a guest yacht stay?", "Guest yachts may stay for two weeks in summer"),
    ],
    [
        ("Which radio channel do pilots use?", "Pilots listen on channel twelve around the clock"),
        ("What must every diver carry?", "Every diver carries a lamp, a knife and a whistle"),
        ("Why are dogs kept on a leash?", "Dogs stay on a leash because seals breed nearby"),
    ],
    [
        ("How often are fenders replaced?", "Rubber fenders are replaced every third winter"),
        ("What happens to unpaid invoices?", "Unpaid invoices double after sixty days"),
        ("Who may open the lock gate?", "Only trained lock keepers open the gate"),
    ],
    [
        ("How fast may ferries sail in the basin?", "Ferries slow down to three knots inside the basin"),
        ("What is a spring line?", "A spring line is a rope that stops a ship from surging"),
        ("Which form does a new tenant fill in?", "New tenants fill in form B17 at the office"),
    ],
    [
        ("How deep is the eastern channel?", "The eastern channel is nine metres deep at low water"),
        ("When is the fish market held?", "A fish market takes place on Thursday evenings"),
        ("What colour are inspection stickers?", "Inspection stickers are orange for cargo vessels"),
    ],
]
"""Passages of three sentences, each with the question it answers; no two look alike."""


def passage(n: int) -> str:
    return " ".join(f"{sentence}." for _, sentence in FACTS[n])


def good(question: Question) -> str:
    """What a capable model would say."""
    facts = next(f for f in FACTS if f[0][1] in question.passage.content)
    chosen = [facts[s.ordinal % 3] for s in question.slots]
    return json.dumps(
        {
            "pairs": [
                {
                    "question": asked,
                    "answer": f"{sentence}.",
                    "question_type": "factual",
                    "difficulty": "easy",
                    "evidence": [f"{sentence}."],
                }
                for asked, sentence in chosen
            ]
        }
    )


def wrong(_: Question) -> str:
    return "I would rather not."


def teach(monkeypatch: pytest.MonkeyPatch, *script: Line) -> ScriptedTeacher:
    teacher = ScriptedTeacher(script)
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: teacher)
    return teacher


def begin(project: Project, **request: object) -> tuple[runs.Run, Item]:
    run = starting.start(project, {"model_id": "fake:model", **request})
    started = platform.current().workflows
    assert isinstance(started, Started)
    return run, run_states.plan_run(started.input)


def batches(planned: Item) -> list[Item]:
    return json.loads(platform.current().files.read(str(planned["batches_key"])))


def walk(project: Project, **request: object) -> runs.Run:
    """Every state in order, as the machine would."""
    run, planned = begin(project, **request)
    while True:
        for batch in batches(planned):
            run_states.generate_batch(batch)
        assessed = run_states.assess_run(planned)
        if not assessed["top_up"]:
            run_states.close_run(assessed)
            return runs.get(run.org_id, run.run_id)
        planned = run_states.plan_run(assessed)


def counts_of(run: runs.Run) -> tuple[int, int, int, int]:
    assert run.asked == run.delivered + run.rejected + run.failed
    return run.asked, run.delivered, run.rejected, run.failed
