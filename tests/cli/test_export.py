"""`mlwf export`: what it prints, and the codes it exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.workspace import open_workspace
from tests.filling import damage_image
from tests.making import make_voc

BOXES = {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": [("spot", 5, 5, 25, 25)], "c.jpg": []}


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    make_voc(tmp_path / "voc", BOXES, splits={"train": ["a"], "val": ["b"]})
    run(tmp_path / "home", "import", str(tmp_path / "voc"), "cells")
    capsys.readouterr()
    return tmp_path / "home"


def run(home: Path, *words: str) -> int:
    return main(["--home", str(home), *words])


def test_a_dry_run_lists_losses_and_writes_nothing(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(home, "export", "cells", "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["dry_run"], told["item_count"], told["object_count"]) == (True, 2, 2)
    assert told["losses"] == [
        {
            "what": "items without a split", "count": 1, "unit": "item", "item_count": 1,
            "is_left_out": True, "is_whole": True,
        }
    ]  # fmt: skip
    assert run(home, "export", "cells", "--dry-run") == 0
    assert "items without a split left out: 1 item" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_items_that_had_no_place_make_it_partly_done(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(home, "export", "cells", str(tmp_path / "yolo")) == 3
    assert "items without a split left out: 1 item" in capsys.readouterr().out
    assert run(home, "export", "cells", str(tmp_path / "coco"), "--format", "coco") == 0


def test_an_export_that_misses_damaged_images_has_failed_and_names_them(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_workspace(home) as workspace:
        damage_image(workspace, (tmp_path / "voc" / "JPEGImages" / "b.jpg").read_bytes())
    call = ("export", "cells", "--format", "coco")
    assert run(home, *call, str(tmp_path / "text")) == 1
    said = capsys.readouterr()
    assert "2 items of cells@1 written to" in said.out
    assert "left out: main/b.jpg: The blob" in said.out
    assert "1 image is damaged in the store and was left out with its annotations: main/b.jpg." in said.err
    assert run(home, *call, str(tmp_path / "json"), "--json") == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["kind"], error["item_count"]) == ("corrupt_data", 2)
    assert [problem["path"] for problem in error["damaged"]] == ["main/b.jpg"]


def test_an_export_that_has_nothing_to_measure_on_says_so_and_is_done(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(home, "export", "cells", str(tmp_path / "out"), "--split", "train") == 0
    assert "doubtful: data.yaml: names the images of train for val too" in capsys.readouterr().out
    assert run(home, "import", str(tmp_path / "out"), "again") == 0


def test_filters_and_links_are_taken(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--class", "spot", "--split", "val", "--only-matching", "--link", "--format", "coco", "--json")
    assert run(home, "export", "cells", str(tmp_path / "out"), *words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["item_count"], told["object_count"], told["linked_count"]) == (1, 1, 1)
    assert [path.name for path in (tmp_path / "out" / "images").rglob("*.jpg")] == ["b.jpg"]
    one = ("--item", "main/a.jpg", "--format", "coco", "--dry-run", "--json")
    assert run(home, "export", "cells", *one) == 0
    assert json.loads(capsys.readouterr().out)["item_count"] == 1


@pytest.mark.parametrize(
    "words", [("out", "--format", "none"), ("out", "--class", "cow"), ("out", "--split", "half"), ()]
)
def test_what_cannot_be_meant_is_a_fault_of_usage(home: Path, words: tuple[str, ...]) -> None:
    assert run(home, "export", "cells", *words) == 2


def test_a_variant_is_named_as_its_importer_is(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(home, "export", "cells", "--format", "yolo:obb", "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["format"] == "yolo-obb"
    assert "rectangle → oriented box" in {loss["what"] for loss in told["losses"]}
