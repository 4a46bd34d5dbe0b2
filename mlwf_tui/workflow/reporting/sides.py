"""The models of a comparison side by side, for pages and texts: figures, costs, and who is on the front."""

from __future__ import annotations

from collections.abc import Sequence

from mlwf_tui.entities.measurement import (
    IMAGES,
    METRIC_NAMES,
    ComparedModel,
    ComparedPair,
    ComparisonReport,
    ItemDifference,
    choose_two,
)
from mlwf_tui.entities.sizes import MIB
from mlwf_tui.entities.speed import find_image_ms
from mlwf_tui.workflow.reporting.charts import (
    BOTTOM,
    COLORS,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    draw_frame,
    round_up,
    scale,
    show,
    wrap,
)

Row = tuple[str, ...]
FRONT = "none is better in accuracy, speed and size"


def tabulate_models(body: ComparisonReport) -> tuple[Row, list[Row]]:
    """Return header and rows: accuracy, time of an image, bytes, and whether nobody beats it in all three."""
    figures = choose_two(body.models[0].metrics)
    header = (
        "model", "architecture", *(METRIC_NAMES.get(name, name) for name in figures), "ms an image",
        "images a second", "bytes", "Pareto front",
    )  # fmt: skip
    rows = [
        (
            of.model,
            of.architecture,
            *(f"{of.metrics.get(name, 0):.3f}" for name in figures),
            _show(find_image_ms(of.speed), 2),
            _show(of.speed.get("images_per_second"), 1),
            f"{of.size_bytes:,}",
            FRONT if of.is_on_front else "",
        )
        for of in body.models
    ]
    return header, rows


def list_cause_rows(pair: ComparedPair) -> list[Row]:
    """Return what differs in how two models were made: kind and name, the older one's, the newer one's."""
    return [
        (f"{of.kind} {of.name}", *("-" if side is None else str(side) for side in (of.before, of.after)))
        for of in pair.causes
    ]


def describe_fates(pair: ComparedPair) -> str:
    """Return in words what became of the truths: how many were fixed, broken, found by both or neither.

    Of pixels what became of the images.
    """
    found = pair.comparison
    if found.counted == IMAGES:
        return (
            f"{found.truths_fixed:,} fixed, {found.truths_broken:,} broken, "
            f"{found.truths_both_missed:,} both wrong, {found.truths_both_found:,} both right"
        )
    return (
        f"{found.truths_fixed:,} fixed, {found.truths_broken:,} broken, "
        f"{found.truths_both_found:,} found by both, {found.truths_both_missed:,} by neither"
    )


def describe_change(of: ItemDifference) -> str:
    """Return in words what became of an item: its mistakes, or of pixels its IoU, before and now."""
    if of.is_of_pixels:
        return f"IoU {_show(of.iou_before, 3)} → {_show(of.iou, 3)}"
    return f"{of.mistakes_before} → {of.mistakes_now} mistakes"


def draw_trade_offs(body: ComparisonReport) -> list[str]:
    """Return accuracy over time and over size as SVG; the models that nobody beats are joined."""
    name = (*choose_two(body.models[0].metrics), "map")[0]
    known = [of for of in body.models if name in of.metrics]
    title = METRIC_NAMES.get(name, name)
    timed = [(of, ms) for of in known if (ms := find_image_ms(of.speed)) is not None]
    sized = [(of, of.size_bytes / MIB) for of in known]
    return [
        _draw_points(points, name, f"{title} over {label}", label, title)
        for points, label in ((timed, "ms an image"), (sized, "MiB of weights"))
        if points
    ]


def _draw_points(
    points: Sequence[tuple[ComparedModel, float]], name: str, title: str, x_label: str, y_label: str
) -> str:
    x_range = (0.0, round_up(max(cost for _, cost in points) * 1.1))
    y_range = (0.0, 1.0)
    parts = list(draw_frame(title, x_label, y_label, x_range, y_range))
    places = [
        (
            of,
            scale(cost, x_range, LEFT, WIDTH - RIGHT),
            scale(of.metrics[name], y_range, HEIGHT - BOTTOM, TOP),
        )
        for of, cost in points
    ]
    front = sorted((x, y) for of, x, y in places if of.is_on_front)
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in front)
    parts.append(f'<polyline class="line" stroke="{COLORS[5]}" stroke-dasharray="4 3" points="{joined}"/>')
    for of, x, y in places:
        color = COLORS[1] if of.is_on_front else COLORS[0]
        sign = "◆ " if of.is_on_front else ""
        anchor = "end" if x > WIDTH * 0.7 else "start"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>')
        parts.append(
            f'<text class="name" x="{x + (-7 if anchor == "end" else 7):.1f}" y="{y - 6:.1f}" '
            f'text-anchor="{anchor}">{sign}{show(of.model, 28)}</text>'
        )
    return wrap(parts, WIDTH, HEIGHT)


def _show(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"
