"""The slip table: one row per known mistake in backpropagation, written as a mutated rule in bpcli's own language.

A slip changes one of six things, and everything else stays right: the local gradients of some gates (`local`), what
gates on whole arrays send back (`pulls`), the product of upstream and local gradient (`product`), how the
contributions that meet at a branch are put together (`collect`), the order of the sweep (`order`), or the rule by
which a derivative is pushed through a gate (`push`). `bpcli.slipped` runs a graph backward with a slip; the
explanations, the marking and the choice of exercises all read this table.

The method is diagnosis by a faulty procedure that gives the same numbers as the student: J. S. Brown and R. R.
Burton, "Diagnostic models for procedural bugs in basic mathematical skills", Cognitive Science 2 (1978).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod

from bpcli.gates import Gate

Shape = tuple[int, ...]
#: What a gate on arrays sends to each input instead ("" for the right thing): formulas, or a function from its row
#: and the shapes of its inputs to them.
Pulls = tuple[str, ...] | Callable[[Gate, tuple[Shape, ...]], tuple[str, ...]]

#: Ways of putting contributions together, and orders of the sweep; the first of each is right.
COLLECTS = ("sum", "last", "first", "mean")
ORDERS = ("topological", "recursive", "once")


@dataclass(frozen=True, slots=True, eq=False)
class Slip:
    """One row of the table."""

    id: str
    title: str
    """What a teacher calls it."""
    sentence: str
    """What the student did: a sentence that follows their name."""
    advice: str
    """What to do instead, said to the student."""
    formula: str
    """A formula in which the slip shows, for its worked example, …"""
    point: Mapping[str, object]
    """… and values for it."""
    local: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Gate, or a form of one (`FORMS`) -> its mutated local gradients in the inputs' names and ``y``; "" for one that
    stays right. A gate with any number of inputs has one for all, in which ``x`` is the input and ``<inputs>`` are
    all of them."""
    pulls: Mapping[str, Pulls] = field(default_factory=dict)
    product: str = "G*d"
    """What every gate sends, given the upstream gradient ``G`` and its local gradient ``d``."""
    collect: str = "sum"
    order: str = "topological"
    words: Mapping[str, str] = field(default_factory=dict)
    """Gate -> its mutated rule in words, where the formula is hard to read."""
    push: Mapping[str, str] = field(default_factory=dict)
    """Gate -> the derivative of its output, given those of its inputs (``da``, ``db``), where both depend on the
    variable."""


#: Forms of a gate that slips tell apart: name -> (gate, the input that is a number, what must hold of that number).
FORMS = {
    "a*-1": ("mul", 1, "b == -1"),
    "-1*b": ("mul", 0, "a == -1"),
    "a^-n": ("pow", 1, "b < 0"),
    "a^n": ("pow", 1, ""),
    "n^b": ("pow", 0, ""),
}

#: Every slip by its id, in the order in which they are listed.
SLIPS: dict[str, Slip] = {}

NO_SLIP = Slip("none", "no slip", "made no slip", "", "x", {"x": 1})


def slip(name: str, title: str, sentence: str, advice: str, example: tuple[str, Mapping[str, object]],
         **changes: object) -> None:  # fmt: skip
    """Add a row to the table."""
    SLIPS[name] = Slip(name, title, sentence, advice, *example, **changes)  # type: ignore[arg-type]


# A row reads best as its author breaks it:
# fmt: off

# --- the chain rule itself -------------------------------------------------------------------------------

LECTURE = ("(x+y)*z", {"x": -2, "y": 5, "z": -4})
BRANCH = ("q = x*y; q + q*z", {"x": 2, "y": 3, "z": 4})

slip("upstream-dropped", "upstream gradient dropped",
     "sent on the local gradient alone, without the upstream gradient",
     "Multiply every local gradient by the gradient that arrives at the gate.", LECTURE, product="d")
slip("upstream-added", "upstream gradient added",
     "added the upstream gradient to the local one",
     "The chain rule multiplies: upstream times local.", LECTURE, product="G + d")
slip("local-dropped", "local gradient dropped",
     "passed the upstream gradient on unchanged",
     "Multiply the gradient that arrives by the gate's own local gradient.", LECTURE, product="G")
