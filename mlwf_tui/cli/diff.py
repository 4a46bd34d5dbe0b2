"""The command diff: a summary, tables by class, dataset and split, and the items one by one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from mlwf_tui.cli.face import DONE, FAILED, Face, command, to_document
from mlwf_tui.cli.text import format_table
from mlwf_tui.entities.annotation import AnnotatedObject
from mlwf_tui.entities.change import (
    ChangeKind,
    ClassChange,
    Diff,
    ItemChange,
    ObjectChange,
    describe_class,
    describe_tag_definition,
)
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import InvalidParameter

group = click.Group()
MARKS = {
    ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.RENAMED: "R", ChangeKind.CHANGED: "~",
}  # fmt: skip
COLORS = {
    ChangeKind.ADDED: "green", ChangeKind.REMOVED: "red", ChangeKind.RENAMED: "cyan",
    ChangeKind.CHANGED: "yellow",
}  # fmt: skip
SHOWN_ITEMS = 20


@command(group, "diff")
@click.argument("before", metavar="[BEFORE]")
@click.argument("after", metavar="AFTER", required=False)
@click.argument("others", metavar="", nargs=-1)
@click.option("--items", "with_items", is_flag=True, help="List every item that differs, not the first 20.")
@click.option(
    "--exit-code",
    "is_exit",
    is_flag=True,
    help="Exit with 1 where something differs (is_same is false), else 0.",
)
@click.option("--stat", "is_summary", is_flag=True, help="List no items, only the summary.")
def diff_command(
    face: Face,
    before: str,
    after: str | None,
    others: Sequence[str],
    with_items: bool,
    is_exit: bool,
    is_summary: bool,
) -> int:
    """Show what differs between two versions, or between runs or models.

    PROJECT means its head, PROJECT@N a version, PROJECT@N.M an edit behind it, and @N a version of the
    same project. With one name alone a head is compared with its latest version, a version with the one
    before it, and an edit with the version that it came behind.

    \b
    mlwf diff cells              what is not committed yet
    mlwf diff cells@3            what version 3 brought
    mlwf diff cells@1 @3         from version 1 to version 3
    mlwf diff cells@2 cells      from version 2 to the head
    mlwf diff 3f9a 77c1          parameters, data, environment and metrics of two runs, or models
    mlwf diff cells --exit-code  1 where something is not committed, for scripts
    mlwf diff small large wide   the same of several models, with their curves
    """
    from mlwf_tui.cli.run_diff import show_model_diff, show_run_diff
    from mlwf_tui.workflow.diff import diff
    from mlwf_tui.workflow.run_diff import diff_runs, find_run_pair

    if with_items and is_summary:
        raise InvalidParameter("--items and --stat exclude each other.", hint="Give one of them.")
    is_counting = is_summary or (face.is_json and not with_items)
    max_items = None if with_items else 0 if is_counting else SHOWN_ITEMS
    if after is not None and others:
        from mlwf_tui.workflow.model_diff import diff_models

        with face.open() as workspace:
            several = diff_models(workspace, (before, after, *others))
            show_model_diff(face, several)
        return FAILED if is_exit and not several.is_same else DONE
    old, new = (None, before) if after is None else (before, after)
    if old is not None and new.startswith("@"):
        new = old.partition("@")[0] + new
    with face.open() as workspace:
        runs = None if old is None else find_run_pair(workspace, old, new)
        if runs is not None:
            pair = diff_runs(workspace, *runs)
            show_run_diff(face, pair)
            return FAILED if is_exit and not pair.is_same else DONE
        found = diff(workspace, old, new, max_items=max_items)
    document = _make_document(found, with_items=with_items) if face.is_json else {}
    face.show(document, lambda: "\n".join(_format_diff(found, is_summary=is_summary)))
    return FAILED if is_exit and not found.is_same else DONE


def _make_document(found: Diff, *, with_items: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "before": found.before or None,
        "after": found.after,
        "is_same": found.is_same,
        **{kind.value: found.count(kind) for kind in ChangeKind},
        "differing": dict(found.aspects),
        "classes": [to_document(change) for change in found.classes],
        "is_class_order_changed": found.is_class_order_changed,
        "tags": [to_document(change) for change in found.tags],
        "datasets": [to_document(change) for change in found.datasets],
        "splits": [to_document(change) for change in found.splits],
    }
    if with_items:
        document["items"] = [_make_item(change) for change in found.items]
    return document


def _make_item(change: ItemChange) -> dict[str, Any]:
    renamed = {"renamed_from": change.renamed_from} if change.renamed_from else {}
    return {
        "path": change.key,
        "change": change.kind.value,
        **renamed,
        "differing": list(change.aspects),
        "detail": change.detail,
        "objects": [_make_object(found) for found in change.compare_objects()],
    }


def _make_object(change: ObjectChange) -> dict[str, Any]:
    return {
        "change": change.kind.value,
        "iou": change.iou,
        "before": _make_side(change.before),
        "after": _make_side(change.after),
    }


def _make_side(labelled: AnnotatedObject | None) -> dict[str, Any] | None:
    if labelled is None:
        return None
    geometry = labelled.geometry
    return {
        "class": labelled.class_name,
        "geometry": geometry.kind.value,
        "bounds": list(geometry.bounds) if geometry.points else None,
        "confidence": labelled.confidence,
        "tags": [to_document(tag) for tag in labelled.tags],
    }


def _format_diff(found: Diff, *, is_summary: bool) -> Iterator[str]:
    names = [_name_side(found.before), _name_side(found.after)]
    if found.is_same:
        yield f"{' and '.join(names)} are the same."
        return
    yield f"{_style(' → '.join(names), bold=True)}: {_summarize(found)}"
    sections = (_format_classes(found), _format_tags(found), _format_datasets(found), _format_splits(found))
    for section in filter(None, sections):
        yield f"\n{section}"
    if found.is_class_order_changed:
        yield "\nThe classes stand in another order."
    if not is_summary and found.items:
        yield ""
        yield from map(_format_item, found.items)
        hidden = sum(found.left_out.values())
        if hidden:
            yield f"… and {hidden:,} more; --items lists all"


def _name_side(ref: str) -> str:
    if not ref:
        return "nothing"
    return ref if "@" in ref else f"{ref} (head)"


def _summarize(found: Diff) -> str:
    """Return the counts in words: `3 added, 2 changed (objects 2, split 1)`."""
    counts = [(kind, found.count(kind)) for kind in ChangeKind if found.count(kind)]
    if not counts:
        return "no item differs"
    words = [_style(f"{count:,} {kind}", fg=COLORS[kind]) for kind, count in counts]
    aspects = ", ".join(f"{aspect} {count:,}" for aspect, count in found.aspects.items())
    return ", ".join(words) + (f" ({aspects})" if aspects else "")


def _format_classes(found: Diff) -> str:
    rows = [
        (
            _mark(change.kind, change.name),
            *map(_format_count, (change.objects_added, change.objects_removed)),
            _format_count(change.objects_moved - change.objects_reshaped),
            _format_count(change.objects_reshaped),
            _format_both(change.objects_relabelled_in, change.objects_relabelled_out),
            _format_count(change.objects_changed),
            _describe_definition(change),
        )
        for change in found.classes
    ]
    header = ("  CLASS", "ADDED", "REMOVED", "MOVED", "RESHAPED", "RELABELLED", "CHANGED", "DEFINED")
    return _format_columns(header, rows)


def _describe_definition(change: ClassChange) -> str:
    if change.before == change.after:
        return ""
    before, after = (_clean(describe_class(side)) if side else "" for side in (change.before, change.after))
    match change.kind:
        case ChangeKind.ADDED:
            return f"new, {after}"
        case ChangeKind.REMOVED:
            return f"no longer, {before}"
        case _:
            return f"{before} → {after}"


def _format_tags(found: Diff) -> str:
    rows = [
        (
            _mark(c.kind, c.name),
            " → ".join(_clean(describe_tag_definition(s)) for s in (c.before, c.after) if s),
        )
        for c in found.tags
    ]
    return format_table(("  TAG", "VALUE"), rows, empty="")


def _format_datasets(found: Diff) -> str:
    rows = [
        (
            f"  {_clean(change.name)}",
            *map(_format_count, (change.items_added, change.items_removed)),
            *map(_format_count, (change.items_renamed, change.items_changed)),
        )
        for change in found.datasets
    ]
    return _format_columns(("  DATASET", "ADDED", "REMOVED", "RENAMED", "CHANGED"), rows)


def _format_splits(found: Diff) -> str:
    rows = [
        (f"  {_name_split(c.before, 'new')} → {_name_split(c.after, 'gone')}", f"{c.count:,}")
        for c in found.splits
    ]
    return _format_columns(("  SPLIT", "ITEMS"), rows)


def _name_split(split: Split | None, absent: str) -> str:
    return absent if split is None else split.value


def _format_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table without its empty columns, numbers to the right; "" where there is no row."""
    if not rows:
        return ""
    filled = [place for place in range(len(header)) if any(row[place] for row in rows)]
    columns = [[header[place], *(row[place] for row in rows)] for place in filled]
    aligned = [columns[0], *(_align(column) for column in columns[1:])]
    title, *body = zip(*aligned, strict=True)
    return format_table(title, body, empty="")


def _align(column: Sequence[str]) -> list[str]:
    """Move a column of numbers to the right."""
    if column[0] == "DEFINED":
        return list(column)
    width = max(map(len, column))
    return [cell.rjust(width) for cell in column]


def _format_count(count: int) -> str:
    return f"{count:,}" if count else ""


def _format_both(come: int, gone: int) -> str:
    return " ".join([f"+{come:,}"] * bool(come) + [f"-{gone:,}"] * bool(gone))


def _format_item(change: ItemChange) -> str:
    """Return one line: `~ train/0001.jpg  moved car (IoU 0.81)`, `R old.jpg → new.jpg`."""
    path = f"{change.renamed_from} → {change.key}" if change.renamed_from else change.key
    return f"{_mark(change.kind, path)}  {_clean(change.detail)}".rstrip()


def _mark(kind: ChangeKind, text: str) -> str:
    return _style(f"{MARKS[kind]} {_clean(text)}", fg=COLORS[kind])


def _clean(text: str) -> str:
    """Return text from a file without what a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _style(text: str, *, fg: str | None = None, bold: bool = False) -> str:
    is_colored = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return click.style(text, fg=fg, bold=bold or None) if is_colored else text
