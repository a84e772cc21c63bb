"""Programs as answers: lines of the passes, read and never run, each marked by itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import formulas
import pytest

import bpcli
from bpcli.exercises.staging import backward_lines, forward_lines
from bpcli.language import parse
from bpcli.marking.answers import Line, read_submission
from bpcli.marking.programs import mark_program
from bpcli.marking.verdicts import Mark, score
from bpcli.slips import SLIPS
from bpcli.trouble import Trouble

#: The staged example of CS231n, as its notes write it.
STAGED = (
    "sigy=sigmoid(y); num=x+sigy; sigx=sigmoid(x); xpy=x+y; xpysqr=xpy^2; den=sigx+xpysqr; invden=1/den; f=num*invden"
)
NOTES = """\
sigy = 1.0 / (1 + math.exp(-y)) # sigmoid in numerator   #(1)
num = x + sigy # numerator                               #(2)
sigx = 1.0 / (1 + math.exp(-x)) # sigmoid in denominator #(3)
xpy = x + y                                              #(4)
xpysqr = xpy**2                                          #(5)
den = sigx + xpysqr # denominator                        #(6)
invden = 1.0 / den                                       #(7)
f = num * invden # done!                                 #(8)

dnum = invden # gradient on numerator
dinvden = num
dden = (-1.0 / (den**2)) * dinvden
dsigx = (1) * dden
dxpysqr = (1) * dden
dxpy = (2 * xpy) * dxpysqr
dx = (1) * dxpy
dy = (1) * dxpy
dx += ((1 - sigx) * sigx) * dsigx # Notice += !! See notes below
dx += (1) * dnum
dsigy = (1) * dnum
dy += ((1 - sigy) * sigy) * dsigy
"""
NEEDS = ("f", "dx", "dy")


def marked(
    text: str, formula: str = STAGED, needs: Sequence[str] = NEEDS, given: bool = False, hint: bool = False
) -> dict[str, Mark]:
    lines = read_submission(text).sections.get("", [])
    return {one.name: one for one in mark_program(parse(formula), lines, b"secret", None, needs, given, hint).marks}


def changed(old: str, new: str) -> dict[str, Mark]:
    assert NOTES.count(old) == 1
    return marked(NOTES.replace(old, new))


def test_the_notes_own_program_is_right() -> None:
    found = marked(NOTES)
    assert {one.verdict for one in found.values()} == {"right"}
    assert len(found) == 17


def test_one_slip_costs_one_name() -> None:
    found = changed("(-1.0 / (den**2))", "(-1.0 / den)")
    assert [name for name, one in found.items() if one.verdict == "wrong"] == ["dden"]
    assert found["dden"].slips == ("reciprocal-not-squared",)
    assert "in line 12" in found["dden"].reason or "in line 11" in found["dden"].reason
    assert found["dx"].verdict == "follows"
    assert found["dsigy"].verdict == "right"


@pytest.mark.parametrize(
    ("old", "new", "name", "slip"),
    [
        ("dx += (1) * dnum", "dx = (1) * dnum", "dx", "forgot-branch"),
        ("dy += ((1", "dy = ((1", "dy", "forgot-branch"),
        ("dx += ((1 - sigx) * sigx) * dsigx", "dx += sigx * dsigx", "dx", "sigmoid-not-times-one-minus"),
        ("dxpy = (2 * xpy) * dxpysqr", "dxpy = (2 * xpy)", "dxpy", "upstream-dropped"),
        ("dxpy = (2 * xpy) * dxpysqr", "dxpy = 2*xpy**2 * dxpysqr", "dxpy", "power-off-by-one"),
        ("dnum = invden", "dnum = num", "dnum", "mul-not-switched"),
        ("(-1.0 / (den**2))", "(1.0 / (den**2))", "dden", "sign-lost"),
        ("dsigy = (1) * dnum", "dsigy = (1) + dnum", "dsigy", "upstream-added"),
    ],
)  # fmt: skip
def test_slips_in_lines_are_named(old: str, new: str, name: str, slip: str) -> None:
    found = changed(old, new)
    assert [one.name for one in found.values() if one.verdict == "wrong"] == [name]
    assert found[name].slips == (slip,)
    assert SLIPS[slip].title in found[name].reason


def test_a_missing_plus_says_which_line() -> None:
    found = changed("dx += (1) * dnum", "dx = (1) * dnum")
    assert "line 19 sets dx anew" in found["dx"].reason


def test_a_line_that_cannot_be_read_costs_itself() -> None:
    found = changed("num = x + sigy # numerator ", "num = x + __import__('os') # ")
    assert {name: one.verdict for name, one in found.items() if one.verdict != "right"} == {"num": "invalid"}
    assert found["num"].reason.startswith("line 2: ")


def test_other_names_and_other_steps_are_fine() -> None:
    text = "s = x+y\nout = s*z\nt = z*1\nds = t\ndz = s\ndx = 1*ds\ndy = ds + 0"
    found = marked(text, "q = x + y; f = q*z", ("f", "dx", "dy", "dz"))
    assert {one.verdict for one in found.values()} == {"right"}
    closed = marked("f = (x+y)*z\ndx = z\ndy = z\ndz = x + y", "q = x + y; f = q*z", ("f", "dx", "dy", "dz"))
    assert {one.verdict for one in closed.values()} == {"right"}


def test_what_is_missing_is_blank() -> None:
    found = marked("dq = z\ndx = dq", "q = x + y; f = q*z", ("dx", "dy", "dz"), given=True)
    assert {name: one.verdict for name, one in found.items()} == {
        "dq": "right",
        "dx": "right",
        "dy": "blank",
        "dz": "blank",
    }


def test_the_forward_names_are_there_only_when_given() -> None:
    text = "dq = z\ndz = q"
    assert marked(text, "q = x + y; f = q*z", (), given=True)["dz"].verdict == "right"
    late = marked(text, "q = x + y; f = q*z", ())["dz"]
    assert (late.verdict, late.reason) == ("invalid", "line 2: q has no value yet")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("dx += z", "has no value yet that += could change"), ("dx = [1, 2]", "one formula of numbers"),
        ("dx = r*z", "r has no value yet"), ("dx = z*", ""), ("dx = open('key.txt')", ""),
        ("dx = (lambda: z)()", ""), ("dx = z if z > 0 and q > 0 else q", "a condition is one comparison, without 'and'"), ("dx = " + "(" * 101 + "z" + ")" * 101, "100"),
    ],
)  # fmt: skip
def test_what_is_no_line_is_invalid(line: str, reason: str) -> None:
    found = marked(f"dq = z\n{line}", "q = x + y; f = q*z", (), given=True)
    bad = found[line.split(" ", maxsplit=1)[0]]
    assert bad.verdict == "invalid"
    assert reason in bad.reason
    assert bad.reason.isprintable()
    assert found["dq"].verdict == "right"


PASTED = """\
import numpy as np
x = -2.0; y = 5.0; z = -4.0   # set some inputs
def forward(x, y, z):
    q = np.add(x, y);
    f = np.multiply(q, z)
    print(f"f = {f}")
    return f
