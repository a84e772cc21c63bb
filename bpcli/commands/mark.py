"""``bpcli mark``: was I right?"""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from bpcli.cli import FormulaCommand
from bpcli.commands import options
from bpcli.gates import CONVENTIONS
from bpcli.trouble import Trouble

#: An answer on the command line: a name, =, and no further lines.
_ANSWER = re.compile(r"\s*[\w∂/.]+(?:\s*/\s*\w+)?\s*=(?!=)[^=;\n]*")


_EXAMPLE = "bpcli mark '(x+y)*z' --x=-2 --y=5 --z=-4 q=3 dq=-4"


class MarkCommand(FormulaCommand):
    """A command on a formula and answers to it, NAME=ANSWER, which may stand before or after it."""

    def _sort(self, ctx: click.Context, args: list[str]) -> tuple[list[str], list[str], dict[str, str]]:
        words, formulas, variables = super()._sort(ctx, args)
        others = [word for word in formulas if not _ANSWER.fullmatch(word)]
        formula = others[:1] if others else formulas[:1]
        answers = list(formulas)
        for word in formula:
            answers.remove(word)
        if len(others) > 1:
            raise Trouble(f"there are {len(others)} formulas here: {', '.join(others[:5])}; an answer is NAME=NUMBER",
                          code="two-formulas", tries=[_EXAMPLE])  # fmt: skip
        ctx.meta["bpcli.answers"] = answers
        return words, formula, variables


@click.command("mark", cls=MarkCommand)
@click.option(
    "--answers",
    "file",
    metavar="FILE",
    help="Read answers: a line NAME = ANSWER each, or a JSON object (- for standard input).",
)
@click.option("--program", metavar="FILE", help="Mark lines of code, the passes staged (- for standard input).")
@click.option("--rounding", metavar="RULE", default="3 digits in the answer",
              help="What may be rounded: 2 (decimals at every gate), 3s (significant digits at every gate), "
                   "exact, or '3 digits in the answer' (this one).")  # fmt: skip
@click.option("--hint", is_flag=True, help="Say where a mistake is, not what.")
@options.value("--upstream", "upstream", metavar="G", help="The gradient that arrives at the output (1).")
@options.output
@click.option("--expand", is_flag=True, help="Take gates apart: sigmoid into *-1, exp, +1, 1/x.")
@click.option("--fuse", is_flag=True, help="Put such groups together again.")
@click.option("--kinks", type=click.Choice(CONVENTIONS[:-1]), default=None,
              help="The one convention that counts at a kink; without it, any slope between.")  # fmt: skip
@options.values
@options.shown
@click.pass_context
def command(
    ctx: click.Context, /, formula: str, variables: dict[str, str], file: str | None, program: str | None, rounding: str, hint: bool,
    upstream: Any, output: list[str] | None, expand: bool, fuse: bool, kinks: str | None,
    assignments: tuple[str, ...], inputs: str | None, as_json: bool, color: str,
) -> None:  # fmt: skip
    """Mark answers to one formula: which numbers are right, which follow from an earlier slip, and which slip it was.

    An answer is NAME=NUMBER, NAME=ARRAY or NAME=FORMULA in the names of the problem. q is the value of q, dq its gradient, dq_dx
    a local gradient; gates without a name are called g1, g2, … as in bpcli grad. The exit code is 1 when something is
    not right.

    Examples:
      bpcli mark '(x+y)*z' --x=-2 --y=5 --z=-4 g1=3 dg1=-4 dx=-4 dy=-4 dz=3
      bpcli mark 'q = x + y; f = q*z' --x=-2 --y=5 --z=-4 q=3 dq=-4 --hint
      bpcli mark 'x^2*y' dx='2*x*y' dy='x^2'
      bpcli mark 'y = W @ x' --W='[[1,2],[3,4]]' --x='[1,-1]' y='[-1,-1]'
      bpcli mark 'sigmoid(w*x)' --w=2 --x=-1 --rounding 2 dx=0.22
    """
    values = options.given(variables, assignments, inputs)
    from bpcli.marking import marks
    from bpcli.passes import Note

    extra: dict[str, Any] = {"upstream": upstream}
    answers: dict[str, Any] = {}
    left: list[str] = []
    if program is None:
        answers = _answers(ctx.meta["bpcli.answers"], file, left)
    elif ctx.meta["bpcli.answers"] or file:
        raise Trouble("--program is marked by itself, without other answers", code="usage", tries=[_EXAMPLE])
    else:
        extra["program"] = _read(program)
    result = marks.mark(formula, values, answers, rounding=rounding, hint=hint, kinks=kinks,
                        output=options.one(output), expand=expand, fuse=fuse, **extra)  # fmt: skip
    result.notes.extend(Note("left-out", None, one) for one in left)
    options.show(result, formula, as_json, color)
    if not result.ok:
        ctx.exit(1)


