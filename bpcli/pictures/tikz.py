"""A picture as a `tikzpicture`, for slides and papers: it needs the package tikz and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from bpcli.escaping import tex_code
from bpcli.pictures.layout import Box, Drawing, Join, Route, Shape
from bpcli.pictures.picture import GATE, Node, Picture, Wire
from bpcli.pictures.svg import GRADIENT, INK, QUIET, VALUE, number


def write(picture: Picture, drawing: Drawing) -> str:
    """The picture in TikZ, in the coordinates of DRAWING (0.75 pt each, as a pixel is on paper)."""
    title = picture.title.encode("ascii", "backslashreplace").decode()
    lines = [f"% {line}" for line in title.splitlines()]
    lines += [r"% \documentclass{standalone} \usepackage{tikz}", r"\begin{tikzpicture}[x=0.75pt, y=-0.75pt,"]
    lines += [
        r"  text around/.style={inner sep=0pt, outer sep=0pt, text height=1.4ex, text depth=0.3ex,"
        r" font=\ttfamily\fontsize{9}{9}\selectfont},",
        "  wire/.style={draw=bpquiet, line width=1pt}, gate/.style={draw=bpink, line width=1pt, fill=white},",
        "  every node/.style={text around}]",
    ]
    lines += [f"  \\definecolor{{{name}}}{{HTML}}{{{colour[1:].upper()}}}"
              for name, colour in (("bpink", INK), ("bpquiet", QUIET), ("bpvalue", VALUE), ("bpgradient", GRADIENT))]  # fmt: skip
    lines.append(f"  \\useasboundingbox (0,0) rectangle ({number(drawing.width)},{number(drawing.height)});")
    for wire, route in zip(picture.wires, drawing.routes, strict=True):
        lines += _wire(wire, route)
    for node, shape in zip(picture.nodes, drawing.shapes, strict=True):
        lines += _node(node, shape)
    lines += [_join(picture, join) for join in drawing.joins]
    return "\n".join([*lines, r"\end{tikzpicture}"]) + "\n"


def _wire(wire: Wire, route: Route) -> Iterator[str]:
    (x, y), *rest = route.points
    steps = [f"({number(x)},{number(y)})"]
    for new_x, new_y in rest:
        if new_y == y:
            steps.append(f"-- ({number(new_x)},{number(new_y)})")
        else:
            half = number((x + new_x) / 2)
            steps.append(
                f".. controls ({half},{number(y)}) and ({half},{number(new_y)}) .. ({number(new_x)},{number(new_y)})"
            )
        x, y = new_x, new_y
    yield f"  \\draw[wire{'' if wire.taken else ', dashed'}, -latex] {' '.join(steps)};"
    if route.local is not None:
        yield _text(route.local, wire.local, "bpink")


def _node(node: Node, shape: Shape) -> Iterator[str]:
    start, end, y = shape.stub
    yield f"  \\draw[wire] ({number(start)},{number(y)}) -- ({number(end)},{number(y)});"
    if node.kind == GATE:
        radius = number(min(shape.box.width, shape.box.height) / 2 * 0.75)
        yield f"  \\path[gate, rounded corners={radius}pt] {_rectangle(shape.box)};"
    yield _text(shape.box, node.label, "bpink")
    if shape.name is not None:
        yield _text(shape.name, node.name, "bpquiet")
    for place, words, asks, colour in ((shape.value, node.value, node.asks[0], "bpvalue"),
                                       (shape.gradient, node.gradient, node.asks[1], "bpgradient")):  # fmt: skip
        if asks:
            yield f"  \\draw[{colour}, fill=white] {_rectangle(place)};"
        if words:
            yield _text(place, words, "bpquiet" if asks else colour)


def _join(picture: Picture, join: Join) -> str:
    at = f"({number(join.x)},{number(join.y)})"
    if not join.adds or picture.show == "values":
        return f"  \\fill[bpquiet] {at} circle[radius=1.9pt];"
    x, y = join.x, join.y
    return (f"  \\draw[bpgradient, fill=white] {at} circle[radius=4.1pt] ({number(x - 3)},{number(y)}) -- "
            f"({number(x + 3)},{number(y)}) ({number(x)},{number(y - 3)}) -- ({number(x)},{number(y + 3)});")  # fmt: skip


def _rectangle(box: Box) -> str:
    return f"({number(box.left)},{number(box.top)}) rectangle ({number(box.right)},{number(box.bottom)})"


def _text(box: Box, words: str, colour: str) -> str:
    x, y = box.middle
    return f"  \\node[text={colour}] at ({number(x)},{number(y)}) {{{tex_code(words)}}};"
