"""Which models there are, by their public names: `models.json`, then the deployment's own, then the organisation's.

A later layer replaces single fields of a model of the same id, or adds models and aliases. A name is looked up as an
alias, as a public id, then as a backend (`bedrock:amazon.nova-lite-v1:0`), so any of them is accepted wherever a model
is named. A run stores its models when it starts: a later change of a catalogue does not affect it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import cast

from dataforge import settings
from dataforge.errors import Invalid
from dataforge.platform import current
from dataforge.platform.ports import Item, Value
from dataforge.store import model_settings
from dataforge.teachers.ports import Capabilities, Form
from dataforge.teachers.prices import Price

OPENAI = "https://api.openai.com/v1"
_GEO = re.compile(r"^bedrock:(?:us|eu|apac|jp|au|global|us-gov|\{geo\})\.")
"""The prefix of a cross-region inference profile; the model is the same in all of them."""


_DATED = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8}|latest)$")


@dataclass(frozen=True, slots=True)
class Model:
    """One model at one backend."""

    id: str
    """The public name."""
    name: str
    backend: str
    """`<provider>:<the provider's own name>`."""
    price: Price | None = None
    price_is_callers: bool = False
    """Nobody but whoever started the run has named it."""
    context: int | None = None
    max_output: int | None = None
    cache_from: int | None = None
    form: Form = "json_schema"
    temperature: bool = True
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    """Limits of the account, shared by all its runs; None: those that the provider reports, if it does."""
    base_url: str | None = None
    key: str | None = None
    """The name of the secret that holds the key for base_url."""
    org_id: str | None = None
    """Of a trained model: whose it is. Set by `trained_catalogue` only, never by an entry of a layer."""

    @property
    def provider(self) -> str:
        return self.backend.partition(":")[0]

    @property
    def model(self) -> str:
        """What the provider calls it."""
        return self.backend.partition(":")[2]

    @property
    def is_priced(self) -> bool:
        """What its calls cost is known."""
        return self.price is not None or self.is_free

    @property
    def is_free(self) -> bool:
        """Local models, and teachers without a network."""
        return not self.model or (self.price is None and self.provider == "ollama")

    @property
    def can(self) -> Capabilities:
        return Capabilities(
            json_schema=self.form != "text",
            temperature=self.temperature,
            form=self.form,
            context=self.context,
            max_output=self.max_output,
            cache_from=self.cache_from,
        )


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The merged layers. models: entries by public id, as the files spell them."""

    models: Mapping[str, Item]
    aliases: Mapping[str, list[str]]

    def find(self, name: str, runs_here: Callable[[str], bool]) -> Model | None:
        """The first backend of the named model that can run here, else its first one; None for an unknown name.

        runs_here: whether a backend's provider is configured.
        """
        candidates = [m for i in self._ids(name, ()) for m in self._backends(self.models[i])]
        if not candidates:
            return self._by_backend(name)
        return next((m for m in candidates if runs_here(m.backend)), candidates[0])

    def _ids(self, name: str, seen: tuple[str, ...]) -> list[str]:
        """The public ids behind a name, in order of preference; aliases may name aliases."""
        if name in seen:
            return []
        if name in self.aliases:
            return [i for n in self.aliases[name] for i in self._ids(n, (*seen, name))]
        return [name] if name in self.models else []

    def _backends(self, entry: Item) -> list[Model]:
        return [_model(entry, str(b)) for b in cast("list[str]", entry["backends"])]

    def _by_backend(self, name: str) -> Model | None:
        """A backend named directly, with the price and the other fields of its model in the catalogue."""
        plain = _GEO.sub("bedrock:", name)
        if name.startswith("openai:") and has_own_server() and not self._has_backend(plain):
            plain = _public_name(name)
        for entry in self.models.values():
            if any(_GEO.sub("bedrock:", str(b)) == plain for b in cast("list[str]", entry["backends"])):
                found = replace(_model(entry, name), id=name)
                regional = name.startswith("bedrock:") and not name.startswith("bedrock:global.")
                share = cast(float, entry.get("regional", 1.0)) if regional else 1.0
                return replace(found, price=found.price and found.price.times(share))
        return None

    def _has_backend(self, backend: str) -> bool:
        return any(backend in cast("list[str]", entry["backends"]) for entry in self.models.values())

    def list(self, runs_here: Callable[[str], bool]) -> list[Model]:
        """Every public model that can run here, at the backend it would run on."""
        every = (next((m for m in self._backends(e) if runs_here(m.backend)), None) for e in self.models.values())
        return [m for m in every if m is not None]


def load(org_id: str | None = None) -> Catalogue:
    """Raises Invalid when a layer of the deployment or the organisation is not in the form of `models.json`."""
    configured = settings.get().models or current().secrets.get("DATAFORGE_MODELS") or ""
    layers = [_shipped(), _deployment(configured)]
    if org_id is not None:
        layers.append(_of_org(org_id))
    models: dict[str, Item] = {}
    aliases: dict[str, list[str]] = {}
    for layer in layers:
        for entry in cast("list[Item]", layer.get("models") or []):
            models[str(entry["id"])] = {**models.get(str(entry["id"]), {}), **entry}
        aliases |= cast("dict[str, list[str]]", layer.get("aliases") or {})
    return Catalogue(models, aliases)


