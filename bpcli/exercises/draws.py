"""Which draw each student got, kept beside the sheet.

The numbers follow from the sheet alone, but finding the draw again means rejecting those before it, which takes ten
times as long as drawing; and what is on the paper stays what is graded, even if a later bpcli should reject it.
The file also knows which seed and problems the papers were made of: a sheet file that is another by now is refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from bpcli.trouble import Trouble, visible

FILE = "draws.json"
MOST_BYTES = 64 * 1024 * 1024

#: Student id -> the number of the draw of each problem, from 1.
Draws = Mapping[str, tuple[int, ...]]


def write(teacher: Path, source: str, draws: Draws) -> None:
    """Write DRAWS, those of a sheet with this SOURCE, into the folder TEACHER, beside those there already."""
    every = {**read(teacher, source), **draws}
    text = json.dumps({"source": source, "draws": {one: every[one] for one in sorted(every)}})
    rough = teacher / f".{FILE}.{os.getpid()}"
    rough.write_text(f"{text}\n", encoding="utf-8")
    os.replace(rough, teacher / FILE)


def read(teacher: Path, source: str, count: int = 0) -> Draws:
    """The draws in the folder TEACHER, those of a sheet with this SOURCE and (where it is known) COUNT problems.

    None when there are none. `Trouble` when they are those of another sheet: the papers have other numbers then.
    """
    path = teacher / FILE
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["source"] != source:
            raise Trouble(f"{path} was made for another sheet.toml: the seed or the problems there are not those of the papers "
                          "that were written. Put back the file, or, if nobody has those papers, remove draws.json",
                          code="draws")  # fmt: skip
        draws = {str(student): tuple(map(int, numbers)) for student, numbers in found["draws"].items()}
        if wrong := [
            one for one, numbers in draws.items() if min(numbers) < 1 or len(numbers) != (count or len(numbers))
        ]:
            raise ValueError(f"the draws of {visible(wrong[0])} are not one for each problem")
        return draws
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Trouble(
            f"cannot read {path}: {_said(error)}; without it the draws are found again", code="draws"
        ) from None


def _said(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)
