"""Pictures: nothing overlaps, nothing is crossed, nothing is missing; and files of what the lectures' graphs look like."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import pairwise

import formulas
import numpy as np
import pytest

from bpcli.figures import show
from bpcli.pictures.layers import Order, arrange
from bpcli.pictures.layout import SCREEN, Box, Drawing, Measure, isotonic, layout
from bpcli.pictures.picture import SHOWS, Picture, draw
from bpcli.trouble import Trouble

NEURON = "sigmoid(w0*x0 + w1*x1 + w2)"
AT = {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}
NET = "; ".join(f"h{j} = sigmoid(" + " + ".join(f"w{i}{j}*x{i}" for i in range(3)) + f" + b{j})" for j in range(3))
NET += "; y = sigmoid(" + " + ".join(f"v{j}*h{j}" for j in range(3)) + " + c)"
SOFTMAX = "z1 = w1*x + b1; z2 = w2*x + b2; z3 = w3*x + b3; s = exp(z1) + exp(z2) + exp(z3); -log(exp(z2)/s)"

#: Graphs at the edges, and the lectures' own: name -> (formula, value of every variable or None).
EDGES = {
    "one-gate": ("exp(x)", 1.0),
    "constants-only": ("1 + 2*3", None),
    "a-number": ("3", None),
    "a-variable": ("x", 2.0),
    "disconnected": ("a = x + 1; y*z", 2.0),
    "square": ("x*x", 3.0),
    "cube": ("x*x*x", 3.0),
    "chain-of-200": ("sin(" * 200 + "x" + ")" * 200, 1.0),
    "sum-of-100": ("+".join(f"x{k}" for k in range(100)), 1.5),
    "sum-of-one": ("+".join(["x"] * 40), 1.5),
    "net": (NET, 0.3),
    "softmax": (SOFTMAX, 0.7),
    "max-of-9": ("max(a, b, c, d, i, f, g, h, 4)", 0.5),
    "where": ("where(x > 0, x*y, log(-x)) + y", 2.0),
    "long-names": ("learning_rate_of_the_net*x^2", 123456.789),
    "greek": ("θ*x + σ(x)", 2.5),
}


def at(formula: str, value: float | None) -> dict[str, float]:
    from bpcli.passes import parse

    return {name: (value or 0) + k / 7 for k, name in enumerate(parse(formula).inputs)}


# --- the geometry ------------------------------------------------------------------------------------------


def text_box(place: Box, text: str, measure: Measure) -> Box:
    """Where TEXT itself is when it stands in the middle of PLACE."""
    width = measure.text(text)
    return Box(place.middle[0] - width / 2, place.top, width, place.height)


def texts(picture: Picture, drawing: Drawing, measure: Measure) -> list[Box]:
    """Everything written beside a wire or above a node."""
    boxes = []
    for node, shape in zip(picture.nodes, drawing.shapes, strict=True):
        assert (shape.name is not None) == (bool(node.name) and measure.round)
        boxes += [text_box(place, words, measure)
                  for place, words in ((shape.value, node.value), (shape.gradient, node.gradient)) if words]  # fmt: skip
        boxes += [place for place, asks in zip((shape.value, shape.gradient), node.asks, strict=True) if asks]
        boxes += [shape.name] * (shape.name is not None)
    return boxes + [route.local for route in drawing.routes if route.local is not None]


def curve(points: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Points along a wire, close together."""
    found = []
    for (x0, y0), (x1, y1) in pairwise(points):
        for t in np.linspace(0, 1, 12):
            bend = 3 * t**2 - 2 * t**3  # the height of a cubic whose inner points are at the middle and level
            across = x0 + (x1 - x0) * (1.5 * t * (1 - t) ** 2 + 1.5 * t**2 * (1 - t) + t**3)
            found.append((across, y0 + (y1 - y0) * bend))
    return found


