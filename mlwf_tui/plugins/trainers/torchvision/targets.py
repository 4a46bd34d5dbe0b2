"""The forms in which a classifier can be packaged, and what each needs; imports no library."""

from __future__ import annotations

import importlib.util
from typing import Final

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.protocols.trainers import ExportTarget

_SUMMARIES: Final = {
    "onnx": "ONNX, for ONNX Runtime and most others",
    "torchscript": "TorchScript, for torch without torchvision",
    "pt": "the trained weights, for torchvision",
}
_MODULES: Final = {"onnx": ("onnx", "onnxruntime"), "torchscript": (), "pt": ()}
REQUIRES: Final = {
    "onnx": ("numpy", "onnxruntime", "pillow"),
    "torchscript": ("numpy", "torch", "pillow"),
    "pt": ("numpy", "torchvision", "pillow"),
}


def list_targets() -> tuple[ExportTarget, ...]:
    """Return all targets, with what is missing for each here."""
    return tuple(_describe(name) for name in _SUMMARIES)


def check_target(name: str) -> None:
    """Raise InvalidParameter where there is no such target, or what makes it is not installed."""
    targets = {target.name: target for target in list_targets()}
    if name not in targets:
        raise InvalidParameter(
            f"There is no format {name!r} to package.", hint=f"There is: {', '.join(targets)}."
        )
    if targets[name].missing:
        raise InvalidParameter(targets[name].missing, hint=targets[name].hint)


def _describe(name: str) -> ExportTarget:
    lacking = [module for module in _MODULES[name] if importlib.util.find_spec(module) is None]
    missing = (
        f"A package for {name} cannot be made: {', '.join(lacking)} is not installed." if lacking else ""
    )
    hint = f"pip install {' '.join(_MODULES[name])}" if lacking else ""
    return ExportTarget(name=name, summary=_SUMMARIES[name], missing=missing, hint=hint)
