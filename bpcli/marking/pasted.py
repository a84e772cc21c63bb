"""Python as students paste it, written in bpcli's own language: numpy's spellings, choices, comparisons as 0 and 1.

A text is taken apart into names, numbers and signs and put together again; nothing in it is looked up or run. Names
alone need no help, they are aliases in the gate table. What no formula can say is refused with what to write instead;
what is not Python either is left as it is, for the reader of formulas to explain.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bpcli.language import NAME, STUDENT
from bpcli.trouble import Trouble

Shape = tuple[int, ...]

_TOKEN = re.compile(
    rf"(\s*)(?:((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|({NAME})|(\*\*|//|==|!=|<=|>=|\.\.\.|[^\s]))", re.ASCII
)
_MOST_BRACKETS, _MOST_CHOICES = 50, 20  # each is a step of a recursion
_MODULES = ("np", "numpy", "math", "scipy", "special", "linalg", "torch", "jnp")
_COMPARISONS = ("<", ">", "<=", ">=", "==", "!=", "≤", "≥", "≠")
_WORDS = ("if", "else", "and", "or", "not", "in", "is", "lambda", "for")
_STRANGE = ("'", '"', "`", "{", "}", "\\", "$", ";", "?", "_")  # no arithmetic
#: What takes an axis as its second input in numpy, unlike max(a, b) here.
_ALONG = ("sum", "mean", "prod", "max", "min", "amax", "amin")
_AXIS = re.compile(r"-?\d+|None|\(.*\)")
#: Calls that change nothing about a number.
_CASTS = ("float", "float64", "float32", "array", "asarray", "double")
#: A sign that only pasted Python has, so that any other text is not looked at twice.
_PYTHON = re.compile(
    rf"[<>&:~]|==|!=|\.\s*[A-Za-z_]+\s*[(\[]|\.(?:shape|size)\b|\b(?:if|and|or|not|None|keepdims|dtype|newaxis|{'|'.join(_CASTS)})\b"
    r"|\b(?:np|numpy)\.\w*(?:_like|zeros|ones|dot|sum|mean|max|min|prod|reshape|expand_dims|reciprocal)\b|\bdot\s*\("
)


def plain(text: str, shapes: Mapping[str, Shape] | None = None) -> str:
    """TEXT, an expression, in bpcli's language; SHAPES are those of the names that may be asked for theirs.

    Raises `Trouble` for what has to be written in another way.
    """
    if not _PYTHON.search(text) or len(text) > (STUDENT.characters or 0):
        return text
    depth = deepest = 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        deepest = max(deepest, depth)
    if deepest > _MOST_BRACKETS or len(re.findall(r"\bif\b", text)) > _MOST_CHOICES:
        return text
    try:
        return _Rewriter(text, shapes or {}).whole()
    except _NotPython:
        return text


def condition(text: str, shapes: Mapping[str, Shape] | None = None) -> str:
    """TEXT as the first input of a `where`."""
    try:
        return _Rewriter(text, shapes or {}).whole(condition=True)
    except _NotPython:
        return text


class _NotPython(Exception):
    """A text that is to stay as it is."""


class _Token(NamedTuple):
    space: str
    text: str
    kind: str
    """ "number", "name" or "sign"."""


class _Piece(NamedTuple):
    """A sign, or an operand with all that follows its name, and how it was spaced."""

    space: str
    text: str
    kind: str
    """ "sign", "compare", "word" or "operand"."""
    parts: tuple[str, ...] = ()
    """Of several values in brackets: each."""


Expression = list[_Piece]


class _Rewriter:
    def __init__(self, text: str, shapes: Mapping[str, Shape]) -> None:
        self.tokens = [
            _Token(match[1], match[2] or match[3] or match[4], "number" if match[2] else "name" if match[3] else "sign")
            for match in _TOKEN.finditer(text)
        ]
        self.shapes = shapes
        self.at = 0

    def whole(self, condition: bool = False) -> str:
        """All of the text."""
        found = self.expression()
        if self.at < len(self.tokens):
            raise _NotPython
        return _condition(found) if condition else _value(found)

    # --- tokens ---

    def _next(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place].text if place < len(self.tokens) else ""

    def _take(self, text: str = "") -> _Token:
        if self.at >= len(self.tokens) or (text and self._next() != text):
            raise _NotPython
        self.at += 1
        return self.tokens[self.at - 1]

    # --- expressions ---

    def expression(self) -> Expression:
        """Everything up to a comma, a colon or a closing bracket."""
        found: Expression = []
        while self.at < len(self.tokens) and self._next() not in (",", ")", "]", ":", "="):
            token = self.tokens[self.at]
            if token.text in _STRANGE:
                raise _NotPython
            if token.text in _WORDS:
                found.append(_Piece(token.space, self._take().text, "word"))
            elif token.text in _COMPARISONS:
                found.append(_Piece(token.space, self._take().text, "compare"))
            elif token.kind == "sign" and token.text not in ("(", "["):
                found.append(_Piece(token.space, self._take().text, "sign"))
            else:
                found.append(self._operand()._replace(space=token.space))
        return found

    def _operand(self) -> _Piece:
        token = self._take()
        if token.text in ("(", "["):
            found = self._bracket(token.text)
        elif token.kind == "name" and token.text in _MODULES and self._next() == ".":
            found = self._of_module()
        elif token.kind == "name" and self._next() == "(":
            found = self._call(token.text)
        else:
            found = _operand(token.text)
        while (sign := self._next()) in (".", "["):
            found = self._attribute(found) if sign == "." else self._places(found)
        return found

    def _bracket(self, opening: str) -> _Piece:
        values, _ = self._inputs({"(": ")", "[": "]"}[opening])
        parts = tuple(map(_value, values))
        if opening == "[":
            return _operand(f"[{', '.join(parts)}]", parts)
        if len(parts) != 1:
            return _operand(f"({', '.join(parts)})", parts)
        return _operand(parts[0] if _is_choice(values[0]) else f"({parts[0]})")

    def _inputs(self, closing: str) -> tuple[list[Expression], dict[str, Expression]]:
        """The inputs up to the bracket CLOSING, and those with a name."""
        values: list[Expression] = []
        named: dict[str, Expression] = {}
        while self._next() != closing:
            if self._next(1) == "=":
                name = self._take().text
                self._take("=")
                named[name] = self.expression()
            else:
                values.append(self.expression())
                if not values[-1]:
                    raise _NotPython
            if self._next() != closing:
                self._take(",")
        self._take(closing)
        return values, named

    # --- calls ---

    def _of_module(self) -> _Piece:
        while self._next() == "." and self.tokens[self.at - 1].text in _MODULES:
            self._take()
            token = self._take()
        if self._next() == "(":
            return self._call(token.text, numpy=True)
        return _operand(token.text)

    def _call(self, name: str, numpy: bool = False) -> _Piece:
        self._take("(")
        values, named = self._inputs(")")
        return self._made(name, values, named, numpy)

    def _made(self, name: str, values: list[Expression], named: dict[str, Expression], numpy: bool) -> _Piece:
        """The call of NAME in bpcli's language."""
        named = {key: one for key, one in named.items() if key not in ("dtype", "out")}
        inputs = [_value(one) for one in values]
        axis = _value(named.pop("axis")) if "axis" in named else ""
        keep = _value(named.pop("keepdims")) if "keepdims" in named else "False"
        if named:
            raise _NotPython
        if name in _ALONG and numpy and len(inputs) == 2 and not axis and _AXIS.fullmatch(inputs[1].strip()):
            axis = inputs.pop()  # else it is the larger of two numbers, as torch.max gives it
        axis = "" if axis == "None" else axis.strip()
        if name == "where" and len(inputs) == 3:
            return _operand(f"where({_condition(values[0])}, {inputs[1].strip()}, {inputs[2].strip()})")
        if name in _CASTS and inputs:
            return _operand(inputs[0] if _is_choice(values[0]) or inputs[0][:1] == "[" else f"({inputs[0]})")
        if name == "int" and len(inputs) == 1 and _is_choice(values[0]):
            return _operand(inputs[0])
        if make := _CALLS.get((name, len(inputs))):
            return _operand(make(*inputs))
        if name in ("zeros", "ones", "reshape") and numpy:
            return _operand(self._sized(name, values, inputs))
        text = f"{name}({', '.join([one.strip() for one in inputs] + [f'axis={axis}'] * bool(axis))})"
        if keep.strip() not in ("True", "1"):
            return _operand(text)
        if not axis:
            raise Trouble("with keepdims an axis has to be said: axis=0", code="python")
        return _operand(f"expand_dims({text}, axis={axis})")

    def _sized(self, name: str, values: list[Expression], inputs: list[str]) -> str:
        """``np.zeros((2, 3))`` and ``x.reshape(2, 3)``: the sizes may stand in brackets of their own."""
        sizes = values[name == "reshape" :]
        parts = list(sizes[0][0].parts) if len(sizes) == 1 and len(sizes[0]) == 1 else []
        parts = parts or [_value(one) for one in sizes]
        what = {"zeros": "0", "ones": "1"}.get(name) or inputs[0]
        return f"{'reshape' if name == 'reshape' else 'stretch'}({', '.join([what, *parts])})"

    # --- what follows an operand ---

    def _attribute(self, owner: _Piece) -> _Piece:
        self._take(".")
        name = self._take().text
        if name == "T":
            return _operand(f"{owner.text}.T")
        if name in ("shape", "size"):
            return self._shape(owner, name)
        if self._next() != "(":
            raise _NotPython
        self._take("(")
        values, named = self._inputs(")")
        if name in ("copy", "item", "astype", "squeeze") and not named and (name == "astype" or not values):
            return owner
        if name == "transpose" and not values:
            return _operand(f"{owner.text}.T")
        if name in ("flatten", "ravel") and not values:
            return _operand(f"reshape({owner.text}, -1)")
        return self._made(name, [[owner], *values], named, numpy=True)

    def _shape(self, owner: _Piece, name: str) -> _Piece:
        shape = self.shapes.get(owner.text)
        if shape is None:
            raise _NotPython
        if name == "size":
            return _operand(str(math.prod(shape)))
        if self._next() != "[":
            return _operand(f"({', '.join(map(str, shape))})", tuple(map(str, shape)))
        self._take("[")
        place = self._take().text
        place += self._take().text if place == "-" else ""
        self._take("]")
        if not re.fullmatch(r"-?\d", place) or not -len(shape) <= int(place) < len(shape):
            raise _NotPython
        return _operand(str(shape[int(place)]))

    def _places(self, owner: _Piece) -> _Piece:
        """``x[0, 1]``, ``x[:, None]``, ``x[:, 0]``."""
        self._take("[")
        places = [self._place()]
        while self._next() == ",":
            self._take()
            places.append(self._place())
        self._take("]")
        return _operand(_indexed(owner.text, places))

    def _place(self) -> str:
        """A place as text: a number, ":" or "None"."""
        if self._next() in (":", "..."):
            return self._take().text
        found = _value(self.expression()).strip()
        if self._next() == ":":
            raise Trouble("a part of an array, x[1:3], is not read; write its entries: [x[1], x[2]]", code="python")
        return "None" if found.rpartition(".")[2] == "newaxis" else found


