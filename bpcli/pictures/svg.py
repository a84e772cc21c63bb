"""A picture as SVG: no script, no style sheet, no reference; a page can style it through its classes."""

from __future__ import annotations

from collections.abc import Iterator

from bpcli.escaping import html
from bpcli.pictures.layout import Box, Drawing, Join, Route, Shape
from bpcli.pictures.picture import GATE, Node, Picture, Wire
from bpcli.printing import gate_text

#: The lectures' colours, dark enough for text on white (at least 5 to 1).
INK, QUIET, VALUE, GRADIENT, PAPER = "#1a1a1a", "#5f6368", "#116b11", "#c01818", "#ffffff"
#: A face that the PDF compiler has, then what a browser has.
FACE = "DejaVu Sans Mono, Menlo, Consolas, monospace"
SIZE = 12
_DESCENT = 3  # from the baseline to the bottom of a line


def write(picture: Picture, drawing: Drawing) -> str:
    """The SVG document of PICTURE as DRAWING has it laid out.

    Every node is a group ``g.gate[data-node]`` (also ``input`` or ``number``) with ``text.label``, ``text.value`` and
    ``text.gradient``; every wire a group ``g.wire`` with ``data-from``, ``data-to`` and ``data-input`` (the place,
    from 0); a branch where gradients meet a group ``g.join[data-node]``. Texts that are not shown are empty.
    """
    width, height = number(drawing.width), number(drawing.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" font-family="{FACE}" font-size="{SIZE}">',
        f"<title>{html(picture.title)}</title>",
        f"<desc>{html(description(picture))}</desc>",
        f'<rect class="paper" width="{width}" height="{height}" fill="{PAPER}"/>',
    ]
    lines += [_wire(picture, *pair) for pair in zip(picture.wires, drawing.routes, strict=True)]
    lines += ["\n".join(_node(*pair)) for pair in zip(picture.nodes, drawing.shapes, strict=True)]
    lines += [_join(picture, join) for join in drawing.joins]
    return "\n".join([*lines, "</svg>"]) + "\n"


def description(picture: Picture) -> str:
    """The picture in words, for who cannot see it: its gates in order, with what goes into each."""
    graph = picture.graph
    gates = [f"{graph.ids[node]} = {gate_text(graph, place)}" for place, node in enumerate(graph.gates)]
    return f"{len(gates)} gate{'s' * (len(gates) != 1)}, from left to right. {'; '.join(gates)}".rstrip(". ")


def number(value: float) -> str:
    """A coordinate: at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def _wire(picture: Picture, wire: Wire, route: Route) -> str:
    source, target = (html(picture.nodes[end].id) for end in (wire.source, wire.target))
    kind = "wire" if wire.taken else "wire untaken"
    dashes = "" if wire.taken else ' stroke-dasharray="4 3"'
    x, y = route.points[-1]
    local = ""
    if route.local is not None:
        local = _text("local", route.local, wire.local, INK)
    return (
        f'<g class="{kind}" data-from="{source}" data-to="{target}" data-input="{wire.place}">'
        f'<path class="line" d="{path(route.points)}" fill="none" stroke="{QUIET}" stroke-width="1.3"{dashes}/>'
        f'<path class="head" d="M{number(x)} {number(y)}l-7 -3.5v7z" fill="{QUIET}"/>{local}</g>'
    )


def path(points: tuple[tuple[float, float], ...]) -> str:
    """A wire's path: straight at one height, a curve that starts and ends level between two."""
    x, y = points[0]
    pieces = [f"M{number(x)} {number(y)}"]
    for new_x, new_y in points[1:]:
        if new_y == y:
            pieces.append(f"H{number(new_x)}")
        else:
            half = (x + new_x) / 2
            pieces.append(f"C{number(half)} {number(y)} {number(half)} {number(new_y)} {number(new_x)} {number(new_y)}")
        x, y = new_x, new_y
    return "".join(pieces)


def _node(node: Node, shape: Shape) -> Iterator[str]:
    kind = "gate" if node.kind == GATE else f"gate {node.kind}"
    output = " output" if node.is_output else ""
    yield f'<g class="{kind}{output}" data-node="{html(node.id)}">'
    start, end, y = shape.stub
    yield f'<path class="stub" d="M{number(start)} {number(y)}H{number(end)}" stroke="{QUIET}" stroke-width="1.3"/>'
    box = shape.box
    if node.kind == GATE:
        radius = number(min(box.width, box.height) / 2)
        yield (f'<rect class="body" {_place(box)} rx="{radius}" fill="{PAPER}" stroke="{INK}" '
               f'stroke-width="1.3"/>')  # fmt: skip
    yield _text("label", _in_middle(box), node.label, INK)
    if shape.name is not None:
        yield _text("name", shape.name, node.name, QUIET)
    for kind, place, words, asks, colour in (
        ("value", shape.value, node.value, node.asks[0], VALUE),
        ("gradient", shape.gradient, node.gradient, node.asks[1], GRADIENT),
    ):
        if asks:
            yield f'<rect class="blank {kind}" {_place(place)} fill="{PAPER}" stroke="{colour}" stroke-width="0.8"/>'
        if asks and words:
            yield _text(kind, _in_middle(place), words, QUIET)
        else:
            yield _text(kind, place, words, colour)
    yield "</g>"


def _join(picture: Picture, join: Join) -> str:
    node, x, y = html(picture.nodes[join.node].id), number(join.x), number(join.y)
    if not join.adds or picture.show == "values":
        return f'<g class="join" data-node="{node}"><circle cx="{x}" cy="{y}" r="2.5" fill="{QUIET}"/></g>'
    return (
        f'<g class="join adds" data-node="{node}"><circle cx="{x}" cy="{y}" r="5.5" fill="{PAPER}" '
        f'stroke="{GRADIENT}"/><path d="M{number(join.x - 3)} {y}h6M{x} {number(join.y - 3)}v6" stroke="{GRADIENT}"/></g>'
    )


def _place(box: Box) -> str:
    return f'x="{number(box.left)}" y="{number(box.top)}" width="{number(box.width)}" height="{number(box.height)}"'


def _in_middle(box: Box) -> Box:
    """A line of text half way up in BOX."""
    return Box(box.left, box.middle[1] - 7, box.width, 14)


def _text(kind: str, box: Box, words: str, colour: str) -> str:
    x, y = number(box.middle[0]), number(box.bottom - _DESCENT)
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="middle" fill="{colour}">{html(words)}</text>'
