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
from mlwf_tui.sdk.supervisely import api, env, infos
from mlwf_tui.sdk.supervisely.api import Api
from mlwf_tui.sdk.supervisely.infos import FileInfo, ProjectInfo, VersionInfo

__all__ = [
    "Api",
    "FileInfo",
    "ProjectInfo",
    "VersionInfo",
    "WorkflowMeta",
    "WorkflowSettings",
    "api",
    "env",
    "install",
    "is_community",
    "is_development",
    "is_production",
    "logger",
]

logger = logging.getLogger("supervisely")
MODULE = "supervisely"
PARTS = {
    "api": api, "api.api": api, "api.file_api": infos, "api.project_api": infos, "env": env,
}  # fmt: skip


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
    for name, part in PARTS.items():
        sys.modules.setdefault(f"{MODULE}.{name}", part)
    return own


def is_community() -> bool:
    """Return whether the server is the public one: never."""
    return False


def is_development() -> bool:
    """Return whether an app is run without a server, where its workflow would be switched off: never."""
    return False


def is_production() -> bool:
    """Return whether an app is run for its work: always."""
    return True
