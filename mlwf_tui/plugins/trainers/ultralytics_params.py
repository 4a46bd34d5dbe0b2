"""What can be set for a training, the presets behind it, and how both become the library's settings."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml

from mlwf_tui.errors import InvalidParameter, PluginError
from mlwf_tui.params import param


@dataclass(frozen=True, slots=True)
class TrainParams:
    """None (auto) takes the preset's value."""

    preset: str = param(
        "auto", "quick learns a small set in minutes, standard is Ultralytics' own; auto: standard on a GPU",
        choices=("auto", "quick", "standard"),
    )  # fmt: skip
    epochs: int | None = param(None, "times through the training images (quick 30, standard 100)", low=1)
    batch: int | None = param(None, "images a step (quick 8, standard 16)", low=1)
    imgsz: int | None = param(None, "side of the network's input in pixels (quick 192, standard 640)", low=32)
    lr0: float | None = param(None, "first learning rate (quick 0.004)", low=1e-7, high=1)
    optimizer: str | None = param(None, "AdamW, SGD, Adam, ... (quick AdamW)")
    patience: int | None = param(None, "stop after so many epochs without a better one; 0 never", low=0)
    fliplr: float | None = param(
        None, "chance of a mirrored image (0.5); 0 where left is not right, as for digits", low=0, high=1
    )
    mosaic: float | None = param(None, "chance of a mosaic of four images (quick 0)", low=0, high=1)
    device: str = param("auto", "auto, cpu, mps, or the number of one GPU")
    workers: int | None = param(None, "processes that read images; none on a CPU", low=0)
    pretrained: bool = param(False, "start from Ultralytics' weights, downloaded where they are missing")
    trust_weights: bool = param(
        False, "open a weight file that names more than weights, and may run code of its maker"
    )


# Made for small sets on a CPU: with the library's own, yolo11n stands at mAP50 0.10 where these have 0.85.
_QUICK: Final[Mapping[str, Any]] = {
    "epochs": 30, "batch": 8, "imgsz": 192, "optimizer": "AdamW", "lr0": 0.004, "lrf": 0.05,
    "warmup_epochs": 1, "mosaic": 0.0, "close_mosaic": 0, "hsv_h": 0.0, "hsv_s": 0.2,
    "hsv_v": 0.2, "scale": 0.2, "translate": 0.1, "erasing": 0.0, "weight_decay": 5e-4, "cache": "ram",
    "patience": 0,
}  # fmt: skip
_STANDARD: Final[Mapping[str, Any]] = {"epochs": 100, "batch": 16, "imgsz": 640}
_PASSED_ON = ("epochs", "batch", "imgsz", "lr0", "optimizer", "patience", "fliplr", "mosaic", "workers")
_OURS = frozenset(
    {"data", "project", "name", "exist_ok", "save_dir", "model", "mode", "task", "resume", "seed", "device"}
)


def build_settings(params: TrainParams, extra: Mapping[str, Any], *, has_gpu: bool) -> dict[str, Any]:
    """Return the library's settings: the preset, over it what `params` sets, over that `extra`."""
    is_quick = params.preset == "quick" or (params.preset == "auto" and not has_gpu)
    given = {key: getattr(params, key) for key in _PASSED_ON}
    settings: dict[str, Any] = dict(_QUICK if is_quick else _STANDARD)
    settings |= {key: value for key, value in given.items() if value is not None}
    settings |= {key: _read_value(value) for key, value in extra.items()}
    if is_quick:
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


def check_extra(extra: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Raise InvalidParameter for a setting that the library lacks, or that is not to be given by hand."""
    for key in extra:
        if key in _OURS:
            raise InvalidParameter(f"The setting {key!r} is made by mlwf.", hint="Leave it out.")
        if key not in known:
            names = sorted(set(known) - _OURS)
            close = get_close_matches(key, names, n=3)
            raise InvalidParameter(
                f"Ultralytics has no setting {key!r}.",
                hint=f"Did you mean {', '.join(close)}?" if close else f"There are: {', '.join(names)}.",
            )


def _read_value(value: Any) -> Any:
    """Return what a text of the command line means: 3, 0.5, true, none, [0, 1], or itself."""
    if not isinstance(value, str):
        return value
    try:
        return float(value) if "e" in value.lower() else yaml.safe_load(value)
    except ValueError:
        return yaml.safe_load(value)
