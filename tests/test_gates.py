"""The gate table against mpmath (`witness.py`), against itself, and at the places where it could go wrong.

Every test over rows takes them from the table, so a new row is tested without being mentioned here; it needs a
definition in `witness.WITNESSES` and, with a kink, a line in KINKS.
"""

from __future__ import annotations

import itertools
import math
import random
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache

import pytest
import witness
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from bpcli.compiled import FLOATS, complex_numbers, condition, python, value_function
from bpcli.gates import (
    ALIASES,
    COMPARES,
    CONSTANTS,
    CONVENTIONS,
    FAMILIES,
    GATES,
    MOST_ARGUMENTS,
    Gate,
    find,
    function_names,
)
from bpcli.graph import Graph
from bpcli.language import parse
from bpcli.sweeps import forward, kinks_met, reverse, tangent
from bpcli.trouble import NO_ANSWER, Trouble

#: Units in the last place that a value or slope may be off, beyond what one rounding of every input explains.
ULPS = 8
EPSILON = sys.float_info.epsilon
LARGEST = sys.float_info.max
#: Below the normal doubles digits are lost, in a result and in a factor of it.
SMALLEST = sys.float_info.min

ROWS = [*GATES.values()] + [build(n) for fewest, build in FAMILIES.values() for n in range(fewest, 6)]
EVERY_ROW = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}{len(row.inputs)}")
WITH_KINK = pytest.mark.parametrize(
    "row", [row for row in ROWS if row.kink], ids=lambda row: f"{row.name}{len(row.inputs)}"
)

SIZES = [5e-324, 1e-310, 1e-12, 0.3, 0.5, 0.75, 0.999, 1, 1.5, 2, 2.5, 3.7, 10, 20, 40, 373, 700, 710, 711, 745, 800,
         1e5, 1e16, 1e200, LARGEST]  # fmt: skip
UNARY = [0.0, *(float(sign * size) for size in SIZES for sign in (1, -1))]
BINARY = [-1e200, -3, -2, -0.5, 0, 1e-200, 1e-12, 0.5, 1, 2, 7, 1e200]
TERNARY = [-3, -0.5, 0, 1, 2.5]

#: Where intermediate results stay of the size of the inputs.
MODERATE = {1: [-3.7, -2, -1.5, -0.9, -0.6, -0.3, 0, 0.3, 0.6, 0.9, 1, 2, 2.5, 3.7], 2: [-2, -1.5, 0, 0.5, 2, 3]}

Point = tuple[float, ...]


# --- helpers ---------------------------------------------------------------------------------------------


def corners(row: Gate) -> list[Point]:
    """Points of a wide grid: huge, tiny, zero, equal and moderate inputs."""
    count = len(row.inputs)
    if count == 1:
        return [(x,) for x in UNARY]
    if count == 2:
        return [(float(a), float(b)) for a, b in itertools.product(BINARY, repeat=2)]
    if count == 3:
        return [(float(a), float(b), float(c)) for a, b, c in itertools.product([*TERNARY, 1e200], repeat=3)]
    draw = random.Random(count)
    return [tuple(float(draw.choice(TERNARY)) for _ in row.inputs) for _ in range(60)]


def moderate(row: Gate) -> list[Point]:
    """Points of a moderate grid inside the domain (after the witness, not after the table)."""
    count = len(row.inputs)
    grid = [tuple(map(float, p)) for p in itertools.product(MODERATE.get(count, TERNARY[:4]), repeat=min(count, 4))]
    grid = [point + point[:1] * (count - 4) for point in grid]
    points = [point for point in grid if truth(row, point) is not None]
    assert len(points) >= 5, "the moderate grid misses the domain of this row: give it points in MODERATE"
    return points


def truth(row: Gate, point: Sequence[float]) -> mpf | None:
    """The value after the witness, to 50 digits."""
    graph = whole(row)
    return witness.evaluate(graph, dict(zip(row.inputs, point, strict=True)))[graph.output]


