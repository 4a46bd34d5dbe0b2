"""Folders of classes as batches of tensors: which image comes when, and how it is changed.

All chance of an epoch comes of seed and epoch alone: a resumed fit needs no random state, and processes
that read images draw what one process would.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.class_folders import name_class_folder
from mlwf_tui.plugins.trainers.torchvision.params import ClassifierParams

MEAN = np.array((0.485, 0.456, 0.406), np.float32)  # of ImageNet, which pretrained weights expect
DEVIATION = np.array((0.229, 0.224, 0.225), np.float32)

Batch = tuple[torch.Tensor, torch.Tensor]
"""(N, 3, S, S) float32 normalised RGB, (N,) int64 classes."""


class Sample(NamedTuple):
    """One image of a split, and the index of its class."""

    path: Path
    label: int


class Place(NamedTuple):
    """An image in one epoch; without an epoch it is looked at as it is."""

    number: int
    epoch: int | None


def list_samples(data: Path, split: str, class_names: Sequence[str]) -> list[Sample]:
    """Return the images of a split in the order of their paths.

    Raises:
        InvalidInput: there are none.
    """
    labels = {name_class_folder(name): label for label, name in enumerate(class_names)}
    samples = [
        Sample(path, labels[folder.name])
        for folder in sorted((data / split).glob("*"))
        if folder.name in labels
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    if not samples:
        raise InvalidInput(
            f"There is no item with a class in the split {split}.",
            hint="Tag whole items with their class; splits are made by mlwf transform split.",
        )
    return samples


class Images(Dataset[Any]):
    """Reads an image of a split by its Place, as a tensor with its class; a torn one as a grey one."""

    def __init__(self, samples: Sequence[Sample], size_px: int, params: ClassifierParams, seed: int) -> None:
        self._samples, self._size_px, self._params, self._seed = samples, size_px, params, seed

    def __getitem__(self, place: Place) -> tuple[torch.Tensor, int]:
        sample = self._samples[place.number]
        pixels = decode(sample.path.read_bytes())
        if pixels is None:
            pixels = np.full((self._size_px, self._size_px, 3), 127, np.uint8)
        if place.epoch is not None:
            draw = np.random.default_rng((self._seed, place.epoch, place.number))
            pixels = _augment(pixels, self._params, draw)
        return torch.from_numpy(prepare(pixels, self._size_px)), sample.label


def load_batches(
    images: Images, places: list[list[Place]], *, workers: int, is_pinned: bool
) -> Iterator[Batch]:
    """Yield the batches in their order, read ahead by `workers` processes, or by this one where it is 0."""
    loader = DataLoader(images, batch_sampler=places, num_workers=workers, pin_memory=is_pinned)
    yield from loader


def order_epoch(count: int, batch: int, *, seed: int, epoch: int) -> list[list[Place]]:
    """Return the batches of a training epoch; a last image alone, which has no norm, is left out."""
    order = np.random.default_rng((seed, epoch)).permutation(count).tolist()
    batches = [order[at : at + batch] for at in range(0, count, batch)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches.pop()
    return [[Place(number, epoch) for number in numbers] for numbers in batches]


def count_batches(count: int, batch: int) -> int:
    """Return how many batches an epoch has."""
    whole, rest = divmod(count, batch)
    return max(1, whole + (rest > 1 or (rest == 1 and whole == 0)))


def order_plain(count: int, batch: int) -> list[list[Place]]:
    """Return all images in order, as they are."""
    return [
        [Place(number, None) for number in range(at, min(count, at + batch))] for at in range(0, count, batch)
    ]


def decode(data: bytes) -> Any:
    """Return (H, W, 3) uint8 RGB, upright, or None where it is no image."""
    encoded = np.frombuffer(data, np.uint8)
    try:
        pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    except cv2.error:  # it claims more pixels than OpenCV takes
        return None
    return None if pixels is None else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def prepare(pixels: Any, size_px: int) -> Any:
    """Return (3, S, S) float32, normalised; the whole image is seen, whatever its proportions."""
    is_smaller = min(pixels.shape[:2]) > size_px
    method = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    exact = pixels.astype(np.float32)  # rounded values differ from one library to the next
    resized = cv2.resize(exact, (size_px, size_px), interpolation=method)  # (S, S, 3)
    normal = (resized / 255 - MEAN) / DEVIATION
    return np.ascontiguousarray(normal.transpose(2, 0, 1))


def _augment(pixels: Any, params: ClassifierParams, draw: np.random.Generator) -> Any:
    """Return a part of an image, mirrored by chance."""
    height, width = pixels.shape[:2]
    side = float(np.sqrt(draw.uniform(params.scale, 1.0)))
    part_height, part_width = max(1, round(height * side)), max(1, round(width * side))
    top = int(draw.integers(0, height - part_height + 1))
    left = int(draw.integers(0, width - part_width + 1))
    part = pixels[top : top + part_height, left : left + part_width]
    return part[:, ::-1] if draw.random() < params.fliplr else part
