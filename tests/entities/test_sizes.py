"""Sizes are short, and say what they are."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.sizes import format_size


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (6_186_597, "5.9 MiB"), (99.96 * 1024, "100 KiB"),
        (1000 * 1024, "1000 KiB"), (1 << 30, "1.0 GiB"), (5000 << 40, "5000 TiB"),
    ],
)  # fmt: skip
def test_a_size_has_a_binary_unit_and_at_most_one_decimal(size_bytes: float, text: str) -> None:
    assert format_size(size_bytes) == text
