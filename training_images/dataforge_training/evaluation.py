"""Base against tuned on the held-out lines: what both answer, and how close that is to the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from dataforge_training import metrics, models, prompts
from dataforge_training.errors import Interrupted
from dataforge_training.job import Job

BATCH = {"cuda": 16, "mps": 8, "cpu": 8}
MARGIN = 32
"""Tokens that an answer may have beyond the longest reference."""


@dataclass(frozen=True)
class Held:
    """A held-out line: what is asked and what answers are right."""

    prompt: str
    references: tuple[str, ...]
    id: str | int | None
    topic: str | None
    payload: Any
    """What the model is given: rendered text, or the line itself."""


def held_out(job: Job, found: Sequence[Any]) -> list[Held]:
    """The first `eval_examples` lines, rendered for a model that continues text."""
    examples = [prompts.example(line, job.config) for line in found[: job.config.eval_examples]]
    return [
        Held(
            prompt=prompts.text_of(e.prompt),
            references=(prompts.text_of(e.answer).strip(),),
            id=e.id,
            topic=e.topic,
            payload=prompts.rendered(job.tokenizer, e.prompt),
        )
        for e in examples
    ]


def answer_limit(held: Sequence[Held], job: Job) -> int:
    """Tokens that an answer may have."""
    longest = max(len(job.tokenizer(r, add_special_tokens=False)["input_ids"]) for h in held for r in h.references)
    return min(job.config.max_completion_length, longest + MARGIN)


def answer(job: Job, model: Any, held: Sequence[Held]) -> list[str]:
    """Greedy answers, in batches of prompts padded on the left. Raises Interrupted when the job was asked to stop."""
    tokenizer, limit = job.tokenizer, answer_limit(held, job)
    answers: list[str] = []
    ends = models.end_tokens(tokenizer, model.generation_config.eos_token_id)
    size = BATCH[job.machine.device]
    most = models.longest(tokenizer, model.config)
    encodes = bool(model.config.is_encoder_decoder)
    for start in range(0, len(held), size):
        if job.stop.requested:
            raise Interrupted
        batch = tokenizer(
            [h.payload for h in held[start : start + size]],
            return_tensors="pt",
            padding=True,
            padding_side="right" if encodes else "left",
            truncation=True,
            max_length=most if encodes else max(8, most - limit),
            add_special_tokens=encodes or not tokenizer.chat_template,
        ).to(model.device)
        batch.pop("token_type_ids", None)
        with torch.inference_mode():
            made = model.generate(
                **batch, max_new_tokens=limit, do_sample=False, eos_token_id=ends, pad_token_id=tokenizer.pad_token_id
            )
        new = made if encodes else made[:, batch["input_ids"].shape[1] :]
        answers += [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]
    return answers


def predictions(held: Sequence[Held], base: Sequence[str], tuned: Sequence[str]) -> list[dict[str, Any]]:
    """The lines of predictions.jsonl."""
    return [
        {
            "id": h.id,
            "topic": h.topic,
            "prompt": h.prompt,
            "reference": h.references[0],
            "base": before,
            "tuned": after,
            "exact_base": metrics.exact(before, h.references),
            "exact_tuned": metrics.exact(after, h.references),
            **{f"{name}_base": value for name, value in metrics.of_line(before, h.references).items()},
            **{f"{name}_tuned": value for name, value in metrics.of_line(after, h.references).items()},
        }
        for h, before, after in zip(held, base, tuned, strict=True)
    ]
