"""``bpcli help``: the topics that belong to no single command."""

from __future__ import annotations

import sys
from io import StringIO

import click

from bpcli.cli import COMMANDS, PlainCommand, main, near, offering
from bpcli.commands import options
from bpcli.trouble import Trouble

SYNTAX = """\
A formula is typed as in a lecture:

  numbers    1  2.5  .5  1e-3     pi, and e unless a variable is called e
  operators  + - * /  and  ^ or ** for powers
             a - b - c is (a - b) - c, 2^3^2 is 2^(3^2), -x^2 is -(x^2)
  functions  exp(x)  max(a, b, c)  sigmoid(x) or σ(x)  |x|   (bpcli gates)
  products   2x  2(x+y)  (x+y)z  (a)(b)  need no *;  x(y+z), a b, 1/2x do
  choice     where(x > 0, log(x), x^2): only the branch taken is evaluated
  arrays     [1, 2, 3]  [[1, 2], [3, 4]]  W @ x  W.T  x[0]  W[0, 1]
             sum(x)  sum(X, axis=0)  softmax(s)  cross_entropy(s, 2)  …
  programs   q = x + y; f = q*z    lines end at ; or at a line break, the
             last line's value is the output; # starts a comment; += -= *= /=
             change a name that has a value

Characters from slides are read as plain ones and reported: − · × ÷ ² θ x₁.
So is pasted Python such as np.exp(x).

Put the formula in single quotes, or the shell reads * ( ) $ itself. A dash
stands for standard input:

  echo '(x+y)*z' | bpcli grad - --x=-2 --y=5 --z=-4

Values: --x=-2 or --x -2, anywhere on the line; --set x=-2 for a name that is
also an option; --inputs FILE for a .json, .toml or .npz table of names and
values. A value may be arithmetic (--x=pi/4), an array, --W '[[1, 2], [3, 4]]',
or a file that holds one, --W @weights.csv (.npy, .json). --points data.csv
evaluates a formula of numbers at every row of a table.
"""

JSON = """\
With --json a command prints one JSON object, and its error as one JSON object
on standard error. Numbers are full doubles; there is no NaN and no Infinity.
"schema" names the form and its version.

bpcli grad    expression, reading (fully bracketed), mode, inputs {name:
              number}, output {name, value, upstream}, gradients {name: number},
              gates [{id, gate, text, inputs [ids], value, local, upstream,
              sends}] in order of evaluation (local and sends: one for each
              input, null where there is none), notes [{code, gate, message}],
              check {ok, differences {}, error {}, verdict {}} by name
              --mode forward: each gate has tangents {name: number}
              arrays are nested lists; each gate then also has a shape, and
              --tangent gives output.tangent, --hvp gives hvp {name: array}
              several outputs: jacobian {output: {name: number}}
              --hessian: hessian {name: {name: number}}
bpcli check   ok, sampled, comparisons {name: {reverse, forward, differences,
              complex, error, step, verdict, left, right, jumps, gates}}
              --h: quotients {name: {from, to, f_from, f_to, quotient}}
              --sweep: sweep [{h, central, forward}]
bpcli derive  derivatives {name: formula}, shared {name: formula}, latex {},
              size {shared, written_out}, values {} (when values are given)
bpcli explain gates [{id, gate, text, value, arrivals [{source, gradient}],
              upstream, sends [{input, formula, local, gradient}], note,
              words}], variables [{name, gradient, arrivals, moved {by, entry,
              about, true}, words}]
              --slip: slip {}, places [ids], gradients [{id, right, wrong,
              same}], wrong [names], verdict; all: slips [{id, places, …}]
bpcli slips   slips [{id, title, sentence, advice, local, arrays, product,
              collect, order, push, example}]
bpcli mark    expression, inputs, rounding, blanks [{name, answer, verdict,
              credit, points, reason, slip, slips}], score, max_score, notes;
              verdicts: right, rounded, follows, wrong, blank, invalid,
              undecided; slip is null unless slips has exactly one
bpcli graph   reading, show, width, height, nodes [{id, kind, label, name,
              value, gradient, texts {value, gradient}, blanks {}, output,
              box [left, top, width, height], stub [from x, to x, y],
              places {}}], wires [{from, to, input, local, carries, taken,
              points [[x, y]]}], joins [{node, x, y, adds}], notes; in pixels
bpcli gates   gates [{name, call, summary, local, pattern, domain, kink,
              expand, aliases, latex}]
bpcli problems list: problems [{id, title, tags, difficulty, source, blanks,
              points}]; show: id, title, statement, formula, rounding, seed,
              student, tries, given {}, blanks [{name, kind, points, asks, key}]
              check: ok, problems [{id, ok, faults, variants, different, draws,
              rejected {}, agreed, slips, told, apart, confused, same, load}]
bpcli sheet   folder, title, seed, problems [{id, points, sha256}], students,
              formats, files, kept, warnings
bpcli grade   title, version, policy {}, complete, accepted, found, graded,
              refused, not_graded, refusals [{student, source, status, code,
              reason}], set_aside, missing [ids], stale [{student, marked_by}],
              moves [{student, old, new, why, blanks}], kept [{student, points,
              reason}], staying [ids], recovered [as moves], notes,
              students [{id, name, group, status, note, source, problems [{id,
              points, max}], penalty, score, max_score, overrides, remarks,
              blanks [as of mark, and problem, key]}]
              --explain: one student, and policy, version, digest, history,
              given; override: student, before, score, note, recovered, notes
bpcli report  title, policy, max_score, students, graded, missing, mean, median,
              blanks [{problem, name, points, verdicts {}, credit,
              discrimination}], slips [{id, title, students, blanks}],
              clusters [{problem, name, what, students}], variants [{problem,
              count, mean, lowest, highest}], times
bpcli help    topic, text
errors        exit_code, error {code, message, try [lines], line, column,
              span [start, end], …}

Ids: an assigned name keeps its name, variables are their names, other gates
are g1, g2, … in order of evaluation.
"""

