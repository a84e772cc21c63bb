"""What students and teachers are shown of marks: feedback, results for Gradescope, the report."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from browser import Window
from markdown_it import MarkdownIt
from sessions import Command

from bpcli.exercises import bank, sheet
from bpcli.exercises.roster import Student
from bpcli.grading import classview, feedback, pages, told
from bpcli.grading.desk import expected
from bpcli.grading.gradebook import Entry, Marked
from bpcli.grading.policy import Policy
from bpcli.grading.standing import Problem, Row, Sheet
from bpcli.marking.answers import Line, placed

GOLDEN = Path(__file__).parent / "feedback"
PROGRAM = "\n" * 24 + "q = x + y; f = q*z\n\ndq = z\ndx = <b>|`1`|</b>"


def marked(
    blank: str, answer: str | None, verdict: str, reason: str = "", points: str = "1", problem: str = "p"
) -> Marked:
    credit = {"right": "1", "rounded": "1", "follows": "1"}.get(verdict, "0")
    return Marked(problem, blank, answer, verdict, credit, points, reason, "", "", (), (), "k", "v")


MARKS = (
    marked("q", "3", "right"),
    marked("w0_slope", " -0.387456", "wrong", "the sign is the other one; look again at f = q*z"),
    marked("dq", "-4.00", "rounded", "as rounding to 2 decimals gives it"),
    marked("dz", "−4,00", "rounded", "as rounding to 2 decimals gives it; read , as the decimal point"),
    marked("dx", "5", "follows", "right, given your dq = -4.00"),
    marked("formula", "x*y + " * 20 + "x", "wrong", "look again at [f](http://x) = q*z"),
    marked("program", PROGRAM, "wrong", "dx: look again at line 28", "4"),
    marked("dy", None, "blank"),
    marked("pattern", "-", "undecided", points="2"),
    marked("q", None, "blank", problem="other"),
    marked("dq", None, "blank", problem="other"),
)  # fmt: skip
SHEET = Sheet("Homework <1>", (Problem("p", "Add, *then* multiply", 14), Problem("other", "Other", 2)), ())  # type: ignore[arg-type]
ENTRY = Entry(
    "ada", "ada.txt", "", "", "graded", remarks=("line 3: this is no answer (name = answer): <i>",), marks=MARKS
)
ROW = Row(Student("ada", "Ada"), "graded", total=told.points(sum((one.earned for one in MARKS), start=told.Decimal(0))))


@pytest.mark.parametrize("ending", ["md", "html"])
def test_feedback(ending: str, pytestconfig: pytest.Config) -> None:
    """A golden file for each form; `pytest --update` writes them anew."""
    write = feedback.markdown if ending == "md" else feedback.html
    text, path = write(ROW, ENTRY, SHEET, Policy()), GOLDEN / f"ada.{ending}"
    if pytestconfig.getoption("--update"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_feedback_says_first_what_counts_first() -> None:
    for text in (feedback.markdown(ROW, ENTRY, SHEET, Policy()), feedback.html(ROW, ENTRY, SHEET, Policy())):
        order = [
            text.index(one)
            for one in ("4 of 16 points", feedback.UNREAD, "line 3", "multiply", "Other", feedback.RULES)
        ]
        assert order == sorted(order)


def test_answers_are_whole_and_programs_have_the_numbers_of_the_hand_in() -> None:
    """What the reasons call line 28 is the line that has a 28 before it."""
    page = feedback.html(ROW, ENTRY, SHEET, Policy())
    assert '<span class="line"><span class="quiet">28</span>dx = &lt;b&gt;|`1`|&lt;/b&gt;\n</span>' in page
    assert f"<pre>{MARKS[5].answer}</pre>" in page
    (block,) = [
        one.content
        for one in MarkdownIt().parse(feedback.markdown(ROW, ENTRY, SHEET, Policy()))
        if "28" in one.content and one.type == "fence"
    ]
    assert block == "25  q = x + y; f = q*z\n27  dq = z\n28  dx = <b>|`1`|</b>\n"


def test_lines_stand_where_they_stood() -> None:
    lines = [Line("q", "x + y", 3), Line("f", "q*z", 3), Line("dx", "1", 5, "+=")]
    assert placed(lines) == "\n\nq = x + y; f = q*z\n\ndx += 1"
    assert placed(lines[::-1]) == "dx += 1\nf = q*z\nq = x + y", "of several files, or of a table"
    assert placed([]) == "" and placed([Line("q", "1", 0)]) == "q = 1"


def test_nobody_reads_what_a_table_of_markdown_does_not_show() -> None:
    """A reader of tables finds every answer and reason again."""
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(feedback.markdown(ROW, ENTRY, SHEET, Policy()))
    assert "<a " not in rendered and "<i>" not in rendered and "<em>" not in rendered
    text = unescape(re.sub(r"<[^>]+>", "", rendered))
    for shown in (
        "Add, *then* multiply",
        "-0.387456",
        "[f](http://x) = q*z",
        "dx: look again at line 28",
        "−4,00",
        "<i>",
    ):
        assert shown in text


def test_a_rounded_answer_says_only_what_is_its_own() -> None:
    assert told.verdict(MARKS[2], Policy()) == "right, rounded"
    assert told.verdict(MARKS[3], Policy()) == "right, rounded: read , as the decimal point"


def test_a_policy_in_a_students_words() -> None:
    rules = "\n".join(Policy(several="last", deadline="2026-11-20T23:59", late=told.Decimal("0.1")).told())
    assert "your" in rules and "nobody" not in rules and "one that" not in rules and "10 %" in rules
    assert "the last counts" in rules


def _contrast(one: str, other: str) -> float:
    """Of two colours, by the Web Content Accessibility Guidelines 2.1."""

    def light(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [pages.DAY, pages.NIGHT])
def test_everything_can_be_read_by_day_and_by_night(colours: dict[str, str]) -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    for name in ("text", "quiet", "yes", "no", "open"):
        assert min(_contrast(colours[name], colours[under]) for under in ("page", "shade")) >= 4.5


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 400, 900])
def test_nothing_is_wider_than_the_screen_and_no_number_is_broken(browser: Any, width: int) -> None:
    """On a phone as on a laptop; an answer of six digits and a name with an underscore each stand on one line."""
    window = Window(browser, GOLDEN / "ada.html", viewport={"width": width, "height": 800})
    assert window.page.evaluate("document.documentElement.scrollWidth") == width
    lines = window.page.evaluate("[...document.querySelectorAll('code')].map(one => one.getClientRects().length)")
    assert len(lines) > 15 and max(lines) == 1
    assert max(window.page.evaluate("[...document.querySelectorAll('td.verdict')].map(one => one.offsetHeight)")) < 40
    assert window.requests == [(GOLDEN / "ada.html").as_uri()] and not window.complaints
    window.context.close()


# --- the report -------------------------------------------------------------------------------------------

IDS = ("gates/add-then-multiply", "neuron/sigmoid-gates", "training/staged")


@pytest.fixture(scope="module")
def grades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten students: three write 0 everywhere, the others are right but for the program."""
    folder = tmp_path_factory.mktemp("class")
    students = [Student(f"s{k:02}", f"Name {k}") for k in range(10)]
    one = sheet.make(
        [bank.load(path, identity) for identity, path in bank.find(IDS).items()], students, "7", "Homework"
    )
    (folder / "hw" / "teacher").mkdir(parents=True)
    (folder / "hw" / "teacher" / "sheet.toml").write_text(one.text(), encoding="utf-8")
    (folder / "in").mkdir()
    for student in students:
        lines = []
        for variant in one.variants(student):
            lines.append(f"[{variant.problem.id}]")
            answers = expected(variant)
            for blank in variant.problem.blanks:
                text = answers[blank.name]
                if student.id in ("s01", "s02", "s03"):
                    text = "0" if blank.name != "program" else ""
                elif blank.name == "program":
                    lines.append("f = 1\ndx = 1\ndy = 1")
                    continue
                lines.append(f"{blank.name} = {text}")
        (folder / "in" / f"{student.id}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = Command(
        {}, ["grade", str(folder / "hw"), str(folder / "in"), "-o", str(folder / "g"), "--jobs", "1"], ""
    ).in_process()
    assert done.code == 0, done.err
    return folder / "g"


