"""eval_v1: a test case, what a perfect model would answer, and what to measure the answer by."""

from __future__ import annotations

import re

from dataforge.recipes.synthetic.shapes import STRING, Payload, Shape, Unfit, text
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.recipes.synthetic.spec import Spec

MOST_METRICS = 8

_RULES = """Each record is one case of a held-out test:
- "input": the task or situation that the model under test will see, complete in itself.
- "ideal_output": the answer that would get full marks. Exact and short where there is one right answer; otherwise all
  that a full answer has to contain.
- "metrics": 1 to 5 short snake_case names of what this answer must be measured by, most important first
  (exact_match, factual_accuracy, task_completion, tone_appropriateness, ...). Choose them for this case."""


def _payload(found: dict[str, object], _slot: RecordSlot, _spec: Spec) -> Payload:
    metrics = found.get("metrics")
    if isinstance(metrics, str):
        metrics = re.split(r"[,;\n]+", metrics)
    if not isinstance(metrics, list):
        raise Unfit('"metrics" must be a list of names')
    names = [re.sub(r"[^\w]+", "_", m.strip().casefold()).strip("_") for m in metrics if isinstance(m, str)]
    kept = list(dict.fromkeys(n[:60] for n in names if n))[:MOST_METRICS]
    if not kept:
        raise Unfit('"metrics" must name at least one metric')
    return {"input": text(found, "input"), "ideal_output": text(found, "ideal_output"), "metrics": kept}


SHAPE = Shape(
    name="eval_v1",
    rules=_RULES,
    form='{"input": "...", "ideal_output": "...", "metrics": ["..."]}',
    fields={"input": STRING, "ideal_output": STRING, "metrics": {"type": "array", "items": STRING}},
    payload=_payload,
    asked=lambda p: str(p["input"]),
    answered=lambda p: str(p["ideal_output"]),
    texts=lambda p: {"ideal_output": str(p["ideal_output"])},
    note=lambda p: f"Measured by: {p['metrics']}",
)
