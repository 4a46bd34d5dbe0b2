"""Screens kept as text: what a person sees at one size, signs and colours, compared line by line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import unified_diff
from itertools import groupby
from pathlib import Path
from string import ascii_letters
from time import monotonic

import pytest
from rich.style import Style

from tests.tui.driving import Driver

FOLDER = Path(__file__).parent / "snapshots"
PICTURE = frozenset("▀▄█")
"""Signs whose colours are a picture's: they follow the library that scales it."""
PATIENCE_S = 20.0
IDS = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b|\b(?=[0-9a-f]*\d)[0-9a-f]{16}\b")


async def assert_snapshot(app: Driver, name: str, request: pytest.FixtureRequest, home: Path) -> None:
    """Wait until the screen is the snapshot of this name; `--update-snapshots` writes it anew.

    Ids are drawn by chance and the home lies anywhere: both are replaced, width by width. A caret blinks, and
    what is drawn last may be late: the screen has to be so once.
    """
    path = FOLDER / f"{name}.txt"
    if request.config.getoption("--update-snapshots", default=False):
        path.write_text(_read(app, home) + "\n", "utf-8")
        return
    assert path.exists(), f"there is no snapshot {name}: run with --update-snapshots and read it"
    kept = path.read_text("utf-8").rstrip("\n")
    deadline = monotonic() + PATIENCE_S
    while (shown := _read(app, home)) != kept:
        assert monotonic() < deadline, f"{name} looks different:\n{_tell_difference(kept, shown)}"
        await app.pilot.pause(0.05)


def _read(app: Driver, home: Path) -> str:
    return f"{_replace(app.read_text(), home)}\n\n{_draw_styles(app)}".rstrip("\n")


def _tell_difference(kept: str, shown: str) -> str:
    return "\n".join(unified_diff(kept.splitlines(), shown.splitlines(), "kept", "shown", lineterm="", n=0))


def _replace(text: str, home: Path) -> str:
    text = IDS.sub(lambda found: "0" * len(found[0]), text)
    for lead in (str(home), str(home.parent)):
        text = text.replace(lead, "~" * len(lead))
    return text


def _draw_styles(app: Driver) -> str:
    """Return a legend, the most frequent style first, and of each row how many cells have which style."""
    rows = [
        [
            (sign, "" if sign in PICTURE else _name(segment.style))
            for segment in strip
            for sign in segment.text
        ]
        for strip in app.app.screen._compositor.render_strips()
    ]
    counts = Counter(name for row in rows for _, name in row if name)
    ranked = sorted(counts, key=lambda name: (-counts[name], name))[: len(ascii_letters)]
    letters = dict(zip(ranked, ascii_letters, strict=False))
    legend = [f"{letter} {name}" for name, letter in letters.items()]
    drawn = [" ".join(_count(letters.get(name, "*") for _, name in row)) for row in rows]
    return "\n".join([*legend, "", *drawn])


def _count(letters: Iterable[str]) -> Iterator[str]:
    return (f"{letter}{len(list(cells))}" for letter, cells in groupby(letters))


def _name(style: Style | None) -> str:
    """Return what of a style is seen, without the links and actions that it carries."""
    if style is None:
        return "none"
    plain = Style(
        color=style.color, bgcolor=style.bgcolor, bold=style.bold, dim=style.dim, italic=style.italic,
        underline=style.underline, reverse=style.reverse, strike=style.strike,
    )  # fmt: skip
    return str(plain)
