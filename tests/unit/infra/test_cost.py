"""Prices, counts and what `dataforge cost` says; the arithmetic of DynamoDB's bill."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.billing import item_bytes, read_units, write_units
from dataforge_client.cli import execute
from dataforge_infra.cost import job, report
from dataforge_infra.cost.idle import BY_TIME, BY_USE, SECONDS_A_MONTH, idle
from dataforge_infra.cost.prices import added, beyond_free, dollars, price_list, scaled, total
from tests.support.paths import ROOT

NAMES = st.sampled_from(sorted(price_list().prices))
COUNTS = st.dictionaries(NAMES, st.floats(0, 1e9), max_size=8)


def test_every_price_is_dated_says_where_it_is_published_and_stands_on_a_bill() -> None:
    known = price_list()

    assert re.fullmatch(r"20\d\d-\d\d", known.as_of)
    assert known.region == "us-east-1"
    for name, price in known.prices.items():
        assert price.page.startswith("https://aws.amazon.com/"), name
        assert 0 < price.of(1) < 10, name
        assert report.by_service({name: 1})


def test_prices_are_those_of_the_public_pages() -> None:
    counts = {
        "dynamodb_write_units": 1e6,
        "dynamodb_read_units": 1e6,
        "transitions": 1000,
        "api_requests": 1e6,
        "lambda_gb_seconds": 400_000,
        "web_acls": 1,
        "web_acl_rules": 1,
    }

    cost = dollars(counts)

    assert [round(cost[name], 4) for name in counts] == [0.625, 0.125, 0.025, 3.5, 5.3334, 5.0, 1.0]
    assert total(counts) == pytest.approx(15.6084, abs=1e-4)


def test_what_has_no_price_is_refused() -> None:
    with pytest.raises(KeyError):
        dollars({"unheard_of": 1})


@given(COUNTS, COUNTS, st.floats(0, 1000))
def test_bills_add_up_and_grow_in_proportion(one: dict[str, float], other: dict[str, float], factor: float) -> None:
    assert total(added(one, other)) == pytest.approx(total(one) + total(other), rel=1e-9, abs=1e-9)
    assert total(scaled(one, factor)) == pytest.approx(factor * total(one), rel=1e-9, abs=1e-9)
    assert 0 <= total(beyond_free(one)) <= total(one) * (1 + 1e-9)
    assert sum(line.usd for line in report.lines(one)) == pytest.approx(total(one), rel=1e-9, abs=1e-9)
    assert sum(report.by_service(one).values()) == pytest.approx(total(one), rel=1e-9, abs=1e-9)


@given(st.integers(0, 400_000))
def test_units_are_whole_kilobytes_and_never_less_than_one(size: int) -> None:
    assert write_units(size) >= 1
    assert write_units(size) * 1024 >= size > (write_units(size) - 1) * 1024 or size == 0
    assert read_units(size) * 4096 >= size
    assert read_units(size, consistent=False) == read_units(size) / 2
    assert write_units(size) <= 4 * read_units(size)


def test_an_item_is_as_long_as_its_names_and_values() -> None:
    item = {
        "id": {"S": "pair_1"},
        "n": {"N": "-12.50"},
        "ok": {"BOOL": True},
        "none": {"NULL": True},
        "list": {"L": [{"S": "ä"}]},
        "map": {"M": {"k": {"S": "v"}}},
    }

    assert item_bytes(item) == (2 + 6) + (1 + 3) + (2 + 1) + (4 + 1) + (4 + 3 + 1 + 2) + (3 + 3 + 1 + 1 + 1)


def test_resources_are_paid_by_time_or_by_use_and_never_both() -> None:
    assert not set(BY_TIME) & BY_USE


def test_idle_counts_alarms_by_their_metrics_rules_and_snapshots() -> None:
    found = idle(
        [
            {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "Errors"}},
            {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {"Metrics": [{"Expression": "a+b"}, {"MetricStat": {}}, {"MetricStat": {}}]},
            },
            {"Type": "AWS::WAFv2::WebACL", "Properties": {"Rules": [{}, {}]}},
            {
                "Type": "AWS::Lambda::Function",
                "Properties": {"MemorySize": 512, "SnapStart": {"ApplyOn": "PublishedVersions"}},
            },
            {"Type": "AWS::Lambda::Function", "Properties": {"MemorySize": 512}},
            {"Type": "AWS::DynamoDB::Table"},
        ]
    )

    assert {name: found[name] for name in ("alarm_metrics", "web_acls", "web_acl_rules")} == {
        "alarm_metrics": 3,
        "web_acls": 1,
        "web_acl_rules": 2,
    }
    assert found["snapshot_gb_seconds"] == 0.5 * SECONDS_A_MONTH
    assert 1.9 < dollars(found)["snapshot_gb_seconds"] < 2.1


def test_a_resource_of_which_nobody_said_how_it_is_paid_is_refused() -> None:
    with pytest.raises(KeyError, match="NatGateway"):
        idle([{"Type": "AWS::EC2::NatGateway", "Properties": {}}])


def test_the_measured_job_stays_below_its_target() -> None:
    found = job.measured()

    counts = report.per_thousand(found)

    assert found.pairs >= 500
    assert total(counts) < 0.02
    assert {
        "dynamodb_write_units",
        "dynamodb_read_units",
        "transitions",
        "lambda_gb_seconds",
        "lambda_requests",
        "s3_writes",
        "s3_reads",
        "api_requests",
        "log_gb",
        "traces",
    } <= {n for n, units in counts.items() if units}
    assert total(found.of(2000, 0)) == pytest.approx(2 * total(found.of(1000, 0)))


def test_the_pages_show_the_counted_figures() -> None:
    found = job.measured()
    counts = report.per_thousand(found)
    page, readme = (ROOT / "docs/cost.md").read_text(), (ROOT / "README.md").read_text()

    missing = [line.what for line in report.lines(counts) if report.row(line) not in page]

    assert missing == []
    assert report.row(report.Line("together", 0, total(counts))) in page
    assert f"| {total(counts):.4f} |" in readme
    assert found.command in page


# What depends on the templates only, a stage without the web ACL too, is in tests/infra/test_cost.py.
def test_the_command_prices_a_job_of_any_size(capfd: pytest.CaptureFixture[str]) -> None:
    code = execute(["cost", "--pairs", "5000", "--pages", "40", "--json", "--waf"])

    answer = json.loads(capfd.readouterr().out)
    assert code == 0
    assert (answer["stage"], answer["pairs"], answer["pages"]) == ("dev", 5000, 40)
    assert answer["idle_usd_without_waf"] < 2
    assert answer["idle_usd"] - answer["idle_usd_without_waf"] == pytest.approx(6.0)
    assert any("WAF requests" in line["what"] for line in answer["used"])
    assert sum(line["usd"] for line in answer["used"]) == pytest.approx(answer["used_usd"])
    without = scaled(job.measured().of(5000, 40), 1.0)
    assert answer["used_usd"] >= total(without) - 1e-9


def test_a_wrong_option_is_refused_with_what_to_say_instead() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dataforge_client.cli", "cost", "-c", "log_days=10"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )

    assert done.returncode == 1
    assert "choose one of 7, 14, 30, 90, 365" in done.stderr