slip("wrong-input", "derivative with respect to the wrong input",
     "took the local gradient of the other input",
     "Ask for each input by itself: when only this one moves, how fast does the output move?",
     ("x/y", {"x": 3, "y": 2}),
     local={"sub": ("-1", "1"), "div": ("-a/b^2", "1/b"), "a^n": ("a^b*log(a)", ""), "n^b": ("", ""),
            "pow": ("a^b*log(a)", "b*a^(b - 1)"), "atan2": ("-a/(a^2 + b^2)", "b/(a^2 + b^2)"),
            "hypot": ("b/y", "a/y")})
slip("product-of-derivatives", "product differentiated as product of derivatives",
     "took the derivative of a product to be the product of the derivatives",
     "The product rule has two terms: the derivative of u*v is u'*v + u*v'.",
     ("x^2*exp(x)", {"x": 1}), push={"mul": "da*db"})

# --- branches and order ----------------------------------------------------------------------------------

slip("forgot-branch", "only one branch kept",
     "kept the last gradient that arrived at a branch, overwriting the others",
     "Gradients that meet at a branch add up: += and not =.", BRANCH, collect="last")
slip("first-branch-kept", "only the first branch followed",
     "kept the first gradient that arrived at a branch and left out the others",
     "Follow every wire that leaves the value, and add up what comes back.", BRANCH, collect="first")
slip("branches-averaged", "branches averaged",
     "took the mean of the gradients that meet at a branch",
     "Gradients that meet at a branch add up; nothing is divided.", BRANCH, collect="mean")
# The order of https://github.com/karpathy/micrograd/pull/64, where a = 1; b = a + a; c = b + b gives 8 and not 4.
slip("stale-order", "recursion instead of topological order",
     "ran each gate's backward step by plain recursion, once for every path that reaches it",
     "Go back through the gates in reverse order of evaluation, each of them once, when all that comes from above "
     "has arrived.", ("b = a + a; b + b", {"a": 1}), order="recursive")
slip("sent-too-early", "gradient sent on before all of it had arrived",
     "sent a gate's gradient on when its first part arrived, and never the rest",
     "A gate that feeds several others waits until all of them have sent their part.",
     BRANCH, order="once")

# --- arithmetic ------------------------------------------------------------------------------------------

slip("mul-not-switched", "mul not switched",
     "gave each factor its own value as local gradient",
     "The local gradient of a product for one factor is the other factor.", LECTURE,
     local={"mul": ("a", "b")}, pulls={"dot": ("G*a", "G*b")})
slip("mul-like-add", "mul treated like add",
     "sent the upstream gradient through a product unchanged",
     "A product multiplies the gradient by the other factor; only a sum hands it on as it is.", LECTURE,
     local={"mul": ("1", "1")})
slip("add-own-value", "add treated like mul",
     "multiplied by an input's own value at a sum",
     "The local gradient of a sum is 1 for every input.", LECTURE, local={"add": ("a", "b")})
slip("add-halves", "add split the gradient",
     "shared the upstream gradient out between the inputs of a sum",
     "A sum hands the whole upstream gradient to each of its inputs.", LECTURE,
     local={"add": ("1/2", "1/2"), "sub": ("1/2", "-1/2")})
slip("sign-lost", "sign lost",
     "lost a minus sign",
     "Write the minus sign of the local gradient down before the product.", ("x - y", {"x": 5, "y": 3}),
     local={"neg": ("1",), "sub": ("", "1"), "div": ("", "a/b^2"), "a*-1": ("1", ""), "-1*b": ("", "1"),
            "a^-n": ("-b*a^(b - 1)", ""), "abs": ("1",), "cos": ("sin(x)",), "acos": ("1/sqrt(1 - x^2)",),
            "erfc": ("2/sqrt(pi)*exp(-x^2)",), "atan2": ("", "a/(a^2 + b^2)")},
     pulls={"mse": lambda _, shapes: ("", f"G*2*(a - b)/{max(1, prod(shapes[0]))}")})
slip("reciprocal-not-squared", "1/x instead of 1/x^2",
     "forgot the square in the derivative of a reciprocal",
     "The derivative of 1/x is -1/x^2.", ("1/x", {"x": 4}), local={"div": ("", "-a/b")})
slip("numerator-forgotten", "numerator forgotten",
     "differentiated a quotient for its denominator as if the numerator were 1",
     "The derivative of a/b for b is -a/b^2: the numerator stays.", ("x/y", {"x": 3, "y": 2}),
     local={"div": ("", "-1/b^2")})
