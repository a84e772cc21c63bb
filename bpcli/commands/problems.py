"""``bpcli problems``: the bank of exercises, and files of one's own."""

from __future__ import annotations

import json
import os.path
import shlex
import sys
from typing import Any

import click

from bpcli.cli import PlainCommand, near
from bpcli.commands import options
from bpcli.trouble import UNWRITABLE, Trouble


class Subcommands(click.Group):
    """A command whose first word says what to do."""

    command_class = PlainCommand

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args[0] not in self.commands and not ctx.resilient_parsing:
            tries = [shlex.join(["bpcli", str(self.name), one, *args[1:]]) for one in near(args[0], self.commands)]
            raise Trouble(f"bpcli {self.name} has no command {args[0]}; it has {', '.join(self.commands)}",
                          code="unknown-command", tries=tries or [f"bpcli {self.name} list"])  # fmt: skip
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from inspect import cleandoc

        formatter.write_usage(ctx.command_path, "COMMAND [OPTIONS]")
        formatter.write("\n" + cleandoc(self.callback.__doc__ or "" if self.callback else "") + "\n")
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(70)) for name, one in self.commands.items()])
        with formatter.section("Options"):
            formatter.write_dl([record for one in self.get_params(ctx) if (record := one.get_help_record(ctx))])


@click.group("problems", cls=Subcommands)
def command() -> None:
    """The bank of exercises, and problem files of your own (bpcli help problems).

    Examples:
      bpcli problems list --tag sigmoid
      bpcli problems show gates/add-then-multiply --solution
      bpcli problems new my/first.toml
    """


@command.command("list")
@click.argument("what", nargs=-1)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only problems with this tag; several: with all.")
@click.option("--level", type=click.IntRange(1, 5), help="Only problems of this difficulty (1 to 5).")
@options.shown
def list_(what: tuple[str, ...], tags: tuple[str, ...], level: int | None, as_json: bool, color: str) -> None:
    """List problems, their tags and difficulty.

    WHAT are ids, topics (gates), files or folders; without any, the bank that comes with bpcli.

    Examples:
      bpcli problems list
      bpcli problems list neuron --tag sigmoid --level 2
    """
    from bpcli.exercises.bank import problems
    from bpcli.exercises.showing import Listing

    wanted = {tag.casefold() for tag in tags}
    found = [
        one for one in problems(what)
        if wanted <= {tag.casefold() for tag in one.tags} and level in (None, one.difficulty)
    ]  # fmt: skip
    options.show(Listing(found, tags), "", as_json, color)


@command.command("show")
@click.argument("problem")
@click.option("--seed", default="1", metavar="TEXT", help="Another seed, other numbers (1).")
@click.option("--student", default="", metavar="ID", help="The variant of this student.")
@click.option("--solution", is_flag=True, help="With the answers.")
@options.shown
def show(problem: str, seed: str, student: str, solution: bool, as_json: bool, color: str) -> None:
    """Show one problem with its numbers; with --solution also the answers.

    PROBLEM is an id of the bank or a file.

    Examples:
      bpcli problems show neuron/sigmoid --solution
      bpcli problems show my/first.toml --seed 7
    """
    from bpcli.exercises.bank import find, load
    from bpcli.exercises.showing import show as shown

    found = find([problem])
    if len(found) > 1:
        raise Trouble(f"{problem} has {len(found)} problems; this shows one", code="several-problems",
                      tries=[f"bpcli problems show {next(iter(found))}"])  # fmt: skip
    identity, path = next(iter(found.items()))
    options.show(shown(load(path, identity), seed, student, solution), "", as_json, color)


@command.command("check")
@click.argument("what", nargs=-1)
@click.option("--variants", type=click.IntRange(1, 10_000), default=200, metavar="N", help="Variants of each (200).")
@options.jobs
@options.shown
def check(what: tuple[str, ...], variants: int, jobs: int, as_json: bool, color: str) -> int:
    """Draw 200 variants of each problem: keys confirmed, slips told apart, load even. Exit code 1 when one is unsound.

    WHAT are ids, topics, files or folders; without any, the whole bank. told: draws in which every slip changes an
    answer. apart: variants in which every two slips give different answers.

    Examples:
      bpcli problems check gates/add-then-multiply
      bpcli problems check my/first.toml --variants 1000
    """
    from bpcli.commands.progress import progress
    from bpcli.exercises.bank import find, shipped
    from bpcli.exercises.soundness import check_all

    places = [(identity, str(path)) for identity, path in find(what or [str(shipped())]).items()]
    with progress(len(places), "problems checked") as step:
        result = check_all(places, jobs, step, variants)
    options.show(result, "", as_json, color)
    return 0 if result.ok else 1


@command.command("new")
@click.argument("file")
@click.option("--formula", default="", metavar="TEXT", help="Start from this formula.")
@options.shown
def new(file: str, formula: str, as_json: bool, color: str) -> None:
    """Write a problem file to start from, with a comment at every field.

    Examples:
      bpcli problems new my/first.toml
      bpcli problems new my/tanh.toml --formula 'tanh(w*x + b)'
    """
    from bpcli.exercises.starter import starter

    path = file if file.endswith(".toml") else f"{file}.toml"
    text = starter(formula)
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise Trouble(f"{path} is there already", code="exists", exit_code=UNWRITABLE,
                      tries=[f"bpcli problems show {path}"]) from None  # fmt: skip
    except OSError as error:
        raise Trouble(f"cannot write {path}: {error.strerror}", code="unwritable", exit_code=UNWRITABLE) from None
    if as_json:
        sys.stdout.write(json.dumps({"schema": "bpcli/problems-new/1", "wrote": path}) + "\n")
    else:
        sys.stdout.write(f"wrote {path}\nnext: bpcli problems show {path} --solution\n")


@command.command("schema")
@options.shown
def schema(as_json: bool, color: str) -> None:
    """Print the JSON Schema of problem files, for editors (JSON with --json or without).

    Examples:
      bpcli problems schema > problem.schema.json
    """
    from bpcli.exercises.fields import schema as described

    sys.stdout.write(json.dumps(described(), indent=2, ensure_ascii=False) + "\n")
