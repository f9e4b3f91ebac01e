"""The span of a context that answers a question: windows over the context, and the likeliest span of all windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

LONGEST_ANSWER = 64
"""Tokens."""
CANDIDATES = 20
"""Best first and last tokens that are combined."""
MOST_WINDOWS = 16
"""Windows that the model reads at once."""
TENSORS = ("input_ids", "attention_mask", "token_type_ids")


def windows(tokenizer: Any, questions: Sequence[str], contexts: Sequence[str], length: int) -> Any:
    """Tokens of question and context, one row of `length` per window, with the characters of each token."""
    return tokenizer(
        list(questions),
        list(contexts),
        truncation="only_second",
        max_length=length,
        stride=min(128, length // 4),
        padding="max_length",
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )


def best(model: Any, tokenizer: Any, question: str, context: str, *, window: int, may_be_none: bool = False) -> str:
    """The likeliest span; empty where `may_be_none` and no answer (the first token) is likelier in every window."""
    made = windows(tokenizer, [question], [context], window)
    rows = len(made["input_ids"])
    found: list[tuple[float, str]] = []
    none = float("inf")
    for start in range(0, rows, MOST_WINDOWS):
        part = slice(start, start + MOST_WINDOWS)
        tensors = {name: torch.tensor(made[name][part]).to(model.device) for name in TENSORS if name in made}
        with torch.inference_mode():
            out = model(**tensors)
        for row, first, last in zip(range(start, rows), out.start_logits.float(), out.end_logits.float(), strict=False):
            found.append(best_span(made, row, (first.cpu(), last.cpu()), context))
            none = min(none, float(first[0] + last[0]))
    score, text = max(found)
    return "" if may_be_none and none > score else text


def best_span(made: Any, row: int, scores: tuple[Any, Any], context: str) -> tuple[float, str]:
    """The likeliest span of one window: its score and its text."""
    inside = [i for i, part in enumerate(made.sequence_ids(row)) if part == 1]
    parts = made["offset_mapping"][row]
    first, last = scores
    starts = sorted(inside, key=lambda i: -float(first[i]))[:CANDIDATES]
    ends = sorted(inside, key=lambda i: -float(last[i]))[:CANDIDATES]
    fitting = [(float(first[s] + last[e]), s, e) for s in starts for e in ends if s <= e < s + LONGEST_ANSWER]
    if not fitting:
        return float("-inf"), ""
    score, s, e = max(fitting)
    return score, context[parts[s][0] : parts[e][1]].strip()
