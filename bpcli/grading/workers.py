"""Hand-ins marked by several processes. One that brings its process down costs itself and nobody else."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process

from bpcli.grading.desk import Desk, Marker, Setting, Task, by_the_rules
from bpcli.grading.gradebook import NOT_GRADED, Entry

#: Hand-ins that go to a process at a time. Starting one by one costs twice the time of chunks.
CHUNK = 20
#: Seconds of a processor's time after which a hand-in is given up; the limits on its size stop it long before.
MOST_SECONDS = 30
#: Bytes that a hand-in may add to its process. The largest there are (1 MiB of text) add 40 MB.
MOST_MEMORY = 2**29


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _TooLong(BaseException):
    """Raised by the clock; no `except Exception` on the way takes it for something else."""


_desk: Desk | None = None
_marker: Marker = by_the_rules


def _begin(setting: Setting, marker: Marker) -> None:
    """Make a process ready: its desk, deaf to Ctrl-C (its parent decides), and gone when its parent is."""
    global _desk, _marker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _desk, _marker = Desk.of(setting), marker


def _leave_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _mark(tasks: Sequence[Task]) -> list[Entry]:
    assert _desk is not None
    return [marked(_desk, task, _marker) for task in tasks]


def marked(desk: Desk, task: Task, marker: Marker = by_the_rules) -> Entry:
    """The entry of one task, even if it never ends or takes all memory."""
    hand_in, time = task
    if threading.current_thread() is not threading.main_thread():
        return marker(desk, hand_in, time)
    try:
        with _seconds_bounded(), _memory_bounded():
            return marker(desk, hand_in, time)
    except _TooLong:
        return given_up(desk, task, "time-limit", f"it took more than {MOST_SECONDS} s; no mark was given for it")
    except MemoryError:
        reason = f"it took more than {MOST_MEMORY >> 20} MB of memory; no mark was given for it"
        return given_up(desk, task, "memory-limit", reason)


@contextmanager
def _seconds_bounded() -> Iterator[None]:
    """What is done inside is stopped when it has had MOST_SECONDS of a processor (not on Windows)."""
    if not hasattr(signal, "SIGPROF"):
        yield
        return
    before = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def _memory_bounded() -> Iterator[None]:
    """What is done inside may take MOST_MEMORY more than there is; on Linux, elsewhere no limit on addresses is held to."""
    try:
        import resource

        with open("/proc/self/statm", "rb") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    before, most = resource.getrlimit(resource.RLIMIT_AS)
    bounds = [one for one in (used + MOST_MEMORY, before, most) if one != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(bounds), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, most))


def _stop(*_: object) -> None:
    raise _TooLong


def given_up(desk: Desk, task: Task, code: str, reason: str) -> Entry:
    """The entry of a hand-in that could not be marked."""
    hand_in, time = task
    return Entry(
        hand_in.student,
        hand_in.source,
        hand_in.digest,
        desk.key(hand_in.student, time),
        NOT_GRADED,
        code,
        reason,
        time=time,
    )


def mark_all(setting: Setting, desk: Desk, tasks: Iterable[Task], jobs: int, marker: Marker = by_the_rules,
             chunk: int = CHUNK) -> Iterator[list[Entry]]:  # fmt: skip
    """The entries of TASKS, some at a time and in any order. No more tasks are taken than are being worked on."""
    queue = iter(tasks)
    pool = _pool(setting, jobs, marker)
    waiting: dict[Future[list[Entry]], Sequence[Task]] = {}
    try:
        while True:
            while len(waiting) < jobs + 2 and (tasks_ := list(islice(queue, chunk))):
                try:
                    waiting[_submitted(pool, tasks_)] = tasks_
                except BrokenProcessPool:  # seen here before any future tells
                    failed: Future[list[Entry]] = Future()
                    failed.set_exception(BrokenProcessPool())
                    waiting[failed] = tasks_
            if not waiting:
                return
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for one in [one for one in done if one.exception() is None]:
                del waiting[one]
                yield one.result()
            if any(one.exception() is not None for one in done):
                yield from _whatever_is_done(waiting)
                suspects = [task for tasks_ in waiting.values() for task in tasks_]
                waiting.clear()
                pool.shutdown(wait=True, cancel_futures=True)
                yield from ([entry] for entry in _one_by_one(setting, desk, suspects, marker))
                pool = _pool(setting, jobs, marker)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _whatever_is_done(waiting: dict[Future[list[Entry]], Sequence[Task]]) -> Iterator[list[Entry]]:
    for one in [one for one in waiting if one.done() and one.exception() is None]:
        del waiting[one]
        yield one.result()


def _one_by_one(setting: Setting, desk: Desk, tasks: Sequence[Task], marker: Marker) -> Iterator[Entry]:
    """TASKS, among which is one that brings its process down, each by itself."""
    pool = _pool(setting, 1, marker)
    try:
        for task in tasks:
            try:
                yield _submitted(pool, [task]).result()[0]
            except Exception:  # most often BrokenProcessPool
                pool.shutdown(wait=True)
                yield given_up(desk, task, "crashed", "the process that marked it broke down")
                pool = _pool(setting, 1, marker)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _submitted(pool: ProcessPoolExecutor, tasks: Sequence[Task]) -> Future[list[Entry]]:
    """TASKS on their way to a process, which may have to be started first.

    Signals wait until it is: half a start would end in a traceback there. The process has them wait until `_begin`.
    """
    if not hasattr(signal, "pthread_sigmask"):
        return pool.submit(_mark, tasks)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        return pool.submit(_mark, tasks)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _pool(setting: Setting, jobs: int, marker: Callable[..., Entry]) -> ProcessPoolExecutor:
    # Started afresh: a fork would copy the gradebook's connection and lock.
    return ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (setting, marker))
