"""The places that the crash tests break, and a count of what they tried for the end of a run."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.places import Places

_TRIED = pytest.StashKey[Counter[str]]()


@pytest.fixture(scope="session")
def tried(pytestconfig: pytest.Config) -> Counter[str]:
    """How many faults were tried, by what they hit."""
    counter: Counter[str] = Counter()
    pytestconfig.stash[_TRIED] = counter
    return counter


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places(tmp_path_factory.mktemp("crash"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many there were."""
    counter = config.stash.get(_TRIED, None)
    if not counter:
        return
    terminalreporter.section("faults tried")
    for name, count in sorted(counter.items()):
        terminalreporter.write_line(f"{count:6,}  {name}")
    terminalreporter.write_line(f"{counter.total():6,}  in all")
