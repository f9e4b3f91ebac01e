"""What a client may ask before it uploads anything: an order is judged without a single document, on either backend."""

from __future__ import annotations

import pytest

from tests.support.service import Service


@pytest.mark.parametrize(
    ("order", "code", "field"),
    [
        ({"model_id": "nobody"}, "UNKNOWN_TEACHER", "model_id"),
        ({"model_id": "openai:"}, "UNKNOWN_TEACHER", "model_id"),
        ({"config": {"multi_hop_share": 0.2}}, "TEACHER_CANNOT", "model_id"),
        ({"config": {"mode": "batch"}}, "TEACHER_CANNOT", "mode"),
        ({"model_id": "ollama:llama3.2", "config": {"mode": "batch"}}, "TEACHER_CANNOT", "mode"),
        ({"config": {"seed": -1}}, "VALIDATION_ERROR", "seed"),
        ({"config": {"checks": "severe"}}, "VALIDATION_ERROR", "checks"),
        ({"config": {"checks": {"truncatd": "off"}}}, "VALIDATION_ERROR", "checks.truncatd"),
        ({"config": {"language": "german"}}, "VALIDATION_ERROR", "language"),
        ({"config": {"language": ["de"]}}, "VALIDATION_ERROR", "language"),
        ({"config": {"language": "de"}}, "TEACHER_CANNOT", "model_id"),
    ],
)
def test_a_wrong_order_is_refused_for_what_is_wrong_with_it(
    service: Service, order: dict[str, object], code: str, field: str
) -> None:
    project_id = service.project()

    said = service.call(
        "POST",
        f"/projects/{project_id}/generate",
        expect=422,
        json={"model_id": "extractive", "estimate": True, **order},
    )

    assert said["code"] == code
    assert [e["field"] for e in said["errors"]] == [field]


def test_a_right_order_lacks_only_the_documents(service: Service) -> None:
    project_id = service.project()

    said = service.call(
        "POST",
        f"/projects/{project_id}/generate",
        expect=422,
        json={"model_id": "ollama:llama3.2", "estimate": True, "config": {"multi_hop_share": 0.2}},
    )

    assert said["code"] == "NO_CHUNKS"
