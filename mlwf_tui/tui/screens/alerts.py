"""What a person is told without having asked: runs that have ended, and marks that want attention."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.mark import Mark
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.keys import KEYS_BY_ID
from mlwf_tui.tui.notices import write_notice
from mlwf_tui.tui.screens.outline import make_run_entry
from mlwf_tui.tui.screens.telling import Teller
from mlwf_tui.tui.widgets.formats import format_duration
from mlwf_tui.workflow.running.follow import RunUpdate
from mlwf_tui.workflow.running.machine_marks import mark_run

APP = "app"
TITLE = "mlwf"
MAX_TITLES = 3
LOST_OF_LATE = timedelta(days=1)
MAX_SHOWN = 3  # of a moment: fifty runs that go wrong together would cover the screen, and ring fifty times
MOMENT = timedelta(seconds=10)


class Alerts:
    """Tells each thing once: in a corner of the app, and by whatever else `ways` has of settings.toml.

    Of many that come together the first few are shown, the others counted; all stay among the messages.
    """

    def __init__(
        self,
        teller: Teller,
        ways: Collection[str],
        environment: Mapping[str, str],
        write: Callable[[str], None],
        read_clock: Callable[[], datetime],
    ) -> None:
        self._teller = teller
        self._ways = ways
        self._environment = environment
        self._write = write
        self._read_clock = read_clock
        self._finished: set[str] | None = None  # None before the first look: what was over then is no news
        self._marked: dict[str, set[str]] = {}  # kinds by whose they are
        self._moment_at = datetime.min.replace(tzinfo=UTC)
        self._shown = 0  # of this moment
        self._held = 0  # were not shown in it

    def see_runs(self, runs: Iterable[Run]) -> None:
        """Tell of the queued runs that have ended since the last look."""
        finished = {run.id: run for run in runs if run.is_detached and run.state.is_finished}
        if self._finished is None:
            self._offer_lost(finished.values())
        else:
            for run_id, run in finished.items():
                if run_id not in self._finished:
                    self._tell_end(run)
        self._finished = set(finished) | (self._finished or set())
        self._finished -= {run.id for run in runs if not run.state.is_finished}  # it was resumed

    def see_updates(self, updates: Iterable[RunUpdate]) -> None:
        """Tell the marks of what runs take of the machine, and of their metrics while they go on."""
        for update in updates:
            run = update.run
            title = make_run_entry(run, run.created_at).title
            if update.usage is not None:
                self.see_marks(run.id, mark_run(run, update.usage), title=title)
            if update.standing is not None and not run.state.is_finished:
                self.see_marks(f"{run.id} metrics", update.standing.marks, title=title)

    def see_marks(self, owner: str, marks: Sequence[Mark], *, title: str = "") -> None:
        """Tell the marks that are new, behind the title of a run; one that went and came again is told again.

        `owner` is whose marks these all are: the id of a run, or the machine.
        """
        before = self._marked.get(owner, set())
        self._marked[owner] = {mark.kind for mark in marks}
        for mark in marks:
            if mark.kind not in before:
                self._warn(f"{title}: {mark.message}" if title else mark.message, mark.hint)
        self._show_held()  # the machine's are looked at every two seconds, whatever else goes on

    def _offer_lost(self, runs: Iterable[Run]) -> None:
        """Say, as the app opens, what was lost of late: after a reboot nobody else would."""
        since = self._read_clock() - LOST_OF_LATE
        lost = [
            run
            for run in runs
            if run.state is RunState.LOST and run.finished_at is not None and run.finished_at > since
        ]
        if lost:
            what = "1 run was" if len(lost) == 1 else f"{len(lost)} runs were"
            titles = ", ".join(make_run_entry(run, run.created_at).title for run in lost[:MAX_TITLES])
            is_resumable = any(run.can_begin_again for run in lost)
            hint = f"{KEYS_BY_ID['resume'].display} on it lets it go on, as mlwf resume does."
            hint = hint if is_resumable else "mlwf runs lists them."
            self._teller.fail(MlwfError(f"{what} lost: {titles}.", hint=hint), is_shown=APP in self._ways)

    def _tell_end(self, run: Run) -> None:
        title = make_run_entry(run, run.created_at).title
        match run.state:
            case RunState.DONE:
                self._say(f"✓ {title} is done{_describe_length(run)}.")
            case RunState.STOPPED:
                self._say(f"■ {title} was stopped.")
            case RunState.LOST:
                self._warn(f"{title} was lost: {run.error}", run.hint or f"mlwf resume {run.id}")
            case _:
                self._warn(f"{title} failed: {run.error}", run.hint or f"mlwf logs {run.id}")

    def _say(self, text: str) -> None:
        is_shown = self._take_turn()
        self._teller.say(text, is_shown=is_shown and APP in self._ways)
        if is_shown:
            self._notice(text)

    def _warn(self, text: str, hint: str) -> None:
        is_shown = self._take_turn()
        self._teller.fail(MlwfError(text, hint=hint), is_shown=is_shown and APP in self._ways)
        if is_shown:
            self._notice(text)

    def _take_turn(self) -> bool:
        """Return whether what is told now is also shown; what is not is counted."""
        now = self._read_clock()
        if not self._moment_at <= now < self._moment_at + MOMENT:  # a clock may be set back
            self._moment_at, self._shown = now, 0
        self._shown += 1
        self._held += self._shown > MAX_SHOWN
        return self._shown <= MAX_SHOWN

    def _show_held(self) -> None:
        """Say how many were not shown, once their moment is over."""
        if not self._held or self._moment_at <= self._read_clock() < self._moment_at + MOMENT:
            return
        more = format_count(self._held, "more message")
        text = f"And {more}: {KEYS_BY_ID['messages'].display} lists them."
        self._held = 0
        if APP in self._ways:
            self._teller.point_out(text)
        self._notice(text)

    def _notice(self, text: str) -> None:
        sequence = write_notice(TITLE, text, self._ways, self._environment)
        if sequence:
            self._write(sequence)


def _describe_length(run: Run) -> str:
    seconds = run.find_length_s()
    return "" if seconds is None else f" after {format_duration(seconds)}"
