"""Every key of the main screen, declared once: bindings, footer, help, menu and palette come from here."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

import msgspec
from textual.binding import Binding
from textual.keys import _character_to_key

from mlwf_tui.tui.widgets.entry import EntryKind
from mlwf_tui.tui.widgets.formats import format_keys

Group = Literal[
    "Data", "Versions", "Folders", "Models", "Runs", "Name and copy", "Home", "Look", "Move", "Panes", "App"
]

FOOTER = (
    "items", "commit", "restore", "undo", "diff", "transform", "train", "benchmark", "apply", "monitor",
    "stop", "menu", "help", "palette",
)  # fmt: skip
"""The actions that a person needs most, in as much room as there is."""

LOOKS = frozenset(
    (
        *("items", "diff", "mark", "unmark", "check", "status", "compare", "card", "leaderboard"),
        *("monitor", "overlay", "history", "yank", "yank_id", "graph", "trace", "results", "contents"),
        *("save_graph", "lint", "doctor", "stats", "verify", "backup"),
    )
)
"""The verbs that leave a home as it is."""

READING = frozenset(
    (
        *("commit", "restore", "import", "transform", "pipeline", "draft", "merge", "export", "delete"),
        *("undelete", "train", "tune", "continue", "package", "card", "reproduce", "trace", "results"),
        *("contents", "lint", "doctor", "stats"),
    )
)
"""The verbs that read before their dialog opens: what is typed meanwhile waits for it."""

PROJECTS = frozenset({EntryKind.PROJECT})
VERSIONS = frozenset({EntryKind.VERSION})
MODELS = frozenset({EntryKind.MODEL})
REPORTS = frozenset({EntryKind.REPORT})
DATA = PROJECTS | VERSIONS
MADE = frozenset({EntryKind.MODEL, EntryKind.REPORT})
RUNS = frozenset({EntryKind.RUN})
COMPARED = DATA | MODELS | RUNS | {EntryKind.STATE}
MARKED = COMPARED | {EntryKind.REPORT, EntryKind.DATASET, EntryKind.ITEM}
NAMED = DATA | MADE
STATES = frozenset({EntryKind.STATE})
PATHS = frozenset({EntryKind.FOLDER, EntryKind.FILE})
NOTED = PATHS | STATES | {EntryKind.RECIPE, EntryKind.INTERMEDIATE, EntryKind.ARTIFACT}
"""What has no name of its own: its card has one."""
CARDS = NAMED | RUNS | NOTED
"""What has a card on the lineage."""
TAGGED = CARDS - PROJECTS
GROUPS = frozenset({EntryKind.GROUP})
PARTS = frozenset({EntryKind.DATASET, EntryKind.ITEM})
"""A part of a project or version: what has no verb of its own is done to what it lies in."""
SHOWN = CARDS | GROUPS
ON_GRAPH = CARDS | GROUPS | {EntryKind.WORKSPACE, EntryKind.PLANNED}
REMADE = RUNS | VERSIONS | STATES | MADE
"""Runs, and what a run has made."""
ANYTHING: frozenset[EntryKind] = frozenset()


class Key(msgspec.Struct, frozen=True):
    """One action with its keys. `kinds` says what it acts on; empty means that it needs no selection."""

    id: str
    keys: str  # in Textual's names, alternatives by comma; empty where menu and palette are enough
    label: str  # one or two words for the footer
    help: str  # what it does, for help, menu and palette
    group: Group
    kinds: frozenset[EntryKind] = ANYTHING

    @property
    def changes_home(self) -> bool:
        """Whether it is a verb that needs a home that can be written."""
        return self in VERBS and self.id not in LOOKS

    @property
    def in_footer(self) -> bool:
        """Shown at the foot when the selection is of its kind, or always where it has none."""
        return self.id in FOOTER

    @property
    def display(self) -> str:
        """The first key as it stands on the keyboard."""
        return format_keys(self.keys.split(",")[0])

    @property
    def displays(self) -> str:
        """All keys as they stand on the keyboard."""
        return format_keys(self.keys)


VERBS = (
    Key("commit", "c", "commit", "Name the head as a version", "Data", PROJECTS),
    Key("restore", "r", "restore", "Bring this version back as a new one", "Data", VERSIONS | STATES),
    Key("undo", "u", "undo", "Take the last change of a head back", "Data", PROJECTS),
    Key("redo", "ctrl+r,U", "redo", "Do the undone change again", "Data", PROJECTS),
    Key(
        "items",
        "v",
        "items",
        "Look through the items and their pictures",
        "Data",
        DATA | STATES | PARTS,
    ),
    Key("diff", "d", "diff", "Compare with the mark, or the one before", "Data", COMPARED),
    Key("mark", "space", "mark", "Mark it: verbs are done to all that is marked", "Data", MARKED),
    Key("check", "V", "check", "Look for what is wrong or suspicious in it", "Data", DATA),
    Key("import", "i", "import", "Import a folder of images and annotations", "Data"),
    Key("transform", "o", "transform", "Make new data with an operation", "Data", DATA | PARTS),
    Key("pipeline", "Y", "pipeline", "Run the steps of a file or a ready recipe", "Data"),
    Key("draft", "ctrl+y", "build a pipeline", "Put steps together, look at them, save and run them", "Data"),
    Key("unmark", "", "no marks", "Take all marks away; back does it too", "Data"),
    Key("copy", "C", "copy", "Begin a project of its own from here", "Versions", DATA),
    Key("merge", "M", "merge", "Bring changes of another project in", "Versions", DATA),
    Key("checkout", "W", "checkout", "Write it out as a folder to edit", "Folders", DATA),
    Key("export", "X", "export", "Write it out in another format", "Folders", DATA | REPORTS | PARTS),
    Key("status", "", "status", "What was edited in a checkout", "Folders"),
    Key("sync", "", "sync", "Take what was edited in a checkout into its project", "Folders"),
    Key("train", "t", "train", "Train a model on this data", "Models", DATA),
    Key("tune", "S", "search params", "Search for the parameters that train best", "Models", DATA),
    Key("continue", "", "train on", "Go on with a finished training for more epochs", "Models", RUNS),
    Key(
        "benchmark",
        "b",
        "benchmark",
        "Measure a model on labelled data",
        "Models",
        DATA | MODELS | RUNS | PARTS,
    ),
    Key("compare", "vertical_line", "compare", "Is it really better than another?", "Models", MADE),
    Key("apply", "a", "apply", "Label data with a model", "Models", DATA | MODELS | RUNS),
    Key(
        "star",
        "asterisk",
        "star",
        "Mark it to be found again, or take its star away",
        "Models",
        MODELS,
    ),
    Key("card", "F", "card", "What the model is, how good it is, and its limits", "Models", MODELS),
    Key(
        "leaderboard",
        "percent_sign",
        "leaderboard",
        "The project's reports, the best first; trend",
        "Models",
        PROJECTS,
    ),
    Key(
        "package",
        "dollar_sign",
        "package",
        "Write the model for others to run: ONNX, …",
        "Models",
        MODELS | RUNS,
    ),
    Key("serve", "at", "serve", "Let programs ask the model over HTTP", "Models", MODELS | RUNS),
    Key("monitor", "m", "monitor", "Follow the run's log and metrics", "Runs", RUNS | MODELS),
    Key("overlay", "O", "overlay", "Draw the run's curves over those of the open one", "Runs", RUNS | MODELS),
    Key("stop", "s", "stop", "Ask the run to stop", "Runs", RUNS),
    Key("pause", "P", "pause", "Let go of the run for a while", "Runs", RUNS),
    Key("resume", "A", "resume", "Go on with the run, from its last checkpoint", "Runs", RUNS),
    Key("retry", "B", "retry", "Do the run once more, from its beginning", "Runs", RUNS),
    Key("reproduce", "ampersand", "reproduce", "Do its run again: is it the same?", "Runs", REMADE),
    Key("sooner", "greater_than_sign", "sooner", "Raise the waiting run's priority", "Runs", RUNS),
    Key("later", "less_than_sign", "later", "Lower the waiting run's priority", "Runs", RUNS),
    Key("queue", "Q", "queue", "Pause the queue, or let it go on", "Runs"),
    Key(
        "tag",
        "number_sign",
        "tag",
        "Name a version, or a word to find others by",
        "Name and copy",
        TAGGED | PARTS,
    ),
    Key("untag", "", "untag", "Take a tag off", "Name and copy", TAGGED | PARTS),
    Key("describe", "e", "describe", "Write a description or message", "Name and copy", CARDS),
    Key("rename", "R", "rename", "Give it another name", "Name and copy", CARDS - VERSIONS | PARTS),
    Key(
        "history",
        "H",
        "history",
        "What was said and done of it; restores too",
        "Name and copy",
        CARDS,
    ),
    Key("delete", "D", "delete", "Delete it; its lineage stays", "Name and copy", NAMED | PARTS),
    Key("undelete", "", "undelete", "Bring back what was deleted", "Name and copy"),
    Key(
        "yank",
        "y",
        "copy ref",
        "Copy what the command line calls it",
        "Name and copy",
        CARDS | GROUPS | PARTS,
    ),
    Key("yank_id", "quotation_mark", "copy id", "Copy its id", "Name and copy", CARDS | {EntryKind.ITEM}),
    Key("graph", "L", "lineage", "Draw only what it came from and what came of it", "Look", ON_GRAPH),
    Key(
        "trace",
        "K",
        "trace",
        "What it came from and what came of it, as a list",
        "Look",
        CARDS | {EntryKind.ITEM},
    ),
    Key("results", "apostrophe", "results", "What the run has made and said, or what made it", "Look", CARDS),
    Key("contents", "", "contents", "What lies in the folder or file now", "Look", PATHS),
    Key("hide", "underscore", "hide", "Leave it out of the lineage, or show it again", "Look", SHOWN),
    Key("unhide", "", "show hidden", "Show all cards again that were hidden", "Look"),
    Key("save_graph", "ctrl+s", "save lineage", "Write the lineage to a file: SVG, HTML, Mermaid, …", "Look"),
    Key("lint", "I", "lint", "What of the lineage is undocumented, sprawls or cannot be redone", "Home"),
    Key("doctor", "", "doctor", "Look for what would hurt later on this machine", "Home"),
    Key("stats", "", "stats", "How much there is, and how much room it takes", "Home"),
    Key("verify", "", "verify", "Read every stored byte, and repair from a backup", "Home"),
    Key("collect", "", "collect", "Free the room of what nothing needs any more", "Home"),
    Key("backup", "", "backup", "Bring a second home up to date", "Home"),
    Key("demo", "T", "demo", "Walk through the whole workflow on a sample project", "App"),
)
"""What a person does to things: all are in menu, palette and help."""

MOVES = (
    Key("open", "enter", "open", "Open what is selected", "Look"),
    Key("back", "escape", "back", "Take marks away; close search, zoom, view; back to the projects", "Look"),
    Key("all_runs", "J", "all runs", "All runs with their curves, time left and marks", "Look"),
    Key("all_models", "ctrl+e", "all models", "All models: sort, filter, compare, star", "Look"),
    Key("search", "slash", "search", "Filter the tree, find on the graph, search the log", "Look"),
    Key("search_next", "n", "next match", "Go to the next match", "Look"),
    Key("search_previous", "N", "previous match", "Go to the previous match", "Look"),
    Key("view_next", "right_square_bracket", "next view", "Show the next view", "Look"),
    Key("view_previous", "left_square_bracket", "previous view", "Show the previous view", "Look"),
    Key("places", "semicolon", "go to", "Go to another part of the lineage: project, workspace, all", "Look"),
    Key("zoom", "z", "zoom", "Give this pane the whole screen, and back", "Look"),
    Key("pane_next", "tab", "next pane", "Go to the next pane", "Move"),
    Key("pane_previous", "shift+tab", "previous pane", "Go to the previous pane", "Move"),
    Key("pane_tree", "1", "projects", "Go to the projects", "Move"),
    Key("pane_view", "2", "view", "Go to the view in the middle", "Move"),
    Key("pane_details", "3", "details", "Go to the details", "Move"),
    Key("border_left", "ctrl+left", "border left", "Move the border of this pane to the left", "Panes"),
    Key("border_right", "ctrl+right", "border right", "Move the border of this pane to the right", "Panes"),
    Key("border_up", "ctrl+up", "border up", "Move the border above the details up", "Panes"),
    Key("border_down", "ctrl+down", "border down", "Move the border above the details down", "Panes"),
    Key("pane_grow", "f8", "larger", "Make this pane larger", "Panes"),
    Key("pane_shrink", "f7", "smaller", "Make this pane smaller", "Panes"),
    Key("pane_hide", "backslash", "hide pane", "Hide this pane; its digit shows it again", "Panes"),
    Key("pane_reset", "tilde", "panes as new", "Show all panes, as wide as they come", "Panes"),
)
"""How a person gets around."""

SERVICES = (
    Key("menu", "x,f16", "menu", "Every action for what is selected", "App"),
    Key("options", "comma", "options", "What else this pane can do; a letter chooses", "App"),
    Key("help", "question_mark", "help", "The keys of this place", "App"),
    Key("palette", "colon,ctrl+p", "commands", "Find any action by its name", "App"),
    Key("tour", "f2", "tour", "Ten steps through the app; again, leave it or take it up", "App"),
    Key("tour_skip", "ctrl+n", "skip step", "Leave out a step of the tour", "App"),
    Key("machine", "E", "machine", "GPUs and whose they are, processors, memory, disk, network", "App"),
    Key(
        "messages",
        "exclamation_mark",
        "messages",
        "What was said and went wrong so far",
        "App",
    ),
    Key(
        "progress",
        "p",
        "progress",
        "Show the import or transform that goes on behind",
        "App",
    ),
    Key(
        "refresh",
        "f5,ctrl+l",
        "refresh",
        "Read everything again and draw the screen anew",
        "App",
    ),
    Key(
        "theme",
        "ctrl+t",
        "theme",
        "Dark, light, high contrast",
        "App",
    ),
    Key("screenshot", "", "screenshot", "Save the screen as an SVG in the folder mlwf was started in", "App"),
    Key("quit", "q", "back or quit", "Close the view, or leave; runs go on", "App"),
    Key("quit_now", "ctrl+q", "quit", "Leave at once; runs go on", "App"),
)
"""What is there everywhere."""

HOME_VERBS = tuple(key for key in VERBS if not key.kinds)
"""The verbs that need no selection; a workspace or section offers them in its menu."""

KEYS = VERBS + MOVES + SERVICES
KEYS_BY_ID = {key.id: key for key in KEYS}

PLACE = re.compile(r"\{(\w+)\}")  # of a key in a text: the id of its action
HELD_KEYS = ("quit_now", "pane_next", "pane_previous", "pane_tree", "pane_view", "pane_details")
"""Keys that no pane may take for itself."""


def list_used_keys() -> frozenset[str]:
    """Return every key of the main screen, in Textual's names."""
    return frozenset(name for key in KEYS for name in key.keys.split(",") if name)


