"""The measured main job: `make bench-cost` writes `job.json`, and this module reads it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from dataforge_infra.cost.prices import Counts, added, scaled

PATH = Path(__file__).with_name("job.json")


@dataclass(frozen=True, slots=True)
class Job:
    """reading: upload and parse of `pages`; making: planning, asking, assessing, reviewing and exporting `pairs`;
    keeping: a month of what both left behind."""

    measured: str
    """Date."""
    command: str
    pages: float
    """Of 400 words."""
    pairs: int
    assumptions: list[str]
    reading: Counts
    making: Counts
    keeping: Counts

    def of(self, pairs: float, pages: float) -> dict[str, float]:
        """The counts of a job of this size, in proportion: counts of long jobs are linear."""
        return added(scaled(self.reading, pages / self.pages), scaled(self.making, pairs / self.pairs))

    def kept(self, pairs: float) -> dict[str, float]:
        return scaled(self.keeping, pairs / self.pairs)


@cache
def measured() -> Job:
    return Job(**json.loads(PATH.read_text("utf-8")))


def write(job: Job) -> None:
    PATH.write_text(json.dumps(asdict(job), indent=1) + "\n", "utf-8")
    measured.cache_clear()
