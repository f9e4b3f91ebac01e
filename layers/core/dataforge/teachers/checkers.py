"""Which model checks what another one wrote, where nobody names one: the default of judge, critic and verifier.

It is the light model of the price list. What a private server writes is checked by the same model on that server: it
need not have the light one, and its operator may have it so that no text goes elsewhere.
"""

from __future__ import annotations

from dataforge.errors import Invalid
from dataforge.recipes.synthetic import pricing
from dataforge.teachers import catalogue, resolve, trained_catalogue
from dataforge.teachers.catalogue import Model

_PRIVATE = ("ollama", "sagemaker", trained_catalogue.PROVIDER)
"""Providers whose models nobody else offers."""


def default_checker(writer: Model, *, org_id: str | None) -> Model:
    """The light model, or the writer itself where that is a private model or the light one cannot be asked here."""
    light = _light(org_id)
    if light is None or (is_private(writer) and not _are_neighbours(writer, light)):
        return writer
    return light


def checker_of_documents(writer: Model, *, org_id: str | None) -> Model:
    """As `default_checker`; but nobody's documents go to another provider than the one that the caller has named."""
    checker = default_checker(writer, org_id=org_id)
    return checker if _are_neighbours(writer, checker) else writer


def is_private(model: Model) -> bool:
    """Whether it answers at an address of somebody's own."""
    own_server = model.provider == "openai" and catalogue.has_own_server()
    return own_server or bool(model.base_url) or model.provider in _PRIVATE


def _are_neighbours(one: Model, other: Model) -> bool:
    """Whether whoever answers for the one answers for the other."""
    return (one.provider, one.base_url) == (other.provider, other.base_url)


def _light(org_id: str | None) -> Model | None:
    """None: it cannot be asked here. A server in the place of OpenAI's has it only where the catalogue says so."""
    name = pricing.critic().model
    try:
        light = resolve(name, org_id=org_id)
    except Invalid:
        return None
    return None if is_private(light) and not catalogue.is_placed(name, org_id) else light
