"""Starts the processes of a training on several devices by torchrun, and notes which of them was ended.

`python -m mlwf_tui.plugins.trainers.ultralytics.launcher FOLDER COUNT PARENT`.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from pathlib import Path

from mlwf_tui.plugins.trainers.ultralytics.messages import Killed, write_killed

RANK_MODULE = "mlwf_tui.plugins.trainers.ultralytics.rank"
LAUNCHER_PID = "MLWF_LAUNCHER_PID"  # of the environment of what it starts
PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Run all processes to their end; 1 where one of them failed, and the others were ended for it."""
    folder, count, parent = Path(arguments[0]), arguments[1], int(arguments[2])
    die_with_parent(signal.SIGTERM)  # torchrun then ends what it has started
    if os.getppid() != parent:
        return 1
    os.environ[LAUNCHER_PID] = str(os.getpid())
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    logging.getLogger("torch.distributed").setLevel(logging.ERROR)
    options = ("--standalone", "--local-addr", "127.0.0.1", "--max-restarts", "0", "--nproc-per-node", count)
    try:
        run(parse_args([*options, "-m", RANK_MODULE, str(folder)]))  # type: ignore[no-untyped-call]
    except ChildFailedError as error:
        write_killed(
            folder,
            [
                Killed(
                    rank=rank,
                    at=float(failure.timestamp),
                    exit_code=failure.exitcode,
                    signal=failure.signal_name() if failure.exitcode < 0 else "",
                )
                for rank, failure in error.failures.items()
            ],
        )
        return 1
    except SignalException:
        return 1
    return 0


def die_with_parent(number: signal.Signals) -> None:
    """Ask the kernel for a signal when the process that has started this one ends (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
