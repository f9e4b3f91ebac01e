"""What the product knows; `dataforge_functions`, `dataforge_infra` and the client stand around it."""

VERSION = "0.1.0"
"""Of the release; pyproject.toml reads it, and a test compares the client's."""
