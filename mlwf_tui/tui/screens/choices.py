"""Which actions an entry offers, and why the others do not fit; the one place that decides it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget

from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.model import Model, Report, ReportKind
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.tui.keys import DATA, HOME_VERBS, KEYS, KEYS_BY_ID, ON_GRAPH, PARTS, VERBS, Key, split_keys
from mlwf_tui.tui.screens.marks import choose_compared, choose_sides, reach
from mlwf_tui.tui.screens.outline import find_tags
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.widgets.context_menu import Choice
from mlwf_tui.tui.widgets.entry import Entry, EntryKind, Excerpt
from mlwf_tui.tui.widgets.formats import STATE_GLYPHS, format_keys
from mlwf_tui.tui.widgets.key_names import Rewording, find_bindings

OPTION = "comma "
"""What the key of a binding begins with that is chosen by a letter behind a comma."""
OWN = "own:"
"""What the id of a pane's own action begins with."""

WORKSPACE_OPTIONS = (
    "all_runs",
    "all_models",
    "machine",
    "theme",
    "tour",
    "help",
    "messages",
    "refresh",
    "quit",
)
"""What the menu of a workspace offers besides verbs."""

READ_ONLY = "This home can only be read."

PAUSE_QUEUE = ("pause queue", "Start nothing that waits; what is running goes on")
RESUME_QUEUE = ("resume queue", "It is paused: let it start what waits again")
"""What the key of the queue does now: its label, and what it says of itself."""

SIGNS = (
    ("⧗", "at work", "how far what is done here has come, or what is waited for"),
    ("◆", "marked", "verbs are done to all that is marked"),
    (STATE_GLYPHS["running"], "running", "runs whose process works, here or elsewhere"),
    (STATE_GLYPHS["paused"], "paused", "runs that wait for a person to resume them"),
    (STATE_GLYPHS["queued"], "queued", "runs that wait for their turn"),
    ("✗", "errors", "told since the app was opened; they stand among the messages"),
    ("✎", "described", "of all that can be described, how much is"),
)
"""What stands at the foot of the screen beside the keys: the sign, a word for it, and what it counts."""

EXAMPLES = {
    EntryKind.PROJECT: "a project",
    EntryKind.VERSION: "a version",
    EntryKind.MODEL: "a model",
    EntryKind.REPORT: "a report",
    EntryKind.RUN: "a run",
    EntryKind.STATE: "a state",
    EntryKind.FOLDER: "a folder",
    EntryKind.FILE: "a file",
    EntryKind.RECIPE: "a recipe",
}


