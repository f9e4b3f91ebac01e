"""What one permission of a deployer is made of: the tables in `rights.py` and `option_rights.py` list them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Right:
    """Actions of one service on what has one of these ARNs.

    resources: `{region}`, `{account}` and `{name}` (`dataforge-<stage>-`) are filled in; `*` where AWS knows no ARN.
    passed_to: services that a role may be given to (iam:PassRole).
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    passed_to: tuple[str, ...] = ()


def may(service: str, actions: str, *resources: str) -> Right:
    return Right(tuple(f"{service}:{action}" for action in actions.split()), resources or ("*",))


ROLES = ("arn:{partition}:iam::{account}:role/{name}service-*", "arn:{partition}:iam::{account}:role/{name}data-*")
