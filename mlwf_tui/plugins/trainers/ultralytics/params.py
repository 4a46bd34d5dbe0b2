"""What can be set for a training, the presets behind it, and how both become the library's settings."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml

from mlwf_tui.errors import InvalidParameter, PluginError
from mlwf_tui.params import param

DATA, SCHEDULE, OPTIMISER, AUGMENTATION, HARDWARE = (
    "data",
    "schedule",
    "optimiser",
    "augmentation",
    "hardware",
)


@dataclass(frozen=True, slots=True)
class TrainParams:
    """None (auto) takes the preset's value, and where that has none the library's, which the help tells."""

    preset: str = param(
        "auto", "quick learns a small set in minutes, standard is Ultralytics' own, thorough takes three "
        "times as long; auto: standard on a GPU, else quick",
        choices=("auto", "quick", "standard", "thorough"),
    )  # fmt: skip
    pretrained: bool = param(False, "start from Ultralytics' weights, downloaded where they are missing")
    trust_weights: bool = param(
        False, "open a weight file that names more than weights, and may run code of its maker"
    )

    imgsz: int | None = param(
        None, "side of the network's input in pixels (640; quick 192)", low=32, high=8192, group=DATA
    )
    batch: int | None = param(None, "images a step (16; quick 8)", low=1, high=65536, group=DATA)
    fraction: float | None = param(
        None, "share of the training images that is used (1)", low=0.0001, high=1, group=DATA
    )
    single_cls: bool | None = param(None, "treat all classes as one (false)", group=DATA)
    cache: str | None = param(
        None, "keep decoded images in ram or on disk (false; quick ram)", group=DATA,
        choices=("ram", "disk", "true", "false"),
    )  # fmt: skip

    epochs: int | None = param(
        None,
        "times through the training images (100; quick 30, thorough 300)",
        low=1,
        high=100_000,
        group=SCHEDULE,
    )
    patience: int | None = param(
        None, "stop after so many epochs without a better one; 0 never (100; quick 0)", low=0, group=SCHEDULE
    )
    warmup_epochs: float | None = param(
        None, "epochs in which the learning rate rises (3; quick 1)", low=0, group=SCHEDULE
    )
    cos_lr: bool | None = param(
        None, "lower the learning rate along a cosine (false; thorough true)", group=SCHEDULE
    )
    close_mosaic: int | None = param(None, "last epochs without mosaics (10; quick 0)", low=0, group=SCHEDULE)
    save_period: int | None = param(
        None, "keep a checkpoint every so many epochs; -1 never (-1)", low=-1, group=SCHEDULE
    )
    keep: int = param(3, "how many of those stay, the newest; best and last always do", low=0, group=SCHEDULE)
    keep_state: bool = param(
        True, "keep what `train --continue` goes on from: up to 16 bytes a parameter", group=SCHEDULE
    )

    optimizer: str | None = param(
        None, "auto chooses it with lr0 by the number of steps (auto; quick AdamW)", group=OPTIMISER,
        choices=("auto", "SGD", "MuSGD", "Adam", "Adamax", "AdamW", "NAdam", "RAdam", "RMSProp"),
    )  # fmt: skip
    lr0: float | None = param(
        None, "first learning rate (0.01; quick 0.004)", low=1e-7, high=1, group=OPTIMISER
    )
    lrf: float | None = param(
        None, "last learning rate, as a share of the first (0.01; quick 0.05)", low=0, high=1, group=OPTIMISER
    )
    momentum: float | None = param(
        None, "momentum of SGD, first beta of Adam (0.937)", low=0, high=0.999, group=OPTIMISER
    )
    weight_decay: float | None = param(
        None, "pull of the weights to zero (0.0005)", low=0, high=1, group=OPTIMISER
    )
    nbs: int | None = param(
        None, "images that gather before a step of the weights (64; quick batch)", low=1, group=OPTIMISER
    )
    freeze: int | None = param(
        None, "first layers that stay as they are (none)", low=0, high=200, group=OPTIMISER
    )

    fliplr: float | None = param(
        None,
        "chance of a mirrored image (0.5); 0 where left is not right, as for digits",
        low=0,
        high=1,
        group=AUGMENTATION,
    )
    flipud: float | None = param(
        None, "chance of an image upside down (0)", low=0, high=1, group=AUGMENTATION
    )
    degrees: float | None = param(
        None, "turn by up to so many degrees (0)", low=0, high=180, group=AUGMENTATION
    )
    translate: float | None = param(
        None, "move by up to this share of the side (0.1)", low=0, high=1, group=AUGMENTATION
    )
    scale: float | None = param(
        None, "grow or shrink by up to this share (0.5; quick 0.2)", low=0, high=1, group=AUGMENTATION
    )
    shear: float | None = param(
        None, "shear by up to so many degrees (0)", low=0, high=180, group=AUGMENTATION
    )
    perspective: float | None = param(None, "tilt, as a share (0)", low=0, high=0.001, group=AUGMENTATION)
    hsv_h: float | None = param(
        None, "change of hue, as a share (0.015; quick 0)", low=0, high=1, group=AUGMENTATION
    )
    hsv_s: float | None = param(
        None, "change of saturation (0.7; quick 0.2)", low=0, high=1, group=AUGMENTATION
    )
    hsv_v: float | None = param(
        None, "change of brightness (0.4; quick 0.2)", low=0, high=1, group=AUGMENTATION
    )
    mosaic: float | None = param(
        None, "chance of a mosaic of four images (1; quick 0)", low=0, high=1, group=AUGMENTATION
    )
    mixup: float | None = param(
        None, "chance of two images in one (0; thorough 0.1)", low=0, high=1, group=AUGMENTATION
    )
    copy_paste: float | None = param(
        None,
        "share of objects that are copied, of outlines (0; thorough 0.1)",
        low=0,
        high=1,
        group=AUGMENTATION,
    )
    erasing: float | None = param(
        None, "chance of an erased part, of classifiers (0.4; quick 0)", low=0, high=1, group=AUGMENTATION
    )

    device: str = param("auto", "auto, cpu, mps, the number of a GPU, or several as 0,1", group=HARDWARE)
    workers: int | None = param(
        None, "processes that read images (8; none on a CPU)", low=0, high=512, group=HARDWARE
    )
    amp: str | None = param(
        None, "precision: bf16, fp16 or false (bf16 where the GPU has it)", group=HARDWARE,
        choices=("bf16", "fp16", "fp32", "true", "false"),
    )  # fmt: skip


# Made for small sets on a CPU: with the library's own, yolo11n stands at mAP50 0.10 where these have 0.85.
_QUICK: Final[Mapping[str, Any]] = {
    "epochs": 30, "batch": 8, "imgsz": 192, "optimizer": "AdamW", "lr0": 0.004, "lrf": 0.05,
    "warmup_epochs": 1, "mosaic": 0.0, "close_mosaic": 0, "hsv_h": 0.0, "hsv_s": 0.2,
    "hsv_v": 0.2, "scale": 0.2, "translate": 0.1, "erasing": 0.0, "weight_decay": 5e-4, "cache": "ram",
    "patience": 0,
}  # fmt: skip
_STANDARD: Final[Mapping[str, Any]] = {"epochs": 100, "batch": 16, "imgsz": 640}
_THOROUGH: Final[Mapping[str, Any]] = {
    "epochs": 300, "batch": 16, "imgsz": 640, "cos_lr": True, "close_mosaic": 20, "mixup": 0.1,
    "copy_paste": 0.1, "patience": 100,
}  # fmt: skip
_PRESETS: Final = {"quick": _QUICK, "standard": _STANDARD, "thorough": _THOROUGH}
_CLASSIFY_IMGSZ: Final = {"standard": 224, "thorough": 224}  # the library's own for classifiers
_NOT_PASSED_ON = frozenset({"preset", "device", "pretrained", "trust_weights", "keep", "keep_state"})
SHOWN = frozenset(field.name for field in fields(TrainParams)) - _NOT_PASSED_ON
_SHARES = frozenset(
    {
        "bgr",
        "cls_pw",
        "conf",
        "cutmix",
        "dlam",
        "dropout",
        "iou",
        "multi_scale",
        "warmup_bias_lr",
        "warmup_momentum",
    }
)
_CHOICES: Final[Mapping[str, Sequence[Any]]] = {
    "auto_augment": ("randaugment", "autoaugment", "augmix", None),
    "compile": (False, True, "default", "reduce-overhead", "max-autotune-no-cudagraphs"),
    "copy_paste_mode": ("flip", "mixup"),
}
"""What further settings may be, where the library's default does not say it."""
_OURS = frozenset(
    {"data", "project", "name", "exist_ok", "save_dir", "model", "mode", "task", "resume", "seed", "device"}
)


