"""What the views share: tables with numbers in line on the point, and the ways out of the terminal.

Values are green and gradients red, as on the lectures' slides; nothing is said by colour alone. Nothing is ever
cut off: what is too wide for the terminal is laid out in another way.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from bpcli.figures import align
from bpcli.result import Result
from bpcli.trouble import visible

if TYPE_CHECKING:
    from bpcli.passes import Note

VALUE, GRADIENT, QUIET = "green", "red", "dim"

UNLIMITED = 100_000  # columns, where no terminal sets a limit
LEAST_REASON = 30  # columns for a reason in a table; with fewer it stands under its blank
MOST_READING = 1500  # characters of the reading shown, unless all are asked for


class Look(NamedTuple):
    """How a result is to look: significant digits, columns there are, and whether to show every gate."""

    digits: int = 4
    width: int = UNLIMITED
    everything: bool = False


def render(result: Result, look: Look) -> RenderableType:
    """What to print for RESULT."""
    view = import_module(f"bpcli.views.{result.view}")
    rendered: RenderableType = view.render(result, look)
    return rendered


def as_text(result: Result, width: int = 80, digits: int = 4) -> str:
    """What the command prints for RESULT, without colour."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    console.print(render(result, Look(digits, width)))
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def as_html(result: Result, digits: int = 4) -> str:
    """RESULT for a notebook: preformatted text with colours in the page itself."""
    console = Console(file=io.StringIO(), record=True, width=110, force_terminal=True)
    console.print(render(result, Look(digits, 110)))
    return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


def reading(text: str, everything: bool = False) -> Text:
    """The line that says how the formula was read."""
    if len(text) > MOST_READING and not everything:
        half = MOST_READING // 2
        text = f"{text[:half]} … {text[-half:]} ({len(text):,} characters; --all shows them)"
    return Text("reads as  ", QUIET).append(visible(text), "default not dim")


def grid(headers: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str],
         words: Sequence[int] = ()) -> Table:  # fmt: skip
    """A table whose number columns stand in line on their points; the columns WORDS hold text."""
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in headers]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for k, (header, style) in enumerate(zip(headers, styles, strict=True)):
        table.add_column(Text(header), style=style, no_wrap=True, justify="left" if k in words else "right")
        if k not in words:
            columns[k] = _align_numbers(columns[k])
    for row in zip(*columns, strict=True):
        table.add_row(*[Text(visible(cell)) for cell in row])
    return table


def fit(look: Look, headers: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str],
        words: Sequence[int] = ()) -> RenderableType:  # fmt: skip
    """The same as a table if there is room for it, otherwise as blocks."""
    table = grid(headers, rows, styles, words)
    return table if width_of(table) <= look.width else blocks(headers, rows)


def _align_numbers(column: Sequence[str]) -> list[str]:
    """COLUMN with its numbers in line; a cell in words ("kink: …") does not push the numbers about."""
    numbers = iter(align([cell for cell in column if " " not in cell]))
    return [cell if " " in cell else next(numbers) for cell in column]


def width_of(table: RenderableType) -> int:
    """The columns that a table takes when nothing is wrapped."""
    return Console(width=UNLIMITED, file=io.StringIO()).measure(table).maximum


def blocks(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Text:
    """A table too wide for the terminal as blocks: the first cell, then a line for each other one."""
    margin = max(map(len, headers)) + 1
    return Text("\n".join(
        "\n".join([visible(row[0]), *[f"    {h:<{margin}}{c}" for h, c in zip(headers[1:], row[1:], strict=True) if c]])
        for row in rows
    ))  # fmt: skip


def note_lines(notes: Sequence[Note]) -> list[RenderableType]:
    """A line for each note."""
    return [Text(f"note: {visible(note.message)}", "yellow") for note in notes]
