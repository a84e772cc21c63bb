"""What a student sends in: the one strict reader of numbers, and the text format of answers.

    [xyz]          # a section for each problem
    q  = 3
    dq = -4

A submission is data. Nothing here evaluates it, and what cannot be read costs its own blank and nothing else: a
number that is none keeps its reason, a line that is none is listed. Only a file that is no text of this kind at all
(not UTF-8, too large) is refused as a whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, pairwise
from typing import NamedTuple, NoReturn

from bpcli.figures import MOST_DIGITS, NUMBER
from bpcli.language import NAME, plain_name
from bpcli.marking import notebook
from bpcli.marking.printed import unwrapped
from bpcli.marking.statements import BLOCK, assignments, statements
from bpcli.trouble import Trouble, visible

MOST_BYTES = 2**20  # of a file
MOST_LINE = 65536  # characters of a line
MOST_LINES = 20_000  # of a file, comments included
MOST_ANSWERS = 500  # of a submission
MOST_NAME = 64  # characters
MOST_QUOTED = 200  # characters of an answer that are shown again

MINUSES = {"\u2212": "a minus sign (U+2212)", "\u2013": "a dash (U+2013)", "\u2012": "a dash (U+2012)"}
_SPACES = " \t\u00a0\u2009\u202f"
_EXPONENT = re.compile(r"[eE][+-]?[0-9]{5,}")
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?", re.ASCII)
_THOUSAND = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}", re.ASCII)
_FRACTION = re.compile(r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*/\s*([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)", re.ASCII)
_NOTHING = re.compile(r"[?_.…\-–—\s]*")  # what a template has where an answer belongs


class Number(NamedTuple):
    """A number as a student wrote it."""

    text: str
    """Exactly what was typed."""
    value: float
    notes: tuple[str, ...] = ()
    """How it was read, where that is not plain: "read , as the decimal point"."""
    decimals: int = 0
    """Digits after the point as typed, trailing zeros among them."""


class Unreadable(NamedTuple):
    """An answer that is no number, and why."""

    text: str
    reason: str


class Missing(NamedTuple):
    """No answer: nothing, or what the template had there."""

    text: str = ""


Answer = Number | Unreadable | Missing


def read_number(text: str) -> Answer:
    """The number that TEXT writes out in plain digits, with a sign, a power of ten (1e-3), or as a fraction (3/4).

    A true minus sign or a dash in front and a decimal comma are read and noted. Not numbers: nan, inf, 1_000, True,
    hex, digits of other scripts, formulas, and 1,000, which is a thousand to some and one to others. What Python
    prints around a number, np.float64(0.5), is read past.
    """
    if _NOTHING.fullmatch(text):
        return Missing(text)
    if len(text) > MOST_DIGITS:
        return Unreadable(text, f"it has {len(text):,} characters; the limit is {MOST_DIGITS}")
    notes = []
    plain = unwrapped(text.strip(_SPACES))
    for minus, called in MINUSES.items():
        if minus in plain:
            plain = plain.replace(minus, "-")
            notes.append(f"read {called} as -")
    if plain[:1] in "+-" and plain[1:2] in _SPACES:
        plain = plain[0] + plain[1:].lstrip(_SPACES)
    if _COMMA.fullmatch(plain) and not _THOUSAND.fullmatch(plain):
        plain = plain.replace(",", ".")
        notes.append("read , as the decimal point")
    if NUMBER.fullmatch(plain):
        return _decimal(text, plain, tuple(notes))
    if match := _FRACTION.fullmatch(plain):
        return _fraction(text, match, tuple(notes))
    return Unreadable(text, _why_not(plain))


def _decimal(text: str, plain: str, notes: tuple[str, ...]) -> Answer:
    value = 0.0 if _EXPONENT.search(plain) else float(plain)
    digits = plain.lower().partition("e")[0]
    if _EXPONENT.search(plain) or not math.isfinite(value):
        return Unreadable(text, "it is too large or too small for a number here")
    if not value and digits.strip("+-0."):
        return Unreadable(text, "it is too small for a number here")
    return Number(text, value, notes, len(digits.partition(".")[2]))


def _fraction(text: str, match: re.Match[str], notes: tuple[str, ...]) -> Answer:
    above, below = Fraction(match[2]), Fraction(match[4])
    if not below:
        return Unreadable(text, "it divides by zero")
    sign = -1 if (match[1] == "-") != (match[3] == "-") else 1
    try:
        value = float(sign * above / below)
    except OverflowError:
        return Unreadable(text, "it is too large for a number here")
    if above and not value:
        return Unreadable(text, "it is too small for a number here")
    return Number(text, value, notes)


#: Why something with letters or signs of arithmetic is no number.
NOT_A_FORMULA = "a number is asked, not a formula"

_WORDS = {"nan": "nan is not a number", "inf": "infinity is not a number here",
          "infinity": "infinity is not a number here", "true": "True is not a number",
          "false": "False is not a number", "none": "None is not a number", "null": "null is not a number"}  # fmt: skip


def _why_not(plain: str) -> str:
    """Why PLAIN is not a number, in the student's terms."""
    word = plain.lstrip("+-").lower()
    if word in _WORDS:
        return _WORDS[word]
    if strange := next((c for c in plain if not c.isascii() or not c.isprintable()), ""):
        return f"the character {shown(strange)} (U+{ord(strange):04X}) is not part of a number"
    if re.fullmatch(r"[+-]?0[xXbBoO][0-9A-Fa-f_]+", plain):
        return "write the number with the digits 0 to 9"
    if "_" in plain and NUMBER.fullmatch(plain.replace("_", "")):
        return "write the number without _"
    if _THOUSAND.fullmatch(plain):
        whole, _, decimals = plain.partition(",")
        return f"write {whole}{decimals} or {whole}.{decimals.rstrip('0') or '0'}"
    if re.fullmatch(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?", plain):
        return "write the number without , between the thousands"
    if re.search(r"\d\s+\d", plain):
        return "there are several numbers; write one"
    if any(sign in plain for sign in "*^(") or re.search(r"[A-Za-z]|[0-9.]\s*[+-]\s*[0-9.]", plain):
        return NOT_A_FORMULA
    return "it is not a number"


#: What people put around an answer: Markdown's stars and code, dollars of TeX, quotes.
_AROUND = ("**", "__", "*", "`", "$", '"', "'")
_BEHIND = ";,."


def bare(text: str) -> str:
    """TEXT without what stands around it (stars, back-ticks, dollars, quotes) and the ; , or . behind it."""
    for _ in range(len(_AROUND)):
        before = text
        text = text.strip(_SPACES)
        text = text.rstrip(_SPACES + _BEHIND)
        for mark in _AROUND:
            inner = text[len(mark) : -len(mark)]
            if text.startswith(mark) and text.endswith(mark) and inner and mark not in inner:
                text = inner
                break
        if text == before:
            break
    return text


def shown(text: str) -> str:
    """A student's TEXT as it may be shown: on one line, nothing that moves a cursor or hides, not too long."""
    line = visible(text.replace("\n", "\\n")[: MOST_QUOTED + 1])
    more = len(text) - MOST_QUOTED
    return line if more <= 0 else f"{line[:MOST_QUOTED]}… ({more:,} more)"


# --- the text format ---------------------------------------------------------------------------------------


class Line(NamedTuple):
    """One answer of a file: ``name = text``, or ``name += text`` in a program."""

    name: str
    text: str
    number: int
    """The line of the file, from 1."""
    sign: str = "="
    note: str = ""
    """How it was read, where that is not plain."""
    means: str = ""
    """``text`` with the file's own functions put in, where it calls one."""


class Problem(NamedTuple):
    """A line that is no answer."""

    number: int
    message: str
    section: str = ""
    """The section that it stands in."""
    code: bool = False
    """Whether it is a line of a program that gives nothing a value: import, def, print."""


class Submission(NamedTuple):
    """The answers of one file: section -> its lines in order ("" for lines before any section)."""

    sections: dict[str, list[Line]]
    problems: tuple[Problem, ...] = ()


_HEADER = re.compile(r"\[([^\[\]]*)\]")
_TITLE = re.compile(r"\[[^\W\d][^\[\],]*\]")  # a header that is no row of an array
_BEGINS = re.compile(rf"\s*(?!axis\b|keepdims\b|dtype\b)[d∂]?(?>{NAME})[^=()]*+(?<![<>=!])=(?!=)")
_CODE = re.compile(
    r"(?:import|from|def|class|return|print|if|else|elif|for|while|with|try|except|assert|pass)\b(?!\s*=[^=])|@|%"
)
_CALLED = re.compile(rf"{NAME}(?:\.{NAME})*\(.*\)")
_BULLET = re.compile(r"(?:[-*+•>]|>>>|[0-9]{1,3}[.)])[ \t]+")
_NAME = re.compile(rf"{NAME}(?:\[[0-9, ]*\])?")
_QUOTIENT = re.compile(rf"[d∂](?:{NAME})?\s*/\s*[d∂]({NAME}(?:\[[0-9, ]*\])?)")


def decoded(data: bytes, called: str = "the file", most: int = MOST_BYTES) -> str:
    """The text of a submission's bytes; `Trouble` unless it is UTF-8 (with or without a mark) and has at most MOST."""
    if len(data) > most:
        _refuse(called, f"it has {len(data):,} bytes; the limit is {most:,}", "too-large")
    for mark, name in ((b"\xff\xfe\x00\x00", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")):
        if data.startswith(mark):
            _refuse(called, f"it is {name}; save it as UTF-8", "not-utf-8")
    if b"\x00" in data:
        _refuse(called, f"it has a character 0 (byte {data.index(0) + 1}), so it is not a text", "not-text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(called, f"it is not UTF-8 (byte {error.start + 1}); save it as UTF-8", "not-utf-8")
    if "\r" in text.replace("\r\n", ""):
        _refuse(called, "its lines end with a bare carriage return; save it with ordinary line ends", "line-ends")
    return text


def _refuse(called: str, why: str, code: str) -> NoReturn:
    raise Trouble(f"cannot read {called}: {why}", code=code)


def read_submission(text: str, called: str = "the file", heads: Callable[[str], bool] = lambda _: False) -> Submission:
    """The answers in TEXT. Raises `Trouble` only for a limit of the whole file.

    A section begins at ``[title]``, and at a line or comment that HEADS knows for a title.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    if len(lines) > MOST_LINES:
        _refuse(called, f"it has {len(lines):,} lines; the limit is {MOST_LINES:,}", "too-large")
    sections: dict[str, list[Line]] = {}
    problems = []
    section, count = "", 0
    block: tuple[int, str] | None = None  # the if or for that lines are indented under
    pasted = notebook.read(lines)
    for number, raw in _joined(pasted.lines):
        if len(raw) > MOST_LINE:
            long = f"the line has {len(raw):,} characters; the limit is {MOST_LINE:,}"
            problems.append(Problem(number, long, section))
            continue
        line = raw.partition("#")[0].strip(_SPACES + "\r")
        title = _title(line or raw.lstrip(_SPACES), heads)
        found = [*_lines(line, number)] if title is None and line else []
        if found and all(isinstance(one, Problem) for one in found) and heads(line):
            title = line
        if title is not None:
            section = title
            sections.setdefault(section, [])
        if title is not None or not line:
            continue
        indent = len(raw) - len(raw.lstrip())
        if block is not None and indent > block[0]:
            inside = f"it stands inside {shown(block[1])}; write where(condition, a, b)"
            problems.append(Problem(number, inside, section))
            continue
        block = (indent, line) if BLOCK.fullmatch(line) else None
        answers = [_meant(one, pasted) for one in found if isinstance(one, Line)]
        if any(map(str.isalnum, line)) and not line.startswith("```"):  # else it is a drawn line, or a fence
            problems += [one._replace(section=section) for one in found if isinstance(one, Problem)]
        count += len(answers)
        if count > MOST_ANSWERS:
            _refuse(called, f"it has more than {MOST_ANSWERS} answers", "too-large")
        if answers:
            sections.setdefault(section, []).extend(answers)
    return Submission(sections, tuple(problems))


def _meant(line: Line, pasted: notebook.Notebook) -> Line:
    """LINE with what the functions of the file make of it."""
    means = pasted.put_in(line.text) if pasted.functions else line.text
    return line if means == line.text else line._replace(means=means)


def _title(line: str, heads: Callable[[str], bool]) -> str | None:
    """The title of the section that LINE, or a comment that is a title, begins."""
    if match := _HEADER.fullmatch(line):
        return match[1].strip(_SPACES)
    return line.strip(_SPACES + "\r") if line.startswith("#") and heads(line) else None


def _joined(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The number of each line and its text; an answer that leaves a bracket open goes on over the lines after it.

    It does not when another answer or section begins before the bracket is closed.
    """
    place = 0
    while place < len(lines):
        raw, number = lines[place], place + 1
        place += 1
        code = raw.partition("#")[0]
        more = _until_closed(lines, place, _open(code)) if _open(code) > 0 and _BEGINS.match(code) else []
        place += len(more)
        yield number, " ".join([code.rstrip(), *more]) if more else raw


def _until_closed(lines: Sequence[str], place: int, depth: int) -> list[str]:
    """The lines from PLACE on that close DEPTH open brackets; none when they are not closed."""
    found: list[str] = []
    size = 0
    for raw in lines[place:]:
        code = raw.partition("#")[0].strip(_SPACES + "\r")
        size += len(code)
        if size > MOST_LINE or _BEGINS.match(code) or _TITLE.fullmatch(code):
            return []
        found.append(code)
        depth += _open(code)
        if depth <= 0:
            return found
    return []


_PLAIN = re.compile(r"([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*([-+]?[0-9]+(?:\.[0-9]+)?)", re.ASCII)


def _open(code: str) -> int:
    """How many brackets CODE leaves open."""
    return code.count("(") + code.count("[") - code.count(")") - code.count("]")


def _lines(line: str, number: int) -> Iterator[Line | Problem]:
    """The answers that a line gives, or why it gives none."""
    plain = _PLAIN.fullmatch(line)  # nine lines in ten, at a third of the cost of what follows
    if plain and (name := answer_name(plain[1])) is not None:
        yield Line(name, plain[2], number, "=")
        return
    if _CODE.match(line):
        quiet = not assignments(line)[-1].sign
        yield Problem(number, f"this is no answer (name = answer): {shown(line)}", code=quiet)
        return
    for statement in filter(None, statements(line)):
        for piece in _pieces(statement):
            yield from _answers(piece.strip(_SPACES), number)


def _pieces(statement: str) -> Iterator[str]:
    """STATEMENT cut before every ``, name =`` that no bracket encloses: ``q = 3, dq = -4`` has two answers."""
    depth = start = 0
    seen = False
    for at, sign in enumerate(statement):
        depth += (sign in "([{") - (sign in ")]}")
        seen = seen or sign == "="
        if sign == "," and seen and not depth and _names(statement[at + 1 : at + MOST_NAME + 8]):
            yield statement[start:at]
            start = at + 1
    yield statement[start:]


def _names(text: str) -> bool:
    """Whether TEXT begins as an answer does: ``dq = …``."""
    first = assignments(text)[-1]
    return bool(first.sign) and answer_name(bare(first.left)) is not None


def _answers(text: str, number: int) -> Iterator[Line | Problem]:
    """The answers in TEXT: to one name, or the same to several, or to one with the formula that it comes from.

    Where no name stands, a bullet before it, what stands around it, and a colon for the = are read past.
    """
    found = [(answer_name(one.left), one) for one in assignments(text)]
    if all(name is not None and one.sign for name, one in found):
        yield from (Line(name or "", one.right.strip(_SPACES), number, one.sign) for name, one in found)
        return
    bullet = _BULLET.match(text)
    plain = bare(text[bullet.end() :] if bullet else text)
    head, colon, rest = plain.partition(":")
    rest = rest.removeprefix("=").strip(_SPACES)
    if colon and rest and (name := answer_name(bare(head))) is not None:
        yield Line(name, rest, number, note="" if f"{colon}=" in plain else "read : as =")
        return
    first = assignments(plain)[-1]
    name = answer_name(bare(first.left))
    if not first.sign:
        called = bool(_CALLED.fullmatch(text))
        yield Problem(number, f"this is no answer (name = answer): {shown(text)}", code=called)
    elif name is not None:
        yield Line(name, plain.partition(first.sign)[2].strip(_SPACES), number, first.sign)
    elif re.fullmatch(rf"\(?\s*{NAME}(?:\s*,\s*{NAME})+\s*\)?", first.left):
        apart = "; ".join(f"{one} = …" for one in re.findall(NAME, first.left))
        called = bool(_CALLED.fullmatch(first.right))  # a, b = passes(x, y): the lines of passes are there
        yield Problem(number, f"one name to a line: write {shown(apart)}", code=called)
    else:
        yield Problem(number, f"this is not a name: {shown(first.left)}")


def answer_name(text: str) -> str | None:
    """The name of a blank as TEXT has it, in ASCII: ``df/dx`` and ``∂f/∂x`` are dx; None for what is no name."""
    plain = text.strip(_SPACES)
    if len(plain) > MOST_NAME:
        return None
    if match := _QUOTIENT.fullmatch(plain):
        plain = f"d{match[1]}"
    plain = plain.replace("∂", "d")
    if not _NAME.fullmatch(plain):
        return None
    return plain_name(plain).replace(" ", "")


def table(lines: Sequence[Line], typed: bool = False) -> dict[str, str | Unreadable]:
    """Name -> what was answered. A name that is answered twice has no answer but the reason, with both places.

    TYPED lines are words of the command line, which have no numbers.
    """
    found: dict[str, str | Unreadable] = {}
    first: dict[str, Line] = {}
    for line in lines:
        if line.name in first:
            before = first[line.name]
            where = f" (lines {before.number} and {line.number})"
            if typed:
                where = f" on the command line: {shown(before.text)} and {shown(line.text)}"
            found[line.name] = Unreadable(line.text, f"{line.name} is answered twice{where}")
        elif line.sign != "=":
            found[line.name] = Unreadable(line.text, f"{line.name} {line.sign} needs a value of {line.name} before it")
        else:
            found[line.name] = line.text
        first.setdefault(line.name, line)
    return found


def placed(lines: Sequence[Line]) -> str:
    """The LINES of a program as one text, each on the line where it stands in the hand-in, if they are in order there."""
    texts = [f"{line.name} {line.sign} {line.text}" for line in lines]
    steps = [other - one for one, other in pairwise([1, *(line.number for line in lines)])]
    if min(steps, default=-1) < 0:
        return "\n".join(texts)
    between = ["\n" * steps[0], *("\n" * step or "; " for step in steps[1:])]
    return "".join(chain.from_iterable(zip(between, texts, strict=True)))
