"""What a gradient costs, counted and not timed (`tests/bench` times it), and what a start does not import."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import product
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from formulas import ARITIES, CHOICES, make

from bpcli import compiled, sweeps
from bpcli.compiled import Backend, forward_loop, reverse_loop
from bpcli.gates import FAMILIES, GATES, Gate
from bpcli.graph import WHERE, Builder, Graph
from bpcli.language import parse
from bpcli.sweeps import evaluate_gate, forward, forward_on_demand, reverse
from bpcli.trouble import Trouble

#: The cheap gradient principle: values and gradient together cost at most five times the values, however many
#: variables there are. W. Baur and V. Strassen, Theoretical Computer Science 22 (1983); A. Griewank and A. Walther,
#: "Evaluating Derivatives" (2008), section 4.6, who like us count what is fetched and stored as well.
OMEGA = 5

ROWS = [row for row in GATES.values() if row is not WHERE]
ROWS += [build(count) for fewest, build in FAMILIES.values() for count in range(fewest, 6)]
#: A `where` chooses what is evaluated, so it is not run by the loops that are counted here.
SCALAR = [name for name in ARITIES if name not in CHOICES]


# --- counting --------------------------------------------------------------------------------------------


class Tally:
    """How many operations were made so far."""

    operations = 0


class Number(float):
    """A number of which each operation counts, one in the mathematics library as much as a sum."""


def counted(function: Callable[..., Any]) -> Callable[..., Any]:
    """FUNCTION, counted as one operation."""

    def call(*inputs: Any) -> Any:
        Tally.operations += 1
        result = function(*inputs)
        return Number(result) if type(result) in (float, int) else result

    return call


for name in "add radd sub rsub mul rmul truediv rtruediv neg abs lt le gt ge eq ne".split():
    setattr(Number, f"__{name}__", counted(getattr(float, f"__{name}__")))


class Column(list[Any]):
    """A list that counts each fetch and store as an operation, and knows of which nodes."""

    def __init__(self, numbers: Iterable[float]) -> None:
        super().__init__(map(Number, numbers))
        self.touched: set[int] = set()

    def __getitem__(self, node: Any) -> Any:
        Tally.operations += 1
        self.touched.add(node)
        return super().__getitem__(node)

    def __setitem__(self, node: Any, value: Any) -> None:
        Tally.operations += 1
        self.touched.add(node)
        super().__setitem__(node, value)


#: The functions that the loops call, counting.
COUNTING = Backend(SimpleNamespace(**{name: counted(call) for name, call in vars(math).items() if callable(call)}))
COUNTING |= {name: counted(COUNTING[name]) for name in ("ties", "place")}


class Cost(NamedTuple):
    """The operations of each sweep, and the nodes whose adjoints the reverse one fetched or stored."""

    forward: int
    reverse: int
    touched: set[int]

    @property
    def ratio(self) -> float:
        return (self.forward + self.reverse) / self.forward


def cost(graph: Graph, point: dict[str, float]) -> Cost:
    """Run the very loops of both sweeps on counting numbers."""
    plain = forward(graph, point)
    gradients = reverse(graph, plain, {graph.output: 1.0})
    kinds = tuple(graph.kind_table)
    with patch.object(compiled, "FLOATS", COUNTING):
        ahead, back = forward_loop.__wrapped__(kinds), reverse_loop.__wrapped__(kinds, "torch")
    leaves = {node: point[name] for name, node in graph.inputs.items()} | graph.constants
    values = Column(leaves.get(node, math.nan) for node in range(graph.size))
    adjoints = Column(node == graph.output for node in range(graph.size))
    Tally.operations = 0
    ahead(*graph.schedule, values)
    there = Tally.operations
    back(*graph.backward((graph.output,)), values, adjoints)
    back_again = Tally.operations - there
    assert (values, adjoints) == (plain, gradients)
    return Cost(there, back_again, adjoints.touched)


# --- the cheap gradient ----------------------------------------------------------------------------------

#: The gates that cost more on their own: a power with a variable exponent needs both another power and a logarithm,
#: a tie of n inputs goes to all of them, and each slope of atan2 asks for the distance twice.
DEARER = {"pow": 5.75, "atan2": 6, "max": 5 + 1 / 3, "min": 5 + 1 / 3}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}{len(row.inputs)}")
def test_every_gate(row: Gate) -> None:
    """A gate and its gradient cost at most five times the gate, on every branch of its formulas."""
    builder = Builder()
    graph = builder.finish([builder.gate(row, tuple(map(builder.input, row.inputs)))])
    ratios = []
    for inputs in product((-0.7, 0.3, 2.0), repeat=len(row.inputs)):
        with suppress(Trouble):  # outside its domain
            ratios.append(cost(graph, dict(zip(row.inputs, inputs, strict=True))).ratio)
    assert len(ratios) > 1
    assert max(ratios) <= DEARER.get(row.name, OMEGA)


@pytest.mark.parametrize("seed", range(100))
def test_every_mix(seed: int) -> None:
    """So does every random formula of a random choice of gates, the dearer ones among them."""
    chance = random.Random(seed)
    gates = chance.sample(SCALAR, chance.randint(4, len(SCALAR)))
    formula = make(chance, gates=gates, most=50)
    assert cost(parse(formula.text), formula.point).ratio <= OMEGA


def test_many_variables() -> None:
    """The bound does not grow with the number of variables: a thousand of them, as weights, and one sum."""
    terms = [f"tanh(w{k}*{k / 1000})" for k in range(1000)]
    assert cost(parse(" + ".join(terms)), {f"w{k}": 0.5 for k in range(1000)}).ratio <= OMEGA


# --- what the reverse sweep leaves out ---------------------------------------------------------------------


def reverse_operations(text: str) -> int:
    return cost(parse(text), {"x": 0.3, "y": -0.6}).reverse


def test_unused_gates_are_not_run_backward() -> None:
    """Lines that the output does not depend on add nothing to the reverse sweep, however many gates they have."""
    used = "f = tanh(x*y) + y"
    unused = "; ".join(f"u{k} = exp(x)*y^3 - f" for k in range(50))
    assert reverse_operations(f"{used}; {unused}; f*f") == reverse_operations(f"{used}; f*f")


def test_their_adjoints_are_not_touched() -> None:
    """The reverse sweep fetches and stores adjoints only on the ways from the output to the variables."""
    graph = parse("u = exp(x); a = x*y; v = a - u; f = tanh(a); n = sin(2); out = f*n")
    spent = cost(graph, {"x": 0.3, "y": -0.6})
    assert {graph.ids[node] for node in spent.touched} == {"x", "y", "a", "f", "out"}


def test_gates_on_numbers_alone_are_not_run_backward() -> None:
    """Numbers have no gradient: what is computed of them, and the slope towards them, costs nothing backward."""
    assert reverse_operations("x*y*3") == reverse_operations("x*y*tanh(sin(2)^5 + 1)")
    assert reverse_operations("x*3") < reverse_operations("x*y")
    assert reverse_operations("x^3") < reverse_operations("x^y")


@pytest.mark.parametrize("seed", range(100))
def test_a_choice_runs_in_the_loop_as_well(seed: int) -> None:
    """With a `where` all gates run in the loop, and then only what gate by gate has a value keeps it."""
    formula = make(random.Random(seed), gates=["add", "mul", "exp", "log", *CHOICES])
    graph = parse(formula.text)
    leaves = {node: formula.point[name] for name, node in graph.inputs.items()} | graph.constants
    wanted = forward_on_demand(graph, [leaves.get(node) for node in range(graph.size)], evaluate_gate)
    assert forward(graph, formula.point) == wanted


def test_gate_by_gate_is_the_exception() -> None:
    """Gate by gate costs twenty times as much, so it is for when a branch that is not taken has no value."""
    graph = parse("where(x > 0, x^2, 1/x)")
    with patch.object(sweeps, "evaluate_gate", side_effect=AssertionError):
        assert forward(graph, {"x": 2.0})[graph.output] == 4
        with pytest.raises(AssertionError):
            forward(graph, {"x": 0.0})


# --- what a start does not import --------------------------------------------------------------------------

GRAD = ["grad", "(x+y)*z", "--x=-2", "--y=5", "--z=-4"]
LIBRARIES = {"click", "lark", "numpy", "rich"}


def imported(code: str) -> set[str]:
    """The libraries that a fresh Python has imported after CODE, whatever that prints."""
    code += "\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", f"import sys\n{code}"], capture_output=True, text=True, check=True)
    return LIBRARIES & set(done.stderr.split())


@pytest.mark.parametrize(
    ("words", "wanted"),
    [(["--version"], "click"), ([], "click"), (["grad", "--help"], "click"), (GRAD, "click lark rich"),
     ([*GRAD, "--json"], "click lark"), ([*GRAD, "--quiet"], "click lark")],
    ids=lambda part: part if isinstance(part, str) else " ".join(part),
)  # fmt: skip
def test_a_command_imports_only_what_it_needs(words: list[str], wanted: str) -> None:
    """The version needs no parser and no tables, results as JSON no tables, and nothing on numbers needs numpy."""
    code = f"from bpcli.cli import run\ntry: run({words})\nexcept SystemExit as end: assert not end.code"
    assert imported(code) == set(wanted.split())


def test_the_library_imports_only_what_it_needs() -> None:
    """A gradient of numbers in Python needs the parser alone; printing it needs rich."""
    work = "import bpcli; result = bpcli.grad('(x+y)*z', x=-2, y=5, z=-4)"
    assert imported(work) == {"lark"}
    assert imported(f"{work}; print(result)") == {"lark", "rich"}
