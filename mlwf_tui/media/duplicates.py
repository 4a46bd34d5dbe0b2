"""Finds equal and similar images among many without comparing each with each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Places = list[int]
_Indices = NDArray[np.intp]

HASH_BYTES: Final = 16
BANDS: Final = 8
MAX_DISTANCE: Final = 2 * BANDS - 1  # bits of 128: then one of eight bands differs by one bit at most
MAX_SHARE: Final = 0.25  # of the bits set in either: images with little on them have few bits to differ in
MAX_GREY_DIFFERENCE: Final = 6.0  # mean, of 255, between the small grey images
MAX_BRIGHTER: Final = 26.0  # of 255: a tenth of the range, by which one of them may be brighter as a whole
MAX_SPREAD_SHARE: Final = 0.3  # of their spread, that images of other brightness may differ by beside it
MIN_SPREAD: Final = 4.0  # standard deviation of the small grey image, of 255
MAX_PAIRS: Final = 3_000_000_000  # that are compared: beyond that it would take more than a few minutes

_BAND_BITS: Final = HASH_BYTES * 8 // BANDS
_SLOPE_BITS: Final = 14  # of the difference of two sums of 32 bytes, from 0 on
_MAX_SUM_DIFFERENCE: Final = int(64 * MAX_GREY_DIFFERENCE)
_BATCH_PAIRS: Final = 1 << 20
_PART_PAIRS: Final = 1 << 14


def find_equal(values: NDArray[np.uint64]) -> list[Places]:
    """Return the places of each value that is there more than once, in their order."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    ends = np.append(starts[1:], len(ordered))
    repeated = ends - starts > 1
    return [order[start:end].tolist() for start, end in zip(starts[repeated], ends[repeated], strict=True)]


class Similar(NamedTuple):
    """Groups of places of images that look alike, and how many were not compared with all that may be."""

    groups: list[Places]
    cut_count: int = 0


def find_similar(
    hashes: NDArray[np.uint8],
    greys: NDArray[np.uint8],
    *,
    between: Callable[[], None] = lambda: None,
    max_pairs: int = MAX_PAIRS,
) -> Similar:
    """Return groups of places of images that look alike; each is like another one of its group.

    `hashes` is (N, 16) bits, `greys` (N, 64) small grey images. Two are alike where at most 15 bits and a
    quarter of those set differ, and their small images by at most six of 255 on average, as they are or
    once the darker is brought to the brightness of the other, which is at most a tenth of the range above.
    By the pigeonhole principle one of eight bands of 16 bits then differs by at most one bit. How much
    brighter the upper half of a small image is than the lower does not change with its brightness, and
    differs by at most 384 between the two. So only such pairs are compared: no pair is missed, unless
    there are more than `max_pairs` of them. Empty images, which all look alike, are like none. `between`
    is called now and then, and may raise.

    Source: M. Norouzi et al., Fast search in Hamming space with multi-index hashing, 2012.
    """
    places = np.flatnonzero(greys.std(axis=1) >= MIN_SPREAD) if len(greys) else np.arange(0)
    if len(places) < 2:
        return Similar([])
    both = np.concatenate((hashes[places], greys[places]), axis=1)
    _, firsts, copies = np.unique(both, axis=0, return_index=True, return_inverse=True)
    copies = copies.ravel()
    search = _Search(hashes[places[firsts]], greys[places[firsts]], between)
    cut = search.run(max_pairs)
    roots = np.array([search.find_root(place) for place in range(len(firsts))])[copies]
    groups = find_equal(roots.astype(np.uint64))
    return Similar(sorted(places[group].tolist() for group in groups), int(np.isin(copies, cut).sum()))


