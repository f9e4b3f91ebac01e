"""Alarms, the dashboard and the budget.

CloudWatch charges 0.10 USD a month for each metric an alarm reads (the first ten of an account are free), so errors of
all functions are counted from their logs in one metric, and executions that end badly are events in one queue.
Throttles are watched where the caller is a client that waits: a throttled state or event is tried again, and ends as a
failed execution or a dead letter if that does not help.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from dataforge_infra import catalog
from dataforge_infra.api import Api
from dataforge_infra.catalog import camel
from dataforge_infra.code import ROOT
from dataforge_infra.events import Events
from dataforge_infra.lambdas import Lambdas
from dataforge_infra.stages import Stage

COUNTED = json.loads((ROOT / "layers/core/dataforge/data/metrics.json").read_text("utf-8"))
"""Metrics of the functions' work (`dataforge.metrics`); their names are defined in that file only."""
NAMESPACE = COUNTED["namespace"]
_AMOUNTS = ("InputTokens", "OutputTokens", "Seconds")
"""Drawn on the right axis: a thousand times larger than the other metrics."""
FIVE_MINUTES = Duration.minutes(5)
# Lines of the function logs: our own with level error, and the runtime's for what our code cannot log.
PATTERNS = {
    "Errors": ('"level":"ERROR"', "[ERROR]", "Task timed out", "Runtime exited"),
    # Throttling that outlasted the retries of the AWS SDK.
    "TableThrottles": ("ProvisionedThroughputExceeded", "ThrottlingException", "RequestLimitExceeded"),
}


