"""Packs that are inspected by processes turn out to be what threads find them to be."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import pytest

from mlwf_tui.errors import Cancelled
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.inspection import Candidate, Findings
from mlwf_tui.store.verify import InspectAll
from mlwf_tui.workflow.inspecting import make_inspection
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.filling import flip, list_packs, make_blob, write_version

SEALED_PACKS = 6


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    for number in range(SEALED_PACKS):
        write_version(workspace, f"cells{number}", {f"{number}.jpg": make_blob(number)})
    return workspace


@pytest.fixture
def by_hands(filled: Workspace) -> InspectAll:
    return make_inspection(filled.home, filled.store, fewest_bytes=0)


def keep(inspect_all: InspectAll, kept: list[Findings]) -> InspectAll:
    """Return the same way to inspect, which leaves what it yields in a list as well."""

    def inspect(candidates: Sequence[Candidate], observer: Observer) -> Generator[Findings, None, None]:
        for findings in inspect_all(candidates, observer):
            kept.append(findings)
            yield findings

    return inspect


def test_hands_find_what_threads_find(filled: Workspace, by_hands: InspectAll) -> None:
    headless, cut, bent, *_ = list_packs(filled.home)
    flip(headless, 3)
    cut.write_bytes(cut.read_bytes()[:-5])
    flip(bent, bent.stat().st_size // 2)
    of_hands: list[Findings] = []
    observer = KeepingObserver()
    found = filled.store.verify(observer, inspect_all=keep(by_hands, of_hands))
    expected = filled.store.verify(KeepingObserver())
    assert len(of_hands) == len(list_packs(filled.home))
    assert set(found.damages) == set(expected.damages)
    assert len({damage.pack for damage in found.damages}) >= 3
    assert (found.lost, found.checked_bytes) == (expected.lost, expected.checked_bytes)


def test_a_check_by_hands_that_is_stopped_goes_on_where_it_was(
    filled: Workspace, by_hands: InspectAll
) -> None:
    count = len(list_packs(filled.home))
    with pytest.raises(Cancelled):
        filled.store.verify(StoppingObserver(looks_left=2), inspect_all=by_hands)
    rest: list[Findings] = []
    assert filled.store.verify(KeepingObserver(), is_new_only=True, inspect_all=keep(by_hands, rest)).ok
    assert 0 < len(rest) < count


def test_progress_of_hands_counts_all_bytes(filled: Workspace, by_hands: InspectAll) -> None:
    observer = KeepingObserver()
    checked = filled.store.verify(observer, inspect_all=by_hands).checked_bytes
    assert observer.steps[-1][:2] == (checked, checked)
