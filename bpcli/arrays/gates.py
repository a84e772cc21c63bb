"""The array rows of the gate table, and the rules for shapes.

A row of `bpcli.gates` that works entry by entry needs no more for arrays. The rows here look at a whole array,
so their formulas depend on its shape: each is a function from the shapes of the inputs (and numbers such as an
axis) to a row. Instead of a local gradient for each entry they have a *pull*: what goes back to each input,
as a formula of the inputs, the output ``y`` and the upstream gradient ``G``. Where a gate is linear in each input,
its tangent is the gate itself applied to the tangents; otherwise the row has a *push*.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import signature
from math import prod
from typing import Any

from bpcli.gates import CALLS, MULTIPLIES, RAISES, ROUTES, SWITCHES, Gate, input_names

Shape = tuple[int, ...]

COLLECTS = ("collector", "adds up entries, so each of them gets the same upstream gradient")
COPIES = ("copier", "copies its input, so the upstream gradients of the copies add up")
MOVES = ("mover", "moves entries to other places, and the upstream gradients move back")
#: Name -> (fewest inputs, most inputs, builder of the row).
ARRAY_GATES: dict[str, tuple[int, int, Callable[..., Gate]]] = {}


class Misfit(ValueError):
    """Shapes that do not go together: the sentence, and what would fit."""

    def __init__(self, message: str, *tries: str) -> None:
        super().__init__(message)
        self.tries = tries


def array_gate(name: str, fewest: int = 1, most: int = 1) -> Callable[[Callable[..., Gate]], Callable[..., Gate]]:
    """Register a function of (shapes, *numbers) as the gate NAME."""

    def register(build: Callable[..., Gate]) -> Callable[..., Gate]:
        ARRAY_GATES[name] = fewest, most, cache(build)
        return build

    return register


def _row(name: str, inputs: str, shape: Shape, forward: str, *pull: str, **fields: Any) -> Gate:
    return Gate(name, tuple(inputs.split()), "", forward, pull=pull, shape=shape, local=("",) * len(pull),
                analytic=False, **fields)  # fmt: skip


def spelled(shape: Shape) -> str:
    """A shape as people write it: (3,) or (2, 3); a number's is ()."""
    return str(shape)


def _sizes(shape: Shape) -> str:
    return "".join(f", {size}" for size in shape)


def _check_axis(name: str, shape: Shape, axis: int | None) -> int | None:
    """AXIS counted from the front; `Misfit` when the array has no such axis."""
    if axis is None:
        return None
    if not -len(shape) <= axis < len(shape):
        raise Misfit(f"{name}: an array of shape {spelled(shape)} has no axis {axis}")
    return axis % len(shape)


def _without(shape: Shape, axis: int | None) -> Shape:
    return () if axis is None else shape[:axis] + shape[axis + 1 :]


def _back(quantity: str, shape: Shape, axis: int | None) -> str:
    """The formula that stretches QUANTITY, a result along AXIS, back over SHAPE."""
    if axis is None:
        return f"stretch({quantity}{_sizes(shape)})"
    kept = (*shape[:axis], 1, *shape[axis + 1 :])
    return f"stretch(reshape({quantity}{_sizes(kept)}){_sizes(shape)})"


def _axis(axis: int | None) -> str:
    return "" if axis is None else f", axis={axis}"


def broadcast(shapes: tuple[Shape, ...], name: str) -> Shape:
    """The shape that SHAPES stretch to by numpy's rule; `Misfit` when they do not fit together."""
    common: Shape = ()
    for shape in shapes:
        longer, shorter = (common, shape) if len(common) >= len(shape) else (shape, common)
        padded = (1,) * (len(longer) - len(shorter)) + shorter
        if any(a != b and 1 not in (a, b) for a, b in zip(longer, padded, strict=True)):
            raise Misfit(f"{spelled(common)} and {spelled(shape)} do not fit together ({name})")
        common = tuple(b if a == 1 else a for a, b in zip(longer, padded, strict=True))
    return common


# --- copying and adding up -------------------------------------------------------------------------------


