"""What a recorder leaves when its last transaction cannot be committed."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.run import RunState
from mlwf_tui.errors import StorageFailed
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workspace import Workspace


def test_a_run_whose_last_transaction_is_rolled_back_is_closed_as_failed(workspace: Workspace) -> None:
    with pytest.raises(StorageFailed), record(workspace, "import", params={}) as run, run.finishing():
        raise StorageFailed("The disk is full.", hint="Free some space.")
    found = get_run(workspace, run.run_id)
    assert (found.state, found.error) == (RunState.FAILED, "The disk is full.")
    assert workspace.catalog.jobs.list_unfinished() == ()
