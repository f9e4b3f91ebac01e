"""One stack at a time through CloudFormation, each event shown, each failure with its reason."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from dataforge_infra.deploy.account import Account, DeployError
from dataforge_infra.deploy.assembly import Stack

POLL_S = 1.0
LONGEST_S = 3600.0
_GONE = "GONE"
_REMEDIES = {
    "UPDATE_ROLLBACK_FAILED": "run: aws cloudformation continue-update-rollback --stack-name {name}",
    "DELETE_FAILED": "delete it in the console, keeping what cannot be deleted, and deploy again",
    "ROLLBACK_FAILED": "delete it in the console, keeping what cannot be deleted, and deploy again",
}


class Stacks:
    """say: receives each line of progress."""

    def __init__(self, account: Account, say: Callable[[str], None], *, poll_s: float = POLL_S) -> None:
        self._account, self._say, self._poll = account, say, poll_s
        self._cfn = account.client("cloudformation")

    def deploy(self, stack: Stack) -> bool:
        """Create or update it and wait; False if there was nothing to change.

        Raises DeployError with the reasons of every resource that failed.
        """
        status = self._stable_status(stack.name)
        if status == "ROLLBACK_COMPLETE":  # its first creation failed: it can only be deleted
            self.delete(stack.name, unprotect=True)
            status = _GONE
        if status in _REMEDIES:
            raise DeployError(f"The stack {stack.name} is {status}: {_REMEDIES[status].format(name=stack.name)}")
        seen = self._events(stack.name) if status != _GONE else []
        wanted = {
            "StackName": stack.name,
            "TemplateURL": self._url(stack),
            "Capabilities": ["CAPABILITY_IAM"],
            "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
        }
        try:
            if status == _GONE:
                self._cfn.create_stack(**wanted, EnableTerminationProtection=stack.protected)
            else:
                self._cfn.update_stack(**wanted)
        except ClientError as problem:
            if "No updates are to be performed" in str(problem):
                return False
            raise DeployError(f"CloudFormation refuses the stack {stack.name}: {problem}") from None
        self._wait(stack.name, {event["EventId"] for event in seen})
        return True

    def outputs_if_there(self, name: str) -> dict[str, str]:
        """Empty when the stack is not there."""
        found = self._describe(name) or {}
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def outputs(self, name: str) -> dict[str, str]:
        """Raises DeployError when the stack is not there."""
        if self._describe(name) is None:
            raise DeployError(f"There is no stack {name} in {self._account.region}: run dataforge deploy first")
        return self.outputs_if_there(name)

    def template(self, name: str) -> dict[str, Any]:
        """As it is deployed; empty when the stack is not there."""
        found = self._describe(name)
        if found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS":
            return {}
        body = self._cfn.get_template(StackName=name)["TemplateBody"]
        return dict(json.loads(body) if isinstance(body, str) else body)

    def delete(self, name: str, *, unprotect: bool = False) -> bool:
        """False when it is not there. Raises DeployError if a resource cannot be deleted."""
        found = self._describe(name)
        if found is None:
            return False
        if unprotect:
            self._cfn.update_termination_protection(StackName=name, EnableTerminationProtection=False)
        seen = {event["EventId"] for event in self._events(name)}
        try:
            # By its id: a deleted stack answers to that only.
            self._cfn.delete_stack(StackName=found["StackId"])
        except ClientError as problem:
            raise DeployError(f"CloudFormation does not delete {name}: {problem}") from None
        self._wait(found["StackId"], seen)
        return True

    def _stable_status(self, name: str) -> str:
        """Its status once nothing is in progress; GONE when it does not exist."""
        end = time.monotonic() + LONGEST_S
        while True:
            found = self._describe(name)
            status = str(found["StackStatus"]) if found else _GONE
            if status in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS"):
                return _GONE
            if not status.endswith("_IN_PROGRESS"):
                return status
            self._pause(end, f"{name} is {status}")

    def _wait(self, name: str, seen: set[str]) -> None:
        """Until no operation on the stack is in progress."""
        end = time.monotonic() + LONGEST_S
        reasons: list[str] = []
        while True:
            found = self._describe(name)  # before the events: so that the last ones are shown too
            for event in reversed(self._events(name)):
                if event["EventId"] not in seen:
                    seen.add(event["EventId"])
                    reasons += self._show(event)
            status = str(found["StackStatus"]) if found else "DELETE_COMPLETE"
            if not status.endswith("_IN_PROGRESS"):
                break
            self._pause(end, f"{name} is still {status}")
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"):
            details = "\n  ".join(reasons) or str(
                (found or {}).get("StackStatusReason", "CloudFormation gives no reason")
            )
            raise DeployError(f"{name} ended as {status}:\n  {details}")

    def _show(self, event: dict[str, Any]) -> list[str]:
        """The reason, if the event is a failure and not the consequence of another one."""
        status, reason = str(event["ResourceStatus"]), str(event.get("ResourceStatusReason", ""))
        line = f"{status:<28} {event.get('ResourceType', '')} {event['LogicalResourceId']}"
        failed = status.endswith("_FAILED")
        self._say(f"{line}: {reason}" if failed else line)
        return [f"{event['LogicalResourceId']}: {reason}"] if failed and "cancelled" not in reason.lower() else []

    def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            return dict(self._cfn.describe_stacks(StackName=name)["Stacks"][0])
        except ClientError as problem:
            if "does not exist" in str(problem):
                return None
            raise

    def _events(self, name: str) -> list[dict[str, Any]]:
        """Newest first. All pages: an update of a large stack has more than one."""
        try:
            pages = self._cfn.get_paginator("describe_stack_events").paginate(StackName=name)
            return [event for page in pages for event in page["StackEvents"]]
        except ClientError as problem:
            if "does not exist" in str(problem):
                return []
            raise

    def _url(self, stack: Stack) -> str:
        s3 = self._account.client("s3")
        signed = s3.generate_presigned_url(
            "get_object", Params={"Bucket": stack.template.bucket, "Key": stack.template.key}
        )
        return str(signed).split("?", 1)[0]

    def _pause(self, end: float, what: str) -> None:
        if time.monotonic() > end:
            raise DeployError(f"After {LONGEST_S / 60:.0f} minutes {what}: look at it in the CloudFormation console")
        time.sleep(self._poll)
