"""The history of projects as a person and a script see it: commit, versions, tags, copies and merges."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mlwf_tui.cli.main import main
from mlwf_tui.entities.item import Split
from mlwf_tui.workspace import open_workspace
from tests.filling import make_blob, write_version
from tests.states import make_object, make_plain_item, set_state

ITEMS = [make_plain_item(f"main/{n}.jpg", make_object("car", 0)) for n in range(3)]


class Shell:
    """Calls the command line in this process, in a home whose project `cells` was never committed."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        self.capsys.readouterr()
        assert main(["--home", str(self.home), *words]) == code, self.capsys.readouterr()
        return self.capsys.readouterr().out

    def json(self, *words: str, code: int = 0) -> dict[str, Any]:
        document = json.loads(self(*words, "--json", code=code))
        assert isinstance(document, dict)
        return document

    def change(self, project: str, split: Split) -> None:
        with open_workspace(self.home) as workspace:
            set_state(workspace, project, [replace(ITEMS[0], split=split), *ITEMS[1:]])


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    home = tmp_path / "home"
    with open_workspace(home) as workspace:
        set_state(workspace, "cells", ITEMS)
    return Shell(home, capsys)


@pytest.fixture
def conflicting(shell: Shell) -> Shell:
    """`cells` and its copy `side` have put one item into different splits."""
    shell("copy", "cells", "side")
    shell.change("cells", Split.VAL)
    shell.change("side", Split.TEST)
    return shell


def test_a_commit_without_a_message_says_what_changed(shell: Shell) -> None:
    assert shell.json("commit", "cells") == {"project": "cells", "version": 1, "created": True}
    assert shell.json("versions", "cells")["versions"][0]["message"] == "3 items, 2 classes"
    assert shell("commit", "cells") == "nothing has changed since cells@1\n"
    assert shell.json("commit", "cells", "-m", "x")["created"] is False
    shell("commit", "ghost", code=4)
    shell("commit", "cells", "-m", "a\x1b[0m", code=2)


def test_versions_tell_sizes_and_tags(shell: Shell) -> None:
    assert "no versions yet" in shell("versions", "cells")
    shell("commit", "cells", "-m", "as received")
    shell("tag", "cells@1", "raw")
    (version,) = shell.json("versions", "cells")["versions"]
    assert version.keys() >= {
        "number", "message", "kind", "created_at", "author", "item_count", "object_count", "size_bytes",
        "tags",
    }  # fmt: skip
    assert (version["item_count"], version["object_count"], version["size_bytes"]) == (3, 3, 300)
    header, line = shell("versions", "cells").splitlines()
    assert header.split() == [
        "VERSION", "TAGS", "KIND", "ITEMS", "OBJECTS", "SIZE", "CREATED", "AUTHOR", "MESSAGE"
    ]  # fmt: skip
    assert line.split()[:7] == ["@1", "raw", "manual", "3", "3", "300", "B"]


def test_a_tag_is_given_moved_and_taken_away(shell: Shell) -> None:
    shell("commit", "cells")
    tagged = shell.json("tag", "cells@1", "gold")
    assert tagged.pop("node").startswith("version:")
    assert tagged == {"project": "cells", "version": 1, "tag": "gold", "tags": ["gold"]}
    assert shell.json("show", "cells@gold")["number"] == 1
    shell.change("cells", Split.VAL)
    shell("commit", "cells")
    shell("tag", "cells@2", "gold", code=5)
    assert shell("tag", "cells@2", "gold", "--force") == "cells@gold is cells@2\n"
    shell("tag", "cells@2", "17", code=2)
    shell("tag", "cells", "gold", code=2)
    shell("tag", "cells@9", "gold", code=4)
    shell("untag", "gold", code=2)
    assert shell.json("untag", "cells@gold")["tags"] == []
    shell("untag", "cells@gold", code=4)
    shell("restore", "cells@gold", code=4)


def test_of_a_message_of_several_lines_a_table_shows_the_first(shell: Shell) -> None:
    shell("commit", "cells", "-m", "Relabel\n\nbody of the commit\n")
    shell("describe", "cells@1", "line one\nline two")
    shell("describe", "cells", "cells of March\nand of April")
    for words in (("versions", "cells"), ("projects",)):
        assert len(shell(*words).splitlines()) == 2
    told = shell("history", "cells")
    assert re.search(r"@1 line one +\(before: Relabel\)\n", told)
    assert "body" not in told and "line two" not in told and "April" not in told
    assert shell.json("show", "cells@1")["description"] == "line one\nline two"


def test_a_copy_is_a_branch(shell: Shell) -> None:
    copied = shell.json("copy", "cells", "one")
    assert {key: copied[key] for key in ("project", "version", "source")} == {
        "project": "one", "version": 1, "source": "cells@1"
    }  # fmt: skip
    assert "two@1 goes on from one@1: 3 items" in shell("branch", "one@1", "two")
    shell("copy", "cells", "two", code=5)
    shell("copy", "ghost", "three", code=4)
    shell("copy", "cells", "../three", code=2)


