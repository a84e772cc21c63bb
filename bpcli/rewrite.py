"""The same formula as another graph: gates taken apart, groups of gates fused into one, equal parts shared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from bpcli.gates import GATES, Gate
from bpcli.graph import Builder, Graph
from bpcli.language import parse

_ADD, _MUL, _NEG = GATES["add"], GATES["mul"], GATES["neg"]
_COMMUTES = (_ADD, _MUL)

#: How a rewriting makes the gate for an old one: (row, new input nodes, start, end) -> new node.
Emit = Callable[[Gate, tuple[int, ...], int, int], int]


@cache
def template(formula: str, names: tuple[str, ...]) -> Graph:
    """A formula of the gate table as a graph whose variables are NAMES."""
    return parse(formula, variables=names)


def graft(pattern: Graph, given: dict[str, int], constant: Callable[[float, str | None], int], emit: Emit,
          span: tuple[int, int] = (0, 0)) -> int:  # fmt: skip
    """Build PATTERN with the nodes GIVEN for its variables; the node of its output."""
    made: dict[int, int] = {node: given[name] for name, node in pattern.inputs.items()}
    for node, value in pattern.constants.items():
        made[node] = constant(value, pattern.names.get(node))
    for place, node in enumerate(pattern.gates):
        made[node] = emit(pattern.row(place), tuple([made[k] for k in pattern.args[place]]), *span)
    return made[pattern.output]


class Copy:
    """A new graph under construction beside the old one it comes from."""

    def __init__(self, old: Graph) -> None:
        self.old = old
        self.builder = Builder()
        self.made: dict[int, int] = {}
        for name, node in old.inputs.items():
            self.made[node] = self.builder.input(name, *old.span(node))

    def constant(self, value: float, name: str | None = None, start: int = 0, end: int = 0) -> int:
        """A new node for a number, or for a number with a name such as pi."""
        node = self.builder.constant(value, start, end)
        if name is not None:
            self.builder.names[node] = name
        return node

    def leaf(self, node: int) -> int:
        """The new node for an old one, which is a number if it has not been made yet."""
        if node not in self.made:
            self.made[node] = self.constant(self.old.constants[node], self.old.names.get(node), *self.old.span(node))
        return self.made[node]

    def set(self, node: int, new: int) -> None:
        """Record NEW as the new node for NODE, and hand on its name."""
        self.made[node] = new
        if node in self.old.names and self.builder.is_gate(new):
            self.builder.names.setdefault(new, self.old.names[node])

    def finish(self) -> Graph:
        """The new graph, with the old one's outputs, names and text."""
        old = self.old
        scope = {name: self.leaf(node) for name, node in old.scope.items()}
        outputs = [self.leaf(node) for node in old.outputs]
        return self.builder.finish(outputs, scope, old.source, old.notes)


def expand(graph: Graph) -> Graph:
    """Every gate that has a decomposition taken apart into the lectures' primitive ones, all the way down."""
    copy = Copy(graph)

    def emit(row: Gate, args: tuple[int, ...], start: int, end: int) -> int:
        if row.expand is None:
            return copy.builder.gate(row, args, start, end)
        pattern = template(row.expand, row.inputs)
        return graft(pattern, dict(zip(row.inputs, args, strict=True)), copy.constant, emit, (start, end))

    for place, node in enumerate(graph.gates):
        copy.set(node, emit(graph.row(place), tuple([copy.leaf(k) for k in graph.args[place]]), *graph.span(node)))
    return copy.finish()


def share(graph: Graph) -> Graph:
    """Equal sub-expressions merged into one node each (of two names for the same thing, the first stays)."""
    copy = Copy(graph)
    known: dict[tuple[object, ...], int] = {}
    for node, value in graph.constants.items():
        key = ("number", value, graph.names.get(node))
        copy.made[node] = known[key] if key in known else known.setdefault(key, copy.leaf(node))
    for place, node in enumerate(graph.gates):
        row, args = graph.row(place), tuple([copy.leaf(k) for k in graph.args[place]])
        if (row, args) not in known:
            known[row, args] = copy.builder.gate(row, args, *graph.span(node))
        copy.set(node, known[row, args])
    return copy.finish()


