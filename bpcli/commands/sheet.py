"""``bpcli sheet``: a different paper for every student, with its key."""

from __future__ import annotations

from pathlib import Path

import click

from bpcli.cli import PlainCommand, near
from bpcli.commands import options
from bpcli.trouble import Trouble

FORMATS = ("txt", "md", "html", "tex", "pdf")


def _formats(_: click.Context, __: click.Parameter, text: str) -> tuple[str, ...]:
    found = [one.strip().lower().lstrip(".") for one in text.split(",") if one.strip()]
    for one in found:
        if one not in FORMATS:
            tries = [f"--format {','.join(near(one, FORMATS) or FORMATS)}"]
            raise Trouble(f"there is no format {one}; there are {', '.join(FORMATS)}", code="usage", tries=tries)
    if not found:
        raise Trouble("--format names no format", code="usage", tries=["--format html"])
    return tuple(one for one in FORMATS if one in found)


@click.command("sheet", cls=PlainCommand)
@click.argument("problems", nargs=-1)
@click.option("--students", type=click.Path(), metavar="FILE", help="The class list: a CSV file with a column id.")
@click.option("--count", type=click.IntRange(1, 10_000), metavar="N", help="So many numbered sheets, without a list.")
@click.option("--seed", metavar="TEXT", help="What the numbers are drawn from (by chance, and kept).")
@click.option(
    "-o", "--output", "folder", type=click.Path(), default="sheet", metavar="FOLDER", help="Where to (sheet)."
)
@click.option("--format", "formats", default="txt,html", callback=_formats, metavar="LIST",
              help="Of txt, md, html, tex, pdf, with commas (txt,html).")  # fmt: skip
@click.option("--title", default="", metavar="TEXT", help="What stands above.")
@options.jobs
@options.shown
def command(
    problems: tuple[str, ...], students: str | None, count: int | None, seed: str | None, folder: str,
    formats: tuple[str, ...], title: str, jobs: int, as_json: bool, color: str,
) -> None:  # fmt: skip
    """Write a sheet: for every student other numbers, a template for the answers, and apart the worked solutions.

    PROBLEMS are ids, topics, files or folders (bpcli problems list). The folder teacher is not for students.

    Examples:
      bpcli sheet gates/add-then-multiply neuron/sigmoid --seed 7 -o hw1
      bpcli sheet neuron --count 30 --format html -o hw2
      bpcli sheet gates neuron --students class.csv --format pdf,txt -o hw3
    """
    from bpcli.commands.progress import progress
    from bpcli.exercises import roster
    from bpcli.exercises.bank import problems as read
    from bpcli.exercises.folder import known_seed, write
    from bpcli.exercises.sheet import make

    if students and count:
        raise Trouble("--students and --count both say for whom; one is enough", code="usage", tries=["--count 30"])
    if not title.isprintable() or len(title) > 200:
        raise Trouble(
            "a title has at most 200 characters that can be seen", code="usage", tries=["--title 'Homework 1'"]
        )
    where = Path(folder)
    people = roster.read_file(students) if students else roster.numbered(count or 1)
    sheet = make(list(read(problems)) if problems else [], people, seed or known_seed(where), title)
    with progress(len(people), "students") as step:
        written = write(sheet, where, formats, jobs, step)
    options.show(written, "", as_json, color)
