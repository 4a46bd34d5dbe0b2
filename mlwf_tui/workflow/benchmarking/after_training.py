"""Queues the benchmark of what a training has made, and says what will come of it."""

from __future__ import annotations

import logging
from typing import Any

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.part import Part
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import MlwfError
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.benchmark import BenchmarkParams, check_fit, queue_benchmark
from mlwf_tui.workflow.running.jobs import check_terms
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)


def follow_up(recorder: Recorder, model: Model, version: Version) -> dict[str, Any]:
    """Queue the benchmark of a new model in the caller's transaction; whoever calls lets the queue go on.

    Returns what the training's outcome tells: the run that measures, or why there is none; nothing for
    a part of something larger, as a trial is. What is wrong with the benchmark alone is never raised.
    """
    run = recorder.run
    if run.parent is not None:
        return {}
    if run.params.get("benchmark") is False:
        return {"run": None, "reason": "It was switched off."}
    try:
        return queue_for(recorder.workspace, model, version, run)
    except MlwfError as error:
        logger.warning("the model is not measured: %s", error.message)
        return {"run": None, "reason": error.message}


def queue_for(workspace: Workspace, model: Model, version: Version, run: Run) -> dict[str, Any]:
    """Queue the benchmark of a model on its version's test split, or else on val.

    Raises:
        MlwfError: it cannot be measured there.
    """
    splits = {item.split for item in iter_items(workspace.store, version.manifest)}
    part = Part(split=(Split.TEST if Split.TEST in splits else Split.VAL).value)
    check_fit(workspace, model, version.ref, version.manifest, part)
    device = str(run.params.get("device", "auto")).partition(",")[0]
    terms = check_terms(workspace, Terms(), uses_gpu=True, device=device)
    queued = queue_benchmark(
        workspace, model, version.ref, part, BenchmarkParams(), device=device,
        is_trusted=bool(run.params.get("trust_weights")), terms=terms,
    )  # fmt: skip
    return {"run": queued.run_id, "split": part.split}
