"""Review at scale, both backends: any filter, exact totals, bulk actions and their undo, counters that never drift."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from dataforge import platform
from dataforge.errors import Busy, Conflict
from dataforge.store import projects, review_index
from dataforge.store import undo as undo_store
from dataforge.store.pairs import Pair
from dataforge.store.projects import Project
from dataforge.workflows import erasing
from dataforge.workflows.review import bulk
from tests.support import many_pairs
from tests.support.many_pairs import Shape
from tests.support.projects import RULES
from tests.support.reviewing import act, assert_all_agree, checks_of, pairs_path, project_of, statuses
from tests.support.service import Service
from tests.support.table_watchers import counted, killed_until_done


@pytest.fixture
def filled(service: Service) -> tuple[Project, list[Pair]]:
    """A project of two runs, 1,300 pairs in three blocks, with gaps."""
    project = project_of(service)
    _, first = many_pairs.fill(project, Shape(1100, seed=1, words=8, gaps=True, flagged=0.1))
    _, second = many_pairs.fill(project, Shape(200, seed=2, words=8, accepted=0.5))
    return projects.get(project.org_id, project.project_id), first + second


def holds(pair: Pair, wanted: dict[str, Any]) -> bool:
    """The filter in the plainest words, for one pair."""
    checks: dict[str, Callable[[Any], bool]] = {
        "status": lambda v: pair.status == v,
        "generation_id": lambda v: pair.run_id == v,
        "search": lambda v: v.casefold() in pair.question.casefold() or v.casefold() in pair.answer.casefold(),
        "document_id": lambda v: pair.document_id == v,
        "chunk_id": lambda v: pair.chunk_id == v,
        "min_quality_score": lambda v: pair.quality_score >= v,
        "max_quality_score": lambda v: pair.quality_score <= v,
        "is_duplicate": lambda v: pair.is_duplicate == v,
        "type": lambda v: pair.type == v,
        "complexity_level": lambda v: pair.difficulty == v,
        "flagged": lambda v: bool(pair.flags) == v,
        "flag": lambda v: v in checks_of(pair),
    }
    return all(checks[name](value) for name, value in wanted.items())


# checklist 39
def test_any_page_of_any_combination_of_filters_is_what_a_plain_search_would_find(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    rng = random.Random(3)
    values: dict[str, Callable[[Pair], Any]] = {
        "status": lambda p: p.status,
        "generation_id": lambda p: p.run_id,
        "search": lambda p: rng.choice([p.question[8:15].upper(), p.answer[-10:], "zebra", "QUAY"]),
        "document_id": lambda p: p.document_id,
        "chunk_id": lambda p: p.chunk_id,
        "min_quality_score": lambda p: p.quality_score,
        "max_quality_score": lambda p: p.quality_score,
        "is_duplicate": lambda p: p.is_duplicate,
        "type": lambda p: p.type,
        "complexity_level": lambda p: p.difficulty,
        "flagged": lambda p: bool(p.flags),
        "flag": lambda p: rng.choice([*checks_of(p), "vague", "nonsense"]),
    }

    for names in [[], *([n] for n in values), *(rng.sample(list(values), rng.randint(2, 4)) for _ in range(25))]:
        wanted = {name: values[name](rng.choice(made)) for name in names}
        expected = [p.pair_id for p in made if holds(p, wanted)]
        size = rng.choice([1, 7, 50, 500])
        page = rng.randint(1, len(expected) // size + 2)
        found = service.call("GET", pairs_path(project), page=page, page_size=size, **wanted)

        assert (wanted, found["total"]) == (wanted, len(expected))
        assert [p["pairId"] for p in found["pairs"]] == expected[(page - 1) * size : page * size]
        assert all(p["status"] == next(m.status for m in made if m.pair_id == p["pairId"]) for p in found["pairs"])


# checklist 39
def test_a_page_costs_the_same_few_requests_wherever_it_lies_and_whatever_it_filters(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    queries: list[dict[str, Any]] = [
        {},
        {"page": 26},
        {"status": "pending", "page": 9},
        {"generation_id": made[-1].run_id},
        {"min_quality_score": 0.4, "type": "single_turn", "document_id": made[0].document_id},
        {"page_size": 500},
    ]

    spent = []
    for query in queries:
        with counted() as requests:
            service.call("GET", pairs_path(project), **query)
        spent.append(requests.total())
    with counted() as requests:
        act(service, project, "accept", filters={})

    assert max(spent) <= 9  # key, project, states, facts, and five batches of 100 pairs
    assert requests.total() <= 9


# checklist 39, 40
def test_search_sees_edited_texts_and_no_longer_the_old_ones(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    target = made[700]
    old = f"Number{target.pair_id[-6:].lstrip('0')}."

    service.call("PUT", f"/pairs/{target.pair_id}", json={"output_text": "Die Straße\nzum Hafen, 2 Wege."})

    assert old in target.answer
    assert service.call("GET", pairs_path(project), search=old, generation_id=target.run_id)["total"] == 0
    for text in ("STRASSE", "Straße\nzum", "2 wege."):
        found = service.call("GET", pairs_path(project), search=text)["pairs"]
        assert [(p["pairId"], p["status"]) for p in found] == [(target.pair_id, "edited")]
    service.call("PUT", f"/pairs/{target.pair_id}", json={"output_text": "Das Cafe\u0301 am Kai ist geöffnet."})
    for text in ("café", "cafe\u0301", "GEO\u0308FFNET", "geöffnet"):
        found = service.call("GET", pairs_path(project), search=text)["pairs"]
        assert [p["pairId"] for p in found] == [target.pair_id], "one character, or a letter and its accent"
    service.call("PUT", f"/pairs/{target.pair_id}", json={"output_text": "Die Straße\nzum Hafen, 2 Wege."})
    across = f"{target.question[-4:]}Die"
    assert service.call("GET", pairs_path(project), search=across)["total"] == 0


# checklist 42
def test_a_bulk_action_by_ids_changes_those_and_counts_what_really_changed(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    stranger = service.other()
    foreign, theirs = project_of(stranger), many_pairs
    _, of_stranger = theirs.fill(foreign, Shape(3))
    chosen = [p for p in made if p.status == "pending"][::40]
    ids = [p.pair_id for p in chosen]

    done = act(service, project, "accept", pair_ids=[*ids, *ids, "pair_x_y_000001", "nonsense", of_stranger[0].pair_id])
    again = act(service, project, "accept", pair_ids=ids)

    assert done["action"] == "accept"
    assert done["message"] == "Bulk action completed"
    assert (done["affected_count"], again["affected_count"], again["undo_token"]) == (len(ids), 0, None)
    assert_all_agree(service, project)
    listed = service.call("GET", pairs_path(project), status="accepted", page_size=500)["pairs"]
    assert set(ids) <= {p["pairId"] for p in listed}
    assert stranger.call("GET", pairs_path(foreign), status="accepted")["total"] == 0


# checklist 42, 43
def test_bulk_by_filters_and_every_action_keeps_lists_and_counters_together(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    certain = [p for p in made if not (p.is_duplicate or p.flags or p.rejected_by)]
    good = sum(p.quality_score >= 0.8 and p.status != "accepted" for p in certain)

    accepted = act(service, project, "accept", filters={"min_quality_score": 0.8, "is_duplicate": False})
    after_accept = assert_all_agree(service, project)
    rejected = act(service, project, "reject", filters={"status": "pending", "search": "harbour"})
    after_reject = assert_all_agree(service, project)
    deleted = act(service, project, "delete", filters={"status": "rejected"})
    after_delete = assert_all_agree(service, project)
    reset = act(service, project, "reset", filters={})
    after_reset = assert_all_agree(service, project)

    assert accepted["affected_count"] == good
    assert after_reject["rejected"] - after_accept["rejected"] == rejected["affected_count"] > 0
    assert deleted["affected_count"] == after_reject["rejected"] == after_reject.total() - after_delete.total()
    assert reset["affected_count"] == after_delete["accepted"]
    assert after_reset == {"pending": after_delete.total()}


# checklist 43
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "accept"}, "pair_ids"),
        ({"action": "accept", "pair_ids": [], "filters": {}}, "pair_ids"),
        ({"action": "approve", "filters": {}}, "action"),
        ({"pair_ids": []}, "action"),
        ({"action": "accept", "filters": {"statuss": "pending"}}, "filters.statuss"),
        ({"action": "accept", "filters": {"status": "new"}}, "filters.status"),
        ({"action": "accept", "filters": {"min_quality_score": 2}}, "filters.min_quality_score"),
        ({"action": "accept", "filters": [1]}, "filters"),
        ({"action": "accept", "pair_ids": "all"}, "pair_ids"),
    ],
)
def test_a_bulk_action_that_is_unclear_changes_nothing(service: Service, body: dict[str, Any], field: str) -> None:
    project = project_of(service)
    many_pairs.fill(project, Shape(5))

    answer = service.call("POST", pairs_path(project, "/bulk-action"), json=body, expect=422)

    assert field in [e["field"] for e in answer["errors"]]
    assert statuses(service, project)["accepted"] == 0


# checklist 42
def test_an_undo_gives_back_every_status_but_of_pairs_that_were_changed_since(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    before = assert_all_agree(service, project)
    done = act(service, project, "reject", filters={})
    kept = [p.pair_id for p in made if p.status == "pending"][:2]
    service.call("PUT", f"/pairs/{kept[0]}", json={"status": "accepted"})
    service.call("PUT", f"/pairs/{kept[1]}", json={"input_text": "Another question?"})

    undone = service.call("POST", pairs_path(project, "/bulk-action/undo"), json={"undo_token": done["undo_token"]})
    twice = service.call(
        "POST", pairs_path(project, "/bulk-action/undo"), json={"undo_token": done["undo_token"]}, expect=409
    )

    assert done["undo_expires_at"] > project.created_at
    assert undone == {"restored_count": done["affected_count"] - 2, "skipped_count": 2, "message": "Bulk action undone"}
    assert twice["code"] == "UNDO_ENDED"
    after = assert_all_agree(service, project)
    assert after == before + Counter(accepted=1, edited=1) - Counter(pending=2)


# checklist 42
def test_an_undo_that_was_done_says_so_when_its_last_note_was_made_already(
    service: Service, filled: tuple[Project, list[Pair]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another undo at the same time, or by its own request whose answer was lost."""
    project, _ = filled
    before = assert_all_agree(service, project)
    done = act(service, project, "reject", filters={})
    end = undo_store.end

    def noted_before(project_id: str, token: str, how: str) -> None:
        end(project_id, token, how)
        end(project_id, token, how)

    monkeypatch.setattr(undo_store, "end", noted_before)
    undone = service.call("POST", pairs_path(project, "/bulk-action/undo"), json={"undo_token": done["undo_token"]})

    assert (undone["restored_count"], undone["skipped_count"]) == (done["affected_count"], 0)
    assert assert_all_agree(service, project) == before


