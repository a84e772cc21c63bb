"""What is typed by anybody stays text in HTML, Markdown and TeX."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bpcli import escaping
from bpcli.escaping import BARE, Letters
from bpcli.trouble import visible

T1 = Letters(0x180, r"\letter{{{letter}}}{{U+{code:04X}}}")
texts = st.text() | st.text("αάϊΐσΣΏП中×²'\"- {}[]\\\\`$&#%_^~<>|*!:@\n\x1b\u202e")


def without_ours(tex: str) -> str:
    """TEX without the commands that bpcli writes itself."""
    tex = re.sub(r"\\ensuremath\{\\[A-Za-z]+\}", "g", tex)
    for _ in range(2):  # ΐ has two accents
        tex = re.sub(r"\\['\"]\{\w\}", "g", tex)
    tex = re.sub(r"\\letter\{[^\x00-\x7f]\}\{(U\+[0-9A-F]{4,6})\}", r"\1", tex).replace(r"$\times$", "")
    return re.sub(r"\\(?:(?:text\w+|char34|ldots)\{\d?\}|[{}$&#%_])|\{[-\[\]]\}", "", tex)


@settings(max_examples=300, deadline=None)
@given(texts, st.sampled_from([T1, BARE]))
def test_tex_has_no_command_but_ours(text: str, letters: Letters) -> None:
    for written in (escaping.tex(text, letters), escaping.tex_code(text, letters)):
        assert not set(without_ours(written)) & set("\\{}$&#%_^~\n\x1b\u202e")


def test_tex_keeps_code_apart_from_sentences() -> None:
    """Fonts join -- and `` in a sentence, as they should; in code every character is itself."""
    assert escaping.tex("it's 3--4") == "it's 3--4"
    assert escaping.tex_code("it's a--b") == r"it\textquotesingle{}s a{-}{-}b"
    assert escaping.tex("Σοφία ΐ Пётр") == (
        r"\ensuremath{\Sigma}o\ensuremath{\phi}\'{\ensuremath{\iota}}\ensuremath{\alpha} "
        r"\'{\"{\ensuremath{\iota}}} U+041FU+0451U+0442U+0440"
    )
    assert escaping.tex("é中", T1) == r"é\letter{中}{U+4E2D}"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_tex_compiles_with_no_package(tmp_path: Path) -> None:
    """Every printable character of ASCII, Latin, Greek and our own punctuation, in a bare article."""
    text = "".join(map(chr, [*range(32, 127), *range(0xC0, 0x180), *range(0x391, 0x3A2), *range(0x3A3, 0x3CF)]))
    text += "…×·²–—’‘“”€•中"
    lines = [rf"{escaping.tex(one)} \texttt{{{escaping.tex_code(one)}}}" for one in text]
    (tmp_path / "all.tex").write_text(
        "\\documentclass{article}\n\\begin{document}\n" + "\n".join(lines) + "\\end{document}\n", encoding="utf-8"
    )
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"],
                          cwd=tmp_path, capture_output=True, timeout=120, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout[-1500:]


@settings(max_examples=300, deadline=None)
@given(texts)
def test_markdown_is_the_text_again(text: str) -> None:
    """CommonMark read by another program: one paragraph, no markup, the same characters."""
    shown = " ".join(visible(text).replace("\n", " ").split(" ")).strip(" \t")
    for written in (escaping.markdown(text), escaping.markdown_in_line(text), escaping.markdown_code(text)):
        rendered = MarkdownIt().render(f"x {written} x")
        plain = re.sub(r"^<p>|</p>$|</?code>", "", rendered.strip())
        assert "<" not in plain
        assert re.sub(r"\s+", " ", unescape(plain)) == re.sub(r"\s+", " ", f"x {shown} x" if shown else "x x")


@settings(max_examples=300, deadline=None)
@given(st.lists(texts))
def test_a_block_of_code_ends_where_it_should(lines: list[str]) -> None:
    written = escaping.markdown_block(lines)
    tokens = MarkdownIt().parse(written)
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content == visible("\n".join(lines)) + "\n"


@given(texts)
def test_html_is_the_text_again(text: str) -> None:
    written = escaping.html(text)
    assert not set(written) & set("<>\"'")
    assert unescape(written) == visible(text)
