"""The loss of a training as a chart of text."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]
"""(step, loss)"""

_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of the dots of a Braille character, row by row: 2 wide, 4 high."""


def chart_lines(points: Sequence[Point], *, steps: float, width: int, height: int, dots: bool = True) -> list[str]:
    """`height` lines of at most `width` columns, the loss at the left, the steps from 0 to `steps` below.

    What falls into one column is averaged. dots: draw with Braille characters, else with asterisks. Empty without
    points or without room.
    """
    low, high = min((y for _, y in points), default=0.0), max((y for _, y in points), default=0.0)
    labels = [_number(high), _number(low)]
    margin = max(map(len, labels)) + 2
    across, down = (2, 4) if dots else (1, 1)
    columns, rows = (width - margin) * across, (height - 1) * down
    if not points or columns < 4 or rows < 1:
        return []
    grid = [[False] * columns for _ in range(rows)]
    for column, value in _averages(points, steps, columns):
        share = (value - low) / (high - low) if high > low else 0.5
        grid[round((1 - share) * (rows - 1))][column] = True
    body = [
        "".join(_character(grid, row * down, column, dots=dots) for column in range(0, columns, across)).rstrip()
        for row in range(rows // down)
    ]
    last = len(body) - 1
    named = {0: labels[0], last: labels[1]}
    lines = [
        f"{named.get(n, ''):>{margin - 2}} ┤{text}" if dots else f"{named.get(n, ''):>{margin - 2}} |{text}"
        for n, text in enumerate(body)
    ]
    end = f"step {steps:,.0f}"
    return [*lines, f"{'0':>{margin}}{end:>{max(len(end), width - margin)}}"]


def _averages(points: Sequence[Point], steps: float, columns: int) -> list[tuple[int, float]]:
    found: dict[int, list[float]] = {}
    for step, value in points:
        column = min(columns - 1, int(step / max(steps, 1) * (columns - 1)))
        found.setdefault(column, []).append(value)
    return [(column, sum(values) / len(values)) for column, values in sorted(found.items())]


def _character(grid: Sequence[Sequence[bool]], row: int, column: int, *, dots: bool) -> str:
    if not dots:
        return "*" if grid[row][column] else " "
    bits = sum(
        bit
        for n, pair in enumerate(_DOTS)
        for m, bit in enumerate(pair)
        if column + m < len(grid[row + n]) and grid[row + n][column + m]
    )
    return chr(_BRAILLE + bits) if bits else " "


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"
