"""Data of a training, from everywhere it can come from, on both backends (contract D.2, D.3)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from dataforge import clock, settings
from dataforge.errors import Conflict, DataForgeError, Invalid
from dataforge.platform import current
from dataforge.store.runs import Run
from dataforge.training import options
from dataforge.workflows.training import data_in, data_sources, jobs
from dataforge.workflows.training.data_in import Prepared
from tests.support.generated_requests import make_job
from tests.support.no_checks import NO_CHECKS
from tests.support.projects import harbour
from tests.support.service import Service
from tests.support.training import jsonl

Lines = list[dict[str, Any]]
PAIRS: Lines = [{"input": f"What is rule {n * n} of pier {n}?", "output": f"Rule {n}."} for n in range(20)]
CHAT: Lines = [
    {"messages": [{"role": "user", "content": p["input"]}, {"role": "assistant", "content": p["output"]}]}
    for p in PAIRS
]


def org_of(service: Service) -> str:
    return service.headers["X-Organization-ID"]


def upload(service: Service, lines: Lines, name: str = "dataset.jsonl") -> str:
    sent = service.http.post("/api/upload_dataset", files={"file": (name, jsonl(lines))}, headers=service.headers)
    assert sent.status_code == 200, sent.text
    return name


def prepared(service: Service, dataset: str, **changed: Any) -> tuple[Prepared, dict[str, Lines]]:
    """What was prepared, and the lines of each file that the training program reads."""
    request = {"task": "text-generation", "model_name": "m", "dataset": dataset, **changed}
    chosen = options.read(request)
    sources = data_in.check(org_of(service), chosen)
    run = Run(
        org_id=org_of(service),
        run_id="train_1",
        project_id="training_1",
        user_id="user_1",
        kind="train",
        config={"request": request, "data": sources.to_item()},
        files_prefix=f"{jobs.folder_of(org_of(service))}/runs/train_1",
        created_at=clock.now(),
        sequence="1",
        requested=1,
        asked=1,
    )
    made = data_in.prepare(run, chosen)
    return made, {name: _read(run, name) for name in (jobs.TRAIN, jobs.VALIDATION, jobs.EVAL)}


def _read(run: Run, name: str) -> Lines:
    key = jobs.data_key(run, name)
    return [json.loads(line) for line in current().files.read(key).splitlines()] if current().files.info(key) else []


def refused(service: Service, dataset: str, **changed: Any) -> DataForgeError:
    with pytest.raises(DataForgeError) as caught:
        prepared(service, dataset, **changed)
    return caught.value


# checklist 179
def test_an_uploaded_file_is_split_and_counted(service: Service) -> None:
    made, files = prepared(service, f"/home/me/{upload(service, PAIRS)}")

    assert (made.train, made.validation) == (16, 4) == (len(files[jobs.TRAIN]), len(files[jobs.VALIDATION]))
    assert files[jobs.TRAIN][0].keys() == {"prompt", "completion"}
    assert 16 * 8 < made.train_tokens < 16 * 20
    assert prepared(service, "dataset.jsonl")[1] == files


# checklist 180
def test_lines_of_an_instruction_with_context_keep_both(service: Service) -> None:
    lines = [{"instruction": f"Say {n * n} as {n}.", "input": f"C{n}", "output": "A"} for n in range(20)]
    _, files = prepared(service, upload(service, lines), eval_split=0)

    assert files[jobs.TRAIN][3]["prompt"] == "Say 9 as 3.\n\nC3"


def test_conversations_use_the_chat_template_unless_it_is_declined(service: Service) -> None:
    name = upload(service, CHAT)
    made, files = prepared(service, name)
    plain, flat = prepared(service, name, use_chat_template=False)

    assert made.use_chat_template
    assert "chat template" in made.notes[0]
    assert all(line.keys() == {"messages"} for line in files[jobs.TRAIN])
    assert (plain.use_chat_template, plain.notes) == (False, ["20 conversations are written as plain text"])
    assert flat[jobs.TRAIN][0].keys() == {"prompt", "completion"}


# checklist 179
def test_an_export_of_a_project_is_trained_on_and_names_its_documents(service: Service) -> None:
    project_id = harbour(service)
    service.generate(project_id, num_pairs=12, config={"auto_accept_min_quality": 0, "checks": NO_CHECKS})
    version = service.call("POST", f"/projects/{project_id}/export", json={"format": "alpaca"})["version"]
    made, files = prepared(service, f"{project_id}@{version}")
    source = data_sources.find(org_of(service), project_id)

    assert made.train + made.validation + made.left_out >= 10
    assert files[jobs.TRAIN][0]["prompt"].strip()
    assert source.facts["version"] == version
    (document,) = source.facts["documents"]  # type: ignore[misc]
    assert len(document["sha256"]) == 64  # type: ignore[index,call-overload,arg-type]
    assert "not found" in refused(service, f"{project_id}@99").message


# checklist 179
def test_a_synthetic_job_and_its_split_are_trained_on(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_SYNTHETIC_TEACHER", "templated")
    settings.get.cache_clear()
    job_id = make_job(service)
    source = data_sources.find(org_of(service), job_id)

    assert (source.kind, source.facts["job_id"]) == ("synthetic", job_id)
    assert current().files.info(source.key) is not None
    assert (
        "no split 'nowhere'" in refused(service, f"{job_id}#nowhere").message
        or "output_split" in refused(service, f"{job_id}#nowhere").message
    )
    assert refused(service.other(), job_id).status == 404


@pytest.mark.parametrize(
    ("dataset", "status", "said"),
    [
        ("nothing.jsonl", 404, "upload it first"),
        ("tatsu-lab/alpaca", 404, "dataset of a hub"),
        ("ds_01abc", 422, "Datasets API"),
        ("proj_01k9x2w4c8@1", 404, "not found"),
        ("syn_job_01k9x2w4c8", 404, "not found"),
        ("s3://somebody-elses-bucket/data.jsonl", 422, "s3:// addresses are read from"),
    ],
)
def test_what_is_not_there_says_what_to_do(service: Service, dataset: str, status: int, said: str) -> None:
    problem = refused(service, dataset)

    assert (problem.status, said in problem.message) == (status, True), problem.message


def test_a_file_in_the_bucket_of_the_deployment_is_read_if_it_is_of_the_organisation(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "get", lambda: replace(settings.Settings(), bucket="forge-test"))
    name = upload(service, PAIRS)
    key = data_sources.find(org_of(service), name).key

    assert prepared(service, f"s3://forge-test/{key}")[0].train == 16
    assert refused(service.other(), f"s3://forge-test/{key}").status == 404
    for odd in (f"{key}/../x", "data-forge/user_1/proj_1/sources/a", "x"):
        assert refused(service, f"s3://forge-test/{odd}").status == 404


# checklist 161
def test_lines_that_do_not_fit_the_strategy_are_refused_before_anything_starts(service: Service) -> None:
    problem = refused(service, upload(service, PAIRS), strategy="dpo")

    assert isinstance(problem, Invalid)
    assert problem.errors[0].field == "dataset"
    assert "does not fit task text-generation and strategy dpo: Missing required field" in problem.message
    assert "on line 1" in problem.message


# checklist 161
def test_a_file_that_is_not_valid_cannot_be_trained_on(service: Service) -> None:
    assert "cannot be trained on" in refused(service, upload(service, PAIRS[:3])).message


def test_held_out_lines_have_a_file_of_their_own_and_are_not_trained_on(service: Service) -> None:
    held_out = upload(service, PAIRS[:2] + [{"input": "Another?", "output": "Yes."}] * 8, "eval.jsonl")
    made, files = prepared(service, upload(service, PAIRS), eval_dataset=held_out, eval_split=0)

    assert made.held_out == len(files[jobs.EVAL]) == 10
    asked = {line["prompt"] for line in files[jobs.EVAL]}
    assert not asked & {line["prompt"] for line in files[jobs.TRAIN]}
    assert any("not trained on" in note for note in made.notes)


def test_a_dataset_that_was_replaced_meanwhile_is_not_mixed_up(service: Service) -> None:
    chosen = options.read({"task": "text-generation", "model_name": "m", "dataset": upload(service, PAIRS)})
    sources = data_in.check(org_of(service), chosen)
    upload(service, CHAT)

    with pytest.raises(Conflict, match="start the training again"):
        list(data_in._stream(sources.dataset))
