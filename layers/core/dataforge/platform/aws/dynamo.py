"""Tables in DynamoDB. Names are always aliased, so no attribute can be a reserved word."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import Any, cast

from botocore.config import Config
from botocore.exceptions import ClientError

from dataforge.errors import Busy, ConditionFailed, Invalid, TooLarge
from dataforge.platform import items as rules
from dataforge.platform.aws import clients
from dataforge.platform.aws.expressions import Expression, item_from_wire, to_wire
from dataforge.platform.ports import Delete, Item, Key, Page, Put, Update, Where, Write

_READ, _WRITE = 100, 25
_ATTEMPTS = 10
_BUSY = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class DynamoTables:
    """`ports.Tables` on tables named `<prefix><table>`. Throttling is retried by botocore, conflicts here."""

    def __init__(self, prefix: str, *, client: Any = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._prefix = prefix
        if client is not None:
            self._client = client
        self._sleep = sleep
        self._keys: dict[str, tuple[str, ...]] = {}

    @cached_property
    def _client(self) -> Any:
        """Created by the first call, like every client of this backend: not every function needs every service."""
        return clients.client(
            "dynamodb",
            config=Config(
                retries=clients.retries(),
                connect_timeout=3,
                read_timeout=15,
                max_pool_connections=50,
            ),
        )

    def get(self, table: str, key: Key) -> Item | None:
        with _translated():
            found = self._client.get_item(TableName=self._name(table), Key=to_wire(_key(key)), ConsistentRead=True)
        return item_from_wire(found["Item"]) if "Item" in found else None

    def put(self, table: str, item: Item) -> None:
        wire = to_wire(rules.checked(item))
        self._with_retries(lambda: self._client.put_item(TableName=self._name(table), Item=wire))

    def put_new(self, table: str, item: Item) -> None:
        expression = Expression()
        expression.absent(self._key_names(table)[0])
        stored = rules.checked(item)
        wire, arguments = to_wire(stored), expression.arguments()
        try:
            self._with_retries(lambda: self._client.put_item(TableName=self._name(table), Item=wire, **arguments))
        except ConditionFailed as failed:
            if not _was_sent_again(failed) or self.get(table, _key(stored, self._key_names(table))) != stored:
                raise

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
        write = Update(table=table, key=key, set=set or {}, add=add or {}, remove=remove, where=where or {})
        arguments = self._update_arguments(write)
        if "UpdateExpression" not in arguments:
            return self._unchanged(write)
        done = self._with_retries(lambda: self._client.update_item(**arguments, ReturnValues="ALL_NEW"))
        return item_from_wire(done["Attributes"])

    def delete(self, table: str, key: Key, *, where: Where | None = None) -> None:
        arguments = self._delete_arguments(Delete(table, key, where or {}))
        self._with_retries(lambda: self._client.delete_item(**arguments))

    def transact(self, writes: Sequence[Write]) -> None:
        rules.check_transaction(
            [
                (
                    w.table,
                    tuple(sorted(_key(w.item if isinstance(w, Put) else w.key, self._key_names(w.table)).items())),
                )
                for w in writes
            ]
        )
        entries = [_ENTRY[type(write)](self, write) for write in writes]
        if entries:
            self._with_retries(lambda: self._client.transact_write_items(TransactItems=entries))

    def batch_get(self, table: str, keys: Sequence[Key]) -> list[Item]:
        wanted = [tuple(sorted(_key(k).items())) for k in keys]
        distinct = iter(dict.fromkeys(wanted))
        found: dict[tuple[tuple[str, str | int], ...], Item] = {}
        while batch := list(islice(distinct, _READ)):
            for item in self._batch_get(table, [to_wire(dict(k)) for k in batch]):
                found[tuple((n, cast("str | int", item[n])) for n, _ in batch[0])] = item
        return [found[k] for k in wanted if k in found]

    def batch_put(self, table: str, items: Iterable[Item]) -> None:
        names = self._key_names(table)
        entries = (rules.checked(item) for item in items)
        while batch := list(islice(entries, _WRITE)):
            distinct = {tuple(str(i.get(n)) for n in names): i for i in batch}
            self._batch_write(table, [{"PutRequest": {"Item": to_wire(i)}} for i in distinct.values()])

    def batch_delete(self, table: str, keys: Iterable[Key]) -> None:
        entries = iter(keys)
        while batch := list(islice(entries, _WRITE)):
            distinct = {tuple(sorted(_key(k).items())) for k in batch}
            self._batch_write(table, [{"DeleteRequest": {"Key": to_wire(dict(k))}} for k in distinct])

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
        named = begins or between
        if named:
            rules.check_range(named[0], "N" if between and isinstance(between[1], int) else "S", begins, between)
        if between and between[1] > between[2]:  # type: ignore[operator]  # both are of one kind by now
            return Page([], None)
        arguments: dict[str, Any] = _key_condition(_key(hash_key), begins, between)
        if attributes:
            names = {f"#p{n}": name for n, name in enumerate(dict.fromkeys(attributes))}
            arguments["ExpressionAttributeNames"] |= names
            arguments["ProjectionExpression"] = ", ".join(names)
        arguments |= {"IndexName": index} if index else {"ConsistentRead": True}
        if cursor is not None:
            arguments["ExclusiveStartKey"] = _start(cursor)
        try:
            with _translated():
                found = self._client.query(
                    TableName=self._name(table), Limit=limit, ScanIndexForward=not descending, **arguments
                )
        except Invalid as error:
            if "starting key" in error.message.lower():
                raise rules.bad_cursor() from error
            raise
        last = found.get("LastEvaluatedKey")
        items = [item_from_wire(i) for i in found["Items"]]
        return Page(items, rules.cursor_of(item_from_wire(last)) if last else None)

    def _name(self, table: str) -> str:
        return f"{self._prefix}{table}"

    def _key_names(self, table: str) -> tuple[str, ...]:
        """Hash key first; asked of DynamoDB once per table and process."""
        if table not in self._keys:
            with _translated():
                schema = self._client.describe_table(TableName=self._name(table))["Table"]["KeySchema"]
            self._keys[table] = tuple(k["AttributeName"] for k in sorted(schema, key=lambda k: str(k["KeyType"])))
        return self._keys[table]

    def _put_entry(self, write: Put) -> dict[str, Any]:
        expression = Expression().require(write.where)
        return {
            "Put": {
                "TableName": self._name(write.table),
                "Item": to_wire(rules.checked(write.item)),
                **expression.arguments(),
            }
        }

    def _update_entry(self, write: Update) -> dict[str, Any]:
        arguments = self._update_arguments(write)
        return {"Update" if "UpdateExpression" in arguments else "ConditionCheck": arguments}

    def _delete_entry(self, write: Delete) -> dict[str, Any]:
        return {"Delete": self._delete_arguments(write)}

    def _unchanged(self, write: Update) -> Item:
        """The item, if it meets the write's condition."""
        self.transact([write])
        item = self.get(write.table, write.key)
        if item is None:
            raise ConditionFailed(f"there is no such item of {write.table}")
        return item

    def _update_arguments(self, write: Update) -> dict[str, Any]:
        rules.check_paths(write.key, write.set, write.add, write.remove)
        expression = Expression()
        expression.exists(next(iter(_key(write.key))))
        expression.require(write.where).change(write.set, write.add, write.remove)
        return {"TableName": self._name(write.table), "Key": to_wire(_key(write.key)), **expression.arguments()}

    def _delete_arguments(self, write: Delete) -> dict[str, Any]:
        expression = Expression().require(write.where)
        return {"TableName": self._name(write.table), "Key": to_wire(_key(write.key)), **expression.arguments()}

    def _batch_get(self, table: str, keys: list[dict[str, Any]]) -> Iterator[Item]:
        name = self._name(table)
        pending = {name: {"Keys": keys, "ConsistentRead": True}}
        for attempt in range(_ATTEMPTS):
            with _translated():
                reply = self._client.batch_get_item(RequestItems=pending)
            yield from (item_from_wire(i) for i in reply["Responses"].get(name, []))
            pending = reply.get("UnprocessedKeys")
            if not pending:
                return
            self._sleep(_pause(attempt))
        raise Busy(f"DynamoDB left keys of {name} unread after {_ATTEMPTS} attempts")

    def _batch_write(self, table: str, requests: list[dict[str, Any]]) -> None:
        pending = {self._name(table): requests}
        for attempt in range(_ATTEMPTS):
            with _translated():
                pending = self._client.batch_write_item(RequestItems=pending).get("UnprocessedItems")
            if not pending:
                return
            self._sleep(_pause(attempt))
        raise Busy(f"DynamoDB left items of {self._name(table)} unwritten after {_ATTEMPTS} attempts")

    def _with_retries(self, call: Callable[[], Any]) -> Any:
        """Retries a write that conflicts with another transaction on its item; nothing of it was written."""
        for attempt in range(_ATTEMPTS):
            try:
                with _translated():
                    return call()
            except ClientError as error:
                if not _is_conflict(error):
                    raise
                if attempt == _ATTEMPTS - 1:
                    raise Busy("Others are writing the same at this moment; try again") from error
            self._sleep(_pause(attempt))
        raise AssertionError("unreachable")


