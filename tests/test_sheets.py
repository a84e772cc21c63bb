"""Sheets: golden papers in every text format, hostile text inert in each, the same bytes always, nothing lost."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import Command

from bpcli.exercises import draws, markdown, mathematics, roster, toml
from bpcli.exercises.bank import problems
from bpcli.exercises.folder import unfinished, write
from bpcli.exercises.keys import keys
from bpcli.exercises.mistakes import Mistakes
from bpcli.exercises.papers import page, typeset
from bpcli.exercises.roster import Student
from bpcli.exercises.sheet import Sheet, make, parse, read
from bpcli.exercises.wording import figure
from bpcli.rounding import Rule
from bpcli.trouble import Trouble

HERE = Path(__file__).parent / "sheets"
TEXT = ("txt", "md", "html", "tex")
IDS = ["gates/add-then-multiply", "neuron/sigmoid", "training/staged", str(HERE / "hostile.toml")]


@pytest.fixture(scope="module")
def sheet() -> Sheet:
    """Three problems of the bank and a hostile one, for a class with a hostile name in it."""
    return make(list(problems(IDS)), roster.read_file(str(HERE / "class.csv")), "2026", "Homework <1> & \\more")


@pytest.fixture(scope="module")
def written(sheet: Sheet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "hw"
    write(sheet, folder, TEXT)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below FOLDER."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


# --- golden papers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", TEXT)
@pytest.mark.parametrize("kind", ["paper", "solution"])
def test_golden_papers(written: Path, form: str, kind: str, request: pytest.FixtureRequest) -> None:
    """What the hostile student's paper and its solution are, byte for byte."""
    path = written / (f"students/s-02/sheet.{form}" if kind == "paper" else f"teacher/solutions/s-02.{form}")
    golden = HERE / f"{kind}.{form}"
    if request.config.getoption("--update"):
        shutil.copy(path, golden)
    assert path.read_bytes() == golden.read_bytes()


