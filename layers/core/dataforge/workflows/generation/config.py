"""The configuration of a run over documents: defaults, limits, checks, and the typed record of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from dataforge.errors import Invalid
from dataforge.platform.ports import Item, Value
from dataforge.quality import check_names, policy
from dataforge.quality.policy import Policy, Setting
from dataforge.quality.privacy import Category
from dataforge.quality.rulings import VERIFY, Verify
from dataforge.recipes import RECIPES, Recipe, spreading
from dataforge.recipes.options import Bounds, GenerationOptions, Option
from dataforge.recipes.planning import check_distribution
from dataforge.store.runs import Run
from dataforge.text import languages

DEFAULTS: Item = {
    "generation_type": "qa",
    "temperature": 0.7,
    "max_tokens": 4096,
    "style_template": "mixed",
    "difficulty_distribution": {"easy": 0.3, "medium": 0.5, "hard": 0.2},
    "seed": 0,
}

MODES = ("realtime", "batch")
"""How the teacher is asked: question by question, or many as one job of its provider, for less money."""


TREATMENTS = ("flag", "redact", "reject")
PRIVATE: dict[str, tuple[Category, str, str]] = {
    "personal_data": ("personal", "personal_data", "flag"),
    "secrets": ("secret", "secret", "redact"),
}
"""Option -> what it is about, the check that sees it in a record, and what is done unless the caller says otherwise."""

TEXT_FIELDS = ("model_id", "generation_type", "system_prompt", "style_template", "pair_system_prompt", "verifier")

BOUNDS: dict[str, Bounds] = {
    "num_pairs": Bounds(1, 100_000, True),
    "pairs_per_chunk": Bounds(1, 50, True),
    "temperature": Bounds(0, 2, False),
    "max_tokens": Bounds(1, 32_768, True),
    "auto_accept_min_quality": Bounds(0, 1, False),
    "max_cost_usd": Bounds(0, 1_000_000, False),
    "seed": Bounds(0, 2**53, True),
}
_AFTER_OPTIONS: dict[str, Bounds] = {
    "multi_hop_share": Bounds(0, 1, False),
    "concurrency": Bounds(1, 1000, True),
    "price_in": Bounds(0, 10_000, False),
    "price_out": Bounds(0, 10_000, False),
}
"""Those that are checked after the numbers among the recipes' own options."""


def own_options() -> list[Option[Any]]:
    """Those that the recipes declare, each of which may stand in any configuration."""
    return [option for recipe in RECIPES.values() for option in recipe.options]


_OWN_FORMS = ("chunk_ids", "decontaminate", "mode", "checks", "language", "verify")
"""Keys that have a form of their own."""

MOST_SETS = 10
"""Evaluation sets of one run."""
MONEY = ("max_cost_usd", "num_pairs", "pairs_per_chunk", "max_tokens")
"""Keys that bound what a run costs: one that nearly is one of these is refused."""
ALIKE = 0.8
"""From this similarity on, 0 to 1, of `difflib`."""


