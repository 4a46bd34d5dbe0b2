"""The files beside a model: made from facts and a look at validation images, by a trainer that sees boxes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from PIL import Image

from mlwf_tui.entities.model import FileRole, Model, ModelFile
from mlwf_tui.entities.project import Version
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import FitResult
from mlwf_tui.workflow.cards.keeping import keep_model_files
from mlwf_tui.workflow.cards.reading import read_card
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.show import show, write_model_files
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver, PausingObserver, StoppingObserver
from tests.fakes.seeing import SeeingTrainer
from tests.tui.homes import CLASSES, add_model, add_report, fill_projects

SEEN = b'{"boxes": [["cell", 4, 4, 10, 12]], "broken": [], "trace": "", "gate": "", "waits_after": -1}'


@pytest.fixture
def version(workspace: Workspace, tmp_path: Path) -> Version:
    fill_projects(workspace, tmp_path)
    return next(one for one in list_versions(workspace, "cells") if one.number == 1)


def keep(
    workspace: Workspace,
    version: Version,
    tmp_path: Path,
    observer: Observer,
    class_names: tuple[str, ...] = CLASSES,
) -> Model:
    """Make a model as a training does, of weights that see one cell on every image."""
    weights = tmp_path / "best.json"
    weights.write_bytes(SEEN)
    result = FitResult(
        checkpoints=(weights,), architecture="seer", task="detect", image_size_px=32,
        metrics={"map50": 0.5}, environment={"python": "3"},
    )  # fmt: skip
    with record(workspace, "train", params={"name": "seer", "epochs": 2}, seed=3) as run:
        run.read_version(version.ref)
        files = keep_model_files(run, version, SeeingTrainer(), result, class_names, {}, observer)
        return run.write_model(
            name="seer", architecture="seer", task="detect", trainer="seer", class_names=class_names,
            image_size_px=32, checkpoints=(), metrics=result.metrics, files=files,
        )  # fmt: skip


def names(files: tuple[ModelFile, ...]) -> list[str]:
    return [file.name for file in files]


def test_a_model_has_a_card_its_confusion_and_pictures(
    workspace: Workspace, version: Version, tmp_path: Path
) -> None:
    model = keep(workspace, version, tmp_path, KeepingObserver())
    assert names(model.find_files(FileRole.PICTURE)) == [f"example-{n}.png" for n in (1, 2, 3, 4)]
    card = read_card(workspace, model)
    assert "| cell | 15 | 8 |" in card  # 8 images with 1, 2 or 3 cells; 4 with 2
    assert "Looked at on 4 of 4 validation images" in card
    (confusion,) = model.find_files(FileRole.CONFUSION)
    rows = list(csv.reader(io.StringIO(workspace.store.read(confusion.blob).decode())))
    assert rows == [
        ["truth", "cell", "clump", "none"],
        ["cell", "4", "0", "4"],
        ["clump", "0", "0", "4"],
        ["none", "0", "0", "0"],
    ]
    picture = Image.open(io.BytesIO(workspace.store.read(model.find_files(FileRole.PICTURE)[0].blob)))
    assert picture.format == "PNG"
    assert max(picture.size) <= 2 * 480 + 4


def test_nothing_is_told_from_a_class_that_is_called_none(
    workspace: Workspace, version: Version, tmp_path: Path
) -> None:
    model = keep(workspace, version, tmp_path, KeepingObserver(), ("cell", "clump", "none"))
    (confusion,) = model.find_files(FileRole.CONFUSION)
    rows = list(csv.reader(io.StringIO(workspace.store.read(confusion.blob).decode())))
    assert rows == [
        ["truth", "cell", "clump", "none", "(none)"],
        ["cell", "4", "0", "0", "4"],
        ["clump", "0", "0", "0", "4"],
        ["none", "0", "0", "0", "0"],
        ["(none)", "0", "0", "0", "0"],
    ]


def test_a_run_that_is_to_end_now_leaves_the_card_alone(
    workspace: Workspace, version: Version, tmp_path: Path
) -> None:
    model = keep(workspace, version, tmp_path, StoppingObserver())
    assert names(model.files) == ["model-card.md"]


def test_a_pause_that_comes_too_late_leaves_the_pictures(
    workspace: Workspace, version: Version, tmp_path: Path
) -> None:
    model = keep(workspace, version, tmp_path, PausingObserver())
    assert len(model.find_files(FileRole.PICTURE)) == 4


def test_a_pause_that_cannot_wait_leaves_the_card_alone(
    workspace: Workspace, version: Version, tmp_path: Path
) -> None:
    model = keep(workspace, version, tmp_path, PausingObserver(is_urgent=True))
    assert names(model.files) == ["model-card.md"]


def test_the_files_are_written_where_they_are_wanted(
    workspace: Workspace, version: Version, tmp_path: Path
) -> None:
    model = keep(workspace, version, tmp_path, KeepingObserver())
    shown = show(workspace, model.name)
    written = write_model_files(workspace, shown, card=tmp_path / "c.md", folder=tmp_path / "files")
    assert [path.name for path in written] == ["c.md", *names(model.files)]
    assert (tmp_path / "c.md").read_text("utf-8") == shown.facts["card"]
    with pytest.raises(InvalidParameter, match="only models"):
        write_model_files(workspace, show(workspace, "cells"), card=tmp_path / "d.md")


def test_a_model_without_a_card_gets_one_and_reports_are_added(
    workspace: Workspace, version: Version
) -> None:
    model = add_model(workspace, "cells@2", "old")
    add_report(workspace, model, version, "cells-val-1")
    card = read_card(workspace, model)
    assert card.startswith("# old\n")
    assert "| cells-val-1 | cells@1 | val |" in card
