"""The gateway and firewall in front of the service, its logs and metrics, and its alarms."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import fields, replace

import pytest

from dataforge.log import JsonLines
from dataforge.settings import Settings
from dataforge_infra import catalog
from dataforge_infra.stages import FIXED_SETTINGS, MANAGED_RULES, PRESETS, chosen, preset
from tests.support.paths import DOCS, ROOT
from tests.support.templates import EVERY_OPTION


def context(**given):
    return {"stage": "dev", **given}


def test_alarms_watch_the_api_functions_machines_tables_and_dead_letters(deployment):
    alarms = {alarm["AlarmName"].split("-", 2)[2]: alarm for alarm in deployment.properties("AWS::CloudWatch::Alarm")}

    assert set(alarms) == {
        "Errors",
        "TableThrottles",
        "ApiErrors",
        "ApiThrottles",
        "SocketThrottles",
        "LostUploads",
        "LostJobEvents",
        "FailedExecutions",
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
    assert all(len(alarm["AlarmActions"]) == 2 for alarm in full.properties("AWS::CloudWatch::Alarm"))
    assert [s["Endpoint"] for s in full.properties("AWS::SNS::Subscription")] == ["ops@example.com"]
    assert (budget["Budget"]["BudgetLimit"], subscribers) == ({"Amount": 100, "Unit": "USD"}, {"ops@example.com"})


def test_each_source_of_events_has_a_queue_an_alarm_and_a_runbook(deployment):
    page = (DOCS / "deploy.md").read_text()
    queues = {name: queue["Properties"]["QueueName"] for name, queue in deployment.of_type("AWS::SQS::Queue").items()}
    alarms = [
        a
        for a in deployment.properties("AWS::CloudWatch::Alarm")
        if a.get("MetricName") == "ApproximateNumberOfMessagesVisible"
    ]

    assert {deployment.text(d["Value"]) for a in alarms for d in a["Dimensions"]} == {
        f"<{q}.QueueName>" for q in queues
    }
    assert len(queues) == 3
    for name in queues.values():
        assert name.split("-", 2)[2] in page


def test_an_execution_that_ends_badly_is_kept_for_somebody_to_look_at(deployment):
    [rule] = [r for r in deployment.properties("AWS::Events::Rule") if r["EventPattern"]["source"] == ["aws.states"]]
    detail = rule["EventPattern"]["detail"]
    machines = {deployment.text(arn).rsplit("-", 1)[1] for arn in detail["stateMachineArn"]}

    assert machines == set(catalog.WORKFLOWS)
    assert detail["$or"] == [
        {"status": ["FAILED", "TIMED_OUT"]},
        {"status": ["ABORTED"], "cause": [{"anything-but": catalog.ERASED}]},
    ]
    [kept, recovered] = rule["Targets"]
    assert "FailedExecutions" in deployment.text(kept["Arn"])
    assert deployment.text(recovered["Arn"]).startswith("<FunctionsOnExecutionFailed")
    assert deployment.text(recovered["DeadLetterConfig"]["Arn"]) == deployment.text(kept["Arn"])


def test_the_erasure_stops_executions_with_the_cause_that_is_no_failure():
    source = (ROOT / "layers/core/dataforge/workflows/erasing.py").read_text()

    assert f'cause="{catalog.ERASED}"' in source


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
    assert stage in PRESETS


def test_one_address_cannot_take_everybodys_share(dev, full):
    [acl] = full.properties("AWS::WAFv2::WebACL")
    rule, *managed = acl["Rules"]
    [association] = full.properties("AWS::WAFv2::WebACLAssociation")
    limit = rule["Statement"]["RateBasedStatement"]

    assert (limit["AggregateKeyType"], limit["Limit"]) == ("IP", PRESETS["prod"].requests_per_address)
    assert rule["Action"] == {"Block": {}}
    assert not rule["VisibilityConfig"]["SampledRequestsEnabled"]
    assert "/stages/" in full.text(association["ResourceArn"])
    assert [m["Statement"]["ManagedRuleGroupStatement"]["Name"] for m in managed] == list(MANAGED_RULES)
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
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == PRESETS[stage["StageName"]].requests_per_second


def test_a_domain_of_ones_own_becomes_the_address_of_the_api(dev, full):
    [domain] = full.properties("AWS::ApiGateway::DomainName")

    assert domain["DomainName"] == "forge.example.com"
    assert domain["SecurityPolicy"] == "TLS_1_2"
    assert full.service["Outputs"]["ApiUrl"]["Value"] == "https://forge.example.com/"
    assert "ApiDomainTarget" not in dev.service["Outputs"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"stage": "my-stage"}, "up to 16 lower-case letters and digits"),
        ({"wfa": "no"}, "-c wfa: there is no such option; did you mean waf?"),
        ({"kms_key_arn": "mykey"}, "must be an ARN"),
        ({"subnet_ids": "subnet-1"}, "belong together"),
        ({"tags": "team"}, "must be a list such as"),
        ({"reserved_concurrency": "apis=3"}, "there is no function apis"),
        ({"reserved_concurrency": "api=none"}, "must be a whole number above 0"),
        ({"waf_managed_rules": "yes"}, "needs -c waf=yes"),
        ({"DATAFORGE_BUCKET": "mine"}, "the deployment sets it by itself"),
        ({"waf": "perhaps"}, "-c waf=perhaps: say yes or no"),
        ({"budget_usd": "-3", "alarm_email": "a@b.c"}, "must be above 0"),
        ({"budget_usd": "30"}, "needs -c alarm_email"),
        ({"domain": "forge.example.com"}, "belong together"),
        ({"log_days": "many"}, "-c log_days=many"),
        ({"log_days": "10"}, "choose one of 7, 14, 30, 90, 365"),
        ({"training": "true"}, "-c training=true: say yes or no"),
        ({"training_image": "huggingface/trl:latest"}, "must be an image in ECR, such as"),
    ],
)
def test_a_wrong_option_is_refused_with_what_to_say_instead(given, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        chosen(context(**given))


def test_options_change_the_stage_and_nothing_else():
    assert chosen(context()) == PRESETS["dev"]
    assert chosen(context(waf="yes")).waf
    assert chosen(context(stage="prod", waf="no")) != PRESETS["prod"]
    assert chosen({**context(waf="no"), "@aws-cdk/core:x": True, "aws:cdk:bundling-stacks": []}).options == {
        "waf": "no"
    }


def test_a_stage_of_any_name_begins_as_dev_with_names_of_its_own():
    stage = preset("staging")

    assert stage.prefix == "dataforge-staging-"
    assert replace(stage, name="dev") == PRESETS["dev"]


def test_every_documented_setting_can_be_given_to_the_functions():
    names = {f.metadata["env"] for f in fields(Settings)}
    free = names - FIXED_SETTINGS

    assert names > FIXED_SETTINGS
    assert chosen(context(**dict.fromkeys(free, "7"))).settings == dict.fromkeys(free, "7")


def test_settings_reach_every_function_and_leave_what_the_deployment_sets(full):
    answers = [f["Environment"]["Variables"] for f in full.properties("AWS::Lambda::Function")]

    assert {a["DATAFORGE_CONCURRENCY"] for a in answers} == {"16"}
    assert {a["DATAFORGE_STAGE"] for a in answers} == {"prod"}
    assert json.loads(full.service["Outputs"]["DeployOptions"]["Value"]) == dict(sorted(EVERY_OPTION.items()))
