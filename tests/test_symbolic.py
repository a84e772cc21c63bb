"""Derivatives as formulas: they read back, have the right value, are simplified as on the blackboard, and typeset."""

from __future__ import annotations

import json
import math
import re

import pytest
from formulas import Formula, formulas, many
from hypothesis import given, settings
from sessions import Command

import bpcli
from bpcli.gates import COMPARES, FAMILIES, GATES, Gate
from bpcli.passes import parse
from bpcli.printing import LATEX, write
from bpcli.sweeps import forward, reverse
from bpcli.symbolic import shared_parts, sizes

each_formula = settings(max_examples=100, deadline=None, derandomize=True)
few_formulas = settings(max_examples=40, deadline=None, derandomize=True)

ROWS = [row for row in GATES.values() if not row.helper] + [
    build(count) for fewest, build in FAMILIES.values() if not build(fewest).helper for count in (fewest, 3, 7)
]
TYPED = [row for row in ROWS if row.binds != COMPARES]


def written(row: Gate) -> str:
    """A call of ROW with its own input names as variables."""
    if row.name == "where":
        return "where(condition > 0, a, b)"
    if row.text:
        return re.sub(r"<[([]?(\w+)[)\]]?>", r"\1", row.text)
    return f"{row.name}({', '.join(row.inputs)})"


def example(row: Gate) -> dict[str, float]:
    """The worked example of the row, moved away from whole numbers and ties."""
    given = [*row.example, 0.7, -1.3, 2.9, 0.2][: len(row.inputs)]
    return {name: float(x) + 0.01 * k for k, (name, x) in enumerate(zip(row.inputs, given, strict=True))}


def program(text: str, *, order: int = 1, blackboard: bool = True) -> dict[str, str]:
    """Name -> formula of the derivatives of TEXT."""
    return bpcli.derive(text, order=order, blackboard=blackboard).lines()


def assert_reads_back(text: str, point: dict[str, float], order: int, blackboard: bool) -> None:
    """The printed program has, where bpcli reads it, the values that were computed, and so has its JSON form."""
    derived = bpcli.derive(text, point, order=order, blackboard=blackboard)
    if not derived.names:
        assert derived.program == ""
        return
    graph = parse(derived.program, variables=list(point))
    values = forward(graph, {name: point[name] for name in graph.inputs})
    adjoints = reverse(graph, values, {graph.output: 1.0})
    scale = max(
        1.0, *(abs(v * a) for v, a in zip(values, adjoints, strict=True) if v is not None), *map(abs, _numbers(values))
    )
    for name, number in derived.numbers.items():
        assert values[graph.scope[name]] == pytest.approx(number, rel=1e-9, abs=1e-9 * scale)
    record = derived.record(text)
    lines = {**record["shared"], **record["derivatives"]}
    assert "\n".join(f"{name} = {formula}" for name, formula in lines.items()) == derived.program
    assert record["size"]["shared"] <= record["size"]["written_out"]
    assert (record["values"], list(record["derivatives"])) == (derived.numbers, derived.names)


def _numbers(values: list[float | None]) -> list[float]:
    return [value for value in values if value is not None]


# --- reading back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blackboard", [True, False], ids=["blackboard", "stable"])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("row", TYPED, ids=lambda row: f"{row.name}{len(row.inputs)}")
def test_every_gate(row: Gate, order: int, blackboard: bool) -> None:
    """The derivative of every gate reads back, and its value is the gradient that differences find."""
    text, point = written(row), example(row)
    assert_reads_back(text, point, order, blackboard)
    if order == 1:
        comparisons = bpcli.check(text, point).check.comparisons
        numbers = bpcli.derive(text, point, blackboard=blackboard).numbers
        assert [one.verdict for one in comparisons.values()] == ["ok"] * len(numbers)
        assert list(numbers.values()) == pytest.approx([one.reverse for one in comparisons.values()], rel=1e-12)


@each_formula
@given(formulas(most=15))
def test_random_formulas(formula: Formula) -> None:
    for blackboard in (True, False):
        assert_reads_back(formula.text, formula.point, 1, blackboard)


@few_formulas
@given(formulas(most=7))
def test_random_formulas_twice(formula: Formula) -> None:
    for blackboard in (True, False):
        assert_reads_back(formula.text, formula.point, 2, blackboard)


