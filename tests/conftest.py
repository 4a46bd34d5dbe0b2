"""What all tests share: processes side by side, the same examples every time, bytecode of the package."""

from __future__ import annotations

import compileall
import os
from pathlib import Path

import pytest
from hypothesis import settings

import mlwf_tui

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

MOST_PROCESSES = 4  # each takes up to a gigabyte


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes run the tests, by the processors that are ours."""
    return min(MOST_PROCESSES, len(os.sched_getaffinity(0)))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Save the bytecode of the package, as an installed mlwf has it.

    Tests start it by the hundred. From an editable install, where PYTHONDONTWRITEBYTECODE is set, each would
    compile it anew: 0.33 s of processor time for a small command instead of 0.18.
    """
    if not hasattr(session.config, "workerinput"):  # one of several processes finds it there
        for folder in (Path(mlwf_tui.__file__).parent, Path(__file__).parent):
            compileall.compile_dir(folder, quiet=2)