slip("division-swapped", "division numerator and denominator swapped",
     "differentiated b/a instead of a/b",
     "The derivative of a/b is 1/b for the numerator and -a/b^2 for the denominator.", ("x/y", {"x": 3, "y": 2}),
     local={"div": ("-b/a^2", "1/a")})

# --- powers, exponentials, logarithms --------------------------------------------------------------------

slip("power-off-by-one", "power rule off by one",
     "brought the exponent down but did not lower it",
     "The derivative of x^n is n*x^(n - 1).", ("x^3", {"x": 2}),
     local={"pow": ("b*a^b", ""), "square": ("2*x^2",), "sqrt": ("sqrt(x)/2",)})
slip("power-factor-forgotten", "exponent not brought down",
     "lowered the exponent but did not bring it down as a factor",
     "The derivative of x^n is n*x^(n - 1).", ("x^3", {"x": 2}),
     local={"pow": ("a^(b - 1)", ""), "square": ("x",), "sqrt": ("1/sqrt(x)",)})
slip("power-rule-on-exp", "power rule on exp",
     "used the power rule where the variable is in the exponent",
     "exp is its own derivative, and 2^x has 2^x*log(2); the power rule is for x^n.", ("exp(x)", {"x": 2}),
     local={"exp": ("x*exp(x - 1)",), "pow": ("", "b*a^(b - 1)")})
slip("exp-slope-at-input", "exp's slope taken at the input",
     "took the input of exp as its local gradient",
     "The local gradient of exp is its output.", ("exp(x)", {"x": 2}), local={"exp": ("x",)})
slip("log-exp-swapped", "derivatives of log and exp swapped",
     "used the derivative of log for exp, or that of exp for log",
     "The derivative of exp(x) is exp(x), that of log(x) is 1/x.", ("log(x)", {"x": 2}),
     local={"exp": ("1/x",), "log": ("exp(x)",)})

# --- activations and choices -----------------------------------------------------------------------------

slip("sigmoid-not-times-one-minus", "σ' without (1 - σ)",
     "took the sigmoid itself as its derivative",
     "The derivative of the sigmoid is y*(1 - y).", ("sigmoid(x)", {"x": 1}), local={"sigmoid": ("y",)})
slip("sigmoid-slope-at-input", "σ' at x instead of σ(x)",
     "put the input x into y*(1 - y), or into 1 - y^2 for tanh, where the output y belongs",
     "In y*(1 - y) and 1 - y^2, y is the gate's output.", ("sigmoid(x)", {"x": 2}),
     local={"sigmoid": ("x*(1 - x)",), "tanh": ("1 - x^2",)})
slip("tanh-not-squared", "tanh' without the square",
     "took 1 - y as the derivative of tanh",
     "The derivative of tanh is 1 - y^2.", ("tanh(x)", {"x": 0.5}), local={"tanh": ("1 - y",)})
slip("max-to-both", "max sent to both",
     "sent the gradient of a max or min to every input",
     "Only the input that won moves the output; the others get 0.", ("max(x, y)", {"x": 2, "y": 1}),
     local={"max": ("1",), "min": ("1",)},
     pulls={"max": lambda row, _: (_everywhere(row),), "min": lambda row, _: (_everywhere(row),)})
slip("max-to-loser", "max sent to the loser",
     "sent the gradient of a max to the smallest input, or of a min to the largest",
     "The gradient goes to the input that won.", ("max(x, y)", {"x": 2, "y": 1}),
     local={"max": ("where(x == min(<inputs>), 1/ties(min(<inputs>), <inputs>), 0)",),
            "min": ("where(x == max(<inputs>), 1/ties(max(<inputs>), <inputs>), 0)",)},
     words={"max": "1 if it is the smallest, else 0", "min": "1 if it is the largest, else 0"})
slip("relu-gate-open", "relu passed when closed",
     "let the gradient through a closed relu",
     "Where its input is negative, relu is flat: nothing gets through.", ("relu(x)", {"x": -1}),
     local={"relu": ("1",), "leaky_relu": ("1",), "elu": ("1",), "clip": ("1", "", "")})

# --- arrays ----------------------------------------------------------------------------------------------

SQUARE = ("sum((W @ x)*t)", {"W": [[1, 2], [3, 4]], "x": [1, -1], "t": [1, 10]})
BATCH = ("sum((X @ W + b)*t)", {"X": [[1, 2], [3, 4]], "W": [[1, 0], [2, 1]], "b": [1, 2], "t": [[1, 2], [3, 5]]})


