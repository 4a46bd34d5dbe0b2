"""Metrics of one run that several writers tell: numbered one after another, or refused, and cheap."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mlwf_tui.errors import InvalidParameter, StorageFailed
from mlwf_tui.store.locks import try_lock
from mlwf_tui.workflow.running import events
from mlwf_tui.workflow.running.checked_events import CheckedEvents
from mlwf_tui.workflow.running.events import FILE_NAME, EventReader, read_metrics

Open = Callable[[], CheckedEvents]


@pytest.fixture
def open_writer(tmp_path: Path) -> Iterator[Open]:
    path = tmp_path / FILE_NAME
    with ExitStack() as stack:

        def open_one() -> CheckedEvents:
            file = stack.enter_context(path.open("ab"))
            return stack.enter_context(CheckedEvents(path, file, begins=False))

        yield open_one


def test_a_writer_counts_on_after_what_others_have_told(tmp_path: Path, open_writer: Open) -> None:
    first, second = open_writer(), open_writer()
    first.metric("loss", 1.0)
    for value in (2.0, 3.0, 4.0):
        second.metric("loss", value)
    first.metric("loss", 5.0)  # before those of the second that wait to be written, or after them
    first.close()
    second.close()
    points = read_metrics(tmp_path)
    assert [point.step for point in points] == [0, 1, 2, 3, 4]
    assert sorted(point.value for point in points) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_given_step_that_others_have_passed_is_refused_aloud(tmp_path: Path, open_writer: Open) -> None:
    first, second = open_writer(), open_writer()
    first.metric("loss", 1.0, 1)
    first.metric("loss", 1.0, 2)  # waits for the rest of its batch
    second.metric("loss", 1.0, 9)
    with pytest.raises(InvalidParameter, match="loss has come to step 9, and 2 lies before it"):
        first.close()
    assert [point.step for point in read_metrics(tmp_path)] == [1, 9]


def test_only_what_others_have_added_is_read(
    open_writer: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read: list[int] = []
    once = EventReader.read_new

    def count(self: EventReader) -> object:
        result = once(self)
        read.append(len(result[1]))
        return result

    monkeypatch.setattr(EventReader, "read_new", count)
    monkeypatch.setattr(events, "BATCH_S", 0.0)  # each point a write of its own
    first = open_writer()
    for _ in range(100):
        first.metric("loss", 1.0)
    assert sum(read) == 0
    second = open_writer()
    second.metric("loss", 1.0)
    second.metric("loss", 1.0)
    assert sum(read) == 100
    first.metric("loss", 1.0)
    assert sum(read) == 102
    monkeypatch.undo()
    assert [point.step for point in read_metrics(tmp_path)] == list(range(103))


def test_a_line_that_another_process_left_torn_costs_no_point(tmp_path: Path, open_writer: Open) -> None:
    writer = open_writer()
    writer.metric("loss", 1.0)
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'{"type":"metr')
    writer.metric("loss", 2.0)
    writer.close()
    assert [point.step for point in read_metrics(tmp_path)] == [0, 1]


def test_a_file_that_another_holds_is_waited_for_and_no_point_is_lost(
    tmp_path: Path, open_writer: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "TURN_S", 0.05)
    writer = open_writer()
    descriptor = os.open(tmp_path / FILE_NAME, os.O_RDONLY)
    assert try_lock(descriptor)
    writer.metric("loss", 1.0)
    with pytest.raises(StorageFailed, match="another process holds them"):
        writer.metric("loss", 2.0)
    os.close(descriptor)
    writer.metric("loss", 3.0)
    writer.close()
    assert [(point.step, point.value) for point in read_metrics(tmp_path)] == [(0, 1.0), (1, 3.0)]
