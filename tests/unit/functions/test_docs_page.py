"""/docs works without any other host, and could not reach one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Receive, Scope, Send

from dataforge_functions.api import docs
from dataforge_functions.api.main import create_app


@pytest.fixture(scope="module")
def http() -> Iterator[TestClient]:
    with TestClient(create_app()) as client:
        yield client


def references(page: str) -> list[str]:
    return re.findall(r"""(?:src|href|data-document|url|action)\s*[=(]\s*["']?([^"')\s>]+)""", page)


def test_the_page_and_all_it_loads_come_from_here(http: TestClient) -> None:
    page = http.get("/docs")
    loaded = references(page.text)

    answers = {place: http.get(place) for place in loaded}

    assert page.headers["content-type"].startswith("text/html")
    assert {"/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/start.js", "/openapi.json"} <= set(loaded)
    assert {place for place, answer in answers.items() if answer.status_code != 200} == set()
    assert all(place.startswith("/") and not place.startswith("//") for place in loaded)


def test_no_address_of_another_host_stands_in_what_we_wrote(http: TestClient) -> None:
    ours = [http.get(place).text for place in ("/docs", "/docs/start.js")]
    style = http.get("/docs/swagger-ui.css").text

    assert [re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text) for text in ours] == [[], []]
    drawn = {place[:5] for place in re.findall(r"url\(\s*['\"]?([^)'\"]{0,10})", style)}
    assert drawn <= {"data:"}
    assert "@import" not in style


def test_the_script_of_others_may_reach_this_server_only(http: TestClient) -> None:
    rules = dict(rule.strip().split(" ", 1) for rule in http.get("/docs").headers["content-security-policy"].split(";"))

    assert rules["default-src"] == "'none'"
    assert rules.keys() >= {"script-src", "style-src", "img-src", "connect-src", "base-uri", "form-action"}
    assert {source for value in rules.values() for source in value.split()} <= {"'none'", "'self'", "data:"}
    assert "data:" not in rules["script-src"] + rules["connect-src"]
    assert "validatorUrl: null" in http.get("/docs/start.js").text
    assert "persistAuthorization: false" in http.get("/docs/start.js").text


def test_assets_are_zipped_and_kept(http: TestClient) -> None:
    plain = http.get("/docs/swagger-ui-bundle.js", headers={"Accept-Encoding": "identity"})
    zipped = http.get("/docs/swagger-ui-bundle.js", headers={"Accept-Encoding": "gzip"})
    again = http.get("/docs/swagger-ui-bundle.js", headers={"If-None-Match": plain.headers["etag"]})

    assert plain.content == zipped.content
    assert len(plain.content) > 1_000_000 > int(zipped.headers["content-length"])
    assert (again.status_code, again.content) == (304, b"")
    assert {a.headers["x-content-type-options"] for a in (plain, zipped)} == {"nosniff"}


def test_behind_a_stage_every_address_begins_with_it(http: TestClient) -> None:
    """API Gateway's own address has the stage in it, and the event's path does not."""
    app = create_app()

    async def on_lambda(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            scope["aws.event"] = {"path": path, "requestContext": {"path": f"/dev{path}", "requestId": "r"}}
        await app(scope, receive, send)

    staged = TestClient(on_lambda)

    loaded = references(staged.get("/docs").text)

    assert all(place.startswith("/dev/") for place in loaded)
    assert staged.get("/openapi.json").json()["servers"] == [{"url": "/dev"}]
    assert "servers" not in http.get("/openapi.json").json()


@pytest.mark.parametrize("event", [{}, {"path": "/docs"}, {"path": "/docs", "requestContext": {"path": "/other"}}])
def test_an_event_without_a_stage_changes_nothing(event: dict[str, Any]) -> None:
    from fastapi import Request

    assert docs.base_path(Request({"type": "http", "path": "/docs", "headers": [], "aws.event": event})) == ""


def test_the_address_of_the_server_shows_a_page_that_leads_on(http: TestClient) -> None:
    page = http.get("/")

    assert page.headers["content-type"].startswith("text/html")
    assert "Data Forge" in page.text
    assert {"/docs", "/openapi.json", "/health"} <= set(references(page.text))
    assert page.headers["content-security-policy"] == http.get("/docs").headers["content-security-policy"]
