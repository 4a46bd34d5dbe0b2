"""Looking through the items of any version or head, page by page, without restoring it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split, is_below
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.expressions.parse import Condition, parse_item_condition
from mlwf_tui.store.manifests import find_item, read_summary
from mlwf_tui.store.places import TaggedHead, find_place, iter_heads, iter_items_at, iter_tagged_heads
from mlwf_tui.workflow.refs import resolve_manifest
from mlwf_tui.workspace import Workspace

SIGNS = re.compile(r"[=<>~()\"]")
"""What tells an expression from words."""
SCAN_STEP = 2_000  # items between two looks at whether the scan is still wanted
AFTER_SLASH = chr(ord("/") + 1)
"""What no key of a dataset or of those below it comes after."""
PREFIXES = ("split", "class", "dataset", "name", "tag")


class ItemSource(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable manifest to look through, or one dataset of it; `ref` is what a person calls it."""

    ref: str
    dataset: str = ""
    first: int = 0  # the place of the first item of the dataset
    manifest: Digest
    is_head: bool  # what the project stood on when it was opened
    schema: LabelSchema
    item_count: int
    object_count: int | None  # of a dataset it is not known

    @property
    def places(self) -> range:
        """The places of all items that are meant, in key order."""
        return range(self.first, self.first + self.item_count)


def open_items(workspace: Workspace, ref: str, dataset: str = "") -> ItemSource:
    """Return what the version PROJECT@N, or the head of PROJECT, holds at this moment.

    Of a dataset those below it belong to it as well; all lie behind each other.

    Raises:
        NotFound: there is no such version.
    """
    _, manifest = resolve_manifest(workspace, ref)
    summary = read_summary(workspace.store, manifest)
    first, behind = 0, summary.item_count
    if dataset:
        ends = f"{dataset}/", f"{dataset}{AFTER_SLASH}"
        first, behind = (find_place(workspace.store, manifest, end) for end in ends)
    return ItemSource(
        ref=ref,
        dataset=dataset,
        first=first,
        manifest=manifest,
        is_head="@" not in ref,
        schema=summary.schema,
        item_count=behind - first,
        object_count=None if dataset else summary.object_count,
    )


def read_items(workspace: Workspace, source: ItemSource, places: Sequence[int]) -> tuple[Item, ...]:
    """Return the items at `places`, which count from 0 in key order, in the order of `places`."""
    growing = sorted(places)
    found = dict(zip(growing, iter_items_at(workspace.store, source.manifest, growing), strict=False))
    return tuple(found[place] for place in places if place in found)


def read_image(workspace: Workspace, item: Item) -> bytes:
    """Return the bytes of an item's image file as it was imported, every byte checked.

    Raises:
        NotFound: the store does not hold them.
        CorruptData: they are damaged.
    """
    return workspace.store.read(item.blob)


def read_item(workspace: Workspace, manifest: Digest, key: str) -> Item | None:
    """Return the item of a manifest under a key, None where it has none."""
    return find_item(workspace.store, manifest, key)


def find_item_place(workspace: Workspace, source: ItemSource, key: str) -> int:
    """Return the place of the first item whose key is `key` or comes after it; at most the last.

    In a dataset the name alone will do.
    """
    lead = f"{source.dataset}/" if source.dataset else ""
    whole = key if key.startswith(lead) else lead + key
    place = find_place(workspace.store, source.manifest, whole)
    return min(max(place, source.first), max(source.first, source.places.stop - 1))


def find_named_place(
    workspace: Workspace, source: ItemSource, text: str, is_wanted: Callable[[], bool]
) -> int | None:
    """Return the place of the first item whose key begins with `text`, else whose key holds it in any case.

    In a dataset the name alone will do. None where there is no such item, or as soon as it is not wanted.

    Raises:
        CorruptData: a part of the manifest is missing or damaged.
    """
    place = find_item_place(workspace, source, text)
    lead = f"{source.dataset}/" if source.dataset else ""
    head = next(iter_heads(workspace.store, source.manifest, (place,)), None)
    if head is not None and head.key.startswith((text, lead + text)):
        return place
    wanted = text.casefold()
    heads = enumerate(iter_heads(workspace.store, source.manifest, source.places), source.first)
    while step := tuple(islice(heads, SCAN_STEP)):
        found = next((place for place, head in step if wanted in head.key.casefold()), None)
        if found is not None or not is_wanted():
            return found
    return None


def find_places(
    workspace: Workspace,
    source: ItemSource,
    *,
    split: Split | None = None,
    dataset: str | None = None,
    class_name: str | None = None,
    tag: str | None = None,
) -> array[int]:
    """Return the places of the items that fit all that is given; looks through every item's head once.

    `dataset` takes those of the datasets below it as well, `class_name` items with such an object.

    Raises:
        CorruptData: a part of the manifest is missing or damaged.
    """
    heads = enumerate(iter_heads(workspace.store, source.manifest))
    return array(
        "Q",
        (
            place
            for place, head in heads
            if (split is None or head.split == split)
            and (dataset is None or is_below(head.dataset, dataset))
            and (class_name is None or class_name in head.class_names)
            and (tag is None or tag in head.tag_names)
        ),
    )


