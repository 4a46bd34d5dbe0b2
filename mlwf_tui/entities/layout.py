"""How a person likes the monitor of runs to be laid out; what is remembered between two sittings."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class XAxis(StrEnum):
    """What curves are drawn over."""

    STEP = "step"
    EPOCH = "epoch"
    TIME = "time"  # since the run's start


class MonitorLayout(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that a person may have changed; the defaults are what a new one sees."""

    smoothing: float = 0.0  # weight of the moving average, 0 for none
    x_axis: XAxis = XAxis.STEP
    panels: tuple[tuple[str, ...], ...] = ()  # keys drawn together, in their order; others follow
    hidden: tuple[str, ...] = ()  # keys that are not drawn
    logarithmic: tuple[str, ...] = ()  # titles of the plots with a log scale
    maximized: str = ""  # title of the plot that has all the room
    window: tuple[float, float] | None = None  # the part of each x axis that is shown, 0–1


class Arrangement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How panes share a screen of one size: what a person has changed of it."""

    side: int = 0  # columns of the first pane, 0 for as many as it has by itself
    details: int = 0  # of the last pane: columns on a wide screen, rows on others; 0 likewise
    hidden: tuple[str, ...] = ()  # names of panes
