"""A picture as a Mermaid flowchart, which web pages and notes draw."""

from __future__ import annotations

import re

from bpcli.pictures.picture import GATE, Node, Picture
from bpcli.pictures.svg import GRADIENT
from bpcli.pictures.wiring import Edge, wiring
from bpcli.trouble import visible


def write(picture: Picture) -> str:
    """The graph as a flowchart from left to right, the gradient under the value on each edge."""
    found = wiring(picture)
    lines = ["flowchart LR"]
    lines += [f"  {name}{_node(node)}" for name, node in found.nodes.items()]
    lines += [f"  {name}(({quoted('+' if adds else ' ')}))" for name, adds in found.branches.items()]
    lines += [f"  {name}[{quoted(' ')}]" for name in found.ends]
    lines += [f"  {_edge(edge)}" for edge in found.edges]
    if found.ends:
        lines += ["  classDef none fill:none,stroke:none", f"  class {','.join(found.ends)} none"]
    if any(found.branches.values()):
        adding = ",".join(name for name, adds in found.branches.items() if adds)
        lines += [f"  classDef adds stroke:{GRADIENT},color:{GRADIENT}", f"  class {adding} adds"]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """TEXT in quotes, with all but letters, digits and points as numbers: Mermaid reads `*`, `+` and `<` as markup."""
    escaped = re.sub(r"[^A-Za-z0-9. ]", lambda found: f"#{ord(found[0])};", visible(text))
    return f'"{escaped}"'


def _node(node: Node) -> str:
    label = quoted(f"{node.name} = {node.label}" if node.name else node.label)
    if node.kind != GATE:
        return f"[{label}]"
    return f"(({label}))" if len(node.label) <= 3 and not node.name else f"([{label}])"


def _edge(edge: Edge) -> str:
    arrow = (
        ("-.-" if edge.target[0] in "be" else "-.->") if not edge.taken else "---" if edge.target[0] in "be" else "-->"
    )
    texts = [quoted(text)[1:-1] for text in (edge.value, edge.gradient and f"gradient {edge.gradient}",
                                             edge.local and f"local {edge.local}") if text]  # fmt: skip
    label = f'|"{"<br/>".join(texts)}"|' if texts else ""
    return f"{edge.source} {arrow}{label} {edge.target}"
