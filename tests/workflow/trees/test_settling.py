"""Which signatures a checkout remembers: none of a file that may change in the same tick of the clock."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mlwf_tui.workflow.importing.signing import sign_status
from mlwf_tui.workflow.trees.tree import settle


@pytest.mark.parametrize("is_end_known", [True, False])
@pytest.mark.parametrize(("later_ns", "is_kept"), [(1_000_000, False), (1_000_000_000, True)])
def test_a_file_that_was_just_written_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later_ns: int, is_kept: bool, is_end_known: bool
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"content")
    status = path.stat()
    monkeypatch.setattr(time, "time_ns", lambda: status.st_ctime_ns + later_ns)
    signature = sign_status(status)
    written_by_ns = status.st_ctime_ns if is_end_known else None
    assert settle({"a.jpg": signature}, written_by_ns=written_by_ns) == {
        "a.jpg": signature if is_kept else b""
    }
