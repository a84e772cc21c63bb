"""Random formulas, as text, with points where they are defined and smooth.

A `Formula` is made as a list of parts, from which its text is written; `evaluate` runs those parts with any
functions (floats, mpmath, autograd). So a test can compare bpcli with a witness that shares neither its parser nor
its table. Whether a gate fits its inputs, with a margin from every edge and kink, is judged by FITS below.
"""

from __future__ import annotations

import math
import operator
import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import witness
from hypothesis import strategies as st
from mpmath import mpf

from bpcli.gates import COMPARES, FAMILIES, GATES

#: How far every kink, edge, tie and pole stays away from a gate's inputs.
MARGIN = 0.1
#: No value is larger, so nothing overflows and little is lost by cancelling.
LARGEST = 300.0


class Choices(Protocol):
    """Where the random choices come from: `random.Random`, or hypothesis, which can shrink them."""

    def randint(self, a: int, b: int) -> int: ...
    def choice(self, seq: Sequence[Any]) -> Any: ...


class Part(NamedTuple):
    """A gate on earlier parts, or (with no arguments) a variable's name or a number as the gate."""

    gate: str | float
    args: tuple[int, ...] = ()


class Formula(NamedTuple):
    """A program as text, the point for it, and the parts that it was written from."""

    text: str
    point: dict[str, float]
    parts: tuple[Part, ...]

    def __repr__(self) -> str:
        return f"{self.text!r} at {self.point}"


# --- the gates ---------------------------------------------------------------------------------------------


def _apart(*inputs: float) -> bool:
    """Whether the winner among INPUTS wins by a margin, at both ends."""
    low, *_ = ordered = sorted(inputs)
    return ordered[1] - low > MARGIN and ordered[-1] - ordered[-2] > MARGIN


def _away_from_zero(x: float) -> bool:
    return abs(x) > MARGIN


def _between_whole_numbers(x: float) -> bool:
    return abs(x - round(x)) > MARGIN


def _pow(a: float, b: float) -> bool:
    return a > MARGIN and abs(b) <= 4 and abs(b * math.log(a)) < 6