def test_a_merge_says_what_it_brought(shell: Shell) -> None:
    shell("copy", "cells", "side")
    shell.change("side", Split.VAL)
    plan = shell.json("merge", "cells", "side", "--dry-run")
    assert (plan["base"], plan["is_fast_forward"], plan["conflicts"]) == ("cells@1", True, [])
    assert plan["items"] == [{"path": "main/0.jpg", "change": "changed", "detail": "split train → val"}]
    assert shell("merge", "cells", "side", "--dry-run") == (
        "side into cells (both come from cells@1): 1 changed\n"
    )
    merged = shell.json("merge", "cells", "side", "-m", "from the side")
    assert (merged["version"], merged["created"], merged["items_changed"]) == (2, True, 1)
    assert shell.json("versions", "cells")["versions"][0]["kind"] == "merged"
    assert shell("merge", "cells", "side@1") == "cells holds side@1 already\n"


def test_conflicts_are_listed_and_end_with_5(conflicting: Shell) -> None:
    document = conflicting.json("merge", "cells", "side", code=5)
    assert (document["version"], document["created"]) == (None, False)
    assert document["conflicts"] == [
        {"key": "main/0.jpg#split", "item": "main/0.jpg", "what": "split", "ours": "val", "theirs": "test"}
    ]
    text = conflicting("merge", "cells", "side", code=5)
    assert "side was not merged: nothing is changed" in text
    assert "main/0.jpg#split  val   test" in text
    assert "--choose" in text
    conflicting("merge", "cells", "side", "--dry-run", code=5)


def test_a_dry_run_takes_choices_and_policy_as_the_merge_does(conflicting: Shell) -> None:
    for words in (("--policy", "theirs"), ("--choose", "main/0.jpg=theirs")):
        plan = conflicting.json("merge", "cells", "side", *words, "--dry-run")
        assert plan["conflicts"] == []
        assert [item["detail"] for item in plan["items"]] == ["split val → test"]
    conflicting("merge", "cells", "side", "--choose", "main/9.jpg=theirs", "--dry-run", code=2)
    assert conflicting.json("projects")["projects"][0]["latest_version"] == 1


@pytest.mark.parametrize(
    "options",
    [("--choose", "main/0.jpg=theirs"), ("--policy", "theirs"), ("--choose", "main/0.jpg#split=theirs")],
)
def test_conflicts_are_settled_by_options(conflicting: Shell, options: tuple[str, ...]) -> None:
    assert conflicting.json("merge", "cells", "side", *options)["version"] == 3
    assert conflicting.json("diff", "cells", "side")["changed"] == 0


def test_what_is_no_choice_is_refused(conflicting: Shell) -> None:
    conflicting("merge", "cells", "side", "--choose", "main/0.jpg", code=2)
    conflicting("merge", "cells", "side", "--choose", "main/0.jpg=mine", code=2)
    conflicting("merge", "cells", "side", "--choose", "main/9.jpg=ours", "--policy", "ours", code=2)
    conflicting("merge", "cells", "side", "--policy", "mine", code=2)


def test_strangers_need_to_be_merged_on_purpose(shell: Shell) -> None:
    shell.change("strange", Split.VAL)
    assert "--unrelated" in shell.json("merge", "cells", "strange", code=5)["error"]["hint"]
    shell("merge", "cells", "strange", "--unrelated", "--policy", "ours")


def test_a_version_is_deleted_with_force_where_it_is_needed(shell: Shell) -> None:
    shell("commit", "cells")
    shell("delete", "cells@1", code=2)
    error = shell.json("delete", "cells@1", "--yes", code=5)["error"]
    assert "head of cells stands on it" in error["message"]
    assert shell.json("delete", "cells@1", "--force") == {
        "ref": "cells@1", "kind": "version", "deleted": True
    }  # fmt: skip
    assert shell.json("versions", "cells")["versions"] == []
    assert shell.json("commit", "cells")["version"] == 2


def test_what_was_deleted_is_listed_and_comes_back(shell: Shell) -> None:
    assert shell.json("undelete")["deleted"] == []
    shell("undelete", "pets", code=4)
    shell("undelete", "--name", "new", code=2)
    with open_workspace(shell.home) as workspace:
        write_version(workspace, "pets", {"a.jpg": make_blob(1)})
    assert "mlwf undelete pets brings it back" in shell("delete", "pets", "--yes")
    (deleted,) = shell.json("undelete")["deleted"]
    assert (deleted["kind"], deleted["ref"]) == ("project", "pets")
    assert "pets" in shell("undelete")
    assert "mlwf undelete pets" in shell.json("show", "pets", code=4)["error"]["hint"]
    assert shell.json("undelete", "pets", "--name", "mine") == {
        "kind": "project", "id": deleted["id"], "ref": "mine", "tags": [], "tags_taken": []
    }  # fmt: skip
    assert [version["number"] for version in shell.json("versions", "mine")["versions"]] == [1]


def test_a_version_is_described_later(shell: Shell) -> None:
    shell("commit", "cells", "-m", "one")
    shell("describe", "cells@1", "the first")
    assert shell.json("versions", "cells")["versions"][0]["message"] == "the first"
    assert shell.json("show", "cells@1")["description"] == "the first"
