"""Names of items and datasets."""

from __future__ import annotations

import os

import pytest

from mlwf_tui.entities.item import check_name
from mlwf_tui.errors import InvalidParameter


@pytest.mark.parametrize(
    ("name", "reason"),
    [(os.fsdecode(b"\xff.png"), "is not UTF-8"), ("a\n.png", "holds a control character")],
)
def test_what_is_wrong_with_a_name_is_told(name: str, reason: str) -> None:
    with pytest.raises(InvalidParameter, match=reason):
        check_name(name, "file name")
