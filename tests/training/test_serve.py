"""A trained model answers over HTTP, and adapters are switched without loading the base again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from dataforge_training import prompts
from dataforge_training.folders import Folders
from dataforge_training.train import train
from tests.training import tiny
from tests.training.running import FAST, IMAGES

WORDS = ("blue", "green")


class Client:
    def __init__(self, port: int) -> None:
        self.port, self.token = port, ""

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is None:
            connection.request("GET", path)
        else:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request("POST", path, data, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, json.loads(data)

    def said(self, **body: Any) -> str:
        status, answer = self.ask("/invocations", {"temperature": 0, "max_tokens": 24, **body})
        assert status == 200, answer
        return str(answer["choices"][0]["message"]["content"]).strip()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Full weights that say "It is red." to everything, and two adapters of them for other colours."""
    folder = tmp_path_factory.mktemp("served")
    base = tiny.llama(folder / "base", chat=True)
    for word, model, options in (
        ("red", base, {"learning_rate": 5e-3, "full_finetune": True}),
        *((word, folder / "red/model/merged", {"learning_rate": 3e-3}) for word in WORDS),
    ):
        questions = [fact["question"] for fact in tiny.facts(32, 0)]
        lines = [
            {"messages": [*prompts.user(question), *prompts.assistant(f"It is {word}.")]} for question in questions
        ]
        told = {"task": "text-generation", "model_name": str(model), "num_train_epochs": 8, "evaluate": False}
        assert train(Folders(tiny.job(folder / word, FAST | told | options, lines))) == 0
    return folder


