"""Whether a run of the queue may be let begin again, by how it ended and what it has left."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, Run, RunState

SESSION = ArtifactRef(ArtifactKind.SESSION, "1", "eye at http://127.0.0.1:8765")
MODEL = ArtifactRef(ArtifactKind.MODEL, "2", "eye")


def make_run(state: RunState, *outputs: ArtifactRef, terms: Terms | None) -> Run:
    return Run(
        id=RunId("1"), verb="serve", params={}, state=state, seed=None, author="", terms=terms,
        created_at=datetime(2026, 11, 23, tzinfo=UTC), outputs=outputs,
    )  # fmt: skip


@pytest.mark.parametrize("state", [RunState.LOST, RunState.FAILED, RunState.STOPPED])
def test_what_has_left_a_session_alone_can_begin_again(state: RunState) -> None:
    assert make_run(state, terms=Terms()).can_begin_again
    assert make_run(state, SESSION, terms=Terms()).can_begin_again
    assert not make_run(state, SESSION, MODEL, terms=Terms()).can_begin_again
    assert not make_run(state, SESSION, terms=None).can_begin_again


def test_what_goes_on_or_is_done_cannot() -> None:
    for state in (RunState.DONE, RunState.RUNNING, RunState.PAUSED):
        assert not make_run(state, SESSION, terms=Terms()).can_begin_again
