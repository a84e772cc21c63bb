"""The fields of a problem file: their types, and what they are for. The reader, the JSON Schema and the help
topic are made from these tables."""

from __future__ import annotations

from typing import Any, NamedTuple


class Field(NamedTuple):
    """A field: the type (a key of `TYPES`), and a line that says what it is for."""

    type: str
    about: str
    required: bool = False
    choices: tuple[str, ...] = ()


#: Type -> (in plain words, an example, the JSON Schema).
TYPES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "text": ("a text", '"…"', {"type": "string"}),
    "texts": ("a list of texts", '["…", "…"]', {"type": "array", "items": {"type": "string"}}),
    "name": ("a name", '"q"', {"type": "string", "pattern": "^[A-Za-zΑ-Ωα-ω][A-Za-z0-9_Α-Ωα-ω₀-₉]*$"}),
    "names": ("a list of names", '["w", "b"]', {"type": "array", "items": {"type": "string"}}),
    "word": ("a text", '"…"', {"type": "string"}),
    "level": ("a whole number from 1 to 5", "1", {"type": "integer", "minimum": 1, "maximum": 5}),
    "whole": ("a whole number from 0 to 9", "4", {"type": "integer", "minimum": 0, "maximum": 9}),
    "share": ("a number from 0 to 1", "0.5", {"type": "number", "minimum": 0, "maximum": 1}),
    "points": ("a number from 0.25 to 100", "1", {"type": "number", "minimum": 0.25, "maximum": 100}),
    "flag": ("true or false", "true", {"type": "boolean"}),
    "formula": ("a formula", '"0.1"', {"type": ["string", "number"]}),
    "formulas": ("a list of conditions", '["x > y"]', {"type": "array", "items": {"type": "string"}}),
    "rounding": (
        "a rounding rule", '"exact", {decimals = 2} or {digits = 3}',
        {"oneOf": [
            {"const": "exact"},
            {"type": "object", "properties": {"decimals": {"type": "integer", "minimum": 0, "maximum": 8}},
             "required": ["decimals"], "additionalProperties": False},
            {"type": "object", "properties": {"digits": {"type": "integer", "minimum": 2, "maximum": 8}},
             "required": ["digits"], "additionalProperties": False},
        ]},
    ),
    "options": (
        "a table of options", '{yes = "x > 0", no = "x <= 0"}',
        {"oneOf": [
            {"enum": ["pattern", "route"]},
            {"type": "object", "minProperties": 2, "maxProperties": 12, "additionalProperties": {"type": "string"}},
        ]},
    ),
    "givens": ("a table", "[given]", {"type": "object"}),
    "asks": ("blanks", "[[ask]]", {}),
}  # fmt: skip

KINKS = ("avoid", "torch", "jax", "tf", "left", "right")

#: The file.
PROBLEM = {
    "title": Field("text", "what the sheet prints above it", required=True),
    "statement": Field("text", "what to do: Markdown with $…$ (bpcli help problems)", required=True),
    "formula": Field("text", "a formula, or a program of lines name = formula whose last line is the output", required=True),
    "given": Field("givens", "every name of the formula: a number or what it is drawn from", required=True),
    "ask": Field("asks", "the blanks", required=True),
    "round": Field("rounding", 'at every gate: {decimals = 2}, {digits = 3}, or "exact" (as it is without this)'),
    "source": Field("text", "which lecture, book or exercise it follows"),
    "tags": Field("texts", "words to find it by"),
    "difficulty": Field("level", "1 (one gate) to 5"),
    "hints": Field("texts", "shown one by one"),
    "wrt": Field("names", "the variables to differentiate with respect to; without it, every name of the formula"),
    "upstream": Field("formula", "the gradient that arrives at the output (1): a number, or a formula over givens"),
    "expand": Field("flag", "take gates apart: sigmoid into *-1, exp, +1, 1/x"),
    "fuse": Field("flag", "put such groups together again"),
    "kinks": Field("word", 'draws stay away from kinks ("avoid"), or the convention to use there', choices=KINKS),
    "require": Field("formulas", "conditions over givens, values and gradients that every draw meets"),
    "overlook": Field("texts", "slips (bpcli slips) that need not show in the answers"),
    "carry": Field("whole", "most decimals of any asked number where numbers are exact (4)"),
    "apart": Field("share", "smallest share of draws in which every two slips differ (0.5)"),
}  # fmt: skip

