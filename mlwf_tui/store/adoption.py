"""An index and the packs that lie beside it: made to agree at opening, or made again from the packs alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlwf_tui.errors import CorruptData, StorageFailed
from mlwf_tui.store.codec import is_sound
from mlwf_tui.store.index import Index, PackRecords, open_index
from mlwf_tui.store.index_file import remove_index
from mlwf_tui.store.packs import iter_records, list_packs, place_pack, read_footer

logger = logging.getLogger(__name__)


def open_adopting(path: Path, packs: Path) -> Index:
    """Open an index, or make it, and let it name just the packs of a folder.

    The caller keeps others from opening the store meanwhile.

    Raises:
        StorageFailed: the disk refused.
    """
    index = open_index(path)
    try:
        _adopt(index, packs)
    except CorruptData as error:  # it looked like an index, and was none
        logger.warning("the index is made again: %s", error.message)
        index.close()
        remove_index(path)
        index = Index(path)
        _adopt(index, packs)
    return index


def rebuild(index: Index, packs: Path) -> Index:
    """Fill an index anew from the packs, or give another where its file does not get sound by that.

    Of a pack without a whole footer, what is sound is taken.
    """
    if _rebuild_in_place(index, packs):
        return index
    index.close()
    remove_index(index.path)
    fresh = Index(index.path)
    fresh.add_packs(_iter_salvaged(packs), is_name_checked=False)
    return fresh


def iter_whole(packs: Path, names: Sequence[str]) -> Iterator[PackRecords]:
    """Yield what packs say of themselves, but for those whose footers are damaged."""
    for name in names:
        try:
            footer = read_footer(place_pack(packs, name))
        except (CorruptData, StorageFailed) as error:
            logger.warning("pack %s is not adopted: %s", name, error.message)
        else:
            yield name, footer.size_bytes, footer.records


def _adopt(index: Index, packs: Path) -> None:
    """Make the index name the packs that are there: a blob of a missing pack may be put again."""
    known, present = index.list_packs(), list_packs(packs)
    missing = sorted(known - present)
    if missing:
        logger.warning("Missing from %s: %s; mlwf verify says what that hits", packs, missing)
        # All footers anew: what was read from a missing pack may lie in another one as well.
        whole = iter_whole(packs, sorted(present))
        index.replace_packs(whole, missing, is_name_checked=False, is_loss=True)
    elif present - known:
        index.add_packs(iter_whole(packs, sorted(present - known)), is_name_checked=False)


def _rebuild_in_place(index: Index, packs: Path) -> bool:
    """Fill the index anew, and return whether it is sound then: some damage outlives its rows."""
    try:
        index.replace_all(_iter_salvaged(packs))
    except CorruptData:
        return False
    return not index.find_damage()


def _iter_salvaged(packs: Path) -> Iterator[PackRecords]:
    for name in sorted(list_packs(packs)):
        path = place_pack(packs, name)
        try:
            size_bytes, records, *_ = read_footer(path)
        except CorruptData as error:
            logger.warning("pack %s is read record by record: %s", name, error.message)
            size_bytes = path.stat().st_size
            records = [record for record, payload in iter_records(path) if is_sound(record, payload)]
        except StorageFailed as error:
            logger.warning("pack %s is passed over: %s", name, error.message)
            continue
        yield name, size_bytes, records