@pytest.mark.slow
def test_300_larger_formulas() -> None:
    for formula in many(300):
        for order, blackboard in ((1, True), (1, False), (2, False)):
            assert_reads_back(formula.text, formula.point, order, blackboard)


@pytest.mark.parametrize("options", [[], ["--order", "2"], ["--stable"], ["--order", "2", "--stable"]])
@pytest.mark.parametrize(
    "text", ["(x+y)*z", "sigmoid(x*y)/z", "where(x > y, x^z, max(x, y, z))", "sin(sin(sin(sin(x*y*z))))"]
)
def test_what_the_command_prints_is_a_program(text: str, options: list[str]) -> None:
    """Also with the values behind it in comments."""
    values = ["--x=0.5", "--y=1.5", "--z=2.5"]
    printed = Command({}, ["derive", text, *options, *values], "").in_process()
    assert (printed.code, printed.err) == (0, "")
    graph = parse(printed.out)
    computed = forward(graph, {name: {"x": 0.5, "y": 1.5, "z": 2.5}[name] for name in graph.inputs})
    shown = dict(re.findall(r"^(\w+) = .*  # (\S+)$", printed.out, re.MULTILINE))
    assert shown
    for name, figure in shown.items():
        assert computed[graph.scope[name]] == pytest.approx(float(figure), rel=1e-3)
    record = Command({}, ["derive", text, *options, *values, "--json"], "").in_process()
    assert list(json.loads(record.out)["values"]) == list(shown)


# --- simplified --------------------------------------------------------------------------------------------

GOLDEN: dict[str, dict[str, str]] = {
    "(x+y)*z": {"dx": "z", "dy": "z", "dz": "x + y"},
    "x^2": {"dx": "2*x"}, "x**2": {"dx": "2*x"}, "x²": {"dx": "2*x"}, "square(x)": {"dx": "2*x"},
    "x^3": {"dx": "3*x^2"}, "x^1": {"dx": "1"}, "x^0": {"dx": "0"}, "x^-1": {"dx": "-x^(-2)"}, "x^0.5": {"dx": "0.5*x^(-0.5)"},
    "1/x": {"dx": "-1/x^2"}, "-1/x": {"dx": "1/x^2"}, "x/y": {"dx": "1/y", "dy": "-(x/y^2)"},
    "x*y": {"dx": "y", "dy": "x"}, "-x": {"dx": "-1"}, "x - y": {"dx": "1", "dy": "-1"}, "--x": {"dx": "1"},
    "-(x*y)": {"dx": "-y", "dy": "-x"}, "2*x + 3": {"dx": "2"}, "x*0": {"dx": "0"}, "x - x": {"dx": "0"}, "x/3": {"dx": "1/3"}, "x/4": {"dx": "1/4"}, "6*x/3": {"dx": "2"}, "(2*x)^2/6": {"dx": "4/3*x"}, "0.1*(0.2*x)": {"dx": "0.1*0.2"},
    "x": {"dx": "1"}, "5 + 0*x": {"dx": "0"}, "sin(2)*x": {"dx": "sin(2)"},
    "exp(x)": {"dx": "exp(x)"}, "exp(-x)": {"dx": "-exp(-x)"}, "log(x)": {"dx": "1/x"},
    "sqrt(x)": {"dx": "1/(2*sqrt(x))"}, "sin(x)": {"dx": "cos(x)"}, "cos(x)": {"dx": "-sin(x)"},
    "tanh(x)": {"dx": "1 - tanh(x)^2"}, "sigmoid(x)": {"dx": "sigmoid(x)*(1 - sigmoid(x))"}, "tan(x)": {"dx": "1/cos(x)^2"},
    "sigmoid(w*x + b)": {"dw": "sigmoid(w*x + b)*(1 - sigmoid(w*x + b))*x", "dx": "sigmoid(w*x + b)*(1 - sigmoid(w*x + b))*w",
                         "db": "sigmoid(w*x + b)*(1 - sigmoid(w*x + b))"},
    "asin(x)": {"dx": "1/sqrt(1 - x^2)"}, "atan(x)": {"dx": "1/(1 + x^2)"}, "softplus(x)": {"dx": "sigmoid(x)"},
    "relu(x)": {"dx": "step(x)"}, "abs(x)": {"dx": "sign(x)"}, "floor(x)*x": {"dx": "floor(x)"},
    "x^n": {"dx": "n*x^(n - 1)", "dn": "x^n*log(x)"}, "2^x": {"dx": "2^x*log(2)"}, "pi*x": {"dx": "pi"},
    "where(x > 0, log(x), x^2)": {"dx": "where(x > 0, 1/x, 2*x)"}, "where(x > 0, x, x)": {"dx": "1"},
    "where(x > y, x, 3)": {"dx": "where(x > y, 1, 0)", "dy": "0"},
    "q = x + y; f = q*z": {"dx": "z", "dy": "z", "dz": "x + y"}, "q = x*x; q*q": {"dx": "(x*x + x*x)*x + (x*x + x*x)*x"},
    "u = exp(y); x^2": {"dy": "0", "dx": "2*x"},
}  # fmt: skip


