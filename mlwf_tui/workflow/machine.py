"""What this machine's GPUs are and who holds them, by all gauges that are installed; not a verb."""

from __future__ import annotations

import logging

from mlwf_tui.entities.machine import Gpu
from mlwf_tui.errors import MlwfError
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)


def read_gpus(workspace: Workspace) -> tuple[Gpu, ...]:
    """Return all GPUs of this machine; a gauge that cannot be loaded is left out, and said in the log."""
    found: list[Gpu] = []
    for name in workspace.registry.list_names("gauges"):
        try:
            found.extend(workspace.registry.get_gauge(name).read_gpus())
        except MlwfError as error:
            logger.warning("%s %s", error.message, error.hint)
    return tuple(found)
