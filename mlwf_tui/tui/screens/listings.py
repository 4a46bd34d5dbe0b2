"""Makes the tables of versions, reports and runs out of a snapshot; no widgets, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.lines import first_line
from mlwf_tui.entities.model import Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import Run
from mlwf_tui.entities.sparkline import draw_sparkline
from mlwf_tui.tui.screens.outline import (
    SUBJECT_PARAMS,
    make_report_entry,
    make_run_entry,
    make_version_entry,
)
from mlwf_tui.tui.screens.outlooks import Outlooks
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.widgets.curve_plot import MARKERS
from mlwf_tui.tui.widgets.drawing import fit_middle
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.entry_list import Listing, SortValue
from mlwf_tui.tui.widgets.formats import (
    STATE_GLYPHS,
    format_age,
    format_duration,
    format_time_left,
)
from mlwf_tui.tui.widgets.metric_panels import MARK_GLYPH
from mlwf_tui.tui.widgets.table import Column
from mlwf_tui.workflow.metrics import Outlook

Row = tuple[tuple[str, SortValue], ...]
"""For each column what is written, and what is sorted by."""

NAME_CELLS = 33
CURVE_CELLS = 12
AGE = Column("made", 10, align="right")


def make_listing(
    entry: Entry,
    snapshot: Snapshot,
    now: datetime,
    *,
    outlooks: Outlooks | None = None,
    overlaid: Sequence[str] = (),
    runs: RunRows | None = None,
) -> Listing | None:
    """Return the list that opening `entry` shows, or None if it is no section or project.

    `overlaid` are the runs whose curves are drawn over each other, in the order of their markers; `runs`
    knows older runs, where they were read.
    """
    if isinstance(entry.entity, Project):
        return _list_versions(entry, snapshot.versions.get(entry.entity.id), snapshot, now)
    match entry.key:
        case "section:reports":
            return _list_reports(snapshot.reports, now)
        case "section:runs":
            return _list_runs(runs or RunRows(), snapshot, now, outlooks or Outlooks(), overlaid)
        case _:
            return None


def _list_versions(
    entry: Entry, read: Sequence[Version] | None, snapshot: Snapshot, now: datetime
) -> Listing:
    versions = read or ()
    columns = (
        Column("version", 8),
        Column("message", flex=2),
        Column("kind", 10),
        Column("items", 9, align="right"),
        Column("author", 10),
        AGE,
    )
    rows: list[Row] = [
        (
            (f"@{v.number}", v.number),
            (" ".join((*(f"#{tag}" for tag in v.tags), first_line(v.message))), v.message),
            (v.kind.value, v.kind.value),
            (f"{v.item_count:,}", v.item_count),
            (v.author, v.author),
            _age(v.created_at, now),
        )
        for v in versions
    ]
    entries = [make_version_entry(version, snapshot, now) for version in versions]
    project = entry.entity
    if read is not None and isinstance(project, Project) and project.is_changed:
        entries.insert(0, entry)
        rows.insert(0, _draw_head_row(project, now))
    empty = ("reading…", "") if read is None else ("No version yet:", "c commits the head.")
    return _assemble(f"Versions of {entry.ref}", "state", columns, entries, rows, empty)


def _draw_head_row(project: Project, now: datetime) -> Row:
    """Return the row of a head that no version names: it can be looked through as well."""
    return (
        ("head", float("inf")),
        ("uncommitted, c commits", ""),
        ("", ""),
        (f"{project.item_count:,}", project.item_count),
        ("", ""),
        _age(project.updated_at, now),
    )


def _list_reports(reports: Sequence[Report], now: datetime) -> Listing:
    names = ("map", "map50", "precision", "recall", "f1")
    columns = (
        Column("report", flex=2),
        Column("model", flex=2),
        Column("data", flex=1),
        Column("split", 6),
        *(Column(name, 9, align="right") for name in names),
        AGE,
    )
    rows = [
        (
            (r.name, r.name),
            (r.model_name, r.model_name),
            (r.version_ref, r.version_ref),
            (r.split, r.split),
            *_list_figures(r, names),
            _age(r.created_at, now),
        )
        for r in reports
    ]
    empty = ("No report yet:", "select a model and press b to measure it.")
    return _assemble("Reports", "report", columns, [make_report_entry(r) for r in reports], rows, empty)


def _list_figures(report: Report, names: Sequence[str]) -> list[tuple[str, SortValue]]:
    return [(report.write_figure(name) or "—", report.metrics.get(name, -1.0)) for name in names]


class RunRow(NamedTuple):
    """What a list has of a run: `text` is what a filter looks through."""

    entry: Entry
    cells: list[str]
    sort_values: list[SortValue]
    text: str


class RunRows:
    """The runs that are listed, all of them once they were read; rows of thousands are made only once."""

    def __init__(self) -> None:
        self._runs: tuple[Run, ...] = ()  # those that go on first, then the newest
        self._are_all_read = False
        self._taken: Snapshot | None = None
        self._are_outdated = False
        self._made: dict[str, tuple[tuple[object, ...], RunRow]] = {}

    def keep(self, runs: tuple[Run, ...]) -> None:
        """Take in all runs there are, newest first."""
        self._runs, self._are_all_read, self._taken = runs, True, None

    def take(self, snapshot: Snapshot) -> tuple[Run, ...]:
        """Return the runs as the snapshot has them, with what is known of older ones behind them."""
        if snapshot is not self._taken:
            present = {run.id for run in snapshot.runs}
            older = [run for run in self._runs if run.id not in present] if self._are_all_read else []
            # What the snapshot has not is over by now, whatever was known of it.
            self._are_outdated = any(not run.state.is_finished for run in older)
            self._runs = (*sorted(snapshot.runs, key=lambda run: run.state.is_finished), *older)
            self._taken = snapshot
        return self._runs

    def lacks(self, snapshot: Snapshot) -> bool:
        """Whether runs have to be read that are neither in the snapshot nor known as they are now."""
        return len(self.take(snapshot)) < snapshot.run_count or self._are_outdated

    def make(self, run: Run, now: datetime, outlook: Outlook, overlaid: Sequence[str]) -> RunRow:
        """Return a run's row, the one that was made before where it would be the same."""
        sign = overlaid.index(run.id) if run.id in overlaid and len(overlaid) > 1 else -1
        facts = (run, outlook, sign, format_age(run.created_at, now))
        known = self._made.get(run.id)
        if known is not None and known[0] == facts and run.state.is_finished:
            return known[1]
        entry = make_run_entry(run, now)
        row = _make_run_row(run, entry, now, outlook, overlaid)
        made = RunRow(entry, [text for text, _ in row], [value for _, value in row], _list_words(entry, row))
        self._made[run.id] = facts, made
        return made