def _answers(words: list[str], file: str | None, left: list[str]) -> dict[str, Any]:
    """The answers of the command line and of the file; `Trouble` when there are none.

    Lines of the file that are none are told in LEFT.
    """
    from bpcli.marking.answers import read_submission, table

    typed = read_submission("\n".join(words), "the answers")
    found: dict[str, Any] = dict(table(typed.sections.get("", []), typed=True))
    if file is not None:
        for name, answer in _from_file(file, left).items():
            if name in found:
                raise Trouble(f"{name} is answered here and in {_called(file)}", code="two-values")
            found[name] = answer
    if typed.problems:
        raise Trouble(typed.problems[0].message, code="usage", tries=[_EXAMPLE])
    if not found:
        raise Trouble("there are no answers to mark", code="no-answers", tries=[_EXAMPLE])
    return found


def _called(file: str) -> str:
    return "standard input" if file == "-" else file


def _read(file: str) -> str:
    """The text of a submission's file."""
    from bpcli.marking.answers import decoded

    try:
        if file == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(file, "rb") as opened:
                data = opened.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", "") or str(error)
        raise Trouble(f"cannot read {file}: {reason}", code="unreadable-file") from None
    return decoded(data, _called(file))


def _from_file(file: str, left: list[str]) -> dict[str, Any]:
    """The answers in FILE, which may be a sheet's answers.txt with one problem filled in."""
    from bpcli.marking.answers import read_submission, shown, table

    text, file = _read(file), _called(file)
    if text.lstrip().startswith("{"):
        return _from_json(text, file)
    submission = read_submission(text, file)
    left += [f"line {one.number} is left out: {one.message}" for one in submission.problems]
    filled = {name: lines for name, lines in submission.sections.items() if any(line.text.strip() for line in lines)}
    if len(filled) > 1:
        named = ", ".join(f"[{shown(name)}]" for name in [*filled][:3])
        raise Trouble(f"{file} has answers to {len(filled)} problems ({named}); mark reads those of one formula",
                      code="unreadable-file")  # fmt: skip
    lines = next(iter(filled.values()), [])
    if not lines and left:
        first = submission.problems[0]
        raise Trouble(f"{file}, line {first.number}: {first.message}", code="unreadable-file")
    left += [f"line {line.number}: {line.note}" for line in lines if line.note]
    return dict(table(lines))


def _from_json(text: str, file: str) -> dict[str, Any]:
    """The answers of a JSON object, {"q": 3, "dW": [[1, 2], [3, 4]]}, or of the one problem in it."""
    from bpcli.marking.answers import Unreadable
    from bpcli.submissions.objects import answer_text, parse

    try:
        found = parse(text)
    except Trouble as trouble:
        raise Trouble(f"cannot read {file}: {trouble.message}", code="unreadable-file") from None
    if len(found) == 1 and isinstance(inner := next(iter(found.values())), dict):
        found = inner
    answers: dict[str, Any] = {}
    for name, value in found.items():
        answer = answer_text(value)
        answers[name] = Unreadable("", "it is neither a number nor an array nor a text") if answer is None else answer
    return answers