def find_reason(key: Key, entry: Entry | None, snapshot: Snapshot, marked: Sequence[Entry]) -> str:
    """Return why `key` cannot be done to `entry` now, in words for a person, or "" where it can."""
    if snapshot.is_read_only and key.changes_home:
        return READ_ONLY
    entry = reach(key, entry)
    if key.kinds and (entry is None or entry.kind not in key.kinds):
        if key.id in ("undo", "redo"):
            return ""  # without a project they take the newest change of any
        if key.id == "monitor" and snapshot.active_runs:
            return ""  # the newest of those that go on
        return f"Select {_list_kinds(key)} first."
    sides = choose_sides(entry, marked) if entry is not None else ()
    match key.id, entry.entity if entry else None:
        case "unmark", _ if not marked:
            return "Nothing is marked."
        case "unhide", _ if not snapshot.has_hidden:
            return "Nothing is hidden."
        case "commit", Project() as project:
            return _find_commit_reason(project)
        case "diff", Project() as project if len(sides) < 2:
            return "" if project.latest_version else "Commit first, or mark what to compare with."
        case "diff", (Project() | Version()) if len(sides) > 2:
            return "Three or more are marked: a diff is of two."
        case "diff", Run() if len(sides) > 2:
            return "Three or more are marked: a diff is of two runs."
        case (
            ("train" | "tune" | "transform" | "apply" | "benchmark" | "check"),
            (Project() | Version()) as data,
        ) if not data.item_count:
            return "It holds no items yet: import some first."
        case "untag", _ if entry is not None and entry.kind not in PARTS and not find_tags(entry, snapshot):
            return "It has no tag."
        case "restore", LineageNode() as node if (
            entry and entry.kind is EntryKind.STATE and "@" not in node.title
        ):
            return "A version names it: restore that one."
        case "items", LineageNode() as node if (
            entry and entry.kind is EntryKind.STATE and "@" not in node.title
        ):
            return "A version names it: look through that one."
        case "diff", Model() if len(sides) > 2 and any(one.kind is EntryKind.RUN for one in sides):
            return "Three or more are marked: only models are compared by the dozen."
        case "diff", (Run() | Model()) if len(sides) < 2:
            return "Mark another run or model first (space)."
        case "compare", Report(kind=ReportKind.COMPARISON):
            return "It sets models beside each other itself: select a report of one."
        case "compare", _ if entry is not None and _is_report_alone(entry, marked):
            return "Mark another report first (space)."
        case (("delete" | "tag" | "untag" | "rename"), Excerpt() as excerpt) if not excerpt.is_head:
            return f"A version never changes: open {excerpt.ref.rpartition('@')[0]} itself."
        case "rename", Excerpt() as excerpt if excerpt.items:
            return "An item keeps its name; its dataset can be renamed."
        case (("copy" | "merge"), Project() as project) if (
            not project.item_count and not project.latest_version
        ):
            return "It holds no items yet: import some first."
        case "stop", Run() as run if run.state.is_finished:
            return f"The run is {run.state.value} already."
        case (("pause" | "resume" | "retry"), Run() as run):
            return _find_queue_reason(key.id, run)
        case "continue", Run() as run if run.verb != "train" or not run.state.is_finished or not run.outputs:
            return "Select a training that has left a model."
        case (("sooner" | "later"), Run() as run) if run.state not in (RunState.QUEUED, RunState.PAUSED):
            return "It does not wait."
        case (("benchmark" | "apply"), (Project() | Version())) if not snapshot.models:
            return "There is no model yet: train one first."
        case (("benchmark" | "apply"), Run() as run) if not _has_model(run):
            return "No model comes of it: select a training that goes on, waits or is done."
        case (("package" | "serve"), Run() as run) if not _has_made_model(run):
            return "It has made no model: select a training that is done."
        case _:
            return ""


def list_menu(entry: Entry, snapshot: Snapshot, marked: Sequence[Entry]) -> tuple[Choice, ...]:
    """Return every verb that makes sense for the kind of `entry`, with reasons where it cannot be done.

    Opening comes first, then each group once.
    """
    can_open = entry.kind not in (EntryKind.SECTION, EntryKind.PLANNED)
    keys = [KEYS_BY_ID["open"]] if can_open else []
    keys += [key for key in VERBS if entry.kind in (ON_GRAPH if key.id == "save_graph" else key.kinds)]
    if entry.kind in DATA:
        keys += [KEYS_BY_ID["status"], KEYS_BY_ID["sync"]]  # of the folder that it was checked out to
    if entry.kind in (EntryKind.PROJECT, EntryKind.DATASET):
        keys.insert(1, KEYS_BY_ID["import"])
    if entry.kind in (EntryKind.WORKSPACE, EntryKind.SECTION):
        keys += [*HOME_VERBS, KEYS_BY_ID["undo"], *(KEYS_BY_ID[id] for id in WORKSPACE_OPTIONS)]
    once = {key.id: key for key in keys}.values()
    groups = list(dict.fromkeys(key.group for key in once if key.id != "open"))
    ordered = sorted(once, key=lambda key: -1 if key.id == "open" else groups.index(key.group))
    choices = [_offer(key, entry, snapshot, marked) for key in ordered]
    return tuple(replace(choice, group="") if choice.id == "open" else choice for choice in choices)


def list_commands(entry: Entry | None, snapshot: Snapshot, marked: Sequence[Entry]) -> tuple[Choice, ...]:
    """Return all actions as they stand now, for the palette."""
    return tuple(_offer(key, entry, snapshot, marked) for key in KEYS)


def list_help() -> list[Choice]:
    """Return all actions as the keyboard has them, whatever is selected."""
    return [replace(_make_choice(key, ""), key=key.displays) for key in KEYS]


def list_signs() -> list[Choice]:
    """Return what the signs at the foot of the screen mean; none of them can be done."""
    group = "Signs at the foot"
    return [
        Choice(id=f"sign:{sign}", label=label, key=sign, reason=told, group=group)
        for sign, label, told in SIGNS
    ]


def relabel(choices: Iterable[Choice], keymap: Mapping[str, str]) -> list[Choice]:
    """Return choices with the keys that a person has given their actions."""
    return [
        replace(choice, key=format_keys(",".join(split_keys(keymap[choice.id])[:2])))
        if choice.id in keymap
        else choice
        for choice in choices
    ]


