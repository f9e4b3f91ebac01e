"""EventBridge rules: a file was uploaded, a batch job of Bedrock has ended."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import catalog
from infra.lambdas import Lambdas
from infra.nag_suppressions import suppress_nag
from infra.stages import Stage

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
        self.lost = self._queue(stage)
        on_upload = lambdas.by_name[catalog.ON_UPLOAD]
        # EventBridge invokes asynchronously; Lambda handles what fails inside the function.
        on_upload.configure_async_invoke(
            retry_attempts=catalog.EVENT_RETRIES,
            max_event_age=Duration.hours(6),
            on_failure=destinations.SqsDestination(self.lost),
        )
        events.Rule(
            self,
            "Uploaded",
            rule_name=f"{stage.prefix}uploaded",
            description="A file was uploaded: verify it",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [bucket.bucket_name]},
                    "object": {"key": [{"wildcard": catalog.UPLOADS}]},
                },
            ),
            targets=[
                targets.LambdaFunction(
                    on_upload, dead_letter_queue=self.lost, retry_attempts=DELIVERIES, max_event_age=MAX_EVENT_AGE
                )
            ],
        )

        self._rule_for_jobs(stage, lambdas.by_name[catalog.ON_JOBS_CHANGED])

    def _rule_for_jobs(self, stage: Stage, on_jobs_changed: lambda_.Function) -> None:
        """Delivery is best effort; a lost event only costs time, since a run polls its jobs, too."""
        events.Rule(
            self,
            "JobsOver",
            rule_name=f"{stage.prefix}jobs-over",
            description="A batch job of Bedrock has ended: resume its run",
            event_pattern=events.EventPattern(
                source=["aws.bedrock"],
                detail_type=["Batch Inference Job State Change"],
                detail={
                    "batchJobName": [{"prefix": stage.prefix}],
                    "status": ["Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"],
                },
            ),
            targets=[
                targets.LambdaFunction(
                    on_jobs_changed, dead_letter_queue=self.lost, retry_attempts=DELIVERIES, max_event_age=MAX_EVENT_AGE
                )
            ],
        )

    def _queue(self, stage: Stage) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "LostUploads",
            queue_name=f"{stage.prefix}lost-uploads",
            retention_period=KEPT,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            # A file that was not verified is verified when it is parsed: the queue is for operators.
            removal_policy=RemovalPolicy.DESTROY,
        )
        suppress_nag(queue, SQS3="it is the dead-letter queue")
        return queue
