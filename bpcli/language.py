"""Text to graph: the Lark grammar drives a `Reader` that builds the graph while it parses, without a tree."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from bpcli.gates import CONSTANTS, GATES, Gate, find
from bpcli.graph import WHERE, Builder, Graph
from bpcli.trouble import Trouble

if TYPE_CHECKING:
    from lark import Lark, Token

#: What a rule of the grammar hands on: a node, and where its text starts and ends.
Operand = tuple[int, int, int]

_COMPARISONS = {">": "gt", ">=": "ge", "≥": "ge", "<": "lt", "<=": "le", "≤": "le", "==": "eq", "!=": "ne", "≠": "ne"}
_CHANGES = {"+=": "add", "-=": "sub", "*=": "mul", "/=": "div"}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_ADD, _SUB, _MUL, _DIV, _NEG, _POW, _ABS = (GATES[name] for name in "add sub mul div neg pow abs".split())


class Limits(NamedTuple):
    """How large a text may be; None means that only the machine's memory decides."""

    characters: int | None = None
    brackets: int | None = None
    lines: int | None = None
    digits: int = 400
    gates: int = 1_000_000


#: On the user's own command line.
OWN = Limits()
#: On what a student sends in.
STUDENT = Limits(characters=4096, brackets=100, lines=200, gates=2000)


def parse(text: str, *, variables: Collection[str] = (), limits: Limits = OWN) -> Graph:
    """The graph of a formula, or of a program of several lines whose last line is the output.

    ``e`` is Euler's number unless VARIABLES holds it or the text assigns it. Raises `Trouble` (exit code 2)
    for text that cannot be read, with the span and what to type instead.
    """
    _check_size(text, limits)
    lark, reader, lock = _parser()
    with lock:  # the parser's callbacks are the methods of this one reader
        reader.begin(text, variables, limits)
        try:
            lark.parse(_join_bracketed_lines(text))
            return reader.graph()
        except Trouble:
            raise
        except Exception as error:
            from bpcli.mistakes import explain_syntax

            raise explain_syntax(text, error) from None


@cache
def _parser() -> tuple[Lark, Reader, Lock]:
    from bpcli.grammar import load  # late, as it imports lark: showing the version or the help needs neither

    reader = Reader()
    return load("formula", reader), reader, Lock()


def _check_size(text: str, limits: Limits) -> None:
    def refuse(found: int, limit: int, what: str) -> NoReturn:
        raise Trouble(f"the formula has {found:,} {what}; the limit is {limit:,}", code="too-large")

    if limits.characters is not None and len(text) > limits.characters:
        refuse(len(text), limits.characters, "characters")
    if limits.lines is not None and (lines := text.count("\n") + text.count(";") + 1) > limits.lines:
        refuse(lines, limits.lines, "lines")
    if limits.brackets is not None:
        depth = deepest = 0
        for character in text:
            depth += (character in "([") - (character in ")]")
            deepest = max(deepest, depth)
        if deepest > limits.brackets:
            refuse(deepest, limits.brackets, "levels of brackets")


def _join_bracketed_lines(text: str) -> str:
    """TEXT with line breaks and comments inside brackets blanked, so that a formula may go on over lines."""
    if "\n" not in text or "(" not in text:
        return text
    pieces: list[str] = []
    depth = 0
    for piece in re.split(r"(#[^\n]*|[()\n])", text):
        depth += (piece == "(") - (piece == ")")
        blank = depth > 0 and (piece == "\n" or piece[:1] == "#")
        pieces.append(" " * len(piece) if blank else piece)
    return "".join(pieces)


