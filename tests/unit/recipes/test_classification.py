"""Labels go to the texts that they were given for, also when a reply is only partly of use."""

from __future__ import annotations

import json

import pytest

from dataforge.errors import BadReply
from dataforge.recipes import RECIPES
from dataforge.recipes.options import GenerationOptions
from dataforge.records import Answer, Passage, Question, Slot

PASSAGE = Passage(
    "\n\n".join(
        f"Paragraph {n} says that the harbour office opens at {n + 6} o'clock "
        "and closes late in the evening on weekdays."
        for n in range(8)
    )
)
SLOTS = [Slot(n, "chunk_0_000000", ordinal=n) for n in range(3)]


def asked() -> Question:
    return RECIPES["classification"].question(PASSAGE, SLOTS, GenerationOptions(own={"labels": ("hours", "fees")}))


def answered(*labels: str) -> Answer:
    return Answer(json.dumps({"labelled": [{"number": n, "label": label} for n, label in enumerate(labels, 1)]}), "m")


# checklist 26
def test_every_text_gets_its_own_label() -> None:
    made = RECIPES["classification"].read(answered("hours", "fees", "hours"), asked())

    assert [d.answer for d in made] == ["hours", "fees", "hours"]
    assert len({d.question for d in made}) == 3


# checklist 26
def test_a_label_of_a_later_text_is_never_given_to_an_earlier_one() -> None:
    whole = RECIPES["classification"].read(answered("hours", "fees", "hours"), asked())

    with pytest.raises(BadReply) as second_is_wrong:
        RECIPES["classification"].read(answered("hours", "weather", "fees"), asked())
    with pytest.raises(BadReply) as first_is_wrong:
        RECIPES["classification"].read(answered("weather", "fees", "fees"), asked())

    assert {n: d.question for n, d in second_is_wrong.value.drafts.items()} == {n: whole[n].question for n in (0, 2)}
    assert {n: d.question for n, d in first_is_wrong.value.drafts.items()} == {n: whole[n].question for n in (1, 2)}
