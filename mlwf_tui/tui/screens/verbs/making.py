"""Making data: import, and the demo that does everything once."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from mlwf_tui.entities.counts import format_count
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.verbs.host import (
    Again,
    Host,
    ask_form,
    find_new,
    find_project,
    finish,
    list_known,
    queue_call,
)
from mlwf_tui.tui.screens.verbs.terms import list_detach_fields, read_detached_terms
from mlwf_tui.tui.widgets.completing import SOURCE_TYPE
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.form import Form, make_field
from mlwf_tui.workflow.demo import DemoResult, run_demo
from mlwf_tui.workflow.import_ import ImportResult, import_folder, list_formats


class Making:
    """Asks for and does what makes data, in this process and with its progress shown."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def import_(self, entry: Entry | None) -> None:
        listed = partial(self._ask_import, entry)
        self._host.ask("formats", partial(list_formats, self._host.workspace), listed)

    def _ask_import(self, entry: Entry | None, formats: tuple[str, ...]) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            path, project, terms = Path(values["path"]), values["project"], read_detached_terms(values)
            dataset, format = values.get("dataset", ""), values.get("format", "auto")
            message = values.get("message") or None
            if terms is not None:
                call = {
                    "path": path,
                    "project": project,
                    "dataset": dataset,
                    "format": format,
                    "message": message,
                }
                queue_call(self._host, "import", call, terms, again)
                return
            work = partial(
                import_folder,
                self._host.workspace,
                path,
                project,
                dataset=dataset,
                format=format,
                message=message,
            )
            title = f"Import {path.name} into {project}"
            done = partial(self._say_imported, list_known(self._host))
            self._host.do_long(title, lambda observer: work(observer=observer), done, failed=again)

        project = find_project(entry) or ""
        names = tuple(self._host.snapshot.refer_to(p) for p in self._host.snapshot.projects)
        fields = (
            make_field(
                "path",
                "folder or archive (zip, tar) of images and annotations; it is only read",
                type_name=SOURCE_TYPE,
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
            make_field("message", "names what the project then holds as a version; empty commits nothing"),
            *list_detach_fields(self._host.snapshot),
        )
        form = Form("Import", fields, command=command_lines.write_import, verb="import")
        ask_form(self._host, form, begin)

    def _say_imported(self, known: Collection[str], made: ImportResult) -> None:
        text = f"Imported into {made.project}: {made.items_added:,} new, {made.items_updated:,} changed,"
        text += f" {made.items_unchanged:,} as before. Read as {made.format}"
        names = " and ".join(fit.format for fit in made.also)
        text += f"; {names} would fit too: the form's format decides." if names else "."
        if made.version:
            text += f" Committed as {made.project}@{made.version}."
        if made.edits_replaced:
            edited = format_count(made.edits_replaced, "item")
            text += f" {edited} edited here since the last import replaced: undo takes this import back."
        if made.new_classes or made.new_tags:
            text += f" New: {', '.join((*made.new_classes, *made.new_tags))}."
        if made.conflicts:
            text += f" {len(made.conflicts):,} definitions differ: see ! for what is kept."
        doubtful = sum(problem.is_taken for problem in made.problems)
        if left_out := len(made.problems) - doubtful:
            text += f" Left out {left_out:,}: see ! for why."
        if doubtful:
            text += f" {doubtful:,} doubtful: see ! for why."
        told = [f"{made.format}: {made.reason}", *(f"{fit.format}: {fit.reason}" for fit in made.also)]
        problems = [f"{problem.path}: {problem.reason}" for problem in made.problems]
        has_moved = bool(made.items_added or made.items_updated or made.new_classes or made.new_tags)
        detail = "\n".join([*told, *made.conflicts, *problems])
        select = find_new(made.project, known)
        finish(self._host, text, detail=detail, select=select, has_moved=has_moved)

    def demo(self, entry: Entry | None) -> None:
        def said(made: DemoResult) -> None:
            finish(
                self._host, f"The demo is done: {made.model} has mAP50 {made.map50:.2f} on {made.project}."
            )

        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                workspace = self._host.workspace
                self._host.do_long(
                    "Demo", lambda observer: run_demo(workspace, seed=0, announce=observer), said
                )

        text = "A project of drawn digits is made, augmented, trained on, measured and restored, by the"
        text += " verbs that you will use. Takes some minutes; everything can be deleted afterwards."
        self._host.put(Confirm("Walk through the whole workflow", text, yes="Begin"), confirmed)