_ENTRY: dict[type, Callable[..., dict[str, Any]]] = {
    Put: DynamoTables._put_entry,
    Update: DynamoTables._update_entry,
    Delete: DynamoTables._delete_entry,
}


def _key(key: Mapping[str, object], names: Iterable[str] | None = None) -> dict[str, str | int]:
    """The key attributes, checked; `names` picks them out of a whole item."""
    picked = {n: key.get(n) for n in (names if names is not None else key)}
    return {n: rules.key_value(v, n, "N" if isinstance(v, int) else "S") for n, v in picked.items()}


def _key_condition(
    hash_key: Key, begins: tuple[str, str] | None, between: tuple[str, str | int, str | int] | None
) -> dict[str, Any]:
    ((name, value),) = hash_key.items()
    names, values, wanted = {"#h": name}, {":h": value}, "#h = :h"
    if begins and begins[1]:
        names["#r"], values[":low"] = begins
        wanted += " AND begins_with(#r, :low)"
    if between:
        names["#r"], values[":low"], values[":high"] = between
        wanted += " AND #r BETWEEN :low AND :high"
    return {
        "KeyConditionExpression": wanted,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": to_wire(values),
    }


def _start(cursor: str) -> dict[str, Any]:
    position = rules.position_of(cursor)
    if not isinstance(position, dict) or not position or any(type(v) not in (str, int) for v in position.values()):
        raise rules.bad_cursor()
    return to_wire(position)