def make_bindings() -> list[Binding]:
    """Return the main screen's bindings; each may be remapped by its id."""
    return [
        Binding(
            key.keys, f"perform('{key.id}')", key.label, show=key.in_footer, key_display=key.display,
            tooltip=key.help, id=key.id, priority=key.id in HELD_KEYS,
        )
        for key in KEYS
        if key.keys
    ]  # fmt: skip


def find_faults(keymap: Mapping[str, str]) -> list[str]:
    """Return what is wrong with remapped keys, one sentence each: unknown actions, keys taken twice.

    Ids with a dot are keys of panes, which others check.
    """
    faults = [f"[keys] in settings.toml has {id}, which is no action." for id in keymap if not _is_action(id)]
    takers: dict[str, list[str]] = defaultdict(list)
    for key in KEYS:
        for single in split_keys(keymap.get(key.id, key.keys)):
            takers[single].append(key.id)
    for single, ids in takers.items():
        if len(ids) > 1:
            faults.append(f"The key {format_keys(single)} stands for {' and '.join(ids)}: change [keys].")
    return faults


def split_keys(keys: str) -> list[str]:
    """Return the single keys of a binding; signs such as `!` become their names."""
    return [normalise_key(part.strip()) for part in keys.split(",") if part.strip()]


def normalise_key(key: str) -> str:
    """Return a key as Textual calls it: `?` and `question_mark` are the same."""
    return _character_to_key(key) if len(key) == 1 else key


