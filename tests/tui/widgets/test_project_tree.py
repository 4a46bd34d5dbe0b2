from __future__ import annotations

import pytest
from rich.cells import cell_len

from mlwf_tui.tui.widgets.project_tree import share_room


@pytest.mark.parametrize(
    ("title", "note", "room", "shown"),
    [
        ("cells", "270 @3", 20, ("cells", "270 @3")),
        ("cells", "", 5, ("cells", "")),
        ("yolov10p-cells-2-on-cells-1", "0.69", 22, ("yolov10p…-cells-1", "0.69")),
        ("yolov10p-cells-2-on-cells-1", "2 minutes ago", 18, ("yolov…lls-1", "2 min…")),
        ("@1  Relabel\n\nbody", "1 min\nago", 20, ("@1  Relabel", "1 min")),
        ("字字字字字字字字", "9", 9, ("字 …字 ", "9")),
    ],
)
def test_what_tells_names_apart_stays(title: str, note: str, room: int, shown: tuple[str, str]) -> None:
    assert share_room(title, note, room) == shown


@pytest.mark.parametrize("room", [0, 1, 2, 5])
def test_however_little_room_there_is_something_is_shown(room: int) -> None:
    title, note = share_room("yolov10p-cells-2", "2 minutes ago", room)
    assert title
    assert cell_len(title) + cell_len(note) <= max(room, 2)
