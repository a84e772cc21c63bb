"""``bpcli grad --points``: a table in, its values and gradients out."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import Any, TextIO
from zipfile import ZipFile

import click
import numpy as np

from bpcli.batch import BadRow, Batch, Block, read_header, run
from bpcli.trouble import Trouble, visible
from bpcli.written import written

MOST_REPORTED = 20  # bad rows named on the screen


@dataclass
class Tally:
    """How many rows there were, how many of them have no answer, and the first of these."""

    rows: int = 0
    bad: int = 0
    first: list[BadRow] = field(default_factory=list)

    def counted(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """BLOCKS, counted while they pass."""
        for block in blocks:
            lines = set(block.lines.tolist())
            self.rows += len(lines.union(row.line for row in block.bad))
            self.bad += len(block.bad)
            self.first += block.bad[: MOST_REPORTED - len(self.first)]
            yield block

    def report(self) -> None:
        """Name the bad rows on standard error."""
        for row in self.first:
            click.echo(f"line {row.line}: {visible(row.reason)}", err=True)
        if self.bad:
            more = f" ({self.bad - len(self.first):,} more)" if self.bad > len(self.first) else ""
            click.echo(f"{self.bad:,} of {self.rows:,} rows have no answer{more}", err=True)


def evaluate(formula: str, source: str, target: str | None, fixed: dict[str, Any], as_json: bool,
             **options: Any) -> int:  # fmt: skip
    """Write the value and the gradients at every row of SOURCE ("-" for standard input) to TARGET or to standard
    output, as CSV, JSON lines or .npz; the exit code: 1 when a row was left out."""
    tally = Tally()
    with _lines(source) as (lines, size):
        header = read_header(lines, "standard input" if source == "-" else source)
        batch = Batch(formula, header, fixed, **options)
        done = tally.counted(run(batch, _with_progress(lines, size, target is not None), len(header)))
        if target is None:
            _write_text(sys.stdout, done, batch, as_json)
        else:
            with written(target) as path:
                if target.endswith(".npz"):
                    _write_arrays(path, done, batch)
                else:
                    with open(path, "w", encoding="utf-8", newline="") as file:
                        _write_text(file, done, batch, as_json or target.endswith((".jsonl", ".ndjson")))
    tally.report()
    return 1 if tally.bad else 0


@contextmanager
def _lines(source: str) -> Iterator[tuple[Iterator[str], int]]:
    """The lines of a file or of standard input, and the file's size (0 if unknown)."""
    name = "standard input" if source == "-" else source
    with ExitStack() as stack:
        if source == "-":
            sys.stdin.reconfigure(encoding="utf-8-sig", errors="strict")  # type: ignore[union-attr]
            file, size = sys.stdin, 0
        else:
            try:
                file = stack.enter_context(open(source, encoding="utf-8-sig"))
            except OSError as error:
                raise Trouble(f"cannot read {source}: {error.strerror}", code="unreadable-file") from None
            size = os.path.getsize(source)
        try:
            yield iter(file), size
        except UnicodeDecodeError:
            raise Trouble(f"cannot read {name}: it is not UTF-8", code="unreadable-file") from None


def _with_progress(lines: Iterable[str], size: int, to_file: bool) -> Iterator[str]:
    """LINES, with a bar on a terminal while they are read."""
    if not (size and to_file and sys.stderr.isatty()):
        yield from lines
        return
    from rich.console import Console
    from rich.progress import Progress

    with ExitStack() as stack:
        progress = stack.enter_context(Progress(console=Console(stderr=True)))
        task = progress.add_task("rows", total=size)
        waiting = 0
        for number, line in enumerate(lines):
            waiting += len(line)
            if number % 4096 == 0:
                progress.update(task, advance=waiting)
                waiting = 0
            yield line


def _labels(batch: Batch) -> list[str]:
    return ["line", "value", *[f"d{name}" for name in batch.names]]


def _columns(block: Block, batch: Batch) -> list[Any]:
    return [block.lines, block.values, *[block.gradients[name] for name in batch.names]]


def _write_text(file: TextIO, blocks: Iterable[Block], batch: Batch, as_json: bool) -> None:
    """CSV with a header, or one JSON object a line; a row without an answer has empty cells, or null."""
    labels = _labels(batch)
    if not as_json:
        file.write(",".join(labels) + "\n")
    for block in blocks:
        columns = [column.tolist() for column in _columns(block, batch)]
        if as_json:
            rows = zip(*[[None if x != x else x for x in column] for column in columns], strict=True)
            file.writelines(json.dumps(dict(zip(labels, row, strict=True)), allow_nan=False) + "\n" for row in rows)
        else:
            texts = [["" if x != x else repr(x) for x in column] for column in columns]
            file.writelines(",".join(row) + "\n" for row in zip(*texts, strict=True))


def _write_arrays(path: str, blocks: Iterable[Block], batch: Batch) -> None:
    """An .npz archive with the arrays line, value and d… for each variable; NaN where there is no answer.

    An archive holds one array after the other, so each waits in a file of its own until the last row is known.
    """
    labels = _labels(batch)
    rows = 0
    with ExitStack() as stack:
        archive = stack.enter_context(ZipFile(path, "w", allowZip64=True))
        waiting = [stack.enter_context(TemporaryFile()) for _ in labels]
        for block in blocks:
            rows += len(block.lines)
            for file, column, kind in zip(waiting, _columns(block, batch), _kinds(labels), strict=True):
                file.write(column.astype(kind).tobytes())
        for label, file, kind in zip(labels, waiting, _kinds(labels), strict=True):
            file.seek(0)
            with archive.open(f"{label}.npy", "w", force_zip64=True) as member:
                header = {"descr": kind, "fortran_order": False, "shape": (rows,)}
                np.lib.format.write_array_header_1_0(member, header)
                shutil.copyfileobj(file, member)


def _kinds(labels: list[str]) -> list[str]:
    return ["<i8", *["<f8"] * (len(labels) - 1)]
