"""What every operation must do, whoever wrote it: the checks that strangers run on theirs as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mlwf_tui.conformance import OPERATION_CHECKS, OperationCase
from mlwf_tui.registry import Registry

NAMES = Registry().list_names("operations")
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "sample": {"n": 2},
    "rename_classes": {"names": ("cat=lion",)},
    "drop_classes": {"classes": ("dog",)},
    "filter": {"classes": ("cat",), "min_objects": 1},
    "resize": {"longest_px": 32},
}


@pytest.mark.parametrize("check", OPERATION_CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("name", NAMES)
def test_every_operation_keeps_the_contract(name: str, check: Callable[[OperationCase], None]) -> None:
    check(OperationCase.of(name, **NEEDED.get(name, {})))
