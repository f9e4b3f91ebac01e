"""The price of tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens. None: the provider charges such tokens like any other."""

    input: float
    output: float
    cached: float | None = None
    """Input read from the provider's prompt cache."""
    cache_write: float | None = None
    """Input written to the prompt cache."""
    batch: float = 1.0
    """The price in a batch job, as a share of this price (0.5: half)."""

    def of(self, input_tokens: int, output_tokens: int, *, cached: int = 0, written: int = 0) -> float:
        """Dollars. input_tokens: all, also the `cached` and the `written` ones."""
        read = self.input if self.cached is None else self.cached
        write = self.input if self.cache_write is None else self.cache_write
        plain = max(0, input_tokens - cached - written)
        return (plain * self.input + cached * read + written * write + output_tokens * self.output) / 1e6

    @property
    def batched(self) -> Price:
        """The price of the same tokens in a batch job."""
        return replace(self.times(self.batch), batch=1.0)

    def times(self, share: float) -> Price:
        cached, written = (None if p is None else p * share for p in (self.cached, self.cache_write))
        return replace(self, input=self.input * share, output=self.output * share, cached=cached, cache_write=written)
