"""A formula and its gradients at every row of a table, in vectorised blocks, streamed in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from bpcli.arrays import sweeps as array_sweeps
from bpcli.arrays.shapes import resolve
from bpcli.figures import number_or_none
from bpcli.files import cells_of
from bpcli.language import plain_name
from bpcli.passes import chosen, parse
from bpcli.point import bind
from bpcli.sweeps import forward, reverse
from bpcli.trouble import Trouble

#: Rows at a time: 16,384 doubles of every gate of a small formula fit in the second cache of the processor.
BLOCK = 16_384

_PLAIN = re.compile(r"[-+0-9.eE,; \t\r\n]*")


class BadRow(NamedTuple):
    """A row without an answer: its line in the file, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class Block:
    """Some rows: their lines, the values, the gradients by variable; NaN in the rows of ``bad``."""

    lines: Any
    values: Any
    gradients: dict[str, Any]
    bad: list[BadRow]
    """Also the rows that could not be read, which are not among ``lines``."""


class Batch:
    """A formula made ready for a table whose columns are HEADER; the other variables are in FIXED."""

    def __init__(
        self, formula: str, header: Sequence[str], fixed: Mapping[str, Any], *, wrt: Sequence[str] | None = None,
        kinks: str = "torch", output: str | None = None, **rewritings: Any,
    ) -> None:  # fmt: skip
        graph = parse(formula, variables=[*header, *fixed], output=output, **rewritings)
        if graph.has_arrays:
            raise Trouble("a table of points is for formulas of numbers", code="array-points")
        self.graph, self.kinks = graph, kinks
        self.names = chosen(graph, wrt)
        self.columns = {name: header.index(name) for name in graph.inputs if name in header}
        both = [name for name in fixed if name in self.columns]
        if both:
            raise Trouble(f"{both[0]} has a column and a value", code="two-values")
        zeros = dict.fromkeys(self.columns, 0.0)
        self.fixed = {name: value for name, value in bind(graph, {**fixed, **zeros}).items() if name not in zeros}
        for name, value in self.fixed.items():
            if not isinstance(value, float):
                raise Trouble(f"{name} is an array; a table of points is for formulas of numbers", code="array-points")
        _keep_memory()
        # Every variable an array of one length: then no gate needs to be stretched, whatever the length.
        self.wide = resolve(graph, dict.fromkeys(graph.inputs, (BLOCK,)), self.names)

    def block(self, lines: Any, table: Any) -> Block:
        """Values and gradients for the rows of TABLE, an array with one row for each of LINES."""
        count = len(lines)
        point = {name: np.ascontiguousarray(table[:, k]) for name, k in self.columns.items()}
        point |= {name: np.full(count, value) for name, value in self.fixed.items()}
        try:
            values, gradients = self._at_once(point, count)
            return Block(lines, values, gradients, [])
        except (Trouble, ArithmeticError, ValueError):
            return self._row_by_row(lines, point)

    def _at_once(self, point: Mapping[str, Any], count: int) -> tuple[Any, dict[str, Any]]:
        graph = self.wide
        values = forward(graph, point)
        if self.kinks == "error":
            array_sweeps.refuse_kinks(graph, values, graph.backward(graph.outputs, values)[0])
        schedule = graph.backward(graph.outputs, values)
        adjoints = array_sweeps.reverse(graph, values, schedule, {graph.output: 1.0}, self.kinks)
        gradients = {name: _column(adjoints[graph.inputs[name]], count) for name in self.names}
        return _column(values[graph.output], count), gradients

    def _row_by_row(self, lines: Any, point: Mapping[str, Any]) -> Block:
        """The same with floats, to find the rows that have no answer."""
        graph, bad = self.graph, []
        values = np.full(len(lines), np.nan)
        gradients = {name: np.full(len(lines), np.nan) for name in self.names}
        for k, line in enumerate(lines):
            try:
                computed = forward(graph, {name: float(column[k]) for name, column in point.items()})
                adjoints = reverse(graph, computed, {graph.output: 1.0}, self.kinks)
            except Trouble as trouble:
                bad.append(BadRow(int(line), trouble.message))
                continue
            values[k] = computed[graph.output]
            for name in self.names:
                gradients[name][k] = adjoints[graph.inputs[name]]
        return Block(lines, values, gradients, bad)


