"""The test of keys: asks for one press after another, shows what is sent, and says what does not arrive."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Protocol

import click

from mlwf_tui.cli.face import DONE, PARTLY, make_safe
from mlwf_tui.cli.text import paint
from mlwf_tui.tui.key_checks import CHECKS, KeyCheck, advise
from mlwf_tui.tui.key_reading import Arrival, reading_keys

NOTHING, ENDS = ("n",), ("q", "ctrl+c", "ctrl+d")


class Reader(Protocol):
    """What presses are read from."""

    def read(self) -> tuple[Arrival, ...]:
        """Wait for a press and return what it is."""


class Ended(Exception):  # noqa: N818 - no error: a person has seen enough
    """A person has ended the test."""


def run_key_test(descriptor: int) -> int:
    """Ask at a terminal for everything that the app has to hear, and return the exit code."""
    click.echo("What does your terminal send? Press what is asked for; n where nothing happens, q to end.\n")
    with reading_keys(descriptor) as reader:
        missing = ask_all(reader, CHECKS, click.echo)
    if missing is None:
        click.echo("\nEnded before all was pressed.")
        return PARTLY
    click.echo("\n" + write_summary(missing))
    return PARTLY if missing else DONE


def ask_all(
    reader: Reader, checks: Sequence[KeyCheck], tell: Callable[[str], object]
) -> tuple[KeyCheck, ...] | None:
    """Ask for each press, and then show any others; return what did not arrive, None where it was ended."""
    try:
        missing = tuple(check for check in checks if not _ask(reader, check, tell))
    except (Ended, EOFError):
        return None
    tell("\nThat was all. Press anything else to see what is sent for it; q ends.")
    try:
        while True:
            for arrival in _read(reader):
                tell(f"  {_describe(arrival)}")
    except (Ended, EOFError):
        return missing


def write_summary(missing: Sequence[KeyCheck]) -> str:
    """Say what to do about what does not arrive."""
    if not missing:
        return paint("Everything arrives.", "green")
    lines = [f"{len(missing)} of {len(CHECKS)} did not arrive:"]
    for check in missing:
        lines.append(f"  {paint(check.ask, 'yellow')}, which {check.use}")
        lines.append(f"    {advise(check, os.environ)}")
    return "\n".join(lines)


def _ask(reader: Reader, check: KeyCheck, tell: Callable[[str], object]) -> bool:
    """Ask for one press until it arrives, or a person says that nothing does."""
    tell(f"{check.ask}  {paint(f'({check.use})', 'bright_black')}")
    while True:
        for arrival in _read(reader):
            if arrival.name in check.names:
                tell(f"  {paint('✓', 'green')} {_describe(arrival)}")
                return True
            if arrival.name in NOTHING:
                tell(f"  {paint('✗ does not arrive', 'red')}")
                return False
            tell(f"  that was {_describe(arrival)}; again, or n")


def _read(reader: Reader) -> tuple[Arrival, ...]:
    arrivals = reader.read()
    if any(arrival.name in ENDS for arrival in arrivals):
        raise Ended
    return arrivals


def _describe(arrival: Arrival) -> str:
    return f"{arrival.name:<14} {make_safe(arrival.sent)}"
