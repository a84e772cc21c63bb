"""Every gate on arrays along every axis and in odd shapes, and random formulas on arrays, against HIPS autograd.

`test_array_engine.py` has the formulas of the lectures; here shapes and formulas are made in numbers, and an output
that is an array gets a random upstream gradient.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import bpcli
from bpcli.arrays import functions as arrays
from bpcli.arrays import sweeps as array_sweeps
from bpcli.arrays.gates import ARRAY_GATES
from bpcli.arrays.shapes import resolve
from bpcli.arrays.sweeps import CHEAPER, value_function
from bpcli.compiled import local_function as float_slope
from bpcli.compiled import value_function as float_function
from bpcli.gates import COMPARES, FAMILIES, GATES, find
from bpcli.passes import prepare
from bpcli.trouble import Trouble

pytestmark = pytest.mark.filterwarnings("ignore:Output seems independent")  # a variable in a condition only

Array = Any
Point = dict[str, Array]
SHAPES = [(3,), (1,), (2, 3), (1, 4), (4, 1), (1, 1), (60, 2), (2, 60), (2, 3, 2)]


def values(*shapes: tuple[int, ...], seed: int = 5) -> Point:
    """Entries of no ties and no kinks, in arrays of these shapes called a, b, …"""
    source = np.random.default_rng(seed)
    return {name: source.normal(size=shape) for name, shape in zip("abc", shapes, strict=False)}


def assert_close(found: Array, wanted: Array, to: float = 1e-10) -> None:
    assert np.shape(found) == np.shape(wanted)
    size = float(np.max(np.abs(wanted), initial=1.0))
    np.testing.assert_allclose(found, wanted, rtol=to, atol=to * size)


def hold(text: str, witness: Callable[..., Array], point: Point, check: bool = True) -> None:
    """Value, gradients, their shapes, the Jacobian–vector product and differences agree."""
    graph, _, computed = prepare(text, point, {})
    output = computed[graph.output]
    inputs = [np.asarray(value, dtype=float) for value in point.values()]
    assert_close(output, witness(*inputs))
    source = np.random.default_rng(11)
    upstream = source.normal(size=np.shape(output))
    result = bpcli.grad(text, point, upstream=upstream, check=check)
    directions = {name: source.normal(size=np.shape(value)) for name, value in point.items()}
    graph = graph if graph.shapes else resolve(graph, {})  # a formula of numbers alone has shapes too
    pushed = bpcli.grad(graph, point, mode="forward", tangents=directions).pushed
    assert np.shape(pushed) == np.shape(output)
    sides = np.sum(pushed * upstream), sum(np.sum(directions[name] * result.gradients[name]) for name in point)
    assert sides[0] == pytest.approx(sides[1], rel=1e-9, abs=1e-10)  # <J v, u> = <v, J' u>
    for k, name in enumerate(point):
        wanted = autograd.grad(lambda *given: anp.sum(upstream * witness(*given)), k)(*inputs)
        assert_close(result.gradients[name], wanted)
        assert type(result.gradients[name]) is (np.ndarray if np.ndim(wanted) else float)
    if result.check is not None:
        assert {one.verdict for one in result.check.comparisons.values()} <= {"ok"}


# --- one gate at a time ------------------------------------------------------------------------------------


def softmax(x: Array, axis: int = -1) -> Array:
    weights = anp.exp(x - anp.max(x, axis=axis, keepdims=True))
    return weights / anp.sum(weights, axis=axis, keepdims=True)


def cross_entropy(z: Array, t: Array) -> Array:
    return -anp.sum(t * anp.log(softmax(z))) / (z.shape[0] if z.ndim == 2 else 1)


#: Gates along an axis in autograd's functions; those without an axis take all entries (softmax: the last axis).
ALONG: dict[str, Callable[..., Array]] = {
    "sum": anp.sum,
    "mean": anp.mean,
    "prod": anp.prod,
    "norm": lambda x, axis=None: anp.sqrt(anp.sum(x * x, axis=axis)),
    "max": anp.max,
    "min": anp.min,
    "softmax": softmax,
    "log_softmax": lambda x, axis=-1: anp.log(softmax(x, axis)),
    "logsumexp": lambda x, axis=None: anp.log(anp.sum(anp.exp(x), axis=axis)),
}
#: Any other gate: formula, the same in autograd's functions, shapes.
CASES: dict[str, list[tuple[str, Callable[..., Array], tuple[tuple[int, ...], ...]]]] = {
    "matmul": [("a @ b", lambda a, b: a @ b, pair) for pair in (
        ((2, 3), (3, 4)), ((2, 3), (3,)), ((3,), (3, 2)), ((3,), (3,)), ((1, 1), (1, 1)), ((1, 50), (50, 1)),
        ((50, 1), (1, 2)), ((1,), (1,)))],
    "dot": [("dot(a, b)", anp.dot, ((n,), (n,))) for n in (1, 3)],
    "outer": [("outer(a, b)", anp.outer, ((n,), (m,))) for n, m in ((2, 3), (1, 4), (4, 1), (1, 1))],
    "transpose": [("a.T", lambda a: a.T, (shape,)) for shape in ((2, 3), (1, 4), (3,), (1, 1))],
    "cross_entropy": [("cross_entropy(a, exp(b))", lambda a, b: cross_entropy(a, anp.exp(b)), (shape, shape))
                      for shape in ((3,), (2, 3), (1, 2), (4, 1))],
    "onehot": [("cross_entropy(a, [2, 0])", lambda a: cross_entropy(a, anp.eye(3)[anp.array([2, 0])]), ((2, 3),)),
               ("cross_entropy(a, 1)", lambda a: cross_entropy(a, anp.eye(3)[1]), ((3,),))],
    "mse": [("mse(a, b)", lambda a, b: anp.mean((a - b) ** 2), (shape, shape)) for shape in ((), (3,), (2, 3))],
    "reshape": [("reshape(a, 3, 2)", lambda a: anp.reshape(a, (3, 2)), (shape,)) for shape in ((6,), (2, 3), (1, 6))],
    "expand_dims": [(f"expand_dims(a, axis={axis})", lambda a, axis=axis: anp.expand_dims(a, axis), (shape,))
                    for axis, shape in ((0, (3,)), (1, (3,)), (-1, (2, 3)), (0, ()))],
    "stretch": [("stretch(a, 2, 3)", lambda a: a + anp.zeros((2, 3)), (shape,))
                for shape in ((), (3,), (1, 3), (2, 1), (1, 1), (2, 3))],
    "fold": [("fold(a, 1, 3)", lambda a: anp.sum(a, axis=0, keepdims=True), ((2, 3),)),
             ("fold(a, 3)", lambda a: anp.sum(a, axis=0), ((2, 3),)),
             ("fold(a)", anp.sum, ((2, 3),)), ("fold(a, 2, 1)", lambda a: anp.sum(a, axis=1, keepdims=True), ((2, 3),))],
    "index": [("a[1]", lambda a: a[1], ((2, 3),)), ("a[-1, 0]", lambda a: a[-1, 0], ((2, 3),)),
              ("a[0]", lambda a: a[0], ((1,),)), ("a[1, -2, 0]", lambda a: a[1, -2, 0], ((2, 3, 2),)),
              ("a[0]*a[0] + a[1]", lambda a: a[0] * a[0] + a[1], ((2, 3),))],
    "put": [("put(a, 1, 2, 4)", lambda a: anp.concatenate([anp.zeros(2), anp.reshape(a, (1,)), anp.zeros(1)]), ((),))],
    "concat": [("concat(a, b)", lambda a, b: anp.concatenate([a, b]), pair)
               for pair in (((3,), (2,)), ((2, 3), (1, 3)), ((1,), (1,)))]
    + [(f"concat(a, b, axis={axis})", lambda a, b: anp.concatenate([a, b], 1), ((2, 3), (2, 1))) for axis in (1, -1)]
    + [("concat(a, a, axis=-2)", lambda a: anp.concatenate([a, a]), ((2, 3),)), ("concat(a)", lambda a: a, ((3,),))],
    "part": [("part(a, 1, 3)", lambda a: a[1:3], ((4,),)), ("part(a, 0, 1, axis=1)", lambda a: a[:, :1], ((2, 3),))],
    "array": [("[a, b, 2]", lambda a, b: anp.array([a, b, 2.0]), ((), ())),
              ("[a, b, a]", lambda a, b: anp.stack([a, b, a]), ((3,), (3,))), ("[a]", lambda a: anp.array([a]), ((),)),
              ("[[a, 1], [2, b]]", lambda a, b: anp.array([[a, 1.0], [2.0, b]]), ((), ()))],
}  # fmt: skip


def test_no_gate_is_left_out() -> None:
    """A gate that is added to the table needs a case here."""
    assert set(ARRAY_GATES) == set(ALONG) | set(CASES) | {"others"}  # of test_products_with_zeros


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ALONG)
def test_along_every_axis(name: str, shape: tuple[int, ...]) -> None:
    """No axis, each axis, and each counted from the end."""
    axes: list[int | None] = [None, *range(-len(shape), len(shape))]
    for axis in axes:
        witness = ALONG[name]
        given = {} if axis is None else {"axis": axis}
        text = f"{name}(a)" if axis is None else f"{name}(a, axis={axis})"
        hold(text, lambda a, w=witness, g=given: w(a, **g), values(shape), check=np.prod(shape) < 20)


@pytest.mark.parametrize("name", CASES)
def test_each_gate(name: str) -> None:
    """The gates without an axis, in every combination of shapes that they take."""
    for text, witness, shapes in CASES[name]:
        if shapes:
            hold(text, witness, {key: v if v.shape else float(v) for key, v in values(*shapes).items()})


@pytest.mark.parametrize("zeros", [[], [1], [0, 2], [0, 1, 2]])
def test_products_with_zeros(zeros: list[int]) -> None:
    """The gradient of a product is the product of the others, also where some are 0 (y/x would not be)."""
    x = np.array([2.0, 3, 5])
    x[zeros] = 0
    wanted = [x[1] * x[2], x[0] * x[2], x[0] * x[1]]
    assert_close(bpcli.grad("prod(x)", x=x).gradients["x"], np.array(wanted))
    assert_close(bpcli.grad("sum(prod(x, axis=1))", x=np.array([x, x])).gradients["x"], np.array([wanted, wanted]))
    derived = bpcli.derive("prod(x)", x=x).numbers
    assert derived is not None
    assert_close(derived["dx"], np.array(wanted))


def written_out(*factors: Array) -> Array:
    """A product without autograd's own prod, which divides by the entries."""
    product = 1.0
    for factor in factors:
        product = product * factor
    return product


