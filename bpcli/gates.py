"""The gate table: one row per gate, the single source for everything the program knows about it.

A row is data. Its formulas are text in bpcli's own language, kept to the part of it that is also Python once
``^`` is read as ``**`` (a test holds the two readings equal), so `bpcli.compiled` can turn them into real
operators and `bpcli.symbolic` into nodes of a graph. In a formula the inputs have their names from the
signature and ``y`` is the gate's own output.

The formula that runs is the numerically stable one; the one a lecture writes on the blackboard, where it
differs, is ``shown`` (a test holds them equal). Kinks follow PyTorch's documented convention unless another
is chosen; ``at`` lists only what the other conventions do differently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

#: The conventions for the derivative at a kink; the first is the default.
CONVENTIONS = ("torch", "jax", "tf", "left", "right", "error")

#: How tightly a printed gate holds its operands together: a call or a name holds tightest.
COMPARES, ADDS, MULTIPLIES, NEGATES, RAISES, CALLS = range(6)

MOST_ARGUMENTS = 1000  # of a gate with any number of inputs


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """One row of the table (compared by identity: a row is one thing)."""

    name: str
    inputs: tuple[str, ...]
    summary: str
    forward: str
    """The value: a formula, or a call of the gate itself when the mathematics library has it."""
    local: tuple[str, ...]
    """The local gradient for each input; "" where there is none."""
    shown: tuple[str, ...] = ()
    """The local gradients as the blackboard has them, where they differ."""
    lets: tuple[tuple[str, str], ...] = ()
    """Quantities that several local gradients use: (name, formula)."""
    pattern: tuple[str, str] = ("scaler", "multiplies the upstream gradient by its own slope")
    text: str = ""
    """How it is written: ``<a>`` an operand, ``<(a)>`` bracketed when looser, ``<[a]>`` also when equal."""
    tex: str = ""
    binds: int = CALLS
    tex_binds: int | None = None
    """The same in LaTeX, where it differs (a fraction needs no brackets in a product)."""
    domain: tuple[tuple[str, str], ...] = ()
    """What must hold of the inputs, and the sentence to say when it does not."""
    kink: tuple[str, str] | None = None
    """Where the derivative jumps, and the sentence that says so."""
    piece: str = ""
    """For a gate made of smooth pieces: a number that tells which piece the inputs are on."""
    at: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Convention -> the local gradients *at* the kink, where they differ from ``local``; of a gate on whole arrays
    the pulls everywhere, and then the push."""
    expand: str | None = None
    """The same gate in the lectures' primitive ones."""
    forms: tuple[str, ...] = ()
    """Ways to write it by hand that ``--fuse`` recognises."""
    analytic: bool = True
    """Whether a step in the imaginary direction measures its slope (Squire and Trapp, SIAM Review 1998)."""
    complex: str | None = None
    """The value for complex numbers, where the ``cmath`` module lacks the function."""
    example: tuple[float, ...] = (2.0, 3.0, 4.0)
    """Inputs for the worked number of ``bpcli gates NAME``."""
    helper: bool = False
    """A gate that only derivatives use; it can be typed, but is not advertised."""
    pull: tuple[str, ...] = ()
    """For a gate on whole arrays: what goes back to each input, given the upstream gradient ``G``."""
    push: str = ""
    """Its tangent, given those of its inputs (``dx``); none when the gate is linear in each input."""
    shape: tuple[int, ...] | None = None
    """The shape of its value; None for a gate that works entry by entry."""
    build: Callable[[tuple[tuple[int, ...], ...]], Gate] | None = None
    """For a gate on arrays as it was typed: from the shapes of the inputs to the row for them."""
    lazy: bool = True
    """For `where`: whether only the branch taken is evaluated; entry by entry both are."""

    def blackboard(self) -> tuple[str, ...]:
        """The local gradients as a lecture writes them."""
        return self.shown or self.local


def convention(row: Gate, kinks: str) -> str:
    """The convention KINKS in words for a note on ROW: of a tie, which input wins."""
    winner = {"left": ": the first wins", "right": ": the last wins"} if row.name in ("max", "min") else {}
    return f"{kinks} convention{winner.get(kinks, '')}"


#: Every gate with a fixed number of inputs, by name, in the order of the table.
GATES: dict[str, Gate] = {}
#: Gates with any number of inputs: name -> (fewest inputs, number of inputs -> row).
FAMILIES: dict[str, tuple[int, Callable[[int], Gate]]] = {}


