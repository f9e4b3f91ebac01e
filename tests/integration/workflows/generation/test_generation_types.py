"""Five kinds of record through real runs on both backends: shapes, exports, refusals, and what reaches the teacher."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from dataforge.platform import current
from dataforge.records import Question
from dataforge.store import chunks, projects
from dataforge.teachers.reciting import recite
from dataforge.workflows.exporting import export
from dataforge.workflows.review import edit, search
from tests.support.chat_servers import Recorder
from tests.support.document_runs import counts_of, teach, walk
from tests.support.no_checks import NO_CHECKS
from tests.support.projects import guide, pairs_of
from tests.support.service import Service, aws_is_slow

KINDS = ("qa", "instruction", "conversation", "summary", "classification")
TOPICS = ["Tickets", "Complaints", "On board", "Somewhere else"]


def chunks_of(service: Service, project_id: str) -> list[dict[str, Any]]:
    return service.call("GET", f"/projects/{project_id}/chunks")["chunks"]


def lines_of(service: Service, project_id: str, format: str) -> list[dict[str, Any]]:
    made = service.call("POST", f"/projects/{project_id}/export", json={"format": format})
    return [json.loads(line) for line in service.fetch(made["downloadUrl"]).splitlines()]


def found_by(service: Service, project_id: str, searched: str) -> list[str]:
    page = service.call("GET", f"/projects/{project_id}/pairs", search=searched)
    return [p["pairId"] for p in page["pairs"]]


def hold_to_its_shape(kind: str, pair: dict[str, Any], turns: int = 3) -> None:
    """Contract A.1 and A.3."""
    said = pair["messages"]
    users = [m["content"] for m in said if m["role"] == "user"]
    assert [m["role"] for m in said] == ["user", "assistant"] * len(users)
    assert (pair["question"], pair["answer"]) == (said[0]["content"], said[-1]["content"])
    assert pair["type"] == ("multi_turn" if kind == "conversation" else "single_turn")
    assert len(users) == (turns if kind == "conversation" else 1)
    assert 0 <= pair["groundingScore"] <= 1
    assert 0 < pair["qualityScore"] <= 1
    assert pair["complexityLevel"] in ("easy", "medium", "hard")
    assert pair["questionType"]
    assert all("\x00" not in m["content"] and m["content"].strip() for m in said)


# checklist 26, 38, 44
@pytest.mark.parametrize("kind", KINDS)
@aws_is_slow
def test_every_kind_yields_its_own_shape_down_to_the_export(service: Service, kind: str) -> None:
    project_id = guide(service)
    asked: dict[str, Any] = {"auto_accept_min_quality": 0.0, "checks": NO_CHECKS}
    asked |= {"conversation": {"turns": 2}, "classification": {"labels": TOPICS}}.get(kind, {})

    run = service.generate(project_id, model_id="scripted", generation_type=kind, num_pairs=8, config=asked)

    counts = run["counts"]
    assert run["status"] == "completed", run
    assert counts["asked"] == counts["delivered"] + counts["rejected"] + counts["failed"]
    assert run["config"]["generation_type"] == kind
    made = pairs_of(service, project_id, run, status="accepted")
    assert len(made) == counts["delivered"] >= 4
    for pair in made:
        hold_to_its_shape(kind, pair, turns=2)
    texts = {c["chunkId"]: c["content"] for c in chunks_of(service, project_id)}
    if kind == "classification":
        assert {p["answer"] for p in made} <= set(TOPICS)
        assert all(f"- {topic}\n" in p["question"] for p in made for topic in TOPICS)
    if kind == "summary":
        assert all(p["question"].endswith(texts[p["chunkId"]].strip()) for p in made)
        assert all(len(p["answer"]) < len(texts[p["chunkId"]]) for p in made)
    for pair in made[:2]:
        assert all(pair["pairId"] in found_by(service, project_id, m["content"][:500]) for m in pair["messages"])
    chat, alpaca = lines_of(service, project_id, "chatml"), lines_of(service, project_id, "alpaca")
    assert [line["messages"] for line in chat] == [p["messages"] for p in made]
    assert [line["output"] for line in alpaca] == [p["answer"] for p in made]
    for line, pair in zip(alpaca, made, strict=True):
        earlier, asked = [m["content"] for m in pair["messages"][:-2]], pair["messages"][-2]["content"]
        assert all(text in line["input"] for text in earlier)
        assert bool(line["input"]) == bool(earlier or kind in ("summary", "classification"))
        if kind in ("summary", "classification"):
            assert asked == f"{line['instruction']}\n\n{line['input']}"
            assert line["input"] in texts[pair["chunkId"]]
        else:
            assert line["instruction"] == asked


# checklist 26
@pytest.mark.parametrize("kind", KINDS)
@aws_is_slow
def test_the_offline_teacher_writes_every_kind_and_promises_no_more_than_it_can(service: Service, kind: str) -> None:
    project_id = guide(service)

    run = service.generate(project_id, generation_type=kind)

    counts, made = run["counts"], pairs_of(service, project_id, run)
    assert run["status"] == "completed", run
    assert counts["failed"] == 0
    assert counts["delivered"] >= 5
    assert counts["delivered"] >= 0.9 * counts["asked"], run["reasons"]
    for pair in made:
        hold_to_its_shape(kind, pair)
    if kind == "classification":
        headings = {h for c in chunks_of(service, project_id) for h in c["headingPath"]}
        assert set(run["config"]["labels"]) <= headings
        assert {p["answer"] for p in made} <= set(run["config"]["labels"])
        assert len({p["answer"] for p in made}) >= 5


def test_the_offline_teacher_does_not_pretend_to_know_the_caller_s_labels(service: Service) -> None:
    project_id = guide(service)
    body = {"model_id": "extractive", "generation_type": "classification", "config": {"labels": ["urgent", "later"]}}

    answer = service.call("POST", f"/projects/{project_id}/generate", json=body, expect=422)

    assert (answer["code"], answer["errors"][0]["field"]) == ("TEACHER_CANNOT", "model_id")
    assert "openai:<model>" in answer["message"]


def test_without_headings_labels_must_be_named(service: Service) -> None:
    project_id = service.project()
    service.upload(project_id, "plain.txt", b"A berth is a place at the quay. " * 9, "text/plain")
    service.parse(project_id)
    body = {"model_id": "scripted", "generation_type": "classification"}

    answer = service.call("POST", f"/projects/{project_id}/generate", json=body, expect=422)

    assert (answer["code"], answer["errors"][0]["field"]) == ("NO_LABELS", "labels")


# checklist 28, 29, 30, 31
@aws_is_slow
def test_request_wins_over_config_over_the_project_s_over_the_service_s(model: Recorder, service: Service) -> None:
    project_id = guide(
        service,
        config={
            "temperature": 0.1,
            "max_tokens": 111,
            "pairs_per_chunk": 3,
            "style_template": "like a notice board",
            "system_prompt": "From the project.",
        },
    )
    chosen = [c["chunkId"] for c in chunks_of(service, project_id)[1:4]]

    run = service.generate(
        project_id,
        model_id="openai:recorder",
        temperature=0.3,
        chunk_ids=chosen,
        config={
            "temperature": 0.2,
            "pairs_per_chunk": 1,
            "system_prompt": "Write for ticket inspectors.",
            "verify": "off",
        },
    )

    config = run["config"]
    assert {k: config[k] for k in ("temperature", "max_tokens", "pairs_per_chunk", "style_template", "seed")} == {
        "temperature": 0.3,
        "max_tokens": 111,
        "pairs_per_chunk": 1,
        "style_template": "like a notice board",
        "seed": 0,
    }
    assert config["system_prompt"] == "Write for ticket inspectors."
    assert {body["temperature"] for body in model.bodies} == {0.3}
    assert {body["max_tokens"] for body in model.bodies} == {111}
    assert all("Write for ticket inspectors." in said for said in model.said("system"))
    assert len(set(model.said("system"))) == 1, "the rules are the same in every call, so that they can be cached"
    assert all("like a notice board" in said for said in model.said("user"))
    made = pairs_of(service, project_id, run)
    assert {p["chunkId"] for p in made} <= set(chosen)
    texts = {c["chunkId"]: c["content"] for c in chunks_of(service, project_id)}
    assert {texts[c] in "\n".join(model.said("user")) for c in chosen} == {True}
    assert not any(texts[c] in said for said in model.said("user") for c in set(texts) - set(chosen))


# checklist 27, 32
@aws_is_slow
def test_pairs_per_chunk_and_difficulties_are_what_the_teacher_is_asked_for(model: Recorder, service: Service) -> None:
    project_id = guide(service)
    chunks = chunks_of(service, project_id)

    run = service.generate(
        project_id,
        model_id="openai:recorder",
        config={
            "pairs_per_chunk": 2,
            "verify": "off",
            "difficulty_distribution": {"easy": 0.5, "medium": 0.25, "hard": 0.25},
        },
    )

    first_round = model.said("user")[: len(chunks)]
    levels = Counter(
        {level: sum(said.count(f". {level}: ") for said in first_round) for level in ("easy", "medium", "hard")}
    )
    wanted = 2 * len(chunks)
    assert run["counts"]["requested"] == wanted
    assert all("Write exactly 2 pairs" in said for said in first_round)
    assert levels == {
        "easy": wanted / 2,
        "medium": pytest.approx(wanted / 4, abs=1),
        "hard": pytest.approx(wanted / 4, abs=1),
    }


# checklist 40, 41, 44
@aws_is_slow
def test_an_edit_of_a_conversation_moves_its_first_and_last_message_only(service: Service) -> None:
    project_id = guide(service)
    run = service.generate(
        project_id, model_id="scripted", generation_type="conversation", num_pairs=2, config={"turns": 3}
    )
    before = pairs_of(service, project_id, run)[0]

    after = service.call(
        "PUT",
        f"/pairs/{before['pairId']}",
        json={
            "input_text": "When does the gate close?",
            "output_text": "Five minutes before departure.",
        },
    )

    assert after["status"] == "edited"
    assert after["messages"][0] == {"role": "user", "content": "When does the gate close?"}
    assert after["messages"][-1] == {"role": "assistant", "content": "Five minutes before departure."}
    assert after["messages"][1:-1] == before["messages"][1:-1]
    assert (after["question"], after["answer"]) == ("When does the gate close?", "Five minutes before departure.")
    assert service.call("GET", f"/projects/{project_id}/pairs", status="edited")["pairs"] == [after]
    assert lines_of(service, project_id, "chatml") == [{"messages": after["messages"]}]
    assert found_by(service, project_id, "gate close?") == [after["pairId"]]
    assert after["pairId"] in found_by(service, project_id, after["messages"][2]["content"].upper())
    assert after["pairId"] not in found_by(service, project_id, before["messages"][0]["content"])
    flat = lines_of(service, project_id, "alpaca")[0]
    assert flat["output"] == "Five minutes before departure."
    assert flat["input"].startswith("User: When does the gate close?\nAssistant: ")


# checklist 26, 38
@aws_is_slow
def test_texts_are_repeats_only_of_what_they_are_compared_by(service: Service) -> None:
    """All summaries of a passage carry that passage; a text labelled before is a repeat whatever its label."""
    project_id = guide(service)
    chosen = [c["chunkId"] for c in chunks_of(service, project_id)[1:4]]
    labels = {"labels": TOPICS, "checks": NO_CHECKS}

    summaries = service.generate(
        project_id,
        model_id="scripted",
        generation_type="summary",
        chunk_ids=chosen,
        config={"pairs_per_chunk": 3, "checks": NO_CHECKS},
    )
    labelled = service.generate(
        project_id, model_id="scripted", generation_type="classification", chunk_ids=chosen, config=labels
    )
    again = service.generate(
        project_id, model_id="scripted", generation_type="classification", chunk_ids=chosen, config=labels
    )

    assert summaries["counts"]["delivered"] >= 6
    assert "near_duplicate" not in summaries["reasons"]["rejected"]
    assert len({p["questionType"] for p in pairs_of(service, project_id, summaries)}) == 3
    assert labelled["counts"]["delivered"] == 3
    assert again["reasons"]["rejected"] == {"near_duplicate": 3}
    texts = [
        {
            p["question"].rpartition("\n- ")[2].partition("\n\n")[2]
            for p in pairs_of(service, project_id, run)
            if not p["isDuplicate"]
        }
        for run in (labelled, again)
    ]
    assert len(texts[0]) == 3
    assert not texts[0] & texts[1], "a top-up may label other texts of the passage, never one of before"


# checklist 26
def test_a_label_outside_the_set_gets_a_correction_turn_that_names_the_labels(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teach(monkeypatch, lambda q: recite(q).replace('"label": "', '"label": "not '), recite)

    run = walk(
        project,
        num_pairs=1,
        chunk_ids=["chunk_0_000000"],
        generation_type="classification",
        config={"labels": ["north pier", "whatever else"]},
    )

    assert counts_of(run) == (1, 1, 0, 0)
    correction = teacher.asked[1].messages[-1].content
    assert "'not " in correction
    assert "north pier; whatever else" in correction
    found, _ = search.page(project, search.PairFilter(run_id=run.run_id), page=1, page_size=5)
    assert found[0].answer in ("north pier", "whatever else")


# checklist 26
def test_too_short_a_conversation_is_corrected_and_too_long_a_one_is_cut(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def turns(question: Question, count: int) -> str:
        answer = json.loads(recite(question))
        for made in answer["conversations"]:
            made["turns"] = (made["turns"] * 9)[:count]
        return json.dumps(answer)

    teacher = teach(monkeypatch, lambda q: turns(q, 1), lambda q: turns(q, 5))

    run = walk(project, num_pairs=1, chunk_ids=["chunk_0_000000"], generation_type="conversation", config={"turns": 2})

    assert counts_of(run) == (1, 1, 0, 0)
    assert "had 1 of the 2 user turns" in teacher.asked[1].messages[-1].content
    found, _ = search.page(project, search.PairFilter(run_id=run.run_id), page=1, page_size=5)
    assert [m.role for m in export.messages(found[0])] == ["user", "assistant"] * 2


# checklist 26
def test_labels_that_come_in_two_replies_still_go_to_their_texts(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        "herring": "Boats that land herring pay by weight; unsold herring is frozen in the shed behind the scales.",
        "anchor": "An anchor found on the sea bed goes to whoever lost the anchor once three witnesses swear.",
        "lantern": "Each lantern on the breakwater burns until sunrise, and a broken lantern is reported at once.",
    }
    text = "\n\n".join(texts.values())
    chunks.change(chunks.get(project.project_id, "chunk_0_000000"), {"content": text})

    def first_text_only_then_the_rest(question: Question) -> str:
        """Like a model that sees its own reply, it goes on with the next number."""
        shown = re.findall(r"\[Text \d+\]\n(.+?)(?=\n\n\[Text|\n</passage)", question.messages[1].content, re.DOTALL)
        before = 1 if len(question.messages) > 2 else 0
        said = [{"number": n, "label": max(texts, key=part.count)} for n, part in enumerate(shown, 1 + before)]
        return json.dumps({"labelled": said[:1] if len(shown) > 2 else said})

    teacher = teach(monkeypatch, first_text_only_then_the_rest)

    run = walk(
        project,
        num_pairs=3,
        chunk_ids=["chunk_0_000000"],
        generation_type="classification",
        config={"labels": list(texts), "verify": "off"},
    )

    found, _ = search.page(project, search.PairFilter(run_id=run.run_id), page=1, page_size=9)
    assert [len(q.slots) for q in teacher.asked] == [3, 2]
    assert counts_of(run) == (3, 3, 0, 0)
    pasted = {p.question.split("\n\n", 2)[2]: p.answer for p in found}
    assert pasted == {shown: max(texts, key=shown.count) for shown in pasted}
    assert len(set(pasted.values())) > 1


# checklist 26
def test_good_labels_behind_a_bad_one_are_kept_for_their_own_texts(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {
        "herring": "Boats that land herring pay by weight; unsold herring is frozen in the shed behind the scales.",
        "anchor": "An anchor found on the sea bed goes to whoever lost the anchor once three witnesses swear.",
        "lantern": "Each lantern on the breakwater burns until sunrise, and a broken lantern is reported at once.",
    }
    chunks.change(chunks.get(project.project_id, "chunk_0_000000"), {"content": "\n\n".join(texts.values())})

    def all_but_the_first(question: Question) -> str:
        shown = re.findall(r"\[Text \d+\]\n(.+?)(?=\n\n\[Text|\n</passage)", question.messages[1].content, re.DOTALL)
        said = [{"number": n, "label": max(texts, key=part.count)} for n, part in enumerate(shown, 1)]
        if len(shown) > 1:
            said[0]["label"] = "no label of the list"
        return json.dumps({"labelled": said})

    teacher = teach(monkeypatch, all_but_the_first)

    run = walk(
        project,
        num_pairs=3,
        chunk_ids=["chunk_0_000000"],
        generation_type="classification",
        config={"labels": list(texts), "verify": "off"},
    )

    found, _ = search.page(project, search.PairFilter(run_id=run.run_id), page=1, page_size=9)
    assert [len(q.slots) for q in teacher.asked] == [3, 1], "two of three were good: only the first is asked for again"
    assert counts_of(run) == (3, 3, 0, 0)
    pasted = {p.question.split("\n\n", 2)[2]: p.answer for p in found}
    assert pasted == {shown: max(texts, key=shown.count) for shown in pasted}


# checklist 41, 44
@pytest.mark.parametrize(
    ("rewritten", "instruction", "has_input"),
    [("Put it shortly, please:\n\n{text}", "Put it shortly, please:", True), ("When is it?", "When is it?", False)],
)
def test_an_edited_question_keeps_its_input_apart_while_it_still_ends_with_it(
    project: Any, monkeypatch: pytest.MonkeyPatch, rewritten: str, instruction: str, has_input: bool
) -> None:
    teach(monkeypatch, recite)
    labels = {"labels": ["north pier", "whatever else"]}
    run = walk(project, num_pairs=1, chunk_ids=["chunk_0_000000"], generation_type="classification", config=labels)
    found, _ = search.page(project, search.PairFilter(run_id=run.run_id), page=1, page_size=5)
    text = found[0].question[found[0].material_at :]

    edit.edit(project, found[0].pair_id, edit.Edit(question=rewritten.replace("{text}", text), status="accepted"))
    exported = export.export(projects.get(project.org_id, project.project_id), format="alpaca")

    line = json.loads(current().files.read(exported.s3_key))
    assert (line["instruction"], line["input"]) == (instruction, text if has_input else "")
