"""Keys that a person has remapped, our own themes, and what a workspace's menu offers."""

from __future__ import annotations

import tomllib
from itertools import groupby
from pathlib import Path

import pytest
from textual.binding import Binding

from docs.making.keys import HEAD
from mlwf_tui.settings import read_settings
from mlwf_tui.tui.keys import HOME_VERBS, find_faults, make_keymap
from mlwf_tui.tui.screens.choices import WORKSPACE_OPTIONS, list_menu
from mlwf_tui.tui.screens.panes import DIALOGS, PANES, find_pane_faults, list_pane_bindings
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.theme import THEMES
from mlwf_tui.tui.widgets.context_menu import ContextMenu
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.pane_grid import PaneGrid
from mlwf_tui.workflow.projects import create_project, write_empty_manifest
from mlwf_tui.workspace import open_workspace
from tests.tui.driving import drive


def test_the_keys_as_they_come_clash_nowhere() -> None:
    assert find_faults({}) == []


def test_a_key_for_two_actions_and_an_unknown_action_are_said() -> None:
    faults = find_faults({"commit": "t", "fly": "f8"})
    assert faults == [
        "[keys] in settings.toml has fly, which is no action.",
        "The key t stands for commit and train: change [keys].",
    ]


def test_no_key_means_another_thing_in_a_pane_than_in_the_grammar() -> None:
    assert find_pane_faults({}) == []


def test_the_example_of_the_reference_clashes_nowhere() -> None:
    example = tomllib.loads(HEAD.partition("```toml")[2].partition("```")[0])["keys"]
    assert find_faults(example) + find_pane_faults(example) == []


def test_a_binding_keeps_the_keys_that_an_inner_pane_has_not_taken() -> None:
    keys = {key.id: key.keys for key in list_pane_bindings("Evidence")}
    assert keys["evidence.next"] == ("n",)
    assert keys["evidence.before"] == ("N",)


def test_a_remapped_key_that_clashes_in_a_pane_is_said_with_the_pane() -> None:
    faults = find_pane_faults({"browse.large": "c", "metrics.smooth": "plus", "log.fly": "j"})
    assert faults[0] == "[keys] in settings.toml has log.fly, which is no action."
    assert "Items: the key c stands for browse.large and commit: change [keys]." in faults
    assert "Plots of a run: the key + stands for metrics.smooth and metrics.zoom_in: change [keys]." in faults
    assert find_pane_faults({"commit": "w"}) != []
    assert find_pane_faults({"commit": "f4", "metrics.smooth": "f6", "tree.down": "j"}) == []


def test_every_key_of_a_pane_has_an_id_of_its_own_and_words_for_the_help() -> None:
    for name, classes in (*PANES.items(), *DIALOGS.items()):
        for pane in classes:
            own = [b for b in pane.__dict__.get("BINDINGS", ()) if isinstance(b, Binding)]
            assert all(b.id and b.description for b in own), name
            assert len({b.id for b in own}) == len(own), name


def test_signs_and_their_names_are_the_same_key() -> None:
    assert make_keymap({"help": "?,f1"}) == {"help": "question_mark,f1"}


def test_a_workspace_offers_all_that_concerns_the_home() -> None:
    entry = Entry(kind=EntryKind.WORKSPACE, key="workspace:default", ref="default", title="default")
    offered = {choice.id for choice in list_menu(entry, Snapshot(), ())}
    assert offered >= {*(key.id for key in HOME_VERBS), *WORKSPACE_OPTIONS, "undo"}


def test_a_menu_begins_with_opening_and_has_each_group_once() -> None:
    entry = Entry(kind=EntryKind.WORKSPACE, key="workspace:default", ref="default", title="default")
    choices = list_menu(entry, Snapshot(), ())
    assert (choices[0].id, choices[0].group) == ("open", "")
    groups = [group for group, _ in groupby(choice.group for choice in choices)]
    assert len(groups) == len(set(groups))
    reasons = {choice.id: choice.reason for choice in choices}
    assert reasons["unmark"] == "Nothing is marked."
    assert reasons["unhide"] == "Nothing is hidden."


@pytest.mark.slow
async def test_a_remapped_key_does_its_action_and_is_shown_and_faults_are_told(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.toml").write_text('[keys]\nzoom = "f7"\nhelp = "f1"\nfly = "f8"\n"table.sort" = "f6"\n')
    assert read_settings(home).keys["zoom"] == "f7"
    with open_workspace(home) as workspace:
        async with drive(workspace, size=(160, 45)) as app:
            assert any("fly, which is no action" in said.text for said in app.main.said)
            await app.press("f7")
            assert app.main.query_one(PaneGrid).is_zoomed
            await app.press("z")
            assert app.main.query_one(PaneGrid).is_zoomed, "the old key is free"
            await app.press("f1")
            await app.until(lambda: isinstance(app.top, ContextMenu))
            await app.press("slash")
            await app.write("whole screen")
            await app.until_text("F7 zoom")
            await app.press("escape", "escape")
            await app.press("J", "2")
            await app.until_text("Nothing was done yet")
            await app.press("f6")
            await app.until_text("Sort by")
            await app.press("escape", "comma")
            await app.until_text("Options of this pane")
            assert "r turn the order round" in app.read_text()
            assert "sort by" not in app.read_text(), "it has a key of its own now"
            await app.press("escape", "f1", "slash")
            await app.write("sort by")
            await app.until_text("F6 sort by")
            await app.press("escape", "escape")
            seen = []
            for _ in THEMES:
                seen.append(app.app.theme)
                await app.press("ctrl+t")
            assert sorted(seen) == sorted(theme.name for theme in THEMES)


async def test_what_takes_a_deletion_back_is_told_by_its_remapped_key(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.toml").write_text('[keys]\nundo = "f9"\n')
    with open_workspace(home) as workspace:
        create_project(workspace, "cells", write_empty_manifest(workspace))
        async with drive(workspace) as app:
            await app.select("cells")
            await app.press("D")
            await app.until_text("F9 takes that back right after")
            await app.press("y")
            await app.until(lambda: any("F9 brings it back." in said.text for said in app.main.said))
            await app.press("f9")
            await app.until(lambda: [project.name for project in app.main.snapshot.projects] == ["cells"])
