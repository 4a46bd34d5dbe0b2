"""Gathers what was found into one finding a kind, each with a sentence for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mlwf_tui.entities.finding import FIXES, Finding, FindingKind, FoundPlace, Severity

MAX_PLACES: Final = 10_000  # of one kind; more are counted


class Wording(NamedTuple):
    """How grave a kind is, and its sentence for one and for several."""

    severity: Severity
    one: str
    many: str


_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
WORDINGS: Final = {
    FindingKind.LOST_IMAGE: Wording(
        _ERROR,
        "1 image is missing or damaged in the store: mlwf verify says more",
        "{count} images are missing or damaged in the store: mlwf verify says more",
    ),
    FindingKind.UNREADABLE_IMAGE: Wording(
        _ERROR, "1 image cannot be decoded whole", "{count} images cannot be decoded whole"
    ),
    FindingKind.WIDE_TIFF: Wording(
        _WARNING,
        "1 image is a TIFF that training leaves out, as OpenCV cannot decode it: convert it to 8 or 16 bits",
        "{count} images are TIFFs that training leaves out, as OpenCV cannot decode them: "
        "convert them to 8 or 16 bits",
    ),
    FindingKind.LEAK: Wording(
        _ERROR,
        "1 image has the same bytes as one of another split",
        "{count} images have the same bytes as one of another split",
    ),
    FindingKind.UNDECLARED_CLASS: Wording(
        _ERROR,
        "1 item has objects of a class that is not declared",
        "{count} items have objects of a class that is not declared",
    ),
    FindingKind.NO_AREA: Wording(
        _ERROR, "1 item has objects without area", "{count} items have objects without area"
    ),
    FindingKind.NEAR_LEAK: Wording(
        _WARNING,
        "1 image looks like one of another split",
        "{count} images look like one of another split",
    ),
    FindingKind.GROUP_LEAK: Wording(
        _WARNING,
        "1 item has the group tag of an item of another split",
        "{count} items have the group tag of an item of another split",
    ),
    FindingKind.UNTRAINED_CLASS: Wording(
        _WARNING,
        "1 class has objects in val or test and none in train",
        "{count} classes have objects in val or test and none in train",
    ),
    FindingKind.DUPLICATE_IMAGE: Wording(
        _WARNING,
        "1 image has the same bytes as one of its split",
        "{count} images have the same bytes as one of their split",
    ),
    FindingKind.DUPLICATE_OBJECT: Wording(
        _WARNING, "1 item has the same object twice", "{count} items have the same object twice"
    ),
    FindingKind.OVERLAPPING_OBJECT: Wording(
        _WARNING,
        "1 item has objects of one class that cover the same place",
        "{count} items have objects of one class that cover the same place",
    ),
    FindingKind.OUTSIDE: Wording(
        _WARNING,
        "1 item has objects that go beyond the image",
        "{count} items have objects that go beyond the image",
    ),
    FindingKind.KEYPOINT_OUTSIDE: Wording(
        _WARNING, "1 item has keypoints beside the image", "{count} items have keypoints beside the image"
    ),
    FindingKind.CROSSING_POLYGON: Wording(
        _WARNING,
        "1 item has polygons that cross themselves",
        "{count} items have polygons that cross themselves",
    ),
    FindingKind.NEAR_DUPLICATE: Wording(
        _NOTE, "1 image looks like one of its split", "{count} images look like one of their split"
    ),
    FindingKind.UNANNOTATED: Wording(
        _NOTE, "1 image has neither objects nor tags", "{count} images have neither objects nor tags"
    ),
    FindingKind.UNUSED_CLASS: Wording(_NOTE, "1 class has no object", "{count} classes have no object"),
    FindingKind.IMBALANCE: Wording(
        _NOTE, "1 class is much rarer than another", "{count} classes are much rarer than another"
    ),
    FindingKind.TINY_OBJECT: Wording(
        _NOTE, "1 item has tiny objects", "{count} items have tiny objects"
    ),
    FindingKind.ODD_SHAPE: Wording(
        _NOTE,
        "1 item has objects much longer or flatter than others of their class",
        "{count} items have objects much longer or flatter than others of their class",
    ),
}  # fmt: skip


def make_finding(
    kind: FindingKind,
    count: int,
    *,
    places: Sequence[FoundPlace] = (),
    classes: Sequence[str] = (),
    detail: str = "",
) -> Finding:
    """Return the finding of a kind; `detail` goes behind its sentence."""
    wording = WORDINGS[kind]
    sentence = wording.one if count == 1 else wording.many.format(count=f"{count:,}")
    return Finding(
        kind=kind,
        severity=wording.severity,
        message=f"{sentence}{detail}.",
        count=count,
        places=tuple(places[:MAX_PLACES]),
        classes=tuple(classes),
        fix=FIXES.get(kind, ""),
    )


def sort_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order in which a person should read them."""
    order = {kind: number for number, kind in enumerate(FindingKind)}
    gravity = {severity: number for number, severity in enumerate(Severity)}
    return tuple(sorted(findings, key=lambda finding: (gravity[finding.severity], order[finding.kind])))
