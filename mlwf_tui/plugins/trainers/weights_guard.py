"""Says of a .pt file, before any library opens it, whether it is weights and nothing else.

A .pt file is a zip with a pickle, and a pickle can call whatever it names. Here it is played through with
stand-ins in the place of all that it names: classes of networks that cannot be called, tensors without bytes.
What it names beyond those is its danger; what claims more room than it has is no weights at all. The library
then reads the file in torch's weights-only mode (see `load_weights`). This guard tells a person why not, and
stops what that mode lets through: `Linear(100000, 100000)` is a network's class with harmless words.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlwf_tui.errors import InvalidInput, Untrusted

MAX_PICKLE_BYTES = 64 << 20  # of the largest networks it is 3 MB
MAX_ENTRIES = 200_000
_READ_ERRORS = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError, OverflowError,
    MemoryError, RecursionError,
)  # fmt: skip

_CLASS_MODULES = (
    "torch.nn.modules.", "ultralytics.nn.modules.", "ultralytics.nn.tasks.", "ultralytics.nn.distill_model.",
    "ultralytics.utils.loss.", "ultralytics.utils.tal.", "torchvision.transforms.transforms.",
)  # fmt: skip
"""Whose classes a network is made of. Pickles of networks build them empty and fill them; they call none."""

_ITEM_BYTES: Mapping[str, int] = {
    "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8,
    "IntStorage": 4, "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1,
    "UntypedStorage": 1,
}  # fmt: skip


def check_weights(path: Path) -> None:
    """Return if the file is a checkpoint that names nothing but parts of networks.

    Raises:
        InvalidInput: it is missing, is no checkpoint, or claims more than it holds.
        Untrusted: it names what no weights need, which opening it would call.
    """
    pickled, sizes = _read_archive(path)
    _check_memo(path, pickled)
    try:
        _Player(pickled, sizes).load()
    except _Forbidden as error:
        raise Untrusted(
            f"The weights {path.name} name {error}, which no weights need: opening them may run code of their"
            " maker.",
            hint="Only where you trust whoever made them: --trust, or -p trust_weights=true for a training.",
        ) from error
    except _Oversized as error:
        raise _refuse(path, f"claims {error}") from error
    except _READ_ERRORS as error:
        raise _refuse(path, f"is damaged ({type(error).__name__})") from error


def _refuse(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        f"The file {path.name} {why}; it is no PyTorch checkpoint that can be used.",
        hint="Give a .pt file as Ultralytics writes it.",
    )


def _read_archive(path: Path) -> tuple[bytes, dict[str, int]]:
    """Return the archive's pickle, and the sizes in bytes of its storages by their names.

    The archive must be as torch writes it, so that torch reads the same one: from the first byte to the
    last, nothing compressed, no name twice, one pickle.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PK\x03\x04":
                raise _refuse(path, "is no archive of torch.save")
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_entries(path, archive, entries)
            root = entries[0].filename.partition("/")[0]
            pickled = archive.read(f"{root}/data.pkl")
    except FileNotFoundError as error:
        raise InvalidInput(f"The weights {path} do not exist.", hint="Check the path.") from error
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError) as error:
        raise _refuse(path, f"cannot be read ({error})") from error
    prefix = f"{root}/data/"
    return pickled, {
        entry.filename.removeprefix(prefix): entry.file_size
        for entry in entries
        if entry.filename.startswith(prefix)
    }