#: What may follow the kind of a blank in [[ask]].
ASK = {
    "points": Field("points", "for each blank (1)"),
    "name": Field("name", "what the student writes before the =, if not the usual name"),
    "text": Field("text", "a sentence beside the blank"),
}

#: The kinds of blanks: the field that says which, and the fields that only this kind has.
ASKS: dict[str, tuple[Field, dict[str, Field]]] = {
    "every": (Field("word", '"value" (of each gate), "gradient" (of each gate and variable), "gate" (both, of each '
                    'gate), "input" (gradient of each variable), "local" (each local gradient)',
                    choices=("value", "gradient", "gate", "input", "local")), {}),
    "value": (Field("name", "the value of an assigned name or gate; blank q"), {}),
    "gradient": (Field("name", "the gradient at a variable or gate; blank dq"), {}),
    "local": (Field("name", "a local gradient of this gate; blank dq_dx"),
              {"by": Field("name", "the input of the gate", required=True)}),
    "formula": (Field("name", "the derivative by this variable, as a formula; blank df_dx"),
                {"of": Field("name", "of this name instead of the output")}),
    "program": (Field("word", "lines of code: the passes, staged",
                      choices=("forward", "backward", "both")), {}),
    "choice": (Field("options", '"pattern" (which pattern the gate is), "route" (which input a max or min routes to), '
                     "or options with the condition under which each is right"),
               {"of": Field("name", "the gate")}),
    "step": (Field("name", "this variable after one step w - rate*(dw + decay*w); blank w_new"),
             {"rate": Field("formula", "the learning rate: a number, or a formula over givens", required=True),
              "decay": Field("formula", "the weight decay (0)")}),
    "number": (Field("formula", "any formula over givens, values (q, g1) and gradients (dx, dq); needs a name; with a text, the sheet does not print the formula"), {}),
    "quotient": (Field("name", "the difference quotient in this variable; blank dx_h"),
                 {"h": Field("formula", "the step", required=True),
                  "scheme": Field("word", 'which quotient ("central")', choices=("forward", "backward", "central"))}),
}  # fmt: skip

#: What a given is drawn from.
GIVEN = {
    "from": Field("points", "the first number"),
    "to": Field("points", "the last number"),
    "step": Field("points", "from one number to the next (1)"),
    "choose": Field("texts", "a list of numbers instead"),
    "except": Field("texts", "numbers to leave out"),
    "shape": Field("texts", "of an array: each entry is drawn by itself"),
}


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a problem file, for editors."""
    number = {"type": "number"}
    numbers = {"type": "array", "items": number, "minItems": 1}
    drawn = {"except": numbers, "shape": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 64},
                                          "minItems": 1, "maxItems": 3}}  # fmt: skip
    grid = {
        "type": "object", "required": ["from", "to"], "additionalProperties": False,
        "properties": {"from": number, "to": number, "step": number, **drawn},
    }  # fmt: skip
    choose = {
        "type": "object", "required": ["choose"], "additionalProperties": False,
        "properties": {"choose": numbers, **drawn},
    }  # fmt: skip
    nested = {"type": "array", "items": {"type": ["number", "array"]}}
    words = {"type": "string", "pattern": "^every (value|gradient|gate|input|local)$"}
    tables = {"type": "array", "items": {"oneOf": [_ask(kind) for kind in ASKS]}, "minItems": 1}
    properties = {name: _described(field) for name, field in PROBLEM.items()}
    properties["given"]["additionalProperties"] = {"oneOf": [number, nested, grid, choose]}
    properties["ask"]["oneOf"] = [words, {"type": "array", "items": words, "minItems": 1}, tables]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "bpcli/problem/1",
        "title": "A problem file of bpcli",
        "type": "object",
        "required": [name for name, field in PROBLEM.items() if field.required],
        "additionalProperties": False,
        "properties": properties,
    }


def _ask(kind: str) -> dict[str, Any]:
    field, own = ASKS[kind]
    fields = {kind: field._replace(required=True), **own, **ASK}
    return {
        "type": "object",
        "required": [name for name, one in fields.items() if one.required] + ["name"] * (kind == "number"),
        "additionalProperties": False,
        "properties": {name: _described(one) for name, one in fields.items()},
    }


def _described(field: Field) -> dict[str, Any]:
    found = {**TYPES[field.type][2], "description": field.about}
    return found | ({"enum": list(field.choices)} if field.choices else {})
