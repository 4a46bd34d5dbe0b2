"""The architectures that can be trained: names of the library's YAML files, and our own beside this file."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from mlwf_tui.errors import InvalidParameter

OWN_FOLDER = Path(__file__).parent / "architectures"

_FAMILIES = (
    ("yolov10", "nsmblx"),
    ("yolo11", "nsmlx"),
    ("yolo12", "nsmlx"),
    ("yolo26", "nsmlx"),
    ("yolov8", "nsmlx"),
)


def list_architectures() -> tuple[str, ...]:
    """Return all names, our own small ones first, then family by family from small to large."""
    own = tuple(sorted(path.stem for path in OWN_FOLDER.glob("*.yaml")))
    return own + tuple(f"{family}{scale}" for family, scales in _FAMILIES for scale in scales)


def find_definition(name: str) -> str:
    """Return what the library is to be given for a name: a path of ours, or a file name of its own.

    Raises:
        InvalidParameter: there is no such architecture.
    """
    own = OWN_FOLDER / f"{name}.yaml"
    names = list_architectures()
    if name not in names:
        close = get_close_matches(name, names, n=3)
        raise InvalidParameter(
            f"There is no architecture {name!r}.",
            hint=f"Did you mean {', '.join(close)}?" if close else f"Choose from {', '.join(names)}.",
        )
    return str(own) if own.exists() else f"{name}.yaml"
