"""The WebSocket API, which pushes the progress of runs to clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_integrations import WebSocketLambdaIntegration
from constructs import Construct

from dataforge_infra import catalog
from dataforge_infra.lambdas import Lambdas, log_group
from dataforge_infra.nag_suppressions import suppress_nag
from dataforge_infra.stages import Stage

# No query string: it may contain a browser's key.
ACCESS_LOG = (
    '{"time":"$context.requestTime","request_id":"$context.requestId","ip":"$context.identity.sourceIp",'
    '"route":"$context.routeKey","status":"$context.status","connection":"$context.connectionId"}'
)


class WebSocket(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, lambdas: Lambdas) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.WebSocketApi(
            self,
            "Api",
            api_name=f"{stage.prefix}socket",
            connect_route_options=self._route("Connect", lambdas),
            disconnect_route_options=self._route("Disconnect", lambdas),
            default_route_options=self._route("Message", lambdas),
        )
        suppress_nag(self.api, APIG4="the function behind $connect checks our own keys")
        log = log_group(self, "AccessLog", f"/dataforge/{stage.name}/socket-access", stage)
        self.stage = apigateway.WebSocketStage(
            self,
            "Stage",
            web_socket_api=self.api,
            stage_name=stage.name,
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=stage.requests_per_second, burst_limit=stage.burst),
        )
        resource = cast(apigateway.CfnStage, self.stage.node.default_child)
        resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn, format=ACCESS_LOG
        )
        for name, facts in catalog.FUNCTIONS.items():
            if catalog.pushes(facts):
                # The API also ends the connections of a key that is revoked.
                self._may_push(lambdas.by_name[name], ("POST", "DELETE") if name == catalog.API else ("POST",))
        CfnOutput(scope, "SocketUrl", value=self.stage.url, description="Push of progress (WebSocket)")

    def _route(self, name: str, lambdas: Lambdas) -> apigateway.WebSocketRouteOptions:
        # No route has a response of its own: the function pushes its replies, like all messages.
        return apigateway.WebSocketRouteOptions(
            integration=WebSocketLambdaIntegration(f"{name}Integration", lambdas.by_name[catalog.SOCKET])
        )

    def _may_push(self, function: lambda_.Function, methods: Sequence[str]) -> None:
        function.add_environment("DATAFORGE_SOCKET_URL", self.stage.callback_url)
        connections = [
            Stack.of(self).format_arn(
                service="execute-api",
                resource=self.api.api_id,
                resource_name=f"{self.stage.stage_name}/{method}/@connections/*",
            )
            for method in methods
        ]
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["execute-api:ManageConnections"], resources=connections)
        )
