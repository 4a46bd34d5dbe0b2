"""A search with its trials as rows and event files, without any process."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.axis import read_axis
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.entities.search import PRUNED, SEARCH, SearchPlan
from mlwf_tui.workflow.running.events import FILE_NAME, EventWriter
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workspace import Workspace

VALUES = ((0.001, 4, 0.4), (0.01, 8, 0.8), (0.1, 4, 0.2))


def add_search(workspace: Workspace, ref: str) -> Run:
    """Enter a search on a version that has done two trials and pruned a third."""
    catalog = workspace.catalog
    plan = SearchPlan(
        data=ref,
        model="yolov10n",
        axes=(read_axis("lr0", "0.001..0.1:log"), read_axis("batch", "4,8")),
        trials=3,
        name="cells-search",
    )
    run = _create(workspace, SEARCH, {"data": ref, "model": plan.model}, call=msgspec.to_builtins(plan))
    Recorder(workspace, run).read_version(ref)
    for lr0, batch, value in VALUES:
        trial = _create(workspace, "train", {"lr0": lr0, "batch": batch, "name": "x"}, parent=run)
        Recorder(workspace, trial).read_version(ref)
        folder = workspace.run_folder(trial.id)
        folder.mkdir(parents=True)
        with (folder / FILE_NAME).open("ab") as file, EventWriter(file) as writer:
            for epoch in range(1, 5):
                writer.metric("metrics/mAP50", value * epoch / 4, epoch)
        is_pruned = value == VALUES[-1][-1]
        result = {PRUNED: {"step": 4, "value": value}} if is_pruned else {"metrics": {"map50": value}}
        state = RunState.STOPPED if is_pruned else RunState.DONE
        catalog.runs.finish(trial.id, state, result=result)
    importance = {"lr0": 0.75, "batch": 0.25}
    summary = "3 of 3 trials, 1 pruned, best map50 0.8 (trial 2)"
    catalog.runs.finish(run.id, RunState.DONE, result={"importance": importance, "summary": summary})
    return catalog.runs.get(run.id)


def _create(
    workspace: Workspace,
    verb: str,
    params: dict[str, object],
    *,
    call: dict[str, object] | None = None,
    parent: Run | None = None,
) -> Run:
    return workspace.catalog.runs.create(
        verb,
        params=params,
        seed=0,
        author="ann",
        workspace="default",
        environment={},
        terms=Terms(),
        call=call,
        parent=None if parent is None else parent.id,
    )
