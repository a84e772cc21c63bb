"""A picture in the DOT language of Graphviz."""

from __future__ import annotations

from bpcli.escaping import html
from bpcli.pictures.picture import GATE, Node, Picture
from bpcli.pictures.svg import GRADIENT, QUIET, VALUE
from bpcli.pictures.wiring import Edge, wiring
from bpcli.trouble import visible


def write(picture: Picture) -> str:
    """The graph as DOT, values green and gradients red on the edges, inputs of a gate in their order."""
    found = wiring(picture)
    lines = [
        f"digraph {quoted(picture.title)} {{",
        "  rankdir=LR; ordering=in;",
        '  node [fontname="monospace", fontsize=12, margin="0.05,0.02"];',
        '  edge [fontname="monospace", fontsize=11, arrowsize=0.6];',
    ]
    lines += [f"  {name} [{_node(node)}];" for name, node in found.nodes.items()]
    lines += [
        f'  {name} [shape=circle, label="+", width=0.2, fixedsize=true, color="{GRADIENT}", fontcolor="{GRADIENT}"];'
        if adds else f"  {name} [shape=point];"
        for name, adds in found.branches.items()
    ]  # fmt: skip
    lines += [f'  {name} [shape=none, label="", width=0];' for name in found.ends]
    lines += [f"  {edge.source} -> {edge.target}{_edge(edge)};" for edge in found.edges]
    return "\n".join([*lines, "}"]) + "\n"


def quoted(text: str) -> str:
    """TEXT as a quoted name of the DOT language; a backslash is one, not the start of an escape."""
    text = visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def _node(node: Node) -> str:
    shape = "plaintext" if node.kind != GATE else "circle" if len(node.label) <= 3 else "box, style=rounded"
    extra = f", xlabel={quoted(node.name)}" if node.name else ""
    return f"shape={shape}, label={quoted(node.label)}{extra}, tooltip={quoted(node.id)}"


def _edge(edge: Edge) -> str:
    attributes = []
    coloured = [f'<font color="{colour}">{html(text)}</font>'
                for text, colour in ((edge.value, VALUE), (edge.gradient, GRADIENT)) if text]  # fmt: skip
    if coloured:
        attributes.append(f"label=<{'<br/>'.join(coloured)}>")
    if edge.local:
        attributes.append(f'headlabel={quoted(edge.local)}, labelfontcolor="{QUIET}"')
    if not edge.taken:
        attributes.append("style=dashed")
    if edge.target.startswith("b") or edge.target.startswith("e"):
        attributes.append("arrowhead=none")
    return f" [{', '.join(attributes)}]" if attributes else ""
