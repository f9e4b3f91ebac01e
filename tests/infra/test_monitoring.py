"""The gateway and firewall in front of the service, its logs and metrics, and its alarms."""

from __future__ import annotations

import json
import logging
import re

import pytest

from dataforge.log import JsonLines
from infra import catalog
from infra.catalog import camel
from infra.stages import STAGES, chosen
from tests.support.paths import ROOT


def context(**given):
    return {"stage": "dev", **given}.get


def test_alarms_watch_the_api_functions_machines_tables_and_dead_letters(deployment):
    alarms = {alarm["AlarmName"].split("-", 2)[2]: alarm for alarm in deployment.properties("AWS::CloudWatch::Alarm")}

    assert set(alarms) == {
        "Errors",
        "TableThrottles",
        "ApiErrors",
        "FunctionThrottles",
        "DeadLetters",
        *(f"{camel(name)}Failed" for name in catalog.WORKFLOWS),
    }
    assert {alarm["TreatMissingData"] for alarm in alarms.values()} == {"notBreaching"}
    assert {(alarm["Threshold"], alarm["EvaluationPeriods"]) for alarm in alarms.values()} == {(1, 1)}
    # A metric each, no maths: the first ten of an account are free.
    assert all("Metrics" not in alarm for alarm in alarms.values())
    assert len(alarms) <= 10


def test_every_function_log_is_searched_for_errors_time_outs_and_throttles(deployment):
    filters = deployment.properties("AWS::Logs::MetricFilter")
    searched = {}
    for found in filters:
        [made] = found["MetricTransformations"]
        searched.setdefault(made["MetricName"].rsplit("-", 1)[1], set()).add(deployment.text(found["LogGroupName"]))
    groups = {deployment.text(f["LoggingConfig"]["LogGroup"]) for f in deployment.properties("AWS::Lambda::Function")}

    assert searched == {"Errors": groups, "TableThrottles": groups}
    [pattern] = {f["FilterPattern"] for f in filters if f["MetricTransformations"][0]["MetricName"].endswith("Errors")}
    assert '\\"level\\":\\"ERROR\\"' in pattern
    assert "Task timed out" in pattern


def test_the_filter_on_errors_finds_the_lines_that_functions_write(dev):
    filters = dev.properties("AWS::Logs::MetricFilter")
    [pattern] = {f["FilterPattern"] for f in filters if "Errors" in f["MetricTransformations"][0]["MetricName"]}
    terms = [json.loads(term) for term in re.findall(r'\?("(?:[^"\\]|\\.)*")', pattern)]

    def line(level):
        record = logging.LogRecord("dataforge.x", level, "x.py", 1, "failed", (), None)
        return JsonLines().format(record)

    assert [any(term in line(level) for term in terms) for level in (logging.ERROR, logging.INFO)] == [
        True,
        False,
    ]


def test_the_tracer_is_on_only_with_its_option(dev, full):
    def traced(deployment):
        functions = [f["Environment"]["Variables"] for f in deployment.properties("AWS::Lambda::Function")]
        return {(names.get("DATAFORGE_TRACER"), names.get("AWS_XRAY_CONTEXT_MISSING")) for names in functions}

    assert (traced(dev), traced(full)) == ({(None, None)}, {("1", "IGNORE_ERROR")})


def test_mail_and_budget_come_only_with_an_address(dev, full):
    [budget] = full.properties("AWS::Budgets::Budget")
    subscribers = {s["Address"] for n in budget["NotificationsWithSubscribers"] for s in n["Subscribers"]}

    assert not dev.of_type("AWS::SNS::Topic")
    assert not dev.of_type("AWS::Budgets::Budget")
    assert all(len(alarm["AlarmActions"]) == 1 for alarm in full.properties("AWS::CloudWatch::Alarm"))
    assert [s["Endpoint"] for s in full.properties("AWS::SNS::Subscription")] == ["ops@example.com"]
    assert (budget["Budget"]["BudgetLimit"], subscribers) == ({"Amount": 100, "Unit": "USD"}, {"ops@example.com"})


def test_the_alarm_on_dead_letters_watches_the_queue_of_lost_uploads(deployment):
    [queue] = deployment.of_type("AWS::SQS::Queue")
    [alarm] = [a for a in deployment.properties("AWS::CloudWatch::Alarm") if a["AlarmName"].endswith("-DeadLetters")]

    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert [deployment.text(d["Value"]) for d in alarm["Dimensions"]] == [f"<{queue}.QueueName>"]


