"""What to ask a teacher and how to read, score and compare its records; one module per kind, chosen by name.

recipe      what a recipe consists of             options        what the caller may ask of every call
planning    slots over passages                   prompts        what every prompt says alike
spreading   kinds, personas, styles over slots    draft_reading  objects of a reply -> drafts
reply_json, json_repair   JSON out of what a model wrote
excerpts    texts of a classification             relating       passages that belong together
synthetic/  records about a domain, without documents
"""

from __future__ import annotations

from dataforge.recipes import classification, conversation, instruction, qa, summary
from dataforge.recipes.recipe import Recipe

__all__ = ["RECIPES", "Recipe"]

RECIPES: dict[str, Recipe] = {
    "qa": qa.RECIPE,
    "instruction": instruction.RECIPE,
    "conversation": conversation.RECIPE,
    "summary": summary.RECIPE,
    "classification": classification.RECIPE,
}
