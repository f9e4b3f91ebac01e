"""What a caller can choose: retries by number, an HTTP client of one's own, no key; and errors from the top level."""

from __future__ import annotations

import asyncio
import inspect

import httpx
import pytest

import dataforge_client
from dataforge_client import AsyncDataForge, ConfigError, DataForge, Retry, ServerError, errors
from tests.support.fake_api import KEY, ORGANIZATION, FakeApi, Fault


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATAFORGE_API_KEY", "DATAFORGE_URL", "DATAFORGE_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def test_every_exception_can_be_imported_from_the_package() -> None:
    tree = {n for n, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.ClientError)}

    assert len(tree) > 12
    assert tree <= set(dataforge_client.__all__)
    assert all(getattr(dataforge_client, name) is getattr(errors, name) for name in tree)


def test_every_name_of_the_package_exists_and_no_other() -> None:
    assert all(getattr(dataforge_client, name) is not None for name in dataforge_client.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        dataforge_client.Nothing  # noqa: B018


@pytest.mark.parametrize("retries", [0, 2])
def test_max_retries_counts_what_follows_the_first_try(api: FakeApi, pauses: list[float], retries: int) -> None:
    api.faults.append(Fault("/projects", 503, times=99))
    retry = Retry(sleep=pauses.append)

    with (
        DataForge(api.url, KEY, ORGANIZATION, max_retries=retries, retry=retry) as forge,
        pytest.raises(ServerError),
    ):
        forge.list_projects()

    assert (len(api.seen), len(pauses)) == (retries + 1, retries)


def test_a_negative_number_of_retries_is_refused(api: FakeApi) -> None:
    with pytest.raises(ValueError, match="max_retries must be 0 or more, not -1"):
        DataForge(api.url, KEY, max_retries=-1)


def test_an_http_client_of_ones_own_is_used_and_not_closed(api: FakeApi) -> None:
    with httpx.Client(headers={"X-Team": "docs"}) as own:
        with DataForge(api.url, KEY, ORGANIZATION, http_client=own) as forge:
            forge.whoami()

        assert not own.is_closed
    assert api.seen[0].headers["X-Team"] == "docs"
    assert api.seen[0].headers["X-API-Key"] == KEY


def test_an_asynchronous_http_client_of_ones_own_is_used_and_not_closed(api: FakeApi) -> None:
    async def walk() -> None:
        async with httpx.AsyncClient(headers={"X-Team": "docs"}) as own:
            async with AsyncDataForge(api.url, KEY, ORGANIZATION, http_client=own) as forge:
                await forge.whoami()
            assert not own.is_closed

    asyncio.run(walk())

    assert api.seen[0].headers["X-Team"] == "docs"


def test_a_client_that_follows_redirects_does_not_take_the_key_elsewhere(api: FakeApi) -> None:
    with FakeApi() as elsewhere, httpx.Client(follow_redirects=True) as own:
        api.faults.append(Fault("whoami", 307, headers={"Location": f"{elsewhere.url}/api/v1/auth/whoami"}))

        with DataForge(api.url, KEY, http_client=own) as forge, pytest.raises(errors.ApiError, match="redirects to"):
            forge.whoami()

        assert elsewhere.seen == []


def test_public_operations_need_no_key_and_the_others_say_what_to_do(api: FakeApi) -> None:
    api.faults.append(Fault("/v1/synthetic/pricing", 200, body={"tiers": []}))

    with DataForge(api.url) as forge:
        assert forge.health()["status"] == "ok"
        assert forge.synthetic_pricing() == {"tiers": []}
        with pytest.raises(ConfigError, match=r"No key for http://127.*pass api_key, or set DATAFORGE_API_KEY"):
            forge.list_projects()

    assert [s.path for s in api.seen] == ["/health", "/v1/synthetic/pricing"]
    assert all("X-API-Key" not in s.headers for s in api.seen)
