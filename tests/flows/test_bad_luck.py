"""Whole commands under bad luck: killed, out of disk, two at once. Real processes, real files."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.making import make_voc

IMAGE_COUNT = 60
KILLS = 6


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    folder = tmp_path / "voc"
    boxes = {f"{index:03}.jpg": [("cell", 2, 3, 20, 21)] for index in range(IMAGE_COUNT)}
    make_voc(folder, boxes, splits={"train": [f"{index:03}" for index in range(IMAGE_COUNT)]})
    return folder


def start(home: Path, *words: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(home), *words, "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def call(home: Path, *words: str, code: int = 0, **options: Any) -> dict[str, Any]:
    process = start(home, *words, **options)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, (out, err)
    assert b"Traceback" not in err
    document = json.loads(out)
    assert isinstance(document, dict)
    return document


def test_an_import_killed_at_any_time_can_simply_be_run_again(tmp_path: Path, voc: Path) -> None:
    home = tmp_path / "home"
    draw = random.Random(7)
    for _ in range(KILLS):
        process = start(home, "import", str(voc), "cells")
        try:
            process.wait(timeout=draw.uniform(0.1, 0.7))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
    imported = call(home, "import", str(voc), "cells")
    assert imported["items_added"] + imported["items_unchanged"] == IMAGE_COUNT
    assert call(home, "verify")["ok"] is True
    assert call(home, "show", "cells")["item_count"] == IMAGE_COUNT
    states = {run["state"] for run in call(home, "runs")["runs"] if run["verb"] == "import"}
    assert states <= {"done", "lost"}


def test_two_imports_at_once_both_arrive(tmp_path: Path, voc: Path) -> None:
    home = tmp_path / "home"
    call(home, "projects")
    processes = [start(home, "import", str(voc), f"cells{index}") for index in range(2)]
    for process in processes:
        assert process.communicate(timeout=60)[0]
        assert process.returncode == 0
    assert call(home, "stats")["items"] == 2 * IMAGE_COUNT
    assert call(home, "verify")["ok"] is True


def test_two_commands_on_one_project_never_mix(tmp_path: Path, voc: Path) -> None:
    home = tmp_path / "home"
    call(home, "import", str(voc), "cells")
    call(home, "commit", "cells", "-m", "one")
    first = start(home, "transform", "sample", "cells@1", "--to", "cells", "-p", "n=10")
    second = start(home, "transform", "sample", "cells@1", "--to", "cells", "-p", "n=20")
    codes = []
    for process in (first, second):
        process.communicate(timeout=60)
        codes.append(process.returncode)
    assert set(codes) <= {0, 5}
    assert 0 in codes
    assert call(home, "show", "cells")["item_count"] in (10, 20)


def limit_files() -> None:
    """Let the kernel refuse every write beyond 40 KB in one file, as a full disk would."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


def test_a_disk_that_refuses_leaves_the_project_as_it_was(tmp_path: Path, voc: Path) -> None:
    home = tmp_path / "home"
    call(home, "import", str(voc), "cells")
    call(home, "commit", "cells", "-m", "one")
    error = call(home, "transform", "noise", "cells", "--to", "cells", code=1, preexec_fn=limit_files)[
        "error"
    ]
    assert error["kind"] == "storage_failed"
    assert error["hint"]
    shown = call(home, "show", "cells")
    assert (shown["item_count"], shown["latest_version"]) == (IMAGE_COUNT, 1)
    assert call(home, "verify")["ok"] is True
    assert not [path for path in (home / "store" / "packs").iterdir() if path.suffix != ".pack"]


def test_a_flipped_byte_is_named_and_never_handed_out(tmp_path: Path, voc: Path) -> None:
    home = tmp_path / "home"
    call(home, "import", str(voc), "cells")
    pack = max((home / "store" / "packs").glob("*.pack"), key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    with pack.open("r+b") as file:
        file.seek(pack.stat().st_size // 3)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 0x10]))
    verified = call(home, "verify", code=1)
    assert verified["ok"] is False
    assert verified["problems"]
    exported = call(home, "export", "cells", str(tmp_path / "out"), code=1)
    assert exported["error"]["kind"] == "corrupt_data"
