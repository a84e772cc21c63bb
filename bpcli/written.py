"""A file that is written whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from bpcli.trouble import UNWRITABLE, Trouble


@contextmanager
def written(target: str) -> Iterator[str]:
    """The name of a file to write to that takes TARGET's place when all is written; else nothing changes.

    What is no ordinary file (a device, a pipe) is written to as it stands, and a link keeps pointing to its file.
    Raises `Trouble` (exit code 4) when it cannot be written.
    """
    try:
        if os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode):
            yield target
            return
        place = os.path.realpath(target)
        part = os.path.join(os.path.dirname(place), f".bpcli-{os.getpid()}.part")
        try:
            yield part
            if os.path.exists(place):
                shutil.copymode(place, part)
            os.replace(part, place)
        finally:
            if os.path.exists(part):
                os.remove(part)
    except OSError as error:
        raise Trouble(f"cannot write {target}: {error.strerror}", code="unwritable", exit_code=UNWRITABLE) from None
