"""A real file system of a few megabytes without root: a tmpfs in a mount namespace of its own.

The functions above `main` are called by tests; `main` is what runs inside of the namespace, since nobody
outside can see its mounts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from mlwf_tui.errors import MlwfError
from tests.faults.harness import ROOT, finish, start
from tests.faults.places import Places, get_scenario
from tests.faults.trials import Subject, check_refusal, look_and_repeat, measure

DISK_BYTES = 24 << 20
BLOCK_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many free blocks of 4 KiB to try: from `first` to `last`."""

    first: int
    last: int
    step: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was tried, how often the disk was too small, and what went wrong, one line each."""

    count: int
    refused: int
    wrong: list[str]


def run_on_small_disk(folder: Path, scenario: str, sizes: Sizes) -> Report | None:
    """Run a scenario once for each size; None where the system allows no namespaces."""
    inside = ["unshare", "--map-root-user", "--mount", sys.executable, "-m", "tests.faults.small_disk"]
    words = [str(folder), scenario, *map(str, (sizes.first, sizes.last, sizes.step))]
    try:
        ended = subprocess.run([*inside, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    if "unshare" in ended.stderr or "mount:" in ended.stderr:
        return None
    assert ended.returncode == 0, ended.stderr
    return Report(**json.loads(ended.stdout))


@contextmanager
def leaving(folder: Path, block_count: int) -> Iterator[None]:
    """Fill the file system but for some blocks, for the time of the body."""
    ballast = folder / "ballast"
    free = os.statvfs(folder)
    size_bytes = (free.f_bavail * free.f_frsize) - block_count * BLOCK_BYTES
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size_bytes)
    try:
        yield
    finally:
        ballast.unlink()


def try_size(subject: Subject, folder: Path, block_count: int) -> bool:
    """Run the command with so much space, and look; return whether the disk was too small."""
    places = subject.places
    place = places.put(subject.scenario.template)
    with leaving(folder, block_count):
        ended = finish(start(place / "home", *places.fill(subject.scenario)))
        looked = finish(start(place / "home", "projects"))
    assert "Traceback" not in looked.err, looked.err
    assert looked.code in (0, 1), (looked.code, looked.err)
    check_refusal(subject, ended, look_and_repeat(subject))
    return ended.code != 0


def try_sizes(folder: Path, scenario: str, sizes: Sizes) -> Report:
    """Try every size on the file system at `folder`."""
    subject = measure(Places(folder), get_scenario(scenario))
    counts = range(sizes.first, sizes.last + 1, sizes.step)
    refused, wrong = 0, []
    for block_count in counts:
        try:
            refused += try_size(subject, folder, block_count)
        except (AssertionError, MlwfError) as error:
            wrong.append(f"{block_count} blocks: {type(error).__name__}: {error}")
    return Report(len(counts), refused, wrong)


def main() -> None:
    folder, scenario, *numbers = sys.argv[1:]
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder]
    subprocess.run(["mount", *options], check=True)
    report = try_sizes(Path(folder), scenario, Sizes(*map(int, numbers)))
    print(json.dumps(asdict(report)))


if __name__ == "__main__":
    main()