class Reader:
    """Builds the graph; its public methods are the rules of `grammars/formula.lark`."""

    def begin(self, text: str, variables: Collection[str], limits: Limits) -> None:
        """Get ready to read TEXT."""
        self.text = text
        self.variables = variables
        self.limits = limits
        self.builder = Builder()
        self.scope: dict[str, int] = {}
        self.output = -1
        self.unnamed_line: Operand | None = None

    def graph(self) -> Graph:
        """The finished graph, once the text has been read."""
        return self.builder.finish([self.output], self.scope, self.text, _friendly_characters(self.text))

    # --- lines ---

    def start(self, _: list[None]) -> None:
        """The whole text: its lines have done the work."""

    def assign(self, parts: list[Any]) -> None:
        name, _, operand = parts
        self._begin_line()
        self._give_name(name, operand[0])

    def change(self, parts: list[Any]) -> None:
        target, sign, operand = parts
        self._begin_line()
        name = plain_name(target)
        if name not in self.scope:
            self._refuse(f"{name} has no value yet that {sign} could change", "not-assigned", target,
                         [f"{name} = {self.text[operand[1] : operand[2]]}"])  # fmt: skip
        row = GATES[_CHANGES[sign]]
        self._give_name(target, self._gate(row, (self.scope[name], operand[0]), target.start_pos, operand[2])[0])

    def bare(self, parts: list[Operand]) -> None:
        self._begin_line()
        self.unnamed_line = parts[0]
        self.output = parts[0][0]

    def _begin_line(self) -> None:
        if self.unnamed_line is not None:
            _, start, end = self.unnamed_line
            raise Trouble(
                "this value has no name, so nothing after it can use it; only the last line may do without",
                code="unnamed-line", source=self.text, start=start, end=end,
                tries=[f"q = {self.text[start:end]}"],
            )  # fmt: skip

    def _give_name(self, token: Token, node: int) -> None:
        name, builder = plain_name(token), self.builder
        if name in CONSTANTS and name != "e":
            self._refuse(f"{name} is a number and cannot be given another value", "constant-assigned", token)
        if name in builder.inputs:
            self._refuse(f"{name} is used as a variable before this line gives it a value", "assigned-late", token,
                         [f"{name}2 = …"])  # fmt: skip
        old = self.scope.get(name)
        if old is not None and builder.names.get(old) == name:
            version = 1  # the last value keeps the bare name; earlier ones become name_1, name_2, …
            while (earlier := f"{name}_{version}") in self.scope or earlier in self.text:
                version += 1
            builder.names[old] = earlier
            self.scope[earlier] = old
        self.scope[name] = self.output = node
        if builder.is_gate(node):
            builder.names.setdefault(node, name)

    # --- operators: every rule gets its operands and the tokens between them ---

    def add(self, parts: list[Operand]) -> Operand:
        left, _, right = parts
        return self._gate(_ADD, (left[0], right[0]), left[1], right[2])

    def sub(self, parts: list[Operand]) -> Operand:
        left, _, right = parts
        return self._gate(_SUB, (left[0], right[0]), left[1], right[2])

    def mul(self, parts: list[Operand]) -> Operand:
        left, _, right = parts
        return self._gate(_MUL, (left[0], right[0]), left[1], right[2])

    def div(self, parts: list[Operand]) -> Operand:
        left, _, right = parts
        return self._gate(_DIV, (left[0], right[0]), left[1], right[2])

    def pow(self, parts: list[Operand]) -> Operand:
        left, _, right = parts
        return self._gate(_POW, (left[0], right[0]), left[1], right[2])

    def neg(self, parts: list[Any]) -> Operand:
        sign, (node, _, end) = parts
        value = self.builder.constants.get(node)
        if value is not None and node not in self.builder.names:
            self.builder.constants[node] = -value  # -4 is a number, not a gate
            return node, sign.start_pos, end
        return self._gate(_NEG, (node,), sign.start_pos, end)

    def pos(self, parts: list[Any]) -> Operand:
        sign, (node, _, end) = parts
        return node, sign.start_pos, end

    def superscript(self, parts: list[Any]) -> Operand:
        base, token = parts
        return self._raise(base, token)

    def absolute(self, parts: list[Any]) -> Operand:
        opening, operand, closing = parts
        return self._gate(_ABS, (operand[0],), opening.start_pos, closing.end_pos)

    # --- products without a sign ---

    def implicit(self, parts: list[Any]) -> Operand:
        *factors, last = parts
        product = self._factor(factors[0], last)
        for factor in [*factors[1:], last]:
            product = self._gate(_MUL, (product[0], factor[0]), product[1], factor[2])
        return product

    def implicit_pow(self, parts: list[Any]) -> Operand:
        *factors, base, _, exponent = parts
        return self.implicit([*factors, self._gate(_POW, (base[0], exponent[0]), base[1], exponent[2])])

    def implicit_superscript(self, parts: list[Any]) -> Operand:
        *factors, base, token = parts
        return self.implicit([*factors, self._raise(base, token)])

    def _factor(self, first: Any, following: Operand) -> Operand:
        if isinstance(first, tuple):
            return first
        start, end = first.end_pos, following[2]
        if start == following[1] and re.match(r"[eE](?![A-Za-z])|[xXbBoO][0-9]", self.text[start:end]):
            from bpcli.mistakes import number_or_product

            raise number_or_product(self.text, first.start_pos, start, end)
        return self.number([first])

    def ambiguous_quotient(self, parts: list[Any]) -> NoReturn:
        from bpcli.mistakes import quotient_of_product

        over, _, product = parts
        raise quotient_of_product(self.text, over[1], product[1], product[2])

    # --- atoms ---

    def number(self, parts: list[Token]) -> Operand:
        token = parts[0]
        start, end = token.start_pos or 0, token.end_pos or 0
        if end - start > self.limits.digits:
            self._refuse(f"this number has {end - start:,} characters; the limit is {self.limits.digits}",
                         "too-large", token)  # fmt: skip
        value = float(token)
        if value > 1.7976931348623157e308:
            self._refuse("this number is too large: the largest is about 1.8e308", "number-too-large", token)
        return self.builder.constant(value, start, end), start, end

    def name(self, parts: list[Token]) -> Operand:
        token = parts[0]
        start, end = token.start_pos or 0, token.end_pos or 0
        name = plain_name(token)
        node = self.scope.get(name)
        if node is None:
            if name in CONSTANTS and not (name == "e" and "e" in self.variables):
                node = self.builder.constant(CONSTANTS[name], start, end)
                self.builder.names[node] = name
            elif "." in token:
                self._refuse(f"{token} is not something bpcli knows", "unknown-name", token, [name])
            else:
                node = self.builder.input(name, start, end)
        return node, start, end

    def bracket(self, parts: list[Any]) -> Operand:
        opening, operand, closing = parts
        return operand[0], opening.start_pos, closing.end_pos

    def compare(self, parts: list[Any]) -> Any:
        left, sign, right = parts
        node, start, end = self._gate(GATES[_COMPARISONS[sign]], (left[0], right[0]), left[1], right[2])
        return node, start, end, sign  # the fourth part tells `call` that this is a condition

    def call(self, parts: list[Any]) -> Operand:
        token, arguments, closing = parts[0], parts[2:-1:2], parts[-1]
        start, end = token.start_pos, closing.end_pos
        try:
            row = find(plain_name(token), len(arguments))
        except KeyError:
            from bpcli.mistakes import unknown_function

            raise unknown_function(self.text, token, end, self.builder.inputs, self.scope) from None
        except ValueError as error:
            raise Trouble(str(error), code="wrong-number-of-inputs", source=self.text, start=start, end=end) from None
        for place, argument in enumerate(arguments):
            if (len(argument) == 4) != (row is WHERE and place == 0):
                from bpcli.mistakes import misplaced_condition

                raise misplaced_condition(self.text, row is WHERE and place == 0, argument[1], argument[2])
        return self._gate(row, tuple([argument[0] for argument in arguments]), start, end)

    # --- making nodes ---

    def _gate(self, row: Gate, args: tuple[int, ...], start: int, end: int) -> Operand:
        builder = self.builder
        if len(builder.gates) >= self.limits.gates:
            raise Trouble(f"the formula has more than {self.limits.gates:,} gates, the limit", code="too-large")
        return builder.gate(row, args, start, end), start, end

    def _raise(self, base: Operand, token: Token) -> Operand:
        start, end = token.start_pos or 0, token.end_pos or 0
        exponent = self.builder.constant(float(token.translate(_SUPERSCRIPTS)), start, end)
        return self._gate(_POW, (base[0], exponent), base[1], end)

    def _refuse(self, message: str, code: str, token: Token, tries: Collection[str] = ()) -> NoReturn:
        raise Trouble(message, code=code, source=self.text, start=token.start_pos or 0, end=token.end_pos,
                      tries=tuple(tries))  # fmt: skip


