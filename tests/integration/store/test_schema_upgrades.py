"""Data of another release: what is older is brought up step by step, what is newer is left alone and refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dataforge import VERSION
from dataforge.errors import SchemaMismatch
from dataforge.platform import current
from dataforge.store import organisations, projects, schema
from dataforge.store.schema import Step
from dataforge_functions.api import callers
from tests.support.service import Service
from tests.support.table_watchers import killed_until_done

AT = {"org_id": "*data", "item": "schema"}


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    callers._check_schema_version.cache_clear()
    yield
    callers._check_schema_version.cache_clear()


def written_by(product: str, number: int) -> None:
    current().tables.put("orgs", {**AT, "number": number, "product": product, "written_at": "2027-03-01T00:00:00Z"})


def shouting(project_id: str, org_id: str) -> Step:
    """A step that changes rows; harmless when it is cut off and run again."""

    def run() -> None:
        project = projects.get(org_id, project_id)
        key = {"org_id": org_id, "project_id": project_id}
        current().tables.update("projects", key, set={"name": project.name.upper()})

    return Step("names of projects are in capitals", run)


def test_the_first_start_writes_what_form_the_data_has(service: Service) -> None:
    service.project()

    found = schema.stored()

    assert found is not None
    assert (found.number, found.product) == (schema.needed(), VERSION)


def test_data_of_a_newer_release_is_refused_with_the_way_out(service: Service) -> None:
    project_id = service.project()
    written_by("9.1.0", schema.needed() + 1)
    callers._check_schema_version.cache_clear()

    refused = service.call("GET", f"/projects/{project_id}", expect=503)

    assert refused["code"] == "SCHEMA_NEWER"
    assert "Use Data Forge 9.1.0 or newer" in refused["message"]
    assert "restore the tables" in refused["message"]
    with pytest.raises(SchemaMismatch):
        schema.bring_up()
    assert schema.stored().product == "9.1.0"  # type: ignore[union-attr]


def test_a_newer_release_carries_out_what_is_missing_in_order(service: Service) -> None:
    project_id, org_id = service.project(), service.headers["X-Organization-ID"]
    order: list[str] = []
    steps = (
        *schema.STEPS,
        Step("first", lambda: order.append("first")),
        shouting(project_id, org_id),
        Step("last", lambda: order.append("last")),
    )

    with pytest.raises(SchemaMismatch, match=f"needs {schema.needed(steps)}") as waiting:
        schema.check(steps)
    done = schema.bring_up(steps)

    assert waiting.value.code == "SCHEMA_OLDER"
    assert done == ["first", "names of projects are in capitals", "last"]
    assert order == ["first", "last"]
    assert service.call("GET", f"/projects/{project_id}")["name"] == "HARBOUR"
    assert schema.stored().number == schema.needed(steps)  # type: ignore[union-attr]
    assert schema.bring_up(steps) == []
    schema.check(steps)


def test_steps_that_are_killed_again_and_again_are_carried_out_all_the_same(service: Service) -> None:
    project_id, org_id = service.project(), service.headers["X-Organization-ID"]
    steps = (*schema.STEPS, *[shouting(project_id, org_id)] * 3)

    kills = killed_until_done(lambda: schema.bring_up(steps))

    assert kills > 3
    assert schema.stored().number == schema.needed(steps)  # type: ignore[union-attr]
    assert projects.get(org_id, project_id).name == "HARBOUR"


def test_two_that_upgrade_at_once_do_not_carry_a_step_too_far(service: Service) -> None:
    service.project()
    following = Step("next", lambda: None)
    at_once = (*schema.STEPS, Step("quick", lambda: None), following)
    steps = (*schema.STEPS, Step("slow", lambda: schema.bring_up(at_once)), following)

    schema.bring_up(steps)

    assert schema.stored().number == schema.needed(steps)  # type: ignore[union-attr]


def test_data_without_a_number_is_of_the_first_release(service: Service) -> None:
    service.project()
    current().tables.delete("orgs", AT)
    ran: list[str] = []

    done = schema.bring_up([Step("once", lambda: ran.append("once"))])

    assert (done, ran) == (["once"], ["once"])


def test_data_of_before_parses_were_numbered_is_used_as_it_is(service: Service) -> None:
    project_id = service.project()
    written_by("0.1.0", schema.FIRST)

    with pytest.raises(SchemaMismatch, match="needs"):
        schema.check()
    done = schema.bring_up()

    assert done == ["chunk rows carry the number of their parse"]
    assert service.call("GET", f"/projects/{project_id}/chunks")["total"] == 0


def test_no_organisation_can_be_mistaken_for_the_number(service: Service) -> None:
    service.project()

    assert "*data" not in {org.org_id for org in organisations.list_all()}
    assert (
        service.http.get(
            "/api/v1/data-forge/projects", headers={**service.headers, "X-Organization-ID": "*data"}
        ).status_code
        == 403
    )


def newer_folder(home: Path) -> Path:
    """A data folder that a newer version has served."""
    from dataforge_infra.local.platform import build

    tables = replace(build(home, base_url=lambda: "", invoke=lambda *_: {})).tables
    tables.put("orgs", {**AT, "number": 99, "product": "9.1.0", "written_at": "2027-03-01T00:00:00Z"})
    tables.close()  # type: ignore[attr-defined]
    return home


@pytest.mark.parametrize(
    "words",
    [
        ("dataforge_infra.local", "--port", "0", "--home"),
        ("dataforge_infra.local.admin", "--home"),
    ],
)
def test_one_machine_does_not_touch_a_folder_of_a_newer_version(words: tuple[str, ...], tmp_path: Path) -> None:
    home = newer_folder(tmp_path / "home")
    more = ["org", "list"] if "admin" in words[0] else []

    done = subprocess.run(
        [sys.executable, "-m", *words, str(home), *more], capture_output=True, text=True, check=False, timeout=60
    )

    answer = done.stderr if not more else json.loads(done.stdout)["error"]["message"]
    assert done.returncode == 1
    assert "Use Data Forge 9.1.0 or newer" in answer
    assert not (home / "credentials.json").exists()