def test_who_wrote_one_number_everywhere_is_one_line_and_no_slip(grades: Path) -> None:
    found = json.loads(Command({}, ["report", str(grades), "--json"], "").in_process().out)
    assert found["constants"] == [{"value": 0.0, "students": ["s01", "s02", "s03"]}]
    named = {student for one in (*found["slips"], *found["clusters"]) for student in one["students"]}
    assert not named & {"s01", "s02", "s03"}
    text = Command({}, ["report", str(grades)], "").in_process().out
    assert text.count("3 students wrote 0 everywhere: s01, s02, s03") == 1


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_report_is_as_wide_as_the_terminal_and_a_line_for_a_blank(grades: Path, width: int) -> None:
    lines = Command({"COLUMNS": str(width)}, ["report", str(grades)], "").in_process().out.splitlines()
    assert max(map(len, lines)) <= width
    blanks = sum(1 for one in lines if re.match(r"  \w+ +\d+%", one))
    assert blanks == 6 + 13 + 4 and [one for one in lines if one in IDS] == [*IDS]
    head = next(one for one in lines if one.startswith("blank"))
    assert head.split() == ["blank", "success", *classview.HEADINGS] if width >= 80 else "wrong" in head


def test_the_page_names_a_problem_once_over_its_blanks(grades: Path) -> None:
    page = Command({}, ["report", str(grades), "--format", "html"], "").in_process().out
    for identity in IDS:
        assert page.count(f'<th scope="rowgroup" class="group" colspan="9">{identity}</th>') == 1
    assert '<html lang="en">' in page and not re.search(r"<th(?![^>]* scope=)[ >]", page)
    assert "wrote 0 everywhere: s01, s02, s03" in page