def plain_name(text: str) -> str:
    """A name in ASCII: Greek letters spelled out, subscripts as digits, ``np.`` and its like taken off."""
    if "." in text:
        text = text.rpartition(".")[2]
    if text.isascii():
        return str(text)
    return "".join(map(_plain_letter, text.translate(_SUBSCRIPTS)))


def _plain_letter(letter: str) -> str:
    if letter.isascii():
        return letter
    from unicodedata import name

    case, _, spelled = name(letter).removeprefix("GREEK ").partition(" LETTER ")
    spelled = spelled.removeprefix("FINAL ").lower()
    return spelled if case == "SMALL" else spelled.capitalize()


_FRIENDLY = {"−": "-", "·": "*", "×": "*", "⋅": "*", "∙": "*", "÷": "/", "∕": "/", "≤": "<=", "≥": ">=", "≠": "!=",
             "\u00a0": "a space", "\u2009": "a space", "\u202f": "a space"}  # fmt: skip


def _friendly_characters(text: str) -> list[tuple[str, str]]:
    """The note that says which characters were read as which plain ones."""
    if text.isascii():
        return []
    read: dict[str, str] = {}
    for piece in re.findall(r"⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+|[^\x00-\x7f]", re.sub(r"#[^\n]*", "", text)):
        if piece[0] in "⁻⁰¹²³⁴⁵⁶⁷⁸⁹":
            read[piece] = "^" + piece.translate(_SUPERSCRIPTS)
        else:
            plain = _FRIENDLY.get(piece) or plain_name(piece)
            read["a no-break space" if plain == "a space" else piece] = plain
    if "sigma" in read.values() and re.search(r"[σς]\s*\(", text):
        read["σ(…)"] = "sigmoid(…)"
    return [("characters", "read " + ", ".join(f"{there} as {plain}" for there, plain in read.items()))]
