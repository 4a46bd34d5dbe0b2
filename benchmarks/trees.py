"""The folders that the store's benchmark works on: made from a seed, edited into a second version.

Images are JPEGs by their structure, with random bytes for pixels: they compress as real ones do, and a
thousand are made in a second. Every tree but the checkpoints is in YOLO's layout, in ten folders of
which one can be renamed.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

KIB, MIB = 1 << 10, 1 << 20
PARTS = 10
WIDTH_PX, HEIGHT_PX = 640, 480
CLASSES = ("car", "person", "dog")
CHECKPOINTS = 8
RUNS = (MIB, MIB, 256 * KIB, 256 * KIB, 64 * KIB, 64 * KIB, 4 * KIB)  # of one checkpoint each
_RENAMED_PART = "part07"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSet:
    """A kind of tree; `make` fills a folder, `edit` turns it into its second version."""

    name: str
    summary: str
    make: Callable[[Path], None]
    edit: Callable[[Path], None]
    is_of_images: bool = True


def list_sets() -> tuple[TreeSet, ...]:
    """Return all sets, small ones first."""
    return (
        _define_images("tiny", 40, _make_small_jpeg, "40 images of 2 KB, to try the benchmark itself"),
        _define_images("2k", 2_000, _make_jpeg, "2,000 images of 77 KB, each with a label"),
        _define_images("20k", 20_000, _make_jpeg, "20,000 images of 77 KB, each with a label"),
        _define_images(
            "annotations", 100_000, _make_png, "100,000 labels of 500 B, each with an image of 140 B"
        ),
        _define_checkpoints("tiny-checkpoints", 2 * MIB, True, "8 safetensors of 2 MB, for trying"),
        _define_checkpoints("checkpoints", 200 * MIB, True, "8 safetensors of 200 MB"),
        _define_checkpoints("raw-checkpoints", 200 * MIB, False, "8 files of 200 MB of bare float32"),
    )


def make_tiny_images(folder: Path, count: int, *, has_labels: bool) -> None:
    """Fill a folder with images of 140 B in YOLO's layout, in ten folders."""
    _make_images(folder, count, _make_png, ".png", has_labels=has_labels)


def list_yolo_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Return each image of a tree with its label file, in path order."""
    return [
        (image, folder / "labels" / image.parent.name / f"{image.stem}.txt")
        for image in sorted((folder / "images").glob("*/*"))
    ]


def list_checkout_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Return each image of a checkout of ours with its annotation file, in path order."""
    return [
        (image, image.parent.parent / "ann" / f"{image.name}.json")
        for image in sorted(folder.glob("*/img/*"))
    ]


# --- images and labels ---------------------------------------------------------------------------

MakeImage = Callable[[random.Random], bytes]


def _define_images(name: str, count: int, make_image: MakeImage, summary: str) -> TreeSet:
    def make(folder: Path) -> None:
        _make_images(folder, count, make_image, suffix, has_labels=True)

    def edit(folder: Path) -> None:
        _edit_images(folder, make_image, random.Random(2))

    suffix = ".png" if make_image is _make_png else ".jpg"
    return TreeSet(name=name, summary=summary, make=make, edit=edit)


def _make_images(folder: Path, count: int, make_image: MakeImage, suffix: str, *, has_labels: bool) -> None:
    chance = random.Random(1)
    (folder / "data.yaml").write_text(f"train: images\nnames: [{', '.join(CLASSES)}]\n")
    for number in range(count):
        part, stem = f"part{number * PARTS // count:02}", f"{number:06}"
        _write(folder / "images" / part / f"{stem}{suffix}", make_image(chance))
        if has_labels:
            _write(folder / "labels" / part / f"{stem}.txt", _make_label(chance))