@array_gate("stretch")
def stretch(shapes: tuple[Shape, ...], *sizes: int) -> Gate:
    """Broadcasting made visible: the input repeated until it has the sizes."""
    (shape,) = shapes
    padded = (1,) * (len(sizes) - len(shape)) + shape
    if (
        len(padded) != len(sizes)
        or any(size < 0 for size in sizes)
        or any(a not in (1, b) for a, b in zip(padded, sizes, strict=True))
    ):
        raise Misfit(f"stretch: {spelled(shape)} does not stretch to {spelled(sizes)}")
    call = f"stretch(<x>{_sizes(sizes)})"
    return _row("stretch", "x", sizes, f"stretch(x{_sizes(sizes)})", f"fold(G{_sizes(shape)})", text=call,
                shown=('the sum of G over the copies',), pattern=COPIES)  # fmt: skip


@array_gate("fold")
def fold(shapes: tuple[Shape, ...], *sizes: int) -> Gate:
    """The other way round: the copies added up until the sizes are left."""
    (shape,) = shapes
    stretch((sizes,), *shape)  # fits one way when it fits the other
    return _row("fold", "x", sizes, f"fold(x{_sizes(sizes)})", f"stretch(G{_sizes(shape)})",
                text=f"fold(<x>{_sizes(sizes)})", shown=('G, copied',), pattern=COLLECTS)  # fmt: skip


@array_gate("sum")
def sum_(shapes: tuple[Shape, ...], axis: int | None = None) -> Gate:
    """The sum of all entries, or along an axis."""
    (shape,) = shapes
    axis = _check_axis("sum", shape, axis)
    return _row("sum", "x", _without(shape, axis), f"sum(x{_axis(axis)})", _back("G", shape, axis),
                text=f"sum(<x>{_axis(axis)})", shown=('G, for every entry',), pattern=COLLECTS)  # fmt: skip


@array_gate("mean")
def mean(shapes: tuple[Shape, ...], axis: int | None = None) -> Gate:
    """The mean of all entries, or along an axis."""
    (shape,) = shapes
    axis = _check_axis("mean", shape, axis)
    count = prod(shape) if axis is None else shape[axis]
    if count == 0:
        raise Misfit("mean: there are no entries to take the mean of")
    return _row("mean", "x", _without(shape, axis), f"mean(x{_axis(axis)})", _back(f"G/{count}", shape, axis),
                text=f"mean(<x>{_axis(axis)})", shown=('G/n, for every entry',), pattern=COLLECTS)  # fmt: skip


@array_gate("prod")
def prod_(shapes: tuple[Shape, ...], axis: int | None = None) -> Gate:
    """The product of all entries, or along an axis."""
    (shape,) = shapes
    axis = _check_axis("prod", shape, axis)
    rest = f"others(x{_axis(axis)})"
    return _row("prod", "x", _without(shape, axis), f"prod(x{_axis(axis)})", f"{_back('G', shape, axis)}*{rest}",
                push=f"sum({rest}*dx{_axis(axis)})", text=f"prod(<x>{_axis(axis)})", shown=('G*y/x',), pattern=SWITCHES)  # fmt: skip


@array_gate("others", 1, 9)
def others(shapes: tuple[Shape, ...], axis: int | None = None) -> Gate:
    """For each entry the product of the other ones; with further inputs, its derivative along each of them in turn.

    A helper of prod. All these are derivatives of one product, whose order does not matter, so what goes back to
    one direction is the same with the upstream gradient in its place.
    """
    shape = shapes[0]
    axis = _check_axis("others", shape, axis)
    if any(one != shape for one in shapes):
        raise Misfit("others: its inputs have different shapes")
    names = input_names(len(shapes))

    def call(*inputs: str) -> str:
        return f"others({', '.join(inputs)}{_axis(axis)})"

    pulls = [call(*names, "G"), *[call(*[n for n in names if n != name], "G") for name in names[1:]]]
    push = [call(*names, f"d{names[0]}"), *[call(*[f"d{n}" * (n == name) or n for n in names]) for name in names[1:]]]
    return _row("others", " ".join(names), shape, call(*names), *pulls, push=" + ".join(push),
                text=call(*[f"<{name}>" for name in names]), helper=True)  # fmt: skip


