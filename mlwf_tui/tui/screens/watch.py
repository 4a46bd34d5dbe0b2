"""Follows runs from a thread: which ones, and what is new of each since the last poll."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from mlwf_tui.entities.mark import Standing
from mlwf_tui.entities.pace import TimeLeft
from mlwf_tui.entities.run import Run
from mlwf_tui.entities.usage import Usage
from mlwf_tui.workflow.journal import latest_sequence
from mlwf_tui.workflow.running.follow import RunUpdate, check_processes, read_rows
from mlwf_tui.workflow.running.tracking import Track
from mlwf_tui.workflow.running.usage import FILE_NAME as USAGE_FILE
from mlwf_tui.workflow.running.usage import UsageReader
from mlwf_tui.workspace import Workspace

ASSESS_INTERVAL_S = 5.0  # marks need many points, and 50 runs are looked at
MAX_ASSESSED = 3  # of those that nobody looks at in one poll, a millisecond each
FOCUS_ASSESS_INTERVAL_S = 1.0
PROCESS_INTERVAL_S = 5.0
USAGE_INTERVAL_S = 2.0  # as often as a job reads the machine


@dataclass(slots=True)
class _Followed:
    """One run that is followed, and what was told of it last."""

    track: Track
    usage: UsageReader
    run: Run | None = None  # as it was told last
    told_usage: Usage | None = None
    usage_read_at: float = 0.0  # by the monotonic clock, as the next
    assessed_at: float = 0.0
    is_assessed: bool = True  # nothing was said since
    time_left: TimeLeft | None = field(default=None)


class RunWatch:
    """Holds one track a run. `poll` is for one thread at a time; the rest for the loop.

    Of the runs in focus all points are told, from the first one after a restart; of the others how they
    stand, every few seconds. Their rows are read only when the journal has grown.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._wanted: frozenset[str] = frozenset()
        self._focused: frozenset[str] = frozenset()
        self._restarted: set[str] = set()
        self._followed: dict[str, _Followed] = {}
        self._rows: dict[str, Run] = {}
        self._sequence = -1
        self._checked_at = 0.0
        self._assessed = 0  # in this poll

    @property
    def is_idle(self) -> bool:
        return not (self._wanted or self._focused)

    @property
    def has_focus(self) -> bool:
        return bool(self._focused)

    @property
    def is_behind(self) -> bool:
        """Whether a run in focus has told more than the last poll could take."""
        focused = (self._followed.get(run_id) for run_id in self._focused)
        return any(one is not None and one.track.is_behind for one in focused)

    def follow(self, run_ids: Iterable[str]) -> None:
        """Follow exactly these runs from the next poll on, beside those in focus."""
        self._wanted = frozenset(run_ids)

    def focus(self, run_ids: Iterable[str]) -> None:
        """Tell every point of these runs, and of those that are new among them from the beginning."""
        focused = frozenset(run_ids)
        self._restarted |= focused - self._focused
        self._focused = focused

    def restart(self, run_id: str) -> None:
        """Tell everything of this run once more at the next poll: somebody new wants to see it."""
        self._focused |= {run_id}
        self._restarted.add(run_id)

    def poll(self, *, in_focus_only: bool = False) -> dict[str, RunUpdate]:
        """Return what is new, of the runs of which anything is."""
        focused, restarted, self._restarted = self._focused, self._restarted, set()
        wanted = self._wanted | focused
        self._followed = {
            run_id: one
            for run_id, one in self._followed.items()
            if run_id in wanted and run_id not in restarted
        }
        if not in_focus_only or restarted:
            self._read_rows(wanted)
        updates = {}
        self._assessed = 0
        for run_id in focused if in_focus_only else wanted:
            update = self._poll_run(run_id, has_points=run_id in focused)
            if update is not None:
                updates[run_id] = update
        return updates

    def _poll_run(self, run_id: str, *, has_points: bool) -> RunUpdate | None:
        run = self._rows.get(run_id)
        if run is None:
            return None
        one = self._followed.get(run_id)
        if one is None:
            folder = self._workspace.run_folder(run.id)
            one = self._followed[run_id] = _Followed(Track(folder), UsageReader(folder / USAGE_FILE))
        progress, points = one.track.poll()
        is_ended = run.state.is_finished and one.run is not None and not one.run.state.is_finished
        one.is_assessed = one.is_assessed and not points and not is_ended
        interval_s = FOCUS_ASSESS_INTERVAL_S if has_points else ASSESS_INTERVAL_S
        is_turn = has_points or self._assessed < MAX_ASSESSED
        standing = self._assess(one, run, interval_s) if is_turn else None
        usage = _read_usage(one, is_ended=is_ended)
        if run == one.run and progress is None and not points and standing is None and usage is None:
            return None
        one.run = run
        return RunUpdate(
            run=run,
            progress=progress,
            new_metrics=tuple(points) if has_points else (),
            standing=standing,
            time_left=one.time_left,
            usage=usage,
        )

    def _assess(self, one: _Followed, run: Run, interval_s: float) -> Standing | None:
        """Return how the run stands if that may have changed since it was looked at so long ago."""
        now = time.monotonic()
        if now - one.assessed_at < interval_s:
            return None
        left = None if run.state.is_finished else one.track.estimate(time.time())
        self._assessed += 1
        is_same = one.is_assessed and one.run is not None and left == one.time_left
        one.assessed_at, one.is_assessed, one.time_left = now, True, left
        return None if is_same else one.track.assess(is_active=not run.state.is_finished)

    def _read_rows(self, wanted: frozenset[str]) -> None:
        """Read the rows anew if anything was done in the home since, or another run is wanted."""
        now = time.monotonic()
        if now - self._checked_at >= PROCESS_INTERVAL_S and any(
            not row.state.is_finished for row in self._rows.values()
        ):
            self._checked_at = now
            check_processes(self._workspace)
        sequence = latest_sequence(self._workspace)
        if sequence != self._sequence or not wanted <= self._rows.keys():
            self._rows = read_rows(self._workspace, wanted)
            self._sequence = sequence


def _read_usage(one: _Followed, *, is_ended: bool) -> Usage | None:
    """Return what a run takes of the machine, if it is time to look again and anything new is known."""
    now = time.monotonic()
    if now - one.usage_read_at < USAGE_INTERVAL_S and not is_ended:
        return None
    one.usage_read_at = now
    usage = one.usage.read()
    if usage == one.told_usage:
        return None
    one.told_usage = usage
    return usage