def written(row: Gate, **numbers: float) -> str:
    """ROW in bpcli's language, with NUMBERS for some of its inputs."""
    text = row.text or f"{row.name}({', '.join(f'<{name}>' for name in row.inputs)})"
    text = text.replace("<condition>", "<condition> != 0")
    text = re.sub(r"<[([]?(\w+)[)\]]?>", lambda m: f"({numbers.get(m[1], m[1])!s})", text)
    text = text.replace("(condition) !=", "condition !=") if row.name == "where" else text
    return f"where({text}, 1, 0)" if row.binds == COMPARES else text


@cache
def whole(row: Gate) -> Graph:
    """The graph of ROW with a variable for every input."""
    return parse(written(row), variables=row.inputs)


def run(graph: Graph, point: dict[str, float], kinks: str = "torch") -> tuple[float, dict[str, float]]:
    """The value, and the slopes by reverse mode, which must be those by forward mode."""
    values = forward(graph, point)
    adjoints = reverse(graph, values, {graph.output: 1.0}, kinks)
    slopes = {name: adjoints[node] for name, node in graph.inputs.items()}
    assert all(map(math.isfinite, slopes.values())), slopes
    for name, node in graph.inputs.items():
        assert tangent(graph, values, {node: 1.0}, kinks)[graph.output] == slopes[name]
    return values[graph.output], slopes


def at(text: str, kinks: str = "torch", **point: float) -> tuple[float, ...]:
    """The value and then the slopes, in the order of POINT, of a formula."""
    value, slopes = run(parse(text, variables=point), point, kinks)
    return (value, *(slopes[name] for name in point))


def refusal(text: str, kinks: str = "torch", **point: float) -> str:
    """The code of the `Trouble`, exit code 3, that a formula ends in."""
    with pytest.raises(Trouble) as caught:
        at(text, kinks, **point)
    assert caught.value.exit_code == NO_ANSWER
    return caught.value.code


def assert_near(found: float, true: mpf, conditioning: Iterator[mpf], where: object) -> None:
    """|error| <= ULPS * epsilon * (|true| + sum |x_i * d true/d x_i|), the sum taken only when it is needed."""
    error = abs(mpf(found) - true)
    if error > ULPS * EPSILON * abs(true) + SMALLEST:
        allowed = ULPS * EPSILON * (abs(true) + sum(conditioning)) + SMALLEST
        excess = mp.nstr(error / allowed, 3)
        assert error <= allowed, f"{found!r} is not {mp.nstr(true, 20)}, {excess} x allowed, at {where}"


def moves(graph: Graph, point: dict[str, float], of: str | None = None) -> Iterator[mpf]:
    """|x * d/dx| of the value, or of the slope along OF, for every variable x."""
    if of is None:
        yield from (abs(point[k] * (s or 0)) for k, s in witness.gradient(graph, point).items())
        return
    nudge = mpf("1e-10")
    for name, x in point.items():
        sides = [witness.gradient(graph, {**point, name: x * (1 + k * nudge)}, (of,))[of] for k in (-1, 1)]
        if None not in sides:
            yield abs(sides[1] - sides[0]) / (2 * nudge)


def check(graph: Graph, point: dict[str, float], where: object) -> None:
    """The value and every slope of GRAPH at POINT against the witness, and the refusals where it has none."""
    true = witness.evaluate(graph, point)[graph.output]
    if true is None or abs(true) > LARGEST:
        with pytest.raises(Trouble) as caught:
            found = forward(graph, point)[graph.output]
            pytest.fail(f"{found!r}, but there is no such value, at {where}")
        code = "outside-domain" if true is None else "overflow"
        assert (caught.value.exit_code, caught.value.code) == (NO_ANSWER, code), where
        return
    values = forward(graph, point)
    assert_near(values[graph.output], true, moves(graph, point), where)
    slopes = witness.gradient(graph, point)
    if None in slopes.values():
        return
    if any(abs(slope) > LARGEST for slope in slopes.values()):
        with pytest.raises(Trouble) as caught:
            adjoints = reverse(graph, values, {graph.output: 1.0})
            pytest.fail(f"{adjoints}, but a slope is larger than any double, at {where}")
        assert caught.value.exit_code == NO_ANSWER
        return
    _, found = run(graph, point)
    for name, slope in slopes.items():
        assert_near(found[name], slope, moves(graph, point, name), f"d/d{name} at {where}")


# --- 1, 2: values, slopes and refusals against mpmath -------------------------------------------------------


