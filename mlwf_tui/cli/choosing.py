"""What the commands that merge share: choosing a side of each conflict, and listing conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mlwf_tui.cli.text import format_table
from mlwf_tui.errors import InvalidParameter

if TYPE_CHECKING:  # for the annotations alone: most calls choose nothing, and load nothing for it
    from mlwf_tui.entities.threeway import MergeConflict, Side

choose_option = click.option(
    "--choose", "choices", multiple=True, metavar="KEY=ours|theirs", help="Settle one conflict."
)


def read_choices(words: Sequence[str]) -> dict[str, Side]:
    """Return the chosen sides by the keys of conflicts, or of items for all of theirs.

    Raises:
        InvalidParameter: a word is no KEY=ours or KEY=theirs.
    """
    from mlwf_tui.entities.threeway import Side

    choices = {}
    for word in words:
        key, _, side = word.rpartition("=")
        if not key or side not in tuple(Side):
            raise InvalidParameter(f"{word!r} is no choice.", hint="Write KEY=ours or KEY=theirs.")
        choices[key] = Side(side)
    return choices


def format_conflicts(conflicts: Sequence[MergeConflict]) -> list[str]:
    """Return lines that list conflicts, and say how they are settled."""
    rows = [(conflict.key, conflict.ours, conflict.theirs) for conflict in conflicts]
    count = "1 conflict" if len(rows) == 1 else f"{len(rows)} conflicts"
    return [
        f"{count}: settle each with --choose KEY=ours|theirs, or the rest with --policy",
        format_table(("KEY", "OURS", "THEIRS"), rows, empty=""),
    ]
