"""Today's templates against those of the last release: what holds data must be updated where it stands."""

from __future__ import annotations

import pytest

from dataforge import VERSION
from dataforge_client import __version__
from tests.support import last_release

KINDS = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
REPLACES = {
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "ImportSourceSpecification"),
    "AWS::S3::Bucket": ("BucketName",),
}
"""Properties whose change makes CloudFormation build another one, empty (its resource reference says so)."""


def stateful(template):
    return {name: r for name, r in template["Resources"].items() if r["Type"] in KINDS}


@pytest.fixture(scope="module")
def before():
    return last_release.read()


def changes(old, new):
    """Why an update would lose what the old resources hold: one line for each."""
    found = []
    for name, was in stateful(old).items():
        now = stateful(new).get(name)
        if now is None:
            found.append(f"{name} is gone")
            continue
        found += [
            f"{name}.{p} changed" for p in REPLACES[was["Type"]] if was["Properties"].get(p) != now["Properties"].get(p)
        ]
        found += [
            f"{name}.{p} is not Retain" for p in ("DeletionPolicy", "UpdateReplacePolicy") if now.get(p) != "Retain"
        ]
        found += _attributes(name, was["Properties"], now["Properties"])
    return found


def _attributes(name, was, now):
    """A key attribute that changes its type, an index that goes or gets another key, an expiry that moves."""
    types = {a["AttributeName"]: a["AttributeType"] for a in now.get("AttributeDefinitions", [])}
    indexes = {i["IndexName"]: (i["KeySchema"], i["Projection"]) for i in now.get("GlobalSecondaryIndexes", [])}
    yield from (
        f"{name}: the type of {a['AttributeName']} changed"
        for a in was.get("AttributeDefinitions", [])
        if types.get(a["AttributeName"]) != a["AttributeType"]
    )
    yield from (
        f"{name}: index {i['IndexName']} changed"
        for i in was.get("GlobalSecondaryIndexes", [])
        if indexes.get(i["IndexName"]) != (i["KeySchema"], i["Projection"])
    )
    before, after = (p.get("TimeToLiveSpecification") for p in (was, now))
    if before and before != after:
        yield f"{name}: expiry changed"


def test_nothing_that_holds_data_is_replaced_or_dropped(dev, before):
    new = {"DataStack": dev.data, "ServiceStack": dev.service}

    assert len(stateful(before["templates"]["DataStack"])) >= 17
    assert [line for stack, old in before["templates"].items() for line in changes(old, new[stack])] == []


def test_no_table_gets_two_new_indexes_at_once(dev, before):
    """CloudFormation makes one in an update."""
    old = stateful(before["templates"]["DataStack"])
    for name, table in stateful(dev.data).items():
        known = {i["IndexName"] for i in old.get(name, {}).get("Properties", {}).get("GlobalSecondaryIndexes", [])}
        now = {i["IndexName"] for i in table["Properties"].get("GlobalSecondaryIndexes", [])}

        assert name not in old or len(now - known) <= 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.pop("RunsTable"), "RunsTable is gone"),
        (lambda r: r["RunsTable"]["Properties"].update(TableName="other"), "RunsTable.TableName changed"),
        (lambda r: r["RunsTable"]["Properties"]["KeySchema"].reverse(), "RunsTable.KeySchema changed"),
        (lambda r: r["FilesBucket"].update(DeletionPolicy="Delete"), "FilesBucket.DeletionPolicy is not Retain"),
        (lambda r: r["RunsTable"]["Properties"].pop("GlobalSecondaryIndexes"), "index by_project changed"),
        (lambda r: r["UploadsTable"]["Properties"].pop("TimeToLiveSpecification"), "expiry changed"),
    ],
)
def test_a_change_that_would_lose_data_is_seen(before, change, said):
    old = last_release.read()["templates"]["DataStack"]
    change(old["Resources"])

    found = changes(before["templates"]["DataStack"], old)

    assert any(said in line for line in found)


def test_the_version_is_the_same_everywhere(before):
    assert __version__ == VERSION
    assert before["version"]
