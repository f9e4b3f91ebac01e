"""What a document run at batch price counted and logged."""

from __future__ import annotations

from typing import Any

from tests.support.service import Service


def counts(run: dict[str, Any]) -> tuple[int, int, int, int]:
    c = run["counts"]
    assert c["asked"] == c["delivered"] + c["rejected"] + c["failed"], c
    return c["asked"], c["delivered"], c["rejected"], c["failed"]


def logs(service: Service, run: dict[str, Any]) -> str:
    lines = service.call("GET", f"/generations/{run['generationId']}/logs", tail=200)["logs"]
    return "\n".join(line["message"] for line in lines)
