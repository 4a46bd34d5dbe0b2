"""A recorded tour is a cast that plays: replayed on a terminal, it shows the app on the home."""

from __future__ import annotations

import json
from pathlib import Path

import pyte
import pytest

from mlwf_tui.cli.main import main
from screenshots.tour import PATH, Stop, record
from tests.making import make_voc

MAX_BYTES = 1_000_000


def replay(cast: str) -> list[str]:
    """Return all that was to be read at some moment, a picture for each event."""
    header, *events = map(json.loads, cast.splitlines())
    assert header["version"] == 2
    screen = pyte.Screen(header["width"], header["height"])
    stream = pyte.Stream(screen)
    times = [at for at, _, _ in events]
    assert times == sorted(times)
    pictures = []
    for _, kind, text in events:
        assert kind == "o"
        stream.feed(text)
        pictures.append("\n".join(screen.display))
    return pictures


def test_a_tour_of_a_home_is_recorded_and_shows_it_when_it_is_played(tmp_path: Path) -> None:
    make_voc(tmp_path / "voc", {"a.jpg": [("cell", 2, 3, 20, 21)]}, splits={"train": ["a"]})
    assert main(["--home", str(tmp_path / "home"), "import", str(tmp_path / "voc"), "cells"]) == 0
    pictures = replay(record(tmp_path / "home", (Stop(""), Stop("?"))))
    assert any("cells" in picture for picture in pictures)


@pytest.mark.skipif(not PATH.exists(), reason="no tour was recorded")
def test_the_tour_of_the_readme_plays() -> None:
    assert PATH.stat().st_size < MAX_BYTES
    pictures = replay(PATH.read_text("utf-8"))
    assert any("digits" in picture for picture in pictures)
