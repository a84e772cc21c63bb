"""Options of the test run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the golden files with what is printed now")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, started once; a test that uses it is marked ``browser``."""
    from browser import started

    with started() as chromium:
        yield chromium
