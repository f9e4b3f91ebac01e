"""`dataforge eval` against the fake API: the figures of a model, and a verifier's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dataforge_client.cli import execute
from tests.support.cli_process import connection_arguments
from tests.support.fake_api import FakeApi

Train = Callable[..., int]


@pytest.fixture
def train(api: FakeApi, tmp_path: Path) -> Train:
    path = tmp_path / "set.jsonl"
    path.write_text('{"messages": []}\n' * 12)

    def go(*options: str) -> int:
        return execute(["train", str(path), "--model", "m", *connection_arguments(api), *options])

    return go


def test_the_evaluation_shows_both_models(api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str]) -> None:
    train("--quiet")
    api.models[2] = {**api.models[1], "id": 2, "metrics": {"final_loss": 0.2}}

    assert execute(["eval", "1", *connection_arguments(api)]) == 0
    assert execute(["eval", "2", *connection_arguments(api)]) == 0

    said = capfd.readouterr()
    assert said.out == "exact match\t0.0 %\t45.0 %\n"
    assert "Model 2 was not evaluated" in said.err


def test_a_verifier_is_started_waited_for_and_its_win_rate_is_shown(
    api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str]
) -> None:
    train("--quiet", "--name", "rules")
    asked = ["eval", "rules", "--verifier", "openai:judge", "--max-cost", "0.05", "--one-order"]

    assert execute([*asked, *connection_arguments(api)]) == 0
    told = capfd.readouterr()
    assert execute(["models", "show", "rules", *connection_arguments(api)]) == 0
    shown = capfd.readouterr().out

    line = "verifier openai:judge: win rate 75.0 % (60.0 to 90.0 %), 9 won, 6 tied, 1 lost of 16 lines, cost $0.02"
    assert told.out.splitlines() == [
        "exact match\t0.0 %\t45.0 %",
        line,
        "document faq.md\t12\t9\t6\t1\t75.0 % (60.0 to 90.0 %)",
        "document guide.md\t4\t4\t0\t0\t",
    ]
    assert ": 16 verdicts of openai:judge, $0.05 at most" in told.err
    assert line in shown.splitlines()


def test_a_verifier_without_a_verdict_ends_as_an_error_and_its_options_do_not_stand_alone(
    api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str]
) -> None:
    train("--quiet")

    assert execute(["eval", "1", "--verifier", "mute", *connection_arguments(api)]) == 1
    assert execute(["eval", "1", "--one-order", *connection_arguments(api)]) == 2

    said = capfd.readouterr().err
    assert "No verdict was given" in said
    assert "--verifier" in said
