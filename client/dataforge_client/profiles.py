"""The connection settings: arguments first, then the environment, then a profile.

~/.config/dataforge/profiles.toml  (or $DATAFORGE_CONFIG; keep it readable by you only)

    [default]
    url = "https://forge.example.com"
    api_key = "sk_..."
    organization_id = "org_..."
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

from dataforge_client.errors import ConfigError
from dataforge_client.redaction import redact


@dataclass(frozen=True, slots=True)
class Connection:
    base_url: str
    api_key: str = field(repr=False)
    organization_id: str | None = None
    key_source: str = field(default="", compare=False)
    """Where the key comes from, in words."""


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What the caller set; None for what is not set."""

    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    organization_id: str | None = None
    profile: str | None = None


def resolve(
    settings: ConnectionSettings, environ: Mapping[str, str] | None = None, *, needs_key: bool = True
) -> Connection | None:
    """The server, key and organisation to use; None when no server is configured.

    A named profile takes precedence over the environment, the environment over the selected profile. The key of a
    profile is sent to the server of that profile only, never to a URL given as an argument. Raises ConfigError for a
    server without a key, if one is needed; else the key is empty.
    """
    env = os.environ if environ is None else environ
    source = _source(settings, env)
    if source is None:
        return None
    url = source.base_url or ""
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"The server must be an http:// or https:// URL, not {redact(url)!r}")
    profile = f"the profile {source.profile!r} of {profiles_file(env)}"
    keys = {
        "--api-key": settings.api_key,
        profile: source.api_key,
        "DATAFORGE_API_KEY": env.get("DATAFORGE_API_KEY"),
    }
    key_source, key = next(((where, key) for where, key in keys.items() if key), ("", ""))
    if not key and needs_key:
        raise ConfigError(f"No key for {redact(url)}: pass --api-key, or set DATAFORGE_API_KEY")
    organization = settings.organization_id or source.organization_id or env.get("DATAFORGE_ORGANIZATION_ID")
    return Connection(url.rstrip("/"), key, organization, key_source)


def _source(settings: ConnectionSettings, env: Mapping[str, str]) -> ConnectionSettings | None:
    if settings.base_url:
        return ConnectionSettings(settings.base_url)
    if settings.profile:
        return _profile(settings.profile, env, required=True)
    if env.get("DATAFORGE_URL"):
        return ConnectionSettings(env["DATAFORGE_URL"])
    name = selected(env)
    return _profile(name, env, required=name != "default" or bool(env.get("DATAFORGE_PROFILE")))


def profiles_file(env: Mapping[str, str]) -> Path:
    if env.get("DATAFORGE_CONFIG"):
        return Path(env["DATAFORGE_CONFIG"])
    return Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "dataforge" / "profiles.toml"


def selected(env: Mapping[str, str]) -> str:
    """The profile that is used when neither a server nor a profile is given: that of `select`, else `default`."""
    try:
        name = _selection_file(env).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        name = ""
    return env.get("DATAFORGE_PROFILE") or name or "default"


def select(name: str, env: Mapping[str, str]) -> None:
    """Use this profile from now on. Raises ConfigError when there is no such profile."""
    _profile(name, env, required=True)
    path = _selection_file(env)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(f"{name}\n", encoding="utf-8")
    temporary.replace(path)


def names(env: Mapping[str, str]) -> list[str]:
    """The profiles of the file, in its order."""
    return [name for name, entry in _load_profiles(env).items() if isinstance(entry, dict)]


def _selection_file(env: Mapping[str, str]) -> Path:
    """Beside the profiles file, which people write by hand."""
    return profiles_file(env).with_suffix(".selected")


def read_profile(name: str, env: Mapping[str, str]) -> dict[str, str]:
    """The entries of a profile; empty when there is no such profile."""
    entry = _load_profiles(env).get(name)
    return {key: value for key, value in entry.items() if isinstance(value, str)} if isinstance(entry, dict) else {}


def write_profile(name: str, entry: Mapping[str, str], env: Mapping[str, str]) -> Path:
    """Write the values of one profile; atomic, readable by the owner only. Returns the path of the file.

    Everything else stays as it is: other profiles, other keys of this one, comments, order. Raises ConfigError when the
    file cannot be read.
    """
    import tomlkit

    path = profiles_file(env)
    _load_profiles(env)
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    if name not in document:
        document[name] = tomlkit.table()
    profile = document[name]
    if not isinstance(profile, MutableMapping):
        raise ConfigError(f"{name!r} in {path} is no profile: remove that line, or choose another name")
    profile.update(entry)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(tomlkit.dumps(document))
    temporary.replace(path)
    return path


def _load_profiles(env: Mapping[str, str]) -> dict[str, object]:
    """All profiles of the file; empty without a file. Raises ConfigError when the file cannot be read."""
    import tomllib

    path = profiles_file(env)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ConfigError(f"{path} cannot be read: {problem}") from None


def _profile(name: str, env: Mapping[str, str], *, required: bool) -> ConnectionSettings | None:
    path = profiles_file(env)
    entry = _load_profiles(env).get(name)
    if entry is None:
        if required:
            raise ConfigError(f"There is no profile {name!r} in {path}")
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
        raise ConfigError(f"Profile {name!r} in {path} needs a url")
    return ConnectionSettings(entry["url"], entry.get("api_key"), entry.get("organization_id"), name)
