"""The PDF compiler: typst, from the extra ``bpcli[pdf]``, with no fonts but its own and no folder to read from.

What is set goes in as data (``sys_inputs``), never as source; with ``timestamp=0`` the bytes are the same everywhere.
"""

from __future__ import annotations

from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

from bpcli.trouble import UNWRITABLE, Trouble

_kept: list[TemporaryDirectory[str]] = []


@cache
def compiler(*instead: str) -> Any:
    """One compiler for the whole run: its first page takes 20 ms, each further one 5.

    Raises `Trouble` (exit code 4) without the extra, with the line that installs it and what to type INSTEAD.
    """
    try:
        import typst
    except ImportError:
        raise Trouble("PDF and PNG are made by typst, which is not installed here", code="missing-extra",
                      exit_code=UNWRITABLE, tries=["pip install 'bpcli[pdf]'", *instead]) from None  # fmt: skip
    folder: TemporaryDirectory[str] = TemporaryDirectory(prefix="bpcli-typst-")
    _kept.append(folder)  # it lives as long as the compiler, and is empty
    fonts = typst.Fonts(include_system_fonts=False)
    return typst.Compiler(root=folder.name, font_paths=fonts, ignore_system_fonts=True)
