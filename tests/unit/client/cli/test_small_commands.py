"""Every command but `run`: models, status, logs, pairs, trace, export, records, cancel, help."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dataforge_client import DataForge
from dataforge_client.cli import execute, trace
from dataforge_client.decoding import decode
from dataforge_client.traces import Trace
from tests.support.cli_process import Spawn, connection_arguments
from tests.support.fake_api import KEY, ORGANIZATION, FakeApi


def test_the_small_commands(
    run: Callable[..., int], api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    api.rejected = 2
    run("--pairs", "6", "--quiet")
    capfd.readouterr()

    codes = [
        execute([*words, *connection_arguments(api)])
        for words in (
            ["models"],
            ["status", "gen_0005"],
            ["logs", "gen_0005", "--tail", "2"],
            ["pairs", "proj_0001", "--search", "2", "--json"],
            ["pairs", "proj_0001", "--limit", "3"],
            ["export", "proj_0001", "--out", str(tmp_path / "again.jsonl")],
            ["records", "gen_0005", "--outcome", "rejected"],
            ["records", "gen_0005", "--out", str(tmp_path / "r.jsonl")],
        )
    ]

    said = capfd.readouterr()
    assert codes == [0] * 8
    assert said.out.count("rejected on purpose") == 2
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 4
    assert "asked 6 = delivered 4 + rejected 2 + failed 0\n  rejected: near_duplicate 2\n" in said.out
    assert "line 3" in said.out
    assert "line 2" not in said.out
    assert '"question": "What is [bold]item[/bold] 2?"' in said.out
    assert said.out.count("pair_000") == 4
    assert "version 2, 4 lines" in said.err
    assert len((tmp_path / "again.jsonl").read_text().splitlines()) == 4


def test_flags_are_listed_left_out_of_an_accept_and_taken_along(
    run: Callable[..., int], api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    api.flagged = 2
    run("--pairs", "6", "--quiet")
    capfd.readouterr()
    file = str(tmp_path / "again.jsonl")

    def said(*words: str) -> str:
        assert execute([*words, *connection_arguments(api)]) == 0
        return "".join(capfd.readouterr())

    status = said("status", "gen_0005")
    flagged = said("pairs", "proj_0001", "--flagged")
    by_check = said("pairs", "proj_0001", "--flag", "vague", "--json")
    before = said("export", "proj_0001", "--out", file)
    accepted = said("bulk", "proj_0001", "accept", "--all")
    included = said("bulk", "proj_0001", "accept", "--all", "--include-flagged")
    after = said("export", "proj_0001", "--out", file, "--without-duplicates")

    assert "2 of the delivered are flagged\n  flagged: vague 2" in status
    assert (flagged.count("pair_000"), flagged.count("vague")) == (2, 2)
    assert by_check.count('"check": "vague"') == 2
    assert "2 flagged pairs wait for review and are not in the file: " in before
    assert "accept: 0 pairs changed" in accepted
    assert "left out: 2 flagged by a check; --include-flagged accepts them" in accepted
    assert "left out: 2 duplicates of other pairs; --include-duplicates accepts them" in accepted
    assert "accept: 2 pairs changed" in included
    assert "flagged by a check; " not in included
    assert "2 of them are flagged by a check" in after
    assert "1 accepted pairs were left out by --without-duplicates" in after
    assert "wait for review" not in after
    assert execute(["bulk", "proj_0001", "reset", "--all", "--include-flagged", *connection_arguments(api)]) == 2


def test_a_job_is_followed_to_its_end(run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]) -> None:
    run("--pairs", "6", "--quiet")
    capfd.readouterr()

    code = execute(["logs", "gen_0005", "--follow", *connection_arguments(api)])
    text = capfd.readouterr()
    execute(["logs", "gen_0005", "-f", "--json", *connection_arguments(api)])
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    assert code == 0
    assert [line.rsplit("  ", 1)[-1] for line in text.out.splitlines()] == [f"line {n}" for n in range(5)]
    assert all(" generating " in line for line in text.out.splitlines())
    assert text.err.splitlines()[-1].startswith("validate  6 of 6 pairs  done")
    assert [e["type"] for e in events] == ["log"] * 5 + ["progress"]
    assert events[-1]["status"] == "completed"


def test_follow_and_tail_exclude_each_other(api: FakeApi) -> None:
    assert execute(["logs", "gen_1", "--follow", "--tail", "3", *connection_arguments(api)]) == 2


def test_a_trace_is_readable_and_its_json_is_the_apis(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    run("--pairs", "2", "--quiet")
    capfd.readouterr()

    execute(["trace", "pair_0000", *connection_arguments(api)])
    text = capfd.readouterr().out
    execute(["trace", "pair_0000", "--json", *connection_arguments(api)])
    answer = json.loads(capfd.readouterr().out)

    for said in (
        "pair      pair_0000  accepted",
        "Q  What is [bold]item[/bold] 0?",
        "chunk 4-20, document 104-120 (verified)",
        "gpt-4o-2024-08-06 (requested: gpt-4o)  attempt 2 of 2",
        "362 tokens in, 78 out, $0.001685",
        "$0.005055 for 3 pairs",
        "000000#01  no longer kept",
        "parsed again  page 3  Items > Numbers",
        "items.pdf",
        "https://example.com/items.pdf",
        "note      The raw reply is no longer kept.",
    ):
        assert said in text
    assert answer["lineage"]["call"]["slots"] == 3
    assert execute(["trace", "pair_none", *connection_arguments(api)]) != 0


def test_the_trace_of_a_multi_hop_pair_shows_both_chunks_and_says_which_holds_what() -> None:
    found = decode(
        Trace,
        {
            "pairId": "pair_1",
            "projectId": "proj_1",
            "generationId": "gen_1",
            "question": "Q?",
            "answer": "A.",
            "status": "pending",
            "chunk": {"chunkId": "chunk_1", "state": "unchanged"},
            "document": {"documentId": "doc_1", "state": "present", "name": "fleet.pdf"},
            "evidence": [{"start": 0, "end": 4, "text": "Nine", "chunk_id": "chunk_2", "holds": True}],
            "further": [
                {
                    "chunk": {"chunkId": "chunk_2", "state": "edited", "pageNumber": 7},
                    "document": {"documentId": "doc_2", "state": "present", "name": "crew.html"},
                }
            ],
        },
    )

    text = "\n".join(trace.trace_lines(found))

    assert "chunk chunk_2 0-4 (verified)" in text
    assert text.index("chunk     chunk_1  unchanged") < text.index("chunk     chunk_2  edited  page 7")
    assert "fleet.pdf" in text
    assert "crew.html" in text


def test_help_is_cheap() -> None:
    def cpu_seconds() -> float:
        code = (
            "import resource, sys\n"
            "from dataforge_client.cli import main\n"
            "try: main(['--help'])\n"
            "except SystemExit: pass\n"
            "used = resource.getrusage(resource.RUSAGE_SELF)\n"
            "print(used.ru_utime + used.ru_stime, file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "run" in done.stdout
        return float(done.stderr)

    assert statistics.median(cpu_seconds() for _ in range(3)) < 0.3


def test_a_reader_that_goes_away_is_no_crash(spawn: Spawn, api: FakeApi) -> None:
    with DataForge(api.url, KEY, ORGANIZATION) as data_forge:
        project = data_forge.create_project("p").project_id
    api.pairs[project] = [
        {"pairId": f"pair_{n}", "projectId": project, "question": "q" * 900, "answer": "a", "status": "accepted"}
        for n in range(400)
    ]
    process = spawn("pairs", project, "--limit", "400", "--json", *connection_arguments(api))
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None

    _, said = process.communicate(timeout=30)

    assert process.returncode == 1
    assert said == ""
