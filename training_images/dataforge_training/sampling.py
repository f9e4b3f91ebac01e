"""The order of the training lines, as a function of seed and epoch alone.

The sampler of the libraries that groups lines by length draws from the global random state, which a job that is resumed
in the middle of an epoch does not have: some lines would be seen twice and others never.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices


class GroupedByLength(Sampler[int]):
    """Lines of similar length beside each other, in another order each epoch, the same on every process."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self._lengths = list(lengths)
        self._batch = batch
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed + self._epoch)
        yield from get_length_grouped_indices(self._lengths, self._batch, generator=generator)


def group_by_length(trainer: Any) -> None:
    """Gives a trainer that groups by length this sampler."""
    args = trainer.args
    if args.train_sampling_strategy != "group_by_length":
        return
    lengths = [len(row) for row in trainer.train_dataset["input_ids"]]
    batch = args.train_batch_size * args.gradient_accumulation_steps
    trainer._get_train_sampler = lambda *_: GroupedByLength(lengths, batch, args.data_seed)
