"""A run whose records are verified: what the verifier says counts, and what it does not say loses nothing."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import pytest

from dataforge import settings
from dataforge.errors import Invalid, TeacherRefused, TeacherUnreachable
from dataforge.records import Question
from dataforge.store import chunks as chunk_store
from dataforge.store import pairs, runs
from dataforge.store.projects import Project
from dataforge.teachers import PROVIDERS
from dataforge.teachers.scripted import Line
from dataforge.workflows import run_files, run_states
from dataforge.workflows.engine import cost_budget, retry
from dataforge.workflows.generation import starting
from tests.support.document_runs import FACTS, batches, begin, counts_of, good, teach, walk
from tests.support.scripted_verifier import PRICE, Label, ScriptedVerifier, shown

ANSWERS = [f"{sentence}." for _, sentence in chain.from_iterable(FACTS)]
ALL: dict[str, object] = {"verify": "all", "verifier": "checking:model"}
MODELS = {
    "models": [
        {"id": name, "backends": [backend], "price": {"input": 100.0, "output": 1000.0}}
        for name, backend in (("writer", "fake:model"), ("checker", "checking:model"))
    ]
}


CAP = 0.01


class Killed(BaseException):
    """The process dies here."""


def verifier(
    env: pytest.MonkeyPatch, label: Label, *before: Line | BaseException | None, concurrency: int = 1
) -> ScriptedVerifier:
    made = ScriptedVerifier(label, before)
    env.setitem(PROVIDERS, "checking", lambda _: made)
    env.setenv("DATAFORGE_CONCURRENCY", str(concurrency))
    settings.get.cache_clear()
    return made


def verified(project: Project, **config: object) -> runs.Run:
    """Every passage is asked for two records in one call."""
    return walk(project, num_pairs=12, config={"pairs_per_chunk": 2, **ALL, **config})


def lines(run: runs.Run, name: str) -> list[dict[str, Any]]:
    return list(run_files.read_records(run, name))


def flags(line: dict[str, Any]) -> list[str]:
    return [flag["check"] for flag in line["flags"]]


def as_good(_: str) -> str:
    return "good"


# checklist 189
def test_a_verdict_confirms_rejects_or_leaves_a_record_flagged(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    labels = {ANSWERS[0]: "bad", ANSWERS[4]: "doubtful", ANSWERS[7]: "silent"}
    made = verifier(monkeypatch, lambda answer: labels.get(answer, "good"))

    run = verified(project, auto_accept_min_quality=0.5)

    rejected = [line for line in lines(run, "rejected.jsonl") if "verifier_rejected" in line["reasons"]]
    flagged = {line["answer"]: line for line in lines(run, "records.jsonl") if line["flags"]}
    kept = {p.answer: p for p in pairs.walk(project.project_id)}
    assert [line["answer"] for line in rejected] == [ANSWERS[0]]
    assert rejected[0]["verification"]["words"] == [ANSWERS[0].split()[-1]]
    assert rejected[0]["verification"]["reason"] == "The source says another thing."
    assert {answer: flags(line) for answer, line in flagged.items()} == {
        ANSWERS[4]: ["verifier_doubts"],
        ANSWERS[7]: ["unverified"],
    }
    assert (kept[ANSWERS[0]].status, kept[ANSWERS[4]].status, kept[ANSWERS[7]].status) == (
        "rejected",
        "pending",
        "pending",
    )
    assert kept[ANSWERS[1]].status == "accepted"
    assert kept[ANSWERS[1]].metadata["verification"]["ruling"] == "confirmed"
    assert "checking:model" in {str(line["verification"]["verifier"]) for line in rejected}
    assert [ANSWERS[7]] in made.seen, "the reply spoke of its neighbour only: it is asked about once more, alone"


def test_what_a_verifier_took_stands_by_itself_in_the_report_and_in_the_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    made = verifier(monkeypatch, as_good)

    run = verified(project)

    assert run.report is not None
    own: Any = run.report["verification"]
    assert (own["verify"], own["verifier"]) == ("all", "checking:model")
    assert (own["confirmed"], own["doubted"], own["rejected"], own["unverified"]) == (12, 0, 0, 0)
    assert own["calls"] == len(made.asked) == 6
    assert run.cost_usd
    assert own["cost_usd"] == pytest.approx(run.cost_usd)
    assert (own["input_tokens"], run.teacher_calls) == (sum(_tokens(q) for q in made.asked), 12)
    costs = [line["lineage"]["cost_usd"] for line in lines(run, "records.jsonl")]
    assert sum(costs) == pytest.approx(run.cost_usd), "the records share what their verification cost"


def _tokens(question: Question) -> int:
    return sum(len(m.content) for m in question.messages) // 4


def test_only_what_the_checks_leave_open_is_asked_about(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    doubtful, pointing = "The north pier always opens at five in the morning.", "According to the passage, who knows?"

    def with_doubts(question: Question) -> str:
        told = json.loads(good(question))
        for pair in told["pairs"]:
            pair["answer"] = doubtful if pair["answer"] == ANSWERS[0] else pair["answer"]
            pair["question"] = pointing if pair["answer"] == ANSWERS[4] else pair["question"]
        return json.dumps(told)

    teach(monkeypatch, with_doubts)
    made = verifier(monkeypatch, as_good)

    run = verified(project, verify="uncertain", auto_accept_min_quality=0.5)

    records = {line["answer"]: line for line in lines(run, "records.jsonl")}
    kept = {p.answer: p for p in pairs.walk(project.project_id)}
    assert sorted(chain.from_iterable(made.seen)) == sorted((doubtful, ANSWERS[4]))
    assert {answer for answer, line in records.items() if "verification" in line} == {doubtful, ANSWERS[4]}
    assert (records[doubtful]["flags"], kept[doubtful].status) == ([], "accepted"), "its doubt is gone"
    assert flags(records[ANSWERS[4]]) == ["refers_to_passage"], "too much speaks against it"
    assert kept[ANSWERS[4]].status == "pending"


@pytest.mark.parametrize("first", ["All of these are fine.", '{"records": [{"n": 1, "score": 9}]}', ""])
def test_a_reply_that_cannot_be_read_is_asked_for_once_more(
    project: Project, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    teach(monkeypatch, good)
    made = verifier(monkeypatch, as_good, first)

    run = verified(project)

    assert counts_of(run) == (12, 12, 0, 0)
    assert len(made.asked) == 7
    assert not any(line["flags"] for line in lines(run, "records.jsonl"))


def test_a_verifier_that_never_speaks_json_loses_no_record(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, good)
    made = verifier(monkeypatch, as_good, *["Lovely records!"] * 40)

    run = verified(project, auto_accept_min_quality=0.5)

    records = lines(run, "records.jsonl")
    assert counts_of(run) == (12, 12, 0, 0)
    assert [flags(line) for line in records] == [["unverified"]] * 12
    assert 'the model wrote: "Lovely records!"' in records[0]["flags"][0]["detail"]
    assert len(made.asked) == 12
    assert {p.status for p in pairs.walk(project.project_id)} == {"pending"}


@pytest.mark.parametrize(
    ("problem", "asked"),
    [
        (TeacherRefused("no such model"), 2),
        (TeacherUnreachable("connection refused"), 2 * retry.MAX_TRIES),
    ],
)
def test_a_verifier_that_cannot_be_asked_does_not_stop_the_run(
    project: Project, monkeypatch: pytest.MonkeyPatch, problem: Exception, asked: int
) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    writer = teach(monkeypatch, good)
    made = verifier(monkeypatch, as_good, *[problem] * 40)

    run = verified(project)

    assert counts_of(run) == (12, 12, 0, 0)
    assert run.status == "completed"
    assert len(made.asked) <= asked, "it is left alone then"
    assert len(writer.asked) == 6
    assert {flags(line)[0] for line in lines(run, "records.jsonl")} == {"unverified"}


def test_a_run_that_dies_while_it_verifies_pays_for_no_reply_twice(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = teach(monkeypatch, good)
    made = verifier(monkeypatch, lambda a: "bad" if a == ANSWERS[0] else "good", None, None, Killed())
    run, planned = begin(project, num_pairs=12, config={"pairs_per_chunk": 2, **ALL})

    with pytest.raises(BaseExceptionGroup):
        run_states.generate_batch(batches(planned)[0])
    asked_before, written_before = len(made.asked), len(writer.asked)
    for _ in range(2):
        run_states.generate_batch(batches(planned)[0])
    run_states.close_run(run_states.assess_run(planned))

    after = runs.get(run.org_id, run.run_id)
    assert 3 <= asked_before <= 6
    assert len(writer.asked) == max(6, written_before) <= 7
    assert len(made.asked) == 7, "six calls, and the one that died"
    assert after.rejected == 1
    assert after.report is not None
    assert after.report["verification"]["calls"] == 6  # type: ignore[index]


# checklist 182
def test_a_budget_that_ends_while_it_verifies_loses_no_record(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_MODELS", json.dumps(MODELS))
    teach(monkeypatch, good)
    made = verifier(monkeypatch, as_good, "Lovely records!")

    run = walk(
        project,
        model_id="writer",
        num_pairs=12,
        max_tokens=300,
        max_cost_usd=CAP,
        config={"pairs_per_chunk": 2, **ALL, "verifier": "checker"},
    )

    records = lines(run, "records.jsonl")
    assert run.stop_reason == "budget_reached"
    assert len(made.asked) == 1, "its reply could not be read, and there was no money to ask once more"
    assert run.asked == run.delivered + run.rejected + run.failed == 12
    assert run.cost_usd is not None
    assert run.cost_usd <= CAP + cost_budget.max_cost(made.asked[0], PRICE)
    assert {line["answer"] for line in records} >= set(made.seen[0])
    assert all(flags(line) == ["unverified"] for line in records)
    assert all(f"max_cost_usd {CAP} is used up" in line["flags"][0]["detail"] for line in records)


def test_a_passage_that_was_edited_meanwhile_is_not_taken_for_the_one_that_was_verified(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    made = verifier(monkeypatch, as_good, None, Killed())
    run, planned = begin(project, num_pairs=12, config={"pairs_per_chunk": 2, **ALL})
    with pytest.raises(BaseExceptionGroup):
        run_states.generate_batch(batches(planned)[0])
    answered = set(made.seen[0])
    chunk = next(c for c in chunk_store.of_project(project.project_id) if next(iter(answered))[:-1] in c.content)
    chunk_store.change(chunk, {"content": f"{chunk.content} It was different before."}, edit=True)

    run_states.generate_batch(batches(planned)[0])
    run_states.close_run(run_states.assess_run(planned))

    asked_again = [n for n, seen in enumerate(made.seen) if set(seen) == answered]
    assert len(asked_again) == 2, "the stored reply was to another question"
    assert "It was different before." in made.asked[asked_again[1]].messages[1].content
    assert runs.get(run.org_id, run.run_id).delivered == 12


def test_what_a_run_redacts_no_verifier_sees(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    chunk = next(iter(chunk_store.of_project(project.project_id)))
    secret = "AKIAIOSFODNN7EXAMPL3"
    chunk_store.change(
        chunk, {"content": f"{chunk.content} The key is {secret}. Write to jo.doe@harbour.org."}, edit=True
    )
    teach(monkeypatch, good)
    made = verifier(monkeypatch, as_good)

    verified(project, secrets="redact", personal_data="redact")

    shown_texts = "".join(q.messages[1].content for q in made.asked)
    assert secret not in shown_texts
    assert "jo.doe@harbour.org" not in shown_texts
    assert "[EMAIL_1]" in shown_texts


def test_one_model_may_write_and_verify(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def both(question: Question) -> str:
        found = shown(question.messages[1].content)
        return ScriptedVerifier(as_good)._lines.__next__()(question) if found else good(question)  # type: ignore[operator]

    writer = teach(monkeypatch, both)

    run = verified(project, verifier="fake:model")

    assert counts_of(run) == (12, 12, 0, 0)
    assert len(writer.asked) == 12
    assert run.report is not None
    assert run.report["verification"]["confirmed"] == 12  # type: ignore[index]


@pytest.mark.parametrize(
    ("request_", "verify", "by"),
    [
        ({"model_id": "extractive"}, "off", None),
        ({"model_id": "extractive", "config": {"verifier": "checking:model"}}, "uncertain", "checking:model"),
        ({"model_id": "scripted"}, "off", None),
        ({"model_id": "fake:model"}, "uncertain", "fake:model"),
        ({"model_id": "fake:model", "config": {"verify": "off", "verifier": "checking:model"}}, "off", None),
        ({"model_id": "fake:model", "config": {"verify": "all"}}, "all", "fake:model"),
    ],
)
def test_who_verifies_follows_from_the_teacher_unless_the_caller_says(
    project: Project, monkeypatch: pytest.MonkeyPatch, request_: dict[str, object], verify: str, by: str | None
) -> None:
    teach(monkeypatch, good)
    verifier(monkeypatch, as_good)

    quoted = starting.quote(project, request_)

    assert quoted.config["verify"] == verify
    assert quoted.config.get("verifier") == by
    assert (quoted.estimate.get("verifier") is None) == (by is None)


def test_the_setting_names_the_verifier_where_the_run_names_none(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    monkeypatch.setenv("DATAFORGE_VERIFIER", "checking:model")
    verifier(monkeypatch, as_good)

    run = walk(project, num_pairs=6, config={"pairs_per_chunk": 1})

    assert run.config["verifier"] == "checking:model"
    assert run.checkers["verifier"]["backend"] == "checking:model"  # type: ignore[index]


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        ({"verify": "some"}, "verify", "verify must be one of: off, uncertain, all"),
        ({"verifier": 5}, "verifier", "verifier must be text"),
        ({"verifier": "nobody"}, "verifier", "verifier 'nobody' names no teacher"),
        ({"verifier": "extractive"}, "verifier", "verifier: extractive cannot verify records"),
        ({"verifier": "checking:model", "max_cost_usd": 1}, "max_cost_usd", "price of the verifier checking:model"),
    ],
)
def test_a_verifier_that_cannot_be_one_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch, config: dict[str, object], field: str, message: str
) -> None:
    monkeypatch.setenv("DATAFORGE_MODELS", json.dumps({"models": MODELS["models"][:1]}))
    teach(monkeypatch, good)
    verifier(monkeypatch, as_good)

    with pytest.raises(Invalid, match=message) as refused:
        starting.quote(project, {"model_id": "writer", "config": config})

    assert [e.field for e in refused.value.errors] == [field]


# checklist 181
@pytest.mark.parametrize("config", [ALL, {**ALL, "multi_hop_share": 0.0, "pairs_per_chunk": 2}])
def test_what_a_verified_run_takes_is_in_the_estimated_range(
    project: Project, monkeypatch: pytest.MonkeyPatch, config: dict[str, object]
) -> None:
    monkeypatch.setenv("DATAFORGE_MODELS", json.dumps(MODELS))
    teach(monkeypatch, good)
    made = verifier(monkeypatch, as_good)
    request = {"num_pairs": 12, "config": {"pairs_per_chunk": 2, **config, "verifier": "checker"}}
    estimate: Any = starting.quote(project, {"model_id": "writer", **request}).estimate

    run = walk(project, model_id="writer", **request)

    own = estimate["verifier"]
    spent: Any = (run.report or {})["verification"]
    assert own["model"] == "checking:model"
    assert own["calls"]["low"] <= len(made.asked) == spent["calls"] <= own["calls"]["high"]
    for name in ("input_tokens", "output_tokens", "cost_usd"):
        assert own[name]["low"] * 0.6 <= spent[name] <= own[name]["high"], (name, spent[name], own[name])
        assert estimate[name]["low"] >= own[name]["low"]
    assert estimate["calls"]["low"] == 6 + own["calls"]["low"]
