"""check and fix on real homes: what is found, what is kept, and that every fix is a version of its own."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from blake3 import blake3
from msgspec.structs import replace
from PIL import Image

from mlwf_tui.entities.annotation import LabelSchema, define_classes
from mlwf_tui.entities.finding import CheckResult, Finding, FindingKind, Severity
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import Cancelled, InvalidParameter, NotFound
from mlwf_tui.media import pictures
from mlwf_tui.store.format import RECORD_HEADER_BYTES
from mlwf_tui.store.manifests import iter_items, read_summary, write_manifest
from mlwf_tui.workflow import check as checking
from mlwf_tui.workflow.check import check
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.fixing import fix
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.projects import create_project, write_empty_manifest
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.undo import undo
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.filling import flip
from tests.making import Box, make_image, make_item


def draw_scene(seed: int, *, size: tuple[int, int] = (320, 240), format: str = "jpeg") -> bytes:
    """Return an image with large shapes, the same ones for a seed at any size and in any format."""
    with Image.open(BytesIO(make_image(seed, width_px=8, height_px=6, format="png"))) as small:
        scene = small.point(lambda value: value * 4).resize(size, Image.Resampling.BICUBIC)
    file = BytesIO()
    scene.save(file, format)
    return file.getvalue()


def put(
    workspace: Workspace, *images: tuple[str, Split, bytes, list[Box]], classes: tuple[str, ...] = ("cell",)
) -> list[Item]:
    """Make the project `cells` of these images."""
    made = []
    with record(workspace, "import", params={}) as run:
        with run.writer() as writer:
            for name, split, data, boxes in images:
                item = make_item(name, boxes, split=split, width_px=320, height_px=240).item
                made.append(_with_blob(item, writer.put(data), len(data)))
            manifest = write_manifest(writer, LabelSchema(define_classes(classes)), made)
        empty = write_empty_manifest(workspace)
        with run.finishing():
            run.write_head(create_project(workspace, "cells", empty), manifest)
    return made


def _with_blob(item: Item, blob: Digest, size_bytes: int) -> Item:
    return replace(item, blob=blob, size_bytes=size_bytes)


def find(result: CheckResult, kind: FindingKind) -> Finding:
    (finding,) = (finding for finding in result.findings if finding.kind is kind)
    return finding


def list_keys(workspace: Workspace) -> list[str]:
    manifest = workspace.catalog.projects.get("cells").manifest
    return [item.key for item in iter_items(workspace.store, manifest)]


CELL: list[Box] = [("cell", 50, 50, 120, 120)]


def test_a_sound_project_has_no_finding(workspace: Workspace, observer: KeepingObserver) -> None:
    put(workspace, ("a.jpg", Split.TRAIN, draw_scene(1), CELL), ("b.jpg", Split.VAL, draw_scene(2), CELL))
    result = check(workspace, "cells", observer=observer)
    assert (result.findings, result.ok, result.items, result.objects) == ((), True, 2, 2)


def test_copies_across_splits_are_leaks_and_within_one_duplicates(
    workspace: Workspace, observer: KeepingObserver
) -> None:
    put(
        workspace,
        ("a.jpg", Split.TRAIN, draw_scene(1), CELL),
        ("b.jpg", Split.VAL, draw_scene(1), CELL),
        ("c.jpg", Split.TRAIN, draw_scene(2), CELL),
        ("d.jpg", Split.TRAIN, draw_scene(2), []),
    )
    result = check(workspace, "cells", observer=observer)
    leak, duplicate = find(result, FindingKind.LEAK), find(result, FindingKind.DUPLICATE_IMAGE)
    assert not result.ok
    assert leak.severity is Severity.ERROR
    assert [(p.item, p.note) for p in leak.places] == [
        ("main/b.jpg", "val, same bytes as main/a.jpg in train")
    ]
    assert [place.item for place in duplicate.places] == ["main/d.jpg"]


def test_the_same_picture_in_another_file_is_found(workspace: Workspace, observer: KeepingObserver) -> None:
    put(
        workspace,
        ("a.jpg", Split.TRAIN, draw_scene(1), CELL),
        ("b.png", Split.VAL, draw_scene(1, size=(160, 120), format="png"), CELL),
        ("c.jpg", Split.TRAIN, draw_scene(3), CELL),
        ("d.webp", Split.TRAIN, draw_scene(3, format="webp"), CELL),
    )
    result = check(workspace, "cells", is_near=True, observer=observer)
    assert [p.item for p in find(result, FindingKind.NEAR_LEAK).places] == ["main/b.png"]
    assert [p.item for p in find(result, FindingKind.NEAR_DUPLICATE).places] == ["main/d.webp"]


def test_images_that_were_never_decoded_are_left_unless_asked_for(
    workspace: Workspace, observer: KeepingObserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(workspace, ("a.jpg", Split.TRAIN, draw_scene(1), CELL), ("b.jpg", Split.VAL, draw_scene(2), CELL))
    monkeypatch.setattr(checking, "QUICK_IMAGES", 1)
    assert check(workspace, "cells", observer=observer).images_not_compared == 2
    assert check(workspace, "cells", is_near=True, observer=observer).images_not_compared == 0
    assert check(workspace, "cells", observer=observer).images_not_compared == 0  # they are kept


def test_a_damaged_cache_begins_anew(workspace: Workspace, observer: KeepingObserver) -> None:
    put(workspace, ("a.jpg", Split.TRAIN, draw_scene(1), CELL))
    cache = workspace.home / "cache" / "fingerprints.sqlite"
    cache.parent.mkdir(exist_ok=True)
    cache.write_bytes(b"no database" * 100)
    assert check(workspace, "cells", observer=observer).images_not_compared == 0


def test_an_image_whose_pixels_are_damaged_is_named(workspace: Workspace, observer: KeepingObserver) -> None:
    data = bytearray(draw_scene(1, format="png"))
    data[100:140] = bytes(40)
    put(workspace, ("a.png", Split.TRAIN, bytes(data), CELL))
    found = find(check(workspace, "cells", observer=observer), FindingKind.UNREADABLE_IMAGE)
    assert [place.item for place in found.places] == ["main/a.png"]


def test_a_tiff_that_trainers_cannot_decode_is_named(workspace: Workspace, observer: KeepingObserver) -> None:
    scene = Image.open(BytesIO(draw_scene(1))).convert("L")
    wide, plain, packed = BytesIO(), BytesIO(), BytesIO()
    scene.convert("F").save(wide, "TIFF")
    scene.rotate(90).save(plain, "TIFF")
    scene.rotate(180).save(packed, "TIFF", compression="zstd")
    put(
        workspace,
        ("wide.tif", Split.TRAIN, wide.getvalue(), CELL),
        ("copy.tif", Split.TRAIN, wide.getvalue(), CELL),
        ("plain.tif", Split.TRAIN, plain.getvalue(), CELL),
        ("packed.TIFF", Split.TRAIN, packed.getvalue(), CELL),
    )

    for _ in range(2):  # the second time from the cache
        result = check(workspace, "cells", observer=observer)
        found = find(result, FindingKind.WIDE_TIFF)
        assert [place.item for place in found.places] == [
            "main/copy.tif",
            "main/packed.TIFF",
            "main/wide.tif",
        ]
        assert found.severity is Severity.WARNING
        assert result.ok


def test_very_large_images_are_compared_one_at_a_time(
    workspace: Workspace, observer: KeepingObserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 1000)
    put(
        workspace,
        ("a.png", Split.TRAIN, draw_scene(1, format="png"), CELL),
        ("b.png", Split.VAL, draw_scene(1, size=(640, 480), format="png"), CELL),
    )

    result = check(workspace, "cells", observer=observer)

    assert result.images_not_compared == 0
    assert find(result, FindingKind.NEAR_LEAK).count == 1


def test_an_image_that_the_store_cannot_give_is_named(
    workspace: Workspace, observer: KeepingObserver
) -> None:
    lost, kept = draw_scene(1), draw_scene(2)
    put(
        workspace,
        ("a.jpg", Split.TRAIN, lost, CELL),
        ("b.jpg", Split.TRAIN, kept, CELL),
        ("c.jpg", Split.TRAIN, lost, CELL),
    )
    found = workspace.store.index.find(blake3(lost).digest())
    assert found is not None
    pack, record = found
    flip(workspace.store.path_of(pack), record.offset + RECORD_HEADER_BYTES + 5)
    result = check(workspace, "cells", is_near=True, observer=observer)
    places = find(result, FindingKind.LOST_IMAGE).places
    assert [place.item for place in places] == ["main/a.jpg", "main/c.jpg"]
    assert (result.ok, result.images_not_compared, result.images_undecoded) == (False, 2, 0)


def test_an_image_that_the_store_lacks_is_named_without_decoding(
    workspace: Workspace, observer: KeepingObserver
) -> None:
    with workspace.store.writer() as writer:  # a pack of its own
        writer.put(draw_scene(1))
    put(workspace, ("a.jpg", Split.TRAIN, draw_scene(1), CELL), ("b.jpg", Split.VAL, draw_scene(2), CELL))
    assert check(workspace, "cells", observer=observer).ok  # and how they look is kept
    found = workspace.store.index.find(blake3(draw_scene(1)).digest())
    assert found is not None
    workspace.store.index.drop_packs([found[0]])
    result = check(workspace, "cells", observer=observer)
    assert [place.item for place in find(result, FindingKind.LOST_IMAGE).places] == ["main/a.jpg"]


def test_an_empty_project_and_one_that_is_missing(workspace: Workspace, observer: KeepingObserver) -> None:
    put(workspace, classes=())
    assert check(workspace, "cells", observer=observer).findings == ()
    with pytest.raises(NotFound):
        check(workspace, "ghost", observer=observer)


def test_a_check_can_be_stopped(workspace: Workspace) -> None:
    put(workspace, ("a.jpg", Split.TRAIN, draw_scene(1), CELL))
    with pytest.raises(Cancelled):
        check(workspace, "cells", observer=StoppingObserver())


def test_a_fix_is_a_version_with_its_lineage_and_undo_takes_it_back(
    workspace: Workspace, observer: KeepingObserver
) -> None:
    put(
        workspace,
        ("a.jpg", Split.TRAIN, draw_scene(1), CELL),
        ("b.jpg", Split.VAL, draw_scene(1), []),
        ("c.jpg", Split.TRAIN, draw_scene(2), [("cell", 300, 50, 360, 90), ("cell", 5, 5, 5, 9)]),
        classes=("cell", "ghost"),
    )
    kinds = [
        FindingKind.LEAK,
        FindingKind.OUTSIDE,
        FindingKind.NO_AREA,
        FindingKind.UNUSED_CLASS,
    ]
    made = fix(workspace, "cells", kinds, observer=observer)

    assert (made.version, made.created) == (2, True)
    assert (made.items_changed, made.objects_clipped, made.objects_dropped) == (1, 1, 1)
    assert [(d.item, d.kept) for d in made.dropped] == [("main/b.jpg", "main/a.jpg")]
    assert made.classes_dropped == ("ghost",)
    assert list_keys(workspace) == ["main/a.jpg", "main/c.jpg"]
    manifest = workspace.catalog.projects.get("cells").manifest
    assert read_summary(workspace.store, manifest).schema.class_names == ("cell",)
    (c,) = (i for i in iter_items(workspace.store, manifest) if i.name == "c.jpg")
    assert [o.geometry.bounds for o in c.annotation.objects] == [(300, 50, 320, 90)]
    assert {"cells@1", "cells@2"} <= {node.title for node in read_graph(workspace).nodes}
    assert check(workspace, "cells", observer=observer).findings == ()

    undo(workspace, "cells")
    assert list_keys(workspace) == ["main/a.jpg", "main/b.jpg", "main/c.jpg"]


def test_copies_that_are_labelled_otherwise_are_kept(workspace: Workspace, observer: KeepingObserver) -> None:
    put(
        workspace,
        ("a.jpg", Split.TRAIN, draw_scene(1), CELL),
        ("b.jpg", Split.TRAIN, draw_scene(1), [("cell", 1, 1, 30, 30)]),
    )
    made = fix(workspace, "cells", [FindingKind.DUPLICATE_IMAGE], observer=observer)
    assert not made.created
    place = find(check(workspace, "cells", observer=observer), FindingKind.DUPLICATE_IMAGE).places[0]
    assert place.note.endswith("labelled otherwise")


def test_only_what_is_asked_for_is_fixed_and_a_second_time_nothing(
    workspace: Workspace, observer: KeepingObserver
) -> None:
    put(
        workspace,
        ("a.jpg", Split.TRAIN, draw_scene(1), CELL),
        ("b.jpg", Split.VAL, draw_scene(1), CELL),
    )
    assert not fix(workspace, "cells", [FindingKind.DUPLICATE_IMAGE], observer=observer).created
    assert fix(workspace, "cells", [FindingKind.LEAK], observer=observer).created
    again = fix(workspace, "cells", [FindingKind.LEAK], observer=observer)
    assert (again.created, again.version) == (False, 2)


def test_what_needs_an_eye_and_older_versions_are_refused(
    workspace: Workspace, observer: KeepingObserver
) -> None:
    put(workspace, ("a.jpg", Split.TRAIN, draw_scene(1), [*CELL, *CELL]))
    commit(workspace, "cells", message="first")
    with pytest.raises(InvalidParameter, match="cannot be fixed"):
        fix(workspace, "cells", [FindingKind.TINY_OBJECT], observer=observer)
    assert fix(workspace, "cells@1", [FindingKind.DUPLICATE_OBJECT], observer=observer).version == 2
    with pytest.raises(InvalidParameter, match="not what cells stands on"):
        fix(workspace, "cells@1", [FindingKind.DUPLICATE_OBJECT], observer=observer)


def test_a_check_leaves_nothing_but_its_cache(
    workspace: Workspace, observer: KeepingObserver, tmp_path: Path
) -> None:
    put(workspace, ("a.jpg", Split.TRAIN, draw_scene(1), CELL))
    head = workspace.catalog.projects.get("cells").head
    stored = workspace.store.read_stats()
    check(workspace, "cells", is_near=True, observer=observer)
    assert workspace.catalog.projects.get("cells").head == head
    assert workspace.store.read_stats() == stored
