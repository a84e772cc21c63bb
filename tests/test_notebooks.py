"""Cells as students paste them, right and with one slip each: what a fair marker would give, and the line that is named."""

from __future__ import annotations

import math
import re
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_program_marking import NOTES as SPACED_NOTES
from test_program_marking import STAGED

import bpcli
from bpcli.marking import notebook, steps
from bpcli.marking.answers import read_submission
from bpcli.marking.branching import without_branches
from bpcli.marking.statements import Assignment, assignments
from bpcli.passes import prepare
from bpcli.trouble import Trouble

NOTES = SPACED_NOTES.replace("\n\n", "\n").replace(" See notes below", "")
XYZ = "q = x + y; f = q*z"
NEURON = "s = w0*x0 + w1*x1 + w2; m = s*-1; t = exp(m); d = t + 1; f = 1/d"
MAXIMUM = "m = max(x, y); s = m*m + x; f = s/z"
SQUARED = "a = w*x + b; h = tanh(a); e = h - y; f = e^2"
AT = {"x": 1.25, "y": -0.5, "z": 2.0, "w": 0.75, "b": -0.25, "w0": 0.5, "x0": -1.0, "w1": -0.75, "x1": -0.5, "w2": 0.25}

#: The lecture's own first code, with its names for the gradients.
LECTURE = """\
# set some inputs
x = -2; y = 5; z = -4

# perform the forward pass
q = x + y # q becomes 3
f = q * z # f becomes -12

# perform the backward pass (backpropagation) in reverse order:
dfdz = q # df/dz = q, so gradient on z becomes 3
dfdq = z # df/dq = z, so gradient on q becomes -4
dqdx = 1.0
dqdy = 1.0
dfdx = dfdq * dqdx  # The multiplication here is the chain rule!
dfdy = dfdq * dqdy
"""
CIRCUIT = """\
w = [2,-3,-3] # assume some random weights and data
dot = w0*x0 + w1*x1 + w2
f = 1.0 / (1 + math.exp(-dot)) # sigmoid function
ddot = (1 - f) * f # gradient on dot variable, using the sigmoid gradient derivation
dx0 = w0 * ddot
dx1 = w1 * ddot
dw0 = x0 * ddot; dw1 = x1 * ddot; dw2 = 1.0 * ddot
# we're done! we have the gradients on the inputs to the circuit
"""
HELPER = """\
def sigmoid(v):
    '''The logistic function.'''
    u = np.exp(-v)  # helper
    return 1 / (1 + u)

s = w0*x0 + w1*x1 + w2
f = sigmoid(s)
ds = sigmoid(s) * (1 - sigmoid(s))
dw0, dx0 = x0*ds, w0*ds
(dw1, dx1) = (x1*ds, w1*ds)
dw2 = ds
"""
GATES = """\
s = w0*x0 + w1*x1 \\
    + w2
m = -s
t = np.exp(m)
d = 1 + t
f = 1 / d
dd = -1 / d**2
dt = dd
dm = t * dt
ds = -dm
dw0 = x0*ds
dx0 = w0*ds
dw1 = x1*ds
dx1 = w1*ds
dw2 = ds
"""
LARGER = """\
m = np.maximum(x, y)
s = m*m + x
f = s / z
ds = 1 / z
dz = -s / z**2
dm = m*ds
dm += m*ds
dx = ds
dx += np.where(x > y, dm, 0)
dy = (y > x) * dm
"""
CHOSEN = (
    LARGER.partition("dx = ds")[0]
    + """\
if x > y:  # the gradient goes to the larger one
    dx = ds + dm
    dy = 0
else:
    dx = ds
    dy = dm
"""
)
TRAINED = """\
a = w*x + b
h = np.tanh(a)
e = h - y
f = e**2
de = 2*e
dh = de
dy = -de
da = (1 - h**2) * dh
dw = x*da
dx = w*da
db = da
w -= 0.1*dw
b -= 0.1*db
"""
OWN = """\
z1 = w*x
z2 = z1 + b
out = math.tanh(z2)
diff = out - y
f = diff*diff
ddiff = 2*diff
dout = ddiff
dz2 = (1 - out**2)*dout
dz1 = dz2
db = dz2
dw = dz1*x
dx = dz1*w
dy = -ddiff
"""
IN_A_FUNCTION = """\
import numpy as np

def passes(x, y, z):
    # forward
    q = np.add(x, y)
    f = np.multiply(q, z)
    # backward
    dz = q
    dq = z
    dx = dy = 1.0 * dq
    return f, dx, dy, dz

f, dx, dy, dz = passes(-2.0, 5.0, -4.0)
print(f"gradients: {dx}, {dy}, {dz}")
"""

