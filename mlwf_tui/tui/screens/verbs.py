"""What each verb asks a person, hands to the workflow, and says when it is done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from textual.screen import Screen

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.params import ParamSpec
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.context_menu import Choice, ContextMenu
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.form import PATH_TYPE, Form, FormField, make_field
from mlwf_tui.tui.widgets.formats import format_count
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow import apply, train
from mlwf_tui.workflow.benchmark import submit_benchmark
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.demo import DemoResult, run_demo
from mlwf_tui.workflow.describe import describe
from mlwf_tui.workflow.import_ import ImportResult, import_folder, list_formats
from mlwf_tui.workflow.operations import OperationInfo, list_operations
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workflow.restore import RestoreResult, preview_restore, restore
from mlwf_tui.workflow.stop import GRACE_S, stop_run
from mlwf_tui.workflow.transform import TransformResult, transform
from mlwf_tui.workflow.undo import UndoResult, redo, undo
from mlwf_tui.workspace import Workspace

T = TypeVar("T")
SEED = make_field("seed", "the seed of everything that is drawn by chance", "0")


Again = Callable[[], None]
"""Asks the same form once more, filled in as it was."""


class Host(Protocol):
    """What the verbs need of the screen that they work on."""

    workspace: Workspace

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""

    def ask(
        self,
        what: str,
        work: Callable[[], T],
        done: Callable[[T], None],
        *,
        failed: Callable[[], None] | None = None,
        is_patient: bool = True,
    ) -> None:
        """Do `work` in a thread and hand its result to `done`; an impatient quit leaves it behind.

        An error is told; `failed` is called after that.
        """

    def do_long(
        self,
        title: str,
        work: Callable[[ScreenObserver], T],
        done: Callable[[T], None],
        *,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Do long `work` in a thread, with its progress shown and a way to cancel it.

        An error is told; `failed` is called after that, but not where a person cancelled.
        """

    def put(self, dialog: Screen[T | None], then: Callable[[T], None]) -> None:
        """Show a dialog and hand on what it returns, unless it was closed without an answer."""

    def say(self, text: str, *, detail: str = "") -> None:
        """Tell the person that something was done."""

    def reload(self, *, select: str = "") -> None:
        """Read the home again, and put the selection on the entry with this key if it is there."""

    def show_monitor(self, run_id: str) -> None:
        """Follow a run in the middle."""

    def copy(self, text: str) -> None:
        """Copy to the person's clipboard and say which way it went."""