def assert_geometry(picture: Picture, drawing: Drawing, measure: Measure = SCREEN) -> None:
    """Nothing overlaps, no wire crosses a text or a strange node, all is inside."""
    bodies = [shape.box for shape in drawing.shapes]
    words = texts(picture, drawing, measure)
    half = measure.join / 2
    marks = [Box(join.x - half, join.y - half, 2 * half, 2 * half) for join in drawing.joins]
    boxes = np.array([*bodies, *words, *marks], dtype=float).reshape(-1, 4)
    left, top = boxes[:, 0], boxes[:, 1]
    right, bottom = left + boxes[:, 2], top + boxes[:, 3]
    assert left.min() >= 0
    assert top.min() >= 0
    assert right.max() <= drawing.width
    assert bottom.max() <= drawing.height
    apart = (left[:, None] >= right - 1e-6) | (top[:, None] >= bottom - 1e-6)
    overlap = ~(apart | apart.T)
    np.fill_diagonal(overlap, False)
    assert not overlap.any(), np.argwhere(overlap)[:3]

    solid = len(bodies) + len(words)
    for number, (wire, route) in enumerate(zip(picture.wires, drawing.routes, strict=True)):
        way = np.array(curve(route.points))
        assert_clear(way, boxes[:solid], {wire.target}, (number, wire))
        assert route.points[0][0] == drawing.shapes[wire.source].stub[1], "it starts where the stub ends"
        assert all(x1 >= x0 for (x0, _), (x1, _) in pairwise(route.points)), "and never goes back"
    for node, shape in enumerate(drawing.shapes):
        start, end, y = shape.stub
        assert_clear(np.array([(x, y) for x in np.linspace(start, end, 30)]), boxes[:solid], {node}, node)


def assert_clear(way: np.ndarray, boxes: np.ndarray, but: set[int], what: object) -> None:
    """WAY goes through none of BOXES except those numbered in BUT."""
    x, y = way[:, :1], way[:, 1:]
    inside = ((x > boxes[:, 0] + 0.1) & (x < boxes[:, 0] + boxes[:, 2] - 0.1)
              & (y > boxes[:, 1] + 0.1) & (y < boxes[:, 1] + boxes[:, 3] - 0.1)).any(axis=0)  # fmt: skip
    assert not set(np.flatnonzero(inside)) - but, (what, np.flatnonzero(inside), boxes[inside])


def assert_operands_in_order(picture: Picture, drawing: Drawing) -> None:
    """The wires of a gate arrive from top to bottom in the order of its inputs, at different heights."""
    arrivals: dict[int, list[float]] = {}
    for wire, route in zip(picture.wires, drawing.routes, strict=True):
        arrivals.setdefault(wire.target, []).append(route.points[-1][1])
    for heights in arrivals.values():
        assert all(upper < lower for upper, lower in pairwise(heights))


def assert_numbers(picture: Picture) -> None:
    """Every value and gradient of the run is in the picture, and nothing that was not computed."""
    result, graph = picture.result, picture.graph
    assert result is not None
    reached = set(graph.backward(graph.outputs, result.values)[0])
    for node in picture.nodes:
        value = result.values[node.place]
        if node.kind != "number":
            assert node.value == ("" if value is None else show(value, 4))
        if node.kind == "input":
            assert node.gradient == show(result.gradients[node.id], 4)
        elif node.kind == "gate":
            assert node.gradient == (show(result.adjoints[node.place], 4) if node.place in reached else "")
        else:
            assert node.gradient == ""
    drawn = {node.place for node in picture.nodes}
    assert drawn >= {*graph.gates, *graph.inputs.values()}


def pictures() -> Iterator[tuple[str, Picture]]:
    for name, (formula, value) in EDGES.items():
        yield name, draw(formula, at(formula, value))


@pytest.mark.parametrize("name", EDGES)
def test_graphs_at_the_edges(name: str) -> None:
    formula, value = EDGES[name]
    picture = draw(formula, at(formula, value))
    assert_numbers(picture)
    for show_ in SHOWS:
        for blanks in (False, True):
            picture = draw(formula, at(formula, value), show=show_, blanks=blanks)
            drawing = layout(picture)
            assert_geometry(picture, drawing)
            assert_operands_in_order(picture, drawing)


