"""Model FLOPs utilisation: what share of the machine's peak the training really uses.

A forward and a backward pass over N parameters take 6N floating point operations per token; 4N when the base is frozen
(LoRA), because no gradient of its weights is computed. Attention is left out, as is usual for this estimate.
"""

from __future__ import annotations

PEAKS: tuple[tuple[str, float], ...] = (
    ("B200", 2250e12),
    ("B100", 1800e12),
    ("H200", 989e12),
    ("H100 PCIe", 756e12),
    ("H100 NVL", 835e12),
    ("H100", 989e12),
    ("A100", 312e12),
    ("A10G", 70e12),
    ("A10", 125e12),
    ("L40S", 362e12),
    ("L40", 181e12),
    ("L4", 121e12),
    ("V100", 125e12),
    ("T4", 65e12),
)
"""Dense 16-bit tensor FLOP/s by the makers' data sheets, longest names first: bfloat16, else float16."""


def peak(device_name: str) -> float | None:
    """FLOP/s of a GPU by the name that the driver gives; None for one that the table does not know."""
    return next((value for name, value in PEAKS if name in device_name), None)


def per_token(parameters: int, *, adapter: bool) -> int:
    """Floating point operations per token of training."""
    return (4 if adapter else 6) * parameters


def utilisation(tokens_per_second: float, flops_per_token: float, peak_flops: float) -> float:
    """0 to 1; `peak_flops` is the sum over all GPUs that share the tokens."""
    return tokens_per_second * flops_per_token / peak_flops
