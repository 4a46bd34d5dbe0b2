"""Stands in for the driver's library of NVIDIA's GPUs: built from C, found by the loader as the real one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("fake_nvml.c")


def build_driver(folder: Path) -> Path:
    """Return a folder for LD_LIBRARY_PATH that holds libnvidia-ml.so.1; skip where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to build the stand-in for the driver's library with")
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True)
    return folder


def write_gpus(path: Path, *gpus: tuple[int, ...]) -> None:
    """Let the driver show these GPUs: total and used MiB, a process and its MiB (0, 0 for nobody).

    Behind them may stand how busy it is in percent, its power in mW, and its energy so far in mJ.
    """
    path.write_text("".join(" ".join(map(str, gpu)) + "\n" for gpu in gpus), "utf-8")
