"""The profile file is the user's: what a command writes leaves the rest as it was."""

from __future__ import annotations

import pytest

from dataforge_client import profiles
from dataforge_client.errors import ConfigError

MINE = """\
# keys of the team: ask ops
[default]
url = "https://a.example"   # the old one
api_key = "sk_a"

[prod]
api_key = "sk_old"
timeout = 30
"""


@pytest.fixture
def env(tmp_path):
    (tmp_path / "profiles.toml").write_text(MINE)
    return {"DATAFORGE_CONFIG": str(tmp_path / "profiles.toml")}


def test_comments_other_profiles_and_other_values_stay(env):
    path = profiles.write_profile("prod", {"url": "https://b.example", "api_key": "sk_new"}, env)

    text = path.read_text()
    assert text.startswith(MINE.split("[prod]")[0])
    assert "timeout = 30" in text
    assert profiles.read_profile("prod", env) == {"api_key": "sk_new", "url": "https://b.example"}
    assert path.stat().st_mode & 0o077 == 0
    assert list(path.parent.iterdir()) == [path]


def test_a_new_profile_is_added_at_the_end_and_the_first_one_makes_the_file(env, tmp_path):
    path = profiles.write_profile("stage two", {"url": "https://c.example"}, env)
    fresh = {"DATAFORGE_CONFIG": str(tmp_path / "new" / "profiles.toml")}
    profiles.write_profile("default", {"url": "https://d.example"}, fresh)

    assert path.read_text().startswith(MINE)
    assert profiles.read_profile("stage two", env) == {"url": "https://c.example"}
    assert profiles.read_profile("default", fresh) == {"url": "https://d.example"}


@pytest.mark.parametrize(
    ("text", "name", "said"), [("[broken", "dev", "cannot be read"), ('dev = "x"\n', "dev", "is no profile")]
)
def test_a_file_that_cannot_be_read_is_not_overwritten(env, text, name, said):
    path = profiles.profiles_file(env)
    path.write_text(text)

    with pytest.raises(ConfigError, match=said):
        profiles.write_profile(name, {"url": "https://e.example"}, env)

    assert path.read_text() == text
