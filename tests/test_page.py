"""The page that a class steps through, in a real Chromium: what it says, computes, hides, asks for and refuses."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browser import Window
from formulas import many

import bpcli
from bpcli.figures import NUMBER, show, show_nested
from bpcli.gates import CONVENTIONS
from bpcli.pictures.page import write
from bpcli.pictures.picture import draw
from bpcli.trouble import Trouble

FOLDER = Path(bpcli.__file__).parent / "pictures"
LECTURE = ("(x+y)*z", {"x": -2, "y": 5, "z": -4})
NEURON = ("sigmoid(w0*x0 + w1*x1 + w2)", {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3})
BRANCHES = ("q = x*y; r = q + x; f = q*r*max(x, y)^2", {"x": 2, "y": 3})
CHOICE = ("where(x > 0, log(x), -x*y) + relu(y)", {"x": 2, "y": 0})

Open = Callable[..., Any]


@pytest.fixture
def lesson(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Writes the page of a formula and opens it. At the end: nothing was asked for but it, and nothing complained of."""
    windows = []

    def open_page(formula: str, values: dict[str, float] | None = None, *, options: dict[str, Any] | None = None,
                  window: dict[str, Any] | None = None, **rest: Any) -> Any:  # fmt: skip
        file = tmp_path / f"lesson{len(windows)}.html"
        file.write_text(write(draw(formula, values, **(options or {})), **rest), encoding="utf-8")
        windows.append((Window(browser, file, **(window or {})), file))
        return windows[-1][0].page

    yield open_page
    for window, file in windows:
        window.context.close()
        assert window.requests == [file.as_uri()]
        assert window.complaints == []


def press(page: Any, key: str, times: int = 1) -> None:
    for _ in range(times):
        page.keyboard.press(key)


def leave(page: Any) -> None:
    """Leave the field, whose keys are its own."""
    page.evaluate("document.activeElement.blur()")


def said(page: Any) -> str:
    return str(page.inner_text("#step"))


def picture(page: Any, kind: str) -> dict[str, str]:
    """The texts beside the wires: id -> value or gradient, where there is one."""
    texts = page.eval_on_selector_all(
        "g.gate", f"all => all.map(g => [g.dataset.node, g.querySelector('text.{kind}').textContent])"
    )
    return {name: text for name, text in texts if text}


def full(page: Any, kind: str) -> dict[str, float]:
    """The same to all digits."""
    found = page.eval_on_selector_all(f"g[data-{kind}]", f"all => all.map(g => [g.dataset.node, g.dataset.{kind}])")
    return {name: float(text) for name, text in found}


def running(page: Any) -> tuple[list[str], list[str]]:
    """The ids of what is highlighted: gates, and wires as from>to."""
    gates = page.eval_on_selector_all("g.gate.running", "all => all.map(g => g.dataset.node)")
    wires = page.eval_on_selector_all("g.wire.running", "all => all.map(g => `${g.dataset.from}>${g.dataset.to}`)")
    return gates, wires


# --- the steps -------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_the_lecture_step_by_step(lesson: Open) -> None:
    """(x+y)z as on the slides: what is said, lit and known at every step."""
    page = lesson(*LECTURE)
    inputs = {"x": "-2", "y": "5", "z": "-4"}
    steps: list[tuple[list[str], tuple[list[str], list[str]], dict[str, str], dict[str, str]]] = [
        (["Start"], ([], []), {}, {}),
        (["gate 1 of 2", "g1 = x + y", "(-2) + 5 = 3"], (["g1"], ["x>g1", "y>g1"]), {"g1": "3"}, {}),
        (["gate 2 of 2", "g2 = g1*z", "3*(-4) = -12"], (["g2"], ["g1>g2", "z>g2"]), {"g2": "-12"}, {}),
        (["∂f/∂g2 = 1"], (["g2"], []), {}, {"g2": "1"}),
        (["gate 1 of 2", "to g1: upstream 1 × local -4 = -4", "(local: z)", "to z: upstream 1 × local 3 = 3",
          "switcher"], (["g2"], ["g1>g2", "z>g2"]), {}, {"g1": "-4", "z": "3"}),
        (["gate 2 of 2", "to x: upstream -4 × local 1 = -4", "to y: upstream -4 × local 1 = -4", "distributor"],
         (["g1"], ["x>g1", "y>g1"]), {}, {"x": "-4", "y": "-4"}),
        (["∂f/∂x = -4", "∂f/∂y = -4", "∂f/∂z = 3"], (["x", "y", "z"], []), {}, {}),
    ]  # fmt: skip
    values, gradients = dict(inputs), dict[str, str]()
    for number, (words, lit, new_values, new_gradients) in enumerate(steps):
        values |= new_values
        gradients |= new_gradients
        assert [word for word in words if word not in said(page)] == [], said(page)
        assert running(page) == lit
        assert (picture(page, "value"), picture(page, "gradient")) == (values, gradients)
        assert page.inner_text("#count") == f"step {number} of 6"
        press(page, "ArrowRight")
    assert page.inner_text("#count") == "step 6 of 6"
    press(page, "ArrowLeft", 4)
    assert picture(page, "gradient") == {}
    assert picture(page, "value") == {**inputs, "g1": "3", "g2": "-12"}


