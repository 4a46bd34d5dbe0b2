"""Named parts of a report that any evaluator may give: a table, lines, a matrix, or bars; plain values."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.measurement import Interval

Cell = str | int | float | None
"""What stands in a table; None where there is nothing to say."""


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A line to plot; x and y have one length."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class TableSection(msgspec.Struct, frozen=True, kw_only=True, tag="table"):
    """Rows of values below a header, the first column their names."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""  # a sentence or two of what it says


class CurveSection(msgspec.Struct, frozen=True, kw_only=True, tag="curves"):
    """Lines over one axis, the most important first."""

    title: str
    curves: tuple[Curve, ...]
    x_label: str
    y_label: str
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    note: str = ""


class MatrixSection(msgspec.Struct, frozen=True, kw_only=True, tag="matrix"):
    """Counts of what stands in a row for what stands in a column; square, the diagonal is what is right."""

    title: str
    names: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]  # rows predicted, columns truth
    note: str = ""


class BarSection(msgspec.Struct, frozen=True, kw_only=True, tag="bars"):
    """One value for each name; None where it cannot be said."""

    title: str
    names: tuple[str, ...]
    values: tuple[float | None, ...]
    label: str  # what the values are
    limits: tuple[float, float] = (0.0, 1.0)
    intervals: tuple[Interval | None, ...] = ()  # one for each value, or none at all
    note: str = ""


Section = TableSection | CurveSection | MatrixSection | BarSection
