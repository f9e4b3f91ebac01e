"""The same promise as in test_openapi.py, over thousands of generated requests and all limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as examples
from schemathesis import Case

from tests.support.generated_requests import World, described, prepare

pytestmark = pytest.mark.slow
generated = described(boundaries=True)
OPERATIONS = list(generated.get_all_operations())
EXAMPLES = -(-11_000 // len(OPERATIONS))
"""For each operation, so that there are 10,000 in all however many operations there are; some have few inputs."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    for world in prepare(tmp_path_factory.mktemp("world")):
        yield world
        print(f"{world.cases:,} cases; {world.succeeded:.0%} did what they asked for")
        assert world.missed() == []
        assert world.cases >= 10_000 or len(world.answers) < len(OPERATIONS)


@generated.parametrize()
@examples(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_answers_are_as_documented(case: Case, world: World) -> None:
    world.send(case)
