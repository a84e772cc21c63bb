"""The functions that the table's formulas call on numpy arrays of doubles, and on numbers among them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import (
    arccos as acos,
)
from numpy import (
    arcsin as asin,
)
from numpy import (
    arctan as atan,
)
from numpy import (
    arctan2 as atan2,
)
from numpy import (
    ceil,
    cos,
    cosh,
    exp,
    expm1,
    floor,
    hypot,
    log,
    log1p,
    log2,
    log10,
    outer,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
    where,
)
from numpy import (
    matmul as dot,  # which, unlike numpy's dot, reports what overflows
)
from numpy import (
    power as pow,
)

Array = Any  # a float64 array, or a number
_NEAR_OVERFLOW = 700.0  # exp overflows from 709.8 on
_SLOPE_KEPT = 0.02  # down to here 1 - tanh(x)^2 keeps all but two of its digits (a relative error of 2e-14)

# The reductions are those of numpy's ufuncs: its functions of the same names spend up to 4 µs more on their
# arguments, as long as a layer of 1,000 entries takes.


def sum(x: Array, axis: int | None = None) -> Array:
    """The sum of all entries, or along an axis."""
    return np.add.reduce(x, axis=axis)


def mean(x: Array, axis: int | None = None) -> Array:
    """The mean of all entries, or along an axis."""
    return np.add.reduce(x, axis=axis) / (np.size(x) if axis is None else np.shape(x)[axis])


def prod(x: Array, axis: int | None = None) -> Array:
    """The product of all entries, or along an axis."""
    return np.multiply.reduce(x, axis=axis)


def max(*values: Array, axis: int | None = None) -> Array:
    """The larger, entry by entry; of one array the largest entry, or along an axis."""
    if len(values) == 1:
        return np.maximum.reduce(values[0], axis=axis)
    return np.maximum.reduce(np.broadcast_arrays(*values)) if len(values) > 2 else np.maximum(*values)


def min(*values: Array, axis: int | None = None) -> Array:
    """The smaller, entry by entry; of one array the smallest entry, or along an axis."""
    if len(values) == 1:
        return np.minimum.reduce(values[0], axis=axis)
    return np.minimum.reduce(np.broadcast_arrays(*values)) if len(values) > 2 else np.minimum(*values)


def clip(x: Array, low: Array, high: Array) -> Array:
    """X kept between low and high; NaN where these are the wrong way round."""
    return np.where(np.less_equal(low, high), np.minimum(np.maximum(x, low), high), np.nan)


def sign(x: Array) -> Array:
    """-1, 0 or 1."""
    return np.sign(x)


def erf(x: Array) -> Array:
    """The error function, entry by entry (numpy has none)."""
    from math import erf as one

    return np.vectorize(one, otypes=[float])(x)


def erfc(x: Array) -> Array:
    """1 - erf(x), entry by entry."""
    from math import erfc as one

    return np.vectorize(one, otypes=[float])(x)


def sigmoid(x: Array) -> Array:
    """1/(1 + exp(-x)); where that exp overflows, the form for negative numbers."""
    if np.minimum.reduce(x, axis=None, initial=0.0) < -_NEAR_OVERFLOW:
        small = np.exp(-np.abs(x))
        return np.where(np.asarray(x) >= 0, 1.0, small) / (1.0 + small)
    large = np.exp(np.negative(x))
    large += 1.0
    return 1.0 / large


def sigmoid_slope(x: Array, y: Array) -> Array:
    """y*sigmoid(-x), the slope of y = sigmoid(x), with one division."""
    if np.maximum.reduce(x, axis=None, initial=0.0) > _NEAR_OVERFLOW:
        return y * sigmoid(np.negative(x))
    large = np.exp(x)
    large += 1.0
    return y / large


def tanh_slope(x: Array, y: Array) -> Array:
    """The slope of y = tanh(x): 1 - y^2 where that does not cancel, else 1/cosh(x)^2 by one exp, which cannot
    overflow."""
    slope = 1.0 - np.square(y)
    if np.minimum.reduce(slope, axis=None) > _SLOPE_KEPT:
        return slope
    small = np.exp(-2.0 * np.abs(x))
    below = 1.0 + small
    small *= 4.0
    below *= below
    return small / below


def softplus(x: Array) -> Array:
    """log(1 + exp(x)) without overflow."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def ties(value: Array, *others: Array) -> Array:
    """How many of OTHERS equal VALUE, entry by entry."""
    return np.sum([np.equal(value, other) for other in others], axis=0, dtype=float)


