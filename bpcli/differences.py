"""The independent witness: slopes measured by shifting inputs, knowing nothing of the table's derivatives.

Difference quotients with Richardson extrapolation over halved steps (C. J. F. Ridders, Advances in Engineering
Software 4, 1982), which gives an error estimate with each figure. The estimate alone can be fooled: by a pole
within the step, or by an oscillation faster than it. So a figure counts only when quotients with steps a
hundred, ten thousand and a million times smaller agree with it as far as rounding lets them; and how far that
is, is measured too, by evaluating the formula with the last digit of every gate changed.

A kink at the very point is told by the smooth piece that each max, min, abs, relu, … is on just beside it; one
that no gate tells of, by the gap between the slopes on the two sides, which for a smooth function shrinks with
the step (`tests/test_differences.py` has the cases).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, NamedTuple

from bpcli.compiled import complex_function, condition, value_function
from bpcli.graph import WHERE, Graph
from bpcli.sweeps import Values, forward, taken
from bpcli.trouble import Trouble

_EPSILON = 2.0**-52
# Steps are powers of two, so that x + step and x - step are exact.
_STEPS = 9  # in one table of extrapolations
_TABLES = 12  # tried, each from a smaller first step
_SMALLER = 2.0**-7
_SMALLEST = 2.0**-960  # step from 0, still far from where doubles lose digits

#: Work, in gate evaluations, after which inputs are sampled instead of all checked: about half a second.
BUDGET = 3_000_000
#: A slope takes about this many evaluations of the formula.
EVALUATIONS = 2 * _STEPS + 12


class Slope(NamedTuple):
    """A measured derivative: the figure, an estimate of its error, and the smallest step that went into it.

    Where gates change piece, ``gates`` are their nodes and ``left`` and ``right`` the slopes on the two sides,
    with the figure their mean; on the edge of a domain only one of the two is there.
    """

    figure: float
    error: float
    step: float
    left: float | None = None
    right: float | None = None
    gates: tuple[int, ...] = ()
    jumps: bool = False
    """The value itself jumps here, so there is no slope at all."""
    scale: float = 0.0
    """The mean slope over the largest step: what an error beside the figure 0 is small against."""
    hidden: float = 0.0
    """A figure from steps larger than x may miss what happens on the scale of x; rounding hides slopes up to this."""

    @property
    def kinked(self) -> bool:
        """Whether the two sides have different slopes, or the value jumps."""
        return self.jumps or (self.left is not None and self.right is not None and self.left != self.right)

    @property
    def precise(self) -> bool:
        """Whether smaller steps are not worth trying."""
        return self.error <= max(1e-9 * abs(self.figure), 1e-12 * self.scale)

    def sure(self, largest: float = 0.0) -> bool:
        """Whether three digits of the figure (or of LARGEST) can be trusted, or eight decimals when it is 0."""
        return self.error <= max(1e-3 * max(abs(self.figure), largest), 1e-8 * max(1.0, self.scale))


class Reading(NamedTuple):
    """The output at a shifted point, and which piece each kinked gate is on there."""

    value: float
    pieces: tuple[float, ...]


class Quotient(NamedTuple):
    """A difference quotient, a bound on what rounding does to it, and the gap between the slopes of the two sides."""

    figure: float
    rounding: float
    gap: float = 0.0
    least: float = 0.0
    """What rounding does at least with half the step: the noise is the same, the width half as large."""


#: The reading at a shift; None outside the domain.
Probe = Callable[[float], Reading | None]
#: The quotient for a step; None when a kink or the edge of a domain lies within the step.
Quotients = Callable[[float], Quotient | None]


class Witness:
    """Measures slopes of GRAPH's output at POINT."""

    def __init__(self, graph: Graph, point: Mapping[str, float]) -> None:
        self.graph = graph
        self.point = dict(point)
        needed = _needed(graph)
        self.kinked = [
            place for place, node in enumerate(graph.gates)
            if graph.row(place).piece and graph.active[node] and needed[node]
        ]  # fmt: skip

    def evaluate(self, point: Mapping[str, float]) -> Reading | None:
        """The output at POINT and the pieces its gates are on; None where there is no answer."""
        try:
            values = forward(self.graph, point)
        except Trouble:
            return None
        value = self.reading(values)
        return Reading(value, tuple(self._pieces(values))) if math.isfinite(value) else None

    def reading(self, values: Values) -> float:
        """The number whose slopes are measured."""
        return float(values[self.graph.output])

    @cached_property
    def values_here(self) -> Values:
        """The value of every node at the point itself."""
        return forward(self.graph, self.point)

    @cached_property
    def here(self) -> Reading | None:
        """The output at the point itself."""
        return self.evaluate(self.point)

    def _pieces(self, values: Values) -> Iterator[float]:
        graph = self.graph
        for place in self.kinked:
            row, y = graph.row(place), values[graph.gates[place]]
            yield math.nan if y is None else condition(row, row.piece)(*[values[k] for k in graph.args[place]], y)

    @cached_property
    def noise(self) -> float:
        """How far rounding moves the output: it is evaluated again with the last digit of every gate changed."""
        values = self.values_here
        output = values[self.graph.output]
        moved = [abs(_nudged(self.graph, values, pattern) - output) for pattern in (7, 13, 19)]
        return float(2 * max(moved) + _EPSILON * abs(output))

    def slope(self, name: str) -> Slope | None:
        """The slope in the variable NAME; None when it cannot be measured."""
        x = self.point[name]
        here = self.here
        if here is None:
            return None
        line = Line(lambda shift: self.evaluate({**self.point, name: x + shift}), here, x, self.noise)
        gates = [self.graph.gates[self.kinked[k]] for k in line.changing]
        slope = line.slope()
        return slope and slope._replace(gates=tuple(gates))


