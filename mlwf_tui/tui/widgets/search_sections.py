"""The parts of a search's page as ink: headline, trials, importance, history, slices, curves; no widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from mlwf_tui.entities.axis import Axis
from mlwf_tui.entities.search import (
    SearchPlan,
    Trial,
    TrialState,
    describe_values,
    find_best,
    list_records,
    rank,
    write_value,
)
from mlwf_tui.tui.widgets.drawing import Drawing, Line, draw_bar, fit
from mlwf_tui.tui.widgets.plot import Axis as PlotAxis
from mlwf_tui.tui.widgets.plot import Series, draw_plot

PLOT_HEIGHT = 13
MAX_PLOT_WIDTH = 110
MAX_CURVES = 40
POINT, BEST_POINT = "●", "◆"  # told apart without colours too
BAR_WIDTH = 40
MIN_FIVE_TICKS = 60  # cells
NUMBER_WIDTH, STATE_WIDTH, VALUE_WIDTH, AXIS_WIDTH = 5, 9, 9, 10
STATE_ROLES: Mapping[TrialState, str] = {
    TrialState.WAITING: "muted",
    TrialState.RUNNING: "accent",
    TrialState.PAUSED: "warning",
    TrialState.DONE: "success",
    TrialState.PRUNED: "muted",
    TrialState.FAILED: "error",
    TrialState.STOPPED: "warning",
    TrialState.DROPPED: "faint",
}


class SearchPage(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a search."""

    title: str  # "search 3f9a of cells@2"
    state: str
    summary: str
    plan: SearchPlan
    trials: tuple[Trial, ...]
    importance: Mapping[str, float]

    @property
    def best(self) -> Trial | None:
        return find_best(self.trials, is_lower_better=self.plan.is_lower_better)


def list_sections(page: SearchPage) -> dict[str, Drawing]:
    """Return what draws each section of a search's page."""
    draws = {
        "Overview": draw_overview,
        "Trials": draw_trials,
        "Importance": draw_importance,
        "History": draw_history,
        "Slices": draw_slices,
        "Curves": draw_curves,
    }
    return {title: partial(draw, page) for title, draw in draws.items()}


def draw_overview(page: SearchPage, width: int) -> list[Line]:
    """Return what is searched for, how far it has come, and the best trial."""
    plan, best = page.plan, page.best
    lines: list[Line] = [
        [
            (" ", "text"),
            (fit(page.title, max(0, width - 14)).rstrip(), "strong"),
            (f"  {page.state}", "accent"),
        ],
        [(fit(f" {plan.model}, {plan.sampler}, {page.summary}", width), "muted")],
        [],
    ]
    if best is None or best.value is None:
        return [*lines, [(" No trial is done yet.", "muted")]]
    shown = " ".join(f"-p {name}={value}" for name, value in best.values.items())
    return [
        *lines,
        [
            (f" best {plan.metric} ", "muted"),
            (f"{best.value:.4f}", "heading"),
            (f"  trial {best.number}", "text"),
        ],
        [(fit(f" {describe_values(best.values)}", width), "strong")],
        [(fit(f" {shown}", width), "faint")],
        *([[(f" ▲ {best.model}", "text")]] if best.model else []),
    ]


