"""What the product knows; `functions`, `infra` and the client stand around it."""

VERSION = "0.1.0"
"""Of the release, as in pyproject.toml."""
