"""Progress output, number formats, sums, document names, and a job with further rounds."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge_client.cli.formatting import counts_line, duration, histogram_lines, money, size, tokens_line
from dataforge_client.cli.job_progress import JobProgress
from dataforge_client.cli.progress import JsonReporter, LineReporter, ProgressUpdate
from dataforge_client.cli.run_request import parse_shares
from dataforge_client.decoding import decode
from dataforge_client.folders import collect_files
from dataforge_client.models import Bucket, Counts, Generation, Tokens


def test_shares_are_read_as_they_are_typed() -> None:
    assert parse_shares(("a clerk", "a captain=2")) == {"a clerk": 1.0, "a captain": 2.0}
    assert parse_shares(("mixed",)) == "mixed"
    assert parse_shares(("E=mc2",)) == ["E=mc2"]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_plain_lines_come_at_the_start_every_ten_seconds_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = LineReporter(sys.stdout, clock=clock)

    for second in range(25):
        clock.now = second
        lines.update(ProgressUpdate("generate", second * 8, 200, "pairs", rate=8, cost=second / 100))
    lines.update(ProgressUpdate("generate", 200, 200, "pairs", cost=0.25, finished=True))
    lines.update(ProgressUpdate("generate", 200, 200, "pairs", cost=0.25, finished=True))

    assert capsys.readouterr().out.splitlines() == [
        "generate  0 of 200 pairs  8.0/s  about 25 s left  $0.00",
        "generate  80 of 200 pairs  8.0/s  about 15 s left  $0.10",
        "generate  160 of 200 pairs  8.0/s  about 5 s left  $0.20",
        "generate  200 of 200 pairs  done  $0.25",
    ]


def test_events_are_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    JsonReporter(sys.stdout, clock=Clock()).update(ProgressUpdate("upload", 5, 10, "bytes", rate=5))

    assert json.loads(capsys.readouterr().out) == {
        "type": "progress",
        "stage": "upload",
        "done": 5,
        "total": 10,
        "unit": "bytes",
        "rate": 5,
        "seconds_left": 1.0,
        "cost_usd": None,
        "finished": False,
    }


def test_numbers_as_people_read_them() -> None:
    assert [money(x) for x in (None, 0, 0.0004, 0.01, 1234.5)] == ["unknown", "$0.00", "$0.0004", "$0.01", "$1,234.50"]
    assert [duration(x) for x in (0.4, 59.4, 61, 3661)] == ["0 s", "59 s", "1 min 01 s", "1 h 01 min"]
    assert [size(x) for x in (999, 1500, 2_000_000, 3e9)] == ["999 B", "1.5 kB", "2.0 MB", "3.0 GB"]


def test_what_a_prompt_cache_saved_is_shown() -> None:
    assert tokens_line(Tokens(1200, 300)) == "tokens 1,200 in, 300 out"
    assert tokens_line(Tokens(1200, 300, 1024)) == "tokens 1,200 in (1,024 from the provider's cache), 300 out"


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-3, 3))
def test_a_sum_that_does_not_hold_is_not_called_equal(delivered: int, rejected: int, failed: int, off: int) -> None:
    line = counts_line(Counts(0, delivered + rejected + failed + off, delivered, rejected, failed))

    assert ("=" in line) == (off == 0)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
def test_a_histogram_shows_every_bucket_that_holds_something(counts: list[int]) -> None:
    lines = histogram_lines([Bucket(f"r{n}", c) for n, c in enumerate(counts)])

    blocks = [line.count("█") for line in lines]
    assert [b > 0 for b in blocks] == [c > 0 for c in counts]
    assert max(blocks) == (40 if any(counts) else 0)
    assert [int(line.split()[-1]) for line in lines] == counts


def test_names_are_unique_and_stable(tmp_path: Path) -> None:
    for name in ("a/readme.md", "b/readme.md", "b/only.txt", "b/.git/config.md", "b/skip.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    sources, skipped = collect_files([tmp_path, tmp_path / "b" / "only.txt", tmp_path / "a"], exclude=["*.csv"])

    assert [s.name for s in sources] == ["a__readme.md", "only.txt", "b__readme.md"]
    assert skipped == []
    assert [s.name for s in collect_files([tmp_path / "a", tmp_path / "b" / "readme.md"])[0]] == [
        "readme.md",
        "2_readme.md",
    ]


class RecordingReporter:
    """A reporter that keeps every update."""

    def __init__(self) -> None:
        self.updates: list[ProgressUpdate] = []

    def __enter__(self) -> RecordingReporter:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, update: ProgressUpdate) -> None:
        self.updates.append(update)

    def note(self, message: str) -> None:
        pass

    def event(self, kind: str, values: object) -> None:
        pass


def test_a_job_that_tops_up_counts_on_and_its_rate_is_the_servers() -> None:
    reporter = RecordingReporter()
    watch = JobProgress(reporter)

    def see(status: str, done: int, total: int, asked: int, settled: int) -> None:
        watch(
            decode(
                Generation,
                {
                    "generationId": "gen_1",
                    "projectId": "proj_1",
                    "status": status,
                    "stage": status,
                    "costUsd": 0.1,
                    "counts": {"requested": 100, "asked": asked, "delivered": settled, "rejected": 0, "failed": 0},
                    "progressDetail": {"stage": status, "done": done, "total": total, "ratePerSecond": 0.5},
                },
            )
        )

    see("generating", 0, 100, 100, 0)
    see("generating", 80, 100, 100, 0)
    see("validating", 100, 100, 100, 0)
    see("generating", 5, 20, 120, 100)
    see("completed", 0, 0, 120, 120)

    assert [(s.stage, s.done, s.total, s.finished) for s in reporter.updates] == [
        ("generate", 0, 100, False),
        ("generate", 80, 100, False),
        ("generate", 100, 100, True),
        ("validate", 100, 100, False),
        ("generate", 105, 120, False),
        ("generate", 120, 120, True),
        ("validate", 120, 120, True),
    ]
    assert [s.rate for s in reporter.updates[:2]] == [0.5, 0.5]
    assert reporter.updates[1].seconds_left == 40


def test_both_spellings_of_a_report_are_read() -> None:
    def job(report: object) -> Generation:
        return decode(Generation, {"generationId": "g", "projectId": "p", "status": "completed", "report": report})

    ours = job({"quality_histogram": {"0.9-1.0": 3}, "avg_quality_score": 0.95}).report
    listed = job({"histogram": [{"range": "0.9-1.0", "count": 3}], "quality": {"mean": 0.95}}).report

    assert ours is not None
    assert listed is not None
    assert ours.histogram == listed.histogram == (Bucket("0.9-1.0", 3),)
    assert ours.avg_quality_score == listed.avg_quality_score == 0.95
