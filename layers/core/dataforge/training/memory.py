"""Whether a model fits the memory of an instance: parameters, precision, sequence and strategy.

For P parameters, b bytes of a weight, h the width and l the layers of a decoder with P weights (about P = 12 l h^2 and
h = 128 l, which holds for models from 0.1 to 100 billion parameters within a factor of 1.5):

    weights      b P                         b: 2 (half precision), 1 (8 bits), 0.55 (4 bits with their constants)
    learnt       full: 16 P minus b P        gradient (4) and two moments (8) and a master copy (4) of every weight
                 adapter: 16 r (l 18 h)      rank r on all linear layers: about 18 h rank-wide rows in each layer
    activations  n s h l c                   n lines of s tokens; c: 4 bytes with checkpoints of layers, 40 without
    logits       8 n s v                     v = 128,000 words, in 4 bytes, and their gradient
    reference    b P                         rlhf keeps a reward model besides; dpo takes the model without its adapter

with 15 % and 1 GiB for what allocators and libraries take. The estimate is for one GPU; several GPUs of an instance
share what is learnt and the weights only where the training is sharded (full fine-tuning).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dataforge.errors import Invalid
from dataforge.training import instances
from dataforge.training.instances import Instance
from dataforge.training.options import PREFERENCES, Options

GIB = 2**30
VOCABULARY = 128_000
DEFAULT_TOKENS = 1024
"""Of a sequence, where neither the request nor the data says."""
KNOWN = {
    "gpt2": 0.124e9,
    "distilgpt2": 0.082e9,
    "t5-small": 0.06e9,
    "t5-base": 0.22e9,
    "facebook/bart-large-cnn": 0.406e9,
    "distilbert-base-uncased": 0.066e9,
    "bert-base-uncased": 0.11e9,
    "microsoft/phi-2": 2.78e9,
    "microsoft/Phi-3-mini-4k-instruct": 3.82e9,
    "mistralai/Mistral-7B-v0.1": 7.24e9,
    "mistralai/Mixtral-8x7B-v0.1": 46.7e9,
}
"""Parameters of models whose name does not say them."""
_SIZE = re.compile(r"(?<![A-Za-z0-9.])(\d{1,4}(?:\.\d{1,3})?)([bm])(?![A-Za-z0-9])", re.ASCII | re.IGNORECASE)
"""`-3B`, `0.6b`, `360M`."""


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes of one GPU."""

    weights: float
    learnt: float
    activations: float

    @property
    def total(self) -> float:
        return (self.weights + self.learnt + self.activations) * 1.15 + GIB


def parameters(model_name: str) -> float | None:
    """From the table, else from the name; None: unknown."""
    known = KNOWN.get(model_name)
    if known is not None:
        return known
    found = _SIZE.findall(model_name.rsplit("/", 1)[-1][:200])
    if not found:
        return None
    number, unit = found[-1]
    return float(number) * (1e9 if unit in "bB" else 1e6) or None


def need(options: Options, count: float, tokens: int, *, shared_by: int = 1) -> Need:
    """count: parameters; tokens: of a sequence; shared_by: GPUs that share what is learnt."""
    bits = options.quantised_bits
    bytes_of_weight = {4: 0.55, 8: 1.0}.get(bits or 16, 2.0)
    layers = (count / (12 * 128**2)) ** (1 / 3)
    width = 128 * layers
    weights = bytes_of_weight * count
    if options.full_finetune:
        learnt = (16 * count - weights) / shared_by
        weights /= shared_by
    else:
        learnt = 16 * options.lora_r * layers * 18 * width
    copies = 2 if options.strategy in PREFERENCES else 1
    at_once = options.per_device_train_batch_size * copies
    activations = at_once * tokens * (width * layers * (4 if options.gradient_checkpointing else 40) + 8 * VOCABULARY)
    reference = weights if options.strategy == "rlhf" else 0.0
    return Need(weights + reference, learnt, activations)


def fits(options: Options, instance: Instance, count: float, tokens: int) -> bool:
    """On a machine without a GPU its whole memory counts."""
    have = instance.gpu_memory_gb if instance.gpus else instance.memory_gb
    return need(options, count, tokens, shared_by=max(1, instance.gpus)).total <= have * GIB


def choose(options: Options, tokens: int | None = None) -> Instance:
    """The instance that is asked for, else the cheapest of its size that the model fits.

    tokens: of a sequence; None: as the request says. Raises Invalid, with the figures and the way out.
    """
    count, tokens = parameters(options.model_name), tokens or options.max_seq_length or DEFAULT_TOKENS
    given = instances.get(options.instance_type) if options.instance_type else None
    choices = [given] if given else instances.of_size(options.compute_specs)
    if count is None:
        return choices[0]
    fitting = next((i for i in choices if fits(options, i, count, tokens)), None)
    if fitting is not None:
        return fitting
    largest = choices[-1]
    wanted = need(options, count, tokens, shared_by=max(1, largest.gpus))
    have = largest.gpu_memory_gb if largest.gpus else largest.memory_gb
    others = sorted(instances.table().instances.values(), key=lambda i: i.usd_per_hour)
    enough = next((i.name for i in others if i.gpus and fits(options, i, count, tokens)), None)
    way_out = f"instance_type {enough}" if enough else "a smaller model"
    field = "instance_type" if given else "compute_specs"
    raise Invalid(
        f"{field}: {options.model_name} ({count / 1e9:.3g} billion parameters) at {tokens:,} tokens needs about "
        f"{wanted.total / GIB:.0f} GiB of one GPU, {largest.name} has {have:g}: use {way_out}, strategy qlora, "
        "a smaller per_device_train_batch_size or max_seq_length",
        field=field,
    )
