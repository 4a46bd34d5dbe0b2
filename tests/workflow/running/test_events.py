from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path

import pytest

from mlwf_tui.entities.run import Progress
from mlwf_tui.errors import Cancelled, StorageFailed
from mlwf_tui.workflow.running import events
from mlwf_tui.workflow.running.events import EventReader, EventWriter, read_metrics

ROOT = Path(__file__).parents[2]


def test_a_reader_gets_what_was_appended_and_waits_for_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    ticks = count()
    reader = EventReader(path)
    assert reader.read_new() == (None, ())
    with path.open("ab", buffering=0) as file:
        with EventWriter(file, clock=lambda: float(next(ticks))) as writer:
            writer.metric("loss", 1.5, 0)
            writer.progress(1, 10, "epoch 1")
        file.write(b'{"type":"metric","key":"lo')
        progress, points = reader.read_new()
        assert progress is not None
        assert (progress.step, progress.total, progress.message) == (1, 10, "epoch 1")
        assert [(p.key, p.value, p.step) for p in points] == [("loss", 1.5, 0)]
        assert reader.read_new() == (None, ())
        file.write(b'ss","value":2.0,"step":1,"at":3.0}\n')
    assert [p.value for p in reader.read_new()[1]] == [2.0]


def test_the_first_point_of_a_batch_can_be_read_at_once(tmp_path: Path) -> None:
    with (tmp_path / "events.jsonl").open("ab") as file, EventWriter(file) as writer:
        writer.metric("loss", 1.5, 0)
        assert [p.value for p in read_metrics(tmp_path)] == [1.5]


def test_what_follows_within_a_batch_is_one_write_and_none_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BATCH_S", 3600.0)
    with (tmp_path / "events.jsonl").open("ab") as file, EventWriter(file) as writer:
        for step in range(10_000):
            writer.metric("loss", 1.0, step)
        assert len(read_metrics(tmp_path)) == 1
        writer.flush()
        assert [p.step for p in read_metrics(tmp_path)] == list(range(10_000))


def test_a_process_that_ends_without_closing_has_written_everything(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from mlwf_tui.workflow.running.events import EventWriter\n"
        "writer = EventWriter(Path(sys.argv[1]).open('ab'))\n"
        "for step in range(500): writer.metric('loss', 1.0, step)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "events.jsonl")]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    assert len(read_metrics(tmp_path)) == 500


def test_points_from_several_threads_are_whole_lines(tmp_path: Path) -> None:
    with (tmp_path / "events.jsonl").open("ab") as file, EventWriter(file) as writer:

        def say(key: str) -> None:
            for step in range(500):
                writer.metric(key, 1.0, step)

        threads = [threading.Thread(target=say, args=(f"k{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(read_metrics(tmp_path)) == 2000


def test_a_torn_line_of_a_killed_process_costs_nothing_of_the_next_one(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from mlwf_tui.workflow.running.events import EventWriter\n"
        "file = Path(sys.argv[1]).open('ab', buffering=0)\n"
        "EventWriter(file).metric('loss', 1.0, 0); file.write(b'{\"type\":\"metr')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "events.jsonl"
    done = subprocess.run([sys.executable, "-c", script, str(path)], cwd=ROOT, timeout=60)
    assert done.returncode == -signal.SIGKILL
    with path.open("ab") as file, EventWriter(file) as writer:
        writer.metric("loss", 2.0, 1)
    assert [(p.value, p.attempt) for p in read_metrics(tmp_path)] == [(1.0, 1), (2.0, 2)]


def test_a_full_disk_is_said_and_what_was_not_written_is_tried_again(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as file:
        writer = EventWriter(file)
        writer.metric("loss", 1.0, 0)
        with pytest.raises(StorageFailed, match="cannot be written"):
            writer.metric("loss", 2.0, 1)
        with (tmp_path / "events.jsonl").open("ab") as better:
            os.dup2(better.fileno(), writer._descriptor)
        writer.flush()
        writer.close()
    assert [p.value for p in read_metrics(tmp_path)] == [1.0]


def test_not_a_number_is_kept_as_a_gap(tmp_path: Path) -> None:
    with (tmp_path / "events.jsonl").open("ab") as file, EventWriter(file) as writer:
        writer.metric("loss", math.nan, 4)
    (point,) = read_metrics(tmp_path)
    assert math.isnan(point.value)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_an_infinite_value_stays_infinite(tmp_path: Path, value: float) -> None:
    with (tmp_path / "events.jsonl").open("ab") as file, EventWriter(file) as writer:
        writer.metric("loss", value, 4)
    (point,) = read_metrics(tmp_path)
    assert point.value == value


def test_progress_is_thinned_but_its_end_is_not(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with path.open("ab") as file, EventWriter(file, clock=lambda: 7.0) as writer:
        for step in range(1, 101):
            writer.progress(step, 100, "")
    heard: list[Progress] = []
    EventReader(path, on_progress=heard.append).read_new()
    assert [progress.step for progress in heard] == [1, 100]


def test_a_clock_that_jumps_back_does_not_silence_the_progress(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    times = iter([1000.0, 1000.0, 10.0])
    with path.open("ab") as file, EventWriter(file, clock=lambda: next(times)) as writer:
        writer.progress(1, 100, "")
        writer.progress(2, 100, "")
    progress, _ = EventReader(path).read_new()
    assert progress is not None
    assert progress.step == 2


def test_a_writer_raises_what_was_asked_for(tmp_path: Path) -> None:
    def stop() -> None:
        raise Cancelled("The run was asked to stop.")

    with (
        (tmp_path / "events.jsonl").open("ab") as file,
        pytest.raises(Cancelled),
        EventWriter(file, check=stop) as writer,
    ):
        writer.check_cancelled()


def test_a_damaged_line_costs_itself_only(tmp_path: Path) -> None:
    with (tmp_path / "events.jsonl").open("ab", buffering=0) as file:
        with EventWriter(file) as writer:
            writer.metric("a", 1.0, 0)
        file.write(b"\x00\x00garbage\n")
        file.write(b'{"type":"weather","at":1.0}\n{"type":"metric","key":"a"}\n')
        with EventWriter(file) as writer:
            writer.metric("a", 2.0, 1)
    assert [p.value for p in read_metrics(tmp_path)] == [1.0, 2.0]


def test_a_long_file_is_read_in_parts_and_the_reader_knows_that_it_is_behind(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with path.open("ab") as file, EventWriter(file) as writer:
        for step in range(100):
            writer.metric("loss", 1.0, step)
    reader = EventReader(path, limit_bytes=1000)
    assert 0 < len(reader.read_new()[1]) < 100
    assert reader.is_behind
    while reader.is_behind:
        reader.read_new()
    assert reader.offset == path.stat().st_size


def test_a_file_that_was_cut_short_is_told_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = b'{"type":"metric","key":"a","value":1.0,"step":0,"at":1.0}\n'
    path.write_bytes(line * 3)
    reader = EventReader(path)
    assert len(reader.read_new()[1]) == 3
    path.write_bytes(line)
    assert len(reader.read_new()[1]) == 1
