"""What students hand in, honest and hostile: every form is read, and a broken one costs only itself."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from bpcli.exercises.roster import Student
from bpcli.submissions import archives, folders, objects, tables
from bpcli.submissions.catalogue import Catalogue
from bpcli.submissions.collecting import Collection, collect
from bpcli.submissions.handed_in import TEXT, HandIn, Part
from bpcli.submissions.identity import Anybody, Register
from bpcli.submissions.reading import Answers, read
from bpcli.trouble import Trouble

CATALOGUE = Catalogue({"gates/xyz": ("q", "dq", "dx"), "n": ("a", "prog")}, frozenset([("n", "prog")]))
STUDENTS = [Student("ada", "Ada Lovelace"), Student("bob", "Bob Ray"), Student("cy.d", "Cy Doe"), Student("007")]


def collected(*paths: object, several: str = "error", register: Register | None = None, owner: str = "") -> Collection:
    with ExitStack() as stack:
        found = collect([str(path) for path in paths], register or Register(STUDENTS), CATALOGUE, stack, several, owner)
        for place, one in enumerate(found.taken):
            handed = one.read()
            if isinstance(handed, HandIn):
                found.taken[place] = type(one)(one.student, one.found)
                CONTENT[one.student] = handed
            else:
                found.refused.append(handed)
        return found


CONTENT: dict[str, HandIn] = {}


@pytest.fixture(autouse=True)
def _afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    CONTENT.clear()
    monkeypatch.chdir(tmp_path)


def answers(student: str) -> Answers:
    return read(CONTENT[student], CATALOGUE)


def given(student: str, problem: str = "gates/xyz") -> dict[str, str]:
    return {line.name: line.text for line in answers(student).problems.get(problem, [])}


def put(name: str, text: str | bytes) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def codes(found: Collection) -> dict[str, str]:
    return {os.path.basename(one.source): one.code for one in found.refused}


# --- folders ----------------------------------------------------------------------------------------------


def test_a_file_or_a_folder_for_each_student() -> None:
    put("in/ada.txt", "[xyz]\nq = 3\ndq = −4\n")
    put("in/bob/answers.txt", "[gates/xyz]\nq = 1\n")
    put("in/bob/sheet.txt", "the paper, which is not read")
    put("in/cy.d/notes/a.txt", "[n]\na = 2\n")
    put("in/cy.d/b.json", '{"xyz": {"q": 1.50}}')
    put("in/007.json", '{"student": "007", "answers": {"n": {"a": null}}}')
    found = collected("in")
    assert not found.refused and found.found == 4
    assert given("ada") == {"q": "3", "dq": "−4"}
    assert given("bob") == {"q": "1"}
    assert given("cy.d") == {"q": "1.50"} and given("cy.d", "n") == {"a": "2"}
    assert given("007", "n") == {}


def test_files_on_the_command_line_are_known_by_name_or_folder() -> None:
    put("hw/ada/answers.txt", "[n]\na=1\n")
    put("bob.txt", "[n]\na=2\n")
    assert not collected("hw/ada/answers.txt", "bob.txt").refused
    assert given("ada", "n") == {"a": "1"} and given("bob", "n") == {"a": "2"}
    assert collected("hw/ada").taken[0].student == "ada"


def test_nothing_but_files_is_opened(tmp_path: Path) -> None:
    secret = put("secret.txt", "[n]\na = 42\n")
    put("in/ada.txt", "[n]\na=1")
    os.symlink(secret.resolve(), "in/bob.txt")
    os.mkfifo("in/007.txt")
    Path("in/cy.d").mkdir()
    os.symlink(secret.resolve(), "in/cy.d/answers.txt")
    found = collected("in")
    assert codes(found) == {"bob.txt": "not-a-file", "007.txt": "not-a-file", "cy.d": "not-a-file"}
    assert given("ada", "n") == {"a": "1"}


def test_litter_is_nobodys() -> None:
    for name in ("in/.DS_Store", "in/Thumbs.db", "in/__MACOSX/x", "in/~$ada.txt"):
        put(name, b"\0\1")
    put("in/ada.txt", "[n]\na=1")
    assert collected("in").found == 1


def test_limits_of_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    put("in/ada.txt", b"x" * (2**20 + 1))
    put("in/bob/a/b/c/d.txt", "[n]\na=1")
    put("in/cy.d/photo.jpg", b"\xff\xd8")
    put("in/007.exe", b"MZ")
    assert codes(collected("in")) == {
        "ada.txt": "too-large",
        "bob": "too-large",
        "cy.d": "no-answers",
        "007.exe": "kind-of-file",
    }
    monkeypatch.setattr(folders, "MOST_ENTRIES", 3)
    with pytest.raises(Trouble, match="more than 3 entries"):
        collected("in")


@pytest.mark.parametrize(("data", "code"), [
    ("[n]\na = 1".encode("utf-16"), "not-utf-8"), (b"[n]\na = \xe9", "not-utf-8"), (b"[n]\0", "not-text"),
    (b"[n]\ra = 1\r", "line-ends"),
])  # fmt: skip
def test_encodings_that_are_refused_by_name(data: bytes, code: str) -> None:
    put("in/ada.txt", data)
    collected("in")
    with pytest.raises(Trouble) as caught:
        answers("ada")
    assert caught.value.code == code


def test_a_mark_of_utf_8_and_windows_line_ends_are_fine() -> None:
    put("in/ada.txt", b"\xef\xbb\xbf[n]\r\na = 1\r\n")
    collected("in")
    assert given("ada", "n") == {"a": "1"}


# --- whose it is ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ADA", "Ada", "аda", "ada\u200b", "ａda", "adа", "O07", "0O7", "00７"])
def test_look_alikes_are_refused(name: str) -> None:
    put(f"in/{name}.txt", "[n]\na=1")
    (refused,) = collected("in").refused
    assert refused.code == "look-alike"
    assert refused.reason.isprintable()


@pytest.mark.parametrize("name", ["7", "zed", "..x", "ada bob", "con", "$(rm -rf ~)", "a" * 200])
def test_strangers_are_refused(name: str) -> None:
    put(f"in/{name}.txt", "[n]\na=1")
    (refused,) = [*collected("in").refused] or [None]
    assert refused is None or refused.code == "unknown-student"
    assert not CONTENT


def test_what_the_text_claims_counts_for_nothing() -> None:
    put("in/ada.txt", "# student: bob\nstudent = 1\n[n]\na = 1\n")
    put("in/007.json", '{"student": "bob", "answers": {"n": {"a": "9"}}}')
    put("in/cy.d.csv", "student,problem,blank,answer\nbob,n,a,9\n")
    found = collected("in")
    assert {one.student for one in found.taken} == {"ada", "007", "cy.d"}
    for student in ("007", "cy.d"):
        with pytest.raises(Trouble, match="bob's") as caught:
            answers(student)
        assert caught.value.code == "another-student"


@pytest.mark.parametrize(("name", "student"), [
    ("Ada Lovelace_123456_assignsubmission_file_/answers.txt", "ada"),
    ("Bob Ray_99_assignsubmission_file_work.txt", "bob"),
    ("hw_007_attempt_2026-11-20-10-00-00_x_bob_attempt_2026-11-20-10-00-00_a.txt", "007"),
    ("lovelaceada_123_456_answers.txt", "ada"), ("raybob_LATE_12_34_answers-1.txt", "bob"), ("whoever_007_9_a.txt", "007"),
])  # fmt: skip
def test_names_that_platforms_give(name: str, student: str) -> None:
    put(f"in/{name}", "[n]\na=1")
    found = collected("in")
    assert [one.student for one in found.taken] == [student], found.refused


def test_two_students_of_one_name_are_not_guessed() -> None:
    put("in/Jo Li_1_assignsubmission_file_/answers.txt", "[n]\na=1")
    found = collected("in", register=Register([Student("j1", "Jo Li"), Student("j2", "Jo  LI")]))
    assert [one.code for one in found.refused] == ["several-students"]


def test_without_a_class_list_ids_are_plain_and_not_alike() -> None:
    for name in ("mia", "Mia", "-x", "ok.2"):
        put(f"in/{name}.txt", "[n]\na=1")
    found = collected("in", register=Anybody())
    assert sorted(one.student for one in found.taken) == ["Mia", "ok.2"]
    assert codes(found) == {"-x.txt": "student-id", "mia.txt": "look-alike"}


@pytest.mark.parametrize(
    ("several", "sources"), [("first", ["b.txt"]), ("last", ["c"]), ("error", []), ("best", ["b.txt", "c"])]
)
def test_several_hand_ins_of_one_student(several: str, sources: list[str]) -> None:
    put("one/b.txt", "[n]\na=1")
    put("two/c/answers.txt", "[n]\na=2")
    register = Register([Student("b"), Student("c")])
    put("one/c/answers.txt", "[n]\na=0")
    found = collected("one", "two", several=several, register=register)
    if several == "error":
        (one, other) = found.refused
        assert one.code == "several" and "one/c" in one.reason and "two/c" in other.reason
    else:
        kept = [os.path.dirname(one.found.source) for one in found.taken if one.student == "c"]
        assert kept == {"first": ["one"], "last": ["two"], "best": ["one", "two"]}[several]
        assert found.found == len(found.taken)


def test_a_group_hands_in_once() -> None:
    put("in/ada.txt", "[n]\na=1")
    put("in/bob.txt", "[n]\na=2")
    with ExitStack() as stack:
        found = collect(
            ["in"], Register(STUDENTS), CATALOGUE, stack, "last", groups={"ada": "g", "bob": "g", "007": "h"}
        )
    assert [one.student for one in found.taken] == ["bob"]
    assert found.aside == [("ada", "in/ada.txt")]


# --- headings, names, code --------------------------------------------------------------------------------

SHEET = Catalogue(
    {"gates/xyz": ("q", "dq", "dx"), "n": ("a", "prog")}, frozenset([("n", "prog")]),
    {"gates/xyz": "Add, then multiply (x+y)", "n": "One neuron"}, {"gates/xyz": frozenset(["x", "X", "dX"])},
)  # fmt: skip


def as_read(text: str, catalogue: Catalogue = SHEET) -> Answers:
    return read(HandIn("ada", "in/ada.txt", (Part("answers.txt", TEXT, text.encode()),)), catalogue)


@pytest.mark.parametrize(
    "heading",
    ["[gates/xyz]", "[xyz]", "[ XYZ ]", "[1]", "1.", "1)", "## 1", "## 1. Add, then multiply (x+y)", "# Add, then multiply (x+y)",
     "[Add, then multiply (x+y)]", "**1. add, then multiply (x+y)**", "Problem 1:", "xyz", "gates/xyz:", "### [xyz]"],
)  # fmt: skip
def test_a_section_is_called_as_the_sheet_calls_it(heading: str) -> None:
    found = as_read(f"[n]\na = 1\n{heading}\nq = 3\n")
    assert not found.remarks
    assert [(line.name, line.text) for line in found.problems["gates/xyz"]] == [("q", "3")]


@pytest.mark.parametrize(
    "heading", ["[3]", "[0]", "1. One neuron", "# 1", "1", "## Forward pass", "# 2. forward", "[neuron]", "x" * 5000]
)
def test_what_only_resembles_a_heading_is_none(heading: str) -> None:
    assert "gates/xyz" not in as_read(f"[n]\na = 1\n{heading}\nq = 3\n").problems


def test_answers_before_the_heading_of_a_sheet_of_one_problem() -> None:
    one = Catalogue({"gates/xyz": ("q", "dq")})
    assert [line.name for line in as_read("q = 3\n[xyz]\ndq = 4\n", one).problems["gates/xyz"]] == ["q", "dq"]
    assert as_read("q = 3\n").remarks == ("line 1: these answers stand before the first [problem]",)


def test_one_line_in_the_ways_that_people_write_it() -> None:
    text = "[1]\n- q: 3\n* **dq** = `-4`;\n> dX = 7\n"
    assert [(line.name, line.text, line.note) for line in as_read(text).problems["gates/xyz"]] == [
        ("q", "3", "read : as ="), ("dq", "`-4`", ""), ("dX", "7", ""),
    ]  # fmt: skip
    assert [(line.name, line.text) for line in as_read("[1]\nq = -5, dq = 0,5; dx = x + y = 2").problems["gates/xyz"]] == [
        ("q", "-5"), ("dq", "0,5"), ("dx", "x + y = 2"),
    ]  # fmt: skip
    assert as_read("[1]\nq = 3\n-----\n======\n```python\n```\n").remarks == ()


def test_a_name_in_other_letters_where_it_can_mean_only_one() -> None:
    found = as_read("[xyz]\nQ = 3\nDX = 1\n[n]\nA = 2\n")
    assert [(line.name, line.note) for line in found.problems["gates/xyz"]] == [
        ("q", "read Q as q"),
        ("dx", "read DX as dx"),
    ]
    assert [line.name for line in found.problems["n"]] == ["A"], "a program has names of its own"
    assert [line.name for line in as_read("[xyz]\nQ = 3\nq = 4\n").problems["gates/xyz"]] == ["Q", "q"]
    assert [line.name for line in as_read("[xyz]\ndX = 3\n").problems["gates/xyz"]] == ["dX"], (
        "another quantity of the formula"
    )


def test_lines_of_pasted_code_that_give_nothing_a_value_are_no_remarks() -> None:
    code = "import numpy as np\ndef f(x=2):\n    return x\nprint(f'{a=}')\n# forward\na = 1\nassert a == 1\n"
    assert as_read(f"[n]\n{code}").remarks == ()
    assert [remark.partition(":")[0] for remark in as_read(f"[xyz]\n{code}").remarks] == [
        "line 2",
        "line 3",
        "line 4",
        "line 5",
        "line 8",
    ]
    assert len(as_read("[n]\na = 1\nif a: a = 2\nelse: a = 3\n").remarks) == 2, "these give something a value"
    assert as_read("[n]\na = 1\nwhat is this\n").remarks == ("line 3: this is no answer (name = answer): what is this",)


# --- zip files --------------------------------------------------------------------------------------------


def zipped(members: dict[str, str | bytes], name: str = "e.zip", kind: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(name, "w", kind) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return Path(name)


def test_a_zip_file_is_read_where_it_is(tmp_path: Path) -> None:
    zipped(
        {
            "hw/ada.txt": "[n]\na=1",
            "hw/bob/answers.txt": "[n]\na=2",
            "hw/bob/photo.jpg": b"\1",
            "__MACOSX/hw/._ada.txt": b"x",
        }
    )
    found = collected("e.zip")
    assert not found.refused
    assert given("ada", "n") == {"a": "1"} and given("bob", "n") == {"a": "2"}
    assert sorted(os.listdir(tmp_path)) == ["e.zip"], "nothing is extracted"


def test_names_that_lead_out_of_a_zip_file() -> None:
    zipped({"ada.txt": "[n]\na=1", "../bob.txt": "[n]\na=9", "/etc/007.txt": "x", "cy.d/../../x.txt": "x", "C:/bob.txt": "x",
            "bob\\..\\answers.txt": "x"})  # fmt: skip
    found = collected("e.zip")
    assert [*CONTENT] == ["ada"]
    assert len(found.refused) == 5 and {one.code for one in found.refused} <= {"zip-path", "unknown-student"}


def test_members_that_are_no_files_or_packed_strangely() -> None:
    with zipfile.ZipFile("e.zip", "w") as archive:
        link = zipfile.ZipInfo("ada.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("bob.txt", "[n]\na=1", zipfile.ZIP_BZIP2)
        archive.writestr("007.txt", b"x" * (2**20 + 1), zipfile.ZIP_DEFLATED)
        archive.writestr("cy.d.zip", b"PK")
    found = collected("e.zip")
    assert {one.student: one.code for one in found.refused} == {
        "ada": "not-a-file", "bob": "zip-method", "007": "too-large", "cy.d": "zip-nested"
    }  # fmt: skip


def test_what_lies_beside_the_answers_is_not_read_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan, a film, an archive, a link: in a zip file as in a folder, only what would be read can be at fault."""
    beside: dict[str, str | bytes] = {
        "scan.pdf": b"%" * 3_000_000,
        "work.zip": b"PK",
        "code.tar.gz": b"x",
        "a/b/c/d/e/f.txt": "x",
    }
    zipped({"ada/answers.txt": "[n]\na=1", **{f"ada/{name}": data for name, data in beside.items()}})
    monkeypatch.setattr(archives, "MOST_TOTAL", 100)
    assert not collected("e.zip").refused and given("ada", "n") == {"a": "1"}
    for name, data in beside.items():
        put(f"in/ada/{name}", data)
    put("in/ada/answers.txt", "[n]\na=2")
    os.symlink("/etc/passwd", "in/ada/notes.txt")
    assert not collected("in").refused and given("ada", "n") == {"a": "2"}
    os.rename("in/ada/answers.txt", "in/ada/mine.txt")
    zipped({"ada/mine.txt": "[n]\na=1", "ada/other.txt": b"x" * (2**20 + 1)}, "f.zip")
    for path, code in (("in", "too-large"), ("f.zip", "too-large")):
        assert {one.student: one.code for one in collected(path).refused} == {"ada": code}, "all texts are read then"


