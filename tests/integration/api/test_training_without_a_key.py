"""Who calls the training API of one machine without a key, and which requests need one all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from dataforge import settings
from dataforge_infra.local import server
from tests.support.service import Service, embedded_service

HERE, SOCKET = "http://127.0.0.1:8765", "ws://127.0.0.1:8765/ws/training"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    yield from embedded_service(tmp_path)


def statuses(service: Service, *, base: str = HERE, path: str = "/api/training_status", **headers: str) -> int:
    client = TestClient(service.http.app, base_url=base)
    return client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()}).status_code


def allow(service: Service, home: Path, host: str = "127.0.0.1") -> None:
    service.http.app.state.anonymous = server.anonymous_caller(home / "credentials.json", host)  # type: ignore[attr-defined]


def test_on_a_machine_that_hears_itself_only_the_training_api_needs_no_key(service: Service, tmp_path: Path) -> None:
    assert statuses(service) == 401
    allow(service, tmp_path)

    assert statuses(service) == 200
    assert statuses(service, base="http://localhost:8765") == 200
    assert statuses(service, base="http://[::1]:8765") == 200
    assert statuses(service, Origin=HERE) == 200
    assert statuses(service, X_API_Key="sk_wrong") == 401, "a key that is sent is checked"
    for other in ("/api/v1/data-forge/projects", "/v1/ledger", "/v1/members", "/api/v1/auth/whoami"):
        assert statuses(service, path=other) == 401


def test_a_page_of_another_origin_and_another_name_of_this_machine_need_a_key(service: Service, tmp_path: Path) -> None:
    allow(service, tmp_path)
    client = TestClient(service.http.app, base_url=HERE)

    assert statuses(service, Origin="https://evil.example") == 401
    assert statuses(service, Origin="null") == 401
    assert statuses(service, base="http://rebound.example:8765") == 401
    assert client.post("/api/stop_training", headers={"Origin": "https://evil.example"}).status_code == 401
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect(SOCKET, headers={"Origin": "https://evil.example"}),
    ):
        pass
    assert refused.value.status_code == 401
    with client.websocket_connect(SOCKET) as socket:
        assert socket.receive_json()["status"] == "idle"


@pytest.mark.parametrize(
    ("chosen", "host", "here", "elsewhere"),
    [
        ("", "127.0.0.1", 200, 401),
        ("", "0.0.0.0", 401, 401),
        ("0", "127.0.0.1", 401, 401),
        ("1", "0.0.0.0", 200, 200),
    ],
)
def test_the_setting_decides(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    chosen: str, host: str, here: int, elsewhere: int,
) -> None:  # fmt: skip
    monkeypatch.setenv("MODELFORGE_ANONYMOUS", chosen)
    settings.get.cache_clear()
    allow(service, tmp_path, host)

    assert statuses(service) == here
    assert statuses(service, base="http://forge.corp") == elsewhere
    settings.get.cache_clear()


def test_another_value_is_refused_with_those_that_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELFORGE_ANONYMOUS", "yes")
    settings.get.cache_clear()

    with pytest.raises(RuntimeError, match="must be 1 or 0, not 'yes'"):
        server.anonymous_caller(tmp_path / "credentials.json", "127.0.0.1")
    settings.get.cache_clear()