def _edit_images(folder: Path, make_image: MakeImage, chance: random.Random) -> None:
    """Change 1 % of the labels, add 1 % of images, delete 0.5 %, and rename a folder with 10 % of them."""
    is_checkout = not (folder / "images").is_dir()
    pairs = list_checkout_pairs(folder) if is_checkout else list_yolo_pairs(folder)
    percent = max(1, len(pairs) // 100)
    chosen = chance.sample(pairs, 2 * percent + max(1, percent // 2))
    for _, label in chosen[:percent]:
        _change_label(label, chance)
    for number, (image, label) in enumerate(chosen[percent : 2 * percent]):
        image.with_name(f"new{number:06}{image.suffix}").write_bytes(make_image(chance))
        copied = f"new{number:06}{label.name[len(image.stem) :]}"  # a label's suffix may hold the image's
        shutil.copyfile(label, label.with_name(copied))
    for pair in chosen[2 * percent :]:
        for path in pair:
            path.unlink()
    for parent in [folder] if is_checkout else [folder / "images", folder / "labels"]:
        (parent / _RENAMED_PART).rename(parent / f"{_RENAMED_PART}-renamed")


def _change_label(label: Path, chance: random.Random) -> None:
    if label.suffix == ".txt":
        label.write_bytes(_make_label(chance))
        return
    content = json.loads(label.read_bytes())
    content["objects"].pop()
    label.write_text(json.dumps(content))


def _make_label(chance: random.Random) -> bytes:
    """Return twelve to fourteen boxes, 500 bytes."""
    lines = []
    for _ in range(chance.randint(12, 14)):
        width, height = chance.uniform(0.02, 0.3), chance.uniform(0.02, 0.3)
        x, y = chance.uniform(width / 2, 1 - width / 2), chance.uniform(height / 2, 1 - height / 2)
        lines.append(f"{chance.randrange(len(CLASSES))} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n")
    return "".join(lines).encode()


def _make_jpeg(chance: random.Random) -> bytes:
    return _fill_jpeg(chance, chance.randint(62_000, 92_000))


def _make_small_jpeg(chance: random.Random) -> bytes:
    return _fill_jpeg(chance, chance.randint(1_000, 3_000))


def _fill_jpeg(chance: random.Random, size_bytes: int) -> bytes:
    # Without 0xFF the random bytes hold no marker, so the structure is that of a whole JPEG.
    return _JPEG_HEAD + chance.randbytes(size_bytes).replace(b"\xff", b"\xfe") + b"\xff\xd9"


def _make_jpeg_head() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (WIDTH_PX, HEIGHT_PX)).save(file, "jpeg")
    data = file.getvalue()
    scan = data.index(b"\xff\xda")
    return data[: scan + 2 + int.from_bytes(data[scan + 2 : scan + 4])]


_JPEG_HEAD = _make_jpeg_head()


def _make_png(chance: random.Random) -> bytes:
    """Return an image of 8 × 8 pixels, 130 to 140 bytes."""
    rows = b"".join(b"\0" + chance.randbytes(8) for _ in range(8))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _make_png_part(kind, data)
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        )
    )


def _make_png_part(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True)
        path.write_bytes(data)


# --- checkpoints ---------------------------------------------------------------------------------


def _define_checkpoints(name: str, size_bytes: int, has_tensors: bool, summary: str) -> TreeSet:
    def make(folder: Path) -> None:
        for number in range(CHECKPOINTS):
            chance = random.Random(number)
            sizes = _choose_tensor_sizes(chance, size_bytes)
            with (folder / f"epoch{number}.{suffix}").open("wb") as file:
                if has_tensors:
                    file.write(_make_safetensors_header(sizes))
                for size in sizes:
                    file.write(_make_weights(chance, size))

    def edit(folder: Path) -> None:
        chance = random.Random(99)
        for number, run in enumerate(RUNS):
            _change_runs(folder / f"epoch{number}.{suffix}", min(run, size_bytes // 40), chance)
        last = folder / f"epoch{CHECKPOINTS - 1}.{suffix}"
        _lengthen_header(last) if has_tensors else _insert_in_front(last, chance)

    suffix = "safetensors" if has_tensors else "bin"
    return TreeSet(name=name, summary=summary, make=make, edit=edit, is_of_images=False)


def _choose_tensor_sizes(chance: random.Random, total_bytes: int) -> Sequence[int]:
    """Return sizes from 64 B to 8 MiB, most of them small and most of the bytes in large ones."""
    sizes: list[int] = []
    while (left := total_bytes - sum(sizes)) > 0:
        sizes.append(min(left, 4 * chance.randint(16, 1 << chance.randint(5, 21))))
    return sizes


def _make_weights(chance: random.Random, size_bytes: int) -> bytes:
    """Return float32 numbers, most of them near zero as in a trained layer; zstd takes 8 % off either."""
    data = bytearray(chance.randbytes(size_bytes))
    data[3::4] = data[3::4].translate(_SIGNS_AND_EXPONENTS)
    return bytes(data)


_SIGNS_AND_EXPONENTS = bytes(value & 0x80 | (0x3C + (value & 3 if value & 1 else 0)) for value in range(256))


def _make_safetensors_header(sizes: Sequence[int], note: str = "") -> bytes:
    entries: dict[str, object] = {"__metadata__": {"note": note}}
    offset = 0
    for number, size in enumerate(sizes):
        entries[f"model.{number}.weight"] = {
            "dtype": "F32",
            "shape": [size // 4],
            "data_offsets": [offset, offset + size],
        }
        offset += size
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header


def _change_runs(path: Path, run_bytes: int, chance: random.Random) -> None:
    """Overwrite a tenth of a file in runs at places that know nothing of anybody's blocks."""
    size = path.stat().st_size
    start = size // 400 * 4  # behind the header
    with path.open("r+b") as file:
        for _ in range(size // 10 // run_bytes):
            file.seek(start + chance.randrange((size - start - run_bytes) // 4) * 4)
            file.write(_make_weights(chance, run_bytes))


def _lengthen_header(path: Path) -> None:
    data = path.read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    entries = json.loads(data[8 : 8 + size])
    sizes = [entry["data_offsets"][1] - entry["data_offsets"][0] for entry in list(entries.values())[1:]]
    path.write_bytes(_make_safetensors_header(sizes, "x" * KIB) + data[8 + size :])


def _insert_in_front(path: Path, chance: random.Random) -> None:
    path.write_bytes(_make_weights(chance, KIB) + path.read_bytes())
