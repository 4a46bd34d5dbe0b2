"""Entries: the things of a home as the app's lists, trees and menus name them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from mlwf_tui.entities.item import Item
from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import Run

NAMED = "named:"
"""What the key begins with of a project of which only the name is known."""


class Excerpt(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a project or version that verbs can be done to: a dataset of it, or some of its items."""

    ref: str  # PROJECT or PROJECT@N
    target: str = ""  # as `ref`, but by the project's id
    dataset: str = ""  # with those below it
    items: tuple[Item, ...] = ()  # where it is not all of the dataset
    item_count: int = 0

    @property
    def is_head(self) -> bool:
        """Whether it is of a project itself, which can be changed; a version never is."""
        return "@" not in self.ref


Entity = Project | Version | Model | Report | Run | LineageNode | Excerpt


class EntryKind(StrEnum):
    """What an entry stands for; decides which actions it offers."""

    SECTION = "section"
    WORKSPACE = "workspace"
    PROJECT = "project"
    STATE = "state"  # a state of a project that no version names
    VERSION = "version"
    DATASET = "dataset"
    ITEM = "item"
    MODEL = "model"
    REPORT = "report"
    RUN = "run"
    FOLDER = "folder"
    FILE = "file"  # also of weights
    ARTIFACT = "artifact"  # a dataset, session or labelling job that a program has told of
    GROUP = "group"  # many nodes of the lineage, drawn as one
    RECIPE = "recipe"
    INTERMEDIATE = "intermediate"  # what a pipeline's step has made
    PLANNED = "planned"  # a step that a pipeline still has to do, or what it will make


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person can select. `key` is unique in the home and stable over refreshes."""

    kind: EntryKind
    key: str  # "kind:id", as on the lineage graph
    ref: str  # what a person writes: NAME, NAME@3, or an id; empty where nothing names it
    target: str = ""  # as `ref`, but by ids: a model may be called like a project
    title: str
    note: str = ""  # what follows the title, dimmed
    state: str = ""  # a RunState's value where the entry is a run
    entity: Entity | None = None
    within: Entry | None = None  # the project or version that a dataset or an item lies in


class Branch(msgspec.Struct, frozen=True):
    """An entry with what lies below it; `children` None is a leaf."""

    entry: Entry
    children: tuple[Branch, ...] | None = None
    is_loaded: bool = True  # False: children are read when a person opens the branch
    is_open: bool = False  # how it stands before a person has opened or closed it
    is_kept: bool = False  # whatever a filter leaves beside it, of which it is none


def filter_branches(branches: tuple[Branch, ...], text: str) -> tuple[Branch, ...]:
    """Return the branches whose title, or that of anything below, holds `text` in any case.

    Headings say how many of theirs are left.
    """
    if not text:
        return branches
    wanted = text.casefold()
    kept = []
    for branch in branches:
        below = filter_branches(branch.children or (), text)
        if branch.is_kept:
            kept.append(branch)
        elif _is_hit(branch.entry, wanted) or below:
            children = below or branch.children
            entry = _count_anew(branch.entry, below) if below else branch.entry
            kept.append(Branch(entry, children, branch.is_loaded, is_open=bool(below)))
    return tuple(kept)


def find_match(branches: tuple[Branch, ...], text: str) -> Entry | None:
    """Return the first entry whose title holds `text` in any case, from the top of the tree."""
    wanted = text.casefold()
    for branch in branches:
        if not branch.is_kept and _is_hit(branch.entry, wanted):
            return branch.entry
        if (found := find_match(branch.children or (), text)) is not None:
            return found
    return None


def _is_hit(entry: Entry, wanted: str) -> bool:
    return wanted in entry.title.casefold() and entry.kind != EntryKind.SECTION


def _count_anew(entry: Entry, below: tuple[Branch, ...]) -> Entry:
    if entry.kind not in (EntryKind.SECTION, EntryKind.WORKSPACE) or not entry.note:
        return entry
    count = sum(not branch.is_kept for branch in below)
    return msgspec.structs.replace(entry, note=f"{count:,} of {entry.note}")