def others_along(x: Array, *directions: Array) -> Array:
    """By the definition: for each place of the first axis, sums over different other places."""

    def one(left: list[int], directions: tuple[Array, ...]) -> Array:
        if not directions:
            return written_out(*[x[j] for j in left])
        return sum(directions[0][i] * one([j for j in left if j != i], directions[1:]) for i in left)

    return anp.array([one([j for j in range(len(x)) if j != k], directions) for k in range(len(x))])


@pytest.mark.parametrize("zeros", [[], [1], [0, 2], [1, 2, 3], [0, 1, 2, 3]])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_later_derivatives_of_products_with_zeros(zeros: list[int], axis: int | None) -> None:
    """The gradient and H v of a product, and of what its derivatives are made of, against autograd's."""
    source = np.random.default_rng(3)
    x, u, w, v = source.normal(size=(4, *{None: (4,), 0: (4, 2), 1: (2, 4)}[axis]))
    np.moveaxis(x, axis or 0, 0)[zeros] = 0
    along = "" if axis is None else f", axis={axis}"

    def first(one: Array) -> Array:
        return anp.moveaxis(one, axis or 0, 0)

    formulas: list[tuple[str, Callable[..., Array]]] = [
        (f"sum(sin(prod(x{along})))", lambda x: anp.sum(anp.sin(written_out(*first(x))))),
        (f"sum(sin(others(x{along})))", lambda x: anp.sum(anp.sin(others_along(first(x))))),
        (f"sum(sin(others(x, u{along})))", lambda x, u: anp.sum(anp.sin(others_along(first(x), first(u))))),
        (f"sum(sin(others(x, u, w{along})))",
         lambda x, u, w: anp.sum(anp.sin(others_along(first(x), first(u), first(w))))),
    ]  # fmt: skip
    for text, witness in formulas:
        point = {name: {"x": x, "u": u, "w": w}[name] for name in bpcli.parse(text).inputs}
        gradients = bpcli.grad(text, point).gradients
        for k, name in enumerate(point):
            assert_close(gradients[name], autograd.grad(witness, k)(*point.values()))
        found = bpcli.hessian(text, point, times={"x": v}).products["x"]  # type: ignore[attr-defined]
        assert_close(found, autograd.hessian_vector_product(witness)(*point.values(), v))