class Line:
    """The output as a function of one shift: PROBE, its reading HERE, the variable's X and the NOISE of a value."""

    def __init__(self, probe: Probe, here: Reading, x: float, noise: float) -> None:
        self.probe, self.here, self.x, self.noise = probe, here, x, noise
        self.nearest = 8 * math.ulp(x) if x else _SMALLEST
        self.left, self.right = probe(-self.nearest), probe(self.nearest)

    @cached_property
    def changing(self) -> list[int]:
        """Which of the kinked gates are on different pieces here, just left and just right."""
        readings = [reading.pieces for reading in (self.left, self.here, self.right) if reading is not None]
        columns = zip(*readings, strict=True)
        return [k for k, pieces in enumerate(columns) if len({piece for piece in pieces if piece == piece}) > 1]

    def slope(self) -> Slope | None:
        """The slope here; None when it cannot be measured."""
        best = None if self.changing else self._smooth()
        if best is None or not best.sure():
            if self._jumps():
                return Slope(0.0, 0.0, self.nearest, jumps=True)
            best = self._two_sided() or best
        if best is None:
            return None
        if 0 < 0.05 * abs(self.x) < best.step:
            best = best._replace(hidden=2 * self.noise / (0.05 * abs(self.x)))
        if self.left and self.right:
            return best
        return best._replace(left=best.figure) if self.left else best._replace(right=best.figure)

    def _smooth(self) -> Slope | None:
        """The slope where there is no kink: central, or one-sided when a kink or an edge is near on one side."""
        central = self._quotients(-1, 1, self.here)
        best = _converged(central, self.x, order=2)
        if (best is None or not best.precise) and central(_first_step(self.x, 1.0)) is None:
            one_sided = [_converged(self._quotients(*ends, self.here), self.x, order=1) for ends in ((0, 1), (-1, 0))]
            best = min((slope for slope in (best, *one_sided) if slope), key=lambda slope: slope.error, default=None)
        return best

    def _two_sided(self) -> Slope | None:
        """The slopes of both sides, each on the pieces beside the point; None unless both can be trusted."""
        if self.left is None or self.right is None:
            side, ends = (self.left, (-1, 0)) if self.left else (self.right, (0, 1))
            return side and _converged(self._quotients(*ends, side), self.x, order=1)
        left = _converged(self._quotients(-1, 0, self.left), self.x, order=1)
        right = _converged(self._quotients(0, 1, self.right), self.x, order=1)
        if left is None or right is None:
            return None
        largest = max(abs(left.figure), abs(right.figure))
        error, gap = left.error + right.error, abs(left.figure - right.figure)
        if not (left.sure(largest) and right.sure(largest)):
            return None
        mean = Slope((left.figure + right.figure) / 2, error, max(left.step, right.step), scale=left.scale)
        if gap > 10 * error + 1e-7 * largest:
            return mean._replace(left=left.figure, right=right.figure)
        return mean._replace(error=error + gap, left=mean.figure, right=mean.figure) if self.changing else None

    def _jumps(self) -> bool:
        """Whether the value changes as much over the smallest shift as over one a thousand times as large."""
        for near, side in ((self.left, -1), (self.right, 1)):
            far = self.probe(side * 2.0**10 * self.nearest)
            if near and far:
                change = abs(near.value - self.here.value)
                if change > max(0.5 * abs(far.value - self.here.value), 10 * self.noise):
                    return True
        return False

    def _quotients(self, low: int, high: int, like: Reading) -> Quotients:
        """Quotients between the shifts LOW*step and HIGH*step, both on the pieces that LIKE is on."""

        noise = self.noise
        if self.changing:  # the kink may be a few digits off the point
            noise += max(abs(side.value - self.here.value) for side in (self.left, self.right) if side)

        @cache
        def quotient(step: float) -> Quotient | None:
            ends = [self.here if side == 0 else self.probe(side * step) for side in (low, high)]
            if any(end is None or (end is not self.here and not _same(end.pieces, like.pieces)) for end in ends):
                return None
            below, above = (end.value for end in ends if end)
            width = step * (high - low)
            rounding = 2 * max(noise, math.ulp(below), math.ulp(above)) / width
            gap = ((above - self.here.value) - (self.here.value - below)) / step if low and high else 0.0
            found = Quotient((above - below) / width, rounding, gap, 4 * noise / width)
            return found if all(map(math.isfinite, found)) else None

        return quotient


