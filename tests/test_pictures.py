"""Pictures: nothing overlaps, nothing is crossed, nothing is missing; and files of what the lectures' graphs look like."""

from __future__ import annotations

import html
import random
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import formulas
import numpy as np
import pytest
from sessions import Command

import bpcli
import bpcli.commands.graph as graph_command
from bpcli.figures import show
from bpcli.gates import GATES
from bpcli.graph import Builder
from bpcli.pictures import raster, terminal
from bpcli.pictures.channel import channel
from bpcli.pictures.formats import ENDINGS, FORMATS, contents, format_of
from bpcli.pictures.layers import Order, arrange
from bpcli.pictures.layout import SCREEN, Box, Drawing, Measure, isotonic, layout
from bpcli.pictures.picture import SHOWS, Picture, draw
from bpcli.pictures.tree import tree
from bpcli.printing import GREEK
from bpcli.trouble import Trouble, visible
from bpcli.typesetter import compiler

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


# --- text --------------------------------------------------------------------------------------------------

WAYS = {character: directions for directions, character in terminal._BOXES.items()}
OPPOSITE = {terminal.UP: terminal.DOWN, terminal.DOWN: terminal.UP, terminal.LEFT: terminal.RIGHT,
            terminal.RIGHT: terminal.LEFT}  # fmt: skip
STEPS = {terminal.UP: (-1, 0), terminal.DOWN: (1, 0), terminal.LEFT: (0, -1), terminal.RIGHT: (0, 1)}


def plain_lines(lines: list[terminal.Line]) -> list[str]:
    return ["".join(words for words, _ in line) for line in lines]


def followed(lines: list[str], row: int, column: int) -> set[tuple[int, int]]:
    """Where an eye that follows the wire from a cell rightwards gets to: the arrowheads."""
    found: set[tuple[int, int]] = set()
    stack, seen = [(row, column, terminal.RIGHT)], set()
    while stack:
        row, column, going = stack.pop()
        if (row, column, going) in seen:
            continue
        seen.add((row, column, going))
        character = lines[row][column] if column < len(lines[row]) else " "
        if character == "►":
            found.add((row, column))
            continue
        if character == "+":
            character = "─"
        if character == "│" and going in (terminal.LEFT, terminal.RIGHT):
            ways = going  # a gap in the wire where another one crosses it
        else:
            assert character in WAYS, (row, column, character)
            ways = WAYS[character] & ~OPPOSITE[going]
            assert WAYS[character] & OPPOSITE[going], "the wire comes in where it can"
        for way, (down, right) in STEPS.items():
            if ways & way:
                stack.append((row + down, column + right, way))
    return found


