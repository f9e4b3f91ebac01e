"""What SageMaker is asked for, checked against botocore's own model of the service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from dataforge import settings
from dataforge.errors import Invalid
from dataforge.platform.aws.sagemaker_jobs import METRICS, SageMakerTrainer
from dataforge.platform.ports import TrainingRequest

ROLE = "arn:aws:iam::123456789012:role/dataforge-dev-train"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/dataforge-dev-training:1"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"
RUN = "data-forge/training/org_1/runs/train_1"
PLAIN = TrainingRequest(
    job_id="dataforge-dev-01m8kj6zrj94363tc1svxkvfkk-a0",
    files_prefix=RUN,
    channels={"config": f"{RUN}/input/data/config", "train": f"{RUN}/input/data/train"},
    instance_type="ml.g5.2xlarge",
    max_runtime_seconds=7200,
    tags={"application": "dataforge", "run": "train_1"},
)


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("DATAFORGE_TRAINING_ROLE", ROLE)
    monkeypatch.setenv("DATAFORGE_TRAINING_IMAGE", IMAGE)
    settings.get.cache_clear()
    yield monkeypatch
    settings.get.cache_clear()


def client() -> Any:
    return boto3.client("sagemaker", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


def request_of(wanted: TrainingRequest) -> dict[str, Any]:
    """The arguments, as botocore takes them."""
    service = client()
    trainer = SageMakerTrainer("forge", client=service)
    with Stubber(service) as stub:
        stub.add_response("create_training_job", {"TrainingJobArn": f"arn:{'x' * 30}"}, trainer.job(wanted))
        trainer.start(wanted)
        stub.assert_no_pending_responses()
    return trainer.job(wanted)


def test_a_plain_job_reads_its_channels_and_leaves_single_files(configured: pytest.MonkeyPatch) -> None:
    job = request_of(PLAIN)

    assert (job["TrainingJobName"], job["RoleArn"]) == (PLAIN.job_id, ROLE)
    assert job["AlgorithmSpecification"]["TrainingImage"] == IMAGE
    assert [(c["ChannelName"], c["DataSource"]["S3DataSource"]["S3Uri"]) for c in job["InputDataConfig"]] == [
        ("config", f"s3://forge/{RUN}/input/data/config/"),
        ("train", f"s3://forge/{RUN}/input/data/train/"),
    ]
    assert job["OutputDataConfig"] == {"S3OutputPath": f"s3://forge/{RUN}/output", "CompressionType": "NONE"}
    assert job["CheckpointConfig"] == {"S3Uri": f"s3://forge/{RUN}/checkpoints", "LocalPath": "/opt/ml/checkpoints"}
    assert job["ResourceConfig"] == {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 100}
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}
    assert {t["Key"]: t["Value"] for t in job["Tags"]} == {"application": "dataforge", "run": "train_1"}
    assert "VpcConfig" not in job


def test_a_spot_job_waits_for_instances_as_long_again(configured: pytest.MonkeyPatch) -> None:
    job = request_of(replace(PLAIN, spot=True, warm_pool_seconds=600))
    longest = request_of(replace(PLAIN, spot=True, max_runtime_seconds=28 * 86_400))

    assert job["EnableManagedSpotTraining"] is True
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200, "MaxWaitTimeInSeconds": 14_400}
    assert "KeepAlivePeriodInSeconds" not in job["ResourceConfig"], "a warm pool takes no spot instances"
    assert longest["StoppingCondition"]["MaxWaitTimeInSeconds"] == 28 * 86_400


def test_a_warm_pool_several_instances_and_isolation(configured: pytest.MonkeyPatch) -> None:
    job = request_of(replace(PLAIN, warm_pool_seconds=600, instance_count=2, network_isolation=True, volume_gb=500))

    assert job["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600
    assert job["ResourceConfig"]["VolumeSizeInGB"] == 500
    assert job["EnableInterContainerTrafficEncryption"] is True
    assert job["EnableNetworkIsolation"] is True


def test_a_network_and_a_key_of_the_account(configured: pytest.MonkeyPatch) -> None:
    configured.setenv("DATAFORGE_TRAINING_SUBNETS", "subnet-1, subnet-2")
    configured.setenv("DATAFORGE_TRAINING_SECURITY_GROUPS", "sg-1")
    configured.setenv("DATAFORGE_TRAINING_KMS_KEY", KEY)
    settings.get.cache_clear()

    job = request_of(PLAIN)

    assert job["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert (job["OutputDataConfig"]["KmsKeyId"], job["ResourceConfig"]["VolumeKmsKeyId"]) == (KEY, KEY)


def test_the_metrics_find_the_numbers_that_the_program_prints(configured: pytest.MonkeyPatch) -> None:
    line = "loss=0.234; eval_loss=1.5e-1; learning_rate=2e-04; epoch=1.36; step=500; total_steps=1100; mfu=0.41;"

    found = {
        m["Name"]: match[1]
        for m in request_of(PLAIN)["AlgorithmSpecification"]["MetricDefinitions"]
        if (match := re.search(m["Regex"], line))
    }

    assert found == {
        "loss": "0.234", "eval_loss": "1.5e-1", "learning_rate": "2e-04", "epoch": "1.36", "step": "500",
        "total_steps": "1100", "mfu": "0.41",
    }  # fmt: skip
    assert len(METRICS) <= 40, "SageMaker's limit"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ResourceLimitExceeded", "The account-level service limit 'ml.g5.2xlarge for training job usage' is 0"),
        ("ValidationException", "No such image"),
    ],
)
def test_what_sagemaker_refuses_is_said_in_its_words(configured: pytest.MonkeyPatch, code: str, message: str) -> None:
    service = client()
    with Stubber(service) as stub:
        stub.add_client_error("create_training_job", code, message)

        with pytest.raises(Invalid, match=re.escape(message)):
            SageMakerTrainer("forge", client=service).start(PLAIN)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (("InProgress", "LaunchingMLInstances", None), ("starting", None)),
        (("InProgress", "Downloading", None), ("starting", None)),
        (("InProgress", "Training", None), ("training", None)),
        (("InProgress", "Interrupted", None), ("starting", None)),
        (("InProgress", "Uploading", None), ("training", None)),
        (("Stopping", "Stopping", None), ("stopping", None)),
        (("Stopped", "Stopped", None), ("stopped", None)),
        (("Stopped", "MaxRuntimeExceeded", None), ("failed", "It ran longer than max_runtime_seconds and was stopped")),
        (
            ("Stopped", "MaxWaitTimeExceeded", None),
            ("failed", "It ran longer than twice max_runtime_seconds (spot) and was stopped"),
        ),
        (("Failed", "Failed", "AlgorithmError: out of memory"), ("failed", "AlgorithmError: out of memory")),
        (("Failed", "Failed", "CapacityError: no instances"), ("interrupted", "CapacityError: no instances")),
        (("Failed", "Failed", "InternalServerError: sorry"), ("interrupted", "InternalServerError: sorry")),
        (("Completed", "Completed", None), ("completed", None)),
    ],
)
def test_every_state_of_sagemaker_is_one_of_ours(
    answer: tuple[str, str, str | None], expected: tuple[str, str]
) -> None:
    status, secondary, reason = answer
    found = {
        "TrainingJobName": "job",
        "TrainingJobArn": f"arn:{'x' * 30}",
        "TrainingJobStatus": status,
        "SecondaryStatus": secondary,
        "CreationTime": 0,
        "FinalMetricDataList": [{"MetricName": "loss", "Value": 0.5, "Timestamp": 0}],
        "ModelArtifacts": {"S3ModelArtifacts": ""},
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"VolumeSizeInGB": 1},
        "StoppingCondition": {},
        **({"FailureReason": reason} if reason else {}),
    }
    service = client()
    with Stubber(service) as stub:
        stub.add_response("describe_training_job", found, {"TrainingJobName": "job"})
        state = SageMakerTrainer("forge", client=service).describe("job")

    assert state is not None
    assert (state.status, state.failure) == expected
    assert state.metrics == {"loss": 0.5}


def test_a_job_that_does_not_exist_is_none_and_other_faults_are_raised() -> None:
    service = client()
    with Stubber(service) as stub:
        stub.add_client_error("describe_training_job", "ValidationException", "Requested resource not found.")
        stub.add_client_error("describe_training_job", "AccessDeniedException", "no")
        trainer = SageMakerTrainer("forge", client=service)

        assert trainer.describe("job") is None
        with pytest.raises(ClientError):
            trainer.describe("job")


def test_a_deployment_without_role_or_image_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATAFORGE_TRAINING_ROLE", raising=False)
    monkeypatch.delenv("DATAFORGE_TRAINING_IMAGE", raising=False)
    settings.get.cache_clear()
    trainer = SageMakerTrainer("forge", client=client())

    assert "dataforge deploy --training" in str(trainer.missing())
    monkeypatch.setenv("DATAFORGE_TRAINING_ROLE", ROLE)
    settings.get.cache_clear()
    assert "training_image=URI" in str(trainer.missing())
    settings.get.cache_clear()