@pytest.mark.browser
def test_where_wires_meet(lesson: Open) -> None:
    """A sum is written out when its last gradient has come; until then the picture has no number there."""
    page = lesson(*BRANCHES)
    press(page, "End")
    press(page, "ArrowLeft", 2)
    assert "x feeds 3 wires: 2 of 3 gradients have arrived" in said(page)
    assert "wires meet at q: 72 + 54 = 126" in said(page)
    assert {"x", "y"} & picture(page, "gradient").keys() == set()
    press(page, "ArrowRight")
    assert "to x: upstream 126 × local 3 = 378" in said(page)
    assert "wires meet at x: 0 + 54 + 378 = 432" in said(page)
    assert "wires meet at y: 288 + 252 = 540" in said(page)
    assert page.eval_on_selector_all("g.join.running", "all => all.map(g => g.dataset.node).sort()") == ["x", "y"]


@pytest.mark.browser
def test_twice_the_same_input(lesson: Open) -> None:
    """Both wires of x*x send their gradient in one step, and the sum is in the same step."""
    page = lesson("x*x", {"x": 3})
    press(page, "End")
    press(page, "ArrowLeft")
    assert said(page).count("to x: upstream 1 × local 3 = 3") == 2
    assert "wires meet at x: 3 + 3 = 6" in said(page)


@pytest.mark.browser
def test_names_of_what_is_differentiated(lesson: Open) -> None:
    """The output's own name; f; and L when an upstream gradient was given."""
    for formula, options, words in (
        ("loss = x*x", {}, "∂loss/∂x = 6"),
        ("x*x", {}, "∂f/∂x = 6"),
        ("x*x", {"upstream": 2.5}, "∂L/∂x = 15"),
        ("f = x*x; f + f", {}, "∂loss/∂x = 12"),
    ):
        page = lesson(formula, {"x": 3}, options=options)
        press(page, "End")
        assert words in said(page)


@pytest.mark.browser
def test_a_choice(lesson: Open) -> None:
    """The branch not taken is neither computed nor stepped through; an input on the other side takes the other."""
    page = lesson(*CHOICE)
    assert page.inner_text("#count") == "step 0 of 11"
    press(page, "ArrowRight")
    assert "2 > 0 holds" in said(page)
    press(page, "End")
    assert "g4" not in picture(page, "value")
    assert page.locator("g.wire.untaken").get_attribute("data-input") == "2"
    page.fill("#input-0", "-2")
    leave(page)
    press(page, "End")
    assert "g2" not in picture(page, "value")
    assert page.locator("g.wire.untaken").get_attribute("data-input") == "1"
    assert picture(page, "gradient")["y"] == "2"


@pytest.mark.browser
def test_kinks(lesson: Open) -> None:
    """The convention of the command line, with its note, at the gate and at the end."""
    for kinks in CONVENTIONS[:-1]:
        options = {"kinks": kinks}
        formula, point = "relu(x) + max(x, y) + |y|", {"x": 0.0, "y": 0.0}
        page = lesson(formula, point, options=options, kinks=kinks)
        press(page, "End")
        result = bpcli.grad(formula, point, check=False, kinks=kinks)
        assert picture(page, "gradient")["x"] == show(result.gradients["x"])
        assert picture(page, "gradient")["y"] == show(result.gradients["y"])
        notes = [note.message for note in result.notes]
        assert notes
        assert sorted(page.locator("#step .note").all_inner_texts()) == sorted(notes)
    page = lesson("relu(x)", {"x": 0}, hide=True)
    press(page, "End")
    assert page.locator("#step .note").count() == 0  # it would tell
    page.click("#reveal")
    assert page.locator("#step .note").count() == 1
    page = lesson("relu(x)", {"x": 1}, kinks="error")
    page.fill("#input-0", "0")
    assert "relu bends at 0" in page.inner_text("#wrong-0")


# --- recomputing -----------------------------------------------------------------------------------------


def engine(formula: str, point: dict[str, float]) -> Any:
    """The engine's result, or its message."""
    try:
        return bpcli.grad(formula, point, check=False)
    except Trouble as trouble:
        return trouble.message


