"""What a run spreads over its slots, on both backends: asked, sent, delivered, reported."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from zlib import crc32

import pytest

from tests.support.chat_servers import Body, Recorder, answering
from tests.support.document_replies import pairs_for
from tests.support.paths import HANDBOOK
from tests.support.projects import Json, guide, lines, pairs_of, parsed_text
from tests.support.service import Service, aws_is_slow

WANTED = {
    "question_types": {"factual": 2, "how-to": 1, "pitfall": 1},
    "personas": ["a deck hand", "a passenger with a pram"],
    "styles": {"question": 3, "keywords": 1},
}


# checklist 32
def test_shares_reach_the_teacher_the_records_and_the_report(model: Recorder, service: Service) -> None:
    project_id = guide(service)

    run = service.generate(project_id, model_id="openai:recorder", num_pairs=24, config=WANTED)

    said = "\n".join(model.said("user"))
    spread, asked = run["report"]["spread"], run["counts"]["asked"]
    assert {name: list(values) for name, values in spread.items()} == {
        "question_type": ["factual", "how-to", "pitfall"],
        "persona": WANTED["personas"],
        "style": ["question", "keywords"],
        "difficulty": ["easy", "medium", "hard"],
    }
    for values in spread.values():
        assert sum(v["asked"] for v in values.values()) == asked
        assert sum(v["delivered"] for v in values.values()) == run["counts"]["delivered"]
        assert sum(v["share"] for v in values.values()) == pytest.approx(1)
        for answer in values.values():  # the first top-up asks for what is missing, later ones for anything
            assert abs(answer["delivered"] - answer["share"] * run["counts"]["delivered"]) <= 2
    assert all(said.count(f"; asked by {value}") >= answer["asked"] for value, answer in spread["persona"].items())
    assert spread["question_type"]["factual"]["share"] == 0.5
    pairs = pairs_of(service, project_id, run)
    kept = [line for name in ("records.jsonl", "rejected.jsonl") for line in lines(service, run["generationId"], name)]
    by_slot = {line["slot"]: line["asked"] for line in kept}
    assert pairs
    assert all(
        {k: by_slot[p["metadata"]["slot"]][k] for k in ("persona", "style")}
        == {k: p["metadata"][k] for k in ("persona", "style")}
        for p in pairs
    )


@aws_is_slow
def test_the_same_seed_asks_the_same(model: Recorder, service: Service) -> None:
    asked = []
    for seed in (7, 7, 8):
        project_id = guide(service)
        del model.bodies[:]
        service.generate(project_id, model_id="openai:recorder", num_pairs=12, config={**WANTED, "seed": seed})
        asked.append(Counter(re.sub(r"chunk_\w+", "", said) for said in model.said("user")))

    assert asked[0] == asked[1]
    assert asked[0] != asked[2]


@pytest.mark.parametrize(
    "config",
    [
        {"personas": "mixed"},
        {"styles": ["keywords"]},
        {"question_types": ["factual"]},
        {"multi_hop_share": 0.2},
    ],
)
@aws_is_slow
def test_the_offline_teacher_says_that_it_cannot_follow(service: Service, config: dict[str, object]) -> None:
    project_id = guide(service)
    body = {"model_id": "extractive", "config": config}

    answer = service.call("POST", f"/projects/{project_id}/generate", json=body, expect=422)

    [name] = config
    assert (answer["code"], answer["errors"][0]["field"]) == ("TEACHER_CANNOT", "model_id")
    assert f"cannot follow {name}" in answer["message"]
    assert "openai:<model>" in answer["message"]


def test_what_cannot_be_spread_is_refused_before_the_run(service: Service) -> None:
    project_id = guide(service)
    body = {"model_id": "scripted", "config": {"personas": {"a pilot": "half"}}}

    answer = service.call("POST", f"/projects/{project_id}/generate", json=body, expect=422)

    assert answer["errors"][0]["field"] == "config.personas"


@pytest.fixture
def joining(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A language model that joins two passages, but uses the first alone for about half of them; what
    it was asked. Ask for it before `service`."""
    asked: list[str] = []

    def reply(sent: Body, _: str) -> tuple[int, Body]:
        asked.append(sent["messages"][1]["content"])
        pairs = _joined(asked[-1]) or pairs_for(asked[-1])
        return 200, {
            "model": sent["model"],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5},
            "choices": [
                {
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": json.dumps({"pairs": pairs}, ensure_ascii=False)},
                }
            ],
        }

    with answering(reply) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        yield asked


def _joined(prompt: str) -> list[dict[str, object]]:
    passages = re.findall(r"<passage>\n(.*?)\n</passage>", prompt, re.DOTALL)
    if len(passages) < 2:
        return []
    both = passages[:1] if crc32(passages[0].encode()) % 2 == 0 else passages
    quotes = [" ".join(max(p.split("\n\n"), key=len).split()[:25]).rstrip(".,;:") for p in both]
    return [
        {
            "question": f"What holds where {' '.join(quotes[0].split()[:6])} "
            f"meets {' '.join(quotes[-1].split()[-6:])}?",
            "answer": " and ".join(quotes) + ".",
            "question_type": "comparison",
            "difficulty": "hard",
            "evidence": quotes,
        }
    ]


def library(service: Service) -> str:
    project_id = service.project()
    for name in ("customer-service-guide.md", "terminals-and-harbours.html"):
        kind = "text/html" if name.endswith("html") else "text/markdown"
        service.upload(project_id, name, (HANDBOOK / name).read_bytes(), kind)
    service.parse(project_id)
    return project_id