def gate(signature: str, summary: str, forward: str, *local: str, **fields: Any) -> None:
    """Add a row: ``gate("mul a b", "the product", "a*b", "b", "a")`` has the local gradients b and a."""
    name, *inputs = signature.split()
    GATES[name] = Gate(name, tuple(inputs), summary, forward, local, **fields)


DISTRIBUTES = ("distributor", "hands the upstream gradient on to every input, unchanged")
SWITCHES = ("switcher", "multiplies the upstream gradient by the other input")
ROUTES = ("router", "hands the whole upstream gradient to the input that won")
OPENS = ("valve", "lets the upstream gradient through when open and stops it when closed")
STOPS = ("stopper", "is flat wherever it has a slope, so no gradient gets through")

# A row reads best as its author breaks it:
# fmt: off

# --- arithmetic ------------------------------------------------------------------------------------------

gate("add a b", "the sum", "a + b", "1", "1",
     pattern=DISTRIBUTES, text="<(a)> + <[b]>", tex="<(a)> + <[b]>", binds=ADDS)
gate("sub a b", "the difference", "a - b", "1", "-1", text="<(a)> - <[b]>", tex="<(a)> - <[b]>", binds=ADDS,
     pattern=("distributor", "hands the upstream gradient on, with its sign changed for the second input"))
gate("mul a b", "the product", "a*b", "b", "a",
     pattern=SWITCHES, text="<(a)>*<[b]>", tex=r"<(a)> \cdot <[b]>", binds=MULTIPLIES)
gate("div a b", "the quotient", "a/b", "1/b", "-y/b", shown=("1/b", "-a/b^2"),
     text="<(a)>/<[b]>", tex=r"\frac{<a>}{<b>}", binds=MULTIPLIES, tex_binds=RAISES,
     domain=(("b != 0", "this divides by zero"),))
gate("neg x", "minus", "-x", "-1", text="-<[x]>", tex="-<[x]>", binds=NEGATES, expand="x*-1",
     pattern=("sign changer", "changes the sign of the upstream gradient"))
gate("pow a b", "the power", "pow(a, b)",
     # At a = 0 the textbook forms divide by zero or take log 0 where the slope is a plain number.
     "where(b >= 1, b*a^(b - 1), where(b == 0, 0, b*y/a))", "where(a == 0, where(b > 0, 0, 1/a), y*log(a))",
     shown=("b*a^(b - 1)", "a^b*log(a)"), complex="a**b",
     text="<[a]>^<(b)>", tex="{<[a]>}^{<b>}", binds=RAISES, example=(3, 2),
     domain=(("a >= 0 or b == floor(b)", "a negative number has no real power with a fractional exponent"),
             ("a != 0 or b >= 0", "zero has no negative power: that divides by zero")))
gate("square x", "the square", "x*x", "2*x", expand="x*x", tex="{<[x]>}^{2}", tex_binds=RAISES, example=(3,))

# --- exponentials and logarithms -------------------------------------------------------------------------

ABOVE_ZERO = "needs a number above 0"

gate("exp x", "e to the power of x", "exp(x)", "y", shown=("exp(x)",), tex="e^{<x>}", tex_binds=RAISES, example=(-1,))
gate("log x", "the natural logarithm", "log(x)", "1/x", tex=r"\ln\left(<x>\right)",
     domain=(("x > 0", "log " + ABOVE_ZERO),))
gate("log10 x", "the logarithm to base 10", "log10(x)", "1/(x*log(10))", tex=r"\log_{10}\left(<x>\right)",
     expand="log(x)/log(10)", domain=(("x > 0", "log10 " + ABOVE_ZERO),))
gate("log2 x", "the logarithm to base 2", "log2(x)", "1/(x*log(2))", tex=r"\log_{2}\left(<x>\right)",
     expand="log(x)/log(2)", complex="log(x)/log(2)", domain=(("x > 0", "log2 " + ABOVE_ZERO),))
gate("log1p x", "log(1 + x), exact for small x", "log1p(x)", "1/(1 + x)", tex=r"\ln\left(1 + <x>\right)",
     expand="log(1 + x)", complex="log(1 + x)", domain=(("x > -1", "log1p needs a number above -1"),))
gate("expm1 x", "exp(x) - 1, exact for small x", "expm1(x)", "exp(x)", tex="e^{<x>} - 1", tex_binds=ADDS,
     expand="exp(x) - 1", complex="exp(x) - 1", example=(-1,))