def wanted(result: Any) -> tuple[dict[str, float], dict[str, float]]:
    """Values and gradients by id as the engine has them."""
    graph = result.graph
    values = {graph.ids[node]: result.values[node] for node in [*graph.gates, *graph.inputs.values()]
              if result.values[node] is not None}  # fmt: skip
    values |= {
        node.id: graph.constants[node.place]
        for node in draw(graph, result.point).nodes
        if node.kind == "number" and node.value
    }  # those with a name, such as pi
    reached = graph.backward(graph.outputs, result.values)[0]
    gradients = {graph.ids[node]: result.adjoints[node] for node in [*reached, *graph.inputs.values()]}
    return values, gradients


@pytest.mark.browser
def test_edits_against_the_engine(lesson: Open) -> None:
    """Twenty random formulas, each at its point and at five others: every number to 1e-9, or the same words."""
    draw_number = random.Random(4)
    compared = refused = 0
    for formula in many(20, most=18):
        page = lesson(formula.text, formula.point)
        press(page, "End")
        order = list(bpcli.parse(formula.text, variables=list(formula.point)).inputs)
        point = {name: formula.point[name] for name in order}
        for _ in range(6):
            result = engine(formula.text, point)
            if isinstance(result, str):
                refused += 1
                assert result in said(page), (formula, point)
                assert full(page, "value") == full(page, "gradient") == {}
            else:
                compared += 1
                press(page, "End")
                for kind, numbers in zip(("value", "gradient"), wanted(result), strict=True):
                    found = full(page, kind)
                    assert found == pytest.approx(numbers, rel=1e-9, abs=1e-300), (formula, point, kind)
            if not order:
                break
            name = draw_number.choice(order)
            point = point | {name: draw_number.choice([0.0, 1.0, -1.0, draw_number.uniform(-3, 3), 1e3, -1e-7])}
            field = page.get_by_label(name, exact=True)
            field.fill(repr(point[name]))
            field.blur()
    assert compared > 70
    assert refused > 5


@pytest.mark.browser
def test_the_pictures_numbers_are_the_pictures(lesson: Open) -> None:
    """Before anything is changed, the page's last step shows what the static picture shows."""
    for formula, values in (LECTURE, NEURON, BRANCHES, CHOICE):
        page = lesson(formula, values)
        press(page, "End")
        nodes = draw(formula, values).nodes
        assert picture(page, "value") == {node.id: node.value for node in nodes if node.value}
        assert picture(page, "gradient") == {node.id: node.gradient for node in nodes if node.gradient}


@pytest.mark.browser
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no value yet"), ("abc", "not a number: abc"), ("1,5", "write a point, not a comma: 1.5"),
        ("1e400", "too large"), ("NaN", "not a number"), ("Infinity", "not a number"), ("1_000", "not a number"),
        ("0x10", "not a number"), ("２", "not a number"), ("<img src=x onerror=alert(1)>", "not a number: <img"),
        ("--2", "not a number"), ("9" * 401, "not a number"),
    ],
)  # fmt: skip
def test_unreadable_input(lesson: Open, text: str, words: str) -> None:
    """Said in words beside the field; the picture is empty; the next readable number brings everything back."""
    page = lesson(*LECTURE)
    press(page, "End")
    page.fill("#input-0", text)
    assert words in page.inner_text("#wrong-0")
    assert page.get_attribute("#input-0", "aria-invalid") == "true"
    assert picture(page, "value") == picture(page, "gradient") == {}
    assert "An input has no number." in said(page)
    assert page.get_attribute("#next", "aria-disabled") == "true"
    leave(page)
    press(page, "ArrowRight")
    page.fill("#input-0", " −3. ")
    assert page.inner_text("#wrong-0") == ""
    leave(page)
    press(page, "End")
    assert picture(page, "gradient") == {"x": "-4", "y": "-4", "z": "2", "g1": "-4", "g2": "1"}


@pytest.mark.browser
@pytest.mark.parametrize(
    ("formula", "value", "words"),
    [
        ("log(x)", "-1", "log needs a number above 0; here x = -1"),
        ("1/(x - 2)", "2", "this divides by zero; here x - 2 = 0"),
        ("exp(x)", "1000", "exp overflows: its value is larger than any double (1.8e308); here x = 1000"),
        ("sqrt(x)", "0", "sqrt has no finite slope at this point; here x = 0"),
        ("x*1e300", "1e300", "mul overflows"),
        ("(x^2)*(1e-200*1e-200)*1e200", "1e160", "pow overflows"),
        ("1e200*tanh(1e200*x)", "1e-220", "the gradient at this gate is larger than any double"),
    ],
)
def test_outside_the_domain(lesson: Open, formula: str, value: str, words: str) -> None:
    """The engine's own sentence, beside the field and in the step; no number anywhere, least of all NaN."""
    page = lesson(formula, {"x": 5})
    page.fill(".field input", value)
    with pytest.raises(Trouble) as engine_trouble:
        bpcli.grad(formula, x=float(value), check=False)
    sentence = engine_trouble.value.message
    assert words in sentence
    assert page.inner_text(".wrong") == sentence
    assert sentence in said(page)
    assert picture(page, "value") == picture(page, "gradient") == {}
    text = page.inner_text("body") + page.inner_html("#picture")
    assert not re.search(r"NaN|Infinity|undefined|null", text)
    page.click("#reset")
    assert page.input_value(".field input") == "5"
    assert page.inner_text(".wrong") == ""


