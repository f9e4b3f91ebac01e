"""A regional REST API that passes every request to one function."""

from __future__ import annotations

import json
from http import HTTPStatus

from aws_cdk import CfnOutput
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from dataforge_infra.lambdas import log_group
from dataforge_infra.nag_suppressions import suppress_nag
from dataforge_infra.stages import Stage

# No query string, header or body: keys and texts must not be logged.
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


# Errors that API Gateway returns by itself, with the error body that every route has.
GATEWAY_ERRORS = {
    apigateway.ResponseType.THROTTLED: ("429", "RATE_LIMITED", "Too many requests; try again in a moment"),
    apigateway.ResponseType.WAF_FILTERED: ("429", "RATE_LIMITED_ADDRESS", "Too many requests from this address"),
    apigateway.ResponseType.REQUEST_TOO_LARGE: (
        "413",
        "TOO_LARGE",
        "The request is too large; upload files through the address of upload-url",
    ),
    apigateway.ResponseType.INTEGRATION_TIMEOUT: ("504", "TIMED_OUT", "No answer in time; try again"),
    apigateway.ResponseType.INTEGRATION_FAILURE: ("502", "UNAVAILABLE", "The service cannot be reached; try again"),
}


PUSH_POLICY = "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]"


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
            # Bodies are passed on unchanged in both directions; the function sets their content type.
            binary_media_types=["*/*"],
            cloud_watch_role=stage.gateway_log_role,
            deploy_options=self._stage_options(stage),
        )
        suppress_nag(
            self.rest,
            APIG2="the function checks every body against the schema that it publishes",
            APIG4="the function authenticates callers by our own hashed keys",
            APIG6="execution logs would contain request bodies; the access log has every request",
            COG4="callers are programs with keys; there is no user pool",
            **({} if stage.waf else {"APIG3": "a web ACL costs 6 USD a month: -c waf=yes"}),
            **({PUSH_POLICY: "API Gateway requires this policy"} if stage.gateway_log_role else {}),
        )
        integration = apigateway.LambdaIntegration(
            self.alias, allow_test_invoke=False, scope_permission_to_method=False
        )
        # The function authenticates callers by our own hashed keys: API Gateway's keys are for metering.
        no_auth = apigateway.AuthorizationType.NONE
        self.rest.root.add_method("ANY", integration, authorization_type=no_auth)
        self.rest.root.add_resource("{proxy+}").add_method("ANY", integration, authorization_type=no_auth)

        for kind, (status, code, message) in GATEWAY_ERRORS.items():
            self.rest.add_gateway_response(
                f"{code.title().replace('_', '')}Refusal",
                type=kind,
                status_code=status,
                response_headers={"Access-Control-Allow-Origin": "'*'"},
                templates={"application/json": _error_body(status, code, message)},
            )
        self.url = self._domain(stage) if stage.domain else self.rest.url

    def _domain(self, stage: Stage) -> str:
        """In your DNS, make the host an alias (or CNAME) of the output ApiDomainTarget."""
        certificate = acm.Certificate.from_certificate_arn(self, "Certificate", str(stage.certificate_arn))
        name = self.rest.add_domain_name(
            "Domain",
            domain_name=str(stage.domain),
            certificate=certificate,
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
        CfnOutput(self, "ApiDomainTarget", value=name.domain_name_alias_domain_name)
        return f"https://{stage.domain}/"

    def _stage_options(self, stage: Stage) -> apigateway.StageOptions:
        log = log_group(self, "AccessLog", f"/dataforge/{stage.name}/access", stage)
        return apigateway.StageOptions(
            stage_name=stage.name,
            throttling_rate_limit=stage.requests_per_second,
            throttling_burst_limit=stage.burst,
            access_log_destination=apigateway.LogGroupLogDestination(log),
            access_log_format=apigateway.AccessLogFormat.custom(_as_json(ACCESS_LOG)),
            # Execution logs would contain request bodies.
            logging_level=apigateway.MethodLoggingLevel.OFF,
            data_trace_enabled=False,
            tracing_enabled=stage.trace,
        )


def _as_json(fields: dict[str, str]) -> str:
    return "{" + ",".join(f'"{name}":"{value}"' for name, value in fields.items()) + "}"


def _error_body(status: str, code: str, message: str) -> str:
    body = {
        "error": HTTPStatus(int(status)).phrase,
        "message": message,
        "detail": message,
        "code": code,
        "status_code": int(status),
        "request_id": "$context.requestId",
    }
    return json.dumps(body)