df = 1.0
dq, dz = z*df, q*df
dq = z * df
dz = q * df
dx = dy = 1.0 * dq
print("gradients:", dx, dy, dz)
if dx > 0:
    dx = 0
"""


def test_a_notebook_as_it_is_pasted() -> None:
    result = bpcli.mark("q = x + y; f = q*z", program=PASTED)
    assert {one.name: one.verdict for one in result.marks} == dict.fromkeys(
        ["q", "f", "df", "dq", "dz", "dx", "dy"], "right"
    )
    notes = [note.message for note in result.notes]
    assert "line 15 is left out: it stands inside if dx > 0:; write where(condition, a, b)" in notes
    assert "lines 1, 3, 6, 7, 13 and 14 give nothing a value: left out" in notes
    assert len(notes) == 2


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("dx = float(x > y) * dm", "right"), ("dx = (x > y) * dm", "right"), ("dx = dm if x > y else 0.0", "right"),
        ("dx = np.where(x > y, dm, 0)", "right"), ("dx = np.where(x > y, 0, dm)", "wrong"), ("dx = (x < y) * dm", "wrong"),
        ("dx = dm; dx[x <= y] = 0", "right"), ("dx = np.multiply(dm, x >= y)", "right"), ("dx = dm * int(x > y)", "right"),
        ("dx = (x > y) and dm", "invalid"), ("dx = 1.0*dm*(x>y);", "right"), ("dx = dm * (x - y > 0)", "right"),
    ],
)  # fmt: skip
def test_a_maximum_in_python(line: str, verdict: str) -> None:
    found = marked(f"dm = z\n{line}", "m = max(x, y); f = m*z", (), given=True)
    assert found["dx"].verdict == verdict, found["dx"].reason


def test_too_many_lines() -> None:
    with pytest.raises(Trouble, match="201 lines; the limit is 200"):
        mark_program(parse("x*y"), [Line("a", "x", 1)] * 201, b"s")


def test_a_hint_names_the_line_alone() -> None:
    found = marked(NOTES.replace("dnum = invden #", "dnum = num #"), hint=True)
    assert found["dnum"].reason == "look again at line 10"
    assert not found["dnum"].slips


@contextmanager
def nothing_is_run() -> Iterator[list[str]]:
    """Collects what is executed, compiled, opened or started meanwhile, other than by bpcli's gate table."""
    events: list[str] = []
    watching = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in (
            "exec",
            "compile",
            "open",
            "import",
            "subprocess.Popen",
            "os.system",
            "socket.connect",
        ):
            events.append(f"{event} {arguments!r:.200}")

    sys.addaudithook(hook)
    yield events
    watching = False


