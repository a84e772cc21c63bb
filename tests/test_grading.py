"""`grade`: honest classes and hostile ones, the gradebook under kills, regrading, policies, and what students read."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import markers
import pytest
from sessions import Command

from bpcli.exercises import bank, sheet
from bpcli.exercises.roster import Student
from bpcli.grading import files, run, workers, writing
from bpcli.grading.desk import Desk, Setting, expected
from bpcli.grading.gradebook import Gradebook
from bpcli.grading.policy import Policy, days_late, policy
from bpcli.grading.run import Graded
from bpcli.submissions.handed_in import HandIn, Part
from bpcli.trouble import Trouble

IDS = ("gates/add-then-multiply", "gates/upstream")
NAMES = [
    "Ada Lovelace",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "Zoë 𝔘 \u202egpj",
    'Øre, "Q"',
    "d",
    "e",
    "f",
]


def made(count: int = 6, ids: tuple[str, ...] = IDS, folder: Path = Path()) -> sheet.Sheet:
    """A sheet in hw1, and in ``in`` everybody's own key as the hand-in."""
    found = [bank.load(path, identity) for identity, path in bank.find(ids).items()]
    students = [Student(f"s{k:02}", NAMES[k % len(NAMES)], f"s{k}@x.org", f"g{k // 2}") for k in range(count)]
    one = sheet.make(found, students, "7", "Homework <1>")
    (folder / "hw1" / "teacher").mkdir(parents=True, exist_ok=True)
    (folder / "hw1" / "teacher" / "sheet.toml").write_text(one.text(), encoding="utf-8")
    (folder / "in").mkdir(exist_ok=True)
    for student in students:
        (folder / "in" / f"{student.id}.txt").write_text(key_text(one, student), encoding="utf-8")
    return one


def key_text(one: sheet.Sheet, student: Student, changed: dict[str, str] | None = None) -> str:
    """The right answers, apart from those CHANGED (by the name of the blank, in the first problem)."""
    lines = []
    for place, variant in enumerate(one.variants(student)):
        lines.append(f"[{variant.problem.id}]")
        for name, text in expected(variant).items():
            lines.append(f"{name} = {(changed or {}).get(name, text) if not place else text}")
    return "\n".join(lines) + "\n"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def graded(*paths: str, out: str = "g", name: str = "hw1", marker: Any = None, **rest: Any) -> Graded:
    shares = {
        name: Decimal(rest.pop(name)) for name in ("follows", "rounded", "partial", "late", "late_most") if name in rest
    }
    order = run.order(name, paths or ("in",), out, jobs=rest.pop("jobs", 2), **rest, **shares)
    return run.grade(order, **({"marker": marker} if marker else {}))


def rows(out: str = "g") -> dict[str, dict[str, str]]:
    with open(f"{out}/grades.csv", encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def everything(out: str = "g") -> dict[str, bytes]:
    """Every file but the gradebook, which has times in it."""
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(Path(out).rglob("*"))
            if path.is_file() and not path.name.startswith(("grades.db", "grades.lock"))}  # fmt: skip


# --- a class ----------------------------------------------------------------------------------------------


def test_everybodys_own_key_has_full_marks() -> None:
    made()
    result = graded()
    assert result.ok and (result.found, result.graded) == (6, 6)
    assert {row["total"] for row in rows().values()} == {"12"}
    assert {row["status"] for row in rows().values()} == {"graded"}
    assert [*rows("g")["s00"]] == ["id", "name", "group", *IDS, "total", "max", "status", "override", "note"]


def test_every_form_of_hand_in_gets_the_same_marks() -> None:
    one = made(5)
    texts = {student.id: key_text(one, student, {"dq": "99"}) for student in one.students}
    answers = {
        student: [[line.partition(" = ")[0], line.partition(" = ")[2]] for line in text.splitlines()]
        for student, text in texts.items()
    }
    found: list[list[str]] = []
    for student, lines in answers.items():
        for name, value in lines:
            if name.startswith("["):
                problem = name.strip("[]")
            else:
                found.append([student, problem, name, value])
    shutil.rmtree("in")
    Path("in").mkdir()
    Path("in/s00.txt").write_text(texts["s00"])
    Path("in/s01").mkdir()
    Path("in/s01/answers.txt").write_text(texts["s01"])
    with zipfile.ZipFile("e.zip", "w") as archive:
        archive.writestr("e/s02.txt", texts["s02"])
    long = [row for row in found if row[0] == "s03"]
    Path("long.csv").write_text("student,problem,blank,answer\n" + "".join(",".join(row) + "\n" for row in long))
    table: dict[str, dict[str, str]] = {}
    for _, problem, name, value in [row for row in found if row[0] == "s04"]:
        table.setdefault(problem, {})[name] = value
    Path("all.json").write_text(json.dumps({"s04": table}))
    result = graded("in", "e.zip", "long.csv", "all.json")
    assert result.ok, result.refused
    assert len({row["total"] for row in rows().values()}) == 1
    assert {row["total"] for row in rows().values()} < {"10", "11"}


def test_who_handed_in_nothing_has_no_points_and_not_0() -> None:
    made()
    os.unlink("in/s03.txt")
    result = graded()
    assert result.ok and rows()["s03"]["total"] == "" and rows()["s03"]["status"] == "missing"
    assert json.loads(Path("g/grades.json").read_text())["missing"] == ["s03"]


def test_the_json_of_the_contract() -> None:
    made(2)
    graded()
    found = json.loads(Path("g/grades.json").read_text(), parse_constant=pytest.fail)
    assert found["schema"] == "bpcli/grade/1" and found["complete"] is True
    (first, _) = found["students"]
    assert (first["score"], first["max_score"]) == (12.0, 12.0)
    assert {"name", "answer", "verdict", "credit", "points", "reason", "slip"} <= {*first["blanks"][0]}
    printed = Command({}, ["grade", "hw1", "in", "-o", "g", "--json"], "").in_process()
    assert printed.code == 0 and json.loads(printed.out) == found


@pytest.mark.parametrize(
    "settings", [{"LC_ALL": "de_DE.UTF-8"}, {"PYTHONHASHSEED": "7"}, {"LC_ALL": "C", "TZ": "Asia/Tokyo"}]
)
def test_the_same_bytes_for_any_number_of_workers_locale_and_seed(settings: dict[str, str]) -> None:
    made(8)
    Path("in/s03.txt").write_bytes(b"\xff\xfe")
    Path("in/strange.txt").write_text("x")
    graded(out="g", jobs=1)
    done = subprocess.run([sys.executable, "-m", "bpcli", "grade", "hw1", "in", "-o", "other", "--jobs", "3"],
                          env=os.environ | settings, capture_output=True, check=False)  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert everything("g") == everything("other")


# --- hostile hand-ins -------------------------------------------------------------------------------------

HOSTILE: dict[str, bytes] = {
    "s04.txt": b"[gates/add-then-multiply]\nq = __import__('os').system('touch pwned')\ndq = {0.__class__}\nf = nan\ndx = 1e999\n",
    "nobody.txt": b"[gates/upstream]\nq = 1\n",
    "S00.txt": b"[gates/upstream]\nq = 1\n",
    "s00.zip": b"PK\x03\x04",
    "s05.json": b"[" * 100_000,
    "huge.txt": b"q = 1\n" * 400_000,
    "utf16.txt": "q = 1".encode("utf-16"),
    "\u202etxt.00s": b"q = 1",
    "nul.txt": b"\0" * 50,
    "esc\x1b[31m.txt": b"\x1b]52;c;AAAA\x07",
    "-rf.txt": b"x",
    "s99.csv": b"student,problem,blank,answer\ns00,gates/upstream,q,0\n",
}


def test_hostile_files_change_nobody_elses_row_by_a_byte() -> None:
    made(6)
    for name in ("s04.txt", "s05.txt"):
        os.unlink(f"in/{name}")
    graded(out="clean")
    for name, data in HOSTILE.items():
        Path("in", name).write_bytes(data)
    os.symlink("/etc/passwd", "in/link.txt")
    os.mkfifo("in/pipe.txt")
    before = sorted(os.listdir())
    result = graded(out="g")
    assert sorted(os.listdir()) == sorted([*before, "g"]), "nothing is written anywhere else"
    lines = Path("clean/grades.csv").read_text(encoding="utf-8").splitlines()
    others = Path("g/grades.csv").read_text(encoding="utf-8").splitlines()
    assert others[:5] == lines[:5]
    for student in ("s00", "s01", "s02", "s03"):
        for ending in ("md", "html"):
            name = f"feedback/{student}.{ending}"
            assert everything("g")[name] == everything("clean")[name]
    assert result.found == result.graded + len(result.refused) + len(result.not_graded) == 4 + len(HOSTILE) + 2
    assert rows()["s05"]["total"] == "" and rows()["s05"]["status"] == "refused"
    assert (rows()["s04"]["total"], rows()["s04"]["status"]) == ("", "not graded")


