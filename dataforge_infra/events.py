"""EventBridge rules: a file was uploaded, a batch job of Bedrock or a training job of SageMaker has ended or come
further, an execution has failed."""

from __future__ import annotations

import re

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from dataforge_infra import catalog
from dataforge_infra.arns import machine_arn
from dataforge_infra.lambdas import Lambdas
from dataforge_infra.nag_suppressions import suppress_nag
from dataforge_infra.stages import Stage

MAX_EVENT_AGE = Duration.hours(24)
DELIVERIES = 185
"""EventBridge's defaults, made explicit: retries with growing pauses for a day."""
"""Further runs of the function for one event."""
KEPT = Duration.days(14)


class Events(Construct):
    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, bucket: s3.IBucket, lambdas: Lambdas
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self.queues: dict[str, sqs.Queue] = {}
        """Name of the alarm -> queue of the events from one source that somebody has to look at."""
        self._rule_for_uploads(lambdas.by_name[catalog.ON_UPLOAD], bucket)
        self._rule_for_jobs(lambdas.by_name[catalog.ON_JOBS_CHANGED])
        if stage.trains:
            self._rules_for_trainings(lambdas.by_name[catalog.ON_TRAINING_CHANGED], bucket)
        self._rule_for_failed_executions(lambdas.by_name[catalog.ON_EXECUTION_FAILED])

    def _rule_for_uploads(self, on_upload: lambda_.Function, bucket: s3.IBucket) -> None:
        events.Rule(
            self,
            "Uploaded",
            rule_name=f"{self._stage.prefix}uploaded",
            description="A file was uploaded: verify it",
            event_pattern=_created(bucket, catalog.UPLOADS),
            targets=[self._target(on_upload, "LostUploads")],
        )

    def _rule_for_jobs(self, on_jobs_changed: lambda_.Function) -> None:
        """Delivery is best effort; a lost event only costs time, since a run polls its jobs, too."""
        events.Rule(
            self,
            "JobsOver",
            rule_name=f"{self._stage.prefix}jobs-over",
            description="A batch job of Bedrock has ended: resume its run",
            event_pattern=events.EventPattern(
                source=["aws.bedrock"],
                detail_type=["Batch Inference Job State Change"],
                detail={
                    "batchJobName": [{"prefix": self._stage.prefix}],
                    "status": ["Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"],
                },
            ),
            targets=[self._target(on_jobs_changed, "LostJobEvents")],
        )

    def _rules_for_trainings(self, on_training_changed: lambda_.Function, bucket: s3.IBucket) -> None:
        """As for batch jobs, whose queue they share: a lost event costs time only, since a run looks at its job."""
        target = self._target(on_training_changed, "LostJobEvents")
        events.Rule(
            self,
            "TrainingOver",
            rule_name=f"{self._stage.prefix}training-over",
            description="A training job of SageMaker has ended: resume its run",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Training Job State Change"],
                detail={
                    "TrainingJobName": [{"prefix": self._stage.prefix}],
                    "TrainingJobStatus": ["Completed", "Failed", "Stopped"],
                },
            ),
            targets=[target],
        )
        events.Rule(
            self,
            "TrainingProgress",
            rule_name=f"{self._stage.prefix}training-progress",
            description="A training job has stored its progress: push it to those who follow",
            event_pattern=_created(bucket, catalog.TRAINING_PROGRESS),
            targets=[target],
        )

    def _rule_for_failed_executions(self, on_execution_failed: lambda_.Function) -> None:
        """An execution closes its run before it ends; one that ends in another way has left that to a recovery, which
        the function starts. The queue has every such event, and a second time those that the function could not handle.
        What the erasure of a deleted project stops is no failure."""
        target = self._target(on_execution_failed, "FailedExecutions")
        queue = self.queues["FailedExecutions"]
        arns = [machine_arn(self, self._stage, name) for name in catalog.WORKFLOWS]
        events.Rule(
            self,
            "ExecutionFailed",
            rule_name=f"{self._stage.prefix}execution-failed",
            description="An execution failed, timed out or was aborted: recover its run and keep the event",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": arns,
                    "$or": [
                        {"status": ["FAILED", "TIMED_OUT"]},
                        {"status": ["ABORTED"], "cause": [{"anything-but": catalog.ERASED}]},
                    ],
                },
            ),
            targets=[targets.SqsQueue(queue), target],
        )

    def _target(self, function: lambda_.Function, name: str) -> targets.LambdaFunction:
        """The function, with a queue for what EventBridge cannot deliver and for what fails inside the function:
        EventBridge invokes asynchronously, so Lambda retries and gives up, not the rule."""
        queue = self.queues[name] = self.queues.get(name) or self._queue(name)
        function.configure_async_invoke(
            retry_attempts=catalog.EVENT_RETRIES,
            max_event_age=Duration.hours(6),
            on_failure=destinations.SqsDestination(queue),
        )
        return targets.LambdaFunction(
            function, dead_letter_queue=queue, retry_attempts=DELIVERIES, max_event_age=MAX_EVENT_AGE
        )

    def _queue(self, name: str) -> sqs.Queue:
        words = re.findall("[A-Z][a-z]+", name)
        queue = sqs.Queue(
            self,
            name,
            queue_name=f"{self._stage.prefix}{'-'.join(words).lower()}",
            retention_period=KEPT,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            # What was not handled is found another way: a file when it is parsed, a job when its run polls, a run by
            # its recovery.
            removal_policy=RemovalPolicy.DESTROY,
        )
        suppress_nag(queue, SQS3="it is a queue for operators, and the dead-letter queue of its source")
        return queue


def _created(bucket: s3.IBucket, keys: str) -> events.EventPattern:
    """A new object in the bucket. keys: `*` is any text, including slashes."""
    return events.EventPattern(
        source=["aws.s3"],
        detail_type=["Object Created"],
        detail={"bucket": {"name": [bucket.bucket_name]}, "object": {"key": [{"wildcard": keys}]}},
    )
