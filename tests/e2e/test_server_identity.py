"""Nobody but the server of a data folder gets the folder's key."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from dataforge_client.cli import local_server, server_identity
from tests.support.server_processes import Machine


class Impostor:
    """Listens where a server was, and answers every request; `relay`: it asks another server to prove itself."""

    def __init__(self, port: int, relay: str = "") -> None:
        self.heard: list[dict[str, str]] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append(dict(self.headers.items()))
                body = httpx.get(relay + self.path).content if relay else b'{"status": "ok", "proof": "00"}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Impostor:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_the_running_server_is_found(machine: Machine, tmp_path: Path) -> None:
    server = machine.server(tmp_path)

    found = local_server.find_running_server(tmp_path)

    assert found is not None
    assert found.base_url == server.ready["url"]


def test_who_listens_where_a_killed_server_was_hears_nothing(machine: Machine, tmp_path: Path) -> None:
    server = machine.server(tmp_path)
    server.kill()

    with Impostor(port_of(server.ready["url"])) as impostor:
        assert local_server.find_running_server(tmp_path) is None

    assert impostor.heard == []


@pytest.mark.parametrize("relays", [False, True])
def test_without_the_secret_of_the_folder_no_key_is_sent(machine: Machine, tmp_path: Path, relays: bool) -> None:
    """The folder's server runs elsewhere, and its lock is held; `server.json` names the wrong address."""
    server = machine.server(tmp_path)
    key = json.loads((tmp_path / "credentials.json").read_text())["api_key"]

    with Impostor(0, relay=server.ready["url"] if relays else "") as impostor:
        (tmp_path / "server.json").write_text(json.dumps({**server.ready, "url": impostor.url}))
        assert local_server.find_running_server(tmp_path) is None

    assert len(impostor.heard) == 1
    assert key not in str(impostor.heard)


@pytest.mark.parametrize("secret", [None, "", "no hex", "00" * 32])
def test_a_folder_whose_secret_is_another_has_no_server(machine: Machine, tmp_path: Path, secret: str | None) -> None:
    server = machine.server(tmp_path)
    (tmp_path / "secret").unlink()
    if secret is not None:
        (tmp_path / "secret").write_text(secret)

    assert not server_identity.serves(server.ready["url"], tmp_path)


@pytest.mark.parametrize("challenge", ["", "short", "x" * 64, "0" * 500])
def test_an_odd_challenge_is_refused(machine: Machine, tmp_path: Path, challenge: str) -> None:
    server = machine.server(tmp_path)

    answer = httpx.get(f"{server.ready['url']}/local/identity", params={"challenge": challenge})

    assert answer.status_code == 422
    assert "proof" not in answer.json()
