"""operations: what a transform can do, and with which parameters."""

from __future__ import annotations

import msgspec

from mlwf_tui.params import ParamSpec, describe_params
from mlwf_tui.protocols.operations import Operation
from mlwf_tui.workspace import Workspace

_GROUPS = ("pixels", "annotations", "selection", "splits", "merging")


class OperationInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as it is listed; `makes_images` where it may change pixels."""

    name: str
    summary: str
    group: str
    version: int
    makes_images: bool
    is_random: bool  # whether the seed decides anything
    params: tuple[ParamSpec, ...]


def list_operations(workspace: Workspace) -> tuple[OperationInfo, ...]:
    """Return all operations by group and name; loading them imports no pixel library."""
    names = workspace.registry.list_names("operations")
    found = [_describe(workspace.registry.get_operation(name)) for name in names]
    return tuple(sorted(found, key=_rank))


def get_operation_info(workspace: Workspace, name: str) -> OperationInfo:
    """Return one operation as it is listed.

    Raises:
        NotFound: there is none of that name; the hint names the nearest.
    """
    return _describe(workspace.registry.get_operation(name))


def _describe(operation: Operation) -> OperationInfo:
    return OperationInfo(
        name=operation.name,
        summary=operation.summary,
        group=operation.group,
        version=operation.version,
        makes_images=hasattr(operation, "make"),
        is_random=getattr(operation, "is_random", True),
        params=describe_params(operation.params_type),
    )


def _rank(info: OperationInfo) -> tuple[int, str, str]:
    known = _GROUPS.index(info.group) if info.group in _GROUPS else len(_GROUPS)
    return known, info.group, info.name
