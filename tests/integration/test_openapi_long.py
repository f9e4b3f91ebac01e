"""The same promise as in test_openapi.py, over thousands of generated requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as examples
from schemathesis import Case

from tests.integration.api_cases import World, described, prepare

pytestmark = pytest.mark.slow
generated = described()
OPERATIONS = list(generated.get_all_operations())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    for world in prepare(tmp_path_factory.mktemp("world")):
        yield world
        assert world.missed() == []
        assert world.cases >= 3000 or len(world.answers) < len(OPERATIONS)


@generated.parametrize()
@examples(max_examples=300, suppress_health_check=list(HealthCheck))
def test_answers_are_as_documented(case: Case, world: World) -> None:
    world.send(case)