@EVERY_ROW
def test_agrees_with_mpmath_or_refuses(row: Gate) -> None:
    """Value and slopes are within ULPS of mpmath's on the whole grid; outside domain and doubles it refuses."""
    witness.witness(row.name)
    for point in corners(row):
        given = dict(zip(row.inputs, point, strict=True))
        check(whole(row), given, point)


@pytest.mark.parametrize("row", [row for row in ROWS if len(row.inputs) == 2], ids=lambda row: row.name)
@pytest.mark.parametrize("place", [0, 1])
def test_one_number_agrees_with_mpmath(row: Gate, place: int) -> None:
    """With a number for one input (x^-2, 0.5^x, x/0) value and slope agree with mpmath's as well."""
    fixed, free = row.inputs[place], row.inputs[1 - place]
    for number in (-2.0, 0.0, 0.5, 1.0, 3.0, 101.0):
        graph = parse(written(row, **{fixed: number}), variables=row.inputs)
        for x in BINARY:
            check(graph, {free: float(x)}, f"{fixed} = {number}, {free} = {x}")


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.sampled_from([row for row in ROWS if len(row.inputs) == 1]), st.floats(-800, 800))
def test_any_number_agrees_with_mpmath(row: Gate, x: float) -> None:
    """Unary gates agree with mpmath at doubles nobody chose."""
    check(whole(row), {"x": x}, f"{row.name}({x!r})")


@pytest.mark.parametrize("row", [row for row in ROWS if row.domain], ids=lambda row: row.name)
def test_domain(row: Gate) -> None:
    """Every sentence of a domain is said somewhere, with code outside-domain and exit code 3."""
    said = set()
    for point in corners(row):
        if not all(condition(row, holds)(*point, None) for holds, _ in row.domain):
            with pytest.raises(Trouble) as caught:
                forward(whole(row), dict(zip(row.inputs, point, strict=True)))
                pytest.fail(f"no refusal at {point}")
            assert (caught.value.code, caught.value.exit_code) == ("outside-domain", NO_ANSWER)
            assert caught.value.details["operation"] == row.name
            said |= {sentence for _, sentence in row.domain if caught.value.message.startswith(sentence)}
    assert said == {sentence for _, sentence in row.domain}


@pytest.mark.parametrize(
    ("text", "x", "y"),
    [("exp(x)", 1000, 0), ("expm1(x)", 1000, 0), ("sinh(x)", -1000, 0), ("cosh(x)", 1000, 0), ("x*y", 1e200, 1e200),
     ("square(x)", 1e200, 0), ("x^2", 1e200, 0), ("x^y", 10, 400), ("x^y", 1e-10, -40), ("x/y", 1e200, 1e-200),
     ("x + y", LARGEST, LARGEST), ("x - y", -LARGEST, LARGEST), ("hypot(x, y)", LARGEST, LARGEST),
     ("where(x > 0, exp(x), 0)", 1000, 0), ("exp(x) - exp(x)", 1000, 0), ("1/(x*x)", 1e200, 0)],
)  # fmt: skip
def test_overflow(text: str, x: float, y: float) -> None:
    """A value beyond the doubles is refused where it arises, even if the output would be finite."""
    point = {name: number for name, number in {"x": x, "y": y}.items() if re.search(rf"\b{name}\b", text)}
    assert refusal(text, **point) == "overflow"


def test_overflow_of_a_gradient() -> None:
    """A gradient beyond the doubles is refused, at a gate and at a variable; one that only a sum exceeds is not."""
    assert refusal("((x*1e200)*1)*1e200", x=1e-200) == "overflow"
    assert refusal("(x*1e200)*1e200", x=1e-200) == "overflow"
    assert at("x*1.7e308 + y*1.7e308", x=0.5, y=-0.5)[1:] == (1.7e308, 1.7e308)
    assert at("x - y", x=LARGEST, y=LARGEST) == (0, 1, -1)


# --- 3, 4: the formulas of the table ----------------------------------------------------------------------


def formulas(row: Gate) -> list[str]:
    """Every formula of ROW that is in the language."""
    texts = [row.forward, *row.local, *(formula for _, formula in row.lets), row.expand or "", *row.forms, row.piece]
    texts += [text for at in row.at.values() for text in at] + [text for text in row.shown if " if " not in text]
    return list(dict.fromkeys(text for text in texts if text))


