"""Queues the benchmark of what a training has made, and says what will come of it."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

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
    return queue_planned(workspace, plan_for(workspace, model, version, run))


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark that nothing speaks against, still to be queued."""

    model: Model
    ref: str
    part: Part
    device: str
    is_trusted: bool
    terms: Terms


def plan_for(workspace: Workspace, model: Model, version: Version, run: Run) -> Planned:
    """Return the benchmark of a model that a training has made; reads all items, and writes nothing.

    Raises:
        MlwfError: it cannot be measured there.
    """
    splits = {item.split for item in iter_items(workspace.store, version.manifest)}
    part = Part(split=(Split.TEST if Split.TEST in splits else Split.VAL).value)
    check_fit(workspace, model, version.ref, version.manifest, part)
    device = str(run.params.get("device", "auto")).partition(",")[0]
    return Planned(
        model=model,
        ref=version.ref,
        part=part,
        device=device,
        is_trusted=bool(run.params.get("trust_weights")),
        terms=check_terms(workspace, Terms(), uses_gpu=True, device=device),
    )


def queue_planned(workspace: Workspace, planned: Planned) -> dict[str, Any]:
    """Queue a planned benchmark, rows alone; return what the outcome that it follows tells of it.

    Raises:
        NotFound: the model or the version was deleted meanwhile.
    """
    queued = queue_benchmark(
        workspace, planned.model, planned.ref, planned.part, BenchmarkParams(), device=planned.device,
        is_trusted=planned.is_trusted, terms=planned.terms,
    )  # fmt: skip
    return {"run": queued.run_id, "split": planned.part.split}
