"""Every long command says how far it is: as a bar on a terminal, in lines elsewhere, never on stdout."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path

import pyte
import pytest

from mlwf_tui.cli import progress
from mlwf_tui.cli.following import draw_metrics
from mlwf_tui.cli.main import main
from mlwf_tui.cli.progress import ProgressLine
from mlwf_tui.entities.metric import MetricSummary
from mlwf_tui.entities.run import MetricPoint
from tests.making import make_voc

LINE = re.compile(r"^{label}  (━*╌* )?[\d,]+(/[\d,]+)?(  \S+/s|  \S+ s each)?(  .* left)?  \S", re.MULTILINE)
WORDS = {
    "import": ("import", "{source}", "more", "--dataset", "d"),
    "export": ("export", "seen", "{folder}/out", "--format", "coco"),
    "flip": ("transform", "flip", "seen", "--to", "flipped"),
    "check": ("check", "seen"),
    "checkout": ("checkout", "seen", "{folder}/tree"),
    "sync": ("sync", "{folder}/tree"),
    "verify": ("verify",),
    "collect": ("collect", "--apply", "--grace", "0"),
    "backup": ("backup", "{folder}/backup"),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    boxes = {f"{number}.jpg": [("cell", 2, 3, 20, 21)] for number in range(6)}
    make_voc(tmp_path / "voc", boxes, splits={"train": [str(number) for number in range(6)]})
    return tmp_path / "voc"


@pytest.mark.parametrize("label", WORDS)
def test_a_long_command_writes_lines_where_there_is_no_terminal(
    label: str,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    home = ["--home", str(tmp_path / "home")]
    for words in (("import", str(source), "seen"), ("checkout", "seen", str(tmp_path / "tree"))):
        assert main([*home, *words]) == 0
    if label == "checkout":
        monkeypatch.setitem(WORDS, label, ("checkout", "seen", "{folder}/tree2"))
    monkeypatch.setattr(progress, "LINE_INTERVAL_S", 0.0)  # else a line every five seconds
    capfd.readouterr()
    asked = [word.format(source=source, folder=tmp_path) for word in WORDS[label]]
    assert main([*home, "--json", *asked]) in (0, 1)
    out, err = capfd.readouterr()
    json.loads(out)
    assert re.search(LINE.pattern.format(label=label), err, re.MULTILINE), err
    assert "\r" not in err and "\x1b" not in err


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_bar_that_goes_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "BAR_INTERVAL_S", 0.0)
    monkeypatch.setattr(progress, "HEARING_INTERVAL_S", 0.0)
    monkeypatch.setattr(progress, "read_terminal_width", lambda: 200)
    screen, now_s = Screen(), 1000.0
    monkeypatch.setattr("time.time", lambda: now_s)
    line = ProgressLine("import", screen)
    for step in range(1, 13):
        now_s += 0.5
        line.progress(step, 24, f"{step}.jpg")
    drawn = screen.getvalue().split("\r\x1b[2K")
    assert drawn[-1] == "import  ━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌ 12/24  2/s  6 s ± 0 s left  12.jpg"
    line.close()
    assert screen.getvalue().endswith("\r\x1b[2K")


def test_of_steps_in_quick_succession_few_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "BAR_INTERVAL_S", 0.0)
    monkeypatch.setattr(progress, "HEARING_INTERVAL_S", 60.0)
    screen = Screen()
    line = ProgressLine("import", screen)
    for step in range(1, 1001):
        line.progress(step, 1000, f"{step}.jpg")
    assert screen.getvalue().count("/1,000") == 1
    line.progress(1000, 1000, "1000.jpg", at=1000.0)  # of a run that is followed, every one
    assert screen.getvalue().count("/1,000") == 2


def test_without_an_end_there_is_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_INTERVAL_S", 0.0)
    stream = io.StringIO()
    ProgressLine("import", stream).progress(1200, None, "looking")
    assert stream.getvalue() == "import  1,200  looking\n"


def test_what_stands_below_the_bar_is_drawn_over_and_goes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "BAR_INTERVAL_S", 0.0)
    monkeypatch.setattr(progress, "HEARING_INTERVAL_S", 0.0)
    monkeypatch.setattr(progress, "read_terminal_width", lambda: 60)
    points = [MetricPoint(key="map50", value=step / 10, step=step, at=float(step)) for step in range(1, 6)]
    summary = MetricSummary(key="map50")
    for point in points:
        summary.add(point)
    terminal = pyte.Screen(60, 8)
    stream, screen = pyte.Stream(terminal), Screen()
    line = ProgressLine("train", screen)
    for step in (1, 2):
        line.below = draw_metrics([summary])
        line.progress(step, 4, f"epoch {step}")
    stream.feed(screen.getvalue().replace("\n", "\r\n"))
    shown = [row.rstrip() for row in terminal.display]
    assert shown[0].startswith("train  ━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌ 2/4") and terminal.cursor.y == 0
    assert shown[1].split() == ["map50", "▁▃▄▇█", "0.5", "best", "0.5", "@5"]
    assert not any(shown[2:])
    line.close()
    stream.feed(screen.getvalue()[-10:])
    assert not any(row.strip() for row in terminal.display)


def test_work_goes_on_where_nobody_can_read_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_INTERVAL_S", 0.0)
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        line = ProgressLine("import", stream)
        line.progress(1, 2, "one", 1.0)
        os.close(reading)
        line.progress(2, 2, "two", 2.0)
        line.close()