def with_lets(row: Gate, text: str) -> str:
    """TEXT as a program in which the ``lets`` of ROW have their values first."""
    return "\n".join([*(f"{name} = {formula}" for name, formula in row.lets), text])


@EVERY_ROW
def test_formulas_read_the_same_in_the_language(row: Gate) -> None:
    """bpcli's parser gives every formula of a row exactly the value that Python gives it."""
    names = (*row.inputs, "y")
    for text in formulas(row):
        graph = parse(with_lets(row, text), variables=names)
        expression = python(text)
        for name, formula in reversed(row.lets):
            expression = re.sub(rf"\b{name}\b", f"({python(formula)})", expression)
        compiled = FLOATS.compile(row.name, names, expression)
        compared = 0
        for point in moderate(row):
            y = value_function(row)(*point)
            try:
                there = compiled(*point, y)
            except (ArithmeticError, ValueError):
                there = None
            try:
                here = forward(graph, dict(zip(names, (*point, y), strict=True)))[graph.output]
            except Trouble:
                here = None
            assert here == there, f"{text} at {point}"
            compared += here is not None
        assert compared >= 3, text


@EVERY_ROW
def test_closure(row: Gate) -> None:
    """Every name in a formula, domain or kink of a row is a gate, a constant, an input, y or one of the row's lets."""
    texts = [*formulas(row), row.complex or "", *(holds for holds, _ in row.domain), row.kink[0] if row.kink else ""]
    own = {*row.inputs, "y", *(name for name, _ in row.lets), *CONSTANTS}
    for text in texts:
        for name, bracket in re.findall(r"\b([A-Za-z]\w*)(\(?)", text):
            assert name in (GATES.keys() | FAMILIES.keys() if bracket else own | {"or", "and"}), f"{name} in {text}"


@EVERY_ROW
def test_shape(row: Gate) -> None:
    """A row has one formula per input wherever it lists them, known conventions, and an example in its domain."""
    count = len(row.inputs)
    assert len(row.local) == len(row.blackboard()) == count
    assert set(row.at) <= set(CONVENTIONS) - {"torch", "error"}
    assert all(len(local) == count for local in row.at.values())
    assert bool(row.at) <= bool(row.kink) == bool(row.piece)
    assert set(re.findall(r"<[([]?(\w+)[)\]]?>", row.text or row.tex or "")) in (set(), set(row.inputs))
    if not row.helper:
        example = (*row.example, *(5.0 + k for k in range(count)))[:count]
        assert truth(row, example) is not None


def assert_same(row: Gate, text: str, other: str) -> None:
    """Two formulas of ROW have the same value, after mpmath, on the moderate grid."""
    names = (*row.inputs, "y")
    one, two = (parse(formula, variables=names) for formula in (text, other))
    compared = 0
    for point in moderate(row):
        if row.kink and condition(row, row.kink[0])(*point, float(truth(row, point))):
            continue
        given = dict(zip(names, (*point, truth(row, point)), strict=True))
        found, wanted = witness.evaluate(one, given)[one.output], witness.evaluate(two, given)[two.output]
        if found is not None and wanted is not None:
            assert abs(found - wanted) <= 1e-9 * abs(wanted) + 1e-40, f"{text} is not {other} at {point}"
            compared += 1
    assert compared >= 3, text


@EVERY_ROW
def test_shown_is_local(row: Gate) -> None:
    """The blackboard's local gradients are the ones that run."""
    for shown, local in zip(row.blackboard(), row.local, strict=True):
        if " if " not in shown and local and not row.lets:
            assert_same(row, shown, local)


@EVERY_ROW
def test_expand_and_forms_are_the_gate(row: Gate) -> None:
    """The same gate in primitive ones, and every hand-written form that is recognised, have the gate's value."""
    for text in [row.expand, *row.forms]:
        if text:
            assert_same(row, text, "y")


# --- 5: kinks ---------------------------------------------------------------------------------------------

