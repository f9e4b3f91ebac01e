"""Good and bad runs at log level DEBUG, on both backends: no secret and no word of a customer is logged."""

from __future__ import annotations

import importlib
import io
import json
import logging
import os
import secrets
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dataforge import log
from dataforge_infra.local.platform import pool
from tests.support.chat_servers import answering
from tests.support.document_replies import pairs_for
from tests.support.no_checks import NO_CHECKS
from tests.support.service import MakeWorkers, Service
from tests.support.synthetic_api import Synthetic

DOCUMENT, PROMPT, REPLY = "quokka-of-the-document", "wombat-of-the-prompt", "numbat-of-the-reply"
TEACHER_KEY = "bilby-" + secrets.token_hex(8)
"""Of no known shape, as operators of their own servers choose them."""
AWS_SECRET = "dingo/" + secrets.token_hex(17)
TEXT = f"""# Berths

The {DOCUMENT} is a vessel that carries 14 passengers. Every vessel must book a berth 14 days before arrival.
A late booking of a berth costs 250 euros, and the harbour office assigns every berth of the harbour.
""".encode()


class Echo:
    """A teacher whose refusals repeat the key and the prompt that it was sent, as some servers' do."""

    url = ""
    mood = "good"

    def answer(self, sent: dict[str, Any], authorization: str) -> tuple[int, dict[str, Any]]:
        prompt = "\n".join(m["content"] for m in sent["messages"])
        if self.mood.isdigit():
            return int(self.mood), {"error": {"message": f"Bad key {authorization}: {prompt[:1500]}"}}
        pairs = json.dumps({"pairs": pairs_for(sent["messages"][1]["content"]), "note": REPLY})
        text = pairs if self.mood == "good" else f"I would rather speak of {REPLY}"
        return 200, {"model": "echo", "choices": [{"finish_reason": "stop", "message": {"content": text}}]}


@pytest.fixture
def make_workers() -> MakeWorkers:
    """Workers of its own: what they write is captured only when they were started meanwhile."""
    return pool


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Echo]:
    """Ask for it before `service`, whose workers inherit the environment."""
    kept = Echo()
    with answering(kept.answer) as kept.url:
        for name, value in {
            "OPENAI_BASE_URL": kept.url,
            "OPENAI_API_KEY": TEACHER_KEY,
            "DATAFORGE_LOG_LEVEL": "DEBUG",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
            "DATAFORGE_SYNTHETIC_TEACHER": "openai:echo",
        }.items():
            monkeypatch.setenv(name, value)
        yield kept


Heard = Callable[[], str]


@pytest.fixture
def heard(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Heard]:
    """What the product's own logging wrote, and whatever else came to stdout and stderr, here and in workers.

    Ask for it before `service`, whose workers inherit stderr when they begin; pytest would catch nothing of theirs.
    """
    importlib.import_module("dataforge_functions.api.main")  # configures when it is loaded
    root = logging.getLogger()
    handlers, level, sink = root.handlers[:], root.level, io.StringIO()
    root.handlers.clear()  # `configure` closes those it finds, and they are pytest's
    log.configure("DEBUG")
    [handler] = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(sink)
    kept = os.dup(2)
    with (tmp_path / "stderr").open("ab") as workers:
        os.dup2(workers.fileno(), 2)
    yield lambda: "".join((sink.getvalue(), (tmp_path / "stderr").read_text("utf-8"), *capfd.readouterr()))
    os.dup2(kept, 2)
    os.close(kept)
    root.handlers[:] = handlers
    root.setLevel(level)


def torn_word() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f"<w:document><{DOCUMENT}>{DOCUMENT} &{DOCUMENT}; </w:p>")
    return made.getvalue()


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def signatures(url: str) -> dict[str, str]:
    found = parse_qs(urlsplit(url).query)
    return {f"{name} of a URL": found[name][0] for name in ("X-Amz-Signature", "sig") if name in found}


def walk(service: Service, teacher: Echo) -> dict[str, str]:
    """Good and bad things happen; the canaries that must stay out of the logs."""
    project_id = service.project()
    answer = {"filename": "a.md", "content_type": "text/markdown", "file_size": len(TEXT)}
    url = service.call("POST", f"/projects/{project_id}/upload-url", json=answer)["upload_url"]
    service.put(url, TEXT[:-5], "text/markdown")  # refused: not what was announced
    service.upload(project_id, "berths.md", TEXT)
    service.upload(project_id, "torn.docx", torn_word(), WORD)
    service.upload(project_id, "torn.pdf", f"%PDF-1.7 {DOCUMENT} torn".encode(), "application/pdf")
    service.parse(project_id)
    config = {"system_prompt": f"Speak of the {PROMPT}.", "auto_accept_min_quality": 0.0, "checks": NO_CHECKS}
    for teacher.mood in ("good", "garbled", "401", "503"):
        service.generate(project_id, model_id="openai:echo", num_pairs=1, config=config)
    export = service.call("POST", f"/projects/{project_id}/export")
    service.fetch(export["downloadUrl"])
    service.http.get("/api/v1/data-forge/projects", headers={"Authorization": f"Bearer sk_wrong{TEACHER_KEY}"})
    service.call("POST", f"/projects/{project_id}/generate", json={"num_pairs": PROMPT}, expect=422)
    return {
        "document": DOCUMENT,
        "prompt": PROMPT,
        "reply": REPLY,
        "teacher key": TEACHER_KEY,
        "AWS secret": os.environ["AWS_SECRET_ACCESS_KEY"],  # moto puts its own there
        "API key": service.headers["X-API-Key"],
        **signatures(url),
        **{f"{name} (download)": value for name, value in signatures(export["downloadUrl"]).items()},
    }


def test_no_log_of_the_main_road_holds_a_secret_or_a_customers_words(
    teacher: Echo, heard: Heard, service: Service
) -> None:
    canaries = walk(service, teacher)

    said = heard()

    assert '"level"' in said, "nothing was logged: this test would prove nothing"
    assert len(canaries) == 8
    assert {name: line(said, value) for name, value in canaries.items() if value in said} == {}


def line(said: str, value: str) -> str:
    return next(one for one in said.splitlines() if value in one)[:600]


def test_no_log_of_a_synthetic_job_whose_teacher_refuses_holds_its_key_or_prompt(
    teacher: Echo, heard: Heard, service: Service
) -> None:
    teacher.mood = "401"
    api = Synthetic(service)
    job = api.start(
        {
            "schema": "instruction_v1",
            "domain": f"care of the {PROMPT}",
            "count": 10,
            "model": "balanced",
        }
    )
    assert api.wait(job["job_id"])["status"] == "failed"

    said = heard()

    canaries = {"prompt": PROMPT, "teacher key": TEACHER_KEY, "API key": service.headers["X-API-Key"]}
    assert {name: line(said, value) for name, value in canaries.items() if value in said} == {}
    assert "sub-topics" in said, "the refusal was not logged"
