"""Changes a home again and again until its input ends: `python changing_home.py HOME`."""

from __future__ import annotations

import select
import sys
from itertools import count
from pathlib import Path

from mlwf_tui.errors import Conflict
from mlwf_tui.workflow.copy import copy
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.describe import describe
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workspace import open_workspace


def main(home: Path) -> None:
    with open_workspace(home) as workspace:
        for number in count():
            try:
                copy(workspace, "cells@1", "moving")
                describe(workspace, "moving", f"as it was at {number}")
                rename(workspace, "moving", "moved")
                delete(workspace, "moved")
            except Conflict:  # the app has the same at hand
                continue
            if select.select([sys.stdin], [], [], 0.5)[0]:
                return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