def assert_text(picture: Picture, measure: Measure) -> None:
    """Every text stands in its place, and every wire can be followed to where it goes, and nowhere else."""
    drawing = layout(picture, measure)
    lines = plain_lines(terminal.Canvas(picture, drawing, measure).lines())
    assert max(map(len, lines)) <= drawing.width
    for k, (node, shape) in enumerate(zip(picture.nodes, drawing.shapes, strict=True)):
        for place, words in ((shape.value, node.value), (shape.gradient, node.gradient)):
            start = int(place.left + (place.width - len(words)) // 2)
            assert not words or lines[int(place.top)][start : start + len(words)] == words
        label = f"({node.label})" if node.kind == "gate" else node.label
        row = int(shape.stub[2])
        assert lines[row][int(shape.box.left) :].startswith(label)
        if node.name:
            assert lines[row][int(shape.box.right) + 1 :].startswith(node.name)
        wires = [route for wire, route in zip(picture.wires, drawing.routes, strict=True) if wire.source == k]
        if wires:
            arrivals = {(int(route.points[-1][1]), int(route.points[-1][0]) - 1) for route in wires}
            assert followed(lines, row, int(shape.stub[1]) - 1) == arrivals


@pytest.mark.parametrize("part", range(5))
def test_text_of_random_graphs(part: int) -> None:
    for number, formula in enumerate(formulas.many(100)[part::5]):
        picture = draw(formula.text, formula.point, show=SHOWS[number % 5])
        for measure in (terminal.ROOMY, terminal.TIGHT):
            assert_text(picture, measure)


@pytest.mark.parametrize("name", EDGES)
def test_text_of_graphs_at_the_edges(name: str) -> None:
    formula, value = EDGES[name]
    for show_ in ("both", "local"):
        assert_text(draw(formula, at(formula, value), show=show_), terminal.TIGHT)


def test_channels_of_every_kind() -> None:
    """Bundles that pass, swap and turn about, at random: no line lies on another, and all arrive."""
    choices = random.Random(7)
    for _ in range(600):
        rows = list(range(choices.randint(1, 9)))
        sources = choices.sample(rows, choices.randint(1, len(rows)))
        ends = choices.sample(rows, choices.randint(len(sources), len(rows)))
        bundles = [(source, sorted(ends[k :: len(sources)])) for k, source in enumerate(sources)]
        lines = channel(bundles)
        for one, other in combinations(lines.posts, 2):
            assert one.track != other.track or one.bottom < other.top or other.bottom < one.top
        for one, other in combinations(lines.runs, 2):
            if one.row == other.row and one.bundle != other.bundle:
                first, last = sorted((one, other), key=lambda run: -1 if run.start is None else run.start)
                assert first.end is not None
                assert last.start is not None
                assert first.end < last.start
        for bundle, (source, wanted) in enumerate(bundles):
            posts = [post for post in lines.posts if post.bundle == bundle]
            runs = [run for run in lines.runs if run.bundle == bundle]
            assert [run.row for run in runs if run.start is None] == [source]
            assert sorted(run.row for run in runs if run.end is None) == wanted
            for run in runs:
                for track in {run.start, run.end} - {None}:
                    assert any(post.track == track and post.top <= run.row <= post.bottom for post in posts)


@pytest.mark.parametrize("width", [20, 40, 80])
def test_the_tree_has_every_number(width: int) -> None:
    for name, picture in pictures():
        lines = plain_lines(list(tree(picture, width)))
        if width == 80 and name != "long-names":
            assert max(map(len, lines)) <= width
        words = " ".join(lines).split()
        for node in picture.nodes:
            assert node.value in {"", *words}
            assert node.gradient in {"", *words}
        shown = [node for node in picture.nodes if node.kind == "gate"]
        gates = [line for line in lines[1:] if "(below)" not in line]
        assert len(gates) >= len(shown), "every gate has a line of its own"


def test_a_very_deep_tree_is_not_indented_without_end() -> None:
    picture = draw("sin(" * 2000 + "x" + ")" * 2000, x=1)
    page = terminal.page(picture, 100_000)
    assert page.is_tree
    lines = plain_lines(page.lines)
    assert max(map(len, lines)) < 200
    assert sum("sin" in line and "(below)" not in line for line in lines) == 2000


def test_what_stands_below_stands_below() -> None:
    lines = plain_lines(list(tree(draw("a = x*y; b = a + 1; c = a*b; a + b + c", x=1, y=2), 60)))
    for k, line in enumerate(lines):
        if "(below)" in line:
            name = line.replace("(below)", "").strip("├└│─ ").strip()
            assert next(at for at, other in enumerate(lines) if other.startswith(f"{name} = ")) > k


# --- files -------------------------------------------------------------------------------------------------

GOLDEN = Path(__file__).parent / "pictures"
#: What the lectures draw, and the graphs at the edges that show most: name -> how to draw it.
DRAWN: dict[str, dict[str, Any]] = {
    "xyz": {"formula": "q = x + y; f = q*z", "x": -2, "y": 5, "z": -4},
    "neuron": {"formula": NEURON, "expand": True, **AT},
    "neuron-exercise": {"formula": NEURON, "expand": True, "show": "nothing", "blanks": True, **AT},
    "neuron-local": {"formula": NEURON, "expand": True, "show": "local", **AT},
    "softmax": {"formula": SOFTMAX, **at(SOFTMAX, 0.7)},
    "branches": {"formula": "where(x > 0, x*x, log(-x)) + max(x, 2, y)", "x": 1, "y": 2},
    "structure": {"formula": "relu(w*x + b)"},
    "arrays": {"formula": "sum((X @ W + b)^2)", "X": [[1, 2], [3, 4], [5, 6]], "W": [1, -1], "b": 2},
    "arrays-exercise": {"formula": "c = concat(x, relu(W @ x)); f = dot(v, c)", "show": "nothing", "blanks": True,
                        "x": [1, -2], "W": [[1, 2], [3, -4]], "v": [1, 2, 3, 4]},
}  # fmt: skip
SUFFIXES = {"svg": "svg", "tikz": "tex", "dot": "dot", "mermaid": "mmd", "text": "txt"}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("kind", SUFFIXES)
def test_golden_pictures(name: str, kind: str, request: pytest.FixtureRequest) -> None:
    """The pictures as they were looked at; `pytest --update` writes them anew: look at them again."""
    file = GOLDEN / f"{name}.{SUFFIXES[kind]}"
    found = contents(draw(**DRAWN[name]), kind)
    if request.config.getoption("--update"):
        file.write_bytes(found)
    assert found == file.read_bytes()


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_bytes_in_another_process(seed: str) -> None:
    words = [NEURON, *[f"--{name}={value}" for name, value in AT.items()], "--expand", "--format", "svg"]
    done = subprocess.run([sys.executable, "-m", "bpcli", "graph", *words], capture_output=True, check=True,
                          env={"PYTHONHASHSEED": seed, "LC_ALL": "C"})  # fmt: skip
    assert done.stdout == (GOLDEN / "neuron.svg").read_bytes()


HOSTILE = '</text><script>alert(1)</script>&amp; "q" \\end{tikzpicture}\\input{x} $#%_^~`*|<b> -->\x1b[31m\u202e'


def hostile() -> Picture:
    """A picture whose names and formula try to be something else than text."""
    builder = Builder()
    node = builder.gate(GATES["exp"], (builder.input(HOSTILE),))
    builder.names[node] = f"n{HOSTILE}"
    return draw(builder.finish([node], source=f"{HOSTILE}\n{HOSTILE}"))


def test_hostile_names_are_text_in_svg() -> None:
    document = hostile().svg()
    root = ET.fromstring(document)
    texts_ = [element.text for element in root.iter(f"{SVG}text") if element.get("class") in ("label", "name")]
    assert texts_ == [visible(HOSTILE), "exp", visible(f"n{HOSTILE}")]
    assert {element.tag for element in root.iter()} <= {
        f"{SVG}{name}" for name in ("svg", "title", "desc", "rect", "g", "path", "text", "circle")
    }
    assert "\x1b" not in document


def test_hostile_names_are_text_in_tikz() -> None:
    document = contents(hostile(), "tikz").decode()
    assert_tikz(document)
    assert r"\textbackslash{}end\{tikzpicture\}" in document


def test_hostile_names_are_text_in_dot_and_mermaid() -> None:
    assert_dot(contents(hostile(), "dot").decode())
    for line in contents(hostile(), "mermaid").decode().splitlines():
        assert re.fullmatch(r'flowchart LR|  [nbe]\d+[\[(]+"[\w.# ;]*"[\])]+|  \w+ \S+ [\w,]+( none)?|  [nbe]\d+ [-.>]+'
                            r'(\|"([\w.# ;]|<br/>)*"\|)? [nbe]\d+|  classDef .*', line, re.ASCII), line  # fmt: skip


_TIKZ = re.compile(r"\\(?:draw|node|path|fill|definecolor|useasboundingbox)\b[^\n]*;?")


def assert_tikz(document: str) -> None:
    """One environment, balanced braces, one path on a line, and no command but those that the writer knows."""
    lines = [line for line in document.splitlines() if not line.startswith("%")]
    assert document.isascii()
    assert lines[0].startswith(r"\begin{tikzpicture}[")
    assert lines[-1] == r"\end{tikzpicture}"
    body = "\n".join(lines)
    assert body.count("tikzpicture") - body.count(r"\{tikzpicture") == 2
    bare = re.sub(r"\\[{}]", "", body)
    depth = 0
    for character in bare:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    commands = set(re.findall(r"\\([A-Za-z]+|.)", body))
    assert commands <= {
        "begin", "end", "draw", "node", "path", "fill", "definecolor", "useasboundingbox", "ttfamily", "fontsize",
        "selectfont", "textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar",
        "textasciigrave", "char", "textquotesingle", "ensuremath", "ldots", *"{}$&#%_", *GREEK,
    }  # fmt: skip
    start = lines.index(next(line for line in lines if "useasboundingbox" in line))
    assert all(re.fullmatch(r"  \\(draw|node|path|fill|useasboundingbox).*;", line) for line in lines[start:-1])


@pytest.mark.parametrize("name", DRAWN)
def test_tikz_structure(name: str) -> None:
    assert_tikz((GOLDEN / f"{name}.tex").read_text())


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no TeX here")
@pytest.mark.slow
@pytest.mark.parametrize("name", [*DRAWN, "hostile"])
def test_tikz_compiles(name: str, tmp_path: Path) -> None:
    picture = contents(draw(**DRAWN[name]) if name in DRAWN else hostile(), "tikz").decode()
    document = f"\\documentclass{{standalone}}\\usepackage{{tikz}}\\begin{{document}}\n{picture}\\end{{document}}\n"
    (tmp_path / "a.tex").write_text(document)
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


_QUOTED = r'"(?:[^"\\\n]|\\.)*"'
_HTML = r'<(?:<font color="#[0-9a-f]{6}">[^<>]*</font>(?:<br/>)?)+>'
_ATTRIBUTES = rf"\[\w+=(?:[\w.]+|{_QUOTED}|{_HTML})(?:, \w+=(?:[\w.]+|{_QUOTED}|{_HTML}))*\]"


def assert_dot(document: str) -> None:
    """Statements of the DOT grammar, one on a line, about vertices that are declared."""
    first, *lines, last, end = document.split("\n")
    assert re.fullmatch(rf"digraph {_QUOTED} {{", first)
    assert (last, end) == ("}", "")
    names = set()
    for line in lines:
        match = re.fullmatch(rf"  (\w+)(?: -> (\w+))?(?: {_ATTRIBUTES})?;|  rankdir=LR; ordering=in;", line)
        assert match, line
        if match[2]:
            assert {match[1], match[2]} <= names
        else:
            names.add(match[1])


@pytest.mark.parametrize("name", DRAWN)
def test_dot_and_mermaid_have_every_number(name: str) -> None:
    picture = draw(**DRAWN[name])
    document = (GOLDEN / f"{name}.dot").read_text()
    assert_dot(document)
    mermaid = html.unescape(re.sub(r"#(\d+);", r"&#\1;", (GOLDEN / f"{name}.mmd").read_text()))
    for node in picture.nodes:
        for words in filter(None, (node.value, node.gradient)):
            assert re.search(rf"[> ]{re.escape(words)}<", document)
            assert re.search(rf'["> ]{re.escape(words)}[<"]', mermaid)


def test_png_and_pdf() -> None:
    picture = draw(**DRAWN["neuron"])
    drawing = layout(picture)
    png, pdf = contents(picture, "png"), contents(picture, "pdf")
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (2 * drawing.width, 2 * drawing.height)
    assert pdf[:5] == b"%PDF-"
    assert (png, pdf) == (contents(picture, "png"), contents(picture, "pdf"))


def test_a_very_wide_picture_still_fits_a_page() -> None:
    picture = draw("sin(" * 200 + "x" + ")" * 200, x=1)
    assert layout(picture).width > 20_000
    png = contents(picture, "png")
    assert int.from_bytes(png[16:20], "big") <= 16_384
    assert max(raster.page_size(layout(picture))) <= 14_400
    assert contents(picture, "pdf")[:5] == b"%PDF-"


def test_without_the_pdf_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    monkeypatch.setattr(raster, "compiler", compiler.__wrapped__)
    with pytest.raises(Trouble, match="typst") as caught:
        contents(draw("x*y"), "pdf")
    assert caught.value.exit_code == 4
    assert list(caught.value.tries) == ["pip install 'bpcli[pdf]'", "--out picture.svg"]


def test_endings() -> None:
    for name, endings in ENDINGS.items():
        assert {format_of(f"a.b/c{ending.upper()}") for ending in endings} == {name}
    for target in ("picture", "picture.jpeg", ".svg"):
        with pytest.raises(Trouble, match=r"\.svg, \.png"):
            format_of(target)
    assert graph_command.FORMATS == FORMATS
    assert graph_command.SHOWS == SHOWS


# --- the command and the notebook --------------------------------------------------------------------------


def test_files_are_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.svg"
    target.write_text("before")
    words = ["graph", "x*y", "--x=2", "--y=3", "-o", str(target)]
    with monkeypatch.context() as patch:
        patch.setattr("bpcli.pictures.svg.write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Command({}, words, "").in_process()
    assert target.read_text() == "before"
    assert Command({}, words, "").in_process() == (0, "", "")
    assert target.read_text() == draw("x*y", x=2, y=3).svg()
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]
    nowhere = Command({}, [*words[:-1], str(tmp_path / "no" / "a.svg")], "").in_process()
    assert (nowhere.code, nowhere.out) == (4, "")
    assert nowhere.err.startswith("error: cannot write ")


def test_every_format_goes_to_standard_output_too() -> None:
    for name in FORMATS:
        words = [sys.executable, "-m", "bpcli", "graph", "x*y", "--x=2", "--y=3", "--format", name]
        done = subprocess.run(words, capture_output=True, check=True)
        if name != "text":
            assert done.stdout == contents(draw("x*y", x=2, y=3), name, expression="x*y")


def test_an_encoding_without_boxes_gets_ascii() -> None:
    words = [sys.executable, "-m", "bpcli", "graph", "(x+y)*z"]
    done = subprocess.run(words, capture_output=True, check=True, env={"PYTHONIOENCODING": "ascii"})
    assert b"(+)--->." in done.stdout
    assert done.stdout.isascii()
    assert b"\\u" not in done.stdout


def test_a_notebook_shows_the_picture() -> None:
    picture = draw("x*y", x=2, y=3)
    assert picture._repr_svg_() == picture._repr_html_() == picture.svg()
    graph = bpcli.parse("x*y")
    assert graph._repr_svg_() == draw("x*y").svg()
    assert bpcli.parse("+".join(f"x{k}" for k in range(500)))._repr_svg_() is None
    assert "(*)" in str(picture)


def test_record_is_the_run() -> None:
    record = draw("q = x + y; where(q > 0, q*z, log(q))", x=-2, y=5, z=-4).record("…")
    numbers = {node["id"]: (node["value"], node["gradient"]) for node in record["nodes"]}
    assert numbers == {"x": (-2.0, -4.0), "y": (5.0, -4.0), "q": (3.0, -4.0), "g1": (1.0, None), "z": (-4.0, 3.0),
                       "g2": (-12.0, 1.0), "g3": (None, None), "g4": (-12.0, 1.0)}  # fmt: skip
    hidden = draw("x*y", x=2, y=3, show="nothing").record("x*y")
    assert {node[key] for node in hidden["nodes"] for key in ("value", "gradient")} == {None}


def test_an_exercise_gives_what_it_must_and_no_more() -> None:
    picture = draw("(x+y)*z", x=-2, y=5, z=-4, show="nothing", blanks=True, upstream=2.5)
    assert [(node.id, node.value, node.gradient, node.asks) for node in picture.nodes] == [
        ("x", "-2", "", (False, True)), ("y", "5", "", (False, True)), ("g1", "", "", (True, True)),
        ("z", "-4", "", (False, True)), ("g2", "", "2.5", (True, False)),
    ]  # fmt: skip


def test_in_the_blank_for_an_array_stands_its_shape() -> None:
    picture = draw("f = sum(W @ x)", x=[1, -2], W=[[1, 2], [3, 4], [5, 6]], show="nothing", blanks=True)
    assert {(node.id, node.value, node.gradient, node.asks) for node in picture.nodes} == {
        ("x", "[1, -2]", "(2,)", (False, True)), ("W", "[[1, 2], [3, 4], [5, 6]]", "(3, 2)", (False, True)),
        ("g1", "(3,)", "(3,)", (True, True)), ("f", "", "", (True, True)),
    }  # fmt: skip
    record = {node["id"]: (node["value"], node["gradient"]) for node in picture.record("…")["nodes"]}
    assert record["g1"] == record["f"] == (None, None), "an answer"


def test_derivatives_with_shared_parts_are_drawn_without_being_written_out() -> None:
    """Written out, this graph has 2^60 gates."""
    builder = Builder()
    node = builder.input("x")
    for _ in range(60):
        node = builder.gate(GATES["mul"], (node, node))
    picture = draw(builder.finish([node]))
    assert picture.reading.startswith("g1 = x*x; g2 = g1*g1; ")
    assert picture.svg().count('<text class="label"') == 61


@pytest.mark.parametrize(("formula", "labels"), [
    ("1/x", ["1/x"]), ("x/2", ["/2"]), ("x*-1", ["*-1"]), ("-2*x", ["*-2"]), ("x - -3", ["-(-3)"]), ("3 - x", ["3-x"]),
    ("2^x", ["2^x"]), ("x^-2", ["^-2"]), ("x + -1", ["+(-1)"]), ("1 + x", ["+1"]), ("max(0, x)", ["max(0, x)"]),
    ("x*pi", ["*pi"]), ("-x", ["-x"]), ("|x|", ["abs"]), ("clip(x, 0, 1)", ["clip(x, 0, 1)"]), ("x @ W.T", ["x.T", "@"]),
    ("where(x > 0, x, 0)", [">0", "where"]), ("a[1]", ["x[1]"]), ("sum(a, axis=0)", ["sum(x, axis=0)"]),
    ("x + [1, 2]", ["+[1, 2]"]), ("(-1)^x", ["(-1)^x"]), ("-1 - x", ["-1-x"]), ("softmax(x)*y", ["softmax", "*"]),
])  # fmt: skip
def test_labels(formula: str, labels: list[str]) -> None:
    assert [node.label for node in draw(formula).nodes if node.kind == "gate"] == labels
