"""The lecture in words: every number in it is the engine's, every product is right, and no medium lets text out."""

from __future__ import annotations

import io
import math
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from formulas import many
from rich.console import Console
from test_slips import BY_HAND, at

import bpcli
from bpcli.explaining import Explanation, explain, local_text, power_rule
from bpcli.language import parse
from bpcli.lecturing import MOST_MOVED, MOST_STEPS
from bpcli.passes import grad
from bpcli.slip_pages import SlippedRun, wrong_on_purpose
from bpcli.slips import SLIPS
from bpcli.sweeps import forward
from bpcli.trouble import Trouble
from bpcli.views.layout import UNLIMITED, Look, as_text, render
from bpcli.views.written import WRITERS, html, latex, markdown

NEURON = ("sigmoid(w0*x0 + w1*x1 + w2)", {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3})
#: Formulas with everything that has words of its own.
WORDY: list[tuple[str, dict[str, Any]]] = [
    ("(x+y)*z", {"x": -2, "y": 5, "z": -4}),
    ("q = x*y; f = max(q, 2)*q + relu(-x) - x*x", {"x": 2, "y": 3}),
    ("where(x > y, x^2, log(x))*|y| - clip(x, 0, 1) + min(x, y, 3)", {"x": 2, "y": -3}),
    ("relu(x) + max(x, y, 0) + floor(y) - sqrt(4)", {"x": 0, "y": 0}),
    ("tanh(x)^y + x^-2 + 2^x + -x/y", {"x": 1.5, "y": 3}),
    ("where(x > 0, 3, x)", {"x": 3}),
    ("x", {"x": 1}),
    ("3*4", {}),
    ("x + x", {"x": 1}),
    ("sum((X @ W + b)^2)", {"X": [[1, 2], [3, 4], [5, 6]], "W": [1, -1], "b": 2}),
    ("cross_entropy(W @ x + b, 1)", {"W": [[1, 2], [3, 4]], "x": [1, -1], "b": [0.5, 0]}),
    ("mean(max(X, axis=1)) + concat(y, y)[2]*norm(y)", {"X": [[1, 2], [5, 4]], "y": [3, 4]}),
    ("sum(where(x > 0, log(x), x))", {"x": [-1, 2]}),
]


def same(a: Any, b: Any) -> bool:
    """Whether two numbers or arrays are equal to the last bit, nothing included."""
    return (a is None and b is None) or np.array_equal(
        np.asarray(a, dtype=float), np.asarray(b, dtype=float), equal_nan=True
    )


def assert_the_engines_numbers(explanation: Explanation) -> None:
    result = grad(explanation.graph, explanation.gradients.point, check=False, upstream=explanation.gradients.upstream)
    lines = {line.id: line for line in result.lines()}
    assert [step.id for step in explanation.steps] == list(lines)
    for step in explanation.steps:
        line = lines[step.id]
        assert same(step.value, line.value)
        if step.arrivals:
            assert same(step.upstream, line.upstream)
            assert same(sum(arrival.gradient for arrival in step.arrivals), line.upstream)
        for sent in step.sends:
            assert sent.input == line.inputs[sent.place]
            assert same(sent.local, line.local[sent.place])
            assert same(sent.gradient, line.sends[sent.place])
    for variable in explanation.variables:
        assert same(variable.gradient, result.gradients[variable.name])
        if variable.arrivals:
            assert same(sum(arrival.gradient for arrival in variable.arrivals), variable.gradient)


# --- its numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("formula", many(120, most=18), ids=lambda formula: formula.text[:30])
def test_numbers_of_random_formulas(formula: Any) -> None:
    """Every value, gradient and product is the engine's; every local gradient, read again as a formula, gives it."""
    explanation = explain(formula.text, formula.point)
    assert_the_engines_numbers(explanation)
    named = {step.id: step.value for step in explanation.steps} | formula.point
    for step in explanation.steps:
        for sent in step.sends:
            if " if " in sent.formula or " wins" in sent.formula:
                continue
            graph = parse(sent.formula, variables=list(named))
            value = forward(graph, {name: named[name] for name in graph.inputs})[graph.output]
            # Blackboard forms lose digits where the stable ones do not: 1 - y^2 for tanh.
            assert value == pytest.approx(sent.local, rel=1e-9, abs=1e-12), sent.formula


