"""What --help says, what a mistyped word is answered, and what a shell is told that completes a word."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from docs.making.parameters import PATH, make_parameters
from mlwf_tui.cli.completion import SCRIPTS
from mlwf_tui.cli.declared import read_declared
from mlwf_tui.cli.face import split_help
from mlwf_tui.cli.main import ELSEWHERE, main, mlwf
from mlwf_tui.workspace import open_workspace
from tests.making import make_voc


def iter_commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(mlwf)
    for name in mlwf.list_commands(context):
        found = mlwf.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from ((f"{name} {inner}", command) for inner, command in found.commands.items())
        else:
            yield name, found


@pytest.mark.parametrize(("option", "meant"), [("--name", ""), ("--hom", " Did you mean '--home'?")])
def test_only_what_a_mistyped_option_looks_like_is_suggested(
    option: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "folder", option, "x"]) == 2
    assert capsys.readouterr().err.splitlines()[0] == f"error: No such option '{option}'.{meant}"


def test_every_command_has_examples_of_itself_whose_options_it_has() -> None:
    wrong = []
    for name, command in iter_commands():
        lines = [line for line in split_help(command)[1] if f"mlwf {name.split()[0]} " in f"{line} "]
        known = {option for parameter in command.params for option in parameter.opts} | {"--json", "--home"}
        words = [word for line in lines for word in shlex.split(line, comments=True)]
        unknown = [word for word in words if word.startswith("-") and len(word) > 1 and word not in known]
        if not lines or unknown:
            wrong.append((name, unknown))
    assert wrong == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train", "epochs times through the training images (100; quick 30"),
        ("search", "epochs"),
        ("apply", "are there (replace): "),
        ("benchmark", "how long the speed is measured (quick): off, "),
        ("package", "confidence"),
        ("serve", "max_batch"),
    ],
)
def test_help_lists_the_parameters(capsys: pytest.CaptureFixture[str], command: str, words: str) -> None:
    assert main([command, "--help"]) == 0
    told = capsys.readouterr().out.partition("Parameters, each as -p")[2]
    assert words in " ".join(told.split())


def test_help_ends_with_the_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", "--help"]) == 0
    assert capsys.readouterr().out.endswith("\nExamples:\n  mlwf restore cells@1\n  mlwf restore cells@2.1\n")


@pytest.mark.parametrize(
    "words, near",
    [
        (["improt"], "import"),
        (["ls"], "mlwf projects"),
        (["predict"], "mlwf apply"),
        (["projects", "--jsn"], "--json"),
        (["show", "--crad", "x", "y"], "--card"),
    ],
)
def test_a_mistyped_word_is_answered_by_the_nearest(
    words: list[str], near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert near in capsys.readouterr().err


def test_a_parameter_that_is_given_as_an_option_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "cells", "--epochs", "3"]) == 2
    assert "-p epochs=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--continue", "3f9a", "--seed", "3"], "data, model and seed"),
        (["--continue", "3f9a", "--params", "x.yaml"], "takes no --params"),
        (["--continue", "3f9a", "--no-measure"], "a dry run"),
        (["cells", "--measure"], "a dry run"),
    ],
)
def test_what_train_would_ignore_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_model_and_its_data_in_the_wrong_order_are_told(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(home), "benchmark", "cells", "one"]) == 4
    assert "The model goes first" in capsys.readouterr().err


def test_a_wrong_format_is_answered_by_what_the_folder_looks_like(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["import", str(home.parent / "voc"), "again", "--format", "yolo"]
    assert main(["--home", str(home), *words]) == 1
    assert "It looks like voc" in capsys.readouterr().err


def test_a_dry_run_refuses_a_device_that_is_not_there(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(home), "train", "cells", "--dry-run", "-p", "device=77"]) == 2
    assert "GPU 77 is not there: this machine has none." in capsys.readouterr().err


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_voc(tmp_path / "voc", {"a.jpg": [("cell", 2, 3, 20, 21)]}, splits={"train": ["a"]})
    for words in (
        ("import", str(tmp_path / "voc"), "cells", "-m", "one"),
        ("import", str(tmp_path / "voc"), "two words"),
        ("tag", "cells@1", "golden"),
    ):  # fmt: skip
        assert main(["--home", str(tmp_path / "home"), *words]) == 0
    return tmp_path / "home"


def ask(
    home: Path, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    monkeypatch.setenv("MLWF_HOME", str(home))
    monkeypatch.setenv("_MLWF_COMPLETE", "zsh")
    monkeypatch.setenv("COMP_TEXT", text)
    capsys.readouterr()
    assert main([]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return [line.partition("\t")[0] for line in out.splitlines() if line]


def test_names_versions_runs_operations_formats_and_parameters_are_completed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_workspace(home) as workspace:
        (run, *_) = workspace.catalog.runs.list()
    for text, wanted in (
        ("mlwf im", ["import"]), ("mlwf run add-i", ["add-input"]), ("mlwf commit c", ["cells"]),
        ("mlwf show cells@", ["cells@1", "cells@golden"]), ("mlwf train cells@g", ["cells@golden"]),
        (f"mlwf logs {run.id[:10]}", [run.id]), ("mlwf transform cro", ["crop", "crop_objects"]),
        ("mlwf export cells out --format coco_", ["coco_panoptic"]),
        ("mlwf import x y --format auto", ["auto"]),
        ("mlwf transform flip cells -p ax", ["axis="]), ("mlwf train cells -p mosa", ["mosaic="]),
        ("mlwf train cells --model yolov10n", ["yolov10n"]), ("mlwf export --spl", ["--split"]),
        ("mlwf import ", [":file"]), ("mlwf nonsense ", []), ("mlwf 'show", ["show"]), ("", []),
    ):  # fmt: skip
        found = ask(home, text, monkeypatch, capsys)
        assert found == wanted or (text == "" and "import" in found), text


def test_completing_where_there_is_no_home_or_a_broken_one_is_silent_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(tmp_path / "none", "mlwf show c", monkeypatch, capsys) == []
    assert not (tmp_path / "none").exists()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "catalog.sqlite").write_bytes(b"no database" * 999)
    assert ask(tmp_path / "broken", "mlwf show c", monkeypatch, capsys) == []


def test_bash_itself_completes_behind_an_at_and_a_name_of_two_words(home: Path, tmp_path: Path) -> None:
    binary = tmp_path / "bin" / "mlwf"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} -m mlwf_tui "$@"\n')
    binary.chmod(0o755)
    asking = 'COMP_LINE="$1"; COMP_POINT=${#1}; _mlwf_completion mlwf 2>/dev/null; '
    asking += 'printf "%s\\n" "${COMPREPLY[@]}"'
    environment = os.environ | {"MLWF_HOME": str(home), "PATH": f"{binary.parent}:{os.environ['PATH']}"}
    for line, wanted in (
        ("mlwf show cells@g", ["golden"]), ("mlwf show two", ["'two words'"]),
        ("mlwf transform flip cells -p axis=v", ["vertical"]),
    ):  # fmt: skip
        done = subprocess.run(
            ["bash", "-c", f"{SCRIPTS['bash']}\n{asking}", "bash", line],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.split("\n")[:-1] == wanted, line


def test_completing_loads_neither_the_catalog_s_library_nor_the_store(tmp_path: Path) -> None:
    code = "import sys; from mlwf_tui.cli.main import main; main([]); print(*sys.modules, file=sys.stderr)"
    environment = os.environ | {"_MLWF_COMPLETE": "fish", "COMP_TEXT": "mlwf transform crop cells -p "}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    heavy = {"peewee", "numpy", "cv2", "textual", "rich", "mlwf_tui.workspace", "mlwf_tui.store.store"}
    assert not heavy & set(done.stderr.split())
    assert "\t" in done.stdout


def test_the_parameters_that_are_completed_are_those_that_are_declared() -> None:
    assert PATH.read_text("utf-8") == make_parameters(), "stale: python -m docs.making.make"
    assert json.loads(make_parameters())["crop"]


def test_what_a_shell_would_run_is_quoted_and_what_it_cannot_show_left_out() -> None:
    from click.shell_completion import CompletionItem

    from mlwf_tui.cli.completion import format_items

    names = ["plain-1", "$(touch gone)", "`id`", "a;b", "line\nbreak", "\x1b[2J"]
    told = list(format_items([CompletionItem(name) for name in names], "bash", 0))
    assert told == ["plain-1", "'$(touch gone)'", "'`id`'", "'a;b'"]


def test_what_is_known_elsewhere_is_a_command_here() -> None:
    names = mlwf.list_commands(click.Context(mlwf))
    assert not set(ELSEWHERE) & set(names)
    assert set(ELSEWHERE.values()) <= set(names)


@pytest.mark.parametrize(
    ("word", "said"), [("init", "mlwf import"), ("version", "--version"), ("revert", "undo")]
)
def test_a_word_that_no_command_answers_is_explained(
    word: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word]) == 2
    assert said in capsys.readouterr().err


def test_the_list_of_commands_cuts_no_line() -> None:
    context = click.Context(mlwf)
    commands = [mlwf.get_command(context, name) for name in mlwf.list_commands(context)]
    assert not [one.name for one in commands if one is not None and (one.short_help or ",").endswith(",")]


def test_defaults_are_told_as_they_are_given() -> None:
    told = {one.name: one.meaning for one in read_declared("augment")}
    assert told["splits"].endswith("images without a split always are (train)")
    assert "(true)" in told["keep_originals"]
