"""A problem file as text to a `Problem`, with every mistake in it found at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bpcli.exercises import givens
from bpcli.exercises.blanks import Asks
from bpcli.exercises.fields import PROBLEM, TYPES, Field
from bpcli.exercises.givens import Wrong, described
from bpcli.exercises.mistakes import Mistake, Mistakes
from bpcli.exercises.places import MOST_PARTS, Path, line_numbers, line_of, too_many_parts
from bpcli.exercises.problem import AVOID, Given, Problem
from bpcli.graph import Graph
from bpcli.language import NAME, STUDENT, plain_name
from bpcli.mistakes import closest
from bpcli.passes import parse
from bpcli.rounding import read_rule
from bpcli.slips import SLIPS
from bpcli.trouble import Trouble, locate, visible

MOST_BYTES = 64 * 1024
MOST_TEXT = {"title": 200, "source": 300, "statement": 20_000, "text": 500}
MOST_LIST = 50  # entries of a list


def read(data: bytes, identity: str, name: str | None = None) -> Problem:
    """The problem in the bytes of a file; NAME is what messages call the file.

    Raises `Mistakes` (exit code 2) that names every mistake with its line.
    """
    name = name or f"{identity}.toml"
    text, table = _parsed(data, name)
    reading = Reading(text, table)
    problem = reading.problem(identity)
    if reading.mistakes or problem is None:
        raise Mistakes(name, reading.mistakes, code="problem-file")
    return problem


def _parsed(data: bytes, name: str) -> tuple[str, dict[str, Any]]:
    def refuse(message: str, line: int = 1) -> Mistakes:
        return Mistakes(name, [Mistake(line, message)], code="problem-file")

    if len(data) > MOST_BYTES:
        raise refuse(f"the file has {len(data):,} bytes; the limit is {MOST_BYTES:,}")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise refuse("this is not UTF-8", data.count(b"\n", 0, error.start) + 1) from None
    if line := too_many_parts(text):
        raise refuse(f"a key has more than {MOST_PARTS} parts", line)
    try:
        return text, tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
        sentence = str(error)[: place.start()] if place else str(error)
        line = int(place[1]) if place and place[1] else text.rstrip("\n").count("\n") + 1
        raise refuse(_plain(sentence, text.split("\n")[line - 1]), line) from None
    except RecursionError:
        raise refuse("it is nested too deeply") from None
    except (ValueError, ArithmeticError):
        raise refuse("a number in it has too many digits") from None


def _plain(sentence: str, line: str) -> str:
    """What the TOML reader says, with the reason that people most often have."""
    sentence = sentence[:1].lower() + sentence[1:]
    if re.match(r"\s*[\w.]+\s*=\s*[A-Za-z(-]", line) and sentence == "invalid value":
        return "a text stands in quotes"
    if "escape" in sentence:
        return "a backslash in double quotes starts an escape; LaTeX belongs in '…' or '''…'''"
    return f"this is not TOML: {sentence}"


class Reading:
    """One pass over a parsed file; collects ``mistakes``."""

    def __init__(self, text: str, table: dict[str, Any]) -> None:
        self.text, self.table = text, table
        self.lines = line_numbers(text)
        self.mistakes: list[Mistake] = []
        self.given: dict[str, Given] = {}
        self.graph: Graph | None = None
        self.nodes: dict[str, int] = {}
        """Id -> node."""
        self.shapes: dict[str, tuple[int, ...]] = {}
        """The names that expressions may use, and their shapes."""
        self.used: set[str] = set()

    # --- saying what is wrong ---

    def wrong(self, path: Path, message: str, tries: Iterable[str] = (), cause: Trouble | None = None) -> None:
        """Note a mistake at PATH; of a text over several lines, the line that CAUSE points at."""
        line = line_of(path, self.lines)
        if cause is not None and cause.source is not None:
            inside = locate(cause.source, cause.start)[0]
            first = self.text.split("\n")[line - 1]
            line += inside - (not re.search(r"(\"\"\"|''')\s*$", first))
        self.mistakes.append(Mistake(line, message, tuple(tries), cause))

    def unknown(self, path: Path, word: str, known: Collection[str], what: str) -> None:
        """Note that WORD is none of the KNOWN ones."""
        near = closest(word, known)
        shown = list(known)
        listed = ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "")
        self.wrong(path, f"{what} {word}" + ("" if near else f"; there {'is' if len(shown) == 1 else 'are'} {listed}"),
                   [f"did you mean {one}?" for one in near])  # fmt: skip

    # --- fields ---

    def fields(self, table: dict[str, Any], known: dict[str, Field], path: Path, where: str) -> dict[str, Any]:
        """The fields of TABLE that are of the right type; unknown, missing and wrong ones are noted."""
        found = {}
        for name, value in table.items():
            if name not in known:
                self.unknown((*path, name), name, list(known), f"{where} has no field")
            elif self.fits((*path, name), name, value, known[name]):
                found[name] = value
        for name, field in known.items():
            if field.required and name not in table:
                self.wrong(path, f"{where} has no {name}: {field.about}", [f"{name} = {TYPES[field.type][1]}"])
        return found

    def fits(self, path: Path, name: str, value: Any, field: Field) -> bool:
        """Whether VALUE is of the field's type; if not, that is noted."""
        before = len(self.mistakes)
        if field.type in ("text", "word", "name") or (field.type == "formula" and isinstance(value, str)):
            self._text(path, name, value, field)
        elif field.type in ("texts", "names", "formulas"):
            self._texts(path, name, value, field)
        elif field.type == "flag":
            if not isinstance(value, bool):
                self._mistyped(path, name, value, field)
        elif field.type in ("level", "whole", "share", "points", "formula"):
            self._number(path, name, value, field)
        elif field.type == "rounding":
            self._rounding(path, name, value, field)
        elif field.type == "givens" and not isinstance(value, dict):
            self._mistyped(path, name, value, field)
        return len(self.mistakes) == before

    def _mistyped(self, path: Path, name: str, value: Any, field: Field) -> None:
        words, example, _ = TYPES[field.type]
        self.wrong(path, f"{name} is {described(value)}, not {words}", [f"{name} = {example}"])

    def _text(self, path: Path, name: str, value: Any, field: Field) -> None:
        if not isinstance(value, str):
            self._mistyped(path, name, value, field)
            return
        if not value.strip() and name != "source":
            self.wrong(path, f"{name} is empty")
        if field.choices and value not in field.choices:
            self.unknown(path, value, field.choices, f"{name} cannot be")
        if field.type == "name" and not re.fullmatch(NAME, value):
            self.wrong(path, f"{name} is {value!r:.60}, which is not a name: letters, digits and _")
        most = MOST_TEXT.get(name, 4096)
        if len(value) > most:
            self.wrong(path, f"{name} has {len(value):,} characters; the limit is {most:,}")
        if hidden := next((c for c in value if c != "\t" and visible(c) != c), None):
            self.wrong(path, f"{name} has a character that cannot be shown: {visible(hidden)}")

    def _texts(self, path: Path, name: str, value: Any, field: Field) -> None:
        if not isinstance(value, list):
            self._mistyped(path, name, value, field)
            return
        if len(value) > MOST_LIST:
            self.wrong(path, f"{name} has {len(value)} entries; the limit is {MOST_LIST}")
        for one in value:
            self._text(path, f"an entry of {name}", one, Field("name" if field.type == "names" else "text", ""))

    def _number(self, path: Path, name: str, value: Any, field: Field) -> None:
        try:
            exact = givens.number(value, name)
        except Wrong as wrong:
            self.wrong(path, str(wrong), [f"{name} = {one}" for one in wrong.tries])
            return
        limits = TYPES[field.type][2]
        whole = limits.get("type") != "integer" or (isinstance(value, int))
        if field.type != "formula" and not (whole and limits["minimum"] <= exact <= limits["maximum"]):
            self.wrong(path, f"{name} is {value}, not {TYPES[field.type][0]}")

    def _rounding(self, path: Path, name: str, value: Any, field: Field) -> None:
        if value == "exact":
            return
        rules = {"decimals": (0, 8), "digits": (2, 8)}
        if isinstance(value, dict) and len(value) == 1 and (rule := next(iter(value))) in rules:
            places, (low, high) = value[rule], rules[rule]
            if isinstance(places, bool) or not isinstance(places, int) or not low <= places <= high:
                self.wrong(path, f"{rule} of {name} is {places}, not a whole number from {low} to {high}")
        elif isinstance(value, dict) and value:
            self.unknown(path, next(iter(value)), list(rules), f"{name} knows no rule")
        else:
            self._mistyped(path, name, value, field)

    # --- the file ---

    def problem(self, identity: str) -> Problem | None:
        """The problem, or None when there are mistakes."""
        found = self.fields(self.table, PROBLEM, (), "the file")
        self._check_statement(found)
        self._read_givens(found.get("given", {}))
        if "formula" in found:
            self._read_formula(found)
        asks = Asks(self)
        blanks = asks.read(self.table["ask"], found) if "ask" in self.table else ()
        upstream = self.expression(("upstream",), found["upstream"]) if "upstream" in found else None
        require = [self.expression(("require",), one, condition=True) for one in found.get("require", [])]
        for one in found.get("overlook", []):
            if one not in SLIPS:
                self.unknown(("overlook",), one, list(SLIPS), "there is no slip")
        self._check_use(asks.complete)
        if self.mistakes or self.graph is None:
            return None
        return Problem(
            id=identity, title=found["title"].strip(), statement=found["statement"], graph=self.graph,
            given=self.given, blanks=blanks, rounding=read_rule(found.get("round")), source=found.get("source", ""),
            tags=tuple(found.get("tags", ())), difficulty=found.get("difficulty", 1),
            hints=tuple(found.get("hints", ())), wrt=self._wrt(found), upstream=upstream,
            kinks=found.get("kinks", AVOID), require=tuple(one for one in require if one is not None),
            overlook=frozenset(found.get("overlook", ())), carry=found.get("carry", 4), apart=float(found.get("apart", 0.5)), text=self.text,
        )  # fmt: skip

    def _check_statement(self, found: dict[str, Any]) -> None:
        from bpcli.exercises import markdown

        texts: list[tuple[Path, str]] = [
            ((name,), found[name]) for name in ("title", "statement", "source") if name in found
        ]
        texts += [(("hints",), one) for one in found.get("hints", [])]
        for path, text in texts:
            for wrong in markdown.check(text):
                self.wrong(path, wrong.message, wrong.tries, wrong)

    def _read_givens(self, table: dict[str, Any]) -> None:
        for name, value in table.items():
            path = ("given", name)
            if not re.fullmatch(NAME, name) or len(name) > 32:
                self.wrong(path, f"{name!r:.60} is not a name: letters, digits and _, at most 32")
                continue
            try:
                given = givens.read(plain_name(name), value)
            except Wrong as wrong:
                self.wrong(path, str(wrong), wrong.tries)
                given = Given(plain_name(name), pool=(Decimal(1),))
            if given.name in self.given:
                self.wrong(path, f"{given.name} is given twice")
            self.given[given.name] = given

    def _read_formula(self, found: dict[str, Any]) -> None:
        path = ("formula",)
        if found.get("expand") and found.get("fuse"):
            self.wrong(("fuse",), "expand and fuse undo each other; one of them is enough")
            return
        try:
            graph = parse(found["formula"], variables=list(self.given), limits=STUDENT,
                          expand=found.get("expand", False), fuse=found.get("fuse", False))  # fmt: skip
            for name in graph.inputs:
                if name not in self.given:
                    self._no_given(name)
            if not all(name in self.given for name in graph.inputs):
                return
            wrt = self._wrt(found, graph)
            if graph.has_arrays or any(self.given[name].shape for name in graph.inputs):
                from bpcli.arrays.shapes import resolve

                graph = resolve(graph, {name: self.given[name].shape for name in graph.inputs}, wrt)
            elif len(wrt) < len(graph.inputs):
                graph = _restricted(graph, wrt)
        except Trouble as trouble:
            self.wrong(path, trouble.message, trouble.tries, trouble)
            return
        if not graph.gates:
            self.wrong(path, "the formula has no gate")
            return
        self.graph = graph
        self.used |= set(graph.inputs)
        self._name_nodes(graph)

    def _no_given(self, name: str) -> None:
        near = closest(name, list(self.given))
        self.wrong(("given",), f"{name} of the formula is not given",
                   [f"did you mean {one}?" for one in near] or [f"{name} = {{from = -5, to = 5, step = 1}}"])  # fmt: skip

    def _wrt(self, found: dict[str, Any], graph: Graph | None = None) -> tuple[str, ...]:
        graph = graph or self.graph
        assert graph is not None
        names = tuple(map(plain_name, found.get("wrt", ()))) or tuple(self.given)
        if graph is not self.graph:
            for name in names if "wrt" in found else ():
                if name not in graph.inputs:
                    self.unknown(("wrt",), name, list(graph.inputs), "the formula has no variable")
        return tuple(name for name in names if name in graph.inputs)

    def _name_nodes(self, graph: Graph) -> None:
        """Fill in what expressions and blanks may name."""
        ids = {graph.ids[node]: node for node in (*graph.inputs.values(), *graph.gates)}
        self.nodes = ids | {name: node for name, node in graph.scope.items() if name not in ids}
        shape = graph.shapes or {}
        self.shapes = {name: given.shape for name, given in self.given.items()}
        self.shapes |= {name: shape.get(node, ()) for name, node in self.nodes.items()}
        for name, node in ids.items():
            if not graph.active[node]:
                continue
            if f"d{name}" in self.shapes:
                self.wrong(("formula",), f"the gradient of {name} is called d{name}, and that name is taken")
            self.shapes[f"d{name}"] = shape.get(node, ())

    def _check_use(self, complete: bool) -> None:
        for name in self.given:
            if name not in self.used and self.graph is not None and complete:
                self.wrong(("given", name), f"{name} is given, but neither the formula nor a blank uses it")

    # --- expressions over givens, values and gradients ---

    def expression(self, path: Path, value: Any, condition: bool = False) -> Graph | None:
        """The graph of a formula over what a variant knows; a CONDITION is worth 1 where it holds and 0 elsewhere."""
        text = value if isinstance(value, str) else f"{value:f}" if isinstance(value, Decimal) else str(value)
        if self.graph is None:
            return None
        try:
            graph = parse(f"where({text}, 1, 0)" if condition else text, variables=list(self.shapes), limits=STUDENT)
            for name in graph.inputs:
                if name not in self.shapes:
                    self.unknown(path, name, list(self.shapes), f"{text[:60]} uses a name that is not there:")
                    return None
            if graph.has_arrays or any(self.shapes[name] for name in graph.inputs):
                from bpcli.arrays.shapes import resolve

                graph = resolve(graph, {name: self.shapes[name] for name in graph.inputs})
        except Trouble as trouble:
            if condition and trouble.source is not None:
                trouble.source = text
                trouble.start, trouble.end = trouble.start - len("where("), trouble.end - len("where(")
                trouble.tries = ()
            self.wrong(path, trouble.message, trouble.tries, trouble)
            return None
        self.used |= set(graph.inputs) & set(self.given)
        return graph


def _restricted(graph: Graph, wrt: Collection[str]) -> Graph:
    """GRAPH (of numbers) with only the variables WRT active."""
    from bpcli.rewrite import Copy

    copy = Copy(graph)
    for name, node in copy.builder.inputs.items():
        copy.builder.active[node] = name in wrt
    for place, node in enumerate(graph.gates):
        args = tuple([copy.leaf(k) for k in graph.args[place]])
        copy.set(node, copy.builder.gate(graph.row(place), args, *graph.span(node)))
    return replace(copy.finish())