def test_answers_that_are_packed_beyond_belief() -> None:
    zipped({"ada/a.txt": b" " * 2**20, "ada/b.txt": b" " * 2**20, "bob/a.txt": b" " * 2**20})
    assert {one.student: one.code for one in collected("e.zip").refused} == {"ada": "zip-ratio"}
    assert "2,097,152 bytes are packed into" in collected("e.zip").refused[0].reason


def test_a_refused_member_is_called_by_its_whole_name() -> None:
    zipped({"ada.txt": "[n]\na=1", "/s002.txt": "x", "../x.txt": "x", "[red]s020[/red].txt": "x"})
    assert {one.source: one.reason for one in collected("e.zip").refused} == {
        "e.zip: /s002.txt": "its name is a path out of the zip file",
        "e.zip: ../x.txt": "its name is a path out of the zip file",
        "e.zip: [red]s020[/red].txt": "no student is called [red]s020[",
    }


def test_the_one_folder_among_files_is_a_student_too() -> None:
    zipped({"ada.txt": "[n]\na=1", "bob.txt": "[n]\na=2", "bab/answers.txt": "[n]\na=3"})
    assert [(one.source, one.code) for one in collected("e.zip").refused] == [
        ("e.zip: bab/answers.txt", "unknown-student")
    ]
    zipped({"read.me": "x", "hw/ada.txt": "[n]\na=1"}, "f.zip")
    found = collected("f.zip")
    assert [one.student for one in found.taken] == ["ada"] and [one.source for one in found.refused] == [
        "f.zip: read.me"
    ]


