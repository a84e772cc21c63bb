"""Hand-ins in a zip file, as a learning platform exports it. Nothing is ever written to disk.

What the archive says of itself is not believed: sizes are counted while reading, members that share bytes are
refused (a few kilobytes can otherwise stand for terabytes), and names are only compared, never opened. A scan or a
film beside the answers is not read, so neither its size nor its kind matters.
"""

from __future__ import annotations

import io
import os.path
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

from bpcli.marking.answers import MOST_BYTES
from bpcli.submissions.folders import MOST_DEPTH, chosen, claims_of, form_of, litter, parts_of
from bpcli.submissions.handed_in import Found, Part, Refused
from bpcli.trouble import Trouble, visible

MOST_MEMBERS = 20_000  # files; folders are none. A platform's names of 100 characters fill the directory then
MOST_DIRECTORY = 4 * 2**20  # bytes of the list of members, which is read before anything in it can be judged
MOST_TOTAL = 256 * 2**20  # bytes of all members that are read, as announced
MOST_RATIO = 200  # of what a student's members hold to what they take, if they hold more than a megabyte

_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEADER = 30  # bytes before a member's name


class _Bounded(io.FileIO):
    """A zip file that is never read by more than `MOST_DIRECTORY` bytes at a time: its directory is read at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MOST_DIRECTORY:
            raise Trouble(f"its list of members has {size:,} bytes; the limit is {MOST_DIRECTORY:,}", code="too-large")
        return super().read(MOST_DIRECTORY if size is None or size < 0 else size) or b""


@contextmanager
def opened(path: str) -> Iterator[zipfile.ZipFile]:
    """The archive PATH; `Trouble` for one that is damaged, or built to be a bomb."""

    def refuse(why: str, code: str = "zip") -> Trouble:
        return Trouble(f"cannot read {visible(path)}: {why}", code=code)

    if not os.path.isfile(path):  # a pipe would be waited for
        raise refuse("it is not a file", "unreadable-file")
    try:
        file = _Bounded(path)
    except OSError as error:
        raise refuse(error.strerror or "it cannot be opened", "unreadable-file") from None
    with file:
        try:
            archive = zipfile.ZipFile(file)
        except Trouble as trouble:
            raise refuse(trouble.message, trouble.code) from None
        except OSError as error:
            raise refuse(error.strerror or "it is damaged", "unreadable-file") from None
        except (zipfile.BadZipFile, NotImplementedError, ValueError, UnicodeDecodeError) as error:
            raise refuse(f"it is not a zip file that can be read ({error})") from None
        with archive:
            members = archive.infolist()
            files = sum(not one.is_dir() for one in members)
            if files > MOST_MEMBERS:
                raise refuse(f"it has {files:,} files; the limit is {MOST_MEMBERS:,}", "too-large")
            starts = sorted((one.header_offset, one.compress_size) for one in members)
            for (start, size), (following, _) in pairwise(starts):
                if start + _HEADER + size > following:
                    raise refuse("its members share bytes, which no honest zip file does", "zip-overlap")
            yield archive


class _Member(NamedTuple):
    """A file in the archive, and why it would not be read (None: it can be)."""

    info: zipfile.ZipInfo
    fault: Trouble | None


def in_archive(archive: zipfile.ZipFile, source: str, known: Callable[[str], bool]) -> Iterator[Found | Refused]:
    """The hand-ins of ARCHIVE: a file or a folder for each student, as in a folder. SOURCE is what the zip is called.

    A member whose name leads out of the archive is nobody's: it is refused by itself.
    """
    members: dict[str, _Member] = {}
    for info in archive.infolist():
        name = info.filename.replace("\\", "/")
        pieces = name.split("/")
        if info.is_dir() or any(litter(piece) for piece in pieces if piece not in ("", ".", "..")):
            continue
        if not _stays_inside(info, pieces):
            yield Refused(f"{source}: {_called(info.filename)}", "zip-path", "its name is a path out of the zip file")
            continue
        fault = (
            Trouble("two members have this name", code="answered-twice") if name in members else _fault(info, pieces)
        )
        members[name] = _Member(info, fault)
    common = _common_folder([name for name, member in members.items() if member.fault is None], known)
    owners: dict[str, list[str]] = {}
    for name in members:
        within = common if name.startswith(common) else ""
        owners.setdefault(within + name.removeprefix(common).partition("/")[0], []).append(name)
    _check_total(source, owners.values(), common, members)
    for start, names in sorted(owners.items()):
        owner = start.removeprefix(common)
        called = owner if known(owner) else names[0].removeprefix(common)
        yield _one(archive, f"{source}: {_called(called)}", start, {name: members[name] for name in names})


def _called(name: str) -> str:
    return visible(name[:200])


def _check_total(source: str, owners: Iterable[Sequence[str]], common: str, members: Mapping[str, _Member]) -> None:
    """`Trouble` when more would be read than `MOST_TOTAL`."""
    picked = (name for names in owners for name in chosen(names))
    total = sum(members[name].info.file_size for name in picked if members[name].fault is None)
    if total > MOST_TOTAL:
        raise Trouble(f"cannot read {source}: the answers in it have {total:,} bytes; the limit is {MOST_TOTAL:,}",
                      code="too-large")  # fmt: skip


def _one(archive: zipfile.ZipFile, source: str, start: str, members: Mapping[str, _Member]) -> Found:
    """The hand-in of MEMBERS, whose names all begin with START."""
    own = start.rpartition("/")[2]
    if [*members] == [start]:

        def load_file() -> list[Part]:
            member = members[start]
            if member.fault is not None:
                raise member.fault
            _check_ratio([member.info])
            return [Part(own, form_of(own), _bytes(archive, member.info))]

        return Found(claims_of(own), source, load_file)

    inside = {name[len(start) + 1 :]: member for name, member in members.items()}

    def read(name: str) -> bytes:
        info, fault = inside[name]
        if fault is not None:
            raise Trouble(f"{visible(name)[:80]}: {fault.message}", code=fault.code)
        return _bytes(archive, info)

    def load() -> list[Part]:
        _check_ratio([inside[name].info for name in chosen([*inside])])
        return parts_of([*inside], read)

    return Found((own,), source, load)


def _check_ratio(members: Sequence[zipfile.ZipInfo]) -> None:
    """`Trouble` for a student's MEMBERS that hold megabytes packed into next to nothing."""
    size, packed = sum(one.file_size for one in members), sum(one.compress_size for one in members)
    if size > MOST_BYTES and size > MOST_RATIO * packed and all(one.file_size <= MOST_BYTES for one in members):
        raise Trouble(f"{size:,} bytes are packed into {packed:,}, which no honest answers are", code="zip-ratio")


def _stays_inside(member: zipfile.ZipInfo, pieces: Sequence[str]) -> bool:
    """Whether the name of MEMBER, cut into PIECES, is that of a file inside the archive."""
    odd = ".." in pieces or "." in pieces or "" in pieces or ":" in pieces[0]
    return not odd and "\0" not in member.orig_filename


def _fault(member: zipfile.ZipInfo, pieces: list[str]) -> Trouble | None:
    """Why MEMBER could not be read; it matters only where it would be read, and to its own student."""
    mode = member.external_attr >> 16
    size = member.file_size
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


def _common_folder(names: Sequence[str], known: Callable[[str], bool]) -> str:
    """The one folder at the top (``hw1/``), unless it or a file beside it is a student's own."""
    first = {name.partition("/")[0] for name in names if "/" in name}
    own = any(known(claim) for name in names if "/" not in name for claim in claims_of(name))
    return "".join(f"{folder}/" for folder in first if len(first) == 1 and not own and not known(folder))