def build_settings(
    params: TrainParams, extra: Mapping[str, Any], *, has_gpu: bool, task: str = "detect"
) -> dict[str, Any]:
    """Return the library's settings: the preset, over it what `params` sets, over that `extra`.

    Raises:
        InvalidParameter: a value means nothing.
    """
    preset = params.preset if params.preset != "auto" else "standard" if has_gpu else "quick"
    settings: dict[str, Any] = dict(_PRESETS[preset])
    if task == "classify":
        settings["imgsz"] = _CLASSIFY_IMGSZ.get(preset, settings["imgsz"])
    given = {field.name: getattr(params, field.name) for field in fields(params)}
    settings |= {
        key: _read_value(key, value)
        for key, value in {**given, **extra}.items()
        if key not in _NOT_PASSED_ON and (value is not None or key in extra)
    }
    if preset == "quick":
        settings.setdefault("nbs", settings["batch"])  # else losses gather over 64 images before a step
    return settings


def read_default_settings() -> Mapping[str, Any]:
    """Return the installed library's default settings from its own file.

    Raises:
        PluginError: the library is not installed, or has no such file.
    """
    found = importlib.util.find_spec("ultralytics")
    if found is None or found.origin is None:
        raise PluginError("Ultralytics is not installed.", hint="pip install ultralytics-opencv-headless")
    path = Path(found.origin).parent / "cfg" / "default.yaml"
    try:
        settings: Mapping[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise PluginError(
            f"{path} cannot be read: {error.strerror}.", hint="Reinstall Ultralytics."
        ) from error
    return settings


def check_freeze(params: TrainParams, layer_count: int) -> None:
    """Raise InvalidParameter where so many first layers are frozen that none is left to be trained."""
    if params.freeze is not None and params.freeze >= layer_count:
        raise InvalidParameter(
            f"freeze={params.freeze} leaves nothing to train: the model has {layer_count} layers.",
            hint=f"Give freeze as at most {layer_count - 1}.",
        )


def check_extra(extra: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Raise InvalidParameter for a setting that the library lacks or would refuse, or that is ours."""
    for key, value in extra.items():
        if key in _OURS:
            raise InvalidParameter(f"The setting {key!r} is made by mlwf.", hint="Leave it out.")
        if key == "classes":  # the model would keep the others as classes that it never saw
            raise InvalidParameter(
                "A training learns all classes of its data.",
                hint="Train on a project of some: mlwf transform filter PROJECT --to FEW -p classes=cat,dog",
            )
        if key not in known:
            names = sorted(set(known) - _OURS)
            close = get_close_matches(key, names, n=3)
            raise InvalidParameter(
                f"Ultralytics has no setting {key!r}.",
                hint=f"Did you mean {', '.join(close)}?" if close else f"There are: {', '.join(names)}.",
            )
        _check_value(key, value, known[key])


def _check_value(key: str, given: Any, default: Any) -> None:
    """Refuse a value of another kind than the library's default, which says what it may be."""
    value = _read_value(key, given)
    if value is None and default is None:
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if key in _CHOICES:
        words = ["none" if one is None else str(one).lower() for one in _CHOICES[key]]
        is_fitting, wanted = value in _CHOICES[key], f"one of {', '.join(words)}"
    elif key in _SHARES:
        is_fitting, wanted = is_number and 0 <= value <= 1, "a number from 0 to 1"
    elif isinstance(default, bool):
        is_fitting, wanted = isinstance(value, bool), "true or false"
    elif isinstance(default, int):
        is_fitting, wanted = is_number and isinstance(value, int) and value >= 1, "a whole number from 1 on"
    elif isinstance(default, float) or key == "time":
        is_fitting, wanted = is_number, "a number"
    else:
        return
    if not is_fitting:
        raise InvalidParameter(f"The setting {key} is {str(given)[:80]!r}.", hint=f"Give {key} as {wanted}.")


def _read_value(key: str, value: Any) -> Any:
    """Return what a text of the command line means: 3, 0.5, true, none, [0, 1], or itself."""
    if not isinstance(value, str):
        return value
    if "e" in value.lower():  # YAML takes 1e-3 for a text
        with suppress(ValueError):
            return float(value)
    try:
        return yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # as of [0, of 2001-99-99, of [[[…
        raise InvalidParameter(
            f"The value {value[:80]!r} of {key!r} means nothing.",
            hint="Write it as YAML does: 3, true, [0, 1].",
        ) from error
