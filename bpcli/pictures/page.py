"""A picture as one HTML file that a class steps through: no request, no framework, everything computed in the page.

The page is `lesson.html` with four things put into it: the SVG, a style sheet, a script, and the graph as JSON. The
script is the same for every formula but for the rules of its gates, which `bpcli.javascript` writes from the table.
What a user typed is in the JSON and in escaped text, nowhere else; the policy in the page's head lets only that one
script and that one style sheet run, by their hashes.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from bpcli import __version__
from bpcli.escaping import html
from bpcli.figures import show_nested
from bpcli.gates import COMPARES, CONVENTIONS
from bpcli.graph import WHERE, Graph, figure
from bpcli.javascript import key, rules
from bpcli.passes import Gradients
from bpcli.pictures import svg
from bpcli.pictures.labels import number_text
from bpcli.pictures.layout import SCREEN, layout
from bpcli.pictures.picture import NONE, NUMBER, Picture, numbers
from bpcli.pictures.picture import picture as describe
from bpcli.printing import FORMULA, gate_text, program, template
from bpcli.refusal import operand
from bpcli.trouble import Trouble, visible

_HERE = Path(__file__).parent
_SCRIPTS = ("arithmetic", "figures", "passes", "lesson", "steps", "drawing", "controls")
_LONGEST_TITLE = 60
_LARGEST_ARRAY = 64  # entries written out in words; of a larger array its shape and norm


class _Choices(NamedTuple):
    digits: int
    kinks: str
    upstream: Any
    hide: bool


def write(picture: Picture, digits: int = 4, *, kinks: str | None = None, upstream: Any = None,
          hide: bool = False) -> str:  # fmt: skip
    """The page for PICTURE; numbers with DIGITS significant digits.

    With HIDE it opens with the numbers hidden. Without values in the picture the fields for them are empty, and KINKS
    (a convention of `bpcli.gates.CONVENTIONS`) and UPSTREAM (a number) are for what will be typed there; where they are
    not given, they are those of the run that the picture shows. For a graph on arrays the page shows that run, and says
    that its inputs cannot be changed. Raises `Trouble` for arrays without values, and where there is too much to draw.
    """
    graph, result = picture.graph, picture.result
    if result is not None:
        kinks, upstream = kinks or result.kinks, result.upstream
    elif _on_arrays(graph) or _is_array(upstream):
        raise Trouble("the page of a formula with arrays shows one run, so it needs the gradients of one",
                      code="page-of-arrays", tries=["-o picture.svg"])  # fmt: skip
    choices = _Choices(digits, kinks or CONVENTIONS[0], 1.0 if upstream is None else upstream, hide)
    reading = "; ".join(program(graph, FORMULA))
    style, script = _read("lesson.css"), _script(graph, choices.kinks)
    policy = (f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
              "base-uri 'none'; form-action 'none'")  # fmt: skip
    title = reading if len(reading) <= _LONGEST_TITLE else reading[: _LONGEST_TITLE - 1] + "…"
    return Template(_read("lesson.html")).substitute(
        policy=policy, version=__version__, title=html(f"{title}, step by step"), reading=html(reading),
        style=style, script=script, svg=_svg(picture, digits), data=_data(picture, choices),
    )  # fmt: skip


def _on_arrays(graph: Graph) -> bool:
    return graph.shapes is not None or graph.has_arrays


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _script(graph: Graph, kinks: str) -> str:
    used = [] if _on_arrays(graph) else [graph.row(place) for place in range(len(graph.gates))]
    first, *others = (_read(f"{name}.js") for name in _SCRIPTS)
    return "\n".join(['"use strict";', first, f"const RULES = {rules(used, kinks)};", *others])


def _hash(text: str) -> str:
    """TEXT as a source that a Content-Security-Policy allows."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _svg(picture: Picture, digits: int) -> str:
    """The picture, laid out with room for any number wherever one can come to stand."""
    if _on_arrays(picture.graph):  # there is one run, and the picture shows it
        return svg.write(picture, layout(picture, SCREEN))
    active, widest = picture.graph.active, "0" * _room(digits)
    nodes = []
    for node in picture.nodes:
        value = "" if _plain(picture, node.place) else widest
        nodes.append(node._replace(value=value, gradient=widest if active[node.place] else ""))
    # Another input may take another branch of a `where`, and its gradients may meet elsewhere.
    wires = [
        wire._replace(carries=in_any_run.carries)
        for wire, in_any_run in zip(picture.wires, describe(picture.graph, NONE).wires, strict=True)
    ]
    drawn = replace(picture, nodes=tuple(nodes), wires=tuple(wires))
    return svg.write(picture, layout(drawn, SCREEN, least=len(widest)))


def _room(digits: int) -> int:
    """The characters that a number has room for: -0.1234 with four digits. The page writes longer ones smaller."""
    return digits + 3


def _plain(picture: Picture, place: int) -> bool:
    """Whether the node is a number without a name, whose value is its label."""
    return place in picture.graph.constants and place not in picture.graph.names


