"""The hand: a process that does a part of another's work; `python -m mlwf_tui.hand HOME`."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

from mlwf_tui.workflow.hands import serve
from mlwf_tui.workflow.readers import open_reading
from mlwf_tui.workflow.tree_write import open_writing

ROLES = {"read": open_reading, "write": open_writing}


def main(arguments: list[str]) -> int:
    """Answer messages until their end; Ctrl-C is for the process that sends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # it makes no cycles, and looking for some takes a twelfth of its time
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand between two answers
    with os.fdopen(os.dup(0), "rb") as messages, answers:
        try:
            serve(Path(arguments[0]), ROLES, messages, answers)
        except BrokenPipeError:
            return 1  # the process that it works for is gone
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
