"""The Trainer port on SageMaker: one training job for each attempt.

Plain botocore: the `sagemaker` SDK takes 998 MB (docs/decisions). The model is uploaded as single files
(CompressionType NONE), so that one machine and AWS have the same layout and Bedrock imports `merged/` as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from dataforge import clock, settings
from dataforge.errors import Invalid
from dataforge.platform.aws import clients
from dataforge.platform.ports import TrainingRequest, TrainingState, TrainingStatus

_NUMBER = r"([0-9.eE+\-]+)"
METRICS = {
    "loss": "loss",
    "eval_loss": "eval_loss",
    "learning_rate": "learning_rate",
    "epoch": "epoch",
    "step": "step",
    "total_steps": "total_steps",
    "tokens_per_second": "tokens_per_second",
    "mfu": "mfu",
}
"""Metric -> its name in the lines `loss=0.234; step=500; ...` that the training program prints."""
MOST_WAIT_FACTOR = 2
"""How long a spot job may take, waiting for instances included, as a multiple of its running time."""
_LONGEST = 28 * 86_400
"""Seconds; SageMaker's own limit."""
_TRAINING = ("Training", "Uploading", "Completed")
_TIMED_OUT = {"MaxRuntimeExceeded": "max_runtime_seconds", "MaxWaitTimeExceeded": "twice max_runtime_seconds (spot)"}
_FAULTS_OF_AWS = ("InternalServerError", "CapacityError")
"""What a FailureReason begins with that another attempt may not meet."""


class SageMakerTrainer:
    """bucket: of the deployment; keys of Files are keys in it."""

    def __init__(self, bucket: str, *, client: Any = None) -> None:
        self._bucket = bucket
        if client is not None:
            self._client = client

    @cached_property
    def _client(self) -> Any:
        return clients.client("sagemaker", config=Config(retries=clients.retries(), connect_timeout=3))

    def missing(self) -> str | None:
        s = settings.get()
        if not s.training_role:
            return "This deployment has no role for training jobs: run `dataforge deploy --training`"
        if not s.training_image:
            return (
                "This deployment has no training image: run `dataforge deploy --training` or `dataforge images build`, "
                "or deploy with -c training_image=URI"
            )
        return None

    def start(self, request: TrainingRequest) -> None:
        if lacks := self.missing():
            raise Invalid(lacks)
        try:
            self._client.create_training_job(**self.job(request))
        except ClientError as problem:
            code, message = problem.response["Error"]["Code"], problem.response["Error"].get("Message", "")
            if code == "ResourceInUse":  # an attempt whose answer was lost
                return
            if code in ("ResourceLimitExceeded", "ValidationException"):
                more = "; ask for more in Service Quotas" if code == "ResourceLimitExceeded" else ""
                raise Invalid(f"SageMaker refuses the training job: {message}{more}") from None
            raise

    def job(self, request: TrainingRequest) -> dict[str, Any]:
        """The arguments of CreateTrainingJob."""
        s = settings.get()
        key, several = s.training_kms_key, request.instance_count > 1
        stopping: dict[str, int] = {"MaxRuntimeInSeconds": request.max_runtime_seconds}
        if request.spot:
            stopping["MaxWaitTimeInSeconds"] = min(_LONGEST, MOST_WAIT_FACTOR * request.max_runtime_seconds)
        resources: dict[str, Any] = {
            "InstanceType": request.instance_type,
            "InstanceCount": request.instance_count,
            "VolumeSizeInGB": request.volume_gb,
        }
        if request.warm_pool_seconds and not request.spot:
            resources["KeepAlivePeriodInSeconds"] = request.warm_pool_seconds
        if key:
            resources["VolumeKmsKeyId"] = key
        network = _names(s.training_subnets)
        return {
            "TrainingJobName": request.job_id,
            "RoleArn": s.training_role,
            "AlgorithmSpecification": {
                "TrainingImage": request.image or s.training_image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [
                    {"Name": name, "Regex": rf"(?:^|[\s;]){printed}={_NUMBER}"} for name, printed in METRICS.items()
                ],
            },
            "InputDataConfig": [self._channel(name, prefix) for name, prefix in request.channels.items()],
            "OutputDataConfig": {
                "S3OutputPath": self._uri(f"{request.files_prefix}/output"),
                "CompressionType": "NONE",
                **({"KmsKeyId": key} if key else {}),
            },
            "CheckpointConfig": {
                "S3Uri": self._uri(f"{request.files_prefix}/checkpoints"),
                "LocalPath": "/opt/ml/checkpoints",
            },
            "ResourceConfig": resources,
            "StoppingCondition": stopping,
            "EnableManagedSpotTraining": request.spot,
            "EnableNetworkIsolation": request.network_isolation,
            "EnableInterContainerTrafficEncryption": several,
            "Tags": [{"Key": name, "Value": value} for name, value in request.tags.items()],
            **(
                {"VpcConfig": {"Subnets": network, "SecurityGroupIds": _names(s.training_security_groups)}}
                if network
                else {}
            ),
        }

    def describe(self, job_id: str) -> TrainingState | None:
        try:
            found = self._client.describe_training_job(TrainingJobName=job_id)
        except ClientError as problem:
            if problem.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"):
                return None
            raise
        status, failure = _status(found)
        transitions = found.get("SecondaryStatusTransitions") or [{}]
        return TrainingState(
            status=status,
            message=str(transitions[-1].get("StatusMessage") or ""),
            failure=failure,
            started_at=_time(found.get("TrainingStartTime") or found.get("CreationTime")),
            ended_at=_time(found.get("TrainingEndTime")),
            billable_seconds=found.get("BillableTimeInSeconds"),
            metrics={m["MetricName"]: float(m["Value"]) for m in found.get("FinalMetricDataList") or ()},
        )

    def refresh(self, job_id: str) -> None:
        """SageMaker copies `/opt/ml/checkpoints` to S3 while the job runs."""

    def stop(self, job_id: str) -> None:
        try:
            self._client.stop_training_job(TrainingJobName=job_id)
        except ClientError as problem:
            if problem.response["Error"]["Code"] not in ("ValidationException", "ResourceNotFound"):
                raise

    def forget(self, job_id: str, files_prefix: str) -> None:
        """SageMaker keeps the record of a job; nothing of it costs anything."""

    def on_changed(self, callback: Callable[[str], object]) -> None:
        """EventBridge calls `dataforge_functions/on_training_changed.py`."""

    def _channel(self, name: str, prefix: str) -> dict[str, Any]:
        source = {
            "S3DataType": "S3Prefix",
            "S3Uri": self._uri(f"{prefix.rstrip('/')}/"),
            "S3DataDistributionType": "FullyReplicated",
        }
        return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"


def _status(found: dict[str, Any]) -> tuple[TrainingStatus, str | None]:
    """Ours, and why it failed."""
    status, secondary = found["TrainingJobStatus"], found.get("SecondaryStatus", "")
    if secondary in _TIMED_OUT and status != "InProgress":
        return "failed", f"It ran longer than {_TIMED_OUT[secondary]} and was stopped"
    if status == "Failed":
        reason = str(found.get("FailureReason") or "SageMaker gave no reason")
        return ("interrupted" if reason.startswith(_FAULTS_OF_AWS) else "failed"), reason
    if status == "InProgress":
        return ("training" if secondary in _TRAINING else "starting"), None
    return {"Completed": "completed", "Stopping": "stopping", "Stopped": "stopped"}.get(status, "stopping"), None  # type: ignore[return-value]


def _time(moment: datetime | None) -> str | None:
    return clock.iso(moment) if moment else None


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
