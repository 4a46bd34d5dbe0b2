"""One run while it goes, or as it went: a line on how it stands, its metrics, its log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.run import MetricPoint, Progress, Run
from mlwf_tui.entities.usage import Usage, list_words
from mlwf_tui.tui.widgets.formats import STATE_GLYPHS, STATE_STYLES, format_duration, format_value
from mlwf_tui.tui.widgets.log_view import LogView
from mlwf_tui.tui.widgets.metric_plots import MetricPlots

BAR_WIDTH = 24


class RunMonitor(Vertical):
    """Draws what it is handed; the screen polls the run and calls `show_update`. The log follows itself."""

    DEFAULT_CSS = """
    RunMonitor {
        & > #run-head { height: auto; padding: 0 1; }
        & > #run-metrics { height: 3fr; }
        & > #run-log { height: 2fr; border-top: solid $border; }
        & > #run-result { height: 1fr; padding: 1 1; display: none; }
        &.-plain > #run-metrics { display: none; }
        &.-plain > #run-log { height: 1fr; }
        &.-silent > #run-log { display: none; }
        &.-silent > #run-result { display: block; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="-plain")
        self._head = Static(id="run-head")
        self.metrics = MetricPlots(id="run-metrics")
        self.log_view = LogView(id="run-log")
        self._result = Static(id="run-result")
        self._run: Run | None = None
        self._progress: Progress | None = None
        self._usage: Usage | None = None
        self._title = ""

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.metrics
        yield self.log_view
        yield self._result

    @property
    def run_id(self) -> str:
        """The run that is shown, or ""."""
        return self._run.id if self._run is not None else ""

    def show_run(self, run: Run, title: str, log_path: Path, now: datetime) -> None:
        """Begin to show this run; what was shown of another is put away."""
        self._run, self._title, self._progress, self._usage = run, title, None, None
        self.set_class(True, "-plain")
        self.metrics.show_metrics({})
        is_silent = run.state.is_finished and not log_path.exists()
        self.set_class(is_silent, "-silent")
        if is_silent:
            self._result.update(_draw_result(run))
        else:
            self.log_view.open_log(log_path)
        self._draw(now)

    def show_update(
        self, run: Run, progress: Progress | None, points: Sequence[MetricPoint], now: datetime
    ) -> None:
        """Draw what is new of the run."""
        self._run = run
        self._progress = progress or self._progress
        if points:
            self.set_class(False, "-plain")
            self.metrics.add_points(points)
        self._draw(now)

    def show_usage(self, usage: Usage) -> None:
        """Take in what the run has taken of the machine; it is drawn with the next update."""
        self._usage = usage

    def _draw(self, now: datetime) -> None:
        if self._run is not None:
            head = _draw_head(self._run, self._title, self._progress, now)
            usage = _draw_usage(self._usage)
            self._head.update(Content.assemble(head, "\n", usage) if usage else head)


def _draw_result(run: Run) -> Content:
    """Draw what a run left that was done by a command or the app itself, without a log."""
    lines = [
        Content.assemble((f"{name.replace('_', ' '):<18}", "$text-muted"), format_value(value))
        for name, value in run.result.items()
        if isinstance(value, str | int | float)
    ]
    note = Content.styled("It was done at once, by a command or in the app: there is no log.", "$text-muted")
    return Content("\n").join([*lines, Content(""), note])


def _draw_head(run: Run, title: str, progress: Progress | None, now: datetime) -> Content:
    state = run.state.value
    parts = [
        Content.styled(f"{STATE_GLYPHS[state]} {state}", f"bold {STATE_STYLES[state]}"),
        Content.styled(title, "bold"),
        Content.styled(_describe_time(run, now), "$text-muted"),
    ]
    line = Content("  ").join(part for part in parts if part.plain)
    if run.error:
        return Content.assemble(line, "\n", (run.error, "$error"), "  ", (run.hint, "$text-muted"))
    if progress is None or run.state.is_finished:
        return line
    return Content.assemble(line, "\n", _draw_progress(progress))


def _draw_usage(usage: Usage | None) -> Content | None:
    """Draw how busy the machine was with the run, in one line where there is room."""
    words = list_words(usage) if usage is not None else ()
    if not words:
        return None
    parts = [Content.assemble((f"{label} ", "$text-muted"), text) for label, text in words]
    return Content.styled(" · ", "$text-muted").join(parts)


def _describe_time(run: Run, now: datetime) -> str:
    if run.started_at is None:
        return f"waits for {run.waits_for or 'its process'}"
    end = run.finished_at or now
    return format_duration(max(0.0, (end - run.started_at).total_seconds()))


def _draw_progress(progress: Progress) -> Content:
    if not progress.total:
        return Content.styled(progress.message, "$text-muted")
    filled = min(BAR_WIDTH, round(BAR_WIDTH * progress.step / progress.total))
    return Content.assemble(
        ("━" * filled, "$accent"),
        ("━" * (BAR_WIDTH - filled), "$border"),
        f" {progress.step / progress.total:4.0%}  ",
        (progress.message, "$text-muted"),
    )
