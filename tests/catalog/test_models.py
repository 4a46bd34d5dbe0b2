from __future__ import annotations

import math
from typing import Any

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.ids import Digest, ModelId, RunId
from mlwf_tui.entities.model import Checkpoint, FileRole, ModelFile
from mlwf_tui.errors import Conflict, InvalidInput, NotFound


def test_a_model_comes_back_as_it_was(catalog: Catalog, make: Any) -> None:
    run = make.run("train")
    checkpoints = (Checkpoint("best", Digest("a" * 64), 12), Checkpoint("last", Digest("b" * 64), 13))
    model = catalog.models.create(
        name="cells",
        description="the first",
        architecture="yolov10n",
        task="detect",
        trainer="ultralytics",
        class_names=("RBC", "WBC"),
        image_size_px=640,
        checkpoints=checkpoints,
        metrics={"map50": 0.86, "loss": math.inf},
        run_id=run.id,
    )
    assert catalog.models.get("cells") == catalog.models.get(model.id[:10]) == model
    assert (model.checkpoints, model.class_names) == (checkpoints, ("RBC", "WBC"))
    assert model.metrics == {"map50": 0.86, "loss": math.inf}


def test_names_are_unique_and_good(catalog: Catalog, make: Any) -> None:
    run = make.run()
    model = make.model("cells", run)
    with pytest.raises(Conflict):
        make.model("cells", run)
    with pytest.raises(InvalidInput):
        make.model("a/b", run)
    other = make.model("other", run)
    with pytest.raises(Conflict):
        catalog.models.rename(other.id, "cells")
    assert catalog.models.rename(model.id, "blood").name == "blood"
    assert catalog.models.rename(other.id, "cells").name == "cells"


def test_lists_are_newest_first_without_what_was_deleted(catalog: Catalog, make: Any) -> None:
    run = make.run()
    first, second, third = (make.model(name, run) for name in ("x1", "x2", "x3"))
    catalog.models.delete(second.id)
    assert catalog.models.list() == (third, first)
    assert catalog.models.find("x2") is None
    for ref in ("x2", second.id):
        with pytest.raises(NotFound):
            catalog.models.get(ref)
    assert make.model("x2", run).id != second.id


def test_describe_replaces_the_description(catalog: Catalog, make: Any) -> None:
    model = make.model("cells", make.run())
    assert catalog.models.describe(model.id, "good").description == "good"
    assert catalog.models.get("cells").description == "good"


def test_an_unknown_name_hints_at_close_ones(catalog: Catalog, make: Any) -> None:
    make.model("yolov10n-bccd", make.run())
    with pytest.raises(NotFound) as caught:
        catalog.models.get("yolov10-bccd")
    assert "yolov10n-bccd" in caught.value.hint
    with pytest.raises(NotFound):
        catalog.models.describe(ModelId("x"), "")


def test_a_model_of_no_run_is_refused(catalog: Catalog, make: Any) -> None:
    run = make.run()
    with pytest.raises(NotFound):
        catalog.models.create(
            name="cells",
            architecture="",
            task="detect",
            trainer="",
            class_names=(),
            image_size_px=1,
            checkpoints=(),
            metrics={},
            run_id=RunId(run.id + "0"),
        )
    assert catalog.models.list() == ()


def test_a_star_is_kept_and_told_in_the_journal_once(catalog: Catalog, make: Any) -> None:
    model = make.model("cells", make.run())
    assert not model.is_starred
    assert catalog.models.star(model.id, is_starred=True, author="ada").is_starred
    catalog.models.star(model.id, is_starred=True, author="bob")
    assert not catalog.models.star(model.id, is_starred=False, author="bob").is_starred
    said = [(event.kind, event.author) for event in catalog.journal.read_of([model.id])]
    assert said[1:] == [("model.starred", "ada"), ("model.unstarred", "bob")]


def test_files_of_a_model_come_back_and_are_live(catalog: Catalog, make: Any) -> None:
    run = make.run("train")
    files = (
        ModelFile("model-card.md", Digest("c" * 64), 12, FileRole.CARD),
        ModelFile("example-1.png", Digest("d" * 64), 13, FileRole.PICTURE),
    )
    model = catalog.models.create(
        name="cells", architecture="yolov10n", task="detect", trainer="ultralytics", class_names=("RBC",),
        image_size_px=64, checkpoints=(), metrics={}, run_id=run.id, files=files,
    )  # fmt: skip
    assert catalog.models.get("cells").files == files
    assert model.find_files(FileRole.PICTURE) == files[1:]
    assert {root.digest for root in catalog.roots.read()} >= {file.blob for file in files}
