"""The history of data: commit, restore, undo and redo."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from mlwf_tui.entities.counts import format_count
from mlwf_tui.errors import MlwfError, NotFound
from mlwf_tui.tui.screens.verbs.host import Host, ask_words, find_project, finish, name_keys
from mlwf_tui.tui.screens.verbs.names import Names
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.commit import CommitResult, commit, summarise_head
from mlwf_tui.workflow.restore import RestoreResult, preview_restore, restore
from mlwf_tui.workflow.undo import NextChange, UndoResult, find_next_redo, find_next_undo, redo, undo
from mlwf_tui.workspace import Workspace

T = TypeVar("T")
_FindNext = Callable[[Workspace], NextChange]


class _Turn(Protocol):
    """undo or redo."""

    def __call__(
        self, workspace: Workspace, project: str | None = None, *, turn: int | None = None
    ) -> UndoResult: ...


class History:
    """Asks for and does what moves a project's head along its history."""

    def __init__(self, host: Host, names: Names) -> None:
        self._host = host
        self._names = names

    def commit(self, entry: Entry) -> None:
        def said(made: CommitResult) -> None:
            finish(self._host, f"Committed {made.project}@{made.version}.")

        def done(message: str) -> None:
            work = partial(commit, self._host.workspace, entry.target, message=message)
            self._host.ask("commit", work, said)

        def summed_up(summary: str) -> None:
            help_text = "What is this version? One line. What changed is filled in; typing replaces it."
            prompt = Prompt(f"Commit {entry.ref}", value=summary, help=help_text, is_suggestion=True)
            ask_words(self._host, prompt, done)

        self._host.ask("commit", partial(summarise_head, self._host.workspace, entry.target), summed_up)

    def restore(self, entry: Entry) -> None:
        def said(made: RestoreResult) -> None:
            saved = f" What was there is @{made.saved_version}." if made.saved_version else ""
            text = f"Restored {entry.ref} as {made.project}@{made.version}.{saved}"
            text = text if made.created else f"{made.project} stands on {entry.ref} already."
            finish(self._host, text, has_moved=made.created)

        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                self._host.ask("restore", partial(restore, self._host.workspace, entry.target), said)

        def previewed(sentence: str) -> None:
            self._host.put(Confirm(f"Restore {entry.ref}", sentence, yes="Restore"), confirmed)

        self._host.ask("restore", partial(preview_restore, self._host.workspace, entry.target), previewed)

    def undo(self, entry: Entry | None) -> None:
        """Take back the last change of the entry's project, or the deletion that was the last thing done."""
        if not self._names.bring_back_latest():
            self._turn("undo", entry, undo, find_next_undo, self._say_undone)

    def redo(self, entry: Entry | None) -> None:
        self._turn("redo", entry, redo, find_next_redo, self._say_redone)

    def _turn(
        self,
        what: str,
        entry: Entry | None,
        turn: _Turn,
        find_next: _FindNext,
        done: Callable[[UndoResult], None],
    ) -> None:
        """Do it in the entry's project; without one ask first, unless it is of what was just done here."""
        workspace, has_moved = self._host.workspace, self._host.has_moved

        def looked(change: NextChange) -> None:
            work = partial(turn, workspace, change.project.id, turn=change.turn)

            def answered(is_wanted: bool) -> None:
                if is_wanted:
                    self._move(what, work, done)

            if has_moved and change.is_own:
                answered(True)
            else:
                project = self._host.snapshot.refer_to(change.project)
                self._host.put(_ask_first(what, project, change), answered)

        project = find_project(entry)
        if project is not None:
            self._move(what, partial(turn, workspace, project), done)
        else:
            self._move(what, partial(find_next, workspace), looked)

    def _move(self, what: str, work: Callable[[], T], done: Callable[[T], None]) -> None:
        """Do it; that there is nothing to do is no error."""

        def fail(error: MlwfError) -> None:
            if isinstance(error, NotFound):
                self._host.say(f"{error.message} {error.hint}".rstrip())
            else:
                self._host.work.fail(error)

        self._host.work.start(what, work, done, fail=fail)

    def _say_undone(self, made: UndoResult) -> None:
        count = format_count(made.item_count, "item")
        text = f"Took back the {made.verb} in {made.project}: {count} now."
        text += name_keys(self._host, " {redo} does it again.")
        finish(self._host, text, has_moved=True)

    def _say_redone(self, made: UndoResult) -> None:
        finish(
            self._host,
            f"Did the {made.verb} in {made.project} again: {format_count(made.item_count, 'item')} now.",
            has_moved=True,
        )


def _ask_first(what: str, project: str, change: NextChange) -> Confirm:
    counts = f"{format_count(change.project.item_count, 'item')} now, {change.item_count:,} then."
    if what == "undo":
        title, question, yes = "Undo", f"Take back the {change.verb} in {project}?", "Take it back"
    else:
        title, question, yes = "Redo", f"Do the {change.verb} in {project} again?", "Do it again"
    return Confirm(f"{title} in {project}", f"{question} {counts}\nNo project is selected.", yes=yes)
