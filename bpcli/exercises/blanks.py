"""The blanks of a problem file: each [[ask]] table to the blanks it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bpcli.exercises.fields import ASK, ASKS, Field
from bpcli.exercises.givens import described
from bpcli.exercises.places import Path
from bpcli.exercises.problem import (
    Blank,
    ChoiceBlank,
    FormulaBlank,
    GradientBlank,
    LocalBlank,
    NumberBlank,
    ProgramBlank,
    QuotientBlank,
    StepBlank,
    ValueBlank,
)
from bpcli.graph import Graph
from bpcli.language import plain_name

if TYPE_CHECKING:
    from bpcli.exercises.reading import Reading

MOST_BLANKS = 200
MOST_OPTION = 60  # characters
#: The patterns that a question for the name of one offers; a gate's own is added when it is another.
PATTERNS = ("distributor", "switcher", "router", "valve", "scaler", "sign changer")
#: Gates that the reader puts in and no student is asked for.
UNASKED = ("stretch",)


class Asks:
    """Reads ``ask``; mistakes go to the READING of the file."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.complete = True
        """Whether every blank could be read, so that what is used is known."""

    def read(self, asked: Any, found: dict[str, Any]) -> tuple[Blank, ...]:
        """Every blank, in order."""
        reading, before = self.reading, len(self.reading.mistakes)
        words = [asked] if isinstance(asked, str) else asked
        if not isinstance(words, list) or not words:
            reading.wrong(("ask",), f"ask is {described(asked)}, not blanks", ['ask = "every gradient"', "[[ask]]"])
            words = []
        blanks: list[Blank] = []
        for place, one in enumerate(words):
            path: Path = ("ask", place)
            if not isinstance(one, str | dict):
                reading.wrong(path, f"a blank is {described(one)}, not a table", ["[[ask]]"])
                continue
            table = self._words(("ask",), one) if isinstance(one, str) else one
            if table is not None:
                blanks += self._table(path, table)
        self._check_names(blanks)
        self.complete = len(reading.mistakes) == before and reading.graph is not None
        return tuple(blanks)

    def _words(self, path: Path, text: str) -> dict[str, Any] | None:
        first, _, word = text.partition(" ")
        if first == "every" and word in ASKS["every"][0].choices:
            return {"every": word}
        possible = [f"every {one}" for one in ASKS["every"][0].choices]
        self.reading.unknown(path, text, possible, "ask cannot be")
        return None

    def _table(self, path: Path, table: dict[str, Any]) -> list[Blank]:
        reading = self.reading
        kinds = [name for name in table if name in ASKS]
        if "formula" in kinds and len(kinds) > 1:
            kinds = [name for name in kinds if name != "formula"]
        if len(kinds) != 1:
            said = f"it has {' and '.join(kinds)}" if kinds else "it has none"
            reading.wrong(path, f"a blank has one of {', '.join(ASKS)}; {said}", ['gradient = "x"'])
            return []
        kind = kinds[0]
        field, own = ASKS[kind]
        before = len(reading.mistakes)
        found = reading.fields(table, {kind: field._replace(required=True), **own, **ASK}, path, f"a {kind} blank")
        if len(reading.mistakes) > before or reading.graph is None:
            return []
        common = {"points": Decimal(found.get("points", 1)), "text": found.get("text", "")}
        return [blank for blank in getattr(self, f"_{kind}")((*path, kind), found, common) if blank is not None]

    def _check_names(self, blanks: list[Blank]) -> None:
        reading = self.reading
        seen: set[str] = set()
        for blank in blanks:
            if blank.name in seen:
                reading.wrong(("ask",), f"two blanks are called {blank.name}", [f'name = "{blank.name}_2"'])
            seen.add(blank.name)
        if len(blanks) > MOST_BLANKS:
            reading.wrong(("ask",), f"there are {len(blanks)} blanks; the limit is {MOST_BLANKS}")
        programs = [blank for blank in blanks if isinstance(blank, ProgramBlank)]
        lines = {name for blank in programs for name in self._defined(blank.stage)}
        for blank in blanks:
            if blank.name in lines and blank not in programs:
                reading.wrong(("ask",), f"{blank.name} is a line of the program; the blank needs another name",
                              [f'name = "{blank.name}_value"'])  # fmt: skip
        if len(programs) > 1:
            reading.wrong(("ask",), "there are two programs; one problem asks for one", ['program = "both"'])

    def _defined(self, stage: str) -> set[str]:
        """The names that the lines of a program define."""
        graph = self.graph
        forward = {self._id(node) for node in graph.gates} | set(graph.scope) if stage != "backward" else set()
        nodes = (*graph.gates, *graph.inputs.values()) if stage != "forward" else ()
        return forward | {f"d{self._id(node)}" for node in nodes if graph.active[node]}

    # --- names in the formula ---

    @property
    def graph(self) -> Graph:
        graph = self.reading.graph
        assert graph is not None
        return graph

    def _node(self, path: Path, name: str) -> int | None:
        nodes = self.reading.nodes
        name = plain_name(name)
        if name not in nodes:
            self.reading.unknown(path, name, list(nodes), "the formula has nothing called")
        return nodes.get(name)

    def _gate(self, path: Path, name: str) -> int | None:
        node = self._node(path, name)
        if node is not None and node not in self.graph.position:
            self.reading.wrong(path, f"{name} is a variable, not a gate")
            return None
        return node

    def _variable(self, path: Path, name: str) -> str | None:
        name = plain_name(name)
        graph = self.graph
        if name in graph.inputs and not graph.active[graph.inputs[name]]:
            self.reading.wrong(path, f"{name} is not among wrt, so nothing is differentiated with respect to it")
            return None
        if name not in graph.inputs:
            self.reading.unknown(path, name, list(graph.inputs), "the formula has no variable")
            return None
        return name

    def _variables(self) -> list[str]:
        """The variables to differentiate with respect to, in the order in which they are given."""
        graph = self.graph
        return [name for name in self.reading.given if name in graph.inputs and graph.active[graph.inputs[name]]]

    def _id(self, node: int) -> str:
        return self.graph.ids[node]

    # --- one method for each kind ---

    def _every(self, _: Path, found: dict[str, Any], common: dict[str, Any]) -> Iterator[Blank]:
        graph, word = self.graph, found["every"]
        gates = [node for place, node in enumerate(graph.gates) if graph.row(place).name not in UNASKED]
        backward = [node for node in reversed(gates) if graph.active[node] and node != graph.output]
        variables = [graph.inputs[name] for name in self._variables()]
        if word in ("value", "gate"):
            for node in gates:
                yield ValueBlank(name=self._id(node), node=node, **common)
        if word in ("gradient", "gate"):
            for node in backward:
                yield GradientBlank(name=f"d{self._id(node)}", node=node, **common)
        if word in ("gradient", "input"):
            for node in variables:
                yield GradientBlank(name=f"d{self._id(node)}", node=node, **common)
        if word == "local":
            for node in gates:
                yield from self._locals(node, common)

    def _locals(self, node: int, common: dict[str, Any]) -> Iterator[Blank]:
        graph = self.graph
        place = graph.position[node]
        row, mask = graph.kind_table[graph.kinds[place]]
        args = graph.args[place]
        for k, local in enumerate(row.local):
            if mask >> k & 1 and local and args.count(args[k]) == 1:
                yield LocalBlank(name=f"d{self._id(node)}_d{self._id(args[k])}", node=node, place=k, **common)

    def _value(self, path: Path, found: dict[str, Any], common: dict[str, Any]) -> Iterator[Blank | None]:
        node = self._node(path, found["value"])
        if node is not None:
            yield ValueBlank(name=found.get("name", plain_name(found["value"])), node=node, **common)

    def _gradient(self, path: Path, found: dict[str, Any], common: dict[str, Any]) -> Iterator[Blank | None]:
        node = self._node(path, found["gradient"])
        if node is None:
            return
        if not self.graph.active[node]:
            self.reading.wrong(path, f"{found['gradient']} depends on no variable of wrt, so it has no gradient")
            return
        yield GradientBlank(name=found.get("name", f"d{plain_name(found['gradient'])}"), node=node, **common)

    def _local(self, path: Path, found: dict[str, Any], common: dict[str, Any]) -> Iterator[Blank | None]:
        node, given = self._gate(path, found["local"]), self._node((*path[:-1], "by"), found["by"])
        if node is None or given is None:
            return
        graph, place = self.graph, self.graph.position[node]
        args, row = graph.args[place], graph.row(place)
        by = (*path[:-1], "by")
        if args.count(given) != 1:
            inputs = ", ".join(self._id(k) for k in args)
            how = "several times into" if given in args else "not into"
            self.reading.wrong(by, f"{found['by']} goes {how} {found['local']}, whose inputs are {inputs}")
            return
        k = args.index(given)
        if k >= len(row.local) or not row.local[k] or not graph.active[given]:
            self.reading.wrong(by, f"{row.name} has no local gradient for {found['by']}; ask for the gradient instead")
            return
        name = f"d{plain_name(found['local'])}_d{plain_name(found['by'])}"
        yield LocalBlank(name=found.get("name", name), node=node, place=k, **common)

    def _formula(self, path: Path, found: dict[str, Any], common: dict[str, Any]) -> Iterator[Blank | None]:
        variable = self._variable(path, found["formula"])
        node = self._gate((*path[:-1], "of"), found["of"]) if "of" in found else self.graph.output
        if variable is None or node is None:
            return
        shapes = self.graph.shapes or {}
        if shapes.get(node) and node != self.graph.output:
            self.reading.wrong(path, "the derivative of an array is asked as a formula only of the output, whose "
                               "upstream gradient is given")  # fmt: skip
            return
        if shapes and node != self.graph.output and node not in self.graph.names:
            self.reading.wrong(path, "a gate on arrays that a formula is asked of needs a name")
            return
        of = self.graph.names.get(node, "f")
        yield FormulaBlank(name=found.get("name", f"d{of}_d{variable}"), node=node, variable=variable, **common)

    def _program(self, _: Path, found: dict[str, Any], common: dict[str, Any]) -> Iterator[Blank | None]:
        graph, stage = self.graph, found["program"]
        needs = [self._id(graph.output)] if stage != "backward" else []
        if stage != "forward":
            needs += [f"d{name}" for name in self._variables()]
        yield ProgramBlank(name=found.get("name", "program"), stage=stage, needs=tuple(needs), **common)

    def _choice(self, path: Path, found: dict[str, Any], common: dict[str, Any]) -> Iterator[Blank | None]:
        rule, reading = found["choice"], self.reading
        if isinstance(rule, dict):
            yield self._conditions(path, rule, found, common)
            return
        if rule not in ("pattern", "route"):
            reading.unknown(path, str(rule)[:60], ["pattern", "route"], "choice cannot be")
            return
        if "of" not in found:
            reading.wrong(path, f'choice = "{rule}" asks about a gate', ['of = "q"'])
            return
        node = self._gate((*path[:-1], "of"), found["of"])
        if node is None:
            return
        place = self.graph.position[node]
        row, args = self.graph.row(place), self.graph.args[place]
        if rule == "route":
            if row.name not in ("max", "min") or len(set(args)) < 2:
                reading.wrong((*path[:-1], "of"), f"{found['of']} is no max or min of several inputs")
                return
            options = tuple(dict.fromkeys(self._id(k) for k in args))
        else:
            options = (*PATTERNS, *[row.pattern[0]] * (row.pattern[0] not in PATTERNS))
        name = found.get("name", f"{plain_name(found['of'])}_{rule}")
        yield ChoiceBlank(name=name, rule=rule, options=options, node=node, **common)

    def _conditions(self, path: Path, rule: dict[str, Any], found: dict[str, Any],
                    common: dict[str, Any]) -> Blank | None:  # fmt: skip
        reading = self.reading
        if "name" not in found:
            reading.wrong(path, "a choice with options of its own needs a name", ['name = "answer"'])
        if "of" in found:
            reading.wrong((*path[:-1], "of"), "a choice with options of its own is of no gate")
        if not 2 <= len(rule) <= 12:
            reading.wrong(path, f"a choice has from 2 to 12 options, not {len(rule)}")
        folded = {"".join(option.lower().split()) for option in rule}
        if len(folded) < len(rule) or "" in folded:
            reading.wrong(path, "the options of a choice differ by more than case and spaces")
        if long := [option for option in rule if len(option) > MOST_OPTION or not option.isprintable()]:
            reading.wrong(path, f"an option is {long[0]!r:.80}; it has at most {MOST_OPTION} characters on one line")
        conditions = []
        for option, text in rule.items():
            if reading.fits(path, option, text, Field("text", "")):
                conditions.append(reading.expression(path, text, condition=True))
        if None in conditions or len(conditions) < len(rule) or "name" not in found:
            return None
        return ChoiceBlank(name=found["name"], rule="conditions", options=tuple(rule),
                           conditions=tuple(one for one in conditions if one is not None), **common)  # fmt: skip

    def _step(self, path: Path, found: dict[str, Any], common: dict[str, Any]) -> Iterator[Blank | None]:
        variable = self._variable(path, found["step"])
        rate = self.reading.expression((*path[:-1], "rate"), found["rate"])
        decay = self.reading.expression((*path[:-1], "decay"), found.get("decay", 0))
        if variable is None or rate is None or decay is None:
            return
        name, node = found.get("name", f"{variable}_new"), self.graph.inputs[variable]
        yield StepBlank(name=name, node=node, rate=rate, decay=decay, **common)

    def _number(self, path: Path, found: dict[str, Any], common: dict[str, Any]) -> Iterator[Blank | None]:
        if "name" not in found:
            self.reading.wrong(path, "a number blank needs a name", ['name = "answer"'])
            return
        formula = self.reading.expression(path, found["number"])
        if formula is not None:
            yield NumberBlank(name=found["name"], formula=formula, **common)

    def _quotient(self, path: Path, found: dict[str, Any], common: dict[str, Any]) -> Iterator[Blank | None]:
        variable = self._variable(path, found["quotient"])
        h = self.reading.expression((*path[:-1], "h"), found["h"])
        if self.graph.shapes is not None:
            self.reading.wrong(path, "difference quotients are asked of formulas of numbers, not of arrays")
            return
        if variable is not None and h is not None:
            yield QuotientBlank(name=found.get("name", f"d{variable}_h"), variable=variable, h=h,
                                scheme=found.get("scheme", "central"), **common)  # fmt: skip
