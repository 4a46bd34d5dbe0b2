"""Words and names: describe, rename, delete, and copying a ref."""

from __future__ import annotations

from functools import partial

from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.tui.screens.verbs.host import Host, ask_line, finish
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.delete import delete, list_reasons_to_keep
from mlwf_tui.workflow.describe import describe
from mlwf_tui.workflow.rename import rename

LINE_END = "↵"
"""What stands for the end of a line where a text of several lines is written in one."""


class Names:
    """Asks for and does what changes how things are called."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def describe(self, entry: Entry) -> None:
        def work(text: str) -> None:
            describe(self._host.workspace, entry.target, text.replace(LINE_END, "\n"))

        present = _find_description(entry).replace("\n", LINE_END)
        help_text = f"{LINE_END} ends a line." if LINE_END in present else ""
        prompt = Prompt(f"Describe {entry.ref}", value=present, help=help_text, can_be_empty=True)
        ask_line(
            self._host, prompt, "describe", work, lambda _: finish(self._host, f"Described {entry.ref}.")
        )

    def rename(self, entry: Entry) -> None:
        def work(name: str) -> str:
            rename(self._host.workspace, entry.target, name)
            return name

        def done(name: str) -> None:
            finish(self._host, f"Renamed {entry.title} to {name}.")

        card = entry.entity.card if isinstance(entry.entity, LineageNode) else None
        present = card.title if card is not None and card.title else entry.title
        ask_line(self._host, Prompt(f"Rename {entry.title}", value=present), "rename", work, done)

    def history(self, entry: Entry) -> None:
        """List what was ever said and done of the entry, newest first."""
        self._host.show_history(entry)

    def delete(self, entry: Entry) -> None:
        if isinstance(entry.entity, Version):
            work = partial(list_reasons_to_keep, self._host.workspace, entry.entity)
            self._host.ask("delete", work, partial(self._ask_delete, entry))
        else:
            self._ask_delete(entry, ())

    def _ask_delete(self, entry: Entry, reasons: tuple[str, ...]) -> None:
        """Ask once more; reasons against it are said, and a yes overrules them."""

        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                work = partial(delete, self._host.workspace, entry.target, is_forced=bool(reasons))
                self._host.ask(
                    "delete", work, lambda kind: finish(self._host, f"Deleted the {kind} {entry.ref}.")
                )

        text = f"The {entry.kind.value} {entry.ref} goes out of sight; its place in the lineage stays."
        if reasons:
            against = "\n".join(f"· {reason}" for reason in reasons)
            text = f"Against it speaks:\n{against}\n\n{text}"
        yes = "Delete all the same" if reasons else "Delete"
        self._host.put(Confirm(f"Delete {entry.ref}", text, yes=yes, is_dangerous=True), confirmed)

    def yank(self, entry: Entry) -> None:
        self._host.copy(entry.ref)


def _find_description(entry: Entry) -> str:
    match entry.entity:
        case Version() as version:
            return version.message
        case (Project() | Model() | Report()) as described:
            return described.description
        case LineageNode() as node if node.card is not None:
            return node.card.description
        case _:
            return ""