def make_keymap(keymap: Mapping[str, str]) -> dict[str, str]:
    """Return remapped keys as Textual takes them, without those of actions that are not known."""
    return {id: ",".join(split_keys(keys)) for id, keys in keymap.items() if _is_action(id)}


def name_key(id: str, keymap: Mapping[str, str]) -> str:
    """Return the first key of an action as it stands on the keyboard."""
    return format_keys((split_keys(keymap.get(id, "")) or split_keys(KEYS_BY_ID[id].keys))[0])


def write_keys(text: str, keymap: Mapping[str, str]) -> str:
    """Return a text in which `{commit}` has become the first key of that action."""
    return PLACE.sub(lambda found: name_key(found[1], keymap), text)


def _is_action(id: str) -> bool:
    return id in KEYS_BY_ID or "." in id


def list_footer_keys(kind: EntryKind | None) -> tuple[Key, ...]:
    """Return the keys to show for a selection: its verbs first, then what is there everywhere.

    Of a run those come first that control it, before what may be done with its model.
    """
    verbs = [key for key in KEYS if key.in_footer and kind in key.kinds]
    if kind is EntryKind.RUN:
        verbs.sort(key=lambda key: key.group != "Runs")
    services = [key for key in KEYS if key.in_footer and not key.kinds]
    return (*verbs, *services)
