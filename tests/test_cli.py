"""The contracts that other people's scripts rely on (design, section 4): JSON, exit codes, values, files, colour, pipes.

What depends on the process (signals, pipes, encodings) runs as one; the rest in this very process.
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sessions import Command, Printed

import bpcli
from bpcli import cli
from bpcli.cli import COMMANDS
from bpcli.commands.problems import command as problems
from bpcli.passes import parse
from bpcli.trouble import columns

BPCLI = [sys.executable, "-m", "bpcli"]
EXAMPLE = ["grad", "(x+y)*z", "--x=-2", "--y=5", "--z=-4"]
LOOKS = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM", "PYTHONIOENCODING", "_BPCLI_COMPLETE")


def bp(*words: str, stdin: str = "", **settings: str) -> Printed:
    """What ``bpcli WORDS`` does, in this process."""
    return Command(settings, list(words), stdin).in_process()


def process(*words: str, stdin: bytes = b"", **settings: str) -> subprocess.CompletedProcess[bytes]:
    """What it does as a process of its own, standard input being a pipe."""
    environment = {name: value for name, value in os.environ.items() if name not in LOOKS} | settings
    return subprocess.run([*BPCLI, *words], input=stdin, capture_output=True, env=environment, timeout=60, check=False)


def strict(text: str) -> Any:
    """One JSON object on one line, with no NaN, Infinity or duplicate name in it."""
    assert text.endswith("\n")
    assert text.count("\n") == 1

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    return json.loads(text, parse_constant=pytest.fail, object_pairs_hook=unique)


def refused(printed: Printed, code: int = 2) -> str:
    """The error of a command that printed nothing else and exited with CODE."""
    assert (printed.code, printed.out) == (code, ""), printed
    assert printed.err.startswith("error: ")
    assert "Traceback" not in printed.err
    return printed.err


def gradients(*words: str, **settings: Any) -> dict[str, float]:
    """The gradients of ``bpcli grad WORDS``."""
    printed = bp("grad", "--json", *words, **settings)
    assert printed.code == 0, printed
    return strict(printed.out)["gradients"]


# --- help --------------------------------------------------------------------------------------------------


def test_bpcli_alone() -> None:
    """Two examples that work, then the commands in order of use; the same for --help and for `help`."""
    printed = bp()
    assert (printed.code, printed.err) == (0, "")
    examples = [line.strip() for line in printed.out.splitlines() if line.startswith("  bpcli ")]
    assert len(examples) == 2
    for line in examples:
        assert bp(*shlex.split(line)[1:]).code == 0
    listed = re.findall(r"^  (\w+)  ", printed.out.partition("Commands")[2], re.MULTILINE)
    assert listed == list(COMMANDS)
    assert printed.out.index("Examples:") < printed.out.index("Commands")
    assert bp("--help").out == bp("-h").out == printed.out
    assert printed.out.strip() in bp("help").out


#: The commands whose first word says what to do, and what they can do.
GROUPS = {"problems": problems.commands}
EVERY = [(name,) for name in COMMANDS if name not in GROUPS] + [(name, one) for name in GROUPS for one in GROUPS[name]]


@pytest.mark.parametrize("command", GROUPS)
def test_the_help_of_a_group_lists_what_it_can_do(command: str) -> None:
    printed = bp(command, "--help", COLUMNS="80")
    assert (printed.code, printed.err) == (0, "")
    examples, _, listed = printed.out.partition("Commands:")
    assert "Examples:" in examples
    assert all(f"  {name} " in listed for name in GROUPS[command])
    assert max(map(columns, printed.out.splitlines())) <= 80


def a_class() -> None:
    """What the examples of `grade` are about: a sheet, what came back, and what came back late."""
    Path("class.csv").write_text("id,name\nada,Ada\nbob,Bob\n")
    assert bp("sheet", "gates/add-then-multiply", "--students", "class.csv", "--format", "txt", "-o", "hw1").code == 0
    Path("handed-in").mkdir()
    Path("handed-in/ada.txt").write_text("[gates/add-then-multiply]\nq = 3\n")
    with zipfile.ZipFile("late.zip", "w") as archive:
        archive.writestr("bob/answers.txt", "[gates/add-then-multiply]\nq = 3\n")


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_help_has_examples_first(command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command explains itself with examples before its options; each example can be run as it stands."""
    monkeypatch.chdir(tmp_path)
    if command in (("grade",), ("report",)):
        a_class()
    if command == ("report",):
        assert bp("grade", "hw1", "handed-in").code == 0
    printed = bp(*command, "--help", COLUMNS="80")
    assert (printed.code, printed.err) == (0, "")
    assert printed.out.index("Examples:") < printed.out.index("Options:")
    examples = [
        line.strip() for line in printed.out.partition("Options:")[0].splitlines() if line.startswith("  bpcli ")
    ]
    assert len(examples) >= (2 if len(command) == 1 else 1)
    for line in examples:
        words = shlex.split(line)
        assert words[: len(command) + 1] == ["bpcli", *command]
        if ">" not in words and not any(
            "@" in word or word.endswith((".csv", ".npy", ".json", ".toml", ".npz")) for word in words
        ):
            done = bp(*words[1:])
            assert (done.code, done.err) == (0, ""), line
    options = printed.out.partition("Options:")[2]
    for option in ("--json", "--color", "--help"):
        assert option in options
    assert max(map(columns, printed.out.splitlines())) <= 80
    assert bp(*command, "-h").out == bp(*command, "--help").out
    if len(command) == 1 and command != ("gates",):  # a topic of its own
        assert bp("help", *command).out.strip() == bp(*command, "--help").out.strip()


