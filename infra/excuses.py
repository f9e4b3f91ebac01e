"""Findings of cdk-nag (AwsSolutions) that we know and keep, each said where it arises; `tests/infra/test_nag.py`."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import IConstruct


def excuse(construct: IConstruct, **reasons: str) -> None:
    """`APIG4="why"` keeps the finding AwsSolutions-APIG4 of this construct and of all inside it."""
    cdk.Validations.of(construct).acknowledge(
        *(cdk.Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason) for rule, reason in reasons.items())
    )
