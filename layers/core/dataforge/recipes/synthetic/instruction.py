"""instruction_v1: what a user tells an assistant, context beside it, and the answer to learn."""

from __future__ import annotations

from dataforge.recipes.synthetic.shapes import STRING, Payload, Shape, text
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.recipes.synthetic.spec import Spec

_RULES = """Each record is one exchange that teaches an assistant how to act:
- "instruction": what the user asks or tells, complete in itself and in that user's own words.
- "input": material the user pastes along with it (a message, a log, a table, a draft). Empty unless it is needed:
  most records have none. Never repeat the instruction here.
- "output": the answer an expert would be glad to have written: right, specific, to the point, finished. It never
  mentions these rules, the record, or that it was made up."""


def _payload(found: dict[str, object], _slot: RecordSlot, _spec: Spec) -> Payload:
    """The older names `prompt` and `response` are understood too."""
    renamed = {
        "instruction": found.get("instruction", found.get("prompt")),
        "input": found.get("input", ""),
        "output": found.get("output", found.get("response")),
    }
    return {
        "instruction": text(renamed, "instruction"),
        "input": text(renamed, "input", required=False),
        "output": text(renamed, "output"),
    }


def _asked(payload: Payload) -> str:
    return f"{payload['instruction']}\n{payload['input']}".strip()


SHAPE = Shape(
    name="instruction_v1",
    rules=_RULES,
    form='{"instruction": "...", "input": "", "output": "..."}',
    fields={"instruction": STRING, "input": STRING, "output": STRING},
    payload=_payload,
    asked=_asked,
    answered=lambda p: str(p["output"]),
    texts=lambda p: {"output": str(p["output"])},
)
