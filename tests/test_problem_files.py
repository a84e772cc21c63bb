"""Problem files: `problem_files/` has one for every kind of mistake, beside what is said about it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcli.exercises import fields
from bpcli.exercises.bank import files, load, shipped
from bpcli.exercises.blanks import PATTERNS
from bpcli.exercises.mistakes import Mistakes
from bpcli.exercises.places import line_numbers
from bpcli.exercises.reading import MOST_BYTES, read
from bpcli.gates import GATES, find

WRONG = sorted((Path(__file__).parent / "problem_files").glob("*.toml"))
BANK = files(shipped())

PLAIN = """\
title = "T"
statement = "S"
formula = "q = x + y; f = q*z"
ask = "every gradient"
[given]
x = {from = -5, to = 5}
y = 2
z = {choose = [1, 2]}
"""


def problem(text: str):
    return read(text.encode(), "test/problem")


def mistakes(text: str) -> list[tuple[int, str]]:
    with pytest.raises(Mistakes) as caught:
        problem(text)
    return [(one.line, one.message) for one in caught.value.mistakes]


@pytest.mark.parametrize("file", WRONG, ids=lambda file: file.stem)
def test_every_mistake_is_said_at_once(file: Path, request: pytest.FixtureRequest) -> None:
    """What is said, word for word; every line number is one of the file."""
    with pytest.raises(Mistakes) as caught:
        read(file.read_bytes(), file.stem)
    said = f"{caught.value}\n"
    golden = file.with_suffix(".txt")
    if request.config.getoption("--update"):
        golden.write_text(said, encoding="utf-8")
    assert said == golden.read_text(encoding="utf-8")
    count = file.read_bytes().count(b"\n")
    assert all(1 <= one.line <= count for one in caught.value.mistakes)
    assert caught.value.exit_code == 2
    json.dumps(caught.value.as_json())


@pytest.mark.parametrize("identity", BANK)
def test_the_bank_is_in_order(identity: str) -> None:
    found = load(BANK[identity], identity)
    assert found.id == identity
    assert found.blanks
    assert found.source, "a problem of the bank says which lecture it follows"


def test_the_plain_problem() -> None:
    found = problem(PLAIN)
    assert [blank.name for blank in found.blanks] == ["dq", "dx", "dy", "dz"]
    assert len(found.given["x"].pool) == 11
    assert found.given["y"].fixed
    assert found.rounding == ("exact", 0)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('title = "T"', "", 1, "the file has no title"),
        ("y = 2", "y = inf", 7, "y is Infinity, which is not a number"),
        ("y = 2", "y = 2024-01-01", 7, "y is a date or time, not a number"),
        ("y = 2", 'y = 2\n"y" = 3', 8, "not TOML"),
        ("y = 2", "y = {choose = [1, 1]}", 7, "y has the same number twice"),
        ("y = 2", "y = {choose = [1], to = 2}", 7, "y has choose and to"),
        ("y = 2", "y = {from = 1, to = 2, stepp = 1}", 7, "y has a field stepp"),
        ("y = 2", "y = {from = 1}", 7, "y has no to"),
        ("y = 2", "y = {from = 1, to = 1, except = [1]}", 7, "y has no number left to draw"),
        ("y = 2", "y = 0.1234567890123456", 7, "y has more than 15 digits"),
        ("y = 2", "y = 2\ny2 = 1", 8, "y2 is given, but neither the formula nor a blank uses it"),
        ("y = 2\n", "", 5, "y of the formula is not given"),
        ('"every gradient"', "[]", 4, "ask is a list of 0, not blanks"),
        ('"every gradient"', '["every gradient", "every step"]', 4, "ask cannot be every step"),
        ('"S"', '"$x"', 2, "a $ has no partner"),
        ('"S"', r"'\input{/etc/passwd} $\input{x}$'", 2, r"\input is not among the LaTeX"),
        ("formula = ", "kinks = 'sometimes'\nformula = ", 3, "kinks cannot be sometimes"),
        ("formula = ", "expand = 1\nformula = ", 3, "expand is the number 1, not true or false"),
        ("formula = ", "require = ['x >']\nformula = ", 3, ""),
        ("q*z", "q*z*1/2x", 3, "two ways"),
    ],
)
def test_each_mistake_on_its_line(old: str, new: str, line: int, said: str) -> None:
    found = mistakes(PLAIN.replace(old, new))
    assert line in {at for at, _ in found}
    assert any(said in message for _, message in found), found


def test_the_line_within_a_program() -> None:
    """The line of the file, counted into the text of several lines, with the caret under the mistake."""
    for opening in ('"""\n', '"""'):
        text = PLAIN.replace('"q = x + y; f = q*z"', f'{opening}q = x + y\nf = (q*z\n"""')
        [(line, _)] = mistakes(text)
        assert "f = (q*z" in text.split("\n")[line - 1]