@pytest.mark.browser
def test_without_values(lesson: Open) -> None:
    """The structure, empty fields, and everything once they are filled in."""
    page = lesson("(x+y)*z")
    assert picture(page, "value") == {}
    assert page.inner_text("#wrong-0") == "no value yet"
    for field, number in enumerate((-2, 5, -4)):
        page.fill(f"#input-{field if field < 2 else 3}", str(number))
    leave(page)
    press(page, "End")
    assert picture(page, "gradient") == {"x": "-4", "y": "-4", "z": "3", "g1": "-4", "g2": "1"}


@pytest.mark.browser
def test_other_sizes(lesson: Open) -> None:
    """No variable, no gate, a line that nothing uses, an input that the output does not depend on."""
    page = lesson("2*3 + 1")
    press(page, "End")
    assert picture(page, "value") == {"g1": "6", "g2": "7"}
    assert page.inner_text("#count") == "step 2 of 2"
    page = lesson("x", {"x": 3})
    press(page, "End")
    assert (picture(page, "value"), picture(page, "gradient")) == ({"x": "3"}, {"x": "1"})
    page = lesson("a = x*y; b = x + 1; b^2", {"x": 2, "y": 5})
    press(page, "End")
    assert picture(page, "value") == {"x": "2", "y": "5", "a": "10", "b": "3", "g1": "9"}
    assert picture(page, "gradient") == {"x": "6", "y": "0", "b": "6", "g1": "1"}


@pytest.mark.browser
def test_long_numbers_stay_beside_their_wires(lesson: Open) -> None:
    """A number longer than its place is written smaller: it never reaches the next gate."""
    page = lesson("(x*y)*z", {"x": 1, "y": 1, "z": 1})
    for field, number in ((0, "-1.2345e-100"), (1, "1.2345e-101"), (3, "1.2345e-7")):
        page.fill(f"#input-{field}", number)
    leave(page)
    press(page, "End")
    assert "e-" in picture(page, "value")["g1"]
    overlaps = page.evaluate("""() => {
      const boxes = [...document.querySelectorAll("svg text.value, svg text.gradient, svg .body, svg text.label")]
        .filter(one => one.tagName !== "text" || one.textContent).map(one => [one, one.getBoundingClientRect()]);
      return boxes.flatMap(([one, a]) => boxes.filter(([other, b]) => one !== other && !(one.classList.contains("label") || other.classList.contains("label"))
        && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1).map(([other]) => other.outerHTML));
    }""")
    assert overlaps == []


@pytest.mark.browser
def test_figures_are_written_and_read_alike(browser: Any) -> None:
    """`show` and `read` in the page and in Python: the same text for the same double, the same double for a text."""
    chance = random.Random(1)
    numbers = [0.0, 0.5, 0.125, 2.5, 1.0625, -1.0625, 1234.5, 9.9996, 99999.5, 0.96, 1e-4, 9.9999e-5, 1e7, 12345678.5, 1e16,
               123456789.0, 5e-324, 1.7976931348623157e308, 1 / 3, 0.1 + 0.2]  # fmt: skip
    numbers += [chance.uniform(-1, 1) * 10 ** chance.randint(-12, 12) for _ in range(600)]
    numbers += [chance.randint(-4000, 4000) / 2 ** chance.randint(0, 10) for _ in range(600)]
    digits = [1, 2, 3, 4, 6, 10, 17]
    source = "".join(
        (FOLDER / name).read_text(encoding="utf-8") for name in ("arithmetic.js", "passes.js", "figures.js")
    )
    page = browser.new_page()
    found = page.evaluate(f"([numbers, digits]) => {{{source}\nreturn numbers.map(x => digits.map(d => show(x, d)));}}",
                          [numbers, digits])  # fmt: skip
    for value, texts in zip(numbers, found, strict=True):
        assert texts == [show(value, count) for count in digits], value
    texts = ["2", "-.5", "2.", "+1e-3", "1E5", "1e400", "", "1e", ".", "e5", "1 2", "٣", "0b1", "1.2.3", "+-1", "-0"]
    read = page.evaluate(f"texts => {{{source}\nreturn texts.map(t => {{ try {{ return read(t); }} catch {{ return null; }} }});}}",
                         texts)  # fmt: skip
    page.close()
    for text, number in zip(texts, read, strict=True):
        readable = NUMBER.fullmatch(text) and float(text) < 1e309
        assert number == (float(text) if readable else None), text


