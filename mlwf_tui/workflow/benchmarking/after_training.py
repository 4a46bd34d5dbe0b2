"""Plans and queues the benchmark of what a training has made, and says what will come of it."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from mlwf_tui.entities.part import AUTO, Part
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import MlwfError
from mlwf_tui.workflow.benchmark import Measurable, PlannedBenchmark, check_fit, queue_benchmark
from mlwf_tui.workflow.benchmarking.parts import choose_split
from mlwf_tui.workflow.running.jobs import check_terms
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)
SWITCHED_OFF = "It was switched off."


class Coming(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a training is about to enter: what decides whether it can be measured."""

    name: str
    task: str
    class_names: tuple[str, ...]


def plan_own(
    workspace: Workspace, run: Run, version: Version, model: Coming, *, is_stopped: bool
) -> PlannedBenchmark | str | None:
    """Return the benchmark of what a training is about to enter, or why there is none.

    None for a part of something larger, as a trial is: that sees to it.
    """
    if run.parent is not None:
        return None
    if run.params.get("benchmark") is False:
        return SWITCHED_OFF
    if is_stopped:  # whoever stops wants the machine to be free
        return f"The training was stopped. mlwf benchmark {model.name} {version.ref} measures it."
    return plan_for(workspace, run, version, model)


def plan_for(workspace: Workspace, run: Run, version: Version, model: Measurable) -> PlannedBenchmark | str:
    """Return the benchmark of a training's model on the version's test split, or else on val; or why not.

    Reads all items, and writes nothing: for before the transaction in which it is queued.
    """
    try:
        part = choose_split(workspace, version.manifest, Part(split=AUTO))
        check_fit(workspace, model, version.ref, version.manifest, part)
        device = str(run.params.get("device", "auto")).partition(",")[0]
        return PlannedBenchmark(
            model=model.name,
            ref=version.full_ref,
            part=part,
            device=device,
            is_trusted=bool(run.params.get("trust_weights")),
            terms=check_terms(workspace, Terms(), uses_gpu=True, device=device),
        )
    except MlwfError as error:
        return _give_up(error)


def queue_planned(workspace: Workspace, planned: PlannedBenchmark | str, model: str) -> dict[str, Any]:
    """Queue a planned benchmark in the caller's transaction, rows alone; whoever calls lets the queue go on.

    Returns what the outcome that it follows tells of it: the run that measures, or why there is none.
    What was deleted since is such a reason, and nothing is entered then.
    """
    if isinstance(planned, str):
        return {"run": None, "reason": planned}
    try:
        entered = workspace.catalog.models.get(model)
        queued = queue_benchmark(workspace, msgspec.structs.replace(planned, model=entered))
    except MlwfError as error:
        return {"run": None, "reason": _give_up(error)}
    return {"run": queued.run_id, "split": planned.part.split}


def _give_up(error: MlwfError) -> str:
    """Return the reason, and note it: what is wrong with the benchmark alone fails nothing else."""
    logger.warning("the model is not measured: %s", error.message)
    return error.message
