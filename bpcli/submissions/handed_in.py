"""One hand-in: whose it is, where it lies, and its bytes; or why it is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bpcli.trouble import Trouble

#: Forms of a part: answers as text, as JSON, as a student's own table, and rows taken from a class's table.
TEXT, JSON, TABLE, ROWS = "text", "json", "table", "rows"
#: Ending of a file -> its form; what is not here is not read.
FORMS = {
    "": TEXT,
    ".txt": TEXT,
    ".text": TEXT,
    ".md": TEXT,
    ".py": TEXT,
    ".answers": TEXT,
    ".json": JSON,
    ".csv": TABLE,
}


class Part(NamedTuple):
    """One file of a hand-in, or the student's rows of a table."""

    name: str
    form: str
    data: bytes


@dataclass(frozen=True)
class Refused:
    """A hand-in that is not marked, and why. It costs nobody else anything."""

    source: str
    code: str
    reason: str
    student: str = ""
    """Whose it is, where that is known."""


@dataclass(frozen=True, eq=False)
class Found:
    """A hand-in as it was come upon: nothing is read before `load` is called."""

    claims: tuple[str, ...]
    """What says whose it is (the name of its file or folder, a table's cell), most trusted first."""
    source: str
    load: Callable[[], Sequence[Part]]
    """Its parts; raises `Trouble`."""


@dataclass(frozen=True)
class HandIn:
    """A hand-in whose student is known."""

    student: str
    source: str
    parts: tuple[Part, ...]

    @property
    def digest(self) -> str:
        """A hash of everything in it."""
        found = hashlib.sha256()
        for part in self.parts:
            for piece in (part.name.encode("utf-8", "surrogatepass"), part.form.encode(), part.data):
                found.update(len(piece).to_bytes(8, "big") + piece)
        return found.hexdigest()


def refused(source: str, trouble: Trouble, student: str = "") -> Refused:
    """TROUBLE as the reason of a refusal."""
    return Refused(source, trouble.code, trouble.message, student)
