"""Words and names: describe, rename, delete, and copying a ref."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from mlwf_tui.entities.deletion import Deleted
from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import ArtifactKind
from mlwf_tui.errors import Conflict, MlwfError
from mlwf_tui.protocols.observer import SILENT
from mlwf_tui.tui.screens.verbs.host import Host, ask_line, finish, name_keys
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.context_menu import Choice, ContextMenu
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.formats import format_age
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.delete import delete, list_reasons_to_keep
from mlwf_tui.workflow.describe import describe
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workflow.undelete import UndeleteResult, list_deleted, undelete

LINE_END = "↵"
"""What stands for the end of a line where a text of several lines is written in one."""
_BRING_BACK = (
    "{undo} takes that back right after, “Bring back what was deleted” among the commands ({palette}) later."
)


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

    def undelete(self, entry: Entry | None) -> None:
        """List what was deleted, and bring the chosen back."""

        def listed(found: tuple[Deleted, ...]) -> None:
            if not found:
                self._host.say("Nothing that was deleted can be brought back.")
                return
            now = datetime.now(UTC)
            choices = [
                Choice(id=one.id, label=one.ref, note=f"{one.kind}, {format_age(one.deleted_at, now)}")
                for one in found
            ]
            by_id = {one.id: one for one in found}
            menu = ContextMenu("Bring back what was deleted", choices)
            self._host.put(menu, lambda chosen: self._bring_back(by_id[chosen]))

        self._host.ask("undelete", partial(list_deleted, self._host.workspace), listed)

    def _bring_back(self, deleted: Deleted) -> None:
        """Bring it back under its name, or under another that is asked for where that is taken."""

        def work(name: str) -> UndeleteResult:
            return undelete(self._host.workspace, deleted.id, name=name, observer=SILENT)

        def done(made: UndeleteResult) -> None:
            key = "head" if made.kind is ArtifactKind.PROJECT else made.kind  # a project's entry is its head
            finish(self._host, f"The {made.kind} {made.ref} is back.", select=f"{key}:{made.id}")

        def fail(error: MlwfError) -> None:
            if not isinstance(error, Conflict):
                self._host.work.fail(error)
                return
            prompt = Prompt(f"Bring {deleted.ref} back as", value=deleted.ref, fault=error.message)
            ask_line(self._host, prompt, "undelete", work, done)

        self._host.work.start("undelete", partial(work, ""), done, fail=fail)

    def bring_back_latest(self) -> bool:
        """Bring back what the last verb has deleted; False where it was none that deletes."""
        deleted, self._host.deleted = self._host.deleted, ()
        if not deleted:
            return False
        ids = [entry.key.partition(":")[2] for entry in deleted]

        def look() -> tuple[Deleted, ...]:
            return tuple(one for one in list_deleted(self._host.workspace) if one.id in ids)

        def found(gone: tuple[Deleted, ...]) -> None:
            if not gone:
                self._host.say("What was deleted last is back already, or cannot be brought back any more.")
            elif len(gone) == 1:
                self._bring_back(gone[0])
            else:
                self._bring_all_back(gone)

        self._host.ask("undelete", look, found)
        return True

    def _bring_all_back(self, gone: Sequence[Deleted]) -> None:
        def work() -> list[str]:
            faults = []
            for one in gone:
                try:
                    undelete(self._host.workspace, one.id, observer=SILENT)
                except MlwfError as error:
                    faults.append(f"{one.ref}: {error.message} {error.hint}".rstrip())
            return faults

        def done(faults: list[str]) -> None:
            text = f"Brought back {len(gone) - len(faults):,} of {len(gone):,} that were deleted."
            finish(self._host, " ".join([text, *faults[:1]]), detail="\n".join(faults))

        self._host.ask("undelete", work, done)

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
                self._host.ask("delete", work, said)

        def said(kind: str) -> None:
            text = f"Deleted the {kind} {entry.ref}. {name_keys(self._host, '{undo} brings it back.')}"
            finish(self._host, text, deleted=(entry,))

        text = f"The {entry.kind.value} {entry.ref} goes out of sight; its place in the lineage stays."
        text += f" {tell_way_back(self._host)}"
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


def tell_way_back(host: Host) -> str:
    """Say how what is deleted comes back."""
    return name_keys(host, _BRING_BACK)
