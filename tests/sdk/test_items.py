"""Items read straight from the packs: in order, by place and key, from threads and other processes."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import mlwf_tui
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import CorruptData, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.sdk import Home, Items
from mlwf_tui.store.format import RECORD_HEADER_BYTES
from mlwf_tui.store.packs import read_footer
from mlwf_tui.workspace import open_workspace
from tests.states import SCHEMA, make_object, make_plain_item, set_state

NAMES = ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.png"]
KEYS = [f"main/{name}" for name in NAMES] + [f"main/more/{name}" for name in NAMES]

READ_ALL = """
import hashlib, pickle, sys
items = pickle.load(sys.stdin.buffer)
print(len(items), hashlib.sha256(b"".join(map(items.read_image, items))).hexdigest())
"""


@pytest.fixture
def items(filled: Home) -> Items:
    return filled.open_data("cells@1")


def digest_all(items: Items) -> str:
    return hashlib.sha256(b"".join(map(items.read_image, items))).hexdigest()


def damage(home: Path, blob: Digest) -> None:
    """Flip one bit of a blob's bytes in its pack."""
    for pack in (home / "store" / "packs").glob("*.pack"):
        for record in read_footer(pack)[1]:
            if record.digest.hex() == blob:
                content = bytearray(pack.read_bytes())
                content[record.offset + RECORD_HEADER_BYTES + 5] ^= 0x10
                pack.write_bytes(content)


def test_items_come_in_key_order_with_all_that_is_known_of_them(items: Items) -> None:
    assert [item.key for item in items] == KEYS
    assert len(items) == 10
    assert items.schema.class_names == ("cell", "spot")
    assert [labelled.class_name for labelled in items["main/b.jpg"].annotation.objects] == ["cell", "spot"]


def test_an_item_is_found_by_place_and_by_key(items: Items) -> None:
    assert [items[place].key for place in (0, 4, 9, -1, -10)] == [KEYS[at] for at in (0, 4, 9, 9, 0)]
    assert [items[key].key for key in KEYS] == KEYS
    assert "main/more/c.jpg" in items
    assert "main/more/c.jp" not in items
    assert items.find("zzz") is None
    for place in (10, -11):
        with pytest.raises(IndexError, match=rf"cells@1 has 10 items here, and none at {place}\."):
            items[place]
    with pytest.raises(NotFound, match="cells@1 has no item 'main/x'"):
        items["main/x"]


def test_an_image_is_the_file_that_was_imported(items: Items, voc: Path) -> None:
    for item in items:
        assert items.read_image(item) == (voc / "JPEGImages" / item.name).read_bytes()


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"split": "train"}, "abcabc"),
        ({"split": Split.VAL}, "dd"),
        ({"dataset": "main/more"}, "abcde"),
        ({"dataset": "main"}, "abcdeabcde"),
        ({"dataset": "main/more", "split": "val", "class_name": "spot"}, ""),
        ({"class_name": "spot"}, "bcbc"),
        ({"class_name": "spot", "split": "train", "dataset": "main/more"}, "bc"),
        ({}, "abcdeabcde"),
    ],
)
def test_items_are_selected_by_what_they_are(items: Items, wanted: dict[str, str], names: str) -> None:
    chosen = items.select(**wanted)
    assert [item.name[0] for item in chosen] == list(names)
    assert len(chosen) == len(names)


def test_a_selection_is_narrowed_and_looked_up_like_the_whole(items: Items) -> None:
    spots = items.select(class_name="spot")
    more = spots.select(dataset="main/more")
    assert [item.key for item in more] == ["main/more/b.jpg", "main/more/c.jpg"]
    assert more[-1].key == "main/more/c.jpg"
    assert "main/b.jpg" in spots
    assert "main/b.jpg" not in more
    assert more.select(split="test").find("main/e.png") is None


def test_a_selection_by_what_there_cannot_be_is_refused(items: Items) -> None:
    with pytest.raises(InvalidParameter, match="has no class 'sopt'") as caught:
        items.select(class_name="sopt")
    assert "cell, spot" in caught.value.hint
    with pytest.raises(InvalidParameter, match="no split 'valid'"):
        items.select(split="valid")
    for name in ("nope", "mai"):
        with pytest.raises(InvalidParameter, match=f"no dataset '{name}'") as caught:
            items.select(dataset=name)
    assert "main, main/more" in caught.value.hint
    with pytest.raises(InvalidParameter, match="no tag 'nope'"):
        items.select(tag="nope")


