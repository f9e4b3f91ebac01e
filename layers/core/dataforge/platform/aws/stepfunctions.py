"""The Workflows port on Step Functions (Standard): an execution is named by its run id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from botocore.config import Config

from dataforge.errors import TooLarge
from dataforge.platform.aws import clients
from dataforge.platform.ports import Execution, Item

_LIMIT = 256 * 1024


class StepFunctionsWorkflows:
    """arns: state machine name -> ARN. A name is taken for 90 days after its execution ended."""

    def __init__(self, arns: Mapping[str, str], *, client: Any = None) -> None:
        self._arns = arns
        if client is not None:
            self._client = client

    @cached_property
    def _client(self) -> Any:
        return clients.client("stepfunctions", config=Config(retries=clients.retries(), connect_timeout=3))

    def start(self, machine: str, run_id: str, input: Item) -> None:
        """Raises KeyError for an unknown machine, TooLarge above 256 KiB of input."""
        text = json.dumps(input, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) > _LIMIT:
            raise TooLarge(f"The input of {run_id} is larger than {_LIMIT} bytes")
        try:
            self._client.start_execution(stateMachineArn=self._arns[machine], name=run_id, input=text)
        except self._client.exceptions.ExecutionAlreadyExists:
            # The first start counts, also if the input differs or the execution has ended.
            return

    def describe(self, machine: str, run_id: str) -> Execution | None:
        try:
            found = self._client.describe_execution(executionArn=self._arn(machine, run_id))
        except self._client.exceptions.ExecutionDoesNotExist:
            return None
        output = json.loads(found["output"]) if found.get("output") else None
        return Execution(
            machine, run_id, found["status"], output=output, error=found.get("error"), cause=found.get("cause")
        )

    def stop(self, machine: str, run_id: str, *, cause: str = "") -> None:
        found = self.describe(machine, run_id)
        if found and found.status == "RUNNING":
            self._client.stop_execution(executionArn=self._arn(machine, run_id), cause=cause)

    def send_task_success(self, token: str) -> None:
        gone = self._client.exceptions
        with suppress(gone.TaskTimedOut, gone.TaskDoesNotExist, gone.InvalidToken):
            self._client.send_task_success(taskToken=token, output="{}")

    def _arn(self, machine: str, run_id: str) -> str:
        return f"{self._arns[machine].replace(':stateMachine:', ':execution:')}:{run_id}"
