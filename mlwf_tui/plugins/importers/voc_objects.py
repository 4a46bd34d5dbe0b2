"""One XML file of Pascal VOC, and one object of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from xml.etree.ElementTree import Element

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind, Tag
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import check_class_name, read_bytes, show_path
from mlwf_tui.plugins.importers.objects import make_shape
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


def read_object(entry: Element, doubt: Callable[[str], None]) -> AnnotatedObject:
    """Return an object with its outline as Roboflow writes it (`polygon`), else its box.

    An outline that cannot be used is told by `doubt`, and the box taken; both messages follow "box 3 ".

    Raises:
        InvalidInput: it has no class or no usable box.
    """
    class_name = check_class_name(entry.findtext("name") or "")
    outline = entry.find("polygon")
    geometry = None
    if outline is not None and len(outline):
        try:
            geometry = _read_outline(outline)
        except InvalidInput as error:
            doubt(f"{error.message}: its box was taken")
    return AnnotatedObject(class_name, geometry or _read_box(entry), tags=read_tags(entry))


def _read_outline(outline: Element) -> Geometry:
    """Return the polygon of the elements x1, y1, x2, y2 and so on."""
    numbers = {child.tag: child.text for child in outline}
    count = len(numbers) // 2
    points = [(numbers.get(f"x{at}"), numbers.get(f"y{at}")) for at in range(1, count + 1)]
    if len(numbers) != len(outline) or len(numbers) % 2 or any(None in point for point in points):
        raise InvalidInput("has a polygon whose elements are not x1, y1, x2, y2 and so on")
    return make_shape(GeometryKind.POLYGON, points)


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
