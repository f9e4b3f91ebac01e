"""Generated requests against the real API: the ids in them are often those of things that exist."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import Case
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema

from dataforge import settings
from tests.integration.conftest import Service, embedded_service

TEXT = (
    b"# Moorings\n\nThe harbour master answers every request within 24 hours. The fee is 30 euros a day for each boat "
    b"longer than 12 metres. Boats leave the quay by 18:00 on Sundays.\n\n# Fuel\n\nThe fuel dock sells diesel from "
    b"08:00 to 17:00. A skipper who spills fuel pays a fine of 500 euros to the port office.\n"
)
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]
MOST_PAIRS = 12
"""A generated case may ask for 100,000 pairs; the run behind it is not what is tested."""
