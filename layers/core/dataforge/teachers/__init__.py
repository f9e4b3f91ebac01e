"""Teachers by name: `extractive`, `scripted`, `openai:gpt-4o`, `ollama:llama3.2`; a public name such as `gpt-4o` too.

A new provider is one module and one entry in PROVIDERS.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from dataforge import log, settings
from dataforge.errors import Invalid
from dataforge.platform import current
from dataforge.teachers.ports import Teacher
from dataforge.teachers.prices import Price, models

_OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class TeacherEntry:
    """One line of `available-models`."""

    id: str
    name: str
    provider: str


def _extractive(_: str) -> Teacher:
    from dataforge.teachers.extractive import ExtractiveTeacher

    return ExtractiveTeacher()


def _templated(_: str) -> Teacher:
    from dataforge.teachers.templated import TemplatedTeacher

    return TemplatedTeacher()


def _scripted(_: str) -> Teacher:
    from dataforge.teachers.scripted import from_file

    return from_file(os.environ.get("DATAFORGE_SCRIPT", ""))


def _base_url() -> str:
    return settings.get().teacher_base_url.strip().rstrip("/")


def _openai(model: str) -> Teacher:
    base, key = _base_url(), current().secrets.get("OPENAI_API_KEY")
    log.hide(key)  # servers repeat it in their refusals
    if key is None and base == _OPENAI:
        raise Invalid(
            f"openai:{model} needs a key: set OPENAI_API_KEY where the server runs, "
            "or OPENAI_BASE_URL for a server of your own", field="model_id", code="TEACHER_NOT_CONFIGURED",
        )
    facts = models().get(f"openai:{model}")
    return _chat(f"openai:{model}", model, base, key, facts.price if facts and base == _OPENAI else None)


def _ollama(model: str) -> Teacher:
    return _chat(f"ollama:{model}", model, settings.get().ollama_base_url, None, Price(0.0, 0.0))


def _chat(name: str, model: str, base_url: str, key: str | None, price: Price | None) -> Teacher:
    from dataforge.teachers.openai_compatible import OpenAICompatible

    timeout = float(settings.get().teacher_timeout)
    return OpenAICompatible(name, model, base_url=base_url, api_key=key, price=price, timeout=timeout)


PROVIDERS: dict[str, Callable[[str], Teacher]] = {
    "extractive": _extractive, "templated": _templated, "scripted": _scripted, "openai": _openai, "ollama": _ollama,
}
_NEED_NO_MODEL = ("extractive", "templated", "scripted")


def teacher(name: str) -> Teacher:
    """Raises Invalid (field model_id) when no such teacher exists or it lacks what it needs, saying what to set."""
    provider, _, model = name.partition(":")
    if provider not in PROVIDERS and f"openai:{name}" in models():
        provider, model = "openai", name
    if provider not in PROVIDERS or (not model and provider not in _NEED_NO_MODEL):
        known = ", ".join(e.id for e in available())
        raise Invalid(
            f"model_id {name!r} names no teacher. Available here: {known}; also openai:<model> and ollama:<model>",
            field="model_id", code="UNKNOWN_TEACHER",
        )
    return PROVIDERS[provider](model)


def available() -> list[TeacherEntry]:
    """What this deployment can run now, the offline teacher first."""
    found = [TeacherEntry("extractive", "Extractive (offline, no key)", "built-in")]
    if _base_url() == _OPENAI and current().secrets.get("OPENAI_API_KEY"):
        found += [TeacherEntry(f.id, f.name, f.provider) for f in models().values() if f.provider == "openai"]
    for name in filter(None, (n.strip() for n in settings.get().teachers.split(","))):
        found.append(TeacherEntry(name, name.partition(":")[2] or name, name.partition(":")[0]))
    return found