@array_gate("norm")
def norm(shapes: tuple[Shape, ...], axis: int | None = None) -> Gate:
    """The length: the root of the sum of squares."""
    (shape,) = shapes
    axis = _check_axis("norm", shape, axis)
    # At 0 the slope is taken as 0, the subgradient of smallest norm (PyTorch's convention).
    unit = f"where({_back('y', shape, axis)} == 0, 0, x/{_back('y', shape, axis)})"
    return _row("norm", "x", _without(shape, axis), f"norm(x{_axis(axis)})", f"{_back('G', shape, axis)}*{unit}",
                push=f"sum({unit}*dx{_axis(axis)})", text=f"norm(<x>{_axis(axis)})",
                tex=r"\left\lVert <x> \right\rVert",
                shown=("G*x/y",), kink=("y == 0", "norm has a corner at 0"))  # fmt: skip


def _extreme(name: str, shape: Shape, axis: int | None) -> Gate:
    if not shape:
        raise Misfit(f"{name} needs at least 2 inputs, or an array")
    axis = _check_axis(name, shape, axis)
    if 0 in (shape if axis is None else (shape[axis],)):
        raise Misfit(f"{name}: there are no entries to choose from")
    wins = f"where(x == {_back('y', shape, axis)}, 1, 0)"
    share = f"{wins}/{_back(f'sum({wins}{_axis(axis)})', shape, axis)}"
    one = {side: f"{which}({wins}{_axis(axis)})" for side, which in (("left", "first_of"), ("right", "last_of"))}
    end = "largest" if name == "max" else "smallest"
    back = _back("G", shape, axis)
    return _row(name, "x", _without(shape, axis), f"{name}(x{_axis(axis)})", f"{back}*({share})",
                push=f"sum({share}*dx{_axis(axis)})",
                at={side: (f"{back}*{which}", f"sum({which}*dx{_axis(axis)})") for side, which in one.items()}, text=f"{name}(<x>{_axis(axis)})", pattern=ROUTES,
                piece=f"first_{name}(x{_axis(axis)})",
                kink=(f"sum({wins}{_axis(axis)}) > 1", f"{name} has a tie: its {end} entries are equal"))  # fmt: skip


@array_gate("max")
def max_(shapes: tuple[Shape, ...], axis: int | None = None) -> Gate:
    """The largest entry, or along an axis; a tie is shared evenly."""
    return _extreme("max", shapes[0], axis)


@array_gate("min")
def min_(shapes: tuple[Shape, ...], axis: int | None = None) -> Gate:
    """The smallest entry, or along an axis; a tie is shared evenly."""
    return _extreme("min", shapes[0], axis)


# --- products --------------------------------------------------------------------------------------------

_PULLS = {
    (2, 2): ("G @ b.T", "a.T @ G"),
    (2, 1): ("outer(G, b)", "a.T @ G"),
    (1, 2): ("b @ G", "outer(a, G)"),
    (1, 1): ("G*b", "G*a"),
}


@array_gate("matmul", 2, 2)
def matmul(shapes: tuple[Shape, ...]) -> Gate:
    """The product of matrices and vectors."""
    a, b = shapes
    if (len(a), len(b)) not in _PULLS:
        hint = "a number and an array are multiplied with *" if () in shapes else "only vectors and matrices are"
        raise Misfit(f"{spelled(a)} @ {spelled(b)}: {hint}")
    if a[-1] != b[0]:
        tries = []
        if len(a) == 2 and a[0] == b[0]:
            tries.append(f"<a>.T @ <b> would give {spelled((a[1], *b[1:]))}")
        if len(b) == 2 and a[-1] == b[1]:
            tries.append(f"<a> @ <b>.T would give {spelled((*a[:-1], b[0]))}")
        raise Misfit(f"{spelled(a)} @ {spelled(b)} do not fit", *tries)
    return _row("matmul", "a b", a[:-1] + b[1:], "a @ b", *_PULLS[len(a), len(b)], text="<(a)> @ <[b]>",
                tex="<(a)> <[b]>", binds=MULTIPLIES, pattern=("switcher", "multiplies the upstream gradient by the "
                "other factor, transposed"))  # fmt: skip


