"""What a check of a project has found: kinds, how grave each is, where, and what can be done; no rules."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from mlwf_tui.entities.ids import Digest


class Severity(StrEnum):
    """How grave a finding is, the gravest first."""

    ERROR = "error"  # training or measuring with it gives wrong results
    WARNING = "warning"  # mostly a mistake
    NOTE = "note"  # worth a look


class FindingKind(StrEnum):
    """What can be found, in the order in which a person should read it."""

    LOST_IMAGE = "lost_image"
    UNREADABLE_IMAGE = "unreadable_image"
    WIDE_TIFF = "wide_tiff"
    LEAK = "leak"
    UNDECLARED_CLASS = "undeclared_class"
    NO_AREA = "no_area"
    NEAR_LEAK = "near_leak"
    GROUP_LEAK = "group_leak"
    UNTRAINED_CLASS = "untrained_class"
    DUPLICATE_IMAGE = "duplicate_image"
    DUPLICATE_OBJECT = "duplicate_object"
    OVERLAPPING_OBJECT = "overlapping_object"
    OUTSIDE = "outside"
    KEYPOINT_OUTSIDE = "keypoint_outside"
    CROSSING_POLYGON = "crossing_polygon"
    NEAR_DUPLICATE = "near_duplicate"
    UNANNOTATED = "unannotated"
    UNUSED_CLASS = "unused_class"
    IMBALANCE = "imbalance"
    TINY_OBJECT = "tiny_object"
    ODD_SHAPE = "odd_shape"


class FoundPlace(msgspec.Struct, frozen=True):
    """One item that a finding is about, and which of its objects, counted from 1; none for the whole item."""

    item: str  # its key
    objects: tuple[int, ...] = ()
    note: str = ""  # what can follow the item: "same bytes as main/a.jpg (train)"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found of one kind. `count` counts items, of a finding about classes the classes.

    Of very many places only the first are kept.
    """

    kind: FindingKind
    severity: Severity
    message: str
    count: int
    places: tuple[FoundPlace, ...] = ()
    classes: tuple[str, ...] = ()
    fix: str = ""  # what fixing it does; empty where a person has to look


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, the gravest first.

    Looks of `images_not_compared` images were not compared; those of `images_partly_compared`, which are
    among very many that nearly look alike, not with each. An image that the store lacks is found always,
    one whose bytes are damaged there where it has to be decoded; neither is compared.
    """

    ref: str
    project: str
    manifest: Digest
    items: int
    objects: int
    findings: tuple[Finding, ...]
    images_not_compared: int = 0
    images_partly_compared: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing was found that gives wrong results."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def images_undecoded(self) -> int:
        """How many looks could still be compared: those of images that nobody has decoded yet."""
        lost = sum(finding.count for finding in self.findings if finding.kind is FindingKind.LOST_IMAGE)
        return self.images_not_compared - lost


class Dropped(msgspec.Struct, frozen=True):
    """An image that was dropped, and the one of the same bytes that was kept."""

    item: str
    kept: str


class FixResult(msgspec.Struct, frozen=True, kw_only=True):
    """The version that a fix made; `created` is false where there was nothing to do."""

    project: str
    version: int
    created: bool
    items_changed: int = 0
    objects_dropped: int = 0
    objects_clipped: int = 0
    dropped: tuple[Dropped, ...] = ()
    classes_dropped: tuple[str, ...] = ()
    run: str | None = None


FIXES: Final[Mapping[FindingKind, str]] = {
    FindingKind.LEAK: "Drop copies with the same labels or none, keeping the one in train",
    FindingKind.DUPLICATE_IMAGE: "Drop copies with the same labels or none, keeping the one with labels",
    FindingKind.NO_AREA: "Drop objects without area",
    FindingKind.DUPLICATE_OBJECT: "Drop all but the first of equal objects",
    FindingKind.OUTSIDE: "Clip boxes, polygons and masks to the image; drop what is wholly outside",
    FindingKind.UNUSED_CLASS: "Drop the classes, which gives later ones another index",
}
"""What can be fixed without a person's eye, each in words."""
