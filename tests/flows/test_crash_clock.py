"""A clock that goes back a day between commands: order is what was done first, whatever the clock says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlwf_tui.workspace import open_workspace
from tests.faults.harness import finish, make_environment, start
from tests.faults.places import make_sources

DAY_S = 86_400


def call_at(home: Path, days: int, *words: str) -> dict[str, Any]:
    """Run the real command while the clock is some days off."""
    environment = make_environment(shift_s=days * DAY_S)
    ended = finish(start(home, *words, environment=environment))
    assert ended.code == 0, (ended.out, ended.err)
    return ended.document


def test_versions_undo_and_journal_keep_their_order_when_the_clock_goes_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    make_sources(tmp_path)
    call_at(home, 0, "import", str(tmp_path / "one"), "cells")
    call_at(home, -1, "commit", "cells", "-m", "first")
    call_at(home, -2, "import", str(tmp_path / "two"), "cells")
    call_at(home, -3, "commit", "cells", "-m", "second")
    versions = call_at(home, -4, "versions", "cells")["versions"]
    assert [version["message"] for version in versions] == ["second", "first"]
    times = [version["created_at"] for version in versions]
    assert times == sorted(times), "the clock has not gone back: this test tests nothing"
    runs = call_at(home, -4, "runs")["runs"]
    assert [run["verb"] for run in runs] == ["commit", "import", "commit", "import"]
    assert {run["state"] for run in runs} == {"done"}
    call_at(home, -5, "undo")
    assert call_at(home, -5, "show", "cells")["item_count"] == 12
    call_at(home, -6, "redo")
    assert call_at(home, -6, "show", "cells")["item_count"] == 15
    assert call_at(home, -7, "restore", "cells@1")["version"] == 3
    with open_workspace(home) as workspace:
        events = workspace.catalog.journal.read_since(0)
    kinds = [event.kind for event in events if event.kind.startswith(("version", "head.un", "head.re"))]
    expected = ["version.created", "version.created", "head.undone", "head.redone", "version.created"]
    assert kinds == expected
    assert [event.sequence for event in events] == sorted(event.sequence for event in events)


def test_a_changed_file_is_seen_when_the_clock_goes_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    make_sources(tmp_path)
    call_at(home, 3, "import", str(tmp_path / "one"), "cells")
    image = tmp_path / "one" / "JPEGImages" / "05.jpg"
    image.write_bytes((tmp_path / "two" / "JPEGImages" / "new-0.jpg").read_bytes())
    assert call_at(home, -3, "import", str(tmp_path / "one"), "cells")["items_updated"] == 1