def test_the_dashboard_draws_what_the_functions_count_and_nothing_else(full):
    """`tests/integration/workflows/engine/test_metrics.py` holds what is really counted to the same file."""
    counted = json.loads((ROOT / "layers/core/dataforge/data/metrics.json").read_text("utf-8"))
    [board] = full.properties("AWS::CloudWatch::Dashboard")
    [graph] = [
        w["properties"]
        for w in json.loads(full.text(board["DashboardBody"]))["widgets"]
        if w["properties"]["title"] == "Pairs, tokens, calls"
    ]

    drawn = [
        re.fullmatch(
            r"SEARCH\('\{([\w,]+)\} MetricName=\"(\w+)\" \"(\w+)\"', 'Sum', 300\)", metric["expression"]
        ).groups()
        for [metric] in graph["metrics"]
    ]

    schema = ",".join((counted["namespace"], *counted["dimensions"]))
    [stage] = {stage for _, _, stage in drawn}
    assert sorted(drawn) == sorted((schema, name, stage) for name in counted["metrics"])
    assert stage in STAGES


def test_one_address_cannot_take_everybodys_share(dev, full):
    [acl] = full.properties("AWS::WAFv2::WebACL")
    [rule] = acl["Rules"]
    [association] = full.properties("AWS::WAFv2::WebACLAssociation")
    limit = rule["Statement"]["RateBasedStatement"]

    assert (limit["AggregateKeyType"], limit["Limit"]) == ("IP", STAGES["prod"].requests_per_address)
    assert rule["Action"] == {"Block": {}}
    assert not rule["VisibilityConfig"]["SampledRequestsEnabled"]
    assert "/stages/" in full.text(association["ResourceArn"])
    assert not dev.of_type("AWS::WAFv2::WebACL")


def test_what_the_gateway_refuses_has_the_error_body_of_every_route(deployment):
    answers = {g["ResponseType"]: g for g in deployment.properties("AWS::ApiGateway::GatewayResponse")}

    assert set(answers) == {
        "THROTTLED",
        "WAF_FILTERED",
        "REQUEST_TOO_LARGE",
        "INTEGRATION_TIMEOUT",
        "INTEGRATION_FAILURE",
    }
    for answer in answers.values():
        body = json.loads(answer["ResponseTemplates"]["application/json"])
        assert {"error", "message", "detail", "code", "status_code", "request_id"} == set(body)
        assert str(body["status_code"]) == answer["StatusCode"]


def test_the_socket_api_has_three_routes_to_one_function_and_logs_no_query(deployment):
    routes = {route["RouteKey"] for route in deployment.properties("AWS::ApiGatewayV2::Route")}
    [stage] = deployment.properties("AWS::ApiGatewayV2::Stage")

    assert routes == {"$connect", "$disconnect", "$default"}
    assert json.loads(re.sub(r"\$context[\w.]+", "x", stage["AccessLogSettings"]["Format"])).keys() == {
        "time",
        "request_id",
        "ip",
        "route",
        "status",
        "connection",
    }
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == STAGES[stage["StageName"]].requests_per_second


def test_a_domain_of_ones_own_becomes_the_address_of_the_api(dev, full):
    [domain] = full.properties("AWS::ApiGateway::DomainName")

    assert domain["DomainName"] == "forge.example.com"
    assert domain["SecurityPolicy"] == "TLS_1_2"
    assert full.service["Outputs"]["ApiUrl"]["Value"] == "https://forge.example.com/"
    assert "ApiDomainTarget" not in dev.service["Outputs"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"stage": "staging"}, "choose one of dev, prod"),
        ({"waf": "perhaps"}, "-c waf=perhaps: say yes or no"),
        ({"budget_usd": "-3", "alarm_email": "a@b.c"}, "must be above 0"),
        ({"budget_usd": "30"}, "needs -c alarm_email"),
        ({"domain": "forge.example.com"}, "belong together"),
        ({"log_days": "many"}, "-c log_days=many"),
        ({"log_days": "10"}, "choose one of 7, 14, 30, 90, 365"),
    ],
)
def test_a_wrong_option_is_refused_with_what_to_say_instead(given, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        chosen(context(**given))


def test_options_change_the_stage_and_nothing_else():
    assert chosen(context()) == STAGES["dev"]
    assert chosen(context(waf="yes")).waf
    assert chosen(context(stage="prod", waf="no")) != STAGES["prod"]
