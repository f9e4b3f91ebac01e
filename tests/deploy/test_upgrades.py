"""Today's templates were deployed over those of the last release, which had been put to use before."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dataforge import VERSION
from dataforge.store import schema
from tests.support.deployment import Deployed, command, physical

pytestmark = pytest.mark.deploy
AT = {"org_id": {"S": "*data"}, "item": {"S": "schema"}}


def test_the_upgrade_changed_the_service_and_kept_every_table_and_the_bucket(deployed: Deployed) -> None:
    after = physical(deployed.bed)

    assert "CREATE_COMPLETE" in deployed.stderr
    assert "UPDATE_COMPLETE" in deployed.upgrade
    assert "dataforge-dev-service: done" in deployed.upgrade
    assert {logical: after.get(logical) for logical in deployed.kept.physical} == deployed.kept.physical
    assert not [line for line in deployed.upgrade.splitlines() if "DELETE" in line and "Table" in line]


def test_what_was_put_in_before_is_there_and_can_be_worked_on(deployed: Deployed) -> None:
    kept = deployed.kept

    with deployed.client() as data_forge:
        chunks = [chunk.content for chunk in data_forge.iter_chunks(kept.project_id)]
        [document] = data_forge.list_documents(kept.project_id)
        made = data_forge.wait(
            data_forge.generate(kept.project_id, "extractive", num_pairs=1).generation_id, timeout=120
        )

    files = deployed.aws("s3")
    found = files.list_objects_v2(Bucket=deployed.outputs["FilesBucketName"])["Contents"]
    [source] = [f["Key"] for f in found if kept.project_id in f["Key"] and f["Key"].endswith("berths.md")]
    assert chunks == kept.chunks
    assert document.name == "berths.md"
    assert made.status == "completed"
    assert files.get_object(Bucket=deployed.outputs["FilesBucketName"], Key=source)["Body"].read() == kept.document


def test_the_deployment_wrote_what_form_the_data_has(deployed: Deployed) -> None:
    item = deployed.aws("dynamodb").get_item(TableName="dataforge-dev-orgs", Key=AT)["Item"]

    assert (item["number"], item["product"]) == ({"N": str(schema.needed())}, {"S": VERSION})


def refused(deployed: Deployed, assembly: Path) -> subprocess.CompletedProcess[str]:
    tables = deployed.aws("dynamodb")
    before = tables.get_item(TableName="dataforge-dev-orgs", Key=AT)["Item"]
    newer = {**before, "number": {"N": "99"}, "product": {"S": "9.1.0"}}
    tables.put_item(TableName="dataforge-dev-orgs", Item=newer)
    try:
        return command(deployed.bed, "deploy", "--assembly", str(assembly))
    finally:
        tables.put_item(TableName="dataforge-dev-orgs", Item=before)


def test_an_older_release_is_not_deployed_over_newer_data(deployed: Deployed) -> None:
    done = refused(deployed, deployed.assembly)

    assert done.returncode == 1
    assert "Use Data Forge 9.1.0 or newer" in done.stderr
    assert "nothing to change" not in done.stderr  # it had not come to the stacks


def test_the_deployment_built_the_training_image_in_the_account_and_functions_know_it(deployed: Deployed) -> None:
    codebuild, functions = deployed.aws("codebuild"), deployed.aws("lambda")

    builds = codebuild.list_builds_for_project(projectName="dataforge-dev-images")["ids"]
    image = deployed.outputs["training_image"]
    known = {
        functions.get_function(FunctionName=f"dataforge-dev-{name}")["Configuration"]["Environment"]["Variables"][
            "DATAFORGE_TRAINING_IMAGE"
        ]
        for name in ("api", "start_training")
    }

    found = codebuild.batch_get_builds(ids=builds)["builds"]
    assert {build["buildStatus"] for build in found} == {"SUCCEEDED"}  # each deployment builds: none is pushed here
    assert image.endswith("/dataforge-dev-training:huggingface")
    assert known == {image}
    assert f"Building {image} in CodeBuild" in deployed.upgrade
