"""mlwf import as a person and a script see it: which format was taken, and which others there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.registry import Registry
from tests.making import make_coco, make_voc, write_image

BOXES = {"a.jpg": [("cat", 1.0, 2.0, 30.0, 40.0)]}


@pytest.fixture
def both(tmp_path: Path) -> Path:
    make_voc(tmp_path / "in", BOXES)
    return make_coco(tmp_path / "in", {"b.jpg": BOXES["a.jpg"]}, class_names=["cat"])


def test_both_formats_that_fit_are_told_with_the_option_that_decides(
    both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--home", str(tmp_path / "home"), "import", str(both), "cells"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("Read as coco: ")
    assert lines[2].startswith("Also voc: ")
    assert lines[2].endswith("--format voc reads it so.")


def test_a_problem_of_what_was_imported_is_not_called_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_voc(tmp_path / "in", BOXES)
    xml = root / "Annotations/a.xml"
    size = "<size><width>999</width><height>48</height></size>"
    xml.write_text(xml.read_text().replace("<object>", f"{size}<object>"))
    assert main(["--home", str(tmp_path / "home"), "import", str(root), "cells"]) == 0
    told = capsys.readouterr().out
    assert "  doubtful: JPEGImages/a.jpg: is " in told
    assert "left out" not in told
    write_image(root / "JPEGImages" / "bad.jpg").write_bytes(b"bad")
    assert main(["--home", str(tmp_path / "home"), "import", str(root), "cells"]) == 3
    told = capsys.readouterr().out
    assert "  doubtful: JPEGImages/a.jpg: is " in told
    assert "  left out: JPEGImages/bad.jpg: " in told


def test_a_script_gets_the_reasons(both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--home", str(tmp_path / "home"), "--json", "import", str(both), "cells"])
    document = json.loads(capsys.readouterr().out)
    assert document["format"] == "coco"
    assert "COCO JSON" in document["reason"]
    assert [fit["format"] for fit in document["also"]] == ["voc"]


def test_the_help_lists_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert all(f"{name}," in told or f"{name}." in told for name in Registry().list_names("importers"))
