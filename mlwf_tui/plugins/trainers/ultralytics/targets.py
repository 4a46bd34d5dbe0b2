"""The forms in which a model of Ultralytics can be packaged, and what each needs; imports no library."""

from __future__ import annotations

import importlib.util
from typing import NamedTuple

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.protocols.trainers import ExportTarget


class _Target(NamedTuple):
    name: str
    library_name: str  # what Ultralytics calls it; empty of its own form, which nothing is exported for
    summary: str
    modules: tuple[str, ...]  # that must be importable
    pip: str  # what installs them
    requires: tuple[str, ...]  # of whoever runs it


_TARGETS = (
    _Target("onnx", "onnx", "ONNX, for ONNX Runtime and most others", ("onnx", "onnxslim", "onnxruntime"),
            "onnx onnxslim onnxruntime", ("numpy", "onnxruntime")),
    _Target("torchscript", "torchscript", "TorchScript, for torch without Ultralytics", (), "",
            ("numpy", "torch")),
    _Target("pt", "", "the trained weights, for Ultralytics", (), "", ("numpy", "ultralytics")),
    _Target("openvino", "openvino", "OpenVINO, for processors of Intel", ("openvino",), "openvino",
            ("numpy", "openvino")),
    _Target("tensorrt", "engine", "TensorRT, for this kind of NVIDIA GPU alone",
            ("tensorrt", "onnx", "onnxslim", "onnxruntime"), "tensorrt onnx onnxslim onnxruntime",
            ("tensorrt",)),
)  # fmt: skip


def list_targets() -> tuple[ExportTarget, ...]:
    """Return all targets, with what is missing for each here."""
    return tuple(_describe(target) for target in _TARGETS)


def get_target(name: str) -> _Target:
    """Return a target that can be made here.

    Raises:
        InvalidParameter: there is no such target, or what makes it is not installed.
    """
    for target, described in zip(_TARGETS, list_targets(), strict=True):
        if target.name == name:
            if described.missing:
                raise InvalidParameter(described.missing, hint=described.hint)
            return target
    names = ", ".join(target.name for target in _TARGETS)
    raise InvalidParameter(f"There is no format {name!r} to package.", hint=f"There is: {names}.")


def _describe(target: _Target) -> ExportTarget:
    lacking = [module for module in target.modules if importlib.util.find_spec(module) is None]
    if not lacking:
        return ExportTarget(name=target.name, summary=target.summary)
    return ExportTarget(
        name=target.name,
        summary=target.summary,
        missing=f"A package for {target.name} cannot be made: {', '.join(lacking)} is not installed.",
        hint=f"pip install {target.pip}",
    )
