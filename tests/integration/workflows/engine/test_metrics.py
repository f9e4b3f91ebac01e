"""What runs and exports count for the dashboard: one line each, on AWS only, and never a second one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from dataforge import metrics, platform, settings
from dataforge.store import runs
from dataforge.store.item_codec import from_item, to_item
from dataforge.workflows import lifecycle, run_states
from tests.support.chat_servers import Recorder, recorder
from tests.support.projects import RULES
from tests.support.service import Service, aws_service

COUNTED = json.loads(resources.files("dataforge").joinpath("data", "metrics.json").read_text("utf-8"))
"""`tests/infra/test_monitoring.py` holds the dashboard to the same file."""


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with recorder() as kept:
        monkeypatch.setenv("OPENAI_BASE_URL", kept.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
        yield kept


@pytest.fixture
def aws(tmp_path: Path, model: Recorder) -> Iterator[Service]:  # its address is read when this begins
    settings.get.cache_clear()
    yield from aws_service(tmp_path)
    settings.get.cache_clear()


def lines(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines() if line.startswith('{"_aws"')]


def walk(service: Service) -> tuple[str, dict[str, Any]]:
    project_id = service.project()
    service.upload(project_id, "rules.md", RULES)
    service.upload(project_id, "torn.pdf", b"%PDF-1.7 torn", "application/pdf")
    service.parse(project_id)
    config = {"auto_accept_min_quality": 0.0}
    return project_id, service.generate(project_id, model_id="openai:gpt-4o-mini", num_pairs=4, config=config)


def finished(service: Service, run: dict[str, Any]) -> runs.Run:
    return runs.get(service.headers["X-Organization-ID"], run["generationId"])


def test_every_run_and_export_is_counted_once_on_aws_and_not_at_all_on_one_machine(
    service: Service, model: Recorder, capfd: pytest.CaptureFixture[str]
) -> None:
    project_id, run = walk(service)
    export = service.call("POST", f"/projects/{project_id}/export")

    found = lines(capfd.readouterr().out)

    assert [line["Service"] for line in found] == (["parse", "generate", "export"] if service.backend == "aws" else [])
    for parse, generate, exported in [found] if found else []:
        assert (parse["Delivered"], parse["Failed"], parse["status"]) == (1, 1, "completed")
        assert {name: generate[name.title()] for name in ("delivered", "rejected", "failed")} == {
            name: run["counts"][name] for name in ("delivered", "rejected", "failed")
        }
        assert (generate["InputTokens"], generate["OutputTokens"]) == (run["tokens"]["input"], run["tokens"]["output"])
        assert ("Dollars" in generate) == (run["costUsd"] is not None)
        assert generate["TeacherCalls"] == len(model.bodies) > 0
        assert 0 <= generate["Seconds"] < 60
        assert exported["Delivered"] == export["pairCount"]


def test_a_line_is_the_embedded_metric_format_with_ids_as_properties_only(
    aws: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    _, run = walk(aws)
    opened = from_item(runs.Run, {**to_item(finished(aws, run)), "status": "validating"})
    platform.current().tables.put("runs", to_item(opened))
    lifecycle.finish(opened, "completed", values={"cost_usd": 0.25})

    line = lines(capfd.readouterr().out)[-1]

    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == COUNTED["namespace"]
    assert directive["Dimensions"] == [COUNTED["dimensions"]] == [["Service", "Stage"]]
    assert {m["Name"]: m["Unit"] for m in directive["Metrics"]} == COUNTED["metrics"]
    assert len(COUNTED["metrics"]) < 10
    assert all(isinstance(line[name], int | float) for name in COUNTED["metrics"])
    assert all(isinstance(line[name], str) for name in COUNTED["dimensions"])
    assert (line["run_id"], line["Dollars"]) == (run["generationId"], 0.25)
    assert abs(line["_aws"]["Timestamp"] / 1000 - datetime.fromisoformat(run["completedAt"]).timestamp()) < 5


def test_who_comes_late_to_close_a_run_counts_nothing(aws: Service, capfd: pytest.CaptureFixture[str]) -> None:
    _, answer = walk(aws)
    run = finished(aws, answer)
    stale = from_item(runs.Run, {**to_item(run), "status": "validating"})
    capfd.readouterr()

    lost = lifecycle.finish(stale, "failed", error="two closed it")
    event = {"org_id": run.org_id, "run_id": run.run_id, "project_id": run.project_id, "kind": run.kind}
    again = run_states.close_run(dict(event))

    assert lines(capfd.readouterr().out) == []
    assert (lost.status, again["status"]) == ("completed", "completed")


def test_what_the_file_does_not_name_is_not_counted(aws: Service) -> None:
    with pytest.raises(KeyError):
        metrics.emit("generate", {"Smiles": 1})
