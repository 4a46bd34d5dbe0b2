"""What earlier trainings of a home took: an epoch, and what comes before and after the epochs. Not a verb."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from mlwf_tui.entities.metric import EPOCH_KEY
from mlwf_tui.entities.run import MetricPoint, Progress, Run, RunState
from mlwf_tui.errors import MlwfError
from mlwf_tui.params import build_params
from mlwf_tui.workflow.running.events import FILE_NAME, EventReader
from mlwf_tui.workflow.training.records import SPLIT_PREFIX
from mlwf_tui.workflow.training.starts import OWN_PARAMS, find_start, split_params
from mlwf_tui.workflow.training.tasks import SPLITS
from mlwf_tui.workspace import Workspace

EARLIER = 5  # trainings that an estimate looks at, the newest
_COUNT = re.compile(r"\(([\d,]+) items\)")


class Took(msgspec.Struct, frozen=True):
    """What trainings took."""

    item_epoch_s: float  # an item and epoch
    around_s: float  # what is no epoch: the library's loading, the data's writing, the model's keeping
    count: int = 1  # trainings that tell it


def find_took(
    workspace: Workspace, models: Collection[str], settings: Mapping[str, Any], *, has_gpu: bool
) -> Took | None:
    """Return what the newest trainings of these models with such steps took, or None where none tells it."""
    fitting = [
        run
        for run in workspace.catalog.runs.list(states=[RunState.DONE])
        if run.verb == "train"
        and run.params.get("model") in models
        and _is_alike(workspace, run, settings, has_gpu)
    ]
    tooks = list(_iter_tooks(workspace, fitting[:EARLIER]))
    if not tooks:
        return None
    rate_s, around_s = median(took.item_epoch_s for took in tooks), median(took.around_s for took in tooks)
    return Took(rate_s, around_s, len(tooks))


def _is_alike(workspace: Workspace, run: Run, settings: Mapping[str, Any], has_gpu: bool) -> bool:
    """Whether a step of a run took what one of the asked training would: the same batch, size and device."""
    if (run.environment.get("device", "cpu") not in ("cpu", "mps")) is not has_gpu:
        return False
    given = {key: value for key, value in run.params.items() if key not in OWN_PARAMS}
    try:
        start = find_start(workspace, str(run.params["model"]))
        trainer = workspace.registry.get_trainer(start.trainer)
        declared, extra = split_params(trainer, given)
        built = build_params(trainer.params_type, declared)
        theirs = trainer.resolve_settings(built, extra, task=start.task, has_gpu=has_gpu)
    except MlwfError:  # of an earlier mlwf
        return False
    return all(theirs.get(name) == settings.get(name) for name in ("batch", "imgsz"))


def _iter_tooks(workspace: Workspace, runs: Sequence[Run]) -> Iterator[Took]:
    """Yield what each run took; one whose epochs' times or whose jobs' are not all known tells nothing."""
    for run in runs:
        jobs_s = [job.ran_s for job in workspace.catalog.jobs.list_of(run.id) if job.finished_at is not None]
        known_s = [ran_s for ran_s in jobs_s if ran_s is not None]  # not where the machine was switched off
        counts = [_COUNT.search(run.environment.get(f"{SPLIT_PREFIX}{split}", "")) for split in SPLITS]
        items = sum(int(count[1].replace(",", "")) for count in counts if count is not None)
        ends, firsts = _read_epochs(workspace.run_folder(run.id))
        lengths_s = list(_iter_lengths(ends, firsts))
        if known_s and len(known_s) == len(jobs_s) and items and lengths_s:
            epoch_s = median(lengths_s)
            epochs_s = epoch_s * len({end.step for end in ends})
            yield Took(epoch_s / items, max(0.0, sum(known_s) - epochs_s) / len(known_s))


def _read_epochs(folder: Path) -> tuple[list[MetricPoint], dict[int, Progress]]:
    """Return where each epoch of a run has ended, and by process what was first told of a batch."""
    firsts: dict[int, Progress] = {}

    def note(progress: Progress) -> None:
        if progress.total is not None:
            firsts.setdefault(reader.attempt, progress)

    reader = EventReader(folder / FILE_NAME, on_progress=note)
    ends: list[MetricPoint] = []
    before = -1
    while reader.offset != before:
        before = reader.offset
        ends += [point for point in reader.read_new()[1] if point.key == EPOCH_KEY]
    return ends, firsts


def _iter_lengths(ends: Sequence[MetricPoint], firsts: Mapping[int, Progress]) -> Iterator[float]:
    """Yield how many seconds epochs took.

    The first of a process has no other before it. Where it is all there is, it counts from the first batch
    told on, as if those before took no longer: the first also loads and allocates.
    """
    processes = [list(points) for _, points in groupby(ends, key=lambda end: end.attempt)]
    lengths_s = [after.at - before.at for points in processes for before, after in pairwise(points)]
    yield from lengths_s
    for end in (points[0] for points in processes if not lengths_s):
        first, batches = firsts.get(end.attempt), end.step / max(1.0, end.value)
        if first is not None and first.step < end.step:
            yield (end.at - first.at) * batches / (end.step - first.step)