def _operand(text: str, parts: tuple[str, ...] = ()) -> _Piece:
    return _Piece("", text, "operand", parts)


#: (name, inputs) -> what is written for a call that is no gate of its own.
_CALLS: dict[tuple[str, int], Callable[..., str]] = {
    ("dot", 2): lambda a, b: f"(({a.strip()}) @ ({b.strip()}))",
    ("matmul", 2): lambda a, b: f"(({a.strip()}) @ ({b.strip()}))",
    ("zeros_like", 1): lambda x: f"(0*({x}))",
    ("ones_like", 1): lambda x: f"(0*({x}) + 1)",
    ("reciprocal", 1): lambda x: f"(1/({x}))",
    ("heaviside", 2): lambda x, _: f"step({x})",  # no point that is tried is at 0
    ("expand_dims", 2): lambda x, axis: f"expand_dims({x}, axis={axis})",
    ("sum", 2): lambda x, axis: f"sum({x}, axis={axis})",
}


def _indexed(text: str, places: Sequence[str]) -> str:
    """TEXT at PLACES."""
    if "None" in places:
        rest = [one for one in places if one != "None"]
        if len(rest) == len(places) - 1 and set(rest) <= {":", "..."}:
            axis = -1 if places[0] == "..." else places.index("None")
            return f"expand_dims({text}, axis={axis})"
        raise _NotPython
    if set(places) <= {":"}:
        return text
    if places[-1] == ":" and ":" not in places[:-1]:
        return f"{text}[{', '.join(places[:-1])}]"
    if len(places) == 2 and places[0] == ":":
        return f"{text}.T[{places[1]}]"
    if any("where(" in one or one in (":", "...") for one in places):
        raise _NotPython
    return f"{text}[{', '.join(places)}]"


