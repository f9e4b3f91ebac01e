"""Teacher keys: the environment first, then a file that only its owner can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataforge.platform.embedded.secrets import EnvironmentSecrets


def keys_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "secrets.json"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = keys_file(tmp_path, '{"OPENAI_API_KEY": "from-file", "OTHER": "o"}')
    secrets = EnvironmentSecrets(path, environ={"OPENAI_API_KEY": "from-env"})

    assert secrets.get("OPENAI_API_KEY") == "from-env"
    assert secrets.get("OTHER") == "o"
    assert secrets.get("MISSING") is None


def test_an_empty_variable_is_no_key() -> None:
    assert EnvironmentSecrets(environ={"OPENAI_API_KEY": ""}).get("OPENAI_API_KEY") is None


def test_a_file_that_is_not_there_yet_is_no_error(tmp_path: Path) -> None:
    assert EnvironmentSecrets(tmp_path / "none.json", environ={}).get("X") is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = keys_file(tmp_path, '{"X": "y"}', mode)

    with pytest.raises(PermissionError, match="chmod 600"):
        EnvironmentSecrets(path, environ={}).get("X")


@pytest.mark.parametrize("text", ["", "[]", '{"X": 1}', "X=y"])
def test_an_unreadable_file_says_what_it_should_be(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="JSON object"):
        EnvironmentSecrets(keys_file(tmp_path, text), environ={}).get("X")
