"""What who gets a package reads of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.workflow.using.package_files import write_card

DOCUMENT: dict[str, Any] = {
    "name": "cells-1", "description": "", "task": "detect", "architecture": "yolov10n", "format": "onnx",
    "input": {"shape": [1, 3, 640, 640]}, "example": "", "requires": [], "classes": ["cell"], "metrics": {},
    "reports": [], "licence": "none", "agreement": {"compared_on": "8 pictures of cells@2"},
    "data": {"version": "cells@2", "manifest": "0123456789abcdef0123", "items": 364,
             "splits": {"train": 255, "val": 109}},
}  # fmt: skip


def write(folder: Path, **changed: Any) -> str:
    write_card(folder, {**DOCUMENT, **changed})
    return (folder / "README.md").read_text("utf-8")


def test_it_says_how_much_of_a_version_was_learned_from(tmp_path: Path) -> None:
    split = "Trained on the train split of cells@2 (255 of 364 items, manifest `0123456789abcdef`)."
    assert split in write(tmp_path)
    whole = {**DOCUMENT["data"], "splits": {"none": 364}}
    assert "Trained on cells@2 (364 items, manifest" in write(tmp_path, data=whole)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("box_px", 6.1e-05, "boxes differ by less than 0.001 pixels."),
        ("box_px", 0.25, "boxes differ by at most 0.25 pixels."),
        ("box_share", 0.01, "boxes differ by at most 0.01 of the picture's side."),
        ("score", 0.0, "scores are the same."),
        ("example_missing", 0.0, "the example misses none of the objects."),
        ("angle_deg", 2.5, "angle_deg differ by at most 2.5."),
    ],
)
def test_how_far_it_differs_from_its_model_is_said_in_words(
    tmp_path: Path, name: str, value: float, told: str
) -> None:
    agreement = {"compared_on": "8 pictures of cells@2", name: {"max_difference": value, "tolerance": 1.0}}
    sentence = "Set beside the model that it was made from, on 8 pictures of cells@2: "
    assert sentence + told in write(tmp_path, agreement=agreement)
