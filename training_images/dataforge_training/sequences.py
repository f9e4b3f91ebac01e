"""How long a sequence may be: as asked, or as long as the longest line."""

from __future__ import annotations

from collections.abc import Sequence

from dataforge_training.job import Job

STEP = 64
"""Lengths are rounded up to a multiple of this."""
SLACK = 8
"""Tokens that a template or the end of the text may add."""


def fit(job: Job, most: int, lengths: Sequence[int], *, cut: bool = True) -> int:
    """Tokens of a sequence, at most `most`, what the model takes; every limit that bites leaves a note.

    `cut` is False where longer lines are read in pieces.
    """
    asked = job.config.max_seq_length
    needed = -(-(max(lengths) + SLACK) // STEP) * STEP
    limit = min(asked or needed, most)
    if asked and asked > most:
        job.change("the model takes no more", max_seq_length=most)
    elif asked is None:
        job.change(f"the longest line has {max(lengths)} tokens", max_seq_length=limit)
    longer = sum(length > limit for length in lengths)
    if cut and longer:
        job.notes.append(f"{longer} of {len(lengths)} lines are longer than {limit} tokens and were cut")
    return limit