@pytest.mark.parametrize(("formula", "values"), WORDY, ids=str)
def test_numbers_of_wordy_formulas(formula: str, values: dict[str, Any]) -> None:
    assert_the_engines_numbers(explain(formula, values))


@pytest.mark.parametrize(("formula", "values"), [one for one in WORDY if "[" not in str(one[1])], ids=str)
def test_printed_products_are_right(formula: str, values: dict[str, Any]) -> None:
    """Read back from the page: upstream times local is what is sent, and what comes back does add up."""
    text = as_text(explain(formula, values, upstream=1.5), UNLIMITED, digits=17)
    number = r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)"
    products = re.findall(rf"upstream {number} × local {number} = {number}", text)
    for upstream, local, sent in products:
        assert float(upstream) * float(local) == float(sent)
    for sum_, total in re.findall(rf"adds up: ([-+ \d.e]+) = {number}", text):
        assert eval(sum_.replace("+ -", "- ")) == pytest.approx(float(total), rel=1e-15)
    assert len(products) == sum(len(step.sends) for step in explain(formula, values).steps)


def test_the_lecture_by_hand() -> None:
    """Lecture 4's first example, number by number."""
    explanation = explain("(x+y)*z", x=-2, y=5, z=-4)
    q, f = explanation.steps
    assert (q.value, q.upstream, [sent.gradient for sent in q.sends]) == (3, -4, [-4, -4])
    assert (f.value, f.upstream, [sent.local for sent in f.sends]) == (-12, 1, [-4, 3])
    assert [sent.formula for sent in f.sends] == ["z", "g1"]
    moved = explanation.moved("x")
    assert (moved.by, moved.about, moved.entry) == (0.01, -0.04, ())
    assert moved.true == pytest.approx(-0.04, rel=1e-12)  # (x + 0.01 + y)*z
    assert "upstream -4 × local 1 = -4" in str(explanation)


def test_what_a_gradient_means() -> None:
    """The true change is measured: sin, a kink where the promise fails, an entry of a matrix, an upstream gradient."""
    moved = explain("sin(x)*100", x=2).moved("x")
    assert moved.about == pytest.approx(math.cos(2), rel=1e-12)
    assert moved.true == pytest.approx(100 * (math.sin(2.01) - math.sin(2)), rel=1e-12)
    moved = explain("relu(x)", x=0, upstream=3).moved("x")
    assert (moved.about, moved.true) == (0, 0.03)
    moved = explain("asin(x)", x=0.995).moved("x")  # 1.005 has no arc sine
    assert moved.by == -0.01
    assert moved.true == pytest.approx(math.asin(0.985) - math.asin(0.995), rel=1e-12)
    matrix = explain("sum((W @ x)^2)", W=[[1.0, 2], [3, 4]], x=[1.0, 1]).moved("W")
    assert matrix.entry == (1, 0)
    assert matrix.true == pytest.approx(7.01**2 - 49, rel=1e-12)
    assert explain("x", x=1e6).moved("x").by == pytest.approx(1e4)
    assert explain("x", x=3e-7).moved("x").by == pytest.approx(1e-9)


@pytest.mark.parametrize(("exponent", "text"), [(2, "2*x"), (3, "3*x^2"), (1, "1"), (-1, "-1/x^2"), (-2, "-2*x^(-3)"),
                                                (0.5, "0.5*x^(-0.5)"), (2.5, "2.5*x^1.5"), (0, "0*x^(-1)")])  # fmt: skip
def test_power_rule(exponent: float, text: str) -> None:
    """As it is written on the blackboard, and right at 1.7."""
    assert power_rule("x", float(exponent)) == text
    graph = parse(text)
    assert forward(graph, dict.fromkeys(graph.inputs, 1.7))[graph.output] == pytest.approx(
        exponent * 1.7 ** (exponent - 1)
    )