def _needed(graph: Graph) -> bytearray:
    """For each node whether the output depends on it."""
    needed = bytearray(graph.size)
    needed[graph.output] = True
    for node, args in zip(reversed(graph.gates), reversed(graph.args), strict=True):
        if needed[node]:
            for given in args:
                needed[given] = True
    return needed


def _nudged(graph: Graph, values: Values, pattern: int) -> float:
    """The output when every gate's value is one part in 2^52 off, up or down by PATTERN."""
    moved = list(values)
    for place, (node, args) in enumerate(zip(graph.gates, graph.args, strict=True)):
        if values[node] is None:
            continue
        row = graph.row(place)
        if row is WHERE:
            moved[node] = moved[taken(args, values)]
            continue
        try:
            value = value_function(row)(*[moved[k] for k in args])
        except (ArithmeticError, ValueError):
            continue  # just outside the domain
        if row.piece:  # a choice does not round, but it may jump
            change = max(abs(moved[k] - values[k]) for k in args)
            moved[node] = value if abs(value - values[node]) <= 2 * change else values[node]
        else:
            sign = 1 if (place * 2654435761) >> pattern & 1 else -1
            moved[node] = value * (1 + sign * _EPSILON)
    return float(moved[graph.output])


def _same(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(x == y or (x != x and y != y) for x, y in zip(a, b, strict=True))


def _first_step(x: float, least: float) -> float:
    """A power of two, about a twentieth of |X| or of LEAST."""
    return 2.0 ** math.floor(math.log2(max(0.05 * max(abs(x), least), _SMALLEST)))


def _converged(quotients: Quotients, x: float, order: int) -> Slope | None:
    """The best figure that holds at smaller steps too; ORDER 2 for central quotients, 1 for one-sided ones."""
    smallest = 64 * math.ulp(x) if x else _SMALLEST
    best: Slope | None = None
    # A step in proportion to 1 suits most formulas, one in proportion to x the very large and small ones.
    for first in dict.fromkeys((_first_step(x, 1.0), _first_step(x or 1.0, 0.0))):
        step = first
        for _ in range(_TABLES):
            step = _largest(quotients, step, smallest)
            start = quotients(step) if step else None
            if start is None or (best is not None and (best.precise or start.rounding > best.error)):
                break
            slope = _extrapolate(quotients, step, order)
            if slope and _holds(quotients, slope, smallest) and (best is None or slope.error < best.error):
                best = slope
            step *= _SMALLER
    return best


def _largest(quotients: Quotients, first: float, smallest: float) -> float:
    """The largest of FIRST, FIRST/8, … for which there is a quotient; 0 when there is none."""
    step, tries = first, 0
    while step >= smallest:
        if quotients(step) is not None:
            return step
        tries += 1
        step /= 8 if tries < 12 else 2.0**30
    return 0.0


def _extrapolate(quotients: Quotients, step: float, order: int) -> Slope | None:
    """Ridders' table from the first STEP on: the entry with the smallest estimated error."""
    best: Slope | None = None
    scale = 0.0
    previous: list[float] = []
    for _ in range(_STEPS):
        there = quotients(step)
        if there is None:
            break
        scale = scale or max(abs(there.figure), abs(there.gap))
        row, factor = [there.figure], 1.0
        for k, older in enumerate(previous):
            factor *= 2.0**order
            row.append((row[k] * factor - older) / (factor - 1))
            error = max(abs(row[k + 1] - row[k]), abs(row[k + 1] - older)) + there.rounding
            if best is None or error <= best.error:
                best = Slope(row[k + 1], error, step, scale=scale)
        if best and (abs(row[-1] - previous[-1]) >= 2 * best.error or best.error <= 1e-13 * abs(best.figure)):
            break
        if best and there.least > best.error:  # no later entry can be better
            break
        previous = row
        step /= 2
    return best


def _holds(quotients: Quotients, slope: Slope, smallest: float) -> bool:
    """Whether quotients with much smaller steps agree with SLOPE, and their gap, if it can be seen, shrinks."""
    step, off, gap = slope.step, math.inf, math.inf
    while step >= max(smallest, slope.step * _SMALLER**3):
        there = quotients(step)
        if there is None:
            return False
        if abs(there.figure - slope.figure) > max(0.5 * off, 4 * (slope.error + there.rounding)):
            return False
        if abs(there.gap) > max(0.5 * gap, 8 * there.rounding):
            return False
        off, gap = abs(there.figure - slope.figure), abs(there.gap)
        step *= _SMALLER
    return True


def quotient(shifted: Callable[[float], float], step: float, scheme: str) -> float:
    """A plain difference quotient of the function of the shift: SCHEME is "forward", "backward" or "central"."""
    below, above = {"forward": (0.0, step), "backward": (-step, 0.0), "central": (-step, step)}[scheme]
    return (shifted(above) - shifted(below)) / (above - below)


def analytic(graph: Graph) -> bool:
    """Whether every gate on the way from a variable continues to complex numbers."""
    return all(row.analytic for row, mask in graph.kind_table if mask)


#: Steps in the imaginary direction, for x of about 1: where one underflows the next may not.
_IMAGINARY = (2.0**-100, 2.0**-70, 2.0**-40)


def complex_step(graph: Graph, point: Mapping[str, float], name: str) -> float | None:
    """Im f(x + ih)/h with a tiny h, for an `analytic` graph: no subtraction, so no rounding error to speak of.

    W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review
    40 (1998). None where the complex functions have no answer, or another one for 2h.
    """
    reals = forward(graph, point)
    functions = [complex_function(row) if mask else None for row, mask in graph.kind_table]
    size = abs(point[name]) or 1.0
    slope: float | None = None
    for step in _IMAGINARY:
        one, two = (_imaginary(graph, functions, reals, graph.inputs[name], k * step * size) for k in (1, 2))
        if one is None or two is None:
            slope = None
            continue
        if one and abs(two) > 3 * abs(one):
            return 0.0  # nothing but the error of the method, which grows with the square of h
        slope = one if abs(one - two) <= 1e-14 * abs(one) else None
        if slope:
            return slope
    return slope


def _imaginary(graph: Graph, functions: Sequence[Any], reals: Values, variable: int, step: float) -> float | None:
    """Im f(x + ih)/h for h = STEP in the node VARIABLE, given the REALS of every node."""
    values = list(reals)
    values[variable] += 1j * step
    try:
        for node, kind, args in zip(*graph.schedule, strict=True):
            if graph.kind_table[kind][0] is WHERE:
                values[node] = values[taken(args, reals)]
            elif functions[kind] is not None and reals[node] is not None:
                values[node] = functions[kind](*[values[k] for k in args])
        part = float(values[graph.output].imag)
        slope = part / step
    except (ArithmeticError, ValueError):
        return None
    underflows = 0 < abs(part) < _SMALLEST
    return slope if math.isfinite(slope) and not underflows else None