#: What a gate's inputs must be like; gates that are missing here take any number.
FITS: dict[str, Callable[..., bool]] = {
    "div": lambda a, b: abs(b) > MARGIN,
    "pow": _pow,
    **dict.fromkeys(("log", "log10", "log2", "sqrt"), lambda x: x > MARGIN),
    "log1p": lambda x: x > MARGIN - 1,
    **dict.fromkeys(("exp", "expm1", "sinh", "cosh"), lambda x: abs(x) < 5),
    **dict.fromkeys(("asin", "acos"), lambda x: abs(x) < 1 - MARGIN),
    "tan": lambda x: abs(math.cos(x)) > 2 * MARGIN,
    "atan2": lambda a, b: math.hypot(a, b) > 2 * MARGIN and (b > 0 or abs(a) > MARGIN),
    "hypot": lambda a, b: math.hypot(a, b) > 2 * MARGIN,
    **dict.fromkeys(("relu", "leaky_relu", "elu", "abs", "sign", "step"), _away_from_zero),
    **dict.fromkeys(("floor", "ceil"), _between_whole_numbers),
    "clip": lambda x, low, high: low < high - MARGIN and abs(x - low) > MARGIN and abs(x - high) > MARGIN,
    "max": _apart,
    "min": _apart,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
#: Gates of the part lists beyond those of the table: a power with a whole number, and the choices.
CHOICES = [f"where {sign}" for sign in COMPARISONS]
OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
SPELLINGS = {
    "log": ("log", "ln", "np.log"), "sigmoid": ("sigmoid", "σ", "logistic"), "asin": ("asin", "arcsin"),
    "acos": ("acos", "arccos"), "atan": ("atan", "arctan", "math.atan"), "atan2": ("atan2", "arctan2"),
    "max": ("max", "maximum"), "min": ("min", "minimum"), "silu": ("silu", "swish"), "step": ("step", "heaviside"),
}  # fmt: skip

#: Every scalar gate that can be typed: name -> numbers of inputs.
ARITIES: dict[str, tuple[int, ...]] = {
    **{name: (len(row.inputs),) for name, row in GATES.items()
       if not row.helper and row.binds != COMPARES and name != "where"},
    **{name: (fewest, fewest + 1) for name, (fewest, build) in FAMILIES.items() if not build(fewest).helper},
    "power": (1,),
    **dict.fromkeys(CHOICES, (4,)),
}  # fmt: skip
#: Those whose derivatives of every order exist wherever they do.
ANALYTIC = [name for name in ARITIES if name in GATES and GATES[name].analytic] + ["power", "where >", "where <="]
#: What lectures use most; it comes first, so that hypothesis shrinks towards it.
COMMON = ["add", "mul", "sub", "div", "power", "neg", "exp", "max", "sigmoid", "tanh", "relu", "sqrt", "log", "where >"]

VARIABLES = ("x", "y", "z", "w0", "theta", "b_1")
NAMES = ("q", "h1", "dx", "s1", "loss", "g2", "total", "a_b")
NUMBERS = (2.0, 1.0, 0.5, 3.0, -1.0, 0.25, 1.5, -2.0, 10.0, 0.1, math.pi)


# --- running a formula -------------------------------------------------------------------------------------


def evaluate(formula: Formula, functions: Mapping[str, Callable[..., Any]], point: Mapping[str, Any],
             number: Callable[[float], Any] = float, after: Callable[[int, Any], Any] = lambda k, value: value) -> Any:  # fmt: skip
    """The value of FORMULA at POINT with FUNCTIONS for its gates; AFTER may change the value of each part."""
    values: dict[int, Any] = {}

    def value(k: int) -> Any:
        if k not in values:
            values[k] = after(k, calculate(*formula.parts[k]))
        return values[k]

    def calculate(gate: str | float, args: tuple[int, ...]) -> Any:
        if not args:
            return point[gate] if isinstance(gate, str) else number(gate)
        assert isinstance(gate, str)
        if gate == "power":
            return functions["pow"](value(args[0]), formula.parts[args[1]].gate)
        if gate in CHOICES:
            first, second, taken, other = args
            return value(taken if COMPARISONS[gate.split()[1]](value(first), value(second)) else other)
        return functions[gate](*map(value, args))

    return value(len(formula.parts) - 1)


# --- making one --------------------------------------------------------------------------------------------


class Maker:
    """Adds parts and lines, each gate only on inputs that fit it."""

    def __init__(self, choices: Choices, gates: Sequence[str], variables: int) -> None:
        self.choices = choices
        self.gates = gates
        self.parts: list[Part] = []
        self.values: list[float] = []
        self.texts: list[str] = []
        self.sizes: list[int] = []
        self.lines: list[str] = []
        self.names = list(NAMES)
        self.gone: set[int] = set()
        self.point: dict[str, float] = {}
        for name in VARIABLES[:variables]:
            self.point[name] = choices.randint(-2400, 2400) / 800
            self._add(Part(name), self.point[name], name, 0)

    def _add(self, part: Part, value: float, text: str, size: int) -> int:
        self.parts.append(part)
        self.values.append(value)
        self.texts.append(text)
        self.sizes.append(size)
        return len(self.parts) - 1

    def number(self, value: float) -> int:
        text = "pi" if value == math.pi else f"({value:g})" if value < 0 else f"{value:g}"
        return self._add(Part(value), value, text, 0)

    def operand(self) -> int:
        """A recent part, or any, or a number."""
        kind = self.choices.randint(0, 9)
        if kind == 9:
            return self.number(self.choices.choice(NUMBERS))
        usable = [k for k in range(len(self.parts)) if k not in self.gone and self.texts[k]]
        return (
            usable[-1 - self.choices.randint(0, min(2, len(usable) - 1))] if kind < 5 else self.choices.choice(usable)
        )

    def gate(self) -> int | None:
        """A new gate of a random kind, with its operands changed until they fit; None when they cannot."""
        name = self.choices.choice(self.gates)
        count = self.choices.choice(ARITIES[name])
        args = [self.operand() for _ in range(count)]
        for _ in range(8):
            new = self.fitting(name, args)
            if new is not None:
                return new
            place = self.choices.randint(0, count - 1)
            args[place] = self.tamed(args[place])
        return None

    def fitting(self, name: str, args: Sequence[int]) -> int | None:
        """The gate NAME on ARGS, if it fits them and its value is moderate."""
        if name in CHOICES:
            return self.choice(name, args)
        if name == "power":
            return self.power(args[0])
        inputs = [self.values[k] for k in args]
        if not FITS.get(name, lambda *_: True)(*inputs):
            return None
        value = float(witness.witness(name)(*map(mpf, inputs)))
        return self._gate(name, args, value, self.written(name, [self.texts[k] for k in args]))

    def _gate(self, name: str, args: Sequence[int], value: float, text: str) -> int | None:
        size = 1 + sum(self.sizes[k] for k in args)
        return self._add(Part(name, tuple(args)), value, text, size) if abs(value) <= LARGEST and size <= 60 else None

    def written(self, name: str, texts: Sequence[str]) -> str:
        if name in OPERATORS:
            return f"({OPERATORS[name].join(texts)})"
        if name == "pow":
            return f"({texts[0]}{self.choices.choice(('^', '**'))}{texts[1]})"
        if name == "neg":
            return f"(-{texts[0]})"
        if name == "abs" and "|" not in texts[0] and self.choices.randint(0, 1):
            return f"|{texts[0]}|"
        return f"{self.choices.choice(SPELLINGS.get(name, (name,)))}({', '.join(texts)})"

    def power(self, base: int) -> int | None:
        """A whole number as exponent, of a base of either sign."""
        exponent = self.choices.choice((2, 3, -1, -2))
        if exponent < 0 and not _away_from_zero(self.values[base]):
            return None
        sign = self.choices.choice(("^2", "**2.", "²")) if exponent == 2 else f"^{exponent}"
        text = f"({self.texts[base]}{sign})"
        return self._gate("power", (base, self.number(float(exponent))), self.values[base] ** exponent, text)

    def choice(self, name: str, args: Sequence[int]) -> int | None:
        """A `where`, with a branch not taken that may have no value at all."""
        first, second, taken, other = args
        sign = name.split()[1]
        if abs(self.values[first] - self.values[second]) <= MARGIN:
            return None
        holds = COMPARISONS[sign](self.values[first], self.values[second])
        nowhere = self.choices.choice(
            (None, "log(-1 - square({}))", "1/({0} - {0})", "sqrt(-exp({}))", "relu(abs({}))")
        )
        spare = self.texts[other] if nowhere is None else nowhere.format(self.texts[other])
        branches = (self.texts[taken], spare) if holds else (spare, self.texts[taken])
        text = f"where({self.texts[first]} {sign} {self.texts[second]}, {', '.join(branches)})"
        args = (first, second, taken, other) if holds else (first, second, other, taken)
        return self._gate(name, args, self.values[taken], text)

    def tamed(self, node: int) -> int:
        """Another operand for the place of NODE: a number, or NODE brought into a safe range."""
        kind = self.choices.randint(0, 2)
        sine = self.fitting("sin", [node]) if kind else None
        if sine is None:
            return self.number(self.choices.choice((2.5, 0.3, -0.6, 1.2, 4.7)))
        changed = (
            self.fitting("mul", [self.number(0.7), sine])
            if kind == 1
            else self.fitting("add", [sine, self.number(2.5)])
        )
        return node if changed is None else changed

    def line(self, node: int) -> None:
        """A name for NODE from here on, by `=` or, when it is a sum or product with a named part, `+=`."""
        if not self.names or not self.parts[node].args:
            return
        gate, args = self.parts[node]
        first = args[0]
        if gate in OPERATORS and self.texts[first] in NAMES and first not in args[1:] and self.choices.randint(0, 1):
            name = self.texts[first]
            self.lines.append(f"{name} {OPERATORS[gate]}= {self.texts[args[1]]}")
            # Whatever was written with the old value's name must not be written again.
            self.gone |= {k for k, text in enumerate(self.texts) if _mentions(text, name)}
        else:
            name = self.names.pop(0)
            self.lines.append(f"{name} = {self.texts[node]}")
        self.texts[node], self.sizes[node] = name, 0
        self.gone.discard(node)

    def together(self, output: int) -> int:
        """OUTPUT joined with parts that nothing has used, so that most of what was made matters."""
        used = {k for part in self.parts for k in part.args} | self.gone
        for node in range(output - 1, -1, -1):
            if node not in used and self.parts[node].args and self.choices.randint(0, 3):
                output = self.fitting(self.choice_of("add", "mul", "sub"), [output, node]) or output
        return output

    def choice_of(self, *names: str) -> str:
        """One of NAMES."""
        return str(self.choices.choice(names))

    def finish(self, output: int) -> Formula:
        """The formula whose output is the part OUTPUT."""
        if not self.lines or self.lines[-1].split(" ")[0] != self.texts[output]:
            self.lines.append(self.texts[output])
        text = self.choices.choice(("; ", "\n")).join(self.lines)
        used = {name: value for name, value in self.point.items() if _mentions(text, name)}
        return Formula(text, used, (*self.parts[: output + 1],))


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9_]){name}(?![A-Za-z0-9_])", text) is not None


