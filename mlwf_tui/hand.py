"""The hand: a process that does a part of another's work; `python -m mlwf_tui.hand HOME ROLE`.

It imports what its role needs and no more: there is one for each core, and all work waits for them.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    """Answer messages until their end; Ctrl-C is for the process that sends them.

    Behind home and role stand the descriptors of the pipes of each copy, which are its input and output.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # it makes no cycles, and looking for some takes a twelfth of its time
    from mlwf_tui.workflow.serving import find_role, serve

    home, role, *pipes = arguments
    open_role = find_role(role)
    copies = _make_copies([int(descriptor) for descriptor in pipes])
    try:
        answers = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)  # what a library prints must not stand between two answers
        # The files close themselves here: one that cannot be written to says so again as it is closed.
        with os.fdopen(os.dup(0), "rb") as messages, answers:
            serve(Path(home), open_role, messages, answers)
    except BrokenPipeError:
        return 1  # the process that it works for is gone
    finally:
        os.close(0)  # nobody reads it any more: who still sends is told so, and does not wait for a reader
        for pid in copies:
            with suppress(ChildProcessError):  # where SIGCHLD is ignored, as some that start programs do
                os.waitpid(pid, 0)
    gc.freeze()  # or Python goes through everything once more as it leaves: 10 ms
    return 0


def _make_copies(pipes: Sequence[int]) -> Sequence[int]:
    """Make a copy of this process for each two of the descriptors, and return their pids; none in a copy."""
    pids = []
    for place in range(0, len(pipes), 2):
        pid = os.fork()  # there are no threads yet, and nothing is open
        if pid == 0:
            os.dup2(pipes[place], 0)
            os.dup2(pipes[place + 1], 1)
        for descriptor in pipes[place:] if pid == 0 else pipes[place : place + 2]:
            os.close(descriptor)
        if pid == 0:
            return ()
        pids.append(pid)
    return pids


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
