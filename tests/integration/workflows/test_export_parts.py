"""Exports in parts: files beside the whole that share nothing, on both backends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.service import Service

_THINGS = ["gate", "crane", "lamp", "rope", "pier", "whistle", "ferry", "seal", "diver", "anchor"]


def _document(n: int) -> bytes:
    thing = _THINGS[n]
    return (
        f"# The {thing} of harbour {n}\n\nThe {thing} number {n} is checked by warden {chr(65 + n)}{n}{n} each week. "
        f"It was bought in {1950 + 3 * n} for {17 * n + 40} crowns. Whoever breaks the {thing} pays {n + 3} fees.\n\n"
        f"# Repairs of the {thing}\n\nRepairs take {n + 2} days in the yard of {thing}town. The spare part for it "
        f"weighs {n * 7 + 5} kilograms and comes from quay {n}. In winter the {thing} is in shed {n * 2 + 1}.\n"
    ).encode()


@pytest.fixture
def harbour(service: Service) -> str:
    """A project of ten documents with accepted pairs."""
    project_id = service.project()
    for n in range(10):
        service.upload(project_id, f"rules-{n}.md", _document(n))
    service.parse(project_id)
    service.generate(project_id, config={"auto_accept_min_quality": 0.0, "pairs_per_chunk": 2})
    service.call("POST", f"/projects/{project_id}/pairs/bulk-action", json={"action": "accept", "filters": {}})
    return project_id


def _lines(service: Service, url: str) -> list[Any]:
    return [json.loads(line) for line in service.fetch(url).splitlines()]


# checklist 191
def test_parts_add_up_to_the_whole_and_share_no_document(harbour: str, service: Service) -> None:
    made = service.call("POST", f"/projects/{harbour}/export", json={"split": {"train": 80, "validation": 20}})

    whole = _lines(service, made["downloadUrl"])
    parts = {name: _lines(service, f["downloadUrl"]) for name, f in made["splits"]["files"].items()}
    assert list(parts) == ["train", "validation"]
    assert sorted(map(str, [*parts["train"], *parts["validation"]])) == sorted(map(str, whole))
    assert {name: len(lines) for name, lines in parts.items()} == {
        name: f["pairCount"] for name, f in made["splits"]["files"].items()
    }
    assert made["splits"]["leaks"] == {"documents": 0, "chunks": 0, "similar": 0}
    assert abs(len(parts["validation"]) / len(whole) - 0.2) <= 0.1

    def documents_of(lines: list[Any]) -> set[str]:
        pairs = service.call("GET", f"/projects/{harbour}/pairs", page_size=500)["pairs"]
        of_answer = {p["answer"]: p["documentId"] for p in pairs}
        return {of_answer[line["messages"][-1]["content"]] for line in lines}

    if made["splits"]["by"] == "documents":
        assert not documents_of(parts["train"]) & documents_of(parts["validation"])


def test_an_earlier_export_gives_its_parts_fresh_urls(harbour: str, service: Service) -> None:
    made = service.call("POST", f"/projects/{harbour}/export", json={"split": {"train": 80, "validation": 20}})

    again = service.call("GET", f"/projects/{harbour}/export/{made['version']}")
    plain = service.call("POST", f"/projects/{harbour}/export")

    assert service.fetch(again["splits"]["files"]["train"]["downloadUrl"]) == service.fetch(
        made["splits"]["files"]["train"]["downloadUrl"]
    )
    assert plain["splits"] is None
    versions = service.call("GET", f"/projects/{harbour}")["versions"]
    assert [v["splits"] is not None for v in versions] == [True, False]
    assert versions[0]["splits"]["files"]["train"]["downloadUrl"] is None


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    "split", [{"train": 90}, {"train": 90, "validation": 20}, {"../x": 50, "b": 50}, {"a": 100, "b": 0}, {}]
)
def test_shares_that_do_not_add_up_are_refused(split: dict[str, int], service: Service) -> None:
    project_id = service.project()

    answer = service.call("POST", f"/projects/{project_id}/export", json={"split": split}, expect=422)

    assert answer["errors"][0]["field"].startswith("split")