THIRD = 1 / 3
FLAT = {"torch": (0,), "jax": (0,), "tf": (0,), "left": (0,), "right": (0,)}
EDGE = dict.fromkeys(CONVENTIONS[:5], (0, 0))
#: Gate and point -> convention -> slopes, as documented; a convention without an entry is not tested.
KINKS: list[tuple[str, Point, dict[str, tuple[float, ...]]]] = [
    ("relu", (0,), FLAT | {"right": (1,)}),
    ("abs", (0,), FLAT | {"jax": (1,), "left": (-1,), "right": (1,)}),
    ("leaky_relu", (0,), {"torch": (0.01,), "jax": (1,), "tf": (0.01,), "left": (0.01,), "right": (1,)}),
    ("sign", (0,), FLAT),
    ("step", (0,), FLAT),
    ("floor", (2,), FLAT),
    ("floor", (-1,), FLAT),
    ("ceil", (2,), FLAT),
    ("ceil", (0,), FLAT),
    ("clip", (1, 1, 2.5), {"torch": (1, 0, 0), "jax": (0.5, 0.5, 0), "tf": (1, 0, 0), "left": (0, 1, 0),
                           "right": (1, 0, 0)}),
    ("clip", (2.5, 1, 2.5), {"torch": (1, 0, 0), "jax": (0.5, 0, 0.5), "tf": (1, 0, 0), "left": (1, 0, 0),
                             "right": (0, 0, 1)}),
    *((name, (2, 2), {"torch": (0.5, 0.5), "jax": (0.5, 0.5), "tf": (1, 0), "left": (1, 0), "right": (0, 1)})
      for name in ("max", "min")),
    *((name, (2, 2, 2), {"torch": (THIRD,) * 3, "jax": (THIRD,) * 3, "tf": (THIRD,) * 3, "left": (1, 0, 0),
                         "right": (0, 0, 1)}) for name in ("max", "min")),
    ("max", (2, 1, 2), {"torch": (0.5, 0, 0.5), "jax": (0.5, 0, 0.5), "tf": (0.5, 0, 0.5), "left": (1, 0, 0),
                        "right": (0, 0, 1)}),
    ("min", (3, -1, -1), {"torch": (0, 0.5, 0.5), "jax": (0, 0.5, 0.5), "tf": (0, 0.5, 0.5), "left": (0, 1, 0),
                          "right": (0, 0, 1)}),
    ("max", (0, 7, 7, 7), {"torch": (0, THIRD, THIRD, THIRD), "left": (0, 1, 0, 0), "right": (0, 0, 0, 1)}),
    ("min", (9, 7, 8, 7), {"torch": (0, 0.5, 0, 0.5), "left": (0, 1, 0, 0), "right": (0, 0, 0, 1)}),
    ("max", (1, 2, 3, 3, 0), {"torch": (0, 0, 0.5, 0.5, 0), "left": (0, 0, 1, 0, 0), "right": (0, 0, 0, 1, 0)}),
    ("min", (1, 2, 1, 3, 1), {"torch": (THIRD, 0, THIRD, 0, THIRD), "left": (1, 0, 0, 0, 0), "right": (0, 0, 0, 0, 1)}),
    *((name, (1.5, 1.5), EDGE) for name in ("gt", "ge", "lt", "le", "eq", "ne")),
]  # fmt: skip


@WITH_KINK
def test_every_kink_has_its_conventions_written_down(row: Gate) -> None:
    """A row with a kink has a line in KINKS with every convention it distinguishes."""
    lines = [at for name, point, at in KINKS if name == row.name and len(point) == len(row.inputs)]
    assert lines, f"the row {row.name} has a kink: write its slopes there into KINKS in {__file__}"
    assert {"torch", "left", "right", *row.at} <= set().union(*lines)


@pytest.mark.parametrize(("name", "point", "slopes"), KINKS, ids=lambda part: part if isinstance(part, str) else "")
def test_conventions_at_the_kink(name: str, point: Point, slopes: dict[str, tuple[float, ...]]) -> None:
    """At a kink each convention has the slopes its library documents, `error` refuses, and the kink is reported."""
    row = GATES.get(name) or find(name, len(point))
    graph = whole(row)
    given = {name: float(x) for name, x in zip(row.inputs, point, strict=True)}
    for kinks, wanted in slopes.items():
        found = run(graph, given, kinks)[1]
        assert tuple(found[name] for name in row.inputs) == wanted, kinks
    assert refusal(written(row), "error", **given) == "kink"
    values = forward(graph, given)
    met = list(kinks_met(graph, values, graph.backward(graph.outputs, values)[0]))
    assert [(graph.row(place), row) for place, row in met] == [(row, row)]


