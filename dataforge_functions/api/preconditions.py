"""Edits that are meant for one revision: `If-Match` or `revision` in the body on the way in, `ETag` on the way out."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Header

from dataforge.store.revisions import Expected

ETAG = "ETag"
IF_MATCH = "If-Match"
EDITS = {"update_pair", "update_chunk"}
"""Operations that take a revision and answer with one."""
_TAG = re.compile(r"""(?:W/)?"([^"]*)"|([^\s",]+)""")


def etag(revision: str) -> str:
    return f'"{revision}"'


def _from_header(
    if_match: Annotated[
        str | None,
        Header(
            alias=IF_MATCH,
            max_length=2000,
            description="The `ETag` or `revision` that you read: the edit is made only if nobody changed it since. "
            "Several in a list: any of them; `*`: whichever there is.",
        ),
    ] = None,
) -> Expected:
    """The revisions in the header, spelled as strong or weak tags or bare; None: any will do."""
    if if_match is None or if_match.strip() == "*":
        return None
    return {tag or bare for tag, bare in _TAG.findall(if_match)}


IfMatchDep = Annotated[Expected, Depends(_from_header)]


def both(if_match: Expected, revision: str | None) -> Expected:
    """What holds for the header and the field of the body together."""
    if revision is None:
        return if_match
    return {revision} if if_match is None else {revision}.intersection(if_match)
