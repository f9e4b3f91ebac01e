"""Many reviewers at once on one project: whatever they do, lists, counters and exports agree afterwards."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import many_pairs
from tests.support.server_processes import Machine, filled

CLIENTS = 32
BASE = "/api/v1/data-forge"


class Reviewer:
    """One client that does one random thing after the other until the time is over."""

    def __init__(self, url: str, headers: dict[str, str], project_id: str, pair_ids: list[str], seed: int) -> None:
        self.http = httpx.Client(base_url=url + BASE, headers=headers, timeout=60)
        self.project, self.pair_ids, self.rng = project_id, pair_ids, random.Random(seed)
        self.answers: Counter[tuple[str, int]] = Counter()
        self.exports: list[dict[str, Any]] = []

    def work(self, until: float) -> None:
        with self.http:
            while time.monotonic() < until:
                kind = self.rng.choices(list(KINDS), weights=[w for _, w in KINDS.values()])[0]
                KINDS[kind][0](self, kind)

    def send(self, kind: str, method: str, path: str, **more: Any) -> httpx.Response:
        answer = self.http.request(method, path, **more)
        self.answers[kind, answer.status_code] += 1
        return answer

    def one(self) -> str:
        return f"/pairs/{self.rng.choice(self.pair_ids)}"

    def judge(self, kind: str) -> None:
        self.send(kind, "PUT", self.one(), json={"status": self.rng.choice(["accepted", "rejected", "pending"])})

    def rewrite(self, kind: str) -> None:
        self.send(kind, "PUT", self.one(), json={"output_text": f"Rewritten {self.rng.random()}."})

    def act(self, kind: str) -> None:
        few = {"pair_ids": self.rng.sample(self.pair_ids, 50)}
        word, least = self.rng.choice(many_pairs.WORDS), round(self.rng.random(), 2)
        many = {"filters": {"min_quality_score": least, "search": word}}
        action = self.rng.choice(["accept", "accept", "reject", "reset", "delete"])
        path = f"/projects/{self.project}/pairs/bulk-action"
        done = self.send(kind, "POST", path, json={"action": action, **self.rng.choice([few, many])})
        if done.status_code == 200 and done.json()["undo_token"] and (action == "delete" or self.rng.random() < 0.3):
            self.send("undo", "POST", f"{path}/undo", json={"undo_token": done.json()["undo_token"]})

    def look(self, kind: str) -> None:
        self.send(
            kind,
            "GET",
            f"/projects/{self.project}/pairs",
            params={"page": self.rng.randint(1, 30), "status": "accepted"},
        )

    def export(self, kind: str) -> None:
        made = self.send(kind, "POST", f"/projects/{self.project}/export", json={})
        if made.status_code == 200:
            self.exports.append(made.json())


KINDS: dict[str, tuple[Callable[[Reviewer, str], None], int]] = {
    "judge": (Reviewer.judge, 40),
    "rewrite": (Reviewer.rewrite, 15),
    "act": (Reviewer.act, 10),
    "look": (Reviewer.look, 10),
    "export": (Reviewer.export, 2),
}


# checklist 40, 42, 43, 45, 47
@pytest.mark.parametrize("seconds", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_32_clients_edit_act_and_export_at_once_and_everything_agrees(
    machine: Machine, tmp_path: Path, seconds: int
) -> None:
    server = machine.server(tmp_path / "home")
    credentials = json.loads(Path(server.ready["credentials"]).read_text())
    url, headers = (
        server.ready["url"],
        {
            "X-API-Key": credentials["api_key"],
            "X-Organization-ID": credentials["organization_id"],
        },
    )
    with filled(tmp_path / "home", credentials["organization_id"], credentials["user_id"]) as (project_id, pair_ids):
        reviewers = [Reviewer(url, headers, project_id, pair_ids, seed) for seed in range(CLIENTS)]
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=r.work, args=(until,)) for r in reviewers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    answers = sum((r.answers for r in reviewers), Counter())
    with httpx.Client(base_url=url, headers=headers, timeout=60) as http:
        walked = _walk(http, project_id)
        _assert_agreement(http, project_id, walked)
        for made in (e for r in reviewers for e in r.exports):
            assert http.get(made["downloadUrl"]).content.count(b"\n") == made["pairCount"]
    assert {kind for kind, status in answers if status == 200} == {*KINDS, "undo"}
    # A pair that someone deleted for a moment is not there; an export may find nothing to export. Nobody is told to
    # try again, however many are at it.
    assert {status for _, status in answers} <= {200, 404, 422}, answers
    versions = sorted(e["version"] for r in reviewers for e in r.exports)
    assert versions == list(range(1, len(versions) + 1))


def _walk(http: httpx.Client, project_id: str) -> Counter[str]:
    found: Counter[str] = Counter()
    page, total = 0, 1
    while page * 500 < total:
        page += 1
        listed = http.get(f"{BASE}/projects/{project_id}/pairs", params={"page": page, "page_size": 500}).json()
        total = listed["total"]
        found.update(p["status"] for p in listed["pairs"])
    assert found.total() == total
    return found


def _assert_agreement(http: httpx.Client, project_id: str, walked: Counter[str]) -> None:
    path = f"{BASE}/projects/{project_id}"
    approved = walked["accepted"] + walked["edited"]
    answer = {
        "total": walked.total(),
        "accepted": approved,
        "rejected": walked["rejected"],
        "pending": walked["pending"],
    }
    stats, numbers = http.get(path).json()["stats"], http.get(f"{path}/analytics").json()
    assert {k: stats[f"{k}_pairs"] for k in answer} == answer
    assert {k: numbers["pairs"][k] for k in answer} == answer
    assert sum(b["count"] for b in numbers["qualityDistribution"]) == walked.total()
    for status in ("pending", "accepted", "rejected", "edited"):
        assert http.get(f"{path}/pairs", params={"status": status}).json()["total"] == walked[status]
    approved_copies = sum(
        http.get(f"{path}/pairs", params={"status": s, "is_duplicate": True}).json()["total"]
        for s in ("accepted", "edited")
    )
    for wanted, lines in (({}, approved), ({"include_duplicates": False}, approved - approved_copies)):
        if lines:
            made = http.post(f"{path}/export", json=wanted).json()
            assert made["pairCount"] == lines
            assert made["leftOut"]["duplicates"] == approved - lines