@contextmanager
def _translated() -> Iterator[None]:
    """Failed conditions and rejected values as the port's errors; every other error stays botocore's."""
    try:
        yield
    except ClientError as error:
        code, message = str(error.response["Error"]["Code"]), str(error.response["Error"].get("Message", ""))
        reasons = error.response.get("CancellationReasons", [])
        codes = {code, *(str(r.get("Code")) for r in reasons)}
        if codes & {"ConditionalCheckFailedException", "ConditionalCheckFailed"}:
            raise ConditionFailed("the item is not what the write requires") from error
        if codes & {"ValidationException", "ValidationError"}:
            details = " ".join([message, *(str(r.get("Message") or "") for r in reasons)])
            raise (TooLarge if "item size" in details.lower() else Invalid)(details.strip()) from error
        if code == "ResourceNotFoundException":
            raise Invalid(f"there is no such table: {message}") from error
        raise


def _is_conflict(error: ClientError) -> bool:
    codes = {str(r.get("Code")) for r in error.response.get("CancellationReasons", [])} - {"None"}
    code = error.response["Error"]["Code"]
    return code == "TransactionConflictException" or (
        code == "TransactionCanceledException" and bool(codes) and codes <= _BUSY
    )


def _was_sent_again(failed: ConditionFailed) -> bool:
    """botocore repeated the request: the existing item may be its own, if the first response was lost."""
    error = failed.__cause__
    return isinstance(error, ClientError) and error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0


def _pause(attempt: int) -> float:
    """Full jitter, 50 ms doubling up to 3 s."""
    return random.uniform(0, min(3.0, 0.05 * 2**attempt))
