"""Rounds of a synthetic run are planned, assessed and closed bit by bit; what comes of it is what a plain computation
with everything in memory says, also when every state is killed at every write."""

from __future__ import annotations

import itertools
import json
import random
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from dataforge import platform, settings
from dataforge.formats.columns import Columns
from dataforge.platform.ports import Item
from dataforge.quality import diversity, duplicates, grades, odd_sketches
from dataforge.recipes.spreading import largest_remainder
from dataforge.recipes.synthetic import lines as recipe_lines
from dataforge.recipes.synthetic.asking import SHAPES
from dataforge.records import Question
from dataforge.store import ledger, review_index, runs
from dataforge.workflows import run_files, run_states
from dataforge.workflows.engine import rounds as engine_rounds
from dataforge.workflows.engine.rounds import max_slots
from dataforge.workflows.synthetic import config as synthetic_config
from dataforge.workflows.synthetic import generating, jobs
from tests.support.synthetic_runs import SyntheticHarness, lines, write
from tests.support.table_watchers import Watched, killed_until_done

FILES = ("records.jsonl", "rejected.jsonl", "failed.jsonl", "outstanding.json")
COUNT = 200
BODY: dict[str, Any] = {
    "count": COUNT,
    "verified": True,
    "constraints": {"difficulty": "mixed"},
    "advanced": {
        "categories": {"fees": {"percentage": 50}, "tides": {"percentage": 30}, "pilots": {"percentage": 20}},
        "hard_negatives": {"enabled": True, "percentage": 20},
        "metadata_fields": [{"name": "id", "type": "auto_increment"}, {"name": "category", "type": "from_category"}],
        "output_split": {"train": 70, "dev": 10, "test": 20},
    },
}
State = Callable[[Callable[[Item], Item], Item], Item]


def once(state: Callable[[Item], Item], event: Item) -> Item:
    return state(event)


def killed_everywhere(state: Callable[[Item], Item], event: Item) -> Item:
    """The state killed at its first write, run again and killed at its second, and so on until it lives."""
    kept: list[Item] = []
    kills = killed_until_done(lambda: kept.append(state(event)))
    assert kills > 3
    return kept[-1]


def careless(question: Question) -> str:
    """One record of 20 is cut off, two repeat an earlier one word by word or nearly."""
    made = json.loads(write(question))
    for slot, record in zip(question.slots, made["records"], strict=True):
        if slot.index % 20 == 4:
            record["output"] = "First you go to the"
        elif slot.index % 20 in (5, 7):
            record |= {
                "instruction": f"When does office {slot.index % 8} of the harbour open?",
                "input": "",
                "output": f"It opens at nine, and on day {slot.index % 3} of the week an hour later than that.",
            }
    return json.dumps(made)


def judge(question: Question) -> str:
    count = question.messages[1].content.count("<record n=")
    return json.dumps(
        {
            "verdicts": [
                {"n": n + 1, "relevance": 7 + n % 3, "accuracy": 8.5, "completeness": 9.3 - n} for n in range(count)
            ]
        }
    )


def walk(event: Item, step: State) -> int:
    """The state machine, one batch of whose first round dies before its first call. How many rounds."""
    for rounds in itertools.count(1):
        planned = step(run_states.plan_run, event)
        for batch in json.loads(platform.current().files.read(str(planned["batches_key"]))):
            if rounds == 1 and batch["batch"] == 1:
                run_states.record_failure({**batch, "failure": {"Error": "Sandbox.Timedout", "Cause": "{}"}})
            else:
                run_states.generate_batch(batch)
        event = step(run_states.assess_run, planned)
        if not event["top_up"]:
            step(run_states.close_run, event)
            return rounds
    raise AssertionError("unreachable")


@dataclass
class Whole:
    """A run by the plain computation: every slot, outcome and text in memory, repeats looked for once at the end."""

    slots: list[dict[str, Any]]
    records: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    failed: list[dict[str, Any]]


