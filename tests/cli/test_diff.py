"""mlwf diff as a person and a script see it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mlwf_tui.cli.main import main
from mlwf_tui.entities.annotation import Annotation, ClassDefinition, LabelSchema, TagDefinition
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.workspace import open_workspace
from tests.states import SCHEMA, add_version, make_object, make_plain_item

KEPT = make_plain_item("train/keep.jpg", make_object("car", 0, size=30), make_object("dog", 50))
OLD = make_plain_item("train/old.jpg", make_object("car", 0))
GONE = make_plain_item("val/gone.jpg", split=Split.VAL)
CHANGED = replace(
    KEPT, annotation=Annotation((make_object("car", 3, size=30), make_object("cat", 50))), split=Split.VAL
)
NEW = make_plain_item("train/new.jpg", make_object("car", 0), make_object("car", 20))
SCHEMA_AFTER = LabelSchema(
    (*SCHEMA.classes, ClassDefinition("cat", "#3cb44b")), (TagDefinition("night", "number"),)
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two versions of `pets`, and a third that is the first again."""
    home = tmp_path / "home"
    with open_workspace(home) as workspace:
        add_version(workspace, "pets", [KEPT, OLD, GONE])
        add_version(workspace, "pets", [CHANGED, replace(OLD, name="renamed.jpg"), NEW], schema=SCHEMA_AFTER)
        add_version(workspace, "pets", [KEPT, OLD, GONE])
    return home


def add_many(home: Path, count: int) -> None:
    items: list[Item] = [make_plain_item(f"many/{index:04}.jpg") for index in range(count)]
    with open_workspace(home) as workspace:
        add_version(workspace, "pets", [KEPT, OLD, GONE, *items])


def call(home: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["--home", str(home), "diff", *words]) == code
    return capsys.readouterr().out


def call_json(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    document = json.loads(call(home, capsys, "--json", *words))
    assert isinstance(document, dict)
    return document


def test_a_person_reads_a_summary_tables_and_the_items(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        call(home, capsys, "pets@1", "pets@2")
        == """\
pets@1 → pets@2: 1 added, 1 removed, 1 renamed, 1 changed (split 1, objects 1)

  CLASS  ADDED  MOVED  RELABELLED  DEFINED
~ car        2      1
~ dog                          -1
+ cat                          +1  new, #3cb44b, any shape

  TAG    VALUE
+ night  number

  DATASET  ADDED  REMOVED  RENAMED  CHANGED
  train        1                 1        1
  val                   1

  SPLIT        ITEMS
  train → val      1
  new → train      1
  val → gone       1

~ train/keep.jpg  split train → val, moved car (IoU 0.82), relabelled dog→cat
+ train/new.jpg  2 objects
R train/old.jpg → train/renamed.jpg
- val/gone.jpg  0 objects
"""
    )


def test_without_a_terminal_there_are_no_colours(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in call(home, capsys, "pets@1", "pets@2")


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}])
def test_on_a_terminal_kinds_have_colours_unless_unwanted(home: Path, environment: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "mlwf_tui", "--home", str(home), "diff", "pets@1", "pets@2"]
    variables = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | environment
    subprocess.run(command, stdout=theirs, env=variables, check=True)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert ("\x1b[32m+ train/new.jpg" in shown) is ("NO_COLOR" not in environment)
    assert "train/new.jpg" in shown


def test_a_long_list_is_cut_unless_all_is_wanted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_many(home, 1500)
    shown = call(home, capsys, "pets@3", "pets@4").splitlines()
    assert shown[-2:] == ["+ many/0019.jpg  0 objects", "… and 1,480 more; --items lists all"]
    assert call(home, capsys, "pets@3", "pets@4", "--items").count("+ many/") == 1500
    assert "+ many/" not in call(home, capsys, "pets@3", "pets@4", "--stat")


