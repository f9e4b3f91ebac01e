"""kill -9 in the middle of a generate run: it goes on at the next start and pays for no reply twice."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.bed import write_document
from dataforge.platform.embedded.sqlite_tables import SqliteTables
from dataforge_client import DataForge
from dataforge_infra import catalog
from tests.support import scripted_verifier
from tests.support.chat_servers import Body, answering
from tests.support.cli_process import COMMAND
from tests.support.document_replies import pairs_for
from tests.support.server_processes import Machine, Process, books
from tests.support.waiting import until


def stored_replies(home: Path, run_id: str) -> int:
    tables = SqliteTables(home / "data.db", catalog.TABLES)
    try:
        return len(tables.query_page("replies", {"run_id": run_id}).items)
    finally:
        tables.close()


# checklist 185
@pytest.mark.parametrize("killed_after", [6, pytest.param(25, marks=pytest.mark.slow)])
def test_a_killed_run_completes_and_asks_no_stored_reply_again(
    machine: Machine, connect: Callable[[Process], DataForge], tmp_path: Path, killed_after: int
) -> None:
    calls, home = 40, tmp_path / "home"
    write_document(tmp_path / "rules.md", calls)
    stub = machine.stub(0.15)
    environment = {"OPENAI_BASE_URL": stub.ready["url"], "DATAFORGE_CONCURRENCY": "4", "DATAFORGE_BATCH_CALLS": "15"}
    server = machine.server(home, **environment)
    data_forge = connect(server)
    project = data_forge.create_project("crash").project_id
    data_forge.upload_file(project, tmp_path / "rules.md")
    data_forge.wait(data_forge.parse(project).generation_id)
    run_id = data_forge.generate(
        project, model_id="openai:stub", num_pairs=calls, config={"pairs_per_chunk": 1}
    ).generation_id
    until(lambda: books(stub)["calls"] >= killed_after, "the calls do not come")

    server.kill()
    time.sleep(0.2)  # what was under way reaches the stub
    asked_before, stored = books(stub)["calls"], stored_replies(home, run_id)
    again = machine.server(home, **environment)
    done = connect(again).wait(run_id)

    assert 0 < stored < calls
    assert done.status == "completed"
    assert done.counts.asked == done.counts.delivered + done.counts.rejected + done.counts.failed
    first_round = done.counts.asked >= calls and done.counts.failed == 0
    assert first_round
    topped_up = done.counts.asked - calls
    assert books(stub)["calls"] - asked_before == calls - stored + topped_up


def test_a_run_that_is_killed_while_it_verifies_pays_for_no_verdict_twice(
    machine: Machine, connect: Callable[[Process], DataForge], tmp_path: Path
) -> None:
    asked: Counter[str] = Counter()

    def answer(sent: Body, _: str) -> tuple[int, Body]:
        time.sleep(0.1)
        system, shown = (m["content"] for m in sent["messages"][:2])
        asked[f"{sent['model']} {shown}"] += 1
        is_verifiers = scripted_verifier.is_verifiers(system)
        text = (
            scripted_verifier.reply(shown, lambda _: "good")
            if is_verifiers
            else json.dumps({"pairs": pairs_for(shown)})
        )
        choice = {"finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 10, "completion_tokens": 5}
        return 200, {"model": sent["model"], "usage": usage, "choices": [choice]}

    home, calls = tmp_path / "home", 24
    write_document(tmp_path / "rules.md", calls)
    with answering(answer) as url:
        environment = {"OPENAI_BASE_URL": url, "DATAFORGE_CONCURRENCY": "4", "DATAFORGE_BATCH_CALLS": "15"}
        server = machine.server(home, **environment)
        data_forge = connect(server)
        project = data_forge.create_project("crash").project_id
        data_forge.upload_file(project, tmp_path / "rules.md")
        data_forge.wait(data_forge.parse(project).generation_id)
        config = {"pairs_per_chunk": 1, "verify": "all", "verifier": "openai:checker"}
        run_id = data_forge.generate(project, model_id="openai:stub", num_pairs=calls, config=config).generation_id
        until(lambda: sum(n for text, n in asked.items() if text.startswith("checker")) >= 5, "no verdict comes")

        server.kill()
        time.sleep(0.2)
        done = connect(machine.server(home, **environment)).wait(run_id)

    assert done.status == "completed"
    assert done.counts.asked == done.counts.delivered + done.counts.rejected + done.counts.failed
    twice = {text: n for text, n in asked.items() if n > 1}
    assert len(twice) <= 2 * 4, "at most what was in flight in each of the two workers"
    assert set(twice.values()) <= {2}
    assert done.report is not None
    assert done.report.verification["unverified"] == 0


def test_a_command_that_only_looks_says_what_its_server_goes_on_with(
    machine: Machine, connect: Callable[[Process], DataForge], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    write_document(tmp_path / "rules.md", 40)
    stub = machine.stub(0.5)
    environment = {"OPENAI_BASE_URL": str(stub.ready["url"]), "DATAFORGE_CONCURRENCY": "1"}
    server = machine.server(home, **environment)
    data_forge = connect(server)
    project = data_forge.create_project("crash").project_id
    data_forge.upload_file(project, tmp_path / "rules.md")
    data_forge.wait(data_forge.parse(project).generation_id)
    run_id = data_forge.generate(project, model_id="openai:stub", num_pairs=40).generation_id
    until(lambda: books(stub)["calls"] >= 1, "the calls do not come")
    server.kill()

    looked = subprocess.run(
        [*COMMAND, "runs", "--home", str(home)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert run_id in looked.stdout
    assert f"While the local server on {home} runs, it goes on with what was interrupted: {run_id}\n" in looked.stderr


def test_a_killed_parse_completes(machine: Machine, connect: Callable[[Process], DataForge], tmp_path: Path) -> None:
    home = tmp_path / "home"
    server = machine.server(home)
    data_forge = connect(server)
    project = data_forge.create_project("crash").project_id
    for n in range(8):
        (tmp_path / f"{n}.txt").write_text(f"Rule {n}. The gangway of pier {n} opens at {n + 6} o'clock every day.")
        data_forge.upload_file(project, tmp_path / f"{n}.txt")
    run_id = data_forge.parse(project).generation_id
    time.sleep(0.2)  # in the middle of the parse

    server.kill()
    done = connect(machine.server(home)).wait(run_id)

    assert done.status == "completed"
    assert done.results["documents_processed"] == 8
