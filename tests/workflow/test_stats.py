"""How much there is, and how much room it takes."""

from __future__ import annotations

import pytest

from mlwf_tui.workflow.stats import read_stats
from mlwf_tui.workspace import Workspace
from tests.filling import make_blob, write_version


def test_an_empty_home_has_nothing(workspace: Workspace) -> None:
    stats = read_stats(workspace)
    assert (stats.projects, stats.items, stats.logical_bytes) == ((), 0, 0)
    assert (stats.dedup_factor, stats.compression_factor) == (1.0, 1.0)


def test_heads_histories_and_shared_bytes_are_told_apart(workspace: Workspace) -> None:
    write_version(workspace, "cells", {"a.jpg": make_blob(1), "b.jpg": make_blob(2)})
    write_version(workspace, "cells", {"a.jpg": make_blob(1), "b.jpg": make_blob(3)})
    write_version(workspace, "copy", {"a.jpg": make_blob(1), "again.jpg": make_blob(1)})
    stats = read_stats(workspace)
    cells, copy = stats.projects
    assert (cells.name, cells.items, cells.versions, cells.logical_bytes) == ("cells", 2, 2, 10_000)
    assert (cells.history_bytes, cells.unique_bytes) == (20_000, 15_000)
    assert (copy.logical_bytes, copy.unique_bytes) == (10_000, 5_000)
    assert (stats.items, stats.logical_bytes, stats.history_bytes) == (4, 20_000, 30_000)
    assert (stats.unique_bytes, stats.dedup_factor) == (15_000, 2.0)


def test_compression_is_told(workspace: Workspace) -> None:
    write_version(workspace, "texts", {"a.txt": b"again and " * 10_000})
    stats = read_stats(workspace)
    assert stats.compression_factor > 10
    assert stats.raw_bytes / stats.stored_bytes == pytest.approx(stats.compression_factor, abs=0.01)
