"""Teachers are asked through the proxy that the environment names; documents are not fetched through it."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from dataforge.errors import TeacherRefused, TeacherUnreachable
from dataforge.records import Answer
from dataforge.teachers.openai_compatible import OpenAICompatible
from dataforge.teachers.proxies import proxy_for
from tests.support.provider_replies import completion
from tests.support.provider_servers import QUESTION

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_teacher_is_asked_through_the_proxy(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    seen: list[tuple[str, str | None]] = []

    async def proxy(request: web.BaseRequest) -> web.Response:
        seen.append((request.raw_path, request.headers.get("Proxy-Authorization")))
        return completion("through the proxy")

    async def run() -> Answer:
        runner = web.ServerRunner(web.Server(proxy))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        monkeypatch.setenv(variable, f"http://me:secret@127.0.0.1:{runner.addresses[0][1]}")
        teacher = OpenAICompatible("openai:m", "m", base_url="http://model.invalid/v1", timeout=5)
        try:
            return await teacher.ask(QUESTION)
        finally:
            await teacher.close()
            await runner.cleanup()

    answer = asyncio.run(run())

    assert answer.text == "through the proxy"
    assert seen == [("http://model.invalid/v1/chat/completions", "Basic bWU6c2VjcmV0")]


def test_a_proxy_that_is_not_there_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:secret@127.0.0.1:9")

    async def run() -> Answer:
        teacher = OpenAICompatible("openai:m", "m", base_url="http://model.invalid/v1", timeout=5)
        try:
            return await teacher.ask(QUESTION)
        finally:
            await teacher.close()

    with pytest.raises(TeacherUnreachable, match=r"through the proxy 127\.0\.0\.1:9") as problem:
        asyncio.run(run())

    assert "secret" not in str(problem.value)


@pytest.mark.parametrize("base_url", ["http://ann:s3cret@127.0.0.1:9/v1", "ftp://ann:s3cret@host/v1"])
def test_a_password_in_the_base_url_is_in_no_message(base_url: str) -> None:
    async def run() -> Answer:
        teacher = OpenAICompatible("openai:m", "m", base_url=base_url, timeout=5)
        try:
            return await teacher.ask(QUESTION)
        finally:
            await teacher.close()

    with pytest.raises((TeacherUnreachable, TeacherRefused)) as problem:
        asyncio.run(run())

    assert "s3cret" not in str(problem.value)
    assert "[redacted]@" in str(problem.value)


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        ("https://api.openai.com/v1", "", False),
        ("https://api.openai.com/v1", "openai.com", True),
        ("https://api.openai.com/v1", ".openai.com", True),
        ("https://api.openai.com/v1", "*", True),
        ("https://api.openai.com/v1", "example.org, api.openai.com:443", False),
        ("https://gpu:8443/v1", "gpu:8443", True),
        ("http://10.1.2.3:8000/v1", "10.0.0.0/8", True),
        ("http://10.1.2.3:8000/v1", "192.168.0.0/16", False),
        ("http://127.0.0.1:8000/v1", "", True),
        ("http://localhost:11434/v1", "", True),
        ("http://[::1]:11434/v1", "", True),
    ],
)
def test_no_proxy_and_this_machine_are_reached_directly(
    monkeypatch: pytest.MonkeyPatch, url: str, no_proxy: str, direct: bool
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "proxy.corp:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.corp:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)

    assert proxy_for(url) == (None if direct else "http://proxy.corp:3128")


def test_a_proxy_that_does_not_speak_http_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy.corp:1080")

    with pytest.raises(TeacherRefused, match=r"socks5 .*HTTPS_PROXY.*NO_PROXY=api\.openai\.com"):
        proxy_for("https://api.openai.com/v1")
