"""Marking arrays: reading them, follow-through from a student's own arrays, and slips of arrays named."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpcli
from bpcli.figures import show_nested
from bpcli.marking.answers import Missing, Unreadable, read_submission
from bpcli.marking.array_answers import Array, agree, read_array
from bpcli.marking.arrays import mark_arrays
from bpcli.marking.key import Asked, Key
from bpcli.marking.verdicts import Mark
from bpcli.passes import prepare
from bpcli.rounding import EXACT, Rule
from bpcli.slipped import edges, places, run
from bpcli.slips import SLIPS
from bpcli.sweeps import reverse
from bpcli.trouble import Trouble

# --- reading ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shape", "value"),
    [
        ("[1, 2]", (2,), [1, 2]), ("[[1,2],[3,4]]", (2, 2), [[1, 2], [3, 4]]), ("[[1. 2.]\n [3. 4.]]", (2, 2), [[1, 2], [3, 4]]),
        (" [1 2 3] ", (3,), [1, 2, 3]), ("[[1, 2]]", (2,), [1, 2]), ("[1, 2]", (1, 2), [[1, 2]]), ("[[1], [2]]", (2,), [1, 2]),
        ("[1; -1/2]", (2,), [1, -0.5]), ("3", (), 3), ("[\u22123, .5]", (2,), [-3, 0.5]), ("4", (1,), [4]), ("[1e-3]", (1,), [0.001]),
    ],
)  # fmt: skip
def test_arrays_are_read(text: str, shape: tuple[int, ...], value: Any) -> None:
    found = read_array(text, shape)
    assert isinstance(found, Array)
    assert found.value.shape == shape
    assert np.array_equal(found.value, value)


@pytest.mark.parametrize(
    "show", [repr, str, "np.{!r}".format, lambda one: f"{one!r:s}".replace(")", ", dtype=float64)")]
)
@pytest.mark.parametrize(
    "value", [[3.0, -2.5], [[15, 10], [-24, -16]], [[0.1, 2e-7], [1.0, 3.0]], [-0.0], np.arange(40.0).reshape(2, 20)]
)
def test_what_numpy_prints_is_read(value: Any, show: Any) -> None:
    """As it is pasted from a notebook, over several lines too: numpy itself does the printing."""
    exact = np.array(value, dtype=float)
    line = f"W = {show(exact)}\nq = 3"
    lines = read_submission(line).sections[""]
    assert [one.name for one in lines] == ["W", "q"]
    found = read_array(lines[0].text, exact.shape)
    assert isinstance(found, Array), found
    assert np.array_equal(found.value, exact)


@pytest.mark.parametrize(
    ("text", "shape", "value"),
    [
        ("tensor([1., 2.], grad_fn=<AddBackward0>)", (2,), [1, 2]), ("torch.tensor([[1.0], [2.0]], dtype=torch.float64)", (2, 1), [[1], [2]]),
        ("[np.float64(1.0), np.float64(-2.5)]", (2,), [1, -2.5]), ("np.float64(0.25)", (), 0.25), ("tensor(3.)", (), 3), ("array(-1.5)", (), -1.5),
        ("array([1, 2], dtype=int32)", (2,), [1, 2]), ("[tensor(1.), tensor(2., requires_grad=True)]", (2,), [1, 2]), ("Array([1., 2.], dtype=float32)", (2,), [1, 2]),
    ],
)  # fmt: skip
def test_other_ways_of_printing(text: str, shape: tuple[int, ...], value: Any) -> None:
    found = read_array(text, shape)
    assert isinstance(found, Array), found
    assert np.array_equal(found.value, value)


@pytest.mark.parametrize(
    "text", ["exec([1, 2])", "array([1, 2]", "array([1, 2]), 3", "array([1, x])", "array(1, 2)", "np.array([1, 2]) + 1"]
)
def test_what_only_looks_printed_is_not(text: str) -> None:
    assert isinstance(read_array(text, (2,)), Unreadable)


@pytest.mark.parametrize(
    ("text", "shape", "reason"),
    [
        ("[1, 2", (2,), "never closed"), ("1, 2]", (2,), ""), ("[1, 2]]", (2,), "not opened"), ("[1, nan]", (2,), "nan in it"),
        ("[1, x]", (2,), "x in it"), ("[1, 2, 3]", (2,), "its shape is (3,), and (2,)"), ("[[1, 2], [3]]", (2, 2), "lengths"),
        ("[[1, 2], [3, 4]]", (4,), "its shape"), ("3", (2,), "an array is asked"), ("[1] [2]", (2,), "write one array"),
        ("[" * 6 + "1" + "]" * 6, (1,), "nested"), ("[" + "1," * 10_001 + "1]", (3,), "10,000 entries"),
        ("[" + "1," * 40_000 + "]", (3,), "limit is 65,536"), ("[__import__('os')]", (1,), ""), ("nan", (), "nan"),
    ],
)  # fmt: skip
def test_what_is_no_array_says_why(text: str, shape: tuple[int, ...], reason: str) -> None:
    found = read_array(text, shape)
    assert isinstance(found, Unreadable)
    assert reason in found.reason
    assert found.reason.isprintable()


def test_no_array_is_missing() -> None:
    assert isinstance(read_array(" ? ", (2,)), Missing)


@given(st.text(alphabet="[]12,.;- e\n'x", max_size=60))
def test_any_text_is_an_array_or_none(text: str) -> None:
    found = read_array(text, (2,))
    if isinstance(found, Array):
        assert np.isfinite(found.value).all()


def test_entries_are_compared_one_by_one() -> None:
    key = np.array([1000.0, 0.5, 0.0])
    assert agree(key, key)
    assert agree(key * (1 + 1e-8), key)
    beside = np.array([1000.0, 0.51, 0.0])
    assert not agree(beside, key)
    assert agree(beside, key, 0.02)
    assert not agree([np.nan, 0.5, 0], key, np.inf)
    assert not agree(key[:2], key)


# --- marking ----------------------------------------------------------------------------------------------

LAYER = ("Z = X @ W + b; H = relu(Z); S = H @ V; f = sum(S*t)", {
    "X": [[1, 2], [3, -1]], "W": [[2, 1], [1, -3]], "b": [1, 2], "V": [[1, 2], [-2, 1]], "t": [[1, 3], [2, -1]],
})  # fmt: skip
SOFTMAX = ("z = W @ x + b; p = softmax(z); f = sum(p*t)", {
    "W": [[1, -1], [0.5, 2]], "x": [0.3, -0.7], "b": [0.1, 0.2], "t": [1, -2],
})  # fmt: skip


class Work:
    """A formula on arrays with every gate and variable asked."""

    def __init__(self, formula: str, values: dict[str, Any], rule: Rule = EXACT) -> None:
        self.graph, point, computed = prepare(formula, values, {})
        self.key = Key(self.graph, point, computed, 1.0, rule)
        self.adjoints = reverse(self.graph, computed, {self.graph.output: 1.0})
        ids, named = self.graph.ids, [node for node in self.graph.gates if node in self.graph.names]
        self.blanks = [Asked(ids[node], "value", node) for node in named]
        self.blanks += [
            Asked(f"d{ids[node]}", "gradient", node) for node in (*reversed(named[:-1]), *self.graph.inputs.values())
        ]

    def answers(self, adjoints: list[Any], **changes: str) -> dict[str, str]:
        numbers = {one.name: (self.key.values if one.kind == "value" else adjoints)[one.node] for one in self.blanks}
        return {name: show_nested(np.asarray(number), 17) for name, number in numbers.items()} | changes

    def marks(self, answers: dict[str, Any], hint: bool = False, doubt: str = "") -> dict[str, Mark]:
        return {one.name: one for one in mark_arrays(self.key, self.adjoints, self.blanks, answers, hint, doubt)}


@pytest.mark.parametrize(("formula", "values"), [LAYER, SOFTMAX])
def test_the_key_is_right(formula: str, values: dict[str, Any]) -> None:
    work = Work(formula, values)
    assert {one.verdict for one in work.marks(work.answers(work.adjoints)).values()} == {"right"}


def test_a_wrong_array_is_charged_once() -> None:
    work = Work(*LAYER)
    dh = np.array(work.adjoints[work.graph.scope["H"]])
    dz = (dh + 1) * (work.key.values[work.graph.scope["Z"]] > 0)
    dw = np.array(LAYER[1]["X"]).T @ dz
    found = work.marks(work.answers(work.adjoints, dH=show_nested(dh + 1), dZ=show_nested(dz), dW=show_nested(dw)))
    assert found["dH"].verdict == "wrong"
    assert (found["dZ"].verdict, found["dZ"].used) == ("follows", ("dH",))
    assert (found["dW"].verdict, found["dW"].used) == ("follows", ("dZ",))
    assert found["db"].verdict == "right"


def test_a_wrong_value_is_charged_once() -> None:
    work = Work(*LAYER)
    z = np.array(work.key.values[work.graph.scope["Z"]]) + 1
    h = np.maximum(z, 0)
    found = work.marks(work.answers(work.adjoints, Z=show_nested(z), H=show_nested(h)))
    assert [found[name].verdict for name in ("Z", "H", "S")] == ["wrong", "follows", "right"]
    assert "look again at Z = " in found["Z"].reason


def test_one_slip_at_one_gate_on_arrays() -> None:
    """Every slip at every single gate: what follows is right or follows, and the slip is among those named."""
    count: Counter[str] = Counter()
    for formula, values in (LAYER, SOFTMAX):
        work = Work(formula, values)
        graph = work.graph
        for slip in SLIPS.values():
            if slip.order != "topological" or slip.push:
                continue
            for node in places(graph, work.key.values, slip):
                wrong = run(graph, work.key.values, {graph.output: 1.0}, slip, at=[node])
                if all(a is None or np.allclose(a, b) for a, b in zip(wrong, work.adjoints, strict=True)):
                    continue
                place = graph.position[node]
                shows = (
                    {graph.args[place][k] for k in edges(graph, place, work.key.values)}
                    if slip.collect == "sum"
                    else {node}
                )
                asked = {one.node for one in work.blanks}
                while not shows <= asked:  # a stretch or a gate without a name is not asked: its inputs show the slip
                    shows = {
                        k
                        for one in shows
                        for k in (
                            [one] if one in asked else graph.args[graph.position[one]] if one in graph.position else []
                        )
                    }
                for one in work.blanks:
                    mark = work.marks(work.answers(wrong))[one.name]
                    if mark.verdict != "wrong":
                        count["fine"] += 1
                    elif one.kind == "gradient" and one.node in shows:
                        count["named" if slip.id in mark.slips else "misnamed" if mark.slips else "unnamed"] += 1
                    else:
                        count["later"] += 1
    assert count["named"] > 20, count
    assert not count["misnamed"], count
    assert not count["later"], count
    assert count["named"] >= 0.95 * (count["named"] + count["unnamed"]), count


@pytest.mark.parametrize(
    ("name", "wrong", "slip"), [("dW", "dW", "transpose-forgotten"), ("db", "db", "bias-not-summed")]
)
def test_slips_of_arrays(name: str, wrong: str, slip: str) -> None:
    work = Work(*LAYER)
    (blank,) = [one for one in work.blanks if one.name == name]
    gates = [gate for gate, _ in work.key.feeds[blank.node]]
    gradients = run(work.graph, work.key.values, {work.graph.output: 1.0}, SLIPS[slip], at=gates)
    found = work.marks(work.answers(work.adjoints, **{wrong: show_nested(np.asarray(gradients[blank.node]), 17)}))
    assert found[name].verdict == "wrong"
    assert slip in found[name].slips


def test_rounded_arrays() -> None:
    work = Work(*SOFTMAX, rule=Rule("decimals", 3))
    rounded = [None if one is None else np.round(one, 3) for one in work.adjoints]
    found = work.marks(work.answers(rounded))
    assert {one.credit for one in found.values()} == {1.0}
    assert found["dz"].verdict == "rounded"
    strict = Work(*SOFTMAX)
    assert strict.marks(strict.answers(rounded))["dz"].verdict == "wrong"


def test_bad_arrays_stop_nothing_else() -> None:
    work = Work(*LAYER)
    found = work.marks(work.answers(work.adjoints, dH="[[1, 2], [3", dZ="", dW="[1, 2]", db="[nan, 1]"))
    assert [found[name].verdict for name in ("dH", "dZ", "dW", "db", "dX")] == [
        "invalid",
        "blank",
        "invalid",
        "invalid",
        "right",
    ]


def test_zeros_and_doubts() -> None:
    work = Work(*LAYER)
    zeros = dict.fromkeys(("dS", "dH", "dZ", "dW", "dX"), "[[0, 0], [0, 0]]")
    assert {work.marks(work.answers(work.adjoints, **zeros))[name].verdict for name in zeros} == {"wrong"}
    doubted = work.marks(work.answers(work.adjoints), doubt="differences do not confirm it")
    assert {one.verdict for name, one in doubted.items() if name[0] == "d"} == {"undecided"}
    assert doubted["Z"].verdict == "right"


def test_hints_on_arrays() -> None:
    work = Work(*LAYER)
    answers = work.answers(work.adjoints, dW="[[1, 2], [3, 5]]")
    assert work.marks(answers, hint=True)["dW"].reason.endswith("look again at what X @ W sends to W")


# --- entries and shapes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "answer", "verdict", "slips", "reason"),
    [
        ("dS", "[[1, 3], [2, 1]]", "wrong", ("sign-changed",), "entry [1, 1]: the sign is the other one; look again"),
        ("dS", "[[1, 3], [-2, 1]]", "wrong", ("sign-changed",), "entries [1, 0] and [1, 1]: the sign"),
        ("dS", "[[1, 3], [2.5, -1]]", "wrong", (), "entry [1, 0] is wrong; look again at what S*t sends to S"),
        ("dS", "[[10, 30], [20, -10]]", "wrong", ("decimal-point",), "the decimal point is in another place; look"),
        ("dS", "[[1, 2], [3, -1]]", "wrong", ("transposed",), "entries [0, 1] and [1, 0]: rows and columns"),
        ("dS", "[1, 3, 2, -1]", "invalid", (), "its shape is (4,); dS has the shape of S, (2, 2)"),
        ("db", "[[7, 0], [0, -5]]", "wrong", ("bias-not-summed",), "its shape is (2, 2); db has the shape of b, (2,)"),
        ("db", "[[7, 0], [0, 5]]", "invalid", (), "its shape is (2, 2); db"), ("f", "[1, 2]", "invalid", (), ""),
        ("S", "[1, 2, 3]", "invalid", (), "its shape is (3,), and (2, 2) is asked"),
    ],
)  # fmt: skip
def test_what_is_said_of_entries_and_shapes(
    name: str, answer: str, verdict: str, slips: tuple[str, ...], reason: str
) -> None:
    """dS = t; that at H is t @ V.T = [[7, 1], [0, -5]], and of Z only the entry [0, 1] is below 0."""
    work = Work(*LAYER)
    right = work.answers(work.adjoints)
    assert right["dS"] == "[[1, 3], [2, -1]]"
    mark = work.marks(right | {name: answer})[name]
    assert (mark.verdict, mark.slips) == (verdict, slips)
    assert reason in mark.reason


def test_a_transposed_matrix_of_another_shape_is_named() -> None:
    values = {"W": [[1, 2, 3], [4, 5, 6]], "x": [1, 0, -1], "G": [2, 5]}
    work = Work("f = sum((W @ x)*G)", values)
    mark = work.marks(work.answers(work.adjoints, dW="[[2, 5], [0, 0], [-2, -5]]"))["dW"]
    assert (mark.verdict, mark.slips) == ("wrong", ("transposed",))
    assert mark.reason == "rows and columns are exchanged: its shape is (3, 2); dW has the shape of W, (2, 3)"
    hinted = work.marks({"dW": "[[2, 5], [0, 0], [-2, -5]]"}, hint=True)["dW"]
    assert (hinted.verdict, hinted.slips) == ("invalid", ())


@pytest.mark.parametrize(
    ("answer", "verdict"), [("[0, 0, 1]", "right"), ("[0.5, 0, 1]", "right"), ("[1, 0, 1]", "right"), ("[1.1, 0, 1]", "wrong"),
                            ("[0, 0, 0.5]", "wrong"), ("[-0.1, 0, 1]", "wrong"), ("[0, 0.5, 1]", "wrong")]
)  # fmt: skip
def test_between_the_slopes_at_a_kink(answer: str, verdict: str) -> None:
    """Of relu at 0, where its slope is 0 on the left and 1 on the right; a convention leaves one."""
    formula, values = "sum(relu(x))", {"x": [0, -1, 2]}
    assert bpcli.mark(formula, values, {"dx": answer}).marks[0].verdict == verdict
    strict = bpcli.mark(formula, values, {"dx": answer}, kinks="right").marks[0].verdict
    assert strict == ("right" if answer == "[1, 0, 1]" else "wrong")


# --- in Python --------------------------------------------------------------------------------------------


def test_in_python() -> None:
    """The gradients of sum(G*(W @ x)) are outer(G, x) and W.T @ G."""
    w, x, g = np.array([[1.0, 2, -1], [3, 4, 0.5]]), np.array([1.0, -1, 2]), np.array([0.3, -2])
    answers = {"y": w @ x, "dW": np.outer(g, x).tolist(), "dx": str((w.T @ g).tolist()), "dy": (0.3, -2)}
    found = bpcli.mark("y = W @ x", {"W": w, "x": x}, answers, upstream=g)
    assert found.ok
    assert found.score == 4
    assert found.record("y = W @ x")["inputs"] == {"W": w.tolist(), "x": x.tolist()}
    wrong = bpcli.mark("y = W @ x", {"W": w, "x": x}, {"dW": np.outer(x, g)}, upstream=g).marks[0]
    assert wrong.slips == ("transposed",)
    with pytest.raises(Trouble, match="shape"):
        bpcli.mark("y = W @ x", {"W": w, "x": x}, {"dW": g}, upstream=[1, 2, 3])
    with pytest.raises(Trouble, match="local gradients"):
        bpcli.mark("y = relu(x)*2", {"x": x}, {"dg1_dx": x}, upstream=x)


def test_numbers_as_large_as_doubles_warn_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bpcli.mark(
            "y = W @ x",
            {"W": [[1, 2], [3, 4]], "x": [1, -1]},
            {"dW": "[[1e308, -1e308], [1.7e308, 1]]", "dx": "[[1e308], [1e308], [1e308]]"},
            upstream=[1, 2],
        )
    assert [one.verdict for one in found.marks] == ["wrong", "invalid"]