def test_the_report_is_written_in_the_format_of_its_ending(
    grades: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = Command({}, ["report", str(grades), "-o", "x.pdf"], "").in_process()
    assert done.code == 2 and "not as x.pdf" in done.err and "-o x.html" in done.err and not done.out
    assert not list(tmp_path.iterdir())
    for name, begin in (("a.html", "<!DOCTYPE html>"), ("a.csv", "problem,blank"), ("a.txt", "Homework\n")):
        assert Command({}, ["report", str(grades), "-o", name], "").in_process().out == f"wrote {name}\n"
        assert Path(name).read_text(encoding="utf-8").startswith(begin)
    assert Command({}, ["report", str(grades), "--json", "-o", "a.json"], "").in_process().code == 0
    assert json.loads(Path("a.json").read_text())["schema"] == "bpcli/report/1"
    assert Command({}, ["report", str(grades), "--student", "s00", "-o", "s.html"], "").in_process().code == 2
    assert Command({}, ["report", str(grades), "--student", "s00", "-o", "s.txt"], "").in_process().code == 0
    assert Path("s.txt").read_text().startswith("Name 0 (s00): graded\n")


def test_a_students_report_hangs_its_reasons_under_the_blank(grades: Path) -> None:
    lines = Command({"COLUMNS": "60"}, ["report", str(grades), "--student", "s00"], "").in_process().out.splitlines()
    assert max(map(len, lines)) <= 60
    number = next(one.split()[0] for one in lines if one.endswith("  f = 1"))
    assert any(f"line {number}" in one for one in lines)


@pytest.mark.parametrize("width", [40, 60, 100])
def test_what_grade_prints_has_a_line_for_each_student(grades: Path, tmp_path: Path, width: int) -> None:
    """Notes wrap beside it, or stand below where there is no room."""
    (tmp_path / "in").mkdir()
    for name in ("s00", "s01", "s02"):
        (tmp_path / "in" / f"{name}.txt").write_bytes((grades.parent / "in" / f"{name}.txt").read_bytes())
    (tmp_path / "in" / "s02.txt").write_text(f"[{IDS[0]}]\nq = why does nobody tell me\n")
    done = Command({"COLUMNS": str(width)}, ["grade", str(grades.parent / "hw"), str(tmp_path / "in"), "-o", str(tmp_path / "g"), "--jobs", "1"], "").in_process()  # fmt: skip
    lines = done.out.splitlines()
    head = next(one for one in lines if one.startswith("student"))
    assert head.split()[:5] == ["student", "1", "2", "3", "total"] and ("note" in head) == (width > 40)
    named = [one.split()[0] for one in lines[lines.index(head) + 2 :] if re.match(r"s\d\d( |$)", one)]
    assert named[:3] == ["s00", "s01", "s02"], "each begins a line of its own"
    assert max(map(len, lines[: lines.index("") + 1])) <= width
    assert "nothing in it" in done.out
