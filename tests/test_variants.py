"""Variants and keys: the same numbers for ever, right answers, and draws that can tell right from wrong."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from test_problem_files import KIND_EXAMPLES, PLAIN, problem

from bpcli.exercises.acceptance import fault, near_kink, unhandy
from bpcli.exercises.bank import files, load, shipped
from bpcli.exercises.chance import below, digest
from bpcli.exercises.keys import confirm, keys
from bpcli.exercises.numbers import decimals, digits
from bpcli.exercises.soundness import check
from bpcli.exercises.telling import moved, tell
from bpcli.exercises.variants import Variant, draw, draws
from bpcli.trouble import Trouble

BANK = files(shipped())


def variant(text: str, **numbers: object) -> Variant:
    """The variant of the problem TEXT with these numbers."""
    exact = {name: Decimal(str(value)) for name, value in numbers.items()}
    return Variant(problem(text), "1", "s", exact)


# --- chance ----------------------------------------------------------------------------------------------


def test_a_draw_is_the_published_hash() -> None:
    """SHA-256 over length-prefixed parts, computed here by itself: the numbers that sheets of past years rest on."""
    parts = ("bpcli/draw/1", "gates/x", "seed", "ada", "0")
    data = b"".join(len(part.encode()).to_bytes(8, "big") + part.encode() for part in parts)
    assert digest(*parts[1:]) == hashlib.sha256(data).digest()
    assert [below(10, "pinned", str(k)) for k in range(12)] == PINNED
    assert below(1, "x") == 0
    with pytest.raises(ValueError, match="cannot draw"):
        below(0, "x")


PINNED = [8, 1, 8, 5, 3, 8, 5, 6, 7, 8, 4, 5]


def test_labels_do_not_run_together() -> None:
    assert digest("ab", "c") != digest("a", "bc") != digest("abc")


def test_numbers_are_equally_likely() -> None:
    """Chi-squared over 7 classes and 7,000 draws; the 0.999 quantile for 6 degrees of freedom is 22.5."""
    counts = Counter(below(7, "uniform", str(k)) for k in range(7000))
    assert sum((counts[k] - 1000) ** 2 / 1000 for k in range(7)) < 22.5


@pytest.mark.parametrize("seed", ["0", "random"])
def test_the_same_in_every_process(seed: str) -> None:
    """Whatever Python's own hashing does: other processes draw what this one draws."""
    code = (
        "import sys; from bpcli.exercises.bank import *; from bpcli.exercises.variants import *; "
        "from bpcli.exercises.acceptance import fault\n"
        "for one in problems(sys.argv[1:]): print({k: str(v) for k, v in draw(one, '7', 'ada', fault).numbers.items()})"
    )
    done = subprocess.run([sys.executable, "-c", code, *BANK], capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONHASHSEED": seed})  # fmt: skip
    here = [str({name: str(value) for name, value in draw(load(path, identity), "7", "ada", fault).numbers.items()})
            for identity, path in BANK.items()]  # fmt: skip
    assert done.stdout.splitlines() == here


def test_variants_depend_on_nothing_else() -> None:
    """Another seed, student or id changes the numbers; a name more in the file leaves the others' as they are."""
    one = problem(PLAIN.replace("y = 2", "y = {from = -50, to = 50}").replace("to = 5}", "to = 5000}"))
    first = {(seed, student): next(draws(one, seed, student)).numbers for seed in "12" for student in ("ada", "bob")}
    assert len({str(numbers) for numbers in first.values()}) == 4
    more = problem(PLAIN.replace("y = 2", "y = {from = -50, to = 50}\nw = {from = 1, to = 9}")
                   .replace("to = 5}", "to = 5000}").replace("f = q*z", "f = q*z*w"))  # fmt: skip
    for (seed, student), numbers in first.items():
        again = next(draws(more, seed, student)).numbers
        assert {name: again[name] for name in numbers} == numbers


def test_a_problem_that_cannot_keep_its_rules_says_so() -> None:
    with pytest.raises(Trouble, match="none of 1,000 draws will do: a condition of require does not hold") as caught:
        draw(problem(PLAIN.replace("formula", "require = ['x > 100']\nformula")), "1", "s", fault)
    assert caught.value.exit_code == 3
    fixed = PLAIN.replace("{from = -5, to = 5}", "0").replace("{choose = [1, 2]}", "1").replace("q*z", "q*log(x)*z")
    with pytest.raises(Trouble, match="fixed numbers, and they do not keep its rules"):
        draw(problem(fixed), "1", "s", fault)


# --- what draws are rejected -----------------------------------------------------------------------------

RELU = 'title = "T"\nstatement = "S"\nformula = "s = w*x; f = relu(s)"\nask = "every gradient"\n[given]\nw = 2\nx = 3\n'


@pytest.mark.parametrize(("w", "x", "near"), [(0, 3, True), (2, 3, False), (0.0001, 3, True), (-0.001, -0.001, True)])
def test_kinks_are_kept_away(w: float, x: float, near: bool) -> None:
    assert near_kink(variant(RELU, w=w, x=x)) is near


@pytest.mark.parametrize(("w", "near"), [("0.006", True), ("0.01", False)])
def test_rounding_may_not_cross_a_kink(w: str, near: bool) -> None:
    """s = 3w: at two decimals, 0.018 may be written as 0.02, which is two units from the kink at 0."""
    assert near_kink(variant(RELU.replace("formula", "round = {decimals = 2}\nformula"), w=w, x=3)) is near


def test_a_kink_in_an_array() -> None:
    text = RELU.replace("f = relu(s)", "f = sum(relu(s))").replace("x = 3", "x = [1, 2]")
    [only] = itertools.islice(draws(problem(text), "1", "s"), 1)
    assert not near_kink(only)
    [only] = itertools.islice(draws(problem(text.replace("[1, 2]", "[1, 0]")), "1", "s"), 1)
    assert near_kink(only)


def test_no_more_decimals_than_a_hand_carries() -> None:
    text = PLAIN.replace("q*z", "q/z")
    rounded = text.replace("formula", "round = {decimals = 2}\nformula")
    for written, z, said in ((text, 8, "a number has more than 4 decimals"), (text, 4, None), (rounded, 8, None),
                             (rounded, 800, "an answer rounds to 0")):  # fmt: skip
        found = variant(written, x=1, y=0, z=z)  # at z = 8, dz is 1/64
        assert unhandy(found, keys(found)) == said


@pytest.mark.parametrize(("value", "places", "count"), [(0.1, 1, 1), (0.3, 1, 1), (-2.0, 0, 1), (1 / 3, 12, 12),
                                                        (0.0625, 4, 3), (1200.0, 0, 2), (0.0, 0, 1)])  # fmt: skip
def test_decimals_and_digits(value: float, places: int, count: int) -> None:
    assert decimals(value) == places
    assert digits(value) == count


# --- telling right from wrong ----------------------------------------------------------------------------


def test_coincidences_of_the_lectures_example() -> None:
    """(x+y)z: at q = z a mul that is not switched gives a fully right sheet; a draw like that is refused."""
    text = PLAIN.replace("y = 2", "y = {from = -5, to = 5}").replace("{choose = [1, 2]}", "{from = -5, to = 5}")
    assert tell(variant(text, x=-2, y=5, z=-4)).hidden == ()
    assert "mul-not-switched" in tell(variant(text, x=1, y=3, z=4)).hidden
    assert "mul-like-add" in tell(variant(text, x=-2, y=3, z=1)).hidden
    assert fault(variant(text, x=1, y=3, z=4)) is not None


def test_how_often_small_integers_cannot_tell() -> None:
    """Of (x+y)z with x, y, z from -5 to 5 without 0, asked at the inputs: z = 1 hides that the upstream gradient was
    dropped, x + y = z that mul was not switched. Such draws are refused."""
    text = PLAIN.replace("y = 2", "y = {from = -5, to = 5, except = [0]}")
    text = text.replace("x = {from = -5, to = 5}", "x = {from = -5, to = 5, except = [0]}")
    text = text.replace("{choose = [1, 2]}", "{from = -5, to = 5, except = [0]}").replace(
        "every gradient", "every input"
    )
    found = [tell(one).hidden for one in itertools.islice(draws(problem(text), "1", "s"), 400)]
    share = sum(map(bool, found)) / len(found)
    assert 0.1 < share < 0.25


def test_a_slip_that_cannot_be_made_is_no_coincidence() -> None:
    """An open relu lets everything through: that is no reason to refuse the draw; a closed one must tell."""
    assert "relu-gate-open" not in tell(variant(RELU, w=2, x=3)).hidden
    assert "relu-gate-open" in tell(variant(RELU, w=-2, x=3)).shown


def test_rounding_may_hide_a_slip() -> None:
    """At two decimals σ' and σ'(1 - σ) coincide where σ is nearly 0: 0.02 and 0.02·0.98."""
    text = PLAIN.replace("q = x + y; f = q*z", "q = x + y; f = sigmoid(q*z)")
    exact, rounded = text, text.replace("formula", "round = {decimals = 1}\nformula")
    assert "sigmoid-not-times-one-minus" not in tell(variant(exact, x=-5, y=2, z=1)).hidden
    assert "sigmoid-not-times-one-minus" in tell(variant(rounded, x=-5, y=2, z=1)).hidden


LABELS = """
title = "T"
statement = "S"
formula = "FORMULA"
wrt = ["x"]
ask = "every gradient"
[given]
x = {from = -2.5, to = 2.5, step = 0.5, shape = [3]}
k = {choose = [0, 1, 2]}
"""
SCALARS = LABELS.replace("shape = [3]", "except = [0]")


@pytest.mark.parametrize(("text", "formula", "stays"), [
    (LABELS, "s = 2*x; L = cross_entropy(s, k)", True), (SCALARS, "L = 2*where(k*(k - 1)*(k - 2) == 0, x^2, sigmoid(x))", True),
    (SCALARS, "s = 2*(x - 3); L = s^k", True), (SCALARS, "s = k*x; L = s + x", False)])  # fmt: skip
def test_only_numbers_with_neighbours_are_moved(text: str, formula: str, stays: bool) -> None:
    """A class, the side of a condition and the exponent of a negative number stay as they were drawn; x does not."""
    for one in itertools.islice(draws(problem(text.replace("FORMULA", formula)), "1", "s"), 12):
        other = moved(one)
        assert (other.numbers["k"] == one.numbers["k"]) is stays
        before, after = (np.ravel(np.asarray(found.point["x"])) for found in (one, other))
        assert np.all(abs(after - before) > 0)
        assert np.allclose(after, before, rtol=3e-3, atol=3e-3)
        assert tell(one)


def test_problems_without_derivatives_have_no_slips() -> None:
    found = check(problem(PLAIN.replace("every gradient", "every value")), 20)
    assert found.ok
    assert found.told is None
    assert found.slips == 0


# --- keys ------------------------------------------------------------------------------------------------


def test_keys_against_autograd() -> None:
    """A neuron with every kind of blank that is a number."""
    text = """
title = "T"
statement = "S"
formula = "s = w*x + b; f = tanh(s)^2"
round = {digits = 3}
[given]
w = 0.5
x = 1.25
b = -0.25
alpha = 0.1
[[ask]]
every = "gradient"
[[ask]]
step = "w"
rate = "alpha"
decay = 0.5
[[ask]]
number = "dw*2 + s"
name = "n"
[[ask]]
quotient = "w"
h = 0.01
scheme = "forward"
[[ask]]
local = "f"
by = "g2"
"""
    text = text.replace("f = tanh(s)^2", "t = tanh(s); f = t^2").replace('by = "g2"', 'by = "t"')
    found = {one.blank.name: one.number for one in keys(next(draws(problem(text), "1", "s")))}

    def f(w: float, x: float, b: float) -> float:
        return anp.tanh(w * x + b) ** 2

    w, x, b = 0.5, 1.25, -0.25
    dw, dx, db = (autograd.grad(f, k)(w, x, b) for k in range(3))
    expected = {
        "dw": dw, "dx": dx, "db": db, "ds": db, "dt": 2 * math.tanh(w * x + b), "w_new": w - 0.1 * (dw + 0.5 * w),
        "n": 2 * dw + w * x + b, "dw_h": (f(w + 0.01, x, b) - f(w, x, b)) / 0.01, "df_dt": 2 * math.tanh(w * x + b),
    }  # fmt: skip
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize("kind", KIND_EXAMPLES)
def test_every_kind_has_a_key(kind: str) -> None:
    text = PLAIN.replace('ask = "every gradient"\n', "") + f"[[ask]]\n{KIND_EXAMPLES[kind]}\n"
    for one in keys(variant(text, x=-2, y=5, z=-4)):
        assert one.text or isinstance(one.number, float)


def test_the_lectures_staged_program() -> None:
    """The key's lines, run by Python itself, give the key's numbers."""
    found = draw(load(BANK["training/staged"], "training/staged"), "1", "s", fault)
    program, dx, dy, pattern = keys(found)
    scope = {name: float(value) for name, value in found.numbers.items()}
    scope |= {"sigmoid": lambda x: 1 / (1 + math.exp(-x))}  # type: ignore[dict-item]
    exec(program.text.replace("^", "**"), {}, scope)  # our own key, not a student's text
    assert scope["dx"] == pytest.approx(dx.number)
    assert scope["dy"] == pytest.approx(dy.number)
    assert pattern.text == "distributor"


def test_a_choice_is_computed() -> None:
    text = PLAIN.replace('ask = "every gradient"\n', "").replace("q*z", "max(q, z)")
    text += '[[ask]]\nchoice = "route"\nof = "f"\n[[ask]]\nchoice = {yes = "dx > 0.5", no = "dx <= 0.5"}\nname = "c"\n'
    assert [one.text for one in keys(variant(text, x=1, y=2, z=1))] == ["q", "yes"]
    assert [one.text for one in keys(variant(text, x=1, y=2, z=9))] == ["z", "no"]
    tied = problem(text.replace("dx <= 0.5", "dx >= 0"))
    with pytest.raises(Trouble, match="yes and no are all right"):
        keys(Variant(tied, "1", "s", {name: Decimal(n) for name, n in {"x": 1, "y": 2, "z": 1}.items()}))


def test_a_wrong_derivative_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a gate whose rule is wrong, reverse and forward mode agree, and differences do not."""
    from bpcli import gates

    gates.gate("wrongsquare x", "x*x, differentiated wrongly", "x*x", "3*x")
    try:
        text = PLAIN.replace("q*z", "wrongsquare(q)*z")
        assert list(confirm(variant(text, x=1, y=2, z=3)))
        found = check(problem(text), 5)
        assert not found.ok
        assert "mismatch" in found.faults[0]
    finally:
        del gates.GATES["wrongsquare"]


def test_keys_of_arrays() -> None:
    text = """
title = "T"
statement = "S"
formula = "s = W @ x + b; L = sum((s - t)^2)"
wrt = ["W", "b"]
ask = ["every gate", "every input"]
[given]
W = {shape = [2, 3], from = -2, to = 2}
x = [1, -1, 2]
b = {shape = [2], from = 1, to = 3}
t = [0, 1]
"""
    found = next(draws(problem(text), "1", "s"))
    answers = {one.blank.name: one.number for one in keys(found)}
    point = found.point

    def loss(W, b):
        return anp.sum((W @ point["x"] + b - point["t"]) ** 2)

    assert answers["dW"] == pytest.approx(autograd.grad(loss, 0)(point["W"], point["b"]))
    assert answers["db"] == pytest.approx(autograd.grad(loss, 1)(point["W"], point["b"]))
    assert "dx" not in answers
    assert list(confirm(found)) == []
    assert check(problem(text), 20).ok


# --- soundness -------------------------------------------------------------------------------------------


def test_an_unsound_problem_fails_with_the_reason() -> None:
    """Two slips that always coincide at these numbers: the threshold is the problem's own."""
    text = (
        PLAIN.replace("x = {from = -5, to = 5}", "x = 0.5")
        .replace("y = 2", "y = 0.5")
        .replace("{choose = [1, 2]}", "5")
    )
    found = check(problem(text.replace("formula", "apart = 1\nformula")), 50)
    told = {pair[:2] for pair in found.confused}
    assert not found.ok
    assert "told apart in 0%" in found.faults[0]
    assert told == {("add-own-value", "add-halves")}
    assert check(problem(text.replace("formula", "apart = 0\nformula")), 50).ok


def test_a_record_is_json() -> None:
    found = check(problem(PLAIN.replace("y = 2", "y = {from = -9, to = 9}").replace("[1, 2]", "[2, 3, 5]")), 30)
    record = json.loads(json.dumps(found.record(), allow_nan=False))
    assert record["variants"] == 30
    assert record["agreed"] == 30
    assert record["draws"] == 30 + sum(record["rejected"].values())
    low, high = record["load"]["negatives"]
    assert low <= high


@pytest.mark.parametrize("identity", BANK)
def test_the_bank_is_sound(identity: str) -> None:
    """A quick look; `bpcli problems check` draws 200 of each."""
    found = check(load(BANK[identity], identity), 25)
    assert found.faults == ()
    assert found.agreed == found.variants
