"""The terminal: colour or not, how wide, and what its encoding can show."""

from __future__ import annotations

import os
import sys

from rich.console import Console

#: Wide enough for any table: what is not a terminal gets lines as long as they need to be.
_UNLIMITED = 100_000


def console(color: str = "auto") -> Console:
    """A console on standard output; COLOR is "auto", "always" or "never".

    "auto" colours a terminal unless NO_COLOR is set (https://no-color.org) or TERM is "dumb"; FORCE_COLOR colours
    a pipe. COLUMNS sets the width where there is no terminal to ask.
    """
    terminal = sys.stdout.isatty()
    coloured = {"always": True, "never": False}.get(color, terminal and os.environ.get("TERM") != "dumb")
    if color == "auto" and os.environ.get("NO_COLOR"):
        coloured = False
    elif color == "auto" and os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        coloured = True
    return Console(
        width=None if terminal else width_without_terminal(), force_terminal=coloured, no_color=False,
        color_system="standard" if coloured else None, highlight=False, markup=False, emoji=False, soft_wrap=False,
        legacy_windows=False, _environ={"COLUMNS": os.environ.get("COLUMNS", "")} if terminal else {},
    )  # fmt: skip


def width_without_terminal() -> int:
    """COLUMNS, or no limit."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isascii() and columns.isdigit() and int(columns) > 0 else _UNLIMITED


def can_draw() -> bool:
    """Whether standard output's encoding has the characters of box drawing."""
    try:
        "│─┌►╮".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
