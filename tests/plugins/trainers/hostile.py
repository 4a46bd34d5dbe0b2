"""Files as somebody makes them who knows our format and means harm."""

from __future__ import annotations

import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np


class Touching:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def write_sealed(
    path: Path, value: object = None, *, pickled: bytes = b"", kind: type[pickle.Pickler] = pickle.Pickler
) -> Path:
    """Write a file whose sums are right, as somebody would who knows the format."""
    rest = io.BytesIO()
    kind(rest).dump(value)
    pickled = pickled or rest.getvalue()
    words = np.frombuffer(pickled[: len(pickled) // 8 * 8], "<u8").sum(dtype=np.uint64)
    total = (int(words) + sum(pickled[len(pickled) // 8 * 8 :])) % (1 << 64)
    path.write_bytes(pickled + struct.pack("<QQQ", len(pickled), 0, total))
    return path
