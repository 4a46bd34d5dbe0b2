"""What data operations cost: changing images beside a bare albumentations loop, and items without images.

    python -m benchmarks.operations [PART…] [--images N] [--items N] [--folder FOLDER]

Parts are `augment` (images a second on one core and on two, and the same digest on one, two and three
workers), `again` (a step of 20,000 items that was done before) and `items` (seconds and written bytes of
renaming a class, filtering and splitting). All commands are processes of their own, start-up included.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.measuring import Cost, compile_package, run, settle
from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, LabelSchema, define_classes
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import encode, write_rows
from mlwf_tui.workflow.projects import create_project, write_empty_manifest
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import open_workspace

IMAGES, ITEMS, KNOWN_ITEMS = 1500, 100_000, 20_000
WIDTH_PX, HEIGHT_PX = 640, 480
OBJECTS = 5
CLASSES = ("car", "dog", "person")
AUGMENT = "augment images -p crop=1 -p rotate=1 -p noise=1 -p brightness=1 -p flip=1 -p keep_originals=no"
_ROOT = Path(__file__).parents[1]


def main(arguments: Sequence[str]) -> int:
    """Measure the parts that are asked for, all of them where none is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operations")
    parser.add_argument("parts", nargs="*", choices=["augment", "again", "items", []])
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder otherwise")
    chosen = parser.parse_args(arguments)
    compile_package()
    parts = chosen.parts or ["augment", "again", "items"]
    with tempfile.TemporaryDirectory(dir=chosen.folder) as scratch:
        if "augment" in parts:
            measure_augment(Path(scratch), chosen.images)
        if "again" in parts:
            measure_again(Path(scratch))
        if "items" in parts:
            measure_items(Path(scratch), chosen.items)
    return 0


def measure_augment(folder: Path, count: int) -> None:
    """Print images a second of mlwf and of a bare loop, on one core and on two."""
    write_images(folder / "images", count)
    home = folder / "home"
    call(home, "import", str(folder / "images"), "images")
    annotate(home)
    print(f"{count:,} images of {WIDTH_PX}x{HEIGHT_PX} with {OBJECTS} boxes each, five transforms:")
    for cores in (1, 2):
        bare = run(
            f"{sys.executable} -m benchmarks.bare_augmentation {folder / 'images'} {folder / f'bare{cores}'}"
            f" {cores}",
            folder=_ROOT,
            environment={},
        )
        settle(folder)
        ours = run(mlwf(home, f"transform {AUGMENT} --to on{cores} --workers {cores} --seed {cores}"),
                   folder=_ROOT, environment={})  # fmt: skip
        settle(folder)
        say(f"bare albumentations, {cores} core(s)", bare, count)
        say(f"mlwf transform, {cores} core(s)", ours, count)
        share = bare.seconds / ours.seconds
        print(f"  mlwf does {share:.0%} of the bare loop's images a second")
    same = {digest_on(folder, home, workers) for workers in (1, 2, 3)}
    print(f"  one, two and three workers give {'one digest' if len(same) == 1 else 'DIFFERENT DIGESTS'}")


def digest_on(folder: Path, home: Path, workers: int) -> str:
    """Return the digest of the same transform in a copy of the home, made by so many workers."""
    copy = folder / f"copy{workers}"
    subprocess.run(["cp", "-a", str(home), str(copy)], check=True)
    call(copy, "transform", *AUGMENT.split(), "--to", "same", "--workers", str(workers), "--seed", "99")
    with open_workspace(copy) as workspace:
        return workspace.catalog.projects.get("same").manifest


def measure_again(folder: Path) -> None:
    """Print what a step of many items costs that was done before."""
    home = folder / "known"
    make_project(home, KNOWN_ITEMS, has_images=True)
    first = run(mlwf(home, "transform split items --to a"), folder=_ROOT, environment={})
    again = run(mlwf(home, "transform split items --to b"), folder=_ROOT, environment={})
    start = run(mlwf(home, "projects"), folder=_ROOT, environment={})
    print(f"A split of {KNOWN_ITEMS:,} items:")
    for name, cost in (("the first time", first), ("done before", again), ("mlwf projects, beside", start)):
        say(name, cost)


def measure_items(folder: Path, count: int) -> None:
    """Print what operations cost that change no image, and how many bytes each has written."""
    home = folder / "items"
    make_project(home, count)
    print(f"{count:,} items with {OBJECTS} boxes each:")
    for words in (
        "rename_classes items -p names=car=vehicle",
        "filter items -p min_objects=5 -p classes=car,dog,person",
        "filter items -p classes=car",
        "split items",
    ):
        settle(folder)
        before = read_stored_bytes(home)
        cost = run(mlwf(home, f"transform {words} --to {words.split()[0]}"), folder=_ROOT, environment={})
        say(words, cost, stored_bytes=read_stored_bytes(home) - before)


