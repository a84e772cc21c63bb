"""The whole process, from the shell's call to its end, against one that only imports the libraries it shows with."""

from __future__ import annotations

import sys
from functools import partial
from importlib.util import cache_from_source
from pathlib import Path
from subprocess import DEVNULL, run

from timing import interleaved, table, verdict

import bpcli

REPETITIONS = 41
PYTHON = sys.executable
BPCLI = str(Path(PYTHON).with_name("bpcli"))
GRAD = [BPCLI, "grad", "(x+y)*z", "--x=-2", "--y=5", "--z=-4"]
IMPORTS = "import click, lark, rich.console, rich.table"

COMMANDS = {
    IMPORTS: [PYTHON, "-c", IMPORTS],
    "bpcli grad '(x+y)*z' …": GRAD,
    "bpcli grad '(x+y)*z' … --json": [*GRAD, "--json"],
    "bpcli --version": [BPCLI, "--version"],
    "python -c pass": [PYTHON, "-c", "pass"],
}
TARGETS = dict(zip(COMMANDS, (None, 1.35, 1.1, 0.6, None), strict=True))


def main() -> None:
    if not Path(cache_from_source(bpcli.__file__)).exists():
        print("bpcli is not compiled here, as after `pip install -e`: every start below compiles it anew\n")
    start = partial(run, stdout=DEVNULL, check=True)
    seconds = interleaved({name: partial(start, command) for name, command in COMMANDS.items()}, REPETITIONS)
    unit = seconds[IMPORTS]
    rows = [("process", "ms", "ratio")]
    for name, spent in seconds.items():
        target = TARGETS[name]
        rows.append((name, f"{spent * 1000:.1f}", verdict(spent / unit, target) if target else f"{spent / unit:.2f}"))
    table(*rows)


if __name__ == "__main__":
    main()
