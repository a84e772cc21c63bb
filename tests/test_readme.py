"""The README's sessions, run and compared line by line; `pytest --update` rewrites their output."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def run(command: str, folder: Path) -> str:
    """What COMMAND prints (both streams) in an empty folder, with this environment's bpcli."""
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "LANG": "C.UTF-8", "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def session(block: str, folder: Path) -> str:
    """BLOCK with the output of each of its commands as it is now."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{line}\n{run(line[2:], folder)}" for line in commands)


def test_sessions(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Every command of every console block prints what the README shows."""
    text = README.read_text(encoding="utf-8")
    assert len(BLOCK.findall(text)) > 8
    now = BLOCK.sub(lambda match: f"```console\n{session(match[1], tmp_path)}```", text)
    if request.config.getoption("--update"):
        README.write_text(now, encoding="utf-8")
    else:
        assert now == text


def test_python_block() -> None:
    """The Python example runs, and its comments are the values of its lines."""
    text = re.search(r"```python\n(import bpcli.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    scope: dict[str, object] = {}
    for line in filter(None, text.splitlines()):
        code, _, comment = line.partition("#")
        if comment.strip().startswith("{"):
            assert repr(eval(code, scope)) == comment.strip()
        else:
            exec(code, scope)


def test_every_command_is_in_the_readme() -> None:
    """Each command of the program stands in the README's table or sessions."""
    from bpcli.cli import COMMANDS

    text = README.read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"bpcli {name}" not in text and f"`{name}`" not in text] == []


def test_the_gate_of_the_readme_works() -> None:
    """The row that the README adds agrees with differences and fuses."""
    from bpcli import check, gates, parse

    row = re.search(r"```python\n(gate\(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    try:
        exec(row, {"gate": gates.gate})
        assert check("mish(x)*x", x=0.7).check.comparisons["x"].verdict == "ok"
        assert parse("mish(x)", expand=True).gates
    finally:
        del gates.GATES["mish"]