EXIT_CODES = """\
0    done
1    done, and the answer is no: a gradient check failed, a problem is unsound,
     not every hand-in was graded
2    the command line or an input cannot be read
3    the mathematics has no answer there: log of a negative number, division
     by zero, overflow
4    an output could not be written; nothing was changed, unless it says so
5    another bpcli is writing there
130  stopped with Ctrl-C (143 by a termination signal)
"""

COMPLETION = """\
Tab completes commands, options, and the variables of the formula that is
already on the line. To install it, add one line to your shell's start file:

  bash   eval "$(_BPCLI_COMPLETE=bash_source bpcli)"          # ~/.bashrc
  zsh    eval "$(_BPCLI_COMPLETE=zsh_source bpcli)"           # ~/.zshrc
  fish   _BPCLI_COMPLETE=fish_source bpcli | source           # config.fish
"""

KINKS = """\
At a kink the derivative jumps, and every library takes a number by convention.
bpcli takes PyTorch's unless --kinks names another: jax, tf (TensorFlow), left
or right (the slope on that side; of a tie, the first or the last input wins),
or error (stop there). A note always says when a convention was used, and
bpcli check shows the slopes on both sides.

"""

PROBLEMS = """\
A problem is one TOML file: a formula, what is given, what is asked. It holds
no answers; they are computed, and confirmed in three ways. bpcli problems new
FILE writes one to start from; bpcli problems schema is for editors.

  title = "Add, then multiply"
  statement = '''Work out $f = (x + y) z$, then every gradient.'''
  formula = '''
  q = x + y
  f = q*z
  '''
  [given]
  x = {from = -9, to = 9, step = 1, except = [0]}
  y = {choose = [2, 3, 5]}
  z = -4
  [[ask]]
  every = "gradient"

The id of a problem is its path within its folder, without .toml; of a file by
itself, its name. In '...' and '''...''' a
backslash is safe; in "..." it starts an escape.

given       a number, a list of lists, {from, to, step}, {choose = [1, 2]};
            with shape = [2, 3] an array whose entries are drawn each by
            itself; except = [0] leaves numbers out. A given that the formula
            does not use may be used by a blank (a learning rate).
round       "exact" (no rounding; the usual), {decimals = 2}, {digits = 3}
statement   Markdown: paragraphs, lists, *emphasis*, **bold**, `code`, blocks
            of code between lines of ```, and maths: $x^2$ in a line, $$...$$
            by itself. Of LaTeX: ^ _ \\frac \\sqrt \\text \\mathrm \\mathbf
            \\hat \\bar \\partial \\nabla \\sum \\prod \\cdot \\to \\leq \\left( \\right)
            Greek, the usual functions, cases, bmatrix. No HTML, no links.
            In titles, hints and texts of blanks as well.

Optional: source, tags, difficulty (1 to 5), hints, and

{options}

[[ask]]: the blanks, as many tables as there are questions. Each has one kind:

{asks}

and perhaps points (1 for each blank), name (another name for it) and text (a
sentence beside it). ask = "every gradient" or a list of such words will do for
the usual questions. Names without a line of their own in the formula are g1,
g2, ...: bpcli grad shows them. The names of gradients are d and the name.
Expressions (number, conditions, rate, upstream, require) may use every given,
every value (q, g1) and every gradient (dx, dq).
"""

