"""Text to graph: the Lark grammar drives a `Reader` that builds the graph while it parses, without a tree."""

from __future__ import annotations

import gc
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from bpcli.figures import MOST_DIGITS
from bpcli.gates import ALIASES, CONSTANTS, GATES, SIZED, Gate, find
from bpcli.graph import WHERE, Builder, Graph
from bpcli.trouble import Trouble

if TYPE_CHECKING:
    from lark import Lark, Token

#: What a rule of the grammar hands on: a node, and where its text starts and ends.
Operand = tuple[int, int, int]

#: A name, as the grammar has it.
NAME = r"[A-Za-zΑ-Ωα-ω][A-Za-z0-9_Α-Ωα-ω₀-₉]*"

_COMPARISONS = {">": "gt", ">=": "ge", "≥": "ge", "<": "lt", "<=": "le", "≤": "le", "==": "eq", "!=": "ne", "≠": "ne"}
_CHANGES = {"+=": "add", "-=": "sub", "*=": "mul", "/=": "div"}
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_ADD, _SUB, _MUL, _DIV, _NEG, _POW, _ABS = (GATES[name] for name in "add sub mul div neg pow abs".split())


class Limits(NamedTuple):
    """How large a text may be; None means that only the machine's memory decides."""

    characters: int | None = None
    brackets: int | None = None
    lines: int | None = None
    digits: int = MOST_DIGITS
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
    try:
        return _read(text, variables, limits)
    except Trouble as trouble:
        if trouble.tries:
            from bpcli.mistakes import mended

            trouble.tries = mended(trouble.tries, lambda line: _read(line, variables, limits))
        raise


def _read(text: str, variables: Collection[str], limits: Limits) -> Graph:
    _check_size(text, limits)
    lark, reader, lock = _parser()
    with lock:  # the parser's callbacks are the methods of this one reader
        reader.begin(text, variables, limits)
        try:
            with _no_collection():
                lark.parse(join_bracketed_lines(text))
            return reader.graph()
        except (Trouble, MemoryError):
            raise
        except Exception as error:
            from bpcli.mistakes import explain_syntax

            raise explain_syntax(text, error, variables) from None


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the cyclic garbage collector: what a parse makes lives on, and looking through it takes a tenth longer."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


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
    if limits.lines is not None:
        lines = len(re.findall(r"[;\n][;\s]*", re.sub(r"#[^\n]*", "", text).strip("; \t\r\n"))) + 1
        if lines > limits.lines:
            refuse(lines, limits.lines, "lines")
    if limits.brackets is not None:
        depth = deepest = 0
        for character in text:
            depth += (character in "([") - (character in ")]")
            deepest = max(deepest, depth)
        if deepest > limits.brackets:
            refuse(deepest, limits.brackets, "levels of brackets")