# --- entry by entry ----------------------------------------------------------------------------------------

INPUTS = [-800.0, -720.0, -709.0, -40.0, -2.5, -1.0, -0.5, -1e-9, 0.0, 1e-300, 1e-9, 0.5, 1.0, 2.5, 40.0, 709.0, 720.0, 800.0, 1e200]  # fmt: skip
ENTRYWISE = [row for row in GATES.values() if row.binds != COMPARES and row.name != "where"] + [
    build(3) for fewest, build in FAMILIES.values()
]


@pytest.mark.parametrize("row", ENTRYWISE, ids=lambda row: row.name)
def test_entries_are_computed_as_numbers_are(row: Any) -> None:
    """A gate on arrays has a value, or none, exactly where it has on numbers: nothing infinite gets through."""
    source = random.Random(3)
    points = [(x,) for x in INPUTS] if len(row.inputs) == 1 else [
        tuple(source.choice(INPUTS) for _ in row.inputs) for _ in range(150)]  # fmt: skip
    names = [f"v{k}" for k in range(len(row.inputs))]
    graph = bpcli.parse(f"{row.name}({', '.join(names)})") if not row.helper and row.text == "" else None
    good, expected = [], []
    for entry in points:
        try:
            wanted = float(float_function(row)(*entry))
        except (ArithmeticError, ValueError):
            wanted = np.nan
        if graph is not None:
            point = {name: np.array([x, x]) for name, x in zip(names, entry, strict=True)}
            if np.isfinite(wanted):
                assert_close(prepare(graph, point, {})[2][-1], np.array([wanted, wanted]), 1e-13)
            else:
                with pytest.raises(Trouble) as raised:
                    prepare(graph, point, {})
                assert raised.value.exit_code == 3
        if np.isfinite(wanted):
            good.append(entry)
            expected.append(wanted)
    columns = [np.array(column) for column in zip(*good, strict=True)]
    np.testing.assert_allclose(value_function(row)(*columns), expected, rtol=1e-13)