@pytest.mark.parametrize("kind", ["paper", "solution"])
def test_golden_papers_on_arrays(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Shapes in the boxes of the picture, and wherever there is no room for numbers; wider gaps for arrays."""
    found = make(list(problems(["drills/concat/hard", "drills/norm/hard"])), [Student("ada", "Ada")], "2026", "Arrays")
    write(found, tmp_path / "hw", TEXT)
    [student] = (tmp_path / "hw" / "students").iterdir()
    paths = (
        student / "sheet.txt" if kind == "paper" else tmp_path / "hw" / "teacher" / "solutions" / f"{student.name}.txt"
    )
    golden = HERE / f"arrays-{kind}.txt"
    if request.config.getoption("--update"):
        shutil.copy(paths, golden)
    assert paths.read_bytes() == golden.read_bytes()
    html, tex = ((student / f"sheet.{form}").read_text() for form in ("html", "tex"))
    assert html.count("<figure><svg") == tex.count(r"\begin{tikzpicture}") == 2
    assert html.count('class="answer wide"') == 10
    assert tex.count("p{60mm}p{60mm}") == 2


def test_golden_answers_and_sheet_file(written: Path, request: pytest.FixtureRequest) -> None:
    for name in ("students/ada/answers.txt", "teacher/sheet.toml"):
        golden = HERE / name.rpartition("/")[2]
        now = re.sub(
            r'^version = ".*"$', 'version = "…"', (written / name).read_text(encoding="utf-8"), flags=re.MULTILINE
        )
        if request.config.getoption("--update"):
            golden.write_text(now, encoding="utf-8")
        assert now == golden.read_text(encoding="utf-8")


def test_every_student_has_everything(written: Path, sheet: Sheet) -> None:
    found = set(contents(written))
    expected = {"teacher/sheet.toml", "teacher/draws.json"}
    for student in sheet.students:
        expected |= {
            f"students/{student.file_name}/{one}" for one in ("answers.txt", *[f"sheet.{one}" for one in TEXT])
        }
        expected |= {f"teacher/solutions/{student.file_name}.{one}" for one in TEXT}
    assert found == expected


def test_the_template_lists_every_blank(written: Path, sheet: Sheet) -> None:
    """Sections with the problems' ids, a line for every blank, and for a program the names that it must define."""
    text = (written / "students/ada/answers.txt").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^\[([^\]\n]+)\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(sections) == [problem.id for problem in sheet.problems]
    for problem in sheet.problems:
        names = re.findall(r"^(\w+) *=$", sections[problem.id], re.MULTILINE)
        wanted = [name for blank in problem.blanks for name in getattr(blank, "needs", (blank.name,))]
        assert names == wanted
        assert len(set(names)) == len(names)


def test_students_see_no_answer(sheet: Sheet, tmp_path: Path) -> None:
    """No key's digits stand in a student's files (with numbers so long that they cannot be there by chance)."""
    text = (HERE.parent.parent / "problems/neuron/sigmoid.toml").read_text(encoding="utf-8")
    from bpcli.exercises.reading import read as read_problem

    problem = read_problem(text.replace("decimals = 2", "digits = 8").encode(), "neuron/long")
    long = make([problem], [Student("ada")], "5")
    write(long, tmp_path / "hw", TEXT)
    [variant] = long.variants(long.students[0])
    hidden = [figure(abs(one.number), Rule("digits", 8)) for one in keys(variant) if one.blank.name in ("f", "ds")]
    for name, data in contents(tmp_path / "hw").items():
        found = [digits for digits in hidden if digits.encode() in data]
        assert found == (hidden if "solutions" in name else []), name


def test_text_papers_fit_80_columns(written: Path) -> None:
    for name in ("students/ada/sheet.txt", "teacher/solutions/ada.txt"):
        lines = (written / name).read_text(encoding="utf-8").split("\n")
        assert max(map(len, lines)) <= 80
        assert not [line for line in lines if line != line.rstrip()]


# --- hostile text ----------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_pages_have_only_our_tags(written: Path) -> None:
    ours = set("html head meta title style body header h1 h2 h3 div strong section span p ul ol li pre code em table tr td "
               "th figure svg g path rect circle ellipse text line polygon desc marker defs math mrow mi mn mo mfrac msub msup "
               "msubsup msqrt mtext mspace mover munder munderover mtable mtr mtd".split())  # fmt: skip
    for path in written.rglob("*.html"):
        tags = Tags()
        tags.feed(path.read_text(encoding="utf-8"))
        assert tags.tags <= ours, tags.tags - ours
        assert not [name for name in tags.attributes if name.startswith("on") or name in ("href", "src", "srcdoc")]
        assert "<script>alert(1)</script>" in tags.text, "hostile text is there, as text"
        assert page.POLICY in path.read_text(encoding="utf-8")


def test_latex_has_only_our_commands(written: Path) -> None:
    ours = set(
        "documentclass usepackage ifPDFTeX else fi setlength parindent parskip begin end section subsection subsubsection textbf emph "
        "texttt hfill normalfont raggedright textbullet quad hangindent strut hline hrulefill vspace rule "
        "textbackslash textasciicircum textasciitilde textless textgreater textbar char times textquotesingle "
        "textasciigrave textperiodcentered textsuperscript frac partial sigma text left right "
        "newcommand letter ensuremath alpha phi iota Sigma delta draw node path useasboundingbox definecolor resizebox textwidth ttfamily fontsize selectfont".split()
    )
    for path in written.rglob("*.tex"):
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"\\([A-Za-z]+)", text)) <= ours
        assert set(re.findall(r"\\(?:begin|end)\{(\w+)\}", text)) == {
            "document", "quote", "longtable", "center", "tikzpicture"
        }  # fmt: skip
        assert text.count(r"\end{document}") == 1
        assert text.count("{") == text.count("}")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(tmp_path: Path) -> None:
    """Greek, Cyrillic and hostile names and statements, δ in a blank's text: no error and a PDF from pdfLaTeX."""
    names = ["Σοφία Παπαδοπούλου", "Пётр 中", "\\input{/etc/passwd} $x$ #_&%^~{}", "Łukasz Ñandú"]
    students = [Student(f"s{k}", name) for k, name in enumerate(names)]
    write(make(list(problems([*IDS, "nets/error-signal"])), students, "1"), tmp_path / "hw", ("tex",))
    for path in sorted((tmp_path / "hw").rglob("*.tex")):
        done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", path],
                              cwd=tmp_path, capture_output=True, timeout=120, check=False)  # fmt: skip
        assert done.returncode == 0, (path, done.stdout[-1500:])


