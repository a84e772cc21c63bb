"""The command line: which commands there are, how their arguments are sorted, how errors and exits are made.

A command's module is imported when the command is called; the lines of help stand here, so that ``bpcli``
alone imports nothing but click.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bpcli import __version__
from bpcli.trouble import UNREADABLE, UNWRITABLE, Trouble

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

#: Command -> its line in the list, most used first.
COMMANDS = {
    "grad": "every value, local gradient and product, and the gradients",
    "graph": "the blackboard picture: text, svg, png, pdf, tikz, dot, mermaid, html",
    "check": "hold the gradients against differences; say where there are kinks",
    "derive": "the derivatives as formulas",
    "explain": "the lecture in words, gate by gate; or a mistake made on purpose",
    "slips": "the table of known mistakes, or one in full",
    "mark": "was I right? verdicts on answers, and the slip behind a wrong one",
    "gates": "the table of gates, or one gate in full",
    "sheet": "a different paper for every student, with its key",
    "problems": "the bank of exercises: list, show, check, new, schema",
    "grade": "mark a class: folders, zip files, tables; grades, feedback, a gradebook",
    "report": "how a class did: blanks, slips, wrong numbers; as a page or a table",
    "help": "syntax, gates, kinks, problems, json, exit-codes, completion",
}

EXAMPLES = """\
  bpcli grad '(x+y)*z' --x=-2 --y=5 --z=-4
  bpcli grad 'sigmoid(w*x + b)' --w=2 --x=-1 --b=-3 --expand
"""

_OPTION = re.compile(r"--([^\W\d]\w*)(?:=(.*))?", re.DOTALL)


class Commands(click.Group):
    """The commands, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"bpcli.commands.{name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0]
        if name not in COMMANDS and not ctx.resilient_parsing:
            commands = near(name, COMMANDS)
            looks_like_formula = re.search(r"[-+*/^()=]", name)
            rest = " ".join(_quoted(word) for word in args[1:])
            tries = [f"bpcli {commands[0]} {rest}".rstrip()] if commands else []
            if looks_like_formula:
                tries = [f"bpcli grad {_quoted(name)} {rest}".rstrip()]
            raise Trouble(f"there is no command {name}", code="unknown-command", tries=tries or ["bpcli"])
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(f"bpcli {__version__}: backpropagation, gate by gate, in the terminal\n\nExamples:\n{EXAMPLES}")
        formatter.write("\nCommands (bpcli COMMAND --help shows more):\n")
        width = max(map(len, COMMANDS)) + 2
        for name, line in COMMANDS.items():
            formatter.write(f"  {name:<{width}}{line}\n")