gate("sqrt x", "the square root", "sqrt(x)", "1/(2*y)", shown=("1/(2*sqrt(x))",), tex=r"\sqrt{<x>}", example=(4,),
     domain=(("x >= 0", "sqrt needs a number that is not negative"),))

# --- trigonometry, in radians ----------------------------------------------------------------------------

gate("sin x", "the sine (radians)", "sin(x)", "cos(x)", tex=r"\sin\left(<x>\right)")
gate("cos x", "the cosine (radians)", "cos(x)", "-sin(x)", tex=r"\cos\left(<x>\right)")
gate("tan x", "the tangent (radians)", "tan(x)", "1 + y^2", shown=("1/cos(x)^2",),
     tex=r"\tan\left(<x>\right)", expand="sin(x)/cos(x)")
gate("asin x", "the arc sine", "asin(x)", "1/sqrt((1 - x)*(1 + x))", shown=("1/sqrt(1 - x^2)",),
     tex=r"\arcsin\left(<x>\right)", domain=(("-1 <= x <= 1", "asin needs a number from -1 to 1"),), example=(0.6,))
gate("acos x", "the arc cosine", "acos(x)", "-1/sqrt((1 - x)*(1 + x))", shown=("-1/sqrt(1 - x^2)",),
     tex=r"\arccos\left(<x>\right)", domain=(("-1 <= x <= 1", "acos needs a number from -1 to 1"),), example=(0.6,))
# x*x becomes infinite and its reciprocal 0, the right answer, where x^2 would stop as an overflow.
gate("atan x", "the arc tangent", "atan(x)", "1/(1 + x*x)", shown=("1/(1 + x^2)",), tex=r"\arctan\left(<x>\right)")
gate("atan2 a b", "the angle of the point (b, a)", "atan2(a, b)",
     "b/r/r", "-a/r/r", lets=(("r", "hypot(a, b)"),), shown=("b/(a^2 + b^2)", "-a/(a^2 + b^2)"),
     tex=r"\operatorname{atan2}\left(<a>, <b>\right)", analytic=False, example=(3, 4))
gate("hypot a b", "the length of the vector (a, b)", "hypot(a, b)", "a/y", "b/y",
     shown=("a/sqrt(a^2 + b^2)", "b/sqrt(a^2 + b^2)"),
     tex=r"\sqrt{{<[a]>}^2 + {<[b]>}^2}", expand="sqrt(a*a + b*b)", analytic=False, example=(3, 4))
gate("sinh x", "the hyperbolic sine", "sinh(x)", "cosh(x)", tex=r"\sinh\left(<x>\right)",
     expand="(exp(x) - exp(-x))/2")
gate("cosh x", "the hyperbolic cosine", "cosh(x)", "sinh(x)", tex=r"\cosh\left(<x>\right)",
     expand="(exp(x) + exp(-x))/2")
# 1 - y^2 has lost every digit at x = 20. From |x| = 373 the slope is below the smallest double, and cosh itself
# overflows at 711.
gate("tanh x", "the hyperbolic tangent", "tanh(x)", "where(abs(x) < 700, 1/cosh(x)/cosh(x), 0)", shown=("1 - y^2",),
     tex=r"\tanh\left(<x>\right)", expand="(exp(x) - exp(-x))/(exp(x) + exp(-x))",
     forms=("(exp(x) - exp(-x))/(exp(x) + exp(-x))",), example=(0.5,))

# --- activations -----------------------------------------------------------------------------------------

# y*(1 - y) has lost every digit at x = 40.
gate("sigmoid x", "the logistic function 1/(1 + exp(-x))", "where(x >= 0, 1/(1 + exp(-x)), exp(x)/(1 + exp(x)))",
     "y*sigmoid(-x)", shown=("y*(1 - y)",), tex=r"\sigma\left(<x>\right)", expand="1/(1 + exp(-x))",
     forms=("1/(1 + exp(-x))", "1/(exp(-x) + 1)", "exp(x)/(1 + exp(x))", "exp(x)/(exp(x) + 1)"), example=(1,))
gate("relu x", "the positive part", "where(x > 0, x, 0)", "step(x)", shown=("1 if x > 0, else 0",),
     pattern=OPENS, tex=r"\operatorname{ReLU}\left(<x>\right)", expand="max(0, x)",
     forms=("max(0, x)", "max(x, 0)"), analytic=False, example=(3,),
     piece="step(x)", kink=("x == 0", "relu bends at 0: the slope is 0 on its left and 1 on its right"), at={"right": ("1",)})