def test_version() -> None:
    assert bp("--version") == (0, f"bpcli {bpcli.__version__}\n", "")


# --- JSON --------------------------------------------------------------------------------------------------

FORMULAS = [
    "(x+y)*z", "x", "x*x + y", "q = x*y\nf = q^2 + exp(-q)", "where(x > y, log(x), sqrt(y))*z", "max(x, y, z) - min(x, 2)",
    "q = x; q += y; q *= 2", "abs(x)*0 + relu(x - 0.5)", "sigmoid(x*y)/(1 + softplus(z))", "5", "pi*2", "θ² + x",
    "u = x*2\nx + y", "x^3 - -2*y", "clip(x, 0, 1) + floor(y) + atan2(y, x)",
]  # fmt: skip
VALUES = {"x": 0.75, "y": 2.25, "z": -4.0, "theta": 1.5}
TOP = ["schema", "expression", "reading", "mode", "inputs", "output", "gradients", "gates", "notes", "check"]
LINE = ["id", "gate", "text", "inputs", "value", "local", "upstream", "sends"]


def given(formula: str) -> list[str]:
    return [f"--{name}={VALUES[name]}" for name in parse(formula).inputs]


def is_number(value: object) -> bool:
    return type(value) is float and math.isfinite(value)


@pytest.mark.parametrize("options", [[], ["--no-check"], ["--mode", "forward"], ["--upstream", "-2.5"], ["--expand"],
                                     ["--share", "--fuse"], ["--quiet"], ["--color", "always", "--digits", "2"]], ids=" ".join)  # fmt: skip
@pytest.mark.parametrize("formula", FORMULAS)
def test_grad_json(formula: str, options: list[str]) -> None:
    """Exactly the contract's keys, types, ids and order, and numbers that fit together."""
    printed = bp("grad", formula, *given(formula), *options, "--json")
    assert (printed.code, printed.err) == (0, "")
    record = strict(printed.out)
    checked = "--no-check" not in options and "--quiet" not in options
    assert list(record) == (TOP if checked else TOP[:-1])
    assert record["schema"] == "bpcli/grad/1"
    assert record["expression"] == formula
    forward = "forward" in options
    assert record["mode"] == ("forward" if forward else "reverse")
    assert record["inputs"] == {name: VALUES[name] for name in record["inputs"]}
    assert set(record["gradients"]) == set(record["inputs"])
    assert all(map(is_number, [*record["inputs"].values(), *record["gradients"].values()]))
    assert list(record["output"]) == ["name", "value", "upstream"]
    assert record["output"]["upstream"] == (-2.5 if "--upstream" in options else 1.0)
    assert_gates_fit(record, forward)
    for note in record["notes"]:
        assert list(note) == ["code", "gate", "message"]
        assert [type(note["code"]), type(note["message"])] == [str, str]
        assert note["gate"] is None or note["gate"] in {gate["id"] for gate in record["gates"]}
    if checked:
        assert_check_fits(record)
    again = bp("grad", record["reading"], *given(record["reading"]), *options, "--json")
    assert strict(again.out)["gradients"] == record["gradients"], "the reading is the same formula"


def assert_gates_fit(record: dict[str, Any], forward: bool) -> None:
    """Gates are in order of evaluation, and what they send adds up to the gradients."""
    values = dict(record["inputs"])
    arrived = dict.fromkeys(record["inputs"], 0.0)
    for gate in record["gates"]:
        assert list(gate) == ([*LINE, "tangents"] if forward else LINE)
        assert all(type(gate[key]) is str for key in ("id", "gate", "text"))
        assert len(gate["inputs"]) == len(gate["local"]) == len(gate["sends"])
        assert is_number(gate["value"])
        assert all(name in values or parse(name).inputs == {} or gate["gate"] == "where" for name in gate["inputs"])
        values[gate["id"]] = gate["value"]
        arrived[gate["id"]] = 0.0
    if record["gates"]:
        assert record["output"]["name"] in values
        assert values[record["output"]["name"]] == record["output"]["value"]
    arrived[record["output"]["name"]] = record["output"]["upstream"]
    for gate in reversed(record["gates"]):
        for name, local, send in zip(gate["inputs"], gate["local"], gate["sends"], strict=True):
            if local is None or forward:
                assert send is None
                continue
            assert send == gate["upstream"] * local
            if name in arrived:
                arrived[name] += send
        assert forward or gate["upstream"] in (None, pytest.approx(arrived[gate["id"]], rel=1e-12))
        if forward and record["inputs"]:
            assert set(gate["tangents"]) == set(record["inputs"])
    if not forward:
        assert {name: arrived[name] for name in record["inputs"]} == pytest.approx(record["gradients"], rel=1e-12)


def assert_check_fits(record: dict[str, Any]) -> None:
    check = record["check"]
    assert list(check) == ["ok", "differences", "error", "verdict"]
    assert check["ok"] is True
    for key in ("differences", "error", "verdict"):
        assert list(check[key]) == list(record["gradients"])
    for name, difference in check["differences"].items():
        assert difference == pytest.approx(record["gradients"][name], rel=1e-6, abs=1e-8)
        assert 0 <= check["error"][name] <= 1e-6 or abs(difference) < 1e-8


