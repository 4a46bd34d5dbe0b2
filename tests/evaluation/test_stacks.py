"""Rows worked on side by side give what each gives alone, however many there are and however long."""

from __future__ import annotations

import numpy as np
import pytest

from mlwf_tui.evaluation.stacks import Stack


@pytest.mark.parametrize("lengths", [(), (5,), (4, 4, 1), (30, 7, 7, 2, 1)])
@pytest.mark.parametrize("batch", [1, 500])  # few numbers a place, and many
def test_each_row_is_summed_and_raised_as_if_alone(lengths: tuple[int, ...], batch: int) -> None:
    stack = Stack(np.array(lengths, np.int64))
    rows = np.random.default_rng(1).random((sum(lengths), batch))  # one row after the other
    each = np.split(rows, np.cumsum(lengths)[:-1]) if lengths else []
    sums, largest, drops, shares = (rows[stack.order] for _ in range(4))
    divisors = np.arange(1.0, len(lengths) + 1)[:, None] * np.ones((1, batch))

    stack.sum_down(sums)
    stack.max_up(largest)
    stack.drop_up(drops)
    stack.divide(shares, divisors)

    alone = {
        "sums": (sums, [row.cumsum(axis=0) for row in each]),
        "largest": (largest, [np.maximum.accumulate(row[::-1], axis=0)[::-1] for row in each]),
        "drops": (drops, [row - np.vstack([row[1:], np.zeros((1, batch))]) for row in each]),
        "shares": (shares, [row / (place + 1) for place, row in enumerate(each)]),
    }
    for name, (found, expected) in alone.items():
        joined = np.concatenate(expected) if expected else rows
        assert found == pytest.approx(joined[stack.order], abs=1e-12), name
    assert stack.total(rows[stack.order]) == pytest.approx(
        np.array([row.sum(axis=0) for row in each]).reshape(len(lengths), batch)
    )
    assert stack.rows.tolist() == np.repeat(np.arange(len(lengths)), lengths)[stack.order].tolist()