gate("leaky_relu x", "x, or 0.01 x where x is negative", "where(x > 0, x, 0.01*x)", "where(x > 0, 1, 0.01)",
     shown=("1 if x > 0, else 0.01",),
     pattern=("valve", "lets the upstream gradient through when open and a hundredth of it when closed"), tex=r"\operatorname{LeakyReLU}\left(<x>\right)", expand="max(x, 0.01*x)",
     analytic=False, example=(-3,),
     piece="step(x)", kink=("x == 0", "leaky_relu bends at 0: the slope is 0.01 on its left and 1 on its right"),
     at={"jax": ("1",), "right": ("1",)})
gate("elu x", "x, or exp(x) - 1 where x is negative", "where(x > 0, x, expm1(x))", "where(x > 0, 1, exp(x))",
     shown=("1 if x > 0, else exp(x)",), tex=r"\operatorname{ELU}\left(<x>\right)",
     expand="where(x > 0, x, exp(x) - 1)", analytic=False, example=(-1,))
gate("softplus x", "the soft relu log(1 + exp(x))", "where(x > 0, x + log1p(exp(-x)), log1p(exp(x)))",
     "sigmoid(x)", tex=r"\operatorname{softplus}\left(<x>\right)", expand="log(1 + exp(x))",
     forms=("log(1 + exp(x))", "log(exp(x) + 1)", "log1p(exp(x))"), example=(1,))
gate("silu x", "x times its sigmoid (swish)", "x*sigmoid(x)", "sigmoid(x)*(1 + x*sigmoid(-x))",
     shown=("sigmoid(x)*(1 + x*(1 - sigmoid(x)))",), tex=r"\operatorname{SiLU}\left(<x>\right)",
     expand="x*sigmoid(x)", forms=("x*sigmoid(x)", "sigmoid(x)*x"), example=(1,))
gate("gelu x", "x times the normal distribution function (exact, not the tanh approximation)",
     "x*(erfc(-x/sqrt(2))/2)", "erfc(-x/sqrt(2))/2 + x*exp(-x*x/2)/sqrt(2*pi)",
     shown=("(1 + erf(x/sqrt(2)))/2 + x*exp(-x^2/2)/sqrt(2*pi)",), tex=r"\operatorname{GELU}\left(<x>\right)",
     expand="x*(1 + erf(x/sqrt(2)))/2", analytic=False, example=(1,))
gate("erf x", "the error function", "erf(x)", "2*exp(-x*x)/sqrt(pi)", shown=("2/sqrt(pi)*exp(-x^2)",),
     analytic=False, example=(1,))
gate("erfc x", "1 - erf(x), exact for large x", "erfc(x)", "-2*exp(-x*x)/sqrt(pi)",
     shown=("-2/sqrt(pi)*exp(-x^2)",), expand="1 - erf(x)", analytic=False, example=(1,))

# --- corners, jumps and choices --------------------------------------------------------------------------

gate("abs x", "the size without the sign", "abs(x)", "sign(x)", tex=r"\left|<x>\right|", analytic=False,
     shown=("1 if x > 0, -1 if x < 0",), example=(-3,),
     pattern=("sign follower", "keeps the upstream gradient, with its sign changed for a negative input"),
     piece="sign(x)", kink=("x == 0", "abs bends at 0: the slope is -1 on its left and 1 on its right"),
     at={"jax": ("1",), "left": ("-1",), "right": ("1",)})
gate("sign x", "-1, 0 or 1", "where(x > 0, 1, where(x < 0, -1, 0))", "0", pattern=STOPS, analytic=False,
     piece="y", kink=("x == 0", "sign jumps at 0 and has no slope there"), example=(-3,))
gate("step x", "1 if x > 0, else 0 (the perceptron's threshold)", "where(x > 0, 1, 0)", "0", pattern=STOPS,
     analytic=False, piece="y", kink=("x == 0", "step jumps at 0 and has no slope there"), example=(3,))
gate("floor x", "the whole number at or below", "floor(x)", "0", pattern=STOPS, analytic=False,
     tex=r"\left\lfloor <x> \right\rfloor", piece="y", kink=("x == floor(x)", "floor jumps at every whole number"), example=(2.5,))