def list_pane_keys(widget: Widget | None) -> list[Choice]:
    """Return the bindings of a widget and of the panes around it, one choice an action with its keys.

    What the foot of the screen says comes before what only moves.
    """
    keys: dict[str, list[str]] = {}
    bindings: dict[str, Binding] = {}
    for key, binding in _iter_bindings(widget):
        keys.setdefault(binding.action, []).append(key)
        bindings.setdefault(binding.action, binding)
    return [
        Choice(
            id=f"{OWN}{action}",
            label=bindings[action].description,
            key=format_keys(",".join(found[:2])),
            group="This pane",
            note=bindings[action].tooltip,
        )
        for action, found in sorted(keys.items(), key=lambda item: not bindings[item[0]].show)
    ]


def list_pane_options(widget: Widget | None) -> list[Choice]:
    """Return what a pane does at a letter behind the key for options, by that letter."""
    return [
        Choice(
            id=f"{OWN}{binding.action}",
            label=binding.description,
            key=key.removeprefix(OPTION),
            note=binding.tooltip,
        )
        for key, binding in _iter_bindings(widget)
        if key.startswith(OPTION)
    ]


def list_pane_hints(widget: Widget | None) -> list[Choice]:
    """Return those that a pane wants to be said at the foot of the screen."""
    shown = {binding.action for _, binding in _iter_bindings(widget) if binding.show}
    return [choice for choice in list_pane_keys(widget) if choice.id.removeprefix(OWN) in shown]


def _iter_bindings(widget: Widget | None) -> Iterator[tuple[str, Binding]]:
    """Yield the keys of a widget, then those of what it lies in that it has not taken, up to the screen.

    Those that Textual gives its widgets, which have no id, are not told: they only scroll.
    """
    taken: set[str] = set()
    for node in widget.ancestors_with_self if widget is not None else ():
        if isinstance(node, Screen):
            return
        keys = find_bindings(node).key_to_bindings
        found = [(k, b) for k, bs in keys.items() for b in bs if k not in taken]
        taken |= {key for key, _ in found}
        if isinstance(node, Rewording):
            found = [(key, node.reword(binding)) for key, binding in found]
        yield from ((key, binding) for key, binding in found if binding.description and binding.id)


def _offer(key: Key, entry: Entry | None, snapshot: Snapshot, marked: Sequence[Entry]) -> Choice:
    """Return an action with why it cannot be done now; that of the queue is called by what it does."""
    choice = _make_choice(key, find_reason(key, entry, snapshot, marked))
    if key.id != "queue":
        return choice
    label, note = RESUME_QUEUE if snapshot.is_queue_paused else PAUSE_QUEUE
    return replace(choice, label=label, note=note)


def _make_choice(key: Key, reason: str) -> Choice:
    return Choice(id=key.id, label=key.label, key=key.display, reason=reason, group=key.group, note=key.help)


def _find_commit_reason(project: Project) -> str:
    if project.latest_version is not None and not project.is_changed:
        return f"Nothing has changed since @{project.latest_version}."
    return "" if project.item_count else "It holds no items yet: import some first."


def _is_report_alone(entry: Entry, marked: Sequence[Entry]) -> bool:
    return entry.kind is EntryKind.REPORT and len(choose_compared(entry, marked)) < 2


def _has_model(run: Run) -> bool:
    """Whether a run has made a model, or will."""
    is_coming = run.is_detached and not run.state.is_finished
    return run.verb == "train" and (_has_made_model(run) or is_coming)


def _has_made_model(run: Run) -> bool:
    return run.verb == "train" and any(output.kind is ArtifactKind.MODEL for output in run.outputs)


def _find_queue_reason(action: str, run: Run) -> str:
    if not run.is_detached:
        return "It was done by a command or the app itself."
    if action == "pause":
        can_pause = run.state in (RunState.QUEUED, RunState.RUNNING, RunState.PAUSING)
        return "" if can_pause else f"The run is {run.state.value}."
    if run.results:
        return "It has left its result."
    can_begin = run.can_begin_again or (action == "resume" and run.state is RunState.PAUSED)
    return "" if can_begin else f"The run is {run.state.value}."


def _list_kinds(key: Key) -> str:
    names = [EXAMPLES[kind] for kind in EntryKind if kind in key.kinds and kind in EXAMPLES]
    return " or ".join([part for part in (", ".join(names[:-1]), names[-1]) if part])
