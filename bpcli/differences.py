"""The independent witness: slopes measured by shifting inputs, knowing nothing of the table's derivatives.

Central differences with Richardson extrapolation over shrinking steps (C. J. F. Ridders, Advances in
Engineering Software 4, 1982), which gives an error estimate with each figure. A kink is told from a smooth
point by watching which smooth piece every max, min, abs, relu, … is on at the shifted points, and by comparing
the slopes on the two sides at two steps: for a smooth function their gap shrinks with the step, at a kink it
stays (`tests/test_differences.py` has the cases).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from bpcli.compiled import complex_numbers, condition, value_function
from bpcli.graph import Graph
from bpcli.sweeps import forward
from bpcli.trouble import Trouble

_EPSILON = 2.0**-52
_SHRINK = 1.6  # the ratio of successive steps; 1.4 (Ridders) needs half as many evaluations again
_STEPS = 9

#: Work, in gate evaluations, after which inputs are sampled instead of all checked: about half a second.
BUDGET = 3_000_000
#: A slope takes about this many evaluations of the formula.
EVALUATIONS = 2 * _STEPS + 4


class Slope(NamedTuple):
    """A measured derivative: the figure, an estimate of its error, and the largest step that went into it.

    At a kink ``left`` and ``right`` are the slopes on the two sides, ``gates`` the nodes that change piece
    there, and the figure is their mean; on the edge of a domain only one of them is there.
    """

    figure: float
    error: float
    step: float
    left: float | None = None
    right: float | None = None
    gates: tuple[int, ...] = ()
    jumps: bool = False
    """The value itself jumps here, so there is no slope at all."""

    @property
    def kinked(self) -> bool:
        """Whether the two sides have different slopes, or the value jumps."""
        return self.jumps or (self.left is not None and self.right is not None)

    @property
    def sure(self) -> bool:
        """Whether three digits can be trusted."""
        return self.error <= 1e-3 * abs(self.figure)


#: The value at a shift, and which piece each kinked gate is on; None outside the domain.
Probe = Callable[[float], tuple[float, tuple[float, ...]] | None]


class Witness:
    """Measures slopes of GRAPH's output at POINT."""

    def __init__(self, graph: Graph, point: Mapping[str, float]) -> None:
        self.graph = graph
        self.point = dict(point)
        kinked = {kind for kind, (row, _) in enumerate(graph.kind_table) if row.piece}
        self.kinked = [
            place for place, kind in enumerate(graph.kinds) if kind in kinked and graph.active[graph.gates[place]]
        ]

    def evaluate(self, point: Mapping[str, float]) -> tuple[float, tuple[float, ...]] | None:
        """The output at POINT and the pieces its gates are on; None where there is no answer."""
        try:
            values = forward(self.graph, point)
        except Trouble:
            return None
        return values[self.graph.output], tuple(self._pieces(values))

    def _pieces(self, values: Sequence[float | None]) -> Iterator[float]:
        graph = self.graph
        for place in self.kinked:
            row = graph.row(place)
            inputs = [values[k] for k in graph.args[place]]
            y = values[graph.gates[place]]
            yield math.nan if y is None else condition(row, row.piece)(*inputs, y)

    def slope(self, name: str) -> Slope | None:
        """The slope in the variable NAME; None when it cannot be measured."""
        x = self.point[name]
        return self._measure(lambda shift: self.evaluate({**self.point, name: x + shift}), abs(x))

    def directional(self, direction: Mapping[str, float]) -> Slope | None:
        """The slope along DIRECTION (name -> component)."""
        size = max((abs(self.point[name]) for name in direction), default=1.0)
        point = self.point

        def probe(shift: float) -> tuple[float, tuple[float, ...]] | None:
            return self.evaluate({**point, **{name: point[name] + shift * d for name, d in direction.items()}})

        return self._measure(probe, size)

    def _measure(self, probe: Probe, size: float) -> Slope | None:
        here = probe(0.0)
        if here is None:
            return None
        best: Slope | None = None
        # A step in proportion to 1 suits most formulas, one in proportion to x the very large and small ones.
        for first in dict.fromkeys((0.05 * max(size, 1.0), 0.05 * size or 1e-3, 1e-3 * max(size, 1.0), 1e-3 * size)):
            step = _smooth_step(probe, here, first) if first else None
            if step is None:
                continue
            slope = _richardson(probe, here[0], step)
            if slope and (best is None or (not slope.sure, slope.error) < (not best.sure, best.error)):
                best = slope
            if best and best.error <= 1e-9 * abs(best.figure):
                break
        if best is None or not best.sure:
            return self._two_sided(probe, here, size) or best
        return best

    def _two_sided(self, probe: Probe, here: tuple[float, tuple[float, ...]], size: float) -> Slope | None:
        """The slopes of the two sides, when they differ or only one side exists."""
        step = 1e-3 * max(size, 1.0)
        left, right = (_one_sided(probe, here[0], sign * step) for sign in (-1, 1))
        gates = self._changing(probe, size)
        if gates and self._jumps(probe, here[0], size):
            return Slope(0.0, 0.0, step, gates=gates, jumps=True)
        if left is None or right is None:
            side = left or right
            if side is None:
                return None
            figures = (left.figure if left else None, right.figure if right else None)
            return Slope(side.figure, side.error, side.step, *figures, gates)
        error = left.error + right.error
        gap = abs(left.figure - right.figure)
        mean = (left.figure + right.figure) / 2
        if gap <= 10 * error + 1e-7 * max(abs(left.figure), abs(right.figure)):
            return Slope(mean, error + gap, step) if gates else None
        if gap < 1e-3 * max(abs(left.figure), abs(right.figure)) and not gates:
            return None
        return Slope(mean, error, step, left.figure, right.figure, gates)

    @staticmethod
    def _jumps(probe: Probe, middle: float, size: float) -> bool:
        """Whether the value changes as much over a step of 1e-9 as over one of 1e-6."""
        for sign in (-1, 1):
            near, far = (probe(sign * step * max(size, 1.0)) for step in (1e-9, 1e-6))
            if near and far and abs(near[0] - middle) > 0.5 * abs(far[0] - middle) > 0:
                return True
        return False

    def _changing(self, probe: Probe, size: float) -> tuple[int, ...]:
        """The nodes whose gates are on different pieces just left and just right."""
        tiny = 1e-7 * max(size, 1.0)
        left, right = probe(-tiny), probe(tiny)
        if left is None or right is None:
            return ()
        return tuple(
            self.graph.gates[place]
            for place, a, b in zip(self.kinked, left[1], right[1], strict=True)
            if a != b and not (math.isnan(a) and math.isnan(b))
        )


