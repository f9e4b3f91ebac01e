"""A web ACL in front of the REST API: a rate limit per IP address."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from dataforge_infra.stages import MANAGED_RULES, Stage


class Firewall(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, rest: apigateway.RestApi) -> None:
        super().__init__(scope, construct_id)
        name = f"{stage.prefix}rate"
        managed = MANAGED_RULES if stage.waf_managed_rules else ()
        acl = waf.CfnWebACL(
            self,
            "Acl",
            name=name,
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility(name),
            rules=[
                waf.CfnWebACL.RuleProperty(
                    name="rate-by-address",
                    priority=0,
                    # Body and status are set by API Gateway: see GATEWAY_ERRORS in api.py.
                    action=waf.CfnWebACL.RuleActionProperty(block={}),
                    statement=waf.CfnWebACL.StatementProperty(
                        rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                            aggregate_key_type="IP", limit=stage.requests_per_address, evaluation_window_sec=300
                        )
                    ),
                    visibility_config=_visibility(f"{name}-by-address"),
                ),
                *(_managed(name, place, rules) for place, rules in enumerate(managed, 1)),
            ],
        )
        waf.CfnWebACLAssociation(
            self, "Association", resource_arn=rest.deployment_stage.stage_arn, web_acl_arn=acl.attr_arn
        )


def _managed(name: str, priority: int, rules: str) -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name=rules,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(name=rules, vendor_name="AWS")
        ),
        visibility_config=_visibility(f"{name}-{rules}"),
    )


def _visibility(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    # Sampled requests would store headers, including keys, for three hours.
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
