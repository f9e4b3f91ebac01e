"""Log lines say whose work they are about, and nothing that came with it."""

from __future__ import annotations

import importlib
import io
import json
import logging
import re
from contextvars import copy_context
from types import SimpleNamespace

import pytest

from dataforge import log
from tests.support.paths import ROOT

FUNCTIONS = (
    "plan_run",
    "parse_document",
    "generate_batch",
    "assess_run",
    "close_run",
    "record_failure",
    "erase",
    "submit_jobs",
    "check_jobs",
    "collect_replies",
    "wait_for_jobs",
    "prepare_data",
    "start_training",
    "wait_for_training",
    "check_training",
    "register_model",
    "evaluate_model",
)
WORKFLOWS = (
    *("run_states", "parsing", "erasing", "submitting", "collecting", "polling"),
    *("preparing", "attempts", "following", "registering", "evaluating"),
)
"""Modules that the functions call."""
EVENT = {"org_id": "org_1", "run_id": "gen_1", "project_id": "proj_1", "kind": "generate", "key": "a/private/name"}


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch):
    """The text that the product's own formatter writes."""
    sink = io.StringIO()
    handler = logging.StreamHandler(sink)
    handler.setFormatter(log.JsonLines())
    logger = logging.getLogger("dataforge.test")
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    return lambda: [json.loads(line) for line in sink.getvalue().splitlines()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_state_function_logs_the_run_and_its_organisation(name, lines, monkeypatch):
    module = importlib.import_module(f"dataforge_functions.{name}")
    workflow = next(getattr(module, w) for w in WORKFLOWS if hasattr(module, w))
    monkeypatch.setattr(workflow, name, lambda raw, **_: logging.getLogger("dataforge.test").error("here") or raw)

    module.handler({**EVENT, "state": EVENT}, SimpleNamespace(get_remaining_time_in_millis=lambda: 1000))

    [line] = lines()
    assert (line["run_id"], line["org_id"], line["project_id"]) == ("gen_1", "org_1", "proj_1")
    assert "a/private/name" not in json.dumps(line)
    assert not log.context.get()


def test_no_state_function_is_forgotten():
    """The socket, the API and events of S3, Bedrock and SageMaker have no run; others are tested by themselves."""
    folder = ROOT / "dataforge_functions"
    others = {
        "__init__",
        "handling",
        "socket",
        "on_upload",
        "on_jobs_changed",
        "on_execution_failed",
        "on_training_changed",
    }
    there = {path.stem for path in folder.glob("*.py")} - others

    assert there == set(FUNCTIONS)


def test_what_a_request_learns_in_a_thread_joins_all_its_lines(lines):
    token = log.context.set({"request_id": "r1"})
    copy_context().run(log.add, org_id="org_1")
    logging.getLogger("dataforge.test").error("here")
    log.context.reset(token)

    assert (lines()[0]["request_id"], lines()[0]["org_id"]) == ("r1", "org_1")


def test_a_line_has_the_keys_of_powertools_and_those_of_the_run(lines):
    try:
        raise LookupError("no such slot")
    except LookupError:
        with log.about(EVENT):
            logging.getLogger("dataforge.test").exception("slot %d failed", 7, extra={"slot": 7})

    [line] = lines()
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("timestamp"))
    assert re.fullmatch(r"test_a_line_\w+:\d+", line.pop("location"))
    assert line.pop("exception").splitlines()[-1] == "LookupError: no such slot"
    assert line == {
        "level": "ERROR",
        "message": "slot 7 failed",
        "service": "dataforge",
        "name": "dataforge.test",
        "slot": 7,
        "run_id": "gen_1",
        "org_id": "org_1",
        "project_id": "proj_1",
        "exception_name": "LookupError",
    }


@pytest.mark.parametrize("message", ['{"a": 1}', "42", "null", "two\nlines", "50 %"])
def test_a_message_stays_the_text_that_it_is_on_one_line(lines, message):
    logging.getLogger("dataforge.test").error(message)

    [line] = lines()
    assert line["message"] == message


def test_what_only_decorates_a_record_is_left_out(lines):
    extra = {"taskName": "Task-7", "color_message": "\x1b[1mrunning\x1b[0m"}

    logging.getLogger("dataforge.test").error("running", extra=extra)

    assert not extra.keys() & lines()[0].keys()
