"""What goes on when a request has been accepted ends with its key: waiting for events, and streams of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dataforge import clock, platform
from dataforge.errors import Unauthenticated
from dataforge.store import api_keys, socket_tickets
from dataforge.store.item_codec import to_item
from dataforge.store.runs import Run
from tests.support.service import BASE, Service

WAIT = 15


@pytest.fixture
def run(service: Service) -> Run:
    """One that nobody works on, and that does not end."""
    org_id, config = service.headers["X-Organization-ID"], {"generation_type": "qa"}
    run = Run(
        org_id, "gen_x", "proj_x", "user_x", "generate", config, "data-forge/x", clock.now(), "x", status="generating"
    )
    platform.current().tables.put_new("runs", to_item(run))
    return run


def reader(service: Service) -> tuple[str, dict[str, str]]:
    """A key that may read only: its id, and its headers."""
    org_id = service.headers["X-Organization-ID"]
    owner = service.http.get("/api/v1/auth/whoami", headers=service.headers).json()["userId"]
    key, secret = api_keys.create(org_id, owner, name="r", scopes=["data-forge:read"], created_by=owner)
    return key.key_id, {"X-API-Key": secret, "X-Organization-ID": org_id}


@contextmanager
def revoked_soon(service: Service, key_id: str) -> Iterator[None]:
    """Through the API, half a second after the block has begun."""

    def revoke() -> None:
        service.http.delete(f"/v1/api-keys/{key_id}", headers=service.headers)

    timer = threading.Timer(0.5, revoke)
    timer.start()
    yield
    timer.join()


@pytest.mark.parametrize(("accept", "status"), [("application/json", 401), ("text/event-stream", 200)])
def test_waiting_for_events_ends_with_the_key(service: Service, run: Run, accept: str, status: int) -> None:
    key_id, headers = reader(service)
    place = f"{BASE}/generations/{run.run_id}/events"
    began = time.monotonic()

    with revoked_soon(service, key_id):
        answer = service.http.get(place, headers={**headers, "Accept": accept}, params={"wait": WAIT})

    assert answer.status_code == status
    assert time.monotonic() - began < WAIT - 2
    assert "event: closed" not in answer.text  # the run goes on: only this key hears no more of it
    assert service.http.get(place, headers={**headers, "Accept": accept}).status_code == 401


def test_any_key_gets_a_ticket_for_a_socket(service: Service) -> None:
    key_id, headers = reader(service)

    answer = service.http.post("/v1/socket-tickets", headers=headers)
    body: dict[str, Any] = answer.json()

    assert (answer.status_code, body["expires_in"]) == (201, socket_tickets.VALID_S)
    opener = socket_tickets.redeem(body["ticket"])
    assert (opener.key_id, opener.scopes) == (key_id, ("data-forge:read",))
    with pytest.raises(Unauthenticated):
        socket_tickets.redeem(body["ticket"])
    assert headers["X-API-Key"] not in answer.text


def test_a_ticket_needs_a_key(service: Service) -> None:
    assert service.http.post("/v1/socket-tickets").status_code == 401
