"""No secret passes `redact`, whatever stands around it; and what is no secret does."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import string
import subprocess
import sys
import traceback
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge import log
from dataforge_functions import plan_run
from tests.support.paths import ROOT

WORD = string.ascii_letters + string.digits
URLSAFE = st.text(WORD + "-_", min_size=43, max_size=43)
BASE64 = st.text(WORD + "+/", min_size=40, max_size=40)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)


def jwt_part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


JWT = st.builds(lambda name, sig: f"{jwt_part({'alg': 'HS256'})}.{jwt_part({'sub': name})}.{sig}", st.text(), URLSAFE)
ACCESS_KEY = st.from_regex(r"\A(?:AKIA|ASIA)[A-Z0-9]{16}\Z")
SHAPES = {
    "key of ours": URLSAFE.map(lambda s: (s, f"sk_{s}")),
    "OpenAI": URLSAFE.map(lambda s: (s, f"sk-proj-{s}")),
    "Anthropic": URLSAFE.map(lambda s: (s, f"sk-ant-api03-{s}")),
    "bearer": BASE64.map(lambda s: (s, f"Authorization: Bearer {s}")),
    "basic": BASE64.map(lambda s: (s, f"authorization: Basic {s}=")),
    "key header": URLSAFE.map(lambda s: (s, f"'X-API-Key': '{s}'")),
    "key of a socket": URLSAFE.map(lambda s: (s, f"wss://host/dev?api_key={s}&topic=gen_1")),
    "JWT": JWT.map(lambda s: (s, s)),
    "access key": ACCESS_KEY.map(lambda s: (s, s)),
    "secret key": BASE64.map(lambda s: (s, f'"SecretAccessKey": "{s}"')),
    "secret in the environment": BASE64.map(lambda s: (s, f"AWS_SECRET_ACCESS_KEY={s}")),
    "session token": BASE64.map(lambda s: (s, f"aws_session_token = {s}")),
    "signature of a URL": HEX.map(lambda s: (s, f"https://b.s3.amazonaws.com/k?X-Amz-Date=1&X-Amz-Signature={s}&a=b")),
    "escaped": HEX.map(lambda s: (s, f"next=https%3A%2F%2Fb%2Fk%3FX-Amz-Signature%3D{s}")),
    "credential of a URL": ACCESS_KEY.map(lambda s: (s, f"?X-Amz-Credential={s}%2F20260101%2Fus-east-1%2Fs3&x=1")),
    "token of a URL": BASE64.map(lambda s: (s, f"?X-Amz-Security-Token={s}&x=1")),
    "signed header": HEX.map(lambda s: (s, f"AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature={s}")),
    "password of a URL": HEX.map(lambda s: (s, f"https://ann:{s}@host:8000/v1")),
    "URL of one machine": HEX.map(lambda s: (s, f"/files/a.md?expires=17&sig={s}")),
}


class NoteworthyError(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.add_note(f"sent with {KEY}")


AROUND = st.text(string.printable + "äß漢", max_size=30).map(lambda text: text + " ")


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data(), before=AROUND, after=AROUND)
def test_no_secret_passes(shape: str, data: st.DataObject, before: str, after: str) -> None:
    secret, answer = data.draw(SHAPES[shape])

    safe = log.redact(f"{before}{answer} {after}")

    assert secret not in safe
    assert "[redacted]" in safe


@given(
    key=st.text("abcdefghijk0123456789", min_size=32, max_size=64),
    glued=st.sampled_from(["key=", '"', "%3D", "%20", "x", r"\n", "(", "Incorrect API key provided:"]),
)
def test_a_key_is_found_whatever_it_is_glued_to(key: str, glued: str) -> None:
    assert key not in log.redact(f"{glued}sk-{key}")


@given(
    st.lists(
        st.sampled_from(
            [
                "task_01m89xfk1bdm",
                "gen_01m89xfk4a894jkeaya39ahrqp",
                "risk-management",
                "a desk-bound clerk",
                "signatures",
                "Basic rules",
                "the bearer's name",
                "https://host/v1/pairs?page=2",
                "credentials",
                '{"level": "error"}',
                "authorization",
                "sig",
            ]
        )
    ).map(" ; ".join)
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert log.redact(text) == text


def test_a_value_that_was_hidden_needs_no_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_known", {})

    log.hide("correct horse battery")
    log.hide("short")
    log.hide(None)

    assert log.redact("said correct horse battery, in short") == "said [redacted], in short"


def test_an_exception_of_a_state_function_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda's runtime writes it to the log, and Step Functions keeps it as the cause."""
    key = "sk_" + "k" * 43

    def fails(_: object) -> None:
        raise RuntimeError(f"401 for {key}", 7)

    monkeypatch.setattr(plan_run.run_states, "plan_run", fails)

    with pytest.raises(RuntimeError, match=r"401 for .redacted.") as answer:
        plan_run.handler({"run_id": "gen_1"}, SimpleNamespace())

    assert key not in str(answer.value)


KEY = "sk_" + "k" * 43


@pytest.mark.parametrize(
    "problem",
    [
        OSError(5, f"401 for {KEY}", f"https://host/?api_key={KEY}"),  # its text does not come from `args`
        KeyError(KEY),
        ValueError({"Authorization": f"Bearer {KEY}"}),
        NoteworthyError("failed"),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_no_kind_of_exception_leaves_with_a_secret(problem: Exception) -> None:
    """Its name stays, because Step Functions retries and catches by name."""
    with pytest.raises(Exception) as answer, log.about({}):
        raise problem

    assert KEY not in "".join(traceback.format_exception(answer.value))
    assert type(answer.value).__name__ == type(problem).__name__


LINES = {
    "message": lambda logger: logger.error("key %s", KEY),
    "dict": lambda logger: logger.error({"header": {"x-api-key": "quokka-quokka"}, "keys": [KEY]}),
    "extra": lambda logger: logger.error("here", extra={"api_key": "quokka-quokka", "url": f"https://h/?a={KEY}"}),
    "name of an extra": lambda logger: logger.error("here", extra={KEY: "value"}),
    "exception as message": lambda logger: logger.error(RuntimeError(KEY)),
    "hidden, with a quote": lambda logger: logger.error('said quo"kka\\quokka'),
    "traceback": lambda logger: logger.error("here", exc_info=RuntimeError(KEY)),
}


@pytest.mark.parametrize("way", LINES)
def test_no_part_of_a_line_holds_a_secret(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_known", {})
    log.hide('quo"kka\\quokka')
    sink = io.StringIO()
    logger = logging.Logger("dataforge.test")
    handler = logging.StreamHandler(sink)
    handler.setFormatter(log.JsonLines())
    logger.addHandler(handler)

    LINES[way](logger)

    said = sink.getvalue()
    assert json.loads(said)["level"] == "ERROR"
    assert "[redacted]" in said
    assert KEY not in said
    assert "quokka" not in said


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_functions_log_as_the_product_does_and_libraries_keep_requests_to_themselves(level: str) -> None:
    program = (
        "import dataforge_functions.close_run, logging\n"
        "logging.getLogger('dataforge.x').debug('ours')\n"
        "logging.getLogger('dataforge.x').warning('key %s', 'sk_' + 'k' * 43)\n"
        "logging.getLogger('botocore.endpoint').debug('Making request with the text of a document')\n"
    )
    environment = {**os.environ, "AWS_LAMBDA_FUNCTION_NAME": "close_run", "DATAFORGE_LOG_LEVEL": level}

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    said = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert said == (["ours"] if level == "DEBUG" else []) + ["key [redacted]"]