class Verbs:
    """One method a verb, named as its key's id. Each takes the selected entry, checked to fit."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def perform(self, name: str, entry: Entry | None) -> None:
        """Do the verb of this name."""
        method: Callable[[Entry | None], None] = getattr(self, f"do_{name}")
        method(entry)

    # --- the history of data -------------------------------------------------------------------

    def do_commit(self, entry: Entry) -> None:
        def done(message: str) -> None:
            work = partial(commit, self._host.workspace, entry.ref, message=message)
            self._host.ask(
                "commit", work, lambda made: self._finish(f"Committed {made.project}@{made.version}.")
            )

        self._host.put(Prompt(f"Commit {entry.ref}", help="What is this version? One line."), done)

    def do_restore(self, entry: Entry) -> None:
        def said(made: RestoreResult) -> None:
            saved = f" What was there is @{made.saved_version}." if made.saved_version else ""
            text = f"Restored {entry.ref} as {made.project}@{made.version}.{saved}"
            self._finish(text if made.created else f"{made.project} stands on {entry.ref} already.")

        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                self._host.ask("restore", partial(restore, self._host.workspace, entry.ref), said)

        def previewed(sentence: str) -> None:
            self._host.put(Confirm(f"Restore {entry.ref}", sentence, yes="Restore"), confirmed)

        self._host.ask("restore", partial(preview_restore, self._host.workspace, entry.ref), previewed)

    def do_undo(self, entry: Entry | None) -> None:
        self._host.ask("undo", partial(undo, self._host.workspace, _find_project(entry)), self._say_undone)

    def do_redo(self, entry: Entry | None) -> None:
        self._host.ask("redo", partial(redo, self._host.workspace, _find_project(entry)), self._say_redone)

    def _say_undone(self, made: UndoResult) -> None:
        count = format_count(made.item_count, "item")
        self._finish(f"Took back the {made.verb} in {made.project}: {count} now. U does it again.")

    def _say_redone(self, made: UndoResult) -> None:
        self._finish(
            f"Did the {made.verb} in {made.project} again: {format_count(made.item_count, 'item')} now."
        )

    # --- making data ---------------------------------------------------------------------------

    def do_import(self, entry: Entry | None) -> None:
        listed = partial(self._ask_import, entry)
        self._host.ask("formats", partial(list_formats, self._host.workspace), listed)

    def _ask_import(self, entry: Entry | None, formats: tuple[str, ...]) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            path = Path(values["path"]).expanduser()
            work = partial(
                import_folder,
                self._host.workspace,
                path,
                values["project"],
                dataset=values.get("dataset", ""),
                format=values.get("format", "auto"),
            )
            title = f"Import {path.name} into {values['project']}"
            self._host.do_long(
                title, lambda observer: work(observer=observer), self._say_imported, failed=again
            )

        project = _find_project(entry) or ""
        names = tuple(self._host.snapshot.refer_to(p) for p in self._host.snapshot.projects)
        fields = (
            make_field(
                "path",
                "folder of images and annotations; it is only read",
                type_name=PATH_TYPE,
                is_required=True,
            ),
            make_field(
                "project",
                "project to import into; made if it is new",
                project,
                suggestions=names,
                is_required=True,
            ),
            make_field("dataset", "path inside the project; empty for where the format says"),
            make_field("format", "auto looks at what the folder holds", "auto", choices=formats),
        )
        form = Form("Import", fields, command=command_lines.write_import, verb="import")
        self._ask_form(form, begin)

    def _say_imported(self, made: ImportResult) -> None:
        text = f"Imported into {made.project}: {made.items_added:,} new, {made.items_updated:,} changed,"
        text += f" {made.items_unchanged:,} as before."
        if made.problems:
            text += f" Left out {len(made.problems):,}: see ! for why."
        self._finish(text, detail="\n".join(f"{problem.path}: {problem.reason}" for problem in made.problems))

    def do_transform(self, entry: Entry) -> None:
        def listed(operations: tuple[OperationInfo, ...]) -> None:
            choices = [Choice(id=o.name, label=o.name, note=o.summary) for o in operations]
            by_name = {operation.name: operation for operation in operations}
            menu = ContextMenu(f"Transform {entry.ref} with", choices, is_wide=True)
            self._host.put(menu, lambda name: self._ask_transform(entry, by_name[name]))

        self._host.ask("operations", partial(list_operations, self._host.workspace), listed)

    def _ask_transform(self, entry: Entry, operation: OperationInfo) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            options, params = command_lines.split_values(values, ("to", "seed"))
            work = partial(
                transform,
                self._host.workspace,
                operation.name,
                (entry.ref,),
                to=options["to"],
                params=params,
                seed=int(options.get("seed", "0")),
            )
            title = f"{operation.name} of {entry.ref}"
            self._host.do_long(
                title, lambda observer: work(observer=observer), self._say_transformed, failed=again
            )

        target = f"{_find_project(entry)}-{operation.name}"
        fields = (
            make_field(
                "to", "project that gets the result; a former head stays a version", target, is_required=True
            ),
            *(FormField(spec) for spec in operation.params),
            SEED,
        )
        command = partial(command_lines.write_transform, operation.name, entry.ref)
        form = Form(f"{operation.name}: {operation.summary}", fields, command=command, verb="start")
        self._ask_form(form, begin)

    def _say_transformed(self, made: TransformResult) -> None:
        how = " (known recipe, nothing was computed)" if made.cached else ""
        self._finish(
            f"Made {made.project}@{made.version}: {made.items_in:,} items in, {made.items_out:,} out{how}."
        )

    def do_demo(self, entry: Entry | None) -> None:
        def said(made: DemoResult) -> None:
            self._finish(f"The demo is done: {made.model} has mAP50 {made.map50:.2f} on {made.project}.")

        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                workspace = self._host.workspace
                self._host.do_long(
                    "Demo", lambda observer: run_demo(workspace, seed=0, announce=observer), said
                )

        text = "A project of drawn digits is made, augmented, trained on, measured and restored, by the"
        text += " verbs that you will use. Takes some minutes; everything can be deleted afterwards."
        self._host.put(Confirm("Walk through the whole workflow", text, yes="Begin"), confirmed)

    # --- models --------------------------------------------------------------------------------

    def do_train(self, entry: Entry) -> None:
        workspace = self._host.workspace

        def read() -> tuple[tuple[str, ...], tuple[ParamSpec, ...]]:
            return train.list_architectures(workspace), train.list_params(workspace)

        def begin(values: dict[str, str], again: Again) -> None:
            options, params = command_lines.split_values(values, ("data", "model", "name", "seed"))
            seed = int(options.get("seed", "0"))
            work = partial(
                train.submit_train,
                workspace,
                options["data"],
                model=options["model"],
                params=params,
                seed=seed,
                name=options.get("name", ""),
            )
            self._host.ask("train", work, self._follow, failed=again)

        def listed(found: tuple[tuple[str, ...], tuple[ParamSpec, ...]]) -> None:
            architectures, params = found
            fields = (
                self._make_data_field(entry),
                make_field(
                    "model",
                    "architecture, or a .pt file to start from",
                    train.DEFAULT_ARCHITECTURE,
                    suggestions=architectures,
                    is_required=True,
                ),
                make_field("name", "name of the model; empty for architecture-data-number"),
                *(FormField(spec) for spec in params),
                SEED,
            )
            form = Form("Train a model", fields, command=command_lines.write_train, verb="train")
            self._ask_form(form, begin)

        self._host.ask("train", read, listed)

    def do_benchmark(self, entry: Entry) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            split, device = values.get("split", Split.VAL.value), values.get("device", "auto")
            work = partial(
                submit_benchmark,
                self._host.workspace,
                values["model"],
                values["data"],
                split=split,
                device=device,
            )
            self._host.ask("benchmark", work, self._follow, failed=again)

        splits = tuple(split.value for split in Split)
        fields = (
            self._make_model_field(entry),
            self._make_data_field(entry),
            make_field("split", "items to measure on", Split.VAL.value, choices=splits),
            make_field("device", "auto, cpu, or a GPU's index", "auto"),
        )
        form = Form("Benchmark a model", fields, command=command_lines.write_benchmark, verb="measure")
        self._ask_form(form, begin)

    def do_apply(self, entry: Entry) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            options, params = command_lines.split_values(values, ("model", "data", "to"))
            work = partial(
                apply.submit_apply,
                self._host.workspace,
                options["model"],
                options["data"],
                to=options["to"],
                params=params,
            )
            self._host.ask("apply", work, self._follow, failed=again)

        data = self._make_data_field(entry)
        fields = (
            self._make_model_field(entry),
            data,
            make_field(
                "to", "project that gets the labelled items", f"{_name_of(data)}-labelled", is_required=True
            ),
            *(FormField(spec) for spec in apply.list_params()),
        )
        form = Form("Label data with a model", fields, command=command_lines.write_apply, verb="apply")
        self._ask_form(form, begin)

    def do_stop(self, entry: Entry) -> None:
        is_forced = entry.state == RunState.STOPPING

        def confirmed(is_wanted: bool) -> None:
            if not is_wanted:
                return
            grace_s = 0.0 if is_forced else GRACE_S
            work = partial(stop_run, self._host.workspace, entry.ref, grace_s=grace_s)
            self._host.ask("stop", work, self._say_stopped, is_patient=False)
            self._host.say(f"Asked {entry.title} to stop. s again ends it by force.")

        text = (
            "It was asked to stop and has not yet. End it by force now? What it made so far is lost."
            if is_forced
            else "The run stops after its present batch; a training keeps its best weights as a model."
        )
        self._host.put(Confirm(f"Stop {entry.title}", text, yes="Stop it", is_dangerous=True), confirmed)

    def _say_stopped(self, run: Run) -> None:
        self._finish(f"The {run.verb} {run.id} is {run.state.value}.")

    def _follow(self, run: Run) -> None:
        self._finish(f"Started the {run.verb}: it goes on when you leave.", select=f"run:{run.id}")
        self._host.show_monitor(run.id)

    # --- names ---------------------------------------------------------------------------------

    def do_describe(self, entry: Entry) -> None:
        def done(text: str) -> None:
            work = partial(describe, self._host.workspace, entry.target, text)
            self._host.ask("describe", work, lambda _: self._finish(f"Described {entry.ref}."))

        present = _find_description(entry)
        self._host.put(Prompt(f"Describe {entry.ref}", value=present, can_be_empty=True), done)

    def do_rename(self, entry: Entry) -> None:
        def done(name: str) -> None:
            work = partial(rename, self._host.workspace, entry.target, name)
            self._host.ask("rename", work, lambda _: self._finish(f"Renamed {entry.title} to {name}."))

        self._host.put(Prompt(f"Rename {entry.ref}", value=entry.title), done)

    def do_delete(self, entry: Entry) -> None:
        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                work = partial(delete, self._host.workspace, entry.target)
                self._host.ask("delete", work, lambda kind: self._finish(f"Deleted the {kind} {entry.ref}."))

        text = f"The {entry.kind.value} {entry.ref} goes out of sight. Its lineage and its bytes stay."
        self._host.put(Confirm(f"Delete {entry.ref}", text, yes="Delete", is_dangerous=True), confirmed)

    def do_yank(self, entry: Entry) -> None:
        self._host.copy(entry.ref)

    # --- common parts --------------------------------------------------------------------------

    def _ask_form(self, form: Form, begin: Callable[[dict[str, str], Again], None]) -> None:
        """Ask for a form; where what it began fails, ask again with what was filled in."""

        def answered(values: dict[str, str]) -> None:
            begin(values, lambda: self._ask_form(form.refill(values), begin))

        self._host.put(form, answered)

    def _finish(self, text: str, *, detail: str = "", select: str = "") -> None:
        self._host.say(text, detail=detail)
        self._host.reload(select=select)

    def _make_data_field(self, entry: Entry) -> FormField:
        refs = tuple(self._host.snapshot.iter_data_refs())
        value = entry.ref if entry.kind in (EntryKind.PROJECT, EntryKind.VERSION) else next(iter(refs), "")
        return make_field(
            "data", "PROJECT for its head, or PROJECT@N", value, suggestions=refs, is_required=True
        )

    def _make_model_field(self, entry: Entry) -> FormField:
        names = tuple(model.name for model in self._host.snapshot.models)
        value = entry.ref if isinstance(entry.entity, Model) else next(iter(names), "")
        return make_field("model", "name of a model", value, suggestions=names, is_required=True)


def _find_project(entry: Entry | None) -> str | None:
    """Return the ref of the project that the entry is, or belongs to."""
    if entry is None or entry.kind not in (EntryKind.PROJECT, EntryKind.VERSION):
        return None
    return entry.ref.rpartition("@")[0] or entry.ref


def _find_description(entry: Entry) -> str:
    match entry.entity:
        case Version() as version:
            return version.message
        case (Project() | Model() | Report()) as described:
            return described.description
        case _:
            return ""


def _name_of(field: FormField) -> str:
    ref = str(field.spec.default)
    return (ref.rpartition("@")[0] or ref).rpartition("/")[2]
