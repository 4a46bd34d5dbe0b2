"""The ten steps of the tour: what each says to press, and how it is seen that it was done; no widgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from mlwf_tui.tui.keys import write_keys
from mlwf_tui.tui.screens.view_host import DIFF, ITEMS, LINEAGE
from mlwf_tui.tui.widgets.entry import EntryKind


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What the app shows, as far as steps ask for it."""

    has_projects: bool = False
    has_versions: bool = False
    kind: EntryKind | None = None  # of what is selected
    view: str = ""
    is_filtered: bool = False
    dialog: str = ""  # id of the action that has opened the dialog that is seen
    node: str = ""  # that the lineage's cursor is on, while it has the keys
    panes: str = ""  # how the panes stand, in any words


class Step(msgspec.Struct, frozen=True):
    """One step; `is_done` is given what was shown as it began, and what is shown now."""

    title: str
    text: str
    is_done: Callable[[Scene, Scene], bool]


STEPS = (
    Step(
        "All there is, in one tree",
        "Projects, models, reports and runs stand in the tree on the left. Go there with {pane_tree}"
        " and put the cursor on a project: j and k, or the arrows.",
        lambda began, now: now.kind is EntryKind.PROJECT,
    ),
    Step(
        "Every state stays",
        "{commit} names what a project holds as a version; nothing is ever overwritten. Open the"
        " project's branch with l or →, and go down to a version.",
        lambda began, now: now.kind is EntryKind.VERSION,
    ),
    Step(
        "Its pictures",
        "{items} looks through the items of a version or project, with boxes, masks and classes."
        " There j and k go through them, / filters, Z shows thumbnails.",
        lambda began, now: now.view == ITEMS,
    ),
    Step(
        "What has changed",
        "{back} leads back to the tree. On a version, {diff} shows what is different from the one"
        " before, down to single boxes.",
        lambda began, now: now.view == DIFF,
    ),
    Step(
        "Finding things",
        "{back} leads back again. In the tree, {search} keeps what holds the letters you type; ⏎ goes"
        " there, {back} shows all again.",
        lambda began, now: now.is_filtered,
    ),
    Step(
        "Making new data",
        "On a project or version, {transform} lists the operations: augment, tile, split, merge… Each"
        " can be looked at before anything is made. {back} leaves it.",
        lambda began, now: now.dialog == "transform",
    ),
    Step(
        "Training",
        "{train} on a project or version asks what to train. Every form shows the command line that"
        " does the same. {back} leaves it; a training goes on when you leave the app.",
        lambda began, now: now.dialog == "train",
    ),
    Step(
        "Where it came from",
        "{pane_view} goes to the lineage: folders, data, runs, models, reports. Walk along it with h"
        " j k l or the arrows; ⏎ opens what you are on.",
        lambda began, now: now.view == LINEAGE and now.node not in ("", began.node),
    ),
    Step(
        "Room where you need it",
        "{zoom} gives a pane the whole screen, and takes it back. {border_left} {border_right} move"
        " its border, {pane_hide} hides it.",
        lambda began, now: now.panes != began.panes,
    ),
    Step(
        "All the rest",
        "{help} shows the keys of where you are, {palette} finds any action by its name, {menu} lists"
        " what can be done with the selection. Open the first or the second.",
        lambda began, now: now.dialog in ("help", "palette"),
    ),
)
NO_PROJECT = " There is none yet: {import} imports a folder of images, {demo} makes a whole example."
NO_VERSION = " There is none yet: {commit} makes the first."


def explain(number: int, scene: Scene, keymap: Mapping[str, str]) -> str:
    """Return the text of a step, from 1 on, with the keys as they are, and what is missing for it."""
    text = STEPS[number - 1].text
    if not scene.has_projects:
        text += NO_PROJECT
    elif not scene.has_versions and number in (2, 4):
        text += NO_VERSION
    return write_keys(text, keymap)