def join_bracketed_lines(text: str) -> str:
    """TEXT with line breaks and comments inside brackets blanked, so that a formula may go on over lines."""
    if "\n" not in text or ("(" not in text and "[" not in text):
        return text
    pieces: list[str] = []
    depth = 0
    for piece in re.split(r"(#[^\n]*|[()\[\]\n])", text):
        depth += (piece in ("(", "[")) - (piece in (")", "]"))
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
        self.versions: dict[str, int] = {}
        self.words: set[str] = set()
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
            start, end = target.start_pos, sign.end_pos
            self._refuse(f"{name} has no value yet that {sign} could change", "not-assigned", target,
                         [f"{self.text[:start]}{name} ={self.text[end:]}"])  # fmt: skip
        row = GATES[_CHANGES[sign]]
        self._give_name(target, self._gate(row, (self.scope[name], operand[0]), target.start_pos, operand[2])[0])

    def bare(self, parts: list[Operand]) -> None:
        self._begin_line()
        self.unnamed_line = parts[0]
        self.output = parts[0][0]

    def _begin_line(self) -> None:
        if self.unnamed_line is not None:
            from bpcli.mistakes import unnamed_line

            raise unnamed_line(self.text, *self.unnamed_line[1:])

    def _give_name(self, token: Token, node: int) -> None:
        name, builder = plain_name(token), self.builder
        start, end = token.start_pos or 0, token.end_pos or 0
        if name in CONSTANTS and name != "e":
            from bpcli.mistakes import constant_assigned

            raise constant_assigned(self.text, name, start, end)
        if name in builder.inputs:
            from bpcli.mistakes import assigned_late

            raise assigned_late(self.text, name, start, end)
        old = self.scope.get(name)
        if old is not None and builder.names.get(old) == name:
            earlier = self._earlier_name(name)
            builder.names[old] = earlier
            self.scope[earlier] = old
        self.scope[name] = self.output = node
        if builder.is_gate(node):
            builder.names.setdefault(node, name)

    def _earlier_name(self, name: str) -> str:
        """A new name for the value that NAME had: the last one keeps the bare name."""
        self.words = self.words or names_in(self.text)
        while True:
            self.versions[name] = version = self.versions.get(name, 0) + 1
            if (earlier := f"{name}_{version}") not in self.words:
                return earlier

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
        sign, (node, start, end) = parts
        builder = self.builder
        if node in builder.constants and node not in builder.names and builder.spans[2 * node] == start:
            builder.constants[node] = -builder.constants[node]  # -4 is a number, not a gate
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

    # --- arrays ---

    def matmul(self, parts: list[Operand]) -> Operand:
        left, _, right = parts
        return self._gate(find("matmul", 2), (left[0], right[0]), left[1], right[2])

    def transpose(self, parts: list[Any]) -> Operand:
        (node, start, _), token = parts
        return self._gate(find("transpose", 1), (node,), start, token.end_pos)

    def written(self, parts: list[Any]) -> Operand:
        start, end = parts[0].start_pos, parts[-1].end_pos
        nodes = tuple([part[0] for part in parts[1:-1:2]])
        constants, names = self.builder.constants, self.builder.names
        if all(node in constants and node not in names for node in nodes):
            from bpcli.arrays.gates import constant_array

            value = constant_array([constants[node] for node in nodes])
            if value is not None:
                return self.builder.constant(value, start, end), start, end
        try:
            row = find("array", len(nodes))
        except ValueError as error:
            from bpcli.mistakes import wrong_number_of_inputs

            raise wrong_number_of_inputs(self.text, str(error), start, end) from None
        return self._gate(row, nodes, start, end)

    def index(self, parts: list[Any]) -> Operand:
        (node, start, _), places, closing = parts[0], parts[2:-1:2], parts[-1]
        return self._gate(find("index", 1, tuple(places)), (node,), start, closing.end_pos)

    def place(self, parts: list[Token]) -> int:
        number = float(parts[-1])
        if number != int(number):
            self._refuse("places, sizes and axes are whole numbers", "not-whole", parts[-1])
        return int(number) if len(parts) == 1 else -int(number)

    def keyword(self, parts: list[Any]) -> tuple[str, int]:
        if parts[0] != "axis":
            from bpcli.mistakes import named_input

            raise named_input(self.text, parts[0], parts[0].start_pos, parts[1].start_pos)
        return "axis", parts[2]

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
        other_notation = r"[eE](?![A-Za-z])" if first != "0" else r"[eE](?![A-Za-z])|[xXbBoO][0-9A-Fa-f]"
        if start == following[1] and re.match(other_notation, self.text[start:end]):
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
            from bpcli.mistakes import number_too_large

            raise number_too_large(self.text, start, end)
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
                self._refuse(f"{token} is not something bpcli knows", "unknown-name", token,
                             [self.text[:start] + name + self.text[end:]])  # fmt: skip
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
        name = plain_name(token)
        axis = dict(one for one in arguments if one[0] == "axis").get("axis")
        arguments = [one for one in arguments if one[0] != "axis"]
        arguments, numbers = self._sizes(name, arguments)
        try:
            row = find(name, len(arguments), numbers, axis)
        except KeyError:
            from bpcli.mistakes import unknown_function

            known = {*self.builder.inputs, *self.scope, *self.variables}
            raise unknown_function(self.text, token, end, known) from None
        except ValueError as error:
            from bpcli.mistakes import wrong_number_of_inputs

            raise wrong_number_of_inputs(self.text, str(error), start, end) from None
        for place, argument in enumerate(arguments):
            if (len(argument) == 4) != (row is WHERE and place == 0):
                from bpcli.mistakes import misplaced_condition

                raise misplaced_condition(self.text, row is WHERE and place == 0, argument[1], argument[2])
        return self._gate(row, tuple([argument[0] for argument in arguments]), start, end)

    def _sizes(self, name: str, arguments: list[Operand]) -> tuple[list[Operand], tuple[int, ...]]:
        """The inputs of a call, and the whole numbers after them that say a size or a place: reshape(x, 2, 3)."""
        if name not in SIZED:
            return arguments, ()
        numbers = [self.builder.constants.get(node) for node, *_ in arguments[1:]]
        for (_, start, end), number in zip(arguments[1:], numbers, strict=True):
            if not isinstance(number, float) or number != int(number):
                raise Trouble(f"the sizes of {name} are whole numbers, written out", code="not-whole",
                              source=self.text, start=start, end=end)  # fmt: skip
        return arguments[:1], tuple([int(number) for number in numbers if isinstance(number, float)])

    # --- making nodes ---

    def _gate(self, row: Gate, args: tuple[int, ...], start: int, end: int) -> Operand:
        builder = self.builder
        if len(builder.gates) >= self.limits.gates:
            raise Trouble(f"the formula has at least {self.limits.gates + 1:,} gates; the limit is "
                          f"{self.limits.gates:,}", code="too-large")  # fmt: skip
        return builder.gate(row, args, start, end), start, end

    def _raise(self, base: Operand, token: Token) -> Operand:
        start, end = token.start_pos or 0, token.end_pos or 0
        exponent = self.builder.constant(float(token.translate(SUPERSCRIPTS)), start, end)
        return self._gate(_POW, (base[0], exponent), base[1], end)

    def _refuse(self, message: str, code: str, token: Token, tries: Collection[str] = ()) -> NoReturn:
        raise Trouble(message, code=code, source=self.text, start=token.start_pos or 0, end=token.end_pos,
                      tries=tuple(tries))  # fmt: skip


