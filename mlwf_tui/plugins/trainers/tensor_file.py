"""A value with many tensors as one file: written in a third of `torch.save`'s time, read only where whole.

The bytes of tensors and arrays one after another, then the pickled value in which their places stand, then 24
bytes: the size of that, and a sum of each. Blocks that a power cut has left as zeros change the sums.

Such a file travels in backups, so that it may be anybody's. A pickle can call whatever it names: here it may
name one thing, since tensors, arrays and their types are places and plain texts.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from mlwf_tui.errors import CorruptData

_TAIL = struct.Struct("<QQQ")  # bytes of the pickled value, sum of the tensors, sum of the value
_Place = tuple[int, tuple[int, ...], str]  # offset in bytes, shape, type: `torch.half`, or NumPy's `<u4`
_NAMES = {("collections", "OrderedDict"): OrderedDict}  # all that a file may name
_TORCH = "torch."
_READ_ERRORS = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
    RuntimeError, ImportError, MemoryError,
)  # fmt: skip


class _Writer(pickle.Pickler):
    """Puts each tensor and array into the file when the value comes to it."""

    def __init__(self, file: IO[bytes], rest: IO[bytes]) -> None:
        super().__init__(rest, pickle.HIGHEST_PROTOCOL)
        self._file = file
        self.size_bytes = 0
        self.sum = 0

    def persistent_id(self, value: Any) -> _Place | None:
        if isinstance(value, torch.Tensor):
            flat = value.detach().cpu().contiguous().reshape(-1)
            data = flat.view(torch.uint8).numpy()  # (bytes,)
            dtype = str(value.dtype)
        elif isinstance(value, np.ndarray | np.generic):
            if value.dtype.hasobject:
                raise TypeError(f"an array of {value.dtype} has no plain bytes")
            data = np.frombuffer(value.tobytes(), np.uint8)  # (bytes,)
            dtype = value.dtype.str
        else:
            return None
        place = (self.size_bytes, tuple(value.shape), dtype)
        self._file.write(data.data)
        self.size_bytes += len(data)
        self.sum = (self.sum + _add_up(data)) % (1 << 64)
        return place


class _Reader(pickle.Unpickler):
    """Takes tensors and arrays from their places, and nothing from anywhere else."""

    def __init__(self, rest: IO[bytes], data: bytearray) -> None:
        super().__init__(rest)
        self._data = data
        self.sum = 0

    def find_class(self, module: str, name: str) -> Any:
        found = _NAMES.get((module, name))
        if found is None:
            raise _Forbidden(f"{module}.{name}")
        return found

    def persistent_load(self, place: _Place) -> Any:
        offset, shape, dtype = place
        if dtype.startswith(_TORCH):
            return self._read_tensor(offset, shape, getattr(torch, dtype.removeprefix(_TORCH)))
        count, kind = math.prod(shape), np.dtype(dtype)
        if not count:
            return np.empty(shape, kind)
        flat = np.frombuffer(self._data, kind, count, offset).copy()
        self.sum = (self.sum + _add_up(flat.view(np.uint8))) % (1 << 64)
        return flat.reshape(shape) if shape else flat[0]

    def _read_tensor(self, offset: int, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        count = math.prod(shape)
        if not count:
            return torch.empty(shape, dtype=dtype)
        flat = torch.frombuffer(self._data, dtype=dtype, count=count, offset=offset).clone()
        self.sum = (self.sum + _add_up(flat.view(torch.uint8).numpy())) % (1 << 64)
        return flat.reshape(shape)


class _Forbidden(Exception):
    """A pickle names what it has no business with."""


def write_tensors(path: Path, value: Any) -> None:
    """Write a value of plain containers, numbers, texts, NumPy arrays and tensors, whole or not at all.

    Raises:
        OSError: it cannot be written.
        TypeError: an array of it holds Python objects.
    """
    part = path.with_suffix(".part")
    try:
        with part.open("wb", buffering=1 << 20) as file:
            rest = io.BytesIO()
            writer = _Writer(file, rest)
            writer.dump(value)
            pickled = rest.getbuffer()
            file.write(pickled)
            file.write(_TAIL.pack(len(pickled), writer.sum, _add_up(np.frombuffer(pickled, np.uint8))))
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def read_tensors(path: Path) -> Any:
    """Return the value with its tensors in memory, or None where the file is missing or not whole.

    Raises:
        CorruptData: the file is not one that `write_tensors` makes; nothing that it names was called.
    """
    try:
        size_bytes = path.stat().st_size
        data = bytearray(size_bytes)
        with path.open("rb") as file:
            file.readinto(data)
    except FileNotFoundError:
        return None
    if size_bytes < _TAIL.size:
        return None
    pickled_bytes, tensor_sum, pickled_sum = _TAIL.unpack(data[-_TAIL.size :])
    start = size_bytes - _TAIL.size - pickled_bytes
    if start < 0:
        return None
    pickled = data[start : -_TAIL.size]
    if not pickled or _add_up(np.frombuffer(pickled, np.uint8)) != pickled_sum:
        return None
    reader = _Reader(io.BytesIO(pickled), data)
    value = _load(reader, path)
    return value if reader.sum == tensor_sum else None


def _load(reader: _Reader, path: Path) -> Any:
    hint = "Do you know where it comes from? Without this file the run goes on from its checkpoint alone."
    try:
        return reader.load()
    except _Forbidden as error:
        raise CorruptData(
            f"{path} names {error}, which no file of ours does: it may run code, and was not read.",
            hint=hint,
        ) from error
    except _READ_ERRORS as error:
        raise CorruptData(f"{path} is whole, but not as we write such files.", hint=hint) from error


def _add_up(data: Any) -> int:
    """Return the sum of bytes (N,) taken eight at a time, and the last few one by one, modulo 2**64."""
    whole = len(data) // 8 * 8
    return (int(data[:whole].view(np.uint64).sum(dtype=np.uint64)) + int(data[whole:].sum())) % (1 << 64)
