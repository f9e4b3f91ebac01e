"""Doubtful pairs in the review, both backends: listed by their flags, accepted by a person only, then exported."""

from __future__ import annotations

import base64
import zlib
from collections import Counter
from typing import Any

import orjson
import pytest

from dataforge import platform
from dataforge.store import pairs, projects, review_facts, review_index
from dataforge.store.pairs import Pair
from dataforge.store.projects import Project
from tests.support import many_pairs
from tests.support.many_pairs import Shape
from tests.support.reviewing import act, assert_all_agree, checks_of, pairs_path, project_of
from tests.support.service import Service


@pytest.fixture
def filled(service: Service) -> tuple[Project, list[Pair]]:
    """Two runs in three blocks; about a fifth of the pairs are flagged, a fifth are rejected by a check."""
    project = project_of(service)
    _, first = many_pairs.fill(project, Shape(1100, seed=1, words=8, gaps=True, flagged=0.2))
    _, second = many_pairs.fill(project, Shape(200, seed=2, words=8, accepted=0.5, flagged=0.2))
    return projects.get(project.org_id, project.project_id), first + second


def groups(made: list[Pair]) -> Counter[str]:
    """What a bulk accept says of the pairs that are not accepted yet."""
    waiting = [p for p in made if p.status != "accepted"]
    return Counter(
        "duplicates" if p.is_duplicate else "rejected" if p.rejected_by else "flagged" if p.flags else "good"
        for p in waiting
    )