def test_a_path_that_cannot_be_read_leaves_the_others_alone() -> None:
    put("in/ada.txt", "[n]\na=1")
    data = zipped({"bob.txt": "[n]\na=1"}).read_bytes()
    put("e.zip", data[: len(data) // 2])
    found = collected("in", "e.zip")
    assert given("ada", "n") == {"a": "1"}
    assert [(one.source, one.code) for one in found.refused] == [("e.zip", "zip")]
    assert found.refused[0].reason.startswith("it is not a zip file that can be read")
    for paths in (["e.zip"], ["in", "gone.zip"]):
        with pytest.raises(Trouble, match="cannot read"):
            collected(*paths)


def test_two_members_of_one_name() -> None:
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile("e.zip", "w") as archive:
        archive.writestr("ada.txt", "[n]\na=1")
        archive.writestr("ada.txt", "[n]\na=2")
        archive.writestr("bob.txt", "[n]\na=3")
    assert {one.student: one.code for one in collected("e.zip").refused} == {"ada": "answered-twice"}
    assert given("bob", "n") == {"a": "3"}


def test_a_member_that_is_not_as_long_as_it_says() -> None:
    """The sizes in the headers are not believed: the deflated data holds a megabyte more."""
    zipped({"ada.txt": b"a" * 3_000_000, "bob.txt": "[n]\na=1"})
    data = Path("e.zip").read_bytes()
    lying = data.replace(struct.pack("<L", 3_000_000), struct.pack("<L", 1_000))
    Path("e.zip").write_bytes(lying)
    assert {one.student: one.code for one in collected("e.zip").refused} == {"ada": "zip-damaged"}
    assert given("bob", "n") == {"a": "1"}


def test_an_encrypted_member() -> None:
    zipped({"ada.txt": "[n]\na=1", "bob.txt": "[n]\na=1"})
    data = bytearray(Path("e.zip").read_bytes())
    at = data.index(b"PK\x01\x02")  # the first entry of the directory
    data[at + 8] |= 1
    data[6] |= 1
    Path("e.zip").write_bytes(bytes(data))
    assert {one.student: one.code for one in collected("e.zip").refused} == {"ada": "zip-encrypted"}


def test_members_that_share_bytes_are_a_bomb() -> None:
    """The directory points twice at the same data."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("ada.txt", "[n]\na=1" * 50)
        archive.writestr("bob.txt", "[n]\na=1" * 50)
        archive.infolist()[1].header_offset = archive.infolist()[0].header_offset
        archive._didModify = True  # type: ignore[attr-defined]
    put("e.zip", buffer.getvalue())
    with pytest.raises(Trouble, match="share bytes"):
        collected("e.zip")


def test_limits_of_zip_files(monkeypatch: pytest.MonkeyPatch) -> None:
    zipped({f"s{k}.txt": "x" for k in range(6)})
    monkeypatch.setattr(archives, "MOST_MEMBERS", 5)
    with pytest.raises(Trouble, match="6 files"):
        collected("e.zip")
    with monkeypatch.context() as change, pytest.raises(Trouble, match=r"members has 3\d\d bytes; the limit is 200"):
        change.setattr(archives, "MOST_DIRECTORY", 200)
        collected("e.zip")
    monkeypatch.setattr(archives, "MOST_MEMBERS", 6)
    monkeypatch.setattr(archives, "MOST_TOTAL", 5)
    with pytest.raises(Trouble, match="6 bytes"):
        collected("e.zip")
    put("e.zip", b"PK\x03\x04 nothing of the kind")
    with pytest.raises(Trouble, match="not a zip file"):
        collected("e.zip")


# --- tables -----------------------------------------------------------------------------------------------

LONG = "student,problem,blank,answer\n"


def test_a_long_table() -> None:
    put("all.csv", LONG + 'ada,xyz,q,3\n007,n,a,"1,5"\nada,gates/xyz,dq,-4\nbob,n,prog,"a = 1\nb = a"\n')
    found = collected("all.csv")
    assert not found.refused
    assert given("ada") == {"q": "3", "dq": "-4"} and given("007", "n") == {"a": "1,5"}
    assert [(line.name, line.text) for line in answers("bob").problems["n"]] == [("a", "1"), ("b", "a")]


@pytest.mark.parametrize("mark", [";", "\t", ","])
def test_a_wide_table(mark: str) -> None:
    rows = [
        ["SIS User ID", "name", "xyz.q", "gates/xyz dq", "dx", "[n] a"],
        ["ada", "A", "1", "2", "3", "4"],
        ["bob", "B", "", "2", "x", ""],
    ]
    put("all.csv", "\n".join(mark.join(row) for row in rows))
    assert not collected("all.csv").refused
    assert given("ada") == {"q": "1", "dq": "2", "dx": "3"} and given("ada", "n") == {"a": "4"}
    assert given("bob") == {"q": "", "dq": "2", "dx": "x"}


@pytest.mark.parametrize("row", [
    'ada,xyz,q,"3', 'ada,xyz,q,"3"x', "ada,xyz,q", "ada,xyz,q,1,2", f"ada,xyz,q,{'9' * 9000}", 'ada,xyz,"q,3\nada,xyz,dq,"4',
])  # fmt: skip
def test_a_broken_row_costs_only_its_student(row: str) -> None:
    """An open quote swallows nobody; and a student of whom a row is broken is not marked on the rest."""
    others = "bob,xyz,q,7\n007,n,a,8\n"
    put("all.csv", f"{LONG}ada,n,a,1\n{row}\n{others}")
    found = collected("all.csv")
    assert {one.student for one in found.refused} == {"ada"}
    assert given("bob") == {"q": "7"} and given("007", "n") == {"a": "8"}


def test_a_quote_does_not_swallow_a_row_even_if_the_cells_agree() -> None:
    put("all.csv", f'{LONG}ada,xyz,q,"3\nbob,xyz,q,"\n007,n,a,8\n')
    found = collected("all.csv")
    assert {one.student for one in found.refused} == {"ada", "bob"}
    assert given("007", "n") == {"a": "8"}


def test_an_answer_twice_in_a_table_names_both_lines() -> None:
    from bpcli.marking.answers import Unreadable, table

    put("all.csv", f"{LONG}ada,xyz,q,3\nada,xyz,q,4\n")
    collected("all.csv")
    found = table(answers("ada").problems["gates/xyz"])["q"]
    assert isinstance(found, Unreadable) and "lines 2 and 3" in found.reason


@pytest.mark.parametrize(("text", "said"), [
    ("", "empty"), ("u,v\n1,2\n", "neither"), ("student,xyz.q,xyz/q\nada,1,2\n", "two columns"), ("problem,blank,answer\n", "whose"),
])  # fmt: skip
def test_tables_that_are_none(text: str, said: str) -> None:
    put("all.csv", text)
    with pytest.raises(Trouble, match=said):
        collected("all.csv")


def test_limits_of_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    put("all.csv", LONG + "ada,xyz,q,3\nbob,xyz,q,3\n007,n,a,1\n")
    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    found = collected("all.csv")
    assert [one.student for one in found.taken] == ["ada", "bob"] and [one.code for one in found.refused] == [
        "too-large"
    ]
    monkeypatch.setattr(tables, "MOST_COLUMNS", 3)
    with pytest.raises(Trouble, match="4 columns"):
        collected("all.csv")


def test_a_table_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{LONG}ada,xyz,q,3\n".encode())))
    collected("-")
    assert given("ada") == {"q": "3"}


# --- JSON -------------------------------------------------------------------------------------------------


def test_numbers_of_json_stay_as_they_were_written() -> None:
    put(
        "all.json",
        '{"ada": {"xyz": {"q": 3.50, "dq": 1e-3, "dx": true}, "n": {"a": [1.0, 2], "prog": ["a = 1", "b = 2"]}}}',
    )
    collected("all.json")
    assert given("ada") == {"q": "3.50", "dq": "1e-3", "dx": "True"}
    assert [(one.name, one.text) for one in answers("ada").problems["n"]] == [("a", "[1.0, 2]"), ("a", "1"), ("b", "2")]


def test_a_list_of_students() -> None:
    put("all.json", json.dumps([{"student": "ada", "answers": {"n": {"a": "1"}}}, {"student": 7}, "x"]))
    found = collected("all.json")
    assert [one.student for one in found.taken] == ["ada"] and [one.code for one in found.refused] == ["json", "json"]


@pytest.mark.parametrize("text", [
    '{"a": NaN}', '{"a": Infinity}', '{"a": 1, "a": 2}', "[" * 21 + "]" * 21, '{"a": 1', "'a'", '{"a": 1e}', '"\\', "",
])  # fmt: skip
def test_json_that_is_refused(text: str) -> None:
    with pytest.raises(Trouble):
        objects.parse(text)


def test_depth_and_number_of_values_have_limits() -> None:
    assert objects.parse("[" * 20 + "]" * 20)
    assert objects.parse('["' + "[" * 100_000 + '"]')
    with pytest.raises(Trouble, match="nested"):
        objects.parse("[" * 100_000)
    many = json.dumps({str(k): k for k in range(objects.MOST_VALUES + 1)})
    with pytest.raises(Trouble, match="values"):
        objects.parse(many)


# --- sections ---------------------------------------------------------------------------------------------


def test_what_is_left_alone_is_told() -> None:
    put("in/ada.txt", "q = 1\n[zzz]\nq = 1\n[XYZ]\nq = 2\nnonsense\n")
    collected("in")
    assert given("ada") == {"q": "2"}
    assert [one.partition(":")[0] for one in answers("ada").remarks] == ["line 6", "line 1", "line 3"]


def test_a_problem_answered_in_two_files_is_refused_with_both() -> None:
    put("in/ada/a.txt", "[xyz]\nq = 1")
    put("in/ada/b.txt", "[xyz]\nq = 2")
    collected("in")
    with pytest.raises(Trouble, match=r"a\.txt and b\.txt"):
        answers("ada")


def test_a_template_in_a_second_file_is_no_second_answer() -> None:
    put("in/ada/a.txt", "[xyz]\nq = 1")
    put("in/ada/b.txt", "[xyz]\nq =\n[n]\na = 3")
    collected("in")
    assert answers("ada").problems["n"][0].text == "3"