@pytest.mark.parametrize("name", CHEAPER)
def test_cheaper_slopes(name: str) -> None:
    """What arrays compute in place of the table's local gradient is the same to rounding, far out too."""
    row = find(name, 1)
    x = np.concatenate([np.linspace(-745, 745, 2001), np.linspace(-40, 40, 2001), [0.0, -1e-300, 1e-300]])
    for part in (x, x[np.abs(x) < 600]):  # sigmoid changes its form when any entry is far out
        y = value_function(row)(part)
        wanted = [float_slope(row, 0, "torch")(a, b) for a, b in zip(part.tolist(), y.tolist(), strict=True)]
        found = eval(CHEAPER[name], {**vars(arrays), "x": part, "y": y})
        np.testing.assert_allclose(found, wanted, rtol=4e-15, atol=1e-307)


@pytest.mark.parametrize("where", ["first", "last"])
@pytest.mark.parametrize(
    "text",
    [
        "sum(tanh(W @ x + b))", "max(x) + min(W @ x, 0)[1]", "sum(where(W > 0, W + 1, x - 1))", "sigmoid(mean(W + x))",
        "softmax(reshape(W, 6)) @ concat(x, x, x)", "sum(1/(1 + exp(W + x)))", "cross_entropy(tanh(W)@W.T + b, [0, 1, 2])",
        "(x - b[0])[0]*2 + norm(W*x)", "sum(atan(stretch(x, 3, 2) - W)) + prod(-x)", "logsumexp(b) - sum(fold(W, 2))",
    ],
)  # fmt: skip
def test_an_entry_that_is_not_finite_is_seen(text: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever an infinity arises, and though no operation reports it, it is seen by the gates that are looked at."""
    source = np.random.default_rng(6)
    point = {"W": source.normal(size=(3, 2)), "x": source.normal(size=2), "b": source.normal(size=3)}
    graph, _, computed = prepare(text, {name: point[name] for name in bpcli.parse(text).inputs}, {})
    given = [value if node not in graph.position else None for node, value in enumerate(computed)]
    steps = array_sweeps._plan(graph)
    assert array_sweeps._unexplained(graph, given) is not None
    for k, (node, function, args, look) in enumerate(steps):
        if graph.row(k).name in array_sweeps._ALWAYS_FINITE:
            with np.errstate(all="ignore"):
                assert np.isfinite(function(*[np.sign(computed[given]) * 1e308 for given in args])).all()
            continue

        def spoilt(*inputs: Array, whole: Callable[..., Array] = function) -> Array:
            result = np.array(whole(*inputs), dtype=float)
            result.flat[0 if where == "first" else -1] = np.inf
            return result

        changed = [*steps[:k], (node, spoilt, args, look), *steps[k + 1 :]]
        monkeypatch.setattr(array_sweeps, "_plan", lambda _, changed=changed: changed)
        with np.errstate(all="ignore"):
            assert array_sweeps._unexplained(graph, given) is None, graph.ids[node]


# --- random formulas ---------------------------------------------------------------------------------------


class Made(NamedTuple):
    """A formula on arrays: bpcli's text, autograd's, its shape."""

    text: str
    python: str
    shape: tuple[int, ...]


def norm(x: Array) -> Array:
    """The length, with the slope 0 at 0."""
    squares = anp.sum(x * x)
    return anp.sqrt(squares) if squares > 0 else squares


NAMESPACE = {"np": anp, "norm": norm, "softmax": softmax, "cross_entropy": cross_entropy,
             "sigmoid": lambda x: 0.5 * (anp.tanh(x / 2) + 1), "softplus": lambda x: anp.log1p(anp.exp(x))}  # fmt: skip
UNARY = {
    "tanh": "np.tanh({})", "sigmoid": "sigmoid({})", "sin": "np.sin({})", "cos": "np.cos({})",
    "softplus": "softplus({})", "relu": "np.maximum({}, 0)", "abs": "np.abs({})", "atan": "np.arctan({})",
}  # fmt: skip


class Maker:
    """Makes random formulas; the variables are made as they are needed."""

    def __init__(self, seed: int) -> None:
        self.choose = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.point: Point = {}

    def variable(self, shape: tuple[int, ...]) -> Made:
        same = [name for name, value in self.point.items() if np.shape(value) == shape]
        if same and self.choose.random() < 0.5:
            name = self.choose.choice(same)
        else:
            name = f"v{len(self.point)}"
            self.point[name] = self.numbers.normal(size=shape) if shape else float(self.numbers.normal())
        return Made(name, name, shape)

    def make(self, shape: tuple[int, ...], depth: int) -> Made:
        """A formula of SHAPE."""
        if depth == 0:
            return self.variable(shape)
        kinds = [self.entrywise, self.entrywise, self.binary, self.binary, self.moved, self.choice]
        kinds += {0: [self.total, self.total, self.inner], 1: [self.product, self.along, self.competing, self.joined],
                  2: [self.product, self.product, self.competing, self.joined]}[len(shape)]  # fmt: skip
        return self.choose.choice(kinds)(shape, depth - 1)

    def entrywise(self, shape: tuple[int, ...], depth: int) -> Made:
        name = self.choose.choice(list(UNARY))
        a = self.make(shape, depth)
        return Made(f"{name}({a.text})", UNARY[name].format(a.python), shape)

    def binary(self, shape: tuple[int, ...], depth: int) -> Made:
        other = self.choose.choice(
            [shape, shape, shape[1:], tuple(1 for _ in shape), shape[:1] + (1,) * len(shape[1:])]
        )
        a, b = self.make(shape, depth), self.make(other, depth)
        if self.choose.random() < 0.5:
            a, b = b, a
        text, python = self.choose.choice([("({} + {})", "({} + {})"), ("({} - {})", "({} - {})"), ("{}*{}", "{}*{}"),
                                           ("max({}, {})", "np.maximum({}, {})"), ("({}/(2 + tanh({})))", "({}/(2 + np.tanh({})))")])  # fmt: skip
        return Made(text.format(a.text, b.text), python.format(a.python, b.python), shape)

    def choice(self, shape: tuple[int, ...], depth: int) -> Made:
        a, b, c = self.make(shape, 0), self.make(shape, depth), self.make(shape, 0)
        return Made(
            f"where({a.text} > 0, {b.text}, {c.text})", f"np.where({a.python} > 0, {b.python}, {c.python})", shape
        )

    def moved(self, shape: tuple[int, ...], depth: int) -> Made:
        if len(shape) == 2:
            a = self.make(shape[::-1], depth)
            return Made(f"({a.text}).T", f"({a.python}).T", shape)
        a, place = self.make((3, *shape), depth), self.choose.choice([0, 2, -1, -3])
        return Made(f"({a.text})[{place}]", f"({a.python})[{place}]", shape)

    def product(self, shape: tuple[int, ...], depth: int) -> Made:
        size = self.choose.choice([1, 2, 4])
        if len(shape) == 2:
            left, right = (shape[0], size), (size, shape[1])
        else:
            left, right = self.choose.choice([((*shape, size), (size,)), ((size,), (size, *shape))])
        a, b = self.make(left, depth), self.make(right, depth)
        return Made(f"(({a.text}) @ ({b.text}))", f"(({a.python}) @ ({b.python}))", shape)

    def inner(self, shape: tuple[int, ...], depth: int) -> Made:
        a, b = self.make((3,), depth), self.make((3,), depth)
        return Made(f"dot({a.text}, {b.text})", f"np.dot({a.python}, {b.python})", shape)

    def total(self, shape: tuple[int, ...], depth: int) -> Made:
        a = self.make(self.choose.choice([(3,), (2, 3), (1, 4)]), depth)
        name = self.choose.choice(["sum", "mean", "logsumexp", "norm", "max"])
        python = {"logsumexp": "np.log(np.sum(np.exp({})))", "norm": "norm({})"}.get(name, f"np.{name}({{}})")
        return Made(f"{name}({a.text})", python.format(a.python), shape)

    def along(self, shape: tuple[int, ...], depth: int) -> Made:
        axis = self.choose.choice([0, 1, -1])
        a = self.make((2, *shape) if axis == 0 else (*shape, 2), depth)
        name = self.choose.choice(["sum", "mean", "prod", "max", "min"])
        return Made(f"{name}({a.text}, axis={axis})", f"np.{name}({a.python}, axis={axis})", shape)

    def competing(self, shape: tuple[int, ...], depth: int) -> Made:
        a, axis = self.make(shape, depth), self.choose.choice([-1, 0])
        if self.choose.random() < 0.5:
            return Made(f"softmax({a.text}, axis={axis})", f"softmax({a.python}, {axis})", shape)
        return Made(f"log_softmax({a.text}, axis={axis})", f"np.log(softmax({a.python}, {axis}))", shape)

    def joined(self, shape: tuple[int, ...], depth: int) -> Made:
        if shape[0] == 1:
            return self.entrywise(shape, depth)
        a, b = self.make((1, *shape[1:]), depth), self.make((shape[0] - 1, *shape[1:]), depth)
        return Made(f"concat({a.text}, {b.text})", f"np.concatenate([{a.python}, {b.python}])", shape)


def random_formula(seed: int) -> tuple[str, Callable[..., Array], Point]:
    maker = Maker(seed)
    shape = maker.choose.choice([(), (), (3,), (2, 3), (4, 1)])
    made = maker.make(shape, maker.choose.randint(2, 4) if seed < 60 else maker.choose.randint(3, 6))
    names = ", ".join(maker.point)
    return made.text, eval(f"lambda {names}: {made.python}", NAMESPACE), maker.point


def hold_random(seed: int) -> None:
    text, _, point = random_formula(seed)
    point = {name: point[name] for name in bpcli.parse(text).inputs}  # in the formula's order
    _, by_name, _ = random_formula(seed)
    hold(text, lambda *given: by_name(**dict(zip(point, given, strict=True))), point, check=False)
    graph, _, computed = prepare(text, point, {})
    total = text if np.ndim(computed[graph.output]) == 0 else f"sum({text})"
    gradients = bpcli.grad(total, point, check=False).gradients
    for options in ({"share": True}, {"expand": True}):
        rewritten = bpcli.grad(total, point, check=False, **options).gradients
        for name, gradient in gradients.items():
            assert_close(rewritten[name], gradient, 1e-9)
    for blackboard in (True, False):
        derived = bpcli.derive(total, point, blackboard=blackboard)
        assert derived.numbers is not None
        for name, label in zip(point, derived.names, strict=True):
            assert_close(derived.numbers[label], gradients[name], 1e-9)
            program = f"{derived.program}\n{label}"
            inputs = bpcli.parse(program).inputs
            again, _, found = prepare(program, {key: point[key] for key in inputs}, {})
            assert_close(np.broadcast_to(found[again.output], np.shape(point[name])), gradients[name], 1e-9)


@pytest.mark.parametrize("seed", range(60))
def test_random_formulas(seed: int) -> None:
    """Reverse, forward, symbolic (evaluated, and read back from its text), expanded and shared: all autograd's."""
    hold_random(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60, 360))
