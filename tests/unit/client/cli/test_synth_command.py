"""`dataforge synth`: options become the API's request."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from dataforge_client.cli.synth import build_request, command
from tests.support.paths import DOCS

PLAIN = {
    "request": None,
    "generator": None,
    "invariants": (),
    "hard_negatives": None,
    "split": None,
    "license_": None,
    "max_cost": None,
    "schema": "instruction_v1",
}


def test_of_a_file_the_server_names_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"domain": "harbours", "cuont": 5, "model": "deep"}')

    made = build_request(**{**PLAIN, "request": tmp_path / "r.json"})

    assert made["cuont"] == 5


def test_options_become_the_request() -> None:
    made = build_request(
        **{
            **PLAIN,
            "domain": "harbours",
            "count": 50,
            "model": "deep",
            "verified": True,
            "language": "es",
            "hard_negatives": 20,
            "invariants": ("Never name a price",),
            "split": "train=80, test=20",
            "license_": "mit",
            "max_cost": 2.5,
            "system_prompt": "Be kind.",
        }
    )

    assert made == {
        "schema": "instruction_v1",
        "domain": "harbours",
        "count": 50,
        "model": "deep",
        "verified": True,
        "constraints": {"language": "es"},
        "license": "mit",
        "max_cost_usd": 2.5,
        "system_prompt": "Be kind.",
        "advanced": {
            "hard_negatives": {"enabled": True, "percentage": 20},
            "invariants": [{"rule": "Never name a price"}],
            "output_split": {"train": 80, "test": 20},
        },
    }


def test_a_request_file_is_completed_by_options(tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(
        json.dumps({"schema": "eval_v1", "domain": "harbours", "count": 10, "advanced": {"style_rules": ["Short"]}})
    )

    made = build_request(
        **{**PLAIN, "request": file, "count": 20, "split": "a=50,b=50", "generator": "ollama:llama3.2"}
    )

    assert made == {
        "schema": "eval_v1",
        "domain": "harbours",
        "count": 20,
        "models": {"generator": {"provider": "ollama", "model": "llama3.2"}},
        "advanced": {"style_rules": ["Short"], "output_split": {"a": 50, "b": 50}},
    }


@pytest.mark.parametrize("options", [{"domain": "harbours"}, {"count": 5}, {"domain": "x", "count": 5, "split": "80"}])
def test_what_lacks_is_said(options: dict[str, object]) -> None:
    with pytest.raises(click.UsageError):
        build_request(**{**PLAIN, **options})


def test_every_option_is_documented() -> None:
    page = (DOCS / "cli.md").read_text()

    flags = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}

    assert {flag for flag in flags if flag not in page} == set()
