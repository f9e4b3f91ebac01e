"""preference_v1: one prompt, a better and a worse answer; the critic pass adds scores and reasoning."""

from __future__ import annotations

from dataforge.recipes.synthetic.shapes import STRING, Payload, Shape, text
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.recipes.synthetic.spec import Spec

_RULES = """Each record is a comparison that teaches a model which of two answers people prefer:
- "prompt": what the user asks, complete in itself.
- "chosen": an answer that is right, complete and well put.
- "rejected": an answer to the same prompt that is clearly worse, yet coherent, on topic and about as long. It fails in
  substance: a wrong or outdated fact, a missing step, careless advice, the question half missed. It is never
  gibberish, never rude for no reason, and never says that it is the worse one.
- The two are worded differently. Do not make one by editing a few words of the other.
- No scores here: a critic gives them later."""


def _payload(found: dict[str, object], _slot: RecordSlot, _spec: Spec) -> Payload:
    return {name: text(found, name) for name in ("prompt", "chosen", "rejected")}


SHAPE = Shape(
    name="preference_v1",
    rules=_RULES,
    form='{"prompt": "...", "chosen": "...", "rejected": "..."}',
    fields={"prompt": STRING, "chosen": STRING, "rejected": STRING},
    payload=_payload,
    asked=lambda p: str(p["prompt"]),
    answered=lambda p: str(p["chosen"]),
    texts=lambda p: {name: str(p[name]) for name in ("chosen", "rejected")},
    note=lambda p: f"It is the preferred one of two answers; the other, meant to be worse, is: {p['rejected']}",
    critic=True,
)
