"""The problem file that ``bpcli problems new`` writes."""

from __future__ import annotations

from bpcli.language import STUDENT, parse

_FORMULA = "q = x + y\nf = q*z"

_TEXT = """\
# A problem for bpcli. What every field means: bpcli help problems
# Look at it:  bpcli problems show FILE --solution        Test it:  bpcli problems check FILE

title = "A title for the sheet"
source = ""                      # which lecture or book
difficulty = 1                   # 1 to 5
tags = ["new"]

# Markdown: *emphasis*, **bold**, `code`, lists, and maths between dollar signs. In '''…''' backslashes are safe.
statement = '''
Work out the value of every gate, then go backward and write every gradient.
'''

# Lines name = formula; the last line's value is the output. Named gates are easy to ask about.
formula = \"\"\"
{formula}
\"\"\"

# How numbers are rounded, at every gate: "exact", {{decimals = 2}} or {{digits = 3}}.
round = "{rounding}"

hints = []

# A fixed number (x = -2), a range, a choice ({{choose = [1, 2, 5]}}), or an array ({{shape = [2, 3], from = …}}).
[given]
{given}

# The blanks. One kind each: every, value, gradient, local, formula, program, choice, step, number, quotient.
[[ask]]
every = "value"
points = 1

[[ask]]
every = "gradient"
points = 1
"""


def starter(formula: str = "") -> str:
    """The text of a new problem about FORMULA; `Trouble` if that cannot be read."""
    text = formula or _FORMULA
    graph = parse(text, limits=STUDENT)
    given = "\n".join(f"{name} = {{from = -5, to = 5, step = 1, except = [0]}}" for name in graph.inputs)
    text = "\n".join(line.strip() for line in text.replace(";", "\n").split("\n"))
    whole = {"add", "sub", "mul", "neg", "pow", "square", "max", "min", "relu", "abs"}
    exact = all(row.name in whole for row, _ in graph.kind_table)
    found = _TEXT.format(formula=text, given=given, rounding="exact")
    return found if exact else found.replace('round = "exact"', "round = {decimals = 2}")