@WITH_KINK
def test_no_kink_beside_it(row: Gate) -> None:
    """Away from the kink every convention has the same slopes, `error` too, and nothing is reported."""
    seen = 0
    for point in moderate(row):
        if not condition(row, row.kink[0])(*point, float(truth(row, point))):
            given = dict(zip(row.inputs, point, strict=True))
            graph = whole(row)
            assert all(run(graph, given, kinks) == run(graph, given) for kinks in CONVENTIONS[1:])
            values = forward(graph, given)
            assert not list(kinks_met(graph, values, graph.backward(graph.outputs, values)[0]))
            seen += 1
    assert seen >= 3


@pytest.mark.parametrize(
    ("name", "point"), [(name, point) for name, point, _ in KINKS if len(point) == 1 or name == "clip"]
)
def test_left_and_right_are_the_one_sided_slopes(name: str, point: Point) -> None:
    """For unary gates and the x of clip, `left` and `right` are the limits of mpmath's slopes, on two pieces."""
    row = GATES.get(name) or find(name, len(point))
    first, *rest = row.inputs
    graph, others = whole(row), dict(zip(rest, map(float, point[1:]), strict=True))
    for kinks, side in (("left", -1), ("right", 1)):
        true = witness.one_sided(lambda x, digits: witness.evaluate(graph, {first: x} | others, digits)[graph.output],
                                 float(point[0]), side)  # fmt: skip
        found = run(graph, {first: float(point[0])} | others, kinks)[1][first]
        assert abs(found - true) <= 1e-15
    pieces = [condition(row, row.piece)(x, *others.values(), value_function(row)(x, *others.values()))
              for x in (point[0] - 0.25, point[0] + 0.25)]  # fmt: skip
    assert pieces[0] != pieces[1]


def test_kinks_met_reports_exactly_the_gates_at_a_kink() -> None:
    """Of many gates only those that sit at a kink, depend on a variable and reach the output are reported."""
    graph = parse("unused = abs(x)\nrelu(x) + relu(y) + abs(x + y) + floor(z) + ceil(y) + max(x, 0, z) + min(z, 7)"
                  " + clip(z, 0, 3) + clip(y, 0, 3) + relu(0) + step(x) + where(x >= 0, y, abs(x))")  # fmt: skip
    values = forward(graph, {"x": 0.0, "y": 1.5, "z": 3.0})
    met = kinks_met(graph, values, graph.backward(graph.outputs, values)[0])
    assert sorted(row.name for _, row in met) == ["clip", "floor", "ge", "relu", "step"]


# --- 6: edges ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "point", "wanted"),
    [("x^0", {"x": 0}, (1, 0)), ("x^1", {"x": 0}, (0, 1)), ("x^2", {"x": 0}, (0, 0)), ("x^1.5", {"x": 0}, (0, 0)),
     ("x^0", {"x": -3}, (1, 0)), ("x^3", {"x": -2}, (-8, 12)), ("x^-1", {"x": -2}, (-0.5, -0.25)),
     ("x^2", {"x": -2}, (4, -4)), ("x^y", {"x": 0, "y": 2}, (0, 0, 0)), ("0^y", {"y": 2}, (0, 0)),
     ("x^y", {"x": 1, "y": 0}, (1, 0, 0)), ("sqrt(x)", {"x": 4}, (2, 0.25)),
     ("atan(x)", {"x": 1e200}, (math.pi / 2, 0)), ("hypot(x, y)", {"x": 3e200, "y": 4e200}, (5e200, 0.6, 0.8)),
     ("atan2(x, y)", {"x": 0, "y": 1e-200}, (0, 1e200, 0)), ("atan2(y, x)", {"y": 0, "x": -2}, (math.pi, -0.5, 0)),
     ("sigmoid(x)", {"x": 800}, (1, 0)), ("sigmoid(x)", {"x": -800}, (0, 0)),
     ("softplus(x)", {"x": 800}, (800, 1)), ("softplus(x)", {"x": -800}, (0, 0)),
     ("silu(x)", {"x": 800}, (800, 1)), ("silu(x)", {"x": -800}, (0, 0)),
     ("elu(x)", {"x": 800}, (800, 1)), ("elu(x)", {"x": -800}, (-1, 0)), ("elu(x)", {"x": 0}, (0, 1)),
     ("gelu(x)", {"x": 800}, (800, 1)), ("gelu(x)", {"x": -800}, (0, 0)), ("gelu(x)", {"x": LARGEST}, (LARGEST, 1)),
     ("tanh(x)", {"x": 800}, (1, 0)), ("clip(x, 2, 2)", {"x": 5}, (2, 0)), ("max(x, x)", {"x": 3}, (3, 1))],
)  # fmt: skip
def test_edges(text: str, point: dict[str, float], wanted: tuple[float, ...]) -> None:
    """Values and slopes where the textbook formula would divide by zero, take log 0 or overflow."""
    assert at(text, **{k: float(x) for k, x in point.items()}) == pytest.approx(wanted, rel=4 * EPSILON, abs=0)