@pytest.mark.parametrize("size", [MOST_BYTES, MOST_BYTES + 1])
def test_large_files_are_refused(size: int) -> None:
    data = PLAIN.encode() + b"#" * (size - len(PLAIN))
    if size <= MOST_BYTES:
        read(data, "x")
    else:
        with pytest.raises(Mistakes, match=r"x\.toml"):
            read(data, "x")


@pytest.mark.parametrize("key", ["a" * 1, '"a"', "'a'", '"."', " a ", '"="'])
def test_dotted_keys_take_no_memory(key: str) -> None:
    """Python's reader takes the square of the parts; they are refused before it sees them."""
    long = ".".join([key] * 3000)
    for text in (f"{long} = 1\n", f"x = {{{long} = 1}}\n", f'x = ["""\n""", {{{long} = 1}}]\n'):
        with pytest.raises(Mistakes) as caught:
            read(text.encode(), "x")
        assert "parts" in caught.value.mistakes[0].message


def test_numbers_are_exact() -> None:
    found = problem(PLAIN.replace("x = {from = -5, to = 5}", "x = {from = -0.3, to = 0.3, step = 0.1}"))
    assert [str(one) for one in found.given["x"].pool] == ["-0.3", "-0.2", "-0.1", "0", "0.1", "0.2", "0.3"]


KIND_EXAMPLES = {
    "every": 'every = "local"', "value": 'value = "q"', "gradient": 'gradient = "f"', "local": 'local = "f"\nby = "q"',
    "formula": 'formula = "x"\nof = "q"', "program": 'program = "backward"', "choice": 'choice = "pattern"\nof = "f"',
    "step": 'step = "x"\nrate = 0.1\ndecay = "y/10"', "number": 'number = "dx^2 + q"\nname = "n"',
    "quotient": 'quotient = "x"\nh = 0.01',
}  # fmt: skip


@pytest.mark.parametrize("kind", fields.ASKS)
def test_every_kind_of_blank(kind: str) -> None:
    text = (
        PLAIN.replace('ask = "every gradient"\n', "")
        + f"[[ask]]\n{KIND_EXAMPLES[kind]}\npoints = 0.5\ntext = 'Here.'\n"
    )
    blanks = problem(text).blanks
    assert blanks
    assert {str(blank.points) for blank in blanks} == {"0.5"}
    names = {"value": "q", "gradient": "df", "local": "df_dq", "formula": "dq_dx", "program": "program",
             "choice": "f_pattern", "step": "x_new", "number": "n", "quotient": "dx_h"}  # fmt: skip
    if kind in names:
        assert [blank.name for blank in blanks] == [names[kind]]


def test_patterns_are_those_of_the_gate_table() -> None:
    """Every pattern that is offered is some gate's; one that is not offered is added for the gate that has it."""
    assert {row.pattern[0] for row in GATES.values()} | {find("max", 2).pattern[0]} >= {*PATTERNS}
    text = PLAIN.replace('"q = x + y; f = q*z"', '"q = abs(x + y); f = q*z"').replace(
        '"every gradient"', '"every value"'
    )
    [blank] = problem(text.replace('ask = "every value"\n', "") + '[[ask]]\nchoice = "pattern"\nof = "q"\n').blanks
    assert blank.options == (*PATTERNS, "sign follower")


# --- the schema ------------------------------------------------------------------------------------------


def test_the_schema_accepts_the_bank_and_refuses_mistakes() -> None:
    """With a small reading of the keywords it uses, as the reference implementation is not a dependency."""
    schema = fields.schema()
    for identity, path in BANK.items():
        assert fits(tomllib.loads(path.read_text(encoding="utf-8")), schema), identity
    good = tomllib.loads(PLAIN)
    assert fits(good, schema)
    assert not fits(good | {"titel": "x"}, schema)
    assert not fits(good | {"difficulty": 6}, schema)
    assert not fits(good | {"ask": [{"gradient": "x", "value": "q"}]}, schema)
    assert not fits(good | {"given": {"x": {"from": 1}}}, schema)


