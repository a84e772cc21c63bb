"""The gate table as pages for people: what ``bpcli gates`` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bpcli.compiled import local_function, value_function
from bpcli.gates import ALIASES, CONVENTIONS, FAMILIES, GATES, Gate
from bpcli.graph import Builder
from bpcli.mistakes import closest
from bpcli.passes import Gradients, grad, parse
from bpcli.printing import LATEX, write
from bpcli.result import Result
from bpcli.trouble import Trouble


@dataclass(frozen=True, eq=False)
class Page(Result):
    """One gate: how it is written, its local gradients on the blackboard, and a worked number."""

    view = "page"

    name: str
    call: str
    summary: str
    local: dict[str, str]
    pattern: tuple[str, str]
    domain: str
    kink: str
    kink_at: str
    expand: str
    aliases: list[str]
    latex: str
    example: Gradients

    def as_json(self) -> dict[str, Any]:
        """The page without its example."""
        return {
            "name": self.name, "call": self.call, "summary": self.summary, "local": self.local,
            "pattern": {"name": self.pattern[0], "sentence": self.pattern[1]}, "domain": self.domain,
            "kink": self.kink, "expand": self.expand, "aliases": self.aliases, "latex": self.latex,
        }  # fmt: skip

    def record(self, expression: str = "") -> dict[str, Any]:
        return {"schema": "bpcli/gates/1", "gates": [self.as_json()]}


@dataclass(frozen=True, eq=False)
class Catalogue(Result):
    """Every gate, in the order of the table."""

    view = "catalogue"

    pages: list[Page]

    def record(self, expression: str = "") -> dict[str, Any]:
        return {"schema": "bpcli/gates/1", "gates": [one.as_json() for one in self.pages]}


#: A formula of one gate on arrays, and values for its worked numbers.
_ON_ARRAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "matmul": ("a @ b", {"a": [[1, 2], [3, 4]], "b": [1, -1]}),
    "transpose": ("x.T", {"x": [[1, 2, 3], [4, 5, 6]]}),
    "sum": ("sum(x)", {"x": [1, 2, 3]}),
    "mean": ("mean(x)", {"x": [1, 2, 3]}),
    "prod": ("prod(x)", {"x": [2, 3, 4]}),
    "dot": ("dot(a, b)", {"a": [1, 2, 3], "b": [4, 5, 6]}),
    "outer": ("outer(a, b)", {"a": [1, 2], "b": [3, 4, 5]}),
    "norm": ("norm(x)", {"x": [3, 4]}),
    "softmax": ("softmax(x)", {"x": [3.2, 5.1, -1.7]}),
    "log_softmax": ("log_softmax(x)", {"x": [3.2, 5.1, -1.7]}),
    "logsumexp": ("logsumexp(x)", {"x": [3.2, 5.1, -1.7]}),
    "cross_entropy": ("cross_entropy(z, 0)", {"z": [3.2, 5.1, -1.7]}),
    "mse": ("mse(a, b)", {"a": [1, 2, 3], "b": [1, 1, 1]}),
    "expand_dims": ("expand_dims(x, axis=1)", {"x": [1, 2]}),
    "reshape": ("reshape(x, 2, 2)", {"x": [1, 2, 3, 4]}),
    "concat": ("concat(a, b)", {"a": [1, 2], "b": [3]}),
    "index": ("x[1]", {"x": [5, 6, 7]}),
    "array": ("[a, b]", {"a": 1, "b": 2}),
    "stretch": ("stretch(x, 2, 3)", {"x": [1, 2, 3]}),
    "fold": ("fold(x, 3)", {"x": [[1, 2, 3], [4, 5, 6]]}),
}


_CLIPS = "x == low or x == high"  # the table's own condition says it with a product, for arrays


def _array_page(name: str) -> Page:
    formula, values = _ON_ARRAYS[name]
    typed = parse(formula)
    example = grad(formula, values, upstream=_twos(formula, values), check=False)
    row, written = example.graph.row(len(example.graph.gates) - 1), typed.row(len(typed.gates) - 1)
    return Page(
        name=name,
        call=write(typed),
        summary=written.summary.rstrip(".").replace("\n", " "),
        local=_sends(row),
        pattern=row.pattern,
        domain="",
        kink=row.kink[1] if row.kink else "",
        kink_at=row.kink[0] if row.kink else "",
        expand="",
        aliases=[],
        latex=write(typed, style=LATEX),
        example=example,
    )


def _sends(row: Gate) -> dict[str, str]:
    """What a gate on arrays sends to each input, as the blackboard has it where that is shorter."""
    shown = row.shown or row.pull
    return {name: f"sends {text}" for name, text, pull in zip(row.inputs, shown, row.pull, strict=False) if pull}


def _twos(formula: str, values: dict[str, Any]) -> Any:
    """An upstream gradient of 2 for every entry of the formula's value."""
    import numpy as np

    from bpcli.passes import prepare

    graph, _, computed = prepare(formula, values, {})
    twos = np.full(np.shape(computed[graph.output]), 2.0)
    return float(twos) if twos.ndim == 0 else twos