# --- arrays ----------------------------------------------------------------------------------------------

NETWORK = ("h = relu(W @ x + b); s = dot(v, h); (s - 1)^2 + sum(W*W)/10",
           {"W": [[1, -2], [0.3, 1], [2, 0]], "x": [1, 2], "b": [0.1, 0, 0.2], "v": [1, -1, 0.5]})  # fmt: skip


@pytest.mark.browser
def test_arrays_are_shown(lesson: Open) -> None:
    """The run that bpcli made is stepped through: its texts in the picture, every product, sums where wires meet."""
    page = lesson(*NETWORK)
    result = bpcli.grad(*NETWORK, check=False)
    nodes = draw(*NETWORK).nodes
    lines = {line.id: line for line in result.lines()}
    told = []
    for _ in range(int(page.inner_text("#count").split()[-1])):
        press(page, "ArrowRight")
        told.append(said(page))
        gates, _ = running(page)
        for name in gates if "Backward, gate" in told[-1] else []:
            for given, sent in zip(lines[name].inputs, lines[name].sends, strict=True):
                if sent is not None:
                    line = next(line for line in told[-1].splitlines() if line.startswith(f"to {given}: "))
                    assert show_nested(sent) in line
    assert "outer(G, x), where G is the upstream gradient" in "".join(told)
    assert any("wires meet at W: " in text for text in told)
    assert picture(page, "value") == {node.id: node.value for node in nodes if node.value}
    assert picture(page, "gradient") == {node.id: node.gradient for node in nodes if node.gradient}
    for name, gradient in result.gradients.items():
        assert f"∂f/∂{name} = {show_nested(gradient)}" in said(page)


@pytest.mark.browser
def test_arrays_cannot_be_changed(lesson: Open) -> None:
    """The page says so, and there is nothing to type into; numbers can be hidden all the same."""
    page = lesson(*NETWORK, hide=True)
    assert "computed these numbers when it wrote the page, so the inputs cannot be changed" in page.inner_text("#hint")
    assert page.locator("input").count() == 0
    assert not page.is_visible("#reset")
    assert "[1, 2]" in page.inner_text("#fields")
    press(page, "ArrowRight")
    assert "[[1, -2], [0.3, 1], [2, 0]] @ [1, 2] = ?" in said(page)
    page.click("g[role=button] .body")
    assert "@ [1, 2] = [-3, 2.3, 2]" in said(page)


@pytest.mark.browser
def test_arrays_with_kinks_and_choices(lesson: Open) -> None:
    """Notes of kinks, an upstream gradient that is an array, a `where` entry by entry."""
    upstream = [1.0, 2.0, 3.0]
    page = lesson("where(x > 0, relu(x), x*y)", {"x": [1.0, 0.0, -2.0], "y": 2.0}, options={"upstream": upstream})
    press(page, "End")
    result = bpcli.grad("where(x > 0, relu(x), x*y)", {"x": [1, 0, -2], "y": 2}, upstream=upstream, check=False)
    for name, gradient in result.gradients.items():
        assert f"∂L/∂{name} = {show_nested(gradient)}" in said(page)
    notes = [note.message for note in result.notes]
    assert page.locator("#step .note").all_inner_texts() == notes != []


# --- hiding ----------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_hide_the_numbers(lesson: Open) -> None:
    """A covered number is a question mark everywhere; a click, Enter or the blank key uncovers that gate's."""
    page = lesson(*LECTURE)
    page.click("#hide")
    press(page, "ArrowRight")
    assert picture(page, "value") == {"x": "-2", "y": "5", "z": "-4", "g1": "?"}
    assert "(-2) + 5 = ?" in said(page)
    assert full(page, "value").keys() == {"x", "y", "z"}
    assert page.get_attribute('[data-node="g1"]', "aria-label") == "g1 = x + y: value hidden"
    page.click('[data-node="g1"] .body')
    assert "(-2) + 5 = 3" in said(page)
    assert page.get_attribute('[data-node="g1"]', "aria-label") == "g1 = x + y: value 3"
    press(page, "ArrowRight")
    assert "3*(-4) = ?" in said(page)
    page.focus('[data-node="g2"]')
    press(page, "Enter")
    assert picture(page, "value")["g2"] == "-12"
    press(page, " ")
    assert picture(page, "value")["g2"] == "?"
    press(page, "End")
    assert set(picture(page, "gradient").values()) == {"?"}
    assert "-4" not in said(page)
    assert page.locator("output").all_inner_texts() == ["∂f/∂x = ?", "∂f/∂y = ?", "∂f/∂z = ?"]
    page.click('[data-node="z"] .stub', force=True)
    assert picture(page, "gradient")["z"] == "3"
    page.click("#reveal")
    assert "?" not in page.inner_text("body")
    assert picture(page, "gradient") == {"x": "-4", "y": "-4", "z": "3", "g1": "-4", "g2": "1"}
    page.fill("#input-0", "7")
    assert "?" in picture(page, "gradient").values()
    page.click("#hide")
    assert page.locator("svg [role=button]").count() == 0
    assert "?" not in picture(page, "gradient").values()


