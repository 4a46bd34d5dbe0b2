"""Pictures with shapes drawn on them, white on black, to see whether pixels and annotation still agree."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from PIL import Image

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, GeometryKind
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Origin, Split
from mlwf_tui.media.filling import fill_geometry, read_mask
from mlwf_tui.protocols.operations import SourceItem
from tests.making import make_item
from tests.operating import Made

WIDTH_PX, HEIGHT_PX = 240, 180
PEN_PX = 7.0
Pixels = NDArray[np.bool_]

_RING = ((80.0, 50.0), (160.0, 60.0), (150.0, 120.0), (110.0, 130.0), (85.0, 110.0))
SHAPES = {
    "rectangle": Geometry.rectangle(80, 50, 160, 120),
    "polygon": Geometry(GeometryKind.POLYGON, _RING),
    "polygon with a hole": Geometry(
        GeometryKind.POLYGON, _RING, (((100.0, 70.0), (135.0, 75.0), (130.0, 100.0), (105.0, 100.0)),)
    ),
    "oriented box": Geometry(
        GeometryKind.ORIENTED_BOX, ((90.0, 60.0), (150.0, 80.0), (135.0, 125.0), (75.0, 105.0))
    ),
    "polyline": Geometry(GeometryKind.POLYLINE, ((80.0, 60.0), (120.0, 110.0), (160.0, 70.0))),
    "point": Geometry(GeometryKind.POINT, ((120.0, 90.0),)),
    "keypoints": Geometry(
        GeometryKind.KEYPOINTS, ((90.0, 60.0), (150.0, 70.0), (120.0, 115.0)), names=("a", "b", "c")
    ),
}
_MASK = fill_geometry(Geometry(GeometryKind.POLYGON, _RING), WIDTH_PX, HEIGHT_PX)


def draw_mask_shape() -> Geometry:
    """Return the polygon's pixels as a mask."""
    mask = read_mask(_MASK)
    assert mask is not None
    return mask


def make_drawn(geometry: Geometry, name: str = "a.png", *, split: Split = Split.TRAIN) -> SourceItem:
    """Return an item whose image shows its one object in white; lines and points as a pen draws them."""
    pixels = fill_geometry(geometry, WIDTH_PX, HEIGHT_PX, line_width_px=PEN_PX)
    return make_black(AnnotatedObject("cat", geometry), pixels, name, split)


def make_black(
    labelled: AnnotatedObject | None, pixels: Pixels, name: str, split: Split = Split.TRAIN
) -> SourceItem:
    """Return an item that is black but for some pixels."""
    file = BytesIO()
    Image.fromarray((pixels * 255).astype(np.uint8)).convert("RGB").save(file, "png")
    data = file.getvalue()
    item = Item(
        dataset="main",
        name=name,
        blob=Digest(hashlib.sha256(data).hexdigest()),
        size_bytes=len(data),
        width_px=pixels.shape[1],
        height_px=pixels.shape[0],
        split=split,
        annotation=Annotation((labelled,) if labelled else ()),
    )
    return SourceItem(item, lambda: data)


def read_grey(made: Made) -> NDArray[np.float64]:
    """Return a result's pixels (H, W), 0 black to 255 white."""
    assert made.image is not None
    return np.asarray(Image.open(BytesIO(made.image)).convert("L"), np.float64)


def see(made: Made) -> Pixels:
    """Return which pixels (H, W) of a result are white."""
    return np.asarray(read_grey(made) > 160)


def measure_agreement(made: Made) -> float:
    """Return the IoU of the white pixels and those that the objects cover, as they say."""
    seen = see(made)
    said = np.zeros_like(seen)
    for labelled in made.item.annotation.objects:
        said |= fill_geometry(
            labelled.geometry, made.item.width_px, made.item.height_px, line_width_px=PEN_PX
        )
    union = (seen | said).sum()
    return float((seen & said).sum() / union) if union else 1.0


def find_bounds(pixels: Pixels) -> tuple[int, int, int, int]:
    """Return the box around the set pixels."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def make_plain(
    name: str, *class_names: str, root: str = "", split: Split = Split.NONE, **facts: Any
) -> SourceItem:
    """Return an item without pixels; `root` is the imported image that it was made from."""
    box = Geometry.rectangle(1, 1, 5, 5)
    annotation = Annotation(
        tuple(AnnotatedObject(c, box) for c in class_names), facts.pop("tags", ()), facts.pop("custom", {})
    )
    origins = (Origin(Digest(root), f"main/{root}", Digest("m")),) if root else ()
    item = Item(
        dataset=facts.pop("dataset", "main"), name=name, blob=Digest(name), size_bytes=1, width_px=9,
        height_px=9, split=split, annotation=annotation, origins=origins,
    )  # fmt: skip

    def refuse() -> bytes:
        raise AssertionError("no pixel is needed")

    return SourceItem(item, refuse)


def make_alike(seed: int, name: str, quality: int) -> SourceItem:
    """Return an item without a split; those of one seed look alike, and differ by their quality."""
    colours = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(colours).resize((160, 120), Image.Resampling.LANCZOS).save(file, "jpeg", quality=quality)
    source = make_item(name, split=Split.NONE)
    blob = Digest(hashlib.sha256(file.getvalue()).hexdigest())
    return SourceItem(replace(source.item, blob=blob), file.getvalue)