def place(value: Array, *others: Array) -> Array:
    """The place (1, 2, …) of the first of OTHERS that equals VALUE, or 0, entry by entry."""
    equal = np.array([np.broadcast_to(np.equal(value, other), np.shape(value)) for other in others])
    return np.where(equal.any(axis=0), equal.argmax(axis=0) + 1.0, 0.0)


def first_max(x: Array, axis: int | None = None) -> Array:
    """The place of the largest entry, the first of several."""
    return np.argmax(x, axis=axis)


def first_min(x: Array, axis: int | None = None) -> Array:
    """The place of the smallest entry, the first of several."""
    return np.argmin(x, axis=axis)


def first_of(wins: Array, axis: int | None = None) -> Array:
    """Of the ones in an array of 0 and 1 only the first, or the first along an axis."""
    return wins * (np.cumsum(wins, axis=axis).reshape(wins.shape) == 1)


def last_of(wins: Array, axis: int | None = None) -> Array:
    """Of the ones in an array of 0 and 1 only the last, or the last along an axis."""
    return np.flip(first_of(np.flip(wins, axis), axis), axis)


def step(x: Array) -> Array:
    """1 where x > 0, else 0."""
    return np.where(np.asarray(x) > 0, 1.0, 0.0)


def stretch(x: Array, *sizes: int) -> Array:
    """X repeated until it has the sizes (a view: it takes no memory)."""
    return np.broadcast_to(x, sizes)


def fold(x: Array, *sizes: int) -> Array:
    """X with what `stretch` copied added up, until the sizes are left."""
    extra = tuple(range(np.ndim(x) - len(sizes)))
    total = np.add.reduce(x, axis=extra) if extra else x
    same = tuple([k for k, size in enumerate(sizes) if size == 1 and total.shape[k] != 1])
    return np.add.reduce(total, axis=same, keepdims=True) if same else total


def reshape(x: Array, *sizes: int) -> Array:
    """The entries of X row by row in another shape."""
    return np.reshape(x, sizes)


def norm(x: Array, axis: int | None = None) -> Array:
    """The root of the sum of squares, scaled so that squares neither overflow nor vanish."""
    size = np.max(np.abs(x), axis=axis, keepdims=True, initial=0.0)
    scaled = x / np.where(size == 0, 1.0, size)
    return np.squeeze(size, axis=axis) * np.sqrt(np.sum(np.square(scaled), axis=axis))


def others(x: Array, *along: Array, axis: int | None = None) -> Array:
    """For each entry the product of the other ones, right also where some are 0.

    With directions ALONG: the derivative of that along each of them, as sums over entries that are all different.
    """
    lines = [np.moveaxis(one, axis, -1) if axis is not None else np.reshape(one, (1, -1)) for one in (x, *along)]
    before = _products_before(*lines)
    after = _products_before(*[line[..., ::-1] for line in lines])[..., ::-1]
    product = sum(before * after[::-1], axis=0)  # each direction has its entry on one side or on the other
    return np.moveaxis(product, -1, axis) if axis is not None else np.reshape(product, np.shape(x))


