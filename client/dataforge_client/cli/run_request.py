"""The request, the state and the result of `dataforge run`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dataforge_client.folders import SkippedFile, Source

if TYPE_CHECKING:
    from dataforge_client.literals import ExportFormat
    from dataforge_client.models import Document, Export, Generation, Json, Pair


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The options of the command. out: `-` means stdout. resume: the id of a project or a generation."""

    sources: Sequence[Source]
    pairs: int | None
    out: Path
    format: ExportFormat
    teacher: str
    project: str
    min_quality: float
    system_prompt: str | None = None
    temperature: float | None = None
    seed: int | None = None
    resume: str | None = None
    max_cost: float | None = None
    price_in: float | None = None
    price_out: float | None = None
    concurrency: int | None = None
    max_tokens: int | None = None
    mode: str | None = None
    language: str | None = None
    checks: str | None = None
    """As typed: a level, checks with what they do (`truncated=review`), or both, separated by commas."""
    verify: str | None = None
    verifier: str | None = None
    dry_run: bool = False
    distributions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Question types, personas and styles as typed (`value` or `value=share`), by their name in the API's `config`."""
    multi_hop: float | None = None
    split: Mapping[str, int] | None = None
    """Percent of each part of the dataset, by name."""
    personal_data: str | None = None
    secrets: str | None = None
    write_losses: bool = True
    """Write the rejected and failed slots to files next to the dataset."""
    typed: frozenset[str] = frozenset()
    """The options that were typed, such as `--seed`; a resumed run compares them with the stored request."""
    stored: Json | None = None
    """The request of the run that is resumed, which is used instead of the options."""
    command_line: Callable[..., str] = field(default=lambda *words: shlex.join(["dataforge", *words]), compare=False)
    """A command for the user to paste, from its words."""

    def losses_path(self, outcome: str) -> Path:
        """The file for `rejected` or `failed` slots: `dataset.jsonl` -> `dataset.rejected.jsonl`."""
        return self.out.with_name(f"{self.out.stem}.{outcome}{self.out.suffix}")

    @property
    def page_path(self) -> Path | None:
        """The file for the quality report: `dataset.jsonl` -> `dataset.report.html`."""
        return self.out.with_name(f"{self.out.stem}.report.html") if self.write_losses else None

    @property
    def has_special_options(self) -> bool:
        """Whether an option is set that some servers or teachers refuse."""
        if self.stored is not None:
            return True
        options = (self.seed, self.multi_hop, self.temperature, self.system_prompt, self.max_cost)
        return any(o is not None for o in (*options, *self._named().values())) or any(self.distributions.values())

    def options(self) -> dict[str, object]:
        """Every field of the generate request that the options set, in one object."""
        values = {
            "model_id": self.teacher,
            "num_pairs": self.pairs,
            "temperature": self.temperature,
            "system_prompt": self.system_prompt,
            "max_cost_usd": self.max_cost,
        }
        return {name: value for name, value in values.items() if value is not None} | self.generation_config()

    def generation_config(self) -> dict[str, object]:
        """The `config` of the generate request."""
        config: dict[str, object] = {"auto_accept_min_quality": self.min_quality}
        if self.seed is not None:
            config["seed"] = self.seed
        if self.multi_hop is not None:
            config["multi_hop_share"] = self.multi_hop
        config |= {name: parse_shares(typed) for name, typed in self.distributions.items() if typed}
        return config | {name: value for name, value in self._named().items() if value is not None}

    def _named(self) -> dict[str, object]:
        """Options by their names in `config`."""
        return {
            "mode": self.mode,
            "personal_data": self.personal_data,
            "secrets": self.secrets,
            "language": self.language,
            "checks": None if self.checks is None else parse_checks(self.checks),
            "verify": self.verify,
            "verifier": self.verifier,
            "price_in": self.price_in,
            "price_out": self.price_out,
            "concurrency": self.concurrency,
            "max_tokens": self.max_tokens,
        }


@dataclass(slots=True)
class RunState:
    """How far the run got; a resumed run starts from here."""

    project_id: str | None = None
    generation_id: str | None = None
    skipped: list[SkippedFile] = field(default_factory=list)
    losses: list[Path] = field(default_factory=list)
    """Files with the rejected and failed slots of a run that brought no dataset."""
    is_stored: bool = False
    """Whether the server has the whole request, so that a resumed run needs no option of it."""


@dataclass(frozen=True, slots=True)
class RunResult:
    generation: Generation
    documents: Sequence[Document]
    export: Export
    samples: Sequence[Pair]
    losses: Sequence[Path] = ()
    """Files with the rejected and failed slots."""
    page: Path | None = None
    """The quality report; None where the server has none."""


def parse_checks(typed: str) -> object:
    """`strict` stays; `strict,truncated=review` -> {"level": "strict", "truncated": "review"}."""
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, typed.split(","))):
        name, equals, what = part.partition("=")
        found[name.strip() if equals else "level"] = what.strip() if equals else part
    return found["level"] if list(found) == ["level"] else found


def parse_shares(typed: Sequence[str]) -> object:
    """`a`, `b=2` -> {"a": 1, "b": 2}; `mixed` alone stays "mixed"; values without any share become a list."""
    if tuple(typed) == ("mixed",):
        return "mixed"
    shares: dict[str, float] = {}
    for text in typed:
        value, equals, share = text.rpartition("=")
        try:
            shares[value if equals else text] = float(share) if equals else 1.0
        except ValueError:  # the equals sign is part of the text
            shares[text] = 1.0
    return list(shares) if set(shares.values()) == {1.0} else shares