#: Formula, cell, and what is not right in it: name -> verdict and what its reason says.
Wrong = dict[str, tuple[str, str]]
PYTHON: dict[str, tuple[str, str, Wrong]] = {
    "the notes": (STAGED, NOTES, {}),
    "given numbers first": (STAGED, f"x = 3 # example values\ny = -4\n{NOTES}", {}),
    "given numbers and imports": (STAGED, f"import math\nimport numpy as np\nx, y = 3, -4\n{NOTES}\nprint(f)", {}),
    "the lecture's first code": (XYZ, LECTURE, {}),
    "the lecture's neuron": (NEURON, CIRCUIT, {}),
    "a function of one's own": (NEURON, HELPER, {}),
    "gate by gate": (NEURON, GATES, {}),
    "a maximum": (MAXIMUM, LARGER, {}),
    "a maximum by if and else": (MAXIMUM, CHOSEN, {}),
    "a maximum by an if alone": (MAXIMUM, LARGER.replace("dx += np.where(x > y, dm, 0)", "if x > y: dx += dm  # router"), {}),
    "slip: the branches of an if": (MAXIMUM, CHOSEN.replace("if x > y", "if x < y"), {"dx": ("wrong", "line 9")}),
    "an update at the end": (SQUARED, TRAINED, {}),
    "names of one's own": (SQUARED, OWN, {}),
    "windows": (XYZ, LECTURE.replace("\n", "\r\n").replace(" # ", "\t# "), {}),
    "semicolons": (NEURON, GATES.replace("\\\n", "").replace("\n", ";\n"), {}),
    "one line": (XYZ, "q = x + y; f = q*z; dq = z; dz = q; dx = dq; dy = dq;", {}),
    "type hints": (XYZ, "q: float = x + y\nf: float = q*z\ndq : np.float64 = 1.0 * z # chain rule\ndz = q\ndx = dy = dq", {}),
    "a bracket left open": (XYZ, "q = (x +\n     y)\nf = q*z\ndq, dz = z, q\n\n\ndx = dq\ndy = dq\nassert f == q*z", {}),
    "lambda": (STAGED, "sig = lambda v: 1/(1 + math.exp(-v))\n" + NOTES.replace("1.0 / (1 + math.exp(-y))", "sig(y)"), {}),
    "slip: not squared": (STAGED, f"x = 3\n{NOTES}".replace("(den**2)", "den"),
                          {"dden": ("wrong", "1/x instead of 1/x^2, in line 12")}),
    "slip: set anew": (STAGED, NOTES.replace("dx += (1)", "dx = (1)"), {"dx": ("wrong", "line 18 sets dx anew")}),
    "slip: mul not switched": (NEURON, GATES.replace("dw1 = x1", "dw1 = w1"), {"dw1": ("wrong", "mul not switched, in line 13")}),
    "slip: in the function": (NEURON, HELPER.replace("np.exp(-v)", "np.exp(v)"), {"f": ("wrong", "line 7")}),
    "slip: upstream forgotten": (SQUARED, TRAINED.replace("* dh", ""), {"da": ("wrong", "upstream gradient dropped, in line 8")}),
    "slip: sign": (SQUARED, OWN.replace("-ddiff", "ddiff"), {"dy": ("wrong", "in line 13")}),
    "slip: tanh": (SQUARED, OWN.replace("out**2", "out"), {"dz2": ("wrong", "tanh' without the square, in line 8")}),
    "slip: the loser": (MAXIMUM, LARGER.replace("(y > x)", "(x > y)"), {"dy": ("wrong", "line 10")}),
    "slip: half a square": (MAXIMUM, LARGER.replace("dm += m*ds\n", ""), {"dm": ("wrong", "line 6")}),
    "slip: q for z": (XYZ, LECTURE.replace("dfdz = q", "dfdz = z"), {"dfdz": ("wrong", "line 9")}),
}  # fmt: skip


def verdicts(formula: str, text: str) -> dict[str, Any]:
    return {one.name: one for one in bpcli.mark(formula, program=text).marks}


@pytest.mark.parametrize("name", PYTHON)
def test_a_pasted_cell(name: str) -> None:
    """Every error is charged once, at its line; the rest is right, or follows from it."""
    formula, text, wrong = PYTHON[name]
    found = verdicts(formula, text)
    assert {one: mark.verdict for one, mark in found.items() if mark.credit < 1} == {
        one: said[0] for one, said in wrong.items()
    }
    for one, (_, reason) in wrong.items():
        assert reason in found[one].reason
    assert wrong or {mark.verdict for mark in found.values()} == {"right"}


