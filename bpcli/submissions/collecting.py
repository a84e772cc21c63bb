"""All hand-ins of a class from files, folders, zip files, tables and JSON, each with its student, in one order.

The order is that of the command line, and by name within a folder or zip file; it does not depend on clocks, on
file systems or on who else handed in.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from bpcli.marking.answers import decoded
from bpcli.submissions import archives, folders, objects, tables
from bpcli.submissions.catalogue import Catalogue
from bpcli.submissions.handed_in import Found, HandIn, Refused, refused
from bpcli.submissions.identity import Register
from bpcli.trouble import Trouble, visible

#: What is done when a student handed in several times.
SEVERAL = ("error", "last", "first", "best")


@dataclass(frozen=True, eq=False)
class Taken:
    """A hand-in whose student is known and whose bytes are not read yet."""

    student: str
    found: Found

    def read(self) -> HandIn | Refused:
        """Its bytes, or why it is refused."""
        try:
            return HandIn(self.student, self.found.source, tuple(self.found.load()))
        except Trouble as trouble:
            return refused(self.found.source, trouble, self.student)


@dataclass(frozen=True, eq=False)
class Collection:
    """What was found. `taken` and `refused` together are all that counts as found."""

    taken: list[Taken] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    aside: list[tuple[str, str]] = field(default_factory=list)
    """(student, source) of those set aside, since another one of the student's counts."""

    @property
    def found(self) -> int:
        """How many hand-ins count."""
        return len(self.taken) + len(self.refused)


def collect(paths: Sequence[str], register: Register, catalogue: Catalogue, stack: ExitStack,
            several: str = "error", owner: str = "", groups: Mapping[str, str] | None = None) -> Collection:  # fmt: skip
    """The hand-ins in PATHS. Zip files stay open in STACK until their members are read.

    OWNER is the student to whom everything belongs, if that is known. GROUPS (student -> group) are those that hand in
    together. A path that cannot be read is a refusal like a hand-in that cannot, and the others are read. `Trouble`
    for a path where there is nothing, and when nothing else was found beside what cannot be read.
    """
    for path in paths:
        if not os.path.lexists(path) and path != "-":
            raise Trouble(f"cannot read {visible(path)}: No such file or directory", code="unreadable-file")
    collection = Collection()
    broken: list[Trouble] = []
    for path in paths:
        try:
            for one in _in_path(path, register, catalogue, stack, owner):
                _take(one, collection, register, owner)
        except Trouble as trouble:
            broken.append(trouble)
            reason = trouble.message.removeprefix(f"cannot read {visible(path)}: ")
            collection.refused.append(Refused(visible(path), trouble.code, reason))
    if broken and collection.found == len(broken):
        raise broken[0]
    _settle(collection, several, groups or {})
    return collection


def _take(one: Found | Refused, collection: Collection, register: Register, owner: str) -> None:
    """Put ONE where it belongs: among what is taken if its student is known."""
    if isinstance(one, Refused):
        collection.refused.append(one)
        return
    try:
        student = owner or register.find(one.claims).id
    except Trouble as trouble:
        collection.refused.append(refused(one.source, trouble))
    else:
        collection.taken.append(Taken(student, one))


def _in_path(
    path: str, register: Register, catalogue: Catalogue, stack: ExitStack, owner: str
) -> Iterator[Found | Refused]:
    def known(claim: str) -> bool:
        try:
            return bool(register.students) and register.find([claim]).id != ""
        except Trouble:
            return False

    shown, ending = visible(path), os.path.splitext(path)[1].lower()
    if path == "-":
        text = decoded(sys.stdin.buffer.read(tables.MOST_BYTES + 1), "standard input", tables.MOST_BYTES)
        whole = text.lstrip()[:1] in ("{", "[")
        yield from objects.in_object(text, "-") if whole else tables.in_table(text, "-", catalogue, known)
    elif os.path.isdir(path):
        if os.path.isfile(os.path.join(path, "teacher", "sheet.toml")):  # the sheet's own folder, filled in
            path = os.path.join(path, "students")
        yield from folders.in_folder(path, (lambda _: True) if owner else known)
    elif ending == ".zip":
        archive = stack.enter_context(archives.opened(path))
        yield from archives.in_archive(archive, shown, known)
    elif ending in (".csv", ".json") and not owner and not known(folders.claims_of(os.path.basename(path))[0]):
        text = decoded(folders.read_bytes(path, tables.MOST_BYTES), shown, tables.MOST_BYTES)
        yield from (
            objects.in_object(text, shown) if ending == ".json" else tables.in_table(text, shown, catalogue, known)
        )
    else:
        yield from folders.one_file(path, os.path.basename(os.path.dirname(os.path.abspath(path))))


def _settle(collection: Collection, several: str, groups: Mapping[str, str]) -> None:
    """Keep one hand-in of each student, or none, as SEVERAL says ("best" keeps all: marks decide)."""
    by_party: dict[tuple[str, str], list[Taken]] = {}
    for one in collection.taken:
        by_party.setdefault((groups.get(one.student, ""), "" if one.student in groups else one.student), []).append(one)
    if several == "best":
        return
    kept: list[Taken] = []
    for (group, student), handed in by_party.items():
        if len(handed) == 1:
            kept += handed
        elif several == "error":
            sources = [one.found.source for one in handed]
            reason = f"{student or f'group {group}'} handed in {len(handed)} times ({_listed(sources)}); --several last takes the last"
            collection.refused.extend(Refused(one.found.source, "several", reason, one.student) for one in handed)
        else:
            chosen = handed[-1] if several == "last" else handed[0]
            kept.append(chosen)
            collection.aside.extend((one.student, one.found.source) for one in handed if one is not chosen)
    collection.taken[:] = kept


def _listed(sources: Sequence[str]) -> str:
    return ", ".join(sources[:4]) + (f" and {len(sources) - 4} more" if len(sources) > 4 else "")