def test_ids() -> None:
    """An assigned name keeps its name, also when it is g1; other gates are numbered in order of evaluation."""
    record = strict(bp("grad", "a = x*y; g2 = a + 1; (a + g2)*sin(x)", "--x=1", "--y=2", "--json").out)
    assert [gate["id"] for gate in record["gates"]] == ["a", "g2", "g1", "g3", "g4"]
    assert [gate["inputs"] for gate in record["gates"]] == [["x", "y"], ["a", "1"], ["a", "g2"], ["x"], ["g1", "g3"]]
    assert record["output"]["name"] == "g4"
    assert strict(bp("grad", "x", "--x=3", "--json").out)["output"] == {"name": "x", "value": 3.0, "upstream": 1.0}


def test_numbers_are_full_doubles() -> None:
    """What is printed reads back as the same double, however large or small."""
    for value in (0.1, 1 / 3, 1e-300, 1.7e308, 5e-324, -0.1):
        record = strict(bp("grad", "x", f"--x={value!r}", "--json").out)
        assert record["inputs"]["x"] == record["output"]["value"] == value
    exact = strict(bp("grad", "sin(x)*y", "--x=0.3", "--y=7", "--json").out)
    assert exact["gradients"] == {"x": 7 * math.cos(0.3), "y": math.sin(0.3)}


@pytest.mark.parametrize(
    ("words", "keys"),
    [("grad 'f = x*y; g = x' --output f,g --x=1 --y=2", ["expression", "reading", "inputs", "jacobian", "notes"]),
     ("grad x^2*y --x=1 --y=2 --hessian", ["expression", "reading", "inputs", "hessian", "notes"]),
     ("check x*y --x=1 --y=2", ["expression", "ok", "inputs", "sampled", "comparisons", "notes"]),
     ("check 'abs(x)' --x=0", ["expression", "ok", "inputs", "sampled", "comparisons", "notes"]),
     ("check x*y --x=1 --y=2 --h 0.1", ["expression", "inputs", "value", "h", "scheme", "quotients", "gradients"]),
     ("check x*y --x=1 --y=2 --sweep", ["expression", "variable", "gradient", "sweep"]),
     ("derive x*y", ["expression", "derivatives", "shared", "latex", "size"]),
     ("derive x*y --x=1 --y=2 --latex", ["expression", "derivatives", "shared", "latex", "size", "inputs", "values"]),
     ("graph x*y --x=1 --y=2", ["expression", "reading", "show", "width", "height", "nodes", "wires", "joins", "notes"]),
     ("gates", ["gates"]), ("gates tanh", ["gates"])],
)  # fmt: skip
def test_json_of_every_command(words: str, keys: list[str]) -> None:
    """One strict object with the schema of its command, in plain ASCII."""
    printed = bp(*shlex.split(words), "--json")
    assert (printed.code, printed.err) == (0, "")
    assert printed.out.isascii()
    record = strict(printed.out)
    assert list(record) == ["schema", *keys]
    assert record["schema"] == f"bpcli/{words.split(maxsplit=1)[0]}/1"


@pytest.mark.parametrize("topic", ["syntax", "gates", "kinks", "json", "exit-codes", "completion"])
def test_help_topics(topic: str) -> None:
    """Every topic explains itself on a narrow terminal too, and has a JSON form."""
    printed = bp("help", topic, COLUMNS="80")
    assert (printed.code, printed.err) == (0, "")
    assert len(printed.out.splitlines()) >= 5
    assert max(map(columns, printed.out.splitlines())) <= 80
    record = strict(bp("help", topic, "--json").out)
    assert record["schema"].startswith("bpcli/")


def test_help_json_names_every_key() -> None:
    """`bpcli help json` is the contract in the user's hands."""
    text = bp("help", "json").out
    record = strict(bp(*EXAMPLE, "--json").out)
    checked = strict(bp("check", "x*y", "--x=1", "--y=2", "--json").out)
    drawn = strict(bp("graph", *EXAMPLE[1:], "--json").out)
    for key in [
        *drawn,
        *drawn["nodes"][0],
        *drawn["wires"][0],
        *record,
        *record["output"],
        *record["gates"][0],
        *record["check"],
        *checked,
        *checked["comparisons"]["x"],
    ]:
        assert re.search(rf"\b{key}\b", text), key


# --- errors ------------------------------------------------------------------------------------------------

ERRORS = {
    "grad 'x*(' --x=1": 2, "grad 'x*y' --x=1": 2, "grad 'x*y' --x=1 --y=2 --z=3": 2, "grad 'x' --x=abc": 2, "grad 'x' --x=nan": 2,
    "grad 'x' --x=1_000": 2, "grad 'x' --x=1e400": 2, "grad 'x' --x=1 --x=2": 2, "grad 'x' --x": 2, "grad 'foo(x)' --x=1": 2,
    "grad ''": 2, "grad": 2, "grad x y": 2, "grad 'x' --x=1 --mode sideways": 2, "grad 'x' --x=1 --digits 0": 2, "nosuch 'x'": 2,
    "grad 'x' --x=1 --digits many": 2, "grad 'x' --x=1 --wrt y": 2, "grad 'q = x' --x=1 --output p": 2, "grad x --inputs nosuch.json": 2,
    "grad 'x' --x=1 --kinks matlab": 2, "grad 'x' --set x": 2, "grad 'log(x)' --x=-1": 3, "grad '1/x' --x=0": 3, "grad 'exp(x)' --x=1000": 3,
    "grad 'sqrt(x)' --x=0": 3, "grad 'abs(x)' --x=0 --kinks error": 3, "grad '(-8)^(1/3)*x' --x=1": 3, "check 'log(x)' --x=-1": 3,
    "check 'x' --x=1 --h 0": 2, "check 'x' --x=1 --scheme sideways": 2, "check '5' --sweep": 2, "derive 'x*('": 2, "derive 'x' --order 3": 2,
    "derive 'x' --wrt y": 2, "derive 'log(x)' --x=-1": 3, "derive 'x*y' --x=1": 2, "gates nosuch": 2, "gates exp log": 2, "help nosuch": 2,
}  # fmt: skip