@pytest.mark.parametrize("name", PYTHON)
def test_python_itself_agrees(name: str) -> None:
    """The witness: the cell run here by Python, and its gradients held against difference quotients of the formula."""
    formula, text, _ = PYTHON[name]
    graph = bpcli.parse(formula, variables=list(AT))
    scope: dict[str, Any] = {"np": np, "math": math, **{one: AT[one] for one in graph.inputs}}
    exec(re.sub(r"(?m)^(x = -?\d.*|y = -?\d.*|x, y = .*|f, dx, dy, dz = .*|print.*)\r?$", "", text), scope)
    scope |= {f"d{one}": scope[f"dfd{one}"] for one in graph.inputs if f"dfd{one}" in scope}

    def value(**moved: float) -> float:
        point = {one: AT[one] for one in graph.inputs} | moved
        ready, _, values = prepare(graph, point, {})
        return float(values[ready.output])

    marks = verdicts(formula, text)
    for one in graph.inputs:
        mark = marks.get(f"d{one}") or marks[f"dfd{one}"]
        quotient = (value(**{one: AT[one] + 1e-5}) - value(**{one: AT[one] - 1e-5})) / 2e-5
        if mark.verdict != "follows":
            assert (mark.verdict == "right") == (abs(scope[f"d{one}"] - quotient) < 1e-6), (one, mark)


#: Cells that Python would not run, and what a marker says to them.
OTHERS: dict[str, tuple[str, str, Wrong]] = {
    "a fence": (XYZ, f"```python\n{LECTURE}```\n", {}),
    "prompts": (XYZ, "In [1]: q = x + y\nIn [2]: f = q * z\nOut[2]: -12\nIn [3]: dq = z\n   ...: dz = q\n   ...: dx = dy = dq\n", {}),
    "python's prompts": (XYZ, ">>> x = -2\n>>> q = x + y\n>>> f = q*z\n>>> dz = q\n>>> dq = z\n>>> dx = dy = dq\n", {}),
    "in a function": (XYZ, IN_A_FUNCTION, {}),
    "indented": (XYZ, "  q = x + y\n\tf = q*z\n    dq = z\n dz = q\ndx = dq\n\t\tdy = dq", {}),
    "true minus and powers": (MAXIMUM, LARGER.replace("-s / z**2", "\u2212s / z^2").replace("m*m", "m²"), {}),
    "torch": (MAXIMUM, "import torch\nx = torch.tensor(3.0, requires_grad=True)\n"
              + LARGER.replace("np.maximum(x, y)", "torch.max(x, y)").replace("np.where", "torch.where") + "f.backward()\n", {}),
    "magics and texts": (XYZ, f'%matplotlib inline\n!pip install numpy\n"""\nq = 7\n"""\n{LECTURE}', {}),
    "numbers": (XYZ, "q = 3\nf = -12\ndq = z\ndx = dq\ndy = -4\ndz = 3", {
        "q": ("wrong", "line 1: a formula is asked"), "f": ("wrong", "line 2: a formula is asked"),
        "dy": ("wrong", "line 5: a formula"), "dz": ("wrong", "line 6: a formula")}),
    "a name misspelt once": (STAGED, NOTES.replace("invden = 1.0", "invdne = 1.0"), {
        "f": ("invalid", "line 8: invden has no value yet; is it invdne?")}),
    "a sign missing": (XYZ, "q = x + y\nf = q z\ndq = z\ndz = q\ndx = dq\ndy = dq", {"f": ("invalid", "line 2: a sign is missing")}),
    "a function nobody knows": (STAGED, "x = 3\n" + NOTES.replace("1.0 / (1 + math.exp(-x))", "squash(x)"), {
        "sigx": ("invalid", "line 4: there is no function called squash; of your own functions those are read")}),
    "a long function": (STAGED, "def squash(v):\n    if v > 0:\n        return 1\n    return 0\n" + NOTES.replace("1.0 / (1 + math.exp(-x))", "squash(x)"), {
        "sigx": ("invalid", "line 7: there is no function called squash")}),
    "an own name that cannot be read": (STAGED, NOTES.replace("sigy", "sy").replace("1.0 / (1 + math.exp(-y))", "expit('y')"), {
        "num": ("invalid", "line 2: it uses sy, and line 1 could not be read"), "dy": ("invalid", "line 20: it uses sy")}),
    "changed by a run": (XYZ, LECTURE + "f = forward(-2, 5, -4)\nf = show('f')\n", {}),
    "run as a script": (XYZ, 'if __name__ == "__main__":\n    q = x + y\n    f = q*z\n    f.backward()\n    dz = q\n    dq = z\n    dx = dy = dq', {}),
    "corrected": (XYZ, "q = x $ y\nq = x + y\nf = q*z\ndz = q\ndq = z\ndx = dy = dq", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_a_cell_that_python_would_not_run(name: str) -> None:
    formula, text, wrong = OTHERS[name]
    found = verdicts(formula, text)
    assert {one: mark.verdict for one, mark in found.items() if mark.credit < 1} == {
        one: said[0] for one, said in wrong.items()
    }
    for one, (_, reason) in wrong.items():
        assert reason in found[one].reason


def test_what_is_given_keeps_its_value() -> None:
    result = bpcli.mark(XYZ, program="x = y\nq = x + y\nf = q*z\nx = 7")
    assert result.ok
    assert [note.message for note in result.notes] == ["line 1: x is given, and keeps its value"]


def test_lines_that_give_nothing_a_value_are_said_once() -> None:
    result = bpcli.mark(XYZ, program=IN_A_FUNCTION)
    assert [note.message for note in result.notes] == ["lines 1, 3, 11, 13 and 14 give nothing a value: left out"]


def test_lines_that_cannot_be_read_buy_nothing() -> None:
    """Every value and gradient lent, copied under another name: once 23 % of a program for no arithmetic at all."""
    names = ["sigy", "num", "sigx", "xpy", "xpysqr", "den", "invden", "f"]
    names += [f"d{one}" for one in ("num", "invden", "den", "sigx", "xpysqr", "xpy", "sigy", "x", "y")]
    result = bpcli.mark(
        STAGED, program="\n".join(f"{one} = $\na{one} = {one}\nb{one} = 2*a{one}\n{one} = b{one}/2" for one in names)
    )
    assert result.score == 0
    assert result.max_score >= len(names)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("dx = $\ndq = dx\ndy = dq", 0.0),  # a dq from a dx that is lent is no work, nor what is made of it
        ("q = $\nf = q*z\ndz = q\ndq = z\ndx = dq\ndy = dq", 5.0), ("dq = $\ndx = dq\ndy = dq", 2.0), ("f = $\ndq = f/q", 0.0),
        ("f = $\nq = f/z", 0.0), ("dz = $\nq = dz", 0.0),
    ],
)  # fmt: skip
def test_what_is_lent_earns_only_by_what_is_made_of_it(text: str, score: float) -> None:
    assert bpcli.mark(XYZ, program=text).score == score


