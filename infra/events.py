"""What the account tells our functions by itself: EventBridge rules, each with retries and a dead-letter queue."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from constructs import Construct

from infra import catalog
from infra.data import Data, camel
from infra.lambdas import Lambdas
from infra.queues import DeadLetters

LONGEST = Duration.hours(6)
"""How old an event may get while it is tried again."""


class Events(Construct):
    def __init__(
        self, scope: Construct, construct_id: str, *, data: Data, lambdas: Lambdas, dead: DeadLetters
    ) -> None:
        super().__init__(scope, construct_id)
        patterns = {
            catalog.ON_UPLOAD: events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [data.bucket.bucket_name]},
                    "object": {"key": [{"wildcard": catalog.UPLOADS}]},
                },
            ),
        }
        for name, pattern in patterns.items():
            if name in lambdas.by_name:
                self._rule(name, pattern, lambdas.by_name[name], dead)

    def _rule(
        self, name: str, pattern: events.EventPattern, function: lambda_.Function, dead: DeadLetters
    ) -> None:
        """Both ways an event can be lost end in the queue: it never reaches the function, or the function fails."""
        target = targets.LambdaFunction(
            function, dead_letter_queue=dead.queue, max_event_age=LONGEST, retry_attempts=10
        )
        events.Rule(self, camel(name), event_pattern=pattern, targets=[target])
        function.configure_async_invoke(
            max_event_age=LONGEST, retry_attempts=2, on_failure=destinations.SqsDestination(dead.queue)
        )
