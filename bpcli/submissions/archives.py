"""Hand-ins in a zip file, as a learning platform exports it. Nothing is ever written to disk.

What the archive says of itself is not believed: sizes are counted while reading, members that share bytes are
refused (a few kilobytes can otherwise stand for terabytes), and names are only compared, never opened.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

from bpcli.marking.answers import MOST_BYTES
from bpcli.submissions.folders import MOST_DEPTH, claims_of, form_of, litter, parts_of
from bpcli.submissions.handed_in import Found, Part, Refused
from bpcli.trouble import Trouble, visible

MOST_MEMBERS = 2_000
MOST_TOTAL = 256 * 2**20  # bytes of all members, as announced
MOST_ARCHIVE = 64 * 2**20  # bytes of the zip file
MOST_RATIO = 200  # of a member of more than a megabyte

_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEADER = 30  # bytes before a member's name


@contextmanager
def opened(path: str) -> Iterator[zipfile.ZipFile]:
    """The archive PATH; `Trouble` for one that is damaged, or built to be a bomb."""
    import os

    def refuse(why: str, code: str = "zip") -> Trouble:
        return Trouble(f"cannot read {visible(path)}: {why}", code=code)

    try:
        if os.path.getsize(path) > MOST_ARCHIVE:
            raise refuse(f"it has {os.path.getsize(path):,} bytes; the limit is {MOST_ARCHIVE:,}", "too-large")
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise refuse(error.strerror or "it is not a file", "unreadable-file") from None
    except (zipfile.BadZipFile, NotImplementedError, ValueError, UnicodeDecodeError) as error:
        raise refuse(f"it is not a zip file that can be read ({error})") from None
    with archive:
        members = archive.infolist()
        total = sum(one.file_size for one in members)
        if len(members) > MOST_MEMBERS:
            raise refuse(f"it has {len(members):,} members; the limit is {MOST_MEMBERS:,}", "too-large")
        if total > MOST_TOTAL:
            raise refuse(f"its members have {total:,} bytes; the limit is {MOST_TOTAL:,}", "too-large")
        starts = sorted((one.header_offset, one.compress_size) for one in members)
        for (start, size), (following, _) in pairwise(starts):
            if start + _HEADER + size > following:
                raise refuse("its members share bytes, which no honest zip file does", "zip-overlap")
        yield archive


def in_archive(archive: zipfile.ZipFile, source: str, known: Callable[[str], bool]) -> Iterator[Found | Refused]:
    """The hand-ins of ARCHIVE: a file or a folder for each student, as in a folder. SOURCE is what the zip is called."""
    seen: dict[str, zipfile.ZipInfo] = {}
    faults: dict[str, Trouble] = {}
    for member in archive.infolist():
        pieces = member.filename.replace("\\", "/").split("/")
        if member.is_dir() or any(litter(piece) for piece in pieces if piece not in ("", ".", "..")):
            continue
        name = member.filename
        fault = _fault(member, pieces)
        if fault is None and name in seen:
            fault = Trouble("two members have this name", code="answered-twice")
        if fault is not None:
            faults[name] = fault
        seen[name] = member
    common = _common_folder([name for name in seen if name not in faults], known)
    owners: dict[str, list[str]] = {}
    for name in seen:
        owners.setdefault(name.removeprefix(common).partition("/")[0], []).append(name)
    for owner, names in sorted(owners.items()):
        yield _one(archive, f"{source}: {visible(owner)[:200]}", common + owner, names, seen, faults)


def _one(archive: zipfile.ZipFile, source: str, start: str, names: list[str], members: dict[str, zipfile.ZipInfo],
         faults: dict[str, Trouble]) -> Found | Refused:  # fmt: skip
    """The hand-in of the members NAMES, which all begin with START."""
    own = start.rpartition("/")[2]
    broken = next((name for name in names if name in faults), None)
    if names == [start]:
        name = names[0]

        def load_file() -> list[Part]:
            if broken is not None:
                raise faults[broken]
            return [Part(own, form_of(own), _bytes(archive, members[name]))]

        return Found(claims_of(own), source, load_file)

    def load() -> list[Part]:
        if broken is not None:
            raise Trouble(f"{visible(broken)[:80]}: {faults[broken].message}", code=faults[broken].code)
        inside = {name[len(start) + 1 :]: members[name] for name in names}
        return parts_of(list(inside), lambda one: _bytes(archive, inside[one]))

    return Found((own,), source, load)


def _fault(member: zipfile.ZipInfo, pieces: list[str]) -> Trouble | None:
    """Why MEMBER is not read; it costs its own student only."""
    mode = member.external_attr >> 16
    size = member.file_size
    if ".." in pieces or not pieces[0] or "" in pieces[1:] or ":" in pieces[0] or "\\" in member.filename:
        return Trouble("its name is a path out of the zip file", code="zip-path")
    if "\0" in member.orig_filename:
        return Trouble("its name has a character 0", code="zip-path")
    if len(pieces) > MOST_DEPTH + 2:
        return Trouble(f"its folders are nested more than {MOST_DEPTH} deep", code="too-large")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return Trouble("it is a link or a device, which is not opened", code="not-a-file")
    if member.flag_bits & 0x1:
        return Trouble("it is encrypted", code="zip-encrypted")
    if member.compress_type not in _READ:
        return Trouble("it is packed in a way that is not read; deflate is", code="zip-method")
    if pieces[-1].lower().endswith((".zip", ".gz", ".7z", ".rar", ".tar", ".xz", ".bz2")):
        return Trouble("it is an archive within an archive", code="zip-nested")
    if size > MOST_BYTES:
        return Trouble(f"it has {size:,} bytes; the limit is {MOST_BYTES:,}", code="too-large")
    return None


def _bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The bytes of MEMBER, however many it says it has: one more than the limit is never read."""
    try:
        with archive.open(member) as file:
            data = file.read(MOST_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise Trouble(f"it is damaged ({error})", code="zip-damaged") from None
    if len(data) > MOST_BYTES or len(data) != member.file_size:
        raise Trouble("it does not have the bytes that the zip file says", code="zip-damaged")
    return data


def _common_folder(names: list[str], known: Callable[[str], bool]) -> str:
    """The one folder at the top (``hw1/``), unless it is a student's own. Files beside it do not count."""
    first = {name.partition("/")[0] for name in names if "/" in name}
    return "".join(f"{folder}/" for folder in first if len(first) == 1 and not known(folder))