def test_nothing_of_a_submission_is_run() -> None:
    """Interpreter events while hostile lines are marked: none mentions anything that the student wrote."""
    hostile = (
        "dq = __import__('os').system('touch hacked')\ndx = exec('1')\ndz = open('/etc/passwd').read()\ndy = eval('1')"
    )
    marked(hostile, "q = x + y; f = q*z", (), given=True)  # what is imported late is imported now
    with nothing_is_run() as events:
        found = marked(hostile, "q = x + y; f = q*z", (), given=True)
    assert {one.verdict for one in found.values()} == {"invalid"}
    assert not [
        event for event in events if any(word in event for word in ("hacked", "passwd", "'1'", "os.system", "Popen"))
    ]


#: A `where` is staged by the branch that is taken, which depends on the point.
WITHOUT_CHOICES = [one for one in formulas.many(40, most=8) if "where" not in one.text][:20]


@pytest.mark.parametrize("seed", range(20))
def test_bpclis_own_staging_is_right(seed: int) -> None:
    """The passes of random formulas as bpcli stages them itself."""
    formula = WITHOUT_CHOICES[seed]
    graph = parse(formula.text, variables=list(formula.point))
    text = "\n".join([*forward_lines(graph), *backward_lines(graph)])
    lines = read_submission(text).sections[""]
    found = mark_program(graph, lines, b"s", formula.point, [f"d{name}" for name in graph.inputs]).marks
    assert {one.verdict for one in found} <= {"right"}, [one for one in found if one.verdict != "right"]


def test_a_quantity_under_two_names_counts_once() -> None:
    """Otherwise lines that are right anyway would raise the share of a program that is wrong."""
    filler = [f"a{number} = x*y" for number in range(20)]
    lines = read_submission("\n".join([*filler, "f = x*y", "dx = y", "dy = y"])).sections[""]
    found = mark_program(parse("f = x*y", variables=["x", "y"]), lines, b"s", {"x": 2.0, "y": 3.0}, ["dx", "dy"]).marks
    assert sum(one.points for one in found) == 3
    assert score(found) == 2
    given = mark_program(parse("f = x*y", variables=["x", "y"]), lines, b"s", {"x": 2.0, "y": 3.0}, ["dx"], True).marks
    assert sum(one.points for one in given) == 2


def test_in_python() -> None:
    result = bpcli.mark(STAGED, program=NOTES)
    assert result.ok
    assert result.score == 17
    pasted = bpcli.mark(STAGED, program=f"import numpy as np\n{NOTES}\nprint(dx)")
    assert (pasted.ok, pasted.score) == (True, 17)
    assert [note.message for note in pasted.notes] == ["lines 1 and 24 give nothing a value: left out"]
    with pytest.raises(Trouble, match="line 1: this is no answer"):
        bpcli.mark(STAGED, program="import os")