@array_gate("dot", 2, 2)
def dot(shapes: tuple[Shape, ...]) -> Gate:
    """The inner product of two vectors."""
    a, b = shapes
    if len(a) != 1 or a != b:
        raise Misfit(f"dot: {spelled(a)} and {spelled(b)} are not two vectors of one length")
    return _row("dot", "a b", (), "dot(a, b)", "G*b", "G*a", tex=r"<(a)> \cdot <(b)>", tex_binds=MULTIPLIES,
                pattern=SWITCHES)  # fmt: skip


@array_gate("outer", 2, 2)
def outer(shapes: tuple[Shape, ...]) -> Gate:
    """The outer product of two vectors: a matrix."""
    a, b = shapes
    if len(a) != 1 or len(b) != 1:
        raise Misfit(f"outer: {spelled(a)} and {spelled(b)} are not two vectors")
    return _row("outer", "a b", a + b, "outer(a, b)", "G @ b", "a @ G", tex="<(a)> {<(b)>}^{\\top}",
                tex_binds=MULTIPLIES, pattern=SWITCHES)  # fmt: skip


@array_gate("transpose")
def transpose(shapes: tuple[Shape, ...]) -> Gate:
    """Rows and columns exchanged."""
    (shape,) = shapes
    if len(shape) > 2:
        raise Misfit(f"transpose: {spelled(shape)} is not a matrix")
    return _row(
        "transpose",
        "x",
        shape[::-1],
        "x.T",
        "G.T",
        text="<(x)>.T",
        tex="{<(x)>}^{\\top}",
        tex_binds=RAISES,
        pattern=MOVES,
    )


# --- softmax and losses ----------------------------------------------------------------------------------


@array_gate("softmax")
def softmax(shapes: tuple[Shape, ...], axis: int | None = -1) -> Gate:
    """exp(x) over its sum, along the last axis unless another is given."""
    (shape,) = shapes
    axis = _check_axis("softmax", shape or (1,), axis)
    total = _back(f"sum(G*y{_axis(axis)})", shape, axis)
    along = _back(f"sum(y*dx{_axis(axis)})", shape, axis)
    return _row("softmax", "x", _vector("softmax", shape), f"softmax(x{_axis(axis)})", f"y*(G - {total})",
                push=f"y*(dx - {along})", text=f"softmax(<x>{_last(shape, axis)})",
                shown=('y*(G - sum(G*y))',), pattern=("competitor", "gives an entry only what the others lose"))  # fmt: skip


@array_gate("log_softmax")
def log_softmax(shapes: tuple[Shape, ...], axis: int | None = -1) -> Gate:
    """The logarithm of softmax."""
    (shape,) = shapes
    axis = _check_axis("log_softmax", shape or (1,), axis)
    total = _back(f"sum(G{_axis(axis)})", shape, axis)
    along = _back(f"sum(softmax(x{_axis(axis)})*dx{_axis(axis)})", shape, axis)
    return _row("log_softmax", "x", _vector("log_softmax", shape), f"log_softmax(x{_axis(axis)})",
                f"G - softmax(x{_axis(axis)})*{total}", push=f"dx - {along}",
                text=f"log_softmax(<x>{_last(shape, axis)})",
                shown=('G - softmax(x)*sum(G)',), pattern=("competitor", "gives an entry only what the others lose"))  # fmt: skip


