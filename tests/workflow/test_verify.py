"""What a verify says of damage: which versions and items it hits, and how a backup mends it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mlwf_tui.errors import InvalidParameter, NotFound
from mlwf_tui.store.format import RecordKind
from mlwf_tui.store.packs import read_footer
from mlwf_tui.workflow.backup import backup
from mlwf_tui.workflow.collect import collect
from mlwf_tui.workflow.verify import VerifyResult, verify
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.observers import KeepingObserver
from tests.filling import flip, list_packs, make_blob, write_model, write_version

IMAGES = {f"{number:03}.jpg": make_blob(number) for number in range(100)}
WEIGHTS = random.Random(3).randbytes(2 << 20)


def find_record(home: Path, content: bytes) -> tuple[Path, int]:
    """Return the pack that holds these bytes as they are, and where."""
    for pack in list_packs(home):
        place = pack.read_bytes().find(content)
        if place >= 0:
            return pack, place
    raise AssertionError("no pack holds it")


def find_node(pack: Path) -> int:
    """Return where the payload of a manifest's node lies in a pack."""
    records = read_footer(pack)[1]
    return next(record.offset + 44 for record in records if record.kind == RecordKind.NODE)


def check(workspace: Workspace, repair_from: Path | None = None) -> VerifyResult:
    return verify(workspace, KeepingObserver(), repair_from=repair_from)


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    """Two versions of 100 images that differ in one, and a model."""
    write_version(workspace, "cells", IMAGES)
    write_version(workspace, "cells", {**IMAGES, "000.jpg": make_blob(1000)})
    write_model(workspace, "net", WEIGHTS)
    return workspace


@pytest.fixture
def copy(filled: Workspace, tmp_path: Path) -> Path:
    """A backup of it."""
    assert backup(filled, tmp_path / "backup", KeepingObserver()).ok
    return tmp_path / "backup"


def test_a_sound_home_has_no_problem(filled: Workspace) -> None:
    result = check(filled)
    assert (result.ok, result.problems) == (True, ())
    assert result.checked_bytes == sum(pack.stat().st_size for pack in list_packs(filled.home))


def test_a_damaged_image_is_named_with_all_its_versions(filled: Workspace) -> None:
    pack, place = find_record(filled.home, IMAGES["050.jpg"])
    flip(pack, place)
    result = check(filled)
    assert [problem.path for problem in result.problems] == [
        f"packs/{pack.name}", "cells@2: main/050.jpg"
    ]  # fmt: skip
    assert "main/050.jpg of cells@2, cells@1" in result.problems[0].reason
    assert f"damaged in packs/{pack.name}; also in cells@1" in result.problems[1].reason


def test_an_image_of_one_version_hits_that_version_alone(filled: Workspace) -> None:
    flip(*find_record(filled.home, IMAGES["000.jpg"]))
    paths = [problem.path for problem in check(filled).problems]
    assert paths[1:] == ["cells@1: main/000.jpg"]


def test_a_damaged_node_is_named_with_its_versions(filled: Workspace) -> None:
    pack, _ = find_record(filled.home, IMAGES["000.jpg"])
    flip(pack, find_node(pack) + 20)
    problems = check(filled).problems
    assert problems[0].path == f"packs/{pack.name}"
    assert "cells@" in problems[0].reason
    assert any(problem.path.startswith("cells@") for problem in problems[1:])


def test_damaged_weights_are_named_with_their_model(filled: Workspace) -> None:
    flip(*find_record(filled.home, WEIGHTS[1 << 20 : (1 << 20) + 16]))
    result = check(filled)
    assert "net/best.pt" in [problem.path for problem in result.problems]
    assert "It hits net/best.pt" in result.problems[0].reason


def test_damage_that_hits_nothing_says_so_and_how_to_be_rid_of_it(filled: Workspace) -> None:
    flip(*find_record(filled.home, IMAGES["050.jpg"]))
    assert len(check(filled).problems) == 2
    with filled.store.writer() as writer:
        writer.put(IMAGES["050.jpg"])
    (problem,) = check(filled).problems
    assert "Nothing that is named is hit. mlwf collect --apply replaces the pack." in problem.reason
    collect(filled, KeepingObserver(), is_dry_run=False)
    assert check(filled).ok


