"""demo: the whole workflow on a sample project made on the spot, by the same verbs a person uses."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import Cancelled, MlwfError
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.workflow.apply import submit_apply
from mlwf_tui.workflow.benchmark import submit_benchmark
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.restore import restore
from mlwf_tui.workflow.running.follow import RunUpdate, wait_for
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace

SAMPLE = "digits"
ARCHITECTURE = "yolov10p"
IMAGE_COUNT = 270
NEW_IMAGE_COUNT = 24
TOUR_PROJECT, TOUR_IMAGE_COUNT = "tour", 60
TRAINING = {"preset": "quick", "imgsz": 96, "epochs": 14, "batch": 16, "fliplr": 0}  # a minute on two cores


class Announcer(Observer, Protocol):
    """Whoever shows the demo's steps."""

    def begin(self, number: int, count: int, text: str) -> None:
        """A step begins."""

    def end(self, text: str) -> None:
        """It has ended, and this came of it."""


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo made."""

    project: str
    augmented: str
    predictions: str
    model: str
    report: str
    map50: float
    restored_version: int


@dataclass(slots=True)
class _Story:
    """What one step leaves for the next."""

    workspace: Workspace
    announcer: Announcer
    seed: int
    folder: Path
    first_version: int = 0
    model: str = ""
    report: str = ""
    map50: float = 0.0
    restored_version: int = 0

    project = "digits"
    augmented = "digits-augmented"
    new = "digits-new"
    predictions = "digits-predicted"


def run_demo(workspace: Workspace, *, seed: int, announce: Announcer) -> DemoResult:
    """Go through the workflow once; a second time finds its data unchanged and trains anew.

    Raises:
        MlwfError: a step failed; what was done before it stays.
    """
    steps: tuple[tuple[str, Callable[[_Story], str]], ...] = (
        ("import: draw a sample of handwritten digits on photographs, and import it", _import),
        ("commit: give it a version", _commit),
        ("split: into train, val and test", _split),
        ("augment: crop, rotate and add noise to the training images, boxes following", _augment),
        (f"train: {ARCHITECTURE} from scratch, in a process of its own", _train),
        ("benchmark: measure it on the test images", _benchmark),
        ("apply: let it annotate new images", _apply),
        ("restore: bring the first version back", _restore),
    )
    with tempfile.TemporaryDirectory(prefix="mlwf-demo-") as folder:
        story = _Story(workspace, announce, seed, Path(folder))
        for number, (text, step) in enumerate(steps, start=1):
            announce.begin(number, len(steps), text)
            announce.end(step(story))
    return DemoResult(
        project=story.project,
        augmented=story.augmented,
        predictions=story.predictions,
        model=story.model,
        report=story.report,
        map50=story.map50,
        restored_version=story.restored_version,
    )


def make_sample(workspace: Workspace, *, seed: int, announce: Observer) -> str:
    """Import a small sample with two versions, to look at and to try things on, and return its project.

    A second time it finds its data as it was.

    Raises:
        MlwfError: it could not be made.
    """
    with tempfile.TemporaryDirectory(prefix="mlwf-sample-") as folder:
        path = Path(folder) / "digits"
        workspace.registry.get_sample(SAMPLE).write(path, seed=seed, image_count=TOUR_IMAGE_COUNT)
        import_folder(workspace, path, TOUR_PROJECT, message="as drawn", observer=announce)
    params = {"train": 0.75, "val": 0.2, "test": 0.05}
    transform(
        workspace, "split", [TOUR_PROJECT], to=TOUR_PROJECT, params=params, seed=seed, observer=announce
    )
    return TOUR_PROJECT


def _import(story: _Story) -> str:
    sample = story.workspace.registry.get_sample(SAMPLE)
    labelled, unlabelled = story.folder / "digits", story.folder / "new-digits"
    sample.write(labelled, seed=story.seed, image_count=IMAGE_COUNT)
    sample.write_unlabelled(unlabelled, seed=story.seed, image_count=NEW_IMAGE_COUNT)
    result = import_folder(story.workspace, labelled, story.project, observer=story.announcer)
    import_folder(story.workspace, unlabelled, story.new, observer=story.announcer)
    return f"{result.items_added} items added, {result.items_unchanged} unchanged"


def _commit(story: _Story) -> str:
    result = commit(story.workspace, story.project, message="as imported")
    story.first_version = result.version
    return f"{story.project}@{result.version}"


def _split(story: _Story) -> str:
    result = transform(
        story.workspace,
        "split",
        [story.project],
        to=story.project,
        params={"train": 0.7, "val": 0.15, "test": 0.15},
        seed=story.seed,
        observer=story.announcer,
    )
    return f"{story.project}@{result.version}"


def _augment(story: _Story) -> str:
    result = transform(
        story.workspace,
        "augment",
        [story.project],
        to=story.augmented,
        params={"copies": 1, "flip": 0},  # a mirrored digit is no digit
        seed=story.seed,
        observer=story.announcer,
    )
    return f"{story.augmented}@{result.version}: {result.items_in} items in, {result.items_out} out"


def _train(story: _Story) -> str:
    run = submit_train(
        story.workspace,
        story.augmented,
        model=ARCHITECTURE,
        params=TRAINING,
        seed=story.seed,
        is_benchmarked=False,
    )
    finished = _follow(story, run)
    story.model = finished.result["model"]
    return f"model {story.model}"


def _benchmark(story: _Story) -> str:
    finished = _follow(story, submit_benchmark(story.workspace, story.model, story.augmented))
    story.report = finished.result["report"]
    story.map50 = finished.result["metrics"]["map50"]
    return f"report {story.report}: mAP50 {story.map50:.3f} on images it has never seen"


def _apply(story: _Story) -> str:
    run = submit_apply(story.workspace, story.model, story.new, to=story.predictions, params={})
    result = _follow(story, run).result
    counts = f"{result['objects_out']} objects on {result['items_out']} images"
    return f"{story.predictions}@{result['version']}: {counts}"


def _restore(story: _Story) -> str:
    result = restore(story.workspace, f"{story.project}@{story.first_version}")
    story.restored_version = result.version
    return f"{story.project}@{result.version} holds what @{story.first_version} held"


def _follow(story: _Story, run: Run) -> Run:
    def on_update(update: RunUpdate) -> None:
        story.announcer.check_cancelled()
        if update.progress is not None:
            story.announcer.progress(update.progress.step, update.progress.total, update.progress.message)

    try:
        finished = wait_for(story.workspace, run.id, on_update)
    except (KeyboardInterrupt, Cancelled):
        stop_run(story.workspace, run.id, grace_s=10)
        raise
    if finished.state is not RunState.DONE:
        raise MlwfError(
            finished.error or f"The {run.verb} is {finished.state}.",
            hint=finished.hint or f"mlwf logs {run.id} shows what happened.",
        )
    return finished