def test_markdown_is_text(written: Path) -> None:
    text = (written / "students/s-02/sheet.md").read_text(encoding="utf-8")
    outside = re.sub(r"(?s)^(`{3,})\n.*?^\1$", "", text, flags=re.MULTILINE)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", outside)
    outside = re.sub(r"\$\$.*?\$\$|(?<!\\)\$.*?(?<!\\)\$", "", outside, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)[<\[]", outside.replace("&nbsp;", ""))
    rows = [line for line in text.split("\n") if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", row))) for row in rows} == {5}


def test_maths_is_never_source() -> None:
    r"""Everything in typst's maths is from our tables or in quotes; nothing but the small part of LaTeX is read."""
    for hostile in (r"\input{x}", r"\def\x{1}", "#read(1)", r"\text{a}b}", r"\text{#x}", r"\write18{ls}", "x^^41", "$", r"\left<",
                    r"\begin{verbatim}", "{" * 50 + "}" * 50, r"\mathrm{\input}", "x_", "é"):  # fmt: skip
        with pytest.raises(Trouble):
            mathematics.read(hostile)
    node = mathematics.read(r"\mathrm{a\_b} + f(x, y; z) / 2 * |x|!")
    assert mathematics.typst(node) == r'upright("a_b") + f \( x \, y \; z \) \/ 2 \* \| x \| \!'


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="\\{}^_$#&%ab1+-=()[]|.,'\"frcsqtex ", max_size=40))
def test_maths_reads_back(text: str) -> None:
    """What is read is written as LaTeX that reads as the same tree; what is not is refused in words."""
    try:
        node = mathematics.read(text)
    except Trouble as trouble:
        assert trouble.message
        return
    again = mathematics.read(mathematics.latex(node))
    assert mathematics.plain(again) == mathematics.plain(node)
    assert mathematics.mathml(node).count("<") == 2 * mathematics.mathml(node).count("</")


MATHS = {
    r"\frac{\partial f}{\partial x} = 1": "∂f/∂x = 1",
    r"\sigma(x) = \frac{1}{1 + e^{-x}}": "σ(x) = 1/(1 + e^(−x))",
    r"w_{ij}^{(1)} x_j + b_i": "w_ij⁽¹⁾x_j + bᵢ",
    r"x^2 + x_0 \to \infty": "x² + x₀ → ∞",
    r"\max(0, x)": "max(0, x)",
    r"\left|\frac{a + b}{c}\right|": "|(a + b)/c|",
    r"\hat{y} - y": "y\u0302 − y",
    r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}": "[[1, 2], [3, 4]]",
    r"\sqrt{x + 1} \cdot \log x": "√(x + 1) · log x",
    r"-x": "−x",
    r"p \log_2 p": "p log₂ p",
    r"10 \log_{10} \frac{S}{N}": "10 log₁₀(S/N)",
    r"a \sin^2 x + 1": "a sin² x + 1",
    r"\log_2(n + 1)": "log₂(n + 1)",
    r"-\ln x - \arccos(-\tan x \tan y)": "−ln x − arccos(−tan x tan y)",
}


@pytest.mark.parametrize("source", MATHS)
def test_maths_in_a_line(source: str) -> None:
    assert mathematics.plain(mathematics.read(source)) == MATHS[source]


def test_statements_are_read_as_blocks() -> None:
    blocks = markdown.read("One *two* **three** `four` $x$.\n\n- a\n- b\n  c\n\n$$y$$\n\n```\n$ x\n```\n\n1. z\n")
    assert [(block.kind, block.mark, markdown.plain(block.pieces)) for block in blocks] == [
        ("paragraph", "", "One two three four x."), ("item", "•", "a"), ("item", "•", "b c"), ("display", "", "y"),
        ("code", "", "$ x"), ("item", "1.", "z"),
    ]  # fmt: skip