def _check_entries(path: Path, archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> None:
    names = {entry.filename for entry in entries}
    roots = {name.partition("/")[0] for name in names}
    pickles = [entry for entry in entries if entry.filename.endswith("data.pkl")]
    if archive.comment or not entries or entries[0].header_offset:
        raise _refuse(path, "holds something before or after its archive")
    if len(entries) > MAX_ENTRIES or len(names) != len(entries) or len(roots) != 1:
        raise _refuse(path, "holds names twice, or more than one archive")
    if len(pickles) != 1 or pickles[0].filename.count("/") != 1:
        raise _refuse(path, "does not hold exactly one data.pkl")
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise _refuse(path, "is compressed, as torch never does,")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise _refuse(path, "claims more bytes than it has")
    if pickles[0].file_size > MAX_PICKLE_BYTES:
        raise _refuse(path, f"has a pickle of {pickles[0].file_size:,} bytes")


def _check_memo(path: Path, pickled: bytes) -> None:
    """Refuse places in the memo beyond those that a pickle of this length can have used.

    CPython makes room for twice the largest place: for 2**31 that is 32 GB.
    """
    try:
        for operation, argument, _ in pickletools.genops(pickled):
            place = int(argument or 0) if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") else 0
            if place > len(pickled):
                raise _refuse(path, f"claims a memo of {place:,} places")
    except _READ_ERRORS as error:
        raise _refuse(path, "is damaged") from error


class _Forbidden(Exception):
    """The pickle names, or calls, what it has no business with."""


class _Oversized(Exception):
    """A tensor claims more than its storage has."""


class _Uncallable(type):
    """The class of stand-ins for classes: a pickle may make an empty one and fill it, and nothing else."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        raise _Forbidden(f"a call of {cls.__qualname__}")


class _Inert(metaclass=_Uncallable):
    """Stands for what a pickle has made; takes any state and does nothing with it."""

    def __new__(cls, *arguments: Any) -> _Inert:
        if arguments:
            raise _Forbidden(f"a call of {cls.__qualname__}")
        return object.__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """Take what it is told, which is dropped."""


def _make_inert(*_: Any) -> _Inert:
    return _Inert.__new__(_Inert)


class _Storage:
    """Stands for the bytes of tensors."""

    def __init__(self, size_bytes: int, item_bytes: int) -> None:
        self.count = size_bytes // item_bytes


class _StorageKind:
    """Stands for the type of a storage's numbers; no pickle calls it."""

    def __init__(self, item_bytes: int) -> None:
        self.item_bytes = item_bytes


def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> _Inert:
    """Check that the tensor lies within its storage, as torch does only after it has made room."""
    if not isinstance(storage, _Storage):
        raise _Forbidden("a tensor without a storage")
    if any(not isinstance(number, int) or number < 0 for number in (offset, *size, *stride)):
        raise _Oversized("a tensor of a size that cannot be")
    last = offset + sum((count - 1) * step for count, step in zip(size, stride, strict=True))
    if math.prod(size) and last >= storage.count:
        raise _Oversized(f"a tensor of {'×'.join(map(str, size)) or 1} numbers in {storage.count:,}")
    if math.prod(size) > max(storage.count, 1):
        raise _Oversized(f"a tensor of {math.prod(size):,} numbers that are {storage.count:,}")
    return _make_inert()


def _get_attribute(owner: Any, name: Any, *_: Any) -> _Inert:
    """Some networks say `Detect.forward`; of a network's class only, and no name that Python itself uses."""
    is_part = isinstance(owner, _Inert | _Uncallable)
    if not is_part or not isinstance(name, str) or name.startswith("_"):
        raise _Forbidden("builtins.getattr")
    return _make_inert()


_CALLABLE: Mapping[str, Callable[..., Any]] = {
    "collections.OrderedDict": OrderedDict,
    "__builtin__.set": set,
    "builtins.set": set,
    "__builtin__.getattr": _get_attribute,
    "builtins.getattr": _get_attribute,
    "torch.Size": tuple,
    "torch.device": _make_inert,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": _make_inert,
    "torchvision.transforms.functional.InterpolationMode": _make_inert,
    "numpy.dtype": _make_inert,
    "numpy.core.multiarray.scalar": _make_inert,
    "numpy._core.multiarray.scalar": _make_inert,
    **{f"{m}.{c}": _make_inert for m in ("pathlib", "pathlib._local") for c in ("PosixPath", "WindowsPath")},
    **dict.fromkeys(
        ("ultralytics.utils.IterableSimpleNamespace", "ultralytics.yolo.utils.IterableSimpleNamespace"),
        _make_inert,
    ),
    "_codecs.encode": _make_inert,
}  # fmt: skip
"""All functions that a checkpoint may call, by what stands in for them."""

_DTYPES = frozenset(
    {"float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"}
)


class _Player(pickle.Unpickler):
    """Plays a checkpoint's pickle through with stand-ins."""

    def __init__(self, pickled: bytes, sizes: Mapping[str, int]) -> None:
        super().__init__(io.BytesIO(pickled))
        self._sizes = sizes

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in _CALLABLE:
            return _CALLABLE[full]
        if module in ("torch", "torch.storage") and name in _ITEM_BYTES:
            return _StorageKind(_ITEM_BYTES[name])
        if module == "torch" and name in _DTYPES:
            return _make_inert()
        if f"{module}.".startswith(_CLASS_MODULES) and "." not in name:
            return _Uncallable(full, (_Inert,), {})
        raise _Forbidden(full)

    def persistent_load(self, place: Any) -> _Storage:
        kind, storage, key, _, count = place
        if kind != "storage" or not isinstance(storage, _StorageKind):
            raise _Forbidden("a storage of an unknown kind")
        size_bytes = self._sizes.get(str(key), -1)
        if not isinstance(count, int) or not 0 <= count * storage.item_bytes <= size_bytes:
            raise _Oversized(f"{count!r} numbers in a storage of {max(size_bytes, 0):,} bytes")
        return _Storage(size_bytes, storage.item_bytes)
