"""The page about a run, beside what the run made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dataforge_client.errors import ClientError


def save_page(get: Callable[[], str], path: Path | None) -> Path | None:
    """Write the page. None where there is none, as on a server of an earlier release: a page is worth no failed run."""
    if path is None:
        return None
    try:
        page = get()
    except ClientError:
        path.unlink(missing_ok=True)  # that of an earlier run would tell of other records
        return None
    path.write_text(page, encoding="utf-8")
    return path
