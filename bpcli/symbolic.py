"""Derivatives as formulas: reverse mode run on the graph itself, with nodes instead of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from math import gcd
from typing import Any

from bpcli.arrays.gates import ARRAY_GATES, Shape
from bpcli.arrays.shapes import Shaper, shape_of
from bpcli.gates import CONSTANTS, GATES, Gate, find
from bpcli.graph import WHERE, Graph, figure
from bpcli.rewrite import Copy, graft, template

_ADD, _SUB, _MUL, _DIV, _NEG, _POW, _NE = (GATES[name] for name in "add sub mul div neg pow ne".split())
_COMPARISONS = {GATES["gt"]: float.__gt__, GATES["ge"]: float.__ge__, GATES["lt"]: float.__lt__,
                GATES["le"]: float.__le__, GATES["eq"]: float.__eq__, GATES["ne"]: float.__ne__}  # fmt: skip


def derivatives(graph: Graph, wanted: Sequence[tuple[int, str]], blackboard: bool = True) -> Graph:
    """The graph whose outputs are the derivatives WANTED, pairs of a node of GRAPH and a variable, in order.

    BLACKBOARD uses the textbook form of each local gradient (for reading), otherwise the stable one (for
    computing). The variables of the result are those of GRAPH.
    """
    work = Simplifier(graph)
    for place, node in enumerate(graph.gates):
        args = tuple([work.leaf(k) for k in graph.args[place]])
        if graph.row(place) is WHERE:
            work.choices.add(args[0])
        work.made[node] = work.gate(graph.row(place), args)
    between = _between(graph, {graph.inputs[name] for _, name in wanted})
    zero = work.number(0)
    swept: dict[int, dict[int, int]] = {}
    outputs = []
    for node, name in wanted:
        if node not in swept:
            swept[node] = _sweep(graph, work, node, between, blackboard)
        outputs.append(swept[node].get(graph.inputs[name], zero))
    return _without_needless(work.graph(outputs, [name for _, name in wanted]))


def _without_needless(graph: Graph) -> Graph:
    """GRAPH without the gates that no output depends on: simplifying leaves some, and they may have no value."""
    copy, needed = Copy(graph), _needed(graph)
    for place, node in enumerate(graph.gates):
        if node in needed:
            copy.set(node, copy.builder.gate(graph.row(place), tuple([copy.leaf(k) for k in graph.args[place]])))
    finished = copy.finish()
    if graph.shapes is None:
        return finished
    return replace(finished, shapes={new: graph.shapes[node] for node, new in copy.made.items()})


def _needed(graph: Graph) -> set[int]:
    """The nodes that the outputs depend on, themselves included."""
    needed = set(graph.outputs)
    for node, args in zip(reversed(graph.gates), reversed(graph.args), strict=True):
        if node in needed:
            needed.update(args)
    return needed


def gradient(graph: Graph, wrt: Sequence[str], blackboard: bool = True) -> Graph:
    """The graph of the output's derivatives with respect to the variables WRT, in order."""
    return derivatives(graph, [(graph.output, name) for name in wrt], blackboard)


def _sweep(graph: Graph, work: Simplifier, output: int, between: set[int], blackboard: bool) -> dict[int, int]:
    """Reverse mode with nodes for numbers: the node of each adjoint."""
    adjoints = {output: work.number(1)}
    for place in range(len(graph.gates) - 1, -1, -1):
        node = graph.gates[place]
        if node not in adjoints or node not in between:
            continue
        row, args = graph.row(place), graph.args[place]
        given = dict(zip((*row.inputs, "y"), [work.made[k] for k in (*args, node)], strict=True))
        for k, target in enumerate(args):
            if target in between and (row.local[k] or row.pull[k : k + 1] not in ((), ("",))):
                sent = work.sent(row, k, given, adjoints[node], blackboard)
                if work.shaped:
                    sent = work.filling(sent, work.shapes[work.made[target]])
                so_far = adjoints.get(target)
                adjoints[target] = sent if so_far is None else work.gate(_ADD, (so_far, sent))
    return adjoints


