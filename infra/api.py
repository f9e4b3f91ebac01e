"""The door: a regional REST API that hands every request to one function."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.lambdas import log_group
from infra.stages import Stage

# Who, what, how long and how it ended. No query string, no header, no body: keys and texts stay out of the log.
ACCESS_LOG = {
    "time": apigateway.AccessLogField.context_request_time(),
    "request_id": apigateway.AccessLogField.context_request_id(),
    "ip": apigateway.AccessLogField.context_identity_source_ip(),
    "method": apigateway.AccessLogField.context_http_method(),
    "path": apigateway.AccessLogField.context_path(),
    "status": apigateway.AccessLogField.context_status(),
    "bytes": apigateway.AccessLogField.context_response_length(),
    "latency_ms": apigateway.AccessLogField.context_response_latency(),
    "error": apigateway.AccessLogField.context_error_response_type(),
}


class Api(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, function: lambda_.Function) -> None:
        super().__init__(scope, construct_id)
        # A snapshot belongs to a published version, and the alias moves to the newest one.
        self.alias = lambda_.Alias(self, "Live", alias_name="live", version=function.current_version)
        self.rest = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=f"{stage.prefix}api",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # Bodies pass as they are, in both directions; the function says what they mean.
            binary_media_types=["*/*"],
            cloud_watch_role=True,
            deploy_options=self._stage_options(stage),
        )
        integration = apigateway.LambdaIntegration(
            self.alias, allow_test_invoke=False, scope_permission_to_method=False
        )
        # Callers prove themselves by our own hashed keys, which the function checks: API Gateway's are for metering.
        no_auth = apigateway.AuthorizationType.NONE
        self.rest.root.add_method("ANY", integration, authorization_type=no_auth)
        self.rest.root.add_resource("{proxy+}").add_method("ANY", integration, authorization_type=no_auth)

    def _stage_options(self, stage: Stage) -> apigateway.StageOptions:
        log = log_group(self, "AccessLog", f"/dataforge/{stage.name}/access", stage)
        return apigateway.StageOptions(
            stage_name=stage.name,
            throttling_rate_limit=stage.requests_per_second,
            throttling_burst_limit=stage.burst,
            access_log_destination=apigateway.LogGroupLogDestination(log),
            access_log_format=apigateway.AccessLogFormat.custom(_as_json(ACCESS_LOG)),
            # Execution logs would hold request bodies.
            logging_level=apigateway.MethodLoggingLevel.OFF,
            data_trace_enabled=False,
            tracing_enabled=stage.trace,
        )


def _as_json(fields: dict[str, str]) -> str:
    return "{" + ",".join(f'"{name}":"{value}"' for name, value in fields.items()) + "}"
