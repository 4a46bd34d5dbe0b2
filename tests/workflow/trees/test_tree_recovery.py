"""A checkout after the machine was started anew: what is torn is written again, what was edited stays."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.processes import read_boot_id
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.workflow.checkout import checkout
from mlwf_tui.workflow.importing.signing import sign_status
from mlwf_tui.workflow.status import read_status
from mlwf_tui.workflow.sync import sync
from mlwf_tui.workflow.trees.recovery import is_torn
from mlwf_tui.workflow.trees.state import get_state, may_have_lost, write_state
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import write_image

IMAGE = "main/img/a.jpg"
ANNOTATION = "main/ann/a.jpg.json"


@pytest.fixture
def folder(imported: Workspace, tmp_path: Path, observer: KeepingObserver) -> Path:
    """A checkout that was written before the machine was started anew."""
    folder = tmp_path / "out"
    checkout(imported, "cells", folder, observer=observer)
    state = get_state(folder)
    assert state.boot == read_boot_id()
    write_state(folder, msgspec.structs.replace(state, boot="an earlier one"))
    return folder


def read_tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    paths = [path for path in folder.rglob("*") if path.is_file() and ".mlwf" not in path.parts]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_ino) for path in paths}


WANTED = bytes(range(1, 250)) * 60  # 14,940 bytes, none of them zero


@pytest.mark.parametrize(
    "content",
    [
        b"",
        WANTED,
        WANTED[:1],
        WANTED[:9000],
        WANTED[:9000] + bytes(200),
        bytes(len(WANTED)),
        WANTED[:4096] + bytes(4096) + WANTED[8192:],
    ],
)
def test_what_a_power_cut_leaves_of_a_file_is_torn(content: bytes) -> None:
    assert is_torn(content, WANTED)


@pytest.mark.parametrize(
    "content",
    [
        WANTED + b"\0",
        WANTED + b"x",
        b"x" + WANTED[1:],
        WANTED[:9000] + b"x",
        WANTED[1:],
        WANTED[:100] + bytes(10) + WANTED[110:],
        bytes(len(WANTED) + 1),
    ],
)
def test_what_somebody_wrote_is_not(content: bytes) -> None:
    assert not is_torn(content, WANTED)


def test_a_whole_checkout_is_looked_through_once_and_nothing_is_written(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    before = read_tree(folder)
    assert read_status(imported, folder, observer=observer).is_clean
    assert get_state(folder).boot == ""
    assert read_tree(folder) == before


@pytest.mark.parametrize("path", [IMAGE, ANNOTATION, "meta.json"])
@pytest.mark.parametrize("has_zeros", [False, True])
@pytest.mark.parametrize("kept", [0, 40])
def test_a_torn_file_is_written_again_and_it_alone(
    imported: Workspace, folder: Path, observer: KeepingObserver, path: str, kept: int, has_zeros: bool
) -> None:
    before = read_tree(folder)
    whole = before[path][0]
    (folder / path).write_bytes(whole[:kept] + bytes(len(whole) - kept if has_zeros else 0))
    assert read_status(imported, folder, observer=observer).is_clean
    after = read_tree(folder)
    assert after.pop(path)[0] == before.pop(path)[0]
    assert after == before


def test_a_torn_file_is_found_though_its_signature_says_nothing(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    """A file system may keep size and times of a file whose bytes are gone."""
    whole = (folder / IMAGE).read_bytes()
    (folder / IMAGE).write_bytes(bytes(len(whole)))
    state = get_state(folder)
    signature = sign_status((folder / IMAGE).stat())
    write_state(folder, msgspec.structs.replace(state, files=state.files | {IMAGE: signature}))
    assert read_status(imported, folder, observer=observer).is_clean
    assert (folder / IMAGE).read_bytes() == whole


def test_edits_are_told_from_what_was_lost(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    content = (folder / ANNOTATION).read_bytes()
    (folder / ANNOTATION).write_bytes(content.replace(b'"cell"', b'"spot"'))
    (folder / "main/img/b.jpg").unlink()
    (folder / "main/img/c.jpg").rename(folder / "main/img/z.jpg")
    write_image(folder / "main/img/new.jpg", seed=5)
    (folder / "main/img/d.jpg").write_bytes(b"")
    found = {(c.kind, c.key) for c in read_status(imported, folder, observer=observer).changes}
    assert found == {
        (ChangeKind.CHANGED, "main/a.jpg"),
        (ChangeKind.REMOVED, "main/b.jpg"),
        (ChangeKind.RENAMED, "main/z.jpg"),
        (ChangeKind.ADDED, "main/new.jpg"),
    }
    result = sync(imported, folder, observer=observer)
    counts = (result.items_added, result.items_updated, result.items_removed, result.items_renamed)
    assert counts == (1, 1, 1, 1)


def test_a_file_of_somebody_else_stays(imported: Workspace, folder: Path, observer: KeepingObserver) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / "main" / "ann" / "nothing.jpg.json").write_text("{}")
    sync(imported, folder, observer=observer)
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "main" / "ann" / "nothing.jpg.json").read_text() == "{}"


def test_what_was_written_anew_is_not_flushed_either(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    (folder / IMAGE).write_bytes(b"")
    read_status(imported, folder, observer=observer)
    assert get_state(folder).boot == read_boot_id()


def test_an_unfinished_checkout_is_left_to_the_next_one(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    state = get_state(folder)
    write_state(folder, msgspec.structs.replace(state, target=state.manifest))
    (folder / IMAGE).write_bytes(b"")
    (folder / ANNOTATION).unlink()
    assert read_status(imported, folder, observer=observer).is_interrupted
    assert (folder / IMAGE).read_bytes() == b""
    checkout(imported, "cells", folder, observer=observer)
    assert read_status(imported, folder, observer=observer).is_clean
    assert (folder / ANNOTATION).exists()
    assert not may_have_lost(get_state(folder))


def test_a_state_that_an_earlier_mlwf_wrote_is_read(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    state = msgspec.to_builtins(get_state(folder), builtin_types=(bytes,))
    earlier = {key: state[key] for key in state if key not in ("in_the_way", "kept_in", "verb")}
    body = msgspec.msgpack.encode(earlier | {"target": state["manifest"]})
    (folder / ".mlwf" / "state").write_bytes(compute_digest(body).encode() + body)
    assert get_state(folder).kept_in == ""
    assert read_status(imported, folder, observer=observer).is_interrupted
    sync(imported, folder, observer=observer)
    assert read_status(imported, folder, observer=observer).is_clean
