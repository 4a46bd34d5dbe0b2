"""Every pane with its bindings: for the table of keys, and to say where a key would mean two things."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace
from textual.binding import Binding
from textual.dom import DOMNode

from mlwf_tui.tui.keys import KEYS, split_keys
from mlwf_tui.tui.screens.board import BoardPane
from mlwf_tui.tui.screens.browsing import BrowsePane
from mlwf_tui.tui.screens.checked_form import CheckedForm, StepForm
from mlwf_tui.tui.screens.checking import CheckPane
from mlwf_tui.tui.screens.comparing import DiffPane
from mlwf_tui.tui.screens.counting_form import CountingForm
from mlwf_tui.tui.screens.evidence import EvidencePane
from mlwf_tui.tui.screens.experiments import ModelsPane
from mlwf_tui.tui.screens.operation_form import OperationForm
from mlwf_tui.tui.screens.picking import OperationPicker
from mlwf_tui.tui.screens.pipeline_editor import PipelineEditor
from mlwf_tui.tui.screens.previewing import PreviewScreen
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.conflicts import ConflictChooser
from mlwf_tui.tui.widgets.context_menu import ContextMenu, MenuList
from mlwf_tui.tui.widgets.details import Details
from mlwf_tui.tui.widgets.entry_list import EntryList
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.formats import format_keys
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.log_view import LogView
from mlwf_tui.tui.widgets.machine_view import MachineView
from mlwf_tui.tui.widgets.message_list import MessageList
from mlwf_tui.tui.widgets.metric_plots import MetricPlots
from mlwf_tui.tui.widgets.model_comparison import ModelComparison
from mlwf_tui.tui.widgets.progress import ProgressDialog
from mlwf_tui.tui.widgets.project_tree import ProjectTree
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.tui.widgets.table import EntityTable
from mlwf_tui.tui.widgets.thumbnail_grid import ThumbnailGrid

ALIKE = frozenset(
    {
        ("open", "open"), ("open", "menu"), ("menu", "menu"), ("back", "leave"), ("back", "clear_cursor"),
        ("open", "activate"), ("open", "select"), ("open", "toggle_maximized"),
        ("search", "filter"), ("search_next", "next_match"), ("search_next", "step"),
        ("search_next", "step_curve"), ("search_previous", "next_match"), ("search_previous", "step"),
        ("search_previous", "step_curve"), ("diff", "compare"), ("yank", "copy"), ("mark", "select"),
        ("mark", "mark"),
        ("sooner", "step_confidence"), ("later", "step_confidence"),
    }
)  # fmt: skip
"""Actions of the grammar with those of panes that mean the same there, and may have the same key."""


class PaneKey(msgspec.Struct, frozen=True):
    """One binding of a pane: its id, the keys it has as it comes, what it does."""

    id: str
    keys: tuple[str, ...]
    action: str
    label: str
    note: str = ""

    @property
    def displays(self) -> str:
        """All keys as they stand on the keyboard."""
        return format_keys(",".join(self.keys))

    @property
    def verb(self) -> str:
        """The action without its arguments."""
        return self.action.partition("(")[0].rpartition(".")[2]


PANES: Mapping[str, tuple[type[DOMNode], ...]] = {
    "Projects": (ProjectTree,),
    "Lineage": (LineageView,),
    "Lists": (EntityTable, EntryList),
    "Models": (EntityTable, ModelsPane),
    "Models side by side": (ModelComparison, ModelsPane),
    "Items": (EntityTable, BrowsePane),
    "Thumbnails": (ThumbnailGrid, BrowsePane),
    "A picture": (BrowsePane,),
    "Diff": (EntityTable, DiffPane),
    "Check": (EntityTable, CheckPane),
    "Plots of a run": (MetricPlots,),
    "Log of a run": (LogView,),
    "Report": (ReportView,),
    "Evidence": (EntityTable, EvidencePane),
    "A picture of evidence": (EvidencePane,),
    "Leaderboard": (EntityTable, BoardPane),
    "Details": (Details,),
}
"""What can have the focus, with the panes around it: the innermost takes a key first."""


DIALOGS: Mapping[str, tuple[type[DOMNode], ...]] = {
    "Menu": (MenuList, ContextMenu),
    "Form": (Form,),
    "Form of an operation": (OperationForm, CountingForm),
    "Form of a pipeline's step": (StepForm, CheckedForm),
    "Question": (Prompt,),
    "Yes or no": (Confirm,),
    "Page": (Sheet,),
    "Messages": (MessageList,),
    "Progress": (ProgressDialog,),
    "Operations": (OperationPicker,),
    "Preview": (PreviewScreen,),
    "Conflicts of a merge": (ConflictChooser,),
    "Pipeline": (PipelineEditor,),
    "Machine": (MachineView,),
}
"""What stands over the panes and has keys of its own; those of the grammar do nothing there."""


def list_pane_bindings(
    name: str, among: Mapping[str, tuple[type[DOMNode], ...]] = PANES
) -> tuple[PaneKey, ...]:
    """Return what a pane's keys do as they come; a key is the inner pane's where an outer one has it too."""
    found: dict[str, PaneKey] = {}
    taken: set[str] = set()
    for pane in among[name]:
        own = [
            replace(key, keys=tuple(one for one in key.keys if one not in taken)) for key in _iter_keys(pane)
        ]
        taken |= {single for key in own for single in key.keys}
        found |= {key.id: key for key in own if key.keys}
    return tuple(found.values())


def list_ids() -> frozenset[str]:
    """Return the ids of all that panes and dialogs do."""
    classes = (pane for among in (PANES, DIALOGS) for panes in among.values() for pane in panes)
    return frozenset(key.id for pane in classes for key in _iter_keys(pane)) | {"app.how_to_quit"}


def find_pane_faults(keymap: Mapping[str, str]) -> list[str]:
    """Return where a key that was remapped means two things in a pane, and ids that none has."""
    known = list_ids()
    faults = [
        f"[keys] in settings.toml has {id}, which is no action."
        for id in keymap
        if "." in id and id not in known
    ]
    overall = {single: key.id for key in KEYS for single in split_keys(keymap.get(key.id, key.keys))}
    for name in PANES:
        takers: dict[str, list[PaneKey]] = defaultdict(list)
        for key in list_pane_bindings(name):
            for single in split_keys(keymap[key.id]) if key.id in keymap else key.keys:
                takers[single].append(key)
        for single, keys in takers.items():
            told = [key.id for key in keys]
            general = overall.get(single)
            if general is not None and any((general, key.verb) not in ALIKE for key in keys):
                told.append(general)
            if len(told) > 1:
                means = " and ".join(told)
                faults.append(f"{name}: the key {format_keys(single)} stands for {means}: change [keys].")
    return list(dict.fromkeys(faults))


def _iter_keys(pane: type[DOMNode]) -> Iterator[PaneKey]:
    for binding in pane.BINDINGS:
        if isinstance(binding, Binding) and binding.id and binding.description:
            keys = tuple(split_keys(binding.key))
            yield PaneKey(binding.id, keys, binding.action, binding.description, binding.tooltip)