def test_what_is_shown_moves_no_cursor_and_hides_nothing() -> None:
    made(3)
    for name, data in HOSTILE.items():
        Path("in", name).write_bytes(data)
    Path("in/s02.txt").write_text(
        "[gates/upstream]\nq = \x1b[31m[red]:smile:[/]\x9b\u202e\x00\n".replace("\x00", ""), encoding="utf-8"
    )
    printed = Command(
        {"FORCE_COLOR": "1"}, ["grade", "hw1", "in", "-o", "g", "--color", "never", "--all"], ""
    ).in_process()
    every = printed.out + "".join(data.decode() for data in everything().values())
    assert all(character.isprintable() or character == "\n" for character in every)


def test_spreadsheets_run_nothing_and_numbers_stay_numbers() -> None:
    made(8)
    graded()
    cells = [cell for row in csv.reader(io.StringIO(Path("g/grades.csv").read_text(encoding="utf-8"))) for cell in row]
    assert "'=cmd|' /C calc'!A0" in cells
    assert not [
        cell
        for cell in cells
        if cell[:1] in tuple("=+@\t\r") or (cell[:1] == "-" and not re.fullmatch(r"-[\d.]+", cell))
    ]
    for text in ("=1+1", "+1", "-1", "@x", "＝1", " =1", "'x", "plain", "−5"):
        assert files.guarded(text)[0] not in "=+-@＝−" and files.unguarded(files.guarded(text)) == text
    assert files.guarded("\t=1") == "\\t=1" and files.guarded("\r=1") == "\\r=1"
    assert files.number(Decimal("-2.5")) == "-2.5"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *[name for name, _ in attrs]}


def test_the_pages_of_hostile_students_have_no_markup_of_theirs() -> None:
    one = made(3)
    text = key_text(
        one, one.students[2], {"q": "<img src=x onerror=alert(1)>", "dq": "`|**x**|`", "dx": "</td><script>"}
    )
    Path("in/s02.txt").write_text(text)
    graded()
    tags = _Tags()
    page = Path("g/feedback/s02.html").read_text(encoding="utf-8")
    tags.feed(page)
    assert tags.found <= {"html", "lang", "head", "meta", "charset", "http-equiv", "content", "name", "title", "style", "body",
                          "h1", "h2", "p", "class", "strong", "table", "thead", "tbody", "tr", "th", "scope", "td", "colspan", "code", "pre",
                          "span", "ul", "li"}  # fmt: skip
    assert "default-src 'none'" in page and "&lt;img" in page
    marked = Path("g/feedback/s02.md").read_text(encoding="utf-8")
    assert "| `<img src=x onerror=alert(1)>` |" in marked and "<script>" not in re.sub(r"`[^`]*`", "", marked)


def test_no_key_reaches_a_student() -> None:
    """A canary: with every answer wrong, nothing students read has a number of the key in it."""
    one = made(4, ("neuron/sigmoid", "training/staged"))
    keys: dict[str, set[str]] = {}
    for student in one.students:
        lines, keys[student.id] = [], set()
        for variant in one.variants(student):
            answers = expected(variant)
            digits = {text.lstrip("-") for text in answers.values() if re.fullmatch(r"-?\d+\.\d\d+", text)}
            assert digits
            keys[student.id] |= digits
            lines += [f"[{variant.problem.id}]", *(f"{name} = 123" for name in answers if name != "program")]
        Path(f"in/{student.id}.txt").write_text("\n".join([*lines, "f = 123", "num = x*y", "dx = 123", ""]))
    for level in ("verdict", "where", "what", "full"):
        graded(out=level, feedback=level)
        for student, numbers in keys.items():
            said = "".join(everything(level)[f"feedback/{student}.{ending}"].decode() for ending in ("md", "html"))
            leaked = [number for number in numbers if number in said]
            assert bool(leaked) == (level == "full"), (level, leaked)
    printed = Command(
        {}, ["grade", "hw1", "in/s00.txt", "--format", "gradescope", "--student", "s00", "-o", "r.json"], ""
    ).in_process()
    written = Path("r.json").read_text() + printed.out + printed.err
    assert not [number for number in keys["s00"] if number in written]


# --- crashes, kills, locks --------------------------------------------------------------------------------


def test_a_hand_in_that_brings_its_process_down_costs_only_itself() -> None:
    made(8)
    result = graded(marker=markers.dies_of_bob)
    (lost,) = result.not_graded
    assert (lost.student, lost.code) == ("s01", "crashed") and result.graded == 7
    assert rows()["s01"]["total"] == "" and rows()["s02"]["total"] == "12"