@pytest.mark.parametrize("text", GOLDEN)
def test_golden(text: str) -> None:
    """As a lecture would write it: no *1, +0, --, and nothing folded that should stay (1/3)."""
    assert program(text) == GOLDEN[text]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("sigmoid(x)", "sigmoid(x)*sigmoid(-x)"), ("hypot(x, y)", "x/hypot(x, y)"), ("1/x", "-(1/x/x)"), ("asin(x)", "1/sqrt((1 - x)*(1 + x))"),
     ("x^2", "2*x"), ("erf(x)", "2*exp(-(x*x))/sqrt(pi)")],
)  # fmt: skip
def test_golden_stable(text: str, wanted: str) -> None:
    assert program(text, blackboard=False)["dx"] == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("x^2 + y^3", {"dx_dx": "2", "dx_dy": "0", "dy_dy": "6*y"}), ("x*y", {"dx_dx": "0", "dx_dy": "1", "dy_dy": "0"}),
     ("x^3*y", {"dx_dx": "6*y*x", "dx_dy": "3*x^2", "dy_dy": "0"}), ("x^3/7", {"dx_dx": "6/7*x"}), ("sin(2*x)", {"dx_dx": "-(4*sin(2*x))"}),
     ("x^5*y", {"dx_dx": "20*y*x^3", "dx_dy": "5*x^4", "dy_dy": "0"}), ("(2*x + 1)^3", {"dx_dx": "24*(2*x + 1)"}),
     ("exp(x)", {"dx_dx": "exp(x)"}), ("sin(x)", {"dx_dx": "-sin(x)"}), ("a*x + b", {f"d{p}_d{q}": "1" if (p, q) == ("a", "x") else "0" for p, q in
      ("aa", "ax", "ab", "xx", "xb", "bb")})],
)  # fmt: skip
def test_golden_twice(text: str, wanted: dict[str, str]) -> None:
    """Every second derivative once."""
    assert program(text, order=2) == wanted


def test_constants_are_never_divided_by_or_raised() -> None:
    """Folding leaves what has no value alone, and names of numbers as they are."""
    assert program("x/0") == {"dx": "1/0"}
    assert program("x^2/pi") == {"dx": "1/pi*(2*x)"}
    assert program("e*x") == {"de": "x", "dx": "e"} or program("e*x") == {"dx": "e"}
    assert bpcli.derive("e*x", e=2, x=3).numbers == {"de": 3.0, "dx": 2.0}