def is_placed(model_id: str, org_id: str | None) -> bool:
    """Whether the deployment or the organisation has said where this model is to be found, by an entry with backends or
    an address."""
    layers = [_deployment(settings.get().models or current().secrets.get("DATAFORGE_MODELS") or "")]
    if org_id is not None:
        layers.append(_of_org(org_id))
    entries = (entry for layer in layers for entry in cast("list[Item]", layer.get("models") or []))
    return any(e["id"] == model_id and bool(e.get("backends") or e.get("base_url")) for e in entries)


def to_item(model: Model) -> Item:
    """For storage in a run. Read it with `from_item`."""
    return {k: v for k, v in asdict(model).items() if v is not None}


def from_item(item: Item) -> Model:
    price = cast("dict[str, float] | None", item.get("price"))
    known = {f.name for f in fields(Model)} - {"price"}
    values = {k: v for k, v in item.items() if k in known}
    return Model(**values, price=Price(**price) if price else None)  # type: ignore[arg-type]


def _model(entry: Item, backend: str) -> Model:
    own = {**entry, "name": str(entry.get("name") or entry["id"]), "backend": _in_region(backend), "org_id": None}
    return from_item(own)


def _in_region(backend: str) -> str:
    """`{geo}` filled in: the inference profiles of a region are named after its part of the world."""
    if "{geo}" not in backend:
        return backend
    geo = {"eu": "eu", "ap": "apac"}.get(region()[:2], "us")
    return backend.replace("{geo}", geo)


def region() -> str:
    """The AWS region of Bedrock and SageMaker; empty when none is configured."""
    return settings.get().bedrock_region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""


def has_own_server() -> bool:
    """`openai:` is another server than OpenAI's, with its own models. A public model that it offers costs what its
    provider charges for it, as far as anybody knows here."""
    return settings.get().teacher_base_url.strip().rstrip("/") != OPENAI


def _public_name(name: str) -> str:
    """The backend that a gateway's name means: `openai:anthropic/claude-x-20250101` is `anthropic:claude-x`."""
    provider, _, model = name.partition(":")
    vendors, slash, plain = model.rpartition("/")
    return f"{vendors.rpartition('/')[2] if slash else provider}:{_DATED.sub('', plain)}"


@cache
def _shipped() -> Item:
    return cast(Item, json.loads(Path(__file__).with_name("models.json").read_text("utf-8")))


@cache
def _deployment(configured: str) -> Item:
    """configured: JSON, or the path of a JSON file; empty: nothing."""
    if not configured.strip():
        return {}
    try:
        text = configured if configured.lstrip().startswith("{") else Path(configured).read_text("utf-8")
        return checked(json.loads(text), "DATAFORGE_MODELS")
    except (OSError, ValueError) as problem:
        raise Invalid(f"DATAFORGE_MODELS is neither JSON nor the path of a JSON file: {problem}") from problem


def _of_org(org_id: str) -> Item:
    """An organisation may name and price models, and choose among the providers of the deployment; it may not send
    the deployment's keys elsewhere."""
    layer = checked(model_settings.get(org_id), "the organisation's models")
    own = ("base_url", "key")
    models = [{k: v for k, v in m.items() if k not in own} for m in cast("list[Item]", layer.get("models") or [])]
    return {"models": cast("list[Value]", models), "aliases": layer.get("aliases") or {}}


def checked(layer: object, what: str) -> Item:
    """The layer, if it has the form of `models.json`. Raises Invalid."""
    content = layer if isinstance(layer, dict) else {}
    models, aliases = content.get("models", []), content.get("aliases", {})
    if not isinstance(layer, dict) or not isinstance(models, list) or not isinstance(aliases, dict):
        raise Invalid(f'{what} must look like {{"models": [{{"id": ...}}], "aliases": {{...}}}}')
    for entry in models:
        _check_entry(entry, what)
    for name, targets in aliases.items():
        if not _are_texts(targets):
            raise Invalid(f"{what}: the alias {name} must be a list of model names")
    return cast(Item, content)


def _check_entry(entry: object, what: str) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise Invalid(f"{what}: every model needs an id")
    known_id = entry["id"] in {m["id"] for m in cast("list[Item]", _shipped()["models"])}
    backends = entry.get("backends")
    if (backends is not None or not known_id) and not (_are_texts(backends) and backends):
        raise Invalid(f'{what}: {entry["id"]} needs backends, such as ["openai:{entry["id"]}"]')
    price = entry.get("price")
    if price is not None and not _is_price(price):
        raise Invalid(f"{what}: the price of {entry['id']} needs input and output, in dollars per million tokens")
    for name in ("context", "max_output", "cache_from", "regional", "requests_per_minute", "tokens_per_minute"):
        value = entry.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value <= 0):
            raise Invalid(f"{what}: {name} of {entry['id']} must be a number above 0")
    if entry.get("form", "text") not in ("json_schema", "tool", "text"):
        raise Invalid(f"{what}: form of {entry['id']} must be json_schema, tool or text")


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _is_price(price: object) -> bool:
    names = {f.name for f in fields(Price)}
    return isinstance(price, dict) and {"input", "output"} <= set(price) <= names and _are_amounts(price.values())


def _are_amounts(values: Iterable[object]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) and v >= 0 for v in values)
