"""Importing annotations of COCO's size: 118,000 images and 860,000 objects with polygons, drawn at random.

    python -m benchmarks.coco_size [FOLDER]

Peak memory and seconds of the reader alone, and of a whole import process with all its hands; then an
import that is interrupted, which must leave no project. The images are links to a few tiny ones.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import psutil
from PIL import Image

IMAGES, OBJECTS, CLASSES = 118_000, 860_000, 80
_LINKS = 30_000  # of one file; file systems have a limit


def write_folder(folder: Path, images: int = IMAGES, objects: int = OBJECTS) -> None:
    """Write the JSON entry by entry, and the images."""
    drawn = random.Random(5)
    (folder / "annotations").mkdir(parents=True)
    (folder / "train2017").mkdir()
    with (folder / "annotations/instances_train2017.json").open("w") as file:
        file.write('{"info": {}, "images": [')
        for number in range(images):
            name = f"{number:012}.jpg"
            _write_image(folder / "train2017", number, name)
            entry = {"id": number, "file_name": name, "width": 640, "height": 480}
            file.write((", " if number else "") + json.dumps(entry))
        file.write('], "annotations": [')
        for number in range(objects):
            file.write((", " if number else "") + json.dumps(_draw_object(drawn, number, images)))
        categories = [{"id": index, "name": f"class {index}"} for index in range(CLASSES)]
        file.write(f'], "categories": {json.dumps(categories)}}}')


def _write_image(folder: Path, number: int, name: str) -> None:
    if number % _LINKS == 0:
        content = BytesIO()
        Image.new("RGB", (640, 480), (number // _LINKS, 0, 0)).save(content, "jpeg")
        (folder / name).write_bytes(content.getvalue())
    else:
        (folder / name).hardlink_to(folder / f"{number - number % _LINKS:012}.jpg")


def _draw_object(drawn: random.Random, number: int, images: int) -> dict[str, object]:
    left, top = drawn.randrange(0, 500), drawn.randrange(0, 400)
    ring = [
        round(start + drawn.random() * 80, 2) for _ in range(drawn.randrange(8, 40)) for start in (left, top)
    ]
    return {
        "segmentation": [ring], "area": 400.5, "iscrowd": 0, "image_id": drawn.randrange(images),
        "bbox": [left, top, 80, 80], "category_id": drawn.randrange(CLASSES), "id": number,
    }  # fmt: skip


def read_all(folder: Path) -> tuple[int, int]:
    """Read the folder with the importer alone; return the counts of images and objects."""
    from mlwf_tui.registry import Registry
    from mlwf_tui.workflow.importing.scan import scan_folder

    listing, importer = scan_folder(folder), Registry().get_importer("coco")
    importer.read_schema(listing)
    problems: list[object] = []
    images = objects = 0
    for item in importer.iter_items(listing, problems.append):
        images += 1
        objects += len(item.annotation.objects) if item.annotation else 0
    assert not problems, problems[:3]
    return images, objects


def measure_import(
    folder: Path, home: Path, *, interrupt_after_s: float | None = None
) -> tuple[float, int, int]:
    """Import in a process; return its seconds, the peak bytes of it and its hands, and its exit code."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(home), "--json", "import", str(folder), "big"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak, watched = 0, psutil.Process(process.pid)
    while process.poll() is None:
        peak = max(peak, _sum_memory(watched))
        if interrupt_after_s is not None and time.perf_counter() - started > interrupt_after_s:
            process.send_signal(signal.SIGINT)
            interrupt_after_s = None
        time.sleep(0.05)
    return time.perf_counter() - started, peak, process.returncode


def _sum_memory(process: psutil.Process) -> int:
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_full_info().uss
    except psutil.Error:
        return 0
    return total


def main() -> None:
    if sys.argv[1:2] == ["--read"]:
        started, images_objects = time.perf_counter(), read_all(Path(sys.argv[2]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(f"reader: {images_objects}, {time.perf_counter() - started:.1f} s, peak {peak / 1e6:.0f} MB")
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch, "coco")
        if not folder.exists():
            write_folder(folder)
        size = (folder / "annotations/instances_train2017.json").stat().st_size
        print(f"{IMAGES:,} images, {OBJECTS:,} objects, JSON of {size / 1e6:.0f} MB, {os.cpu_count()} cores")
        subprocess.run([sys.executable, "-m", "benchmarks.coco_size", "--read", str(folder)], check=True)
        seconds, peak, code = measure_import(folder, Path(scratch, "home"))
        print(f"import: exit {code}, {seconds:.1f} s, peak of all its processes {peak / 1e6:.0f} MB")
        seconds, peak, code = measure_import(folder, Path(scratch, "other"), interrupt_after_s=seconds / 2)
        listed = [
            sys.executable,
            "-m",
            "mlwf_tui",
            "--home",
            str(Path(scratch, "other")),
            "--json",
            "projects",
        ]
        found = json.loads(subprocess.run(listed, capture_output=True, check=True).stdout)
        print(f"interrupted after {seconds:.1f} s: exit {code}, projects left: {found['projects']}")


if __name__ == "__main__":
    main()
