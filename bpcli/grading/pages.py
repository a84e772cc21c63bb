"""Pages that stand by themselves: no script, nothing fetched; for a phone, a screen by day or night, and paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpcli import escaping

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

#: What each colour is for -> the colour, by day and by night; all text has a contrast of 4.5 or more (a test).
DAY = {"text": "#111111", "page": "#ffffff", "shade": "#f3f4f6", "line": "#c4c8ce", "quiet": "#565b63",
       "yes": "#0a6b2d", "no": "#a3140f", "open": "#7a5200", "bar": "#3a6ea5"}  # fmt: skip
NIGHT = {"text": "#e6e6e6", "page": "#15171a", "shade": "#22252a", "line": "#464b52", "quiet": "#a9afb8",
         "yes": "#7fd99a", "no": "#ff9c94", "open": "#f0c674", "bar": "#7aa7d9"}  # fmt: skip
_PAPER = {**dict.fromkeys(DAY, "#000"), "page": "#fff", "shade": "#fff", "line": "#999", "bar": "#777"}


def _colours(colours: Mapping[str, str]) -> str:
    return ":root{" + ";".join(f"--{name}:{colour}" for name, colour in colours.items()) + "}"


STYLE = f""":root{{color-scheme:light dark}}
{_colours(DAY)}
@media screen and (prefers-color-scheme:dark){{{_colours(NIGHT)}}}
body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:1.5rem auto;padding:0 1rem;color:var(--text);background:var(--page);overflow-wrap:break-word}}
h1{{font-size:1.5rem;line-height:1.25}}h2{{font-size:1.15rem;line-height:1.3;margin:2rem 0 .4rem;break-after:avoid}}
h2 .points{{font-weight:normal;white-space:nowrap}}p.total{{font-size:1.25rem}}
table{{border-collapse:collapse}}th,td{{text-align:left;vertical-align:top;padding:.25rem .9rem .25rem 0}}
thead th{{font-size:.85rem;font-weight:normal;color:var(--quiet)}}tbody th{{font-weight:normal}}
tr{{border-top:1px solid var(--line);break-inside:avoid}}thead tr,tr.why{{border-top:0}}tr.why{{break-before:avoid}}
code,pre{{font-family:ui-monospace,'DejaVu Sans Mono',Consolas,monospace;font-size:.92em}}
.number{{text-align:right;white-space:nowrap;padding-left:.3rem}}.quiet{{color:var(--quiet)}}
.yes{{color:var(--yes)}}.no{{color:var(--no)}}.open{{color:var(--open)}}
@page{{size:A4;margin:16mm 15mm}}
@media print{{{_colours(_PAPER)}body{{font-size:10.5pt;margin:0;padding:0;max-width:none}}}}"""


def page(title: str, body: Sequence[str], style: str) -> str:
    """A page; BODY is HTML, STYLE is added to the style of all pages."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escaping.html(title)}</title>\n<style>\n{STYLE}\n{style}\n</style>\n</head>\n<body>\n'
        + "\n".join(body) + "\n</body>\n</html>\n"
    )  # fmt: skip


def bullets(lines: Sequence[str]) -> str:
    """LINES of text as a list."""
    return "<ul>\n" + "\n".join(f"<li>{escaping.html(line)}</li>" for line in lines) + "\n</ul>"