def test_many_random_formulas(seed: int) -> None:
    """300 more, of up to 60 gates."""
    hold_random(seed)


# --- second order, Jacobians -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(200, 220))
def test_random_hessian_products(seed: int) -> None:
    """H v by forward over reverse, against autograd's."""
    maker = Maker(seed)
    made = maker.make((), 3)
    point = {name: maker.point[name] for name in bpcli.parse(made.text).inputs}
    witness = eval(f"lambda {', '.join(point)}: {made.python}", NAMESPACE)
    sizes = [np.size(value) for value in point.values()]

    def flat(x: Array) -> Array:
        parts, start = [], 0
        for size, value in zip(sizes, point.values(), strict=True):
            parts.append(anp.reshape(x[start : start + size], np.shape(value)))
            start += size
        return witness(*parts)

    direction = {name: maker.numbers.normal(size=np.shape(value)) for name, value in point.items()}
    found = bpcli.hessian(made.text, point, times=direction).products  # type: ignore[attr-defined]
    whole, along = (np.concatenate([np.ravel(value) for value in one.values()]) for one in (point, direction))
    wanted = autograd.hessian_vector_product(flat)(whole, along)
    assert_close(np.concatenate([np.ravel(value) for value in found.values()]), wanted, 1e-8)


@pytest.mark.parametrize("seed", range(300, 315))
def test_random_jacobians(seed: int) -> None:
    maker = Maker(seed)
    made = maker.make(maker.choose.choice([(3,), (2, 3)]), 3)
    point = {name: maker.point[name] for name in bpcli.parse(made.text).inputs}
    witness = eval(f"lambda {', '.join(point)}: {made.python}", NAMESPACE)
    found = bpcli.jacobian(made.text, values=point).jacobians  # type: ignore[attr-defined]
    inputs = [np.asarray(value) for value in point.values()]
    for k, name in enumerate(point):
        assert_close(found[name], autograd.jacobian(witness, k)(*inputs))