def _data(picture: Picture, choices: _Choices) -> str:
    graph, result, digits = picture.graph, picture.result, choices.digits
    arrays = _on_arrays(graph)
    point = {name: figure(value) for name, value in result.point.items()} if result and not arrays else {}
    data = {
        "schema": "bpcli/page/1",
        "digits": digits,
        "room": _room(digits),
        "kinks": choices.kinks,
        "hide": choices.hide,
        "upstream": _told(choices.upstream, digits),
        "output": graph.output,
        "f": _function_name(graph, not _is_one(choices.upstream)),
        "differentiable": graph.active[graph.output],
        "point": {name: point.get(name, "") for name in graph.inputs},
        "nodes": _nodes(picture, digits),
        "recorded": _recorded(picture, result, digits) if arrays and result else None,
    }
    # In ASCII, and without the three characters that could end the element or begin another.
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _function_name(graph: Graph, upstream_given: bool) -> str:
    """What the gradients are gradients of: the output's own name, f, or the loss L behind a given upstream gradient."""
    taken = {*graph.inputs, *graph.names.values()}
    if not upstream_given and graph.output in graph.names:
        return visible(graph.names[graph.output])
    first = "L" if upstream_given else "f"
    return next((name for name in (first, "loss", "output") if name not in taken), "")


def _is_array(value: Any) -> bool:
    return len(getattr(value, "shape", [])) > 0


def _is_one(value: Any) -> bool:
    return not _is_array(value) and float(value) == 1


def _told(value: Any, digits: int) -> Any:
    """A number as it is, null for none; an array as what stands in the picture and what is said in words."""
    if not _is_array(value):
        return None if value is None else float(value)
    beside = number_text(value, digits)
    return {"beside": beside, "words": show_nested(value, digits) if value.size <= _LARGEST_ARRAY else beside}


def _recorded(picture: Picture, result: Gradients, digits: int) -> dict[str, Any]:
    """The run that the picture shows, for a page that cannot compute it again."""
    graph, found = picture.graph, numbers(result)
    lines = dict(zip((node for node in graph.gates if result.values[node] is not None), result.lines(), strict=True))
    steps = []
    for node in graph.backward(graph.outputs, result.values)[0]:
        line = lines[node]
        if line.upstream is None:
            continue
        sends = [
            {"to": to, "place": k, "local": _told(local, digits), "product": _told(sent, digits)}
            for k, (to, local, sent) in enumerate(
                zip(graph.args[graph.position[node]], line.local, line.sends, strict=True)
            ) if sent is not None
        ]  # fmt: skip
        steps.append({"node": node, "upstream": _told(line.upstream, digits), "sends": sends, "notes": []})
    return {
        "values": [_told(found.values.get(node), digits) for node in range(graph.size)],
        "gradients": [_told(found.gradients.get(node), digits) for node in range(graph.size)],
        "steps": steps,
        "notes": [visible(note.message) for note in result.notes if note.code == "kink"],
    }


def _nodes(picture: Picture, digits: int) -> list[dict[str, Any]]:
    """What the page's script knows of every node of the graph, in its order."""
    graph = picture.graph
    drawn = {node.place: node for node in picture.nodes}
    names = {node: name for name, node in graph.inputs.items()}
    found: list[dict[str, Any]] = []
    for node in range(graph.size):
        known: dict[str, Any] = {"id": drawn[node].id if node in drawn else "", "text": visible(graph.ids[node])}
        if node in graph.position:
            known |= _gate(graph, graph.position[node])
        elif node in names:
            known |= {"kind": "input", "name": names[node]}
        else:
            known |= {"kind": NUMBER, "constant": _told(graph.constants[node], digits), "plain": _plain(picture, node)}
        found.append(known | {"active": graph.active[node], "words": visible(operand(graph, node))})
    return found


def _gate(graph: Graph, place: int) -> dict[str, Any]:
    row = graph.row(place)
    pieces = [
        piece if isinstance(piece, str) else {"place": piece[0], "brackets": piece[1] != "<"} for piece in template(row)
    ]
    return {
        "kind": "gate",
        "gate": row.name,
        "rule": key(row),
        "inputs": graph.args[place],
        "formula": visible(gate_text(graph, place)),
        "pieces": pieces,
        "slopes": [visible(_slope(graph, place, k)) for k in range(len(row.inputs))],
        "compares": row.binds == COMPARES,
        "summary": f"{row.name}: {row.summary}",
        "pattern": f"{row.name} is {'an' if row.pattern[0][0] in 'aeiou' else 'a'} {row.pattern[0]}: it {row.pattern[1]}.",
    }


def _slope(graph: Graph, place: int, k: int) -> str:
    """The local gradient for the input at K as the blackboard has it, with the names of the gate's inputs."""
    row = graph.row(place)
    text = (row.shown or row.pull or row.local)[k]
    if row is WHERE or not text:
        return text
    nodes = dict(zip((*row.inputs, "y"), (*graph.args[place], graph.gates[place]), strict=True))

    def named(word: re.Match[str]) -> str:
        if row.pull and nodes[word[0]] in graph.constants:
            return word[0]  # a label t stands for its one-hot row, not for the number
        name = graph.ids[nodes[word[0]]]
        return f"({name})" if name.startswith("-") else name

    return re.sub(rf"\b({'|'.join(nodes)})\b", named, text)
