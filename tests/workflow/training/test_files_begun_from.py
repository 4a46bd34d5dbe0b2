"""Weights from elsewhere that a training begins with: on the lineage, and told where they are other ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.trainers.ultralytics.fit import name_architecture
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.queue import pause_queue, resume_queue
from mlwf_tui.workflow.reproduce import find_lacks, judge, submit_again
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.making import make_voc

OBSERVER = KeepingObserver()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        make_voc(
            tmp_path / "voc",
            {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": [("cell", 2, 3, 20, 21)]},
            splits={"train": ["a"], "val": ["b"]},
        )
        import_folder(workspace, tmp_path / "voc", "seen", observer=OBSERVER)
        yield workspace


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "good.learned"
    path.write_bytes(b"good weights")
    return path


def train(workspace: Workspace, weights: Path) -> Run:
    return submit_train(
        workspace, "seen", model=str(weights), params={"epochs": "1", "device": "cpu"}, is_benchmarked=False
    )


def test_weights_from_elsewhere_are_an_input_with_their_digest(home: Workspace, weights: Path) -> None:
    pause_queue(home)
    run = train(home, weights)
    noted = [one for one in run.inputs if one.kind is ArtifactKind.WEIGHTS]
    assert [one.title for one in noted] == [str(weights)]
    fact = home.catalog.artifacts.read_files([noted[0].id])[noted[0].id]
    assert fact.digest == compute_digest(b"good weights")


def test_a_training_does_not_begin_with_other_weights_than_it_was_queued_with(
    home: Workspace, weights: Path
) -> None:
    pause_queue(home)
    run = train(home, weights)
    weights.write_bytes(b"other weights")
    resume_queue(home)
    failed = jobs.wait_for_end(home, run)
    assert failed.state is RunState.FAILED
    assert "holds something else than when the training was queued" in failed.error


def test_a_training_is_not_done_again_from_other_weights(home: Workspace, weights: Path) -> None:
    run = jobs.wait_for_end(home, train(home, weights))
    assert run.state is RunState.DONE, jobs.describe(home, run)
    assert not find_lacks(home, run, OBSERVER)
    weights.write_bytes(b"other weights")
    with pytest.raises(InvalidInput, match="holds something else than what it began from"):
        submit_again(home, run.id, observer=OBSERVER)
    other = jobs.wait_for_end(home, train(home, weights))
    notes = judge(home, run, other).notes
    assert [note for note in notes if note.startswith(f"{weights} was ")]


def test_an_architecture_is_called_by_its_name_and_not_by_a_path() -> None:
    inside = SimpleNamespace(model=SimpleNamespace(yaml={"yaml_file": "yolov10n.yaml"}))
    assert name_architecture("/home/ann/good.pt", inside) == "yolov10n"
    assert name_architecture("/home/ann/good.pt", SimpleNamespace(model=None)) == "good"
    assert name_architecture("yolov8s", inside) == "yolov8s"
