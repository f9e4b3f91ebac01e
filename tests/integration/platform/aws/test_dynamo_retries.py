"""What DynamoDB does under load and moto never does: conflicts, and batches done in part. A scripted client does it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from dataforge.errors import Busy, ConditionFailed
from dataforge.platform.aws.dynamo import DynamoTables
from dataforge.platform.ports import Delete, Put, Update

KEY = {"project_id": "p", "pair_id": "1"}
SCHEMA = {
    "Table": {
        "KeySchema": [
            {"AttributeName": "pair_id", "KeyType": "RANGE"},
            {"AttributeName": "project_id", "KeyType": "HASH"},
        ]
    }
}


class ScriptedClient:
    """Answers each call with the next entry of its script, raising those that are errors."""

    def __init__(self, *script: Any) -> None:
        self.script, self.calls = list(script), []

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            if operation == "describe_table":
                return SCHEMA
            self.calls.append((operation, arguments))
            answer = self.script.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def failure(code: str, *reasons: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": code}, "CancellationReasons": [{"Code": r} for r in reasons]}
    return ClientError(answer, "Write")


def tables_on(client: ScriptedClient) -> tuple[DynamoTables, list[float]]:
    pauses: list[float] = []
    return DynamoTables("t-", client=client, sleep=pauses.append), pauses


def test_a_transaction_that_meets_another_is_tried_again() -> None:
    conflict = failure("TransactionCanceledException", "None", "TransactionConflict")
    client = ScriptedClient(conflict, conflict, {})
    tables, pauses = tables_on(client)

    tables.transact([Put("pairs", {**KEY}), Update("pairs", {**KEY, "pair_id": "2"}, add={"n": 1})])

    assert len(client.calls) == 3
    assert client.calls[0] == client.calls[2]
    assert len(pauses) == 2
    assert all(0 <= p <= 3 for p in pauses)


@pytest.mark.parametrize(
    "reasons", [("ConditionalCheckFailed", "None"), ("TransactionConflict", "ConditionalCheckFailed")]
)
def test_a_failed_condition_is_raised_at_once(reasons: tuple[str, ...]) -> None:
    client = ScriptedClient(failure("TransactionCanceledException", *reasons))
    tables, pauses = tables_on(client)

    with pytest.raises(ConditionFailed):
        tables.transact([Put("pairs", {**KEY}), Delete("pairs", {**KEY, "pair_id": "2"})])

    assert pauses == []


def test_a_single_write_that_meets_a_transaction_is_tried_again() -> None:
    client = ScriptedClient(failure("TransactionConflictException"), {"Attributes": {"n": {"N": "1"}}})
    tables, pauses = tables_on(client)

    assert tables.update("pairs", KEY, add={"n": 1}) == {"n": 1}
    assert len(pauses) == 1


def test_conflicts_without_end_are_given_up_and_other_errors_are_never_repeated() -> None:
    busy = ScriptedClient(*[failure("TransactionConflictException")] * 10)
    denied = ScriptedClient(failure("AccessDeniedException"))

    for client, attempts, error in ((busy, 10, Busy), (denied, 1, ClientError)):
        tables, _ = tables_on(client)
        with pytest.raises(error):
            tables.put("pairs", {**KEY})
        assert len(client.calls) == attempts


@pytest.mark.parametrize(
    ("attempts", "there", "made"),
    [(1, "mine", True), (1, "another's", False), (0, "mine", False)],
)
def test_a_new_item_whose_answer_was_lost_is_known_again(attempts: int, there: str, made: bool) -> None:
    """botocore sends again what was not answered, and the second request finds the item of the first."""
    refused = failure("ConditionalCheckFailedException")
    refused.response["ResponseMetadata"] = {"RetryAttempts": attempts}  # type: ignore[typeddict-item]
    found = {"Item": {"project_id": {"S": "p"}, "pair_id": {"S": "1"}, "answer": {"S": there}}}
    tables, _ = tables_on(ScriptedClient(refused, found))

    if made:
        tables.put_new("pairs", {**KEY, "answer": "mine"})
    else:
        with pytest.raises(ConditionFailed):
            tables.put_new("pairs", {**KEY, "answer": "mine"})


def test_what_a_batch_leaves_undone_is_asked_for_again_and_only_that() -> None:
    left = {"t-pairs": [{"PutRequest": {"Item": {"project_id": {"S": "p"}, "pair_id": {"S": "3"}}}}]}
    client = ScriptedClient({"UnprocessedItems": left}, {"UnprocessedItems": {}})
    tables, pauses = tables_on(client)

    tables.batch_put("pairs", [{**KEY, "pair_id": str(n)} for n in range(5)])

    assert [len(a["RequestItems"]["t-pairs"]) for _, a in client.calls] == [5, 1]
    assert client.calls[1][1]["RequestItems"] == left
    assert len(pauses) == 1


def test_unread_keys_are_asked_for_again_and_the_order_stays() -> None:
    def answer(*names: str, left: tuple[str, ...] = ()) -> dict[str, Any]:
        found = [{"project_id": {"S": "p"}, "pair_id": {"S": n}} for n in names]
        keys = [{"project_id": {"S": "p"}, "pair_id": {"S": n}} for n in left]
        return {"Responses": {"t-pairs": found}, "UnprocessedKeys": {"t-pairs": {"Keys": keys}} if keys else {}}

    client = ScriptedClient(answer("c", left=("a", "b")), answer("b", left=("a",)), answer("a"))
    tables, pauses = tables_on(client)

    found = tables.batch_get("pairs", [{**KEY, "pair_id": n} for n in "abc"])

    assert [i["pair_id"] for i in found] == ["a", "b", "c"]
    assert len(pauses) == 2


def test_a_batch_that_never_ends_is_given_up() -> None:
    left = {"t-pairs": [{"DeleteRequest": {"Key": {}}}]}
    tables, pauses = tables_on(ScriptedClient(*[{"UnprocessedItems": left}] * 10))

    with pytest.raises(Busy):
        tables.batch_delete("pairs", [KEY])

    assert len(pauses) == 10


def test_tables_are_read_consistently_and_indexes_as_they_can_be() -> None:
    page = {"Items": []}
    client = ScriptedClient({}, page, page)
    tables, _ = tables_on(client)

    tables.get("pairs", KEY)
    tables.query_page("pairs", {"project_id": "p"})
    tables.query_page("pairs", {"run_id": "r"}, index="by_run")

    assert [a.get("ConsistentRead") for _, a in client.calls] == [True, True, None]
