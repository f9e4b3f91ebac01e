"""A new kind of record is one module with a recipe and one entry in `RECIPES`: here a riddle, through a whole run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from dataforge import settings
from dataforge.platform.embedded.worker_pool import Context
from dataforge.platform.ports import Item
from dataforge.recipes import RECIPES, draft_reading, options, prompts, samples
from dataforge.recipes.draft_reading import Found, ReplyForm
from dataforge.recipes.options import GenerationOptions
from dataforge.recipes.recipe import Recipe
from dataforge.recipes.reply_json import property_names
from dataforge.records import Draft, Passage, Question, Slot
from dataforge_infra.local import worker
from tests.support.no_checks import NO_CHECKS
from tests.support.paths import HANDBOOK
from tests.support.service import Service, embedded_service

GUIDE = (HANDBOOK / "customer-service-guide.md").read_bytes()

# What a new module `recipes/riddle.py` would hold.

SCHEMA = prompts.list_of("riddles", {"riddle": prompts.TEXT, "solution": prompts.TEXT, "evidence": prompts.TEXTS})


METRE = options.choice("metre", "free", choices=("free", "iambic"), doc="`metre`: `free` or `iambic` (`free`)")
HINTS = options.number("hints", 2, low=1, high=4, doc="`hints` 1-4 (2)")


def _question(passage: Passage, slots: Sequence[Slot], options: GenerationOptions) -> Question:
    system = prompts.rules("You write riddles about a passage.", options, form='{"riddles": [...]}', count_of="riddle")
    wanted = [f"Write {len(slots)} riddles in {METRE.of(options)} metre with {HINTS.of(options)} hints."]
    return prompts.ask("riddle", passage, slots, options, system=system, wanted=wanted, schema=SCHEMA)


def _draft(found: Found, _: Slot, question: Question) -> Draft | str:
    riddle, solution = draft_reading.text(found.get("riddle")), draft_reading.text(found.get("solution"))
    if not riddle or not solution:
        return 'it lacked "riddle" or "solution"'
    return Draft(
        f"[{METRE.of(question)}, {HINTS.of(question)}] {riddle}",
        solution,
        "riddle",
        evidence=draft_reading.quotes(found.get("evidence")),
    )


def _sample(question: Question, slot: Slot) -> dict[str, object]:
    start, quotes = samples.quotes(question, slot.ordinal)
    riddle = f"Which words of {slot.chunk_id} begin at number {start}, in riddle {slot.index}?"
    return {"riddle": riddle, "solution": " ".join(quotes), "evidence": quotes}


RIDDLE = Recipe(
    name="riddle",
    form=ReplyForm("riddles", "riddle", property_names(SCHEMA)),
    question=_question,
    draft=_draft,
    max_records=lambda _, tokens, __: max(1, tokens // 40),
    output_tokens=lambda _: (40, 90),
    sample=_sample,
    options=(METRE, HINTS),
)


@dataclass(frozen=True)
class InProcess:
    """State functions in this process, which knows the new recipe; else they run in workers of their own."""

    def invoke(self, handler: str, event: Item, timeout_s: float) -> Item:
        return worker.resolve(handler)(event, Context(handler, timeout_s))

    def close(self) -> None:
        """Holds nothing."""


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setitem(RECIPES, "riddle", RIDDLE)  # the one entry
    settings.get.cache_clear()
    yield from embedded_service(tmp_path, lambda home, size: InProcess())  # type: ignore[arg-type, return-value]
    settings.get.cache_clear()


def test_a_recipe_of_one_module_and_one_entry_runs_to_an_exported_file(service: Service) -> None:
    project_id = service.project()
    service.upload(project_id, "guide.md", GUIDE)
    service.parse(project_id)
    asked = {"model_id": "scripted", "generation_type": "riddle", "num_pairs": 6}

    estimate = service.call("POST", f"/projects/{project_id}/generate", json={**asked, "estimate": True})
    first = service.generate(project_id, **asked, config={"auto_accept_min_quality": 0.0, "checks": NO_CHECKS})
    second = service.generate(project_id, **asked, config={"checks": NO_CHECKS})
    made = service.call("POST", f"/projects/{project_id}/export", json={"format": "chatml"})

    assert estimate["estimate"]["pairs"] == 6
    assert first["status"] == "completed", first
    assert first["counts"]["delivered"] == 6
    assert first["report"]["diversity_score"] is not None
    assert second["reasons"]["rejected"].get("near_duplicate"), "what an earlier run delivered is not made again"
    lines = [json.loads(line)["messages"] for line in service.fetch(made["downloadUrl"]).splitlines()]
    assert len(lines) == 6
    assert all(user["content"].startswith("[free, 2] Which words of chunk_") for user, _ in lines)


def test_an_option_of_its_own_is_declared_on_the_recipe_and_nowhere_else(service: Service) -> None:
    project_id = service.project()
    service.upload(project_id, "guide.md", GUIDE)
    service.parse(project_id)
    asked = {"model_id": "scripted", "generation_type": "riddle", "num_pairs": 3}

    run = service.generate(project_id, **asked, config={"metre": "iambic", "hints": 4})
    plain = service.generate(project_id, **asked)
    page = service.call("GET", f"/projects/{project_id}/pairs", generation_id=run["generationId"])
    refused = [
        service.call("POST", f"/projects/{project_id}/generate", json={**asked, "config": wrong}, expect=422)
        for wrong in ({"metre": "limping"}, {"metre": 7}, {"hints": 5}, {"hints": "two"})
    ]

    assert all(pair["question"].startswith("[iambic, 4] ") for pair in page["pairs"])
    assert (run["config"]["metre"], run["config"]["hints"]) == ("iambic", 4)
    assert (plain["config"]["metre"], plain["config"]["hints"]) == ("free", 2), "defaults are stored with the run"
    assert [answer["errors"][0]["field"] for answer in refused] == ["metre", "metre", "hints", "hints"]
    assert refused[0]["message"] == "metre must be one of: free, iambic"
    assert refused[2]["message"] == "hints must be a whole number from 1 to 4"


def test_a_kind_without_a_recipe_is_refused_with_the_names_of_those_there_are(service: Service) -> None:
    project_id = service.project()

    answer = service.call(
        "POST", f"/projects/{project_id}/generate", json={"model_id": "scripted", "generation_type": "ode"}, expect=422
    )

    assert answer["errors"][0]["field"] == "generation_type"
    assert answer["errors"][0]["message"].endswith("'summary', 'classification' or 'riddle'")
