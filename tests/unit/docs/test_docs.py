"""Docs that can rot are tested: every setting and every route is documented, every README command exists."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from dataforge import settings
from dataforge.recipes import RECIPES
from dataforge.settings import Settings
from tests.support.paths import ROOT


def test_every_setting_is_documented_with_its_default() -> None:
    page = (ROOT / "docs/settings.md").read_text()

    rows = {
        f"| `{f.metadata['env']}` | {f'`{f.default}` ' if f.default != '' else ''}| {f.metadata['doc']} |"
        for f in fields(Settings)
    }

    assert {row for row in rows if row not in page} == set()


def test_every_option_that_a_recipe_has_of_its_own_is_in_its_row_of_the_api_page() -> None:
    rows = (ROOT / "docs/api.md").read_text().splitlines()
    kinds = {name: next(row for row in rows if row.startswith(f"| `{name}` |")) for name in RECIPES}

    missing = [o.doc for name, recipe in RECIPES.items() for o in recipe.options if o.doc not in kinds[name]]

    assert missing == []


def test_every_route_is_in_the_api_page() -> None:
    from dataforge_functions.api.main import create_app

    page = (ROOT / "docs/api.md").read_text()
    spec = create_app().openapi()

    routes = {f"`{method.upper()} {path}`" for path, operations in spec["paths"].items() for method in operations}

    assert {route for route in routes if route not in page} == set()


def test_every_make_target_the_readme_names_exists() -> None:
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()

    named = set(re.findall(r"(?:`|^    (?:\S+=\S+ )*)make ([a-z-]+)", readme, re.MULTILINE))

    assert {"demo", "test"} <= named
    assert {t for t in named if not re.search(rf"^{t}:", makefile, re.MULTILINE)} == set()


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

    broken = [
        (page.name, link)
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)[^)]*\)", page.read_text())
        if not (page.parent / link).exists()
    ]

    assert broken == []


def test_a_number_that_is_none_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "many")
    settings.get.cache_clear()

    with pytest.raises(ValueError, match="DATAFORGE_CONCURRENCY must be a whole number"):
        settings.get()

    settings.get.cache_clear()