def test_two_names_of_one_state_are_said_to_be_the_same(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(home, capsys, "pets@1", "pets@3") == "pets@1 and pets@3 are the same.\n"
    assert call(home, capsys, "pets") == "pets@3 and pets (head) are the same.\n"
    assert call_json(home, capsys, "pets")["is_same"] is True


def test_the_exit_code_says_whether_something_differs_where_that_is_asked(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, code in (
        (("pets@1", "pets@2"), 1),
        (("pets@1", "pets@3"), 0),
        (("pets",), 0),
        (("pets@1", "nothing"), 4),
    ):
        assert main(["--home", str(home), "diff", "--exit-code", *words]) == code
        assert main(["--home", str(home), "diff", *words]) in (0, 4)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "title"),
    [
        (["pets@2"], "pets@1 → pets@2: "),
        (["pets@1"], "nothing → pets@1: "),
        (["pets@1", "@2"], "pets@1 → pets@2: "),
        (["pets", "@2"], "pets (head) → pets@2: "),
        (["pets@2", "pets"], "pets@2 → pets (head): "),
    ],
)
def test_the_refs_may_be_written_short(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], title: str
) -> None:
    assert call(home, capsys, *words).startswith(title)


def test_a_script_reads_counts_and_with_items_every_object(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = call_json(home, capsys, "pets@1", "pets@2")
    assert [counted[kind] for kind in ("added", "removed", "renamed", "changed")] == [1, 1, 1, 1]
    assert counted["classes"][0].keys() >= {"name", "kind", "objects_added", "objects_removed"}
    assert {"before": "train", "after": "val", "count": 1} in counted["splits"]
    assert "items" not in counted
    items = call_json(home, capsys, "pets@1", "pets@2", "--items")["items"]
    assert [(item["change"], item["path"], item.get("renamed_from")) for item in items] == [
        ("changed", "train/keep.jpg", None),
        ("added", "train/new.jpg", None),
        ("renamed", "train/renamed.jpg", "train/old.jpg"),
        ("removed", "val/gone.jpg", None),
    ]
    moved, relabelled = items[0]["objects"]
    assert (moved["change"], moved["iou"]) == ("moved", pytest.approx(27 / 33))
    assert moved["after"]["bounds"] == [3, 0, 33, 30]
    assert (relabelled["before"]["class"], relabelled["after"]["class"]) == ("dog", "cat")
    assert [found["before"] for found in items[1]["objects"]] == [None, None]


def test_names_from_files_cannot_drive_the_terminal(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = make_plain_item("train/keep.jpg", make_object("\x1b[2Jcar\n"))
    with open_workspace(home) as workspace:
        add_version(workspace, "pets", [evil, OLD, GONE])
    shown = call(home, capsys, "pets@4")
    assert "\x1b" not in shown
    assert "[2Jcar\N{REPLACEMENT CHARACTER}" in shown


def test_wrong_words_have_their_exit_codes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(home, capsys, "pets@9", code=4)
    call(home, capsys, "pets@1", "ghost", code=4)
    call(home, capsys, code=2)
    call(home, capsys, "pets", "--items", "--stat", code=2)


def test_head_may_stop_reading(home: Path) -> None:
    add_many(home, 3000)
    command = f"{sys.executable} -m mlwf_tui --home {home} diff pets@3 pets@4 --items | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("pets@3 → pets@4: 3,000 added\n", "")


def test_what_a_skeleton_and_a_choice_hold_cannot_drive_the_terminal(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pose = ClassDefinition("car", nodes=("nose\x1b[31m",))
    schema = LabelSchema((pose,), (TagDefinition("coat", "choice", ("red\x1b]0;x",)),))
    with open_workspace(home) as workspace:
        add_version(workspace, "pets", [KEPT], schema=schema)
    text = call(home, capsys, "pets@3", "pets@4", "--stat")
    assert "nodes nose\N{REPLACEMENT CHARACTER}[31m" in text
    assert "choice of red\N{REPLACEMENT CHARACTER}]0;x" in text
    assert "\x1b" not in text