# --- PDF -------------------------------------------------------------------------------------------------


def pdf_text(path: Path) -> str:
    done = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True)
    return done.stdout


needs_poppler = pytest.mark.skipif(  # in CI a missing one is an error
    shutil.which("pdftotext") is None and "CI" not in os.environ, reason="pdftotext (poppler-utils) is not installed"
)


@pytest.fixture(scope="module")
def pdfs(sheet: Sheet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pdf") / "hw"
    write(sheet, folder, ("pdf",), jobs=2)
    return folder


@needs_poppler
def test_pdf_says_what_it_should(pdfs: Path) -> None:
    text = pdf_text(pdfs / "students/s-02/sheet.pdf")
    plain = " ".join(text.split())
    for part in ("<img src=x onerror=alert(1)> | & \\input{x}", "<script>alert(1)</script>", '#eval("1")', "Homework <1> & \\more",
                 "A sigmoid neuron, gate by gate", "gradient of f at w0", "\\end{document}"):  # fmt: skip
        assert part in plain, part
    pages = subprocess.run(
        ["pdfinfo", pdfs / "students/s-02/sheet.pdf"], capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r"Pages: +[3-4]\b", pages)
    assert "Робин Ζ. Müller-Łukasz, jr." in pdf_text(next(pdfs.glob("students/robin*/sheet.pdf")))
    assert "what comes back adds up:" in " ".join(pdf_text(pdfs / "teacher/solutions/ada.pdf").split())


def test_pdf_bytes_are_the_same_every_time(pdfs: Path, sheet: Sheet, tmp_path: Path) -> None:
    write(sheet, tmp_path / "again", ("pdf",), jobs=1)
    assert contents(tmp_path / "again") == contents(pdfs)


@needs_poppler
def test_names_without_glyphs_are_warned_about(tmp_path: Path) -> None:
    one = make(list(problems(IDS[:1])), [Student("li", "李明"), Student("ok", "Ωmega Жук")], "1")
    result = write(one, tmp_path / "hw", ("pdf",))
    assert result.warnings == ("the PDF has the id li instead of the name 李明: its fonts lack 李 明",)
    assert "li" in pdf_text(tmp_path / "hw/students/li/sheet.pdf")
    assert typeset.unshown("Łukasz Ñandú Ψ Њ – ‘x’ №") == ""
    assert typeset.shown("a李") == "aU+674E"


# --- the same bytes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [2, 3])
def test_any_number_of_workers(written: Path, sheet: Sheet, tmp_path: Path, jobs: int) -> None:
    write(sheet, tmp_path / "hw", TEXT, jobs=jobs)
    assert contents(tmp_path / "hw") == contents(written)


def test_others_change_nothing(written: Path, sheet: Sheet, tmp_path: Path) -> None:
    """Another student, another order, another problem: Ada's numbers stay."""
    more = make([*reversed(sheet.problems)], [Student("zoe"), *sheet.students[:1]], sheet.seed)
    ada, again = (list(one.variants(one.student("ada"))) for one in (sheet, more))  # type: ignore[arg-type]
    assert {one.problem.id: one.numbers for one in ada} == {one.problem.id: one.numbers for one in again}
    assert len({str(next(sheet.variants(student)).numbers) for student in sheet.students}) == len(sheet.students)


def test_all_of_it_follows_from_the_sheet_file(written: Path, sheet: Sheet, tmp_path: Path) -> None:
    again = read(written)
    assert again.text() == sheet.text()
    write(again, tmp_path / "hw", TEXT)
    assert contents(tmp_path / "hw") == contents(written)


def test_a_changed_sheet_file_is_refused(written: Path) -> None:
    text = (written / "teacher/sheet.toml").read_text(encoding="utf-8")
    for old, new, said in (("q = x + y", "q = x - y", "its hash differs"), ("bpcli/sheet/1", "bpcli/sheet/9", "its form is"),
                           ("bpcli/draw/1", "bpcli/draw/2", "drawn by"), ("[marking]", "[marks]", "no marking"),
                           ('seed = "', 'seed = "1', "its secret is not the one of its seed"), ('secret = "', 'secret = "0', "its secret is not"),
                           ("secret = ", "# ", "no secret"), ('version = "', 'version = "9', "its version"),
                           ("version = ", "# ", "its version"), ("points = ", "points = 1", "in its text, which counts"),
                           ('rounding = "', 'rounding = "9 ', "in its text, which counts"), ("points = ", "# ", "no points"),
                           ("[[problem]]", "[[problem]]\nweight = 2", "weight means nothing there"),
                           ("draw = ", "colour = 1\ndraw = ", "colour means nothing there"),
                           ("[[student]]", "[[student]]\nsection = 1", "section means nothing there"),
                           ('folder = "', 'folder = "x', "the folder of"), ('id = "ada"', 'id = ""', "the folder of"),
                           ('id = "ada"\n', "", "the folder of"),
                           ("title = ", "title = [", "cannot read")):  # fmt: skip
        assert old in text
        with pytest.raises(Trouble, match=said):
            parse(text.replace(old, new, 1).encode(), "sheet.toml")


def test_what_may_be_changed_in_a_sheet_file(written: Path) -> None:
    """The title, the rules, names, and students who were added as the file has them."""
    text = (written / "teacher/sheet.toml").read_text(encoding="utf-8")
    text = text.replace("follows = 1.0", "follows = 0.5").replace('title = "Homework', 'title = "Other work')
    found = parse(f'{text}\n[[student]]\nid = "neo"\nfolder = "neo"\n'.encode(), "sheet.toml")
    assert found.title.startswith("Other work") and found.marking["follows"] == 0.5 and found.students[-1].id == "neo"
    with pytest.raises(Trouble, match="the id Ada cannot be told from ada"):
        parse(f'{text}\n[[student]]\nid = "Ada"\nfolder = "{Student("Ada").file_name}"\n'.encode(), "sheet.toml")
    with pytest.raises(Trouble, match="the id ada is that of another student too"):
        parse(f'{text}\n[[student]]\nid = "ada"\nfolder = "ada"\n'.encode(), "sheet.toml")


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_toml_reads_back(text: str) -> None:
    for lines in (False, True):
        assert tomllib.loads(f"a = {toml.text(text, lines)}") == {"a": text}


# --- nothing lost ----------------------------------------------------------------------------------------


def test_an_existing_folder_is_completed_or_refused(sheet: Sheet, tmp_path: Path) -> None:
    folder = tmp_path / "hw"
    first = write(sheet, folder, ("txt",))
    (folder / "students/ada/sheet.txt").write_text("scribbled", encoding="utf-8")
    (folder / "students/ada/answers.txt").unlink()
    second = write(sheet, folder, ("txt", "md"))
    assert second.kept == first.files - 1
    assert (folder / "students/ada/sheet.txt").read_text(encoding="utf-8") == "scribbled", "never overwritten"
    assert (folder / "students/ada/answers.txt").exists()
    other = make(list(sheet.problems), sheet.students, "another")
    before = contents(folder)
    with pytest.raises(Trouble, match="holds a different sheet") as caught:
        write(other, folder, ("txt",))
    assert caught.value.exit_code == 4
    assert contents(folder) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("…", encoding="utf-8")
    with pytest.raises(Trouble, match="holds something else"):
        write(sheet, tmp_path / "mine", ("txt",))
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Trouble, match="is no folder"):
        write(sheet, tmp_path / "link", ("txt",))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hw", "link", "mine"], "nothing else is left"


