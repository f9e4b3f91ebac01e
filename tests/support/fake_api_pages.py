"""The pages about runs and synthetic jobs, as the fake API has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.fake_api import FakeApi

PAGE = b"<!doctype html><title>Quality report</title>"


def page(api: FakeApi, run_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    return 200, PAGE


PAGE_ROUTES = [
    ("GET", "/api/v1/data-forge/generations/([^/]+)/report", page),
    ("GET", "/v1/synthetic/jobs/([^/]+)/report", page),
]
