"""A sheet's folder: written beside its place, then renamed into it; resumed where it stopped; never overwritten.

hw1/students/ada/     sheet.html …, answers.txt: for the student
hw1/teacher/          sheet.toml, solutions/: for nobody else
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bpcli.exercises import draws
from bpcli.exercises.papers import content, latex, marked, page, plain, typeset
from bpcli.exercises.roster import Student
from bpcli.exercises.sheet import Sheet, parse
from bpcli.exercises.workers import mapped
from bpcli.result import Result
from bpcli.trouble import UNWRITABLE, Trouble

#: Format -> what writes it.
FORMATS: dict[str, Callable[[content.Paper], str | bytes]] = {
    "txt": plain.write, "md": marked.write, "html": page.write, "tex": latex.write, "pdf": typeset.write,
}  # fmt: skip
LOCKED = 5
_UNFINISHED = ".unfinished"


@dataclass(frozen=True, eq=False)
class Written(Result):
    """What `write` did."""

    view = "sheet"

    sheet: Sheet
    folder: str
    formats: tuple[str, ...]
    files: int
    """Files that were written now."""
    kept: int
    """Files that were there already."""
    warnings: tuple[str, ...]

    def record(self, expression: str) -> dict[str, Any]:
        sheet = self.sheet
        return {
            "schema": "bpcli/sheet/1", "folder": self.folder, "title": sheet.title, "seed": sheet.seed,
            "problems": [{"id": one.id, "points": float(one.points), "sha256": one.sha256} for one in sheet.problems],
            "students": len(sheet.students), "formats": list(self.formats), "files": self.files, "kept": self.kept,
            "warnings": list(self.warnings),
        }  # fmt: skip


def known_seed(folder: Path) -> str | None:
    """The seed of the sheet that is (or was begun) in FOLDER."""
    for place in (folder, unfinished(folder)):
        with suppress(OSError, Trouble):
            return parse((place / "teacher" / "sheet.toml").read_bytes(), "").seed
    return None


def unfinished(folder: Path) -> Path:
    """Where a sheet stands until it is whole."""
    return folder.with_name(f".{folder.name}{_UNFINISHED}")


def write(sheet: Sheet, folder: Path, formats: Sequence[str], jobs: int = 1,
          step: Callable[..., None] = lambda *_: None) -> Written:  # fmt: skip
    """Write SHEET into FOLDER in these FORMATS by so many processes; STEP is called after each student.

    A folder that holds this very sheet is completed; so is one that holds it for fewer students, and theirs are left
    as they are. One that holds anything else is refused (exit code 4).
    """
    if "pdf" in formats:
        typeset.installed()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            before = _earlier(folder, sheet)
            sheet = replace(sheet, version=before.version) if before else sheet
            text = sheet.text().encode()
            root = folder if before else _root(folder, text)
            known = draws.read(root / "teacher", sheet.source, len(sheet.problems))
            counts, drawn = _write_all(root, sheet, tuple(formats), jobs, step, known)
            if before:  # last, so that the file never names a student who has no paper yet
                _put(root / "teacher" / "sheet.toml", text, over=True)
            if before or drawn:
                draws.write(root / "teacher", sheet.source, {**known, **drawn})
            if root != folder:
                os.replace(root, folder)
    except OSError as error:
        place = error.filename or folder
        raise Trouble(f"cannot write {place}: {error.strerror}", code="unwritable", exit_code=UNWRITABLE) from None
    warnings = [one for student in sheet.students for one in _warnings(student, formats)]
    return Written(sheet, str(folder), tuple(formats), counts[0], counts[1], tuple(warnings))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody else writes FOLDER meanwhile; the lock goes with the process, however that ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    path = folder.with_name(f".{folder.name}.lock")
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Trouble(f"another bpcli is writing {folder}", code="locked", exit_code=LOCKED) from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _root(folder: Path, text: bytes) -> Path:
    """Where to write: the folder itself if it holds this sheet, otherwise the place beside it."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise Trouble(f"{folder} is there already, and it is no folder", code="exists", exit_code=UNWRITABLE)
    if folder.exists() and any(folder.iterdir()):
        if _sheet_file(folder) == text:
            return folder
        what = "a different sheet" if _sheet_file(folder) is not None else "something else"
        raise Trouble(f"{folder} holds {what}; nothing was written", code="exists", exit_code=UNWRITABLE,
                      tries=[f"-o {folder}-2"])  # fmt: skip
    root = unfinished(folder)
    if root.exists() and _sheet_file(root) != text:
        raise Trouble(f"{root} is what an interrupted run left of a different sheet; remove it first",
                      code="exists", exit_code=UNWRITABLE, tries=[f"-o {folder}-2"])  # fmt: skip
    (root / "teacher" / "solutions").mkdir(parents=True, exist_ok=True)
    (root / "students").mkdir(exist_ok=True)
    _put(root / "teacher" / "sheet.toml", text)
    return root


