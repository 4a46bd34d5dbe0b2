"""Pictures of single items in a page: what is there, what was found, and what differs, drawn over them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import MlwfError
from mlwf_tui.media.thumbnails import Thumbnail, make_thumbnail
from mlwf_tui.workflow.reporting.charts import show
from mlwf_tui.workspace import Workspace

SIDE_PX = 300
MAX_BOXES = 200

STYLE = """
.gallery{display:flex;flex-wrap:wrap;gap:12px}.gallery figure{margin:0;width:300px}
.gallery figcaption{font-size:12px;color:#475569;overflow-wrap:anywhere}
.gallery svg{display:block;max-width:100%;background:#f1f5f9}.gallery rect{fill:none;stroke-width:2}
.truth{stroke:#16a34a}.found{stroke:#2563eb;stroke-dasharray:5 3}.old{stroke:#d97706;stroke-dasharray:2 2}
.gallery text{font:10px system-ui,sans-serif;paint-order:stroke;stroke:#fff;stroke-width:2px;fill:#0f172a}
"""
LEGEND_OF_TWO = "solid green: truth; dashed blue: the newer; dotted orange: the older"


class Shown(msgspec.Struct, frozen=True):
    """One item to show, and what stands below it."""

    key: str
    caption: str


def draw_gallery(
    workspace: Workspace,
    items: Mapping[str, Item],
    chosen: Sequence[Shown],
    layers: Mapping[str, Mapping[str, Sequence[AnnotatedObject]]],
) -> str:
    """Return figures of items with boxes: `layers` maps a class of the style to the objects of each key."""
    return f'<div class="gallery">{"".join(_draw_figures(workspace, items, chosen, layers))}</div>'


def _draw_figures(
    workspace: Workspace,
    items: Mapping[str, Item],
    chosen: Sequence[Shown],
    layers: Mapping[str, Mapping[str, Sequence[AnnotatedObject]]],
) -> Iterator[str]:
    for shown in chosen:
        caption = f"<figcaption>{show(shown.key)}<br>{show(shown.caption)}</figcaption>"
        try:
            thumbnail = make_thumbnail(workspace.store.read(items[shown.key].blob), SIDE_PX)
        except MlwfError as error:
            yield f"<figure>{caption}<p>cannot be shown: {show(error.message)}</p></figure>"
            continue
        boxes = "".join(
            _draw_box(found, style, thumbnail)
            for style, objects in layers.items()
            for found in objects.get(shown.key, ())[:MAX_BOXES]
        )
        yield f"<figure>{wrap_picture(thumbnail, boxes)}{caption}</figure>"


def wrap_picture(thumbnail: Thumbnail, boxes: str) -> str:
    """Return an image with shapes over it, the image's bytes in it."""
    width, height = thumbnail.width_px, thumbnail.height_px
    data = b64encode(thumbnail.jpeg).decode()
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<image href="data:image/jpeg;base64,{data}" width="{width}" height="{height}"/>{boxes}</svg>'
    )


def _draw_box(found: AnnotatedObject, style: str, thumbnail: Thumbnail) -> str:
    bounds = found.geometry.bounds
    scale = thumbnail.width_px / max(thumbnail.image_width_px, 1)
    x, y = bounds.left * scale, bounds.top * scale
    name = found.class_name if found.confidence is None else f"{found.class_name} {found.confidence:.2f}"
    return (
        f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{bounds.width_px * scale:.1f}" '
        f'height="{bounds.height_px * scale:.1f}"><title>{show(name)}</title></rect>'
        f'<text x="{x + 2:.1f}" y="{max(y - 2, 9):.1f}">{show(name, 24) if style != "truth" else ""}</text>'
    )
