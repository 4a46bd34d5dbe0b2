"""Runs the app on a home and writes down how long its loop was held: `python probed_app.py HOME GAPS`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import monotonic

from mlwf_tui.tui.app import MlwfApp, _open_home

TICK_S = 0.005


class ProbedApp(MlwfApp):
    """The app with a task that wakes up all the time, and notes each time that it woke up late."""

    gaps_path: Path

    async def probe(self) -> None:
        before = monotonic()
        with self.gaps_path.open("a", buffering=1) as gaps:
            while True:
                await asyncio.sleep(TICK_S)
                now = monotonic()
                gaps.write(f"{now} {now - before - TICK_S}\n")
                before = now

    def on_load(self) -> None:
        self.run_worker(self.probe())


def main(home: Path, gaps_path: Path) -> int:
    with ExitStack() as opened:
        app = ProbedApp(home, partial(_open_home, home, opened))
        app.gaps_path = gaps_path
        app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
