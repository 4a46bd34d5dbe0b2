"""A store that an earlier build wrote must be read by every later one; see write_fixture."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
)
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.store.format import RecordKind
from mlwf_tui.store.inspection import Inspection
from mlwf_tui.store.manifests import iter_changes, iter_items, read_summary, update_manifest, write_manifest
from mlwf_tui.store.packs import read_footer
from mlwf_tui.store.renames import iter_renamed_changes
from mlwf_tui.store.store import Store
from tests.fakes.observers import KeepingObserver

FIXTURES = Path(__file__).parent / "fixtures"
MANIFESTS = {
    "packs-1": Digest("0c915a3bf98a217409680c527ed46b05e095efb1193ba9f1500578a8569c62ba"),
    "packs-2": Digest("a7fb5075ff1bac7ac3d3596c83eca0a695336997dfcaacd5cd13581c2cb9ce89"),
}
SCHEMA = LabelSchema(
    (ClassDefinition("car", "#ff0000", GeometryKind.RECTANGLE), ClassDefinition("Ölfleck")),
    (TagDefinition("weather", "text"),),
)
TEXT = b"a line that compresses\n" * 100
LARGE = TEXT * 500  # 1.15 MB: chunks, of which most are one


def make_items(blob: Digest) -> list[Item]:
    """Return 200 items, enough for an inner node, with every kind of geometry and value."""
    ring = ((0.5, 0.25), (10.0, 0.0), (10.0, 20.125))
    return [
        Item(
            dataset="street/day" if number % 2 else "street",
            name=f"bild {number:03}.jpg",
            blob=blob,
            size_bytes=number,
            width_px=640,
            height_px=480,
            split=list(Split)[number % 4],
            annotation=Annotation(
                tuple(
                    AnnotatedObject(
                        "car",
                        Geometry(kind, ring, (ring,), (3, 4, 5), ("a", "b", "c")),
                        None if number % 3 else 0.875,
                        "eva",
                        (Tag("weather", "rain"), Tag("speed", 1.5), Tag("seen")),
                        {"checked": True, "score": 2.5, "note": "é"},
                    )
                    for kind in list(GeometryKind)[: number % 8]
                ),
                (Tag("weather", "sun"),) * (number % 2),
            ),
        )
        for number in range(200)
    ]


def write_fixture(folder: Path) -> tuple[str, Digest]:
    """Make the fixture's store: how the last of them came about. A later format gets one of its own."""
    with Store(folder) as store:
        with store.writer() as writer:
            blob = writer.put(TEXT)
            writer.put(b"\xff\xd8\xff raw, by its first bytes" * 10)
            writer.put(b"")
            writer.put(LARGE)
            manifest = write_manifest(writer, SCHEMA, make_items(blob)).digest
        (pack,) = folder.glob("packs/*.pack")
        return pack.stem, manifest


@pytest.mark.parametrize("fixture", ["packs-1", "packs-2"])
def test_a_store_of_every_format_is_still_read(fixture: str, tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / fixture, tmp_path / "packs")
    (pack,) = (tmp_path / "packs").glob("*.pack")
    with Store(tmp_path) as store:
        assert store.verify(KeepingObserver()).ok
        manifest = MANIFESTS[fixture]
        (blob,) = {item.blob for item in iter_items(store, manifest)}
        assert sorted(iter_items(store, manifest), key=lambda item: item.size_bytes) == make_items(blob)
        assert read_summary(store, manifest).schema == SCHEMA
        assert store.read(blob) == TEXT
        (large,) = (
            record.digest for record in read_footer(pack).records if record.kind == RecordKind.CHUNK_LIST
        )
        assert store.read(Digest(large.hex())) == LARGE


def test_the_same_items_still_make_the_same_manifest(tmp_path: Path) -> None:
    assert write_fixture(tmp_path)[1] == MANIFESTS["packs-2"]


def test_the_same_items_are_no_change_whichever_build_wrote_them(tmp_path: Path) -> None:
    for fixture in MANIFESTS:
        shutil.copytree(FIXTURES / fixture, tmp_path / "packs", dirs_exist_ok=True)
    with Store(tmp_path) as store:
        old, new = MANIFESTS["packs-1"], MANIFESTS["packs-2"]
        assert list(iter_changes(store, old, new)) == list(iter_renamed_changes(store, old, new)) == []


def test_an_edit_of_a_manifest_of_an_earlier_build_leaves_the_other_items_as_they_are(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "packs-1", tmp_path / "packs")
    with Store(tmp_path) as store:
        base = MANIFESTS["packs-1"]
        items = {item.key: item for item in iter_items(store, base)}
        edited = replace(items["street/bild 104.jpg"], split=Split.TEST, width_px=1)
        with store.writer() as writer:
            same = update_manifest(store, writer, base, schema=SCHEMA, changes={})
            new = update_manifest(store, writer, base, schema=SCHEMA, changes={edited.key: edited})
        assert same.digest == base
        assert {item.key: item for item in iter_items(store, new.digest)} == items | {edited.key: edited}
        assert [change.key for change in iter_changes(store, base, new.digest)] == [edited.key]


@pytest.mark.parametrize("fixture", ["packs-1", "packs-2"])
def test_a_flipped_bit_anywhere_in_a_pack_of_every_format_is_found(fixture: str, tmp_path: Path) -> None:
    (source,) = (FIXTURES / fixture).glob("*.pack")
    whole = source.read_bytes()
    chance = random.Random(fixture)
    for offset in (*range(64), *range(len(whole) - 64, len(whole)), *chance.sample(range(len(whole)), 200)):
        damaged = bytearray(whole)
        damaged[offset] ^= 1 << chance.randrange(8)
        (tmp_path / source.name).write_bytes(damaged)
        findings = Inspection(tmp_path / source.name, None, None).run(lambda _: None)
        assert findings.damages, f"byte {offset}"
