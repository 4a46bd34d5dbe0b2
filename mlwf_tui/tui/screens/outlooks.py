"""How runs stand, as the screen knows it: of finished ones read once, of others as their polls tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.mark import Standing
from mlwf_tui.entities.run import Run
from mlwf_tui.workflow.metrics import Outlook
from mlwf_tui.workflow.running.follow import RunUpdate

NOTHING = Outlook(standing=Standing())
MAX_AT_ONCE = 50  # runs that one reading takes on, so that the first of many are seen soon


class Outlooks:
    """What is known of runs by their ids. Called on the loop only."""

    def __init__(self) -> None:
        self._known: dict[str, Outlook] = {}
        self._final: set[str] = set()  # runs that were read after their end; a poll may have come before it

    def find(self, run_id: str) -> Outlook:
        """Return how a run stands; nothing is known of it before it was read."""
        return self._known.get(run_id, NOTHING)

    def list_unknown(self, runs: Sequence[Run]) -> list[Run]:
        """Return the newest finished runs that were not read since their end."""
        self._final &= {run.id for run in runs if run.state.is_finished}  # a resumed one has another end
        unknown = [run for run in runs if run.state.is_finished and run.id not in self._final]
        return unknown[:MAX_AT_ONCE]

    def keep(self, read: Mapping[Any, Outlook]) -> None:
        """Take in what was read of finished runs."""
        self._known |= read
        self._final |= read.keys()

    def take(self, updates: Mapping[str, RunUpdate]) -> bool:
        """Take in what polls told; return whether it changes what a list shows."""
        is_changed = False
        for run_id, update in updates.items():
            is_changed = is_changed or update.standing is not None or run_id not in self._known
            before = self._known.get(run_id, NOTHING)
            self._known[run_id] = replace(
                before,
                standing=update.standing or before.standing,
                progress=update.progress or before.progress,
                time_left=update.time_left,
            )
        return is_changed
