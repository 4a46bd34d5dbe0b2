"""Finds the items that a benchmark measures, and their digest: equal digests mean the same data."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split, is_below
from mlwf_tui.entities.part import ALL, AUTO, Part
from mlwf_tui.entities.selection import list_tags
from mlwf_tui.errors import InvalidInput, InvalidParameter, MlwfError, NotFound
from mlwf_tui.expressions.parse import Condition, parse_item_condition
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workspace import Workspace

MOST_KEY_BYTES = 64 << 20
MOST_SHOWN = 20  # names in a hint


def read_keys(path: Path) -> tuple[str, ...]:
    """Return the items that a file names, one a line; empty lines and those with # are left out.

    Raises:
        NotFound: there is no such file.
        InvalidParameter: it cannot be read, is too large, or names none.
    """
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(MOST_KEY_BYTES + 1)
        if len(content) > MOST_KEY_BYTES:
            raise InvalidParameter(f"{path} is too large for a list of items.", hint="Give another.")
        lines = [line.strip() for line in content.decode("utf-8").splitlines()]
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.", hint="Give one that names an item a line.") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise InvalidParameter(f"{path} cannot be read: {reason}.", hint="Give a text file.") from error
    keys = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not keys:
        raise InvalidParameter(f"{path} names no items.", hint="Write one item a line, as DATASET/NAME.")
    return keys


def choose_split(workspace: Workspace, manifest: Digest, part: Part) -> Part:
    """Return the part with the split that `AUTO` stands for; any other stays."""
    if part.split != AUTO:
        return part
    splits = {item.split for item in iter_items(workspace.store, manifest)}
    chosen = Split.TEST if Split.TEST in splits else ALL if splits == {Split.NONE} else Split.VAL
    return msgspec.structs.replace(part, split=str(chosen))


def select_items(workspace: Workspace, manifest: Digest, part: Part) -> tuple[Item, ...]:
    """Return what of a manifest's items is measured, in key order, objects of other classes left out.

    Raises:
        InvalidParameter: there is no such split, or the condition is none or names what is not there.
        NotFound: there is no such class, dataset, tag or item.
        InvalidInput: nothing fits.
    """
    part.check()
    schema = read_summary(workspace.store, manifest).schema
    selection, condition = part.selection, parse_item_condition(part.where) if part.where else None
    if unknown := [name for name in part.classes if name not in schema.class_names]:
        raise _miss("class", unknown, schema.class_names)
    if condition is not None:
        condition.check_classes(schema)
        _check_tags(workspace, manifest, schema, condition)
    named, left = set(part.keys), set(part.keys)
    chosen = []
    for item in iter_items(workspace.store, manifest):
        left.discard(item.key)
        if (named and item.key not in named) or (condition is not None and not condition.matches(item)):
            continue
        wanted = selection.select(item)
        if wanted is not None:
            chosen.append(wanted)
    if left:
        raise NotFound(
            f"{len(left):,} of the items that were named are not there: {', '.join(sorted(left)[:3])}.",
            hint="An item is named DATASET/NAME; mlwf export and the app show them.",
        )
    if not chosen and condition is not None and condition.customs:
        condition.check_customs(_list_customs(iter_items(workspace.store, manifest)))
    if not chosen:
        raise _find_nothing(part, iter_items(workspace.store, manifest))
    return tuple(chosen)


def _check_tags(workspace: Workspace, manifest: Digest, schema: LabelSchema, condition: Condition) -> None:
    """Refuse a tag that neither the schema nor an item knows; items are read where the schema lacks one."""
    known = {definition.name for definition in schema.tags}
    if any(name not in known for name, _, _ in condition.tags):
        for item in iter_items(workspace.store, manifest):
            known.update(tag.name for tag in list_tags(item.annotation))
    condition.check_tags(known)


def _list_customs(items: Iterable[Item]) -> set[str]:
    found: set[str] = set()
    for item in items:
        found.update(item.annotation.custom, *(labelled.custom for labelled in item.annotation.objects))
    return found


def _find_nothing(part: Part, items: Iterable[Item]) -> MlwfError:
    """Return what to raise where none of the items is measured."""
    splits, datasets, tags = Counter[str](), set[str](), set[str]()
    for item in items:
        splits[item.split] += 1
        datasets.add(item.dataset)
        tags.update(tag.name for tag in list_tags(item.annotation))
    if part.datasets and not any(is_below(known, name) for known in datasets for name in part.datasets):
        return _miss("dataset", part.datasets, datasets)
    if part.tags and tags.isdisjoint(part.tags):
        return _miss("tag", part.tags, tags)
    hint = f"It has {', '.join(f'{name} ({count:,})' for name, count in splits.items()) or 'no items'}."
    if part.split == ALL:
        return InvalidInput(f"No item is what is to be measured: {part.describe()}.", hint=hint)
    hint = f"{hint} Measure whatever the split: --split all."
    if part == Part(split=part.split):
        return InvalidInput(f"There are no items in the {part.split} split.", hint=hint)
    return InvalidInput(f"No item is what is to be measured: {part.describe()}.", hint=hint)


def _miss(what: str, named: Sequence[str], known: Iterable[str]) -> NotFound:
    there = sorted(known)
    more = f" and {len(there) - MOST_SHOWN:,} more" if len(there) > MOST_SHOWN else ""
    shown = f"There is: {', '.join(there[:MOST_SHOWN])}{more}." if there else "There is none."
    return NotFound(f"There is no {what} {' or '.join(map(repr, named))}.", hint=shown)


def digest_items(items: Iterable[Item]) -> str:
    """Return a digest of the images and truths that are measured, whatever version they are of."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(msgspec.msgpack.encode((item.key, item.blob, item.annotation)))
    return digest.hexdigest()