def whole(run: runs.Run, rounds: int) -> Whole:
    slots = [slot for n in range(rounds) for slot in lines(run, f"round-{n}/plan.jsonl")]
    made: dict[int, Any] = {}
    for n in range(rounds):
        for batch in cast("list[Item]", run_files.read_json(run, f"round-{n}/batches.json")):
            part: Any = run_files.read_json(run, f"round-{n}/part-{batch['batch']:04d}.json")
            made |= {o["slot"]: o for o in part["outcomes"]} if part else {}
    outcomes = [
        made.get(s["index"], {"slot": s["index"], "failed": "batch_failed", "detail": "Sandbox.Timedout: {}"})
        for s in slots
    ]
    written = [o for o in outcomes if "failed" not in o]
    good = [o for o in written if not o["reasons"]]
    for repeat in duplicates.near_duplicates(texts(run, good)):
        good[repeat.index] |= {
            "reasons": ["near_duplicate"],
            "duplicate_of": good[repeat.of]["slot"],
            "similarity": round(repeat.similarity, 4),
        }
    return Whole(
        slots,
        [o for o in written if not o["reasons"]],
        [o for o in written if o["reasons"]],
        [{"slot": o["slot"], "reason": o["failed"], "detail": o["detail"]} for o in outcomes if "failed" in o],
    )


def texts(run: runs.Run, records: list[dict[str, Any]]) -> list[str]:
    shape = SHAPES[synthetic_config.spec_of(run).schema]
    return [f"{shape.asked(r['payload'])}\n{shape.answered(r['payload'])}" for r in records]


def check(run: runs.Run, rounds: int) -> Whole:
    """Files, counts, report and splits against their definitions."""
    expected = whole(run, rounds)
    assert lines(run, "records.jsonl") == expected.records
    assert lines(run, "rejected.jsonl") == expected.rejected
    assert lines(run, "failed.jsonl") == expected.failed
    filled = {r["root"] for r in expected.records}
    assert run_files.read_json(run, "outstanding.json") == sorted({s["root"] for s in expected.slots} - filled)
    counts = len(expected.slots), len(expected.records), len(expected.rejected), len(expected.failed)
    assert (run.asked, run.delivered, run.rejected, run.failed) == counts
    reasons = {
        "rejected": dict(Counter(r["reasons"][0] for r in expected.rejected)),
        "failed": dict(Counter(f["reason"] for f in expected.failed)),
    }
    assert run.reasons == reasons
    check_results(run, expected)
    assert run.report == run_files.read_json(run, "quality_report.json") == report(run, expected, reasons["rejected"])
    return expected


def check_results(run: runs.Run, expected: Whole) -> None:
    spec, slots, seen = synthetic_config.spec_of(run), {s["index"]: s for s in expected.slots}, Columns()
    answer = [
        recipe_lines.line(spec, r, slots[r["slot"]], number=n, job_id=run.run_id)
        for n, r in enumerate(expected.records, 1)
    ]
    for line in answer:
        seen.see(line)
    manifest: Any = run_files.read_json(run, "manifest.json")
    assert lines(run) == answer
    assert manifest["features"] == seen.features()
    assert manifest["models"]["answered"] == dict(Counter(r["teacher"] for r in expected.records))
    order, start = list(range(len(answer))), 0
    random.Random(f"{run.run_id}/split").shuffle(order)
    sizes = largest_remainder(len(answer), [float(share) for _, share in spec.output_split])
    for (name, _), size in zip(spec.output_split, sizes, strict=True):
        assert lines(run, f"splits/{name}.jsonl") == [answer[n] for n in sorted(order[start : start + size])]
        start += size