# --- the edges ---------------------------------------------------------------------------------------------


def refused(text: str, point: Point, **options: Any) -> Trouble:
    with pytest.raises(Trouble) as raised:
        bpcli.grad(text, point, **options)
    return raised.value


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_arrays_without_entries(shape: tuple[int, ...]) -> None:
    """They are refused with their shape, as nothing can be learnt from them."""
    trouble = refused("sum(x)", {"x": np.zeros(shape)})
    assert trouble.exit_code == 2
    assert str(shape) in trouble.message


@pytest.mark.parametrize(
    ("text", "point", "words"),
    [
        ("1 + W @ x", {"W": np.ones((3, 2)), "x": np.ones(3)}, "W @ x: (3, 2) @ (3,) do not fit; W.T @ x would give (2,)"),
        ("2*(A @ B)", {"A": np.ones((2, 3)), "B": np.ones((4, 3))}, "A @ B: (2, 3) @ (4, 3) do not fit; A @ B.T would give (2, 4)"),
        ("1 + dot(x, y)", {"x": np.ones(2), "y": np.ones(3)}, "(2,) and (3,)"),
        ("1 + cross_entropy(z, t)", {"z": np.ones((2, 3)), "t": np.ones(3)}, "(3,) fits neither the scores (2, 3)"),
        ("1 + softmax(x, axis=2)", {"x": np.ones((2, 3))}, "(2, 3) has no axis 2"),
        ("1 + sum(x, axis=-2)", {"x": np.ones(2)}, "(2,) has no axis -2"),
        ("1 + x[1, 1]", {"x": np.ones(3)}, "shape (3,) takes at most 1"),
        ("1 + x[-4]", {"x": np.ones(3)}, "no place -4"),
        ("1 + outer(x, y)", {"x": np.ones(2), "y": np.ones((2, 2))}, "(2,) and (2, 2)"),
        ("1 + stretch(x, 2)", {"x": np.ones(3)}, "(3,) does not stretch to (2,)"),
        ("2*(x + y)", {"x": np.ones((2, 3)), "y": np.ones(2)}, "(2, 3) and (2,) do not fit"),
    ],
)  # fmt: skip
def test_what_does_not_fit(text: str, point: Point, words: str) -> None:
    """Both shapes, and the carets under the gate alone."""
    trouble = refused(text, point)
    assert (trouble.exit_code, trouble.code) == (2, "shapes")
    assert words in trouble.message
    assert f"{text[trouble.start : trouble.end]}" == text[4:] or text == f"2*({text[trouble.start : trouble.end]})"


