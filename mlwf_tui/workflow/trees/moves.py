"""Moves whole folders of a checkout where all that they hold goes to one place: one call, not thousands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from mlwf_tui.workflow.trees.files import TreeFiles
from mlwf_tui.workflow.trees.plan import Step

_FEWEST = 8  # files that are worth a look at their folder


def move_folders(
    files: TreeFiles, steps: Sequence[Step], known: Mapping[str, bytes], moved: dict[str, bytes]
) -> Sequence[Step]:
    """Move what can be moved by whole folders, and return the steps that are left.

    `moved` gets the signatures of what was moved, at its new path. They are the `known` ones: a folder's
    new name changes no file in it, so that an edit made at this very moment still shows.

    Raises:
        Conflict: something is in the way.
    """
    gone = {
        before
        for (before, after), names in _find_moves(steps).items()
        if len(names) >= _FEWEST and files.move_folder(before, after, names)
    }
    return [_advance(step, gone, known, moved) for step in steps] if gone else steps


def _find_moves(steps: Sequence[Step]) -> dict[tuple[str, str], set[str]]:
    """Return the names of the files that go from one folder to another and keep their names."""
    moves: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for step in steps:
        for before, after in _list_moves(step):
            source, target = before.rpartition("/"), after.rpartition("/")
            if source[2] == target[2]:
                moves[source[0], target[0]].add(source[2])
    return moves


def _advance(step: Step, gone: set[str], known: Mapping[str, bytes], moved: dict[str, bytes]) -> Step:
    for before, after in _list_moves(step):
        if before.rpartition("/")[0] in gone:
            moved[after] = known.get(before, b"")
            step = step.without(after)
    return step


def _list_moves(step: Step) -> Iterator[tuple[str, str]]:
    image, annotation = step.paths
    if step.image_from:
        yield step.image_from, image
    if step.annotation_from:
        yield step.annotation_from, annotation