def check(config: Item) -> None:
    """Every known key of a merged configuration, and unknown ones that may be meant to bound the cost. Raises
    Invalid."""
    _check_money(config)
    own = own_options()
    for name in (*TEXT_FIELDS, *(option.name for option in own if option.choices)):
        if not isinstance(config.get(name, ""), str):
            raise Invalid(f"{name} must be text", field=name)
    kind = str(config["generation_type"])
    if kind not in RECIPES:
        known = ", ".join(RECIPES)
        raise Invalid(f"generation_type {kind!r} is not available here; use one of: {known}", field="generation_type")
    for name, bounds in {**BOUNDS, **{o.name: o.bounds for o in own if o.bounds}, **_AFTER_OPTIONS}.items():
        if config.get(name) is not None:
            _check_number(name, config[name], bounds)
    chosen = config.get("chunk_ids", [])
    if not isinstance(chosen, list) or not all(isinstance(c, str) and 0 < len(c) <= 200 for c in chosen):
        raise Invalid("chunk_ids must be a list of chunk ids", field="chunk_ids")
    _check_sets(config.get("decontaminate") or [])
    check_distribution(config["difficulty_distribution"])
    for name in spreading.DIMENSIONS:
        if config.get(name) is not None:
            spreading.shares(name, config[name])
    if config.get("multi_hop_share") and not RECIPES[kind].multi_hop:
        able = " or ".join(name for name, recipe in RECIPES.items() if recipe.multi_hop)
        raise Invalid(
            f"multi_hop_share: a {kind} is of one passage; set it to 0, or generation_type to {able}",
            field="multi_hop_share",
        )
    for option in own:
        if option.choices and config.get(option.name, option.default) not in option.choices:
            raise Invalid(f"{option.name} must be one of: {', '.join(option.choices)}", field=option.name)
    for name in PRIVATE:
        if config.get(name) is not None and config[name] not in TREATMENTS:
            raise Invalid(f"{name} must be one of: {', '.join(TREATMENTS)}", field=name)
    if config.get("mode", "realtime") not in MODES:
        raise Invalid(f"mode must be one of: {', '.join(MODES)}", field="mode")
    policy.read(config.get("checks"), check_names.known())
    language = config.get("language")
    if language is not None and not (isinstance(language, str) and language in languages.LANGUAGES):
        raise Invalid(f"language must be one of: {', '.join(languages.LANGUAGES)}", field="language")
    if config.get("verify") is not None and config["verify"] not in VERIFY:
        raise Invalid(f"verify must be one of: {', '.join(VERIFY)}", field="verify")
    for option in own:
        if option.check and config.get(option.name) is not None:
            option.check(config[option.name])


def _check_sets(sets: Value) -> None:
    """Whether they are there is found out when the run is started."""
    named = isinstance(sets, list) and all(isinstance(s, str) and 0 < len(s) <= 300 for s in sets)
    if not named or len(cast("list[str]", sets)) > MOST_SETS:
        raise Invalid(f"decontaminate must be a list of up to {MOST_SETS} datasets", field="decontaminate")


def _check_money(config: Item) -> None:
    own = (option.name for option in own_options())
    known = {*BOUNDS, *_AFTER_OPTIONS, *TEXT_FIELDS, *DEFAULTS, *spreading.DIMENSIONS, *own, *PRIVATE, *_OWN_FORMS}
    unknown = [key for key in config if key not in known]
    if not unknown:
        return
    from difflib import get_close_matches  # most configurations have known keys only

    for key in unknown:
        for meant in get_close_matches(key.lower(), MONEY, 1, ALIKE):
            raise Invalid(f"config.{key} is no option; did you mean {meant}?", field=f"config.{key}")