def test_local_gradients_with_names() -> None:
    """Inputs are replaced whole and at once: a gate whose inputs are called b and a does not mix them up."""
    graph = parse("b/a + b*a + exp(a) + atan2(b, a)")
    texts = [[local_text(graph, place, k) for k in range(len(graph.args[place]))] for place in range(len(graph.gates))]
    assert texts[0] == ["1/a", "-b/a^2"]
    assert texts[1] == ["a", "b"]
    assert ["exp(a)"] in texts
    assert ["a/(b^2 + a^2)", "-b/(b^2 + a^2)"] in texts


# --- its words -------------------------------------------------------------------------------------------

SAID = [
    ("x + y", {"x": 1, "y": 2}, "add distributes: x and y each get all of 1."),
    ("x - y", {"x": 1, "y": 2}, "x gets 1 and y gets -1"),
    ("x*y", {"x": 1, "y": 2}, "mul switches: x gets the 2 of y, y the 1 of x."),
    ("x*x", {"x": 3}, "x goes twice into g1, and what comes back adds up: 3 + 3 = 6."),
    ("max(x, y)", {"x": 1, "y": 2}, "max routes: y = 2 wins over x = 1, so y gets all of 1."),
    ("max(x, 5)", {"x": 1}, "5 wins over x = 1, and no variable is behind it: the rest gets 0."),
    ("min(x, y, z)", {"x": 3, "y": 2, "z": 4}, "min routes: y = 2 wins over x = 3 and z = 4"),
    ("max(x, y)", {"x": 2, "y": 2}, "x = 2 and y = 2 tie for the max. A kink: max has a tie"),
    ("relu(x)", {"x": 1}, "relu is open: 1 goes through."),
    ("relu(x)", {"x": -1}, "relu is closed: nothing of 1 gets through."),
    ("step(x)", {"x": 1}, "step is flat here, so nothing gets through."),
    ("where(x > 0, x, y)", {"x": 2, "y": 3}, "where routes: x > 0 holds, so x gets all of 1; the other branch was never run"),
    ("where(x > 0, x, y)", {"x": -2, "y": 3}, "x > 0 does not hold, so y gets all of 1"),
    ("q = x*y; q + q*z", {"x": 2, "y": 3, "z": 4}, "q feeds g2 and g1, and what comes back adds up: 1 + 4 = 5."),
    ("q = x*y; f = q*z; q*1", {"x": 2, "y": 3, "z": 4}, "z: gradient 0. Nothing leads from it to the output."),
    ("3*4", {}, "There is no variable, so there is no gradient: the value is 12 whatever happens."),
    ("x", {"x": 3}, "There is no gate between the input and the output"),
    ("sum(x)", {"x": [1, 2]}, "sum adds up entries, so each of them gets the same upstream gradient."),
    ("sum(x + b)", {"x": [1, 2], "b": 3}, "stretch copies its input, so the upstream gradients of the copies add up."),
    ("sum(W @ x)", {"W": [[1, 2], [3, 4]], "x": [1, 1]}, "to x: W.T @ G = [4, 6]"),
    ("x*1e-3", {"x": 1}, "(true change 1e-5)"),
    ("|x|", {"x": 0}, "Raise x by 0.01 and the output stays as it is, to first order (true change 0.01)."),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "values", "words"), SAID, ids=[one[2][:40] for one in SAID])
def test_said(formula: str, values: dict[str, Any], words: str) -> None:
    assert words in as_text(explain(formula, values), UNLIMITED)


def test_a_name_that_is_used_twice_as_output() -> None:
    """An output that other gates use too gets its own upstream gradient on top."""
    text = as_text(explain("q = x*y; f = q*z; q", x=2, y=3, z=4), UNLIMITED)
    assert "q = x*y, the output." in text


