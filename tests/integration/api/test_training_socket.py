"""Progress of a training, pushed: over `/ws/training` of one machine, and to the topic that the WebSocket API of a
deployment serves."""

from __future__ import annotations

import queue
from typing import Any

import pytest
from starlette.testclient import WebSocketDenialResponse

from dataforge import platform
from dataforge.platform.embedded.publisher import InProcessPublisher
from dataforge.store import runs
from dataforge.workflows.training import status
from tests.support.service import Service
from tests.support.trainings import ENDED, Trainings

NUMBERS = {
    "status",
    "progress",
    "current_epoch",
    "total_epochs",
    "current_step",
    "total_steps",
    "loss",
    "learning_rate",
}
one_machine = pytest.mark.parametrize("service", ["embedded"], indirect=True)
deployed = pytest.mark.parametrize("service", ["aws"], indirect=True)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN", "slow")


# checklist 171
@one_machine
def test_a_socket_hears_a_training_from_its_start_to_its_end(slow: None, service: Service) -> None:
    api = Trainings(service)
    api.dataset(20)
    heard: list[dict[str, Any]] = []

    with service.http.websocket_connect("/ws/training", headers=api.headers) as socket:
        heard.append(socket.receive_json())
        job_id = api.start()["job_id"]
        while heard[-1]["status"] not in ENDED:
            heard.append(socket.receive_json())

    assert heard[0]["status"] == "idle"
    assert all(message.keys() >= NUMBERS for message in heard)
    assert {message["job_id"] for message in heard[1:]} == {job_id}
    steps = [message["current_step"] for message in heard]
    assert steps == sorted(steps)
    assert len(set(steps)) > 3, "it was live"
    assert (heard[-1]["status"], heard[-1]["progress"]) == ("completed", 100.0)
    assert heard[-1] == {k: v for k, v in api.status().items() if k in heard[-1]}


@one_machine
def test_a_key_may_come_in_three_places_and_reaches_its_own_organisation_only(service: Service) -> None:
    api = Trainings(service)
    api.run()
    key, stranger = api.headers["X-API-Key"], service.other().headers["X-API-Key"]
    ways: list[tuple[str, dict[str, str]]] = [
        ("", {"X-API-Key": key}),
        ("", {"Authorization": f"Bearer {key}"}),
        (f"?api_key={key}", {}),
    ]

    for query, headers in ways:
        with service.http.websocket_connect(f"/ws/training{query}", headers=headers) as socket:
            assert socket.receive_json()["status"] == "completed"
    with service.http.websocket_connect("/ws/training", headers={"X-API-Key": stranger}) as socket:
        assert socket.receive_json()["status"] == "idle"


@one_machine
def test_without_a_good_key_there_is_no_connection(service: Service) -> None:
    made = service.http.post(
        "/v1/api-keys", json={"name": "narrow", "scopes": ["data-forge:read"]}, headers=service.headers
    )
    refused = [({}, 401), ({"X-API-Key": "sk_wrong"}, 401), ({"X-API-Key": made.json()["key"]}, 403)]

    for headers, expected in refused:
        with (
            pytest.raises(WebSocketDenialResponse) as answer,
            service.http.websocket_connect("/ws/training", headers=headers),
        ):
            pass
        assert answer.value.status_code == expected
        assert answer.value.json()["status_code"] == expected


# checklist 171
@deployed
def test_a_deployment_pushes_each_new_line_of_progress_and_the_end(slow: None, service: Service) -> None:
    api = Trainings(service)
    publisher = platform.current().publisher
    assert isinstance(publisher, InProcessPublisher)
    heard: list[dict[str, Any]] = []
    api.dataset(20)

    with publisher.subscribe(status.topic_of(api.org_id)) as subscription:
        job_id = api.start()["job_id"]
        api.wait(job_id)
        while True:
            try:
                heard.append(dict(subscription.get(0.5) or {}))
            except queue.Empty:
                break

    assert all(message.keys() >= NUMBERS for message in heard)
    assert {message["job_id"] for message in heard} == {job_id}
    assert {message["topic"] for message in heard} == {"training"}
    assert len({message["current_step"] for message in heard}) > 5, "it was live"
    assert (heard[-1]["status"], heard[-1]["progress"]) == ("completed", 100.0)
    assert runs.get(api.org_id, job_id).status == "completed"
