"""What a problem is once its file has been read: data, with the formula as a graph and every blank by itself.

A problem never holds an answer. `bpcli.exercises.variants` draws the numbers, `bpcli.exercises.keys` computes
the answers, `bpcli.exercises.reading` reads the files (`bpcli help problems` describes them).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from typing import Any, ClassVar

from bpcli.graph import Graph
from bpcli.rounding import Rule

#: A number, or nested tuples of numbers, exactly as written in the file.
Literal = Any


@dataclass(frozen=True)
class Given:
    """One given: a fixed number or array, or the numbers that a variant draws from (for each entry, if an array)."""

    name: str
    shape: tuple[int, ...] = ()
    pool: tuple[Decimal, ...] = ()
    """The numbers to draw from, in order; empty for a fixed array."""
    array: Literal = None
    """A fixed array as nested tuples."""

    @property
    def fixed(self) -> bool:
        """Whether every variant has the same."""
        return self.array is not None or len(self.pool) == 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Blank:
    """One thing a sheet asks for. ``name`` is what the student writes before the equals sign."""

    kind: ClassVar[str]

    name: str
    points: Decimal
    text: str = ""
    """A sentence of the author's that stands beside it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ValueBlank(Blank):
    """The value of NODE."""

    kind = "value"
    node: int


@dataclass(frozen=True, eq=False, kw_only=True)
class GradientBlank(Blank):
    """The gradient ∂L/∂NODE, summed over branches."""

    kind = "gradient"
    node: int


@dataclass(frozen=True, eq=False, kw_only=True)
class LocalBlank(Blank):
    """The local gradient of the gate NODE for its input number PLACE (from 0)."""

    kind = "local"
    node: int
    place: int


@dataclass(frozen=True, eq=False, kw_only=True)
class FormulaBlank(Blank):
    """The derivative of NODE with respect to a VARIABLE, as a formula."""

    kind = "formula"
    node: int
    variable: str


@dataclass(frozen=True, eq=False, kw_only=True)
class ProgramBlank(Blank):
    """The passes written as lines of code: STAGE is "forward", "backward" or "both"."""

    kind = "program"
    stage: str
    needs: tuple[str, ...]
    """The names that the lines must define: the output (forward), the gradient of every variable (backward)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ChoiceBlank(Blank):
    """One of the OPTIONS. RULE says how the key is found: "pattern" and "route" look at the gate NODE;
    "conditions" takes the option whose condition (a graph worth 1 or 0, in the same order) holds."""

    kind = "choice"
    rule: str
    options: tuple[str, ...]
    node: int = -1
    conditions: tuple[Graph, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class StepBlank(Blank):
    """The parameter NODE after one step of gradient descent: w - rate*(dw + decay*w). Rates are formulas."""

    kind = "step"
    node: int
    rate: Graph
    decay: Graph


@dataclass(frozen=True, eq=False, kw_only=True)
class NumberBlank(Blank):
    """A FORMULA over the givens, the values and (as ``dx``, ``dq``, …) the gradients."""

    kind = "number"
    formula: Graph


@dataclass(frozen=True, eq=False, kw_only=True)
class QuotientBlank(Blank):
    """The difference quotient in a VARIABLE: SCHEME is "forward", "backward" or "central", H a formula."""

    kind = "quotient"
    variable: str
    h: Graph
    scheme: str


#: Kind -> class.
#: What may not be said of kinks: every draw stays away from them.
AVOID = "avoid"


@dataclass(frozen=True, eq=False)
class Problem:
    """A problem file, read and found in order."""

    id: str
    title: str
    statement: str
    graph: Graph
    """The formula as gates, expanded or fused as the file says; with shapes when there are arrays."""
    given: dict[str, Given]
    blanks: tuple[Blank, ...]
    rounding: Rule
    """How numbers are rounded, at every gate."""
    source: str = ""
    tags: tuple[str, ...] = ()
    difficulty: int = 1
    hints: tuple[str, ...] = ()
    wrt: tuple[str, ...] = ()
    """The variables that are differentiated with respect to; the other givens are data."""
    upstream: Graph | None = None
    """The gradient that arrives at the output, as a formula over the givens; None for 1."""
    kinks: str = AVOID
    """"avoid", or the convention to use where a draw meets a kink."""
    require: tuple[Graph, ...] = ()
    """Conditions (graphs worth 1 or 0) that every variant meets."""
    overlook: frozenset[str] = frozenset()
    """Slips that need not show in the answers."""
    carry: int = 4
    """Most decimals of a number, where numbers are to be exact."""
    apart: float = 0.5
    """The smallest share of draws in which every two slips can be told apart."""
    text: str = ""
    """The file."""

    @cached_property
    def sha256(self) -> str:
        """The hash of the file's text."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def points(self) -> Decimal:
        """What all its blanks are worth."""
        return sum((blank.points for blank in self.blanks), Decimal(0))

    @property
    def hides_formula(self) -> bool:
        """Whether the formula's own lines are what the student is to write."""
        return any(isinstance(blank, ProgramBlank) and blank.stage != "backward" for blank in self.blanks)

    @property
    def convention(self) -> str:
        """The convention for kinks to compute with."""
        return "torch" if self.kinks == AVOID else self.kinks

    def label(self, node: int) -> str:
        """The name of a node in this problem: a variable, an assigned name, or g1, g2, …"""
        return self.graph.ids[node]
