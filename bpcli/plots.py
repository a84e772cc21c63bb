"""Pictures in characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log10

_LOWEST = -17  # an error of 0 is drawn at the bottom, below the rounding of a double


def log_log(curves: Mapping[str, Sequence[tuple[float, float]]], width: int = 80) -> str:
    """CURVES (mark -> points) on logarithmic axes, one line a decade, at most WIDTH columns wide.

    Later curves are drawn over earlier ones. A value of 0 stands on the bottom line.
    """
    points = [(log10(x), log10(y) if y > 0 else _LOWEST, mark) for mark, curve in curves.items() for x, y in curve]
    if not points:
        return "(nothing to draw)"
    left, right = floor(min(x for x, _, _ in points)), max(x for x, _, _ in points)
    bottom = max(_LOWEST, floor(min(y for _, y, _ in points)))
    top = min(floor(max(y for _, y, _ in points)) + 1, bottom + 40)
    per_decade = max(1, int((width - 13) / max(1.0, right - left)))
    columns = int((right - left) * per_decade) + 1
    picture = {(min(top, max(bottom, round(y))), round((x - left) * per_decade)): mark for x, y, mark in points}
    lines = []
    for decade in range(top, bottom - 1, -1):
        label = "0" if decade == _LOWEST else f"1e{decade}"
        row = "".join(picture.get((decade, column), " ") for column in range(columns))
        lines.append(f"{label:>6} |{row}".rstrip())
    ticks = [" "] * (columns + 5)
    step = 1 if per_decade >= 6 else 2 if per_decade >= 3 else 4
    for decade in range(left, floor(right) + 1, step):
        label = f"1e{decade}"
        begin = (decade - left) * per_decade
        ticks[begin : begin + len(label)] = label
    lines += ["       +" + "-" * columns, "        " + "".join(ticks).rstrip()]
    return "\n".join(lines)
