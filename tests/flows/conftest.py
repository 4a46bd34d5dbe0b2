"""The places that the crash tests break, and a count of what they tried for the end of a run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.faults.places import Places

_TRIED = pytest.StashKey[Counter[str]]()


@pytest.fixture(scope="session")
def tried(pytestconfig: pytest.Config) -> Counter[str]:
    """How many faults were tried, by what they hit."""
    return pytestconfig.stash.setdefault(_TRIED, Counter())


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places(tmp_path_factory.mktemp("crash"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the counts of one of several processes to the one that tells them."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    counter = session.config.stash.get(_TRIED, None)
    if output is not None and counter is not None:
        output["tried"] = dict(counter)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the counts of a process that has ended; one that was killed has none."""
    output: dict[str, Any] = getattr(node, "workeroutput", {})
    node.config.stash.setdefault(_TRIED, Counter()).update(output.get("tried", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many there were."""
    counter = config.stash.get(_TRIED, None)
    if not counter:
        return
    terminalreporter.section("faults tried")
    for name, count in sorted(counter.items()):
        terminalreporter.write_line(f"{count:6,}  {name}")
    terminalreporter.write_line(f"{counter.total():6,}  in all")
