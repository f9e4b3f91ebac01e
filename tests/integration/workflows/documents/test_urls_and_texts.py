"""Documents from the web and from texts, and the parse that reads them; counters stay right whatever fails."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator

import pytest

from dataforge import clock, settings
from dataforge.platform import current
from dataforge.platform.ports import Put
from dataforge.store import projects
from dataforge.store.item_codec import to_item
from dataforge.store.runs import Run
from tests.support.projects import RULES, add, chunks, parse
from tests.support.service import Service
from tests.support.web_site import PAGE, Answer, Site


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Ask for it before `service`: the workers learn the setting when they start."""
    site = Site()
    monkeypatch.setenv("DATAFORGE_FETCH_ALLOW", f"127.0.0.1:{site.port}")
    monkeypatch.setenv("DATAFORGE_FETCH_SECONDS", "10")
    settings.get.cache_clear()
    yield site
    site.server.shutdown()
    site.server.server_close()


def documents(service: Service, project_id: str) -> dict[str, dict[str, object]]:
    return {d["name"]: d for d in service.call("GET", f"/projects/{project_id}/documents")}


def check_counters(service: Service, project_id: str) -> None:
    stats = service.call("GET", f"/projects/{project_id}")["stats"]
    found = documents(service, project_id).values()
    assert stats["total_documents"] == len(found)
    assert stats["total_chunks"] == sum(d["chunkCount"] for d in found) == len(chunks(service, project_id))  # type: ignore[misc]
    for document in found:
        of_it = [c["contentType"] for c in chunks(service, project_id) if c["documentId"] == document["documentId"]]
        assert document["chunkTypes"] == {kind: of_it.count(kind) for kind in set(of_it)}


# checklist 6, 14
def test_a_text_becomes_a_document_with_its_file(service: Service) -> None:
    project_id = service.project(source_type="raw_text")

    plain = add(service, project_id, content="A berth is a place.\n\nIt costs 30 euros.")
    named = add(service, project_id, content=RULES.decode(), filename="rules.md", metadata={"by": "Ada"})
    parse(service, project_id)

    after = documents(service, project_id)
    assert (plain["name"], plain["mimeType"]) == ("A berth is a place It costs 30.txt", "text/plain")
    assert (plain["parsingStatus"], plain["source"], plain["verified"]) == ("pending", "text", True)
    assert (named["detectedType"], named["metadata"], named["fileSize"]) == ("markdown", {"by": "Ada"}, len(RULES))
    assert named["checksum"] == hashlib.sha256(RULES).hexdigest()
    assert "/sources/" in str(named["s3Key"])
    assert current().files.read(str(named["s3Key"])) == RULES
    assert {d["parsingStatus"] for d in after.values()} == {"parsed"}
    check_counters(service, project_id)


# checklist 6, 19
def test_a_web_page_is_fetched_at_every_parse(site: Site, service: Service) -> None:
    project_id = service.project(source_type="urls")
    site.pages["/wiki/start"] = Answer(b"", 302, {"Location": "/wiki/berths.html"})
    site.pages["/wiki/berths.html"] = Answer(PAGE)

    made = add(service, project_id, url=site.url("/wiki/start#top"))
    nothing_yet = list(site.asked)
    parse(service, project_id)
    [first] = documents(service, project_id).values()
    [chunk] = chunks(service, project_id)
    site.pages["/wiki/berths.html"] = Answer(PAGE.replace(b"quay", b"pier"))
    parse(service, project_id, force=True)

    [again] = documents(service, project_id).values()
    assert (made["parsingStatus"], made["source"], made["url"]) == ("pending", "url", site.url("/wiki/start"))
    assert (made["name"], made["fetched"], nothing_yet) == ("127.0.0.1-wiki-start", None, [])
    assert (first["mimeType"], first["fileSize"], first["detectedType"]) == ("text/html", len(PAGE), "html")
    assert (first["checksum"], first["verified"]) == (hashlib.sha256(PAGE).hexdigest(), True)
    assert first["fetched"]["finalUrl"] == site.url("/wiki/berths.html")  # type: ignore[index]
    assert first["fetched"]["fetchedAt"].endswith("Z")  # type: ignore[index]
    assert current().files.read(str(first["s3Key"])) == PAGE.replace(b"quay", b"pier")
    assert "quay" in str(chunk["content"])
    assert "pier" in str(chunks(service, project_id)[0]["content"])
    assert again["checksum"] != first["checksum"]
    check_counters(service, project_id)


