"""Importing JPEGs with COCO and with VOC annotations, next to `cp -a` and to datumaro's import and export.

    python -m benchmarks.import_formats [IMAGES] [ROUNDS]

Whole processes, interleaved; medians of wall and processor seconds, and ratios to `cp -a`. The JPEGs are of
noise drawn at random, some 20 KB each, with four boxes. Datumaro's version is printed.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from subprocess import PIPE, Popen

import numpy as np
from PIL import Image

CLASSES = ("person", "cat", "car")  # datumaro knows only those of VOC
WIDTH_PX, HEIGHT_PX, BOXES = 320, 240, 4
_DATUMARO = (
    "import sys; from datumaro.components.dataset import Dataset\n"
    "Dataset.import_from(sys.argv[1], sys.argv[3]).export(sys.argv[2], sys.argv[4], save_media=True)"
)


def write_folders(coco: Path, voc: Path, count: int) -> None:
    """Write the same images and boxes in both formats."""
    drawn = random.Random(3)
    base = np.random.default_rng(3).integers(0, 255, (HEIGHT_PX * 2, WIDTH_PX * 2, 3), dtype=np.uint8)
    for folder in (coco / "images/train2017", coco / "annotations", voc / "JPEGImages", voc / "Annotations"):
        folder.mkdir(parents=True)
    (voc / "ImageSets/Main").mkdir(parents=True)
    document: dict[str, list[object]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": at, "name": name} for at, name in enumerate(CLASSES, 1)],
    }
    for number in range(count):
        name = f"{number:08}.jpg"
        left, top = drawn.randrange(WIDTH_PX), drawn.randrange(HEIGHT_PX)
        content = BytesIO()
        Image.fromarray(base[top : top + HEIGHT_PX, left : left + WIDTH_PX]).save(content, "jpeg", quality=30)
        for folder in (coco / "images/train2017", voc / "JPEGImages"):
            (folder / name).write_bytes(content.getvalue())
        document["images"].append({"id": number, "file_name": name, "width": WIDTH_PX, "height": HEIGHT_PX})
        boxes = [_draw_box(drawn) for _ in range(BOXES)]
        document["annotations"] += [
            {"id": number * BOXES + at, "image_id": number, "category_id": label + 1, "iscrowd": 0,
             "bbox": [x, y, w, h], "area": w * h}
            for at, (label, x, y, w, h) in enumerate(boxes)
        ]  # fmt: skip
        (voc / f"Annotations/{number:08}.xml").write_text(_write_voc(name, boxes))
    (coco / "annotations/instances_train2017.json").write_text(json.dumps(document))
    lines = "".join(f"{number:08}\n" for number in range(count))
    (voc / "ImageSets/Main/train.txt").write_text(lines)


def _draw_box(drawn: random.Random) -> tuple[int, int, int, int, int]:
    return drawn.randrange(len(CLASSES)), drawn.randrange(200), drawn.randrange(150), 60, 50


def _write_voc(name: str, boxes: Sequence[tuple[int, int, int, int, int]]) -> str:
    objects = "".join(
        f"<object><name>{CLASSES[label]}</name><difficult>0</difficult><truncated>0</truncated><occluded>0"
        f"</occluded><bndbox><xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax>"
        "</bndbox></object>"
        for label, x, y, w, h in boxes
    )
    size = f"<size><width>{WIDTH_PX}</width><height>{HEIGHT_PX}</height><depth>3</depth></size>"
    return f"<annotation><folder></folder><filename>{name}</filename>{size}{objects}</annotation>"


def run(command: Sequence[str]) -> tuple[float, float]:
    """Run a command; return its wall seconds, and its processor seconds with its children's."""
    timed = ["/usr/bin/env", "bash", "-c", 'TIMEFORMAT="%R %U %S"; time "$@"', "timed", *command]
    process = Popen(timed, stdout=PIPE, stderr=PIPE, text=True)
    _, told = process.communicate()
    if process.returncode not in (0, 3):
        raise SystemExit(told)
    wall, user, system = map(float, told.strip().split("\n")[-1].split())
    return wall, user + system


def main() -> None:
    count, rounds = int((sys.argv[1:] or ["20000"])[0]), int((sys.argv[2:] or ["3"])[0])
    python = sys.executable
    with tempfile.TemporaryDirectory() as scratch:
        coco, voc, out = Path(scratch, "coco"), Path(scratch, "voc"), Path(scratch, "out")
        write_folders(coco, voc, count)
        size = sum(path.stat().st_size for path in (voc / "JPEGImages").iterdir())
        print(f"{count:,} JPEGs, {size / 1e6:.0f} MB; datumaro {version('datumaro')}")
        spent: dict[str, list[tuple[float, float]]] = {}
        for _ in range(rounds):
            for name, folder in (("coco", coco), ("voc", voc)):
                mlwf = [python, "-m", "mlwf_tui", "--home", str(out), "--json"]
                steps = {
                    f"cp -a {name}": ["cp", "-a", str(folder), str(out)],
                    f"mlwf import {name}": [*mlwf, "import", str(folder), "cells", "--format", name],
                    f"datumaro {name}": [python, "-c", _DATUMARO, str(folder), str(out), name, name],
                }
                for title, command in steps.items():
                    spent.setdefault(title, []).append(run(command))
                    shutil.rmtree(out)
        for title, seconds in spent.items():
            copies = spent[f"cp -a {title.rpartition(' ')[2]}"]
            ratio = statistics.median(s[0] / c[0] for s, c in zip(seconds, copies, strict=True))
            wall, busy = (statistics.median(column) for column in zip(*seconds, strict=True))
            print(f"{title:<18} {wall:7.2f} s  {busy:7.2f} s of processors  {ratio:5.2f} × cp -a")


if __name__ == "__main__":
    main()