gate("ceil x", "the whole number at or above", "ceil(x)", "0", pattern=STOPS, analytic=False,
     tex=r"\left\lceil <x> \right\rceil", piece="y", kink=("x == floor(x)", "ceil jumps at every whole number"), example=(2.5,))
gate("clip x low high", "x, kept between low and high", "where(low <= high, max(min(x, high), low), 0/0)",
     "where(x < low, 0, where(x > high, 0, 1))", "where(x < low, 1, 0)", "where(x > high, 1, 0)",
     shown=("1 if low <= x <= high, else 0", "1 if x < low, else 0", "1 if x > high, else 0"),
     pattern=OPENS, analytic=False, example=(5, 0, 3), domain=(("low <= high", "clip needs low <= high"),),
     piece="sign(x - low) + sign(x - high)", kink=("(x - low)*(x - high) == 0", "clip bends at its edges"),
     at={"jax": ("1/2", "where(x == low, 1/2, 0)", "where(x == high, 1/2, 0)"),
         "left": ("where(x == low, 0, 1)", "where(x == low, 1, 0)", "0"),
         "right": ("where(x == high, 0, 1)", "0", "where(x == high, 1, 0)")})
gate("where condition a b", "a if the condition holds, else b; only that branch is evaluated",
     "where(condition != 0, a, b)", "", "where(condition != 0, 1, 0)", "where(condition != 0, 0, 1)",
     shown=("", "1 if the condition holds, else 0", "0 if the condition holds, else 1"), pattern=ROUTES,
     tex=r"\begin{cases} <a> & \text{if } <condition> \\ <b> & \text{otherwise} \end{cases}", example=(1, 2, 3))

for name, sign, tex in (("gt", ">", ">"), ("ge", ">=", r"\ge"), ("lt", "<", "<"), ("le", "<=", r"\le"),
                        ("eq", "==", "="), ("ne", "!=", r"\ne")):
    gate(f"{name} a b", f"1 if a {sign} b, else 0 (only inside where)", f"where(a {sign} b, 1, 0)", "0", "0",
         pattern=STOPS, text=f"<a> {sign} <b>", tex=f"<a> {tex} <b>", binds=COMPARES,
         piece="sign(a - b)", kink=("a == b", "the condition is exactly at its edge"))

# fmt: on

# --- gates with any number of inputs ---------------------------------------------------------------------


def family(name: str, fewest: int) -> Callable[[Callable[[int], Gate]], None]:
    """Register a function from the number of inputs to a row as a gate with any number of inputs."""

    def register(build: Callable[[int], Gate]) -> None:
        FAMILIES[name] = (fewest, cache(build))

    return register


def input_names(count: int) -> tuple[str, ...]:
    """Names for the inputs of a row: a, b, … , or x1, x2, … when there are more than five."""
    return tuple("abcde"[:count]) if count <= 5 else tuple(f"x{k}" for k in range(1, count + 1))


def winner(name: str, beats: str, summary: str, tex: str, count: int) -> Gate:
    """The row of max (beats ">") or min (beats "<") with COUNT inputs.

    A tie is shared evenly among the winners (PyTorch's rule for `amax`); TensorFlow's two-argument rule and
    the convention "left" give it to the first winner, "right" to the last.
    """
    inputs = input_names(count)
    names = ", ".join(inputs)
    loses = "<" if beats == ">" else ">"
    common: dict[str, Any] = {
        "pattern": ROUTES, "analytic": False, "tex": rf"{tex}\left({', '.join(f'<{x}>' for x in inputs)}\right)",
        "example": (2.0, -1.0, 1.0)[:count],
        "piece": f"place(y, {names})",
        "kink": (f"ties(y, {names}) > 1", f"{name} has a tie: its largest inputs are equal" if beats == ">" else
                 f"{name} has a tie: its smallest inputs are equal"),
    }  # fmt: skip
    if count == 2:
        local = tuple(f"where({x} {beats} {z}, 1, where({x} {loses} {z}, 0, 1/2))" for x, z in ("ab", "ba"))
        shown = (f"1 if a {beats} b, else 0", f"1 if b {beats} a, else 0")
        at = {"tf": ("1", "0"), "left": ("1", "0"), "right": ("0", "1")}
        return Gate(name, inputs, summary, f"{name}({names})", local, shown, at=at, **common)
    each = tuple(f"where({x} == y, 1/winners, 0)" for x in inputs)
    sentences = tuple(f"1 if {x} wins, else 0" for x in inputs)
    backwards = ", ".join(reversed(inputs))
    lets = (("winners", f"ties(y, {names})"), ("first", f"place(y, {names})"), ("last", f"place(y, {backwards})"))
    conventions = {
        "left": tuple(f"where(first == {k}, 1, 0)" for k in range(1, count + 1)),
        "right": tuple(f"where(last == {k}, 1, 0)" for k in range(count, 0, -1)),
    }
    return Gate(name, inputs, summary, f"{name}({names})", each, sentences, lets=lets, at=conventions, **common)