@click.command(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="bpcli %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Backpropagation, gate by gate, in the terminal."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


# --- commands whose options are the formula's own variables ----------------------------------------------


class FormulaCommand(click.Command):
    """A command on a formula: ``--NAME=VALUE`` or ``--NAME VALUE`` gives a variable its value.

    The arguments are sorted before click sees them, so a formula or a value may begin with a minus and stand
    anywhere. The callback gets ``formula`` (a text) and ``variables`` (name -> text).
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options, formulas, variables = self._sort(ctx, list(args))
        ctx.meta["bpcli.formula"] = formulas[0] if formulas else None
        if ctx.resilient_parsing:
            ctx.ignore_unknown_options = ctx.allow_extra_args = True
            return super().parse_args(ctx, options)
        rest = super().parse_args(ctx, options)
        if len(formulas) > 1:
            others = [word for word in args if word not in formulas]
            raise Trouble(f"there are {len(formulas)} formulas here: {', '.join(formulas[:5])}", code="two-formulas",
                          tries=[self._retyped([" ".join(formulas), *others])])  # fmt: skip
        ctx.params["formula"] = self._formula(ctx, args, formulas, variables)
        ctx.params["variables"] = variables
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            if trouble.code == "unknown-variable":
                trouble.tries = (*self._misspelt(ctx, trouble.details.get("name", "")), *trouble.tries)
            raise

    def _misspelt(self, ctx: click.Context, name: str) -> list[str]:
        """The option that NAME, taken for a variable, may have been meant for."""
        if name not in ctx.params["variables"]:
            return []
        from difflib import get_close_matches

        options = {word[2:]: option for option in self.get_params(ctx) for word in option.opts if word[:2] == "--"}
        flags = {word for word, option in options.items() if isinstance(option, click.Option) and option.is_flag}
        value = _quoted(ctx.params["variables"][name])
        found = get_close_matches(name, options, n=1, cutoff=0.75)  # two letters swapped among six make 0.83
        return [f"--{word}" if word in flags else f"--{word} {value}" for word in found]

    def _sort(self, ctx: click.Context, args: list[str]) -> tuple[list[str], list[str], dict[str, str]]:
        """ARGS as click's options, formulas, and values of variables."""
        known = {
            word: option for option in self.get_params(ctx) if isinstance(option, click.Option)
            for word in (*option.opts, *option.secondary_opts)
        }  # fmt: skip
        options: list[str] = []
        formulas: list[str] = []
        variables: dict[str, str] = {}
        queue = iter(args)
        for word in queue:
            if word == "--":
                formulas += queue
                break
            head, equals, _ = word.partition("=")
            option = known.get(head) if head[:2] == "--" else known.get(word)
            if option is not None:
                options.append(word)
                if not equals and not option.is_flag:
                    options += [given for _, given in zip(range(option.nargs), queue, strict=False)]
            elif match := _OPTION.fullmatch(word):
                name, value = match[1], match[2]
                if value is None:
                    value = next(queue, None)
                if ctx.resilient_parsing:
                    continue
                flags = [word for word, option in known.items() if option.is_flag and word[:2] == "--"]
                self._add(variables, name, value, flags)
            else:
                formulas.append(word)
        return options, formulas, variables

    @staticmethod
    def _add(variables: dict[str, str], name: str, value: str | None, flags: list[str]) -> None:
        if value is None or value.startswith("--"):
            tries = near(f"--{name}", flags) or [f"--{name}=2"]
            raise Trouble(f"--{name} has no value", code="no-value", tries=tries)
        if name in variables:
            raise Trouble(f"{name} is given twice: {variables[name]} and {value}", code="two-values",
                          tries=[f"--{name}={value}"])  # fmt: skip
        variables[name] = value

    def _retyped(self, args: list[str]) -> str:
        """The whole command line again, with other arguments."""
        return " ".join(["bpcli", str(self.name), *map(_quoted, args)])

    def _formula(self, ctx: click.Context, args: list[str], formulas: list[str], variables: dict[str, str]) -> str:
        if formulas and formulas[0] != "-":
            return formulas[0]
        if formulas or not sys.stdin.isatty():
            text = _read_stdin()
            if text.strip() or formulas:
                return text
        options = [word for option in self.get_params(ctx) for word in option.opts]
        for name in variables:  # -q is the formula, and was taken for the option
            if f"-{name}" in args and f"-{name}" in options:
                rest = [word for word in args if word != f"-{name}"]
                raise Trouble(f"there is no formula: -{name} is an option here", code="no-formula",
                              tries=[self._retyped([*rest, "--", f"-{name}"])])  # fmt: skip
        for name in variables:  # a misspelt flag has swallowed the formula
            if f"--{name}" not in args:
                continue
            if spellings := near(f"--{name}", options):
                tries = [self._retyped([spellings[0] if word == f"--{name}" else word for word in args])]
                raise Trouble(f"there is no option --{name}", code="unknown-option", tries=tries)
        tries = [f"bpcli {self.name} '(x+y)*z' --x=-2 --y=5 --z=-4"]
        raise Trouble("there is no formula", code="no-formula", tries=tries)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_help(self, ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        items = super().shell_complete(ctx, incomplete)
        formula = ctx.meta.get("bpcli.formula")
        if formula and (incomplete[:1] == "-" or not incomplete):
            from bpcli.language import STUDENT, parse

            try:
                names = [f"--{name}=" for name in parse(formula, limits=STUDENT).inputs]
            except Trouble:
                names = []
            items = [CompletionItem(name) for name in names if name.startswith(incomplete)] + items
        return items


def offering(names: Callable[[], Iterable[str]]) -> Callable[..., list[str]]:
    """For an argument: what Tab offers are those of NAMES that begin as what is typed."""
    return lambda ctx, parameter, incomplete: [name for name in names() if name.startswith(incomplete)]


class PlainCommand(click.Command):
    """A command without a formula, whose help has its examples first too."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_help(self, ctx, formatter)


def write_help(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Help with the examples first: the first paragraph of the docstring, its examples, then the options."""
    formatter.write_usage(ctx.command_path.rstrip(), "FORMULA --NAME=VALUE ... [OPTIONS]" if isinstance(command, FormulaCommand)
                          else " ".join(command.collect_usage_pieces(ctx)))  # fmt: skip
    formatter.write("\n" + _wrapped(_docstring(command)) + "\n")
    with formatter.section("Options"):
        options = [option for option in command.get_params(ctx) if isinstance(option, click.Option)]
        formatter.write_dl([record for option in options if (record := option.get_help_record(ctx))])


def _wrapped(text: str) -> str:
    """TEXT with its paragraphs wrapped to 78 columns; indented lines stay as they are."""
    from textwrap import fill

    paragraphs = text.split("\n\n")
    return "\n\n".join(one if "\n  " in one else fill(one, 78) for one in paragraphs)


def _docstring(command: click.Command) -> str:
    from inspect import cleandoc

    return cleandoc(command.callback.__doc__ or "") if command.callback else ""


def near(word: str, candidates: Iterable[str]) -> list[str]:
    """Those of CANDIDATES that WORD may be a misspelling of, at most two."""
    from difflib import get_close_matches

    return get_close_matches(word, list(candidates), n=2)


def _quoted(text: str) -> str:
    from shlex import quote

    return quote(text)


def _read_stdin() -> str:
    try:
        data = sys.stdin.buffer.read()
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Trouble(f"the text on standard input is not UTF-8 (byte {error.start + 1})", code="not-utf-8") from None


# --- leaving ---------------------------------------------------------------------------------------------


def run(args: list[str] | None = None) -> NoReturn:
    """Run the program on ARGS (the command line's own, if none are given) and exit with its code."""
    words = sys.argv[1:] if args is None else args
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_guarded(lambda: main.main(words, prog_name="bpcli", standalone_mode=False), "--json" in words))


def _terminate(number: int, _: object) -> NoReturn:
    """Leave as after Ctrl-C, tidily and in a sentence, instead of at once; a second signal ends it at once."""
    signal.signal(number, signal.SIG_DFL)
    sys.exit(128 + number)


def _guarded(work: Callable[[], Any], as_json: bool) -> int:
    """Do WORK; its exit code, with everything that the user can mend said on standard error."""
    stdout = sys.stdout
    try:
        code = work()
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except Trouble as trouble:
        return _report(trouble, as_json)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.UsageError as error:
        return _report(_from_click(error), as_json)
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:
        return _pipe_closed()
    except SystemExit:
        if sys.stdout is not stdout:  # click puts a wrapper there when the pipe is closed, and exits with 1
            return _pipe_closed()
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        message = f"the output could not be written: {error.strerror}"
        return _report(Trouble(message, code="unwritable", exit_code=UNWRITABLE), as_json)


def _pipe_closed() -> int:
    """The exit code when nobody reads on, with what is still buffered sent nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


def _from_click(error: click.UsageError) -> Trouble:
    path = error.ctx.command_path.rstrip() if error.ctx else "bpcli"
    possible = getattr(error, "possibilities", None) or []
    message = error.format_message().removesuffix(".")
    message = message.replace("is not in the range", "must be in the range").replace("<=x<=", " to ")
    message = message.replace("is not a valid integer range", "is not a whole number")
    return Trouble(message[:1].lower() + message[1:], code="usage", exit_code=UNREADABLE,
                   tries=[*possible, f"{path} --help"][:2])  # fmt: skip


def _report(trouble: Trouble, as_json: bool) -> int:
    if as_json:
        import json

        text = json.dumps(trouble.as_json(), allow_nan=False)
    else:
        text = f"error: {trouble}"
    print(text, file=sys.stderr)
    return trouble.exit_code
