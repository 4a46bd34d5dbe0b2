"""Finds the items that a benchmark measures, and their digest: equal digests mean the same data."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.part import ALL, AUTO, Part
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.expressions.parse import parse_item_condition
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workspace import Workspace

MOST_KEY_BYTES = 64 << 20


def read_keys(path: Path) -> tuple[str, ...]:
    """Return the items that a file names, one a line; empty lines and those with # are left out.

    Raises:
        InvalidParameter: it cannot be read, is too large, or names none.
    """
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(MOST_KEY_BYTES + 1)
        if len(content) > MOST_KEY_BYTES:
            raise InvalidParameter(f"{path} is too large for a list of items.", hint="Give another.")
        lines = [line.strip() for line in content.decode("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"{path} cannot be read: {error}.", hint="Give a text file.") from error
    keys = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not keys:
        raise InvalidParameter(f"{path} names no items.", hint="Write one item a line, as DATASET/NAME.")
    return keys


def choose_split(workspace: Workspace, manifest: Digest, part: Part) -> Part:
    """Return the part with the split that `AUTO` stands for; any other stays."""
    if part.split != AUTO:
        return part
    has_test = any(item.split is Split.TEST for item in iter_items(workspace.store, manifest))
    return msgspec.structs.replace(part, split=(Split.TEST if has_test else Split.VAL).value)


def select_items(workspace: Workspace, manifest: Digest, part: Part) -> tuple[Item, ...]:
    """Return what of a manifest's items is measured, in key order, objects of other classes left out.

    Raises:
        InvalidParameter: there is no such split or class, or the condition is none.
        InvalidInput: an item that is named is not there, or nothing fits.
    """
    part.check()
    schema = read_summary(workspace.store, manifest).schema
    selection, condition = part.selection, parse_item_condition(part.where) if part.where else None
    selection.check(schema)
    if condition is not None:
        condition.check_classes(schema)
    named, left, splits = set(part.keys), set(part.keys), Counter[str]()
    chosen = []
    for item in iter_items(workspace.store, manifest):
        splits[item.split] += 1
        left.discard(item.key)
        if (named and item.key not in named) or (condition is not None and not condition.matches(item)):
            continue
        wanted = selection.select(item)
        if wanted is not None:
            chosen.append(wanted)
    if left:
        raise InvalidInput(
            f"{len(left):,} of the items that were named are not there: {', '.join(sorted(left)[:3])}.",
            hint="An item is named DATASET/NAME; mlwf export and the app show them.",
        )
    if not chosen:
        raise _find_nothing(part, splits)
    return tuple(chosen)


def _find_nothing(part: Part, splits: Counter[str]) -> InvalidInput:
    found = ", ".join(f"{name} ({count})" for name, count in splits.items())
    if part == Part(split=part.split) and part.split != ALL:
        return InvalidInput(f"There are no items in the {part.split} split.", hint=f"It has {found}.")
    return InvalidInput(f"No item is what is to be measured: {part.describe()}.", hint=f"It has {found}.")


def digest_items(items: Iterable[Item]) -> str:
    """Return a digest of the images and truths that are measured, whatever version they are of."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(msgspec.msgpack.encode((item.key, item.blob, item.annotation)))
    return digest.hexdigest()