def test_a_hand_in_that_fails_or_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    made(2)
    assert [one.code for one in graded(marker=markers.raises_at_bob).not_graded] == ["crashed"]
    monkeypatch.setattr(workers, "MOST_SECONDS", 0.2)
    os.unlink("in/s00.txt")
    assert [one.code for one in graded(out="h", marker=markers.never_ends_with_bob).not_graded] == ["time-limit"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no limit on addresses is held to")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_hand_in_that_takes_all_memory_costs_only_itself(jobs: int) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    made(8)
    result = graded(marker=markers.takes_memory_with_bob, jobs=jobs)
    (lost,) = result.not_graded
    assert (lost.student, lost.code) == ("s01", "memory-limit") and result.graded == 7
    assert lost.reason == "it took more than 512 MB of memory; no mark was given for it"
    assert rows()["s01"]["total"] == "" and rows()["s02"]["total"] == "12"
    (alone,) = graded("in/s01.txt", out="h", marker=markers.takes_memory_with_bob).not_graded
    assert alone.code == "memory-limit" and resource.getrlimit(resource.RLIMIT_AS) == before


def test_no_memory_for_a_formula_is_no_mark_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A syntax error would be what the student is told, and 0 points."""
    made(1, ("chain/nested",))
    desk = Desk.of(Setting(Path("hw1/teacher/sheet.toml").read_bytes(), "hw1", policy({})))
    hand_in = HandIn("s00", "in/s00.txt", (Part("s00.txt", "text", Path("in/s00.txt").read_bytes()),))
    assert desk.mark(hand_in).status == "graded"

    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("bpcli.language.Reader.graph", no_memory)
    with pytest.raises(MemoryError):
        desk.mark(hand_in)


def test_two_runs_at_once_the_second_stops() -> None:
    made(2)
    os.makedirs("g")
    with Gradebook("g"):
        printed = Command({}, ["grade", "hw1", "in", "-o", "g"], "").in_process()
    assert printed.code == 5 and "another run" in printed.err
    assert graded().ok


def test_an_interrupted_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    made(8)
    expected_files = (graded(out="calm"), everything("calm"))[1]
    added = Gradebook.add
    calls = []

    def stopping(book: Gradebook, number: int, entries: Any) -> None:
        added(book, number, entries)
        calls.append(len([*entries]))
        if len(calls) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Gradebook, "add", stopping)
    with pytest.raises(KeyboardInterrupt):
        graded()
    assert not Path("g/grades.csv").exists(), "half a class looks like no class"
    monkeypatch.setattr(Gradebook, "add", added)
    result = graded()
    assert result.resumed == sum(calls) > 0
    assert everything() == expected_files


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")
@pytest.mark.parametrize(("kind", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_asked_to_end_it_says_that_nothing_is_lost(kind: signal.Signals, code: int) -> None:
    made(40)
    script = ("import markers; from bpcli import cli; from bpcli.grading import run; "
              "run.grade.__defaults__ = (*run.grade.__defaults__[:-1], markers.slowly); "
              "cli.run(['grade', 'hw1', 'in', '-o', 'g', '--jobs', '2'])")  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    for least in (0, 1):  # as its processes start, and when they have marked some
        process = subprocess.Popen([sys.executable, "-c", script], env=environment, stderr=subprocess.PIPE, text=True)
        while not Path("g/grades.db").exists() or _count() < least:
            time.sleep(0.01)
        process.send_signal(kind)
        _, said = process.communicate(timeout=60)
        assert process.returncode == code
        assert said.strip() == "stopped; every hand-in that was marked is kept, and the same command goes on from there"
        assert not Path("g/grades.csv").exists()
    result = graded()
    assert result.ok and 0 < result.resumed < 40
    assert {row["total"] for row in rows().values()} == {"12"}


def _killed_after(seconds: float, jobs: int) -> bool:
    """Grade in a process that is killed after so many SECONDS; whether it was still at it. One job is a fork, quickly made."""
    if jobs > 1:
        script = ("import markers; from bpcli.grading import run; "
                  "run.grade(run.order('hw1', ('in',), 'g', jobs=2), marker=markers.slowly)")  # fmt: skip
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
        process = subprocess.Popen([sys.executable, "-c", script], env=environment, stderr=subprocess.DEVNULL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        return process.wait() != 0
    child = os.fork()
    if not child:
        try:
            order = run.order("hw1", ("in",), "g")
            run.mark_all = _here  # type: ignore[assignment]
            run.grade(order, marker=markers.slowly)
            os._exit(0)
        finally:
            os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] != 0


def _here(setting: Any, desk: Any, tasks: Any, jobs: int, marker: Any, chunk: int) -> Any:
    for task in tasks:
        yield [workers.marked(desk, task, marker)]


@pytest.mark.slow
def test_killed_at_any_moment_no_finished_mark_is_lost() -> None:
    """200 kills: whatever is in the gradebook stays there, and the end is that of a run left in peace."""
    made(12)
    graded(out="calm", jobs=1)
    calm = everything("calm")
    chance = random.Random(1)
    kills = done = 0
    while kills < 200:
        jobs = 2 if kills % 10 == 0 else 1
        before = _count()
        kills += _killed_after(chance.uniform(0.4, 1.5) if jobs > 1 else chance.uniform(0.0, 0.3), jobs)
        assert _count() >= before
        if Path("g/grades.csv").exists():
            assert everything() == calm
            shutil.rmtree("g")
            done += 1
    assert done, "some runs came to their end in spite of kills before"
    graded(jobs=1)
    assert everything() == calm


def _count() -> int:
    if not Path("g/grades.db").exists():
        return 0
    base = sqlite3.connect("g/grades.db")
    try:
        assert base.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        if not base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return 0
        entries = base.execute("SELECT count(*) FROM entries").fetchone()[0]
        halves = base.execute("SELECT count(*) FROM entries e WHERE status = 'graded' AND "
                              "(SELECT count(*) FROM marks m WHERE m.entry = e.number) <> 12").fetchone()[0]  # fmt: skip
        assert halves == 0, "an entry is there with all of its marks or not at all"
        return int(entries)
    finally:
        base.close()


# --- the gradebook ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
def test_an_output_that_cannot_be_written_changes_nothing_or_is_told(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The n-th call fails, for every n: all is as it was, or the marks count and the next run tells the move and mends."""
    one = made(3)
    graded()
    old = everything()
    Path("in/s01.txt").write_text(key_text(one, one.students[1], {"q": "77"}))
    shutil.copytree("g", "new")
    (move,) = graded(out="new", apply=True).moves
    new = everything("new")
    real = getattr(os, call)
    told = []
    for number in range(1, 30):
        shutil.rmtree("h", ignore_errors=True)
        shutil.copytree("g", "h")
        count = 0

        def failing(*words: Any, number: int = number, **rest: Any) -> Any:
            nonlocal count
            count += str(words[0]).endswith(".unfinished") or isinstance(words[0], int)
            if count == number:
                count += 1
                raise OSError(28, "No space left on device")
            return real(*words, **rest)

        monkeypatch.setattr(f"bpcli.grading.writing.os.{call}", failing)
        try:
            graded(out="h", apply=True, jobs=1)
        except Trouble as trouble:
            assert trouble.exit_code == 4 and "No space left" in trouble.message
            counts = "count already" in trouble.message
        else:
            break
        finally:
            monkeypatch.setattr(f"bpcli.grading.writing.os.{call}", real)
        found = {name: data for name, data in everything("h").items() if not name.endswith(".unfinished")}
        if not counts:
            assert found == old, "nothing counts, and nothing is changed"
            assert graded(out="h", jobs=1).moves == [move]
            continue
        told.append(number)
        assert all(found[name] in (old[name], new[name]) for name in old)
        result = graded(out="h", jobs=1)
        assert not result.moves and result.recovered == [move.record()]
        assert {**everything("h"), "grades.json": b""} == {**new, "grades.json": b""}
        assert graded(out="h", jobs=1).recovered is None
    else:
        pytest.fail("it never succeeds")
    assert number > 1 and bool(told) == (call == "replace")


def test_a_run_stopped_before_its_files_were_put_is_told_of_even_beside_a_proposal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = made(3)
    graded()
    Path("in/s01.txt").write_text(key_text(one, one.students[1], {"q": "77"}))
    with monkeypatch.context() as patched:
        patched.setattr(writing.Staged, "put", lambda _: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            graded(apply=True)
    assert rows()["s01"]["total"] == "12"
    Path("in/s02.txt").write_text(key_text(one, one.students[2], {"q": "77"}))
    result = graded(jobs=1)
    assert not result.accepted and [one["student"] for one in result.recovered or ()] == ["s01"]
    assert rows()["s01"]["total"] == "11" and "11 of 12" in Path("g/feedback/s01.md").read_text()
    assert rows()["s02"]["total"] == "12"


def test_the_gradebook_is_only_added_to() -> None:
    made(2)
    graded()
    base = sqlite3.connect("g/grades.db")
    for table in ("runs", "entries", "marks", "accepted", "overrides", "events", "done", "about"):
        for change in (
            f"DELETE FROM {table}",
            f"UPDATE {table} SET rowid = rowid" if table != "marks" else "UPDATE marks SET points = '9'",
        ):
            try:
                base.execute(change)
            except sqlite3.IntegrityError as error:
                assert "only added to" in str(error)
            else:
                assert not base.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    base.close()


def test_every_mark_is_kept_with_its_reason_key_and_version() -> None:
    one = made(2)
    Path("in/s01.txt").write_text(key_text(one, one.students[1], {"dq": " +07.0 "}))
    graded()
    with Gradebook("g") as book:
        entry = book.entry(book.accepted()["s01"])
        mark = next(mark for mark in entry.marks if mark.blank == "dq")
        assert mark.answer == "+07.0" and mark.verdict == "wrong" and mark.reason and len(mark.key) == 16
        assert book.made_by(entry.run).version
        other = book.entry(book.accepted()["s00"])
        assert {one.key for one in other.marks}.isdisjoint({one.key for one in entry.marks})


@pytest.mark.parametrize("table", ["runs", "events", "entries", "marks", "done", "accepted", "overrides"])
@pytest.mark.parametrize(
    "words", ["report g", "report g --student s01", "grade hw1 in -o g", "grade override g s00 --points 1"]
)
def test_a_gradebook_without_a_table_is_said_to_be_damaged(table: str, words: str) -> None:
    made(2)
    graded(jobs=1)
    base = sqlite3.connect("g/grades.db")
    base.execute(f"DROP TABLE {table}")
    base.close()
    before = everything()
    printed = Command({}, words.split(), "").in_process()
    assert printed.code == 4 and f"grades.db cannot be used: no such table: {table}" in printed.err
    assert everything() == before


def test_a_gradebook_with_strange_bytes_is_read_or_refused() -> None:
    made(2)
    graded(jobs=1)
    graded(jobs=1, follows="0.5")
    data, chance = Path("g/grades.db").read_bytes(), random.Random(3)
    codes = set()
    for _ in range(200):
        bad = bytearray(data)
        for _ in range(chance.choice([1, 20])):
            bad[chance.randrange(100, len(bad))] = chance.choice([0, 0x41, 0xFF, chance.randrange(256)])
        Path("g/grades.db").write_bytes(bytes(bad))
        printed = Command({}, ["report", "g", *chance.choice([[], ["--student", "s01"]])], "").in_process()
        codes.add(printed.code)
        assert printed.code in (0, 2, 4), printed.err
    assert {0, 4} <= codes


def test_a_damaged_gradebook_is_not_written_to() -> None:
    made(2)
    graded()
    for name in ("grades.db-wal", "grades.db-shm"):
        Path("g", name).unlink(missing_ok=True)
    data = bytearray(Path("g/grades.db").read_bytes())
    data[4096 : 4096 * 3] = b"\x55" * 8192
    Path("g/grades.db").write_bytes(bytes(data))
    with pytest.raises(Trouble) as caught:
        graded()
    assert caught.value.exit_code == 4
    assert Path("g/grades.db").read_bytes() == bytes(data)


@pytest.mark.parametrize("name", ["grades.csv", "grades.json", "grades.db", "feedback"])
def test_links_among_the_outputs_are_not_followed(name: str) -> None:
    made(2)
    os.makedirs("g")
    Path("target").write_text("precious") if name != "feedback" else os.mkdir("target")
    os.symlink(os.path.abspath("target"), f"g/{name}")
    with pytest.raises(Trouble) as caught:
        graded()
    assert caught.value.exit_code in (2, 4)
    assert name == "feedback" or Path("target").read_text() == "precious"
    assert name != "feedback" or not os.listdir("target")


def test_marks_are_not_written_among_the_hand_ins() -> None:
    made(2)
    with pytest.raises(Trouble, match="among the hand-ins"):
        graded(out="in/grades")


# --- regrading --------------------------------------------------------------------------------------------


def _one_slip() -> sheet.Sheet:
    """Everybody is right but s01, whose dx follows from a wrong dq."""
    one = made(4)
    Path("in/s01.txt").write_text(key_text(one, one.students[1], {"dq": "99", "dx": "99", "dy": "99"}))
    return one


def test_a_new_rule_is_a_proposal_until_it_is_accepted() -> None:
    _one_slip()
    graded()
    before = everything()
    total = rows()["s01"]["total"]
    result = graded(follows="0.5")
    assert not result.accepted and not result.ok and everything() == before
    (move,) = result.moves
    assert (move.student, str(move.old), str(move.new)) == ("s01", total, str(int(total) - 1))
    assert move.why == "follows was 1.0, is 0.5"
    assert move.blanks == ("gates/add-then-multiply dx: 1 to 0.5", "gates/add-then-multiply dy: 1 to 0.5")
    assert graded(follows="0.5", apply=True).accepted
    assert rows()["s01"]["total"] == str(int(total) - 1)
    assert "earns 50 % of its points" in Path("g/feedback/s01.md").read_text()
    with Gradebook("g") as book:
        assert len(book.history("s01")) == 2 and len(book.history("s00")) == 2


def test_the_same_again_changes_nothing() -> None:
    _one_slip()
    graded()
    before = everything()
    result = graded()
    assert result.accepted and not result.moves and everything() == before
    with Gradebook("g") as book:
        assert len(book.history("s01")) == 1


def _size(table: str) -> int:
    base = sqlite3.connect("g/grades.db")
    (count,) = base.execute(f"SELECT count(*) FROM {table}").fetchone()
    base.close()
    return int(count)


def test_a_run_again_keeps_what_is_new_and_nothing_twice() -> None:
    """Every run is there, but a mark that says the same as before only once."""
    one = _one_slip()
    Path("in/s00.txt").write_bytes(b"\xff\xfe")
    graded()
    assert (_size("runs"), _size("entries"), _size("marks"), _size("done")) == (1, 4, 3 * 12, 4)
    graded()
    graded("in", jobs=1)
    assert (_size("runs"), _size("entries"), _size("marks"), _size("done")) == (3, 4, 3 * 12, 12)
    Path("in/s02.txt").write_text(key_text(one, one.students[2], {"q": "77"}))
    graded(apply=True)
    assert (_size("runs"), _size("entries"), _size("marks")) == (4, 5, 4 * 12)
    graded(follows="0", apply=True)
    assert (_size("runs"), _size("entries"), _size("marks")) == (5, 9, 7 * 12), "by another rule it is another mark"
    graded(apply=True)
    assert (_size("entries"), _size("marks")) == (9, 7 * 12) and not graded().moves
    with Gradebook("g") as book:
        assert [run for _, run, _ in book.history("s03")] == [1, 5, 6], "whose marks count again is in the history"


def test_a_mark_that_is_another_for_the_same_hand_in_is_kept_beside_the_old_one() -> None:
    made(2)
    assert graded(marker=markers.raises_at_bob).not_graded
    assert _size("entries") == 2
    result = graded()
    assert result.ok and not result.resumed and _size("entries") == 3, "the crash is history"


def test_a_hand_in_that_comes_later_is_simply_added() -> None:
    one = made(4)
    late = Path("in/s03.txt").read_text()
    os.unlink("in/s03.txt")
    graded()
    others = rows()
    Path("late").mkdir()
    Path("late/s03.txt").write_text(late)
    assert graded("late").accepted
    assert rows()["s03"]["total"] == "12"
    assert {name: row for name, row in rows().items() if name != "s03"} == {
        name: row for name, row in others.items() if name != "s03"
    }
    Path("late/s03.txt").write_text(key_text(one, one.students[3], {"q": "77"}))
    (move,) = graded("late").moves
    assert move.why == "handed in anew" and rows()["s03"]["total"] == "12"


def test_a_broken_new_hand_in_does_not_take_a_grade_away() -> None:
    one = made(4)
    Path("in/s03.txt").unlink()
    graded()
    Path("in/s02.txt").write_bytes(b"\xff\xfe")
    Path("in/s03.txt").write_bytes(b"\xff\xfe")
    result = graded()
    assert result.accepted and not result.ok and not result.moves
    assert [(kept.student, kept.points) for kept in result.kept] == [("s02", 12)]
    assert rows()["s02"]["total"] == "12" and "UTF-16" in rows()["s02"]["note"] and rows()["s03"]["status"] == "refused"
    assert "UTF" in Path("g/feedback/s02.md").read_text()
    assert "s02 keeps the 12 of before" in command("hw1", "in", "-o", "g").out
    Path("in/s02.txt").write_text(key_text(one, one.students[2], {"q": "77"}))
    assert graded(apply=True).moves and rows()["s02"]["total"] == "11" and "UTF-16" not in rows()["s02"]["note"]


def test_marks_of_an_earlier_key_do_not_stand_without_a_word() -> None:
    one = made(3)
    graded()
    other = sheet.make(one.problems, one.students, "8", one.title)
    Path("hw1/teacher/sheet.toml").write_text(other.text(), encoding="utf-8")
    Path("in/s01.txt").write_text(key_text(other, other.students[1]))
    before = everything()
    result = graded("in/s01.txt")
    assert not result.accepted and not result.moves and result.staying == ["s00", "s02"] and everything() == before
    assert (
        "would keep marks of the earlier one (--apply accepts it): s00, s02"
        in command("hw1", "in/s01.txt", "-o", "g").out
    )
    result = graded("in/s01.txt", apply=True)
    assert result.accepted and not result.ok
    assert [row["note"] for row in rows().values()] == ["marked by an earlier key; to be graded again", "",
                                                        "marked by an earlier key; to be graded again"]  # fmt: skip
    stale = json.loads(Path("g/grades.json").read_text())["stale"]
    assert stale == [{"student": student, "marked_by": ["an earlier key"]} for student in ("s00", "s02")]
    printed = command("hw1", "in/s01.txt", "-o", "g")
    assert printed.code == 1 and "still marked by an earlier key: s00, s02; to be graded again" in printed.out
    assert "marked by an earlier key: s00, s02" in Command({}, ["report", "g"], "").in_process().out
    assert "marked by an earlier key: s00, s02" in Command({}, ["report", "g", "--format", "html"], "").in_process().out
    graded(apply=True)
    assert not any(row["note"] for row in rows().values())


def test_marks_by_other_rules_are_told_of_where_they_could_be_others() -> None:
    made(3)
    graded()
    result = graded("in/s01.txt", follows="0.5")
    assert result.ok and {row.student.id: row.stale for row in result.rows} == {
        "s00": (by := ("other rules (follows was 1.0, is 0.5)",)), "s01": (), "s02": by}  # fmt: skip
    result = graded("in/s01.txt", late="0.5", deadline="2026-11-20")
    assert not result.rows[0].stale, "nobody is late of whom no time is known"
    assert not graded("in/s01.txt", feedback="full").rows[0].stale


def test_nothing_is_graded_from_a_stale_key() -> None:
    one = made(3)
    graded()
    text = Path("hw1/teacher/sheet.toml").read_text(encoding="utf-8")
    Path("hw1/teacher/sheet.toml").write_text(text.replace("q = x + y", "q = x - y"), encoding="utf-8")
    with pytest.raises(Trouble, match="hash differs"):
        graded()
    other = sheet.make(one.problems, one.students, "8", one.title)
    Path("hw1/teacher/sheet.toml").write_text(other.text(), encoding="utf-8")
    result = graded()
    assert result.resumed == 0 and not result.accepted
    assert {move.why for move in result.moves} == {f"the key of {', '.join(IDS)} is another"}


def test_the_draws_that_were_handed_out_are_graded() -> None:
    """`sheet` keeps which draw each student got; without that file the same draws are found again."""
    Path("class.csv").write_text("id\n" + "".join(f"s{k:02}\n" for k in range(8)))
    words = [
        "sheet",
        "gates/add-then-multiply",
        "neuron/sigmoid",
        "--students",
        "class.csv",
        "--seed",
        "5",
        "--format",
        "txt",
        "-o",
        "hw2",
    ]
    assert Command({}, words, "").in_process().code == 0
    one = sheet.read("hw2")
    kept = json.loads(Path("hw2/teacher/draws.json").read_text())["draws"]
    assert kept == {student.id: [variant.tries for variant in one.variants(student)] for student in one.students}
    assert max(max(numbers) for numbers in kept.values()) > 1
    Path("in").mkdir()
    for student in one.students:
        Path(f"in/{student.id}.txt").write_text(key_text(one, student, {"dq": "99"}))
    graded(name="hw2", out="with")
    os.rename("hw2/teacher/draws.json", "draws.json")
    graded(name="hw2", out="without")
    assert everything("with") == everything("without")
    text = Path("draws.json").read_text()
    for other, said in (
        (text.replace('"source": "', '"source": "0'), "was made for another sheet.toml"),
        ("{", "found again"),
        ("{}", "it has no 'source'"),
        (re.sub(r'"s03": \[\d+', '"s03": [0', text), "the draws of s03 are not one for each problem"),
        (re.sub(r'"s03": \[', '"s03": [1, ', text), "the draws of s03 are not one for each problem"),
    ):
        Path("hw2/teacher/draws.json").write_text(other)
        with pytest.raises(Trouble, match=said):
            run.order("hw2", ("in",), "g")
    Path("hw2/teacher/draws.json").write_text(text)
    about = Path("hw2/teacher/sheet.toml")
    about.write_text(about.read_text().replace("follows = 1.0", "follows = 0.5").replace('title = ""', 'title = "Two"'))
    assert run.order("hw2", ("in",), "g").draws, "the rules and the title may be changed"
    reordered = sheet.make(one.problems[::-1], one.students, one.seed)
    about.write_text(reordered.text())
    with pytest.raises(Trouble, match=r"was made for another sheet.toml"):
        run.order("hw2", ("in",), "g")


def test_a_shorter_class_list_leaves_the_others_and_says_so() -> None:
    made(4)
    Path("class.csv").write_text("id,name\ns02,New Name\ns03,\nnew,Neo\n")
    result = graded(roster="class.csv")
    assert result.notes == ["class.csv lacks 2 of the sheet's 4 students, who stay: s00, s01"]
    assert [*rows()] == ["s02", "s03", "new", "s00", "s01"] and rows()["s02"]["name"] == "New Name"
    Path("class.csv").write_text("id\nS02\n")
    with pytest.raises(Trouble, match=r"class.csv and the sheet's own students: the id s02 cannot be told from S02"):
        graded(roster="class.csv")


def test_accents_composed_or_not_are_the_same_text() -> None:
    """Names of files from macOS have their accents apart (NFD); a class list has them in either way."""
    composed, apart = "zo\u00eb", "zoe\u0308"
    found = [bank.load(path, identity) for identity, path in bank.find(IDS).items()]
    Path("in").mkdir()
    for own, claim in ((composed, apart), (apart, composed)):
        one = sheet.make(found, [Student(own, "Zoë"), Student("s01")], "7")
        Path("sheet.toml").write_text(one.text(), encoding="utf-8")
        shutil.rmtree("in")
        Path("in").mkdir()
        Path("in", f"{claim}.txt").write_text(key_text(one, one.students[0]), encoding="utf-8")
        Path("class.csv").write_text(f"id\n{claim}\ns01\n", encoding="utf-8")
        result = graded(name="sheet.toml", out=f"g{len(own)}", roster="class.csv", jobs=1)
        assert result.ok and not result.notes and rows(f"g{len(own)}")[own]["total"] == "12", (
            "by the sheet's own spelling"
        )


# --- overrides --------------------------------------------------------------------------------------------


def command(*words: str) -> Any:
    return Command({}, ["grade", *words], "").in_process()


def test_points_by_hand_stay_through_everything() -> None:
    _one_slip()
    graded()
    assert command("override", "g", "s01", "--points", "11.5", "--reason", "on paper").code == 0
    assert command("override", "g", "s02", "--problem", IDS[0], "--points", "0").code == 0
    assert rows()["s01"]["total"] == rows()["s01"]["override"] == "11.5"
    assert rows()["s02"][IDS[0]] == "0" and rows()["s02"]["total"] == "6"
    graded(follows="0", apply=True)
    assert rows()["s01"]["total"] == "11.5" and "on paper" in Path("g/feedback/s01.md").read_text()
    assert command("override", "g", "s01", "--take-back").code == 0
    assert rows()["s01"]["total"] == "9" and rows()["s01"]["override"] == ""
    with Gradebook("g") as book:
        assert [one.points for one in book.changes("s01")] == ["11.5", None]


def test_more_points_than_there_are_have_to_be_meant() -> None:
    made(2)
    graded()
    before = everything()
    for words, most in (
        (["--points", "600"], "12 that the sheet"),
        (["--problem", IDS[0], "--points", "6.5"], f"6 that {IDS[0]}"),
    ):
        refused = command("override", "g", "s01", *words)
        assert (
            refused.code == 2
            and f"points are more than the {most} is worth" in refused.err
            and "--bonus" in refused.err
        )
    assert everything() == before
    assert command("override", "g", "s01", "--problem", IDS[0], "--points", "6.5", "--bonus").code == 0
    assert rows()["s01"]["total"] == "12.5"
    assert command("override", "g", "s00", "--points", "12").code == 0
    text = Path("g/grades.csv").read_text(encoding="utf-8").replace(",graded,12,", ",graded,120,")
    Path("g/grades.csv").write_text(text, encoding="utf-8")
    printed = command("hw1", "in", "-o", "g")
    assert "s00 has 120 points by hand, more than the 12 that there are" in " ".join(printed.out.split())


def test_points_changed_in_grades_csv_are_told_of_and_do_not_count() -> None:
    one = made(4)
    Path("in/s01.txt").write_text(key_text(one, one.students[1], {"q": "77"}))
    graded()
    before = everything()
    table = Path("g/grades.csv").read_text(encoding="utf-8").splitlines()
    table[1] = table[1].replace(",6,6,12,12,", ",6.00,6,50,12,")
    table[2] = table[2].replace(",5,6,11,12,", ",5,,11.0,12,")
    table[4] = table[4].replace(",6,6,12,12,graded,,", ",6,6,12,12,graded,3,")
    Path("g/grades.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    shutil.copytree("g", "h")
    said = ["g/grades.csv, line 2: total of s00 was changed from 12 to 50; that does not count, the column override does",
            f"g/grades.csv, line 3: {IDS[1]} of s01 was changed from 6 to nothing; that does not count, the column override does"]  # fmt: skip
    result = graded(jobs=1)
    assert list(result.left) == said and not result.ok and result.accepted
    assert json.loads(Path("g/grades.json").read_text())["notes"] == said
    assert rows()["s00"]["total"] == "12" and rows()["s01"][IDS[1]] == "6" and rows()["s03"]["total"] == "3"
    assert not graded(jobs=1).left
    printed = command("override", "h", "s03", "--points", "3")
    assert all(line[1:] in " ".join(printed.out.split()) for line in said)
    assert Path("h/grades.csv").read_bytes().splitlines()[1] == before["grades.csv"].splitlines()[1]


def test_after_an_override_all_that_is_written_agrees() -> None:
    _one_slip()
    os.unlink("in/s02.txt")
    Path("in/s03.txt").write_bytes(b"\xff\xfe")
    graded()
    calm = everything()
    for student in ("s01", "s02", "s03"):
        assert command("override", "g", student, "--points", "7.25", "--reason", "on paper").code == 0
    found = json.loads(Path("g/grades.json").read_text())
    assert [one["id"] for one in found["students"] if one["score"] == 7.25] == ["s01", "s02", "s03"]
    assert found["students"][1]["overrides"] == [{"problem": None, "points": 7.25, "reason": "on paper"}]
    assert (found["missing"], found["found"], found["refused"], found["complete"]) == ([], 3, 1, False)
    for one in found["students"]:
        row = rows()[one["id"]]
        assert (row["status"], float(row["total"]), row["note"]) == (one["status"], one["score"], one["note"])
        assert f"{row['total']} of 12 points" in Path(f"g/feedback/{one['id']}.md").read_text().replace("\\", "")
    written = everything()
    graded()
    assert everything() == written, "as marking again writes it"
    for student in ("s01", "s02", "s03"):
        assert command("override", "g", student, "--take-back").code == 0
    assert everything() == calm


def test_the_column_of_grades_csv_is_taken_over_and_other_columns_stay() -> None:
    made(3)
    graded()
    lines = Path("g/grades.csv").read_text(encoding="utf-8").splitlines()
    table = [next(csv.reader([line])) for line in lines]
    table[0].append("seat")
    for k, row in enumerate(table[1:]):
        row.append(f"=seat{k}")
    table[2][table[0].index("override")] = "3"
    with open("g/grades.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(table)
    result = graded()
    assert [(one.student, one.points) for one in result.overrides] == [("s01", "3")]
    assert rows()["s01"]["total"] == "3" and rows()["s01"]["seat"] == "=seat1"
    Path("g/grades.csv").write_text(
        Path("g/grades.csv").read_text(encoding="utf-8").replace(",graded,3,", ",graded,lots,"), encoding="utf-8"
    )
    result = graded()
    assert not result.ok and result.graded == result.found == 3, "one cell does not stop the others"
    assert [*result.left] == ["g/grades.csv, line 3, override: lots is not a number of points"]
    assert rows()["s01"]["override"] == "lots", "what was typed is not lost"
    assert [*graded().left] == [*result.left]


def test_a_table_that_a_spreadsheet_saved_with_semicolons() -> None:
    """As a spreadsheet does where a comma is the decimal point."""
    made(3)
    graded()
    table = [row.split(",") for row in Path("g/grades.csv").read_text(encoding="utf-8").splitlines()]
    table[0].append("seat")
    for k, row in enumerate(table[1:]):
        row.append(f"{k},5")
    table[2][table[0].index("override")] = "2,5"
    Path("g/grades.csv").write_bytes("\r\n".join(";".join(row) for row in table).encode("utf-8-sig"))
    result = graded()
    assert result.ok and [(one.student, one.points) for one in result.overrides] == [("s01", "2.5")]
    assert rows()["s01"]["total"] == "2.5" and rows()["s01"]["seat"] == "1,5"


# --- what could not be read -------------------------------------------------------------------------------


def test_a_hand_in_of_which_nothing_could_be_read_waits_for_a_person() -> None:
    """No points are not 0 points; an untouched template is."""
    one = made(5)
    Path("in/s00.txt").write_text(
        key_text(one, one.students[0]).replace(f"[{IDS[0]}]\n", "").replace(f"[{IDS[1]}]\n", "")
    )
    Path("in/s01.txt").write_text(f"[{IDS[0]}]\nq = about 3\ndq = x + y\n")
    Path("in/s02.txt").write_text(f"[{IDS[0]}]\nq =\ndq = ?\n")
    Path("in/s03.txt").write_text(f"[{IDS[0]}]\nhello <b>\n")
    result = graded()
    assert not result.ok and {one.student: one.code for one in result.not_graded} == dict.fromkeys(
        ["s00", "s01", "s03"], "nothing-read"
    )
    found = rows()
    assert [found[name]["total"] for name in ("s00", "s01", "s02", "s03", "s04")] == ["", "", "0", "", "12"]
    assert (
        found["s00"]["note"]
        == "nothing in it could be read as an answer (line 1: these answers stand before the first [problem])"
    )
    assert (
        found["s01"]["note"]
        == "nothing in it could be read as an answer (gates/add-then-multiply q: a number is asked, not a formula)"
    )
    page = Path("g/feedback/s03.html").read_text()
    assert "There are no points yet" in page and "<li>line 2: " in page and "hello &lt;b&gt;" in page


def test_what_could_not_be_read_is_told_to_both_sides() -> None:
    one = made(3)
    text = key_text(one, one.students[0], {"q": "4 (because)", "dx": "1,000"})
    Path("in/s00.txt").write_text(f"{text}see my notes\nextra = 5\n")
    printed = command("hw1", "in", "-o", "g")
    assert printed.code == 0
    assert (
        "2 answers of 1 student could not be read: s00 gates/add-then-multiply q, s00 gates/add-then-multiply dx"
        in printed.out
    )
    assert "2 lines of 1 student left alone:" in printed.out
    assert "  s00: line 15: this is no answer (name = answer): see my notes" in printed.out
    note = rows()["s00"]["note"]
    assert note.startswith(
        "could not be read: gates/add-then-multiply q, gates/add-then-multiply dx; left alone: line 15"
    )
    assert note.endswith("see my notes and 1 more")
    for name in ("s00.md", "s00.html"):
        page = Path("g/feedback", name).read_text()
        assert (
            0 < page.index("What could not be read") < page.index("your answer" if "<html" in page else "| answer")
        ), "it stands above the marks"
    assert "write 1000 or 1.0" in page


def test_readings_that_need_no_thought_have_full_marks_and_a_note() -> None:
    """The same answers as a hurried student writes them."""
    one = made(2)
    loose = []
    for place, line in enumerate(key_text(one, one.students[0]).splitlines()):
        name, equals, answer = line.partition(" = ")
        forms = (
            f"{name}: {answer}",
            f"- {name} = **{answer}**;",
            f"{name.upper()} = ~{answer}",
            f"{name} = x + y = {answer}.",
            f"${name} = {answer}$",
        )
        loose.append(forms[place % len(forms)] if equals and "/" not in answer else line)
    for number, identity in enumerate(IDS, start=1):
        loose[loose.index(f"[{identity}]")] = f"## {number}."
    Path("in/s00.txt").write_text("\n".join(loose))
    result = graded()
    assert result.ok and rows()["s00"]["total"] == "12" and rows()["s00"]["note"] == ""
    assert "<p>read : as =" in Path("g/feedback/s00.html").read_text()


# --- points -----------------------------------------------------------------------------------------------


def test_the_points_that_are_shown_add_up() -> None:
    """Shares are of a blank's points, in hundredths: what stands in the table is what is summed."""
    one = made(4, ids=("training/staged", IDS[0]))
    for student in one.students:
        text = key_text(one, student)
        broken = (
            text.replace("dsigx = ", "dsigx = 3*", 1) if student.id < "s02" else text.replace("num = ", "num = 2*", 1)
        )
        assert broken != text
        Path(f"in/{student.id}.txt").write_text(broken)
    graded(partial="0.3333", follows="0.3333")
    for name, row in rows().items():
        parts = [Decimal(row[problem]) for problem in ("training/staged", IDS[0])]
        assert sum(parts) == Decimal(row["total"]) and all(part == round(part, 2) for part in parts)
        shown = re.findall(r'<td class="number">([0-9.]+) of [0-9.]+</td>', Path(f"g/feedback/{name}.html").read_text())
        assert (
            sum(map(Decimal, shown)) == Decimal(row["total"]) and max(len(one.partition(".")[2]) for one in shown) == 2
        )


# --- policies ---------------------------------------------------------------------------------------------


def test_late_work_costs_what_the_rule_says() -> None:
    made(4)
    Path("times.csv").write_text("student,time\ns00,2026-11-20T23:59:00+01:00\ns01,2026-11-21T00:10:00+01:00\n"
                                 "s02,2026-11-21T00:30:00+01:00\ns03,2026-11-30T00:00:00Z\n")  # fmt: skip
    rule = {"deadline": "2026-11-20T23:59+01:00", "late": "0.1", "late_most": "0.5", "grace": 15}
    result = graded(times="times.csv", **rule)
    assert {name: row["total"] for name, row in rows().items()} == {"s00": "12", "s01": "12", "s02": "10.8", "s03": "6"}
    assert any("each day begun" in line for line in result.policy.lines())
    assert "late: -10 %" in rows()["s02"]["note"]


def test_a_day_is_due_when_it_ends() -> None:
    for handed_in, late in (("2026-11-20T00:00", 0), ("2026-11-20T23:59:59", 0), ("2026-11-21T00:00", 0), ("2026-11-21T00:01", 1),
                       ("2026-11-21T23:00", 1), ("2026-11-20", 0), ("2026-11-21", 1), ("2026-11-22", 2)):  # fmt: skip
        assert days_late(handed_in, "2026-11-20") == late, handed_in
    assert days_late("2026-11-20", "2026-11-20T12:00+01:00") == 0, "a day alone is not held against an hour"
    rules = Policy().changed(deadline="2026-11-20", late=Decimal("0.1"))
    assert "due by the end of 2026-11-20: each day" in " ".join(rules.lines())


def test_times_without_a_zone_or_of_some_students_only() -> None:
    made(3)
    Path("times.csv").write_text("student,time\ns00,2026-11-20 23:00\ns01,2026-11-21T00:10\n")
    result = graded(times="times.csv", deadline="2026-11-20T23:59+01:00", late="0.1")
    assert result.ok and result.notes == ["times.csv has times without a zone; they were taken in the deadline's"]
    assert {name: row["total"] for name, row in rows().items()} == {"s00": "12", "s01": "10.8", "s02": "12"}
    assert [row["note"] for row in rows().values()] == ["", "late: -10 %", "no time known, not taken for late"]
    printed = command(
        "hw1", "in", "-o", "g", "--times", "times.csv", "--late", "10%", "--deadline", "2026-11-20T23:59+01:00"
    )
    assert "no time is known for s02: not taken for late" in printed.out
    Path("times.csv").write_text("student,time\ns00,2026-11-20T23:00+01:00\n")
    with pytest.raises(
        Trouble, match=r"line 2: 2026-11-20T23:00\+01:00 says its time zone, and the deadline"
    ) as caught:
        graded(times="times.csv", deadline="2026-11-20", late="0.1")
    assert caught.value.tries == ("--deadline 2026-11-20T23:59+01:00",)


def test_a_share_of_ten_is_ten_per_cent() -> None:
    made(2)
    printed = command("hw1", "in", "-o", "g", "--late-most", "50", "--late", "10%", "--deadline", "2026-11-20")
    assert printed.code == 2 and "try: --late-most 50%" in printed.err


def test_lateness_without_a_deadline_or_times_is_said() -> None:
    made(2)
    with pytest.raises(Trouble, match="no deadline"):
        graded(late="0.1")
    printed = command("hw1", "in", "-o", "g", "--late", "10%", "--deadline", "2026-11-20")
    assert printed.code == 0 and "nobody was taken for late" in printed.out


@pytest.mark.parametrize(("table", "said"), [
    ("who,when\n", "no columns"), ("student,time\ns00,soon\n", "line 2: soon is not a time"),
    ("student,time\nS00,2026-11-20T23:59+01:00\n", "line 2: .*looks like"),
    ("student,time\ns00,2026-11-20\ns00,2026-11-21\n", "line 3: s00 has two times"),
])  # fmt: skip
def test_times_that_cannot_be_read(table: str, said: str) -> None:
    made(2)
    Path("times.csv").write_text(table)
    with pytest.raises(Trouble, match=said):
        graded(times="times.csv", deadline="2026-11-20T23:59+01:00", late="0.1")


def test_the_best_of_several_counts() -> None:
    one = made(2)
    Path("more").mkdir()
    Path("more/s00.txt").write_text(key_text(one, one.students[0], {"q": "77"}))
    assert [entry.code for entry in graded("in", "more").refused] == ["several", "several"]
    result = graded("in", "more", several="best", out="h")
    assert rows("h")["s00"]["total"] == "12" and [*result.aside] == [("s00", "more/s00.txt")]
    assert result.found == result.graded == 2
    graded("in", "more", several="last", out="i")
    assert rows("i")["s00"]["total"] != "12"


def test_a_group_has_one_mark() -> None:
    made(4)
    os.unlink("in/s01.txt")
    os.unlink("in/s02.txt")
    result = graded(groups=True)
    assert result.found == 2 and {row["total"] for row in rows().values()} == {"12"}
    assert "Handed in by s00" in Path("g/feedback/s01.md").read_text()


@pytest.mark.parametrize(
    "rules", [{"rounded": "1.5"}, {"several": "all"}, {"deadline": "soon"}, {"feedback": "loud"}, {"grace": -1}]
)
def test_rules_that_there_are_none_of(rules: dict[str, Any]) -> None:
    made(2)
    with pytest.raises(Trouble):
        graded(**rules)


# --- one problem, Gradescope ------------------------------------------------------------------------------


def test_one_problem_without_a_sheet() -> None:
    problem = bank.load(*reversed(next(iter(bank.find([IDS[0]]).items()))))
    one = sheet.make([problem], [Student("")], "3")
    Path("in").mkdir()
    for name in ("mia", "tom"):
        Path(f"in/{name}.txt").write_text(key_text(one, Student("")))
    assert graded(name=IDS[0], seed="3").ok
    assert {row["total"] for row in rows().values()} == {"6"}
    assert not graded(name=IDS[0], seed="4", out="h").moves
    assert {row["total"] for row in rows("h").values()} != {"6"}


#: Gradescope's documented form (autograder_samples, docs/specs.md): key -> type; what may be left out is not listed.
VISIBLE = ("visible", "hidden", "after_due_date", "after_published")
FORMATS = ("text", "html", "simple_format", "md", "ansi")


def check_results(found: dict[str, Any]) -> None:
    """FOUND against Gradescope's specification of results.json."""
    number = (int, float)
    kinds: dict[str, Any] = {"score": number, "execution_time": number, "output": str, "output_format": FORMATS,
                             "test_output_format": FORMATS, "test_name_format": FORMATS, "visibility": VISIBLE,
                             "stdout_visibility": VISIBLE, "extra_data": dict, "tests": list, "leaderboard": list}  # fmt: skip
    of_test: dict[str, Any] = {"score": number, "max_score": number, "status": ("passed", "failed"), "name": str,
                               "name_format": FORMATS, "number": str, "output": str, "output_format": FORMATS, "tags": list,
                               "visibility": VISIBLE, "extra_data": dict}  # fmt: skip
    assert "score" in found or any("score" in one for one in found["tests"])
    for table, allowed in ((found, kinds), *((one, of_test) for one in found["tests"])):
        for name, value in table.items():
            assert name in allowed, name
            kind = allowed[name]
            assert not isinstance(value, bool)
            assert value in kind if kind in (FORMATS, VISIBLE, ("passed", "failed")) else isinstance(value, kind), name
    for one in found["tests"]:
        assert ("score" in one) == ("max_score" in one)
        assert "score" not in one or 0 <= one["score"] <= one["max_score"]
        assert "\r" not in one["output"]


@pytest.mark.parametrize("text", ["", "[gates/upstream]\nq = <b>1\n", "\0", None])
def test_results_for_gradescope_are_always_written(text: str | None) -> None:
    one = made(3)
    Path("sub").mkdir()
    if text is not None:
        Path("sub/whatever.txt").write_text(text or key_text(one, one.students[1]))
    Path("meta.json").write_text(
        json.dumps({"created_at": "2026-11-21T10:00:00+01:00", "users": [{"email": "S1@x.org", "id": 5}]})
    )
    printed = command("hw1", "sub", "--format", "gradescope", "--metadata", "meta.json", "-o", "results", "--late", "10%/day",
                      "--deadline", "2026-11-20T23:59+01:00")  # fmt: skip
    found = json.loads(Path("results/results.json").read_text(), parse_constant=pytest.fail)
    check_results(found)
    assert found["extra_data"]["student"] == "s01"
    assert found["score"] == (10.8 if text == "" else 0)
    assert printed.code == (0 if text == "" else 1)


def metadata(*emails: str) -> None:
    """Gradescope's submission_metadata.json as its documentation has it (gradescope-autograders, Submission Metadata)."""
    users = [{"email": email, "id": 1234 + k, "name": "Student User"} for k, email in enumerate(emails)]
    Path("meta.json").write_text(json.dumps({
        "id": 123456, "created_at": "2018-07-01T14:22:32.365935-07:00",
        "assignment": {"due_date": "2018-07-31T23:00:00.000000-07:00", "group_size": 4, "group_submission": True,
                       "id": 25828, "course_id": 1234, "late_due_date": None,
                       "release_date": "2018-07-02T00:00:00.000000-07:00", "title": "Assignment 1", "total_points": "20.0"},
        "submission_method": "upload", "users": users,
        "previous_submissions": [{"submission_time": "2017-04-06T14:24:48.087023-07:00", "score": 0.0, "results": {}}],
    }))  # fmt: skip


@pytest.mark.parametrize("paper", [0, 1, 2])
def test_a_group_on_gradescope_is_marked_by_the_paper_that_it_answered(paper: int) -> None:
    one = made(4)
    Path("sub").mkdir()
    Path("sub/ours.txt").write_text(key_text(one, one.students[paper]))
    metadata("S0@x.org", "s1@x.org", "stranger@y.org", "s2@x.org")
    printed = command("hw1", "sub", "--format", "gradescope", "--metadata", "meta.json", "-o", "results")
    found = json.loads(Path("results/results.json").read_text(), parse_constant=pytest.fail)
    check_results(found)
    assert printed.code == 0 and found["score"] == 12.0
    assert found["extra_data"]["student"] == f"s0{paper}" and found["extra_data"]["group"] == ["s00", "s01", "s02"]
    assert found["output"].splitlines()[:2] == [
        f"Handed in by the group s00, s01, s02, marked by the numbers of s0{paper}.",
        "Not on the class list: stranger@y.org.",
    ]


def test_a_group_with_the_same_numbers_and_a_student_alone_are_told_nothing_of_numbers() -> None:
    problem = bank.load(*reversed(next(iter(bank.find([IDS[0]]).items()))))
    one = sheet.make([problem], [Student("")], "3")
    Path("sub").mkdir()
    Path("sub/ours.txt").write_text(key_text(one, Student("")))
    Path("class.csv").write_text("id,name,email\ns00,A,s0@x.org\ns01,B,s1@x.org\n")
    words = [IDS[0], "sub", "--format", "gradescope", "--metadata", "meta.json", "-o", "r.json", "--seed", "3"]
    metadata("s0@x.org", "s1@x.org")
    assert command(*words, "--students", "class.csv").code == 0
    assert json.loads(Path("r.json").read_text())["output"].splitlines()[0] == "Handed in by the group s00, s01."
    metadata("s1@x.org")
    assert command(*words, "--students", "class.csv").code == 0
    found = json.loads(Path("r.json").read_text())
    assert "group" not in found["output"] and found["extra_data"]["student"] == "s01"


def test_gradescope_without_a_known_student_is_still_a_file() -> None:
    made(3)
    assert command("hw1", "in", "--format", "gradescope", "-o", "r.json").code == 1
    check_results(json.loads(Path("r.json").read_text()))


def test_everything_that_led_to_a_mark() -> None:
    _one_slip()
    graded()
    printed = command("hw1", "in", "-o", "g", "--explain", "s01")
    assert printed.code == 0 and "given your dq = 99" in printed.out and "sha256" in printed.out
    found = json.loads(command("hw1", "in", "-o", "g", "--explain", "s01", "--json").out)
    assert found["schema"] == "bpcli/grade-explain/1" and found["score"] == 11
    assert "no student is called" in command("hw1", "in", "-o", "g", "--explain", "s0l").err


# --- the class --------------------------------------------------------------------------------------------


def _a_class() -> None:
    """Ten students: three have q wrong in the same way, two lose the sign of dz, one hands in nothing, one is late."""
    one = made(10)
    for student in one.students[3:8]:
        answers = expected(next(one.variants(student)))
        changed = {"q": str(2 * int(answers["q"]))} if student.id < "s06" else {"dz": str(-int(answers["dz"]))}
        Path(f"in/{student.id}.txt").write_text(key_text(one, student, changed))
    os.unlink("in/s09.txt")
    Path("times.csv").write_text("student,time\ns00,2026-11-20\ns01,2026-11-22\ns02,2026-11-21\n")


def test_the_class_view() -> None:
    _a_class()
    graded(times="times.csv", deadline="2026-11-21", late="0.1")
    found = json.loads(Command({}, ["report", "g", "--json"], "").in_process().out)
    assert found["schema"] == "bpcli/report/1" and (found["students"], found["graded"]) == (10, 9)
    assert found["missing"] == ["s09"] and found["times"] == {
        "first": "2026-11-20",
        "median": "2026-11-21",
        "last": "2026-11-22",
        "late": 1,
    }
    items = {(one["problem"], one["name"]): one for one in found["blanks"]}
    assert items[IDS[0], "q"]["verdicts"] == {"right": 6, "wrong": 3} and items[IDS[0], "q"]["credit"] == pytest.approx(
        6 / 9
    )
    assert items[IDS[1], "q"]["verdicts"] == {"right": 9}
    wrong = {student for one in (*found["slips"], *found["clusters"]) for student in one["students"]}
    assert wrong >= {"s03", "s04", "s05", "s06", "s07"}
    assert all(7 <= one["count"] <= 9 for one in found["variants"])
    text = Command({"COLUMNS": "100"}, ["report", "g"], "").in_process().out
    assert "67%" in text and max(map(len, text.splitlines())) <= 100


def test_the_class_as_a_page_and_as_a_table() -> None:
    _a_class()
    graded()
    assert Command({}, ["report", "g", "-o", "class.html"], "").in_process().code == 0
    page = Path("class.html").read_text(encoding="utf-8")
    tags = _Tags()
    tags.feed(page)
    assert "script" not in tags.found and "src" not in tags.found and "href" not in tags.found
    assert "default-src 'none'" in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    table = list(csv.DictReader(io.StringIO(Command({}, ["report", "g", "--format", "csv"], "").in_process().out)))
    assert len(table) == 12 and table[0]["success"] == "0.6667" and table[0]["marked"] == "9"


def test_a_neighbours_answers_are_told_of() -> None:
    """A paper copied word for word is evidence for the teacher; slips of one's own, also several, are not."""
    one = made(10)
    texts = {student.id: key_text(one, student) for student in one.students}
    Path("in/s05.txt").write_text(texts["s02"])
    answers = expected(next(one.variants(one.students[7])))
    Path("in/s07.txt").write_text(key_text(one, one.students[7], {name: str(-int(answers[name])) for name in answers}))
    Path("in/s08.txt").write_text(
        "".join(
            "1\n".join(line.partition("= ")[::2]) if " = " in line else line for line in texts["s08"].splitlines(True)
        )
    )
    graded()
    found = json.loads(Command({}, ["report", "g", "--json"], "").in_process().out)["alike"]
    assert [(one["student"], one["other"]) for one in found] == [("s05", "s02")]
    assert found[0]["agree"] == found[0]["of"] >= 8
    assert "right for" in Command({"COLUMNS": "100"}, ["report", "g"], "").in_process().out
    assert "another student" in Command({}, ["report", "g", "--format", "html"], "").in_process().out
    feedback = Path("g/feedback/s05.md").read_text(encoding="utf-8")
    assert "s02" not in feedback


def test_a_student_of_the_report() -> None:
    _a_class()
    graded()
    printed = Command({}, ["report", "g", "--student", "s03"], "").in_process()
    assert printed.code == 0 and "wrong" in printed.out and "11 of 12" in printed.out
    assert Command({}, ["report", "nowhere"], "").in_process().code == 2


# --- the bank ---------------------------------------------------------------------------------------------


def _forms(problem: str, answers: dict[str, str]) -> Iterator[tuple[str, Part]]:
    """The answers to one problem in every form of hand-in."""
    lines = [text if "\n" in text or "=" in text else f"{name} = {text}" for name, text in answers.items()]
    yield "text", Part("a.txt", "text", (f"[{problem}]\n" + "\n".join(lines) + "\n").encode())
    yield "json", Part("a.json", "json", json.dumps({problem: answers}).encode())
    for form, rows in (("long", [["problem", "blank", "answer"], *[[problem, *one] for one in answers.items()]]),
                       ("wide", [[f"{problem} {name}" for name in answers], [*answers.values()]])):  # fmt: skip
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows(rows)
        yield form, Part("a.csv", "table", file.getvalue().encode())


@pytest.mark.parametrize("problem", sorted(bank.find([str(bank.shipped())])))
def test_the_own_key_of_every_problem_has_full_marks_in_every_form(problem: str) -> None:
    one = sheet.make([bank.load(bank.find([problem])[problem], problem)], [Student("ada")], "1")
    desk = Desk.of(Setting(one.text().encode(), "sheet.toml", policy(one.marking)))
    (variant,) = one.variants(one.students[0])
    answers = expected(variant)
    for form, part in _forms(problem, answers):
        entry = desk.mark(HandIn("ada", "a", (part,)))
        lost = [(mark.blank, mark.answer, mark.verdict, mark.reason) for mark in entry.marks if mark.credit != "1"]
        assert entry.status == "graded" and not lost and not entry.remarks, (form, entry.reason, lost, entry.remarks)
