"""The dispatcher: settles a job that has ended, and starts what waits; `python -m mlwf_tui.dispatcher HOME`.

Supervisors call it as they end, with the job's id and how it ended, and waiters now and again. It prints
one JSON document for them.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.entities.ids import JobId
from mlwf_tui.entities.run import JobExit
from mlwf_tui.errors import MlwfError
from mlwf_tui.workflow.queue import settle_ended
from mlwf_tui.workflow.running.jobs import tend
from mlwf_tui.workspace import has_catalog, open_workspace

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> int:
    """Settle and dispatch; the exit code is 0 unless the home cannot be used.

    One that was deleted, or whose disk was taken away, is not made anew: nothing waits in it.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    home = Path(arguments[0])
    if not has_catalog(home):
        print(json.dumps({"started": 0, "waiting": 0, "due_s": None}))
        return 0
    try:
        with open_workspace(home) as workspace:
            told: dict[str, Any] = {}
            if len(arguments) > 1:
                known = msgspec.json.decode(arguments[2], type=JobExit)
                told = settle_ended(workspace, JobId(arguments[1]), known)
            done = tend(workspace)
    except MlwfError as error:
        logger.error("%s %s", error.message, error.hint)
        return 1
    due_s = None if done.due_at is None else (done.due_at - datetime.now(UTC)).total_seconds()
    print(json.dumps({**told, "started": done.started, "waiting": done.waiting, "due_s": due_s}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