# --- choices -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("where(x > 0, log(x), x^2)", -2.0), ("3*where(x > 0, log(x), x^2)", -6.0), ("exp(where(x > 0, sqrt(x), x))", math.exp(-1)),
     ("where(x > 0, sqrt(log(x)), x)*x", -2.0), ("where(x > 0, where(x > 1, log(x - 1), 1/sqrt(x)), 5*x)", 5.0),
     ("where(x < 0, x^3, 1/(x - x))", 3.0), ("where(x != 0, 1/x, 0)", -1.0), ("where(x == 0, log(x), x)", 1.0),
     ("q = where(x > 0, log(x), x); where(x > -5, q, log(q))^2", -2.0),
     # A part that several choices use and none takes:
     ("q = sqrt(x); where(x > 0, q, 1) + where(x > 1, q, 2*x)", 2.0), ("q = sqrt(x); where(x > 0, q, 1) - where(x < 1, x^2, q)", 2.0),
     ("q = log(x); (where(x > 0, q, x) + where(x > 1, 3*q, x))*where(x > 2, exp(q), 5)", 10.0),
     ("q = sqrt(x); max(7*x, where(x > 0, q, x), sin(where(x > 0, q, x)))", math.cos(1)),
     ("q = exp(-1000*x); where(x > 0, q, x) + where(x > 1, q, x)^2", -1.0)],
)  # fmt: skip
def test_only_the_branch_taken_is_evaluated(text: str, wanted: float) -> None:
    """The derivative, too, has a value where the other branch has none, in either form and also once more."""
    for blackboard in (True, False):
        derived = bpcli.derive(text, x=-1.0, blackboard=blackboard)
        assert derived.numbers["dx"] == pytest.approx(wanted, rel=1e-12)
        again = parse(derived.program)
        assert forward(again, {"x": -1.0})[again.output] == pytest.approx(wanted, rel=1e-12)
    assert_reads_back(text, {"x": -1.0}, 2, True)
    assert bpcli.hessian(text, x=-1.0).rows["x"]["x"] == pytest.approx(
        next(iter(bpcli.derive(text, order=2, x=-1.0).numbers.values()))
    )


def test_no_derivative_where_there_is_no_value() -> None:
    """1/x has a value at -1, but log has none there, so its derivative has none either."""
    for text, x in (("log(x)", -1.0), ("sqrt(x)*0", -4.0), ("0*log(x)", 0.0)):
        with pytest.raises(bpcli.Trouble) as caught:
            bpcli.derive(text, x=x)
        assert caught.value.exit_code == 3


def test_nothing_that_was_simplified_away_is_evaluated() -> None:
    """At 0 the branch of the power's derivative that divides by x is not there, so not in the way."""
    assert bpcli.derive("x^2", x=0.0).numbers == {"dx": 0.0}
    assert bpcli.derive("x^3 + 2*x", x=0.0, order=2).numbers == {"dx_dx": 0.0}
    assert bpcli.hessian("x^2*y", x=0.0, y=3.0).rows == {"x": {"x": 6.0, "y": 0.0}, "y": {"x": 0.0, "y": 0.0}}
    graph = bpcli.derive("x^2").graph
    assert set(graph.gates) <= {node for args in graph.args for node in args} | set(graph.outputs)


# --- size and shared parts ---------------------------------------------------------------------------------

SIXFOLD = "sin(sin(sin(sin(sin(sin(x))))))"


def test_swell_of_the_sixfold_sine() -> None:
    """The first derivative as a product of six cosines: 5 sines, 6 cosines, 5 products shared; each written out more."""
    first = bpcli.derive(SIXFOLD)
    cosines = "*".join(f"cos({'sin(' * k}x{')' * k})" for k in range(5, -1, -1))
    assert first.program == f"dx = {cosines}"
    assert first.sizes == (5 + 6 + 5, sum(range(6)) + 6 + 5)
    shared, tree = bpcli.derive(SIXFOLD, order=2).sizes
    assert 30 <= shared <= 60
    assert tree > 4 * shared
    printed = Command({}, ["derive", SIXFOLD, "--order", "2", "--size"], "").in_process()
    assert printed.out == f"{shared} gates when equal parts are shared, {tree} when written out\n"


def test_sizes_count_what_they_say() -> None:
    """Checked against a count by hand, on a graph whose tree has 2^30 gates."""
    doubled = parse("q0 = x*x\n" + "\n".join(f"q{k} = q{k - 1}*q{k - 1}" for k in range(1, 30)))
    assert sizes(doubled) == (30, 2**30 - 1)
    assert sizes(parse("u = exp(x); y + 1")) == (1, 1)
    assert sizes(parse("x")) == (0, 0)


def test_shared_parts() -> None:
    """When writing out would swell the text, parts used more than once get names; the text stays in proportion."""
    derived = bpcli.derive(SIXFOLD, order=2)
    assert derived.parts
    uses = {
        name: sum(len(re.findall(rf"\b{name}\b", line)) for line in derived.lines().values())
        for name in derived.parts.values()
    }
    assert min(uses.values()) >= 2
    assert len(derived.program) < 40 * derived.sizes[0]
    assert bpcli.derive("sin(sin(x))").parts == {}
    assert shared_parts(derived.graph, [f"s{k}" for k in range(1, 100)]).keys() == derived.parts.keys()


