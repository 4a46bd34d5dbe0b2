"""What `mlwf check` costs: rules alone, looks decoded the first time, and looks that are known.

    python -m benchmarks.check_project [IMAGES] [FOLDER]

Beside it stands what decoding every image with Pillow takes, which is the limit of the second. CPU seconds
are of all threads; the peak is the process's own. One image in a hundred is a copy at another quality.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

IMAGES = 20_000
OBJECTS = 8
SIZE_PX = (320, 240)
_ROOT = Path(__file__).parents[1]


def main(arguments: Sequence[str]) -> int:
    """Make a project, measure, and print a line for each."""
    count = int(arguments[0]) if arguments else IMAGES
    with tempfile.TemporaryDirectory(dir=arguments[1] if len(arguments) > 1 else None) as scratch:
        folder = Path(scratch)
        write_images(folder / "images", count)
        environment = {**os.environ, "PYTHONPATH": str(_ROOT), "MLWF_HOME": str(folder / "home")}
        run = [sys.executable, "-m", "mlwf_tui"]
        subprocess.run([*run, "import", str(folder / "images"), "big"], env=environment, check=True)
        print(f"{count:,} images of {SIZE_PX[0]}x{SIZE_PX[1]}, {count * OBJECTS:,} objects")
        cases = {
            "rules alone": [*run, "check", "big", "--no-near"],
            "looks, the first time": [*run, "check", "big", "--near"],
            "looks that are known": [*run, "check", "big"],
            "Pillow decodes each": [sys.executable, "-c", DECODE, str(folder / "images")],
        }
        for name, command in cases.items():
            print(f"{name:<22} {measure(command, environment)}")
    return 0


DECODE = """
import sys
from pathlib import Path
from PIL import Image
for path in Path(sys.argv[1]).rglob("*.jpg"):
    with Image.open(path) as image:
        image.load()
"""


def write_images(folder: Path, count: int) -> None:
    """Write a YOLO folder of smooth noise with random boxes."""
    random = np.random.default_rng(0)
    for part in ("images", "labels"):
        for split in ("train", "val"):
            (folder / part / split).mkdir(parents=True)
    for number in range(count):
        split = "val" if number % 5 == 0 else "train"
        seed, quality = (number, 90) if number % 100 else (max(0, number - 50), 60)
        pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).resize(SIZE_PX, Image.Resampling.BICUBIC)
        image.save(folder / "images" / split / f"{number:06}.jpg", quality=quality)
        label = folder / "labels" / split / f"{number:06}.txt"
        label.write_text("".join(_iter_lines(random)), "utf-8")
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [a, b, c]\n", "utf-8")


def _iter_lines(random: np.random.Generator) -> Iterator[str]:
    for _ in range(OBJECTS):
        x, y = random.uniform(0.2, 0.8, 2)
        width, height = random.uniform(0.05, 0.3, 2)
        yield f"{random.integers(3)} {x:.4f} {y:.4f} {width:.4f} {height:.4f}\n"


def measure(command: Sequence[str], environment: dict[str, str]) -> str:
    """Run a command and return its CPU seconds, wall seconds and peak memory."""
    begun_s = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wall_s = time.monotonic() - begun_s
    return f"{cpu_s:6.1f} s CPU {wall_s:6.1f} s wall {used.ru_maxrss / 1024:6.0f} MiB"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
