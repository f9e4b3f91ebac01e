"""`dataforge images build` and `dataforge deploy --training`: what the child process is asked, and what is printed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from dataforge_client.cli import deploy, execute, images

URI = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/dataforge-dev-training:huggingface"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    words: list[list[str]] = []
    answer = {"image": URI, "ApiUrl": "https://x.example/", "account": "111122223333", "region": "eu-west-1"}

    def run_module(module: str, arguments: Sequence[str], *, name: str) -> Mapping[str, Any]:
        assert module == "dataforge_infra.deploy"
        words.append(list(arguments))
        return {**answer, **({"training_image": None} if "training=yes" in arguments else {})}

    monkeypatch.setattr(images, "run_module", run_module)
    monkeypatch.setattr(deploy, "run_module", run_module)
    monkeypatch.setenv("DATAFORGE_CONFIG", str(tmp_path / "profiles.toml"))
    return words


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["images", "--stage", "dev", "--name", "huggingface"]),
        (
            ["--stage", "prod", "--region", "eu-west-1", "--unsloth", "--again"],
            ["images", "--stage", "prod", "--region", "eu-west-1", "--name", "unsloth", "--again"],
        ),
    ],
)
def test_the_address_of_the_image_is_all_that_stdout_gets(
    asked: list[list[str]], capfd: pytest.CaptureFixture[str], words: list[str], expected: list[str]
) -> None:
    assert execute(["images", "build", *words]) == 0
    assert capfd.readouterr().out == f"{URI}\n"
    assert execute(["images", "build", *words, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["image"] == URI
    assert asked == [expected, expected]


@pytest.mark.parametrize(
    ("words", "option", "code"),
    [(["--training"], ["-c", "training=yes"], 1), (["--no-training"], ["-c", "training=no"], 0), ([], [], 0)],
)
def test_training_is_an_option_that_is_kept_and_an_image_that_failed_is_an_exit_code(
    asked: list[list[str]], tmp_path: Path, words: list[str], option: list[str], code: int
) -> None:
    assert execute(["deploy", *words]) == code

    [given] = asked
    assert given == ["deploy", "--stage", "dev", *option, "--first-key", "first organization"]
    assert "https://x.example" in (tmp_path / "profiles.toml").read_text(), "the profile is written all the same"