@pytest.mark.parametrize("text", ["asin(x)", "acos(x)", "tanh(5*x)", "log1p(-x)"])
def test_slopes_near_an_edge(text: str) -> None:
    """Close to an edge slopes keep their digits, whatever the conditioning would excuse: 1 - x*x has lost some."""
    for x in (1 - 2.0**-40, 2.0**-30 - 1):
        slope = witness.gradient(parse(text), {"x": x})["x"]
        assert at(text, x=x)[1] == pytest.approx(float(slope), rel=ULPS * EPSILON, abs=0)


@pytest.mark.parametrize(
    ("text", "point"),
    [("sqrt(x)", {"x": 0}), ("x^0.5", {"x": 0}), ("asin(x)", {"x": 1}), ("acos(x)", {"x": -1}),
     ("x^y", {"x": -2, "y": 2}),
     ("(-2)^y", {"y": 2}), ("0^y", {"y": 0}), ("hypot(x, y)", {"x": 0, "y": 0}), ("atan2(x, y)", {"x": 0, "y": 0}),
     ("log(x)", {"x": 5e-324}), ("1/x", {"x": 1e-200})],
)  # fmt: skip
def test_no_slope(text: str, point: dict[str, float]) -> None:
    """Where the value exists but the slope does not, the value is given and the slope refused."""
    graph = parse(text)
    assert math.isfinite(forward(graph, point)[graph.output])
    assert refusal(text, **point) == "no-slope"


def test_negative_base_with_a_constant_exponent_beside_a_variable_one() -> None:
    """x^y at (-2, 2) has a slope along x when only x is asked for, as a number in place of y shows."""
    assert at("x^2 + y", x=-2.0, y=2.0) == (6, -4, 1)
    assert at("where(y > 3, x^y, x*y)", x=-2.0, y=2.0) == (-4, 2, -2)


@pytest.mark.parametrize("count", [6, MOST_ARGUMENTS])
def test_many_inputs(count: int) -> None:
    """max and min take up to the limit, and share a tie evenly among all of them."""
    names = [f"v{k}" for k in range(count)]
    for name in ("max", "min"):
        graph = parse(f"{name}({', '.join(names)})")
        values = forward(graph, dict.fromkeys(names, 2.5))
        assert set(reverse(graph, values, {graph.output: 1.0})[:count]) == {1 / count}


# --- 7: where ---------------------------------------------------------------------------------------------


def test_where_evaluates_and_differentiates_only_the_branch_taken() -> None:
    """The branch not taken may be outside its domain, overflow or sit at a kink."""
    assert at("where(x > 0, log(x), x^2)", x=-1.0) == (1, -2)
    assert at("where(x > 0, log(x), x^2)", x=2.0) == (math.log(2), 0.5)
    assert at("where(x < 1, x, exp(x*1000))", "error", x=0.5) == (0.5, 1)
    assert at("where(x < 1, 3, abs(x - 0.5))", "error", x=0.5) == (3, 0)
    assert at("where(x > 0, where(x > 1, log(x - 1), 1/x), sqrt(x))", x=0.5) == (2, -4)
    graph = parse("where(x > 0, log(x), x^2)")
    values = forward(graph, {"x": -1.0})
    assert [graph.row(k).name for k, node in enumerate(graph.gates) if values[node] is None] == ["log"]