class _Search:
    """Compares images that all differ, and joins those that are alike."""

    def __init__(
        self, hashes: NDArray[np.uint8], greys: NDArray[np.uint8], between: Callable[[], None]
    ) -> None:
        # Neighbouring bits are alike on many images (a sky), so each band takes its bits from everywhere.
        bits = np.unpackbits(hashes, axis=1).reshape(len(hashes), _BAND_BITS, BANDS)
        packed = np.packbits(bits.transpose(0, 2, 1), axis=2)  # (N, 8, 2)
        self._bands = np.ascontiguousarray(packed).view(np.uint16)[:, :, 0]  # (N, 8)
        self._words = np.ascontiguousarray(hashes).view(np.uint64)  # (N, 2)
        self._greys = greys.astype(np.int16)  # (N, 64)
        halves = self._greys.reshape(len(greys), 2, 32).sum(axis=2, dtype=np.int64)  # (N, 2)
        self._slopes = halves[:, 0] - halves[:, 1] + 32 * 255  # (N,), from 0 on
        self._sums = halves.sum(axis=1)  # (N,)
        self._spreads = greys.std(axis=1)  # (N,)
        self._between = between
        self._parents = list(range(len(hashes)))
        self._labels = np.arange(len(hashes))  # roots as they were when last noted
        self._unlabelled = 0  # pairs that were joined since then

    def run(self, max_pairs: int) -> _Indices:
        """Compare all pairs that may be alike, or of each image as many as there is time for.

        Returns:
            The places of images that were not compared with all.
        """
        limit = self._choose_limit(max_pairs)
        cut = np.zeros(len(self._words), np.bool_)
        for order, seekers, starts, ends in self._iter_ranges():
            self._between()
            cut[order[seekers[ends - starts > limit]]] = True
            for left, right in _iter_pairs(seekers, starts, np.minimum(ends, starts + limit)):
                self._between()
                self._compare(order[left], order[right])
        return np.flatnonzero(cut)

    def find_root(self, place: int) -> int:
        """Return the first place of a group."""
        parents = self._parents
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    def _choose_limit(self, max_pairs: int) -> int:
        """Return how many others each image is compared with in one range."""
        total = longest = count = 0
        for _, seekers, starts, ends in self._iter_ranges():
            self._between()
            total += int((ends - starts).sum())
            longest = max(longest, int((ends - starts).max(initial=0)))
            count += len(seekers)
        return longest if total <= max_pairs else max(1, max_pairs // count)

    def _iter_ranges(self) -> Iterator[tuple[_Indices, _Indices, _Indices, _Indices]]:
        """Yield an order of the images, places in it, and the range of it that each may be alike with.

        In each order images of one band stand together, those with the darkest upper half first. A pair
        comes once a band.
        """
        for band in range(BANDS):
            keys = (self._bands[:, band].astype(np.int64) << _SLOPE_BITS) + self._slopes
            order = np.argsort(keys, kind="stable")
            keys = keys[order]
            every = np.arange(len(keys))
            top = (keys >> _SLOPE_BITS << _SLOPE_BITS) + (1 << _SLOPE_BITS) - 1
            ends = np.searchsorted(keys, np.minimum(keys + _MAX_SUM_DIFFERENCE, top), "right")
            yield order, every, every + 1, ends
            for bit in range(_BAND_BITS):  # of each pair the one without the bit looks for the other
                flip = 1 << (_SLOPE_BITS + bit)
                seekers = np.flatnonzero(keys & flip == 0)
                wanted = keys[seekers] | flip
                slopes = wanted & ((1 << _SLOPE_BITS) - 1)
                lowest = wanted - np.minimum(slopes, _MAX_SUM_DIFFERENCE)
                highest = wanted + np.minimum((1 << _SLOPE_BITS) - 1 - slopes, _MAX_SUM_DIFFERENCE)
                yield (
                    order,
                    seekers,
                    np.searchsorted(keys, lowest, "left"),
                    np.searchsorted(keys, highest, "right"),
                )

    def _compare(self, left: _Indices, right: _Indices) -> None:
        """Join the pairs that are alike, a part at a time: where many are, most are of one group by then."""
        for start in range(0, len(left), _PART_PAIRS):
            one, other = left[start : start + _PART_PAIRS], right[start : start + _PART_PAIRS]
            for is_wanted in (self._are_apart, self._are_near, self._are_alike):
                kept = is_wanted(one, other)
                one, other = one[kept], other[kept]
            for pair in zip(one.tolist(), other.tolist(), strict=True):
                first, second = map(self.find_root, pair)
                self._parents[max(first, second)] = min(first, second)
            self._unlabelled += len(one)
            if self._unlabelled > len(self._parents):
                self._label()

    def _label(self) -> None:
        """Note the root of each place, so that pairs of one group are seen many at a time."""
        labels = np.array(self._parents)
        while not np.array_equal(roots := labels[labels], labels):
            labels = roots
        self._labels, self._unlabelled = labels, 0

    def _are_apart(self, left: _Indices, right: _Indices) -> NDArray[np.bool_]:
        return np.asarray(self._labels[left] != self._labels[right])

    def _are_near(self, left: _Indices, right: _Indices) -> NDArray[np.bool_]:
        one, other = self._words[left], self._words[right]  # (M, 2)
        distance = np.bitwise_count(one ^ other).sum(axis=1)
        set_bits = np.bitwise_count(one | other).sum(axis=1)
        return np.asarray((distance <= MAX_DISTANCE) & (distance <= MAX_SHARE * set_bits))

    def _are_alike(self, left: _Indices, right: _Indices) -> NDArray[np.bool_]:
        difference = self._greys[left] - self._greys[right]  # (M, 64)
        brighter = (self._sums[left] - self._sums[right]) / 64  # (M,)
        beside = np.abs(difference - brighter[:, None]).mean(axis=1)
        spread = (self._spreads[left] + self._spreads[right]) / 2
        is_shifted = (
            (np.abs(brighter) <= MAX_BRIGHTER)
            & (beside <= MAX_GREY_DIFFERENCE)
            & (beside <= MAX_SPREAD_SHARE * spread)
        )
        return np.asarray(is_shifted | (np.abs(difference).sum(axis=1) <= _MAX_SUM_DIFFERENCE))


def _iter_pairs(seekers: _Indices, starts: _Indices, ends: _Indices) -> Iterator[tuple[_Indices, _Indices]]:
    """Yield each seeker with every place of its range, some million pairs at a time."""
    counts = np.maximum(ends - starts, 0)
    borders = np.cumsum(counts)
    done = 0
    while done < len(counts):
        before = borders[done - 1] if done else 0
        upto = max(done + 1, int(np.searchsorted(borders, before + _BATCH_PAIRS, "right")))
        of_each = counts[done:upto]
        left = np.repeat(seekers[done:upto], of_each)
        offsets = np.arange(len(left)) - np.repeat(borders[done:upto] - of_each - before, of_each)
        yield left, np.repeat(starts[done:upto], of_each) + offsets
        done = upto
