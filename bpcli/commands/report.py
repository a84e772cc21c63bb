"""``bpcli report``: the class as a whole."""

from __future__ import annotations

import os
import sys

import click

from bpcli.cli import PlainCommand
from bpcli.commands import options


@click.command("report", cls=PlainCommand)
@click.argument("grades", default="grades")
@click.option(
    "--format", "form", type=click.Choice(["text", "html", "csv"]), help="As a page, or as a table of the blanks."
)
@click.option("-o", "--out", metavar="FILE", help="Write to this file; .html or .csv decides the format.")
@click.option("--student", metavar="ID", help="Instead: everything that led to this student's marks.")
@options.everything
@options.shown
def command(
    grades: str, form: str | None, out: str | None, student: str | None, everything: bool, as_json: bool, color: str
) -> None:
    """Show how a class did: success of every blank, slips and who made them, wrong numbers that nothing explains.

    GRADES is the folder that bpcli grade wrote (grades). The page needs nothing but itself, and prints.

    Examples:
      bpcli report grades
      bpcli report grades -o class.html
      bpcli report grades --student ada
    """
    if student is not None:
        from bpcli.grading.explanation import explanation

        options.show(explanation(grades, student), "", as_json, color)
        return
    from bpcli.grading import classpage, writing
    from bpcli.grading.classview import class_view

    result = class_view(grades)
    form = form or (os.path.splitext(out)[1][1:].lower() if out else "text")
    if as_json or form not in ("html", "csv"):
        options.show(result, "", as_json, color, everything=everything)
        return
    text = classpage.html(result) if form == "html" else classpage.table(result)
    if out is None:
        sys.stdout.write(text)
    else:
        writing.write(out, [text])
        sys.stdout.write(f"wrote {out}\n")