def report(run: runs.Run, expected: Whole, rejected: dict[str, int]) -> dict[str, Any]:
    grams = [set(odd_sketches.trigrams(text).tolist()) for text in texts(run, expected.records)]
    nearest = [
        max(len(mine & other) / len(mine | other) for m, other in enumerate(grams) if m != n)
        for n, mine in enumerate(grams)
    ]
    accepted, total = len(grams), len(grams) + sum(rejected.values())
    score = round(round(1 - sum(nearest) / accepted, 4), 3)
    judged = round(sum(r["quality"]["overall"] for r in expected.records) / accepted, 2)
    shape = SHAPES[synthetic_config.spec_of(run).schema]
    lengths = [len(shape.answered(r["payload"])) for r in expected.records]
    near = round(100 * rejected["near_duplicate"] / total, 1)
    return {
        "version": "1.0",
        "phase": 2,
        "total_generated": total,
        "total_accepted": accepted,
        "total_rejected": total - accepted,
        "pass_rate": round(accepted / total, 3),
        "diversity_score": score,
        "mean_judge_score": judged,
        "overall_grade": grades.overall(round(accepted / total, 3), score, judged),
        "rejection_breakdown": dict(sorted(rejected.items())),
        "benchmark": {
            "diversity_pct": round(100 - near, 1),
            "near_dup_pct": near,
            "avg_output_chars": round(sum(lengths) / accepted),
            "published": grades.PUBLISHED["balanced"],
        },
    }


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many batches and many blocks of a run of a few hundred records."""
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "4")
    monkeypatch.setattr(review_index, "BLOCK", 20)
    settings.get.cache_clear()


# checklist 105, 110, 111
@pytest.mark.parametrize("step", [once, killed_everywhere])
def test_a_run_in_rounds_comes_to_what_a_plain_computation_says(harness: SyntheticHarness, step: State) -> None:
    harness.teach(instruction_v1=careless, judge=judge)
    run, event = harness.start(**BODY)

    rounds = walk(event, step)

    run = runs.get(harness.org_id, run.run_id)
    expected = check(run, rounds)
    assert rounds > 2
    assert run.status == "completed"
    assert {r["reasons"][0] for r in expected.rejected} == {"format_invalid", "near_duplicate"}
    assert any(r["slot"] >= COUNT > r["duplicate_of"] for r in expected.rejected if "duplicate_of" in r)
    assert run.failed == 16
    price = cast("dict[str, int]", run.config["price"])["record"]
    assert ledger.charged(harness.org_id, run.run_id) == run.delivered * price


def test_a_later_round_neither_judges_nor_rewrites_what_an_earlier_one_settled(harness: SyntheticHarness) -> None:
    harness.teach(instruction_v1=careless)
    run, event = harness.start(count=60)
    seen: list[dict[str, bytes]] = []

    for _ in range(2):
        planned = run_states.plan_run(event)
        for batch in json.loads(platform.current().files.read(str(planned["batches_key"]))):
            run_states.generate_batch(batch)
        for _ in range(2):  # the second time as after a crash
            event = run_states.assess_run(planned)
            seen.append({n: platform.current().files.read(run_files.key_of(run, n)) for n in FILES})
            counted = runs.get(run.org_id, run.run_id)
            assert [seen[-1][n].count(b"\n") for n in FILES[:3]] == [
                counted.delivered,
                counted.rejected,
                counted.failed,
            ]
        for part in platform.current().files.list(run_files.key_of(run, f"round-{planned['round']}/part-")):
            platform.current().files.delete(part.key)

    first, again, second, again_second = seen
    assert (first, second) == (again, again_second)
    assert all(second[n].startswith(first[n]) for n in FILES[:3])
    assert len(second["records.jsonl"]) > len(first["records.jsonl"])
    assert set(json.loads(second["outstanding.json"])) < set(json.loads(first["outstanding.json"]))


def test_a_round_that_died_before_it_was_counted_is_in_no_result(
    harness: SyntheticHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.teach(instruction_v1=careless)
    run, event = harness.start(count=60)
    for _ in range(2):
        planned = run_states.plan_run(event)
        for batch in json.loads(platform.current().files.read(str(planned["batches_key"]))):
            run_states.generate_batch(batch)
        if planned["round"]:
            monkeypatch.setattr(engine_rounds, "count_round", crash)
            with pytest.raises(OSError, match="killed here"):
                run_states.assess_run(planned)
        else:
            event = run_states.assess_run(planned)
    before = runs.get(run.org_id, run.run_id)

    run_states.close_run({**planned, "failure": {"Error": "OSError", "Cause": "killed here"}})

    after = runs.get(run.org_id, run.run_id)
    assert len(lines(run, "records.jsonl")) > after.delivered == before.delivered == len(lines(after))
    assert after.asked == after.delivered + after.rejected + after.failed
    assert after.reasons["failed"] == {"run_failed": after.asked - 60}


# checklist 112
def test_slots_that_a_cancel_kept_from_being_asked_say_so_and_are_not_topped_up(harness: SyntheticHarness) -> None:
    harness.teach(instruction_v1=careless)
    run, event = harness.start(count=60)
    planned = run_states.plan_run(event)
    first, second, *_ = json.loads(platform.current().files.read(str(planned["batches_key"])))
    run_states.generate_batch(first)
    jobs.cancel(runs.get(run.org_id, run.run_id))
    run_states.generate_batch(second)

    assessed = run_states.assess_run(planned)
    run_states.close_run(assessed)

    after = runs.get(run.org_id, run.run_id)
    written = lines(run, "records.jsonl") + lines(run, "rejected.jsonl")
    assert (after.status, assessed["top_up"]) == ("cancelled", False)
    assert sorted(r["slot"] for r in written) == list(range(16))
    assert [f["slot"] for f in lines(run, "failed.jsonl")] == list(range(16, 60))
    assert after.reasons["failed"] == {"cancelled": 44}
    assert (after.asked, after.delivered) == (60, len(lines(run)))


def crash(*_: object, **__: object) -> runs.Run:
    raise OSError("killed here")


def test_a_top_up_asks_for_no_more_than_a_quarter_and_for_the_first_places_that_were_lost(
    harness: SyntheticHarness,
) -> None:
    harness.teach(instruction_v1=lambda _: "no JSON")
    run, event = harness.start(count=40)
    planned = run_states.plan_run(event)
    for batch in json.loads(platform.current().files.read(str(planned["batches_key"]))):
        run_states.generate_batch(batch)
    run_states.assess_run(planned)

    run_states.plan_run({**planned, "round": 1})

    first, again = lines(run, "round-0/plan.jsonl"), lines(run, "round-1/plan.jsonl")
    assert run_files.read_json(run, "outstanding.json") == list(range(40))
    assert [s["root"] for s in again] == list(range(max_slots(40) - 40))
    assert [s["index"] for s in again] == list(range(40, max_slots(40)))
    assert all(
        (s["topic"], s["persona"], s["angle"])
        != (first[s["root"]]["topic"], first[s["root"]]["persona"], first[s["root"]]["angle"])
        for s in again
    )


def test_a_batch_sees_the_last_openings_of_its_sub_topics_and_reads_few_files_for_it(harness: SyntheticHarness) -> None:
    run, _ = harness.start(count=4)
    rng, plain = random.Random(3), dict[str, list[str]]()
    for n, batch in itertools.product(range(2), range(60)):
        written = [(f"topic {rng.randrange(8)}", f"opening {n} {batch} {i}") for i in range(20)]
        run_files.write_json(run, f"round-{n}/covered-{batch:04d}.json", written)
        for topic, opening in written:
            plain.setdefault(topic, []).append(opening)
    read: list[str] = []
    watched = Watched(platform.current().files, lambda name, _: read.append(name))
    plugged = platform.current()
    platform.use(replace(plugged, files=cast(Any, watched)))

    seen = generating._covered(run, 1, {"topic 1", "topic 5"})
    few = Counter(read)["read"]
    unknown = generating._covered(run, 1, {"topic 5", "never written"})

    platform.use(plugged)
    last = {topic: openings[-generating.MAX_OPENINGS :] for topic, openings in plain.items()}
    assert seen == {"topic 1": last["topic 1"], "topic 5": last["topic 5"]}
    assert few < 12
    assert unknown == {"topic 5": last["topic 5"], "never written": []}


@pytest.mark.slow
def test_four_times_as_many_records_take_little_more_memory(
    harness: SyntheticHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "25")
    monkeypatch.setattr(duplicates, "_IN_MEMORY", 1 << 16)
    monkeypatch.setattr(duplicates, "_SEGMENT", 256)
    monkeypatch.setattr(diversity, "_QUERIES_AT_MOST", 50)
    settings.get.cache_clear()

    few, many = (most_memory(harness, count) for count in (600, 2400))

    assert many < 1.25 * few, (few, many)


def most_memory(harness: SyntheticHarness, count: int) -> int:
    """Bytes at most, of the states of a run whose batches are written by hand."""
    run, event = harness.start(count=count, advanced={"output_split": {"train": 90, "test": 10}})
    rng, peak = random.Random(count), 0
    for state in (run_states.plan_run, run_states.assess_run, run_states.close_run):
        if state is run_states.assess_run:
            write_parts(run, rng)
        tracemalloc.start()
        event = state(event)
        peak = max(peak, tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert runs.get(run.org_id, run.run_id).delivered == count
    return peak


def write_parts(run: runs.Run, rng: random.Random) -> None:
    for batch in cast("list[Item]", run_files.read_json(run, "round-0/batches.json")):
        body = json.loads(platform.current().files.read(str(batch["key"])))
        outcomes = [
            {
                "slot": s["index"],
                "root": s["root"],
                "reasons": [],
                "details": [],
                "soft_flags": [],
                "reply": "000000#00",
                "teacher": "m",
                "at": "2026-11-26T00:00:00Z",
                "payload": {
                    "instruction": f"What is {rng.getrandbits(400):x}?",
                    "input": "",
                    "output": f"{rng.getrandbits(2000):x}",
                },
            }
            for call in body["calls"]
            for s in call
        ]
        run_files.write_json(run, f"round-0/part-{batch['batch']:04d}.json", {"usage": {}, "outcomes": outcomes})
