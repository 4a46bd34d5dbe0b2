from __future__ import annotations

import math
from itertools import count
from pathlib import Path

import pytest

from mlwf_tui.errors import Cancelled
from mlwf_tui.workflow.events import EventReader, EventWriter, read_metrics


def test_a_reader_gets_what_was_appended_and_waits_for_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    ticks = count()
    reader = EventReader(path)
    assert reader.read_new() == (None, ())
    with path.open("ab") as file:
        writer = EventWriter(file, clock=lambda: float(next(ticks)))
        writer.metric("loss", 1.5, 0)
        writer.progress(1, 10, "epoch 1")
        file.write(b'{"type":"metric","key":"lo')
        file.flush()
        progress, points = reader.read_new()
        assert progress is not None
        assert (progress.step, progress.total, progress.message) == (1, 10, "epoch 1")
        assert [(p.key, p.value, p.step) for p in points] == [("loss", 1.5, 0)]
        assert reader.read_new() == (None, ())
        file.write(b'ss","value":2.0,"step":1,"at":3.0}\n')
        file.flush()
    assert [p.value for p in reader.read_new()[1]] == [2.0]


def test_not_a_number_is_kept_as_a_gap(tmp_path: Path) -> None:
    with (tmp_path / "events.jsonl").open("ab") as file:
        EventWriter(file).metric("loss", math.nan, 4)
    (point,) = read_metrics(tmp_path)
    assert math.isnan(point.value)


def test_progress_is_thinned_but_its_end_is_not(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with path.open("ab") as file:
        writer = EventWriter(file, clock=lambda: 7.0)
        for step in range(1, 101):
            writer.progress(step, 100, "")
    assert len(path.read_bytes().splitlines()) == 2


def raise_cancelled() -> None:
    raise Cancelled("asked to")


def test_a_writer_raises_once_it_is_cancelled(tmp_path: Path) -> None:
    with (tmp_path / "events.jsonl").open("ab") as file, pytest.raises(Cancelled):
        EventWriter(file, check=raise_cancelled).check_cancelled()


def test_a_damaged_line_costs_itself_only(tmp_path: Path) -> None:
    with (tmp_path / "events.jsonl").open("ab") as file:
        EventWriter(file).metric("a", 1.0, 0)
        file.write(b"\x00\x00garbage\n")
        EventWriter(file).metric("a", 2.0, 1)
    assert [p.value for p in read_metrics(tmp_path)] == [1.0, 2.0]
