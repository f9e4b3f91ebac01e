"""Step Functions for tests: moto executes the real definitions, and the Lambda functions are Python callables."""

from __future__ import annotations

import io
import json
import traceback
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import boto3
from moto import mock_aws
from moto.awslambda.models import LambdaFunction

from dataforge.platform.embedded.asl_parser import substitute
from tests.support import library_patches
from tests.support.paths import INFRA

library_patches.run_step_functions_in_process()


Handler = Callable[[dict[str, Any], object], Any]


def definition(machine: str) -> dict[str, Any]:
    """The file as it is, placeholders included."""
    return json.loads((INFRA / f"{machine}.asl.json").read_text("utf-8"))


@contextmanager
def aws() -> Iterator[None]:
    """A fresh account in which state machines really run."""
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield


@contextmanager
def deploy(
    handlers: Mapping[str, Handler], definitions: Mapping[str, Mapping[str, Any]], bucket: str
) -> Iterator[dict[str, str]]:
    """Inside `aws()`: make the functions and the state machines; gives machine name -> ARN.

    handlers: by placeholder (`PlanRun`), called in this process as (event, context) in moto's threads; an exception
    reaches Retry and Catch under its class name, as on Lambda. definitions: with `${...}` still in them.
    """
    role, functions = _role(), boto3.client("lambda")
    for name in handlers:
        functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=role,
            Handler="x.handler",
            Timeout=900,
            Code={"ZipFile": _empty_zip()},
        )
    sfn = boto3.client("stepfunctions")
    arns = {}
    for machine, raw in definitions.items():
        text = json.dumps(substitute(dict(raw), {**{name: name for name in handlers}, "Bucket": bucket}))
        arns[machine] = sfn.create_state_machine(name=machine, definition=text, roleArn=role)["stateMachineArn"]
    with _in_process(handlers):
        yield arns


@contextmanager
def _in_process(handlers: Mapping[str, Handler]) -> Iterator[None]:
    def invoke(function: LambdaFunction, event: dict[str, Any]) -> tuple[str, bool, str]:
        context = SimpleNamespace(
            function_name=function.function_name, get_remaining_time_in_millis=lambda: function.timeout * 1000
        )
        try:
            return json.dumps(handlers[function.function_name](event, context)), False, ""
        except Exception as error:
            stack = traceback.format_tb(error.__traceback__)
            failure = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": stack}
            return json.dumps(failure), True, ""

    with library_patches.lambda_handlers(invoke, _too_late):
        yield


def _too_late(function: LambdaFunction, _: dict[str, Any]) -> tuple[str, bool, str]:
    """For an execution that outlives its test."""
    gone = {"errorMessage": f"{function.function_name} is gone with its test", "errorType": "Gone", "stackTrace": []}
    return json.dumps(gone), True, ""


def _role() -> str:
    return boto3.client("iam").create_role(RoleName="everything", AssumeRolePolicyDocument="{}")["Role"]["Arn"]


def _empty_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.py", "")
    return buffer.getvalue()