@array_gate("logsumexp")
def logsumexp(shapes: tuple[Shape, ...], axis: int | None = None) -> Gate:
    """log(sum(exp(x))), of all entries or along an axis, without overflow."""
    (shape,) = shapes
    axis = _check_axis("logsumexp", shape, axis)
    if 0 in (shape if axis is None else (shape[axis],)):
        raise Misfit("logsumexp: there are no entries")
    weights = f"exp(x - {_back('y', shape, axis)})"
    return _row("logsumexp", "x", _without(shape, axis), f"logsumexp(x{_axis(axis)})",
                f"{_back('G', shape, axis)}*{weights}", push=f"sum({weights}*dx{_axis(axis)})",
                text=f"logsumexp(<x>{_axis(axis)})",
                shown=('G*softmax(x)',), pattern=("competitor", "shares the upstream gradient out by softmax"))  # fmt: skip


@array_gate("cross_entropy", 2, 2)
def cross_entropy(shapes: tuple[Shape, ...]) -> Gate:
    """-log softmax(scores) at the right class, averaged over the rows; the target is a label or one-hot."""
    scores, target = shapes
    if len(scores) not in (1, 2) or target not in (scores, scores[:-1]):
        raise Misfit(f"cross_entropy: the target {spelled(target)} fits neither the scores {spelled(scores)} (one-hot) "
                     f"nor {spelled(scores[:-1])} (labels)")  # fmt: skip
    rows = scores[0] if len(scores) == 2 else 1
    onehot = "t" if target == scores else f"onehot(t, {scores[-1]})"
    part = f"(softmax(z) - {onehot})/{rows}" if rows != 1 else f"(softmax(z) - {onehot})"
    if target == scores:  # a distribution, which need not sum to 1
        weight = _back(f"sum(t, axis={len(scores) - 1})", scores, len(scores) - 1)
        part = f"(softmax(z)*{weight} - t)/{rows}"
    back, logs = f"stretch(G{_sizes(scores)})", f"log_softmax(z)/{rows}"
    target_pull = f"-{back}*{logs}" if target == scores else ""
    push = f"sum({part}*dz)" + (f" - sum({logs}*dt)" if target == scores else "")
    wanted, mean = "t" if target == scores else "onehot(t)", "/n" * (len(scores) == 2)
    return _row("cross_entropy", "z t", (), "cross_entropy(z, t)", f"G*{part}", target_pull,
                push=push, shown=(f"G*(softmax(z) - {wanted}){mean}", f"-G*log_softmax(z){mean}"), pattern=("error", "sends back the predicted probabilities minus the target"))  # fmt: skip


@array_gate("onehot")
def onehot(shapes: tuple[Shape, ...], classes: int) -> Gate:
    """A row with a 1 at each label (a helper of cross_entropy)."""
    (shape,) = shapes
    return _row("onehot", "t", (*shape, classes), f"onehot(t, {classes})", "", text=f"onehot(<t>, {classes})",
                helper=True)  # fmt: skip


@array_gate("mse", 2, 2)
def mse(shapes: tuple[Shape, ...]) -> Gate:
    """The mean of the squared differences."""
    a, b = shapes
    if a != b:
        raise Misfit(f"mse: {spelled(a)} and {spelled(b)} have different shapes")
    count = max(1, prod(a))
    slope = f"2*(a - b)/{count}"
    back = f"stretch(G{_sizes(a)})"
    return _row("mse", "a b", (), "mean(square(a - b))", f"{back}*({slope})", f"-{back}*({slope})",
                push=f"sum({slope}*(da - db))", shown=('G*2*(a - b)/n', '-G*2*(a - b)/n'), pattern=("error", "sends back the difference"))  # fmt: skip


def _vector(name: str, shape: Shape) -> Shape:
    if not shape or 0 in shape:
        raise Misfit(f"{name} needs an array with entries, not {spelled(shape)}")
    return shape


def _last(shape: Shape, axis: int | None) -> str:
    return "" if axis == len(shape) - 1 else _axis(axis)


# --- moving entries --------------------------------------------------------------------------------------