def say(name: str, cost: Cost, images: int = 0, stored_bytes: int | None = None) -> None:
    """Print one line."""
    rate = f"{images / cost.seconds:7.1f} images/s" if images else ""
    stored = f"{stored_bytes / 1e6:7.2f} MB written" if stored_bytes is not None else ""
    peak = f"{cost.peak_bytes / 1e6:6.0f} MB peak"
    print(f"  {name:<58} {cost.seconds:7.2f} s {cost.cpu_s:7.2f} s CPU {peak} {rate}{stored}", flush=True)


def mlwf(home: Path, words: str) -> str:
    """Return a command as a piece of shell."""
    return f"{sys.executable} -m mlwf_tui --home {home} {words} --json"


def call(home: Path, *words: str) -> Any:
    """Do a command and return its document."""
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(home), *words, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ}, cwd=_ROOT)
    return json.loads(done.stdout)


def read_stored_bytes(home: Path) -> int:
    """Return what the packs of a home take."""
    return sum(path.stat().st_size for path in (home / "store" / "packs").iterdir())


def write_images(folder: Path, count: int) -> None:
    """Write photographs' likes: smooth shapes with a little grain, and random boxes in a file beside."""
    folder.mkdir()
    boxes: dict[str, list[list[float]]] = {}
    for number in range(count):
        random_ = np.random.default_rng(number)
        coarse = random_.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BICUBIC))
        grain = random_.integers(-6, 7, smooth.shape)
        pixels = np.clip(smooth.astype(np.int16) + grain, 0, 255).astype(np.uint8)
        name = f"{number:06}.jpg"
        Image.fromarray(pixels).save(folder / name, quality=90)
        corners = random_.uniform((0, 0), (WIDTH_PX - 160, HEIGHT_PX - 160), (OBJECTS, 2))
        sizes = random_.uniform(20, 160, (OBJECTS, 2))
        boxes[name] = np.concatenate([corners, corners + sizes], axis=1).round(2).tolist()
    folder.with_suffix(".json").write_text(json.dumps(boxes), "utf-8")


def annotate(home: Path) -> None:
    """Give the items of the project `images` their boxes."""
    boxes = json.loads((home.parent / "images.json").read_text("utf-8"))
    from mlwf_tui.store.manifests import iter_items, write_manifest

    with open_workspace(home) as workspace, record(workspace, "import", params={}) as step:
        project = workspace.catalog.projects.get("images")
        with step.writer() as writer:
            items = [
                _with_boxes(item, boxes[item.name]) for item in iter_items(workspace.store, project.manifest)
            ]
            manifest = write_manifest(writer, LabelSchema(define_classes(CLASSES)), items)
        with step.finishing():
            step.write_head(project, manifest)


def _with_boxes(item: Item, boxes: list[list[float]]) -> Item:
    from msgspec.structs import replace

    objects = tuple(
        AnnotatedObject(CLASSES[number % 3], Geometry.rectangle(*box)) for number, box in enumerate(boxes)
    )
    return replace(item, annotation=Annotation(objects))


def make_project(home: Path, count: int, *, has_images: bool = False) -> None:
    """Make a project `items` whose images are a few bytes, or exist by their digests alone."""
    with open_workspace(home) as workspace, record(workspace, "import", params={}) as step:
        with step.writer() as writer:
            if has_images:
                writer.put_all(str(number).encode() for number in range(count))
            rows = (encode(item) for item in iter_made(count))
            manifest = write_rows(writer, LabelSchema(define_classes(CLASSES)), rows)
        empty = write_empty_manifest(workspace)
        with step.finishing():
            step.write_head(create_project(workspace, "items", empty), manifest)


def iter_made(count: int) -> Iterator[Item]:
    """Yield items with random boxes, in key order."""
    draw = random.Random(3)
    for number in range(count):
        objects = tuple(
            AnnotatedObject(draw.choice(CLASSES), Geometry.rectangle(left, top, left + 90.5, top + 60.25))
            for left, top in ((draw.randrange(500), draw.randrange(400)) for _ in range(OBJECTS))
        )
        yield Item(
            dataset=f"part-{number * 100 // count:03}",
            name=f"{number:07}.jpg",
            blob=compute_digest(str(number).encode()),
            size_bytes=80_000,
            width_px=WIDTH_PX,
            height_px=HEIGHT_PX,
            split=Split.NONE,
            annotation=Annotation(objects),
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
