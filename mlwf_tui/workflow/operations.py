"""operations: what a transform can do, and with which parameters."""

from __future__ import annotations

import msgspec

from mlwf_tui.errors import PluginError
from mlwf_tui.params import ParamSpec, describe_params
from mlwf_tui.protocols.operations import Operation
from mlwf_tui.workspace import Workspace

_GROUPS = ("pixels", "annotations", "selection", "splits", "merging")
_BROKEN = "not to be used"


class OperationInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as it is listed; `makes_images` where it may change pixels."""

    name: str
    summary: str
    group: str
    version: int
    makes_images: bool
    is_random: bool  # whether the seed decides anything
    params: tuple[ParamSpec, ...]
    problem: str = ""  # why it cannot be used, where it cannot be loaded


def list_operations(workspace: Workspace) -> tuple[OperationInfo, ...]:
    """Return all operations by group and name; loading them imports no pixel library.

    One that cannot be loaded is listed with its problem: it stands in the way of no other.
    """
    names = workspace.registry.list_names("operations")
    return tuple(sorted((_look_at(workspace, name) for name in names), key=_rank))


def get_operation_info(workspace: Workspace, name: str) -> OperationInfo:
    """Return one operation as it is listed.

    Raises:
        NotFound: there is none of that name; the hint names the nearest.
    """
    return _describe(workspace.registry.get_operation(name))


def _look_at(workspace: Workspace, name: str) -> OperationInfo:
    try:
        return _describe(workspace.registry.get_operation(name))
    except PluginError as error:
        return OperationInfo(
            name=name,
            summary=error.message,
            group=_BROKEN,
            version=0,
            makes_images=False,
            is_random=False,
            params=(),
            problem=f"{error.message} {error.hint}".rstrip(),
        )


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
    known = _GROUPS.index(info.group) if info.group in _GROUPS else len(_GROUPS) + (info.group == _BROKEN)
    return known, info.group, info.name