@pytest.mark.browser
def test_hidden_products(lesson: Open) -> None:
    """While a gradient is covered its product, its local gradient and its sum are too."""
    page = lesson(*BRANCHES, hide=True)
    press(page, "End")
    press(page, "ArrowLeft")
    assert "to x: upstream ? × local ? = ?" in said(page)
    assert "add up to ?" in said(page)
    assert not re.search(r"\d\d", said(page))


# --- keyboard, screen readers, screens -------------------------------------------------------------------


@pytest.mark.browser
def test_keyboard_alone(lesson: Open) -> None:
    """Everything can be reached by Tab, and the keys step unless a number is being typed."""
    page = lesson(*LECTURE)
    seen = []
    for _ in range(10):
        press(page, "Tab")
        seen.append(page.evaluate("document.activeElement.id"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", seen[-1]
    assert seen[:6] == ["picture", "first", "back", "next", "last", "hide"]
    assert [one for one in seen if one.startswith("input")] == ["input-0", "input-1", "input-3"]
    page.focus("#next")
    press(page, "Enter")
    press(page, " ")
    assert page.inner_text("#count") == "step 2 of 6"
    press(page, "PageDown")
    press(page, "Home")
    press(page, "PageUp")
    assert page.inner_text("#count") == "step 0 of 6"
    press(page, "End")
    assert page.inner_text("#count") == "step 6 of 6"
    assert page.evaluate("document.activeElement.id") == "next"
    page.focus("#input-0")
    press(page, "Home")
    press(page, "ArrowRight")
    press(page, "Enter")
    assert page.inner_text("#count") == "step 6 of 6"
    page.focus("#back")
    press(page, "Alt+Home")
    assert page.inner_text("#count") == "step 6 of 6"


@pytest.mark.browser
def test_screen_readers(lesson: Open) -> None:
    """Names, labels and roles: the picture has a title, fields their names, steps are announced, errors belong."""
    page = lesson(*LECTURE)
    tree = page.locator("body").aria_snapshot()
    for line in ('heading "(x + y)*z" [level=1]', 'img "', 'progressbar "Progress"', 'textbox "x"', 'textbox "z"',
                 'button "Next"', 'button "Back"', 'button "Hide numbers"', "status"):  # fmt: skip
        assert line in tree, tree
    assert page.get_attribute("html", "lang") == "en"
    assert page.get_attribute("#step", "aria-live") == "polite"
    unnamed = page.eval_on_selector_all(
        "button, input", "all => all.filter(one => !one.innerText && !one.labels?.length).length"
    )
    assert unnamed == 0
    assert page.get_attribute("#input-0", "aria-describedby") == "wrong-0"
    assert page.locator("svg > title").text_content() == "(x+y)*z"
    assert page.locator("svg > desc").text_content() == "2 gates, from left to right. g1 = x + y; g2 = g1*z"
    ids = page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.browser
@pytest.mark.parametrize("formula", [LECTURE, NEURON, BRANCHES, ("+".join(f"x{k}" for k in range(40)), {f"x{k}": k for k in range(40)})],
                         ids=["lecture", "neuron", "branches", "wide"])  # fmt: skip
def test_on_a_phone(lesson: Open, formula: tuple[str, dict[str, float]]) -> None:
    """No step makes the page wider than the phone; what runs is in view; text and buttons are large enough."""
    phone = {
        "viewport": {"width": 390, "height": 844},
        "is_mobile": True,
        "has_touch": True,
        "reduced_motion": "reduce",
    }
    page = lesson(*formula, window=phone, options={"expand": True})
    total = int(page.inner_text("#count").split()[-1])
    for _ in range(total):
        page.tap("#next")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        gates = page.locator("g.gate.running")
        if gates.count() == 1:
            box = gates.locator(".label").bounding_box()
            assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
    assert page.inner_text("#count") == f"step {total} of {total}"
    heights = page.eval_on_selector_all(
        "#controls button:not([hidden])", "all => all.map(b => b.getBoundingClientRect().height)"
    )
    assert min(heights) >= 38
    assert page.evaluate("document.querySelector('svg text.label').getBoundingClientRect().height") >= 12


@pytest.mark.browser
@pytest.mark.parametrize(
    "formula", [LECTURE, NEURON, BRANCHES, CHOICE], ids=["lecture", "neuron", "branches", "choice"]
)
def test_on_a_projector(lesson: Open, formula: tuple[str, dict[str, float]]) -> None:
    """Everything is on one screen of 1280 × 800 at every step, and the picture and the words are large."""
    page = lesson(*formula, options={"expand": True})
    for _ in range(int(page.inner_text("#count").split()[-1])):
        press(page, "ArrowRight")
        sizes = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert sizes == [1280, 800]
        assert page.evaluate("(s => [s.scrollHeight <= s.clientHeight])(document.getElementById('step'))") == [True]
        inside = page.evaluate("""(() => { const a = document.querySelector("svg").getBoundingClientRect();
          const b = document.getElementById("picture").getBoundingClientRect(); return a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom; })()""")
        assert inside
    assert page.evaluate("document.querySelector('svg text.value').getBoundingClientRect().height") >= 15
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('#step p')).fontSize)") >= 16


