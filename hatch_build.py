"""Hatchling's hook: saves the parse tables of the grammars as ``bpcli/_tables.py`` when the package is built."""

from __future__ import annotations

import sys
from pathlib import Path
from pprint import pformat
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SaveTables(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before a wheel is put together, an editable one included."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the module and have it shipped, although git ignores it."""
        sys.path.insert(0, self.root)
        import lark

        from bpcli.grammar import tables

        paths = sorted(Path(self.root, "grammars").glob("*.lark"))
        grammars = {path.stem: path.read_text(encoding="utf-8") for path in paths}
        saved = {name: tables(name) for name in grammars}
        text = '"""Made by hatch_build.py from grammars/; not to be edited."""\n\n'
        text += f"LARK = {lark.__version__!r}\nGRAMMARS = {pformat(grammars)}\nTABLES = {saved!r}\n"
        Path(self.root, "bpcli", "_tables.py").write_text(text, encoding="utf-8")
        build_data["artifacts"].append("bpcli/_tables.py")
