"""How often an organisation may call, on both backends, with a clock that stands still until it is moved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dataforge import clock, quotas, settings
from dataforge.settings import Settings
from tests.support.service import BASE, Service

START = 29_000_000 * quotas.MINUTE + 15_000
"""A quarter of a minute after a whole one."""


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def limited(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Data Forge takes 3 calls a minute; everything else any number."""
    monkeypatch.setenv("DATAFORGE_RATE_DATA_FORGE", "3")
    settings.get.cache_clear()
    still = Clock()
    monkeypatch.setattr(clock, "milliseconds", still)
    yield still
    settings.get.cache_clear()


def send_request(service: Service, **headers: str) -> tuple[int, dict[str, str]]:
    """Status, and the headers about the rate without their common beginning."""
    answer = service.http.get(f"{BASE}/projects", headers={**service.headers, **headers})
    response = {
        k.removeprefix("x-ratelimit-"): v for k, v in answer.headers.items() if "ratelimit" in k or "retry" in k
    }
    return answer.status_code, response


# checklist 126
def test_beyond_the_limit_a_call_gets_retry_after_and_is_allowed_then(service: Service, limited: Clock) -> None:
    first = [send_request(service) for _ in range(3)]
    refused = service.http.get(f"{BASE}/projects", headers=service.headers)
    wait = int(refused.headers["Retry-After"])

    assert [(status, answer["remaining"]) for status, answer in first] == [(200, "2"), (200, "1"), (200, "0")]
    assert {answer["limit"] for _, answer in first} == {"3"}
    assert first[0][1]["reset"] == "105"
    assert refused.status_code == 429
    assert (refused.json()["code"], refused.json()["status_code"]) == ("RATE_LIMITED", 429)
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert wait == 45 + 20  # the next minute begins, and a third of these three calls has left the window
    limited.now += wait * 1000 - 1001
    assert send_request(service)[0] == 429
    limited.now += 1001
    assert send_request(service)[0] == 200
    assert send_request(service)[0] == 429


def test_a_flood_of_refused_calls_makes_the_wait_no_longer(service: Service, limited: Clock) -> None:
    for _ in range(3):
        send_request(service)

    waits = []
    for _ in range(20):
        limited.now += 1000
        waits.append(int(send_request(service)[1]["retry-after"]))

    assert waits == list(range(64, 44, -1))
    limited.now += waits[-1] * 1000
    assert send_request(service)[0] == 200


def test_every_organisation_has_its_own_bucket(service: Service, limited: Clock) -> None:
    neighbour = service.other()

    own = [send_request(service)[0] for _ in range(4)]
    theirs = [send_request(neighbour)[0] for _ in range(4)]

    assert own == theirs == [200, 200, 200, 429]


def test_every_api_has_its_own_bucket(service: Service, limited: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_RATE_ACCOUNTS", "1")
    settings.get.cache_clear()
    whoami = "/api/v1/auth/whoami"
    for _ in range(4):
        send_request(service)

    answers = [service.http.get(whoami, headers=service.headers).status_code for _ in range(2)]

    assert answers == [200, 429]


def test_who_has_no_key_takes_nothing_from_the_organisation(service: Service, limited: Clock) -> None:
    for _ in range(5):
        status, answer = send_request(service, **{"X-API-Key": "sk_stolen"})
        assert (status, answer) == (401, {})

    assert send_request(service)[1]["remaining"] == "2"


def test_an_answer_that_refuses_says_what_is_left_too(service: Service, limited: Clock) -> None:
    headers = {**service.headers, "Content-Type": "application/json"}

    malformed = service.http.post(f"{BASE}/projects", content=b"{", headers=headers)
    unknown = service.http.get(f"{BASE}/projects/proj_none", headers=headers)
    headless = service.http.get(f"{BASE}/projects", headers={"X-API-Key": headers["X-API-Key"]})

    seen = [(a.status_code, a.headers["X-RateLimit-Remaining"]) for a in (malformed, unknown, headless)]
    assert seen == [(400, "2"), (404, "1"), (400, "0")]


def test_zero_means_any_number(service: Service) -> None:
    assert send_request(service) == (200, {})


# checklist 126
def test_the_synthetic_api_takes_sixty_calls_a_minute(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_RATE_SYNTHETIC", str(Settings().rate_synthetic))
    monkeypatch.setattr(clock, "milliseconds", Clock())
    settings.get.cache_clear()
    org = service.headers["X-Organization-ID"]

    taken = [quotas.take(org, "synthetic") for _ in range(61)]

    assert [a.retry_after is None for a in taken if a] == [True] * 60 + [False]
    settings.get.cache_clear()


def test_another_process_knows_the_calls_of_the_minute_before(service: Service, limited: Clock) -> None:
    """Two processes share the table, not the memory."""
    for _ in range(3):
        send_request(service)
    quotas._closed.clear()
    quotas._refused.clear()

    limited.now += 45_000  # exactly the next minute: all three still count

    assert send_request(service)[0] == 429
