"""What is done with cards of the lineage: what lies behind them, what they have made, hiding, ids, files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from textual.content import Content

from mlwf_tui.entities.card import MAX_DESCRIPTION, show_safely
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.run import Run
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form, finish
from mlwf_tui.tui.widgets.completing import PATH_TYPE
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.form import Form, make_field
from mlwf_tui.tui.widgets.sheet import Sheet, draw_lines
from mlwf_tui.workflow.graphs.path_contents import PathContents, PathEntry, read_path
from mlwf_tui.workflow.graphs.save_graph import FORMATS, save_graph
from mlwf_tui.workflow.hide import hide, list_hidden, unhide
from mlwf_tui.workflow.runs import get_run

EVERYTHING = "everything"
MAX_RESULT = 20_000  # characters of a run's result that a sheet shows


class Cards:
    """Asks for and does it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def contents(self, entry: Entry) -> None:
        """Show what lies in a folder or file now."""
        node = entry.entity
        path = node.path if isinstance(node, LineageNode) else entry.ref

        def shown(found: PathContents) -> None:
            self._host.put(Sheet(path, _draw_contents(found)), lambda _: None)

        self._host.ask("contents", partial(read_path, path), shown)

    def results(self, entry: Entry) -> None:
        """Show what a run has read, made and said: this one, or the one that has made the entry."""
        run_id = self._host.snapshot.find_run_of(entry.key) or entry.ref

        def shown(run: Run) -> None:
            self._host.put(Sheet(f"Results of {run.verb} {run.id}", _draw_results(run)), lambda _: None)

        self._host.ask("run", partial(get_run, self._host.workspace, run_id), shown)

    def hide(self, entry: Entry) -> None:
        """Leave the entry out of the lineage; where it is hidden already, show it again."""
        node = self._host.snapshot.nodes.get(entry.key)
        is_hidden = node is not None and node.is_hidden
        refs = node.members if node is not None and node.members else (entry.target,)
        verb = unhide if is_hidden else hide

        def done(changed: tuple[str, ...]) -> None:
            what = entry.title if len(refs) == 1 else format_count(len(changed), "card")
            how = "is shown again" if is_hidden else "is hidden: f hidden:yes finds it, _ shows it again"
            finish(self._host, f"{what} {how}.")

        self._host.ask("hide", partial(verb, self._host.workspace, refs), done)

    def unhide(self, entry: Entry | None) -> None:
        """Show everything again that was hidden."""
        workspace = self._host.workspace

        def show() -> tuple[str, ...]:
            hidden = [node.id for node in list_hidden(workspace)]
            return unhide(workspace, hidden) if hidden else ()

        def done(shown: tuple[str, ...]) -> None:
            count = format_count(len(shown), "card")
            finish(self._host, f"{count} shown again." if shown else "Nothing was hidden.")

        self._host.ask("hide", show, done)

    def yank_id(self, entry: Entry) -> None:
        """Copy the id alone."""
        self._host.copy(entry.key.partition(":")[2])

    def save_graph(self, entry: Entry | None) -> None:
        """Ask for a format and a file, and write the lineage of everything or of what is selected."""
        ref = entry.target if entry is not None and entry.kind is not EntryKind.GROUP else ""
        shown = entry.ref if entry is not None and ref else ""
        parts = (EVERYTHING, shown) if shown else (EVERYTHING,)

        def begin(values: dict[str, str], again: Again) -> None:
            is_whole = values.get("of", shown) != shown or not shown
            format, file = values.get("format", "svg"), values["file"]
            work = partial(save_graph, self._host.workspace, None if is_whole else ref, format, Path(file))
            self._host.ask("graph", work, partial(self._say_saved, file), failed=again)

        fields = (
            make_field("of", "all there is, or what is selected", shown or EVERYTHING, choices=parts),
            make_field("format", "svg and html need no other file", "svg", choices=FORMATS),
            make_field("file", "a new file", "lineage.svg", type_name=PATH_TYPE, is_required=True),
        )
        command = partial(command_lines.write_graph, shown)
        ask_form(self._host, Form("Save the lineage", fields, command=command, verb="write"), begin)

    def _say_saved(self, file: str, count: int) -> None:
        self._host.say(f"{format_count(count, 'node')} in {file}.")


def _draw_contents(found: PathContents) -> Content:
    end = [Content("…")] if found.is_cut else []
    if found.size_bytes is not None:
        text = "\n".join(show_safely(line, MAX_DESCRIPTION) for line in found.text.splitlines())
        size = Content.styled(format_size(found.size_bytes), "$text-muted")
        return Content("\n").join([size, Content(text), *end])
    if not found.entries:
        return Content("It is empty.")
    return Content("\n").join([draw_lines([_list_entry(entry) for entry in found.entries]), *end])


def _list_entry(entry: PathEntry) -> tuple[str, str]:
    name = show_safely(entry.name)
    return (f"{name}/", "") if entry.size_bytes is None else (name, format_size(entry.size_bytes))


def _draw_results(run: Run) -> Content:
    lines = list(_list_results(run))
    result = json.dumps(dict(run.result), ensure_ascii=False, indent=1, default=str)[:MAX_RESULT]
    body = [Content(show_safely(line, MAX_DESCRIPTION)) for line in result.splitlines()] if run.result else []
    return Content("\n").join([draw_lines(lines), Content(""), *body])


def _list_results(run: Run) -> Iterator[tuple[str, str]]:
    yield "state", run.state.value
    if run.error:
        yield "failed", run.error
    for heading, ends in (("read", run.inputs), ("made", run.outputs)):
        for end in ends:
            yield heading, f"{end.title or end.id}  {end.kind}"
