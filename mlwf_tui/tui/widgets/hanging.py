"""Lines behind labels that go on below their own text where they have no room; no widget."""

from __future__ import annotations

from textual.content import Content


def hang(content: Content, room: int, indent: int) -> Content:
    """Return the lines broken to `room` cells, each going on `indent` cells from the left."""
    lines: list[Content] = []
    for line in content.split("\n", allow_blank=True):
        label, text = line.divide([indent]) if line.cell_length > indent else (line, Content(""))
        first, *others = text.wrap(max(1, room - indent)) or [Content("")]
        lines += [label + first, *(other.pad_left(indent) for other in others)]
    return Content("\n").join(lines)