def test_late_students_are_added(sheet: Sheet, tmp_path: Path) -> None:
    """A roster that only grew: new papers and a longer sheet.toml; nobody else's file is touched, changed ones neither."""
    folder = tmp_path / "hw"
    few = Sheet(sheet.title, sheet.seed, sheet.problems, sheet.students[1:], sheet.marking, "0.0.1")
    write(few, folder, TEXT)
    (folder / f"students/{sheet.students[1].file_name}/answers.txt").write_text("filled in", encoding="utf-8")
    before = contents(folder)
    late = (sheet.students[0], *sheet.students[1:], Student("zoe", "Zoë"))
    assert sheet.students[0].id not in {one.id for one in few.students}
    grown = make(list(sheet.problems), late, sheet.seed, sheet.title)
    done = write(grown, folder, TEXT)
    after = contents(folder)
    names = (sheet.students[0].file_name, "zoe")
    added = {name for name in after if Path(name).stem in names or Path(name).parent.name in names}
    assert len(added) == done.files == 2 * (2 * len(TEXT) + 1)
    about = {"teacher/sheet.toml", "teacher/draws.json"}
    assert {name: data for name, data in after.items() if name not in added | about} == {
        name: data for name, data in before.items() if name not in about
    }
    drawn = draws.read(folder / "teacher", read(folder).source)
    assert sorted(drawn) == sorted(one.id for one in late), "the draws of everybody are known"
    few_drawn = json.loads(before["teacher/draws.json"])["draws"]
    assert {name: list(drawn[name]) for name in few_drawn} == few_drawn
    again = read(folder)
    assert [one.id for one in again.students] == [one.id for one in late]
    assert again.version == "0.0.1", "the version that drew it first"
    write(grown, tmp_path / "whole", TEXT)
    whole = contents(tmp_path / "whole")
    assert {name: after[name] for name in added} == {name: whole[name] for name in added}, "as if there from the start"
    assert write(again, folder, TEXT).files == 0
    for other in (few, make(list(sheet.problems)[:2], late, sheet.seed, sheet.title),
                  make(list(sheet.problems), (*late[:-1], Student("zoe", "Zoé"), Student("yan")), sheet.seed, sheet.title)):  # fmt: skip
        with pytest.raises(Trouble, match="holds a different sheet"):
            write(other, folder, TEXT)
    assert contents(folder) == after