def test_where_uses_what_both_branches_share() -> None:
    """A gate that the branch taken uses is evaluated, although the other one uses it too."""
    assert at("s = x^2\nwhere(x > 0, s, -s) + s", x=-3.0) == (0, 0)
    assert refusal("where(log(x) > 0, 1, 2)", x=-1.0) == "outside-domain"


@pytest.mark.parametrize(
    ("sign", "name"), [(">", "gt"), (">=", "ge"), ("<", "lt"), ("<=", "le"), ("==", "eq"), ("!=", "ne")]
)
def test_condition_at_its_edge_is_a_kink(sign: str, name: str) -> None:
    """A condition exactly at its edge is reported and refused by `error`; it has no slope itself."""
    text = f"where(x {sign} 1, 2*x, x^2)"
    graph = parse(text)
    values = forward(graph, {"x": 1.0})
    assert [row.name for _, row in kinks_met(graph, values, graph.backward(graph.outputs, values)[0])] == [name]
    assert refusal(text, "error", x=1.0) == "kink"
    assert at(text, x=1.0)[1] == 2
    assert at(f"where(2 {sign} 2, x, 3*x)", "error", x=1.0)[1] in (1, 3)


# --- 8: names ---------------------------------------------------------------------------------------------


def test_aliases() -> None:
    """Every alias is a new name for a gate that exists, and reads as that gate."""
    for alias, name in ALIASES.items():
        assert alias not in GATES.keys() | FAMILIES.keys() | set(ALIASES.values()) | CONSTANTS.keys()
        count = len(GATES[name].inputs) if name in GATES else FAMILIES[name][0]
        assert find(alias, count) is find(name, count)
        assert parse(f"{alias}({', '.join('abc'[:count])})").row(0) is find(name, count)


def test_function_names() -> None:
    """The names that may stand before a bracket are distinct and each one is found; helpers are not among them."""
    names = function_names()
    assert len(names) == len(set(names))
    assert not {"ties", "place"} & set(names)
    for name in names:
        with pytest.raises(ValueError, match="input"):
            find(name, MOST_ARGUMENTS + 1)


@pytest.mark.parametrize(
    ("name", "count", "sentence"),
    [("exp", 2, "exp takes 1 input, not 2"), ("ln", 0, "log takes 1 input, not 0"),
     ("clip", 2, "clip takes 3 inputs, not 2"), ("minimum", 0, "min needs at least 2 inputs, not 0"),
     ("max", 1001, "max takes at most 1000 inputs, not 1001")],
)  # fmt: skip
def test_wrong_number_of_inputs(name: str, count: int, sentence: str) -> None:
    """A wrong number of inputs is said in a sentence."""
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        find(name, count)


def test_unknown_name() -> None:
    """An unknown name is a KeyError, whatever the number of inputs; a row of a family is built once."""
    for count in (0, 1, 2):
        with pytest.raises(KeyError):
            find("nope", count)
    assert find("max", 3) is find("maximum", 3)
    assert len(find("min", MOST_ARGUMENTS).inputs) == MOST_ARGUMENTS


# --- complex numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [row for row in ROWS if row.analytic], ids=lambda row: row.name)
def test_complex_step(row: Gate) -> None:
    """Im f(x + ih)/h with h = 1e-30 is the slope, to 1e-12."""
    function, step = complex_numbers().function(row), 1e-30
    points = moderate(row)
    if len(row.inputs) == 1:
        further = [(sign * size,) for size in (1e-12, 20.0, 40.0, 300.0) for sign in (1, -1)]
        points += [point for point in further if truth(row, point) is not None]
    if row.name == "pow":
        points += [(-1.01, 101.0), (-1.01, 100.0), (2.0, -101.0), (0.0, 1.0)]
    graph = whole(row)
    for point in points:
        for place, name in enumerate(row.inputs):
            given = dict(zip(row.inputs, point, strict=True))
            slope = witness.gradient(graph, given, (name,))[name]
            if slope is not None:
                inputs = [complex(x, step) if k == place else x for k, x in enumerate(point)]
                found = complex(function(*inputs))
                assert found.imag / step == pytest.approx(float(slope), rel=1e-12, abs=1e-270), (name, point)