@pytest.mark.parametrize("words", ERRORS)
def test_errors(words: str) -> None:
    """Nothing on standard output; on standard error a sentence, or with --json one object that says the same."""
    code = ERRORS[words]
    text = refused(bp(*shlex.split(words)), code)
    printed = bp(*shlex.split(words), "--json")
    assert (printed.code, printed.out) == (code, "")
    record = strict(printed.err)
    assert (record["schema"], record["exit_code"]) == ("bpcli/error/1", code)
    error = record["error"]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", error["code"])
    assert error["message"] in text
    assert all(line.replace(" --json", "") in text for line in error["try"])
    if "span" in error:
        start, end = error["span"]
        assert 0 <= start < end
        assert error["line"] >= 1
        assert error["column"] >= 1


@pytest.mark.parametrize(
    "words", ["--json", "grad --json", "nosuch --json", "--nosuch --json", "grad x --x=1 --color mauve --json"]
)
def test_errors_of_the_command_line_itself_are_json_too(words: str) -> None:
    printed = bp(*words.split())
    assert (printed.code, printed.out) == (2, "")
    assert strict(printed.err)["exit_code"] == 2


@pytest.mark.parametrize(
    ("words", "tries"),
    [("grda 'x*y' --x=1 --y=2", "bpcli grad 'x*y' --x=1 --y=2"), ("chekc x --x=1", "bpcli check x --x=1"),
     ("'x*y' --x=1 --y=2", "bpcli grad 'x*y' --x=1 --y=2"), ("grad 'x*y' --x=1 --y=2 --jsn", "--json"),
     ("grad 'x*y' --x=1 --y=2 --expnad", "--expand"), ("grad 'x*y' --x=1 --y=2 --diigts 3", "--digits 3"), ("check x --x=1 --shceme=central", "--scheme"), ("grad 'alpha*x' --alhpa=1 --x=2", "--alpha"),
     ("grad 'sgimoid(x)' --x=1", "sigmoid(x)"), ("gates sigmiod", "bpcli gates sigmoid"), ("help sintax", "bpcli help syntax"),
     ("grad 'loss*2' --los=1", "--loss"), ("grad 'loss = x*2; loss' --x=1 --output los", "--output loss")],
)  # fmt: skip
def test_did_you_mean(words: str, tries: str) -> None:
    """A misspelt command, option, variable, function, gate, topic or output: exit 2 and what was meant."""
    assert re.search(rf"^  try: .*{re.escape(tries)}", refused(bp(*shlex.split(words))), re.MULTILINE)


# --- exit codes, signals, pipes ----------------------------------------------------------------------------


def test_exit_code_0_and_2_and_3() -> None:
    assert process(*EXAMPLE).returncode == 0
    assert process("grad", "x*(").returncode == 2
    assert process("grad", "log(x)", "--x=-1").returncode == 3