def test_a_product_of_many_factors_stays_small() -> None:
    """Speelpenning's product: n derivatives of n factors each, from parts that they share."""
    names = [f"x{k}" for k in range(1, 101)]
    derived = bpcli.derive("*".join(names), dict.fromkeys(names, 1.5))
    shared, tree = derived.sizes
    assert shared <= 3 * 100
    assert tree >= 100 * 98
    assert list(derived.numbers.values()) == pytest.approx([1.5**99] * 100)
    assert len(derived.program) < 12_000
    point = dict.fromkeys(names, 1.5)
    graph = parse(derived.program)
    assert forward(graph, point)[graph.scope["dx50"]] == pytest.approx(1.5**99)


# --- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    "text",
    ["dx*x", "dx*dx_*x", "dx*x*x_", "x*x_dy*y*y_dx", "dx_dx*x^3", "x*ddx*dx^2", "d*dd*ddd", f"s1*x*{SIXFOLD}", f"s1*s2*s3 + {SIXFOLD}",
     "q = x*y; dx = q + 1; dx*q", "s1 = sin(x); s2 = s1*y; s2*s1", "g1*x + g2", "e*x + pi", "lambda*theta"],
)  # fmt: skip
def test_names_that_clash(text: str, order: int) -> None:
    """A variable may be called as a derivative or as a shared part would be: every name is used for one thing."""
    graph = parse(text, variables=("e",))
    point = {name: 0.3 + 0.2 * k for k, name in enumerate(graph.inputs)}
    derived = bpcli.derive(text, point, order=order)
    names = [*derived.parts.values(), *derived.names]
    assert len(set(names)) == len(names)
    assert not set(names) & set(graph.inputs)
    assert len(derived.names) == len(derived.numbers)
    assert_reads_back(text, point, order, True)


def test_names_are_those_of_the_lectures() -> None:
    assert bpcli.derive("(x+y)*z").names == ["dx", "dy", "dz"]
    assert bpcli.derive("(x+y)*z", wrt=["z", "x"]).names == ["dz", "dx"]
    assert bpcli.derive("x*y", order=2).names == ["dx_dx", "dx_dy", "dy_dy"]
    assert bpcli.derive("f = x*y; g = x + y", output="f").lines() == {"dx": "y", "dy": "x"}
    with pytest.raises(bpcli.Trouble, match="no variable w"):
        bpcli.derive("x*y", wrt="w")


# --- LaTeX -------------------------------------------------------------------------------------------------

#: Commands that LaTeX or amsmath define, with the number of their arguments in braces.
COMMANDS = {
    **dict.fromkeys("cdot times ln log sin cos tan arcsin arccos arctan sinh cosh tanh max min ge le ne pi sigma quad "
                    "lfloor rfloor lceil rceil neq".split(), 0),
    **dict.fromkeys("operatorname mathrm mathit text sqrt begin end".split(), 1), "frac": 2,
}  # fmt: skip
GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho tau upsilon phi chi psi omega".split()
)
CLOSED_BY = {"(": ")", "|": "|", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}


class Typesetter:
    """Reads LaTeX as TeX would: groups, scripts (one of each on an atom), \\left…\\right, environments, known commands."""

    def __init__(self, text: str) -> None:
        self.tokens = re.findall(r"\\[A-Za-z]+|\\.|[^\s]", text)

    def all(self) -> None:
        self.atoms(None)
        assert not self.tokens, f"unexpected {self.tokens[0]}"

    def atoms(self, closing: str | None) -> int:
        count = 0
        while self.tokens and self.tokens[0] not in ("}", r"\right", r"\end"):
            self.atom()
            for script in "^_":
                if self.tokens[:1] == [script]:
                    self.tokens.pop(0)
                    self.atom()
            assert self.tokens[:1] not in (["^"], ["_"]), "a double script"
            count += 1
        assert (self.tokens[0] if self.tokens else None) == closing
        return count

    def group(self) -> str:
        assert self.tokens.pop(0) == "{", "an argument in braces"
        inside = list(self.tokens)
        self.atoms("}")
        inside = inside[: len(inside) - len(self.tokens)]
        self.tokens.pop(0)
        return "".join(inside)

    def atom(self) -> None:
        token = self.tokens[0]
        if token == "{":
            assert self.group(), "an empty group"
            return
        self.tokens.pop(0)
        if token == r"\left":
            opening = self.tokens.pop(0)
            assert self.atoms(r"\right") > 0
            self.tokens.pop(0)
            assert self.tokens.pop(0) == CLOSED_BY[opening]
        elif token == r"\begin":
            assert self.group() == "cases"
            self.atoms(r"\end")
            self.tokens.pop(0)
            assert self.group() == "cases"
        elif token[0] == "\\" and token[1].isalpha():
            assert token[1:] in COMMANDS or token[1:].lower() in GREEK, f"{token} is no command"
            for _ in range(COMMANDS.get(token[1:], 0)):
                self.group()
        elif token[0] == "\\":
            assert token in (r"\\", r"\_"), token
        else:
            assert re.fullmatch(r"[A-Za-z0-9+\-*/=<>(),.|&]", token), f"{token!r} is no plain character"