def export(service: Service, project: Project, **body: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The answer, and the lines of the file."""
    made = service.call("POST", f"/projects/{project.project_id}/export", json=body)
    lines = platform.current().files.read(made["s3Key"]).splitlines()
    return made, [orjson.loads(line) for line in lines]


def test_flags_stand_on_the_pair_and_every_filter_finds_them(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    vague = next(p for p in made if "vague" in checks_of(p))

    found = service.call("GET", pairs_path(project), flag="vague", page_size=500)
    assert_all_agree(service, project)
    numbers = service.call("GET", f"/projects/{project.project_id}/analytics")["pairs"]

    assert [p["pairId"] for p in found["pairs"]] == [p.pair_id for p in made if "vague" in checks_of(p)][:500]
    first = found["pairs"][0]
    assert first["pairId"] == vague.pair_id
    assert {"check": "vague", "words": ["it"], "detail": "It is not said what"} in first["flags"]
    assert first["rejectedBy"] == []
    assert numbers["by_flag"] == Counter(c for p in made for c in checks_of(p))
    assert numbers["flagged"] == sum(bool(p.flags) for p in made)
    assert numbers["accepted"] + numbers["rejected"] + numbers["pending"] == numbers["total"]


def test_what_accept_all_accepts_is_what_an_export_writes_and_the_rest_is_counted(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    born = sum(p.status == "accepted" for p in made)
    expected = groups(made)

    done = act(service, project, "accept", filters={})
    exported, lines = export(service, project)

    assert done["affected_count"] == expected.pop("good")
    assert done["left_out"] == expected
    assert min(expected.values()) > 0
    assert exported["pairCount"] == len(lines) == born + done["affected_count"]
    assert (exported["flaggedCount"], exported["duplicateCount"]) == (0, 0)
    assert exported["leftOut"] == {"flagged": 0, "duplicates": 0, "below_min_quality": 0}
    assert_all_agree(service, project)


@pytest.mark.parametrize(
    ("include", "group"),
    [("include_flagged", "flagged"), ("include_rejected", "rejected"), ("include_duplicates", "duplicates")],
)
def test_each_group_that_is_left_out_can_be_included(
    service: Service, filled: tuple[Project, list[Pair]], include: str, group: str
) -> None:
    project, made = filled
    expected = groups(made)

    done = act(service, project, "accept", filters={}, **{include: True})
    exported, lines = export(service, project)

    assert done["affected_count"] == expected["good"] + expected[group]
    assert done["left_out"] == {**{name: n for name, n in expected.items() if name != "good"}, group: 0}
    born = sum(p.status == "accepted" for p in made)
    assert exported["pairCount"] == len(lines) == born + expected["good"] + expected[group]
    assert exported["flaggedCount"] == (expected[group] if group == "flagged" else 0)
    assert exported["duplicateCount"] == (expected[group] if group == "duplicates" else 0)


def test_a_person_may_accept_any_single_pair_and_the_export_has_it(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    flagged = next(p for p in made if p.flags)
    duplicate = next(p for p in made if p.is_duplicate)
    named = [p.pair_id for p in made if p.rejected_by][:3]
    accepted = sum(p.status == "accepted" for p in made)

    for pair in (flagged, duplicate):
        service.call("PUT", f"/pairs/{pair.pair_id}", json={"status": "accepted"})
    by_name = act(service, project, "accept", pair_ids=named)
    exported, lines = export(service, project)

    assert by_name["affected_count"] == 3
    assert by_name["left_out"] == {"flagged": 0, "rejected": 0, "duplicates": 0}
    assert len(lines) == accepted + 5
    assert {"instruction": duplicate.question, "input": "", "output": duplicate.answer} in export(
        service, project, format="alpaca"
    )[1]
    assert (exported["flaggedCount"], exported["duplicateCount"]) == (1, 1)


def test_an_export_may_leave_out_accepted_pairs_and_says_how_many(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    act(service, project, "accept", filters={}, include_flagged=True, include_duplicates=True)
    approved = [p for p in made if not p.rejected_by]

    made_without, lines = export(
        service, project, include_flagged=False, include_duplicates=False, min_quality_score=0.5
    )

    kept = [p for p in approved if not p.flags and not p.is_duplicate]
    assert len(lines) == sum(p.quality_score >= 0.5 for p in kept)
    assert made_without["leftOut"] == {
        "flagged": sum(bool(p.flags) and not p.is_duplicate for p in approved),
        "duplicates": sum(p.is_duplicate for p in approved),
        "below_min_quality": sum(p.quality_score < 0.5 for p in kept),
    }
    again = service.call("GET", f"/projects/{project.project_id}/export/{made_without['version']}")
    assert again["leftOut"] == made_without["leftOut"]


def test_rejected_pairs_come_back_with_their_checks_one_by_one_and_in_bulk(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    rejected = [p for p in made if p.rejected_by]
    one, more = rejected[0], rejected[1:]
    accepted = sum(p.status == "accepted" for p in made)

    service.call("PUT", f"/pairs/{one.pair_id}", json={"status": "pending"})
    reset = act(service, project, "reset", pair_ids=[p.pair_id for p in more])
    back = service.call("GET", pairs_path(project), status="pending", search="asdf", page_size=500)
    listed = {
        p["pairId"]: p["rejectedBy"]
        for page in (1, 2, 3)
        for p in service.call("GET", pairs_path(project), status="pending", page=page, page_size=500)["pairs"]
    }
    all_good = act(service, project, "accept", filters={"status": "pending"})
    service.call("PUT", f"/pairs/{one.pair_id}", json={"status": "accepted"})
    brought = act(service, project, "accept", filters={"status": "pending"}, include_rejected=True)
    exported, lines = export(service, project)

    assert reset["affected_count"] == len(more)
    assert back["total"] == 0
    expected = [{"check": "gibberish", "words": ["asdf"], "detail": "", "outcome": "reject"}]
    assert all(listed[p.pair_id] == expected for p in rejected)
    assert all_good["left_out"]["rejected"] == len(rejected)
    assert brought["affected_count"] == len(more)
    assert exported["pairCount"] == len(lines) == accepted + all_good["affected_count"] + len(rejected)


def test_a_later_record_may_flag_a_pair_that_is_there(service: Service, filled: tuple[Project, list[Pair]]) -> None:
    project, made = filled
    plain = next(p for p in made if p.status == "accepted" and not p.flags)
    vague = next(p for p in made if checks_of(p) == ["vague"])
    finding = {"check": "contradicts", "outcome": "review", "words": ["six"], "detail": "Another record says seven"}
    before = service.call("GET", f"/projects/{project.project_id}/analytics")["pairs"]

    for pair in (plain, vague, plain):
        pairs.add_flags(project, pair.pair_id, [finding])

    after = service.call("GET", f"/projects/{project.project_id}/analytics")["pairs"]
    found = service.call("GET", pairs_path(project), flag="contradicts")["pairs"]
    wire = {name: value for name, value in finding.items() if name != "outcome"}
    assert {p["pairId"] for p in found} == {plain.pair_id, vague.pair_id}
    assert [p["flags"].count(wire) for p in found] == [1, 1]
    assert {len(p["flags"]) for p in found} == {1, 2}
    assert after["flagged"] == before["flagged"] + 1
    assert after["by_flag"]["contradicts"] == 2
    assert after["accepted"] == before["accepted"]
    assert review_facts.flagged(project.project_id, review_index.run_of(vague.run_id))[1]["contradicts"] >= 1
    assert_all_agree(service, project)


def test_what_a_person_has_edited_is_not_doubtful(service: Service, filled: tuple[Project, list[Pair]]) -> None:
    project, made = filled
    flagged = next(p for p in made if p.flags)
    service.call("PUT", f"/pairs/{flagged.pair_id}", json={"output_text": "What a person made of it."})

    done = act(service, project, "accept", filters={"search": "what a person made of it"})

    assert (done["affected_count"], done["left_out"]["flagged"]) == (1, 0)


def test_a_rejection_or_reset_by_filters_leaves_nothing_out(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled

    rejected = act(service, project, "reject", filters={"flagged": True})
    reset = act(service, project, "reset", filters={})

    assert rejected["affected_count"] == sum(bool(p.flags) for p in made)
    assert reset["affected_count"] == len(made) - sum(p.status == "pending" and not p.flags for p in made)
    assert rejected["left_out"] == {"flagged": 0, "rejected": 0, "duplicates": 0}
    assert assert_all_agree(service, project) == {"pending": len(made)}


def test_blocks_of_earlier_releases_have_no_flags_and_are_read_as_ever(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    tables = platform.current().tables
    for (run, number), facts in review_facts.read(project.project_id).items():
        columns = b"".join((facts.quality, bytes(b & 15 for b in facts.bits), facts.documents, facts.positions))
        tables.batch_put(
            "reviews",
            [
                {
                    "project_id": project.project_id,
                    "block": f"facts#{run}#{number:04d}",
                    "columns": base64.b64encode(zlib.compress(columns, 6)).decode(),
                    "names": list(facts.names),
                }
            ],
        )

    flagged = service.call("GET", pairs_path(project), flagged=True)["total"]
    plain = service.call("GET", pairs_path(project), flagged=False)["total"]
    easy = service.call("GET", pairs_path(project), complexity_level="easy")["total"]
    done = act(service, project, "accept", filters={})

    assert (flagged, plain) == (0, len(made))
    assert easy == sum(p.difficulty == "easy" for p in made)
    assert done["left_out"] == {"flagged": 0, "rejected": 0, "duplicates": sum(p.is_duplicate for p in made)}
