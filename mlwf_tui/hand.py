"""The hand: a process that does a part of another's work; `python -m mlwf_tui.hand HOME`.

It imports what its role needs and no more: there is one for each core, and all work waits for them.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Answer messages until their end; Ctrl-C is for the process that sends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # it makes no cycles, and looking for some takes a twelfth of its time
    from mlwf_tui.workflow.serving import serve

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand between two answers
    try:  # around the files: one that cannot be written to says so again as it is closed
        with os.fdopen(os.dup(0), "rb") as messages, answers:
            serve(Path(arguments[0]), messages, answers)
    except BrokenPipeError:
        return 1  # the process that it works for is gone
    gc.freeze()  # or Python goes through everything once more as it leaves: 10 ms
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