def served(*arguments: str) -> Iterator[Client]:
    """A server on a free port, until the tests are done; SIGTERM ends it with 0."""
    command = [sys.executable, "-m", "dataforge_training", "serve", "--port", "0", "--with-parent", *arguments]
    environment = os.environ | {"PYTHONPATH": str(IMAGES), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    client = Client(int(process.stdout.readline().rpartition(":")[2]))
    until = time.monotonic() + 120
    while client.ask("/ping")[0] != 200:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    yield client
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0


@pytest.fixture(scope="module")
def adapters(trained: Path) -> Iterator[Client]:
    named = [part for word in WORDS for part in ("--adapter", f"{word}={trained / word / 'model/adapter'}")]
    yield from served("--base", str(trained / "red/model/merged"), *named)


@pytest.fixture(scope="module")
def chat(trained: Path) -> Iterator[Client]:
    yield from served("--model", str(trained / "red/model"))


def test_each_request_names_its_adapter(adapters: Client) -> None:
    question = tiny.facts(1, 0)[0]["question"]
    asked = [{"role": "user", "content": question}]

    said = [adapters.said(messages=asked, adapter=word) for word in (*WORDS, None, *WORDS, "base")]

    assert said == [f"It is {word}." for word in (*WORDS, "red", *WORDS, "red")]


def test_a_text_is_put_to_each_adapter_as_it_was_trained(tmp_path: Path) -> None:
    """The base model has no chat template; one adapter was trained with one, the other on plain text."""
    base = tiny.llama(tmp_path / "base")
    questions = [fact["question"] for fact in tiny.facts(32, 0)]
    shapes = {
        "blue": [{"messages": [*prompts.user(q), *prompts.assistant("It is blue.")]} for q in questions],
        "green": [{"prompt": q, "completion": " It is green."} for q in questions],
    }
    options = {"model_name": str(base), "num_train_epochs": 20, "learning_rate": 1e-2, "lora_r": 32, "evaluate": False}
    for word, lines in shapes.items():
        told = {"task": "text-generation", "use_chat_template": word == "blue", **options}
        assert train(Folders(tiny.job(tmp_path / word, FAST | told, lines))) == 0
    named = [part for word in shapes for part in ("--adapter", f"{word}={tmp_path / word / 'model/adapter'}")]
    running = served("--base", str(base), *named)
    client = next(running)

    said = [client.said(prompt=questions[0], adapter=word) for word in ("blue", "green", "blue")]

    assert said == ["It is blue.", "It is green.", "It is blue."]
    assert list(running) == []


def test_a_server_with_a_token_answers_nobody_without_it(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_SERVE_TOKEN", "s3cret-of-this-test")
    running = served("--model", str(trained / "red/model"))
    client = next(running)

    refused, _ = client.ask("/invocations", {"prompt": "a"})
    client.token = "s3cret-of-this-test"
    answered, _ = client.ask("/invocations", {"prompt": "a", "max_tokens": 2})

    assert (refused, answered) == (401, 200)
    assert list(running) == []


def test_an_adapter_that_is_not_loaded_is_refused(adapters: Client) -> None:
    status, answer = adapters.ask("/invocations", {"prompt": "a", "adapter": "purple"})

    assert status == 400
    assert answer["error"]["message"] == "adapter 'purple' is not loaded; there are: blue, green, base"


# checklist 178
def test_an_answer_has_the_shape_of_a_chat_completion(chat: Client) -> None:
    question = tiny.facts(3, 0)[2]["question"]

    status, answer = chat.ask(
        "/invocations", {"messages": [{"role": "user", "content": question}], "max_tokens": 24, "temperature": 0}
    )

    assert status == 200
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == "It is red."
    assert answer["choices"][0]["finish_reason"] == "stop"
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 3 <= usage["completion_tokens"] <= 8


def test_a_bare_prompt_is_asked_as_the_model_was_trained(chat: Client) -> None:
    assert chat.said(prompt=tiny.facts(3, 0)[2]["question"]) == "It is red."


def test_the_same_seed_samples_the_same(chat: Client) -> None:
    body = {"prompt": "colour", "temperature": 1.5, "seed": 5}

    assert chat.said(**body) == chat.said(**body)


def test_an_answer_is_cut_at_max_tokens(chat: Client) -> None:
    body = {"prompt": tiny.facts(1, 0)[0]["question"], "max_tokens": 2, "temperature": 0}

    _, answer = chat.ask("/v1/chat/completions", body)

    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 2


def test_a_stream_is_the_same_answer_in_pieces(chat: Client) -> None:
    connection = HTTPConnection("127.0.0.1", chat.port, timeout=30)
    body = {"prompt": tiny.facts(3, 0)[2]["question"], "max_tokens": 24, "temperature": 0, "stream": True}
    connection.request("POST", "/invocations", json.dumps(body))
    answer = connection.getresponse()
    events = [line[6:] for line in answer.read().decode().split("\n\n") if line.startswith("data: ")]

    assert answer.getheader("Content-Type") == "text/event-stream"
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    pieces = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert "".join(pieces) == "It is red."
    assert len([piece for piece in pieces if piece]) > 1
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["completion_tokens"] >= 3


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"{", 400, "Invalid JSON"),
        ({}, 400, "give `messages` or `prompt`"),
        ({"prompt": "a", "max_tokens": 0}, 400, "max_tokens: Input should be greater than or equal to 1"),
        ({"prompt": "a", "temperature": 9}, 400, "temperature: Input should be less than or equal to 2"),
        ({"prompt": "word " * 900}, 400, "tokens, the model takes 256 with the answer"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_reason(chat: Client, body: Any, status: int, reason: str) -> None:
    got, answer = chat.ask("/invocations", body)

    assert got == status
    assert reason in answer["error"]["message"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(chat: Client) -> None:
    connection = HTTPConnection("127.0.0.1", chat.port, timeout=30)
    connection.putrequest("POST", "/invocations")
    connection.putheader("Content-Length", "5000000")
    connection.endheaders()

    answer = connection.getresponse()

    assert answer.status == 413
    assert b"at most 4194304 are read" in answer.read()


def test_a_folder_without_a_model_ends_the_server(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dataforge_training", "serve", "--port", "0", "--model", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(IMAGES)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 1
    assert "neither weights (config.json) nor an adapter" in done.stderr
