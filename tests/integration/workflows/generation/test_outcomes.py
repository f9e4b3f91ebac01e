"""Whatever was asked for can be fetched, on both backends: delivered, rejected and failed, each with its reasons."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.support.projects import harbour
from tests.support.service import Service


def fetched(service: Service, answer: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [json.loads(line) for line in service.fetch(file["url"]).decode().splitlines()]
        for name, file in answer["files"].items()
    }


# checklist 35, 38
def test_every_slot_of_a_run_stands_in_one_of_three_files(service: Service) -> None:
    project_id = harbour(service)
    first = service.generate(project_id, model_id="scripted", num_pairs=4)
    again = service.generate(project_id, model_id="scripted", num_pairs=4)  # the same pairs: repeats of the first run's

    for run in (first, again):
        answer = service.call("GET", f"/generations/{run['generationId']}/outcomes")
        found = fetched(service, answer)

        assert (
            {name: len(lines) for name, lines in found.items()}
            == {name: file["lines"] for name, file in answer["files"].items()}
            == {name: run["counts"][name] for name in ("delivered", "rejected", "failed")}
        )
        slots = [line["slot"] for lines in found.values() for line in lines]
        assert sorted(slots) == list(range(run["counts"]["asked"]))
        assert Counter(line["reasons"][0] for line in found["rejected"]) == run["reasons"]["rejected"]
        assert Counter(line["reason"] for line in found["failed"]) == run["reasons"]["failed"]
    assert again["counts"]["rejected"] > 0


def test_a_run_that_goes_on_and_a_parse_have_none_and_another_organisation_sees_nothing(service: Service) -> None:
    project_id = service.project()
    service.upload(project_id, "rules.md", b"# Berths\n\nA berth is a place at the quay.\n")
    parse = service.parse(project_id)
    run = service.generate(project_id, num_pairs=1)
    path = f"/generations/{run['generationId']}/outcomes"

    assert service.call("GET", f"/generations/{parse['generationId']}/outcomes")["files"] == {}
    assert service.other().call("GET", path, expect=404)["code"] == "NOT_FOUND"
