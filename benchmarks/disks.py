"""The file system under the benchmark: whether it has a journal, and a loop-mounted one of our own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def warn_of_no_journal(folder: Path) -> str:
    """Return what is wrong with timing files in a folder, or nothing.

    ext4 without a journal creates files ten to fifty times slower for minutes after many were
    deleted, which turns every number of a design with a file for each object into noise.
    """
    device, kind = _find_device(folder)
    if kind != "ext4" or any(Path("/proc/fs/jbd2").glob(f"{device}-*")):
        return ""
    return (
        f"{folder} lies on ext4 without a journal, where timings of many files are noise."
        " Give --work on another file system, or --loop 16G as root."
    )


@contextmanager
def loop_disk(folder: Path, size: str, *, inodes: int | None = None) -> Iterator[Path]:
    """Mount an ext4 with a journal, kept in a file of `folder`; both go at the end. Needs root.

    `inodes` is for how many files there is room, by default one for each 16 KB.
    """
    room = () if inodes is None else ("-N", str(inodes))
    image, mount = folder / "bench.img", folder / "bench"
    mount.mkdir()
    device = ""
    try:
        _call("fallocate", "-l", size, str(image))
        _call("mkfs.ext4", "-q", "-F", "-m", "0", *room, str(image))
        device = _call("losetup", "--direct-io=on", "--find", "--show", str(image))
        _call("mount", device, str(mount))
        yield mount
    finally:
        if os.path.ismount(mount):  # noqa: PTH114  (pathlib's is the same)
            _call("umount", str(mount))
        if device:
            _call("losetup", "--detach", device)
        image.unlink(missing_ok=True)
        mount.rmdir()


def _call(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout.strip()


def _find_device(folder: Path) -> tuple[str, str]:
    """Return the name of the device that holds a folder, such as `sda1`, and its kind of file system."""
    number = folder.stat().st_dev
    wanted = f"{os.major(number)}:{os.minor(number)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        head, _, tail = line.partition(" - ")
        if head.split()[2] == wanted:
            kind, source, *_ = tail.split()
            return Path(source).name, kind
    return "", ""