def test_a_missing_pack_is_named_by_what_it_held(filled: Workspace) -> None:
    pack, _ = find_record(filled.home, IMAGES["000.jpg"])
    pack.unlink()
    problems = check(filled).problems
    assert problems[0].path == f"packs/{pack.name}"
    home = filled.home
    with open_workspace(home) as again:  # where the index has forgotten the pack
        result = check(again)
        assert {problem.path for problem in result.problems} >= {"cells@1"}
        assert not any(problem.path.startswith("packs/") for problem in result.problems)


def test_the_scopes_read_less_and_still_ask_for_everything(filled: Workspace) -> None:
    observer = KeepingObserver()
    assert verify(filled, observer, scope="new").checked_bytes > 0
    assert verify(filled, observer, scope="new").checked_bytes == 0
    part = verify(filled, observer, scope="sample", share=0.5).checked_bytes
    assert 0 < part < verify(filled, observer).checked_bytes
    filled.store.index.drop_packs([find_record(filled.home, IMAGES["050.jpg"])[0].stem])
    assert not verify(filled, observer, scope="new").ok


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_a_share_that_is_none_is_refused(filled: Workspace, share: float) -> None:
    with pytest.raises(InvalidParameter):
        verify(filled, KeepingObserver(), scope="sample", share=share)


def test_a_backup_mends_an_image(filled: Workspace, copy: Path) -> None:
    pack, place = find_record(filled.home, IMAGES["050.jpg"])
    flip(pack, place)
    result = check(filled, copy)
    assert (result.ok, result.repaired, result.problems) == (True, 1, ())
    assert check(filled).ok
    assert (filled.home / "store" / "damaged" / pack.name).exists()


def test_a_backup_mends_lost_nodes_and_what_they_name(filled: Workspace, copy: Path) -> None:
    with filled.store.hold_opening():
        for pack in list_packs(filled.home):
            pack.unlink()
    home = filled.home
    with open_workspace(home) as again:
        assert not check(again).ok
        result = check(again, copy)
        assert result.ok, result.problems
        assert result.repaired > 100
        assert check(again).ok


def test_a_backup_mends_weights(filled: Workspace, copy: Path) -> None:
    flip(*find_record(filled.home, WEIGHTS[1 << 20 : (1 << 20) + 16]))
    assert check(filled, copy).ok
    assert check(filled).ok


def test_what_the_backup_lacks_stays_a_problem(filled: Workspace, copy: Path) -> None:
    write_version(filled, "cells", {"new.jpg": make_blob(7000)})
    flip(*find_record(filled.home, make_blob(7000)))
    flip(*find_record(filled.home, IMAGES["050.jpg"]))
    result = check(filled, copy)
    assert [problem.path for problem in result.problems] == ["cells@3: main/new.jpg"]
    assert result.repaired == 1


def test_a_wrong_index_is_made_again_before_anything_is_fetched(filled: Workspace, copy: Path) -> None:
    with filled.store.index._transaction() as connection:
        connection.execute("UPDATE blobs SET offset = offset + 1 WHERE kind = 1")
    assert not check(filled).ok
    result = check(filled, copy)
    assert (result.ok, result.repaired) == (True, 0)
    assert not (filled.home / "store" / "damaged").exists()


@pytest.mark.parametrize("is_damaged", [True, False])
def test_a_folder_that_is_no_backup_is_not_found(filled: Workspace, tmp_path: Path, is_damaged: bool) -> None:
    if is_damaged:
        flip(*find_record(filled.home, IMAGES["050.jpg"]))
    for place in (tmp_path / "nothing", filled.home):
        with pytest.raises(NotFound):
            check(filled, place)


def test_a_damaged_catalog_is_a_problem(filled: Workspace) -> None:
    home = filled.home
    page = filled.catalog._database.execute_sql(
        "SELECT rootpage FROM sqlite_master WHERE name = 'folder_by_path'"
    )[0][0]
    size = filled.catalog._database.execute_sql("PRAGMA page_size")[0][0]
    filled.catalog._database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    filled.catalog.close()
    with (home / "catalog.sqlite").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with open_workspace(home) as again:
        assert [problem.path for problem in check(again).problems] == ["catalog.sqlite"]
