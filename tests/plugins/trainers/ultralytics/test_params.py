"""Presets, further settings and architectures, without the library being asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.params import build_params
from mlwf_tui.plugins.trainers.ultralytics import UltralyticsTrainer
from mlwf_tui.plugins.trainers.ultralytics.architectures import (
    OWN_FOLDER,
    count_layers,
    find_definition,
    find_task,
    list_architectures,
)
from mlwf_tui.plugins.trainers.ultralytics.params import TrainParams, build_settings, check_extra

KNOWN = {"epochs": 100, "label_smoothing": 0.0, "dropout": 0.0, "data": None}


def test_auto_is_quick_without_a_gpu_and_standard_with_one() -> None:
    assert build_settings(TrainParams(), {}, has_gpu=False)["optimizer"] == "AdamW"
    assert build_settings(TrainParams(), {}, has_gpu=True)["epochs"] == 100
    assert "optimizer" not in build_settings(TrainParams(), {}, has_gpu=True)


def test_a_given_parameter_beats_the_preset_and_a_further_setting_beats_both() -> None:
    params = TrainParams(preset="quick", epochs=3, fliplr=0.5)

    settings = build_settings(params, {"lrf": "0.5", "epochs": 7}, has_gpu=False)

    assert (settings["epochs"], settings["fliplr"], settings["lrf"]) == (7, 0.5, 0.5)


def test_quick_takes_a_step_for_every_batch() -> None:
    assert build_settings(TrainParams(preset="quick", batch=4), {}, has_gpu=False)["nbs"] == 4
    assert build_settings(TrainParams(preset="quick"), {"batch": 8, "nbs": 64}, has_gpu=False)["nbs"] == 64


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("1e-3", 0.001), ("true", True), ("[0, 1]", [0, 1]), ("SGD", "SGD"), ("", None)],
)
def test_texts_of_further_settings_become_values(text: str, value: object) -> None:
    assert build_settings(TrainParams(), {"x": text}, has_gpu=False)["x"] == value


def test_an_unknown_setting_is_refused_with_close_names() -> None:
    with pytest.raises(InvalidParameter, match="labelsmoothing") as caught:
        check_extra({"labelsmoothing": 0.1}, KNOWN)
    assert "label_smoothing" in caught.value.hint


def test_settings_that_mlwf_makes_cannot_be_given() -> None:
    with pytest.raises(InvalidParameter, match="'data'"):
        check_extra({"data": "x.yaml"}, KNOWN)


def test_our_own_architecture_comes_first_and_the_families_follow() -> None:
    names = list_architectures()

    assert names[0] == "yolov10p"
    assert {"yolov10n", "yolov10b", "yolo11n", "yolov8x", "yolo12s", "yolo26m"} <= set(names)


def test_definitions_are_our_files_or_the_library_names() -> None:
    assert find_definition("yolov10p") == str(OWN_FOLDER / "yolov10p.yaml")
    assert find_definition("yolov10n") == "yolov10n.yaml"


def test_an_unknown_architecture_is_refused_with_close_names() -> None:
    with pytest.raises(InvalidParameter) as caught:
        find_definition("yolo10n")
    assert "yolov10n" in caught.value.hint


@pytest.mark.parametrize("text", ["[1", "2001-99-99", "@x", "[" * 5000])
def test_a_value_that_means_nothing_is_refused_before_anything_is_queued(text: str) -> None:
    with pytest.raises(InvalidParameter, match="'freeze'"):
        UltralyticsTrainer().check_settings(TrainParams(), {"freeze": text})


@pytest.mark.parametrize(
    "given",
    [
        {"device": "foo"}, {"device": "0,0"}, {"device": "cpu,0"}, {"device": ""}, {"amp": "maybe"},
        {"cache": "disc"}, {"freeze": "999"}, {"box": "abc"}, {"cls_pw": "3"}, {"multi_scale": "9"},
        {"rect": "7"}, {"mask_ratio": "0"}, {"max_det": "7.0"}, {"time": "long"}, {"box": ""},
        {"box": "true"}, {"compile": "fast"}, {"copy_paste_mode": "turn"},
    ],
)  # fmt: skip
def test_a_value_that_the_library_would_refuse_is_refused_before(given: dict[str, str]) -> None:
    (name,) = given
    with pytest.raises(InvalidParameter, match=f"{name} is"):
        check(given)


@pytest.mark.parametrize(
    "given",
    [
        {"device": "0,1", "batch": "8"}, {"device": "cpu, cpu", "batch": "8"}, {"device": "cuda:1"},
        {"amp": "fp16"}, {"amp": False}, {"cache": "True"}, {"cache": "disk"}, {"freeze": "10"}, {"box": "7"},
        {"cls_pw": "1"}, {"rect": "true"}, {"time": "0.5"}, {"time": ""}, {"auto_augment": ""},
        {"compile": "default"}, {"conf": "0.1"},
    ],
)  # fmt: skip
def test_a_value_that_the_library_takes_is_taken(given: dict[str, object]) -> None:
    check(given)


def check(given: Mapping[str, object]) -> None:
    """Let the trainer see what a person gives."""
    names = {field.name for field in fields(TrainParams)}
    declared = {key: value for key, value in given.items() if key in names}
    extra = {key: value for key, value in given.items() if key not in names}
    UltralyticsTrainer().check_settings(build_params(TrainParams, declared), extra)


def test_a_definition_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "torn.yaml").symlink_to("/proc/self/mem")  # which has no first page
    with pytest.raises(InvalidInput, match="cannot be read"):
        find_task(str(tmp_path / "torn.yaml"))


def test_the_layers_of_every_architecture_are_known_but_not_those_of_weights(tmp_path: Path) -> None:
    counts = {name: count_layers(name) for name in list_architectures()}
    assert (counts["yolov10p"], counts["yolov10n"], counts["yolo11n-cls"]) == (15, 24, 11)
    assert all(counts.values())
    assert count_layers(str(tmp_path / "best.pt")) is None
    odd = tmp_path / "odd.yaml"
    odd.write_text("backbone: 3", "utf-8")
    assert count_layers(str(odd)) is None
    UltralyticsTrainer().check_architecture(str(odd), TrainParams(freeze=99))
