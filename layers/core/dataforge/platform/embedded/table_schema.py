"""How items are stored in SQLite: key and index keys in columns, and the whole item as JSON.

    "pairs" (h, r, body, expires, by_run_h, by_run_r, ...)   unique (h, r); one SQL index per index, and for the TTL

`r` is '' in a table without a range key. An item that lacks an index key has NULL there and is not in the index.
The SQL index's name contains its attributes: when the catalog changes, the old index is dropped and the new one is
filled from the bodies.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import orjson

from dataforge.errors import Invalid, TooLarge
from dataforge.platform.items import MAX_ITEM_BYTES, key_value
from dataforge.platform.ports import Item, Key

Row = tuple[object, ...]


class IndexShape(Protocol):
    @property
    def hash_key(self) -> str: ...
    @property
    def range_key(self) -> str: ...
    @property
    def projection(self) -> str: ...


class TableShape(Protocol):
    """What is used of `dataforge_infra.catalog.Table`; range_type is `S` or `N`, projection `KEYS_ONLY` or `ALL`."""

    @property
    def hash_key(self) -> str: ...
    @property
    def range_key(self) -> str | None: ...
    @property
    def range_type(self) -> str: ...
    @property
    def indexes(self) -> Mapping[str, IndexShape]: ...
    @property
    def ttl(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class SortOrder:
    """One order in which a table can be read: by its key or by an index. Column names are quoted for SQL."""

    hash_key: str
    range_key: str | None
    hash_column: str
    range_column: str
    keys_only: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """What orders rows within one hash value; an index needs the table's key to tell equal ones apart."""
        return ("r",) if self.range_column == "r" else (self.range_column, "h", "r")


class TableSchema:
    """The SQL and the key rules of one table."""

    def __init__(self, name: str, shape: TableShape) -> None:
        self.name, self.shape = name, shape
        self.key_names = (shape.hash_key,) if shape.range_key is None else (shape.hash_key, shape.range_key)
        self.orders: dict[str | None, SortOrder] = {None: SortOrder(shape.hash_key, shape.range_key, "h", "r", False)}
        for index, i in shape.indexes.items():
            self.orders[index] = SortOrder(
                i.hash_key, i.range_key, f'"{index}_h"', f'"{index}_r"', i.projection == "KEYS_ONLY"
            )
        columns = ["h", "r", "body", "expires"]
        columns += [c for o in list(self.orders.values())[1:] for c in (o.hash_column, o.range_column)]
        marks = ", ".join("?" * len(columns))
        changes = ", ".join(f"{c} = excluded.{c}" for c in columns[2:])
        self.insert = f'INSERT INTO "{name}" ({", ".join(columns)}) VALUES ({marks}) ON CONFLICT (h, r) '  # noqa: S608
        self.replace = f"{self.insert}DO UPDATE SET {changes}"
        self.insert += "DO NOTHING"
        self.select = f'SELECT body FROM "{name}" WHERE h = ? AND r = ?'  # noqa: S608
        self.delete = f'DELETE FROM "{name}" WHERE h = ? AND r = ?'  # noqa: S608

    def key(self, key: Key) -> tuple[str | int, str | int]:
        """(h, r). Raises Invalid unless the key has exactly the table's key attributes."""
        if len(key) != len(self.key_names) or any(n not in key for n in self.key_names):
            raise Invalid(f"a key of {self.name} is {', '.join(self.key_names)}, not {', '.join(key)}")
        return self._key_of(key)

    def row(self, item: Item) -> Row:
        """Every column of a checked item. Raises TooLarge above 400 KB of JSON."""
        body = orjson.dumps(item)
        if len(body) > MAX_ITEM_BYTES:
            raise TooLarge(f"an item of {self.name} has {len(body):,} bytes; at most {MAX_ITEM_BYTES:,} fit")
        cells: list[object] = [*self._key_of(item), body, self._expiry(item)]
        for order in list(self.orders.values())[1:]:
            cells += self._index_cells(order, item)
        return tuple(cells)

    def order(self, index: str | None, hash_key: Key) -> tuple[SortOrder, str | int]:
        """The order to read in and the hash value. Raises Invalid for an unknown index or another attribute."""
        order = self.orders.get(index)
        if order is None:
            raise Invalid(f"{self.name} has no index {index}")
        if list(hash_key) != [order.hash_key]:
            raise Invalid(f"{self.name} is queried by {order.hash_key}, not {', '.join(hash_key)}")
        return order, key_value(hash_key[order.hash_key], order.hash_key, self.kind(order.hash_key))

    def kind(self, attribute: str) -> str:
        """`S` or `N`: only a table's range key can be a number."""
        return self.shape.range_type if attribute == self.shape.range_key else "S"

    def _key_of(self, item: Mapping[str, object]) -> tuple[str | int, str | int]:
        h = key_value(item.get(self.shape.hash_key), self.shape.hash_key, "S")
        if self.shape.range_key is None:
            return h, ""
        return h, key_value(item.get(self.shape.range_key), self.shape.range_key, self.shape.range_type)

    def _index_cells(self, order: SortOrder, item: Item) -> tuple[object, object]:
        names = (order.hash_key, str(order.range_key))
        cells = [key_value(item[n], n, self.kind(n)) if n in item else None for n in names]
        return (None, None) if None in cells else (cells[0], cells[1])

    def _expiry(self, item: Item) -> float | None:
        expiry = item.get(self.shape.ttl) if self.shape.ttl else None
        return expiry if isinstance(expiry, (int, float)) and not isinstance(expiry, bool) else None

    def migrate(self, db: sqlite3.Connection) -> None:
        """Create the table, or bring its columns and indexes to this shape."""
        kind = "INTEGER" if self.shape.range_type == "N" else "TEXT"
        db.execute(
            f'CREATE TABLE IF NOT EXISTS "{self.name}" '
            f"(h TEXT NOT NULL, r {kind} NOT NULL, body BLOB NOT NULL, expires REAL, UNIQUE (h, r))"
        )
        wanted = self._indexes()
        found = {
            str(n)
            for (n,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", (self.name,)
            )
        }
        for name in found - set(wanted):
            db.execute(f'DROP INDEX "{name}"')
        missing = [name for name in wanted if name not in found]
        if not missing:
            return
        self._add_columns(db)
        for h, r in db.execute(f'SELECT h, r FROM "{self.name}"').fetchall():  # noqa: S608
            (body,) = db.execute(self.select, (h, r)).fetchone()
            db.execute(self.replace, self.row(orjson.loads(body)))
        for name in missing:
            db.execute(f'CREATE INDEX "{name}" ON "{self.name}" {wanted[name]}')

    def _indexes(self) -> dict[str, str]:
        """Name -> columns and condition; an index holds the table's key, so that keys are read from it alone."""
        wanted = {}
        for index, order in list(self.orders.items())[1:]:
            name = f"{self.name}.{index}({order.hash_key},{order.range_key})"
            wanted[name] = f"({order.hash_column}, {order.range_column}, h, r) WHERE {order.hash_column} IS NOT NULL"
        if self.shape.ttl:
            wanted[f"{self.name}.ttl({self.shape.ttl})"] = "(expires) WHERE expires IS NOT NULL"
        return wanted

    def _add_columns(self, db: sqlite3.Connection) -> None:
        present = {f'"{row[1]}"' for row in db.execute(f'PRAGMA table_info("{self.name}")')}
        for order in list(self.orders.values())[1:]:
            for column in (order.hash_column, order.range_column):
                if column not in present:
                    db.execute(f'ALTER TABLE "{self.name}" ADD COLUMN {column}')
