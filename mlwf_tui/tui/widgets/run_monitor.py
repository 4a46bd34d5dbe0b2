"""One run while it goes, or as it went, and others drawn over it: how it stands, its metrics, its log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.mark import Mark
from mlwf_tui.entities.pace import TimeLeft
from mlwf_tui.entities.run import MetricPoint, Progress, Run, RunState
from mlwf_tui.entities.usage import Usage, list_words
from mlwf_tui.tui.widgets.formats import (
    STATE_GLYPHS,
    STATE_STYLES,
    format_duration,
    format_time_left,
    format_value,
)
from mlwf_tui.tui.widgets.log_view import LogView
from mlwf_tui.tui.widgets.metric_panels import MARK_GLYPH, RunLines
from mlwf_tui.tui.widgets.metric_plots import MetricPlots

BAR_WIDTH, SMALL_BAR_WIDTH = 24, 8
OPENING_S = 2.0
MAX_MARKS = 2  # in words; the plots themselves have all of them
LOW_ROWS = 30  # of a window that has no more than a row for a mark, and one for the usage
SMALL_ROWS = 20  # of one that has a row for the progress, and tells of the log and the usage what is left


class RunMonitor(Vertical):
    """Draws what it is handed; the screen polls the runs and calls `show_update`. The log follows itself."""

    DEFAULT_CSS = """
    RunMonitor {
        & > #run-head { height: auto; padding: 0 1; }
        & > #run-metrics { height: 3fr; }
        & > #run-log { height: 2fr; border-top: solid $border; }
        & > #run-result { height: 1fr; padding: 1 1; display: none; }
        &.-plain > #run-metrics { display: none; }
        &.-plain > #run-log { height: 1fr; }
        &.-silent > #run-log { display: none; }
        &.-silent > #run-result { display: block; height: auto; }
        &.-silent.-plain > #run-result { height: 1fr; }
        &.-small > #run-metrics { height: 1fr; min-height: 3; }
        &.-small > #run-log { height: 3; border-top: none; }
        &.-small > #run-log:focus { height: 2fr; }
        &.-small.-plain > #run-log { height: 1fr; }
        &.-small.-silent > #run-result { max-height: 4; padding: 0 1; }
        &.-small.-silent.-plain > #run-result { max-height: 100%; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="-plain")
        self._head = Static(id="run-head")
        self.metrics = MetricPlots(id="run-metrics")
        self.log_view = LogView(id="run-log")
        self._result = Static(id="run-result")
        self._run: Run | None = None
        self._lines: dict[str, RunLines] = {}  # of the run that is shown, then of those drawn over it
        self._progress: Progress | None = None
        self._usage: Usage | None = None
        self._time_left: TimeLeft | None = None
        self._marks: tuple[Mark, ...] = ()
        self._title = ""
        self._opened_at = self._drawn_at = datetime.min
        self._drawn = Content("")
        self._shape: object = None  # of the head: what its height depends on

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.metrics
        yield self.log_view
        yield self._result

    @property
    def run_id(self) -> str:
        """The run that is shown, or ""."""
        return self._run.id if self._run is not None else ""

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The run that is shown and those that are drawn over it, in the order of their colours."""
        return tuple(self._lines)

    def show_run(self, run: Run, title: str, log_path: Path, now: datetime) -> None:
        """Begin to show this run; what was shown of others is put away."""
        self._run, self._title, self._progress, self._usage = run, title, None, None
        self._time_left, self._marks, self._opened_at = None, (), now
        self._lines = {run.id: _make_lines(run, title)}
        self.set_class(True, "-plain")
        self.metrics.show_runs(list(self._lines.values()))
        is_silent = not run.is_detached and not log_path.exists()
        self.set_class(is_silent, "-silent")
        if is_silent:
            self._result.update(_draw_result(run))
        else:
            self.log_view.open_log(log_path)
        self._draw(now)

    def toggle_overlay(self, run: Run, title: str) -> bool:
        """Draw another run's curves over those that are shown, or take them away; return whether it is on.

        The points of a run that is new here must be told from their beginning.
        """
        assert self._run is not None, "a run is shown before others are drawn over it"
        is_on = run.id not in self._lines
        if is_on:
            self._lines[run.id] = _make_lines(run, title)
        elif run.id != self.run_id:
            del self._lines[run.id]
        self.metrics.show_runs(list(self._lines.values()))
        return is_on

    def show_update(
        self,
        run: Run,
        progress: Progress | None,
        points: Sequence[MetricPoint],
        now: datetime,
        *,
        time_left: TimeLeft | None = None,
        marks: Iterable[Mark] | None = None,
    ) -> None:
        """Draw what is new of the run, or of one that is drawn over it; marks are None where unchanged."""
        if points:
            self._show_plots(now)
            self.metrics.add_points(points, run.id)
        if marks is not None:
            marks = tuple(marks)
            self.metrics.show_marks(marks, run.id)
        if run.id != self.run_id:
            return
        self._run = run
        self._progress = progress or self._progress
        self._time_left = time_left
        self._marks = self._marks if marks is None else marks
        self._draw(now)

    def show_usage(self, usage: Usage) -> None:
        """Take in what the run has taken of the machine; it is drawn with the next update."""
        self._usage = usage

    def on_resize(self) -> None:
        """Draw the head for the room that there is now."""
        self.set_class(self._is_small, "-small")
        self._draw(self._drawn_at)

    @property
    def _is_small(self) -> bool:
        return self.app.size.height < SMALL_ROWS

    def _show_plots(self, now: datetime) -> None:
        """Give the plots their room, and the focus where the run was opened a moment ago."""
        if not self.has_class("-plain"):
            return
        self.set_class(False, "-plain")
        if self.log_view.has_focus and (now - self._opened_at).total_seconds() < OPENING_S:
            self.call_after_refresh(self.metrics.focus)

    def _draw(self, now: datetime) -> None:
        """Draw the head if it says anything new, and lay the screen out only where its height may differ."""
        if self._run is None:
            return
        self._drawn_at = now
        lines = self._draw_lines(self._run, now)
        notes = self._draw_notes()
        head = Content("\n").join([*lines, *notes])
        if head == self._drawn:
            return
        shape = (len(lines), len(notes), self._run.error, self._run.hint, self._marks)
        self._head.update(head, layout=shape != self._shape)
        self._drawn, self._shape = head, shape

    def _draw_lines(self, run: Run, now: datetime) -> list[Content]:
        """Draw the state and the progress, in a small window in a row each; an error is told to its end."""
        bar_width = SMALL_BAR_WIDTH if self._is_small else BAR_WIDTH
        lines = _draw_head(run, self._title, self._progress, self._time_left, now, bar_width)
        width = self._head.content_size.width
        if not self._is_small or not width or run.error:
            return lines
        return [line.truncate(width, ellipsis=True) for line in lines]

    def _draw_notes(self) -> list[Content]:
        """Draw the marks and what the run takes of the machine; in a low window of each what one row has."""
        is_low, width = self.app.size.height < LOW_ROWS, self._head.content_size.width
        notes = [_draw_mark(mark) for mark in self._marks[: 1 if is_low else MAX_MARKS]]
        if not self._is_small and (usage := _draw_usage(self._usage)) is not None:
            notes.append(usage)
        return [note.truncate(width, ellipsis=True) for note in notes] if is_low and width else notes


def _make_lines(run: Run, title: str) -> RunLines:
    started = run.started_at or run.created_at
    return RunLines(run.id, title.partition(" ")[2] or title, started.timestamp())


def _draw_result(run: Run) -> Content:
    """Draw what a run has left that is done by a command, the app or another program, without a log."""
    lines = [
        Content.assemble((f"{name.replace('_', ' '):<18}", "$text-muted"), format_value(value))
        for name, value in run.result.items()
        if isinstance(value, str | int | float)
    ]
    if run.is_tracked:
        words = "Its program writes to a terminal of its own: there is no log here."
    elif run.state.is_finished:
        words = "It was done at once, by a command or in the app: there is no log."
    else:
        words = "It is done by a command or in the app: there is no log."
    note = Content.styled(words, "$text-muted")
    return Content("\n").join([*lines, Content(""), note])


def _draw_head(
    run: Run,
    title: str,
    progress: Progress | None,
    time_left: TimeLeft | None,
    now: datetime,
    bar_width: int,
) -> list[Content]:
    state = run.state.value
    parts = [
        Content.styled(f"{STATE_GLYPHS[state]} {state}", f"bold {STATE_STYLES[state]}"),
        Content.styled(title, "bold"),
        Content.styled(_describe_time(run, now), "$text-muted"),
    ]
    lines = [Content("  ").join(part for part in parts if part.plain)]
    if run.error:
        lines.append(Content.assemble((run.error, "$error"), "  ", (run.hint, "$text-muted")))
    elif progress is not None and not run.state.is_finished:
        lines.append(_draw_progress(progress, time_left, bar_width))
    return lines


def _draw_mark(mark: Mark) -> Content:
    words = (f"{MARK_GLYPH} {mark.message}", "$text-warning")
    return Content.assemble(words, " ", (mark.hint, "$text-muted"))


def _draw_usage(usage: Usage | None) -> Content | None:
    """Draw how busy the machine was with the run, in one line where there is room."""
    words = list_words(usage) if usage is not None else ()
    if not words:
        return None
    parts = [Content.assemble((f"{label} ", "$text-muted"), text) for label, text in words]
    return Content.styled(" · ", "$text-muted").join(parts)


def _describe_time(run: Run, now: datetime) -> str:
    seconds = run.find_length_s(now)
    if seconds is None and run.state is RunState.PAUSED:
        return "waits to be resumed"
    return f"waits for {run.waits_for or 'its process'}" if seconds is None else format_duration(seconds)


def _draw_progress(progress: Progress, time_left: TimeLeft | None, bar_width: int) -> Content:
    if not progress.total:
        return Content.styled(progress.message, "$text-muted")
    filled = min(bar_width, round(bar_width * progress.step / progress.total))
    left = f"{format_time_left(time_left)} left  " if progress.step < progress.total else ""
    return Content.assemble(
        ("━" * filled, "$accent"),
        ("━" * (bar_width - filled), "$border"),
        f" {progress.step / progress.total:4.0%}  ",
        left,
        (progress.message, "$text-muted"),
    )
