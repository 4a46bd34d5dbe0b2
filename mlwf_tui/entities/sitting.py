"""How a person left the app: what was open, selected and scrolled to, and how the panes stood."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mlwf_tui.entities.layout import Arrangement


class KeptScope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the lineage that was drawn alone; see the app's `Scope`."""

    title: str
    starts: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    around: tuple[str, ...] = ()


class KeptPlace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a list or page stood: its first column and row, the row of its cursor and that row's key."""

    left: int = 0
    top: int = 0
    row: int = 0
    key: str = ""


class Sitting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything to which the app comes back; what is gone by then is passed over."""

    arrangements: Mapping[str, Arrangement] = {}  # by the size of the screen
    pane: str = ""
    focus: str = ""  # id of the widget that had the keys
    is_zoomed: bool = False
    selected: str = ""  # key of the tree's entry
    opened: tuple[str, ...] = ()  # keys of the tree's branches that were open
    closed: tuple[str, ...] = ()  # keys of those that are open by themselves, and were not
    view: str = ""
    source: tuple[str, ...] = ()  # what the view was of: refs, ids or a key, as the view reads it
    node: str = ""  # the lineage's cursor
    scopes: tuple[KeptScope, ...] = ()
    graph_filter: str = ""
    places: Mapping[str, KeptPlace] = {}  # of what scrolls, by its id
    tour_step: int = 0  # the step of the tour to go on with; 0 is not begun
    is_touring: bool = False
