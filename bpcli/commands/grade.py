"""``bpcli grade``: a class's hand-ins, and points given by hand."""

from __future__ import annotations

import os.path
import sys
from decimal import Decimal, InvalidOperation
from typing import Any

import click

from bpcli.cli import PlainCommand, write_help
from bpcli.commands import options
from bpcli.trouble import Trouble

_RUN = "\0"  # the name of grading itself among the commands, which nobody can type


class Grade(click.Group):
    """`grade SHEET SUBMISSIONS…`, and `grade override …`: what is no command of the group is a sheet."""

    command_class = PlainCommand

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in ("override", "-h", "--help"):
            args = [_RUN, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name, found, rest = super().resolve_command(ctx, args)
        return "" if name == _RUN else name, found, rest

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_help(self.commands[_RUN], ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([(f"{ctx.command_path} override", self.commands["override"].get_short_help_str(60))])


@click.group("grade", cls=Grade)
def command() -> None:
    """Mark a class's hand-ins."""


def _share(_: click.Context, option: click.Parameter, text: str | None) -> Decimal | None:
    """A share: 0.5 or 50%."""
    if text is None:
        return None
    try:
        return Decimal(text[:-1].strip()) / 100 if text.endswith("%") else Decimal(text)
    except InvalidOperation:
        raise Trouble(f"{option.opts[0]} is a share such as 0.5 or 50%, not {text}", code="usage") from None


def _late(context: click.Context, option: click.Parameter, text: str | None) -> Decimal | None:
    return _share(context, option, text.removesuffix("/day").removesuffix(" a day") if text else None)


@command.command(_RUN, hidden=True)
@click.argument("sheet")
@click.argument("submissions", nargs=-1, required=True)
@click.option(
    "-o",
    "--out",
    default="grades",
    metavar="DIR",
    help="Where the marks go (grades); run again to go on or to regrade.",
)
@click.option("--apply", is_flag=True, help="Accept the changes to marks that were given before.")
@click.option(
    "--several", type=click.Choice(["error", "last", "first", "best"]), help="Which of a student's hand-ins counts."
)
@click.option("--rounded", callback=_share, metavar="SHARE", help="What an answer as rounding gives it earns.")
@click.option("--follows", callback=_share, metavar="SHARE", help="What one that follows from an earlier slip earns.")
@click.option("--partial", callback=_share, metavar="SHARE", help="What one that is right in part earns.")
@click.option("--groups/--no-groups", default=None, help="One hand-in counts for everybody of the student's group.")
@click.option("--times", metavar="FILE", help="A CSV of who handed in when (student,time).")
@click.option("--deadline", metavar="TIME", help="When it was due, as 2026-11-20T23:59+01:00, or by the end of a day.")
@click.option("--late", callback=_late, metavar="SHARE/day", help="What each day begun after it costs.")
@click.option("--late-most", callback=_share, metavar="SHARE", help="The most that lateness costs.")
@click.option(
    "--grace", type=click.IntRange(0), metavar="MINUTES", help="Minutes after the deadline that cost nothing."
)
@click.option(
    "--feedback", type=click.Choice(["verdict", "where", "what", "full"]), help="What students are told (what)."
)
@click.option("--students", "roster", metavar="FILE", help="A class list, if it is another than the sheet's.")
@click.option("--seed", default="1", metavar="TEXT", help="Of one problem without a sheet: the seed that was shown.")
@click.option("--explain", metavar="STUDENT", help="Then print everything that led to this student's marks.")
@click.option(
    "--format", "form", type=click.Choice(["gradescope"]), help="Write results.json for one student's files instead."
)
@click.option("--student", metavar="ID", help="Whose files they are (with --format gradescope).")
@click.option("--metadata", metavar="FILE", help="Gradescope's submission_metadata.json.")
@options.jobs
@options.everything
@options.shown
def grade(sheet: str, submissions: tuple[str, ...], out: str, apply: bool, roster: str | None, seed: str, times: str | None,
          explain: str | None, form: str | None, student: str | None, metadata: str | None, jobs: int, everything: bool,
          as_json: bool, color: str, **rules: Any) -> int:  # fmt: skip
    """Mark what a class handed in, for what bpcli sheet wrote, or for one problem.

    SHEET is the sheet's folder, or a problem. SUBMISSIONS are folders (a file or a folder for each student), zip
    files, CSV (student,problem,blank,answer, or a column for each blank) or JSON, or - for standard input. Written:
    grades.csv, grades.json, feedback for each student, and grades.db, which remembers every mark and why. Exit code
    1 unless every hand-in was graded.

    Examples:
      bpcli grade hw1 handed-in/ late.zip --several last
      bpcli grade hw1 answers.csv --times times.csv --deadline 2026-11-20 --late 10%
      bpcli grade hw1 handed-in/ --follows 50% --apply
      bpcli grade hw1 handed-in/ --explain ada
      bpcli grade override grades ada --points 5.5 --reason 'worked on paper'
    """
    from bpcli.commands.progress import progress
    from bpcli.grading import run

    order = run.order(sheet, submissions, out, roster=roster, seed=seed, times=times, apply=apply, jobs=jobs, **rules)
    if form is not None:
        return _gradescope(order, student, metadata, as_json, color)
    from contextlib import ExitStack

    try:
        with ExitStack() as stack:
            result = run.grade(order, lambda count: stack.enter_context(progress(count, "hand-ins")))
    except (KeyboardInterrupt, SystemExit):  # Ctrl-C, or asked to end
        sys.stderr.write("stopped; every hand-in that was marked is kept, and the same command goes on from there\n")
        raise
    if explain is not None:
        return _explained(out, explain, as_json, color)
    if as_json:
        _print_json(result)
    else:
        options.show(result, "", False, color, everything=everything)
    return 0 if result.ok else 1


def _print_json(result: Any) -> None:
    """The object of ``grades.json``, on standard output."""
    from bpcli.grading.gradebook import Gradebook
    from bpcli.grading.outputs import json_text

    with Gradebook(result.out, lock=False) as book:
        sys.stdout.writelines(json_text(result.head(), result.rows, book, result.sheet))


def _explained(out: str, student: str, as_json: bool, color: str) -> int:
    from bpcli.grading.explanation import explanation

    options.show(explanation(out, student), "", as_json, color)
    return 0


def _gradescope(order: Any, student: str | None, metadata: str | None, as_json: bool, color: str) -> int:
    from bpcli.grading.gradescope import write_results

    result = write_results(order, student, metadata)
    options.show(result, "", as_json, color)
    return 0 if result.graded else 1


@command.command("override")
@click.argument("grades")
@click.argument("student")
@click.option("--problem", default="", metavar="ID", help="For this problem; without it, for everything.")
@click.option("--points", metavar="N", help="The points.")
@click.option("--bonus", is_flag=True, help="More points than there are is meant.")
@click.option("--take-back", is_flag=True, help="Let the marks count again.")
@click.option("--reason", default="", metavar="TEXT", help="Why; the student reads it too.")
@options.everything
@options.shown
def override(grades: str, student: str, problem: str, points: str | None, bonus: bool, take_back: bool, reason: str,
             everything: bool, as_json: bool, color: str) -> int:  # fmt: skip
    """Give a student points by hand. Marking again does not change them.

    GRADES is the folder that bpcli grade wrote.

    Examples:
      bpcli grade override grades ada --points 5.5 --reason 'worked on paper'
      bpcli grade override grades ada --problem gates/add-then-multiply --points 2
      bpcli grade override grades ada --take-back
    """
    from bpcli.grading.overriding import override as given

    if (points is None) == (not take_back):
        raise Trouble("say either --points or --take-back", code="usage", tries=["--points 7.5", "--take-back"])
    options.show(
        given(os.path.normpath(grades), student, problem, points, reason, bonus),
        "",
        as_json,
        color,
        everything=everything,
    )
    return 0
