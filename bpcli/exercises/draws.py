"""Which draw each student got, kept beside the sheet.

The numbers follow from the sheet alone, but finding the draw again means rejecting those before it, which takes ten
times as long as drawing; and what is on the paper stays what is graded, even if a later bpcli should reject it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from bpcli.trouble import Trouble

FILE = "draws.json"
MOST_BYTES = 64 * 1024 * 1024

#: Student id -> the number of the draw of each problem, from 1.
Draws = Mapping[str, tuple[int, ...]]


def write(teacher: Path, sheet: bytes, draws: Draws) -> None:
    """Write DRAWS, those of the sheet file with the bytes SHEET, into the folder TEACHER, beside those there already."""
    every = {**read(teacher, sheet), **draws}
    text = json.dumps({"sheet": sha256(sheet).hexdigest(), "draws": {one: every[one] for one in sorted(every)}})
    rough = teacher / f".{FILE}.{os.getpid()}"
    rough.write_text(f"{text}\n", encoding="utf-8")
    os.replace(rough, teacher / FILE)


def read(teacher: Path, sheet: bytes) -> Draws:
    """The draws in the folder TEACHER; none when there are none, or when they are those of another sheet."""
    try:
        path = teacher / FILE
        if path.stat().st_size > MOST_BYTES:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["sheet"] != sha256(sheet).hexdigest():
            return {}
        return {str(student): tuple(map(int, numbers)) for student, numbers in found["draws"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Trouble(
            f"cannot read {teacher / FILE}: {error}; without it the draws are found again", code="draws"
        ) from None
