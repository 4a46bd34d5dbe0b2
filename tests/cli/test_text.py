"""Tables fit the terminal and are whole in a pipe; colours are for terminals that want them."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime

import click
import pytest
from msgspec.structs import replace

from mlwf_tui.cli import text
from mlwf_tui.cli.text import format_state, format_table, name_outputs
from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run, RunState

HEADER = ("NAME", "ITEMS", "DESCRIPTION")
ROWS = [("cells", "12", "words " * 30), ("細胞の写真" * 6, "3", "short")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def be_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize("columns", [30, 40, 80, 120, 300])
def test_a_table_fits_the_terminal_and_small_columns_stay_whole(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_a_terminal(monkeypatch)
    monkeypatch.setattr(text, "read_terminal_width", lambda: columns)
    lines = click.unstyle(format_table(HEADER, ROWS, empty="")).splitlines()
    assert max(map(text._width, lines)) <= columns
    assert "ITEMS" in lines[0] and " 12 " in lines[1]
    assert any(line.endswith("…") for line in lines) == (columns < 250)


def test_a_pipe_gets_every_cell_whole_and_no_colour() -> None:
    shown = format_table(HEADER, ROWS, empty="")
    assert ("words " * 30).strip() in shown
    assert "…" not in shown and "\x1b" not in shown
    assert format_state("failed") == "failed"


def test_colours_are_for_terminals_and_no_color_or_a_dumb_one_turns_them_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be_a_terminal(monkeypatch)
    assert "\x1b[31m" in format_state("failed")
    monkeypatch.setenv("NO_COLOR", "1")
    assert format_state("failed") == "failed"
    assert "\x1b" not in format_table(HEADER, ROWS, empty="")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert format_state("failed") == "failed"


def test_of_a_search_the_trials_are_counted() -> None:
    run = Run(
        id=RunId("3f9a"), verb="search", params={}, state=RunState.DONE, seed=0, author="ann",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    assert name_outputs(run) == "→ -"
    assert name_outputs(replace(run, result={"trials": [{}]})) == "→ 1 trial"
    assert name_outputs(replace(run, result={"trials": [{}, {}]})) == "→ 2 trials"
    assert name_outputs(replace(run, verb="train", result={"trials": [{}, {}]})) == "→ -"


def test_a_run_that_found_its_result_tells_what_stood_there() -> None:
    made = Run(
        id=RunId("0123456789ab"), verb="pipeline", params={}, state=RunState.DONE, seed=0, author="ada",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        outputs=(ArtifactRef(ArtifactKind.VERSION, "v", "new@2"),),
        result={"outputs": [{"project": "new", "version": 2, "is_new": True},
                            {"project": "old", "version": 1, "is_new": False}]},
    )  # fmt: skip
    assert name_outputs(made) == "→ new@2, = old@1"
    found = replace(made, verb="transform", outputs=(), result={"project": "old", "version": 1})
    assert name_outputs(found) == "→ = old@1"
    assert name_outputs(replace(found, result={})) == "→ -"
    assert name_outputs(replace(found, environment={"program": "own.py"})) == "→ -"
