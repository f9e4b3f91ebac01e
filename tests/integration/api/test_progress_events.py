"""Progress as data: one kind of event, through every door, on both backends."""

from __future__ import annotations

import json
import queue
import threading
import time
from typing import Any

import pytest

from dataforge import clock, platform
from dataforge.errors import Invalid
from dataforge.platform.embedded.publisher import InProcessPublisher
from dataforge.settings import Settings
from dataforge.store import run_events, run_log
from dataforge.store.item_codec import to_item
from dataforge.store.progress import Progress
from dataforge.store.runs import Run
from tests.support.projects import RULES, harbour
from tests.support.service import BASE, Service
from tests.support.waiting import until

Json = dict[str, Any]


def follow(service: Service, generation_id: str, *, seconds: float = 60, **query: int) -> list[Json]:
    """Every event until the run is closed."""
    found: list[Json] = []
    after, end = "", time.monotonic() + seconds
    while time.monotonic() < end:
        answer = service.call("GET", f"/generations/{generation_id}/events", after=after, **query)
        found += answer["events"]
        after = answer["cursor"]
        if answer["closed"]:
            return found
    raise AssertionError(found)


# checklist 37
def test_a_follower_receives_every_line_once_and_the_progress(service: Service) -> None:
    project_id = harbour(service)
    started = service.call("POST", f"/projects/{project_id}/generate", json={"model_id": "extractive", "num_pairs": 6})

    heard = follow(service, started["generationId"], wait=2)

    run = service.call("GET", f"/generations/{started['generationId']}")
    logs = service.call("GET", f"/generations/{started['generationId']}/logs")["logs"]
    said = [e for e in heard if e["type"] == "log"]
    assert [(e["timestamp"], e["level"], e["stage"], e["message"]) for e in said] == [
        (x["timestamp"], x["level"], x["stage"], x["message"]) for x in logs
    ]
    assert (said[-1]["message"], said[-1]["status"]) == ("Run completed", "completed")
    last = [e for e in heard if e["type"] == "progress"][-1]
    assert (last["status"], last["stage"]) == ("completed", "finalizing")
    assert (last["done"], last["total"], last["cost_usd"]) == (6, 6, run["costUsd"])
    assert last["counts"] == run["counts"]
    ids = [e["id"] for e in heard]
    assert len(set(ids)) == len(ids)


# checklist 37
def test_pages_of_one_line_tell_the_same(service: Service) -> None:
    project_id = harbour(service)
    run = service.generate(project_id, num_pairs=3)

    whole = follow(service, run["generationId"])
    by_one = follow(service, run["generationId"], limit=1)

    assert [e for e in by_one if e["type"] == "log"] == [e for e in whole if e["type"] == "log"]
    assert len([e for e in by_one if e["type"] == "progress"]) == 1


def test_a_parse_is_followed_like_any_run(service: Service) -> None:
    project_id = service.project()
    service.upload(project_id, "rules.md", RULES)
    started = service.call("POST", f"/projects/{project_id}/parse")

    heard = follow(service, started["generation_id"], wait=2)

    assert any("Parsed rules.md" in (e["message"] or "") for e in heard)
    assert (heard[-1]["type"], heard[-1]["status"]) == ("log", "completed")


def test_a_wrong_cursor_and_a_run_of_another_organisation_are_refused(service: Service) -> None:
    run = service.generate(harbour(service), num_pairs=1)

    answer = service.call("GET", f"/generations/{run['generationId']}/events", after="yesterday", expect=422)
    service.other().call("GET", f"/generations/{run['generationId']}/events", expect=404)

    assert answer["errors"][0]["field"] == "after"


def stored(service: Service, **fields: Any) -> Run:
    """A run that nobody works on."""
    run = Run(
        service.headers["X-Organization-ID"],
        "gen_x",
        "proj_x",
        "user_x",
        "generate",
        {"generation_type": "qa"},
        "data-forge/x",
        clock.now(),
        "x",
        asked=100,
        requested=100,
        **{"status": "generating", "stage": "generating", **fields},
    )
    platform.current().tables.put_new("runs", to_item(run))
    return run


