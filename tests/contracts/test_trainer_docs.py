"""The trainer in docs/trainers.md is a whole one: it learns, measures and applies."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mlwf_tui.entities.item import Split
from mlwf_tui.errors import Cancelled, InvalidInput
from mlwf_tui.params import build_params, describe_params
from mlwf_tui.protocols.trainers import EvaluateRequest, FitRequest, PredictRequest, Trainer
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.making import make_item, write_image

DOCS = Path(__file__).parents[2] / "docs" / "trainers.md"
CLASSES = ("dark", "light")


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.S)
    module = ModuleType("brightness")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "brightness", module)  # where dataclasses look for it
        exec(compile(code, str(DOCS), "exec"), module.__dict__)
    found: Trainer = module.BrightnessTrainer()
    return found


def make_data(folder: Path) -> dict[str, str]:
    """Write images of both classes; return their keys by their paths."""
    files = {}
    for split in ("train", "val"):
        for number in range(4):
            name = CLASSES[number % 2]
            boxes = [("x", 0, 0, 64, 40)] if number % 2 else []
            path = write_image(folder / split / name / f"{number}.jpg", number, boxes=boxes)
            files[path.relative_to(folder).as_posix()] = f"main/{split}-{number}.jpg"
    return files


def test_it_has_all_that_the_contract_names(trainer: Trainer) -> None:
    wanted = [name for name in (*Trainer.__annotations__, *vars(Trainer)) if not name.startswith("_")]
    assert not [name for name in wanted if not hasattr(trainer, name)]
    assert all(spec.help for spec in describe_params(trainer.params_type))


def test_it_learns_measures_and_applies(trainer: Trainer, tmp_path: Path) -> None:
    files = make_data(tmp_path / "data")
    request = FitRequest(
        architecture="brightness", data=tmp_path / "data", class_names=CLASSES, folder=tmp_path / "fit",
        params=build_params(trainer.params_type, {}), extra={}, seed=0, task="classify",
    )  # fmt: skip
    observer = KeepingObserver()
    fitted = trainer.fit(request, observer)
    assert fitted.metrics == {"top1": 1.0}
    assert [step for step, _, _ in observer.steps] == [1, 2]
    assert trainer.fit(request, StoppingObserver()).is_stopped

    weights = fitted.checkpoints[0]
    measured = trainer.evaluate(
        EvaluateRequest(
            weights=weights, data=tmp_path / "data", files=files, split=Split.VAL, folder=tmp_path,
            image_size_px=32,
        ),
        KeepingObserver(),
    )  # fmt: skip
    assert [said.tags[0].name for said in measured.predictions] == ["dark", "dark", "light", "light"]
    use = PredictRequest(weights=weights, image_size_px=32, confidence=0.5, folder=tmp_path)
    items = [make_item("a.jpg"), make_item("b.jpg", [("x", 0, 0, 64, 40)])]
    said = list(trainer.predict(use, items, KeepingObserver()))
    assert [(one.key, one.tags[0].name) for one in said] == [("main/a.jpg", "dark"), ("main/b.jpg", "light")]
    with trainer.open_predictor(use) as predictor:
        assert predictor.predict([b"no image"])[0].problem
    with pytest.raises(Cancelled):
        list(trainer.predict(use, items, StoppingObserver()))


def test_it_refuses_what_it_does_not_know(trainer: Trainer, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no setting"):
        trainer.check_settings(build_params(trainer.params_type, {}), {"lr0": "1"})
    with pytest.raises(InvalidInput, match="do not exist"):
        trainer.check_weights(tmp_path / "none.json")
