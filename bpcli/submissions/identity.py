"""Whose a hand-in is: by the name of its file or folder or by a table's cell, never by what the text says.

An id counts only as it stands in the class list, but accents may be composed or not (as in names of files from
macOS): Unicode takes the two for the same text. What merely looks like one (another case, a wide or Cyrillic
letter, an invisible character) is refused with both spellings, since a guess could give somebody another's marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import normalize

from bpcli.exercises.roster import Student, canonical, skeleton
from bpcli.trouble import Trouble, visible

#: How learning platforms name the files of an export: Moodle, Blackboard, Canvas.
_PLATFORMS = (
    re.compile(r"(?P<name>.{1,200}?)_[0-9]{1,20}_assignsubmission_(?:file|onlinetext)_.{0,200}", re.DOTALL),
    re.compile(r".{1,100}?_(?P<id>[^_]{1,64})_attempt_[0-9]{4}(?:-[0-9]{2}){5}.{0,200}", re.DOTALL),
    re.compile(r"(?P<run>[^_]{1,200})_(?:LATE_)?(?P<id>[0-9]{1,20})_[0-9]{1,20}_.{1,200}", re.DOTALL),
)
_WHOEVER = re.compile(r"[^\W_][\w.@+-]{0,63}")


class Register:
    """The students whose hand-ins are taken."""

    def __init__(self, students: Iterable[Student]) -> None:
        self.students = {canonical(student.id): student for student in students}
        self._folders = {student.file_name: student for student in self.students.values()}
        self._alike: dict[str, Student] = {}
        self._names: dict[str, list[Student]] = {}
        for student in self.students.values():
            self._alike.setdefault(likeness(student.id), student)
            for spelling in _spellings(student.name):
                self._names.setdefault(spelling, []).append(student)

    def __contains__(self, claim: str) -> bool:
        return canonical(claim) in self.students

    def find(self, claims: Iterable[str]) -> Student:
        """The student whom CLAIMS name; `Trouble` for nobody, for somebody who only looks the same, for several."""
        first = ""
        for claim in map(canonical, claims):
            first = first or claim
            student = self.students.get(claim) or self._folders.get(claim)
            if student is not None:
                return student
            for platform in _PLATFORMS:
                match = platform.fullmatch(claim)
                student = self._by_platform(match.groupdict()) if match else None
                if student is not None:
                    return student
        raise self._nobody(first)

    def _by_platform(self, named: dict[str, str]) -> Student | None:
        if (identity := named.get("id")) in self.students:
            return self.students[str(identity)]
        spelling = _plain(named["name"]) if "name" in named else named.get("run", "").casefold()
        found = self._names.get(spelling, [])
        if len(found) > 1:
            raise Trouble(f"{len(found)} students are called {visible(spelling)}: {', '.join(one.id for one in found[:4])}",
                          code="several-students")  # fmt: skip
        return found[0] if found else None

    def _nobody(self, claim: str) -> Trouble:
        shown = visible(claim)[:80]
        other = self._alike.get(likeness(claim))
        if other is not None:
            return Trouble(f"{shown} ({spelled_out(claim, other.id)}) only looks like the student {other.id}",
                           code="look-alike")  # fmt: skip
        return Trouble(f"no student is called {shown}", code="unknown-student")


class Anybody(Register):
    """A register without a class list: everybody is taken whose id is a plain name."""

    def __init__(self) -> None:
        super().__init__(())

    def find(self, claims: Iterable[str]) -> Student:
        claim = canonical(next(iter(claims), ""))
        if claim in self.students:
            return self.students[claim]
        other = self._alike.get(likeness(claim))
        if other is not None:
            raise self._nobody(claim)
        if not _WHOEVER.fullmatch(claim):
            raise Trouble(f"{visible(claim)[:80]} cannot be a student's id", code="student-id")
        student = Student(claim)
        self.students[claim] = self._alike[likeness(claim)] = student
        return student


def likeness(identity: str) -> str:
    """What an eye sees of an id: letters of other alphabets as the Latin ones that they look like, 0 as o, 1 as l."""
    from bpcli.characters import look_alikes

    return skeleton(identity.translate(look_alikes())).translate(str.maketrans("01", "ol"))


def spelled_out(claim: str, other: str) -> str:
    """Where CLAIM differs from OTHER, in words."""
    strange = next((c for c in claim if not c.isascii() and c not in other), "")
    if strange:
        return f"with U+{ord(strange):04X}"
    if claim.casefold() == other.casefold():
        return "in capital and small letters"
    return "spelled otherwise"


def _plain(name: str) -> str:
    return " ".join(normalize("NFKC", name).casefold().split())


def _spellings(name: str) -> set[str]:
    """A name as platforms write it: as it is, and run together with the family name first or last."""
    plain = _plain(name)
    words = [re.sub(r"\W", "", word) for word in plain.split()]
    return {plain, "".join(words), "".join([*words[-1:], *words[:-1]])} - {""}
