"""Names of items and datasets."""

from __future__ import annotations

import os

import pytest

from mlwf_tui.entities.item import check_name, check_own_name
from mlwf_tui.errors import InvalidParameter


@pytest.mark.parametrize(
    ("name", "reason"),
    [(os.fsdecode(b"\xff.png"), "is not UTF-8"), ("a\n.png", "holds a control character")],
)
def test_what_is_wrong_with_a_name_is_told(name: str, reason: str) -> None:
    with pytest.raises(InvalidParameter, match=reason):
        check_name(name, "file name")


@pytest.mark.parametrize("name", ["\u202etxt", "cells\u200b", "\ufeffcells", "a\u2066b"])
def test_no_two_names_of_projects_and_models_look_the_same(name: str) -> None:
    with pytest.raises(InvalidParameter, match="a character that is not seen"):
        check_own_name(name, "project name")


def test_joiners_belong_to_writing() -> None:
    for name in ("می\u200cخواهم", "\U0001f469\u200d\U0001f52c"):
        assert check_own_name(name, "project name") == name