def _check_number(name: str, value: Value, bounds: Bounds) -> None:
    fits = isinstance(value, int if bounds.whole else int | float) and not isinstance(value, bool)
    if not fits or not bounds.low <= float(str(value)) <= bounds.high:
        kind = "a whole number" if bounds.whole else "a number"
        raise Invalid(f"{name} must be {kind} from {bounds.low:g} to {bounds.high:,.0f}", field=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationConfig:
    """The checked configuration of a run over documents, as `run.config` stores it."""

    model_id: str
    generation_type: str
    """A key of `recipes.RECIPES`."""
    temperature: float
    max_tokens: int
    style_template: str
    seed: int
    difficulty_distribution: Mapping[str, float]
    num_pairs: int | None
    pairs_per_chunk: int | None
    system_prompt: str | None
    pair_system_prompt: str | None
    """Of every pair that is made, not of the calls."""
    own: Mapping[str, Any]
    """What was chosen of the options that the recipes declare, by name; read it with `Option.of`."""
    chunk_ids: tuple[str, ...] | None
    """None: every chunk that is not excluded."""
    multi_hop_share: float
    spreads: Mapping[str, Value]
    """By the names of `spreading.DIMENSIONS`: values or shares, as the caller gave them."""
    auto_accept_min_quality: float | None
    max_cost_usd: float | None
    mode: str
    checks: Policy
    """As `config.checks` says."""
    language: str | None
    """ISO 639-1 code of the language that records are asked for in; None: that of their passage."""
    verify: Verify
    """Whom a verifier is asked about, see `quality.rulings`; runs of early releases have none."""
    decontaminate: tuple[str, ...]
    """Evaluation sets that no record may hold an item of."""
    private: Mapping[str, str]
    """What is done with each of PRIVATE: one of TREATMENTS."""

    @property
    def redacted(self) -> frozenset[Category]:
        """What neither a teacher nor a record is to see."""
        return frozenset(PRIVATE[name][0] for name, treatment in self.private.items() if treatment == "redact")

    @property
    def policy(self) -> Policy:
        """How the checks of a record count."""
        private: dict[str, Setting] = {PRIVATE[n][1]: "reject" for n, how in self.private.items() if how == "reject"}
        return Policy(self.checks.level, {**self.checks.single, **private})

    @property
    def recipe(self) -> Recipe:
        return RECIPES[self.generation_type]

    @property
    def options(self) -> GenerationOptions:
        """What every call is asked with."""
        return GenerationOptions(
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            system_prompt=self.system_prompt,
            style=self.style_template,
            seed=self.seed,
            language=self.language,
            own=self.own,
        )

    @property
    def records_per_chunk(self) -> int | None:
        """How many records each chunk is asked for; None: the plan spreads `num_pairs` over the chunks."""
        if self.pairs_per_chunk is None and self.num_pairs is None:
            return self.recipe.pairs_per_chunk
        return self.pairs_per_chunk

    def requested(self, chunks: int) -> int:
        """Pairs wanted of this many chunks: num_pairs, else so many of each chunk."""
        if self.num_pairs is not None:
            return self.num_pairs
        return chunks * (self.pairs_per_chunk or self.recipe.pairs_per_chunk)


def of(run: Run) -> GenerationConfig:
    return read(run.config)


def read(config: Item) -> GenerationConfig:
    """config: merged and checked. A value of another type (an earlier release checked less) counts as not given."""
    return GenerationConfig(
        model_id=str(config["model_id"]),
        generation_type=str(config["generation_type"]),
        temperature=float(str(config["temperature"])),
        max_tokens=int(str(config["max_tokens"])),
        style_template=str(config["style_template"]),
        seed=int(str(config["seed"])),
        difficulty_distribution=check_distribution(config["difficulty_distribution"]),
        num_pairs=_whole(config.get("num_pairs")),
        pairs_per_chunk=_whole(config.get("pairs_per_chunk")),
        system_prompt=_text(config.get("system_prompt")),
        pair_system_prompt=_text(config.get("pair_system_prompt")),
        own=_own(config),
        chunk_ids=_texts(config.get("chunk_ids")),
        multi_hop_share=float(str(config.get("multi_hop_share") or 0)),
        spreads={name: config[name] for name in spreading.DIMENSIONS if config.get(name)},
        auto_accept_min_quality=_number(config.get("auto_accept_min_quality")),
        max_cost_usd=_number(config.get("max_cost_usd")),
        mode=str(config.get("mode") or "realtime"),
        decontaminate=_texts(config.get("decontaminate")) or (),
        private={name: str(config.get(name) or default) for name, (_, _, default) in PRIVATE.items()},
        checks=policy.stored(config.get("checks"), check_names.known()),
        language=_text(config.get("language")),
        verify=next((known for known in VERIFY if known == config.get("verify")), "off"),
    )


def _own(config: Item) -> dict[str, Any]:
    given = {option.name: option.read(config[option.name]) for option in own_options() if config.get(option.name)}
    return {name: value for name, value in given.items() if value is not None}


def _text(value: Value) -> str | None:
    return str(value) if value else None


def _texts(value: Value) -> tuple[str, ...] | None:
    return tuple(map(str, value)) if isinstance(value, list) else None


def _whole(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) else None
