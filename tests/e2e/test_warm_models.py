"""A trained model answers from a real server; its process ends with the server, however that ends."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataforge import platform, settings
from dataforge_infra.local.platform import build
from tests.support.own_models import Program, add_model, use_program


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Program]:
    yield use_program(monkeypatch, tmp_path)
    settings.get.cache_clear()


def ask(ready: dict[str, Any], prompt: str) -> dict[str, Any]:
    credentials = json.loads(Path(ready["credentials"]).read_text())
    body = json.dumps({"model_id": 1, "prompt": prompt}).encode()
    headers = {"Content-Type": "application/json", "X-API-Key": credentials["api_key"]}
    request = urllib.request.Request(f"{ready['url']}/api/playground/generate", body, headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def with_model(home: Path, ready: dict[str, Any]) -> None:
    """A model of the server's organisation, written beside it."""
    platform.use(build(home, base_url=lambda: "", invoke=lambda *_: {}))
    add_model(ready["organization_id"])
    platform.use(None)


def alive(program: Program) -> set[int]:
    return {pid for pid in program.processes() if Path(f"/proc/{pid}").exists()}


def ends(program: Program, seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while alive(program):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_the_process_with_the_model_ends_with_the_server(program, machine, tmp_path, how):
    home = tmp_path / "home"
    server = machine.server(home)
    with_model(home, server.ready)
    assert "heard" in ask(server.ready, "hello")["generated_text"]
    assert len(alive(program)) == 1

    getattr(server, how)()

    assert ends(program)
    again = machine.server(home)
    assert "heard" in ask(again.ready, "hello")["generated_text"]
