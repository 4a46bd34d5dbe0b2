"""The digits sample: the same bytes for a seed, honest boxes, no digit twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.plugins.importers.voc import VocImporter
from mlwf_tui.plugins.samples.digits import CLASS_NAMES, DigitsSample, _deal_digits, _Painter
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.importing import ReadItem, read_folder


def _read(folder: Path) -> list[ReadItem]:
    items, problems = read_folder(VocImporter(), folder)
    assert not problems
    return items


def _digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_the_folder_imports_as_voc(tmp_path: Path) -> None:
    DigitsSample().write(tmp_path, seed=1, image_count=40)

    items = _read(tmp_path)

    found = VocImporter().detect(scan_folder(tmp_path))
    assert found is not None
    assert found.confidence > 0.5
    assert len(items) == 40
    assert {o.class_name for item in items for o in item.objects} == set(CLASS_NAMES)


def test_boxes_lie_inside_and_hold_what_stands_out(tmp_path: Path) -> None:
    DigitsSample().write(tmp_path, seed=2, image_count=20)

    for item in _read(tmp_path):
        with Image.open(item.path) as image:
            size = image.size
            assert np.asarray(image).std() > 5
        assert 1 <= len(item.objects) <= 3
        for labelled in item.objects:
            box = labelled.geometry.bounds
            assert 0 <= box.left < box.right <= size[0]
            assert 0 <= box.top < box.bottom <= size[1]
            assert box.height_px >= 20


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        DigitsSample().write(tmp_path / name, seed=seed, image_count=6)
        DigitsSample().write_unlabelled(tmp_path / name / "new", seed=seed, image_count=3)

    assert _digest(tmp_path / "a") == _digest(tmp_path / "b")
    assert _digest(tmp_path / "a") != _digest(tmp_path / "c")


def test_no_digit_comes_twice() -> None:
    labelled, new = _deal_digits(np.random.default_rng(0))
    painter = _Painter(labelled, np.random.default_rng(0), image_count=len(labelled) // 3)
    for _ in range(len(labelled) // 3):
        painter.paint()
    assert len(list(painter.digits)) > 0  # there were enough, and each was taken once
    drawn = {digit.strokes.tobytes() for digit in labelled}
    assert not any(digit.strokes.tobytes() in drawn for digit in new)


def test_more_images_than_digits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="1000"):
        DigitsSample().write(tmp_path, seed=0, image_count=1000)


def test_unlabelled_images_come_alone(tmp_path: Path) -> None:
    DigitsSample().write_unlabelled(tmp_path, seed=5, image_count=4)

    assert [path.name for path in sorted(tmp_path.iterdir())] == [f"new_{n:04d}.jpg" for n in range(4)]