def _same(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(x == y or (math.isnan(x) and math.isnan(y)) for x, y in zip(a, b, strict=True))


def _smooth_step(probe: Probe, here: tuple[float, tuple[float, ...]], first: float) -> float | None:
    """The largest of FIRST, FIRST/8, … at which both sides exist and lie on the pieces of the middle."""
    step = first
    while step > 1e-9 * first:
        left, right = probe(-step), probe(step)
        if left and right and _same(left[1], here[1]) and _same(right[1], here[1]):
            return step
        step /= 8
    return None


def _richardson(probe: Probe, middle: float, step: float) -> Slope | None:
    """Ridders' table of central differences: the entry with the smallest estimated error."""
    best, error, best_step = math.nan, math.inf, step
    previous: list[float] = []
    for _ in range(_STEPS):
        left, right = probe(-step), probe(step)
        if left is None or right is None:
            break
        row = [(right[0] - left[0]) / (2 * step)]
        rounding = 2 * _EPSILON * max(abs(left[0]), abs(right[0]), abs(middle)) / step
        factor = 1.0
        for k, older in enumerate(previous):
            factor *= _SHRINK**2
            row.append((row[k] * factor - older) / (factor - 1))
            estimate = max(abs(row[k + 1] - row[k]), abs(row[k + 1] - older)) + rounding
            if estimate <= error:
                best, error, best_step = row[k + 1], estimate, step
        if previous and abs(row[-1] - previous[-1]) >= 2 * error:
            break
        previous = row
        step /= _SHRINK
    return Slope(best, error, best_step) if math.isfinite(best) else None


def _one_sided(probe: Probe, middle: float, step: float) -> Slope | None:
    """The slope on one side (the sign of STEP tells which), extrapolated to step 0."""
    best, error, best_step = math.nan, math.inf, abs(step)
    previous: list[float] = []
    for _ in range(_STEPS):
        there = probe(step)
        if there is None:
            break
        row = [(there[0] - middle) / step]
        rounding = 2 * _EPSILON * max(abs(there[0]), abs(middle)) / abs(step)
        factor = 1.0
        for k, older in enumerate(previous):
            factor *= 4.0
            row.append((row[k] * factor - older) / (factor - 1))
            estimate = max(abs(row[k + 1] - row[k]), abs(row[k + 1] - older)) + rounding
            if estimate <= error:
                best, error, best_step = row[k + 1], estimate, abs(step)
        previous = row
        step /= 4.0
    return Slope(best, error, best_step) if math.isfinite(best) else None


def quotient(shifted: Callable[[float], float], step: float, scheme: str) -> float:
    """A plain difference quotient of the function of the shift: SCHEME is "forward", "backward" or "central"."""
    below, above = {"forward": (0.0, step), "backward": (-step, 0.0), "central": (-step, step)}[scheme]
    return (shifted(above) - shifted(below)) / (above - below)


def analytic(graph: Graph) -> bool:
    """Whether every gate on the way from a variable continues to complex numbers."""
    return all(row.analytic for row, mask in graph.kind_table if mask)


def complex_step(graph: Graph, point: Mapping[str, float], name: str) -> float | None:
    """Im f(x + ih)/h with h = 1e-30, for an `analytic` graph: no subtraction, so no rounding error to speak of.

    W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review
    40 (1998). None where the complex functions have no answer.
    """
    numbers = complex_numbers()
    step = 1e-30
    values: list[complex] = [0j] * graph.size
    for given, node in graph.inputs.items():
        values[node] = complex(point[given], step if given == name else 0.0)
    for node, value in graph.constants.items():
        values[node] = complex(value)
    try:
        functions = [numbers.function(row) if row.analytic else None for row, _ in graph.kind_table]
        for node, kind, args in zip(*graph.schedule, strict=True):
            function = functions[kind]
            if function is None:  # on the way from constants only
                real = [values[k].real for k in args]
                values[node] = complex(value_function(graph.kind_table[kind][0])(*real))
            else:
                values[node] = complex(function(*[values[k] for k in args]))
    except (ArithmeticError, ValueError):
        return None
    slope = values[graph.output].imag / step
    return slope if math.isfinite(slope) else None
