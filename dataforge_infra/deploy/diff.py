"""What a deployment would change: today's templates against those that are deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

HOLDS_DATA = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
REPLACES = ("TableName", "KeySchema", "ImportSourceSpecification", "BucketName")
"""Properties of what holds data whose change makes CloudFormation create another resource, which is empty."""

Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """of: an addition, a removal, or a change of some properties of a resource."""

    of: Literal["+", "-", "~"]
    logical_id: str
    type: str
    properties: tuple[str, ...] = ()

    @property
    def endangers_data(self) -> bool:
        """A table or bucket would leave its stack, or be replaced by an empty one."""
        if self.type not in HOLDS_DATA:
            return False
        return self.of == "-" or any(name in REPLACES for name in self.properties)

    def __str__(self) -> str:
        line = f"{self.of} {self.type} {self.logical_id}"
        return f"{line}: {', '.join(self.properties)}" if self.properties else line


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Of two templates, in the order of logical ids; an empty old template stands for a stack that does not exist."""
    return list(_changes(old.get("Resources", {}), new.get("Resources", {})))


def _changes(old: Mapping[str, Resource], new: Mapping[str, Resource]) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before is None and after is not None:
            yield Change("+", name, str(after["Type"]))
        elif after is None and before is not None:
            yield Change("-", name, str(before["Type"]))
        elif before is not None and after is not None and (differing := tuple(_differing(before, after))):
            yield Change("~", name, str(after["Type"]), differing)


def _differing(before: Resource, after: Resource) -> Iterator[str]:
    """Names of the properties that differ, and of attributes of the resource other than its metadata."""
    old, new = (dict(resource.get("Properties", {})) for resource in (before, after))
    yield from sorted(name for name in {*old, *new} if not _same(old.get(name), new.get(name)))
    outside = {*before, *after} - {"Properties", "Metadata"}
    yield from sorted(name for name in outside if not _same(before.get(name), after.get(name)))


def _same(one: object, other: object) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