def _column(found: Any, count: int) -> Any:
    """FOUND for each of COUNT rows, when it is the same number in all of them; None stands for 0."""
    return found if np.ndim(found) else np.full(count, 0.0 if found is None else found)


def _keep_memory() -> None:
    """Let the C library keep the memory of arrays that are done with for the next ones: twice as fast.

    An array of a block is at the size from which glibc asks the system for each and gives it back. It keeps sizes
    up to the largest one that it has seen returned.
    """
    np.empty(16 * BLOCK)


def read_header(lines: Iterator[str], where: str) -> list[str]:
    """The names of the columns, from the first line."""
    first = next(lines, None)
    if first is None:
        raise Trouble(f"{where} is empty: its first line names the columns", code="unreadable-file")
    try:
        header = [plain_name(cell.strip()) for cell in cells_of(first)]
    except ValueError as error:
        raise Trouble(f"cannot read {where}: line 1: {error}", code="unreadable-file") from None
    if not any(header):
        raise Trouble(f"the first line of {where} is blank: it must name the columns", code="no-header",
                      tries=["x,y,z"])  # fmt: skip
    twice = [name for name in filter(None, header) if header.count(name) > 1]
    if twice:
        raise Trouble(f"{where} has two columns called {twice[0]}", code="two-values")
    if all(number_or_none(cell) is not None for cell in header):
        raise Trouble(f"{where} begins with numbers: its first line must name the columns", code="no-header",
                      tries=["x,y,z"])  # fmt: skip
    return header


def blocks(lines: Iterable[str], width: int, used: Sequence[int]) -> Iterator[tuple[Any, Any, list[BadRow]]]:
    """The rows after the header, a block at a time: their line numbers, a table of doubles, and unreadable rows.

    Only the columns USED need to hold numbers; the others may be names or remarks, and are 0 in the table.
    """
    numbered = enumerate(lines, start=2)
    while chunk := list(islice(numbered, BLOCK)):
        numbers, texts = zip(*chunk, strict=True)
        table = _quickly(texts, width)
        if table is not None:
            yield np.array(numbers), table, []
            continue
        good, rows, bad = [], [], []
        for number, text in chunk:
            if not text.strip():
                continue
            row, reason = _row(text, width, used)
            if reason:
                bad.append(BadRow(number, reason))
            else:
                good.append(number)
                rows.append(row)
        yield np.array(good, dtype=int), np.array(rows).reshape(len(rows), width), bad


def _quickly(texts: Sequence[str], width: int) -> Any:
    """A block of plain numbers as an array; None when any line needs a closer look."""
    if not all(_PLAIN.fullmatch(text) and text.strip() for text in texts):
        return None
    try:
        table = np.loadtxt(texts, delimiter=",", ndmin=2, comments=None)
    except ValueError:
        return None
    return table if table.shape == (len(texts), width) and np.isfinite(table).all() else None


def _row(text: str, width: int, used: Sequence[int]) -> tuple[list[float], str]:
    """The numbers of one line, and what is wrong with it ("" for nothing)."""
    try:
        cells = cells_of(text)
    except ValueError as error:
        return [], str(error)
    if len(cells) != width:
        return [], f"it has {len(cells)} cells, the first line {width}"
    row = [0.0] * width
    for k in used:
        number = number_or_none(cells[k])
        if number is None:
            return [], f"cell {k + 1} is not a number: {cells[k].strip()!r:.40}"
        row[k] = number
    return row, ""


def run(batch: Batch, lines: Iterable[str], width: int) -> Iterator[Block]:
    """The blocks of a table, in order; ``bad`` holds the rows that could not be read or have no answer."""
    for numbers, table, unreadable in blocks(lines, width, list(batch.columns.values())):
        done = batch.block(numbers, table)
        done.bad.extend(unreadable)
        done.bad.sort()
        yield done
