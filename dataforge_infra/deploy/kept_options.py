"""The options of the last deployment of a stage, which the next one takes where they are not given again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from dataforge_infra.deploy.account import DeployError

OUTPUT = "DeployOptions"
"""Output of the service stack that holds them."""


def given(pairs: Sequence[str]) -> dict[str, str]:
    """`name=value` words of the command line. Raises DeployError for a word without `=`."""
    for pair in pairs:
        if "=" not in pair:
            raise DeployError(f"-c {pair}: write -c name=value, or -c name= to take an option back")
    return dict(pair.split("=", 1) for pair in pairs)


def merged(new: Mapping[str, str], outputs: Mapping[str, str]) -> dict[str, str]:
    """new: of the command line; an empty value takes an option back. outputs: of the deployed service stack."""
    return {name: value for name, value in {**kept(outputs), **new}.items() if value != ""}


def kept(outputs: Mapping[str, str]) -> dict[str, str]:
    """Raises DeployError when the output cannot be read, so that no option is dropped silently."""
    text = outputs.get(OUTPUT, "{}")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise DeployError(f"The output {OUTPUT} of the service stack cannot be read: {text!r}; give every -c again")
    return found
