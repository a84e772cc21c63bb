"""The reader of numbers and of the text format of answers: strict, and never stopped by one bad line."""

from __future__ import annotations

import math
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcli.marking.answers import (
    MOST_BYTES,
    MOST_LINE,
    Line,
    Missing,
    Number,
    Unreadable,
    answer_name,
    decoded,
    read_number,
    read_submission,
    shown,
    table,
)
from bpcli.trouble import Trouble

# --- numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "decimals"),
    [
        ("3", 3, 0), ("-4", -4, 0), ("+.5", 0.5, 1), ("2.", 2, 0), (" 0.40 ", 0.4, 2), ("1e-3", 0.001, 0),
        ("-1.50E+2", -150, 2), ("007", 7, 0), ("0e-9999", 0, 0), ("-0", 0, 0), ("- 4", -4, 0),
        ("3/4", 0.75, 0), ("-1/3", -1 / 3, 0), ("3/-4", -0.75, 0), ("-3 / -4", 0.75, 0), ("0.5/2", 0.25, 0),
        ("\u22124", -4, 0), ("\u20130.20", -0.2, 2), ("0,39", 0.39, 2), ("\u22123,5", -3.5, 1), (",5", 0.5, 1),
    ],
)  # fmt: skip
def test_numbers_are_read(text: str, value: float, decimals: int) -> None:
    answer = read_number(text)
    assert isinstance(answer, Number)
    assert answer.value == value
    assert answer.decimals == decimals
    assert answer.text == text
    plain = text.isascii() and "," not in text
    assert bool(answer.notes) != plain


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nan", "nan"), ("-inf", "infinity"), ("Infinity", "infinity"), ("True", "True"), ("None", "None"),
        ("1_000", "without _"), ("0x1F", "0 to 9"), ("\uff11", "U+FF11"), ("\u0661", "U+0661"),
        ("1,234.5", "thousands"), ("1,234,567", "thousands"), ("1e400", "too large"), ("1e-400", "too small"),
        ("1e99999", "too large"), ("3/0", "zero"), ("3/0.0", "zero"), ("1/2/3", "not a number"),
        ("3 1/2", "several"), ("2 3", "several"), ("x*y", "formula"), ("2*3", "formula"), ("exp(1)", "formula"),
        ("0.4\u202e", "U+202E"), ("4\x1b[2J", "U+001B"), ("1" * 401, "limit is 400"), ("--4", "not a number"),
        ("0.39 ± 1", "U+00B1"), ("[3]", "not a number"), ("3;4", "not a number"), ("0.4.0", "not a number"),
        ("1/" + "9" * 390, "too small"), ("1" * 400, "too large"), ("\u0445", "U+0445"), ("4%", "not a number"), ("'4'", "not a number"),
    ],
)  # fmt: skip
def test_what_is_no_number_says_why(text: str, reason: str) -> None:
    answer = read_number(text)
    assert isinstance(answer, Unreadable)
    assert reason in answer.reason
    assert answer.text == text
    assert answer.reason.isascii() or answer.reason.isprintable()


@pytest.mark.parametrize("text", ["", " ", "?", "___", "...", "…", "-", " – ", "\u00a0"])
def test_what_a_template_leaves_is_no_answer(text: str) -> None:
    assert read_number(text) == Missing(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_reads_back(value: float) -> None:
    answer = read_number(repr(value))
    assert isinstance(answer, Number)
    assert answer.value == value


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**9))
def test_fractions_are_exact(above: int, below: int) -> None:
    answer = read_number(f"{above}/{below}")
    assert isinstance(answer, Number)
    assert answer.value == float(Fraction(above, below))


@given(st.text(max_size=60))
def test_any_text_is_a_finite_number_or_none_at_all(text: str) -> None:
    answer = read_number(text)
    assert answer.text == text
    if isinstance(answer, Number):
        assert math.isfinite(answer.value)
        assert any("0" <= character <= "9" for character in text)


@pytest.mark.parametrize("piece", ["1", " ", "-", "1,", "1/", "_", "e", ". "])
def test_reading_takes_no_time(piece: str) -> None:
    """Nothing in the reader backtracks: 400 characters at most are looked at closely."""
    start = time.process_time()
    for _ in range(200):
        read_number(piece * 200)
        read_number(piece * 5000)
    assert time.process_time() - start < 1


# --- names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [("q", "q"), (" dx ", "dx"), ("df/dx", "dx"), ("∂f/∂x", "dx"), ("dL / dw_0", "dw_0"), ("σ", "sigma"),
     ("dσ", "dsigma"), ("∂x", "dx"), ("w₀", "w0"), ("dW[0, 1]", "dW[0,1]"),],
)  # fmt: skip
def test_names(text: str, name: str) -> None:
    assert answer_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "2x", "x y", "x.y", "x" * 65, "\u0445", "x\x1b", "x[", "=", "x+", "ℓ", "ｘ", "_x"]
)
def test_what_is_no_name(text: str) -> None:
    assert answer_name(text) is None


# --- the text format --------------------------------------------------------------------------------------

