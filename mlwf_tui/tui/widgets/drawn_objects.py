"""What is drawn over an image of a report, and told of it: of one model's objects, or of two models'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mlwf_tui.entities.annotation import Geometry
from mlwf_tui.entities.evidence import (
    DASHES,
    FATE_DASHES,
    FATE_LETTERS,
    LETTERS,
    Fate,
    ObjectEvidence,
    ObjectFate,
    Verdict,
)
from mlwf_tui.tui.widgets.table import Column

TONES: Mapping[Verdict, str] = {
    Verdict.FOUND: "success", Verdict.MISSED: "warning", Verdict.FALSE: "error",
    Verdict.CONFUSED: "secondary",
}  # fmt: skip
"""The theme's colour of each verdict."""

FATE_TONES: Mapping[Fate, str] = {
    Fate.FIXED: "success", Fate.BROKEN: "error", Fate.BOTH_WRONG: "warning", Fate.BOTH_RIGHT: "secondary",
}  # fmt: skip
LINES = {(): "───", (5, 3): "╌╌╌", (1, 2): "┈┈┈", (4, 2, 1, 2): "─·─"}
"""How dashes are written in a legend."""

TRUTH, SAID, OLDER = (), (3, 2), (1, 3)  # dashes by side, where the difference is not drawn
FALSE_SIGN = "X"


class Shape(NamedTuple):
    """One outline of an object, on the layer that a person can leave out."""

    layer: str
    geometry: Geometry
    class_name: str
    dashes: tuple[int, ...]  # where the difference is not drawn


class Region(NamedTuple):
    """Pixels that are filled where the difference is drawn; left out where all of its layers are."""

    mask: Geometry
    layers: frozenset[str]


class DrawnObject(NamedTuple):
    """A truth, a prediction or both as they are drawn: sign, colour and line tell what became of them."""

    letter: str
    tone: str  # of the theme's colours
    dashes: tuple[int, ...]
    shapes: tuple[Shape, ...]
    cells: tuple[str, ...]  # of its row, beside the letter
    is_meant: bool
    is_quiet: bool  # drawn below the others
    region: Region | None = None  # drawn in place of the shapes where the difference is


class Legend(NamedTuple):
    """How drawn objects are told: the layers with their keys, the signs, and the columns of their rows."""

    layers: tuple[tuple[str, str], ...]  # key and name
    signs: tuple[tuple[str, str, str, str], ...]  # line, letter, word, tone
    plain: str  # what lines mean where the difference is not drawn
    columns: tuple[Column, ...]


SINGLE = Legend(
    layers=(("t", "truth"), ("p", "prediction")),
    signs=tuple((LINES[DASHES[of]], LETTERS[of], of.value, TONES[of]) for of in Verdict),
    plain="─── truth   ╌╌╌ said   in the colours of the classes",
    columns=(
        Column("", 1), Column("truth", flex=2, least=6), Column("said", flex=2, least=6),
        Column("conf", 4, align="right"), Column("IoU", 4, align="right"), Column("error", flex=2, least=8),
    ),
)  # fmt: skip
PIXELS = Legend(
    layers=(("t", "truth"), ("p", "prediction")),
    signs=tuple(("█", LETTERS[of], of.value, TONES[of]) for of in Verdict),
    plain="─── truth   ╌╌╌ said   in the colours of the classes",
    columns=(
        Column("", 1), Column("truth", flex=2, least=6), Column("said", flex=2, least=6),
        Column("pixels", 9, align="right"), Column("IoU", 4, align="right"),
    ),
)  # fmt: skip
PAIR = Legend(
    layers=(("t", "truth"), ("p", "newer"), ("o", "older")),
    signs=tuple((LINES[FATE_DASHES[of]], FATE_LETTERS[of], of.value, FATE_TONES[of]) for of in Fate),
    plain="─── truth   ╌╌╌ newer   ┈┈┈ older   in the colours of the classes",
    columns=(
        Column("", 1), Column("truth", flex=2, least=6), Column("newer", flex=3, least=10),
        Column("older", flex=3, least=10), Column("", flex=2, least=8),
    ),
)  # fmt: skip

PAIR_PIXELS = Legend(
    layers=PAIR.layers,
    signs=tuple(("█", FATE_LETTERS[of], of.value, FATE_TONES[of]) for of in Fate),
    plain=PAIR.plain,
    columns=(
        Column("", 1), Column("truth", flex=2, least=6), Column("newer", flex=2, least=6),
        Column("older", flex=2, least=6), Column("pixels", 9, align="right"),
    ),
)  # fmt: skip


