"""The part of an AWS account that answers with trained models: SageMaker, Application Auto Scaling and Bedrock.

Real clients of botocore send to it, so every request is checked against the API's own model before it arrives, and
every answer is parsed by it. Nothing goes on by itself: `pass_time` ends what is being made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber

Json = dict[str, Any]
REGION = "us-east-1"


class Refused(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def missing(what: str) -> Refused:
    return Refused("ValidationException", f'Could not find {what} "arn:aws:...".')


@dataclass
class ModelAccount:
    calls: list[tuple[str, Json]] = field(default_factory=list)
    endpoints: dict[str, Json] = field(default_factory=dict)
    configs: dict[str, Json] = field(default_factory=dict)
    models: dict[str, Json] = field(default_factory=dict)
    components: dict[str, Json] = field(default_factory=dict)
    targets: dict[str, Json] = field(default_factory=dict)
    policies: dict[str, Json] = field(default_factory=dict)
    imports: dict[str, Json] = field(default_factory=dict)
    imported: dict[str, Json] = field(default_factory=dict)
    loads_after: int | None = None
    """Looks at a component until the copies are there that are wanted; None: `pass_time` brings them."""
    refuse: dict[str, Refused] = field(default_factory=dict)
    """Operation -> what it answers instead."""

    def client(self, service: str) -> Any:
        made = boto3.client(service, REGION, aws_access_key_id="test", aws_secret_access_key="test")
        made.meta.events.unregister("before-send", botocore_stubber)  # moto knows none of these calls
        made.meta.events.register("before-send", self._answer)
        return made

    def called(self, operation: str) -> list[Json]:
        return [request for name, request in self.calls if name == operation]

    def pass_time(self) -> None:
        """Everything that is being made is ready, and copies are as many as wanted."""
        for thing in [*self.endpoints.values(), *self.components.values()]:
            if thing["status"] == "Creating":
                thing["status"] = "InService"
        for component in self.components.values():
            component["copies"] = component["wanted"]
        for name, job in self.imports.items():
            if job["status"] == "InProgress":
                job["status"] = "Completed"
                self.imported[name] = job

    def scale_in(self) -> None:
        """Nobody asked for a while: the policy of each component takes its copy away."""
        for name, component in self.components.items():
            if f"inference-component/{name}" in self.policies:
                component["copies"] = component["wanted"] = 0

    def running(self) -> int:
        """Copies, each of which keeps an instance."""
        return sum(component["wanted"] for component in self.components.values())

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        target = request.headers.get("X-Amz-Target", b"")
        name = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        body = json.loads(request.body or b"{}")
        if not name:
            path = request.url.partition(".com/")[2].split("/")
            known = {
                ("POST", "model-import-jobs"): "CreateModelImportJob",
                ("GET", "model-import-jobs"): "GetModelImportJob",
                ("GET", "imported-models"): "GetImportedModel",
                ("DELETE", "imported-models"): "DeleteImportedModel",
            }
            name = known[request.method, path[0]]
            body |= {"id": path[1]} if len(path) > 1 else {}
        self.calls.append((name, body))
        headers = {"Content-Type": "application/json"}
        try:
            if name in self.refuse:
                raise self.refuse[name]
            status, content = 200, getattr(self, f"_{name}")(body)
        except Refused as refused:
            status, content = refused.status, {"__type": refused.code, "message": refused.message}
            headers["x-amzn-errortype"] = refused.code
        return AWSResponse(request.url, status, headers, MockRawResponse(json.dumps(content).encode()))

    def _CreateEndpointConfig(self, body: Json) -> Json:
        name = body["EndpointConfigName"]
        if name in self.configs:
            raise Refused("ValidationException", "Cannot create already existing endpoint configuration")
        self.configs[name] = body
        return {"EndpointConfigArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/x"}

    def _CreateEndpoint(self, body: Json) -> Json:
        assert body["EndpointConfigName"] in self.configs
        self.endpoints[body["EndpointName"]] = {"status": "Creating"}
        return {"EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/x"}

    def _DescribeEndpoint(self, body: Json) -> Json:
        found = self.endpoints.get(body["EndpointName"])
        if found is None:
            raise missing("endpoint")
        arn = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/x"
        reason = {"FailureReason": found["reason"]} if "reason" in found else {}
        return {
            "EndpointName": body["EndpointName"],
            "EndpointArn": arn,
            "EndpointStatus": found["status"],
            "CreationTime": 0,
            "LastModifiedTime": 0,
            **reason,
        }

    def _DeleteEndpoint(self, body: Json) -> Json:
        self.endpoints.pop(body["EndpointName"])
        return {}

    def _CreateModel(self, body: Json) -> Json:
        if body["ModelName"] in self.models:
            raise Refused("ValidationException", "Cannot create already existing model")
        self.models[body["ModelName"]] = body
        return {"ModelArn": "arn:aws:sagemaker:us-east-1:123456789012:model/x"}

    def _DeleteModel(self, body: Json) -> Json:
        if self.models.pop(body["ModelName"], None) is None:
            raise missing("model")
        return {}

    def _CreateInferenceComponent(self, body: Json) -> Json:
        assert self.endpoints[body["EndpointName"]]["status"] == "InService"
        assert body["Specification"]["ModelName"] in self.models
        wanted = body["RuntimeConfig"]["CopyCount"]
        self.components[body["InferenceComponentName"]] = {"status": "Creating", "copies": 0, "wanted": wanted}
        return {"InferenceComponentArn": "arn:aws:sagemaker:us-east-1:123456789012:inference-component/x"}

    def _DescribeInferenceComponent(self, body: Json) -> Json:
        found = self.components.get(body["InferenceComponentName"])
        if found is None:
            raise missing("inference component")
        if found["copies"] != found["wanted"] and self.loads_after is not None:
            self.loads_after -= 1
            found["copies"] = found["wanted"] if self.loads_after <= 0 else found["copies"]
        reason = {"FailureReason": found["reason"]} if "reason" in found else {}
        return {
            "InferenceComponentName": body["InferenceComponentName"],
            "InferenceComponentArn": "arn:aws:sagemaker:us-east-1:123456789012:inference-component/x",
            "EndpointName": "x",
            "EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/x",
            "CreationTime": 0,
            "LastModifiedTime": 0,
            "InferenceComponentStatus": found["status"],
            "RuntimeConfig": {"DesiredCopyCount": found["wanted"], "CurrentCopyCount": found["copies"]},
            **reason,
        }

    def _UpdateInferenceComponentRuntimeConfig(self, body: Json) -> Json:
        self.components[body["InferenceComponentName"]]["wanted"] = body["DesiredRuntimeConfig"]["CopyCount"]
        return {"InferenceComponentArn": "arn:aws:sagemaker:us-east-1:123456789012:inference-component/x"}

    def _DeleteInferenceComponent(self, body: Json) -> Json:
        if self.components.pop(body["InferenceComponentName"], None) is None:
            raise missing("inference component")
        return {}

    def _RegisterScalableTarget(self, body: Json) -> Json:
        self.targets[body["ResourceId"]] = body
        return {}

    def _PutScalingPolicy(self, body: Json) -> Json:
        assert body["ResourceId"] in self.targets
        self.policies[body["ResourceId"]] = body
        return {"PolicyARN": "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:x"}

    def _DeregisterScalableTarget(self, body: Json) -> Json:
        if self.targets.pop(body["ResourceId"], None) is None:
            raise Refused("ObjectNotFoundException", "No scalable target registered")
        self.policies.pop(body["ResourceId"], None)
        return {}

    def _CreateModelImportJob(self, body: Json) -> Json:
        arn = f"arn:aws:bedrock:us-east-1:123456789012:imported-model/{len(self.imports):012d}"
        self.imports[body["jobName"]] = {"status": "InProgress", "arn": arn, "request": body}
        return {"jobArn": "arn:aws:bedrock:us-east-1:123456789012:model-import-job/000000000000"}

    def _GetModelImportJob(self, body: Json) -> Json:
        found = self.imports.get(body["id"])
        if found is None:
            raise Refused("ResourceNotFoundException", "no such job", 404)
        reason = {"failureMessage": found["reason"]} if "reason" in found else {}
        return {"jobName": body["id"], "status": found["status"], "importedModelArn": found["arn"], **reason}

    def _GetImportedModel(self, body: Json) -> Json:
        if body["id"] not in self.imported:
            raise Refused("ResourceNotFoundException", "no such model", 404)
        return {"modelArn": self.imported[body["id"]]["arn"], "modelName": body["id"]}

    def _DeleteImportedModel(self, body: Json) -> Json:
        if self.imported.pop(body["id"], None) is None:
            raise Refused("ResourceNotFoundException", "no such model", 404)
        return {}