def _products_before(line: Array, *along: Array) -> Array:
    """For each entry the product of those before it, and the derivatives of that along some of the directions.

    The first axis counts the sets of directions: bit k stands for the k-th one. It is the product of numbers
    x + e1 u1 + e2 u2 + … with e1^2 = e2^2 = … = 0, so it takes one step for each entry.
    """
    found = np.zeros((2 ** len(along), *line.shape))
    found[0, ..., 0] = 1.0
    if not along:
        np.multiply.accumulate(line[..., :-1], axis=-1, out=found[0, ..., 1:])
        return found
    for j in range(line.shape[-1] - 1):
        here, there = found[..., j], found[..., j + 1]
        there += here * line[..., j]
        for k, direction in enumerate(along):
            for some in range(len(found)):
                if some >> k & 1:
                    there[some] += here[some - (1 << k)] * direction[..., j]
    return found


def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x)/sum(exp(x)), shifted so that nothing overflows."""
    weights = x - np.maximum.reduce(x, axis=axis, keepdims=True)
    np.exp(weights, out=weights)
    weights /= np.add.reduce(weights, axis=axis, keepdims=True)
    return weights


def log_softmax(x: Array, axis: int = -1) -> Array:
    """The logarithm of softmax, without the rounding of log(softmax(x)) near 0."""
    shifted = x - np.maximum.reduce(x, axis=axis, keepdims=True)
    shifted -= np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))
    return shifted


def logsumexp(x: Array, axis: int | None = None) -> Array:
    """log(sum(exp(x))), shifted so that nothing overflows."""
    largest = np.maximum.reduce(x, axis=axis, keepdims=True)
    return np.squeeze(largest, axis=axis) + np.log(np.add.reduce(np.exp(x - largest), axis=axis))


def onehot(labels: Array, classes: int) -> Array:
    """Rows of zeros with a 1 at each label; raises ValueError for a label that is no class."""
    return _at_labels(labels, classes).astype(np.float64)


def _at_labels(labels: Array, classes: int) -> Array:
    """The same as truth values."""
    rows = np.equal(np.asarray(labels)[..., None], np.arange(classes))
    if np.count_nonzero(rows) != np.size(labels):
        raise ValueError(f"a label must be a whole number from 0 to {classes - 1}")
    return rows


def cross_entropy(scores: Array, target: Array) -> Array:
    """-log softmax(scores) at the target (labels, or one weight for each score), averaged over the rows."""
    logs = log_softmax(scores)
    at_target = logs[_at_labels(target, logs.shape[-1])] if np.ndim(target) < logs.ndim else target * logs
    total = np.add.reduce(at_target, axis=None)
    return -total / logs.shape[0] if logs.ndim > 1 else -total


def put(x: Array, count: int, *rest: int) -> Array:
    """Zeros of the shape in REST after COUNT places, with X at those places."""
    result = np.zeros(rest[count:])
    result[rest[:count]] = x
    return result


def concat(*arrays: Array, axis: int = 0) -> Array:
    """Arrays end to end along AXIS."""
    return np.concatenate(arrays, axis=axis)


def part(x: Array, start: int, stop: int, axis: int = 0) -> Array:
    """Entries START to STOP - 1 along AXIS."""
    return x[(slice(None),) * axis + (slice(start, stop),)]


def array(*rows: Array) -> Array:
    """Numbers or equal arrays as the rows of a new array."""
    return np.stack([np.asarray(row, dtype=float) for row in rows])


def square(x: Array) -> Array:
    """The square, entry by entry."""
    return np.square(x)


__all__ = [
    "acos", "array", "asin", "atan", "atan2", "ceil", "clip", "concat", "cos", "cosh", "cross_entropy", "dot", "erf", "erfc", "exp", "expm1",
    "first_max", "first_min", "first_of", "floor", "fold", "hypot", "last_of", "log", "log1p", "log2", "log10", "log_softmax", "logsumexp", "max", "mean", "min",
    "norm", "onehot", "others", "outer", "part", "place", "pow", "prod", "put", "reshape", "sigmoid", "sigmoid_slope", "sign", "sin",
    "sinh", "softmax", "softplus", "sqrt", "square", "step", "stretch", "sum", "tan", "tanh", "tanh_slope", "ties", "where",
]  # fmt: skip