def make(choices: Choices, *, gates: Sequence[str] = (), most: int = 25, named: bool = True) -> Formula:
    """A random formula of at most about MOST gates (the names of GATES, or all), over several lines if NAMED."""
    kinds = [name for name in [*COMMON, *COMMON, *ARITIES] if not gates or name in gates]
    maker = Maker(choices, kinds, choices.randint(1, 4))
    output = 0
    for _ in range(choices.randint(1, most)):
        if sum(1 for part in maker.parts if part.args) >= most:
            break
        node = maker.gate()
        if node is None:
            continue
        output = node
        if named and choices.randint(0, 3) == 3:
            maker.line(node)
    if not maker.parts[output].args:
        output = maker.fitting("mul", [output, maker.number(3.0)]) or 0
    return maker.finish(maker.together(output))


class Drawn:
    """Choices made by hypothesis."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self.draw = draw

    def randint(self, a: int, b: int) -> int:
        return int(self.draw(_whole_numbers(a, b)))

    def choice(self, seq: Sequence[Any]) -> Any:
        return seq[self.randint(0, len(seq) - 1)]


def _whole_numbers(a: int, b: int) -> st.SearchStrategy[int]:
    return st.integers(a, b)


@st.composite
def formulas(draw: Callable[..., Any], gates: Sequence[str] = (), most: int = 25, named: bool = True) -> Formula:
    """The same as a strategy of hypothesis."""
    return make(Drawn(draw), gates=gates, most=most, named=named)


def many(count: int, **options: Any) -> list[Formula]:
    """COUNT random formulas, the same ones every time."""
    return [make(random.Random(seed), **options) for seed in range(count)]


#: The witness's functions, for floats as well as mpmath's numbers.
MPMATH = {name: partial(witness.witness(name)) for name in ARITIES if name in witness.WITNESSES}
