"""Trained models on one SageMaker endpoint of the stage, each an inference component with no copy until it is asked.

What answers with a model is made when it is first needed, step by step, one step for each `set_up` that comes
meanwhile:

    endpoint config, endpoint      once; at least 0 instances, at most DATAFORGE_SERVING_INSTANCES
    model, inference component     with 0 copies: nothing runs yet
    scalable target, policy        takes the last copy away when nobody asks

`prepare` makes nothing: it sets the number of copies to 1 where there is none. Only then does something run, and cost;
SageMaker adds the instance for it. Who asks a model has it set up before, so no copy exists that nothing would take
away. Functions of runs may only prepare. Names begin with the prefix of the stage, to which the rights are limited.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from dataforge import settings
from dataforge.errors import Conflict, ModelLoading
from dataforge.platform.aws import clients
from dataforge.platform.ports import ModelAddress, ServedModel

VARIANT = "models"
RETRY_SECONDS = 60.0
"""A step takes a minute, an instance several."""
READY_SECONDS = 20.0
"""How long a look at a component that is ready is good for."""
SET_UP_SECONDS = 300.0
"""How long a look at what was set up is good for."""
SCALED = "sagemaker:inference-component:DesiredCopyCount"
IDLE_METRIC = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
"""Also written while nobody asks, so that the last copy is taken away."""
REQUESTS_PER_COPY = 4.0
GPU_FAMILIES = ("ml.g", "ml.p")
LEAST_MEMORY_MB = 2048
DOWNLOAD_SECONDS = START_SECONDS = 1800
NOT_LOADABLE = "MODEL_NOT_LOADABLE"


class ModelEndpoint:
    """bucket: of the deployment; keys of Files are keys in it."""

    def __init__(self, bucket: str, *, sagemaker: Any = None, scaling: Any = None) -> None:
        self._bucket = bucket
        self._ready: dict[str, float] = {}
        self._set_up: dict[str, float] = {}
        if sagemaker is not None:
            self._sagemaker = sagemaker
        if scaling is not None:
            self._scaling = scaling

    @cached_property
    def _sagemaker(self) -> Any:
        return clients.client("sagemaker", config=Config(retries=clients.retries(), connect_timeout=3))

    @cached_property
    def _scaling(self) -> Any:
        return clients.client("application-autoscaling", config=Config(retries=clients.retries(), connect_timeout=3))

    def set_up(self, model: ServedModel) -> None:
        """Raises ModelLoading after each step but the last, Conflict for what SageMaker refuses."""
        name = _name(model)
        if time.monotonic() < self._set_up.get(name, 0.0):
            return
        found = self._component(name)
        if found is None:
            self._make(model, name)
            raise _loading(model)
        if found["InferenceComponentStatus"] == "Failed":
            self.remove(model)  # the next request tries again
        if found["InferenceComponentStatus"] == "Creating":
            raise _loading(model)
        _raise_failure(found)
        self._scale_to_zero_when_idle(name)
        self._set_up[name] = time.monotonic() + SET_UP_SECONDS

    def prepare(self, model: ServedModel) -> ModelAddress:
        """Raises ModelLoading until a copy answers, Conflict for what SageMaker refuses."""
        name = _name(model)
        if time.monotonic() >= self._ready.get(name, 0.0):
            self._wake(model, name)
            self._ready[name] = time.monotonic() + READY_SECONDS
        region = str(self._sagemaker.meta.region_name)
        return ModelAddress(service="sagemaker", endpoint=_endpoint(), component=name, region=region)

    def remove(self, model: ServedModel) -> None:
        """The endpoint stays: it has no instance without copies."""
        name = _name(model)
        self._ready.pop(name, None)
        self._set_up.pop(name, None)
        with _unless_missing():
            self._scaling.deregister_scalable_target(**_target(name))
        with _unless_missing():
            self._sagemaker.delete_inference_component(InferenceComponentName=name)
        with _unless_missing():
            self._sagemaker.delete_model(ModelName=name)

    def _component(self, name: str) -> dict[str, Any] | None:
        return _found(lambda: self._sagemaker.describe_inference_component(InferenceComponentName=name))

    def _wake(self, model: ServedModel, name: str) -> None:
        """Returns once a copy answers."""
        found = self._component(name)
        if found is None:
            raise Conflict(
                "Nothing answers with the model any more; a question by POST /api/playground/generate sets it up again",
                code=NOT_LOADABLE,
            )
        _raise_failure(found)
        status, copies = found["InferenceComponentStatus"], found.get("RuntimeConfig") or {}
        if status == "InService" and copies.get("CurrentCopyCount"):
            return
        if status == "InService" and not copies.get("DesiredCopyCount"):
            wanted = {"CopyCount": 1}
            with _refusals():
                self._sagemaker.update_inference_component_runtime_config(
                    InferenceComponentName=name, DesiredRuntimeConfig=wanted
                )
        raise _loading(model)

    def _make(self, model: ServedModel, name: str) -> None:
        endpoint = _found(lambda: self._sagemaker.describe_endpoint(EndpointName=_endpoint()))
        if endpoint is None:
            self._make_endpoint()
            return
        if endpoint["EndpointStatus"] == "Failed":
            with _unless_missing():
                self._sagemaker.delete_endpoint(EndpointName=_endpoint())
            reason = endpoint.get("FailureReason") or "SageMaker says no reason"
            raise Conflict(f"The endpoint of trained models cannot be made: {reason}", code=NOT_LOADABLE)
        if endpoint["EndpointStatus"] != "InService":
            return
        with _refusals():
            self._sagemaker.create_model(**self.model(model, name))
        with _refusals():
            self._sagemaker.create_inference_component(**self.component(model, name))

    def _make_endpoint(self) -> None:
        with _refusals():
            self._sagemaker.create_endpoint_config(**self.endpoint_config())
        with _refusals():
            self._sagemaker.create_endpoint(EndpointName=_endpoint(), EndpointConfigName=_endpoint(), Tags=_tags())

    def _scale_to_zero_when_idle(self, name: str) -> None:
        """Idempotent."""
        self._scaling.register_scalable_target(**_target(name), MinCapacity=0, MaxCapacity=1)
        self._scaling.put_scaling_policy(
            **_target(name),
            PolicyName="idle",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "PredefinedMetricSpecification": {"PredefinedMetricType": IDLE_METRIC},
                "TargetValue": REQUESTS_PER_COPY,
                "ScaleInCooldown": settings.get().serving_idle,
                "ScaleOutCooldown": 60,
            },
        )

    def endpoint_config(self) -> dict[str, Any]:
        """The arguments of CreateEndpointConfig."""
        s = settings.get()
        network = {"Subnets": _names(s.training_subnets), "SecurityGroupIds": _names(s.training_security_groups)}
        return {
            "EndpointConfigName": _endpoint(),
            "ExecutionRoleArn": s.serving_role,
            "ProductionVariants": [
                {
                    "VariantName": VARIANT,
                    "InstanceType": s.serving_instance,
                    "InitialInstanceCount": 1,  # the least that the API takes; none stays without a copy
                    "ManagedInstanceScaling": {
                        "Status": "ENABLED",
                        "MinInstanceCount": 0,
                        "MaxInstanceCount": s.serving_instances,
                    },
                    "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
                    "ModelDataDownloadTimeoutInSeconds": DOWNLOAD_SECONDS,
                    "ContainerStartupHealthCheckTimeoutInSeconds": START_SECONDS,
                }
            ],
            "EnableNetworkIsolation": True,
            **({"VpcConfig": network} if network["Subnets"] else {}),
            **({"KmsKeyId": s.training_kms_key} if s.training_kms_key else {}),
            "Tags": _tags(),
        }

    def model(self, model: ServedModel, name: str) -> dict[str, Any]:
        """The arguments of CreateModel."""
        s = settings.get()
        source = {
            "S3Uri": f"s3://{self._bucket}/{model.files_prefix}/",
            "S3DataType": "S3Prefix",
            "CompressionType": "None",
        }
        container = {"Image": s.training_image, "ModelDataSource": {"S3DataSource": source}}
        return {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": s.serving_role, "Tags": _tags()}

    def component(self, model: ServedModel, name: str) -> dict[str, Any]:
        """The arguments of CreateInferenceComponent."""
        needs: dict[str, Any] = {"MinMemoryRequiredInMb": max(LEAST_MEMORY_MB, int(model.size_bytes * 1.5 / 2**20))}
        if settings.get().serving_instance.startswith(GPU_FAMILIES):
            needs["NumberOfAcceleratorDevicesRequired"] = 1
        else:
            needs["NumberOfCpuCoresRequired"] = 1
        return {
            "InferenceComponentName": name,
            "EndpointName": _endpoint(),
            "VariantName": VARIANT,
            "Specification": {
                "ModelName": name,
                "ComputeResourceRequirements": needs,
                "StartupParameters": {
                    "ModelDataDownloadTimeoutInSeconds": DOWNLOAD_SECONDS,
                    "ContainerStartupHealthCheckTimeoutInSeconds": START_SECONDS,
                },
            },
            "RuntimeConfig": {"CopyCount": 0},
            "Tags": _tags(),
        }


def _name(model: ServedModel) -> str:
    return f"{settings.get().table_prefix}{model.key}"


def _endpoint() -> str:
    return f"{settings.get().table_prefix}models"


def _target(name: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"inference-component/{name}",
        "ScalableDimension": SCALED,
    }


def _tags() -> list[dict[str, str]]:
    return [{"Key": "application", "Value": "dataforge"}, {"Key": "stage", "Value": settings.get().stage}]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _raise_failure(component: dict[str, Any]) -> None:
    if component["InferenceComponentStatus"] == "Failed":
        reason = component.get("FailureReason") or "SageMaker says no reason"
        raise Conflict(f"The model cannot be loaded: {reason}", code=NOT_LOADABLE)


def _loading(model: ServedModel) -> ModelLoading:
    return ModelLoading(
        f"The model {model.key} is being loaded, which takes some minutes; try again", retry_after=RETRY_SECONDS
    )


def _found(describe: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    try:
        return describe()
    except ClientError as problem:
        if _is_missing(problem):
            return None
        raise


def _is_missing(problem: ClientError) -> bool:
    error = problem.response["Error"]
    return error["Code"] in ("ObjectNotFoundException", "ResourceNotFound") or (
        error["Code"] == "ValidationException" and "could not find" in error.get("Message", "").lower()
    )


@contextmanager
def _unless_missing() -> Iterator[None]:
    try:
        yield
    except ClientError as problem:
        if not _is_missing(problem):
            raise


@contextmanager
def _refusals() -> Iterator[None]:
    """What exists already was made by a request before. Raises Conflict for what SageMaker refuses."""
    try:
        yield
    except ClientError as problem:
        code, message = problem.response["Error"]["Code"], problem.response["Error"].get("Message", "")
        if code == "ResourceInUse" or "already exist" in message.lower():
            return
        if code in ("ResourceLimitExceeded", "ValidationException"):
            more = (
                "; ask for more in Service Quotas, or choose another DATAFORGE_SERVING_INSTANCE"
                if code == "ResourceLimitExceeded"
                else ""
            )
            raise Conflict(f"SageMaker refuses to load the model: {message}{more}", code=NOT_LOADABLE) from None
        raise
