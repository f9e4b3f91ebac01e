"""`dataforge synth` and `dataforge ledger` as a person uses them: real processes, the offline generator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.batch_servers import KEY, Plot, openai_batches
from tests.support.paths import ROOT
from tests.support.scripted_replies import scripted_reply


def dataforge(*words: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dataforge_client.cli", *words, "--home", str(home / "data")],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), "DATAFORGE_LOG_LEVEL": "ERROR", **environment},
    )


def test_a_description_becomes_files_and_a_price(tmp_path: Path) -> None:
    offline = ("--generator", "templated", "--domain", "customer support for fintech", "--count", "12")

    done = dataforge(
        "synth",
        *offline,
        "--schema",
        "conflict_v1",
        "--request",
        str(_conflict(tmp_path)),
        "--split",
        "train=75,test=25",
        "--out",
        "made",
        "--json",
        home=tmp_path,
    )

    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [e["type"] for e in events if e["type"] in ("estimate", "result")] == ["estimate", "result"]
    assert events[-1]["job"]["count_accepted"] == 12
    records = [json.loads(line) for line in (tmp_path / "made/results.jsonl").read_text().splitlines()]
    assert len(records) == 12
    parts = {n: len((tmp_path / f"made/splits/{n}.jsonl").read_text().splitlines()) for n in ("train", "test")}
    assert parts == {"train": 9, "test": 3}
    assert json.loads((tmp_path / "made/manifest.json").read_text())["count_accepted"] == 12
    assert '"splits/test.jsonl"' in (tmp_path / "made/README.md").read_text()


def test_a_dataset_by_batch_jobs(tmp_path: Path) -> None:
    with openai_batches(Plot(reply=scripted_reply)) as provider:
        done = dataforge(
            "synth",
            "--generator",
            "openai:writer",
            "--domain",
            "harbours",
            "--count",
            "20",
            "--mode",
            "batch",
            "--out",
            "made",
            "--json",
            home=tmp_path,
            OPENAI_BASE_URL=provider.url,
            OPENAI_API_KEY=KEY,
            DATAFORGE_BATCH_POLL="1",
        )

    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    result = events[-1]
    assert sum("as batch jobs" in e["message"] for e in events if e["type"] == "note") == 1
    assert (result["job"]["mode"], result["job"]["count_accepted"]) == ("batch", 20)
    assert len((tmp_path / "made/results.jsonl").read_text().splitlines()) == 20
    assert [len(lines) for lines in provider.batched] == [4]
    assert json.loads((tmp_path / "made/manifest.json").read_text())["parameters"]["mode"] == "batch"


def test_a_generator_without_batch_jobs_is_refused(tmp_path: Path) -> None:
    refused = dataforge(
        "synth", "--generator", "templated", "--domain", "harbours", "--count", "3", "--mode", "batch", home=tmp_path
    )

    assert refused.returncode != 0
    assert "mode: the teacher templated has no batch API" in refused.stderr


def test_money_is_given_and_asked_for(tmp_path: Path) -> None:
    made = dataforge("org", "create", "harbour", home=tmp_path)
    planned = dataforge("ledger", "plan", "payg", home=tmp_path)
    added = dataforge("ledger", "top-up", "25.10", "--note", "invoice 17", home=tmp_path)
    odd = dataforge("ledger", "top-up", "lots", home=tmp_path)

    assert made.returncode == planned.returncode == added.returncode == 0, (made, planned, added)
    assert json.loads(added.stdout)["balance_usd"] == 25.1
    assert odd.returncode != 0
    assert "no amount" in odd.stderr


def test_a_slip_in_the_domain_is_shown(tmp_path: Path) -> None:
    answer = dataforge(
        "synth", "--generator", "templated", "--domain", "custmer support", "--count", "3", home=tmp_path
    )

    assert answer.returncode != 0
    assert "'custmer'" in answer.stderr
    assert "--confirm-domain" in answer.stderr


def _conflict(folder: Path) -> Path:
    file = folder / "request.json"
    file.write_text(
        json.dumps({"conflict_config": {"drive_pairs": [{"a": "safety", "b": "autonomy"}]}, "schema": "conflict_v1"})
    )
    return file
