"""check as people and scripts see it: text, documents, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workspace import open_workspace
from tests.fakes.observers import KeepingObserver
from tests.making import make_yolo

CELL = ("cell", 4.0, 4.0, 40.0, 40.0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose project has one image in both splits, a box at two places, and a class without objects."""
    boxes = {"train/a.jpg": [CELL, CELL], "train/b.jpg": [CELL], "val/c.jpg": [CELL]}
    folder = make_yolo(tmp_path / "yolo", boxes, class_names=["cell", "ghost"])
    copy = (folder / "images" / "train" / "b.jpg").read_bytes()
    (folder / "images" / "val" / "c.jpg").write_bytes(copy)
    with open_workspace(tmp_path / "home") as workspace:
        import_folder(workspace, folder, "cells", observer=KeepingObserver())
    return tmp_path / "home"


def test_a_document_has_findings_with_places_and_fixes(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(home), "check", "cells", "--no-near", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["items"], document["objects"]) == (False, 3, 4)
    found = {finding["kind"]: finding for finding in document["findings"]}
    assert list(found) == ["leak", "duplicate_object", "unused_class"]
    assert found["leak"]["severity"] == "error"
    assert [place["item"] for place in found["leak"]["places"]] == ["main/c.jpg"]
    assert found["duplicate_object"]["places"][0]["objects"] == [2]
    assert found["unused_class"]["classes"] == ["ghost"]
    assert all(finding["fix"] for finding in document["findings"])


def test_a_person_reads_what_how_grave_where_and_what_to_do(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(home), "check", "cells", "--no-near"]) == 1
    text = capsys.readouterr().out
    assert "cells: 3 items, 4 objects; 1 error, 1 warning, 1 note" in text
    assert "main/c.jpg  (val, same bytes as main/b.jpg in train)" in text
    assert "mlwf check cells --fix leak" in text
    assert "object 2" in text


def test_fixing_says_what_was_done_and_leaves_nothing_to_find(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--fix", "leak", "--fix", "duplicate_object", "--fix", "unused_class"]
    assert main(["--home", str(home), "check", "cells", *words]) == 0
    text = capsys.readouterr().out
    assert "Made cells@2: 1 object dropped, 1 image dropped, 1 class dropped" in text
    assert "dropped main/c.jpg, kept main/b.jpg" in text
    assert main(["--home", str(home), "check", "cells", "--no-near"]) == 0
    assert "nothing suspicious" in capsys.readouterr().out
    assert main(["--home", str(home), "check", "cells", *words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["created"] is False


def test_what_cannot_be_fixed_and_options_that_exclude_each_other_are_usage_errors(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(home), "check", "cells", "--fix", "tiny_object"]) == 2
    assert main(["--home", str(home), "check", "cells", "--fix", "leak", "--near"]) == 2
    assert main(["--home", str(home), "check", "ghost"]) == 4
    capsys.readouterr()