# checklist 41, 42
def test_a_bulk_action_whose_last_note_fails_answers_what_it_did(
    service: Service, filled: tuple[Project, list[Pair]], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, made = filled
    first, *_ = [p.pair_id for p in made if p.status == "pending"]
    rewrite, write_undo, written = review_index.rewrite, bulk._write_undo, []

    def somebody_was_first(project: Project, blocks: Any, change: Any) -> int:
        monkeypatch.setattr(review_index, "rewrite", rewrite)
        service.call("PUT", f"/pairs/{first}", json={"status": "rejected"})
        return rewrite(project, blocks, change)

    def once(*args: Any) -> None:
        written.append(args)
        if len(written) > 1:
            raise Busy("The files are out of reach")
        write_undo(*args)

    monkeypatch.setattr(review_index, "rewrite", somebody_was_first)
    monkeypatch.setattr(bulk, "_write_undo", once)
    done = act(service, project, "reject", filters={"status": "pending"})

    assert len(written) == 2
    assert done["undo_token"]
    assert statuses(service, project)["pending"] == 0


# checklist 41, 42
def test_a_bulk_action_that_gives_up_midway_names_the_way_back(
    service: Service, filled: tuple[Project, list[Pair]], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = filled
    before = assert_all_agree(service, project)
    rewrite = review_index.rewrite

    def half(project: Project, blocks: Any, change: Any) -> int:
        monkeypatch.setattr(review_index, "rewrite", rewrite)
        rewrite(project, blocks[:1], change)
        raise Conflict("These pairs are being changed by many at once; try again", code="BUSY")

    monkeypatch.setattr(review_index, "rewrite", half)
    path = pairs_path(project, "/bulk-action")
    refused = service.call("POST", path, json={"action": "reject", "filters": {}}, expect=409)
    token = refused["message"].split()[-1]
    service.call("POST", f"{path}/undo", json={"undo_token": token})

    assert refused["code"] == "BUSY"
    assert assert_all_agree(service, project) == before


# checklist 42
def test_deleted_pairs_are_gone_at_once_can_be_brought_back_and_are_erased_in_the_end(
    service: Service, filled: tuple[Project, list[Pair]]
) -> None:
    project, made = filled
    before = assert_all_agree(service, project)
    victims = [p for p in made if p.status == "pending"][:300]
    names = [p.pair_id for p in victims]
    service.call("PUT", f"/pairs/{names[0]}", json={"output_text": "Edited before it went."})

    first = act(service, project, "delete", pair_ids=names)
    gone = service.call("PUT", f"/pairs/{names[0]}", json={"status": "accepted"}, expect=404)
    searched = service.call("GET", pairs_path(project), search="edited before")["total"]
    service.call("POST", pairs_path(project, "/bulk-action/undo"), json={"undo_token": first["undo_token"]})
    back = assert_all_agree(service, project)
    second = act(service, project, "delete", pair_ids=names)
    kills = killed_until_done(
        lambda: erasing.purge_pairs(project, second["undo_token"], erasing.Deadline(float("inf")))
    )

    assert (first["affected_count"], second["affected_count"], searched) == (300, 300, 0)
    assert gone["code"] == "NOT_FOUND"
    assert back == before + Counter(edited=1) - Counter(pending=1)
    assert kills >= 4
    assert assert_all_agree(service, project).total() == before.total() - 300
    tables = platform.current().tables
    assert tables.batch_get("pairs", [{"project_id": project.project_id, "pair_id": n} for n in names]) == []
    assert list(review_index.edited_texts(project.project_id)) == []
    late = {"undo_token": second["undo_token"]}
    service.call("POST", pairs_path(project, "/bulk-action/undo"), json=late, expect=404)


# checklist 47
def test_analytics_hold_every_block_of_the_contract_and_agree_with_the_lists(service: Service) -> None:
    project = project_of(service)
    service.upload(project.project_id, "rules.md", RULES)
    service.upload(project.project_id, "broken.pdf", b"no PDF at all", "application/pdf")
    empty = service.call("GET", f"/projects/{project.project_id}/analytics")
    service.parse(project.project_id)
    service.generate(project.project_id, num_pairs=4)
    many_pairs.fill(project, Shape(30, seed=5))
    edges = [0.0, 0.6999, 0.7, 0.7999, 0.8, 0.8999, 0.9, 1.0]
    run_id, made = many_pairs.fill(project, Shape(8, seed=6))
    boundary = [
        replace(p, pair_id=p.pair_id.replace(run_id[4:], "edges"), quality_score=score)
        for p, score in zip(made, edges, strict=True)
    ]
    before = service.call("GET", f"/projects/{project.project_id}/analytics")
    many_pairs.write(project, "gen_edges", boundary)

    numbers = service.call("GET", f"/projects/{project.project_id}/analytics")

    assert empty["pairs"] == {
        "total": 0,
        "accepted": 0,
        "rejected": 0,
        "pending": 0,
        "flagged": 0,
        "flagged_pending": 0,
        "by_flag": {},
        "avg_quality_score": None,
    }
    assert [b["range"] for b in empty["qualityDistribution"]] == ["0.9-1.0", "0.8-0.9", "0.7-0.8", "0.0-0.7"]
    assert set(numbers) == {
        "projectId",
        "projectName",
        "documents",
        "chunks",
        "pairs",
        "qualityDistribution",
        "generations",
        "exportsCount",
    }
    assert numbers["documents"] == {"total": 2, "parsed": 1, "failed": 1}
    chunks = service.call("GET", f"/projects/{project.project_id}/chunks")["chunks"]
    assert numbers["chunks"] == {"total": len(chunks), "by_type": Counter(c["contentType"] for c in chunks)}
    assert numbers["generations"] == {"total": 2, "completed": 2, "running": 0, "failed": 0}
    grown = [
        b["count"] - a["count"]
        for a, b in zip(before["qualityDistribution"], numbers["qualityDistribution"], strict=True)
    ]
    assert grown == [2, 2, 2, 2]
    assert_all_agree(service, project)


# checklist 45, 46
def test_exports_at_the_same_time_get_different_versions_and_stay_what_they_were(service: Service) -> None:
    project = project_of(service)
    many_pairs.fill(project, Shape(30, accepted=1.0))
    path = f"/projects/{project.project_id}/export"

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: service.call("POST", path, json={}), range(8)))
    act(service, project, "reject", filters={})
    service.call("POST", path, json={}, expect=422)
    fresh = [service.call("GET", f"{path}/{version}") for version in range(1, 9)]

    assert sorted(m["version"] for m in made) == list(range(1, 9))
    fields = {
        "version",
        "format",
        "s3Key",
        "pairCount",
        "fileSize",
        "downloadUrl",
        "includeSystemPrompt",
        "minQualityScore",
    }
    assert all(fields <= set(m) for m in (*made, *fresh))
    assert {len(service.fetch(f["downloadUrl"]).splitlines()) for f in fresh} == {made[0]["pairCount"]}
    assert service.call("GET", f"/projects/{project.project_id}")["currentVersion"] == 8
    service.call("GET", f"{path}/9", expect=404)