SHEET = """\
# Ada
name = ada

[xyz]
q  = 3       # forward
dq = -4
∂f/∂x = −4

[ neuron ]
dw0 = ?
"""


def test_sections_and_lines() -> None:
    submission = read_submission(SHEET)
    assert submission.problems == ()
    assert submission.sections == {
        "": [Line("name", "ada", 2)],
        "xyz": [Line("q", "3", 5), Line("dq", "-4", 6), Line("dx", "−4", 7)],
        "neuron": [Line("dw0", "?", 10)],
    }


@pytest.mark.parametrize("text", [SHEET.replace("\n", "\r\n"), "\ufeff" + SHEET, SHEET.rstrip()])
def test_line_ends_and_marks_change_nothing(text: str) -> None:
    assert read_submission(decoded(text.encode())) == read_submission(SHEET)


def test_a_bad_line_costs_itself_alone() -> None:
    text = SHEET.replace("dq = -4", "what is dq?\n\x1b]0;gone\x07 = 4\n" + "x" * (MOST_LINE + 1) + "\ndq = -4")
    submission = read_submission(text)
    assert [one.text for one in submission.sections["xyz"]] == ["3", "-4", "−4"]
    assert [one.number for one in submission.problems] == [6, 7, 7, 8]
    assert all(one.message.isprintable() for one in submission.problems)
    assert "\\x1b" in submission.problems[1].message


def test_a_name_answered_twice_has_no_answer() -> None:
    """Neither the first nor the last is taken, the same figure twice is refused too, and the others are answered."""
    found = table(read_submission("q = 3\ndq = 1\nq = 4\nq = 3").sections[""])
    assert found["dq"] == "1"
    assert isinstance(found["q"], Unreadable)
    assert "q is answered twice (lines 1 and 4)" in found["q"].reason


def test_programs_keep_their_signs() -> None:
    lines = read_submission("[p]\nq = x + y  # sum\ndx += 1.0 / (1 + math.exp(-y))").sections["p"]
    assert [(*one[:2], one.sign) for one in lines] == [("q", "x + y", "="), ("dx", "1.0 / (1 + math.exp(-y))", "+=")]
    assert isinstance(table(lines)["dx"], Unreadable)


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        ("q = 3".encode("utf-16"), "not-utf-8", "UTF-16"), ("q = 3".encode("utf-32"), "not-utf-8", "UTF-32"),
        (b"q = 3\n\xe9 = 2", "not-utf-8", "byte 7"), (b"q = 3\x00", "not-text", "byte 6"),
        (b"q = 3\rdq = 4\r", "line-ends", "carriage return"), (b"#" * (MOST_BYTES + 1), "too-large", "1,048,577"),
    ],
)  # fmt: skip
def test_files_of_another_kind_are_refused(data: bytes, code: str, words: str) -> None:
    with pytest.raises(Trouble) as caught:
        read_submission(decoded(data, "ada.txt"))
    assert caught.value.code == code
    assert words in caught.value.message
    assert "ada.txt" in caught.value.message


@pytest.mark.parametrize(("count", "ok"), [(500, True), (501, False)])
def test_the_number_of_answers(count: int, ok: bool) -> None:
    text = "\n".join(f"x{k} = 1" for k in range(count))
    if ok:
        assert len(read_submission(text).sections[""]) == count
    else:
        with pytest.raises(Trouble, match="more than 500 answers"):
            read_submission(text)


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    submission = read_submission(text)
    for lines in submission.sections.values():
        assert all(one.name.isascii() for one in lines)
        table(lines)
    assert all(one.message.isprintable() for one in submission.problems)


def test_what_is_shown_of_an_answer() -> None:
    assert shown("a\x1b[31m\u202eb") == "a\\x1b[31m\\u202eb"
    assert shown("x" * 20_000) == "x" * 200 + "… (19,800 more)"


def test_an_answer_goes_on_until_its_bracket_is_closed() -> None:
    text = "y = [1, 2]\nW = [[1. 2.]  # as numpy prints it\n [3. 4.]]\nf = max(x,\n  axis=0)\nz = [1,\nq = 3\nb = [[1],\n[2],\n[x]\nd = 1"
    found = read_submission(text)
    assert {name: [(line.name, line.text, line.number) for line in lines] for name, lines in found.sections.items()} == {
        "": [
            ("y", "[1, 2]", 1), ("W", "[[1. 2.] [3. 4.]]", 2), ("f", "max(x, axis=0)", 4), ("z", "[1,", 6),
            ("q", "3", 7), ("b", "[[1],", 8),
        ],
        "x": [("d", "1", 11)],
    }  # fmt: skip
    assert [problem.number for problem in found.problems] == [9]


def test_a_chain_of_signs_takes_no_time_that_grows_with_its_square() -> None:
    """A line of 65,536 characters would have taken an hour. (The limit on answers is another matter.)"""
    from bpcli.marking.statements import assignments

    start = time.process_time()
    found = assignments("a=" * 32_000 + "1")
    assert len(found) == 32_000 and {*found} == {("a", "=", "1")}
    assert time.process_time() - start < 5
