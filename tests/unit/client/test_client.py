"""The client against the fake API: what it sends, what it retries, which errors it raises, and where the key goes."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge_client import DataForge
from dataforge_client.api_request import retry_after
from dataforge_client.decoding import decode, timestamp
from dataforge_client.errors import (
    AuthenticationError,
    ClientError,
    ConfigError,
    ConnectionFailed,
    GenerationFailed,
    Invalid,
    NotFound,
    RateLimited,
    ServerError,
    UnexpectedAnswer,
    WaitTimeout,
)
from dataforge_client.events import Events, RunEvent
from dataforge_client.models import Generation, Project
from dataforge_client.profiles import Connection, ConnectionSettings, resolve
from dataforge_client.synthetic_models import SyntheticJob
from dataforge_client.transport import Retry
from tests.support.fake_api import BASE, KEY, ORGANIZATION, FakeApi, Fault


def test_a_synthetic_job_that_waits_for_batch_jobs_is_polled_less_often(pauses: list[float]) -> None:
    class ScriptedStages(DataForge):
        stages = iter(["planning", *["waiting"] * 9, "generating", "generating", "finalizing"])

        def synthetic_get_job(self, job_id: str) -> SyntheticJob:
            stage = next(self.stages)
            status = "succeeded" if stage == "finalizing" else "running"
            return SyntheticJob(job_id, status, "eval_v1", "harbours", 1, stage=stage)

    with ScriptedStages("http://127.0.0.1:9", KEY, ORGANIZATION, retry=Retry(sleep=pauses.append)) as client:
        done = client.wait_synthetic("syn_job_1")

    assert done.status == "succeeded"
    assert pauses[0] == 0.5
    assert (max(pauses[1:10]), pauses[-1]) == (pytest.approx(0.5 * 1.5**9), 2.0)


def test_a_follower_pauses_where_the_server_holds_no_request(pauses: list[float]) -> None:
    event = RunEvent("1", "log", datetime(2026, 11, 29, tzinfo=UTC), "generating", message="first")
    pages = iter(
        [
            Events("gen_1", "a", closed=False, events=(event,)),
            Events("gen_1", "a", closed=False, retry_after=2.0),
            Events("gen_1", "b", closed=True),
        ]
    )

    class ScriptedEvents(DataForge):
        def get_generation_events(self, generation_id: str, **_: object) -> Events:
            return next(pages)

    with ScriptedEvents("http://127.0.0.1:9", KEY, ORGANIZATION, retry=Retry(sleep=pauses.append)) as client:
        assert list(client.follow("gen_1")) == [event]

    assert pauses == [2.0]


def test_a_call_carries_key_and_organisation(api: FakeApi, data_forge: DataForge) -> None:
    who = data_forge.whoami()

    assert who.organization_id == ORGANIZATION
    assert who.scopes == ("all",)
    assert api.seen[0].headers["X-API-Key"] == KEY
    assert api.seen[0].headers["X-Organization-ID"] == ORGANIZATION


def test_upload_parse_generate_and_export(api: FakeApi, data_forge: DataForge, tmp_path: Path) -> None:
    (tmp_path / "leave policy.md").write_text("# Leave\n25 days.")

    project = data_forge.create_project("Handbook")
    document = data_forge.upload_file(project.project_id, tmp_path / "leave policy.md")
    data_forge.wait(data_forge.parse(project.project_id).generation_id)
    job = data_forge.generate(project.project_id, "extractive", num_pairs=5, config={"seed": 1})
    seen: list[str] = []
    done = data_forge.wait(job.generation_id, lambda g: seen.append(g.status))
    made = data_forge.export(project.project_id)
    data_forge.download_export(project.project_id, made.version, tmp_path / "out" / "set.jsonl")

    assert document.mime_type == "text/markdown"
    assert seen == ["generating", "validating", "completed"]
    assert (done.counts.asked, done.counts.delivered) == (5, 5)
    assert done.report is not None
    assert done.report.histogram[1].count == 5
    assert len((tmp_path / "out" / "set.jsonl").read_text().splitlines()) == made.pair_count == 5
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["set.jsonl"]


@pytest.mark.parametrize("status", [429, 502, 503, 504, 0])
def test_a_busy_or_broken_server_is_retried(
    api: FakeApi, data_forge: DataForge, pauses: list[float], status: int
) -> None:
    api.faults.append(Fault("/projects", status, times=2))

    assert data_forge.list_projects() == []

    assert api.count("GET " + BASE + "/projects") == 3
    assert pauses == [0.5, 1.0]


def test_retry_after_is_respected(api: FakeApi, data_forge: DataForge, pauses: list[float]) -> None:
    api.faults.append(Fault("/projects", 429, headers={"Retry-After": "7"}))

    data_forge.list_projects()

    assert pauses == [7.0]


def test_a_retry_after_that_is_too_long_raises_the_error(
    api: FakeApi, data_forge: DataForge, pauses: list[float]
) -> None:
    api.faults.append(Fault("/projects", 429, headers={"Retry-After": "3600"}))

    with pytest.raises(RateLimited) as answer:
        data_forge.list_projects()

    assert answer.value.retry_after == 3600
    assert pauses == []


def test_the_last_error_is_raised_after_every_retry(api: FakeApi, data_forge: DataForge, pauses: list[float]) -> None:
    api.faults.append(Fault("/projects", 503, times=99, body={"message": "deploying", "request_id": "r7"}))

    with pytest.raises(ServerError, match="deploying") as answer:
        data_forge.list_projects()

    assert answer.value.request_id == "r7"
    assert len(pauses) == 4


def test_a_post_is_retried_with_the_same_idempotency_key(api: FakeApi, data_forge: DataForge) -> None:
    api.faults.append(Fault("POST", 0))

    data_forge.create_project("once")

    keys = {s.headers["Idempotency-Key"] for s in api.seen}
    assert len(api.seen) == 2
    assert len(keys) == 1


def test_a_post_in_progress_is_retried_until_its_response_is_there(
    api: FakeApi, data_forge: DataForge, pauses: list[float]
) -> None:
    answer = {"code": "IDEMPOTENCY_IN_PROGRESS", "message": "wait"}
    api.faults.append(Fault("POST", 409, times=2, headers={"Retry-After": "1"}, body=answer))

    assert data_forge.create_project("once").name == "once"

    assert pauses == [1.0, 1.0]


def test_two_posts_have_two_idempotency_keys(api: FakeApi, data_forge: DataForge) -> None:
    data_forge.create_project("one")
    data_forge.create_project("two")

    assert len({s.headers["Idempotency-Key"] for s in api.seen}) == 2


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500])
def test_a_refusal_is_not_retried(api: FakeApi, data_forge: DataForge, pauses: list[float], status: int) -> None:
    api.faults.append(Fault("/projects", status))

    with pytest.raises(ClientError):
        data_forge.list_projects()

    assert pauses == []


def test_the_error_body_becomes_the_exception(data_forge: DataForge) -> None:
    project = data_forge.create_project("p")

    with pytest.raises(Invalid) as answer:
        data_forge.generate(project.project_id, "nobody")

    assert (answer.value.status, answer.value.code, answer.value.request_id) == (422, "UNKNOWN_TEACHER", "req_1")
    assert [(e.field, e.message) for e in answer.value.errors] == [("model_id", "unknown")]
    assert "There is no teacher" in str(answer.value)


def test_a_wrong_key_and_an_unknown_id(api: FakeApi, data_forge: DataForge) -> None:
    with DataForge(api.url, "sk_wrong", ORGANIZATION) as stranger, pytest.raises(AuthenticationError):
        stranger.list_projects()
    with pytest.raises(NotFound, match="proj_none"):
        data_forge.get_project("proj_none")


def test_an_id_is_escaped_in_the_path(api: FakeApi, data_forge: DataForge) -> None:
    with pytest.raises(NotFound):
        data_forge.get_project("../../health?x=1")

    assert api.seen[0].path == f"{BASE}/projects/..%2F..%2Fhealth%3Fx%3D1"


def test_an_unreachable_server() -> None:
    pauses: list[float] = []

    with (
        DataForge("http://127.0.0.1:9", KEY, ORGANIZATION, retry=Retry(tries=3, sleep=pauses.append)) as data_forge,
        pytest.raises(ConnectionFailed, match=r"http://127\.0\.0\.1:9 cannot be reached"),
    ):
        data_forge.create_project("p")

    assert len(pauses) == 2


def test_a_server_that_is_not_data_forge(api: FakeApi, data_forge: DataForge) -> None:
    api.faults.append(Fault("/health", 200, headers={"Content-Length": "0"}))

    with pytest.raises(UnexpectedAnswer, match="is this a Data Forge server"):
        data_forge.health()


def test_every_page_is_requested(api: FakeApi, data_forge: DataForge) -> None:
    project = data_forge.create_project("p").project_id
    api.pairs[project] = [
        {"pairId": f"pair_{n}", "projectId": project, "question": f"q{n}", "answer": "a", "status": "accepted"}
        for n in range(401)
    ]

    found = [p.question for p in data_forge.iter_pairs(project)]
    page = data_forge.list_pairs(project, page=2, page_size=100, search="q1")

    assert found == [f"q{n}" for n in range(401)]
    assert (page.total, len(page), page.page) == (111, 11, 2)


def test_wait_raises_failure_and_timeout(api: FakeApi, data_forge: DataForge, tmp_path: Path) -> None:
    (tmp_path / "secret.pdf").write_bytes(b"%PDF")
    api.unreadable = ("secret.pdf",)
    project = data_forge.create_project("p").project_id
    data_forge.upload_file(project, tmp_path / "secret.pdf")
    api.hold = "generating"

    with pytest.raises(GenerationFailed, match="No document could be read") as answer:
        data_forge.wait(data_forge.parse(project).generation_id)
    with pytest.raises(WaitTimeout):
        data_forge.wait(data_forge.generate(project, "extractive").generation_id, timeout=0)

    assert answer.value.generation.status == "failed"


def test_logs_and_models_and_cancel(api: FakeApi, data_forge: DataForge) -> None:
    api.hold = "generating"
    project = data_forge.create_project("p").project_id
    job = data_forge.generate(project, "extractive").generation_id

    stopped = data_forge.cancel_generation(job)

    assert stopped.status == data_forge.wait(job).status == "cancelled"
    assert [x.message for x in data_forge.get_generation_logs(job, tail=2)] == ["line 3", "line 4"]
    assert data_forge.available_models()[0].id == "extractive"


def test_unknown_fields_are_kept_and_missing_ones_are_named() -> None:
    project = decode(Project, {"projectId": "p", "name": "n", "stats": None, "newThing": 5})

    assert project.raw["newThing"] == 5
    assert project.stats.total_pairs == 0
    with pytest.raises(UnexpectedAnswer, match="project_id"):
        decode(Project, {"name": "n"})


def test_times_are_datetimes_in_utc_and_their_text_stays_in_raw() -> None:
    wire = {"projectId": "p", "name": "n", "createdAt": "2026-11-29T04:05:06Z", "updatedAt": ""}

    project = decode(Project, wire)

    assert project.created_at == datetime(2026, 11, 29, 4, 5, 6, tzinfo=UTC)
    assert project.raw["createdAt"] == "2026-11-29T04:05:06Z"
    assert project.updated_at is None
    assert timestamp("2026-11-29T04:05:06") == project.created_at
    with pytest.raises(UnexpectedAnswer, match="'yesterday' as a time"):
        decode(Project, {**wire, "createdAt": "yesterday"})


def test_a_value_that_a_newer_server_adds_is_kept() -> None:
    job = decode(Generation, {"generationId": "gen_1", "projectId": "proj_1", "status": "resting"})

    assert job.status == "resting"  # type: ignore[comparison-overlap]


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=6))
def test_a_generation_survives_whatever_a_newer_server_adds(extra: dict[str, object]) -> None:
    known = {"generationId": "gen_1", "projectId": "proj_1", "status": "completed", "costUsd": 0.5}

    job = decode(Generation, {**{k: v for k, v in extra.items() if not hasattr(Generation, k)}, **known})

    assert (job.generation_id, job.cost_usd, job.closed) == ("gen_1", 0.5, True)


@given(st.integers(0, 8), st.floats(0, 1))
def test_pauses_grow_and_stay_within_bounds(attempt: int, luck: float) -> None:
    pause = Retry(tries=10, rng=lambda: luck).pause(attempt, None)

    assert pause is not None
    assert min(20, 0.5 * 2**attempt) / 2 <= pause <= min(20, 0.5 * 2**attempt)


def test_retry_after_reads_seconds_and_dates() -> None:
    assert retry_after("2.5", now=0) == 2.5
    assert retry_after("Thu, 01 Jan 1970 00:01:00 GMT", now=50) == 10
    assert retry_after("Thu, 01 Jan 1970 00:01:00 GMT", now=500) == 0
    assert retry_after("soon", now=0) is None
    assert retry_after(None, now=0) is None


def test_the_order_of_the_connection_settings(tmp_path: Path) -> None:
    profiles = tmp_path / "profiles.toml"
    profiles.write_text(
        '[default]\nurl = "https://home"\napi_key = "sk_home"\norganization_id = "org_h"\n'
        '[office]\nurl = "https://office/"\n'
    )
    config = {"DATAFORGE_CONFIG": str(profiles)}
    env = {**config, "DATAFORGE_URL": "http://env", "DATAFORGE_API_KEY": "sk_env"}

    assert resolve(ConnectionSettings(), config) == Connection("https://home", "sk_home", "org_h")
    assert resolve(ConnectionSettings(), env) == Connection("http://env", "sk_env", None)
    assert resolve(ConnectionSettings(profile="default"), env) == Connection("https://home", "sk_home", "org_h")
    assert resolve(ConnectionSettings(profile="office"), env) == Connection("https://office", "sk_env", None)
    assert resolve(ConnectionSettings("http://typed", "sk_typed"), env) == Connection("http://typed", "sk_typed", None)
    assert resolve(ConnectionSettings(), {"DATAFORGE_CONFIG": str(tmp_path / "none")}) is None


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        (ConnectionSettings("http://typed"), "No key for http://typed"),
        (ConnectionSettings("typed.example.com", "k"), "must be an http"),
        (ConnectionSettings(profile="nowhere"), "no profile 'nowhere'"),
    ],
)
def test_a_profile_never_sends_its_key_to_a_typed_url(tmp_path: Path, wanted: ConnectionSettings, answer: str) -> None:
    profiles = tmp_path / "profiles.toml"
    profiles.write_text('[default]\nurl = "https://home"\napi_key = "sk_home"\n')

    with pytest.raises(ConfigError, match=answer):
        resolve(wanted, {"DATAFORGE_CONFIG": str(profiles)})


def test_no_proxy_is_used_for_this_machine(api: FakeApi) -> None:
    code = "import sys; from dataforge_client import DataForge; print(DataForge(sys.argv[1], 'sk_fake').health())"

    done = subprocess.run(
        [sys.executable, "-c", code, api.url],
        env={"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "'ok'" in done.stdout, done.stderr


def test_a_key_does_not_show_in_a_traceback() -> None:
    shown = repr((ConnectionSettings("http://x", "sk_secret"), Connection("http://x", "sk_secret")))

    assert "sk_secret" not in shown


def test_importing_the_client_loads_neither_httpx_nor_rich() -> None:
    code = (
        "import sys, dataforge_client, dataforge_client.cli; "
        "heavy = {'httpx', 'rich', 'dataforge', 'dataforge_infra', 'dataforge_functions'}; "
        "print(sorted({m.split('.')[0] for m in sys.modules} & heavy))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
