"""DynamoDB's wire format: typed values, condition expressions and update expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from dataforge.platform import items as rules
from dataforge.platform.ports import ABSENT, Item, Value, Where

_IN_MOST = 100


class Expression:
    """Collects the names, values and clauses of one request."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._conditions: list[str] = []
        self._sets: list[str] = []
        self._removes: list[str] = []

    def exists(self, name: str) -> None:
        self._conditions.append(f"attribute_exists({self._path(name)})")

    def absent(self, name: str) -> None:
        self._conditions.append(f"attribute_not_exists({self._path(name)})")

    def require(self, where: Where) -> Expression:
        for name, wanted in where.items():
            if wanted is ABSENT:
                self.absent(name)
            elif isinstance(wanted, tuple):
                self._one_of(name, wanted)
            else:
                self._conditions.append(f"{self._path(name)} = {self._value(cast(Value, wanted), name)}")
        return self

    def change(self, set: Item, add: Mapping[str, int | float], remove: Sequence[str]) -> None:
        self._sets += [f"{self._path(name)} = {self._value(given, name)}" for name, given in set.items()]
        for name, amount in add.items():
            # The ADD action cannot reach into a map; this can, and means the same.
            here, zero = self._path(name), self._value(0, name)
            self._sets.append(f"{here} = if_not_exists({here}, {zero}) + {self._value(amount, name)}")
        self._removes += [self._path(name) for name in remove]

    def arguments(self) -> dict[str, Any]:
        """The clauses that are not empty, as arguments of the request."""
        changes = [f"{word} {', '.join(c)}" for word, c in (("SET", self._sets), ("REMOVE", self._removes)) if c]
        found = {
            "ConditionExpression": " AND ".join(self._conditions),
            "UpdateExpression": " ".join(changes),
            "ExpressionAttributeNames": self._names,
            "ExpressionAttributeValues": self._values,
        }
        return {name: part for name, part in found.items() if part}

    def _one_of(self, name: str, wanted: tuple[Value, ...]) -> None:
        path = self._path(name)
        if not wanted:  # an empty tuple contains nothing, and IN () is no valid expression
            self._conditions.append(f"(attribute_exists({path}) AND attribute_not_exists({path}))")
            return
        marks = [self._value(v, name) for v in wanted]
        groups = [marks[i : i + _IN_MOST] for i in range(0, len(marks), _IN_MOST)]
        self._conditions.append("(" + " OR ".join(f"{path} IN ({', '.join(g)})" for g in groups) + ")")

    def _path(self, name: str) -> str:
        return ".".join(self._alias(step) for step in rules.path(name))

    def _alias(self, step: str) -> str:
        for alias, known in self._names.items():
            if known == step:
                return alias
        alias = f"#n{len(self._names)}"
        self._names[alias] = step
        return alias

    def _value(self, given: Value, name: str) -> str:
        mark = f":v{len(self._values)}"
        self._values[mark] = _typed(rules.value(given, name))
        return mark


def to_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """A checked item (`items.checked`) as DynamoDB takes it."""
    return {name: _typed(value) for name, value in item.items()}


def item_from_wire(item: Mapping[str, Any]) -> Item:
    return {name: from_wire(value) for name, value in item.items()}


def from_wire(value: Mapping[str, Any]) -> Value:
    ((kind, content),) = value.items()
    return _FROM[kind](content)


def _typed(value: Value) -> dict[str, Any]:
    return _TO[type(value)](value)


def _number(text: str) -> int | float:
    exact = Decimal(text)
    whole = exact == exact.to_integral_value()
    return rules.number(int(exact) if whole and abs(exact) < 2**63 else float(text), "number")


_TO: dict[type, Callable[[Any], dict[str, Any]]] = {
    str: lambda v: {"S": v},
    bool: lambda v: {"BOOL": v},
    type(None): lambda _: {"NULL": True},
    int: lambda v: {"N": str(v)},
    float: lambda v: {"N": repr(v)},
    list: lambda v: {"L": [_typed(x) for x in v]},
    dict: lambda v: {"M": to_wire(v)},
}
_FROM: dict[str, Callable[[Any], Value]] = {
    "S": str,
    "BOOL": bool,
    "NULL": lambda _: None,
    "N": _number,
    "L": lambda v: [from_wire(x) for x in v],
    "M": lambda v: item_from_wire(v),
}
