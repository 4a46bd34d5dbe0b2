"""The fields that several verbs' forms have in common."""

from __future__ import annotations

from mlwf_tui.entities.model import Model
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.form import FormField, make_field

SEED = make_field("seed", "the seed of everything that is drawn by chance", "0")


def make_data_field(snapshot: Snapshot, entry: Entry) -> FormField:
    """Ask for a project or version; the selected one is offered."""
    refs = tuple(snapshot.iter_data_refs())
    value = entry.ref if entry.kind in (EntryKind.PROJECT, EntryKind.VERSION) else next(iter(refs), "")
    return make_field("data", "PROJECT for its head, or PROJECT@N", value, suggestions=refs, is_required=True)


def make_model_field(snapshot: Snapshot, entry: Entry) -> FormField:
    """Ask for a model; the selected one is offered, else the newest."""
    names = tuple(model.name for model in snapshot.models)
    value = entry.ref if isinstance(entry.entity, Model) else next(iter(names), "")
    return make_field("model", "name of a model", value, suggestions=names, is_required=True)
