"""Tables on one machine: one SQLite file that threads and processes share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from sqlite3 import Connection
from typing import cast

import orjson

from dataforge.errors import ConditionFailed, Invalid
from dataforge.platform import items as rules
from dataforge.platform.embedded.database import Database, after_prefix
from dataforge.platform.embedded.table_schema import SortOrder, TableSchema, TableShape
from dataforge.platform.ports import ABSENT, Delete, Item, Key, Page, Put, Update, Value, Where, Write

_BATCH = 500
_PAGE_BYTES = 1_000_000
_SWEEP_SECONDS, _SWEEP_ROWS = 60, 1000


class SqliteTables:
    """`ports.Tables`. Safe to share between threads and to use after a fork."""

    def __init__(self, path: Path, tables: Mapping[str, TableShape], *, now: Callable[[], float] = time.time) -> None:
        self._schemas = {name: TableSchema(name, shape) for name, shape in tables.items()}
        self._now = now
        self._next_sweep = now() + _SWEEP_SECONDS
        self._database = Database(path, self._migrate)

    def get(self, table: str, key: Key) -> Item | None:
        return _read(self._database.connection(), self._schema(table), key)

    def put(self, table: str, item: Item) -> None:
        schema = self._schema(table)
        row = schema.row(rules.checked(item))
        with self._write() as db:
            db.execute(schema.replace, row)

    def put_new(self, table: str, item: Item) -> None:
        schema = self._schema(table)
        row = schema.row(rules.checked(item))
        with self._write() as db:
            if db.execute(schema.insert, row).rowcount == 0:
                raise ConditionFailed(f"an item of {table} with this key exists")

    def update(
        self,
        table: str,
        key: Key,
        *,
        set: Item | None = None,
        add: Mapping[str, int | float] | None = None,
        remove: Sequence[str] = (),
        where: Where | None = None,
    ) -> Item:
        change = Update(table=table, key=key, set=set or {}, add=add or {}, remove=remove, where=where or {})
        with self._write() as db:
            return self._update(db, change)

    def delete(self, table: str, key: Key, *, where: Where | None = None) -> None:
        with self._write() as db:
            self._delete(db, Delete(table, key, where or {}))

    def transact(self, writes: Sequence[Write]) -> None:
        rules.check_transaction([(w.table, self._target(w)) for w in writes])
        with self._write() as db:
            for write in writes:
                _APPLY[type(write)](self, db, write)

    def batch_get(self, table: str, keys: Sequence[Key]) -> list[Item]:
        schema = self._schema(table)
        with self._database.read() as db:
            found = (_read(db, schema, key) for key in keys)
            return [item for item in found if item is not None]

    def batch_put(self, table: str, items: Iterable[Item]) -> None:
        schema = self._schema(table)
        rows = (schema.row(rules.checked(item)) for item in items)
        while batch := list(islice(rows, _BATCH)):
            with self._write() as db:
                db.executemany(schema.replace, batch)

    def batch_delete(self, table: str, keys: Iterable[Key]) -> None:
        schema = self._schema(table)
        found = (schema.key(key) for key in keys)
        while batch := list(islice(found, _BATCH)):
            with self._write() as db:
                db.executemany(schema.delete, batch)

    def query_page(
        self,
        table: str,
        hash_key: Key,
        *,
        index: str | None = None,
        begins: tuple[str, str] | None = None,
        between: tuple[str, str | int, str | int] | None = None,
        cursor: str | None = None,
        limit: int = 1000,
        descending: bool = False,
        attributes: Sequence[str] = (),
    ) -> Page:
        rules.check_limit(limit)
        schema = self._schema(table)
        order, hash_value = schema.order(index, hash_key)
        wanted = [f"{order.hash_column} = ?"]
        values: list[object] = [hash_value]
        for condition, bounds in _range_conditions(schema, order, begins, between):
            wanted.append(condition)
            values += bounds
        if cursor is not None:
            wanted.append(f"({', '.join(order.columns)}) {'<' if descending else '>'} ({_marks(order.columns)})")
            values += _position(cursor, order)
        way = "DESC" if descending else "ASC"
        columns = ", ".join((*order.columns, "NULL" if order.keys_only else "body"))
        select = (
            f'SELECT {columns} FROM "{table}" WHERE {" AND ".join(wanted)} '  # noqa: S608 (names from the catalog)
            f"ORDER BY {', '.join(f'{c} {way}' for c in order.columns)} LIMIT ?"
        )
        with closing(self._database.connection().execute(select, (*values, limit + 1))) as rows:
            return _page(schema, order, hash_value, rows, limit, frozenset(attributes))

    def close(self) -> None:
        self._database.close()

    def _schema(self, table: str) -> TableSchema:
        schema = self._schemas.get(table)
        if schema is None:
            raise Invalid(f"there is no table {table}")
        return schema

    def _migrate(self, db: Connection) -> None:
        for schema in self._schemas.values():
            schema.migrate(db)

    def _target(self, write: Write) -> tuple[str | int, str | int]:
        schema = self._schema(write.table)
        if isinstance(write, Put):
            return schema.key({n: cast("str | int", write.item[n]) for n in schema.key_names if n in write.item})
        return schema.key(write.key)

    def _put(self, db: Connection, write: Put) -> None:
        schema = self._schema(write.table)
        item = rules.checked(write.item)
        if write.where:
            _require(write.where, _current(db, schema, *self._target(write)), write.table)
        db.execute(schema.replace, schema.row(item))

    def _update(self, db: Connection, write: Update) -> Item:
        schema = self._schema(write.table)
        rules.check_paths(schema.key_names, write.set, write.add, write.remove)
        item = _current(db, schema, *schema.key(write.key))
        if item is None:
            raise ConditionFailed(f"there is no such item of {write.table}")
        _require(write.where, item, write.table)
        _change(item, write)
        db.execute(schema.replace, schema.row(item))
        return item

    def _delete(self, db: Connection, write: Delete) -> None:
        schema = self._schema(write.table)
        key = schema.key(write.key)
        if write.where:
            _require(write.where, _current(db, schema, *key), write.table)
        db.execute(schema.delete, key)

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._database.write() as db:
            if self._now() >= self._next_sweep:
                self._sweep(db)
            yield db

    def _sweep(self, db: Connection) -> None:
        """Remove some expired items; when there were many, the next write removes more."""
        now, full = self._now(), False
        for schema in (x for x in self._schemas.values() if x.shape.ttl):
            removed = db.execute(
                f'DELETE FROM "{schema.name}" WHERE rowid IN '  # noqa: S608 (a name from the catalog)
                f'(SELECT rowid FROM "{schema.name}" WHERE expires < ? LIMIT {_SWEEP_ROWS})',
                (now,),
            ).rowcount
            full = full or removed == _SWEEP_ROWS
        self._next_sweep = now if full else now + _SWEEP_SECONDS


_APPLY: dict[type, Callable[..., object]] = {
    Put: SqliteTables._put,
    Update: SqliteTables._update,
    Delete: SqliteTables._delete,
}


def _read(db: Connection, schema: TableSchema, key: Key) -> Item | None:
    return _current(db, schema, *schema.key(key))


def _current(db: Connection, schema: TableSchema, h: str | int, r: str | int) -> Item | None:
    row = db.execute(schema.select, (h, r)).fetchone()
    return None if row is None else cast(Item, orjson.loads(row[0]))


def _require(where: Where, item: Item | None, table: str) -> None:
    for name, wanted in where.items():
        found = _at(item or {}, rules.path(name))
        if wanted is ABSENT:
            holds = found is ABSENT
        elif isinstance(wanted, tuple):
            holds = any(_same(found, w) for w in wanted)
        else:
            holds = _same(found, wanted)
        if not holds:
            raise ConditionFailed(f"{name} of the item of {table} is not what the write requires")


def _at(item: Item, steps: Sequence[str]) -> object:
    here: object = item
    for step in steps:
        if not isinstance(here, dict) or step not in here:
            return ABSENT
        here = here[step]
    return here


def _same(a: object, b: object) -> bool:
    """Equal in value and kind; Python's own `==` holds 1 and True for the same."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def _change(item: Item, write: Update) -> None:
    """Every value is read before any is written, as DynamoDB does; paths do not overlap, so order cannot matter."""
    for name, given in write.set.items():
        home, last = _home(item, name)
        home[last] = rules.value(given, name)
    for name, amount in write.add.items():
        home, last = _home(item, name)
        home[last] = _sum(home.get(last, 0), amount, name)
    for name in write.remove:
        home, last = _home(item, name)
        home.pop(last, None)


