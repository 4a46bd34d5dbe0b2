"""What the verbs need of the screen that they work on, and what all of them do alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from textual.content import Content
from textual.screen import Screen

from mlwf_tui.entities.comparison import Leaderboard
from mlwf_tui.entities.finding import CheckResult
from mlwf_tui.entities.model import Report
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Problem, Run, RunState
from mlwf_tui.errors import MlwfError
from mlwf_tui.settings import expand_path
from mlwf_tui.tui.keys import write_keys
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens.marks import Marks
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.unsent import Unsent
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.entry import NAMED, Entry, EntryKind
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.calls import submit_call
from mlwf_tui.workflow.personal.past_values import keep_past_values, read_past_values
from mlwf_tui.workspace import Workspace

T = TypeVar("T")
MAX_PROBLEMS_SHOWN = 500


class Again(Protocol):
    """Asks the same form once more, filled in as it was, and says what went wrong."""

    def __call__(self, error: MlwfError | None = None) -> None: ...


class Host(Protocol):
    """What the verbs need of the screen that they work on."""

    workspace: Workspace
    marks: Marks
    unsent: Unsent
    deleted: Sequence[Entry]
    """What the last verb has deleted, if it was one that deletes."""
    has_moved: bool
    """Whether the last verb has moved a head, so that undo or redo is meant of that."""

    @property
    def snapshot(self) -> Snapshot:
        """What was read last."""

    @property
    def work(self) -> Work:
        """What reads in threads, for dialogs that tell errors themselves."""

    def ask(
        self,
        what: str,
        work: Callable[[], T],
        done: Callable[[T], None],
        *,
        failed: Callable[[MlwfError], None] | None = None,
        is_patient: bool = True,
    ) -> None:
        """Do `work` in a thread and hand its result to `done`; an impatient quit leaves it behind.

        An error is told, by `failed` where that is given, and kept among the messages.
        """

    def do_long(
        self,
        title: str,
        work: Callable[[ScreenObserver], T],
        done: Callable[[T], None],
        *,
        failed: Callable[[MlwfError], None] | None = None,
    ) -> None:
        """Do long `work` in a thread, with its progress shown and a way to cancel it.

        An error is kept among the messages and told, by `failed` where it is given and no person cancelled.
        """

    def put(
        self,
        dialog: Screen[T | None],
        then: Callable[[T], None],
        *,
        closed: Callable[[], None] | None = None,
    ) -> None:
        """Show a dialog and hand on what it returns; `closed` is called where there was no answer."""

    def say(self, text: str, *, detail: str = "") -> None:
        """Tell the person that something was done."""

    def reload(self, *, select: str = "") -> None:
        """Read the home again, and put the selection on the entry with this key if it is there."""

    def show_check(self, found: CheckResult) -> None:
        """Show what a check has found in the middle."""

    def show_report(self, report: Report) -> None:
        """Read a report and show it in the middle."""

    def show_board(self, board: Leaderboard) -> None:
        """Show the reports of a project in the middle, ranked in groups."""

    def show_history(self, entry: Entry) -> None:
        """Show what was ever said and done of it in the middle."""

    def show_monitor(self, run_id: str) -> None:
        """Follow a run in the middle."""

    def copy(self, text: str) -> None:
        """Copy to the person's clipboard and say which way it went."""


def ask_form(
    host: Host,
    form: Form,
    begin: Callable[[dict[str, str], Again], None],
    *,
    closed: Callable[[], None] | None = None,
) -> None:
    """Ask for a form; where what it began fails, ask again with what was filled in and what was wrong.

    What is entered is remembered, and offered in the same fields of whatever form; what was filled in when
    a person gave up stands there again when they ask for the same.
    """

    def answered(values: dict[str, str]) -> None:
        def again(error: MlwfError | None = None) -> None:
            trouble = f"{error.message} {error.hint}".rstrip() if error is not None else ""
            culprit = find_culprit(values, error.message) if error is not None else ""
            ask_form(host, form.come_back(values, trouble, culprit), begin)

        host.unsent.settle(form)
        host.work.start("past values", partial(keep_past_values, host.workspace, values), lambda _: None)
        begin(values, again)

    def given_up() -> None:
        host.unsent.settle(form)
        if closed is not None:
            closed()

    form.copy = host.copy
    host.work.start("past values", partial(read_past_values, host.workspace), form.take_past)
    host.unsent.offer(form)
    host.put(form, answered, closed=given_up)