def _everywhere(row: Gate) -> str:
    """The upstream gradient of an array's max, at every entry."""
    return row.pull[0].partition("*(")[0]


def _without_transpose(row: Gate, shapes: tuple[Shape, ...]) -> tuple[str, ...]:
    """The pulls of a product without their transposes, for the inputs whose shape still comes out."""
    (*rows, k), (_, *columns) = shapes
    wrong = {(2, 2): ("G @ b", "a @ G"), (2, 1): ("outer(b, G)", "a @ G"), (1, 2): ("G @ b", "outer(G, a)"),
             (1, 1): ("", "")}[len(shapes[0]), len(shapes[1])]  # fmt: skip
    fits = {(2, 2): (columns == [k], rows == [k]), (2, 1): (rows == [k],) * 2, (1, 2): (columns == [k],) * 2,
            (1, 1): (False, False)}[len(shapes[0]), len(shapes[1])]  # fmt: skip
    return tuple(text if right else "" for text, right in zip(wrong, fits, strict=True))


def _first_copy(row: Gate, shapes: tuple[Shape, ...]) -> tuple[str, ...]:
    """The gradient of one copy that a stretch made: the first."""
    (shape,), sizes = shapes, row.shape or ()
    ahead = len(sizes) - len(shape)
    text = f"G[{', '.join('0' * ahead)}]" if ahead else "G"
    for axis, size in enumerate(shape):
        if size == 1 and sizes[ahead + axis] != 1:
            text = f"part({text}, 0, 1, axis={axis})"
    return (text,)


slip("transpose-forgotten", "matmul transpose forgotten",
     "left out the transpose in the gradient of a matrix product",
     "Y = A @ B sends G @ B.T to A and A.T @ G to B; check the shapes.", SQUARE,
     pulls={"matmul": _without_transpose, "transpose": lambda _, shapes: ("G" * (shapes[0] == shapes[0][::-1]),)})
slip("matmul-swapped", "order of a matrix product swapped",
     "multiplied by the transposed matrix from the wrong side",
     "Y = A @ B sends G @ B.T to A (from the right) and A.T @ G to B (from the left).", BATCH,
     pulls={"matmul": lambda _, shapes: (("b.T @ G", "G @ a.T") if len({*shapes[0], *shapes[1]}) == 1
                                         and len(shapes[0]) == len(shapes[1]) == 2 else ("", ""))})
slip("bias-not-summed", "bias gradient not summed over the batch",
     "took the gradient of one copy (the first) of a value that was stretched",
     "What is copied to every row gets the sum of the rows' gradients.", BATCH, pulls={"stretch": _first_copy})
slip("bias-averaged", "bias gradient averaged over the batch",
     "took the mean over the copies of a value that was stretched",
     "What is copied to every row gets the sum of the rows' gradients; a mean is in the loss or nowhere.", BATCH,
     pulls={"stretch": lambda row, shapes: (f"({row.pull[0]})/{prod(row.shape or ()) // max(1, prod(shapes[0]))}",)})
slip("mean-not-divided", "mean not divided by the number of entries",
     "sent the whole upstream gradient back through a mean",
     "A mean of n entries sends each of them G/n.", ("mean(x*x)", {"x": [1, 2, 3]}),
     pulls={"mean": lambda row, shapes: (row.pull[0].replace(f"G/{prod(shapes[0]) // max(1, prod(row.shape or ()))}", "G"),),
            "mse": ("G*2*(a - b)", "-G*2*(a - b)")})
slip("softmax-diagonal", "softmax treated like a sigmoid",
     "used y*(1 - y) entry by entry for softmax",
     "Every entry of softmax depends on every input: y*(G - sum(G*y)).",
     ("softmax(x)[0]", {"x": [1, 2, 3]}), pulls={"softmax": ("G*y*(1 - y)",)})
slip("target-not-subtracted", "target not subtracted from the softmax",
     "sent back the probabilities without subtracting the target",
     "The gradient of the cross-entropy for the scores is softmax(z) minus the target.",
     ("cross_entropy(z, 0)", {"z": [1, 2, 3]}),
     pulls={"cross_entropy": lambda _, shapes: (f"G*softmax(z)/{shapes[0][0] if len(shapes[0]) == 2 else 1}", "")})
