"""Runs one command and writes down what it cost: `python -IS watch.py OUT COMMAND…`.

A process of its own and almost without imports: Linux counts the memory of whoever starts a program
to that program's peak, so a large parent would be all that is seen. Here that floor is 10 MB.
"""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    out, *command = sys.argv[1:]
    started = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    with open(out, "w") as file:  # noqa: PTH123  (pathlib is half of the memory)
        file.write(f"{seconds} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss * 1024}")
    raise SystemExit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    main()