@dataclass(frozen=True, eq=False)
class Kinks(Result):
    """The derivative at each kink under each convention: (gate, place of the kink, convention -> slopes)."""

    view = "kinks"

    rows: list[tuple[str, str, dict[str, str]]]


#: Inputs at the kinks: for most gates 0, for choices a tie, for clip both edges.
_AT_KINKS: dict[str, list[tuple[float, ...]]] = {
    "max": [(1.0, 1.0)],
    "min": [(1.0, 1.0)],
    "clip": [(0.0, 0.0, 1.0), (1.0, 0.0, 1.0)],
}


def kinks() -> Kinks:
    """The table of conventions, computed from the gate table; jumps, whose slope is always 0, are left out."""
    rows = []
    bent = [row for row in GATES.values() if row.at] + [build(2) for _, build in FAMILIES.values() if build(2).at]
    for row in bent:
        for inputs in _AT_KINKS.get(row.name, [(0.0,)]):
            y = value_function(row)(*inputs)
            places = [k for k in range(len(row.inputs)) if row.name != "clip" or k == 0]
            slopes = {
                convention: ", ".join(f"{local_function(row, k, convention)(*inputs, y):g}" for k in places)
                for convention in CONVENTIONS[:-1]
            }
            call = f"{row.name}({', '.join(row.inputs)})"
            at = f"{row.inputs[0]} = {row.inputs[1]}" if len(places) > 1 else "x = 0"
            if row.name == "clip":
                at = "x = low" if inputs[0] == inputs[1] else "x = high"
            rows.append((call, at, slopes))
    return Kinks(rows)


def catalogue() -> Catalogue:
    """Every gate that is advertised."""
    rows = [row for row in GATES.values() if not row.helper]
    rows += [build(2) for _, build in FAMILIES.values() if not build(2).helper]
    return Catalogue([*map(_page, rows), *map(_array_page, _ON_ARRAYS)])


def page(name: str) -> Page:
    """One gate of the table: summary, local gradients, pattern, domain, kink, a worked example.

    NAME may be an alias or an operator's sign. Raises `Trouble` (exit code 2) when no gate is called so.
    """
    signs = {
        "+": "add",
        "-": "sub",
        "*": "mul",
        "/": "div",
        "^": "pow",
        "**": "pow",
        "||": "abs",
        "σ": "sigmoid",
        "@": "matmul",
        ".T": "transpose",
        "[]": "index",
    }
    plain = ALIASES.get(signs.get(name, name), signs.get(name, name))
    if plain in _ON_ARRAYS:
        return _array_page(plain)
    if plain in FAMILIES:
        return _page(FAMILIES[plain][1](2))
    if plain not in GATES:
        near = closest(plain, [*GATES, *FAMILIES, *ALIASES, *_ON_ARRAYS])
        raise Trouble(f"there is no gate called {name}", code="unknown-gate",
                      tries=[f"bpcli gates {one}" for one in near] or ["bpcli gates"])  # fmt: skip
    return _page(GATES[plain])


def _page(row: Gate) -> Page:
    builder = Builder()
    graph = builder.finish([builder.gate(row, tuple([builder.input(name) for name in row.inputs]))])
    values = dict(zip(row.inputs, row.example, strict=False))
    family = row.name in FAMILIES
    slopes = {name: slope for name, slope in zip(row.inputs, row.blackboard(), strict=True) if slope}
    return Page(
        name=row.name,
        call=f"{row.name}(a, b, …)" if family else write(graph),
        summary=row.summary,
        local=slopes,
        pattern=row.pattern,
        domain="; ".join(sentence for _, sentence in row.domain),
        kink=row.kink[1] if row.kink else "",
        kink_at="" if not row.kink else "a tie" if family else _CLIPS if row.name == "clip" else row.kink[0],
        expand=row.expand or "",
        aliases=[alias for alias, name in ALIASES.items() if name == row.name],
        latex=write(graph, style=LATEX),
        example=grad(graph, values, upstream=2.0, check=False),
    )