@array_gate("reshape")
def reshape(shapes: tuple[Shape, ...], *sizes: int) -> Gate:
    """The same entries in another shape, row by row; one size may be -1, for what is left."""
    (shape,) = shapes
    if sizes.count(-1) == 1 and (rest := prod(size for size in sizes if size != -1)) > 0 and not prod(shape) % rest:
        sizes = tuple([prod(shape) // rest if size == -1 else size for size in sizes])
    if any(size < 0 for size in sizes) or prod(shape) != prod(sizes):
        raise Misfit(f"reshape: the {prod(shape)} entries of {spelled(shape)} do not fill {spelled(sizes)}")
    return _row("reshape", "x", sizes, f"reshape(x{_sizes(sizes)})", f"reshape(G{_sizes(shape)})",
                text=f"reshape(<x>{_sizes(sizes)})", shown=('G in the shape of x',), pattern=MOVES)  # fmt: skip


@array_gate("expand_dims")
def expand_dims(shapes: tuple[Shape, ...], axis: int | None = None) -> Gate:
    """The same entries with one more axis, of size 1: a column of a vector with axis=1, a row with axis=0."""
    (shape,) = shapes
    if axis is None or not -len(shape) - 1 <= axis <= len(shape):
        raise Misfit(f"expand_dims: say where the new axis is to stand, from axis=0 to axis={len(shape)}")
    place = axis % (len(shape) + 1)
    sizes = (*shape[:place], 1, *shape[place:])
    return _row("expand_dims", "x", sizes, f"reshape(x{_sizes(sizes)})", f"reshape(G{_sizes(shape)})",
                text=f"expand_dims(<x>, axis={axis})", shown=('G in the shape of x',), pattern=MOVES)  # fmt: skip


@array_gate("index")
def index(shapes: tuple[Shape, ...], *places: int) -> Gate:
    """One entry of a vector or matrix, or one row of a matrix; counted from 0, or from the end with a minus."""
    (shape,) = shapes
    if len(places) > len(shape):
        raise Misfit(f"an array of shape {spelled(shape)} takes at most {len(shape)} places, not {len(places)}")
    for place, size in zip(places, shape, strict=False):
        if not -size <= place < size:
            raise Misfit(f"there is no place {place} along an axis of {size}; places count from 0")
    at = ", ".join(map(str, places))
    return _row("index", "x", shape[len(places) :], f"x[{at}]", f"put(G, {_row_arguments(shape, places)})",
                text=f"<(x)>[{at}]", tex=f"<[x]>_{{{at}}}", shown=('G at its place, 0 elsewhere',), pattern=MOVES)  # fmt: skip


def _row_arguments(shape: Shape, places: tuple[int, ...]) -> str:
    return ", ".join(map(str, (len(places), *places, *shape)))


@array_gate("put")
def put(shapes: tuple[Shape, ...], count: int, *rest: int) -> Gate:
    """Zeros with the input put at a place: COUNT places, then the shape (the pull of index)."""
    places, shape = rest[:count], rest[count:]
    at = ", ".join(map(str, places))
    arguments = _row_arguments(shape, places)
    return _row("put", "x", shape, f"put(x, {arguments})", f"G[{at}]", text=f"put(<x>, {arguments})", pattern=MOVES,
                helper=True)  # fmt: skip


@array_gate("concat", 1, 1000)
def concat(shapes: tuple[Shape, ...], axis: int | None = 0) -> Gate:
    """Arrays end to end, along the first axis unless another is given."""
    first = shapes[0]
    axis = _check_axis("concat", first, 0 if axis is None else axis)
    assert axis is not None
    for shape in shapes:
        if len(shape) != len(first) or _without(shape, axis) != _without(first, axis):
            raise Misfit(f"concat: {spelled(first)} and {spelled(shape)} differ beside axis {axis}")
    names = input_names(len(shapes))
    pulls, shown, start = [], [], 0
    for shape in shapes:
        stop = start + shape[axis]
        pulls.append(f"part(G, {start}, {stop}, axis={axis})")
        shown.append(f"G[{':, ' * axis}{start}:{stop}]")
        start = stop
    total = (*first[:axis], start, *first[axis + 1 :])
    call = ", ".join(f"<{name}>" for name in names)
    return _row("concat", " ".join(names), total, f"concat({', '.join(names)}, axis={axis})", *pulls,
                push=f"concat({', '.join(f'd{name}' for name in names)}, axis={axis})",
                text=f"concat({call}{_axis(axis) if axis else ''})", shown=tuple(shown), pattern=MOVES)  # fmt: skip


@array_gate("part")
def part(shapes: tuple[Shape, ...], start: int, stop: int, axis: int | None = 0) -> Gate:
    """The entries START to STOP - 1 along an axis (the pull of concat)."""
    (shape,) = shapes
    axis = _check_axis("part", shape, 0 if axis is None else axis)
    assert axis is not None
    if not 0 <= start <= stop <= shape[axis]:
        raise Misfit(f"part: {start} to {stop} is not inside an axis of {shape[axis]}")
    size = (*shape[:axis], stop - start, *shape[axis + 1 :])
    arguments = f"{start}, {stop}, axis={axis}"
    before, after = ((*shape[:axis], count, *shape[axis + 1 :]) for count in (start, shape[axis] - stop))
    pull = f"concat(stretch(0{_sizes(before)}), G, stretch(0{_sizes(after)}), axis={axis})"
    return _row("part", "x", size, f"part(x, {arguments})", pull, text=f"part(<x>, {arguments})", pattern=MOVES,
                helper=True)  # fmt: skip


@array_gate("array", 1, 1000)
def array(shapes: tuple[Shape, ...]) -> Gate:
    """An array written out: [a, b, c]."""
    if any(shape != shapes[0] for shape in shapes):
        different = next(shape for shape in shapes if shape != shapes[0])
        raise Misfit(f"the rows of an array must be alike: {spelled(shapes[0])} and {spelled(different)} are not")
    names = input_names(len(shapes))
    return _row("array", " ".join(names), (len(shapes), *shapes[0]), f"array({', '.join(names)})",
                *[f"G[{place}]" for place in range(len(names))],
                push=f"array({', '.join(f'd{name}' for name in names)})", text=f"[{', '.join(f'<{name}>' for name in names)}]",
                pattern=MOVES)  # fmt: skip


def constant_array(rows: list[Any]) -> Any:
    """Numbers, or arrays of one shape, as an array of doubles; None when their shapes differ."""
    import numpy as np

    if len({np.shape(row) for row in rows}) != 1:
        return None
    return np.array(rows, dtype=np.float64)


# --- as typed --------------------------------------------------------------------------------------------

#: Gates that are not written as a call: name -> (text, LaTeX, binding).
_WRITTEN = {
    "matmul": ("<(a)> @ <[b]>", "<(a)> <[b]>", MULTIPLIES),
    "transpose": ("<(x)>.T", r"{<[x]>}^{\top}", CALLS),
}


@cache
def as_typed(name: str, count: int, numbers: tuple[int, ...] = (), axis: int | None = None) -> Gate:
    """The gate NAME before its shapes are known. ValueError with a sentence when the inputs are too few or many."""
    fewest, most, build = ARRAY_GATES[name]
    if not fewest <= count <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise ValueError(f"{name} takes {wanted} input{'s' * (wanted != '1')}, not {count}")
    extra = {} if axis is None else {"axis": axis}
    if axis is not None and "axis" not in signature(build).parameters:
        raise ValueError(f"{name} has no axis")
    names = input_names(count) if count > 2 or most > 2 else ("x",) if count == 1 else ("a", "b")
    inside = ", ".join([*[f"<{one}>" for one in names], *map(str, numbers), *[f"axis={axis}"] * len(extra)])
    at = ", ".join(map(str, numbers))
    text = {"index": f"<(x)>[{at}]", "array": f"[{inside}]"}.get(name, f"{name}({inside})")
    text, tex, binds = _WRITTEN.get(name, (text, "", CALLS))
    return Gate(
        name, names, (build.__doc__ or "").strip(), "", ("",) * count, text=text, tex=tex, binds=binds, analytic=False,
        build=lambda shapes: build(shapes, *numbers, **extra),
    )  # fmt: skip