def find_datasets(workspace: Workspace, source: ItemSource) -> set[str]:
    """Return the datasets that have items of their own; looks through every item's head once."""
    return {head.dataset for head in iter_heads(workspace.store, source.manifest)}


def iter_matches(
    workspace: Workspace, source: ItemSource, query: str
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield, step by step, how many items were looked through and the places of those that match.

    Of a dataset only its own are looked through.

    `query` is an expression, such as `count(rbc) > 20`, or words that all must fit.

    Raises:
        InvalidParameter: it is an expression, and does not parse, or names an unknown class or tag; or, once
            all were looked through and none matches, a custom value that none has.
    """
    condition = _read_condition(query, source.schema)
    if condition is None:
        yield from _iter_steps(source, _test_words(workspace, source, query))
        return
    _check_tags(workspace, source, condition)
    customs: set[str] = set()
    has_found = False
    for passed, found in _iter_steps(source, _test_items(workspace, source, condition, customs)):
        has_found = has_found or bool(found)
        yield passed, found
    if not has_found:
        condition.check_customs(customs)


def _iter_steps(source: ItemSource, tests: Iterator[bool]) -> Iterator[tuple[int, tuple[int, ...]]]:
    passed = 0
    while step := tuple(islice(tests, SCAN_STEP)):
        places = enumerate(step, source.first + passed)
        yield passed + len(step), tuple(place for place, is_match in places if is_match)
        passed += len(step)


def _check_tags(workspace: Workspace, source: ItemSource, condition: Condition) -> None:
    """Refuse a tag that neither the schema nor an item knows; heads are read where the schema lacks one."""
    known = {definition.name for definition in source.schema.tags}
    if all(name in known for name, _, _ in condition.tags):
        return
    for head in iter_tagged_heads(workspace.store, source.manifest, source.places):
        known |= head.all_tag_names
    condition.check_tags(known)


def find_query_fault(query: str, schema: LabelSchema) -> str:
    """Return what is wrong with a query that is written as an expression, with its place, or ""."""
    try:
        _read_condition(query, schema)
    except InvalidParameter as error:
        return f"{error.message} {error.hint}".strip()
    return ""


def _read_condition(query: str, schema: LabelSchema) -> Condition | None:
    """Return the condition that a query is, or None where it is words.

    Raises:
        InvalidParameter: it is an expression, and does not parse or names an unknown class.
    """
    if any(word.partition(":")[0] in PREFIXES and ":" in word for word in query.split()):
        return None
    try:
        condition = parse_item_condition(query)
        condition.check_classes(schema)
    except InvalidParameter:
        if SIGNS.search(query):
            raise
        return None
    return condition


def _test_items(
    workspace: Workspace, source: ItemSource, condition: Condition, customs: set[str]
) -> Iterator[bool]:
    """Yield of each item, in key order, whether it matches; note the custom values, if one is asked for."""
    for item in iter_items_at(workspace.store, source.manifest, source.places):
        if condition.customs:
            of_objects = (labelled.custom for labelled in item.annotation.objects)
            customs.update(item.annotation.custom, *of_objects)
        yield condition.matches(item)


def _test_words(workspace: Workspace, source: ItemSource, query: str) -> Iterator[bool]:
    """Yield of each item, in key order, whether it has every word; none is decoded whole."""
    words = query.casefold().split()
    heads = iter_tagged_heads(workspace.store, source.manifest, source.places)
    return (matches(head, words) for head in heads)


def matches(head: TaggedHead, words: Sequence[str]) -> bool:
    """Return whether an item has every word, in lower case: in its key, split, classes or tags.

    `class:rbc` looks at the classes alone; so do `split:`, `dataset:`, `name:` and `tag:`, which takes the
    tags of objects as well, as a filter or export by tags does.
    """
    return all(_has_word(head, word) for word in words)


def _has_word(head: TaggedHead, word: str) -> bool:
    name, colon, text = word.partition(":")
    if colon and name in PREFIXES:
        return text in "\n".join(_list_parts(head, name)).casefold()
    return word in head.key.casefold() or any(
        word in "\n".join(_list_parts(head, name)).casefold() for name in ("split", "class", "tag")
    )


def _list_parts(head: TaggedHead, name: str) -> Iterable[str]:
    match name:
        case "split":
            return (head.split,)
        case "class":
            return head.class_names
        case "tag":
            return head.all_tag_names
        case "dataset":
            return (head.dataset,)
        case _:
            return (head.name,)
