"""What stands behind the numbers of a report: which number is meant, and the objects that it counts."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from mlwf_tui.entities.annotation import Geometry, Point
from mlwf_tui.entities.measurement import ErrorKind, PixelErrorKind
from mlwf_tui.errors import InvalidParameter

NOTHING = "none"
"""How a person writes that nothing was predicted, or that nothing is there; unless a class is called so."""

BACKGROUND = "background"
"""The same of pixels, which no object covers."""

MOST_PAIR_DIGITS = 6
SHOWN_LENGTH = 20  # of a strange value in a message

FIELDS = ("predicted", "truth", "class", "verdict", "error", "slice", "confidence", "iou", "right", "item")


def name_nothing(class_names: Collection[str], name: str = NOTHING) -> str:
    """Return how nothing is called beside classes: in brackets where one of them is called so."""
    while name in class_names:
        name = f"({name})"
    return name


def quote_class(name: str) -> str:
    """Return a class's name for a sentence, in quotes where the word means nothing."""
    return f'"{name}"' if name in (NOTHING, BACKGROUND) else name


class Verdict(StrEnum):
    """What became of a truth, of a prediction, or of the two as a pair."""

    FOUND = "found"
    MISSED = "missed"  # a truth that nothing was predicted for
    FALSE = "false"  # a prediction of what is not there
    CONFUSED = "confused"  # the right place, the wrong class


LETTERS: Mapping[Verdict, str] = {
    Verdict.FOUND: "F", Verdict.MISSED: "M", Verdict.FALSE: "X", Verdict.CONFUSED: "C",
}  # fmt: skip
"""What stands at shapes in pictures, so that colours need not tell."""

DASHES: Mapping[Verdict, tuple[int, ...]] = {
    Verdict.FOUND: (), Verdict.MISSED: (5, 3), Verdict.FALSE: (1, 2), Verdict.CONFUSED: (4, 2, 1, 2),
}  # fmt: skip
"""Drawn and left out pixels of a shape's line, in turn; a line without gaps where there are none."""


class Pick(msgspec.Struct, frozen=True, kw_only=True):
    """A number of a report that is looked behind: all that is given must hold of what it counts.

    `predicted` and `truth` are classes, "" where there is nothing; bins are from the first bound to below
    the second, the last one of a histogram with its end.
    """

    predicted: str | None = None
    truth: str | None = None
    of_class: str = ""  # what is there, or what was said
    verdict: Verdict | None = None
    error: ErrorKind | PixelErrorKind | None = None
    slice: tuple[str, str] | None = None  # group and name
    confidence: tuple[float, float] | None = None  # of all predictions, also those below the threshold
    iou: tuple[float, float] | None = None  # of what was found
    is_hit: bool | None = None
    item: str = ""

    @property
    def is_of_all(self) -> bool:
        """Whether every image is meant: then those with mistakes come first."""
        return msgspec.structs.replace(self, item="") == Pick()

    def describe(self) -> str:
        """Return in words what is meant; "all images" where it is everything."""
        return ", ".join(self._iter_words()) or "all images"

    def _iter_words(self) -> Iterator[str]:
        if self.predicted is not None or self.truth is not None:
            yield _describe_cell(self.predicted, self.truth)
        if self.of_class:
            yield f"class {self.of_class}"
        if self.verdict is not None:
            yield self.verdict.value
        if self.error is not None:
            yield f"error: {self.error.value}"
        if self.slice is not None:
            yield f"{self.slice[0]}: {self.slice[1]}"
        if self.is_hit is not None:
            yield self._describe_hits(self.is_hit)
        for name, bounds in (("confidence", self.confidence), ("similarity", self.iou)):
            if bounds is not None:
                yield f"{name} {bounds[0]:.3g} to {bounds[1]:.3g}"
        if self.item:
            yield self.item

    def _describe_hits(self, is_hit: bool) -> str:
        if self.truth is not None:
            return "right" if is_hit else "wrong"
        return "true positives" if is_hit else "false positives"


def _describe_cell(predicted: str | None, truth: str | None) -> str:
    match predicted, truth:
        case "", "":
            return "nothing there, nothing predicted"
        case "", str():
            return f"{truth} missed"
        case str(), "":
            return f"{predicted} where nothing is"
        case None, str():
            return f"truth {truth}" if truth else "nothing there"
        case str(), None:
            return f"predicted {predicted}" if predicted else "nothing predicted"
    return f"{truth} found" if predicted == truth else f"{truth} taken for {predicted}"


class ItemEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an image's objects, or pixels, and how many of them a number counts."""

    key: str
    found: int
    missed: int
    false: int
    confused: int
    count: int  # of what was picked; of all images the mistakes
    iou: float | None = None  # of pixels: the mean of the image's classes, or of the class that was picked

    @property
    def mistakes(self) -> int:
        """All that was not found rightly."""
        return self.missed + self.false + self.confused


class ObjectEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A truth, a prediction, or a pair of them. Of classes of whole images there are no shapes.

    Of pixels it is the region where a class was found as one; `truth` and `predicted` are whole masks then.
    """

    verdict: Verdict
    truth_class: str = ""
    predicted_class: str = ""
    truth: Geometry | None = None
    predicted: Geometry | None = None
    confidence: float | None = None
    iou: float = 0.0  # of a pair
    error: ErrorKind | None = None  # TIDE's kind
    truth_place: int | None = None  # of the truth among all of the report
    region: Geometry | None = None  # of pixels
    pixels: int = 0  # of the region
    is_meant: bool = False  # by the number that is looked behind


def find_first_px(region: Geometry) -> Point:
    """Return a pixel that is surely of a mask: the leftmost of its uppermost row."""
    bounds = region.bounds
    row, column = divmod(region.runs[0], round(bounds.width_px))
    return bounds.left + column, bounds.top + row


class Fate(StrEnum):
    """What became of a truth from an older model to a newer one."""

    FIXED = "fixed"  # the newer finds it and the older did not
    BROKEN = "broken"
    BOTH_WRONG = "both wrong"
    BOTH_RIGHT = "both right"


FATE_LETTERS: Mapping[Fate, str] = {
    Fate.FIXED: "W", Fate.BROKEN: "L", Fate.BOTH_WRONG: "B", Fate.BOTH_RIGHT: "R",
}  # fmt: skip
"""Won, lost, both wrong, both right."""

FATE_DASHES: Mapping[Fate, tuple[int, ...]] = {
    Fate.FIXED: (), Fate.BROKEN: (5, 3), Fate.BOTH_WRONG: (1, 2), Fate.BOTH_RIGHT: (4, 2, 1, 2),
}  # fmt: skip


class FatePick(msgspec.Struct, frozen=True, kw_only=True):
    """A number of a comparison that is looked behind; all that is given must hold of a truth.

    Without a fate those are meant that were fixed or broken. Of pixels the fate is that of an image too.
    """

    pair: int = 0  # which of the pairs
    fate: Fate | None = None
    of_class: str = ""
    slice: tuple[str, str] | None = None
    item: str = ""

    @property
    def is_of_all(self) -> bool:
        """Whether every change is meant, of all images or of one."""
        return msgspec.structs.replace(self, pair=0, item="") == FatePick()

    def describe(self) -> str:
        """Return in words what is meant: "fixed or broken" where no fate is given."""
        words = [self.fate.value if self.fate is not None else f"{Fate.FIXED.value} or {Fate.BROKEN.value}"]
        words += [self.of_class and f"class {self.of_class}"]
        words += [f"{self.slice[0]}: {self.slice[1]}" if self.slice is not None else "", self.item]
        return ", ".join(filter(None, words))


class ItemFates(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an image's truths, or pixels, and how many of them a number counts."""

    key: str
    fixed: int
    broken: int
    both_wrong: int
    both_right: int
    count: int
    iou: float | None = None  # of pixels: the mean of the image's classes, or of the class that was picked
    iou_before: float | None = None

    @property
    def is_of_pixels(self) -> bool:
        """Whether pixels are counted."""
        return self.iou is not None or self.iou_before is not None


class ObjectFate(msgspec.Struct, frozen=True, kw_only=True):
    """A truth with what both models say of it; or what one of them says of nothing, which has no fate.

    Of pixels it is the region where each of the two said one class; who said nothing of nothing is None.
    """

    fate: Fate | None
    newer: ObjectEvidence | None
    older: ObjectEvidence | None
    region: Geometry | None = None  # of pixels
    pixels: int = 0  # of the region
    is_meant: bool = False


def parse_fate_pick(texts: Sequence[str]) -> FatePick:
    """Return what conditions such as `fate=broken class=cat` pick of a comparison.

    Raises:
        InvalidParameter: one is no such condition, or its value is none.
    """
    found: dict[str, object] = {}
    for name, value in _iter_conditions(texts, ("fate", "class", "slice", "item", "pair")):
        match name:
            case "fate":
                found["fate"] = Fate(_choose(value, [of.value for of in Fate], name))
            case "pair":
                found["pair"] = _read_pair(value)
            case _:
                found |= _read(name, value)
    return FatePick(**found)  # type: ignore[arg-type]  # each field has its own reader