def test_every_line_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """12 names that are set anew where they should add: all are mended in one more run, and no line is read again."""
    read: list[str] = []
    parse = steps.parse
    monkeypatch.setattr(steps, "parse", lambda text, **options: read.append(text) or parse(text, **options))
    graph = "; ".join(
        [*[f"g{k} = x*{k + 2}" for k in range(12)], "f = " + " + ".join(f"sin(g{k})*exp(g{k})" for k in range(12))]
    )
    lines = [line for k in range(12) for line in (f"dg{k} = cos(g{k})*exp(g{k})", f"dg{k} = sin(g{k})*exp(g{k})")]
    marks = bpcli.mark(graph, program="\n".join(lines)).marks
    told = [mark for mark in marks if "only one branch kept" in mark.reason]
    assert len(told) == 12
    assert read == [line.partition(" = ")[2] for line in lines]


# --- the reader ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("a, b = 1, 2", ["a = 1", "b = 2"]), ("(a, b) = (x, f(y, z))", ["a = x", "b = f(y, z)"]), ("a, b = b, a", ["a, b = b, a"]),
        ("a, b = x, a", ["a, b = x, a"]), ("a, b = f(x)", ["a, b = f(x)"]), ("a, b = 1, 2, 3", ["a, b = 1, 2, 3"]), ("a, b += 1, 2", ["a, b += 1, 2"]),
        ("a, b = (x + 1), (y)", ["a = (x + 1)", "b = (y)"]), ("a = 1, 2", ["a = 1, 2"]), ("a, b = [1, 2], ab", ["a = [1, 2]", "b = ab"]),
    ],
)  # fmt: skip
def test_several_names_at_once(statement: str, found: list[str]) -> None:
    assert [f"{left} {sign} {right}" for left, sign, right in assignments(statement)] == found


