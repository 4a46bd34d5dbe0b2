"""The architectures that can be trained: the library's YAML files as they are installed, and our own.

Nothing is imported of the library: its files are read as texts, and weights as what their pickle names.
"""

from __future__ import annotations

import importlib.util
import pickletools
import re
import zipfile
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from mlwf_tui.errors import InvalidInput, InvalidParameter

OWN_FOLDER = Path(__file__).parent / "definitions"
FIRST_FAMILIES = ("yolov10", "yolo11", "yolo12", "yolo13", "yolo26", "yolov8", "yolov9", "rtdetr")
SCALES = "tnsmcblex"  # from small to large

_SUFFIXES = {"": "detect", "seg": "segment", "pose": "pose", "obb": "obb", "cls": "classify"}
_HEADS: Final = (
    ("classify", "classify"), ("semantic", ""), ("depth", ""), ("world", ""), ("yoloe", ""),
    ("segment", "segment"), ("pose", "pose"), ("obb", "obb"), ("detect", "detect"), ("rtdetr", "detect"),
)  # fmt: skip
"""What the name of the last layer holds, in the order to look, and its task; empty: one we do not train."""
_MODELS: Final = {
    "DetectionModel": "detect", "YOLOv10DetectionModel": "detect", "RTDETRDetectionModel": "detect",
    "SegmentationModel": "segment", "PoseModel": "pose", "OBBModel": "obb", "ClassificationModel": "classify",
}  # fmt: skip
"""The library's classes that weights name, and their tasks."""
_LAYER = re.compile(r"^\s*- \[.*?,\s*([A-Za-z][\w.]*),\s*\[", re.MULTILINE)
_SCALE = re.compile(r"^ +([a-z]): \[", re.MULTILINE)
_FAMILY = re.compile(r"(yolov?\d+|rtdetr)")


class Architecture(NamedTuple):
    """One that can be trained: what it is for, and the file that defines it."""

    task: str
    definition: str  # a path of ours, or the name of a file that the library finds
    path: Path  # of that file


def list_architectures() -> tuple[str, ...]:
    """Return all names, our own small ones first, then family by family from small to large."""
    return tuple(_read_all())


def find_definition(name: str) -> str:
    """Return what the library is to be given for a name: a path of ours, or a file name of its own.

    Raises:
        InvalidParameter: there is no such architecture.
    """
    return _get(name).definition


def find_task(architecture: str) -> str:
    """Return what an architecture, a definition or a file of weights is made for.

    Raises:
        InvalidParameter: there is no such architecture.
        InvalidInput: the file is neither a definition nor weights of a task that can be trained.
    """
    path = Path(architecture)
    if path.suffix == ".pt" and path.is_file():
        return _read_task_of_weights(path)
    if path.suffix == ".yaml" and path.is_file():
        try:
            found = _find_task_of_text(path.read_text("utf-8", errors="replace"))
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}.", hint="Check its mode.") from error
        if not found:
            raise InvalidInput(
                f"{path} does not define a model of a task that can be trained.",
                hint="Its last layer should be Detect, Segment, Pose, OBB, Classify or RTDETRDecoder.",
            )
        return found
    return _get(architecture).task


def count_layers(architecture: str) -> int | None:
    """Return how many layers an architecture or a definition has; None where only weights would say it."""
    known, path = _read_all().get(architecture), Path(architecture)
    if known is None and path.suffix != ".yaml":
        return None
    try:
        defined = yaml.safe_load((known.path if known else path).read_text("utf-8"))
        return len(defined["backbone"]) + len(defined["head"])
    except (OSError, ValueError, TypeError, LookupError, RecursionError, yaml.YAMLError):
        return None  # the library says what is wrong with a file


def _get(name: str) -> Architecture:
    known = _read_all()
    if name not in known:
        close = get_close_matches(name, known, n=3)
        raise InvalidParameter(
            f"There is no architecture {name!r}.",
            hint=f"Did you mean {', '.join(close)}?"
            if close
            else f"Choose from {', '.join(list(known)[:12])}, …",
        )
    return known[name]


@cache
def _read_all() -> dict[str, Architecture]:
    own = {
        path.stem: Architecture(_find_task_of_text(path.read_text("utf-8")), str(path), path)
        for path in sorted(OWN_FOLDER.glob("*.yaml"))
    }
    found = importlib.util.find_spec("ultralytics")
    if found is None or found.origin is None:
        return own
    folder = Path(found.origin).parent / "cfg" / "models"
    theirs = dict(pair for path in folder.glob("*/*.yaml") for pair in _read_definition(path))
    return own | {name: theirs[name] for name in sorted(theirs, key=_rank)}


def _read_definition(path: Path) -> Iterator[tuple[str, Architecture]]:
    """Yield the names that a file defines: one for each of its scales, which stands behind the family."""
    text = path.read_text("utf-8")
    task = _find_task_of_text(text)
    if not task:
        return
    scales = _SCALE.findall(text.partition("\nscales:")[2].partition("\nbackbone:")[0])
    family = re.match(r"yolov?\d+", path.stem)
    if family is None or not scales or path.stem[family.end() : family.end() + 1].isalpha():
        yield path.stem, Architecture(task, path.name, path)  # of one scale, which its name may hold already
        return
    for scale in scales:
        name = f"{family[0]}{scale}{path.stem[family.end() :]}"
        yield name, Architecture(task, f"{name}.yaml", path)


def _find_task_of_text(text: str) -> str:
    layers = _LAYER.findall(text)
    head = layers[-1].lower() if layers else ""
    return next((task for word, task in _HEADS if word in head), "")


def _rank(name: str) -> tuple[int, int, str, str, int]:
    """Return where a name stands: plain detection first, then by family, then from small to large."""
    family = match[1] if (match := _FAMILY.match(name)) else ""
    rest = name[len(family) :]
    scale = rest[:1] if rest[:1] in SCALES else ""
    variant = rest[len(scale) :].lstrip("-")
    place = FIRST_FAMILIES.index(family) if family in FIRST_FAMILIES else len(FIRST_FAMILIES)
    kinds = list(_SUFFIXES)
    kind = kinds.index(variant) if variant in kinds else len(kinds)
    return kind, place, family, variant, SCALES.find(scale)


def _read_task_of_weights(path: Path) -> str:
    """Return the task of the model that a checkpoint holds, from what its pickle names; nothing is loaded."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            words = {str(argument) for _, argument, _ in pickletools.genops(archive.read(name)) if argument}
    except (OSError, zipfile.BadZipFile, StopIteration, ValueError, KeyError, EOFError) as error:
        raise InvalidInput(
            f"{path} holds no weights: it is not a PyTorch checkpoint.", hint="Give the .pt file of a model."
        ) from error
    words |= {word for text in words for word in text.split()}  # old protocols: "module name" in one word
    found = {task for kind, task in _MODELS.items() if kind in words}
    if len(found) != 1:
        raise InvalidInput(
            f"{path} holds no model that Ultralytics could train on: none of its kinds is named in it.",
            hint="Give a checkpoint of a YOLO or RT-DETR model, not a bare dictionary of weights.",
        )
    return found.pop()