def test_killed_and_taken_up_again(written: Path, tmp_path: Path) -> None:
    """Killed at random moments, then run again: either nothing or the whole sheet, in the end the same bytes."""
    command = [sys.executable, "-m", "bpcli", "sheet", *IDS, "--students", str(HERE / "class.csv"), "--seed", "2026",
               "--title", "Homework <1> & \\more", "--format", ",".join(TEXT), "-o", str(tmp_path / "hw"), "--jobs", "1"]  # fmt: skip
    chance = random.Random(1)
    killed = 0
    for _ in range(8):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.2, 1.2))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        if killed and (tmp_path / "hw").exists():
            break
        assert not (tmp_path / "hw").exists() or killed < 8
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "4 problems" in " ".join(done.stdout.split())
    found = {name: data for name, data in contents(tmp_path / "hw").items() if not Path(name).name.startswith(".")}
    assert found == contents(written)
    assert not unfinished(tmp_path / "hw").exists()


def test_two_at_once(sheet: Sheet, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with (tmp_path / ".hw.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(Trouble, match="another bpcli") as caught:
            write(sheet, tmp_path / "hw", ("txt",))
    assert caught.value.exit_code == 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_where_nothing_can_be_written(sheet: Sheet, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Trouble) as caught:
        write(sheet, tmp_path / "hw", ("txt",))
    assert caught.value.exit_code == 4


def test_a_file_in_the_way(sheet: Sheet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(Trouble) as caught:
        write(sheet, tmp_path / "file" / "hw", ("txt",))
    assert caught.value.exit_code == 4


# --- the class list --------------------------------------------------------------------------------------


def test_a_list_as_it_is_exported() -> None:
    data = "\ufeffStudent ID;Full Name;Section;Mark\r\n007;Ünal, Ö.;B;\r\n7;Nobody;;\r\n\r\n".encode()
    assert roster.read(data, "r.csv") == (Student("007", "Ünal, Ö.", "", "B"), Student("7", "Nobody"))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("id\nada\nada\n", 3, "the id ada is that of line 2 too"),
        ("id\nada\nADA\n", 3, "the id ADA cannot be told from ada in line 2"),
        ("id\nada\nａｄａ\n", 3, "cannot be told from ada in line 2"),
        ("id\né\ne\u0301\n", 3, "is that of line 2 too"),
        ("id\nstraße\nSTRASSE\n", 3, "cannot be told"),
        ("id\n../x\n", 2, "looks like a path"),
        ("id\nc:x\n", 2, "looks like a path"),
        ("id\n-rf\n", 2, "looks like a path or an option"),
        ("id\n.hidden\n", 2, "looks like a path"),
        ("id\nCON\n", 2, "Windows keeps"),
        ("id\nlpt1.txt\n", 2, "Windows keeps"),
        ("id\nx.\n", 2, "ends with a point"),
        ("id\n" + "x" * 65 + "\n", 2, "the id has 65 characters; the limit is 64"),
        ("id,name\nx," + "y" * 300 + "\n", 2, "the name has 300 characters"),
        ("id,name\nx,a\x1bb\n", 2, "cannot be seen: U+001B"),
        ("id,name\nx,a\u202eb\n", 2, "cannot be seen: U+202E"),
        ("id,name\n,Ada\n", 2, "the id is empty"),
        ("id,name\nx\n", 2, "this row has 1 cells, and the heading has 2"),
        ('id,name\nx,"Ada\ny,Bob\n', 2, "quote"),
        ("name\nAda\n", 1, "no column is called id"),
        ("id,student\nx,y\n", 1, "two columns are the id"),
        ("", 1, "the file is empty"),
        ("id\n", 1, "there is no student"),
        ("id\n\0\n", 2, "NUL"),
    ],
)  # fmt: skip
def test_lists_that_are_refused(text: str, line: int, said: str) -> None:
    with pytest.raises(Mistakes) as caught:
        roster.read(text.encode(), "r.csv")
    assert any(one.line == line and said in one.message for one in caught.value.mistakes), str(caught.value)


@pytest.mark.parametrize("data", [b"\xff\xfei\0d\0", b"PK\x03\x04", b"id\n\xe9\n"])
def test_encodings_that_are_refused(data: bytes) -> None:
    with pytest.raises(Mistakes, match=r"has a mistake"):
        roster.read(data, "r.csv")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=70), min_size=1, max_size=8))