def _list_runs(
    known: RunRows, snapshot: Snapshot, now: datetime, outlooks: Outlooks, overlaid: Sequence[str]
) -> Listing:
    """List runs, those that go on first, each with the curve of the metric that tells most of it."""
    runs = known.take(snapshot)
    note = format_count(len(runs), "run")
    if known.lacks(snapshot):
        note = f"the newest {len(runs):,} of {snapshot.run_count:,} runs, reading the others…"
    columns = (
        Column("state", 10),
        Column("run", NAME_CELLS, cut="middle"),
        Column("curve", CURVE_CELLS),
        Column("last", 6, align="right"),
        Column("best", 6, align="right"),
        Column("time left", 12, align="right"),
        Column("took", 12, align="right"),
        Column("waits for, looks wrong", 24),
        Column("metric", 18),
        Column("author", 10),
        Column("id", 12),
        AGE,
    )
    made = [known.make(run, now, outlooks.find(run.id), overlaid) for run in runs]
    return Listing(
        "Runs",
        note,
        columns,
        tuple(row.entry for row in made),
        [row.cells for row in made],
        [row.sort_values for row in made],
        [row.text for row in made],
        ("Nothing was done yet:", "i imports a folder."),
    )


def _make_run_row(run: Run, entry: Entry, now: datetime, outlook: Outlook, overlaid: Sequence[str]) -> Row:
    return (
        (f"{STATE_GLYPHS[run.state.value]} {run.state.value}", run.state.value),
        _name_run(run, entry, outlook, overlaid),
        *_draw_outlook(run, outlook),
        _took(run, now),
        *_draw_notes(run, outlook),
        (run.author, run.author),
        (run.id, run.id),
        _age(run.created_at, now),
    )


def _name_run(run: Run, entry: Entry, outlook: Outlook, overlaid: Sequence[str]) -> tuple[str, SortValue]:
    """Return a run's name behind a warning, and the marker of its curves where others are drawn with them."""
    signs = [MARK_GLYPH] if outlook.standing.marks else []
    if run.id in overlaid and len(overlaid) > 1:
        signs.append(MARKERS[overlaid.index(run.id) % len(MARKERS)])
    if not signs:
        return entry.title, entry.title
    signed = " ".join(signs)
    return f"{signed} {fit_middle(entry.title, NAME_CELLS - 1 - len(signed))}", entry.title


def _draw_outlook(run: Run, outlook: Outlook) -> Row:
    """Return the curve, the last and the best value, and the time left."""
    standing = outlook.standing
    summary = standing.main_summary
    left = outlook.time_left
    curve = draw_sparkline(summary.means, CURVE_CELLS) if summary is not None else ""
    last = summary.last if summary is not None else None
    shown_left = "" if run.state.is_finished else format_time_left(left)
    return (
        (curve, standing.main),
        (summary.write_last(), -1.0) if summary is not None and last is None else _number(last, empty=""),
        _number(summary.best if summary is not None else None, empty=""),
        (shown_left, left.seconds if left is not None else -1.0),
    )


def _draw_notes(run: Run, outlook: Outlook) -> Row:
    """Return what the run waits for, or what looks wrong about it, and which metric the curve is of."""
    standing = outlook.standing
    marks = "; ".join(f"{MARK_GLYPH} {mark.message.rstrip('.')}" for mark in standing.marks)
    return (run.waits_for or marks, len(standing.marks)), (standing.main, standing.main)


def _assemble(
    title: str,
    word: str,
    columns: tuple[Column, ...],
    entries: Sequence[Entry],
    rows: Sequence[Row],
    empty: tuple[str, str],
) -> Listing:
    return Listing(
        title,
        format_count(len(entries), word),
        columns,
        tuple(entries),
        [[text for text, _ in row] for row in rows],
        [[value for _, value in row] for row in rows],
        [_list_words(entry, row) for entry, row in zip(entries, rows, strict=True)],
        empty,
    )


def _list_words(entry: Entry, row: Row) -> str:
    """Return what is said of an entry in its row, and of a run what it is of."""
    params = entry.entity.params if isinstance(entry.entity, Run) else {}
    subjects = (str(params[name]) for name in SUBJECT_PARAMS if params.get(name))
    return " ".join((entry.title, entry.ref, *subjects, *(text for text, _ in row))).casefold()


def _age(at: datetime, now: datetime) -> tuple[str, SortValue]:
    return format_age(at, now), -at.timestamp()


def _number(value: float | None, *, empty: str = "—") -> tuple[str, SortValue]:
    return (empty, -1.0) if value is None else (f"{value:.3f}", value)


def _took(run: Run, now: datetime) -> tuple[str, SortValue]:
    seconds = run.find_length_s(now)
    return ("—", -1.0) if seconds is None else (format_duration(seconds), seconds)
