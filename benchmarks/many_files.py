"""Importing very many tiny images from disk: time and memory, at first, again, and after one more image.

    python -m benchmarks.many_files [--work DIR | --loop 16G] [--count 1000000] [--labels]

Whole processes, as a person would start them. The memory is that of the command and all processes below
it, added up; pages that two share count twice. A file takes a block of the disk: with labels, a million
images take 8 GB and two million inodes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.disks import loop_disk, warn_of_no_journal
from benchmarks.measuring import compile_package, run, settle
from benchmarks.trees import make_tiny_images

_RACY_S = 3  # what is younger is read again next time
_ROOT = Path(__file__).parents[1]
_IMPORT = "$MLWF --json import $TREE items"
_ONE_MORE = "cp $TREE/images/part00/000000.png $TREE/images/part00/one-more.png"


def main(arguments: Sequence[str] | None = None) -> None:
    options = _read_options(arguments)
    compile_package()
    with ExitStack() as stack:
        if options.work is not None:
            options.work.mkdir(parents=True, exist_ok=True)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=options.work)))
        if options.loop:
            inodes = max(options.count * 5 // 2, 1 << 16)
            folder = stack.enter_context(loop_disk(folder, options.loop, inodes=inodes))
        if warning := warn_of_no_journal(folder):
            print(f"warning: {warning}", file=sys.stderr)
        make_tree(folder, options.count, has_labels=options.labels)
        time.sleep(_RACY_S)
        print(measure(folder, f"{options.count:,} images{' and labels' if options.labels else ''}"))


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.many_files",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--work", type=Path, help="where to work; else a temporary folder")
    parser.add_argument("--loop", metavar="SIZE", help="work on a loop-mounted ext4 of this size; needs root")
    parser.add_argument("--count", type=int, default=1_000_000, help="of images")
    parser.add_argument("--labels", action="store_true", help="with a label file for each image")
    return parser.parse_args(arguments)


def make_tree(folder: Path, count: int, *, has_labels: bool) -> None:
    """Make the folder `tree` of so many images."""
    (folder / "tree").mkdir()
    make_tiny_images(folder / "tree", count, has_labels=has_labels)
    settle(folder)


def measure(folder: Path, title: str) -> str:
    """Import the folder `tree` into a new home, and return a table of what each step took."""
    tree, home = folder / "tree", folder / "home"
    environment = {
        "MLWF": f"{sys.executable} -m mlwf_tui",
        "MLWF_HOME": str(home),
        "TREE": str(tree),
        "PYTHONPATH": str(_ROOT),
    }
    lines = [f"| {title} | seconds | CPU seconds | peak MB |", "| --- | --- | --- | --- |"]
    for name, before in (("first import", ""), ("nothing changed", ""), ("one image more", _ONE_MORE)):
        if before:
            run(before, folder=folder, environment=environment)
        cost = run(_IMPORT, folder=folder, environment=environment)
        lines.append(f"| {name} | {cost.seconds:.2f} | {cost.cpu_s:.2f} | {cost.peak_bytes / 1e6:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
