"""Bits flipped and files cut anywhere in a home: found and named, or harmless, and never handed out."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import CorruptData, MlwfError
from mlwf_tui.store.format import RECORD_HEADER_BYTES, Record, RecordKind
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.store.packs import read_footer
from mlwf_tui.workspace import Workspace, open_workspace
from tests.faults.harness import Fault, call, run_with_fault
from tests.faults.places import Places, get_scenario
from tests.faults.shapes import Contents, Known, Shape, check, digest_item, learn
from tests.faults.trials import Subject, look_and_repeat, measure

SEED = 13
KINDS = (RecordKind.BLOB, RecordKind.NODE, RecordKind.MANIFEST)
FLIPS = [12, pytest.param(150, marks=pytest.mark.slow)]


@dataclass(frozen=True, slots=True)
class Sound:
    """A place with two projects, and what each of its manifests holds."""

    place: Path
    shape: Shape
    known: Known


@pytest.fixture
def sound(places: Places) -> Sound:
    place = places.put("two")
    call(place / "home", "import", str(places.sources / "one"), "others", "--dataset", "apart")
    known = Known()
    return Sound(place, learn(place, known), known)


def flip(path: Path, offset: int, bit: int = 0x10) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ bit]))


def read_what_is_left(workspace: Workspace, manifest: str, contents: Contents) -> list[str]:
    """Return the keys that could not be read; whatever is handed out must be what it was."""
    refused = []
    try:
        for item in iter_items(workspace.store, Digest(manifest)):
            try:
                digest = digest_item(item, workspace.store.read(item.blob))
            except CorruptData:
                refused.append(item.key)
            else:
                assert contents[item.key] == digest, f"{item.key} came back wrong"
    except CorruptData:
        refused += contents.keys()
    return refused


def count_refused(sound: Sound) -> int:
    with open_workspace(sound.place / "home") as workspace:
        refused = [
            key
            for manifest, contents in sound.known.contents.items()
            for key in read_what_is_left(workspace, manifest, contents)
        ]
    return len(refused)


def find_pack(folder: Path, kind: RecordKind, number: int) -> tuple[Path, Record]:
    found = [
        (path, record)
        for path in sorted(folder.glob("*.pack"))
        for record in read_footer(path)[1]
        if record.kind == kind
    ]
    return found[number % len(found)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_flipped_bit_in_a_record_is_named_and_spoils_what_hangs_on_it_alone(
    sound: Sound, tried: Counter[str], kind: RecordKind
) -> None:
    packs = sound.place / "home" / "store" / "packs"
    total = sum(map(len, sound.known.contents.values()))
    draw = random.Random(SEED)
    refused = []
    for number in range(5):
        pack, record = find_pack(packs, kind, number)
        for start, size in (
            (record.offset, RECORD_HEADER_BYTES),
            (record.offset + RECORD_HEADER_BYTES, record.stored_size),
        ):
            offset = draw.randrange(start, start + size)
            flip(pack, offset)
            verified = call(sound.place / "home", "verify")
            assert verified.code == 1, (kind, offset)
            assert any(pack.name in problem["path"] for problem in verified.document["problems"])
            refused.append(count_refused(sound))
            flip(pack, offset)
            tried["damage: a bit of a pack"] += 1
    assert 0 < max(refused) < total, "one record has spoiled everything, or nothing"
    assert count_refused(sound) == 0


@pytest.mark.parametrize("count", FLIPS)
@pytest.mark.timeout(600)
def test_a_flipped_bit_in_the_index_is_found_or_harmless_and_mended(
    sound: Sound, tried: Counter[str], count: int
) -> None:
    index = sound.place / "home" / "store" / "index.sqlite"
    whole = index.read_bytes()
    draw = random.Random(SEED)
    for _ in range(count):
        remove_logs(index)
        index.write_bytes(whole)
        offset, bit = draw.randrange(len(whole)), 1 << draw.randrange(8)
        flip(index, offset, bit)
        verified = call(sound.place / "home", "verify")
        assert verified.code in (0, 1), (offset, bit, verified.out, verified.err)
        assert "itself failed" not in verified.err, (offset, bit, verified.err)
        refused = try_counting(sound)
        assert verified.code == 1 or refused == 0, f"verify finds nothing in the flipped byte {offset}"
        mended = call(sound.place / "home", "verify", "--rebuild-index")
        assert mended.code == 0, (offset, bit, mended.out)
        assert count_refused(sound) == 0
        tried["damage: a bit of the index"] += 1


def try_counting(sound: Sound) -> int:
    try:
        return count_refused(sound)
    except MlwfError:
        return -1


def remove_logs(database: Path) -> None:
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


@pytest.mark.parametrize("count", FLIPS)
@pytest.mark.timeout(600)
def test_a_flipped_bit_in_the_catalog_never_makes_wrong_data_or_a_trace(
    sound: Sound, tried: Counter[str], count: int
) -> None:
    catalog = sound.place / "home" / "catalog.sqlite"
    whole = catalog.read_bytes()
    draw = random.Random(SEED)
    for _ in range(count):
        remove_logs(catalog)
        catalog.write_bytes(whole)
        offset, bit = draw.randrange(len(whole)), 1 << draw.randrange(8)
        flip(catalog, offset, bit)
        for words in (("versions", "cells"), ("runs",), ("graph",), ("verify",)):
            ended = call(sound.place / "home", *words)
            assert "itself failed" not in ended.err, (offset, bit, words, ended.err)
        assert try_counting(sound) <= 0
        tried["damage: a bit of the catalog"] += 1


def leave_logs(subject: Subject) -> list[Path]:
    """Kill a command before it closes its databases, and return the logs that it leaves."""
    place = subject.places.put(subject.scenario.template)
    closing = next(step for step in subject.whole.steps if step.kind == "sql-close")
    run_with_fault(place, subject.places.fill(subject.scenario), Fault("kill", closing.number))
    logs = sorted((place / "home").rglob("*.sqlite-wal"))
    assert len(logs) == 2, logs
    return logs


def cut_at_random(log: Path, draw: random.Random) -> None:
    os.truncate(log, draw.randrange(log.stat().st_size))


def flip_at_random(log: Path, draw: random.Random) -> None:
    flip(log, draw.randrange(log.stat().st_size))


@pytest.mark.parametrize("damage", [cut_at_random, flip_at_random])
@pytest.mark.parametrize("count", [5, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)
def test_a_torn_log_takes_back_whole_transactions_and_nothing_else(
    places: Places,
    tried: Counter[str],
    damage: Callable[[Path, random.Random], None],
    count: int,
) -> None:
    subject = measure(places, get_scenario("import-changes"))
    draw = random.Random(SEED)
    for _ in range(count):
        for log in leave_logs(subject):
            damage(log, draw)
        look_and_repeat(subject)
        tried["damage: a torn log"] += 1


@pytest.mark.parametrize("damage", [cut_at_random, flip_at_random])
@pytest.mark.parametrize("count", [6, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)
def test_a_damaged_import_cache_is_never_believed(
    places: Places, tried: Counter[str], damage: Callable[[Path, random.Random], None], count: int
) -> None:
    """The folder has changed since the cache was written, and the cache has been damaged since."""
    subject = measure(places, get_scenario("import-changes"))
    draw = random.Random(SEED)
    for _ in range(count):
        places.put("one")
        caches = [path for path in (places.place / "home" / "cache").rglob("*") if path.is_file()]
        assert caches, "an import has left no cache: this test tests nothing"
        for path in caches:
            damage(path, draw)
        again = places.repeat(subject.scenario)
        assert again.code == 0, again
        assert check(places.place, subject.before, subject.after, places.known) == subject.after
        tried["damage: the cache of an import"] += 1
