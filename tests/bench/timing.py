"""What the benchmarks share: interleaved repetitions, medians, a table."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter


def interleaved(works: Mapping[str, Callable[[], object]], repetitions: int, calls: int = 1) -> dict[str, float]:
    """The median seconds of each of WORKS, done in turn REPETITIONS times after one round to warm up.

    A machine that slows down for a while so slows all of them down, and ratios stay. Work that is over in a few
    microseconds is done in several CALLS at a time.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repetitions + 1):
        for name, work in works.items():
            gc.collect()
            start = perf_counter()
            for _ in range(calls):
                work()
            if turn:
                seconds[name].append((perf_counter() - start) / calls)
    return {name: median(times) for name, times in seconds.items()}


def table(*rows: tuple[str, ...]) -> None:
    """Print ROWS, the first of them the heads, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]).rstrip(), flush=True)
    print()


def verdict(ratio: float, target: float) -> str:
    """RATIO with the target beside it, and whether it is met."""
    return f"{ratio:.2f} ({'≤' if ratio <= target else 'MISSED:'} {target:g})"
