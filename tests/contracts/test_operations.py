"""What every operation must do, whoever wrote it: the checks that strangers run on theirs as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
from msgspec.structs import replace

from mlwf_tui.conformance import OPERATION_CHECKS, OperationCase
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.params import describe_params
from mlwf_tui.protocols.operations import Draft, ImageOperation
from mlwf_tui.registry import Registry

NAMES = Registry().list_names("operations")
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "anonymize": {"classes": ("cat",)},
    "copy": {"to": "copies"},
    "drop_classes": {"classes": ("dog",)},
    "drop_objects": {"min_area_px": 20},
    "filter": {"classes": ("cat",), "min_objects": 1},
    "kfold": {"folds": 2},
    "move": {"to": "moved"},
    "rename_classes": {"names": ("cat=lion",)},
    "resize": {"longest_px": 32},
    "sample": {"n": 2},
    "split_by": {"val": "blurred"},
    "tag": {"tag": "checked"},
    "tiles": {"width_px": 40, "height_px": 30},
}


@pytest.mark.parametrize("check", OPERATION_CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("name", NAMES)
def test_every_operation_keeps_the_contract(name: str, check: Callable[[OperationCase], None]) -> None:
    check(OperationCase.of(name, **NEEDED.get(name, {})))


@pytest.mark.parametrize("name", NAMES)
def test_an_image_that_cannot_be_decoded_is_refused_by_name(name: str) -> None:
    case = OperationCase.of(name, **NEEDED.get(name, {}))
    for planned in case.plan():
        if isinstance(planned, Draft):
            sources = [case.items[at] for at in planned.sources]
            broken = [replace(source, read_image=lambda: b"\xff\xd8\xff garbage") for source in sources]
            with pytest.raises(InvalidInput, match=sources[0].item.name):
                cast(ImageOperation, case.operation).make(planned, broken, case.params)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_that_does_not_exist_is_refused_with_the_nearest_name(name: str) -> None:
    params_type = Registry().get_operation(name).params_type
    if "classes" not in {spec.name for spec in describe_params(params_type)} or name == "merge":
        pytest.skip("takes no classes")
    case = OperationCase.of(name, **{**NEEDED.get(name, {}), "classes": ("dgo",)})
    with pytest.raises(InvalidParameter, match="'dgo'") as caught:
        case.plan()
    assert "dog" in caught.value.hint
    with pytest.raises(InvalidParameter, match="'dgo'"):
        case.operation.transform_schema(case.schema, case.params)


@pytest.mark.parametrize("name", NAMES)
def test_group_is_one_that_is_listed(name: str) -> None:
    groups = ("pixels", "annotations", "selection", "splits", "merging")
    assert Registry().get_operation(name).group in groups
