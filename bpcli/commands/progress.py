"""A line that counts, on a terminal; nothing anywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

WIDTH = 30  # columns of the bar


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[..., None]]:
    """A function to call after each of TOTAL steps; the line is gone at the end."""
    shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and total > 1
    count = 0

    def step(*_: Any) -> None:
        nonlocal count
        count += 1
        if shown:
            full = WIDTH * count // total
            sys.stderr.write(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {count:,} of {total:,} {what}")
            sys.stderr.flush()

    try:
        yield step
    finally:
        if shown:
            sys.stderr.write("\r" + " " * (WIDTH + 2 * len(f"{total:,}") + len(what) + 10) + "\r")
            sys.stderr.flush()
