"""Starts workers as processes of this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path


class LocalExecutor:
    """A process in a session of its own, so that the end of a terminal does not reach it."""

    name = "local"

    def start(self, command: Sequence[str], log_path: Path) -> int:
        """Start `command` in the log's folder and return its pid.

        Raises:
            OSError: the log cannot be written, or the command cannot be started.
        """
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=log_path.parent,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        return process.pid