def test_one_gate_and_brief() -> None:
    values = {"x": 2, "y": 3, "z": 4}
    formula = "q = x*y; f = q + q*z"
    alone = str(explain(formula, values, gate="q"))
    assert "q = x*y" in alone
    assert "g1 = q*z" not in alone
    assert str(explain(formula, values, gate="z")).startswith("Gradients\n  z: gradient 6.")
    brief = str(explain(formula, values, brief=True))
    assert "switches" not in brief
    assert "to x: 5 × 3 = 15" in brief
    assert len(brief) < len(str(explain(formula, values))) / 2
    with pytest.raises(Trouble, match="no gate or variable called p"):
        explain(formula, values, gate="p")
    unused = "a = x*y; b = sqrt(2); x + b"
    assert "the output does not depend on it" in str(explain(unused, x=2, y=3, gate="a"))
    assert "there is no variable in it" in str(explain(unused, x=2, y=3, gate="b"))


def test_brief_still_says_which_convention_was_used_at_a_kink() -> None:
    for formula, values, said in (
        ("relu(x)", {"x": 0}, "A kink: relu bends at 0"),
        ("max(x, y)", {"x": 1, "y": 1}, "A kink: max has a tie"),
    ):
        brief = " ".join(str(explain(formula, values, brief=True)).split())
        assert said in brief
        assert "(torch convention)" in brief
    assert "kink" not in str(explain("relu(x)", {"x": 1}, brief=True))


def test_large_formulas_are_cut_and_said_to_be() -> None:
    """2,000 gates and 200 variables: the beginning and the end, unless all is asked for."""
    text = "; ".join(["a0 = x*y", *[f"a{k} = sin(a{k - 1}) + y" for k in range(1, 1000)]])
    explanation = explain(text, x=0.3, y=0.2)
    assert len(explanation.steps) == 1999
    shown = as_text(explanation, UNLIMITED)
    assert shown.count("… 1,959 gates between these are not shown (--all shows them).") == 2
    assert shown.count("\n  a") + shown.count("\n  g") == 2 * MOST_STEPS
    wide = explain(" + ".join(f"x{k}" for k in range(200)), {f"x{k}": k for k in range(200)})
    shown = as_text(wide, UNLIMITED)
    assert f"… {200 - 2 * MOST_STEPS} variables are not shown" in shown
    assert shown.count("Raise x") == MOST_MOVED
    assert len(wide.found) == MOST_MOVED


def test_large_arrays_are_named_by_their_shape_unless_all_is_asked_for() -> None:
    explanation = explain("sum(x*W)", x=list(range(13)), W=[[2.0] * 13] * 2)
    shown = as_text(explanation, UNLIMITED)
    assert "(array of 13)" in shown
    assert "*(2×13 array) = (2×13 array)" in shown
    console = Console(file=io.StringIO(), width=UNLIMITED)
    console.print(render(explanation, Look(4, UNLIMITED, everything=True)))
    for text in (console.file.getvalue(), markdown(explanation, 4, True), html(explanation, 4, True)):  # type: ignore[attr-defined]
        assert "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]" in text
        assert "array of" not in text
    assert r"\left(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12\right)" in latex(explanation, 4, True)


# --- its media -------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Checks that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onclick", "style"}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(("formula", "values"), WORDY, ids=str)
def test_html(formula: str, values: dict[str, Any]) -> None:
    """Every tag closes; no script, no address; and the words and numbers are those of the text."""
    explanation = explain(formula, values)
    page = Page()
    page.feed(html(explanation))
    assert page.open == []
    assert page.seen <= {"html", "meta", "title", "style", "p", "code", "h2", "ul", "li", "span"}
    words = re.sub(r"\s+", " ", page.text)
    for line in as_text(explanation, UNLIMITED).splitlines():
        if line.startswith("  "):
            assert re.sub(r"\s+", " ", line.strip()) in words


@pytest.mark.parametrize(("formula", "values"), [*WORDY, NEURON], ids=str)
def test_latex(formula: str, values: dict[str, Any]) -> None:
    """Braces and environments close, every formula is between dollars, and nothing special stands in the words."""
    text = latex(explain(formula, values, expand="X" not in values))
    assert text.isascii()
    plain = re.sub(r"\\[{}%$&#_]", "", text.partition("\n")[2])
    depth = 0
    for character in plain:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert plain.count(r"\left") == plain.count(r"\right")
    stack: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\*?\}", plain):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []
    pieces = plain.split("$")
    assert len(pieces) % 2 == 1, "dollars come in pairs"
    for words in pieces[::2]:
        assert not re.search(r"[_^&#%<>|]", words), words
    for mathematics in pieces[1::2]:
        assert mathematics.strip()
        assert "\n\n" not in mathematics


