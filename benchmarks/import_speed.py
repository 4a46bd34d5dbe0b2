"""Importing a folder, and importing it again, next to `cp -a` of the same folder, in one run.

    python -m benchmarks.import_speed FOLDER

Whole processes, as a person would start them; medians of interleaved rounds and their ratios.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROUNDS = 5


def run(command: Sequence[str]) -> tuple[float, str]:
    """Run a command; return its seconds and its standard output. Exit code 3 means partly done."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr)
    return time.perf_counter() - started, done.stdout


def main() -> None:
    source = Path(sys.argv[1])
    files = [path for path in source.rglob("*") if path.is_file()]
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")
    seconds: dict[str, list[float]] = {"cp -a": [], "import": [], "import again": []}
    stored: list[int] = []
    with tempfile.TemporaryDirectory() as scratch:
        for index in range(ROUNDS):
            home, copy = Path(scratch, f"home{index}"), Path(scratch, f"copy{index}")
            mlwf = [sys.executable, "-m", "mlwf_tui", "--home", str(home), "--json"]
            seconds["cp -a"].append(run(["cp", "-a", str(source), str(copy)])[0])
            seconds["import"].append(run([*mlwf, "import", str(source), "cells"])[0])
            first = json.loads(run([*mlwf, "stats"])[1])["stored_bytes"]
            seconds["import again"].append(run([*mlwf, "import", str(source), "cells"])[0])
            stored = [first, json.loads(run([*mlwf, "stats"])[1])["stored_bytes"]]
            shutil.rmtree(home)
            shutil.rmtree(copy)
    for name, values in seconds.items():
        ratio = statistics.median(v / c for v, c in zip(values, seconds["cp -a"], strict=True))
        print(f"{name:<14} {statistics.median(values):.3f} s   {ratio:.2f} × cp -a")
    print(f"stored after the first import {stored[0]:,} bytes, after the second {stored[1]:,}")


if __name__ == "__main__":
    main()
