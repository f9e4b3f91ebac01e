"""The requests of docs/synthetic.md are accepted by the server's own model, and no option of it has no example."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from dataforge.recipes.synthetic import checking
from dataforge_functions.api.wire.synthetic import SyntheticRequest
from tests.support.paths import DOCS

PAGE = (DOCS / "synthetic.md").read_text()
EXAMPLES: list[dict[str, Any]] = [
    json.loads(textwrap.dedent(block)) for block in re.findall(r"^    \{\n(?:    .*\n)+", PAGE, re.MULTILINE)
]


def keys(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_every_example_is_a_request_that_the_server_takes() -> None:
    assert len(EXAMPLES) == 3
    for example in EXAMPLES:
        checking.check(SyntheticRequest.model_validate(example).plain())


def test_every_option_has_an_example() -> None:
    shown = {key for example in EXAMPLES for key in keys(example)}

    schema = SyntheticRequest.model_json_schema()
    known = {name for part in (schema, *schema["$defs"].values()) for name in part.get("properties", ())}
    assert known - shown == set()
