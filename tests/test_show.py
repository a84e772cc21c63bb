"""What the commands print, as golden files: `show/` for what works, `wrong/` for every kind of bad input.

``pytest --update`` writes the files anew; read the difference before keeping it.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sessions import FILES, HERE, Command, Printed

from bpcli.language import parse
from bpcli.mistakes import one_line
from bpcli.trouble import UNREADABLE, columns

SHOWN = sorted((HERE / "show").glob("*.txt"))
WRONG = sorted((HERE / "wrong").glob("*.txt"))
#: Options of the commands, for telling a variable's value from one of them.
OPTIONS = {"set", "wrt", "output", "kinks", "digits", "h", "scheme", "json", "inputs", "upstream", "mode"}
#: Goldens that are run as processes of their own too.
AS_PROCESSES = [HERE / "show" / "grad.txt", HERE / "show" / "grad-stdin.txt", HERE / "wrong" / "control-character.txt"]


@pytest.fixture(autouse=True, scope="module")
def _in_a_folder_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("goldens")
    shutil.copytree(FILES, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield


def golden(file: Path) -> tuple[Command, str]:
    """The command of a golden file, and what it prints."""
    line, _, printed = file.read_text(encoding="utf-8").partition("\n")
    return Command.read(line), printed


def as_golden(file: Path, printed: Printed) -> str:
    """What a golden file says after its command."""
    if file.parent.name == "show":
        assert printed.err == "", printed
        assert printed.code in (0, 1), printed
        return printed.out + "[exit 1]\n" * printed.code
    assert printed.out == "", "nothing is printed on standard output when something is wrong"
    assert printed.code in (2, 3), printed
    return f"[exit {printed.code}]\n{printed.err}"


@pytest.mark.parametrize("file", [*SHOWN, *WRONG], ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_golden(file: Path, request: pytest.FixtureRequest) -> None:
    command, expected = golden(file)
    got = as_golden(file, command.in_process())
    if request.config.getoption("--update"):
        line = file.read_text(encoding="utf-8").partition("\n")[0]
        file.write_text(f"{line}\n{got}", encoding="utf-8")
    else:
        assert got == expected


@pytest.mark.parametrize("file", AS_PROCESSES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_process_prints_the_same(file: Path) -> None:
    command, expected = golden(file)
    assert as_golden(file, command.in_a_process()) == expected


@pytest.mark.parametrize("file", SHOWN, ids=lambda file: file.stem)
def test_nothing_is_wider_than_the_terminal(file: Path) -> None:
    """A golden with COLUMNS has no longer line, and no table cuts a cell off."""
    command, printed = golden(file)
    if "--json" in command.words:
        printed = printed.removesuffix("[exit 1]\n")
        for line in printed.splitlines() if "--points" in command.words else [printed]:
            json.loads(line, parse_constant=pytest.fail)
        return
    if {"--help", "-h", "help"} & {*command.words}:
        return
    assert "…" not in re.sub(r"\w+\((?:a, b, )?…\)|… [\d,]+ gates|begins\n +\[[-.\d ]+ …\n", "", printed)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", printed)
    if width := int(command.settings.get("COLUMNS", 0)):
        assert max(map(columns, plain.splitlines())) <= width


@pytest.mark.parametrize("file", WRONG, ids=lambda file: file.stem)
def test_what_is_wrong_is_said_well(file: Path) -> None:
    """One sentence, the carets under something, and every ``try`` line can be pasted and is itself right."""
    command, printed = golden(file)
    _, first, *lines = printed.splitlines()
    if "--json" in command.words:
        error = json.loads(first)
        assert error["schema"] == "bpcli/error/1"
        assert f"[exit {error['exit_code']}]" == printed.splitlines()[0]
        return
    assert re.fullmatch(r"error: \S.*[^.:]", first), "one sentence in lower case, without a full stop"
    assert "Traceback" not in printed
    tries = [line.removeprefix("  try: ") for line in lines if line.startswith("  try: ")]
    place = [line for line in lines if not line.startswith("  try: ")]
    if place:
        shown, carets = place
        assert re.fullmatch(r" +\^+", carets)
        assert columns(carets) <= max(columns(shown), 2) + 1, "the carets stand under the line"
        assert max(columns(shown), columns(carets)) <= 90
    for text in tries:
        assert_can_be_typed(text, command)


def assert_can_be_typed(text: str, command: Command) -> None:
    """TEXT, a suggestion, is a command line, options for COMMAND, or a formula, without this or another mistake."""
    if text.startswith("bpcli"):
        suggested = Command({}, shlex.split(text)[1:], "")
        assert suggested.in_process().code == 0
    elif text.startswith("--"):
        options = shlex.split(text)
        heads = {option.partition("=")[0] for option in options if option.startswith("--")}
        kept = [word for word in _joined_options(command.words) if word.partition("=")[0] not in heads]
        codes = [Command({}, [*words, *options], "").in_process().code for words in (kept, _without_strangers(kept))]
        assert min(codes) != UNREADABLE, f"{text} does not help"
    else:
        parse(text)
        assert text == one_line(text)


def _joined_options(words: list[str]) -> list[str]:
    """WORDS with ``--x 1`` as ``--x=1``."""
    joined = [words[0]]
    for word in words[1:]:
        if re.fullmatch(r"--\w+", joined[-1]) and not word.startswith("--"):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _without_strangers(words: list[str]) -> list[str]:
    """WORDS without options that are none, and values of variables that the formula (the second word) does not have."""
    known = {*parse(words[1]).inputs, *OPTIONS}
    return [word for word in words if word[:2] != "--" or word[2:].partition("=")[0] in known]
