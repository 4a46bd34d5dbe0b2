"""One XML file of Pascal VOC, and one object of it."""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, Tag
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import check_class_name, read_bytes, show_path
from mlwf_tui.plugins.importers.xml_documents import parse_xml

_EDGES = ("xmin", "ymin", "xmax", "ymax")


def parse_voc(location: str) -> Element:
    """Return the root of an XML file.

    Raises:
        InvalidInput: it is not well-formed, or is no VOC annotation; the message follows its name.
    """
    element = parse_xml(read_bytes(location))
    if element.tag != "annotation":
        raise InvalidInput(f"is not a VOC annotation: its root is <{show_path(element.tag)}>")
    return element


def read_object(entry: Element) -> AnnotatedObject:
    """Return an object with its box.

    Raises:
        InvalidInput: it has no class or no usable box; the message follows "box 3 ".
    """
    class_name = check_class_name(entry.findtext("name") or "")
    return AnnotatedObject(class_name, _read_box(entry), tags=read_tags(entry))


def _read_box(entry: Element) -> Geometry:
    box = entry.find("bndbox")
    if box is None:
        raise InvalidInput("has no bndbox")
    left, top, right, bottom = (_read_number(box, edge) for edge in _EDGES)
    if right <= left:
        raise InvalidInput(f"has no area: left {left:g}, right {right:g}")
    if bottom <= top:
        raise InvalidInput(f"has no area: top {top:g}, bottom {bottom:g}")
    return Geometry.rectangle(left, top, right, bottom)


def _read_number(box: Element, edge: str) -> float:
    text = (box.findtext(edge) or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:  # which float passes over
        raise InvalidInput(f"has no usable {edge}: {show_path(text)!r}")
    return value


def read_tags(entry: Element) -> tuple[Tag, ...]:
    """Return the flags that are set, and the pose where it is told; VOC's defaults say nothing."""
    tags = [
        Tag(flag)
        for flag in ("difficult", "truncated", "occluded")
        if (entry.findtext(flag) or "").strip() == "1"
    ]
    pose = (entry.findtext("pose") or "").strip()
    if pose and pose.lower() != "unspecified":
        tags.append(Tag("pose", pose))
    return tuple(tags)