@pytest.mark.browser
def test_dark_print_and_still(lesson: Open) -> None:
    """Dark when the system is; on paper white without controls; nothing moves for who asked for that."""
    paper = "getComputedStyle(document.body).backgroundColor"
    page = lesson(*LECTURE, window={"color_scheme": "dark", "reduced_motion": "reduce"})
    assert page.evaluate(paper) == "rgb(21, 24, 27)"
    assert page.evaluate("getComputedStyle(document.querySelector('svg .body')).transitionDuration") == "0s"
    press(page, "End")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    assert not page.is_visible("#next")
    assert page.is_visible("#step")
    assert page.is_visible("svg")
    page.emulate_media(media="screen", color_scheme="light")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2.2."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_contrast(theme: int) -> None:
    """Every colour of text stands out from every ground it is on at 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    style = (FOLDER / "lesson.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#\w{6})", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[theme]))
    for ink in ("ink", "quiet", "value", "gradient", "running"):
        for ground in ("paper", "soft", "lit"):
            light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)
    assert 1.05 / (luminance(colours["button"]) + 0.05) >= 4.5


@pytest.mark.browser
def test_without_scripts(lesson: Open) -> None:
    """Where scripts are off, the picture has every number and the page says why nothing can be stepped."""
    page = lesson(*LECTURE, window={"java_script_enabled": False})
    assert "Stepping through it needs JavaScript" in page.content()
    assert page.locator('[data-node="g2"] text.value').text_content() == "-12"
    assert page.locator('[data-node="x"] text.gradient').text_content() == "-4"


# --- what a page must not do -----------------------------------------------------------------------------

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028<!--${1+1}$title"
#: Formulas with everything that can be typed: comments, names of JavaScript's own, comparisons, Greek letters.
TYPED = [
    f"q = x*y  # {HOSTILE}\nq + constructor",
    "toString = x + hasOwnProperty; valueOf = toString*x; valueOf/constructor",
    "where(x < 1, x, y) + where(y >= x, 2, x)",
    "σ(x) + α*x + lesson - step*name",
    "alert = x*1e-300; eval = alert + 1; eval*document",
]


@pytest.mark.browser
@pytest.mark.parametrize("formula", TYPED)
def test_typed_text_is_text(lesson: Open, formula: str) -> None:
    """Nothing typed becomes markup or code, and the page still computes what the engine does."""
    names = bpcli.parse(formula).inputs
    point = {name: 0.5 + k for k, name in enumerate(names)}
    page = lesson(formula, point)
    press(page, "End")
    assert page.evaluate("document.querySelectorAll('script, img, a, link, iframe, object, embed, base').length") == 2
    values, gradients = wanted(engine(formula, point))
    assert full(page, "value") == pytest.approx(values, rel=1e-9)
    assert full(page, "gradient") == pytest.approx(gradients, rel=1e-9)


class Tags(HTMLParser):
    """The tags and attributes of a page, and the texts of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script":
            self.scripts[-1] += data


@pytest.mark.parametrize("formula", TYPED)
def test_the_markup_is_the_templates(formula: str) -> None:
    """Two scripts, one style, no attribute that runs or fetches; what was typed is in data and escaped text."""
    graph = bpcli.parse(formula)
    text = write(draw(graph, dict.fromkeys(graph.inputs, 0.5)))
    tags = Tags(text)
    assert tags.tags.count("script") == 2
    assert tags.tags.count("style") == 1
    assert {
        name for name in tags.attributes if name.startswith("on") or name in ("src", "href", "style", "srcdoc")
    } == set()
    assert "<img" not in text
    data, script = tags.scripts
    assert not set("<>&\u2028") & set(data)
    assert json.loads(data)["schema"] == "bpcli/page/1"
    for name in graph.inputs:
        assert f'"name":"{name}"' in data
    for word in (
        "toString",
        "hasOwnProperty",
        "valueOf",
        "document.cookie",
        "innerHTML",
        "eval(",
        "new Function",
        "fetch(",
        "import(",
    ):
        assert word not in script
    assert "<!--" not in script
    assert re.search(r"</script", script) is None