# --- expressions as text ---------------------------------------------------------------------------------


def _joined(found: Sequence[_Piece]) -> str:
    return "".join(piece.space + piece.text for piece in found)


def _is_choice(found: Expression) -> bool:
    """Whether the value of FOUND is written as a `where`."""
    return any(piece.kind == "compare" or piece.text == "if" for piece in found)


def _value(found: Expression) -> str:
    """FOUND as a number or an array: a comparison is 1 where it holds and 0 elsewhere."""
    words = [piece.text for piece in found if piece.kind == "word"]
    if "if" in words:
        return _choice(found)
    _refuse_logic(found)
    if words:
        raise _NotPython
    signs = [k for k, piece in enumerate(found) if piece.kind == "compare"]
    if not signs:
        return _joined(found)
    edges = [-1, *signs, len(found)]
    text = "1"
    for left, sign, right in reversed([*zip(edges[:-2], edges[1:-1], edges[2:], strict=True)]):
        text = f"where({_joined(found[left + 1 : right]).strip()}, {text}, 0)"
        assert found[sign].kind == "compare"
    return text


def _choice(found: Expression) -> str:
    """``a if c else b``."""
    words = [piece.text if piece.kind == "word" else "" for piece in found]
    start = words.index("if")
    if "else" not in words[start:]:
        raise _NotPython
    stop = words.index("else", start)
    taken, other = _value(found[:start]), _value(found[stop + 1 :])
    return f"where({_condition(found[start + 1 : stop])}, {taken.strip()}, {other.strip()})"


