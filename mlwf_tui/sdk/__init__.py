"""mlwf from Python: the verbs on an opened home, its queue of jobs, and reading items without a checkout."""

from __future__ import annotations

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.selection import Selection
from mlwf_tui.sdk.home import Home, open_home
from mlwf_tui.sdk.items import Items

__all__ = ["Home", "Items", "Selection", "Split", "Terms", "Wants", "open_home"]