def fuse(graph: Graph) -> Graph:
    """Every group of gates that is a fused gate written out (a sigmoid, a tanh, …) replaced by that one gate."""
    while True:
        fused = _fuse_once(graph)
        if len(fused.gates) == len(graph.gates):
            return fused
        graph = fused


def _fuse_once(graph: Graph) -> Graph:
    uses = [0] * graph.size
    for args in graph.args:
        for node in args:
            uses[node] += 1
    same = _equal_parts(graph)
    replaced: dict[int, tuple[Gate, int]] = {}
    gone: set[int] = set()
    for node in reversed(graph.gates):
        if node in gone:
            continue
        for row, pattern in _fusible():
            match = Match(graph, pattern, uses, same)
            if match.at(pattern.output, node, whole=True) and not match.inside & gone:
                replaced[node] = row, match.variable
                gone |= match.inside - {node}
                break
    copy = Copy(graph)
    for place, node in enumerate(graph.gates):
        if node in replaced:
            row, given = replaced[node]
            copy.set(node, copy.builder.gate(row, (copy.leaf(given),), *graph.span(node)))
        elif node not in gone:
            args = tuple([copy.leaf(k) for k in graph.args[place]])
            copy.set(node, copy.builder.gate(graph.row(place), args, *graph.span(node)))
    return copy.finish()


@cache
def _fusible() -> list[tuple[Gate, Graph]]:
    """The rows that can be recognised with the ways to write them, the largest first."""
    pairs = [(row, template(form, row.inputs)) for row in GATES.values() for form in row.forms]
    return sorted(pairs, key=lambda pair: -len(pair[1].gates))


def _equal_parts(graph: Graph) -> list[int]:
    """For each node the first node that is the same expression."""
    first: dict[object, int] = {}
    same = list(range(graph.size))
    for node, value in graph.constants.items():
        same[node] = first.setdefault(value, node)
    for place, node in enumerate(graph.gates):
        same[node] = first.setdefault((graph.row(place), *[same[k] for k in graph.args[place]]), node)
    return same


class Match:
    """One attempt to find a one-variable pattern in a graph, sums and products in either order."""

    def __init__(self, graph: Graph, pattern: Graph, uses: Sequence[int], same: Sequence[int]) -> None:
        self.graph, self.pattern, self.uses, self.same = graph, pattern, uses, same
        self.variable = -1
        self.inside: set[int] = set()

    def at(self, wanted: int, node: int, whole: bool = False) -> bool:
        """Whether the pattern's node WANTED is found at NODE; patterns are small, so this may recurse."""
        pattern, graph = self.pattern, self.graph
        if wanted in pattern.inputs.values():
            if self.variable < 0:
                self.variable = node
            return self.same[self.variable] == self.same[node]
        if wanted in pattern.constants:
            value = graph.constants.get(node)
            return isinstance(value, float) and value == pattern.constants[wanted]
        if node not in graph.position or (not whole and (self.uses[node] > 1 or node in graph.names)):
            return False
        before = self.variable, set(self.inside)
        self.inside.add(node)
        row, parts = pattern.row(pattern.position[wanted]), pattern.args[pattern.position[wanted]]
        for found, args in self._readings(node):
            for order in (args, args[::-1]) if row in _COMMUTES else (args,):
                if found is row and all(map(self.at, parts, order)):
                    return True
                self.variable, self.inside = before[0], before[1] | {node}
        self.variable, self.inside = before
        return False

    def _readings(self, node: int) -> list[tuple[Gate, tuple[int, ...]]]:
        """A gate as it is, and a product with -1 also as a change of sign."""
        place = self.graph.position[node]
        row, args = self.graph.row(place), self.graph.args[place]
        readings = [(row, args)]
        if row is _MUL:
            constants = self.graph.constants
            readings += [(_NEG, (args[1 - k],)) for k in (0, 1) if constants.get(args[k]) == -1]
        return readings
