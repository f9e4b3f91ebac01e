"""The synthesised deployment, once per stage and session; packages are not installed for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.support.templates import EVERY_OPTION, Deployment, synthesise


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return synthesise("dev", tmp_path_factory.mktemp("cdk") / "dev")


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return synthesise("prod", tmp_path_factory.mktemp("cdk") / "prod")


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """prod with every option."""
    return synthesise("prod", tmp_path_factory.mktemp("cdk") / "full", EVERY_OPTION)


@pytest.fixture(params=["dev", "full"])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def findings() -> Callable[..., list[str]]:
    """cfn-lint in this process: `E3601 message` for each finding in the text of a template, warnings too."""

    from cfnlint.api import lint  # 4 s of CPU, which every worker would spend to collect the tests

    def find(template: str, *, excused: Sequence[str] = ()) -> list[str]:
        matches = lint(template, config={"ignore_checks": list(excused), "regions": ["us-east-1"]})
        return [f"{match.rule.id} {match.message}" for match in matches]

    return find
