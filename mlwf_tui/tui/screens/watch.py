"""Follows runs from a thread: which ones, and what is new of each since the last poll."""

from __future__ import annotations

from collections.abc import Iterable

from mlwf_tui.workflow.follow import RunFollower, RunUpdate
from mlwf_tui.workspace import Workspace


class RunWatch:
    """Holds one follower a run. `poll` is for one thread at a time; the rest for the loop."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._wanted: frozenset[str] = frozenset()
        self._restarted: set[str] = set()
        self._followers: dict[str, RunFollower] = {}

    @property
    def is_idle(self) -> bool:
        return not self._wanted

    def follow(self, run_ids: Iterable[str]) -> None:
        """Follow exactly these runs from the next poll on."""
        self._wanted = frozenset(run_ids)

    def restart(self, run_id: str) -> None:
        """Tell everything of this run once more at the next poll: somebody new wants to see it."""
        self._wanted |= {run_id}
        self._restarted.add(run_id)

    def poll(self) -> dict[str, RunUpdate]:
        """Return what is new of every run that is followed."""

        wanted, restarted, self._restarted = self._wanted, self._restarted, set()
        self._followers = {
            run_id: follower
            for run_id, follower in self._followers.items()
            if run_id in wanted and run_id not in restarted
        }
        updates = {}
        for run_id in wanted:
            if run_id not in self._followers:
                self._followers[run_id] = RunFollower(self._workspace, run_id)
            updates[run_id] = self._followers[run_id].poll()
        return updates