class Monitoring(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        api: Api,
        lambdas: Lambdas,
        events: Events,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage, self._lambdas = stage, lambdas
        self._receivers = self._alarm_receivers()
        watched: dict[str, cloudwatch.IMetric] = {
            **self._counted(),
            "ApiErrors": api.rest.metric_server_error(period=FIVE_MINUTES, statistic="Sum"),
            **{
                f"{camel(name)}Throttles": lambdas.by_name[name].metric_throttles(period=FIVE_MINUTES, statistic="Sum")
                for name in (catalog.API, catalog.SOCKET)
            },
            **{
                name: queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic="Maximum")
                for name, queue in events.queues.items()
            },
        }
        self.alarms = [self._alarm(name, metric) for name, metric in watched.items()]
        if stage.dashboard:
            self._dashboard(api)
        if stage.budget_usd:
            self._budget(stage.budget_usd)

    def _counted(self) -> dict[str, cloudwatch.IMetric]:
        """Metrics from log lines; they cost nothing while there are none."""
        found: dict[str, cloudwatch.IMetric] = {}
        for metric, terms in PATTERNS.items():
            for name, group in self._lambdas.logs.items():
                logs.MetricFilter(
                    self,
                    f"{metric}Of{camel(name)}",
                    log_group=group,
                    metric_namespace=NAMESPACE,
                    metric_name=f"{self._stage.prefix}{metric}",
                    metric_value="1",
                    filter_pattern=logs.FilterPattern.any_term(*terms),
                )
            found[metric] = _metric(NAMESPACE, f"{self._stage.prefix}{metric}")
        return found

    def _alarm(self, name: str, metric: cloudwatch.IMetric) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._stage.prefix}{name}",
            alarm_description=DESCRIPTIONS[name],
            metric=metric,
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        for topic in self._receivers:
            alarm.add_alarm_action(actions.SnsAction(topic))
            alarm.add_ok_action(actions.SnsAction(topic))
        return alarm

    def _alarm_receivers(self) -> list[sns.ITopic]:
        topics: list[sns.ITopic] = [self._alarm_topic()] if self._stage.alarm_email else []
        if self._stage.alarm_topic_arn:
            topics.append(sns.Topic.from_topic_arn(self, "YourTopic", self._stage.alarm_topic_arn))
        return topics

    def _alarm_topic(self) -> sns.Topic:
        topic = sns.Topic(self, "Topic", topic_name=f"{self._stage.prefix}alarms", enforce_ssl=True)
        topic.add_subscription(subscriptions.EmailSubscription(str(self._stage.alarm_email)))
        return topic

    def _dashboard(self, api: Api) -> None:
        """With a line for each function and table it exceeds the 50 metrics of a free dashboard."""
        prefix = self._stage.prefix
        graphs: dict[str, tuple[Sequence[cloudwatch.IMetric], Sequence[cloudwatch.IMetric]]] = {
            "Requests and latency": ([api.rest.metric_count()], [api.rest.metric_latency(statistic="p99")]),
            "Function durations (p99, ms)": ([_search("AWS/Lambda,FunctionName", "Duration", "p99", prefix)], []),
            "Function invocations": ([_search("AWS/Lambda,FunctionName", "Invocations", "Sum", prefix)], []),
            "Table units read": ([_search("AWS/DynamoDB,TableName", "ConsumedReadCapacityUnits", "Sum", prefix)], []),
            "Table units written": (
                [_search("AWS/DynamoDB,TableName", "ConsumedWriteCapacityUnits", "Sum", prefix)],
                [],
            ),
            "Pairs, tokens, calls": (
                [self._work(name) for name in COUNTED["metrics"] if name not in _AMOUNTS],
                [self._work(name) for name in COUNTED["metrics"] if name in _AMOUNTS],
            ),
        }
        board = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=f"{prefix}overview")
        board.add_widgets(cloudwatch.AlarmStatusWidget(alarms=self.alarms, width=24, title="Alarms"))
        board.add_widgets(
            *(
                cloudwatch.GraphWidget(title=title, left=left, right=right, width=12)
                for title, (left, right) in graphs.items()
            )
        )

    def _work(self, metric: str) -> cloudwatch.MathExpression:
        """One line for each kind of work (parse, generate, synthetic, export) in the period."""
        return _search(",".join((NAMESPACE, *COUNTED["dimensions"])), metric, "Sum", self._stage.name)

    def _budget(self, dollars: float) -> None:
        mail = budgets.CfnBudget.SubscriberProperty(address=str(self._stage.alarm_email), subscription_type="EMAIL")

        def at(percent: int, kind: str) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
            return budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[mail],
            )

        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=f"{self._stage.prefix}monthly",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
                cost_filters={"TagKeyValue": ["user:application$dataforge"]},
            ),
            notifications_with_subscribers=[at(80, "ACTUAL"), at(100, "ACTUAL"), at(100, "FORECASTED")],
        )


DESCRIPTIONS = {
    "Errors": "A function logged an error, timed out or died: read its log under /dataforge/<stage>/",
    "TableThrottles": "DynamoDB refused work for longer than our retries last: the run goes on, slower",
    "ApiErrors": "The API answered 5xx: look for the request_id in the log of the api function",
    "ApiThrottles": "Lambda refused calls of the API: raise the account's concurrency in Service Quotas",
    "SocketThrottles": "Lambda refused calls of the WebSocket API: raise the account's concurrency in Service Quotas",
    "LostUploads": "The event of an uploaded file could not be handled: docs/deploy.md, Dead letters",
    "LostJobEvents": "The event of a batch or training job could not be handled: docs/deploy.md, Dead letters",
    "FailedExecutions": "An execution failed, timed out or was aborted: docs/deploy.md, Failed executions",
}


def _metric(namespace: str, name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(namespace=namespace, metric_name=name, statistic="Sum", period=FIVE_MINUTES)


def _search(dimensions: str, metric: str, statistic: str, text: str) -> cloudwatch.MathExpression:
    """One line per resource whose name contains `text`, including those created later."""
    return cloudwatch.MathExpression(
        expression=f"SEARCH('{{{dimensions}}} MetricName=\"{metric}\" \"{text}\"', '{statistic}', 300)",
        using_metrics={},
        label="",
        period=FIVE_MINUTES,
    )