@pytest.mark.parametrize("part", range(10))
def test_random_graphs(part: int) -> None:
    """The same of 300 random formulas, in each way of showing them."""
    for number, formula in enumerate(formulas.many(300)[part::10]):
        picture = draw(formula.text, formula.point)
        assert_numbers(picture)
        picture = draw(formula.text, formula.point, show=SHOWS[number % 5], blanks=number % 7 == 0)
        drawing = layout(picture)
        assert_geometry(picture, drawing)
        assert_operands_in_order(picture, drawing)


def test_trees_have_no_crossing() -> None:
    for formula in (NEURON, "((a+b)*(c-d)) / ((f*g) + exp(h))", "a*(b*(c*(d*(f*(g+h)))))", "max(a, b*c, d, f^g)"):
        arranged = arrange(draw(formula))
        assert Order(arranged, arranged.columns).crossings() == 0


def test_long_wires_do_not_cross_what_can_be_gone_round() -> None:
    """Inputs that are used in several columns, drawn without a crossing where there is a way."""
    for formula in (
        "x*sigmoid(x)",
        "exp(x)/(1 + exp(x))",
        "(y + x)*sin(x)",
        "a = x*y; b = exp(a); a*b",
        "x^2 + sin(x)",
    ):
        arranged = arrange(draw(formula))
        assert Order(arranged, arranged.columns).crossings() == 0, formula


def test_isotonic_against_all_ways_to_pool() -> None:
    """The least squares under an order, found by trying every way to cut the row into pools."""
    generator = np.random.default_rng(4)
    for _ in range(200):
        count = int(generator.integers(1, 7))
        wanted = [
            (float(h), float(w))
            for h, w in zip(generator.normal(size=count), generator.random(count) + 0.1, strict=True)
        ]
        best = min(
            (sum(w * (h - y) ** 2 for (h, w), y in zip(wanted, ys, strict=True)), ys)
            for ys in pooled(wanted) if all(a <= b + 1e-12 for a, b in pairwise(ys))
        )  # fmt: skip
        assert np.allclose(isotonic(wanted), best[1])


def pooled(wanted: list[tuple[float, float]]) -> Iterator[list[float]]:
    """The heights for every way to cut WANTED into pools, each at its mean."""
    for cuts in range(2 ** (len(wanted) - 1)):
        pools = [[wanted[0]]]
        for k, one in enumerate(wanted[1:]):
            if cuts >> k & 1:
                pools.append([one])
            else:
                pools[-1].append(one)
        yield [sum(h * w for h, w in pool) / sum(w for _, w in pool) for pool in pools for _ in pool]


def test_too_much_to_draw() -> None:
    for formula in ("+".join(f"x{k}" for k in range(400)), "+".join(f"x*y{k}*z" for k in range(130))):
        with pytest.raises(Trouble) as caught:
            draw(formula).svg()
        assert caught.value.code == "too-large-to-draw"
        assert caught.value.tries == ("--format dot",)


# --- SVG ---------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def test_svg_is_xml_with_every_number() -> None:
    for _, picture in pictures():
        root = ET.fromstring(picture.svg())
        groups = {
            group.get("data-node"): group for group in root.iter(f"{SVG}g") if "gate" in group.get("class").split()
        }
        assert list(groups) == [node.id for node in picture.nodes]
        for node in picture.nodes:
            found = {text.get("class"): text.text or "" for text in groups[node.id].iter(f"{SVG}text")}
            assert (found["value"], found["gradient"], found["label"]) == (node.value, node.gradient, node.label)
        wires = [group for group in root.iter(f"{SVG}g") if "wire" in group.get("class").split()]
        assert [(g.get("data-from"), g.get("data-to"), int(g.get("data-input"))) for g in wires] == [
            (picture.nodes[w.source].id, picture.nodes[w.target].id, w.place) for w in picture.wires
        ]
        names = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert names <= {"svg", "title", "desc", "rect", "g", "path", "text", "circle"}
        attributes = {name for element in root.iter() for name in element.attrib}
        assert not [name for name in attributes if name.startswith("on") or "href" in name or name == "style"]