def test_a_swap_says_how_to_write_it() -> None:
    assert read_submission("a, b = b, a").problems[0].message == "one name to a line: write a = …; b = …"
    assert assignments("a, b") == [Assignment("a, b", "", "")]


@pytest.mark.parametrize(
    ("definition", "call", "formula"),
    [
        ("def s(x): return 1/(1 + exp(-x))", "s(y)", "(1/(1 + exp(-(y))))"), ("s = lambda x: x*x", "s(s(a+1))", "((((a+1)*(a+1)))*(((a+1)*(a+1))))"),
        ("def s(x: float, k=2) -> float:\n    u = x + 1\n    return k*u", "s(a, 3) + s(b, 4)", "((3)*((a) + 1)) + ((4)*((b) + 1))"),
        ("def s(exp): return exp + np.exp(exp)", "s(q)", "((q) + np.exp((q)))"), ("def s(x): return s(x)", "s(q)", "(s((q)))"),
        ("def s(x):\n    return x, x", "s(q)", "s(q)"), ("def s(x):\n    a = 1\n    b = 2\n    c = 3\n    return a", "s(q)", "s(q)"),
        ("def s(x, y): return x*y", "s(q)", "s(q)"), ("def s(*x): return x", "s(q)", "s(q)"), ("def s(x): return x", "s(q", "s(q"),
    ],
)  # fmt: skip
def test_functions_are_put_in(definition: str, call: str, formula: str) -> None:
    found = notebook.read([*definition.split("\n"), f"r = {call}"])
    assert found.put_in(call) == formula


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("if x > 0:\n  a = 1\n  b += x\nelse:\n  a = 2\nc = 3", ["", "a = where(x > 0, 1, 2)", "b += where(x > 0, x, 0)", "", "", "c = 3"]),
        ("if x > 0: a = 1", ["a = where(x > 0, 1, a)"]), ("if x > 0:\n  pass\nelse:\n  a -= x", ["", "", "", "a -= where(x > 0, 0, x)"]),
        ("if x > 0 and y > 0: a = 1", None), ("if x > 0:\n  a = 1\n  b = a", None), ("if x > 0:\n  print(x)", None), ("if x:\n a = 1", None),
        ("if x > 0:\n  a = 1\nelse:\n  a += 1", None), ("if x > 0:\n  for k in a:\n    b = 1", None), ("a = 1 if x > 0 else 2", None),
    ],
)  # fmt: skip
def test_branches_are_choices(text: str, found: list[str] | None) -> None:
    assert without_branches(text.split("\n")) == (text.split("\n") if found is None else found)


def test_lines_keep_their_numbers() -> None:
    text = "```\n>>> a = 1 + \\\n...  2\n\n'''\nb = 3\n'''\nIn [7]: c = 4\n"
    assert [(one.name, one.text, one.number) for one in read_submission(text).sections[""]] == [
        ("a", "1 + 2", 2),
        ("c", "4", 8),
    ]


@pytest.mark.parametrize(
    "text",
    ["a = 1 \\\n" * 19_000, "def f(x): return x\n" * 19_000, "\n".join(f"def f{k}(x): return f{k - 1}(x)" for k in range(15_000)),
     '"""\n' * 19_999, "def s(x): return x*x\n" + ("r = " + "s(" * 49 + "x" + ")" * 49 + "\n") * 400,
     "def s(x): return x*x\n" + ("r = " + "s(x)+" * 500 + "x\n") * 300, "a:" * 500_000, "def f(" * 170_000, "f = lambda " * 90_000,
     "q: " + "np.a" * 200_000 + "[", "'" * 1_000_000, "`" * 1_000_000, "a," * 30_000 + "a = " + "b," * 30_000,
     "if x > 0:\n" + " a = 1\n" * 19_000, "if x > 0:\n" * 19_000, "if " + "x>0" * 300_000],
    ids=range(16),
)  # fmt: skip
def test_reading_takes_no_time(text: str) -> None:
    start = time.process_time()
    try:
        read_submission(text[: 2**20])
    except Trouble as trouble:
        assert "answers" in trouble.message
    assert time.process_time() - start < 3


@given(st.text(alphabet="defs(x):= \n\\'\"`lambda,retun>.[]+1#IO%!", max_size=120))
def test_any_text_keeps_its_number_of_lines(text: str) -> None:
    lines = text.split("\n")
    assert len(notebook.read(lines).lines) == len(lines)