TEXTS = {"syntax": SYNTAX, "json": JSON, "exit-codes": EXIT_CODES, "completion": COMPLETION}
TOPICS = ("syntax", "gates", "kinks", "problems", "json", "exit-codes", "completion")


@click.command("help", cls=PlainCommand)
@click.argument("topic", required=False, shell_complete=offering(lambda: [*TOPICS, *COMMANDS]))
@options.shown
@click.pass_context
def command(ctx: click.Context, /, topic: str | None, as_json: bool, color: str) -> None:
    """Show a topic (syntax, gates, kinks, problems, json, exit-codes, completion) or the help of a command.

    Examples:
      bpcli help syntax
      bpcli help kinks
      bpcli help grad
    """
    text = _text(ctx, topic, color if not as_json else "never")
    if as_json:
        import json

        text = json.dumps({"schema": "bpcli/help/1", "topic": topic, "text": text}) + "\n"
    sys.stdout.write(text)


def _text(ctx: click.Context, topic: str | None, color: str) -> str:
    if topic is None:
        return f"{main.get_help(ctx)}\n\nTopics: bpcli help {'|'.join(TOPICS)}\n"
    if topic in TEXTS:
        return TEXTS[topic]
    if topic == "problems":
        return _problems()
    if topic in ("gates", "kinks"):
        from bpcli import handbook

        page = StringIO()
        options.write_page(handbook.kinks() if topic == "kinks" else handbook.catalogue(), page, color)
        return (KINKS if topic == "kinks" else "") + page.getvalue()
    found = main.get_command(ctx, topic)
    if found is not None:
        with click.Context(found, info_name=topic, parent=ctx.parent) as inner:
            return found.get_help(inner) + "\n"
    tries = [f"bpcli help {one}" for one in near(topic, [*TOPICS, *COMMANDS])] or ["bpcli help"]
    raise Trouble(f"there is no topic {topic}; there are {', '.join(TOPICS)}", code="unknown-topic", tries=tries)


def _problems() -> str:
    """The topic on problem files, with its tables made from those of the reader."""
    from textwrap import fill

    from bpcli.exercises.fields import ASKS, PROBLEM

    def entry(name: str, about: str) -> str:
        return fill(f"{name:<11} {about}", 78, subsequent_indent=" " * 12)

    said = ("title", "statement", "formula", "given", "ask", "round", "source", "tags", "difficulty", "hints")
    fields = [entry(name, field.about) for name, field in PROBLEM.items() if name not in said]
    asks = []
    for kind, (field, own) in ASKS.items():
        more = "; ".join(f"{name}: {one.about}" for name, one in own.items())
        asks.append(entry(kind, field.about + (f". With {more}" if more else "")))
    return PROBLEMS.replace("{options}", "\n".join(fields)).replace("{asks}", "\n".join(asks))