def test_a_slice_is_a_part_in_key_order(items: Items) -> None:
    assert [item.key for item in items[2:4]] == KEYS[2:4]
    assert [item.key for item in items[-3:]] == KEYS[-3:]
    assert [item.key for item in items[::4]] == KEYS[::4]
    assert [item.key for item in items.select(dataset="main/more")[1:][:1]] == [
        [key for key in KEYS if key.startswith("main/more/")][1]
    ]
    assert len(items[5:2]) == 0
    assert items[2:4].find(KEYS[0]) is None
    with pytest.raises(InvalidParameter, match="key order"):
        items[::-1]


def test_items_stay_what_they_were_when_the_head_moves(filled: Home) -> None:
    items = filled.open_data("cells")
    filled.transform("sample", "cells", to="cells", params={"n": 2})
    assert [item.key for item in items] == KEYS
    assert len(filled.open_data("cells")) == 2


def test_a_ref_to_nothing_is_not_found(filled: Home) -> None:
    for ref in ("nothing", "cells@7", "cells@golden"):
        with pytest.raises(NotFound):
            filled.open_data(ref)


def test_thousands_of_items_are_iterated_and_selected(home: Home) -> None:
    wanted = [
        make_plain_item(
            f"d/{number:05}.jpg", make_object("car"), split=Split.VAL if number % 7 == 0 else Split.TRAIN
        )
        for number in range(2500)
    ]
    with open_workspace(home.path) as workspace:
        set_state(workspace, "big", wanted, schema=SCHEMA)
    items = home.open_data("big")
    assert list(items) == wanted
    assert list(items.select(split="val")) == wanted[::7]
    assert items[1234] == wanted[1234] == items[wanted[1234].key]
    assert items.select(split="val")[200] == wanted[1400]


def test_an_empty_project_has_no_items(home: Home) -> None:
    with open_workspace(home.path) as workspace:
        set_state(workspace, "empty", [])
    items = home.open_data("empty")
    assert (len(items), list(items), "a/b" in items) == (0, [], False)
    assert list(items.select(split="val")) == []


def test_a_damaged_image_is_refused_and_the_rest_is_read(filled: Home) -> None:
    items = filled.open_data("cells@1")
    hit = items["main/c.jpg"]
    damage(filled.path, hit.blob)
    for item in items:
        if item.blob == hit.blob:
            with pytest.raises(CorruptData, match=hit.blob):
                items.read_image(item)
        else:
            assert items.read_image(item)


def test_threads_read_at_once(items: Items) -> None:
    expected = digest_all(items)

    def read(number: int) -> str:
        assert items[number % 10].key == KEYS[number % 10]
        return digest_all(items)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(40), timeout=60)) == {expected}


def test_another_process_reads_what_was_pickled(items: Items) -> None:
    pickled = pickle.dumps(items.select(split="train"))
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL],
        input=pickled,
        capture_output=True,
        cwd=Path(mlwf_tui.__path__[0]).parent,
        timeout=60,
        check=True,
    )
    assert done.stdout.decode().split() == ["6", digest_all(items.select(split="train"))]


def test_a_pickle_outlives_the_home_that_it_came_from(tmp_path: Path, filled: Home) -> None:
    items = filled.open_data("cells@1")
    expected, pickled = digest_all(items), pickle.dumps(items)
    filled.close()
    with pytest.raises(InvalidInput, match="was closed"):
        items[0]
    assert digest_all(pickle.loads(pickled)) == expected


def test_a_forked_process_opens_the_home_for_itself(items: Items) -> None:
    expected = digest_all(items)
    context = multiprocessing.get_context("fork")
    with context.Pool(3) as pool:
        results = [pool.apply_async(digest_all, (items,)) for _ in range(6)]
        assert [result.get(timeout=60) for result in results] == [expected] * 6
    process = context.Process(target=check_inherited, args=(items, expected))
    process.start()
    assert digest_all(items) == expected  # both at once
    process.join(timeout=60)
    assert process.exitcode == 0
    assert digest_all(items) == expected


def check_inherited(items: Items, expected: str) -> None:
    """Runs in a forked process, which has these items without a pickle."""
    assert digest_all(items) == expected


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.timeout(300)
def test_the_workers_of_a_data_loader_read_them(items: Items, method: str) -> None:
    torch_data = pytest.importorskip("torch.utils.data")
    loader = torch_data.DataLoader(
        items, batch_size=3, shuffle=True, num_workers=2, collate_fn=list, multiprocessing_context=method
    )
    for _ in range(2):
        batches: list[Sequence[Item]] = list(loader)
        assert sorted(item.key for batch in batches for item in batch) == KEYS
