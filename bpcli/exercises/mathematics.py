r"""The maths between dollar signs: a small part of LaTeX, read into a tree and written in every format of a sheet.

What an author writes never reaches a document as source: it is read here, and each format is written from the
tree (LaTeX again, MathML, typst, or characters in a line). What is read: letters, numbers and signs; ``^`` and
``_``; ``\frac{a}{b}`` ``\sqrt{a}`` ``\text{if}`` ``\mathrm{new}`` ``\mathbf{W}`` ``\hat{y}`` ``\operatorname{relu}``;
Greek letters; the functions and signs of the tables below; ``\left( \right)``; ``cases`` and ``bmatrix``.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bpcli.printing import GREEK
from bpcli.trouble import Trouble

MOST_LEVELS = 40

_LETTERS = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega".split(),
        "αβγδϵζηθικλμνξπρστυϕχψω", strict=True,
    )
)  # fmt: skip
_LETTERS |= dict(zip("Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split(), "ΓΔΘΛΞΠΣΥΦΨΩ", strict=True))
_LETTERS |= {"varphi": "φ", "varepsilon": "ε", "ell": "ℓ", "partial": "∂", "nabla": "∇", "infty": "∞"}
assert set(_LETTERS) >= GREEK

#: Command -> (character, name in typst's maths).
_SIGNS = {
    "cdot": "·", "times": "×", "div": "÷", "pm": "±", "odot": "⊙", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥",
    "neq": "≠", "ne": "≠", "approx": "≈", "sim": "∼", "equiv": "≡", "to": "→", "rightarrow": "→", "Rightarrow": "⇒",
    "leftarrow": "←", "gets": "←", "mapsto": "↦", "in": "∈", "mid": "|", "dots": "…", "ldots": "…", "cdots": "⋯", "top": "⊤", "ast": "∗",
    "circ": "∘", "prime": "′", "lt": "<", "gt": ">",
}  # fmt: skip
_LARGE = {"sum": "∑", "prod": "∏", "int": "∫"}
_FUNCTIONS = (
    "exp log ln sin cos tan sinh cosh tanh arcsin arccos arctan max min argmax argmin softmax sup inf lim det".split()
)
_SPACES = {"quad": "  ", "qquad": "    ", ",": " ", ";": " ", ":": " ", "!": "", " ": " "}
_FENCES = {"lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "lVert": "‖", "rVert": "‖", "Vert": "‖", "{": "{", "}": "}",
           "|": "‖", "lvert": "|", "rvert": "|", "langle": "⟨", "rangle": "⟩"}  # fmt: skip
_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "vec": "\u20d7", "dot": "\u0307"}
_STYLES = {"mathrm": "roman", "mathit": "italic", "mathbf": "bold", "mathbb": "board", "operatorname": "word",
           "text": "text"}  # fmt: skip
_TABLES = ("cases", "bmatrix", "pmatrix", "aligned")
_BOARD = {"R": "ℝ", "N": "ℕ", "Z": "ℤ", "Q": "ℚ", "C": "ℂ", "E": "𝔼"}

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\s+|.", re.DOTALL)
_PLAIN = "+-=<>()[]|/,;:!.'*"


@dataclass(frozen=True)
class Node:
    """A part of a formula: its KIND (a key of the writers' tables), its TEXT, and its PARTS."""

    kind: str
    text: str = ""
    parts: tuple[Node, ...] = ()


def read(text: str) -> Node:
    """The tree of the maths TEXT; `Trouble` with a span for anything that is not in the small part of LaTeX."""
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [(match[0], match.start()) for match in _TOKEN.finditer(text) if not match[0].isspace()]
        self.place = 0
        self.depth = 0

    def refuse(self, message: str, tries: Sequence[str] = ()) -> Trouble:
        start = self.tokens[self.place][1] if self.place < len(self.tokens) else len(self.text)
        end = start + len(self.tokens[self.place][0]) if self.place < len(self.tokens) else start + 1
        return Trouble(message, code="maths", source=self.text, start=start, end=end, tries=tuple(tries))

    @property
    def word(self) -> str:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def whole(self) -> Node:
        row = self.row(())
        if self.word:
            raise self.refuse(f"{self.word} closes nothing")
        return row

    def row(self, ends: Sequence[str]) -> Node:
        """Atoms with their indices and exponents, up to one of ENDS (which is left)."""
        self.depth += 1
        if self.depth > MOST_LEVELS:
            raise self.refuse(f"this is nested more than {MOST_LEVELS} deep")
        parts: list[Node] = []
        while self.word and self.word not in ends and self.word not in ("}", "\\right", "\\end", "&", "\\\\"):
            parts.append(self.scripted())
        self.depth -= 1
        return Node("row", parts=tuple(parts)) if len(parts) != 1 else parts[0]

    def scripted(self) -> Node:
        base = Node("row") if self.word in ("^", "_") else self.atom()
        below = above = None
        while self.word in ("^", "_", "'"):
            sign = self.word
            self.place += 1
            if sign == "'":
                above = Node("row", parts=(*([above] if above else []), Node("sign", "′")))
            elif (below if sign == "_" else above) is not None:
                raise self.refuse(f"there are two {sign} in a row", ["{x^a}^b"])
            elif sign == "_":
                below = self.argument()
            else:
                above = self.argument()
        if below and above:
            return Node("both", parts=(base, below, above))
        return Node("sub", parts=(base, below)) if below else Node("sup", parts=(base, above)) if above else base

    def argument(self) -> Node:
        """A group in braces, or one atom."""
        if self.word != "{":
            return self.atom()
        self.place += 1
        row = self.row(())
        self.close("}")
        return row

    def close(self, sign: str) -> None:
        if self.word != sign:
            raise self.refuse(f"a {sign} is missing here")
        self.place += 1

    def atom(self) -> Node:
        word = self.word
        if not word:
            raise self.refuse("something is missing at the end")
        if word == "{":
            return self.argument()
        if word[0] == "\\" and len(word) > 1:
            return self.command(word[1:])
        if word == "&" or word in "$#%~^_}" or not (word.isascii() or word in _OWN):
            raise self.refuse(f"{word} has no place in maths here")
        if word[0].isdigit():
            found = Node("number", word)
        elif word.isalpha() and word.isascii():
            found = Node("letter", word)
        elif word in _PLAIN:
            found = Node("sign", "−" if word == "-" else word)
        elif word in _OWN:
            found = Node("letter" if word in _LETTERS.values() else "sign", word)
        else:
            raise self.refuse(f"{word} has no place in maths here")
        self.place += 1
        return found

    def command(self, name: str) -> Node:
        if name in ("frac", "dfrac", "tfrac"):
            self.place += 1
            return Node("frac", parts=(self.argument(), self.argument()))
        if name == "sqrt" or name in _ACCENTS:
            self.place += 1
            return Node("sqrt" if name == "sqrt" else "accent", name, (self.argument(),))
        if name in _STYLES:
            return self.words(_STYLES[name])
        if name == "left":
            return self.fenced()
        if name == "begin":
            return self.table()
        tables: list[tuple[str, dict[str, str]]] = [
            ("letter", _LETTERS), ("sign", _SIGNS), ("large", _LARGE), ("space", _SPACES), ("sign", _FENCES)
        ]  # fmt: skip
        for kind, known in tables:
            if name in known:
                self.place += 1
                return Node(kind, known[name])
        if name in _FUNCTIONS:
            self.place += 1
            return Node("word", name)
        from bpcli.mistakes import closest

        known_names = [*_LETTERS, *_SIGNS, *_LARGE, *_FUNCTIONS, *_STYLES, *_ACCENTS, "frac", "sqrt", "left"]
        tries = [f"did you mean \\{near}?" for near in closest(name, known_names)]
        raise self.refuse(f"\\{name} is not among the LaTeX that sheets can show", tries)

    def words(self, style: str) -> Node:
        r"""``\text{…}`` and its kin: characters as they stand."""
        start = self.tokens[self.place][1]
        match = re.compile(r"\\[a-z]+\s*\{([A-Za-z0-9 ,.;:()=+\-'_\\]*)\}").match(self.text, start)
        if match is None or "\\" in match[1].replace("\\_", ""):
            self.place += 1
            raise self.refuse("letters, digits and plain signs in braces belong here", [r"\text{if } x > 0"])
        while self.word and self.tokens[self.place][1] < match.end():
            self.place += 1
        text = match[1].replace("\\_", "_")
        return Node("sign", _BOARD[text]) if style == "board" and text in _BOARD else Node(style, text)

    def fence(self) -> str:
        word = self.word
        self.place += 1
        if word in ("(", ")", "[", "]", "|", "."):
            return "" if word == "." else word
        if word[:1] == "\\" and word[1:] in _FENCES:
            return _FENCES[word[1:]]
        self.place -= 1
        raise self.refuse("a bracket belongs after \\left and \\right")

    def fenced(self) -> Node:
        self.place += 1
        opening = self.fence()
        inside = self.row(())
        self.close("\\right")
        return Node("fence", opening, (inside, Node("sign", self.fence())))

    def environment(self) -> str:
        found = re.compile(r"\\(?:begin|end)\s*\{([a-z]*)\}").match(self.text, self.tokens[self.place][1])
        if found is None or found[1] not in _TABLES:
            raise self.refuse(f"the environments there are: {', '.join(_TABLES)}")
        while self.word and self.tokens[self.place][1] < found.end():
            self.place += 1
        return found[1]

    def table(self) -> Node:
        name = self.environment()
        rows: list[Node] = []
        cells: list[Node] = []
        while True:
            cells.append(self.row(()))
            if self.word == "&":
                self.place += 1
                continue
            rows.append(Node("row", parts=tuple(cells)))
            cells = []
            if self.word != "\\\\":
                break
            self.place += 1
        if self.word != "\\end" or self.environment() != name:
            raise self.refuse(f"\\end{{{name}}} is missing")
        return Node("table", name, tuple(row for row in rows if row.parts != (Node("row"),)))


_OWN = frozenset([*_LETTERS.values(), *_SIGNS.values(), "−", "′"])

# --- writing: one function for each format, from a table of its kinds ------------------------------------

_NAMES = {character: name for name, character in _LETTERS.items()} | {
    character: name for name, character in [*reversed(_SIGNS.items()), *_LARGE.items()] if len(name) > 2 or name in ("to", "in")
}  # fmt: skip
_FENCE_NAMES = {"⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil", "‖": r"\Vert", "{": r"\{",
                "}": r"\}", "⟨": r"\langle", "⟩": r"\rangle", "": "."}  # fmt: skip
_BOARD_NAMES = {character: rf"\mathbb{{{letter}}}" for letter, character in _BOARD.items()}
_TEX_SIGNS = {"≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "→": r"\to", "−": "-", "′": r"\prime", "|": "|", "<": "<",
              ">": ">", "←": r"\leftarrow", "…": r"\dots", "∗": "*"}  # fmt: skip


def _tex_sign(text: str) -> str:
    if text in _TEX_SIGNS:
        return _TEX_SIGNS[text]
    if text in _BOARD_NAMES or text in _FENCE_NAMES:
        return _BOARD_NAMES.get(text) or _FENCE_NAMES[text]
    return f"\\{_NAMES[text]}" if text in _NAMES else text


def latex(node: Node) -> str:
    """NODE as LaTeX that needs nothing but amsmath and amssymb."""
    kind, text, parts = node.kind, node.text, [latex(part) for part in node.parts]
    if kind == "row":
        return " ".join(
            f"{{{text}}}" if part.kind == "row" else text for part, text in zip(node.parts, parts, strict=True)
        )
    if kind in ("letter", "sign", "large"):
        return _tex_sign(text)
    if kind == "number":
        return text
    if kind == "space":
        return r"\quad" if len(text) > 1 else r"\," if text else r"\!"
    if kind == "word" and text in _FUNCTIONS and text not in ("argmax", "argmin", "softmax"):
        return f"\\{text}"
    if kind in ("word", "roman", "italic", "bold", "board", "text"):
        command = {"word": "operatorname", "roman": "mathrm", "italic": "mathit", "bold": "mathbf", "board": "mathbb"}
        escaped = text.replace("_", r"\_")
        return rf"\{command.get(kind, kind)}{{{escaped}}}"
    if kind == "frac":
        return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
    if kind in ("sqrt", "accent"):
        return rf"\{text}{{{parts[0]}}}"
    if kind in ("sub", "sup", "both"):
        below = f"_{{{parts[1]}}}" if kind != "sup" else ""
        above = f"^{{{parts[-1]}}}" if kind != "sub" else ""
        return f"{{{parts[0]}}}{below}{above}"
    if kind == "fence":
        closing = node.parts[1].text
        return rf"\left{_FENCE_NAMES.get(text, text)} {parts[0]} \right{_FENCE_NAMES.get(closing, closing)}"
    rows = r" \\ ".join(" & ".join(latex(cell) for cell in row.parts) for row in node.parts)
    return rf"\begin{{{text}}} {rows} \end{{{text}}}"


def mathml(node: Node) -> str:
    """NODE as MathML, without the ``<math>`` around it."""
    kind, text, parts = node.kind, html.escape(node.text), [mathml(part) for part in node.parts]
    if kind == "row":
        return f"<mrow>{''.join(parts)}</mrow>"
    if kind in ("letter", "italic"):
        return f"<mi>{text}</mi>" if len(text) == 1 else f'<mi style="font-style:italic">{text}</mi>'
    if kind == "number":
        return f"<mn>{text}</mn>"
    if kind in ("sign", "large"):
        fixed = ' stretchy="false"' if node.text and node.text in "()[]|{}⌊⌋⌈⌉‖⟨⟩" else ""
        return f"<mo{fixed}>{text}</mo>"
    if kind == "space":
        return f'<mspace width="{len(node.text) * 0.3:.1f}em"></mspace>'
    if kind in ("word", "roman", "bold", "board"):
        variant = {"bold": ' style="font-weight:bold"'}.get(kind, "")
        return f'<mi mathvariant="normal"{variant}>{text}</mi>'
    if kind == "text":
        return f"<mtext>{text.replace(' ', chr(160))}</mtext>"
    if kind == "frac":
        return f"<mfrac>{parts[0]}{parts[1]}</mfrac>"
    if kind == "sqrt":
        return f"<msqrt>{parts[0]}</msqrt>"
    if kind == "accent":
        sign = {"hat": "^", "bar": "¯", "tilde": "~", "vec": "→", "dot": "˙"}[node.text]
        return f'<mover accent="true">{parts[0]}<mo>{sign}</mo></mover>'
    if kind in ("sub", "sup", "both"):
        below, above = ("munder", "mover") if node.parts[0].kind == "large" else ("msub", "msup")
        tag = {"sub": below, "sup": above, "both": f"{below}{above[1:]}"}[kind]
        return f"<{tag}>{''.join(parts)}</{tag}>"
    if kind == "fence":
        return f"<mrow><mo>{text}</mo>{parts[0]}<mo>{html.escape(node.parts[1].text)}</mo></mrow>"
    rows = "".join(f"<mtr>{''.join(f'<mtd>{mathml(cell)}</mtd>' for cell in row.parts)}</mtr>" for row in node.parts)
    opening, closing = {"cases": ("{", ""), "bmatrix": ("[", "]"), "pmatrix": ("(", ")")}.get(node.text, ("", ""))
    return f"<mrow><mo>{opening}</mo><mtable>{rows}</mtable><mo>{closing}</mo></mrow>"


def typst(node: Node) -> str:
    """NODE as typst's maths. Every character comes from the tables here or stands in a quoted text."""
    kind, text, parts = node.kind, node.text, [typst(part) for part in node.parts]
    quoted = json.dumps(text, ensure_ascii=False)
    if kind == "row":
        return " ".join(parts) or '""'
    if kind == "letter":
        return text
    if kind == "number":
        return text
    if kind in ("sign", "large"):
        return text if text not in _PLAIN and text not in "{}" else f"\\{text}" if text not in "+=" else text
    if kind == "space":
        return {0: '""', 1: "thin"}.get(len(text), "quad")
    if kind == "word":
        return f"op({quoted})"
    if kind in ("roman", "text"):
        return f"upright({quoted})"
    if kind in ("italic", "bold", "board"):
        return f"{ {'italic': 'italic', 'bold': 'bold', 'board': 'bb'}[kind] }({quoted})"
    if kind == "frac":
        return f"frac({parts[0]}, {parts[1]})"
    if kind == "sqrt":
        return f"sqrt({parts[0]})"
    if kind == "accent":
        return f"{ {'hat': 'hat', 'bar': 'macron', 'tilde': 'tilde', 'vec': 'arrow', 'dot': 'dot'}[text] }({parts[0]})"
    if kind in ("sub", "sup", "both"):
        below = f"_({parts[1]})" if kind != "sup" else ""
        above = f"^({parts[-1]})" if kind != "sub" else ""
        return f"{parts[0]}{below}{above}"
    if kind == "fence":
        closing = node.parts[1].text
        pair = [f"\\{one}" if one else '""' for one in (text, closing)]
        return f"lr({pair[0]} {parts[0]} {pair[1]})"
    rows = [[typst(cell) for cell in row.parts] for row in node.parts]
    if text == "cases":
        return f"cases({', '.join(' & '.join(row) for row in rows)})"
    delimiter = {"bmatrix": '"["', "pmatrix": '"("'}.get(text, "#none")
    return f"mat(delim: {delimiter}, {'; '.join(', '.join(row) for row in rows)})"


_RAISED = dict(zip("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ", strict=True))
_LOWERED = dict(zip("0123456789+-−=()aeioruvxhklmnpst", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑᵢₒᵣᵤᵥₓₕₖₗₘₙₚₛₜ", strict=True))
_SPACED = frozenset("=<>≤≥≠≈→⇒←∈+−·×÷±⊙≡∼↦")


def plain(node: Node) -> str:
    """NODE as characters in a line: ∂f/∂x, x², σ(w·x + b)."""
    kind, text, parts = node.kind, node.text, [plain(part) for part in node.parts]
    if kind == "row":
        return _joined(node.parts, parts)
    if kind == "frac":
        top, bottom = (part if _whole(part) else f"({part})" for part in parts)
        return f"{top}/({bottom})" if re.match(r"[0-9.]+[^0-9.]", bottom) else f"{top}/{bottom}"  # /(2x), not /2x
    if kind == "sqrt":
        return f"√{parts[0]}" if len(parts[0]) == 1 else f"√({parts[0]})"
    if kind == "accent":
        return parts[0] + _ACCENTS[text]
    if kind in ("sub", "sup", "both"):
        below = _script(parts[1], _LOWERED, "_") if kind != "sup" else ""
        above = _script(parts[-1], _RAISED, "^") if kind != "sub" else ""
        return parts[0] + below + above
    if kind == "fence":
        return text + parts[0] + parts[1]
    if kind == "table":
        rows = [[plain(cell) for cell in row.parts] for row in node.parts]
        if text == "cases":
            return "{" + "; ".join(" ".join(row) for row in rows) + "}"
        if text == "aligned":
            return "; ".join(" ".join(row) for row in rows)
        return "[" + ", ".join("[" + ", ".join(row) + "]" for row in rows) + "]"
    return text


def _joined(nodes: Sequence[Node], parts: Sequence[str]) -> str:
    text = ""
    before = "sign"
    signed = False
    for place, (node, bare) in enumerate(zip(nodes, parts, strict=True)):
        part = f"({bare})" if node.kind == "frac" and _multiplied(nodes, place) else bare
        binary = node.kind == "sign" and part in _SPACED and before != "sign" and bool(text)
        if binary:
            text = f"{text.rstrip()} {part} "
        elif (node.kind == "sign" and part == ",") or node.kind == "text":
            text += f"{part} " if part == "," else part
        elif node.kind == "large" or _named(node) or (before == "word" and part[:1] not in "([|_^"):
            text += f" {part}" if text and text[-1] not in " ([|" and not signed else part
        else:
            text += part
        opens = node.kind == "sign" and (part in _SPACED or part in "([|,")
        signed = opens and not binary and part in "+−"  # the minus of −ln x stays with what it is the sign of
        before = "sign" if opens else "word" if _named(node) else "other"
    return text.rstrip(" ") if text.strip() else text


def _named(node: Node) -> bool:
    """Whether NODE is the name of a function, as it is or with an index or a power: ln, log₂, sin²."""
    return node.kind == "word" or (node.kind in ("sub", "sup", "both") and node.parts[0].kind == "word")


def _multiplied(nodes: Sequence[Node], place: int) -> bool:
    """Whether a factor stands right before or after a fraction, so that 1/2 x would be read as 1/(2x)."""

    def apart(at: int, signs: str) -> bool:
        if not 0 <= at < len(nodes):
            return True
        one = nodes[at]
        return one.kind in ("space", "text") or (one.kind == "sign" and (one.text in _SPACED or one.text in signs))

    return not (apart(place - 1, "([|,;:") and apart(place + 1, ")]|,;:.!"))


def _whole(text: str) -> bool:
    return re.fullmatch(r"[\w.∂∇Δ′\u0300-\u036f₀-₉⁰-⁹²³¹]+(?:\([^()]*\))?", text) is not None


def _script(text: str, table: dict[str, str], sign: str) -> str:
    if text and all(character in table for character in text):
        return "".join(table[character] for character in text)
    if text == "′":
        return text
    return f"{sign}{text}" if len(text) == 1 or (sign == "_" and text.isalnum()) else f"{sign}({text})"
