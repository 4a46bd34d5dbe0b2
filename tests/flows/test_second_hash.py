"""Digests by a hash that shares no code with the store's: a mistake of ours would have to be made twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.store.packs import read_footer
from mlwf_tui.workflow.checkout import checkout
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workspace import open_workspace
from tests.fakes.blake3_reference import compute_blake3
from tests.fakes.observers import KeepingObserver
from tests.making import make_yolo


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 3072, 5000, 16_385])
def test_both_hashes_agree_at_every_kind_of_border(size: int) -> None:
    data = bytes(place * 7 % 251 for place in range(size))
    assert compute_blake3(data).hex() == compute_digest(data)


def test_a_checkout_has_the_bytes_that_the_digests_name(tmp_path: Path) -> None:
    make_yolo(
        tmp_path / "in", {f"train/{n}.jpg": [("cat", n, 3, 20, 31)] for n in range(4)}, class_names=["cat"]
    )
    with open_workspace(tmp_path / "home") as workspace:
        import_folder(workspace, tmp_path / "in", "cats", observer=KeepingObserver())
        checkout(workspace, "cats", tmp_path / "out", observer=KeepingObserver())
        items = list(iter_items(workspace.store, workspace.catalog.projects.get("cats").manifest))
        packs = list(workspace.store.packs_folder.glob("*.pack"))
    assert len(items) == 4
    for item in items:
        content = (tmp_path / "out" / item.dataset / "img" / item.name).read_bytes()
        assert compute_blake3(content).hex() == item.blob
    for pack in packs:
        content = pack.read_bytes()
        table = content[read_footer(pack).records[-1].end : -56]
        assert compute_blake3(table) == content[-56:-24]
