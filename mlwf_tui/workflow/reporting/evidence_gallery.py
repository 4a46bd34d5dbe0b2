"""Pictures of single items in a page, with what became of each object: by colour, line and letter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlwf_tui.entities.annotation import Geometry, GeometryKind, Point
from mlwf_tui.entities.evidence import (
    DASHES,
    LETTERS,
    ItemEvidence,
    ObjectEvidence,
    Pick,
    Verdict,
    find_first_px,
)
from mlwf_tui.errors import MlwfError
from mlwf_tui.media.filling import simplify_ring
from mlwf_tui.media.outlines import outline_mask
from mlwf_tui.media.thumbnails import Thumbnail, make_thumbnail
from mlwf_tui.workflow.reporting.charts import show
from mlwf_tui.workflow.reporting.evidence import Evidence
from mlwf_tui.workflow.reporting.galleries import MAX_BOXES, SIDE_PX, wrap_picture
from mlwf_tui.workspace import Workspace

COLORS = {
    Verdict.FOUND: "#16a34a", Verdict.MISSED: "#b45309", Verdict.FALSE: "#dc2626",
    Verdict.CONFUSED: "#7c3aed",
}  # fmt: skip
STYLE = "\n".join(
    f".gallery .v-{verdict.value}{{fill:none;stroke-width:2;stroke:{color};"
    f"stroke-dasharray:{' '.join(map(str, DASHES[verdict])) or 'none'}}}"
    for verdict, color in COLORS.items()
) + "".join(
    f"\n.gallery .r-{verdict.value}{{fill:{color};fill-opacity:.4;fill-rule:evenodd}}"
    for verdict, color in COLORS.items()
)
LEGEND = "F green: found; M brown, dashes: missed; X red, dots: nothing is there; C violet: another class"

PIXEL_LEGEND = "F green: found; M brown: missed; X red: nothing is there; C violet: another class"


def draw_evidence(workspace: Workspace, evidence: Evidence, items: Sequence[ItemEvidence]) -> str:
    """Return figures of images, each with its truths and predictions; what cannot be shown says why."""
    return f'<div class="gallery">{"".join(_iter_figures(workspace, evidence, items))}</div>'


def _iter_figures(workspace: Workspace, evidence: Evidence, items: Sequence[ItemEvidence]) -> Iterator[str]:
    for of in items:
        caption = f"<figcaption>{show(of.key)}<br>{show(_describe_counts(of))}</figcaption>"
        try:
            item, seen = evidence.look(of.key, Pick())
            thumbnail = make_thumbnail(workspace.store.read(item.blob), SIDE_PX)
        except MlwfError as error:
            yield f"<figure>{caption}<p>cannot be shown: {show(error.message)}</p></figure>"
            continue
        told = _describe_answers(seen)
        shapes = "".join(
            _draw_object(one, thumbnail) for one in reversed(seen[:MAX_BOXES])
        )  # mistakes on top
        yield f"<figure>{wrap_picture(thumbnail, shapes)}{caption}{told}</figure>"


def _describe_counts(of: ItemEvidence) -> str:
    """Return what became of an image's objects, or pixels."""
    counts = f"{of.found:,} found, {of.missed:,} missed, {of.confused:,} confused, {of.false:,} of nothing"
    return counts if of.iou is None else f"IoU {of.iou:.3f}; pixels: {counts}"


def _describe_answers(seen: Sequence[ObjectEvidence]) -> str:
    """Return what was said of a whole image, where there are no shapes to say it."""
    if not seen or any(one.truth or one.predicted or one.region for one in seen):
        return ""
    first = seen[0]
    said = f"said {first.predicted_class or 'nothing'}, is {first.truth_class}"
    return f"<figcaption>{LETTERS[first.verdict]} {show(said)}</figcaption>"


def _draw_object(one: ObjectEvidence, thumbnail: Thumbnail) -> str:
    scale = thumbnail.width_px / max(thumbnail.image_width_px, 1)
    said = (
        f"{one.predicted_class} {one.confidence:.2f}" if one.confidence is not None else one.predicted_class
    )
    tip = ", ".join(filter(None, (one.truth_class and f"is {one.truth_class}", said and f"said {said}",
                                  one.error and f"error: {one.error.value}")))  # fmt: skip
    if one.region is not None:
        return _draw_region(one.region, one.verdict, f"{tip}, {one.pixels:,} pixels", scale)
    shapes = [shape for shape in (one.truth, one.predicted) if shape is not None]
    drawn = "".join(_draw_shape(shape, one.verdict, tip, scale) for shape in shapes)
    if not shapes:
        return ""
    bounds = shapes[0].bounds
    x, y = bounds.left * scale + 2, max(bounds.top * scale - 2, 9)
    name = show(said or one.truth_class, 20)
    return f'{drawn}<text x="{x:.1f}" y="{y:.1f}">{LETTERS[one.verdict]} {name}</text>'


def _draw_region(mask: Geometry, verdict: Verdict, tip: str, scale: float) -> str:
    """Return a region of pixels filled, its borders no finer than the picture shows them."""
    borders = outline_mask(mask)
    rings = [simplify_ring(ring, 0.5 / scale, is_closed=True) for ring in (borders.points, *borders.holes)]
    path = "".join(_write_ring(ring, scale) for ring in rings)
    x, y = (at * scale for at in find_first_px(mask))
    filled = f'<path class="r-{verdict.value}" d="{path}"><title>{show(tip, 120)}</title></path>'
    return f'{filled}<text x="{x:.1f}" y="{max(y, 9):.1f}">{LETTERS[verdict]}</text>'


def _write_ring(ring: Sequence[Point], scale: float) -> str:
    return "M" + "L".join(f"{x * scale:.1f} {y * scale:.1f}" for x, y in ring) + "Z"


def _draw_shape(shape: Geometry, verdict: Verdict, tip: str, scale: float) -> str:
    head = f'class="v-{verdict.value}"'
    title = f"<title>{show(tip, 120)}</title>"
    match shape.kind:
        case GeometryKind.POLYGON | GeometryKind.ORIENTED_BOX:
            rings = "".join(_write_ring(ring, scale) for ring in (shape.points, *shape.holes))
            return f'<path {head} d="{rings}">{title}</path>'
        case GeometryKind.KEYPOINTS | GeometryKind.POINT | GeometryKind.POLYLINE:
            dots = "".join(
                f'<circle {head} cx="{x * scale:.1f}" cy="{y * scale:.1f}" r="2"/>' for x, y in shape.points
            )
            return f"<g>{title}{dots}</g>"
        case _:
            bounds = shape.bounds
            x, y = bounds.left * scale, bounds.top * scale
            width, height = bounds.width_px * scale, bounds.height_px * scale
            size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
            return f"<rect {head} {size}>{title}</rect>"
