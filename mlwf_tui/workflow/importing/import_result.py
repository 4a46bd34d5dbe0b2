"""What an import says of itself in the end; not a verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import asdict

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.joining import Joined
from mlwf_tui.entities.run import Problem
from mlwf_tui.workflow.importing.detecting import Choice, FormatFit
from mlwf_tui.workflow.importing.import_cache import Head
from mlwf_tui.workflow.importing.intake import Intake


class ImportResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an import changed, and its problems: what it left out, or took though it is doubtful.

    Paths are those in the folder or archive.
    """

    project: str
    items_added: int
    items_updated: int
    items_unchanged: int
    problems: tuple[Problem, ...]
    run: str
    format: str
    edits_replaced: int = (
        0  # items that were changed or removed here since the last import; undo is the way back
    )
    updates: Mapping[str, int] = {}  # of the updated items: how many differ in objects, pixels, …
    new_classes: tuple[str, ...] = ()
    new_tags: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()  # between definitions here and there, a sentence each
    reason: str = ""  # why it was read in this format
    also: tuple[FormatFit, ...] = ()  # formats that fit nearly as well; `format` decides
    version: int | None = None  # that names the project's state, where a message was given
    version_created: bool = False  # or it was there, with its own message


class Naming(NamedTuple):
    """The version that names what an import left, None without a message, and whether it is a new one."""

    version: int | None = None
    is_new: bool = False


def repeat(run: RunId, project_name: str, last: Head, naming: Naming) -> ImportResult:
    """Return the result of an import that finds everything as the last one did."""
    return ImportResult(
        project=project_name,
        items_added=0,
        items_updated=0,
        items_unchanged=last.item_count,
        problems=tuple(Problem(*row) for row in (*last.unread, *last.problems)),
        run=run,
        format=last.importer,
        reason="the folder is as the last import found it",
        version=naming.version,
        version_created=naming.is_new,
    )


def summarise(
    intake: Intake,
    joined: Joined,
    project_name: str,
    run: RunId,
    choice: Choice,
    unread: tuple[Problem, ...],
    naming: Naming,
) -> ImportResult:
    """Return the result of an import that took something in; `unread` is what it passed over."""
    return ImportResult(
        project=project_name,
        items_added=intake.changed - intake.updated,
        items_updated=intake.updated,
        items_unchanged=intake.unchanged,
        edits_replaced=intake.replaced,
        problems=(*unread, *intake.problems),
        run=run,
        format=choice.importer.name,
        reason=choice.reason,
        also=choice.others,
        updates={aspect.value: count for aspect, count in intake.updates.most_common()},
        new_classes=joined.new_classes,
        new_tags=joined.new_tags,
        conflicts=joined.conflicts,
        version=naming.version,
        version_created=naming.is_new,
    )


def describe(result: ImportResult) -> dict[str, Any]:
    """Return what a run keeps of its result."""
    return {**asdict(result), "summary": _describe_counts(result)}


def _describe_counts(result: ImportResult) -> str:
    counts = {
        "added": result.items_added,
        "updated": result.items_updated,
        "of them edited here before": result.edits_replaced,
        "new classes": len(result.new_classes),
        "new tags": len(result.new_tags),
        "conflicts": len(result.conflicts),
        "left out": sum(not problem.is_taken for problem in result.problems),
        "doubtful": sum(problem.is_taken for problem in result.problems),
    }
    return ", ".join(f"{count:,} {word}" for word, count in counts.items() if count) or "nothing new"
