"""Answers as a person marks them: read where nobody would have to think, and nowhere else."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcli.figures import MOST_DIGITS
from bpcli.marking.answers import Missing, Number, Unreadable, bare, read_number
from bpcli.marking.array_answers import Array, read_array
from bpcli.marking.liberal import option_in, read_answer


@pytest.mark.parametrize(
    ("text", "value", "decimals"),
    [
        ("8;", 8, 0), ("-5 ;", -5, 0), ("0.40.", 0.4, 2), ("3,", 3, 0), ("**-1**", -1, 0), ("*4*", 4, 0), ("`3`", 3, 0),
        ("$-0.40$.", -0.4, 2), ("'4'", 4, 0), ('"-2"', -2, 0), ("~4", 4, 0), ("≈ -4", -4, 0), ("**0,5**", 0.5, 1),
        ("x + y = -8", -8, 0), ("-8*z = -64", -64, 0), ("2x = -4", -4, 0), ("dL/dq = \u22124", -4, 0),
        ("2*x = 2*-2 = -4.0", -4, 1), ("3/4 = 0.75", 0.75, 2), ("0.3932 ≈ 0.39", 0.39, 2), ("x·y = 6", 6, 0),
        ("4*1", 4, 0), ("-8*-8", 64, 0), ("(2 - 3)*4", -4, 0), ("4 × 0.5", 2, 0), ("1 \u2212 3", -2, 0), ("1e3*2", 2000, 0),
    ],
)  # fmt: skip
def test_what_a_marker_reads_without_thinking(text: str, value: float, decimals: int) -> None:
    assert isinstance(read_number(text), Unreadable), "the strict reader does not"
    answer = read_answer(text)
    assert isinstance(answer, Number) and (answer.value, answer.decimals) == (value, decimals)
    assert answer.text == text and answer.notes[-1].startswith("read as ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,000", "write 1000 or 1.0"), ("12,340;", "write 12340 or 12.34"), ("-3,141", "write -3141 or -3.141"),
        ("3 = 4", "several numbers"), ("0.3932 = 0.40", "several numbers"), ("3 or 4", ""), ("4 or 5 = 5", ""),
        ("-5, f = -40", ""), ("-2**2", "formula"), ("2^3", "formula"), ("--4", "not a number"), ("2*e", "formula"),
        ("exp(1)", "formula"), ("x", "formula"), ("2*x", "formula"), ("x = 2*y", "formula"), ("**nan**", "nan"),
        ("1e400*1", ""), ("1/0*2", ""), ("4 (minus)", ""), ("__import__('os') = 4", ""), ("x.__class__ = 4", ""),
        ("1" * 399 + "*2;", "limit is 400"), ("not 3 = 4", ""), ("0.39 ± 1", "U+00B1"),
    ],
)  # fmt: skip
def test_what_could_mean_two_things_is_not_read(text: str, reason: str) -> None:
    answer = read_answer(text)
    assert isinstance(answer, Unreadable) and answer.text == text
    assert reason in answer.reason


@pytest.mark.parametrize("text", ["0,5", "3,14", "-2,25", "0,500", "1234,567", ",125"])
def test_decimal_commas_that_are_no_thousands(text: str) -> None:
    answer = read_answer(text)
    assert isinstance(answer, Number) and answer.value == float(text.replace(",", "."))


@pytest.mark.parametrize("text", [";", "``", "", "?", "…;", "**", "-"])
def test_nothing_with_something_around_it_is_no_answer(text: str) -> None:
    assert read_answer(text) == Missing(text) or (isinstance(read_answer(text), Unreadable) and text in ("**", "``"))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_the_strict_reader_reads_stays_as_it_is(value: float) -> None:
    assert read_answer(repr(value)) == read_number(repr(value))


@given(st.text(max_size=60) | st.text("0123456789.,;=*+-/() xe~$`", max_size=40))
def test_any_text_is_a_finite_number_or_none_at_all(text: str) -> None:
    strict, answer = read_number(text), read_answer(text)
    assert answer.text == text
    assert isinstance(strict, Unreadable) or answer == strict
    if isinstance(answer, Number):
        assert math.isfinite(answer.value) and any("0" <= sign <= "9" for sign in text)


@given(st.integers(-(10**6), 10**6), st.sampled_from("+-*"), st.integers(0, 10**6))
def test_arithmetic_is_that_of_whole_numbers(a: int, sign: str, b: int) -> None:
    answer = read_answer(f"{a} {sign} {b}")
    assert isinstance(answer, Number)
    assert answer.value == {"+": a + b, "-": a - b, "*": a * b}[sign]


@given(st.text(max_size=40))
def test_what_is_bare_stays_bare(text: str) -> None:
    once = bare(f"**{text}**;")
    assert len(once) <= len(text) + 5
    assert bare(bare(text)) == bare(text) or any(mark in text for mark in "*_`$\"'")


@pytest.mark.parametrize("piece", ["1", "=", "1=", "(", "*", "1*", "~", "`", ";", "**a", "1e", "- ", "x ", "2(", "x="])
def test_reading_takes_no_time(piece: str) -> None:
    """Limits before work: 400 characters at most are looked at closely, and none of them twice in vain."""
    start = time.process_time()
    for size in (MOST_DIGITS // len(piece), 60_000):
        read_answer(piece * size)
        option_in(piece * size, ["1", "x"])
    assert time.process_time() - start < 1


@pytest.mark.parametrize("text", ["**[1, -2]**;", "`[1, -2]`", "$[1, -2]$", "[1. -2.] ."])
def test_what_stands_around_an_array_is_read_past(text: str) -> None:
    answer = read_array(text, (2,))
    assert isinstance(answer, Array) and answer.text == text and answer.value.tolist() == [1, -2]


# --- choices ----------------------------------------------------------------------------------------------

GATES = ["switcher", "router", "distributor"]


@pytest.mark.parametrize(
    ("text", "option"),
    [("Switcher.", "switcher"), ("a router", "router"), ("Distributor gate", "distributor"), ("(router)", "router"),
     ("ROUTER!", "router"), ("the router, I think", "router")],
)  # fmt: skip
def test_a_choice_in_a_sentence(text: str, option: str) -> None:
    assert option_in(text, GATES) == option


@pytest.mark.parametrize(
    "text", ["not a router", "router or switcher", "routers", "anything but a router", "", "router " * 50]
)
def test_a_choice_that_is_none(text: str) -> None:
    assert option_in(text, GATES) is None


def test_options_within_options() -> None:
    signs = ["positive", "not positive", "1", "1.5", "no"]
    for text, option in (
        ("it is not positive", "not positive"),
        ("positive", "positive"),
        ("about 1.5.", "1.5"),
        ("No.", "no"),
    ):
        assert option_in(text, signs) == option
