from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

from mlwf_tui.store.manifests import EncodedItem
from mlwf_tui.workflow.importing.spool import ItemSpool


def make_items(count: int) -> list[EncodedItem]:
    chance = random.Random(count)
    return [EncodedItem(f"main/{n:06}.jpg", chance.randbytes(3000), n, 2 * n) for n in range(count)]


def test_items_come_back_in_the_order_of_their_keys(tmp_path: Path) -> None:
    items = make_items(8000)  # several times what is kept in memory
    shuffled = random.Random(1).sample(items, len(items))
    for order in (items, shuffled, [*items[4000:], *items[:4000]]):
        with closing(ItemSpool(tmp_path)) as spool:
            for item in order:
                spool.add(item)
            assert spool.count == len(items)
            assert list(spool.iter_sorted()) == items


def test_a_spool_leaves_no_file_behind(tmp_path: Path) -> None:
    with closing(ItemSpool(tmp_path)) as spool:
        for item in make_items(4000):
            spool.add(item)
        assert not list(tmp_path.iterdir())
