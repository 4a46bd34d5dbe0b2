"""The parts of a report that sets models side by side, as ink: verdicts, figures, classes, items."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from mlwf_tui.entities.evidence import FATE_LETTERS, Fate, FatePick
from mlwf_tui.entities.measurement import (
    IMAGES,
    METRIC_NAMES,
    ComparedModel,
    ComparedPair,
    ComparisonReport,
    Difference,
    choose_main,
    choose_two,
)
from mlwf_tui.entities.sizes import MIB, format_size
from mlwf_tui.entities.speed import find_image_ms
from mlwf_tui.tui.widgets.drawing import Drawing, Line, fit, link
from mlwf_tui.tui.widgets.pixel_differences import (
    MAX_CLASSES,
    MAX_ITEMS,
    draw_pixel_classes,
    draw_pixel_items,
    link_count,
)
from mlwf_tui.tui.widgets.point_plots import Point, draw_points
from mlwf_tui.tui.widgets.slice_section import draw_slice_differences


def list_comparison_sections(body: ComparisonReport) -> Mapping[str, Drawing]:
    """Return the sections of a comparison by title, each drawn at a width."""
    sections: dict[str, Drawing] = {"Models": partial(draw_models, body)}
    for place, pair in enumerate(body.pairs):
        name = f"{pair.new} less {pair.old}"
        is_of_pixels = pair.comparison.counted == IMAGES
        sections[name] = partial(draw_figures, pair, place)
        if pair.comparison.classes:
            draw = draw_pixel_classes if is_of_pixels else draw_classes
            sections[f"{name}: classes"] = partial(draw, pair, place)
        if pair.comparison.slices:
            sections[f"{name}: slices"] = partial(draw_slice_differences, pair.comparison, place)
        draw = draw_pixel_items if is_of_pixels else draw_items
        sections[f"{name}: items"] = partial(draw, pair, place)
        if pair.causes:
            sections[f"{name}: how they were made"] = partial(draw_causes, pair)
    sections["Accuracy, speed and size"] = partial(draw_trade_off, body)
    return sections


def draw_models(body: ComparisonReport, width: int) -> list[Line]:
    """Return the models with accuracy, speed and size, marked where none is better in all three."""
    first = body.models[0]
    name_width = min(40, max(len(of.model) for of in body.models))
    titles = "".join(f"  {METRIC_NAMES.get(name, name):>5}" for name in choose_two(first.metrics))
    lines: list[Line] = [
        [
            (" on ", "muted"),
            ("◆ ", "primary"),
            (first.version, "strong"),
            (f"  {first.split}", "muted"),
            (f"  by {body.evaluator}" if body.evaluator else "", "muted"),
        ],
        [],
        [(fit(f" {fit('model', name_width)}{titles}  images/s       size", width), "muted")],
        *(_draw_model(of, name_width) for of in body.models),
        [(fit(" ★ none of the others is at once more accurate, faster and smaller", width), "faint")],
    ]
    if body.one_sided_classes:
        names = ", ".join(body.one_sided_classes)
        lines.append([(fit(f" not every model knows {names}: those miss them", width), "warning")])
    return lines


def draw_figures(pair: ComparedPair, place: int, width: int) -> list[Line]:
    """Return the verdict, each figure's difference with its interval as a bar, and the objects' fate."""
    found = pair.comparison
    shown = {name: found.differences[name] for name in METRIC_NAMES if name in found.differences}
    name_width = max((len(METRIC_NAMES[name]) for name in shown), default=0)
    bar_width = max(0, min(41, width - 59 - name_width)) | 1
    reach = max((max(abs(of.low), abs(of.high)) for of in shown.values()), default=0.0) or 1.0
    header = f" {'':<{name_width}} {'difference':>10}  {'95 % interval':<17} {'p':>6} "
    lines: list[Line] = [_tell_verdict(pair), [], [(fit(header, width), "muted")]]
    for name, of in shown.items():
        lines.append(
            [
                (f" {METRIC_NAMES[name]:<{name_width}}", "strong"),
                (f" {of.value:>+10.3f}", _find_role(of)),
                (f"  {of.low:+.3f} … {of.high:+.3f}  ", "muted"),
                (f" {of.p:>6.3f} ", "muted"),
                *_draw_whisker(of, reach, bar_width if width >= 80 else 0),
                (f" {_judge(of)}", _find_role(of)),
            ]
        )
    counts = (
        (Fate.FIXED, found.truths_fixed, "success"), (Fate.BROKEN, found.truths_broken, "error"),
        (Fate.BOTH_WRONG, found.truths_both_missed, "warning"),
        (Fate.BOTH_RIGHT, found.truths_both_found, "muted"),
    )  # fmt: skip
    fate: Line = [(f" {found.counted}: ", "muted")]
    for kind, count, role in counts:
        run: Line = [(f"{FATE_LETTERS[kind]} {count:,} {kind.value}", role)]
        fate += [*(link(run, FatePick(pair=place, fate=kind)) if count else run), ("   ", "text")]
    return [*lines, [], fate]


def draw_classes(pair: ComparedPair, place: int, width: int) -> list[Line]:
    """Return the difference of each class in mAP50, the worst first; p-values hold for all at once."""
    known = [(of, of.map50) for of in pair.comparison.classes if of.map50 is not None]
    known.sort(key=lambda of: of[1].value)
    name_width = min(24, max((len(of.name) for of, _ in known), default=5))
    header = f" {fit('class', name_width)} {'truths':>7} {'mAP50':>7}  {'95 % interval':<17} {'p':>6}"
    header += "  fixed broken"
    lines: list[Line] = [[(fit(header, width), "muted")]]
    for of, map50 in known[:MAX_CLASSES]:
        lines.append(
            [
                (f" {fit(of.name, name_width)}", "strong"),
                (f" {of.truth_count:>7,}", "muted"),
                (f" {map50.value:>+7.3f}", _find_role(map50)),
                (f"  {map50.low:+.3f} … {map50.high:+.3f} ", "muted"),
                (f" {map50.p:>6.3f}", "muted"),
                *link_count(
                    f" {of.fixed:>6,}", of.fixed, FatePick(pair=place, fate=Fate.FIXED, of_class=of.name)
                ),
                *link_count(
                    f" {of.broken:>6,}", of.broken, FatePick(pair=place, fate=Fate.BROKEN, of_class=of.name)
                ),
            ]
        )
    hidden = len(known) - MAX_CLASSES
    note = "p-values are corrected for the number of classes (Holm)"
    return [*lines, [(f" {f'… and {hidden:,} more; ' if hidden > 0 else ''}{note}", "faint")]]


def draw_items(pair: ComparedPair, place: int, width: int) -> list[Line]:
    """Return the items in which something differs, those that became worse first."""
    found = pair.comparison.items
    if not found:
        return [[(" No item differs.", "muted")]]
    key_width = max(10, min(60, width - 40))
    lines: list[Line] = [
        [(f" {fit('item', key_width)} {'mistakes':>13} {'fixed':>7} {'broken':>7}", "muted")]
    ]
    for of in found[:MAX_ITEMS]:
        change = of.mistakes_now - of.mistakes_before
        role = "error" if change > 0 else "success" if change < 0 else "text"
        line: Line = [
            (f" {fit(of.key, key_width)}", "text"),
            (f" {of.mistakes_before:>5} → {of.mistakes_now:>5}", role),
            (f" {of.fixed:>7,} {of.broken:>7,}", "muted"),
        ]
        lines.append(link(line, FatePick(pair=place, item=of.key)))
    hidden = len(found) - MAX_ITEMS
    return [*lines, [(f" … and {hidden:,} more", "faint")]] if hidden > 0 else lines


def draw_trade_off(body: ComparisonReport, width: int) -> list[Line]:
    """Return accuracy over speed and over size, with the models that none beats in all three joined."""
    name = (*choose_two(body.models[0].metrics), "map")[0]
    points = [
        Point(of.model, of.metrics[name], find_image_ms(of.speed), of.size_bytes / MIB, of.is_on_front)
        for of in body.models
        if name in of.metrics
    ]
    return draw_points(points, METRIC_NAMES.get(name, name), width)


def draw_causes(pair: ComparedPair, width: int) -> list[Line]:
    """Return what differs in parameters, data and surroundings of the runs that made the two."""
    name_width = min(36, max(len(f"{of.kind} {of.name}") for of in pair.causes))
    room = max(8, (width - name_width - 8) // 2)
    header = f" {fit('', name_width)}  {fit(pair.old, room)}   {fit(pair.new, room)}"
    lines: list[Line] = [[(fit(header, width), "muted")]]
    for of in pair.causes:
        before, after = ("–" if value is None else str(value) for value in (of.before, of.after))  # noqa: RUF001
        lines.append(
            [
                (f" {fit(f'{of.kind} {of.name}', name_width)}", "strong"),
                (f"  {fit(before, room)} → {fit(after, room)}", "text"),
            ]
        )
    return lines


def _draw_model(of: ComparedModel, name_width: int) -> Line:
    size = format_size(of.size_bytes)
    per_second = of.speed.get("images_per_second")
    speed = "-" if per_second is None else f"{per_second:,.1f}"
    return [
        ("★" if of.is_on_front else " ", "accent"),
        (fit(of.model, name_width), "strong"),
        (
            "".join(
                f"  {of.metrics[name]:>{max(5, len(METRIC_NAMES.get(name, name)))}.3f}"
                for name in choose_two(of.metrics)
                if name in of.metrics
            ),
            "text",
        ),
        (f"  {speed:>8}  {size:>9}", "muted"),
        (f"  {of.architecture}", "faint"),
    ]


def _tell_verdict(pair: ComparedPair) -> Line:
    name = choose_main(pair.comparison.differences)
    found = pair.comparison.differences.get(name)
    subject: Line = [(" ▲ ", "accent"), (pair.new, "strong")]
    if found is None or not found.is_measurable:
        return [*subject, (" and ", "muted"), (pair.old, "strong"), (": no measurable difference", "warning")]
    word = "better" if found.value > 0 else "worse"
    return [
        *subject, (" is ", "muted"), (word, _find_role(found)), (" than ", "muted"), (pair.old, "strong"),
        (f" by {abs(found.value):.3f} {METRIC_NAMES.get(name, name)}", "muted"),
    ]  # fmt: skip


def _draw_whisker(of: Difference, reach: float, width: int) -> Line:
    """Return the interval as a line around its value, on an axis with 0 in the middle."""
    if not width:
        return []
    middle = width // 2
    low, value, high = (
        min(width - 1, max(0, middle + round(at / reach * middle))) for at in (of.low, of.value, of.high)
    )
    cells = ["─" if low <= at <= high else " " for at in range(width)]
    cells[middle] = "┼" if low <= middle <= high else "│"
    cells[value] = "●"
    return [("".join(cells), _find_role(of))]


def _find_role(of: Difference) -> str:
    if not of.is_measurable:
        return "muted"
    return "success" if of.value > 0 else "error"


def _judge(of: Difference) -> str:
    if not of.is_measurable:
        return "not measurable"
    return "better" if of.value > 0 else "worse"
