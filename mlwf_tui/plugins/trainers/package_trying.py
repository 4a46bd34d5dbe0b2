"""Runs the example of a package as its reader will."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlwf_tui.errors import PluginError

EXAMPLE = "example.py"
EXAMPLE_TIMEOUT_S = 300.0


def run_example(package: Path, pictures: Sequence[Path], *options: str) -> list[Any]:
    """Return what the example says of each picture, in a process of its own that sees nothing of ours.

    Raises:
        PluginError: it fails, takes too long, or leaves a picture out.
    """
    command = [sys.executable, "-I", str(package / EXAMPLE), "--json", *options, *map(str, pictures)]
    try:
        done = subprocess.run(
            command, cwd=package, capture_output=True, text=True, check=True, timeout=EXAMPLE_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        found = json.loads(done.stdout)
        return [found[str(path)] for path in pictures]
    except (subprocess.SubprocessError, ValueError, KeyError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise PluginError(
            f"The package's example fails: {said[-1] if said else error}", hint="Try another format."
        ) from error
    finally:
        shutil.rmtree(package / "__pycache__", ignore_errors=True)
