"""Lines of versions: tag them, begin a new project from one, merge what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.threeway import Side
from mlwf_tui.errors import Conflict
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.outline import find_tags
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form, ask_line, find_project, finish
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.conflicts import ConflictChooser
from mlwf_tui.tui.widgets.context_menu import Choice, ContextMenu
from mlwf_tui.tui.widgets.entry import NAMED, Entry
from mlwf_tui.tui.widgets.form import Form, make_field
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.copy import CopyResult, copy
from mlwf_tui.workflow.merge import MergePlan, MergeResult, merge, plan_merge
from mlwf_tui.workflow.tag import TagResult, tag, untag
from mlwf_tui.workspace import Workspace


class _Taken(NamedTuple):
    """A tag that another version has, and what says so."""

    name: str
    told: str


class Branching:
    """Asks for and does what joins and parts lines of versions."""

    def __init__(self, host: Host) -> None:
        self._host = host

    # --- tags ----------------------------------------------------------------------------------

    def tag(self, entry: Entry) -> None:
        def said(made: TagResult | _Taken) -> None:
            if isinstance(made, _Taken):
                self._ask_move(entry, made, said)
                return
            name = f"{made.project}@{made.tag} means @{made.version} now."
            finish(self._host, name if made.project is not None else _tell_tags(entry, made))

        help_text = "One word, such as golden: f tag:golden finds it on the lineage."
        if isinstance(entry.entity, Version):
            help_text = "One word, such as golden: the version can then be written PROJECT@golden."
        prompt = Prompt(f"Tag {entry.title}", help=help_text)
        ask_line(self._host, prompt, "tag", partial(_tag, self._host.workspace, entry.target), said)

    def _ask_move(self, entry: Entry, taken: _Taken, said: Callable[[TagResult], None]) -> None:
        """Ask whether a tag of another version is to mean this one."""

        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                work = partial(tag, self._host.workspace, entry.target, taken.name, is_forced=True)
                self._host.ask("tag", work, said)

        text = f"{taken.told} It can mean one version only."
        self._host.put(Confirm(f"Tag {entry.ref}", text, yes="Move it here"), confirmed)

    def untag(self, entry: Entry) -> None:
        def said(made: TagResult) -> None:
            is_name = made.project is not None
            text = f"{made.project}@{made.tag} means nothing any more; @{made.version} stays."
            finish(self._host, text if is_name else _tell_tags(entry, made))

        def done(name: str) -> None:
            self._host.ask("untag", partial(untag, self._host.workspace, entry.target, name), said)

        names = find_tags(entry, self._host.snapshot)
        if len(names) == 1:
            done(names[0])
        else:
            choices = [Choice(id=name, label=name) for name in names]
            self._host.put(ContextMenu(f"Take off {entry.ref}", choices), done)

    # --- copies --------------------------------------------------------------------------------

    def copy(self, entry: Entry) -> None:
        def said(made: CopyResult) -> None:
            text = f"Made {made.project} from {made.source}. M merges it back one day."
            finish(self._host, text, select=f"{NAMED}{made.project}")

        suggested = f"{(find_project(entry) or '').rpartition('/')[2]}-copy"
        help_text = "Name of the new project. It shares all bytes with this one, and takes no time."
        prompt = Prompt(f"Copy {entry.ref}", value=suggested, help=help_text, is_suggestion=True)
        ask_line(self._host, prompt, "copy", partial(copy, self._host.workspace, entry.target), said)

    # --- merging -------------------------------------------------------------------------------

    def merge(self, entry: Entry) -> None:
        snapshot = self._host.snapshot
        names = tuple(snapshot.refer_to(p) for p in snapshot.projects)
        is_version = isinstance(entry.entity, Version)
        fields = (
            make_field(
                "project",
                "project that gets the merged version",
                "" if is_version else entry.ref,
                suggestions=names,
                is_required=True,
            ),
            replace(
                make_field(
                    "ref",
                    "what is merged into it: PROJECT for its head, or PROJECT@N",
                    entry.ref if is_version else "",
                    suggestions=tuple(snapshot.iter_data_refs()),
                    is_required=True,
                ),
                label="from",
            ),
            make_field("message", "what the merged version is called; empty says what came in"),
            make_field(
                "unrelated", "merge also what comes from no common version", "no", choices=("no", "yes")
            ),
        )
        form = Form("Merge", fields, command=command_lines.write_merge, verb="look")
        ask_form(self._host, form, partial(self._plan, snapshot))

    def _plan(self, snapshot: Snapshot, values: dict[str, str], again: Again) -> None:
        sides = tuple(snapshot.find_target(values[name]) for name in ("project", "ref"))
        work = partial(
            plan_merge,
            self._host.workspace,
            *sides,
            is_unrelated=values.get("unrelated") == "yes",
        )
        self._host.ask("merge", work, partial(self._show_plan, values, sides), failed=again)

    def _show_plan(self, values: dict[str, str], sides: Sequence[str], plan: MergePlan) -> None:
        if plan.is_merged_already:
            self._host.say(f"{plan.held}.")
            return
        if plan.conflicts:
            chooser = ConflictChooser(plan.ours, plan.theirs, plan.conflicts)
            self._host.put(chooser, lambda choices: self._merge(values, sides, choices))
            return

        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                self._merge(values, sides, {})

        title = f"Merge {plan.theirs} into {plan.ours}"
        self._host.put(Confirm(title, _tell_plan(plan), yes="Merge"), confirmed)

    def _merge(self, values: dict[str, str], sides: Sequence[str], choices: dict[str, Side]) -> None:
        def said(made: MergeResult) -> None:
            if made.conflicts:
                self._host.say(f"{values['ref']} was changed meanwhile: nothing was merged, try again.")
                return
            counts = f"{format_count(made.items_added, 'item')} added, {made.items_removed:,} removed,"
            text = f"Merged into {made.project}@{made.version}: {counts} {made.items_changed:,} changed."
            finish(self._host, text, has_moved=made.created)

        work = partial(
            merge,
            self._host.workspace,
            *sides,
            choices=choices,
            message=values.get("message") or None,
            is_unrelated=values.get("unrelated") == "yes",
        )
        self._host.do_long(f"Merge {values['ref']}", lambda _: work(), said)


def _tag(workspace: Workspace, ref: str, name: str) -> TagResult | _Taken:
    """Tag it, unless the tag would have to be moved."""
    try:
        return tag(workspace, ref, name)
    except Conflict as conflict:
        return _Taken(name, conflict.message)


def _tell_tags(entry: Entry, made: TagResult) -> str:
    tags = f"is tagged {', '.join(made.tags)}" if made.tags else "has no tag now"
    return f"{entry.title} {tags}."


def _tell_plan(plan: MergePlan) -> str:
    counts = [
        f"{count:,} {kind.value}"
        for kind in ChangeKind
        if (count := sum(change.kind is kind for change in plan.changes))
    ]
    base = f" since {plan.base}" if plan.base else ""
    return f"No conflicts{base}. Items of {plan.ours}: {', '.join(counts) or 'none differs'}."