def _condition(found: Expression) -> str:
    """FOUND as the first input of a `where`: one comparison."""
    _refuse_logic(found)
    if [piece.kind for piece in found].count("compare") == 1:
        return _joined(found).strip()
    text = _value(found).strip()
    return bare if len(found) == 1 and (bare := _bare(text)) != text else f"{text} != 0"


def _refuse_logic(found: Expression) -> None:
    """`Trouble` for and, or and not between conditions, with what to write."""
    for place, piece in enumerate(found):
        if piece.text in ("and", "or", "&", "not", "~") and (piece.kind == "word" or piece.text in ("&", "~")):
            before, after = _joined(found[:place]).strip() or "a > 0", _joined(found[place + 1 :]).strip() or "b > 0"
            if piece.text in ("and", "&"):
                instead = f"where({_bare(before)}, where({_bare(after)}, …, 0), 0)"
            elif piece.text == "or":
                instead = f"where({_bare(before)}, …, where({_bare(after)}, …, 0))"
            else:
                instead = f"where({_bare(after)}, 0, 1)"
            raise Trouble(
                f"a condition is one comparison, without {piece.text!r}: write {instead[:200]}", code="python"
            )


def _bare(text: str) -> str:
    """A comparison in the text of one, without what was made of it."""
    inner = re.fullmatch(r"where\((.*), 1, 0\)", text)
    return inner[1] if inner else text
