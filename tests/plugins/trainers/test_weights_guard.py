"""A weight file that is more than weights is refused, with its reason, before anything of it is called."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.errors import InvalidInput, Untrusted
from mlwf_tui.plugins.trainers.weights_guard import check_weights

PROTO = b"\x80\x02"


class Calls:
    """Pickled, it is a call of a function with some words."""

    def __init__(self, function: Callable[..., Any], *words: Any) -> None:
        self._call = (function, words)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._call


def write_archive(
    path: Path, pickled: bytes, *, storages: dict[str, bytes] | None = None, **kwargs: Any
) -> Path:
    with zipfile.ZipFile(path, "w", kwargs.get("compression", zipfile.ZIP_STORED)) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, data in (storages or {}).items():
            archive.writestr(f"archive/data/{name}", data)
    return path


def call(module: str, name: str, *arguments: bytes) -> bytes:
    """Return a pickle that calls a function with arguments which are pickled without frame and stop."""
    return PROTO + f"c{module}\n{name}\n".encode() + b"(" + b"".join(arguments) + b"tR."


def number(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def storage(count: int, key: bytes = b"0") -> bytes:
    """Return a reference to a storage of float32 numbers."""
    place = (
        b"(X\x07\0\0\0storagectorch\nFloatStorage\nX" + struct.pack("<I", len(key)) + key + b"X\x03\0\0\0cpu"
    )
    return place + number(count) + b"tQ"


def shape(*sizes: int) -> bytes:
    return b"(" + b"".join(map(number, sizes)) + b"t"


@pytest.mark.parametrize(
    ("names", "function", "words"),
    [
        ("posix.system", os.system, ("touch {mark}",)),
        ("builtins.eval", eval, ("open({mark!r}, 'w')",)),
        ("Popen", subprocess.Popen, (["touch", "{mark}"],)),
        ("builtins.exec", exec, ("open({mark!r}, 'w')",)),
    ],
)
def test_a_file_that_calls_is_refused_by_name_and_calls_nothing(
    tmp_path: Path, names: str, function: Callable[..., Any], words: tuple[Any, ...]
) -> None:
    mark = tmp_path / "mark"
    filled = [
        word.format(mark=str(mark)) if isinstance(word, str) else [part.format(mark=mark) for part in word]
        for word in words
    ]
    for protocol in (2, 4):
        pickled = pickle.dumps({"model": Calls(function, *filled)}, protocol).replace(
            b"__builtin__", b"builtins"
        )
        path = write_archive(tmp_path / f"{protocol}.pt", pickled)
        with pytest.raises(Untrusted, match=names):
            check_weights(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "pickled",
    [
        call("torch.storage", "_load_from_bytes", b"C\x01x"),  # a pickle within, which torch reads in full
        call("torch.nn.modules.linear", "Linear", number(100_000), number(100_000)),  # 40 GB
        PROTO + b"ctorch.nn.modules.linear\nLinear\n" + shape(100_000, 100_000) + b"\x81.",  # its __new__
        call("builtins", "getattr", b"ctorch.nn.modules.linear\nLinear\n", b"X\x0b\0\0\0__globals__"),
        call("ultralytics.nn.tasks", "attempt_load_one_weight", b"X\x04\0\0\0a.pt"),
        call("torch.hub", "load", b"X\x01\0\0\0x"),
        call("builtins", "bytearray", number(10 << 30)),  # 10 GB
        call("ultralytics.utils.checks", "check_requirements", b"X\x01\0\0\0x"),  # runs pip
    ],
)
def test_what_weights_do_not_need_is_refused(tmp_path: Path, pickled: bytes) -> None:
    with pytest.raises(Untrusted):
        check_weights(write_archive(tmp_path / "a.pt", pickled))


def test_claims_of_room_that_is_not_there_are_refused_before_it_is_made(tmp_path: Path) -> None:
    huge = 2_500_000_000  # 10 GB as float32
    rest = b"\x89ccollections\nOrderedDict\n)R"
    rebuild = ("torch._utils", "_rebuild_tensor_v2")
    claims = {
        "storage": call(*rebuild, storage(huge), number(0), shape(huge), shape(1), rest),
        "stride": call(*rebuild, storage(4), number(0), shape(huge), shape(0), rest),
        "size": call(*rebuild, storage(4), number(0), shape(huge), shape(1), rest),
        "negative": call(*rebuild, storage(4), number(-4), shape(4), shape(1), rest),
        "memo": PROTO + b"K\x01r" + struct.pack("<I", 2**31 - 1) + b".",
        "string": PROTO + b"\x8d" + struct.pack("<Q", 10 << 30) + b"a.",
    }
    for name, pickled in claims.items():
        path = write_archive(tmp_path / f"{name}.pt", pickled, storages={"0": bytes(16)})
        with pytest.raises(InvalidInput, match=r"claims|damaged") as caught:
            check_weights(path)
        assert not isinstance(caught.value, Untrusted), name


def test_a_compressed_archive_is_refused_without_being_unpacked(tmp_path: Path) -> None:
    path = write_archive(
        tmp_path / "a.pt", b"N.", storages={"0": bytes(64 << 20)}, compression=zipfile.ZIP_DEFLATED
    )
    with pytest.raises(InvalidInput, match="compressed"):
        check_weights(path)


def test_an_archive_that_two_readers_could_read_as_two_is_refused(tmp_path: Path) -> None:
    inner = write_archive(tmp_path / "inner.pt", b"N.").read_bytes()
    nested = tmp_path / "nested.pt"
    with zipfile.ZipFile(nested, "w") as archive:
        archive.writestr("archive/inner/data.pkl", inner)
    twice = tmp_path / "twice.pt"
    with zipfile.ZipFile(twice, "w") as archive:
        archive.writestr("a/data.pkl", b"N.")
        archive.writestr("b/data.pkl", b"N.")
    behind = tmp_path / "behind.pt"
    behind.write_bytes(inner + inner)
    for path in (nested, twice, behind):
        with pytest.raises(InvalidInput, match="PyTorch checkpoint"):
            check_weights(path)


@pytest.mark.parametrize(
    "data", [b"", b"no weights", b"PK\x03\x04 torn", pickle.dumps({"a": 1}), b"\x89PNG\r\n\x1a\n"]
)
def test_weights_that_are_not_weights_are_no_question_of_trust(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(data)
    with pytest.raises(InvalidInput) as caught:
        check_weights(path)
    assert not isinstance(caught.value, Untrusted)


def test_the_guard_needs_no_library(tmp_path: Path) -> None:
    code = (
        "import sys; from mlwf_tui.plugins.trainers import weights_guard;"
        "assert not {'torch', 'numpy', 'ultralytics'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_torch_saves_of_a_network_is_let_through(tmp_path: Path) -> None:
    import torch

    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.SiLU())
    path = tmp_path / "a.pt"
    torch.save({"model": network.half(), "epoch": 3, "train_args": {"lr0": 0.1}}, path)

    check_weights(path)

    whole = path.read_bytes()
    for end in range(0, len(whole), len(whole) // 50):
        path.write_bytes(whole[:end])
        with pytest.raises(InvalidInput):
            check_weights(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "definition",
    ["yolov8n", "yolov10n", "yolo11n-seg", "yolo11n-pose", "yolo11n-obb", "yolo26n", "yolo11n-cls"],
)
def test_a_checkpoint_of_every_task_opens_in_weights_only_mode(tmp_path: Path, definition: str) -> None:
    code = f"""
import io
from pathlib import Path
from mlwf_tui.plugins.trainers.ultralytics.library import prepare_library, read_checkpoint
prepare_library(Path({str(tmp_path)!r}))
from ultralytics import YOLO
path = Path({str(tmp_path)!r}) / "a.pt"
YOLO({definition + ".yaml"!r}).save(path)
assert read_checkpoint(path)["model"] is not None
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_random_changes_of_a_checkpoint_never_call_anything(tmp_path: Path) -> None:
    import random

    import torch

    buffer = io.BytesIO()
    torch.save({"model": torch.nn.Conv2d(3, 4, 3), "names": {0: "cat"}}, buffer)
    with zipfile.ZipFile(buffer) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        pickled = archive.read(name)
    drawn = random.Random(3)
    for _ in range(300):
        changed = bytearray(pickled)
        for _ in range(drawn.randint(1, 6)):
            changed[drawn.randrange(len(changed))] = drawn.randrange(256)
        path = write_archive(tmp_path / "a.pt", bytes(changed), storages={"0": bytes(432), "1": bytes(16)})
        try:
            check_weights(path)
        except InvalidInput as error:
            assert error.hint
