"""Texts without the passwords of URLs. A module of its own, because every command needs it at its start."""

from __future__ import annotations

import re

_USER_INFO = re.compile(r"(?<=://)[^/?#\s]*@")


def redact(text: str) -> str:
    """The text with `***` in the place of user name and password of every URL."""
    return _USER_INFO.sub("***@", text)
