"""A project of 1,000,000 items: building its manifest, commit, copy, restore, undo, and a diff of 100 items.

The items have five boxes each and images that exist by their digests alone, so nothing here reads pixels.
Building and changing go through the library, all else through the command line, each in a process of its
own with its memory measured. Last, the verbs are timed in the library alone, in one process that has the home
open: what a command takes beyond that is its start.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.measuring import CommandFailed, Cost, measure_size, run
from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, ClassDefinition, Geometry, LabelSchema
from mlwf_tui.entities.annotation import GeometryKind as Kind
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.store.manifests import encode, update_manifest, write_rows
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.copy import copy
from mlwf_tui.workflow.diff import diff
from mlwf_tui.workflow.projects import create_project, write_empty_manifest
from mlwf_tui.workflow.restore import restore
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.undo import undo
from mlwf_tui.workspace import open_workspace

ITEMS = 1_000_000
CHANGES = 100
OBJECTS = 5
ROUNDS = 5
PARTS = 100
WIDTH_PX, HEIGHT_PX = 640, 480
_ROOT = Path(__file__).parents[1]
_CLASSES = ("car", "dog", "person")
_SCHEMA = LabelSchema(tuple(ClassDefinition(name) for name in _CLASSES))
_STEPS = (
    ("build the manifest", "$PYTHON -m benchmarks.million build $COUNT"),
    ("commit", "$MLWF --json commit items -m one"),
    ("copy", "$MLWF --json copy items@1 other"),
    (f"change {CHANGES} items", "$PYTHON -m benchmarks.million change $COUNT"),
    ("commit again", "$MLWF --json commit items -m two"),
    (f"diff of {CHANGES} changes", "$MLWF --json diff items@1 items@2"),
    ("restore", "$MLWF --json restore items@1"),
    ("undo", "$MLWF --json undo items"),
)


def measure_million(folder: Path, count: int = ITEMS) -> str:
    """Make a home with a project of `count` items in a folder, and return a table of what each step took."""
    home = folder / "home"
    environment = {
        "PYTHON": sys.executable,
        "MLWF": f"{sys.executable} -m mlwf_tui",
        "MLWF_HOME": str(home),
        "COUNT": str(count),
    }
    lines = [f"| {count:,} items | seconds | CPU seconds | peak MB |", "| --- | --- | --- | --- |"]
    for name, script in _STEPS:
        try:
            lines.append(_format_step(name, run(script, folder=_ROOT, environment=environment)))
        except CommandFailed as error:
            print(error, file=sys.stderr)
            lines.append(f"| {name} | failed | - | - |")
    lines += ["", *time_verbs(home, count)]
    size_bytes, file_count = measure_size(home)
    return "\n".join([*lines, "", f"The home takes {size_bytes / 1e6:,.0f} MB in {file_count} files."])


def _format_step(name: str, cost: Cost) -> str:
    return f"| {name} | {cost.seconds:.2f} | {cost.cpu_s:.2f} | {cost.peak_bytes / 1e6:.0f} |"


def build(home: Path, count: int) -> None:
    """Make the project `items` with a manifest of so many items."""
    with open_workspace(home) as workspace, record(workspace, "import", params={}) as recorded:
        with recorded.writer() as writer:
            rows = (encode(item) for item in iter_items(range(count), count))
            manifest = write_rows(writer, _SCHEMA, rows)
        empty = write_empty_manifest(workspace)
        with recorded.finishing():
            recorded.write_head(create_project(workspace, "items", empty), manifest)


def change(home: Path, count: int, seed: int = 1) -> None:
    """Give CHANGES items, all over the project, other annotations."""
    with open_workspace(home) as workspace, record(workspace, "transform", params={}) as recorded:
        project = workspace.catalog.projects.find("items", workspace.settings.workspace)
        assert project is not None
        numbers = range(0, count, max(1, count // CHANGES))
        items = {item.key: item for item in iter_items(numbers, count, seed=seed)}
        with recorded.writer() as writer:
            manifest = update_manifest(
                workspace.store, writer, project.manifest, schema=_SCHEMA, changes=items
            )
        with recorded.finishing():
            recorded.write_head(project, manifest)


def time_verbs(home: Path, count: int) -> list[str]:
    """Return a table of how long the verbs take in a home that is open, each the median of some rounds."""
    times: dict[str, list[float]] = {}

    def clock(name: str, do: Callable[[], object]) -> None:
        start = time.perf_counter()
        do()
        times.setdefault(name, []).append(time.perf_counter() - start)

    with open_workspace(home) as workspace:
        for number in range(ROUNDS):
            change(home, count, seed=number + 2)
            clock("commit", partial(commit, workspace, "items", message="timed"))
            latest = workspace.catalog.projects.get("items").latest_version
            refs = f"items@{latest - 1 if latest else 1}", f"items@{latest}"
            clock(f"diff of {CHANGES} changes", partial(diff, workspace, *refs))
            clock("restore", partial(restore, workspace, refs[0]))
            clock("undo", partial(undo, workspace, "items"))
            clock("copy", partial(copy, workspace, refs[0], f"timed{number}"))
    lines = [f"| in the library, {count:,} items | ms | slowest |", "| --- | --- | --- |"]
    for name, seconds in times.items():
        lines.append(f"| {name} | {median(seconds) * 1e3:.1f} | {max(seconds) * 1e3:.1f} |")
    return lines


def iter_items(numbers: Sequence[int], count: int, seed: int = 0) -> Iterator[Item]:
    """Yield the items of these numbers, in the order of their keys."""
    for number in numbers:
        chance = random.Random(number + seed * count)
        digest = hashlib.blake2b(number.to_bytes(8), digest_size=32).hexdigest()
        yield Item(
            dataset=f"part{number * PARTS // count:03}",
            name=f"{number:08}.jpg",
            blob=Digest(digest),
            size_bytes=77_000,
            width_px=WIDTH_PX,
            height_px=HEIGHT_PX,
            split=Split.TRAIN,
            annotation=Annotation(tuple(_make_object(chance) for _ in range(OBJECTS))),
        )


def _make_object(chance: random.Random) -> AnnotatedObject:
    left, top = chance.uniform(0, WIDTH_PX / 2), chance.uniform(0, HEIGHT_PX / 2)
    right, bottom = left + chance.uniform(1, WIDTH_PX / 2), top + chance.uniform(1, HEIGHT_PX / 2)
    box = Geometry(Kind.RECTANGLE, ((left, top), (right, bottom)))
    return AnnotatedObject(chance.choice(_CLASSES), box)


def main() -> None:
    verb, count = sys.argv[1], int(sys.argv[2])
    home = Path(os.environ["MLWF_HOME"])
    {"build": build, "change": change}[verb](home, count)


if __name__ == "__main__":
    main()
