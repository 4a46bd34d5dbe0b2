"""Several processes on one store: writing at once, killed in the middle, refused by the disk."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import StorageFailed
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.store import Store
from tests.fakes.observers import KeepingObserver

StartPython = Callable[[str], "subprocess.Popen[str]"]

PUT_BLOBS = """
import random, sys
from pathlib import Path
from mlwf_tui.store.store import Store
with Store(Path({folder!r})) as store:
    for round in range({rounds}):
        with store.writer() as writer:
            for number in range({start}, {stop}):
                writer.put(b"shared %d %d" % (round, number))
                writer.put(b"own {start} %d %d" % (round, number) * 50)
print("done")
"""

PUT_FOREVER = """
import random
from pathlib import Path
from mlwf_tui.store.store import Store
with Store(Path({folder!r})) as store:
    number = 0
    while True:
        with store.writer() as writer:
            for _ in range(20):
                writer.put(random.Random(number).randbytes(50_000))
                number += 1
                print(number, flush=True)
"""

HOLD_A_WRITER = """
from pathlib import Path
from mlwf_tui.store.store import Store
with Store(Path({folder!r})) as store, store.writer() as writer:
    print(writer.put(b"held"), flush=True)
    input()
"""

PUT_TOO_MUCH = """
import random, resource
from pathlib import Path
from mlwf_tui.errors import StorageFailed
from mlwf_tui.store.store import Store
with Store(Path({folder!r})) as store:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    try:
        with store.writer() as writer:
            for number in range(30):
                try:
                    writer.put(random.Random(number).randbytes(50_000))
                except StorageFailed as error:
                    print(error.message)
                    print(error.hint)
                    raise
    except StorageFailed:
        print("failed")
"""


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def finish(process: subprocess.Popen[str], answer: str = "") -> str:
    out, err = process.communicate(answer, timeout=60)
    assert process.returncode == 0, err
    return out


def test_two_processes_write_at_once(tmp_path: Path, start_python: StartPython) -> None:
    folder = str(tmp_path / "store")
    processes = [
        start_python(PUT_BLOBS.format(folder=folder, rounds=8, start=start, stop=start + 60))
        for start in (0, 30)
    ]
    assert [finish(process) for process in processes] == ["done\n", "done\n"]
    with Store(tmp_path / "store") as store:
        assert store.read_stats().blob_count == 8 * (90 + 120)
        assert store.verify(KeepingObserver()).ok


@pytest.mark.parametrize("seed", range(4))
def test_a_writer_killed_in_the_middle_leaves_a_clean_store(
    tmp_path: Path, start_python: StartPython, seed: int
) -> None:
    folder = tmp_path / "store"
    process = start_python(PUT_FOREVER.format(folder=str(folder)))
    for _ in range(random.Random(seed).randrange(1, 120)):
        last = int(read_line(process))
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    with Store(folder) as store:
        assert not list(folder.glob("packs/*.tmp"))
        assert store.verify(KeepingObserver()).ok
        assert store.read_stats().blob_count >= (last - 1) // 20 * 20
        with store.writer() as writer:
            digest = writer.put(b"life goes on")
        assert store.read(digest) == b"life goes on"


def test_the_pack_of_a_live_writer_is_left_alone(tmp_path: Path, start_python: StartPython) -> None:
    folder = tmp_path / "store"
    process = start_python(HOLD_A_WRITER.format(folder=str(folder)))
    digest = Digest(read_line(process))
    with Store(folder):
        assert len(list(folder.glob("packs/*.tmp"))) == 1
    finish(process, "\n")
    with Store(folder) as store:
        assert store.read(digest) == b"held"


def test_the_pack_of_a_dead_writer_is_removed(tmp_path: Path, start_python: StartPython) -> None:
    folder = tmp_path / "store"
    process = start_python(HOLD_A_WRITER.format(folder=str(folder)))
    read_line(process)
    process.kill()
    process.wait(60)
    assert len(list(folder.glob("packs/*.tmp"))) == 1
    with Store(folder):
        assert not list(folder.glob("packs/*.tmp"))


def test_a_pack_that_no_row_names_is_adopted_at_open(tmp_path: Path) -> None:
    with Store(tmp_path / "one") as one, one.writer() as writer:
        digest = writer.put(b"sealed, then killed")
    (pack,) = (tmp_path / "one" / "packs").iterdir()
    with Store(tmp_path / "two"):
        pass
    pack.rename(tmp_path / "two" / "packs" / pack.name)
    with Store(tmp_path / "two") as two:
        assert two.read(digest) == b"sealed, then killed"
        assert two.verify(KeepingObserver()).ok


def test_a_pack_that_no_row_names_and_is_not_whole_is_not_adopted(tmp_path: Path) -> None:
    with Store(tmp_path / "store"):
        pass
    (tmp_path / "store" / "packs" / f"{'0' * 64}.pack").write_bytes(b"half a pack")
    with Store(tmp_path / "store") as store:
        assert store.read_stats().pack_count == 0
        assert not store.verify(KeepingObserver()).ok


def test_a_disk_that_refuses_leaves_nothing_half_visible(tmp_path: Path, start_python: StartPython) -> None:
    folder = tmp_path / "store"
    out = finish(start_python(PUT_TOO_MUCH.format(folder=str(folder)))).splitlines()
    assert out[0].startswith("Could not write to")
    assert "ulimit -f" in out[1]
    assert out[2] == "failed"
    assert list((folder / "packs").iterdir()) == []
    with Store(folder) as store:
        assert store.read_stats().blob_count == 0
        assert store.verify(KeepingObserver()).ok


def test_a_writer_that_failed_takes_nothing_more(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        (tmp_path / "store" / "packs").rmdir()
        with pytest.raises(StorageFailed, match="takes nothing more"), store.writer() as writer:
            with pytest.raises(StorageFailed, match="No such file"):
                writer.put(b"first")
            writer.put(b"second")


def test_swallowing_a_failure_does_not_make_the_writer_end_well(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        (tmp_path / "store" / "packs").rmdir()
        with pytest.raises(StorageFailed), store.writer() as writer, pytest.raises(StorageFailed):
            writer.put(b"first")


def test_a_folder_that_cannot_be_made_is_a_storage_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageFailed):
        Store(tmp_path / "file" / "store")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_refusal_of_the_system_says_what_to_do(code: int) -> None:
    with pytest.raises(StorageFailed) as caught, guard_storage("write to /somewhere"):
        raise OSError(code, os.strerror(code))
    assert os.strerror(code) in caught.value.message
    assert caught.value.hint
