"""mlwf from Python: the verbs on an opened home, its queue of jobs, and reading items without a checkout."""

from __future__ import annotations

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.selection import Selection
from mlwf_tui.sdk.cards import WorkflowMeta, WorkflowSettings
from mlwf_tui.sdk.home import Home, open_home
from mlwf_tui.sdk.items import Items
from mlwf_tui.sdk.tolerance import SWITCH
from mlwf_tui.sdk.tracking import TrackedRun, attach_run, open_run

enable, disable, is_enabled = SWITCH.enable, SWITCH.disable, SWITCH.is_enabled

__all__ = [
    "Home",
    "Items",
    "Selection",
    "Split",
    "Terms",
    "TrackedRun",
    "Wants",
    "WorkflowMeta",
    "WorkflowSettings",
    "attach_run",
    "disable",
    "enable",
    "is_enabled",
    "open_home",
    "open_run",
]