def test_exit_code_1() -> None:
    """A gradient check that fails: here of a table with a mistake in it."""
    program = ("import dataclasses, bpcli.gates as g; g.GATES['sin'] = dataclasses.replace(g.GATES['sin'], local=('-cos(x)',));"
               "from bpcli.cli import run; run(['check', 'sin(x)', '--x=1'])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "mismatch" in done.stdout


@pytest.mark.parametrize("words", [EXAMPLE, [*EXAMPLE, "--json"], ["gates"], ["--help"], ["grad", "--help"], ["help", "syntax"],
                                   ["--version"], ["derive", "x^2", "--latex"], ["grad", "x", "--x=1", "-q"]], ids=" ".join)  # fmt: skip
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_exit_code_4(words: list[str]) -> None:
    """An output that cannot be written is said, once."""
    with open("/dev/full", "w") as full:
        done = subprocess.run([*BPCLI, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 4
    error = strict(done.stderr)["error"]["message"] if "--json" in words else done.stderr
    assert error.rstrip("\n").removeprefix("error: ") == "the output could not be written: No space left on device"


@pytest.mark.parametrize(("kind", "codes"), [(signal.SIGINT, (130,)), (signal.SIGTERM, (143, -signal.SIGTERM))])
def test_exit_code_on_signals(kind: signal.Signals, codes: tuple[int, ...]) -> None:
    """Stopped while it waits for its formula: no traceback, 130 or 143 (as a shell counts a death by signal)."""
    waiting = subprocess.Popen(
        [*BPCLI, "grad", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    _wait_until_it_sleeps(waiting.pid)
    waiting.send_signal(kind)
    out, err = waiting.communicate(timeout=30)
    assert waiting.returncode in codes
    assert out == b""
    assert b"Traceback" not in err
    assert err.strip() == b""


def _wait_until_it_sleeps(pid: int) -> None:
    """Until the process has been waiting for half a second and so has done its imports."""
    quiet, used = 0, -1
    for _ in range(600):
        time.sleep(0.05)
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        now = int(fields[11]) + int(fields[12])
        quiet = quiet + 1 if fields[0] == "S" and now == used and now > 0 else 0
        used = now
        if quiet == 10:
            return
    pytest.fail("the process never waits")


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, BrokenPipeError])
def test_leaving_early_in_process(leaving: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C and a closed pipe, wherever they strike."""

    def strike(*_: object, **__: object) -> None:
        raise leaving

    monkeypatch.setattr(cli.main, "main", strike)
    with open(os.devnull, "w") as nowhere:
        monkeypatch.setattr(sys, "stdout", nowhere)
        with pytest.raises(SystemExit) as caught:
            cli.run(["gates"])
    assert caught.value.code == (130 if leaving is KeyboardInterrupt else 141)


@pytest.mark.parametrize("words", ["gates", "gates --json", "--help", "help syntax", "check 'exp(x)' --x=1 --sweep"])
def test_a_closed_pipe_is_silent(words: str) -> None:
    """`bpcli gates | head -1`: no traceback, no message, whether the output is long or short; not exit code 1, "no"."""
    command = " ".join(map(shlex.quote, BPCLI))
    for reader in ("head -1", "true", "head -c 1"):
        line = f"{command} {words} | {reader} > /dev/null; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
        assert done.stderr == ""
        assert done.stdout in ("0\n", "141\n")


# --- the formula and the values ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["'-x+y' --x=-2 --y=3", "--x=-2 --y=3 '-x+y'", "--x=-2 '-x+y' --y=3", "'-x+y' --x -2 --y 3", "--x -2 --y 3 '-x+y'", "--x=-2 --y=3 -- '-x+y'",
     "'-x+y' --set x=-2 --set y=3", "'-x+y' --set x=-2 --y=3", "'-x+y' --set=x=-2 --y=+3", "'-x+y' --x=' -2 ' --y=3.", "'-x+y' --x=−2 --y=3",
     "'-x+y' --x=-4/2 --y='sqrt(9)'", "'−x + y' --x=-2e0 --y=30e-1", "'-x+y' --y=3 --json --x=-2", "--digits 3 '-x+y' --y=3 --x=-2"],
)  # fmt: skip
def test_where_a_value_may_stand(words: str) -> None:
    """Before or after the formula, with = or without, negative or not; the formula may begin with a minus."""
    assert gradients(*shlex.split(words)) == {"x": -1.0, "y": 1.0}
    record = strict(bp("grad", "--json", *shlex.split(words)).out)
    assert (record["inputs"], record["output"]["value"]) == ({"x": -2.0, "y": 3.0}, 5.0)


@pytest.mark.parametrize(
    ("text", "value"),
    [("-2", -2), ("-.5", -0.5), ("-1e-3", -1e-3), (".5", 0.5), ("2.", 2), ("+1", 1), ("1e300", 1e300), ("-1E+3", -1000), ("0", 0), ("-0", 0), ("pi/4", math.pi / 4),
     ("5e-324", 5e-324), ("0.1", 0.1), ("123456789012345678", 123456789012345678.0)],
)  # fmt: skip
def test_numbers(text: str, value: float) -> None:
    """Every way to write a number, with = and without."""
    for words in ([f"--x={text}"], ["--x", text], ["--set", f"x={text}"]):
        assert strict(bp("grad", "x*1", *words, "--json").out)["inputs"] == {"x": value}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "nan",
        "inf",
        "-inf",
        "infinity",
        "1_000",
        "１２",
        "1e400",
        "-1e999",
        "0x10",
        "1,5",
        "1 2",
        "--1e",
        "1e",
        "٣",
        "True",
        "None",
        "x",
    ],
)
def test_what_is_no_number(text: str) -> None:
    """Strict: what float() lets through (nan, 1_000, wide digits) is refused as well."""
    message = refused(bp("grad", "x*1", f"--x={text}"))
    assert re.search(r"\bx\b", message)
    assert refused(bp("grad", "x*1", "--set", f"x={text}"))
    with pytest.raises(bpcli.Trouble):
        bpcli.grad("x*1", x=text)


def test_names_that_are_options() -> None:
    """--set reaches a variable whose name is an option's; the option keeps its meaning."""
    assert gradients("json*digits", "--set", "json=2", "--set", "digits=3", "--digits", "7") == {
        "json": 3.0,
        "digits": 2.0,
    }
    assert gradients("x*mode", "--x=2", "--set", "mode=5", "--mode", "forward") == {"x": 5.0, "mode": 2.0}
    assert "--h" in bp("check", "h*x", "--x=2", "--set", "h=3", "--help").out
    assert bp("check", "h*x", "--x=2", "--set", "h=3").code == 0
    assert gradients("θ*α_1", "--θ=2", "--alpha_1=3") == {"theta": 3.0, "alpha_1": 2.0}


@pytest.mark.parametrize(
    ("words", "found"),
    [("x --x=1 --x=2", "x is given twice: 1 and 2"), ("x --x=1 --set x=2", "x is given twice"), ("x --set x=1 --set x=2", "x is given twice"),
     ("'θ*1' --θ=1 --theta=2", "theta has two values"), ("x*y*z --y=1", "no value for x, z"), ("x*y --x --y=2", "--x has no value"),
     ("'q = x; q*2' --x=1 --q=2", "q is assigned in the formula"), ("'x*2' --x=1 --e=3", "no variable e"), ("x y --x=1", "2 formulas")],
)  # fmt: skip
def test_values_that_do_not_fit(words: str, found: str) -> None:
    assert found in refused(bp("grad", *shlex.split(words)))


def test_e_is_a_number_unless_it_is_given() -> None:
    assert gradients("e*x", "--x=2") == {"x": math.e}
    assert gradients("e*x", "--x=2", "--e=3") == {"x": 3.0, "e": 2.0} or gradients("e*x", "--x=2", "--e=3") == {
        "e": 2.0,
        "x": 3.0,
    }


def test_the_formula_from_standard_input() -> None:
    """By a dash, or by nothing at all; programs of several lines, a byte order mark, Windows line ends."""
    for text in ("(x+y)*z", "# a comment\nq = x + y\n\nf = q*z\n", "q = x + y\r\nq*z\r\n", "\ufeff(x + y)*z"):
        for words in (["-"], []):
            done = process("grad", *words, "--x=-2", "--y=5", "--z=-4", "-q", stdin=text.encode())
            assert (done.returncode, done.stdout, done.stderr) == (0, b"x -4\ny -4\nz 3\n", b"")
            assert bp("grad", *words, "--x=-2", "--y=5", "--z=-4", "-q", stdin=text).out == "x -4\ny -4\nz 3\n"
    assert "not UTF-8" in process("grad", "-", stdin=b"x + \xff").stderr.decode()
    assert process("grad", "-", stdin=b"x + \xff").returncode == 2
    assert "the formula is empty" in process("grad", "-", stdin=b" \n# nothing\n").stderr.decode()
    assert "there is no formula" in process("grad").stderr.decode()


def test_a_large_formula_from_standard_input() -> None:
    """100,000 nested brackets and a sum of as many terms: no recursion, no limit on the user's own command line."""
    nested = "(" * 100_000 + "x" + ")" * 100_000 + "*2"
    done = process("grad", "-", "--x=3", "-q", stdin=nested.encode())
    assert (done.returncode, done.stdout) == (0, b"x 2\n")
    done = process("grad", "-", "--x=3", "--no-check", "--json", stdin=("+".join(["x"] * 100_000)).encode())
    assert done.returncode == 0
    assert strict(done.stdout.decode())["gradients"] == {"x": 100_000.0}


# --- files of values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.json", b'{"x": -2, "y": 5.0, "z": -4e0}'), ("a.toml", b"x = -2\ny = 5.0 # five\nz = -4e0\n"), ("b.json", b'\xef\xbb\xbf{"x": -2,\r\n"y": 5, "z": -4}'),
     ("A.JSON", b'{"x": -2, "y": 5, "z": -4}'), ("A.TOML", b"x = -2\ny = 5\nz = -4")],
)  # fmt: skip
def test_inputs_from_a_file(tmp_path: Path, name: str, text: bytes) -> None:
    """A table in JSON or TOML; the command line has the last word."""
    file = tmp_path / name
    file.write_bytes(text)
    assert gradients("(x+y)*z", "--inputs", str(file)) == {"x": -4.0, "y": -4.0, "z": 3.0}
    assert gradients("(x+y)*z", f"--inputs={file}", "--x=10", "--set", "z=1") == {"x": 1.0, "y": 1.0, "z": 15.0}
    assert "no value for w" in refused(bp("grad", "(x+y)*z*w", "--inputs", str(file)))
    assert "no variable z" in refused(bp("grad", "x+y", "--inputs", str(file)))


BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "twice": ("a.json", b'{"x": 1, "x": 2}', "x stands in it twice"), "twice in toml": ("a.toml", b"x = 1\nx = 2\n", "cannot read"),
    "nan": ("a.json", b'{"x": NaN}', "NaN is not a number"), "infinity": ("a.json", b'{"x": -Infinity}', "-Infinity is not a number"),
    "too large": ("a.json", b'{"x": 1e999}', "x"), "too many digits": ("a.json", b'{"x": ' + b"9" * 400 + b"}", "not a finite number"),
    "nan in toml": ("a.toml", b"x = nan\n", "x"), "inf in toml": ("a.toml", b"x = -inf\n", "x"), "true": ("a.json", b'{"x": true}', "not a number: True"),
    "true in toml": ("a.toml", b"x = true\n", "not a number"), "null": ("a.json", b'{"x": null}', "not a number"),
    "text": ("a.json", b'{"x": "3"}', "not a number: '3'"), "date": ("a.toml", b"x = 1979-05-27\n", "not a number"),
    "table": ("a.json", b'{"x": {"value": 1}}', "not a number"), "section": ("a.toml", b"[x]\nvalue = 1\n", "not a number"),
    "list": ("a.json", b"[1, 2]", "no table of names and numbers"), "number": ("a.json", b"3", "no table of names and numbers"),
    "cut": ("a.json", b'{"x": 1', "cannot read"), "empty": ("a.json", b"", "cannot read"), "encoding": ("a.json", b'{"x": 1, "\xff": 2}', "not UTF-8"),
    "utf-16": ("a.toml", "x = 1".encode("utf-16"), "not UTF-8"), "comment": ("a.json", b'{"x": 1} // one', "cannot read"),
    "deep": ("a.json", b'{"x": ' + b"[" * 100_000 + b"1" + b"]" * 100_000 + b"}", "cannot read"), "empty toml": ("a.toml", b"", "no value for x"),
    "empty name": ("a.json", b'{"": 1}', "no variable"), "ragged": ("a.json", b'{"x": [[1, 2], [3]]}', "different"), "no entries": ("a.json", b'{"x": []}', "no entries"),
    "entry": ("a.json", b'{"x": [1, true]}', "not a number"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_of_values(tmp_path: Path, case: str) -> None:
    """The error names the file or the value, and what is wrong with it."""
    name, text, found = BAD_FILES[case]
    file = tmp_path / name
    file.write_bytes(text)
    message = refused(bp("grad", "x*2", "--inputs", str(file)))
    assert found in message
    assert len(message) < 600
    record = strict(bp("grad", "x*2", "--inputs", str(file), "--json").err)
    assert record["exit_code"] == 2


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    assert "No such file" in refused(bp("grad", "x", "--inputs", str(tmp_path / "nosuch.json")))
    assert "directory" in refused(bp("grad", "x", "--inputs", str(tmp_path))).lower()
    assert "no value" in refused(bp("grad", "x", "--inputs")) or "requires an argument" in refused(
        bp("grad", "x", "--inputs")
    )


# --- the terminal ------------------------------------------------------------------------------------------

ESCAPE = "\x1b["


def test_colour() -> None:
    """A pipe is not coloured unless --color always or FORCE_COLOR says so; NO_COLOR and --color never win over it."""
    plain = bp(*EXAMPLE).out
    assert ESCAPE not in plain
    assert ESCAPE in bp(*EXAMPLE, "--color", "always").out
    assert ESCAPE in bp(*EXAMPLE, FORCE_COLOR="1").out
    for settings in (
        {"NO_COLOR": "1"},
        {"FORCE_COLOR": "0"},
        {"NO_COLOR": "1", "FORCE_COLOR": "1"},
        {"TERM": "dumb"},
        {"TERM": "xterm-256color"},
    ):
        assert bp(*EXAMPLE, **settings).out == plain
    assert bp(*EXAMPLE, "--color", "never", FORCE_COLOR="1").out == plain
    assert ESCAPE in bp(*EXAMPLE, "--color=always", NO_COLOR="1").out
    assert re.sub(r"\x1b\[[0-9;]*m", "", bp(*EXAMPLE, "--color", "always").out).split() == plain.split()
    for words in (
        ["check", "x*y", "--x=1", "--y=2"],
        ["derive", "x*y", "--x=1", "--y=2"],
        ["gates"],
        ["gates", "tanh"],
        ["graph", "x*y", "--x=1", "--y=2"],
        ["grad", "x^2", "--x=1", "--hessian"],
    ):
        assert ESCAPE in bp(*words, "--color", "always").out
        assert ESCAPE not in bp(*words).out
        assert ESCAPE not in bp(*words, "--json", "--color", "always").out


def test_colour_and_width_on_a_terminal() -> None:
    """On a terminal there is colour, unless NO_COLOR is set, and no line is wider than it."""
    import pty

    outputs = {}
    for settings in ((), (("NO_COLOR", "1"),)):
        main, other = pty.openpty()
        environment = {name: value for name, value in os.environ.items() if name not in LOOKS}
        environment |= {"TERM": "xterm", "COLUMNS": "50", **dict(settings)}
        running = subprocess.Popen([*BPCLI, *EXAMPLE], stdout=other, stdin=subprocess.DEVNULL, env=environment)
        os.close(other)
        pieces = []
        while True:
            try:
                piece = os.read(main, 65536)
            except OSError:
                break
            if not piece:
                break
            pieces.append(piece)
        assert running.wait(30) == 0
        os.close(main)
        outputs[settings] = b"".join(pieces).decode()
    coloured, plain = outputs.values()
    assert ESCAPE in coloured
    assert ESCAPE not in plain
    assert max(map(columns, plain.splitlines())) <= 50


@pytest.mark.parametrize("width", ["20", "40", "60", "80", "120"])
@pytest.mark.parametrize("words", [EXAMPLE, [*EXAMPLE, "--mode", "forward"], ["graph", *EXAMPLE[1:]], ["check", "(x+y)*z", "--x=-2", "--y=5", "--z=-4"],
                                   ["grad", "x^3*y*z", "--x=1.2345", "--y=2", "--z=3", "--hessian"]], ids=lambda words: words[0] if words != EXAMPLE else "example")  # fmt: skip
def test_numbers_survive_a_narrow_terminal(words: list[str], width: str) -> None:
    """Whatever the width, every figure of the wide page is there in full."""
    wide, narrow = bp(*words).out, bp(*words, COLUMNS=width).out
    figures = r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.])"
    assert set(re.findall(figures, wide)) <= set(re.findall(figures, narrow))
    assert "…" not in narrow


def test_a_pipe_is_not_cut() -> None:
    """Without a terminal a table is as wide as it needs to be, however narrow 80 columns would be; COLUMNS limits it."""
    formula = " + ".join(f"a_rather_long_name_{k}*x" for k in range(6))
    values = [f"--a_rather_long_name_{k}=1" for k in range(6)]
    printed = bp("check", formula, *values, "--x=2")
    assert max(map(columns, printed.out.splitlines())) > 80 or len(printed.out.splitlines()) < 20
    assert all(f"a_rather_long_name_{k}" in printed.out for k in range(6))
    assert "…" not in printed.out
    assert bp("gates", COLUMNS="not a number").out == bp("gates", COLUMNS="0").out == bp("gates").out


@pytest.mark.parametrize(
    "words",
    [EXAMPLE, ["grad", "θ²·x", "--θ=2", "--x=3"], ["check", "abs(x)", "--x=0"], ["gates"], ["graph", "θ*x", "--θ=1", "--x=2"], ["gates", "sigmoid"], ["derive", "x^2/y"], ["help", "syntax"],
     ["help", "kinks"], ["--help"], ["grad", "--help"], ["check", "exp(x)", "--x=1", "--sweep"], ["grad", "θ*(", "--θ=1"], ["grad", "ｘ", "--x=1"]],
    ids=" ".join,
)  # fmt: skip
def test_an_ascii_terminal(words: list[str]) -> None:
    """With PYTHONIOENCODING=ascii, or a C locale, everything still prints, in ASCII only."""
    done = process(*words, PYTHONIOENCODING="ascii")
    assert done.returncode == (2 if words[1:2] in (["θ*("], ["ｘ"]) else 0)
    assert (done.stdout + done.stderr).isascii()
    assert (done.stderr if done.returncode else done.stdout).strip()
    assert b"Traceback" not in done.stderr


# --- `python -m bpcli`, completion -------------------------------------------------------------------------


def test_both_ways_to_start_it() -> None:
    """The installed script and the module do the same, under the same name."""
    script = Path(sys.executable).parent / "bpcli"
    assert script.exists(), "pip install -e . makes it"
    environment = {name: value for name, value in os.environ.items() if name not in LOOKS}
    for words in (EXAMPLE, ["--version"], ["grad", "--help"], ["nosuch"], []):
        both = [subprocess.run([*start, *words], capture_output=True, stdin=subprocess.DEVNULL, env=environment, timeout=60, check=False)
                for start in ([str(script)], BPCLI)]  # fmt: skip
        assert (both[0].returncode, both[0].stdout, both[0].stderr) == (
            both[1].returncode,
            both[1].stdout,
            both[1].stderr,
        )


def completions(line: str, shell: str = "bash", script: bool = False) -> list[str]:
    """What Tab offers at the end of LINE."""
    words = shlex.split(line)
    count = len(words) if line.endswith(" ") else len(words) - 1
    start = [str(Path(sys.executable).parent / "bpcli")] if script else BPCLI
    environment = {name: value for name, value in os.environ.items() if name not in LOOKS}
    environment |= {"_BPCLI_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": str(count)}
    done = subprocess.run(start, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return [item.partition(",")[2] for item in done.stdout.splitlines()]


def test_completion() -> None:
    """Commands, options, and the variables of the formula that is already on the line."""
    assert completions("bpcli ") == list(COMMANDS)
    assert completions("bpcli de", script=True) == ["derive"]
    offered = completions("bpcli grad '(x+y)*loss' --")
    assert offered[:3] == ["--x=", "--y=", "--loss="]
    assert {"--mode", "--wrt", "--json"} <= set(offered)
    assert completions("bpcli grad '(x+y)*loss' --l") == ["--loss="]
    assert completions("bpcli check 'q = x*w0; q*w1' --w")[:2] == ["--w0=", "--w1="]
    assert completions("bpcli derive '-x*y' --x=1 --y") == ["--y="]
    assert "--x=" in completions("bpcli grad --json 'x*2' ")
    assert completions("bpcli grad 'x' --mode ") == ["reverse", "forward"]
    assert completions("bpcli gates sig") == ["sigma", "sigmoid", "sign"]
    assert completions("bpcli help sy") == ["syntax"]
    assert {"kinks", "grad"} <= set(completions("bpcli help "))


def test_completion_of_what_cannot_be_read() -> None:
    """A half-typed formula is no reason to complain in the middle of a line."""
    for formula in ("x*(", "", "1/2x", "foo(", "x +"):
        assert "--mode" in completions(f"bpcli grad '{formula}' --m")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    """`bpcli help completion` has the line for each shell, and the script is there."""
    assert f"_BPCLI_COMPLETE={shell}_source" in bp("help", "completion").out
    environment = {name: value for name, value in os.environ.items() if name not in LOOKS} | {
        "_BPCLI_COMPLETE": f"{shell}_source"
    }
    done = subprocess.run(BPCLI, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0
    assert f"_BPCLI_COMPLETE={shell}_complete" in done.stdout


def test_answers_to_mark_are_read_as_grade_reads_them() -> None:
    """A line that is none is left alone and told; of a sheet's answers.txt the one problem that is filled in counts."""
    words = ["mark", "q = x + y; f = q*z", "--x=-2", "--y=5", "--z=-4", "--answers", "-"]
    printed = Command({}, words, "[a]\nq: 3\nhello\ndq = **-4**;\n[b]\nr =\n").in_process()
    assert printed.code == 0 and "2 of 2" in printed.out
    assert "note: line 3 is left out: this is no answer (name = answer): hello" in printed.out
    assert "note: line 2: read : as =" in printed.out and "read as -4" in printed.out
    assert Command({}, words, "hello\n").in_process().code == 2