@family("max", fewest=2)
def _(count: int) -> Gate:
    return winner("max", ">", "the largest", r"\max", count)


@family("min", fewest=2)
def _(count: int) -> Gate:
    return winner("min", "<", "the smallest", r"\min", count)


@family("ties", fewest=2)
def _(count: int) -> Gate:
    inputs = input_names(count)
    return Gate("ties", inputs, "how many of the later inputs equal the first", f"ties({', '.join(inputs)})",
                ("0",) * count, pattern=STOPS, analytic=False, helper=True)  # fmt: skip


@family("place", fewest=2)
def _(count: int) -> Gate:
    inputs = input_names(count)
    return Gate("place", inputs, "the place (1, 2, …) of the first later input that equals the first, or 0",
                f"place({', '.join(inputs)})", ("0",) * count, pattern=STOPS, analytic=False, helper=True)  # fmt: skip


#: Gates on whole arrays, whose rows are in `bpcli.arrays.gates`; that is imported when one of them is used.
ARRAY_NAMES = frozenset(
    "array concat cross_entropy dot expand_dims fold index log_softmax logsumexp matmul mean mse norm onehot others outer part "
    "prod put reshape softmax stretch sum transpose".split()
)

#: Those whose further arguments are whole numbers.
SIZED = frozenset("fold onehot part put reshape stretch".split())

#: Other spellings of a function's name.
ALIASES = {
    "sigma": "sigmoid", "logistic": "sigmoid", "ln": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arctan2": "atan2", "fabs": "abs", "power": "pow", "maximum": "max", "minimum": "min", "swish": "silu",
    "heaviside": "step", "multiply": "mul", "subtract": "sub", "divide": "div", "true_divide": "div", "negative": "neg",
    "absolute": "abs", "float_power": "pow", "amax": "max", "amin": "min", "expit": "sigmoid",
}  # fmt: skip

#: Numbers that have a name. The user may give ``e`` another value, never ``pi``.
CONSTANTS = {"pi": 3.141592653589793, "e": 2.718281828459045}


def find(name: str, count: int, numbers: tuple[int, ...] = (), axis: int | None = None) -> Gate:
    """The row called NAME for COUNT inputs; a gate on arrays may also take whole NUMBERS and an AXIS.

    Raises KeyError for an unknown name, ValueError with a sentence for a wrong number of inputs.
    """
    name = ALIASES.get(name, name)
    if name in ARRAY_NAMES or (name in ("max", "min") and count == 1):
        from bpcli.arrays.gates import as_typed

        return as_typed(name, count, numbers, axis)
    if axis is not None:
        raise ValueError(f"{name} works entry by entry and has no axis")
    if name in FAMILIES:
        fewest, build = FAMILIES[name]
        if count < fewest:
            raise ValueError(f"{name} needs at least {fewest} inputs, not {count}")
        if count > MOST_ARGUMENTS:
            raise ValueError(f"{name} takes at most {MOST_ARGUMENTS} inputs, not {count}")
        return build(count)
    row = GATES[name]
    if row.binds == COMPARES:  # written with its sign, and only inside where
        raise KeyError(name)
    if count != len(row.inputs):
        wanted = len(row.inputs)
        raise ValueError(f"{name} takes {wanted} input{'s' * (wanted != 1)}, not {count}")
    return row


def function_names() -> list[str]:
    """Every name that may stand before a bracket, aliases included, helpers not."""
    rows = [
        name
        for name in sorted(ARRAY_NAMES)
        if name not in ("array", "fold", "index", "onehot", "others", "part", "put")
    ]
    rows += [name for name, row in GATES.items() if not row.helper and row.binds != COMPARES]
    return rows + [name for name, (_, build) in FAMILIES.items() if not build(2).helper] + list(ALIASES)
