"""Files of marks written so that a kill or a full disk leaves the old file or the new one, never half of one.

Several files that belong together are written beside their places first, and put in place when all of them are there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from bpcli.trouble import UNWRITABLE, Trouble, visible

#: How names of unfinished files end; the next run removes what a killed one left.
UNFINISHED = ".unfinished"


def write(path: str, pieces: Iterable[str], durable: bool = True) -> None:
    """Write PIECES to PATH in UTF-8, as a whole or not at all. DURABLE: it is on the disk afterwards.

    Raises `Trouble` (exit code 4) when it cannot be written, or when PATH is a link or no file.
    """
    _put(_beside(path, pieces, durable), path)


class Staged:
    """Files written beside their places, each as a whole, until all of them are `put` there or none."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self._removed: list[str] = []

    def write(self, path: str, pieces: Iterable[str], durable: bool = True) -> None:
        """Write PIECES in UTF-8 for PATH. DURABLE: they are on the disk afterwards."""
        _beside(path, pieces, durable)
        self._written.append(path)

    def write_if_other(self, path: str, text: str) -> None:
        """Write TEXT for PATH unless the file has it already."""
        if not _has(path, text):
            self.write(path, [text], durable=False)

    def remove(self, *paths: str) -> None:
        """PATHS are not to be there."""
        self._removed += paths

    def put(self) -> None:
        """Put everything in place, in order."""
        for path in self._written:
            _put(f"{path}{UNFINISHED}", path)
        remove(*self._removed)

    def discard(self) -> None:
        """Leave everything as it was."""
        for path in self._written:
            with suppress(OSError):
                os.unlink(f"{path}{UNFINISHED}")


def _beside(path: str, pieces: Iterable[str], durable: bool) -> str:
    """Write PIECES beside PATH; the name of that file."""
    unfinished = f"{path}{UNFINISHED}"
    try:
        check(path)
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                for piece in pieces:
                    file.write(piece)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                os.unlink(unfinished)
            raise
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from None
    return unfinished


def _put(unfinished: str, path: str) -> None:
    try:
        os.replace(unfinished, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(unfinished)
        raise _unwritable(path, error.strerror or str(error)) from None


def _has(path: str, text: str) -> bool:
    with suppress(OSError, ValueError):
        if os.path.getsize(path) < 2**24 and not os.path.islink(path):
            with open(path, encoding="utf-8", newline="") as file:
                return file.read() == text
    return False


def remove(*paths: str) -> None:
    """Remove the files at PATHS that are there."""
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _unwritable(path, error.strerror or str(error)) from None


def check(path: str) -> None:
    """`Trouble` (exit code 4) when PATH is there and no ordinary file."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise _unwritable(path, "it is not an ordinary file")


def folder(path: str) -> None:
    """Make the folder PATH; `Trouble` (exit code 4) when there is something else, or a link."""
    try:
        if os.path.islink(path):
            raise _unwritable(path, "it is a link")
        os.makedirs(path, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise _unwritable(path, "Permission denied")
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from None


def clean(path: str) -> None:
    """Remove the unfinished files that a killed run left in the folder PATH."""
    with suppress(FileNotFoundError), os.scandir(path) as entries:
        for entry in entries:
            if entry.name.endswith(UNFINISHED) and entry.is_file(follow_symlinks=False):
                os.unlink(entry.path)


def _unwritable(path: str, why: str) -> Trouble:
    return Trouble(f"cannot write {visible(path)}: {why}", code="unwritable", exit_code=UNWRITABLE)
