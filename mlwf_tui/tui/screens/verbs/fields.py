"""The fields that several verbs' forms have in common."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from mlwf_tui.entities.model import Model
from mlwf_tui.entities.run import ArtifactKind, Run
from mlwf_tui.errors import MlwfError
from mlwf_tui.params import ParamSpec
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.form import FormField, make_field
from mlwf_tui.workflow.items import open_items
from mlwf_tui.workspace import Workspace

SEED = FormField(
    ParamSpec(
        name="seed", type_name="int", default=0, help="the seed of everything that is drawn by chance",
        low=0, high=2**31 - 1, choices=(),
    )
)  # fmt: skip


def make_data_field(snapshot: Snapshot, entry: Entry) -> FormField:
    """Ask for a project or version; the selected one is offered."""
    refs = tuple(snapshot.iter_data_refs())
    value = entry.ref if entry.kind in (EntryKind.PROJECT, EntryKind.VERSION) else next(iter(refs), "")
    return make_field("data", "PROJECT for its head, or PROJECT@N", value, suggestions=refs, is_required=True)


def make_model_field(snapshot: Snapshot, entry: Entry) -> FormField:
    """Ask for a model; the selected one is offered, or that of the selected training, else the newest."""
    names = tuple(model.name for model in snapshot.models)
    value = find_model_ref(entry) or next(iter(names), "")
    help = "name of a model, or the run that will make it"
    return make_field("model", help, value, suggestions=names, is_required=True)


def read_class_names(workspace: Workspace, refs: Iterable[str]) -> tuple[str, ...]:
    """Return the classes of projects and versions, to be completed; of one that is not there, none."""
    names: dict[str, None] = {}
    for ref in refs:
        with suppress(MlwfError):
            names |= dict.fromkeys(open_items(workspace, ref).schema.class_names)
    return tuple(names)


def find_model_ref(entry: Entry) -> str:
    """Return what names the model that is selected, or that the selected training has made or will make."""
    if isinstance(entry.entity, Run) and entry.entity.verb == "train":
        made = (output.title for output in entry.entity.outputs if output.kind is ArtifactKind.MODEL)
        return next(made, entry.ref)
    return entry.ref if isinstance(entry.entity, Model) else ""