def hop(service: Service, project_id: str, **config: object) -> Json:
    return service.generate(
        project_id,
        model_id="openai:joining",
        num_pairs=20,
        config={"multi_hop_share": 0.3, "auto_accept_min_quality": 0.0, **config},
    )


@aws_is_slow
def test_multi_hop_questions_need_both_chunks_and_show_where(joining: list[str], service: Service) -> None:
    project_id = library(service)

    run = hop(service, project_id)

    counts, answer = run["counts"], run["report"]["spread"]["passages"]["2"]
    assert run["status"] == "completed", run
    assert counts["asked"] == counts["delivered"] + counts["rejected"] + counts["failed"]
    assert answer["share"] == 0.3
    assert answer["asked"] > 6 >= answer["delivered"] >= 4, "a top-up asks again for those that were rejected"
    assert run["reasons"]["rejected"]["single_source"] == answer["asked"] - answer["delivered"]
    both = [said for said in joining if said.count("</passage>") == 2]
    assert len(both) == answer["asked"]
    assert all("Passage 1\n" in said and "Passage 2\n" in said and "must need all of them" in said for said in both)
    kept = [line for line in lines(service, run["generationId"], "records.jsonl") if line["asked"].get("passages")]
    assert len(kept) == answer["delivered"]
    for line in kept:
        [other] = line["lineage"]["further"]
        assert other["chunk_id"] != line["chunk_id"]
        assert {e["chunk_id"] for e in line["evidence"]} == {line["chunk_id"], other["chunk_id"]}
        for e in line["evidence"]:
            text = parsed_text(service, project_id, e["document_id"])
            assert text[e["document_start"] : e["document_end"]] == e["text"]
    rejected = [
        line for line in lines(service, run["generationId"], "rejected.jsonl") if line["reasons"] == ["single_source"]
    ]
    assert all(len({e["chunk_id"] for e in line["evidence"]}) <= 1 for line in rejected if line["evidence"])


def test_a_multi_hop_pair_is_traced_to_both_chunks(joining: list[str], service: Service) -> None:
    project_id = library(service)
    run = hop(service, project_id)
    made = pairs_of(service, project_id, run)
    pair = next(p for p in made if p["lineage"]["further"] and "reasons" not in p["metadata"])
    [other] = pair["lineage"]["further"]

    answer = service.call("GET", f"/pairs/{pair['pairId']}/trace")

    [second] = answer["further"]
    assert second["chunk"]["chunkId"] == other["chunkId"]
    assert (second["chunk"]["state"], second["document"]["state"]) == ("unchanged", "present")
    texts = {answer["chunk"]["chunkId"]: answer["chunk"]["content"], other["chunkId"]: second["chunk"]["content"]}
    assert {e["chunk_id"] for e in answer["evidence"]} == set(texts)
    assert all(texts[e["chunk_id"]][e["start"] : e["end"]] == e["text"] and e["holds"] for e in answer["evidence"])
    service.call("PUT", f"/projects/{project_id}/chunks/{other['chunkId']}", json={"content": "Something else."})
    again = service.call("GET", f"/pairs/{pair['pairId']}/trace")
    assert (again["chunk"]["state"], again["further"][0]["chunk"]["state"]) == ("unchanged", "edited")
    assert "edited by hand" in " ".join(again["notes"])


@aws_is_slow
def test_the_same_seed_and_replies_give_the_same_records(joining: list[str], service: Service) -> None:
    made = []
    for seed in (3, 3, 4):
        project_id = library(service)
        run = hop(service, project_id, seed=seed, personas="mixed", styles="mixed")
        made.append(
            [
                {k: line[k] for k in ("slot", "question", "answer", "asked", "quality_score", "grounding_score")}
                for line in lines(service, run["generationId"], "records.jsonl")
            ]
        )

    assert made[0] == made[1]
    assert made[0] != made[2]


@aws_is_slow
def test_where_too_few_chunks_are_related_the_rest_asks_about_one_and_the_log_says_so(
    joining: list[str], service: Service
) -> None:
    project_id = guide(service)
    chosen = [c["chunkId"] for c in service.call("GET", f"/projects/{project_id}/chunks")["chunks"][:2]]

    run = service.generate(
        project_id, model_id="openai:joining", num_pairs=4, chunk_ids=chosen, config={"multi_hop_share": 0.5}
    )

    answer, cursor, closed = "", "", False
    while not closed:
        news = service.call("GET", f"/generations/{run['generationId']}/events", after=cursor or None, wait=1)
        answer, cursor, closed = answer + str(news["events"]), news["cursor"], news["closed"]
    assert run["counts"]["delivered"] >= 1
    assert "Only 0 of 2 multi-hop pairs" in answer
    assert not any(said.count("</passage>") == 2 for said in joining)


@aws_is_slow
def test_the_fake_teacher_joins_passages_too(service: Service) -> None:
    project_id = library(service)

    run = service.generate(
        project_id, model_id="scripted", generation_type="instruction", num_pairs=10, config={"multi_hop_share": 0.4}
    )

    assert run["report"]["spread"]["passages"]["2"]["delivered"] >= 1
    answer = service.call(
        "POST",
        f"/projects/{project_id}/generate",
        expect=422,
        json={"model_id": "scripted", "generation_type": "summary", "config": {"multi_hop_share": 0.4}},
    )
    assert answer["errors"][0]["field"] == "multi_hop_share"
    assert "qa or instruction" in answer["message"]
