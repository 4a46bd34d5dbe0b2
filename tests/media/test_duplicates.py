"""Copies and look-alikes: all pairs are found that comparing each with each finds."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlwf_tui.errors import Cancelled
from mlwf_tui.media.duplicates import (
    MAX_BRIGHTER,
    MAX_DISTANCE,
    MAX_GREY_DIFFERENCE,
    MAX_SHARE,
    MAX_SPREAD_SHARE,
    find_equal,
    find_similar,
)


def group_all(hashes: NDArray[np.uint8]) -> list[tuple[int, ...]]:
    """Return the groups that comparing each with each makes."""
    groups = {place: {place} for place in range(len(hashes))}
    bits = np.unpackbits(hashes, axis=1)
    for one, other in combinations(range(len(hashes)), 2):
        distance = int((bits[one] != bits[other]).sum())
        if distance <= min(MAX_DISTANCE, MAX_SHARE * int((bits[one] | bits[other]).sum())):
            joined = groups[one] | groups[other]
            for place in joined:
                groups[place] = joined
    return sorted({tuple(sorted(group)) for group in groups.values() if len(group) > 1})


@given(st.lists(st.integers(0, 5), max_size=30))
def test_equal_values_are_grouped_in_their_order(values: list[int]) -> None:
    expected = [[at for at, value in enumerate(values) if value == wanted] for wanted in sorted(set(values))]
    found = find_equal(np.array(values, np.uint64)) if values else []
    assert found == [group for group in expected if len(group) > 1]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(0, 40))
def test_no_pair_is_missed(seed: int, count: int, flips: int) -> None:
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 256, (count, 16), dtype=np.uint8)
    for place in range(1, count):
        if random.random() < 0.5:  # a copy of an earlier one with some bits turned
            bits = np.unpackbits(hashes[random.integers(place)])
            bits[random.choice(128, size=int(random.integers(flips + 1)), replace=False)] ^= 1
            hashes[place] = np.packbits(bits)
    greys = np.tile(np.arange(64, dtype=np.uint8), (count, 1))
    assert [tuple(group) for group in find_similar(hashes, greys).groups] == group_all(hashes)


def test_a_small_image_that_differs_is_another_one() -> None:
    hashes = np.full((2, 16), 0b10101010, np.uint8)
    greys = np.tile(np.arange(64, dtype=np.uint8), (2, 1))
    assert find_similar(hashes, greys) == ([[0, 1]], 0)
    greys[1, ::2] += 20
    assert find_similar(hashes, greys) == ([], 0)


@pytest.mark.parametrize(("brighter", "is_alike"), [(20, True), (26, True), (27, False)])
def test_a_copy_that_is_brighter_or_darker_by_a_tenth_is_found(brighter: int, is_alike: bool) -> None:
    hashes = np.full((2, 16), 0b10101010, np.uint8)
    greys = np.tile(np.arange(64, dtype=np.uint8), (2, 1))
    greys[1] += brighter
    assert bool(find_similar(hashes, greys).groups) is is_alike
    assert bool(find_similar(hashes, greys[::-1]).groups) is is_alike


def test_faint_images_of_other_brightness_must_be_nearly_the_same() -> None:
    hashes = np.full((2, 16), 0b10101010, np.uint8)
    greys = np.tile(np.arange(64, dtype=np.uint8) // 4, (2, 1))  # they spread by 4.6
    greys[1] += 20
    assert find_similar(hashes, greys).groups
    greys[1, ::2] += 5
    assert not find_similar(hashes, greys).groups


def test_empty_images_are_like_none() -> None:
    assert find_similar(np.zeros((3, 16), np.uint8), np.full((3, 64), 255, np.uint8)).groups == []


def test_nothing_is_found_among_none_or_one() -> None:
    for count in (0, 1):
        assert find_similar(np.zeros((count, 16), np.uint8), np.zeros((count, 64), np.uint8)).groups == []


def test_a_search_can_be_stopped() -> None:
    def stop() -> None:
        raise Cancelled("Stopped on request.")

    hashes = np.full((2, 16), 0b10101010, np.uint8)
    greys = np.tile(np.arange(64, dtype=np.uint8), (2, 1))
    with pytest.raises(Cancelled):
        find_similar(hashes, greys, between=stop)


def draw_crowd(seed: int, count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return looks of images of which very many nearly look alike, and some do."""
    random = np.random.default_rng(seed)
    bits = np.tile(np.unpackbits(random.integers(0, 256, 16, dtype=np.uint8)), (count, 1))
    hashes = np.packbits(bits ^ (random.random((count, 128)) < 0.07), axis=1)
    shifts = random.integers(0, 120, (count, 1)) + random.integers(-7, 8, (count, 64))
    greys = (np.arange(64) * 2 + shifts).clip(0, 255).astype(np.uint8)
    return hashes, greys


def are_alike(pixels: NDArray[np.int64], one: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which small images are alike with one, as they are or at its brightness."""
    brighter = (pixels - one).mean(axis=1)
    beside = np.abs(pixels - one - brighter[:, None]).mean(axis=1)
    spread = (pixels.std(axis=1) + one.std()) / 2
    is_shifted = (np.abs(brighter) <= MAX_BRIGHTER) & (beside <= np.minimum(6, MAX_SPREAD_SHARE * spread))
    is_plain = np.abs(pixels - one).mean(axis=1) <= MAX_GREY_DIFFERENCE
    return np.asarray(is_plain | is_shifted)


def compare_each(hashes: NDArray[np.uint8], greys: NDArray[np.uint8]) -> list[list[int]]:
    """Return the groups that comparing each with each makes, bits and small images."""
    bits, pixels = np.unpackbits(hashes, axis=1), greys.astype(int)
    roots = np.arange(len(hashes))
    for place in range(len(hashes)):
        distance, set_bits = (bits != bits[place]).sum(axis=1), (bits | bits[place]).sum(axis=1)
        is_near = (distance <= MAX_DISTANCE) & (distance <= MAX_SHARE * set_bits)
        near = np.flatnonzero(is_near & are_alike(pixels, pixels[place]))
        roots[np.isin(roots, roots[near])] = roots[near].min()
    groups = [np.flatnonzero(roots == root).tolist() for root in np.unique(roots)]
    return [group for group in groups if len(group) > 1]


@pytest.mark.parametrize("seed", range(3))
def test_no_pair_is_missed_in_a_crowd(seed: int) -> None:
    hashes, greys = draw_crowd(seed, 600)
    found = find_similar(hashes, greys)
    assert found.cut_count == 0
    assert found.groups == compare_each(hashes, greys)
    assert found.groups


def test_images_that_were_not_compared_with_all_are_counted() -> None:
    hashes, greys = draw_crowd(0, 600)
    found = find_similar(hashes, greys, max_pairs=5000)
    assert 0 < found.cut_count <= 600
    in_full = {place: group for group in find_similar(hashes, greys).groups for place in group}
    assert all(set(group) <= set(in_full[group[0]]) for group in found.groups)


def test_many_copies_of_one_look_cost_nothing_and_are_one_group() -> None:
    hashes = np.full((50_000, 16), 0b10101010, np.uint8)
    greys = np.tile(np.arange(64, dtype=np.uint8), (50_000, 1))
    assert find_similar(hashes, greys, max_pairs=0) == ([list(range(50_000))], 0)
