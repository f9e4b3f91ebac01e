"""Which server, and as whom: arguments first, then the environment, then a profile.

~/.config/dataforge/profiles.toml  (or $DATAFORGE_CONFIG; keep it readable by you only)

    [default]
    url = "https://forge.example.com"
    api_key = "sk_..."
    organization_id = "org_..."
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dataforge_client.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Connection:
    base_url: str
    api_key: str = field(repr=False)
    organization_id: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller said; None where nothing was said."""

    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    organization_id: str | None = None
    profile: str | None = None


def resolve(wanted: Wanted, environ: Mapping[str, str] | None = None) -> Connection | None:
    """None when no server is named anywhere. Raises ConfigError when one is named without a key.

    A named profile beats the environment, which beats the profile called `default`. A profile's key goes to that
    profile's server only, never to an address typed by hand.
    """
    env = os.environ if environ is None else environ
    source = _source(wanted, env)
    if source is None:
        return None
    url = source.base_url or ""
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"The server must be an http:// or https:// address, not {url!r}")
    key = wanted.api_key or source.api_key or env.get("DATAFORGE_API_KEY")
    if not key:
        raise ConfigError(f"No key for {url}: pass --api-key, or set DATAFORGE_API_KEY")
    organization = wanted.organization_id or source.organization_id or env.get("DATAFORGE_ORGANIZATION_ID")
    return Connection(url.rstrip("/"), key, organization)


def _source(wanted: Wanted, env: Mapping[str, str]) -> Wanted | None:
    if wanted.base_url:
        return Wanted(wanted.base_url)
    if wanted.profile:
        return _profile(wanted.profile, env, required=True)
    if env.get("DATAFORGE_URL"):
        return Wanted(env["DATAFORGE_URL"])
    name = env.get("DATAFORGE_PROFILE")
    return _profile(name or "default", env, required=bool(name))


def profiles_file(env: Mapping[str, str]) -> Path:
    if env.get("DATAFORGE_CONFIG"):
        return Path(env["DATAFORGE_CONFIG"])
    return Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "dataforge" / "profiles.toml"


def stored(name: str, env: Mapping[str, str]) -> dict[str, str]:
    """The profile as it stands in the file; empty when there is none."""
    entry = _all(env).get(name)
    return {key: value for key, value in entry.items() if isinstance(value, str)} if isinstance(entry, dict) else {}


def store(name: str, entry: Mapping[str, str], env: Mapping[str, str]) -> Path:
    """Write the profile, the others stay; whole or not at all, readable by the owner only. The file's path."""
    path = profiles_file(env)
    everything = {**_all(env), name: dict(entry)}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        for profile, values in everything.items():
            if not isinstance(values, dict):
                continue
            file.write(f"[{json.dumps(profile)}]\n")
            file.writelines(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
            file.write("\n")
    draft.replace(path)
    return path


def _all(env: Mapping[str, str]) -> dict[str, object]:
    """Raises ConfigError for a file that cannot be read."""
    import tomllib

    path = profiles_file(env)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ConfigError(f"{path} cannot be read: {problem}") from None


def _profile(name: str, env: Mapping[str, str], *, required: bool) -> Wanted | None:
    path = profiles_file(env)
    entry = _all(env).get(name)
    if entry is None:
        if required:
            raise ConfigError(f"There is no profile {name!r} in {path}")
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
        raise ConfigError(f"Profile {name!r} in {path} needs a url")
    return Wanted(entry["url"], entry.get("api_key"), entry.get("organization_id"))
