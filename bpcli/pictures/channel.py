"""Wires of right angles in the channel between two columns: each bundle gets an upright of its own.

Two bundles may share a track only where their uprights do not meet, and where one arrives in the row that another
leaves, the one that arrives must turn further right. Bundles that ask this of each other in a circle are taken
apart: one of them turns twice, through a row that nobody else uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bpcli.pictures.layout import Bundle


class Upright(NamedTuple):
    """A bundle's vertical piece: it is reached from the left in row SOURCE and left to the right in the rows ENDS."""

    bundle: int
    source: int
    ends: tuple[int, ...]
    inner: bool = False
    """Whether it is reached not from the column but from the same bundle's first upright."""

    def span(self) -> tuple[int, int]:
        """Its highest and lowest row."""
        return min(self.source, *self.ends), max(self.source, *self.ends)


class Post(NamedTuple):
    """A vertical line on a track, from row TOP to row BOTTOM."""

    bundle: int
    track: int
    top: int
    bottom: int


class Run(NamedTuple):
    """A horizontal line in ROW from one track to another; None is the left or the right end of the channel."""

    bundle: int
    row: int
    start: int | None
    end: int | None


class Channel(NamedTuple):
    """The lines between two columns, and how many tracks they take."""

    tracks: int
    posts: list[Post]
    runs: list[Run]


def channel(bundles: Sequence[Bundle]) -> Channel:
    """The lines for BUNDLES, of which no two leave or arrive in the same row."""
    found = _uprights(bundles)
    tracks = _tracks(found)
    posts = [Post(upright.bundle, track, *upright.span()) for upright, track in zip(found, tracks, strict=True)]
    runs = [Run(k, y, None, None) for k, (y, ends) in enumerate(bundles) if not _turns(y, ends)]
    first = {(upright.bundle, row): track for upright, track in zip(found, tracks, strict=True)
             if not upright.inner for row in upright.ends}  # fmt: skip
    second = {(upright.bundle, upright.source): track
              for upright, track in zip(found, tracks, strict=True) if upright.inner}  # fmt: skip
    for upright, track in zip(found, tracks, strict=True):
        start = first[upright.bundle, upright.source] if upright.inner else None
        runs.append(Run(upright.bundle, upright.source, start, track))
        runs += [Run(upright.bundle, row, track, None) for row in upright.ends if (upright.bundle, row) not in second]
    return Channel(max(tracks, default=-1) + 1, posts, runs)


def _turns(y: int, ends: Sequence[int]) -> bool:
    return any(end != y for end in ends)


def _uprights(bundles: Sequence[Bundle]) -> list[Upright]:
    found = [Upright(k, y, tuple(ends)) for k, (y, ends) in enumerate(bundles) if _turns(y, ends)]
    used = {y for y, _ in bundles} | {end for _, ends in bundles for end in ends}
    while (circle := _circle(found)) is not None:
        old = found.pop(circle)
        row = _free_row(old, used)
        used.add(row)
        found += [Upright(old.bundle, old.source, (row,)), Upright(old.bundle, row, old.ends, True)]
    return found


def _before(found: Sequence[Upright]) -> list[set[int]]:
    """For each upright, those that must stand left of it."""
    leaves = {upright.source: k for k, upright in enumerate(found)}
    before: list[set[int]] = []
    for upright in found:
        left = {leaves[end] for end in upright.ends if end in leaves}
        before.append({k for k in left if found[k].bundle != upright.bundle})
        if upright.inner:
            before[-1] |= {k for k, other in enumerate(found)
                           if other.bundle == upright.bundle and upright.source in other.ends}  # fmt: skip
    return before


def _sorted(found: Sequence[Upright]) -> list[int]:
    """Uprights in an order in which each comes after those left of it; those in circles, and after them, are missing."""
    before = _before(found)
    order: list[int] = []
    placed: set[int] = set()
    ready = True
    while ready:
        ready = False
        for k in range(len(found)):
            if k not in placed and before[k] <= placed:
                order.append(k)
                placed.add(k)
                ready = True
    return order


def _circle(found: Sequence[Upright]) -> int | None:
    """An upright on a circle, or None when there is none."""
    order = set(_sorted(found))
    before = _before(found)
    here = next((k for k in range(len(found)) if k not in order), None)
    seen: list[int] = []
    while here is not None and here not in seen:
        seen.append(here)
        here = min(before[here] - order)
    return here


def _free_row(upright: Upright, used: set[int]) -> int:
    """The unused row nearest to the middle of UPRIGHT."""
    low, high = upright.span()
    middle = (low + high) // 2
    return min((row for row in range(low, high + len(used) + 2) if row not in used), key=lambda row: abs(row - middle))


def _tracks(found: Sequence[Upright]) -> list[int]:
    """The track of each upright, as far left as the others let it."""
    before = _before(found)
    track = [0] * len(found)
    taken: list[list[tuple[int, int]]] = []
    for k in _sorted(found):
        low, high = found[k].span()
        place = 1 + max((track[other] for other in before[k]), default=-1)
        while place < len(taken) and any(top <= high and low <= bottom for top, bottom in taken[place]):
            place += 1
        taken += [[] for _ in range(place + 1 - len(taken))]
        taken[place].append((low, high))
        track[k] = place
    return track
