"""A hand whose answers nobody reads any more: it ends without a word."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

from mlwf_tui.workspace import open_workspace


def test_a_hand_whose_caller_is_gone_ends_without_a_traceback(tmp_path: Path) -> None:
    with open_workspace(tmp_path):
        pass
    unread, answers = os.pipe()
    os.close(unread)
    setup = farewell = struct.pack("<I", 0)
    ended = subprocess.run(
        [sys.executable, "-m", "mlwf_tui.hand", str(tmp_path), "show"],
        input=setup + farewell,
        stdout=answers,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(answers)
    assert (ended.returncode, ended.stderr) == (1, b"")
