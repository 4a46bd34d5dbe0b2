"""Finds equal and similar images among many without comparing each with each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Places = list[int]
_Indices = NDArray[np.intp]

HASH_BYTES: Final = 16
BANDS: Final = 8
MAX_DISTANCE: Final = 2 * BANDS - 1  # bits of 128: then one of eight bands differs by one bit at most
MAX_SHARE: Final = 0.25  # of the bits set in either: images with little on them have few bits to differ in
MAX_GREY_DIFFERENCE: Final = 6.0  # mean, of 255, between the small grey images
MIN_SPREAD: Final = 4.0  # standard deviation of the small grey image, of 255
CROWD: Final = 128  # where more have a band in common, each is compared with its neighbours alone
NEIGHBOURS: Final = 32

_BAND_BITS: Final = HASH_BYTES * 8 // BANDS


def find_equal(values: NDArray[np.uint64]) -> list[Places]:
    """Return the places of each value that is there more than once, in their order."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    ends = np.append(starts[1:], len(ordered))
    repeated = ends - starts > 1
    return [order[start:end].tolist() for start, end in zip(starts[repeated], ends[repeated], strict=True)]


def find_similar(
    hashes: NDArray[np.uint8], greys: NDArray[np.uint8], *, between: Callable[[], None] = lambda: None
) -> list[Places]:
    """Return groups of places of images that look alike; each is like another one of its group.

    `hashes` is (N, 16) bits, `greys` (N, 64) small grey images. Two are alike where at most 15 bits and a
    quarter of those set differ, and their small images by at most six of 255 on average. By the
    pigeonhole principle one of eight bands of 16 bits then differs by at most one bit, so only such
    pairs are compared. Empty images, which all look alike, are like none. `between` is called now and
    then, and may raise.

    Source: M. Norouzi et al., Fast search in Hamming space with multi-index hashing, 2012.
    """
    places = np.flatnonzero(greys.std(axis=1) >= MIN_SPREAD) if len(greys) else np.arange(0)
    groups = _group(hashes[places], greys[places], between) if len(places) > 1 else []
    return [places[group].tolist() for group in groups]


def _group(hashes: NDArray[np.uint8], greys: NDArray[np.uint8], between: Callable[[], None]) -> list[Places]:
    # Neighbouring bits are alike on many images (a sky), so each band takes its bits from everywhere.
    bits = np.unpackbits(hashes, axis=1).reshape(len(hashes), _BAND_BITS, BANDS)
    bands = np.packbits(bits.transpose(0, 2, 1), axis=2).view(np.uint16)[:, :, 0]  # (N, 8)
    words = hashes.view(np.uint64)  # (N, 2)
    parents = np.arange(len(hashes))
    for band in range(BANDS):
        for left, right in _iter_candidates(bands[:, band], words):
            between()
            is_near = _are_near(words[left], words[right])
            left, right = left[is_near], right[is_near]
            grey = np.abs(greys[left].astype(np.int16) - greys[right]).mean(axis=1)
            is_alike = grey <= MAX_GREY_DIFFERENCE
            for one, other in zip(left[is_alike].tolist(), right[is_alike].tolist(), strict=True):
                _unite(parents, one, other)
    return _list_groups(parents)


def _are_near(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Say of each pair of hashes (M, 2) whether few of their bits differ."""
    distance = np.bitwise_count(left ^ right).sum(axis=1)
    set_bits = np.bitwise_count(left | right).sum(axis=1)
    return np.asarray((distance <= MAX_DISTANCE) & (distance <= MAX_SHARE * set_bits))


def _iter_candidates(
    band: NDArray[np.uint16], words: NDArray[np.uint64]
) -> Iterator[tuple[_Indices, _Indices]]:
    """Yield pairs of places whose bands are equal or differ by one bit, many at a time, each pair once."""
    order = np.lexsort((words[:, 1], words[:, 0], band))
    ordered = band[order]
    for flip in (0, *(1 << bit for bit in range(_BAND_BITS))):
        mask = np.uint16(flip)
        if flip:  # of each pair the one without the bit looks for the other
            seekers = np.flatnonzero(ordered & mask == 0)
            starts = np.searchsorted(ordered, ordered[seekers] | mask, "left")
        else:
            seekers = np.arange(len(ordered))
            starts = seekers + 1
        ends = np.searchsorted(ordered, ordered[seekers] | mask, "right")
        ends = np.where(ends - starts > CROWD, starts + NEIGHBOURS, ends)
        while len(seekers):
            is_there = starts < ends
            seekers, starts, ends = seekers[is_there], starts[is_there], ends[is_there]
            yield order[seekers], order[starts]
            starts = starts + 1


def _unite(parents: NDArray[np.intp], one: int, other: int) -> None:
    first, second = _find_root(parents, one), _find_root(parents, other)
    parents[max(first, second)] = min(first, second)


def _find_root(parents: NDArray[np.intp], place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = int(parents[place])
    return place


def _list_groups(parents: NDArray[np.intp]) -> list[Places]:
    groups: dict[int, Places] = {}
    joined = np.flatnonzero(parents != np.arange(len(parents)))
    for place in joined.tolist():
        groups.setdefault(_find_root(parents, place), []).append(place)
    return [[root, *places] for root, places in sorted(groups.items())]
