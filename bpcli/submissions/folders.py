"""Hand-ins in a folder: a file or a folder for each student. Links, devices and pipes are never opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence

from bpcli.marking.answers import MOST_BYTES
from bpcli.submissions.handed_in import FORMS, Found, Part, Refused
from bpcli.trouble import Trouble, visible

MOST_ENTRIES = 10_000
MOST_DEPTH = 3
MOST_PARTS = 20  # files of one student

#: What systems leave in folders and archives; it is nobody's hand-in.
_LITTER = ("thumbs.db", "desktop.ini", "__macosx")
#: What a student's folder is read for; if it has one such file, the others in it are left alone.
_ANSWERS = "answers"


def litter(name: str) -> bool:
    """Whether a file or folder of this name is nobody's hand-in."""
    return name.startswith((".", "~$")) or name.casefold() in _LITTER


def form_of(name: str) -> str:
    """The form of a file with this NAME; `Trouble` for what is not read."""
    ending = os.path.splitext(name)[1].lower()
    if ending not in FORMS:
        raise Trouble(f"files like {visible(name)[-40:]} are not read; answers are .txt, .json or .csv files",
                      code="kind-of-file")  # fmt: skip
    return FORMS[ending]


def claims_of(name: str) -> tuple[str, ...]:
    """What the NAME of a file says of its student: the name without its ending, then all of it."""
    stem, ending = os.path.splitext(name)
    return (stem, name) if ending.lower() in FORMS else (name, stem)


def chosen(names: Sequence[str]) -> list[str]:
    """Which of the files NAMES in a student's folder are read: the ones called answers, or else all of a known kind."""
    known = [name for name in names if os.path.splitext(name)[1].lower() in FORMS]
    answers = [name for name in known if os.path.splitext(os.path.basename(name))[0].casefold() == _ANSWERS]
    return answers or known


def parts_of(names: Sequence[str], read: Callable[[str], bytes]) -> list[Part]:
    """The parts of a student's folder; `Trouble` when there are none, or too many."""
    picked = chosen(sorted(names))
    if not picked:
        shown = ", ".join(visible(name)[:40] for name in sorted(names)[:3])
        raise Trouble(f"there is no .txt, .json or .csv file{f' beside {shown}' if names else ''}", code="no-answers")
    if len(picked) > MOST_PARTS:
        raise Trouble(f"there are {len(picked):,} files; the limit is {MOST_PARTS}", code="too-large")
    return [Part(name, form_of(name), read(name)) for name in picked]


def in_folder(path: str, known: Callable[[str], bool]) -> Iterator[Found | Refused]:
    """The hand-ins in the folder PATH, by name. KNOWN says whether a folder's name is a student's id."""
    own = os.path.basename(os.path.abspath(path))
    if known(own):
        yield _student_folder(path, own)
        return
    for entry in _entries(path):
        kind = entry.stat(follow_symlinks=False).st_mode
        shown = os.path.join(path, entry.name)
        if litter(entry.name) or (entry.name == "teacher" and os.path.isfile(os.path.join(shown, "sheet.toml"))):
            continue
        if stat.S_ISDIR(kind):
            yield _student_folder(shown, entry.name)
        elif stat.S_ISREG(kind):
            yield from one_file(shown)
        else:
            yield Refused(visible(shown), "not-a-file", f"it is {_kind(kind)}, which is not opened")


def one_file(path: str, *more: str) -> Iterator[Found | Refused]:
    """The hand-in that is the file PATH; MORE are further names that may say whose it is."""
    name = os.path.basename(path)
    try:
        form = form_of(name)
    except Trouble as trouble:
        yield Refused(visible(path), trouble.code, trouble.message)
        return
    yield Found((*claims_of(name), *more), visible(path), lambda: [Part(name, form, read_bytes(path))])


def _student_folder(path: str, name: str) -> Found:
    def load() -> list[Part]:
        names = list(_files_below(path))
        return parts_of(names, lambda one: _read_below(path, one))

    return Found((name,), visible(path), load)


def _entries(path: str) -> list[os.DirEntry[str]]:
    found: list[os.DirEntry[str]] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                found.append(entry)
                if len(found) > MOST_ENTRIES:
                    raise Trouble(f"{visible(path)} has more than {MOST_ENTRIES:,} entries", code="too-large")
    except OSError as error:
        raise Trouble(f"cannot read {visible(path)}: {error.strerror}", code="unreadable-file") from None
    return sorted(found, key=lambda entry: entry.name)


def _files_below(path: str, prefix: str = "", depth: int = 1) -> Iterator[str]:
    """What a student's folder holds, the names from it on: its files, and what could be one but is not opened.

    That is a link, a device, or a folder that lies too deep (its name ends in a separator). It matters only if it
    would be read.
    """
    for entry in _entries(os.path.join(path, prefix)):
        if litter(entry.name):
            continue
        name = os.path.join(prefix, entry.name)
        if not entry.is_dir(follow_symlinks=False):
            yield name
        elif depth < MOST_DEPTH:
            yield from _files_below(path, name, depth + 1)
        else:
            yield os.path.join(name, "")


def _read_below(path: str, name: str) -> bytes:
    """The bytes of the file NAME in a student's folder; `Trouble` for what is not opened."""
    if not os.path.basename(name):
        raise Trouble(f"its folders are nested more than {MOST_DEPTH} deep", code="too-large")
    kind = os.lstat(os.path.join(path, name)).st_mode
    if not stat.S_ISREG(kind):
        raise Trouble(f"{visible(name)} is {_kind(kind)}, which is not opened", code="not-a-file")
    return read_bytes(os.path.join(path, name))


def read_bytes(path: str, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file; `Trouble` for anything else and for more than MOST."""
    shown = visible(os.path.basename(path))
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise Trouble(f"cannot read {shown}: {error.strerror}", code="unreadable-file") from None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise Trouble(f"{shown} is {_kind(about.st_mode)}, which is not opened", code="not-a-file")
        if about.st_size > most:
            raise Trouble(f"{shown} has {about.st_size:,} bytes; the limit is {most:,}", code="too-large")
        data = file.read(most + 1)
    if len(data) > most:
        raise Trouble(f"{shown} has more than {most:,} bytes", code="too-large")
    return data


def _kind(mode: int) -> str:
    kinds = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device",
             stat.S_IFBLK: "a device", stat.S_IFDIR: "a folder"}  # fmt: skip
    return kinds.get(stat.S_IFMT(mode), "no ordinary file")
