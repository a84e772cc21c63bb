"""A picture for programs that lay it out themselves: vertices and edges, with a vertex of its own at every branch.

A node's two numbers stand on the one edge that leaves it, as on the blackboard; that edge leads to its consumer, to
the branch where its gradients meet, or, for an output, to nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from bpcli.pictures.picture import Node, Picture, Wire

BLANK = "____"


class Edge(NamedTuple):
    """From vertex to vertex; the texts are "" where there is nothing to show."""

    source: str
    target: str
    value: str
    gradient: str
    local: str
    taken: bool


class Wiring(NamedTuple):
    """The vertices, by a plain name for each: nodes, branches (and whether gradients add up there), and ends."""

    nodes: dict[str, Node]
    branches: dict[str, bool]
    ends: list[str]
    edges: list[Edge]


def wiring(picture: Picture) -> Wiring:
    """PICTURE as vertices n0, n1, …, branches b0, … and ends e0, …, numbered as its nodes are."""
    found = Wiring({f"n{k}": node for k, node in enumerate(picture.nodes)}, {}, [], [])
    leaving: list[list[Wire]] = [[] for _ in picture.nodes]
    for wire in picture.wires:
        leaving[wire.source].append(wire)
    for k, (node, wires) in enumerate(zip(picture.nodes, leaving, strict=True)):
        value, gradient = (
            f"{BLANK} {words}".strip() if asks else words
            for words, asks in zip((node.value, node.gradient), node.asks, strict=True)
        )
        if len(wires) == 1:
            (wire,) = wires
            found.edges.append(Edge(f"n{k}", f"n{wire.target}", value, gradient, wire.local, wire.taken))
        elif wires:
            found.branches[f"b{k}"] = picture.show != "values" and sum(wire.carries for wire in wires) > 1
            found.edges.append(Edge(f"n{k}", f"b{k}", value, gradient, "", True))
            found.edges.extend(Edge(f"b{k}", f"n{wire.target}", "", "", wire.local, wire.taken) for wire in wires)
        else:
            found.ends.append(f"e{k}")
            found.edges.append(Edge(f"n{k}", f"e{k}", value, gradient, "", True))
    return found