@pytest.mark.parametrize(
    ("text", "values_", "entry"),
    [
        ("sum(log(x))", [1, 2, -3], "x[2] = -3"), ("sum(sqrt(x))", [0, 1], "x[0] = 0"),
        ("sum(1/x)", [[1, 1], [0, 1]], "x[1, 0] = 0"), ("sum(exp(x))", [1, 800], "x[1] = 800"),
        ("sum(x^0.5)", [1, -1], "x[1] = -1"), ("sum(acos(x))", [0, 3], "x[1] = 3"),
    ],
)  # fmt: skip
def test_the_entry_without_an_answer(text: str, values_: list[Any], entry: str) -> None:
    trouble = refused(text, {"x": values_})
    assert trouble.exit_code == 3
    assert entry in trouble.message


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_no_slope_in_either_mode(mode: str) -> None:
    tangents = {"x": [1.0, 1.0]} if mode == "forward" else None
    trouble = refused("sum(sqrt(x))", {"x": [1.0, 0.0]}, mode=mode, tangents=tangents)
    assert (trouble.exit_code, trouble.code) == (3, "no-slope")
    assert "x[1] = 0" in trouble.message


@pytest.mark.parametrize("text", ["a = 1e308*x; sum(a) + sum(a)", "sum(x)*1e308 + sum(x)*1e308"])
def test_a_gradient_that_overflows(text: str) -> None:
    """The value is a double, the gradient is not: exit code 3, no traceback."""
    trouble = refused(text, {"x": [0.1, 0.2]})
    assert (trouble.exit_code, trouble.code) == (3, "overflow")


def test_where_leaves_out_slopes_too() -> None:
    """sqrt at 0 has no slope; it is not taken, so the page and the JSON are whole."""
    result = bpcli.grad("sum(where(x > 0, sqrt(x), 0))", x=[4, 0])
    assert_close(result.gradients["x"], np.array([0.25, 0]))
    assert len(list(result.lines())) == 4
    assert result.record("")["gradients"]["x"] == [0.25, 0]


