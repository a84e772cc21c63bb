"""``bpcli report``: the class as a whole."""

from __future__ import annotations

import io
import os
import sys

import click

from bpcli.cli import PlainCommand
from bpcli.commands import options

_ENDINGS = {".html": "html", ".csv": "csv", ".txt": "text"}


@click.command("report", cls=PlainCommand)
@click.argument("grades", default="grades")
@click.option(
    "--format", "form", type=click.Choice(["text", "html", "csv"]), help="As a page, or as a table of the blanks."
)
@click.option("-o", "--out", metavar="FILE", help="Write to this file; .html, .csv or .txt decides the format.")
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
    form = _form(form, out, as_json, student)
    file, color = io.StringIO(), color if out is None else "never"
    if student is not None:
        from bpcli.grading.explanation import explanation

        options.show(explanation(grades, student), "", as_json, color, file=file)
    else:
        from bpcli.grading import classpage
        from bpcli.grading.classview import class_view

        result = class_view(grades)
        if form == "text":
            options.show(result, "", as_json, color, everything=everything, file=file)
        else:
            file.write(classpage.html(result) if form == "html" else classpage.table(result))
    if out is None:
        sys.stdout.write(file.getvalue())
        return
    from bpcli.grading import writing

    writing.write(out, [file.getvalue()])
    sys.stdout.write(f"wrote {out}\n")


def _form(form: str | None, out: str | None, as_json: bool, student: str | None) -> str:
    """The format that was asked for, by --format or by the ending of --out; `Trouble` where there is none such."""
    from bpcli.trouble import Trouble, visible

    ending = os.path.splitext(out or "")[1].lower()
    found = "text" if as_json else form or (_ENDINGS.get(ending) if out else "text")
    if found is None:
        raise Trouble(f"a report is written as {', '.join(_ENDINGS)}, not as {visible(out or '')}", code="format",
                      tries=[f"-o {visible(os.path.splitext(out or '')[0])}.html"])  # fmt: skip
    if student is not None and found != "text":
        raise Trouble(f"what led to a student's marks is text or --json, not {found}", code="format",
                      tries=[f"--student {visible(student)}"])  # fmt: skip
    return found
