"""Every run leaves a page about what came of it, which the API hands out with a policy that lets no script run."""

from __future__ import annotations

import pytest
from lxml import html

from dataforge.platform import current
from dataforge.quality.html_report import POLICY
from dataforge.store import runs
from dataforge.workflows import run_files
from dataforge.workflows.reporting import documents
from tests.support.generated_requests import make_job
from tests.support.projects import harbour
from tests.support.service import BASE, Service

HOSTILE = "<script>alert('harbour')</script>"


def test_a_run_over_documents_has_a_page(service: Service) -> None:
    project = harbour(service)
    run = service.generate(project, num_pairs=6)

    answer = service.http.get(f"{BASE}/generations/{run['generationId']}/report", headers=service.headers)

    page = html.fromstring(answer.content)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith(POLICY)
    assert "sandbox" in answer.headers["content-security-policy"]
    assert page.find(".//h1").text == f"Quality report of run {run['generationId']}"
    titles = [heading.text for heading in page.iterfind(".//h2")]
    assert "What came of it" in titles
    assert "Coverage by document" in titles
    told = {item.findtext("span"): int(item.findtext("strong")) for item in page.iterfind(".//ul/li")}
    assert sum(told.values()) == run["counts"]["asked"]
    assert told["rejected"] == run["counts"]["rejected"]


def test_a_parse_has_none(service: Service) -> None:
    project = harbour(service)
    (parse,) = [r for r in service.call("GET", f"/projects/{project}/generations") if r["kind"] == "parse"]

    answer = service.http.get(f"{BASE}/generations/{parse['generationId']}/report", headers=service.headers)

    assert answer.status_code == 404


def test_names_of_documents_and_texts_of_models_stay_text(service: Service) -> None:
    project = harbour(service)
    run = service.generate(project, num_pairs=4)
    stored = runs.get(service.headers["X-Organization-ID"], run["generationId"])
    sources = run_files.read_json(stored, "sources.json")
    assert isinstance(sources, dict)
    run_files.write_json(stored, "sources.json", {key: {**d, "name": HOSTILE} for key, d in sources.items()})
    lines = list(run_files.read_lines(stored, "records.jsonl"))
    run_files.write_lines(stored, "records.jsonl", [{**line, "question": HOSTILE, "flags": []} for line in lines])
    seen = documents.Seen()
    for _ in seen.good(run_files.read_records(stored, "records.jsonl")):
        pass

    documents.write(stored, run["report"], seen, {line["chunk_id"] for line in lines})

    page = service.http.get(f"{BASE}/generations/{run['generationId']}/report", headers=service.headers).text
    assert page.count("&lt;script&gt;") > 2
    assert "<script" not in page


def test_an_export_has_a_page(service: Service) -> None:
    project = harbour(service)
    service.generate(project, num_pairs=6, config={"auto_accept_min_quality": 0})
    service.call(
        "POST", f"/projects/{project}/pairs/bulk-action", json={"action": "accept", "filters": {"status": "pending"}}
    )
    version = service.call("POST", f"/projects/{project}/export")

    answer = service.http.get(f"{BASE}/projects/{project}/export/{version['version']}/report", headers=service.headers)

    page = html.fromstring(answer.content)
    told = {item.findtext("span"): int(item.findtext("strong")) for item in page.iterfind(".//ul/li")}
    assert answer.headers["content-security-policy"].startswith(POLICY)
    assert told["clean"] + told["flagged"] == version["pairCount"]
    assert "Coverage by section" in [heading.text for heading in page.iterfind(".//h2")]


def test_a_defect_of_the_page_does_not_cost_the_run(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise KeyError("heading")

    run = service.generate(harbour(service), num_pairs=3)
    stored = runs.get(service.headers["X-Organization-ID"], run["generationId"])
    before = current().files.read(run_files.key_of(stored, "report.html"))
    monkeypatch.setattr(documents, "coverage", broken)

    documents.write(stored, run["report"], documents.Seen(), set())

    assert current().files.read(run_files.key_of(stored, "report.html")) == before


def test_a_synthetic_job_has_a_page(service: Service) -> None:
    job = make_job(service)

    answer = service.http.get(f"/v1/synthetic/jobs/{job}/report", headers=service.headers)

    page = html.fromstring(answer.content)
    assert answer.headers["content-security-policy"].startswith(POLICY)
    assert page.find(".//h1").text.startswith("Quality report: ")
    assert any("accepted" in (item.findtext("span") or "") for item in page.iterfind(".//ul/li"))


def test_personal_data_is_masked_in_examples(service: Service) -> None:
    line = {"question": "Who?", "answer": "Ann, ann.lee@quayside-mail.com.", "slot": 1, "quality_score": 0.9}
    seen = documents.Seen()

    list(seen.good([{**line, "chunk_id": "chunk_1", "flags": []}]))

    assert "ann.lee" not in seen.examples.samples[0].answer