def _between(graph: Graph, variables: set[int]) -> set[int]:
    """The nodes that depend on one of VARIABLES, themselves included."""
    wanted = set(variables)
    for node, args in zip(graph.gates, graph.args, strict=True):
        if not wanted.isdisjoint(args):
            wanted.add(node)
    return wanted


def sizes(graph: Graph) -> tuple[int, int]:
    """How many gates the outputs need when equal parts are shared, and how many when written out as a tree."""
    tree: dict[int, int] = {}
    for node, args in zip(graph.gates, graph.args, strict=True):
        tree[node] = 1 + sum(tree.get(k, 0) for k in args)
    needed = _needed(graph)
    return sum(node in needed for node in graph.gates), sum(tree.get(node, 0) for node in graph.outputs)


class Simplifier(Shaper):
    """Makes gates, each different one once, leaving out what constants, zeros, ones and signs make needless."""

    def __init__(self, old: Graph) -> None:
        shapes = None if old.shapes is None else {name: old.shapes[node] for name, node in old.inputs.items()}
        super().__init__(old, shapes, [name for name, node in old.inputs.items() if old.active[node]])
        self.known: dict[object, int] = {}
        self.parts: dict[int, tuple[Gate, tuple[int, ...]]] = {}
        self.choices: set[int] = set()
        """The conditions of each `where` of the formula."""
        self.guards: dict[int, int] = {}
        """For a choice with a 0 in it, or a sum of such, the condition outside of which it is 0."""

    def constant(self, value: Any, name: str | None = None, start: int = 0, end: int = 0) -> int:
        key = name or (figure(value), shape_of(value))  # 0 and -0 are different numbers
        if key not in self.known:
            self.known[key] = super().constant(value, name)
        return self.known[key]

    def number(self, value: float) -> int:
        """The node of an unnamed number."""
        return self.constant(float(value))

    def graph(self, outputs: Sequence[int], names: Sequence[str]) -> Graph:
        """The finished graph, each output in the shape of its variable."""
        if not self.shaped:
            return self.builder.finish(outputs)
        shapes = [self.shapes[self.builder.inputs[name]] for name in names]
        filled = [self.filling(node, shape) for node, shape in zip(outputs, shapes, strict=True)]
        return replace(self.builder.finish(filled), shapes=self.shapes)

    def filling(self, node: int, shape: Shape) -> int:
        """NODE in SHAPE: a plain number that simplification left is stretched."""
        if self.shapes[node] == shape:
            return node
        _, _, build = ARRAY_GATES["stretch"]
        return self.gate(build((self.shapes[node],), *shape), (node,))

    def sent(self, row: Gate, place: int, given: dict[str, int], upstream: int, blackboard: bool) -> int:
        """What a gate sends to one input: upstream times local gradient, or its pull."""
        if row.pull:
            return self._graft(row.pull[place], (*row.inputs, "y", "G"), given | {"G": upstream})
        return self.gate(_MUL, (upstream, self.local(row, place, given, blackboard)))

    def local(self, row: Gate, place: int, given: dict[str, int], blackboard: bool) -> int:
        """The local gradient of ROW for one input, as a node."""
        formula = row.blackboard()[place] if blackboard else row.local[place]
        if " if " in formula:  # a sentence for people; the formula says the same
            formula = row.local[place]
        names = (*row.inputs, "y", *[name for name, _ in row.lets])
        given = dict(given)
        for name, quantity in row.lets:
            if name in formula:
                given[name] = self._graft(quantity, names, given)
        return self._graft(formula, names, given)

    def _graft(self, formula: str, names: tuple[str, ...], given: dict[str, int]) -> int:
        return graft(template(formula, names), given, self.constant, lambda row, args, *_: self.gate(row, args))

    def gate(self, row: Gate, args: tuple[int, ...], start: int = 0, end: int = 0) -> int:
        """The node for ROW applied to ARGS, simplified."""
        row, args, shape = self.fitted(row, args, start, end)
        node = self._simplify(row, args)
        if node is None and (row, args) not in self.known:
            node = self.known[row, args] = self.builder.gate(row, args)
            self.parts[node] = row, args
            self.shapes[node] = shape
            self._note_guard(node, row, args)
        return self._guarded(row, args, self.known[row, args] if node is None else node)

    def _note_guard(self, node: int, row: Gate, args: tuple[int, ...]) -> None:
        """Keep the condition outside of which NODE is 0, if there is one."""
        if not self.choices:
            return
        guards, branches = self.guards, [k for k in args[1:] if self._value(k) != 0]
        if row is WHERE and args[0] in self.choices and (len(branches) < 2 or any(k in guards for k in branches)):
            inside = self.gate(WHERE, (args[0], self._inside(args[1]), self._inside(args[2])))
        else:
            guarded = [k for k in args if k in guards]
            terms = {WHERE: branches, _ADD: args, _SUB: args, _NEG: args, _DIV: args[:1], _MUL: guarded[:1]}.get(row)
            if not terms or not all(k in guards for k in terms):
                return
            inside = self._inside(terms[-1])
            if len(terms) == 2:
                inside = self.gate(WHERE, (guards[terms[0]], self.number(1), inside))
        if self._value(inside) is None:
            guards[node] = self._holds(inside)
            self.choices.add(guards[node])

    def _inside(self, node: int) -> int:
        """The number 1 where NODE may be something else than 0, and 0 elsewhere."""
        if self._value(node) == 0:
            return self.number(0)
        one = self.number(1)
        return self.gate(WHERE, (self.guards[node], one, self.number(0))) if node in self.guards else one

    def _holds(self, number: int) -> int:
        """The condition that NUMBER, a 1 or 0, is not 0."""
        condition, a, b = self._is(number, WHERE) or (number, number, number)
        plain = (self._value(a), self._value(b)) == (1, 0)
        return condition if plain else self.gate(_NE, (number, self.number(0)))

    def _guarded(self, row: Gate, args: tuple[int, ...], node: int) -> int:
        """NODE, which is ROW of ARGS; where a factor is 0 by its guard, the other one is not evaluated.

        It may have no value there: it belongs to a part that several choices use and none takes.
        """
        if row not in (_MUL, _DIV) or node not in self.parts or self.parts[node][0] is WHERE:
            return node
        for factor, other in (args, args[::-1]) if row is _MUL else (args,):
            if factor in self.guards and other in self.parts:
                return self.gate(WHERE, (self.guards[factor], node, self.number(0)))
        return node

    def _value(self, node: int) -> float | None:
        """The value of a number without a name, also of a stretched one; None for anything else."""
        row, args = self.parts.get(node, (None, ()))
        if row is not None and row.name == "stretch":
            return self._value(args[0])
        value = None if node in self.builder.names else self.builder.constants.get(node)
        return None if value is None or shape_of(value) else value

    def _is(self, node: int, row: Gate) -> tuple[int, ...]:
        """The inputs of NODE when it is a gate of ROW, else nothing."""
        found, args = self.parts.get(node, (None, ()))
        return args if found is row else ()

    def _without_minus(self, node: int) -> int | None:
        """The node for -NODE when that only takes a minus away: from -u, or from -2/u."""
        if inner := self._is(node, _NEG):
            return inner[0]
        if (inner := self._is(node, _DIV)) and (self._value(inner[0]) or 0) < 0:
            return self.gate(_DIV, (self.number(-(self._value(inner[0]) or 0)), inner[1]))
        return None

    def _simplify(self, row: Gate, args: tuple[int, ...]) -> int | None:
        if row in _COMPARISONS:
            return self._compare(row, *args)
        if row.name == "transpose":
            return self._transpose(args[0])
        if row is WHERE:
            return self._choose(*args)
        folded = self._fold(row, args)
        if folded is not None:
            return folded
        if row is _NEG:
            return self._negate(args[0])
        rule = {_ADD: self._add, _SUB: self._subtract, _MUL: self._multiply, _DIV: self._divide, _POW: self._raise}
        return rule[row](*args) if row in rule else None

    def _fold(self, row: Gate, args: tuple[int, ...]) -> int | None:
        """Arithmetic on plain numbers, as long as the result is as short as they are (1/3 stays 1/3)."""
        values = [self._value(node) for node in args]
        if row not in (_ADD, _SUB, _MUL, _DIV, _NEG) or None in values:
            return None
        a, b = (*values, 0.0)[:2]
        assert a is not None and b is not None
        if row is _DIV and (b == 0 or a % b):
            return None
        result = {_ADD: a + b, _SUB: a - b, _MUL: a * b, _NEG: -a}[row] if row is not _DIV else a / b
        return self.number(result) if len(figure(result)) <= 8 and abs(result) < 1e8 else None

    def _transpose(self, a: int) -> int | None:
        """u for u.T.T, and v.T @ u for (u.T @ v).T."""
        row, args = self.parts.get(a, (None, ()))
        if row is None or row.name not in ("transpose", "matmul"):
            return None
        if row.name == "transpose":
            return args[0]
        inner, (u, *_) = self.parts.get(args[0], (None, (0,)))
        if inner is None or inner.name != "transpose" or len(self.shapes[a]) != 2:
            return None
        return self.gate(find("matmul", 2), (self.gate(find("transpose", 1), (args[1],)), u))

    def _negate(self, a: int) -> int | None:
        if (plain := self._without_minus(a)) is not None:
            return plain
        if inner := self._is(a, _SUB):
            return self.gate(_SUB, inner[::-1])
        return self._into_where(_NEG, (a,), 0)

    def _add(self, a: int, b: int) -> int | None:
        if self._value(a) == 0:
            return b
        if self._value(b) == 0:
            return a
        if (plain := self._without_minus(b)) is not None:
            return self.gate(_SUB, (a, plain))
        if (plain := self._without_minus(a)) is not None:
            return self.gate(_SUB, (b, plain))
        first, second = self._is(a, WHERE), self._is(b, WHERE)
        if first and second and first[0] == second[0]:  # the two branches of one choice meet again
            return self.gate(WHERE, (first[0], *[self.gate(_ADD, (first[k], second[k])) for k in (1, 2)]))
        return None

    def _subtract(self, a: int, b: int) -> int | None:
        if self._value(b) == 0:
            return a
        if self._value(a) == 0:
            return self.gate(_NEG, (b,))
        if (plain := self._without_minus(b)) is not None:
            return self.gate(_ADD, (a, plain))
        return None

    def _multiply(self, a: int, b: int) -> int | None:
        for one, other in ((a, b), (b, a)):
            value = self._value(one)
            if value == 0:
                return self.number(0)
            if value == 1:
                return other
            if value == -1:
                return self.gate(_NEG, (other,))
            if value is not None and value < 0:
                return self.gate(_NEG, (self.gate(_MUL, (self.number(-value), other)),))
            if (plain := self._without_minus(one)) is not None:
                return self.gate(_NEG, (self.gate(_MUL, (plain, other) if one is a else (other, plain)),))
        for place in (0, 1):
            if (moved := self._into_where(_MUL, (a, b), place)) is not None:
                return moved
        if (collected := self._collect(a, b)) is not None:
            return collected
        if (inner := self._is(b, _DIV)) and self._value(inner[0]) == 1:  # u*(1/v) is u/v
            return self.gate(_DIV, (a, inner[1]))
        return None

    def _collect(self, a: int, b: int) -> int | None:
        """``6*y*x`` for ``y*3*(2*x)``: one number in front, when both factors have one and the result is short."""
        (top, under, first), (other_top, other_under, second) = self._factored(a), self._factored(b)
        if top == under or other_top == other_under:
            return None
        top, under = top * other_top, under * other_under
        if top % 1 == under % 1 == 0:
            divisor = gcd(int(top), int(under))
            top, under = top / divisor, under / divisor
        if max(len(figure(top)), len(figure(under))) > 8 or max(top, under) >= 1e8:
            return None
        node = self.number(top) if under == 1 else self.gate(_DIV, (self.number(top), self.number(under)))
        for rest in (first, second):
            for factor in () if rest is None else self._is(rest, _MUL) or (rest,):  # 6*x*y, not 6*(x*y)
                node = self.gate(_MUL, (node, factor))
        return node if self.shapes[node] == max(self.shapes[a], self.shapes[b], key=len) else None

    def _factored(self, node: int) -> tuple[float, float, int | None]:
        """NODE as a fraction of numbers and the rest of it: 2*x as 2, 1, x; 1/3 as 1, 3 and nothing."""
        if fraction := self._fraction(node):
            return *fraction, None
        factors = self._is(node, _MUL)
        for factor, rest in (factors, factors[::-1]) if factors else ():
            if fraction := self._fraction(factor):
                return *fraction, rest
        inner = self._is(factors[0], _MUL) if factors else ()
        if inner and (fraction := self._fraction(inner[0])):  # 2*x*y
            return *fraction, self.gate(_MUL, (inner[1], factors[1]))
        return 1.0, 1.0, node

    def _fraction(self, node: int) -> tuple[float, float] | None:
        """The numbers above and below the line when NODE is 2 or 2/3, also a stretched one."""
        row, args = self.parts.get(node, (None, ()))
        if row is not None and row.name == "stretch":
            return self._fraction(args[0])
        top, under = map(self._value, args if row is _DIV else (node, self.number(1)))
        return (top, under) if top and under else None

    def _divide(self, a: int, b: int) -> int | None:
        if self._value(a) == 0 and self._value(b) != 0:
            return self.number(0)
        if self._value(b) == 1:
            return a
        if self._value(b) == -1:
            return self.gate(_NEG, (a,))
        for inner, rebuilt in ((self._is(a, _NEG), lambda k: (k, b)), (self._is(b, _NEG), lambda k: (a, k))):
            if inner:
                return self.gate(_NEG, (self.gate(_DIV, rebuilt(inner[0])),))
        return self._into_where(_DIV, (a, b), 0)

    def _raise(self, a: int, b: int) -> int | None:
        if self._value(b) == 1:
            return a
        return self.number(1) if self._value(b) == 0 else None

    def _into_where(self, row: Gate, args: tuple[int, ...], place: int) -> int | None:
        """``where(c, u, 0)*v`` as ``where(c, u*v, 0)``: what only the taken branch defines is not evaluated."""
        choice = self._is(args[place], WHERE)
        if not choice or not any(self._value(branch) == 0 for branch in choice[1:]):
            return None
        branches = [
            branch if self._value(branch) == 0 else self.gate(row, (*args[:place], branch, *args[place + 1 :]))
            for branch in choice[1:]
        ]
        return self.gate(WHERE, (choice[0], *branches))

    def _compare(self, row: Gate, a: int, b: int) -> int | None:
        left, right = self._value(a), self._value(b)
        if row is _NE and right == 0 and self.parts.get(a, (None,))[0] in _COMPARISONS:
            return a  # the condition of a `where`, asked whether it holds
        if left is None or right is None:
            return None
        return self.number(float(_COMPARISONS[row](left, right)))

    def _choose(self, condition: int, a: int, b: int) -> int | None:
        value = self._value(condition)
        if value is not None:
            return a if value else b
        first, second = self._is(a, WHERE), self._is(b, WHERE)
        if first and first[0] == condition:  # asked again
            return self.gate(WHERE, (condition, first[1], b))
        if second and second[0] == condition:
            return self.gate(WHERE, (condition, a, second[2]))
        return a if a == b else None


def shared_parts(graph: Graph, taken: Sequence[str] = ()) -> dict[int, str]:
    """Names for the gates that are used more than once, when writing them out each time would swell the text.

    Written out, the fourth derivative of a sixfold sine has 14,132 gates instead of 329. TAKEN names are left. A
    comparison has no name: it stands only inside `where`.
    """
    shared, tree = sizes(graph)
    if tree <= 60 * len(graph.outputs) or tree <= 4 * shared:
        return {}
    uses: dict[int, int] = {}
    for args in graph.args:
        for node in args:
            uses[node] = uses.get(node, 0) + 1
    kept = {*graph.inputs, *CONSTANTS, *taken}
    names = (name for number in count(1) if (name := f"s{number}") not in kept)
    return {
        node: next(names) for place, node in enumerate(graph.gates)
        if uses.get(node, 0) > 1 and node not in graph.outputs and graph.row(place) not in _COMPARISONS
    }  # fmt: skip