def parse_pick(texts: Sequence[str], class_names: Sequence[str] = ()) -> Pick:
    """Return what conditions such as `predicted=cat truth=dog` pick; quotes hold words together.

    `none` is the class of that name where the report has one; then `(none)` says that nothing was predicted,
    or that nothing is there.

    Raises:
        InvalidParameter: one is no such condition, or its value is none.
    """
    found: dict[str, object] = {}
    for name, value in _iter_conditions(texts, FIELDS):
        found |= _read(name, value)
        if name in ("predicted", "truth") and value == name_nothing(class_names):
            found[name] = ""
    return Pick(**found)  # type: ignore[arg-type]  # each field has its own reader


def write_pick(pick: Pick | FatePick) -> str:
    """Return the conditions that `parse_pick`, or `parse_fate_pick`, reads as this."""
    match pick:
        case Pick():
            values: Mapping[str, str | None] = {
                "predicted": NOTHING if pick.predicted == "" else pick.predicted,
                "truth": NOTHING if pick.truth == "" else pick.truth,
                "verdict": pick.verdict,
                "error": pick.error,
                "confidence": pick.confidence and _write_bounds(pick.confidence),
                "iou": pick.iou and _write_bounds(pick.iou),
                "right": None if pick.is_hit is None else "yes" if pick.is_hit else "no",
            }
        case FatePick():
            values = {"fate": pick.fate, "pair": str(pick.pair + 1)}
    both = {"class": pick.of_class, "slice": pick.slice and ": ".join(pick.slice), "item": pick.item}
    words = {name: value for name, value in {**values, **both}.items() if value}
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in words.items())


def _write_bounds(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]!r}..{bounds[1]!r}"


def _iter_conditions(texts: Sequence[str], fields: Sequence[str]) -> Iterator[tuple[str, str]]:
    seen = set()
    for text in texts:
        for word in _split(text):
            name, equals, value = word.partition("=")
            if not equals or name not in fields:
                raise InvalidParameter(
                    f"{word!r} does not say what of a report is meant.",
                    hint=f"Write FIELD=VALUE; the fields are {', '.join(fields)}.",
                )
            if name in seen:
                raise InvalidParameter(f"{name} is given twice.", hint="All conditions must hold: give one.")
            if not value:
                raise InvalidParameter(f"{name}= has no value.", hint=f"Write {name}=VALUE, or leave it out.")
            seen.add(name)
            yield name, value


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidParameter(f"{text!r} has a quote that does not end.", hint="End it.") from error


def _read(name: str, value: str) -> dict[str, object]:
    match name:
        case "predicted" | "truth":
            return {name: value}
        case "class":
            return {"of_class": value}
        case "verdict":
            return {"verdict": Verdict(_choose(value, [of.value for of in Verdict], name))}
        case "error":
            kinds = {str(of): of for of in (*ErrorKind, *PixelErrorKind)}
            return {"error": kinds[_choose(value, list(kinds), name)]}
        case "slice":
            group, colon, part = value.partition(":")
            if not colon:
                raise InvalidParameter(
                    f"{value!r} is no slice.", hint="Write slice='GROUP: NAME', as the report does."
                )
            return {"slice": (group.strip(), part.strip())}
        case "right":
            return {"is_hit": _choose(value, ["yes", "no"], name) == "yes"}
        case "confidence" | "iou":
            return {name: _read_bounds(name, value)}
        case _:
            return {"item": value}


def _read_pair(value: str) -> int:
    """Return the place of a pair, which people count from 1."""
    is_number = value.isdecimal() and len(value) <= MOST_PAIR_DIGITS
    if not is_number or not int(value):
        shown = value if len(value) <= SHOWN_LENGTH else f"{value[:SHOWN_LENGTH]}…"
        raise InvalidParameter(f"{shown!r} is no pair.", hint="The first is pair=1.")
    return int(value) - 1


def _choose(value: str, names: Sequence[str], field: str) -> str:
    if value not in names:
        raise InvalidParameter(f"There is no {field} {value!r}.", hint=f"There are: {', '.join(names)}.")
    return value


def _read_bounds(name: str, value: str) -> tuple[float, float]:
    low, dots, high = value.partition("..")
    try:
        bounds = float(low), float(high)
    except ValueError as error:
        raise InvalidParameter(
            f"{value!r} is no range of {name}.", hint=f"Write LOW..HIGH, as in {name}=0.5..0.55."
        ) from error
    if not dots or not 0 <= bounds[0] <= bounds[1] <= 1:
        raise InvalidParameter(f"{value!r} is no range from 0 to 1.", hint="The lower bound comes first.")
    return bounds