@pytest.mark.parametrize(("formula", "values"), WORDY, ids=str)
def test_markdown(formula: str, values: dict[str, Any]) -> None:
    """Code spans close on their line, and hold all that comes from the formula."""
    for line in markdown(explain(formula, values)).splitlines():
        assert line.count("`") % 2 == 0
        for words in line.split("`")[::2]:
            assert not re.search(r"(?<!\\)[*_<>\[\]|]", words), line


def test_text_stays_text() -> None:
    """Characters that were read as others are shown as such, never as markup or control sequences."""
    explanation = explain("x\u00a0− y", x=1, y=2)
    for write in WRITERS.values():
        assert "\x1b" not in write(explanation, 4, False)
    assert "U+2212" in latex(explanation)
    assert "&lt;" in html(explain("where(x < 3, x, y)", x=1, y=2))
    assert "<code>x < " not in html(explain("where(x < 3, x, y)", x=1, y=2))


def test_in_a_notebook() -> None:
    assert explain("x*y", x=1, y=2)._repr_html_().startswith('<p class="reading">')
    assert "with the slip" in wrong_on_purpose("x*y", x=1, y=2, slip="mul-not-switched")._repr_html_()


# --- wrong on purpose ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "formula", "values", "wrong"), BY_HAND,
                         ids=[f"{one[0]}: {one[1]}" for one in BY_HAND])  # fmt: skip
def test_side_by_side(name: str, formula: str, values: dict[str, Any], wrong: dict[str, Any]) -> None:
    """The variables that come out wrong are named, and no other ones."""
    found = wrong_on_purpose(formula, values, slip=name)
    assert isinstance(found, SlippedRun)
    assert sorted(found.wrong) == sorted(wrong)
    assert found.record(formula)["wrong"] == found.wrong
    inputs = [line for line in found.lines if line.is_input]
    assert {line.id: line.same for line in inputs} == {one: one not in wrong for one in at(formula, values)[0].inputs}
    for name_ in wrong:
        assert name_ in found.verdict


def test_no_evidence() -> None:
    """What a slip leaves as it is is said to prove nothing."""
    assert "no evidence" in wrong_on_purpose("x*y", x=2, y=2, slip="mul-not-switched").verdict  # type: ignore[union-attr]
    assert "no opportunity" not in wrong_on_purpose("x*y", x=2, y=2, slip="sign-lost").verdict  # type: ignore[union-attr]
    nowhere = wrong_on_purpose("x*y", x=2, y=3, slip="sign-lost")
    assert isinstance(nowhere, SlippedRun)
    assert nowhere.places == []
    assert "opportunity" in nowhere.verdict


def test_every_slip_at_once() -> None:
    """The list for one formula is each slip's own page in short."""
    everything = wrong_on_purpose("q = x*y; f = q + q*z", x=2, y=3, z=4)
    assert [run.slip.id for run in everything.runs] == list(SLIPS)  # type: ignore[union-attr]
    for run in everything.runs:  # type: ignore[union-attr]
        alone = wrong_on_purpose("q = x*y; f = q + q*z", x=2, y=3, z=4, slip=run.slip.id)
        assert isinstance(alone, SlippedRun)
        assert (alone.places, alone.wrong) == (run.places, run.wrong)


def test_the_public_names() -> None:
    assert bpcli.explain("x*y", x=2, y=3).by_id["g1"].value == 6
    assert bpcli.slip("x*y", slip="mul-not-switched", x=2, y=3).wrong == ["x", "y"]  # type: ignore[union-attr]
    with pytest.raises(Trouble, match="no slip called"):
        bpcli.slip("x*y", slip="forgot", x=2, y=3)
