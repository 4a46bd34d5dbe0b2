"""Small things on a large image are found in its tiles, where the network's input no longer shows them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from msgspec.structs import replace

from mlwf_tui.plugins.trainers.ultralytics.predict import UltralyticsPredictor
from mlwf_tui.protocols.trainers import ItemPrediction, PredictRequest

SPOTS = [(30 + 97 * column, 40 + 101 * row) for row in range(6) for column in range(7)]  # left, top; 6 px
REQUEST = PredictRequest(
    weights=Path("none.pt"), image_size_px=160, confidence=0.25, folder=Path("/tmp"), device="cpu"
)


class Blobs:
    """Stands for a network: sees bright blobs of at least 4 pixels on its input, as large as `imgsz` says."""

    task = "detect"
    model = SimpleNamespace()

    def predict(self, pixels: Sequence[Any], *, imgsz: int, **_: Any) -> list[Any]:
        return [self._look(image, imgsz) for image in pixels]

    def _look(self, image: Any, side: int) -> Any:
        scale = side / max(image.shape[:2])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        mask = (small[:, :, 0] > 200).astype(np.uint8)
        _, _, found, _ = cv2.connectedComponentsWithStats(mask)
        rows = [
            [x / scale, y / scale, (x + w) / scale, (y + h) / scale, min(0.5 + area / 1000, 1.0), 0]
            for x, y, w, h, area in found[1:].tolist()
            if min(w, h) >= 4
        ]
        data = np.array(rows, np.float32).reshape(-1, 6)
        array = SimpleNamespace(cpu=lambda: SimpleNamespace(numpy=lambda: data))
        others = dict.fromkeys(("probs", "obb", "masks", "keypoints"))
        return SimpleNamespace(boxes=SimpleNamespace(data=array), names={0: "spot"}, **others)


def look_at(image: Any, **params: Any) -> ItemPrediction:
    encoded = cv2.imencode(".png", image)[1].tobytes()
    (said,) = UltralyticsPredictor(Blobs(), replace(REQUEST, **params), "cpu").predict([encoded])
    return said


def draw() -> Any:
    image = np.zeros((700, 760, 3), np.uint8)
    for left, top in SPOTS:
        image[top : top + 6, left : left + 6] = 255
    image[600:680, 20:120] = 255  # one that no tile of 160 pixels holds as a whole beside its neighbours
    return image


def test_tiles_find_what_the_whole_image_misses_and_each_thing_once() -> None:
    whole = look_at(draw())
    tiled = look_at(draw(), tile_px=160, tile_overlap=0.2)

    assert len(whole.objects) == 1  # the large one
    assert len(tiled.objects) == len(SPOTS) + 1
    found = sorted((round(box.left), round(box.top)) for box in (o.geometry.bounds for o in tiled.objects))
    for (left, top), (x, y) in zip(sorted([*SPOTS, (20, 600)]), found, strict=True):
        assert abs(left - x) <= 1
        assert abs(top - y) <= 1


def test_a_small_image_and_one_without_tiles_are_looked_at_as_a_whole() -> None:
    image = draw()[:150, :150]

    assert look_at(image, tile_px=160) == look_at(image)
    assert len(look_at(draw(), tile_px=160, max_objects=5).objects) == 5