def ask_words(host: Host, prompt: Prompt, then: Callable[[str], None]) -> None:
    """Ask for a line; what was written when a person gave up stands there when they are asked the same."""

    def answered(line: str) -> None:
        host.unsent.settle(prompt)
        then(line)

    host.unsent.offer(prompt)
    host.put(prompt, answered, closed=partial(host.unsent.settle, prompt))


def ask_line(
    host: Host, prompt: Prompt, what: str, work: Callable[[str], T], done: Callable[[T], None]
) -> None:
    """Ask for a line and do `work` with it; where that fails, ask again with the line and what is wrong."""

    def answered(line: str) -> None:
        def fail(error: MlwfError) -> None:
            again = prompt.refill(line, f"{error.message} {error.hint}".rstrip())
            ask_line(host, again, what, work, done)

        host.work.start(what, partial(work, line), done, fail=fail)

    ask_words(host, prompt, answered)


def finish(
    host: Host,
    text: str,
    *,
    detail: str = "",
    select: str = "",
    deleted: Sequence[Entry] = (),
    has_moved: bool = False,
) -> None:
    """Tell that a verb is done, and show what it changed.

    Undo brings back what it has `deleted`, and takes it back where it `has_moved` a head.
    """
    host.deleted, host.has_moved = deleted, has_moved
    host.say(text, detail=detail)
    host.reload(select=select)


def list_known(host: Host) -> frozenset[str]:
    """Return the names of the projects that there are, for `find_new` to tell what a verb has made."""
    return frozenset(project.name for project in host.snapshot.projects)


def find_new(project: str, known: Collection[str]) -> str:
    """Return what `finish` is to select: the project, if a verb has made it; else ""."""
    return "" if project in known else f"{NAMED}{project}"


def name_keys(host: Host, text: str) -> str:
    """Return a text in which `{undo}` has become the first key of that action, as this person has it."""
    return write_keys(text, host.workspace.settings.keys)


def queue_call(
    host: Host, verb: str, call: Mapping[str, Any], terms: Terms, again: Again, *, seed: int | None = None
) -> None:
    """Queue a verb that the app does itself otherwise, and follow it; paths in `call` are made absolute."""

    def submit() -> Run:
        absolute = {name: str(expand_path(v)) if isinstance(v, Path) else v for name, v in call.items()}
        return submit_call(host.workspace, verb, absolute, terms=terms, seed=seed)

    host.ask(verb, submit, partial(follow, host), failed=again)


def follow(host: Host, run: Run) -> None:
    """Say that a run goes on by itself, and for what it waits first; show it."""
    is_waiting = run.state is RunState.QUEUED
    how = f"waits for {run.waits_for or 'its turn'}" if is_waiting else "has begun"
    finish(host, f"The {run.verb} run {how}, and goes on when you leave.", select=f"run:{run.id}")
    host.show_monitor(run.id)


def show_problems(host: Host, title: str, problems: Sequence[Problem]) -> None:
    """List what was left out or is wrong, where there is anything."""
    if not problems:
        return
    lines = [Content.assemble((p.path, "bold"), "  ", p.reason) for p in problems[:MAX_PROBLEMS_SHOWN]]
    hidden = len(problems) - len(lines)
    if hidden:
        lines.append(Content.styled(f"… and {hidden:,} more", "$text-muted"))
    host.put(Sheet(title, Content("\n").join(lines)), lambda _: None)


def find_project(entry: Entry | None) -> str | None:
    """Return the ref of the project that the entry is, or belongs to."""
    whole = entry.within if entry is not None and entry.within is not None else entry
    if whole is None or whole.kind not in (EntryKind.PROJECT, EntryKind.VERSION, EntryKind.STATE):
        return None
    name, _, _ = whole.ref.rpartition("@")
    return name or (None if whole.kind is EntryKind.STATE else whole.ref)  # not every state has a name


def find_culprit(values: Mapping[str, str], message: str) -> str:
    """Return the name of the value that a message speaks of, or quotes; "" for none."""

    def is_meant(name: str, value: str) -> bool:
        is_told = len(value) > 1 and (repr(value) in message or ("/" in value and value in message))
        return is_told or f"parameter {name} " in message

    return next((name for name, value in values.items() if is_meant(name, value)), "")
