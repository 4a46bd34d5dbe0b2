"""A stand-in for Supervisely's SDK, as far as an app's workflow module uses it: the lineage goes to a home.

    from mlwf_tui.sdk import supervisely
    supervisely.install()  # `import supervisely as sly` now means this module

Ids are numbers there and twelve hexadecimal digits here; both are taken, and numbers are given. Nothing
raises: what fails is logged, and the call returns what Supervisely's returns then: {} or None.
"""

from __future__ import annotations

import logging
import sys
from types import ModuleType

from mlwf_tui.errors import InvalidInput
from mlwf_tui.sdk.cards import WorkflowMeta, WorkflowSettings
from mlwf_tui.sdk.supervisely.api import Api
from mlwf_tui.sdk.supervisely.infos import FileInfo, ProjectInfo, VersionInfo

__all__ = [
    "Api",
    "FileInfo",
    "ProjectInfo",
    "VersionInfo",
    "WorkflowMeta",
    "WorkflowSettings",
    "install",
    "logger",
]

logger = logging.getLogger("supervisely")
MODULE = "supervisely"


def install() -> ModuleType:
    """Let `import supervisely` mean this module in this process.

    Raises:
        InvalidInput: Supervisely's own SDK was imported before.
    """
    own = sys.modules[__name__]
    if sys.modules.setdefault(MODULE, own) is not own:
        raise InvalidInput(
            "Supervisely's own SDK is imported already.", hint="Call install before anything imports it."
        )
    return own
