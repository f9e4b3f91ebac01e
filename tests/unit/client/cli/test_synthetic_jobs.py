"""`dataforge synth` that is interrupted, and `dataforge jobs`: a job is never lost and never cancelled by accident."""

from __future__ import annotations

import json
import shlex
import signal
from pathlib import Path

import pytest

from dataforge_client.cli import execute
from tests.support.cli_process import Spawn, connection_arguments, until
from tests.support.fake_api import KEY, FakeApi, Fault

ASKED = ("synth", "--domain", "harbours", "--count", "2", "--generator", "templated")


def synth(api: FakeApi, *options: str) -> int:
    return execute([*ASKED, *connection_arguments(api), *options])


def pasted(said: str) -> list[str]:
    """The command after `Resume with:`, as a shell reads it."""
    command = said.split("Resume with:\n")[1].splitlines()[0].strip()
    return shlex.split(command.replace('"$DATAFORGE_API_KEY"', KEY))


def test_ctrl_c_prints_the_job_and_cancels_nothing(spawn: Spawn, api: FakeApi, tmp_path: Path) -> None:
    api.hold = "synthetic"
    out = tmp_path / "it's here"
    process = spawn(*ASKED, "--out", str(out), *connection_arguments(api))
    until(lambda: api.count("/jobs/syn_job_0001") > 1, process)

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    api.released.set()
    resumed = execute(pasted(said)[3:])

    assert process.returncode == 130
    assert said.index("Job syn_job_0001. If this command is interrupted: ") < said.index("Interrupted.")
    assert "The job syn_job_0001 is not cancelled" in said
    assert api.count("/cancel") == 0
    assert KEY not in said
    assert resumed == 0
    assert len((out / "results.jsonl").read_text().splitlines()) == 2
    assert len(api.jobs) == 1


@pytest.mark.parametrize("as_json", [False, True])
def test_a_lost_connection_prints_the_job(
    api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str], as_json: bool
) -> None:
    api.faults = [Fault("GET /v1/synthetic/jobs/", 500)]

    code = synth(api, "--out", str(tmp_path), *(["--json"] if as_json else []))

    said = capfd.readouterr()
    assert code == 1
    assert api.count("/cancel") == 0
    if as_json:
        result = json.loads(said.out.splitlines()[-1])
        assert (result["job_id"], result["status"]) == ("syn_job_0001", "failed")
        assert "jobs resume syn_job_0001" in result["resume"]
    else:
        assert "The job syn_job_0001 is not cancelled." in said.err
        assert execute(pasted(said.err)[1:]) == 0


def test_a_job_whose_id_never_arrived_may_run_all_the_same(
    api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataforge_client.client import DataForge
    from dataforge_client.errors import ConnectionFailed

    def lost(*_: object, **__: object) -> None:
        raise ConnectionFailed("the connection was lost")

    monkeypatch.setattr(DataForge, "synthetic_start", lost)
    monkeypatch.setattr(DataForge, "synthetic_estimate", lambda *_, **__: _Estimate())

    code = synth(api, "--out", str(tmp_path))

    said = capfd.readouterr().err
    assert code == 1
    assert "may have been started all the same: dataforge jobs list --server" in said


class _Estimate:
    estimated_cost_usd, price_per_1000_usd, count, schema, generator = 0.0, 0.0, 2, "instruction_v1", "templated"
    limited_to = None

    def __init__(self) -> None:
        self.raw: dict[str, object] = {}


def test_jobs_are_listed_shown_downloaded_and_cancelled(
    api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    synth(api, "--out", str(tmp_path / "first"), "--quiet")
    api.hold = "synthetic"
    api.jobs["syn_job_0009"] = {**api.jobs["syn_job_0001"], "job_id": "syn_job_0009", "status": "running"}
    capfd.readouterr()

    codes = [
        execute([*words, *connection_arguments(api)])
        for words in (
            ["jobs", "list"],
            ["jobs", "list", "--status", "succeeded", "--json"],
            ["jobs", "status", "syn_job_0001"],
            ["status", "syn_job_0009"],
            ["jobs", "download", "syn_job_0001", "--out", str(tmp_path / "again")],
            ["jobs", "cancel", "syn_job_0009"],
        )
    ]

    said = capfd.readouterr()
    assert codes == [0] * 6
    assert said.out.startswith("syn_job_0009\trunning 100%\t2 of 2\t")
    assert '"status": "succeeded"' in said.out
    assert "syn_job_0009  synthetic  running 100%" in said.out
    assert (tmp_path / "again/results.jsonl").read_bytes() == (tmp_path / "first/results.jsonl").read_bytes()
    assert (tmp_path / "again/README.md").exists()
    assert api.jobs["syn_job_0009"]["error"] == "cancelled by user"
    assert execute(["jobs", "status", "syn_job_none", *connection_arguments(api)]) == 1


def test_a_misspelt_field_of_a_request_file_is_the_servers_to_name(
    api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"domian": "harbours"}))

    code = synth(api, "--request", str(file), "--out", str(tmp_path))

    assert code == 2
    assert "did you mean domain?" in capfd.readouterr().err


def test_the_records_of_a_job_are_written_by_outcome(
    api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    synth(api, "--out", str(tmp_path))
    api.jobs["syn_job_0001"]["count_failed"] = 1
    capfd.readouterr()

    code = execute(["records", "syn_job_0001", "--outcome", "failed", *connection_arguments(api)])

    said = capfd.readouterr()
    assert code == 0
    assert json.loads(said.out)["reply"] == "I cannot."
    assert "1 failed" in said.err
    assert execute(["records", "syn_job_0001", "--outcome", "rejected", *connection_arguments(api)]) == 1


@pytest.mark.parametrize("words", ["synth", "download"])
def test_a_job_that_delivered_nothing_leaves_a_file_that_says_why(
    api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str], words: str
) -> None:
    api.nothing_is_accepted = True
    code = synth(api, "--out", str(tmp_path / "synth"))
    out = tmp_path / words
    if words == "download":
        code = execute(["jobs", "download", "syn_job_0001", "--out", str(out), *connection_arguments(api)])

    said = capfd.readouterr().err
    assert code == 1
    assert json.loads((out / "failed.jsonl").read_text())["reply"] == "I cannot."
    assert [path.name for path in out.iterdir()] == ["failed.jsonl"]
    assert str(out / "failed.jsonl") in said
