"""The synthesised templates; packages are not installed for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.app import build

Resource = dict[str, Any]


@dataclass(frozen=True)
class Deployment:
    folder: Path
    data: dict[str, Any]
    service: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, Resource]:
        """Logical id -> resource of this type, over both stacks."""
        both = {**self.data["Resources"], **self.service["Resources"]}
        return {name: resource for name, resource in both.items() if resource["Type"] == kind}

    def properties(self, kind: str) -> list[dict[str, Any]]:
        return [resource["Properties"] for resource in self.of_type(kind).values()]

    def text(self, value: Any) -> str:
        """An intrinsic function as readable text: `<RunsTable.Arn>/index/*`."""
        match value:
            case str():
                return value
            case {"Ref": name}:
                return f"<{name}>"
            case {"Fn::GetAtt": [name, attribute]}:
                return f"<{name}.{attribute}>"
            case {"Fn::Join": [glue, parts]}:
                return glue.join(self.text(part) for part in parts)
            case {"Fn::ImportValue": name}:
                return self.text(self._exports()[name])
        raise AssertionError(f"not readable: {value}")

    def _exports(self) -> dict[str, Any]:
        outputs = self.data["Outputs"].values()
        return {output["Export"]["Name"]: output["Value"] for output in outputs if "Export" in output}


EVERY_OPTION: dict[str, str | list[str]] = {
    "waf": "yes",
    "snap_start": "yes",
    "tracer": "yes",
    "dashboard": "yes",
    "alarm_email": "ops@example.com",
    "budget_usd": "100",
    "domain": "forge.example.com",
    "certificate_arn": "arn:aws:acm:us-east-1:111122223333:certificate/11111111-2222-3333-4444-555555555555",
}


def synthesise(stage: str, folder: Path, options: dict[str, str | list[str]] | None = None) -> Deployment:
    context: dict[str, str | list[str]] = {"stage": stage, "aws:cdk:bundling-stacks": [], **(options or {})}
    build(context, str(folder)).synth()
    data, service = (json.loads((folder / f"{name}Stack.template.json").read_text()) for name in ("Data", "Service"))
    return Deployment(folder, data, service)
