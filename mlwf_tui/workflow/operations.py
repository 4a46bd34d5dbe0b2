"""operations: what a transform can do, and with which parameters."""

from __future__ import annotations

import msgspec

from mlwf_tui.params import ParamSpec, describe_params
from mlwf_tui.workspace import Workspace


class OperationInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as it is listed."""

    name: str
    summary: str
    group: str
    params: tuple[ParamSpec, ...]


def list_operations(workspace: Workspace) -> tuple[OperationInfo, ...]:
    """Return all operations by name; loading them imports no pixel library."""
    found = (workspace.registry.get_operation(name) for name in workspace.registry.list_names("operations"))
    return tuple(
        OperationInfo(name=o.name, summary=o.summary, group=o.group, params=describe_params(o.params_type))
        for o in found
    )
