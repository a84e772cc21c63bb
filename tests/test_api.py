"""The Python names of the package: documented, typed by what they give, and the same as the commands."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import math
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from html.parser import HTMLParser
from typing import Any

import numpy
import pytest
from sessions import Command

import bpcli
from bpcli.gates import CONVENTIONS
from bpcli.result import Result

POINT = {"x": -2.0, "y": 5.0, "z": -4.0}
NAMES = [name for name in bpcli.__all__ if name != "__version__"]
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(bpcli, name))]


def example() -> Any:
    return bpcli.grad("(x+y)*z", x=-2, y=5, z=-4)


# --- the names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_documented(name: str) -> None:
    """With a docstring whose first paragraph is a sentence, and annotated parameters and result."""
    thing = getattr(bpcli, name)
    text = inspect.getdoc(thing)
    assert text
    assert re.match(r"[A-Z∂].*[.:]", text, re.DOTALL)
    if inspect.isfunction(thing):
        signature = inspect.signature(thing)
        assert signature.return_annotation is not inspect.Signature.empty
        assert all(one.annotation is not one.empty for one in signature.parameters.values())


def test_the_package() -> None:
    """About ten names, all found by dir() after use, none else; the version is one."""
    assert sorted(bpcli.__all__) == bpcli.__all__
    assert 8 <= len(NAMES) <= 14
    assert re.fullmatch(r"\d+\.\d+\.\d+", bpcli.__version__)
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = bpcli.nosuch
    scope: dict[str, Any] = {}
    exec("from bpcli import *", scope)
    assert set(NAMES) <= set(scope)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_docstrings_name_their_arguments(function: str) -> None:
    """Every argument that is not plain from its name stands in the docstring, in capitals, or in that of `parse` or `grad`."""
    thing = getattr(bpcli, function)
    text = " ".join(inspect.getdoc(getattr(bpcli, name)) for name in {function, "grad", "parse"})
    for name in inspect.signature(thing).parameters:
        assert name in ("values", "variables", "limits", "name") or re.search(rf"\b{name.upper()}\b", text), name


def modules() -> list[str]:
    found = (one.name for one in pkgutil.walk_packages(bpcli.__path__, "bpcli."))
    return ["bpcli", *(name for name in found if name not in ("bpcli.__main__", "bpcli._tables"))]


@pytest.mark.parametrize("module", modules())
def test_doctests(module: str) -> None:
    """The examples in docstrings run, and every module says what it is for."""
    imported = importlib.import_module(module)
    assert imported.__doc__
    result = doctest.testmod(imported, extraglobs={"bpcli": bpcli})
    assert result.failed == 0
    if module in ("bpcli", "bpcli.passes"):
        assert result.attempted > 0


def test_importing_is_light() -> None:
    """`import bpcli` loads nothing but itself, and a gradient of numbers needs neither numpy, rich nor click."""
    program = ("import sys, bpcli; assert not {'lark', 'numpy', 'rich', 'click'} & set(sys.modules), 'import';"
               "r = bpcli.grad('(x+y)*z', x=-2, y=5, z=-4); assert r.gradients['z'] == 3.0;"
               "assert not {'numpy', 'rich', 'click'} & set(sys.modules), 'grad'")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- results -----------------------------------------------------------------------------------------------


def test_grad() -> None:
    result = example()
    assert result.gradients == {"x": -4.0, "y": -4.0, "z": 3.0}
    assert all(type(gradient) is float for gradient in result.gradients.values())
    assert (result.value, result.reading, result.mode, result.upstream) == (-12.0, "(x + y)*z", "reverse", 1.0)
    assert result.check.ok
    assert result.notes == []
    assert [line.id for line in result.lines()] == ["g1", "g2"]
    assert bpcli.grad("(x+y)*z", POINT).gradients == result.gradients
    assert bpcli.grad(bpcli.parse("(x+y)*z"), POINT).gradients == result.gradients
    assert bpcli.grad("(x+y)*z", {"x": -2, "y": 5}, z=-4).gradients == result.gradients
    assert list(bpcli.grad("(x+y)*z", POINT, wrt=["z", "x"]).gradients) == ["z", "x"]
    assert bpcli.grad("(x+y)*z", POINT, wrt="y").gradients == {"y": -4.0}
    assert bpcli.grad("(x+y)*z", POINT, check=False).check is None


VALUES = ["--x=-2", "--y=5", "--z=-4"]
#: A result of each kind, and the command that shows it.
RESULTS: list[tuple[Callable[[], Result], list[str]]] = [
    (example, ["grad", "(x+y)*z", *VALUES]),
    (lambda: bpcli.grad("(x+y)*z", POINT, mode="forward"), ["grad", "(x+y)*z", *VALUES, "--mode", "forward"]),
    (lambda: bpcli.grad("abs(x)", x=0), ["grad", "abs(x)", "--x=0"]),
    (lambda: bpcli.check("(x+y)*z", POINT), ["check", "(x+y)*z", *VALUES]),
    (lambda: bpcli.derive("(x+y)*z", POINT), ["derive", "(x+y)*z", *VALUES]),
    (lambda: bpcli.hessian("(x+y)*z", POINT), ["grad", "(x+y)*z", *VALUES, "--hessian"]),
    (lambda: bpcli.jacobian("f = x*y; g = x + y", ["f", "g"], x=1, y=2), ["grad", "f = x*y; g = x + y", "--output", "f,g", "--x=1", "--y=2"]),
    (lambda: bpcli.gate("tanh"), ["gates", "tanh"]),
]  # fmt: skip
EVERY_RESULT = pytest.mark.parametrize(("make", "words"), RESULTS, ids=[" ".join(words) for _, words in RESULTS])


@EVERY_RESULT
def test_a_result_is_its_page(make: Callable[[], Result], words: list[str]) -> None:
    """str() is what the command prints on 80 columns, and record() what it prints with --json."""
    result = make()
    assert str(result) + "\n" == Command({"COLUMNS": "80"}, words, "").in_process().out
    printed = Command({}, [*words, "--json"], "").in_process().out
    assert json.loads(printed) == json.loads(
        json.dumps(result.record("" if words[0] == "gates" else words[1]), allow_nan=False)
    )
    assert not str(result).endswith("\n")


class Tags(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@EVERY_RESULT
def test_a_result_shows_itself_in_a_notebook(make: Callable[[], Result], words: list[str]) -> None:
    """As well-formed HTML with the text of its page; colours are in the page itself."""
    result = make()
    page = Tags(result._repr_html_())
    assert page.open == []
    assert set(page.tags) <= {"pre", "span", "code", "div", "table", "tr", "td", "th", "tbody", "thead"}
    for word in str(result).split():
        if not set(word) & set("─━-"):
            assert word in page.text


def test_html_is_escaped() -> None:
    """A formula is text: < and & in it, or markup in a comment, never become tags."""
    result = bpcli.grad("q = where(x < y, x, y)  # <script>alert(1)</script> & <b>\nq*2", x=1, y=2)
    page = result._repr_html_()
    assert "<script" not in page
    assert "<b>" not in page
    assert "x &lt; y" in page
    assert "x < y" in Tags(page).text
    assert "[/red]" not in str(bpcli.grad("x # [red]", x=1))


# --- values ------------------------------------------------------------------------------------------------


def test_values_for_names_that_are_arguments() -> None:
    """A variable called like an argument gets its value in the mapping."""
    names = [
        "formula",
        "values",
        "mode",
        "wrt",
        "upstream",
        "check",
        "kinks",
        "output",
        "expand",
        "fuse",
        "share",
        "order",
        "self",
    ]
    text = "*".join(names)
    given = {name: k + 1.0 for k, name in enumerate(names)}
    whole = math.prod(given.values())
    assert bpcli.grad(text, given).gradients == pytest.approx({name: whole / value for name, value in given.items()})
    assert bpcli.grad(text, values=given, wrt=["mode"], mode="forward").gradients == {
        "mode": pytest.approx(whole / given["mode"])
    }
    for function in (bpcli.hessian, bpcli.check, bpcli.derive):
        assert function(text, given)
    assert bpcli.grad("mode*x", {"mode": 2}, x=3, mode="forward").gradients == {"mode": 3.0, "x": 2.0}


@pytest.mark.parametrize(
    "value", [3, 3.0, "3", "6/2", numpy.float64(3), numpy.int32(3), numpy.array(3.0), Fraction(3), True + 2], ids=repr
)
def test_what_is_a_number(value: Any) -> None:
    result = bpcli.grad("x^2", x=value)
    assert result.gradients == {"x": 6.0}
    assert type(result.point["x"]) is float


@pytest.mark.parametrize("value", [None, True, False, numpy.bool_(True), math.nan, math.inf, -math.inf, "nan", "abc", "", b"3", 3j, {}, 10**400, object(), numpy.nan],
                         ids=lambda value: repr(value)[:20])  # fmt: skip
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(bpcli.Trouble) as caught:
        bpcli.grad("x^2", x=value)
    assert caught.value.exit_code == 2
    assert "x" in str(caught.value)


def test_an_equal_key_twice() -> None:
    """A Greek letter and its name are one variable."""
    assert bpcli.grad("θ^2", {"θ": 3}).gradients == bpcli.grad("theta^2", {"θ": 3}).gradients == {"theta": 6.0}
    with pytest.raises(bpcli.Trouble, match="two values"):
        bpcli.grad("θ^2", {"θ": 3, "theta": 3})


def test_nothing_that_was_given_is_changed() -> None:
    given = {"x": 1, "y": 2}
    graph = bpcli.parse("q = x*y; q + sin(q)")
    text = repr(graph)
    for function in (bpcli.grad, bpcli.check, bpcli.hessian, bpcli.derive):
        function(graph, given)
    assert given == {"x": 1, "y": 2}
    assert repr(graph) == text


def test_repr_is_short() -> None:
    """What it is, of which formula, and the figures; the table is for print."""
    point = {"x": -2, "y": 5, "z": -4}
    assert repr(bpcli.grad("(x + y)*z", point)) == "<Gradients of (x + y)*z: x=-4, y=-4, z=3>"
    assert repr(bpcli.check("(x + y)*z", point)) == "<Checked of (x + y)*z: x=ok, y=ok, z=ok>"
    assert repr(bpcli.derive("(x + y)*z")) == "<Derivative of (x + y)*z: dx, dy, dz>"
    assert repr(bpcli.hessian("(x + y)*z", point)) == "<Matrix of (x + y)*z: hessian 3×3>"
    array = {"W": [[1, 2], [3, 4]], "x": [1, 2]}
    assert repr(bpcli.grad("sum(W @ x)", array)) == "<ArrayGradients of sum(W @ x): W=array of 2×2, x=array of 2>"
    assert repr(bpcli.gate("tanh")) == "<Page>"
    long = repr(bpcli.grad("\n".join([f"a{k} = v{k}*2" for k in range(50)]) + "\n" + "+".join(f"a{k}" for k in range(50)),
                           {f"v{k}": k for k in range(50)}, check=False))  # fmt: skip
    assert long.startswith("<Gradients of a0 = v0*2; a1 = v1*2;")
    assert long.endswith("v5=2, …>")
    assert len(long) < 140


# --- errors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "code", "exit_code"),
    [(lambda: bpcli.grad("x*(", x=1), "unfinished", 2), (lambda: bpcli.grad("x*y", x=1), "missing-value", 2), (lambda: bpcli.grad("x", x=1, y=2), "unknown-variable", 2),
     (lambda: bpcli.grad("log(x)", x=-1), "outside-domain", 3), (lambda: bpcli.grad("exp(x)", x=1e3), "overflow", 3), (lambda: bpcli.grad("sqrt(x)", x=0), "no-slope", 3),
     (lambda: bpcli.grad("abs(x)", x=0, kinks="error"), "kink", 3), (lambda: bpcli.grad("x", x=1, wrt="y"), "unknown-variable", 2),
     (lambda: bpcli.jacobian("q = x", ["p"], x=1), "unknown-output", 2), (lambda: bpcli.gate("nosuch"), "unknown-gate", 2), (lambda: bpcli.parse(""), "empty", 2),
     (lambda: bpcli.derive("log(x)", x=-1), "outside-domain", 3), (lambda: bpcli.hessian("1/x", x=0), "outside-domain", 3)],
)  # fmt: skip
def test_errors_are_trouble(call: Any, code: str, exit_code: int) -> None:
    """One exception for everything a user can mend, that says the same as the program."""
    with pytest.raises(bpcli.Trouble) as caught:
        call()
    trouble = caught.value
    assert (trouble.code, trouble.exit_code) == (code, exit_code)
    assert isinstance(trouble, Exception)
    assert str(trouble).startswith(trouble.message)
    record = trouble.as_json()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["error"]["code"] == code


def test_conventions() -> None:
    """KINKS takes each convention by its name."""
    slopes = [bpcli.grad("abs(x)", x=0, kinks=kinks, check=False).gradients["x"] for kinks in CONVENTIONS[:-1]]
    assert slopes == [0, 1, 0, -1, 1]


@pytest.mark.parametrize(("option", "value"), [("mode", "sideways"), ("kinks", "matlab")])
def test_an_option_that_is_not_there(option: str, value: str) -> None:
    """A misspelt mode or convention is refused, not taken for another one."""
    with pytest.raises((bpcli.Trouble, ValueError)):
        bpcli.grad("abs(x)", x=1, **{option: value})


@pytest.mark.parametrize("order", [0, 3, -1])
def test_an_order_that_is_not_there(order: int) -> None:
    with pytest.raises((bpcli.Trouble, ValueError)):
        bpcli.derive("x^4", order=order)


@pytest.mark.parametrize("upstream", [math.nan, math.inf])
def test_an_upstream_gradient_that_is_no_number(upstream: float) -> None:
    with pytest.raises((bpcli.Trouble, ValueError)):
        bpcli.grad("x*2", x=1, upstream=upstream)


def test_gate() -> None:
    """One gate of the table, by name, alias or sign."""
    assert bpcli.gate("σ").name == bpcli.gate("logistic").name == bpcli.gate("sigmoid").name == "sigmoid"
    assert bpcli.gate("*").local == {"a": "b", "b": "a"}
    assert "1 - y^2" in str(bpcli.gate("tanh"))