def assert_typesets(text: str) -> None:
    assert text.isascii()
    Typesetter(text).all()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}{len(row.inputs)}")
def test_latex_of_every_gate(row: Gate) -> None:
    """Braces, \\left and \\right, scripts and commands are as TeX wants them, bare and inside every other gate."""
    text = f"where({written(row)}, x, y)" if row.binds == COMPARES else written(row)
    for formula in (text, f"({text})^2", f"2^({text})", f"-({text})", f"x*({text})", f"({text})*x", f"({text})/({text})",
                    f"sqrt({text})", f"|{text}|", f"x - ({text})", f"({text})^({text})^2", f"where(({text}) > 1, {text}, 1e-9)"):  # fmt: skip
        assert_typesets(write(parse(formula), style=LATEX))
    for derivative in bpcli.derive(text).latex().values():
        assert_typesets(derivative)


@each_formula
@given(formulas(most=15))
def test_latex_of_random_formulas(formula: Formula) -> None:
    derived = bpcli.derive(formula.text, formula.point)
    assert list(derived.latex()) == derived.names
    for text in derived.latex().values():
        assert_typesets(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("x^2/y", r"\frac{{x}^{2}}{y}"), ("(x + y)*z", r"\left(x + y\right) \cdot z"), ("-x^2", "-{x}^{2}"), ("(-x)^2", r"{\left(-x\right)}^{2}"),
     ("x^-2", "{x}^{-2}"), ("sigmoid(theta_1*x)", r"\sigma\left(\theta_{1} \cdot x\right)"), ("1e-20*x", r"1 \times 10^{-20} \cdot x"),
     ("sqrt(x1)", r"\sqrt{x_{1}}"), ("|x|", r"\left|x\right|"), ("loss*2", r"\mathit{loss} \cdot 2"), ("pi*w_ab", r"\pi \cdot w_{\mathrm{ab}}"),
     ("exp(-x)", "e^{-x}"), ("exp(x)^2", r"{\left(e^{x}\right)}^{2}"), ("floor(x)", r"\left\lfloor x \right\rfloor")],
)  # fmt: skip
def test_latex(text: str, wanted: str) -> None:
    """As it would be typed by hand."""
    latex = write(parse(text), style=LATEX)
    assert latex == wanted
    assert_typesets(latex)


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "x1",
        "x_1",
        "w_12",
        "alpha",
        "Gamma_2",
        "theta1",
        "long_name",
        "a_b_c",
        "x_",
        "x__y",
        "x1y",
        "abc9",
        "W0_1",
        "e1",
        "d_theta",
    ],
)
def test_latex_of_names(name: str) -> None:
    assert_typesets(write(parse(f"{name}^2 + {name}"), style=LATEX))


@pytest.mark.parametrize(
    "text", [r"{x", r"\frac{x}", r"\left(x", r"\left(x\right|", "x^2^3", r"\sin(x))}", r"\nosuch{x}", "x_y", r"\sqrt x"]
)
def test_the_typesetter_finds_mistakes(text: str) -> None:
    """So that the tests above can fail."""
    if text == "x_y":
        Typesetter(text).all()
        return
    with pytest.raises((AssertionError, IndexError, KeyError)):
        Typesetter(text).all()