# checklist 21
def test_urls_that_cannot_be_fetched_fail_alone_and_say_what_to_do(site: Site, service: Service) -> None:
    project_id = service.project(source_type="urls")
    site.pages |= {
        "/picture": Answer(headers={"Content-Type": "image/png"}),
        "/odd": Answer(b"\x89PNG\r\n\x1a\n" + bytes(99)),
        "/trap": Answer(b"", 302, {"Location": "http://169.254.169.254/latest/meta-data/"}),
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = listener.getsockname()[1]
    expected = {
        "good": None,
        "gone": "http_error",
        "picture": "unsupported",
        "odd": "unsupported",
        "trap": "forbidden_address",
        "private": "forbidden_address",
        "nobody": "unreachable",
    }
    add(service, project_id, url=site.url("/"), filename="good")
    for name in ("gone", "picture", "odd", "trap"):
        add(service, project_id, url=site.url(f"/{name}"), filename=name)
    add(service, project_id, url="http://localhost/admin", filename="private")
    add(service, project_id, url="http://nobody.invalid/", filename="nobody")

    run = parse(service, project_id)

    after = documents(service, project_id)
    reasons = {name: (d["error"] or {}).get("reason") for name, d in after.items()}  # type: ignore[attr-defined]
    assert reasons == expected
    assert all(len(d["error"]["message"]) > 40 for d in after.values() if d["error"])  # type: ignore[index]
    assert after["good"]["parsingStatus"] == "parsed"
    assert (run["status"], run["results"]["documents_processed"], run["results"]["documents_failed"]) == (  # type: ignore[index]
        "completed",
        1,
        6,
    )
    assert silent not in [path for path, _ in site.asked]
    check_counters(service, project_id)


# checklist 18, 21
def test_a_page_that_is_gone_at_the_next_parse_keeps_what_was_read(site: Site, service: Service) -> None:
    project_id = service.project()
    made = add(service, project_id, url=site.url("/"))
    parse(service, project_id)
    before = chunks(service, project_id)
    del site.pages["/"]

    run = parse(service, project_id, force=True)
    failed = documents(service, project_id)[str(made["name"])]
    kept = chunks(service, project_id)
    check_counters(service, project_id)
    site.pages["/"] = Answer()
    parse(service, project_id)

    assert (run["status"], failed["parsingStatus"], failed["error"]["reason"]) == ("failed", "failed", "http_error")  # type: ignore[index]
    assert kept == before
    [after] = documents(service, project_id).values()
    assert (after["parsingStatus"], after["error"]) == ("parsed", None)
    check_counters(service, project_id)


REFUSED: list[tuple[dict[str, object], str]] = [
    ({}, "s3_key"),
    ({"filename": "x"}, "s3_key"),
    ({"url": "https://example.com/", "content": "x"}, "content"),
    ({"s3_key": "k", "url": "https://example.com/", "filename": "x", "file_size": 1}, "url"),
    ({"s3_key": "k", "file_size": 1}, "filename"),
    ({"s3_key": "k", "filename": "x"}, "file_size"),
    ({"content": ""}, "content"),
    ({"content": " \n\t "}, "content"),
    ({"content": "x" * 1_000_001}, "content"),
    ({"content": "hello", "filename": "x.pdf"}, "content"),
    ({"content": "x" * 9, "file_size": 8}, "file_size"),
    ({"content": "x", "filename": "n" * 501}, "filename"),
    ({"url": ""}, "url"),
    ({"url": "example.com"}, "url"),
    ({"url": "file:///etc/passwd"}, "url"),
    ({"url": "http://169.254.169.254/"}, "url"),
    ({"url": "http://127.0.0.1/"}, "url"),
    ({"url": "http://user:pw@example.com/"}, "url"),
    ({"url": "https://example.com:8443/"}, "url"),
    ({"url": "https://example.com/" + "x" * 3000}, "url"),
    ({"url": "https://exa mple.com/"}, "url"),
]


# checklist 13, 14
def test_a_registration_that_breaks_a_rule_names_its_field(service: Service) -> None:
    project_id = service.project()

    for body, field in REFUSED:
        refused = add(service, project_id, expect=422, **body)
        assert [e["field"] for e in refused["errors"]] == [field], body  # type: ignore[union-attr,index]

    assert documents(service, project_id) == {}
    check_counters(service, project_id)


# checklist 18
def test_a_parse_reads_what_it_is_asked_to(service: Service) -> None:
    project_id = service.project()
    one, two = (add(service, project_id, content=f"# {n}\n\nText {n}.", filename=f"{n}.md") for n in ("one", "two"))

    unknown = service.call("POST", f"/projects/{project_id}/parse", json={"document_ids": ["doc_x"]}, expect=422)
    first = parse(service, project_id, document_ids=[one["documentId"]])
    after_first = documents(service, project_id)
    second = parse(service, project_id)
    nothing = service.call("POST", f"/projects/{project_id}/parse", expect=422)
    of_parsed = service.call(
        "POST", f"/projects/{project_id}/parse", json={"document_ids": [two["documentId"]]}, expect=422
    )
    forced = parse(service, project_id, document_ids=[two["documentId"]], force=True)

    assert [e["field"] for e in unknown["errors"]] == ["document_ids"]
    assert (first["results"]["documents_processed"], second["results"]["documents_processed"]) == (1, 1)  # type: ignore[index]
    assert [after_first[n]["parsingStatus"] for n in ("one.md", "two.md")] == ["parsed", "pending"]
    assert (nothing["code"], of_parsed["code"]) == ("NOTHING_TO_PARSE", "NOTHING_TO_PARSE")
    assert forced["config"]["document_ids"] == [two["documentId"]]  # type: ignore[index]
    check_counters(service, project_id)


# checklist 17, 19, 21
def test_counters_follow_good_bad_again_and_deleted_documents(service: Service) -> None:
    project_id = service.project()
    bad = service.upload(project_id, "torn.pdf", b"%PDF-1.7\nnothing", "application/pdf")
    service.upload(project_id, "sheet.xlsx", b"PK\x05\x06" + bytes(18), "application/octet-stream")
    good = service.upload(project_id, "rules.md", RULES)
    page = service.upload(project_id, "page.htm", PAGE, "text/html")

    first = parse(service, project_id)
    check_counters(service, project_id)
    parse(service, project_id, force=True)
    check_counters(service, project_id)
    for document in (bad, good):
        service.call("DELETE", f"/projects/{project_id}/documents/{document['documentId']}")
        check_counters(service, project_id)

    assert (first["status"], first["results"]) == (
        "completed",
        {  # type: ignore[comparison-overlap]
            "documents_processed": 2,
            "documents_failed": 2,
            "chunks_created": good_chunks(first),
        },
    )
    left = documents(service, project_id)
    assert {n: d["parsingStatus"] for n, d in left.items()} == {"sheet.xlsx": "failed", "page.htm": "parsed"}
    assert {c["documentId"] for c in chunks(service, project_id)} == {page["documentId"]}


def good_chunks(run: dict[str, object]) -> int:
    made: int = run["results"]["chunks_created"]  # type: ignore[index]
    assert made > 1
    return made


# checklist 18
def test_one_job_of_a_project_at_a_time(service: Service) -> None:
    project_id = service.project()
    made = add(service, project_id, content="# A\n\nOne.")
    org_id = service.headers["X-Organization-ID"]
    project = projects.get(org_id, project_id)
    busy = Run(org_id, "gen_busy", project_id, project.user_id, "generate", {}, "x", clock.now(), "busy")
    projects.occupy(project, busy.run_id, Put("runs", to_item(busy)))

    parse_again = service.call("POST", f"/projects/{project_id}/parse", expect=409)
    delete = service.call("DELETE", f"/projects/{project_id}/documents/{made['documentId']}", expect=409)

    assert (parse_again["code"], delete["code"]) == ("JOB_ALREADY_RUNNING", "JOB_ALREADY_RUNNING")
    check_counters(service, project_id)