def draw_trials(page: SearchPage, width: int) -> list[Line]:
    """Return all trials, best first."""
    names = [axis.name for axis in page.plan.axes]
    fitting = max(1, (width - NUMBER_WIDTH - STATE_WIDTH - VALUE_WIDTH - 3) // AXIS_WIDTH)
    shown = names[:fitting]
    head = f" {'trial':>{NUMBER_WIDTH}} {'state':<{STATE_WIDTH}}{fit(page.plan.metric, VALUE_WIDTH, 'right')}"
    head += "".join(fit(name, AXIS_WIDTH - 1, "right").rjust(AXIS_WIDTH) for name in shown)
    lines: list[Line] = [[(fit(head, width), "muted")]]
    for trial in rank(page.trials, is_lower_better=page.plan.is_lower_better):
        is_best = page.best is not None and trial.number == page.best.number
        value = "" if trial.value is None else f"{trial.value:.4f}"
        cells = "".join(
            fit(write_value(trial.values.get(name)), AXIS_WIDTH - 1, "right").rjust(AXIS_WIDTH)
            for name in shown
        )
        lines.append(
            [
                (f" {trial.number:>{NUMBER_WIDTH}} ", "strong" if is_best else "text"),
                (fit(trial.state.value, STATE_WIDTH), STATE_ROLES[trial.state]),
                (fit(value, VALUE_WIDTH, "right"), "heading" if is_best else "text"),
                (cells, "strong" if is_best else "text"),
            ]
        )
        if trial.error:
            lines.append([(fit(f"       {trial.error}", width), "error")])
    if len(shown) < len(names):
        lines.append([(fit(f" not shown: {', '.join(names[fitting:])}", width), "faint")])
    return lines if page.trials else [[(" No trial yet.", "muted")]]


def draw_importance(page: SearchPage, width: int) -> list[Line]:
    """Return the share of each parameter in how differently the trials went."""
    if not page.importance:
        return [[(fit(" Known once four trials are done that differ.", width), "muted")]]
    name_width = max(len(name) for name in page.importance)
    bar_width = max(4, min(BAR_WIDTH, width - name_width - 9))
    return [
        [
            (f" {name:<{name_width}} ", "text"),
            (draw_bar(share, bar_width), "primary"),
            (f" {share:4.0%}", "strong"),
        ]
        for name, share in page.importance.items()
    ]


def draw_history(page: SearchPage, width: int) -> list[Line]:
    """Return the value of each trial, and over them the best so far."""
    done = [t for t in page.trials if t.state is TrialState.DONE and t.value is not None]
    records = list_records(page.trials, is_lower_better=page.plan.is_lower_better)
    if not done:
        return [[(" No trial is done yet.", "muted")]]
    best = Series([float(n) for n, _ in records], [value for _, value in records], "series-1")
    points = Series([float(t.number) for t in done], [t.value or 0.0 for t in done], "series-0", POINT)
    last = float(max(2, *(trial.number for trial in page.trials)))
    lines = _indent(draw_plot([best, points], _limit(width), PLOT_HEIGHT, x_limits=(1.0, last)))
    legend: Line = [
        (f" {POINT} ", "series-0"), (f"{page.plan.metric} of a trial  ", "text"),
        ("━━ ", "series-1"), ("best so far", "text"),
    ]  # fmt: skip
    return [legend, *lines, [(fit("trial", _limit(width), "center"), "faint")]]


def draw_slices(page: SearchPage, width: int) -> list[Line]:
    """Return for each parameter the trials by its value."""
    done = [t for t in page.trials if t.state is TrialState.DONE and t.value is not None]
    if not done:
        return [[(" No trial is done yet.", "muted")]]
    lines: list[Line] = [[(f" {BEST_POINT} ", "series-1"), ("best trial", "text")]]
    for axis in page.plan.axes:
        note = ", by powers" if axis.is_log else ""
        words = f" {axis.name}  {page.plan.metric} over {axis.write()}{note}"
        lines.append([(fit(words, width), "strong")])
        lines += [*_draw_slice(page, axis, done, _limit(width)), []]
    return lines[:-1]


def draw_curves(page: SearchPage, width: int) -> list[Line]:
    """Return the metric of each trial while it went; the best one stands out."""
    curves = [trial for trial in page.trials if len(trial.curve) > 1][-MAX_CURVES:]
    best = page.best
    others = [_make_curve(trial, "series-0") for trial in curves if best is None or trial.run != best.run]
    series = [*others, *([_make_curve(best, "series-1")] if best is not None and best.curve else [])]
    legend: Line = [
        (" ━━ ", "series-1"),
        ("best trial  ", "text"),
        ("━━ ", "series-0"),
        ("the others", "text"),
    ]
    return [legend, *_indent(draw_plot(series, _limit(width), PLOT_HEIGHT))]


def _draw_slice(page: SearchPage, axis: Axis, done: Sequence[Trial], width: int) -> list[Line]:
    best = page.best
    others = [trial for trial in done if best is None or trial.run != best.run]
    series = [_place(axis, others, "series-0", POINT)]
    if best is not None:
        series.append(_place(axis, [best], "series-1", BEST_POINT))
    return _indent(
        draw_plot([one for one in series if one.x], width, PLOT_HEIGHT - 3, x_axis=_make_axis(axis, width))
    )


def _place(axis: Axis, trials: Sequence[Trial], role: str, symbol: str) -> Series:
    x = [axis.measure(trial.values[axis.name]) for trial in trials]
    return Series(x, [trial.value or 0.0 for trial in trials], role, symbol)


def _make_axis(axis: Axis, width: int) -> PlotAxis:
    """Return an axis from 0 to 1 that is labelled with the values that lie there."""
    if axis.values:
        ticks = tuple(axis.measure(value) for value in axis.values)
        return PlotAxis(-0.05, 1.05, ticks, tuple(write_value(value) for value in axis.values))
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0) if width >= MIN_FIVE_TICKS else (0.0, 0.5, 1.0)
    return PlotAxis(-0.05, 1.05, ticks, tuple(write_value(axis.place(share)) for share in ticks))


def _make_curve(trial: Trial, role: str) -> Series:
    return Series([float(step) for step, _ in trial.curve], [value for _, value in trial.curve], role)


def _limit(width: int) -> int:
    return min(width - 1, MAX_PLOT_WIDTH)


def _indent(lines: Sequence[Line]) -> list[Line]:
    return [[(" ", "text"), *line] for line in lines]