def names_in(text: str) -> set[str]:
    """Every name in TEXT, functions included, in ASCII."""
    return {plain_name(word) for word in re.findall(NAME, text)}


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
    spelled = spelled.removeprefix("FINAL ").lower().replace("lamda", "lambda")  # Unicode's own spelling
    return spelled if case == "SMALL" else spelled.capitalize()


_FRIENDLY = {"−": "-", "·": "*", "×": "*", "⋅": "*", "∙": "*", "÷": "/", "∕": "/", "≤": "<=", "≥": ">=", "≠": "!="}
_SPACES = {"\u00a0": "a no-break space", "\u2009": "a thin space", "\u202f": "a narrow space"}


def _friendly_characters(text: str) -> list[tuple[str, str]]:
    """The note that says which names and characters were read as which plain ones."""
    if text.isascii():
        return []
    read: dict[str, str] = {}
    code = re.sub(r"#[^\n]*", "", text)
    for match in re.finditer(rf"({NAME})(?=(\s*\()?)|⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+|[^\x00-\x7f]", code):
        piece, name, called = match[0], match[1], match[2]
        if name and not name.isascii():
            plain = plain_name(name)
            read[f"{name}(…)" if called else name] = f"{ALIASES.get(plain, plain)}(…)" if called else plain
        elif piece in _SPACES:
            read[_SPACES[piece]] = "a space"
        elif not name:
            read[piece] = _FRIENDLY.get(piece) or "^" + piece.translate(SUPERSCRIPTS)
    notes = ", ".join(f"{there} as {plain}" for there, plain in read.items())
    return [("characters", f"read {notes}")] if notes else []
