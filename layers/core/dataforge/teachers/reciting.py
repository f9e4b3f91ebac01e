"""Well-formed replies of every kind out of the words of the passage: what the shipped fake says. Not training data."""

from __future__ import annotations

import json

from dataforge.recipes import RECIPES
from dataforge.records import Question


def recite(question: Question) -> str:
    """A good reply to any question: each slot gets its own stretch of the passage."""
    recipe = RECIPES[question.kind]
    written = [{"number": n, **recipe.sample(question, slot)} for n, slot in enumerate(question.slots, 1)]
    return json.dumps({recipe.form.key: written})
