"""The layers install what the lock says."""

from __future__ import annotations

import re

from infra import requirements


def test_requirement_files_are_what_the_lock_says():
    for layer, text in requirements.exported().items():
        assert requirements.path(layer).read_text() == text, "run: python -m infra.requirements"


def test_every_requirement_is_pinned_and_hashed():
    for layer in ("core", "parsing"):
        entries = re.split(r"\n(?! )", requirements.path(layer).read_text().strip())[1:]

        assert len(entries) > 3
        assert all(re.match(r"[\w.-]+==[\w.]+", entry) and "--hash=sha256:" in entry for entry in entries)


def test_the_parsing_layer_repeats_nothing_of_the_core_layer_below_it():
    names = {
        layer: set(re.findall(r"^([\w.-]+)==", requirements.path(layer).read_text(), re.MULTILINE))
        for layer in ("core", "parsing")
    }

    assert {"fastapi", "boto3", "tiktoken"} <= names["core"]
    assert {"liteparse", "lxml"} <= names["parsing"]
    assert not names["core"] & names["parsing"]
