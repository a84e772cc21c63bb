"""Work is counted in gate evaluations: the worst that a student can write stops at the same place on every machine."""

from __future__ import annotations

import pytest

import bpcli
from bpcli.exercises import bank
from bpcli.exercises.acceptance import fault
from bpcli.exercises.keys import keys
from bpcli.exercises.marking import mark_problem
from bpcli.exercises.problem import FormulaBlank, ProgramBlank
from bpcli.exercises.variants import Variant, draw
from bpcli.language import STUDENT
from bpcli.marking import meter
from bpcli.marking.answers import Line, read_submission
from bpcli.marking.formulas import mark_formula
from bpcli.marking.key import Asked
from bpcli.marking.meter import MOST, MOST_FOR_A_BLANK, READING, Meter, TooMuch, evaluations
from bpcli.marking.programs import mark_program
from bpcli.marking.verdicts import Mark
from bpcli.passes import parse

POINT = {"x": 2.0, "y": 3.0}
LIMIT = f"marking it takes more than {MOST_FOR_A_BLANK:,} gate evaluations; a person has to look"


def filled(piece: str, head: str = "", tail: str = "", signs: str = "+", longest: int = 4096) -> str:
    """HEAD, as many PIECEs as a formula may have, TAIL."""
    room = longest - len(head) - len(tail) + len(signs)
    return head + signs.join([piece] * (room // (len(piece) + len(signs)))) + tail


def kinks(piece: str) -> str:
    """The key x*y, and 0 times as many different PIECEs as there is room for."""
    text = "x*y+0*("
    for k in range(2, 1000):
        more = piece.format(k) + "+"
        if len(text) + len(more) > 3500:
            break
        text += more
    return text[:-1] + ")"


#: What makes marking slow -> the verdict on it, as an answer to x*y.
WORST = {
    kinks("|x-{}|"): "undecided",
    kinks("floor({}*x)"): "undecided",
    kinks("max(x,{},y)"): "undecided",
    kinks("where(x>{}/9,x,y)"): "undecided",
    filled("exp(|x|)", "x*y+(", f")-({filled('exp(|x|)', longest=2040)})", longest=4000): "wrong",
    "x*y+(" + filled("exp(|x|)", longest=2040) + ")-(" + filled("exp(|x|)", longest=2040) + ")": "undecided",
    "x*y+(" + filled("exp(x)", longest=2040) + ")-(" + filled("exp(x)", longest=2040) + ")": "right",
    filled("x", signs="*", longest=1900): "wrong",
    "^".join(["x"] * 100): "wrong",
    "exp(" * 99 + "x" + ")" * 99: "wrong",
    "x*y+0*" + "tanh(" * 99 + "x" + ")" * 99: "right",
    filled("(x+y)", signs="*"): "wrong",
    "max(" + ",".join(["x", "y"] * 500) + ")": "wrong",
    filled("x"): "invalid",
    "x+" * 5000 + "x": "invalid",
    "[" + ",".join(["x"] * 2000) + "]": "invalid",
    f"sum(outer({[1] * 600},{[1] * 600}))".replace(" ", ""): "invalid",
    "(" * 50 + "x+" * 1900: "invalid",
}


@pytest.mark.parametrize(("text", "verdict"), WORST.items(), ids=[f"{k}" for k in range(len(WORST))])
def test_the_worst_formulas_stop(text: str, verdict: str) -> None:
    graph = parse("f = x*y")
    spent = Meter()
    mark = mark_formula(graph, Asked("f", "value", graph.output), text, b"s", POINT, meter=spent)
    assert mark.verdict == verdict
    assert (mark.reason == LIMIT) == (verdict == "undecided")
    assert spent.spent <= MOST_FOR_A_BLANK + 100_000, "no step is larger than this"
    again = Meter()
    assert mark_formula(graph, Asked("f", "value", graph.output), text, b"s", POINT, meter=again) == mark
    assert again.spent == spent.spent


def program(lines: list[str]) -> list[Line]:
    return [Line(*line.split(" = "), number) for number, line in enumerate(lines, start=1)]  # type: ignore[misc]


#: A chain of 14 gates, none of which has a name by which the way from the end would be short.
DEEP = "\n".join(["a0 = x*y", *[f"a{k} = sigmoid(a{k - 1})*x + y" for k in range(1, 5)]])


@pytest.mark.parametrize("lines", [
    [f"a{k} = {'x+' * 1900}y" for k in range(200)],
    [*["dx = x"] * 100, *[f"dx = {'x+' * 1900}y"] * 100],
    [*[f"t{k} = x*y" for k in range(66)], *[f"dt{k} = x + {k}" for k in range(66)], *[f"dt{k} = x + {k}.5" for k in range(66)]],
])  # fmt: skip
def test_the_worst_programs_stop(lines: list[str]) -> None:
    spent = Meter()
    with pytest.raises(TooMuch, match=LIMIT):
        mark_program(parse(DEEP), program(lines), b"s", POINT, ["dx", "dy"], True, meter=spent)
    assert spent.spent <= MOST_FOR_A_BLANK + 100_000


def test_honest_answers_are_far_below_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The formulas and programs of the bank, right and all wrong, take less than a hundredth of it."""
    monkeypatch.setattr(meter, "MOST_FOR_A_BLANK", 10**9)
    most = 0
    for problem in bank.problems([]):
        if any(isinstance(one, (FormulaBlank, ProgramBlank)) for one in problem.blanks):
            one = draw(problem, "seed", "ada", fault)
            for wrong in (False, True):
                spent = Meter()
                mark_problem(one, own(one, wrong), meter=spent)
                most = max(most, spent.spent)
    assert 1000 < most < MOST_FOR_A_BLANK / 50


def own(one: Variant, wrong: bool = False) -> list[Line]:
    """The key's formulas and programs, or WRONG ones in every line."""
    found: list[Line] = []
    for key in keys(one):
        if isinstance(key.blank, ProgramBlank):
            found += read_submission(key.text).sections[""]
        elif isinstance(key.blank, FormulaBlank):
            found.append(Line(key.blank.name, key.text, 1))
    return [line._replace(text=f"0.3*({line.text}) + {k}.5") for k, line in enumerate(found)] if wrong else found


def staged() -> Variant:
    return draw(next(bank.problems(["training/staged"])), "seed", "ada", fault)


def test_a_blank_that_costs_too_much_costs_no_other() -> None:
    one = staged()
    dear = [Line("a", kinks("|x-{}|"), k) for k in range(150)]
    marks = mark_problem(one, [*own(one), *dear])
    undecided = [mark for mark in marks if mark.verdict == "undecided"]
    assert [mark.reason for mark in undecided] == [LIMIT]
    assert mark_problem(one, own(one))[0].credit == 1


def test_all_blanks_together_have_a_limit_too() -> None:
    graph = parse("f = x*y")
    spent, verdicts = Meter(), []

    def mark(text: str) -> Mark:
        return mark_formula(graph, Asked("f", "value", graph.output), text, b"s", POINT, meter=spent)

    for _ in range(4):
        one = mark(kinks("|x-{}|"))
        verdicts.append((one.verdict, one.reason))
    whole = f"marking the whole hand-in takes more than {MOST:,} gate evaluations; a person has to look"
    assert verdicts == [("undecided", LIMIT)] * 2 + [("undecided", whole)] * 2
    assert mark("y*x").verdict == "undecided"


def test_mark_has_the_limit_too() -> None:
    marks = bpcli.mark("f = x*y", answers={"f": kinks("|x-{}|"), "dx": "y", "dy": "y"}).marks
    assert [(one.verdict, one.reason) for one in marks] == [
        ("undecided", LIMIT),
        ("right", ""),
        ("wrong", marks[2].reason),
    ]
    lines = "\n".join(f"a{k} = {'x+' * 1900}y" for k in range(199))
    found = bpcli.mark("f = x*y", program=f"{lines}\ndx = y")
    assert {(one.name, one.verdict, one.reason) for one in found.marks} >= {("dx", "undecided", LIMIT)}
    assert not found.ok


def test_what_is_counted() -> None:
    assert evaluations(parse("x*y + exp(x)")) == 3
    assert evaluations(parse("max(x, y, x, y)")) == 3, "as three gates of two inputs"
    spent = Meter()
    part = spent.blank()
    part.read("x" * 10_000)
    assert STUDENT.characters is not None and spent.spent == part.spent == READING * STUDENT.characters
    with pytest.raises(TooMuch, match="marking it"):
        part.spend(MOST_FOR_A_BLANK)
