"""Work shared out to processes, in order. New processes are started, not forked: a fork takes along the locks of
threads that it does not take along (of the PDF compiler, for one), and then waits for them for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any


def mapped(function: Callable[[Any], Any], items: Sequence[Any], jobs: int, begin: Callable[..., None] | None = None,
           given: tuple[Any, ...] = (), at_once: int = 1) -> Iterator[Any]:  # fmt: skip
    """FUNCTION of each of ITEMS, in order, by so many processes; each first calls BEGIN with what is GIVEN.

    AT_ONCE items are handed over together. FUNCTION and BEGIN are functions of modules.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(
        min(jobs, len(items)), get_context("spawn"), initializer=_begin, initargs=(begin, given)
    )  # fmt: skip
    try:
        yield from pool.map(function, items, chunksize=at_once)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(begin: Callable[..., None] | None, given: tuple[Any, ...]) -> None:
    """Leave Ctrl-C to the process that started this one."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if begin is not None:
        begin(*given)