def fits(value: object, schema: dict) -> bool:
    """Whether VALUE fits a JSON Schema that uses only the keywords handled here."""
    assert set(schema) <= {
        "$schema", "$id", "title", "description", "type", "required", "additionalProperties", "properties", "oneOf", "enum",
        "const", "items", "minItems", "maxItems", "minimum", "maximum", "pattern", "minProperties", "maxProperties",
    }  # fmt: skip
    kinds = {"object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool}
    types = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if types and not any(
        isinstance(value, kinds[one]) and (one == "boolean" or not isinstance(value, bool)) for one in types
    ):
        return False
    if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
        return False
    if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return False
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return False
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return False
        if not all(fits(one, schema.get("items", {})) for one in value):
            return False
    if isinstance(value, dict):
        known = schema.get("properties", {})
        other = schema.get("additionalProperties", {})
        if not set(schema.get("required", ())) <= set(value) or len(value) < schema.get("minProperties", 0):
            return False
        for name, one in value.items():
            rule = known.get(name, other)
            if rule is False or not fits(one, rule):
                return False
    return "oneOf" not in schema or sum(fits(value, one) for one in schema["oneOf"]) == 1


# --- broken files always explain -------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused_in_words(data: st.DataObject) -> None:
    """Cut, doubled, or sprinkled with characters: a problem or `Mistakes`, never another exception."""
    text = PLAIN if data.draw(st.booleans()) else (shipped() / "neuron/sigmoid.toml").read_text(encoding="utf-8")
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        text = text[:start] + data.draw(st.text("[]{}\"'=.,#\\$^_xq019 \n\0é…", max_size=6)) + text[end:]
    try:
        problem(text)
    except Mistakes as trouble:
        assert trouble.mistakes
        assert str(trouble)
        lines = text.count("\n") + 1
        assert all(1 <= one.line <= lines for one in trouble.mistakes)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(Mistakes):
        read(data, "x")


def test_line_numbers_of_tables_and_long_texts() -> None:
    text = 'a = """\nb = 1\n"""\n[t]\nc = {d = 1}\n[[u]]\ne = [\n1,\n2]\n[[u]]\n"f" = 1\nh.i = 2\n'
    found = line_numbers(text)
    expected = {("a",): 1, ("t",): 4, ("t", "c"): 5, ("u", 0): 6, ("u", 0, "e"): 7, ("u", 1): 10, ("u", 1, "f"): 11,
                ("u", 1, "h", "i"): 12}  # fmt: skip
    assert expected.items() <= found.items()
    assert ("b",) not in found


def test_text_between_two_formulas_is_no_maths() -> None:
    """The second $$ of a displayed formula does not pair with the next $."""
    from bpcli.exercises import markdown

    text = "First\n\n$$x^2 .$$\n\nWhich? `code`, and $y$ too."
    assert markdown.check(text) == []
    assert [block.kind for block in markdown.read(text)] == ["paragraph", "display", "paragraph"]
    assert [trouble.start for trouble in markdown.check("$$x$$ and ? then $\\nothing$")] == [18]


@pytest.mark.parametrize(
    ("maths", "shown"),
    [
        (r"\frac{1}{2}(h - y)^2", "(1/2)(h − y)²"), (r"\frac{x}{2h}", "x/(2h)"), (r"\frac{1}{x^2}", "1/x²"),
        (r"\frac{\partial z}{\partial x} \frac{dx}{dt} + \frac{1}{2}", "(∂z/∂x)(dx/dt) + 1/2"),
        (r"w - \alpha \frac{dL}{dw}", "w − α(dL/dw)"), (r"\frac{dL}{dw}, \frac{1}{3}.", "dL/dw, 1/3."),
        (r"\frac{dy}{du} \cdot \frac{du}{dx}", "dy/du · du/dx"),
    ],
)  # fmt: skip
def test_fractions_in_a_line_of_characters(maths: str, shown: str) -> None:
    """1/2(h - y)² would be read as one over all the rest."""
    from bpcli.exercises import mathematics

    assert mathematics.plain(mathematics.read(maths)) == shown
