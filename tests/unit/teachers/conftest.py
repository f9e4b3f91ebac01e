"""Credentials of AWS that sign the requests of tests."""

from __future__ import annotations

import pytest

from dataforge.platform.aws import signing
from tests.support import provider_servers


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in [
        ("ACCESS_KEY_ID", provider_servers.KEY),
        ("SECRET_ACCESS_KEY", provider_servers.SECRET),
        ("SESSION_TOKEN", provider_servers.TOKEN),
    ]:
        monkeypatch.setenv(f"AWS_{name}", value)
    signing._session.cache_clear()