def _home(item: Item, name: str) -> tuple[dict[str, Value], str]:
    """The map that holds the path's last step."""
    *steps, last = rules.path(name)
    home = _at(item, steps)
    if not isinstance(home, dict):
        raise Invalid(f"{name} reaches into a map that does not exist", field=name)
    return home, last


def _sum(a: Value, b: int | float, name: str) -> int | float:
    """In decimals, like DynamoDB: 0.1 + 0.2 is 0.3."""
    if isinstance(a, bool) or not isinstance(a, (int, float)):
        raise Invalid(f"{name} is no number to add to", field=name)
    b = rules.number(b, name)
    if isinstance(a, int) and isinstance(b, int):
        return rules.number(a + b, name)
    return rules.number(float(Decimal(repr(a)) + Decimal(repr(b))), name)


def _range_conditions(
    schema: TableSchema,
    order: SortOrder,
    begins: tuple[str, str] | None,
    between: tuple[str, str | int, str | int] | None,
) -> Iterator[tuple[str, list[object]]]:
    rules.check_range(order.range_key, schema.kind(str(order.range_key)), begins, between)
    if begins and begins[1]:
        yield f"{order.range_column} >= ?", [begins[1]]
        after = after_prefix(begins[1])
        if after is not None:
            yield f"{order.range_column} < ?", [after]
    if between:
        yield f"{order.range_column} BETWEEN ? AND ?", list(between[1:])


def _position(cursor: str, order: SortOrder) -> list[object]:
    position = rules.position_of(cursor)
    if (
        not isinstance(position, list)
        or len(position) != len(order.columns)
        or any(type(p) not in (str, int) for p in position)
    ):
        raise rules.bad_cursor()
    return position


def _page(
    schema: TableSchema,
    order: SortOrder,
    hash_value: Value,
    rows: Iterable[tuple[object, ...]],
    limit: int,
    attributes: frozenset[str],
) -> Page:
    items: list[Item] = []
    size, last = 0, None
    for row in rows:
        *place, body = row
        if last is not None and (len(items) == limit or size > _PAGE_BYTES):
            return Page(items, rules.cursor_of(last))
        last = cast("list[str | int]", place)
        if order.keys_only:
            item = _keys(schema, order, hash_value, last)
        else:
            size += len(cast(bytes, body))
            item = orjson.loads(cast(bytes, body))
        items.append({n: v for n, v in item.items() if n in attributes} if attributes else item)
    return Page(items, None)


def _keys(schema: TableSchema, order: SortOrder, hash_value: Value, place: Sequence[Value]) -> Item:
    found: Item = dict(zip(schema.key_names, place[1:], strict=False))
    return {**found, str(order.range_key): place[0], order.hash_key: hash_value}


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" * len(columns))
