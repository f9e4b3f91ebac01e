"""Suppressions of cdk-nag findings (AwsSolutions), each beside the construct that causes it, with the reason."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import IConstruct


def suppress_nag(construct: IConstruct, **reasons: str) -> None:
    """`APIG4="reason"` suppresses the finding AwsSolutions-APIG4 of this construct and of all inside it."""
    cdk.Validations.of(construct).acknowledge(
        *(cdk.Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason) for rule, reason in reasons.items())
    )