def test_batches_share_one_event_every_half_second(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    run, now, sockets = stored(service), clock.milliseconds(), platform.current().publisher
    assert isinstance(sockets, InProcessPublisher)

    with sockets.subscribe(run.run_id) as listener:
        for step in range(40):  # four batches, each ten times, over two seconds
            monkeypatch.setattr(clock, "milliseconds", lambda at=now + step * 50: at)
            run_events.record_progress(run, f"r0b{step % 4:04d}", Progress(step // 4, 25, 0, 10, 1, 0.25))
        heard = [listener.get(1) for _ in range(4)]
        with pytest.raises(queue.Empty):
            listener.get(0.05)

    assert [e["done"] for e in heard if e] == [0, 7, 17, 27]
    assert heard[-1] is not None
    assert heard[-1]["cost_usd"] == 1.0
    assert heard[-1]["total"] == 100


def test_rate_and_time_left_are_of_the_last_stretch_and_survive_no_pause(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, start = stored(service), clock.milliseconds()

    def at(seconds: float, done: int) -> run_events.RunEvent:
        monkeypatch.setattr(clock, "milliseconds", lambda: start + round(seconds * 1000))
        run_events.record_progress(run, "r0b0000", Progress(done, 100, 0, 0, 0, None))
        found = run_events.latest(run.run_id)
        assert found is not None
        return found

    assert at(0, 10).rate_per_second is None
    assert (at(2, 14).rate_per_second, at(2, 14).eta_seconds) == (2, 43)
    assert at(10, 40).rate_per_second == 3
    assert at(60, 60).rate_per_second is None  # the server stood still for 50 s
    slow = at(64, 62)
    assert (slow.rate_per_second, slow.eta_seconds, slow.cost_usd) == (0.5, 76, None)
    assert at(64.1, 90) == slow


def test_the_job_shows_rate_and_time_left_of_its_event(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    run, start = stored(service), clock.milliseconds()
    for second, done in ((0, 0), (5, 50)):
        monkeypatch.setattr(clock, "milliseconds", lambda s=second: start + s * 1000)
        run_events.record_progress(run, "r0b0000", Progress(done, 100, 0, 7, 3, 0.5))

    answer = service.call("GET", f"/generations/{run.run_id}")

    assert answer["progressDetail"] == {
        "stage": "generating",
        "done": 50,
        "total": 100,
        "ratePerSecond": 10,
        "etaSeconds": 5,
        "costUsd": 0.5,
    }


def test_a_look_waits_for_news_and_no_longer(service: Service) -> None:
    run = stored(service)
    run_log.write(run.run_id, "generating", "first")
    until(lambda: run_events.since(run.run_id, run_events.START, 10).events, "the line never settles")
    first = service.call("GET", f"/generations/{run.run_id}/events")

    began = time.monotonic()
    nothing = service.call("GET", f"/generations/{run.run_id}/events", after=first["cursor"], wait=1)
    waited = time.monotonic() - began
    timer = threading.Timer(0.2, run_log.write, (run.run_id, "generating", "second"))
    timer.start()
    news = service.call("GET", f"/generations/{run.run_id}/events", after=first["cursor"], wait=15)
    timer.join()

    assert [e["message"] for e in first["events"]] == ["first"]
    assert (nothing["events"], nothing["cursor"], nothing["closed"]) == ([], first["cursor"], False)
    assert 0.4 < waited < 5
    assert [e["message"] for e in news["events"]] == ["second"]


def test_a_server_that_holds_no_request_says_when_to_ask_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on AWS, where a held request would occupy a function."""
    run = stored(service)
    run_log.write(run.run_id, "generating", "first")
    until(lambda: run_events.since(run.run_id, run_events.START, 10).events, "the line never settles")
    monkeypatch.setattr(
        "dataforge_functions.api.data_forge.event_stream.settings.get", lambda: Settings(longest_wait=0)
    )

    first = service.call("GET", f"/generations/{run.run_id}/events", wait=20)
    nothing = service.call("GET", f"/generations/{run.run_id}/events", after=first["cursor"], wait=20)
    plain = service.call("GET", f"/generations/{run.run_id}/events", after=first["cursor"])

    assert ([e["message"] for e in first["events"]], first["retry_after"]) == (["first"], None)
    assert (nothing["events"], nothing["retry_after"]) == ([], 2)
    assert plain["retry_after"] is None


def test_young_lines_wait_for_those_that_were_begun_before_them(service: Service) -> None:
    run = stored(service)
    run_log.write(run.run_id, "generating", "young")

    at_once = run_events.since(run.run_id, run_events.START, 10)
    until(lambda: run_events.since(run.run_id, at_once.cursor, 10).events, "the line never settles")
    later = run_events.since(run.run_id, at_once.cursor, 10)

    assert (at_once.events, at_once.cursor) == ([], run_events.START)
    assert [e.message for e in later.events] == ["young"]


# checklist 37
def test_server_sent_events_go_on_where_a_client_stopped(service: Service) -> None:
    run = service.generate(harbour(service), num_pairs=3)
    place = f"{BASE}/generations/{run['generationId']}/events"
    asked = {**service.headers, "Accept": "text/event-stream"}

    answer = service.http.get(place, headers=asked, params={"limit": 1, "wait": 5})
    blocks = answer.text.split("\n\n")
    first = next(n for n, block in enumerate(blocks) if "event: log" in block)  # progress may have come before it
    seen = next(block.split("\n")[0][4:] for block in blocks[first:] if block.startswith("id: "))
    again = service.http.get(place, headers={**asked, "Last-Event-ID": seen}, params={"wait": 5})

    def said(text: str) -> list[str]:
        response = [json.loads(line[6:]) for line in text.splitlines() if line.startswith('data: {"')]
        return [e["message"] for e in response if e["type"] == "log"]

    logs = [x["message"] for x in service.call("GET", f"/generations/{run['generationId']}/logs")["logs"]]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert said(answer.text) == logs
    assert said(again.text) == logs[1:]
    assert answer.text.endswith("event: closed\ndata: {}\n\n")


def test_only_what_a_stream_gave_is_a_cursor(service: Service) -> None:
    for wrong in ("", "x", "0" * 26, run_events.START + "0", "log#" + run_events.START):
        with pytest.raises(Invalid):
            run_events.since("gen_x", wrong, 1)