def test_file_names_are_safe(ids: list[str]) -> None:
    """Whatever the ids: no path, no device, no surprise; different students have different ones, also when case is lost."""
    names = [Student(one).file_name for one in ids]
    for name in names:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._+@-]*", name)
        assert len(name) <= 48
        assert name.split(".")[0] not in roster.RESERVED
    assert len({name.casefold() for name in names}) == len(set(ids))


# --- words and figures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "rule", "text"),
    [
        (0.3932, Rule("decimals", 2), "0.39"), (-0.004, Rule("decimals", 2), "0.00"), (2.675, Rule("decimals", 2), "2.68"),
        (0.125, Rule("decimals", 2), "0.13"), (3.0, Rule("decimals", 0), "3"), (9.996, Rule("digits", 3), "10.0"),
        (0.00123456, Rule("digits", 3), "0.00123"), (123456.0, Rule("digits", 3), "123000"), (-0.1, Rule(), "-0.1"),
        (0.1 + 0.2, Rule(), "0.3"), (-0.0, Rule(), "0"), (14.0, Rule(), "14"),
    ],
)  # fmt: skip
def test_figures(value: float, rule: Rule, text: str) -> None:
    assert figure(value, rule) == text


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a seed one is drawn, and kept when the same command is given again."""
    monkeypatch.chdir(tmp_path)
    words = ["sheet", "gates/add-then-multiply", "--count", "3", "--format", "txt", "-o", "hw"]
    first = Command({}, words, "").in_process()
    assert first.code == 0
    seed = re.search(r"seed (\d+)", first.out)
    assert seed is not None
    second = Command({}, words, "").in_process()
    assert f"seed {seed[1]}; 0 files written, 9 were there" in second.out.replace("\n", " ")
    assert sorted(path.name for path in (tmp_path / "hw/students").iterdir()) == ["01", "02", "03"]
    assert len({(path / "sheet.txt").read_text() for path in (tmp_path / "hw/students").iterdir()}) == 3