def _sheet_file(folder: Path) -> bytes | None:
    try:
        return (folder / "teacher" / "sheet.toml").read_bytes()
    except OSError:
        return None


def _earlier(folder: Path, sheet: Sheet) -> Sheet | None:
    """The sheet in FOLDER, if SHEET is the same with students who came later."""
    there = _sheet_file(folder)
    if there is None:
        return None
    try:
        before = parse(there, "sheet.toml")
    except Trouble:
        return None
    known = {one.id for one in before.students}
    stayed = tuple(one for one in sheet.students if one.id in known)
    same = replace(sheet, version=before.version, students=stayed).text().encode() == there
    return before if same and len(stayed) < len(sheet.students) else None


def _put(path: Path, data: bytes, over: bool = False) -> bool:
    """Write DATA to a file, whole or not at all, unless it is there (OVER: even then); whether it was written."""
    if path.exists() and not over:
        return False
    rough = path.with_name(f".{path.name}.{os.getpid()}")
    with rough.open("wb") as file:
        file.write(data)
    os.replace(rough, path)
    return True


# --- students, one after the other or by several processes ------------------------------------------------


#: How many files of a student were written, how many were there, and which draws the student's numbers are.
_Outcome = tuple[int, int, tuple[int, ...]]


def _write_all(root: Path, sheet: Sheet, formats: tuple[str, ...], jobs: int,
               step: Callable[..., None], known: draws.Draws) -> tuple[tuple[int, int], draws.Draws]:  # fmt: skip
    new = kept = 0
    drawn = {}
    for student, (written, there, numbers) in zip(
        sheet.students, _mapped(root, sheet, formats, min(jobs, len(sheet.students)), tuple(known)), strict=True
    ):
        new, kept = new + written, kept + there
        if numbers:
            drawn[student.id] = numbers
        step()
    return (new, kept), drawn


def _mapped(
    root: Path, sheet: Sheet, formats: tuple[str, ...], jobs: int, known: Collection[str]
) -> Iterator[_Outcome]:
    if jobs <= 1:
        for student in sheet.students:
            yield _write_student(root, sheet, student, formats, student.id in known)
        return
    given = (str(root), sheet.text().encode(), formats, known)
    yield from mapped(_one, range(len(sheet.students)), jobs, _begin, given, at_once=4)


_work: list[Any] = []


def _begin(root: str, text: bytes, formats: tuple[str, ...], known: Collection[str]) -> None:
    """In a new process: read the sheet."""
    _work[:] = [Path(root), parse(text, "sheet.toml"), formats, frozenset(known)]


def _one(place: int) -> _Outcome:
    root, sheet, formats, known = _work
    student = sheet.students[place]
    return _write_student(root, sheet, student, formats, student.id in known)


def _write_student(root: Path, sheet: Sheet, student: Student, formats: Sequence[str], known: bool) -> _Outcome:
    """All files of one student; the draws, unless they are KNOWN and nothing is missing."""
    own = root / "students" / student.file_name
    solutions = root / "teacher" / "solutions"
    wanted = [own / "answers.txt", *[own / f"sheet.{one}" for one in formats]]
    wanted += [solutions / f"{student.file_name}.{one}" for one in formats]
    missing = [path for path in wanted if not path.exists()]
    if not missing and known:
        return 0, len(wanted), ()
    own.mkdir(parents=True, exist_ok=True)
    variants = list(sheet.variants(student))
    papers = [content.paper(sheet.title, student, variants, solution) for solution in (False, True)]
    for path in missing:
        if path.name == "answers.txt":
            _put(path, content.template(papers[0]).encode())
            continue
        data = FORMATS[path.suffix[1:]](papers[path.parent == solutions])
        _put(path, data if isinstance(data, bytes) else data.encode())
    return len(missing), len(wanted) - len(missing), tuple(variant.tries for variant in variants)


def _warnings(student: Student, formats: Sequence[str]) -> list[str]:
    if "pdf" not in formats or not (lacking := typeset.unshown(student.shown)):
        return []
    return [f"the PDF has the id {student.id} instead of the name {student.name}: its fonts lack {' '.join(lacking)}"]
