"""The mistakes of a file, all at once: the one `Trouble` that the readers of problem files and rosters raise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bpcli.trouble import Trouble, point_at, shortened, visible

MOST_SHOWN = 30


@dataclass(frozen=True)
class Mistake:
    """One mistake: its line in the file, what is wrong, and what to write instead. ``cause`` is the formula's own."""

    line: int
    message: str
    tries: tuple[str, ...] = ()
    cause: Trouble | None = None

    def lines(self) -> list[str]:
        """As it is shown."""
        shown = [f"  line {self.line}: {shortened(visible(self.message))}"]
        if self.cause is not None and self.cause.source is not None:
            shown += [f"    {line}" for line in point_at(self.cause.source, self.cause.start, self.cause.end)]
        return shown + [f"      try: {visible(line)}" for line in self.tries]

    def record(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"line": self.line, "message": self.message, "try": list(self.tries)}


class Mistakes(Trouble):
    """All mistakes of one file, in the order of its lines."""

    def __init__(self, name: str, mistakes: Sequence[Mistake], code: str) -> None:
        self.mistakes = sorted(mistakes, key=lambda one: one.line)
        count = len(self.mistakes)
        message = f"{name} has {count} mistakes" if count > 1 else f"{name} has a mistake"
        super().__init__(message, code=code, mistakes=[one.record() for one in self.mistakes])

    def __str__(self) -> str:
        lines = [shortened(visible(self.message))]
        for one in self.mistakes[:MOST_SHOWN]:
            lines += one.lines()
        if len(self.mistakes) > MOST_SHOWN:
            lines.append(f"  … and {len(self.mistakes) - MOST_SHOWN} more")
        return "\n".join(lines)
