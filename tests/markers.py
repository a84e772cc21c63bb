"""Markers that misbehave on somebody's hand-in, for processes of their own to import."""

from __future__ import annotations

import os
import signal
import time

from bpcli.grading.desk import Desk
from bpcli.grading.gradebook import Entry
from bpcli.submissions.handed_in import HandIn


def dies_of_bob(desk: Desk, hand_in: HandIn, at: str) -> Entry:
    """As a segmentation fault in a library would do."""
    if hand_in.student == "s01":
        os.kill(os.getpid(), signal.SIGKILL)
    return desk.mark(hand_in, at)


def raises_at_bob(desk: Desk, hand_in: HandIn, at: str) -> Entry:
    if hand_in.student == "s01":
        raise RuntimeError("no more")
    return desk.mark(hand_in, at)


def takes_memory_with_bob(desk: Desk, hand_in: HandIn, at: str) -> Entry:
    """64 MB at a time, up to 4 GB."""
    if hand_in.student == "s01":
        taken = [bytearray(2**26) for _ in range(64)]
        assert not taken, "nothing stops it"
    return desk.mark(hand_in, at)


def never_ends_with_bob(desk: Desk, hand_in: HandIn, at: str) -> Entry:
    while hand_in.student == "s01":
        pass
    return desk.mark(hand_in, at)


def slowly(desk: Desk, hand_in: HandIn, at: str) -> Entry:
    """So that a run takes long enough to be killed in the middle."""
    time.sleep(0.01)
    return desk.mark(hand_in, at)
