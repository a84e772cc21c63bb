"""The gradient check on arrays: every entry of small ones, random directions and sampled entries of large ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np

from bpcli.arrays.sweeps import piece_function
from bpcli.checking import CANNOT_TELL, KINK, MISMATCH, OK, Check, Comparison, judge
from bpcli.differences import Line, Reading, Slope, Witness
from bpcli.graph import Graph
from bpcli.sweeps import Values

#: Entries of a variable measured one by one; of a larger one this many are sampled.
MOST_ENTRIES = 64
SAMPLED = 16
#: Random directions for a variable that is too large to measure entry by entry.
DIRECTIONS = 4

_WORST_FIRST = (MISMATCH, CANNOT_TELL, KINK, OK)


class ArrayWitness(Witness):
    """Measures slopes of Σ upstream · output, a number, at a point with arrays."""

    def __init__(self, graph: Graph, point: Mapping[str, Any], upstream: Any) -> None:
        super().__init__(graph, point)
        self.upstream = upstream

    def reading(self, values: Values) -> float:
        """Σ upstream · output."""
        total = self.upstream * values[self.graph.output]
        return float(np.sum(total) if np.ndim(total) else total)

    def _pieces(self, values: Values) -> Iterator[float]:
        graph = self.graph
        for place in self.kinked:
            row, y = graph.row(place), values[graph.gates[place]]
            if y is None:
                yield float("nan")
                continue
            pieces = piece_function(row)(*[values[k] for k in graph.args[place]], y)
            # One number for the pieces of all entries: equal pieces give equal numbers.
            yield float(crc32(np.ascontiguousarray(pieces, dtype=float).tobytes()))

    @cached_property
    def noise(self) -> float:
        """How far rounding may move the output: a few units in the last place of its terms for every gate."""
        values = self.values_here
        size = float(np.sum(np.abs(self.upstream * values[self.graph.output])))
        gates = max(1, len(self.graph.gates))
        return float(4 * 2.0**-52 * (size + abs(self.reading(values))) * gates**0.5)

    def along(self, name: str, direction: Any, size: float) -> Slope | None:
        """The slope along DIRECTION in the variable NAME, whose moving entries are about SIZE."""
        here = self.here
        if here is None:
            return None
        start = self.point[name]

        def probe(shift: float) -> Reading | None:
            return self.evaluate({**self.point, name: start + shift * direction})

        line = Line(probe, here, size, self.noise)
        gates = [self.graph.gates[self.kinked[k]] for k in line.changing]
        slope = line.slope()
        return slope and slope._replace(gates=tuple(gates))


def check(graph: Graph, point: Mapping[str, Any], gradients: Mapping[str, Any], upstream: Any) -> Check:
    """Compare GRADIENTS with the witness; for each variable the comparison kept is that of its worst entry."""
    witness = ArrayWitness(graph, point, upstream)
    found = {name: _compare(witness, name, gradient) for name, gradient in gradients.items()}
    sampled = any(np.size(gradient) > MOST_ENTRIES for gradient in gradients.values())
    return Check(found, sampled)


def _compare(witness: ArrayWitness, name: str, gradient: Any) -> Comparison:
    start, whole = np.asarray(witness.point[name], dtype=float), np.asarray(gradient, dtype=float)
    random = np.random.default_rng(crc32(name.encode()))  # the same directions at every run
    places = list(np.ndindex(whole.shape))
    if not places:
        return Comparison(name, 0.0, None, OK, measured="no entries")
    comparisons = []
    measured = f"every one of {len(places)} entries" if whole.shape else ""
    if len(places) > MOST_ENTRIES:
        measured = f"{SAMPLED} of {len(places):,} entries and {DIRECTIONS} random directions"
        places = [places[k] for k in sorted(random.choice(len(places), SAMPLED, replace=False))]
        for _ in range(DIRECTIONS):
            direction = random.choice([-1.0, 1.0], whole.shape)
            slope = witness.along(name, direction, float(np.max(np.abs(start))))
            total = float(np.sum(direction * whole))
            comparisons.append(Comparison(name, total, slope, judge(total, slope), measured=measured))
    for at in places:
        direction = np.zeros(whole.shape)
        direction[at] = 1.0
        slope = witness.along(name, direction, float(start[at]))
        one = float(whole[at])
        comparisons.append(Comparison(name, one, slope, judge(one, slope), entry=at, measured=measured))
    return _worst(comparisons)


def _worst(comparisons: Sequence[Comparison]) -> Comparison:
    """The first with the worst verdict; among equals, the one with the largest relative error."""
    return min(comparisons, key=lambda one: (_WORST_FIRST.index(one.verdict), -(one.error or 0.0)))