def test_ties_and_corners_along_an_axis() -> None:
    """Ties are shared evenly along the axis only; the norm of nothing has the slope 0; both leave a note."""
    x = np.array([[1.0, 1, 0], [2, 0, 2]])
    result = bpcli.grad("sum(max(x, axis=1)) + sum(min(x, axis=0))", x=x, check=False)
    assert_close(result.gradients["x"], np.array([[1.5, 0.5, 1], [0.5, 1, 0.5]]))
    assert len(result.notes) == 1
    assert "[0], [1]" in result.notes[0].message
    result = bpcli.grad("sum(norm(x, axis=1))", x=[[0.0, 0], [3, 4]], check=False)
    assert_close(result.gradients["x"], np.array([[0, 0], [0.6, 0.8]]))
    assert "corner at 0" in result.notes[0].message
    for text in ("sum(norm(x, axis=1))", "sum(relu(x))", "sum(max(x, axis=1))"):
        assert refused(text, {"x": [[0.0, 0], [3, 4]]}, kinks="error").exit_code == 3


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("kinks", ["left", "right"])
def test_who_wins_along_an_axis(name: str, kinks: str) -> None:
    """With `left` and `right` a tie has one winner, the first or the last, in both modes; the note says which."""
    x = np.array([[1.0, 3, 1, 3], [2, 1, 1, 9], [1, 2, 3, 9]]) * (1 if name == "min" else -1)
    point = {"x": x}
    wanted = np.zeros((3, 4))
    ends = x.min(axis=1) if name == "min" else x.max(axis=1)
    for row in range(3):
        tied = np.flatnonzero(x[row] == ends[row])
        wanted[row, tied[0] if kinks == "left" else tied[-1]] = 1
    result = bpcli.grad(f"sum({name}(x, axis=1))", point, kinks=kinks, check=False)
    assert_close(result.gradients["x"], wanted)
    assert ("first wins" if kinks == "left" else "last wins") in result.notes[0].message
    direction = np.arange(12.0).reshape(3, 4)
    pushed = bpcli.grad(f"{name}(x, axis=1)", point, mode="forward", tangents={"x": direction}, kinks=kinks).pushed
    assert_close(pushed, (wanted * direction).sum(axis=1))
    whole = bpcli.grad(f"{name}(x)", point, kinks=kinks, check=False).gradients["x"]
    tied = np.flatnonzero(x == (x.min() if name == "min" else x.max()))
    assert np.flatnonzero(whole).tolist() == [tied[0] if kinks == "left" else tied[-1]]
    assert whole.sum() == 1


@pytest.mark.parametrize(("kinks", "slope"), [("torch", 0.5), ("jax", 0.5), ("tf", 1), ("left", 1), ("right", 0)])
def test_ties_of_two_arrays(kinks: str, slope: float) -> None:
    """max(x, y) entry by entry follows the convention at its tied entries only."""
    gradients = bpcli.grad("sum(max(x, y))", x=[1, 2, 3], y=[1, 3, 2], kinks=kinks, check=False).gradients
    assert_close(gradients["x"], np.array([slope, 0, 1]))
    assert_close(gradients["y"], np.array([1 - slope, 1, 0]))


def test_the_bias_of_a_batch() -> None:
    """Its stretch is a line of its own, and what comes back is the sum over the batch."""
    point = values((4, 3), (3,), (4, 3))
    result = bpcli.grad("sum((a + b)*c)", point)
    (stretch,) = [line for line in result.lines() if line.gate == "stretch"]
    assert stretch.shape == (4, 3)
    assert_close(stretch.upstream, point["c"])
    assert_close(stretch.sends[0], point["c"].sum(axis=0))
    derived = bpcli.derive("sum((a + b)*c)", point, wrt="b")
    assert derived.lines() == {"db": "fold(c, 3)"}


def test_sharing_and_expanding_keep_the_gradients() -> None:
    point = values((2, 3), (3,))
    text = "h = sigmoid(a @ b); sum(h*(1 - h)) + sum(sigmoid(a @ b)^2) + sum(tanh(a)*tanh(a))"
    plain = bpcli.grad(text, point)
    for options in ({"share": True}, {"expand": True}, {"share": True, "expand": True}, {"fuse": True}):
        other = bpcli.grad(text, point, **options)  # type: ignore[arg-type]
        for name, gradient in plain.gradients.items():
            assert_close(other.gradients[name], gradient)
    assert len(list(bpcli.grad(text, point, share=True).lines())) < len(list(plain.lines()))


def test_pseudo_code_gate_by_gate() -> None:
    """The lecture's matrix-vector backprop: every δ is the adjoint at its z, every ∇W an outer product."""
    source = np.random.default_rng(8)
    sizes = [4, 3, 5, 2]
    point = {f"W{k}": source.normal(size=(sizes[k], sizes[k - 1])) for k in (1, 2, 3)}
    point |= {f"b{k}": source.normal(size=sizes[k]) for k in (1, 2, 3)} | {
        "x": source.normal(size=4),
        "y": source.normal(size=2),
    }
    layers = "; ".join(
        f"z{k} = W{k} @ {'x' if k == 1 else f'a{k - 1}'} + b{k}; a{k} = sigmoid(z{k})" for k in (1, 2, 3)
    )
    result = bpcli.grad(f"{layers}; sum((y - a3)^2)/2", point)
    lines = {line.id: line for line in result.lines()}
    activations = [point["x"], *[lines[f"a{k}"].value for k in (1, 2, 3)]]
    slopes = [a * (1 - a) for a in activations]
    delta = -(point["y"] - activations[3]) * slopes[3]
    for k in (3, 2, 1):
        assert_close(lines[f"z{k}"].upstream, delta)
        assert_close(result.gradients[f"W{k}"], np.outer(delta, activations[k - 1]))
        assert_close(result.gradients[f"b{k}"], delta)
        if k > 1:
            delta = (point[f"W{k}"].T @ delta) * slopes[k - 1]
