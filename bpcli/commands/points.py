"""``bpcli grad --points``: a table in, its values and gradients out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TextIO

import click
import numpy as np

from bpcli.batch import BadRow, Batch, Block, read_header, run
from bpcli.trouble import UNWRITABLE, Trouble, visible

MOST_REPORTED = 20  # bad rows named on the screen


def evaluate(formula: str, source: str, target: str | None, fixed: dict[str, Any], as_json: bool,
             **options: Any) -> int:  # fmt: skip
    """Write the value and the gradients at every row of SOURCE ("-" for standard input) to TARGET or to standard
    output, as CSV, JSON lines or .npz; the exit code: 1 when a row was left out."""
    bad: list[BadRow] = []
    total = 0
    with _lines(source) as (lines, size):
        header = read_header(lines, "standard input" if source == "-" else source)
        batch = Batch(formula, header, fixed, **options)
        with _written(target) as path:
            done = _counted(run(batch, _with_progress(lines, size, target is not None), len(header)), bad)
            if path is not None and path.endswith(".npz.part"):
                total = _write_arrays(path, done, batch)
            elif path is None:
                total = _write_text(sys.stdout, done, batch, as_json)
            else:
                with open(path, "w", encoding="utf-8", newline="") as file:
                    total = _write_text(file, done, batch, as_json or path.endswith((".jsonl.part", ".ndjson.part")))
    for row in bad[:MOST_REPORTED]:
        click.echo(f"line {row.line}: {visible(row.reason)}", err=True)
    if bad:
        more = f" ({len(bad) - MOST_REPORTED:,} more)" if len(bad) > MOST_REPORTED else ""
        click.echo(f"{len(bad):,} of {total:,} rows have no answer{more}", err=True)
    return 1 if bad else 0


@contextmanager
def _lines(source: str) -> Iterator[tuple[Iterator[str], int]]:
    """The lines of a file or of standard input, and the file's size (0 if unknown)."""
    if source == "-":
        sys.stdin.reconfigure(encoding="utf-8-sig")  # type: ignore[union-attr]
        yield iter(sys.stdin), 0
        return
    try:
        file = open(source, encoding="utf-8-sig")  # noqa: SIM115 (the stack below closes it)
    except OSError as error:
        raise Trouble(f"cannot read {source}: {error.strerror}", code="unreadable-file") from None
    with file:
        try:
            yield iter(file), os.path.getsize(source)
        except UnicodeDecodeError:
            raise Trouble(f"cannot read {source}: it is not UTF-8", code="unreadable-file") from None


@contextmanager
def _written(target: str | None) -> Iterator[str | None]:
    """A file beside TARGET to write to, which takes TARGET's place when all is written; else nothing changes."""
    if target is None:
        yield None
        return
    part = f"{target}.part"
    try:
        yield part
        os.replace(part, target)
    except OSError as error:
        raise Trouble(f"cannot write {target}: {error.strerror}", code="unwritable", exit_code=UNWRITABLE) from None
    finally:
        if os.path.exists(part):
            os.remove(part)


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


def _counted(blocks: Iterable[Block], bad: list[BadRow]) -> Iterator[Block]:
    for block in blocks:
        bad.extend(block.bad)
        yield block


def _write_text(file: TextIO, blocks: Iterable[Block], batch: Batch, as_json: bool) -> int:
    """CSV with a header, or one JSON object a line; a row without an answer has empty cells, or null."""
    labels = ["line", "value", *[f"d{name}" for name in batch.names]]
    total = 0
    if not as_json:
        file.write(",".join(labels) + "\n")
    for block in blocks:
        columns = [block.lines.tolist(), block.values.tolist(), *[block.gradients[n].tolist() for n in batch.names]]
        total += len(columns[0]) + sum(row.line not in set(columns[0]) for row in block.bad)
        if as_json:
            rows = zip(*[[None if x != x else x for x in column] for column in columns], strict=True)
            file.writelines(json.dumps(dict(zip(labels, row, strict=True)), allow_nan=False) + "\n" for row in rows)
        else:
            texts = [["" if x != x else repr(x) for x in column] for column in columns]
            file.writelines(",".join(row) + "\n" for row in zip(*texts, strict=True))
    return total


def _write_arrays(path: str, blocks: Iterable[Block], batch: Batch) -> int:
    """An .npz archive with the arrays line, value and d… for each variable; NaN where there is no answer."""
    found = list(blocks)
    arrays = {"line": [block.lines for block in found], "value": [block.values for block in found]}
    arrays |= {f"d{name}": [block.gradients[name] for block in found] for name in batch.names}
    with open(path, "wb") as file:
        table: dict[str, Any] = {name: np.concatenate(parts or [np.zeros(0)]) for name, parts in arrays.items()}
        np.savez(file, **table)
    return sum(len(block.lines) + len(block.bad) for block in found)
