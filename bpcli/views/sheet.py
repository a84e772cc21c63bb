"""What ``bpcli sheet`` says when it is done."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Group, RenderableType
from rich.text import Text

from bpcli.exercises.folder import Written
from bpcli.trouble import visible
from bpcli.views.layout import QUIET, Look


def render(result: Written, look: Look) -> RenderableType:
    """Where everything is, and what to do next."""
    sheet = result.sheet
    count, problems = len(sheet.students), len(sheet.problems)
    points = sum((one.points for one in sheet.problems), Decimal(0))
    first = sheet.students[0].file_name
    folder = visible(result.folder)
    done = f"{result.files:,} files written" + (f", {result.kept:,} were there" if result.kept else "")
    lines: list[RenderableType] = [
        Text(f"{folder}: {problems} problem{'s' * (problems != 1)}, {points.normalize():f} points, {count:,} "
             f"student{'s' * (count != 1)}, seed {visible(sheet.seed)}; {done}"),
        Text(f"  students/{first}/  sheet.{result.formats[0]}, answers.txt: to hand out", QUIET),
        Text("  teacher/solutions/, teacher/sheet.toml: to keep", QUIET),
    ]  # fmt: skip
    lines += [Text(f"warning: {visible(one)}", "yellow") for one in result.warnings]
    return Group(*lines)