def draw_verdicts(seen: Sequence[ObjectEvidence]) -> tuple[DrawnObject, ...]:
    """Return what is drawn of one model's objects."""
    return tuple(
        DrawnObject(
            letter=LETTERS[one.verdict],
            tone=TONES[one.verdict],
            dashes=DASHES[one.verdict],
            shapes=_list_shapes(one, "prediction", SAID),
            cells=(
                one.truth_class or "—",
                one.predicted_class or "—",
                "" if one.confidence is None else f"{one.confidence:.2f}",
                f"{one.iou:.2f}" if one.iou else "",
                one.error.value if one.error else "",
            ),
            is_meant=one.is_meant,
            is_quiet=one.verdict is Verdict.FOUND,
        )
        for one in seen
    )


def draw_regions(seen: Sequence[ObjectEvidence]) -> tuple[DrawnObject, ...]:
    """Return what is drawn of regions of pixels, each of one class that was found as one."""
    return tuple(
        DrawnObject(
            letter=LETTERS[one.verdict],
            tone=TONES[one.verdict],
            dashes=(),
            shapes=_list_shapes(one, "prediction", SAID),
            cells=(
                one.truth_class or "—",
                one.predicted_class or "—",
                f"{one.pixels:,}",
                f"{one.iou:.2f}" if one.verdict is Verdict.FOUND else "",
            ),
            is_meant=one.is_meant,
            is_quiet=one.verdict is Verdict.FOUND,
            region=_make_region(one),
        )
        for one in seen
    )


def _make_region(one: ObjectEvidence) -> Region | None:
    return _fill(one.region, {"truth": one.truth_class, "prediction": one.predicted_class})


def _fill(mask: Geometry | None, sides: Mapping[str, str]) -> Region | None:
    """Return a region on the layers of the sides that have a class there."""
    layers = frozenset(layer for layer, name in sides.items() if name)
    return Region(mask, layers) if mask is not None else None


def draw_fates(seen: Sequence[ObjectFate]) -> tuple[DrawnObject, ...]:
    """Return what is drawn of truths, or regions of pixels, from an older model to a newer one."""
    return tuple(_draw_fate(one) for one in seen)


def _draw_fate(one: ObjectFate) -> DrawnObject:
    truth = _find_truth(one)
    shapes = [
        *(_list_shapes(one.newer, "newer", SAID) if one.newer else ()),
        *(shape for shape in (_list_shapes(one.older, "older", OLDER) if one.older else ())
          if shape.layer == "older" or one.newer is None),
    ]  # fmt: skip
    is_real = one.fate is not None
    return DrawnObject(
        letter=FATE_LETTERS[one.fate] if one.fate is not None else FALSE_SIGN,
        tone=FATE_TONES[one.fate] if one.fate is not None else "primary",
        dashes=FATE_DASHES[one.fate] if one.fate is not None else (1, 2),
        shapes=tuple(shapes),
        cells=(
            truth or "—",
            _describe(one.newer),
            _describe(one.older),
            _tell_fate(one),
        ),
        is_meant=one.is_meant,
        is_quiet=is_real and one.fate is Fate.BOTH_RIGHT,
        region=_fill(
            one.region, {"truth": truth, "newer": _get_said(one.newer), "older": _get_said(one.older)}
        ),
    )


def _tell_fate(one: ObjectFate) -> str:
    if one.region is not None:
        return f"{one.pixels:,}"
    return one.fate.value if one.fate is not None else "nothing is there"


def _find_truth(one: ObjectFate) -> str:
    """Return the class that is there; "" of nothing."""
    side = one.newer or one.older
    return side.truth_class if side else ""


def _get_said(side: ObjectEvidence | None) -> str:
    return side.predicted_class if side else ""


def _list_shapes(one: ObjectEvidence, layer: str, dashes: tuple[int, ...]) -> tuple[Shape, ...]:
    shapes = []
    if one.truth is not None:
        shapes.append(Shape("truth", one.truth, one.truth_class, TRUTH))
    if one.predicted is not None:
        shapes.append(Shape(layer, one.predicted, one.predicted_class, dashes))
    return tuple(shapes)


def _describe(one: ObjectEvidence | None) -> str:
    if one is None or not one.predicted_class:
        return "—"
    return one.predicted_class + (f" {one.confidence:.2f}" if one.confidence is not None else "")