@pytest.mark.browser
def test_policy(lesson: Open, browser: Any, tmp_path: Path) -> None:
    """The policy allows the page's script and style by their hashes: nothing that is added runs, styles or is fetched."""
    file = tmp_path / "lesson.html"
    file.write_text(write(draw(*LECTURE)), encoding="utf-8")
    policy = re.search(r'Policy" content="([^"]*)"', file.read_text(encoding="utf-8"))[1]
    assert re.sub(r"sha256-[\w+/=]{44}", "HASH", policy) == (
        "default-src 'none'; script-src 'HASH'; style-src 'HASH'; base-uri 'none'; form-action 'none'"
    )
    window = Window(browser, file)
    window.page.evaluate("""() => {
      const add = (name, text) => document.body.append(Object.assign(document.createElement(name), {textContent: text}));
      add("script", "window.ran = true");
      add("style", "body { background: rgb(1, 2, 3) !important }");
      document.body.insertAdjacentHTML("beforeend", "<img src='https://example.org/x.png' onerror='window.ran = true'>");
    }""")
    blocked = window.page.evaluate("fetch('https://example.org/').then(() => false, () => true)")
    assert blocked
    assert window.page.evaluate("window.ran") is None
    assert window.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(window.complaints) >= 4
    window.context.close()
    file.write_text(file.read_text(encoding="utf-8").replace("const KEYS", "const  KEYS"), encoding="utf-8")
    window = Window(browser, file)
    assert window.page.inner_text("#count") == ""  # a changed script does not run
    window.context.close()


# --- writing ---------------------------------------------------------------------------------------------


def test_same_bytes() -> None:
    """The page does not depend on the process that writes it."""
    program = ("from bpcli.pictures.page import write; from bpcli.pictures.picture import draw;"
               f"import hashlib; print(hashlib.sha256(write(draw(*{BRANCHES!r})).encode()).hexdigest())")  # fmt: skip
    digests = {
        subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True,
                       text=True, check=True).stdout for seed in "12"
    }  # fmt: skip
    assert len(digests) == 1


def test_arrays_need_values() -> None:
    """The page of arrays shows a run, so the structure alone, or values without gradients, will not do."""
    for options in ({}, {"values": {"x": [1.0, 2.0]}, "show": "values"}):
        with pytest.raises(Trouble, match="the page of a formula with arrays shows one run"):
            write(draw("sum([1, 2]*x)", **options))


def test_the_command(tmp_path: Path) -> None:
    """`bpcli graph -o lesson.html` writes the page, with the convention, the upstream gradient and the digits asked for."""
    lecture = ["(x+y)*z", "--x=-2", "--y=5", "--z=-4"]
    for words, page in (
        ([*lecture, "-o", "lesson.html"], write(draw(*LECTURE))),
        ([*lecture, "--format", "html"], write(draw(*LECTURE))),
        ([*lecture, "--show", "nothing", "-o", "lesson.htm"], write(draw(*LECTURE), hide=True)),
        (["relu(x)", "--kinks", "jax", "--upstream=2", "--digits=6", "-o", "lesson.html"],
         write(draw("relu(x)", digits=6), 6, kinks="jax", upstream=2)),
        (["relu(x)*3", "--x=1", "--kinks", "jax", "--upstream=2", "-o", "lesson.html"],
         write(draw("relu(x)*3", x=1, kinks="jax", upstream=2))),
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "bpcli", "graph", *words], cwd=tmp_path, capture_output=True, check=True
        )
        target = tmp_path / words[-1]
        assert (target.read_bytes() if "-o" in words else done.stdout) == page.encode()
        assert done.stderr == b""


def test_long_title() -> None:
    """The window's title is cut; the heading is not."""
    text = write(draw("+".join(f"x{k}" for k in range(30)), {f"x{k}": k for k in range(30)}))
    title = re.search("<title>(.*?)</title>", text)[1]
    assert len(title) < 90
    assert "…" in title
    assert re.search('<h1 id="formula">.*x29</h1>', text)


def test_only_the_rules_needed() -> None:
    """The script holds the rules of the graph's gates and no others, by the convention asked for."""
    text = write(draw("relu(x)*2", x=1), kinks="jax")
    assert '"relu/1"' in text
    assert '"sigmoid/1"' not in text
    assert '"kinks":"jax"' in text
