"""What differs between two models of pixels as ink: classes and images by their IoU, before and now."""

from __future__ import annotations

from mlwf_tui.entities.evidence import Fate, FatePick
from mlwf_tui.entities.measurement import ClassDifference, ComparedPair, ItemDifference
from mlwf_tui.tui.widgets.drawing import Line, fit, link

MAX_ITEMS = 100
MAX_CLASSES = 200


def draw_pixel_classes(pair: ComparedPair, place: int, width: int) -> list[Line]:
    """Return the IoU of each class over all images, the worst change first, and the images won and lost."""
    known = sorted(pair.comparison.classes, key=lambda of: of.iou_change)
    name_width = min(24, max((5, *(len(of.name) for of in known))))
    header = f" {fit('class', name_width)} {'pixels':>11} {'IoU':>13} {'differs':>8}  images fixed broken"
    lines: list[Line] = [[(fit(header, width), "muted")]]
    for of in known[:MAX_CLASSES]:
        fixed, broken = (
            FatePick(pair=place, fate=fate, of_class=of.name) for fate in (Fate.FIXED, Fate.BROKEN)
        )
        lines.append(
            [
                (f" {fit(of.name, name_width)}", "strong"),
                (f" {of.truth_count:>11,}", "muted"),
                *_draw_iou(of),
                *link_count(f" {of.fixed:>13,}", of.fixed, fixed),
                *link_count(f" {of.broken:>6,}", of.broken, broken),
            ]
        )
    hidden = len(known) - MAX_CLASSES
    return [*lines, [(f" … and {hidden:,} more", "faint")]] if hidden > 0 else lines


def draw_pixel_items(pair: ComparedPair, place: int, width: int) -> list[Line]:
    """Return the images whose IoU changed, those that became worse first."""
    found = pair.comparison.items
    if not found:
        return [[(" No image's IoU differs.", "muted")]]
    key_width = max(10, min(60, width - 49))
    header = f" {fit('item', key_width)} {'IoU':>13} {'differs':>8} {'wrong pixels':>23}"
    lines: list[Line] = [[(fit(header, width), "muted")]]
    for of in found[:MAX_ITEMS]:
        line: Line = [
            (f" {fit(of.key, key_width)}", "text"),
            *_draw_iou(of),
            (f" {of.mistakes_before:>10,} → {of.mistakes_now:>10,}", "muted"),
        ]
        lines.append(link(line, FatePick(pair=place, item=of.key)))
    hidden = len(found) - MAX_ITEMS
    return [*lines, [(f" … and {hidden:,} more", "faint")]] if hidden > 0 else lines


def link_count(text: str, count: int, pick: FatePick) -> Line:
    """Return a count that stands for its images; of nothing there are none."""
    run: Line = [(text, "text")]
    return link(run, pick) if count else run


def _draw_iou(of: ClassDifference | ItemDifference) -> Line:
    role = "error" if of.iou_change < 0 else "success" if of.iou_change > 0 else "text"
    told = f" {_write(of.iou_before)} → {_write(of.iou)}"
    return [(told, "text"), (f" {of.iou_change:>+8.3f}", role)]


def _write(iou: float | None) -> str:
    return "    –" if iou is None else f"{iou:.3f}"  # noqa: RUF001 - a dash says that there is no number
