"""metrics: the curves of runs, whole or in short."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.mark import Standing
from mlwf_tui.entities.metric import MetricSeries, matches
from mlwf_tui.entities.pace import TimeLeft
from mlwf_tui.entities.run import Progress, Run
from mlwf_tui.errors import NotFound
from mlwf_tui.workflow.running.events import FILE_NAME, iter_points
from mlwf_tui.workflow.running.tracking import Track
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workspace import Workspace


class RunCurves(msgspec.Struct, frozen=True):
    """One run and the curves that were asked for, in the order in which they were first told."""

    run: Run
    series: tuple[MetricSeries, ...]


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """How a run stands, how far it has come, and how long it will take where that can be known."""

    standing: Standing
    progress: Progress | None = None
    time_left: TimeLeft | None = None


def read_curves(workspace: Workspace, refs: Sequence[str], *, keys: Sequence[str] = ()) -> list[RunCurves]:
    """Return the curves of runs or of the runs that made models; `keys` are patterns, none means all.

    A run that is named twice, as by its model as well, is there once.

    Raises:
        NotFound: there is no such run, or none of them has told a metric that fits.
    """
    runs = {run.id: run for run in (find_run(workspace, ref) for ref in refs)}
    found = [_read_run(workspace, run, keys) for run in runs.values()]
    if not any(curves.series for curves in found):
        what = f"metric like {', '.join(keys)}" if keys else "metric"
        raise NotFound(
            f"There is no {what} in {', '.join(refs)}.", hint="mlwf metrics RUN lists all it told."
        )
    return found


def find_run(workspace: Workspace, ref: str) -> Run:
    """Return a run by its id or a unique prefix, or the run that made the model of that name.

    Raises:
        NotFound: there is neither.
    """
    try:
        return get_run(workspace, ref)
    except NotFound as error:
        try:
            return get_run(workspace, workspace.catalog.models.get(ref).run_id)
        except NotFound:
            raise error from None


def read_outlooks(workspace: Workspace, runs: Iterable[Run]) -> dict[RunId, Outlook]:
    """Return how runs stand: of finished ones as the catalog keeps it, of others from their files.

    The first reader after a run's end enters its standing into the catalog, and anybody does so again
    whose event file has another size than the one that was read.
    """
    wanted = list(runs)
    kept = workspace.catalog.standings.find(run.id for run in wanted if run.state.is_finished)
    now_s = time.time()
    outlooks: dict[RunId, Outlook] = {}
    for run in wanted:
        known = kept.get(run.id)
        folder = workspace.run_folder(run.id)
        if known is not None and known.size_bytes == _find_size(folder, known.size_bytes):
            outlooks[run.id] = Outlook(standing=known.standing)
            continue
        size_bytes = _find_size(folder, 0)
        track = Track(folder)
        track.read_all()
        standing = track.assess(is_active=not run.state.is_finished)
        if run.state.is_finished and size_bytes:
            keep_standing(workspace, run, size_bytes, standing)
        time_left = None if run.state.is_finished else track.estimate(now_s)
        outlooks[run.id] = Outlook(standing=standing, progress=track.progress, time_left=time_left)
    return outlooks


def keep_standing(workspace: Workspace, run: Run, size_bytes: int, standing: Standing) -> None:
    """Enter a finished run's standing into the catalog, with a curve of its main metric alone.

    `size_bytes` is the event file's size from before it was read: what came later makes it outdated.
    """
    short = {
        key: summary if key == standing.main else summary.without_curve()
        for key, summary in standing.summaries.items()
    }
    kept = msgspec.structs.replace(standing, summaries=short)
    workspace.catalog.standings.keep(run.id, size_bytes, kept)


def _read_run(workspace: Workspace, run: Run, keys: Sequence[str]) -> RunCurves:
    series: dict[str, MetricSeries | None] = {}
    for point in iter_points(workspace.run_folder(run.id)):
        if point.key not in series:
            is_wanted = not keys or any(matches(pattern, point.key) for pattern in keys)
            series[point.key] = MetricSeries(point.key) if is_wanted else None
        curve = series[point.key]
        if curve is not None:
            curve.add(point)
    return RunCurves(run, tuple(curve for curve in series.values() if curve is not None))


def _find_size(folder: Path, default: int) -> int:
    """Return the size of a run's event file, or `default` where it is gone: its standing is all there is."""
    try:
        return (folder / FILE_NAME).stat().st_size
    except FileNotFoundError:
        return default
