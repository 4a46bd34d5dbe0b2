"""Says which versions and items damage hits, in sentences; finds no damage itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set

from mlwf_tui.catalog.roots import Root
from mlwf_tui.entities.run import Problem
from mlwf_tui.store.inspection import Damage
from mlwf_tui.store.references import Tracer
from mlwf_tui.store.store import Store
from mlwf_tui.store.verify import StoreCheck, name_file

_MAX_NAMED = 3  # versions or items that are written out; the rest is counted

_Hits = Mapping[bytes, Mapping[str, Sequence[str]]]
"""By digest: by key of an item ("" for a part of a manifest, weights or an evaluation), the titles hit."""


def describe_hits(
    store: Store, packs: StoreCheck, missing: Set[bytes], roots: Sequence[Root]
) -> Iterator[Problem]:
    """Yield what is wrong with packs, with what that hits, then everything named that cannot be read."""
    hits = _trace(store, packs.lost.keys() | missing, roots)
    for damage in packs.damages:
        yield Problem(name_file(damage.pack), f"{damage.reason} {_describe(damage, packs, hits)}".strip())
    for digest, items in hits.items():
        pack = packs.lost.get(digest)
        for key, titles in items.items():
            what = "It is" if not key else "Its image is"
            where = f"damaged in {name_file(pack)}" if pack else "missing from the store"
            also = f"; also in {_list_some(titles[1:])}" if titles[1:] else ""
            yield Problem(f"{titles[0]}: {key}" if key else titles[0], f"{what} {where}{also}.")


def _trace(store: Store, unreadable: Set[bytes], roots: Sequence[Root]) -> _Hits:
    hits: dict[bytes, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    if not unreadable:
        return hits
    tracer = Tracer(store, unreadable)
    for root in roots:
        if root.is_manifest:
            for lost in tracer.trace(root.digest):
                hits[lost.digest][lost.key].append(root.title)
        elif bytes.fromhex(root.digest) in unreadable:
            hits[bytes.fromhex(root.digest)][""].append(root.title)
    return hits


def _describe(damage: Damage, packs: StoreCheck, hits: _Hits) -> str:
    """Return what one damage hits: of one record, or of all that is lost with its pack."""
    if damage.is_of_index and not damage.pack:
        return ""
    if damage.digest is None:
        digests = [digest for digest, pack in packs.lost.items() if pack == damage.pack]
    else:
        digests = [damage.digest, *(blob for blob, chunk in packs.broken.items() if chunk == damage.digest)]
    keys = {key: titles for digest in digests for key, titles in hits.get(digest, {}).items()}
    titles = dict.fromkeys(title for of_key in keys.values() for title in of_key)
    if not titles:
        mended = "" if damage.is_of_index else " mlwf collect --apply replaces the pack."
        return f"Nothing that is named is hit.{mended}"
    items = [key for key in keys if key]
    what = f"{_list_some(items)} of " if items else ""
    return f"It hits {what}{_list_some(list(titles))}."


def _list_some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MAX_NAMED])
    return f"{shown} and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else shown
