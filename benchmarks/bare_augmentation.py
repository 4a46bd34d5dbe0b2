"""The limit that `benchmarks.operations` measures against: albumentations in a loop, and nothing else.

    python -m benchmarks.bare_augmentation SOURCE TARGET PROCESSES

Reads each image of a folder, decodes it, changes it with its boxes by five transforms in a random order,
encodes it with the same quality as mlwf does, and writes it. Boxes are in a JSON file beside the folder.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    """Change all images, in this process or in several."""
    source, target, count = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    target.mkdir()
    names = sorted(path.name for path in source.iterdir())
    boxes = json.loads(source.with_suffix(".json").read_text("utf-8"))
    parts = [(source, target, [(name, boxes[name]) for name in names[at::count]], at) for at in range(count)]
    if count == 1:
        augment(*parts[0])
        return 0
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        pool.starmap(augment, parts)
    return 0


def augment(source: Path, target: Path, named: Sequence[tuple[str, list[list[float]]]], seed: int) -> None:
    """Change some images by one thread."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    sys.modules["torch"] = None  # type: ignore[assignment] # nor does mlwf load it for this: 1.5 s
    import albumentations
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    steps = [
        albumentations.RandomCrop(height=384, width=512, p=1),
        albumentations.Rotate(limit=10, border_mode=cv2.BORDER_CONSTANT, fill=114, p=1),
        albumentations.GaussNoise(std_range=(0.01, 0.05), p=1),
        albumentations.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2, p=1),
        albumentations.HorizontalFlip(p=1),
    ]
    compose = albumentations.Compose(
        [albumentations.RandomOrder(steps, n=5, p=1)],
        bbox_params=albumentations.BboxParams("pascal_voc", label_fields=["labels"], min_visibility=0.3),
        seed=seed,
    )
    for name, boxes in named:
        pixels = cv2.imdecode(np.fromfile(source / name, np.uint8), cv2.IMREAD_COLOR)
        made = compose(image=pixels, bboxes=np.array(boxes, np.float32), labels=[0] * len(boxes))
        _, encoded = cv2.imencode(".jpg", made["image"], [cv2.IMWRITE_JPEG_QUALITY, 95])
        (target / name).write_bytes(encoded.tobytes())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
