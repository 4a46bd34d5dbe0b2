"""verify, collect, backup and stats as scripts see them: documents, exit codes, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.store.store import Store
from mlwf_tui.workspace import open_workspace
from tests.filling import flip, list_packs, make_blob, write_version


class Shell:
    """Calls the command line in this process."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.capsys = capsys

    def __call__(self, *words: str, code: int = 0, home: Path | None = None) -> str:
        assert main(["--home", str(home or self.home), *words]) == code, self.capsys.readouterr()
        return self.capsys.readouterr().out

    def json(self, *words: str, code: int = 0, home: Path | None = None) -> dict[str, Any]:
        document = json.loads(self(*words, "--json", code=code, home=home))
        assert isinstance(document, dict)
        return document


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    with open_workspace(tmp_path / "home") as workspace:
        write_version(workspace, "cells", {f"{n}.jpg": make_blob(n) for n in range(5)})
        write_version(workspace, "gone", {f"{n}.jpg": make_blob(n) for n in range(5, 10)})
    return Shell(tmp_path / "home", capsys)


def test_a_sound_home_verifies_with_0(shell: Shell) -> None:
    result = shell.json("verify")
    assert (result["ok"], result["problems"], result["repaired"]) == (True, [], 0)
    assert result["checked_bytes"] > 50_000
    assert shell.json("verify", "--new")["checked_bytes"] == 0
    assert shell.json("verify", "--sample", "0.5")["checked_bytes"] > 0
    assert "0 problems" in shell("verify")


def test_damage_ends_with_1_and_says_what_it_hits(shell: Shell, tmp_path: Path) -> None:
    shell("backup", str(tmp_path / "copy"))
    for pack in list_packs(shell.home):
        if make_blob(3) in pack.read_bytes():
            flip(pack, pack.read_bytes().find(make_blob(3)))
    paths = [problem["path"] for problem in shell.json("verify", code=1)["problems"]]
    assert paths[1:] == ["cells@1: main/3.jpg"]
    assert "cells@1: main/3.jpg" in shell("verify", code=1)
    repaired = shell.json("verify", "--repair-from", str(tmp_path / "copy"))
    assert (repaired["ok"], repaired["repaired"]) == (True, 1)
    assert shell.json("verify")["ok"] is True


@pytest.mark.parametrize(
    "words",
    [("show", "cells@1"), ("checkout", "cells@1", "out"), ("check", "cells"), ("export", "cells", "out")],
)
def test_a_missing_pack_is_damage_and_no_wrong_name(
    shell: Shell, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for pack in list_packs(shell.home):
        pack.unlink()
    error = shell.json(*words, code=1)["error"]
    assert error["kind"] == "corrupt_data"
    assert "verify --repair-from" in error["hint"]


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "--new", "--sample", "0.1"),
        ("verify", "--sample", "2"),
        ("verify", "--sample", "much"),
        ("collect", "--grace", "soon"),
        ("collect", "--grace", "-1"),
    ],
)
def test_options_that_mean_nothing_end_with_2(shell: Shell, words: tuple[str, ...]) -> None:
    assert "error" in shell.json(*words, code=2)


def test_a_backup_that_is_not_there_ends_with_4(shell: Shell, tmp_path: Path) -> None:
    list_packs(shell.home)[0].unlink()
    assert shell.json("verify", "--repair-from", str(tmp_path / "no"), code=4)["error"]["kind"] == "not_found"


def test_collect_says_first_and_does_it_when_told(shell: Shell) -> None:
    shell("delete", "gone", "--yes")
    assert shell.json("collect")["freed_bytes"] == 0
    planned = shell.json("collect", "--grace", "0")
    assert (planned["is_dry_run"], planned["packs_dropped"]) == (True, 1)
    assert "would be freed: mlwf collect --apply (" in shell("collect")
    assert "would be freed: mlwf collect --apply --grace 0 (" in shell("collect", "--grace", "0")
    done = shell.json("collect", "--apply", "--grace", "0")
    assert done["freed_bytes"] == planned["freed_bytes"] > 25_000
    assert shell.json("collect", "--apply", "--grace", "0s")["freed_bytes"] == 0
    assert shell.json("verify")["ok"] is True


def test_a_busy_store_ends_with_5(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlwf_tui.store.store.COLLECTOR_TIMEOUT_S", 0.05)
    shell("delete", "gone", "--yes")
    with Store(shell.home / "store") as store, store.hold_care():
        assert shell.json("collect", "--apply", "--grace", "0", code=5)["error"]["kind"] == "busy"


@pytest.mark.parametrize("word", ["7d", "12h", "30m", "90s", "1.5h", "0", "2w"])
def test_times_are_understood(shell: Shell, word: str) -> None:
    assert shell.json("collect", "--grace", word)["is_dry_run"] is True


def test_a_backup_is_a_home_and_can_be_restored_from(shell: Shell, tmp_path: Path) -> None:
    result = shell.json("backup", str(tmp_path / "copy"))
    assert (result["ok"], result["packs_copied"], result["problems"]) == (True, 3, [])
    names = {project["name"] for project in shell.json("projects", home=tmp_path / "copy")["projects"]}
    assert names == {"cells", "gone"}
    shell("backup", str(tmp_path / "restored"), home=tmp_path / "copy")
    assert shell.json("verify", home=tmp_path / "restored")["ok"] is True
    assert shell.json("show", "cells@1", home=tmp_path / "restored")["item_count"] == 5


def test_a_backup_into_the_home_ends_with_2_and_over_another_home_with_5(
    shell: Shell, tmp_path: Path
) -> None:
    shell("backup", str(shell.home / "copy"), code=2)
    shell("projects", home=tmp_path / "other")
    shell("backup", str(tmp_path / "other"), code=5)


def test_a_backup_with_a_damaged_pack_ends_with_3(shell: Shell, tmp_path: Path) -> None:
    flip(list_packs(shell.home)[0], 20)
    problems = shell.json("backup", str(tmp_path / "copy"), code=3)["problems"]
    assert problems[0]["path"] == f"packs/{list_packs(shell.home)[0].name}"


def test_stats_have_the_keys_that_scripts_rely_on(shell: Shell) -> None:
    stats = shell.json("stats")
    assert stats.keys() >= {"items", "logical_bytes", "stored_bytes", "dedup_factor", "compression_factor"}
    assert stats["items"] == 10
    assert [(project["name"], project["items"], project["versions"]) for project in stats["projects"]] == [
        ("cells", 5, 1), ("gone", 5, 1)
    ]  # fmt: skip
    assert "cells" in shell("stats")


def test_ctrl_c_ends_a_verify_with_130_and_says_how_it_goes_on(shell: Shell) -> None:
    # The store is held by a collect that does not end, so that the signal meets the command at work.
    with Store(shell.home / "store") as store, store.hold_exclusive():
        process = subprocess.Popen(
            [sys.executable, "-c", VERIFY, str(shell.home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begin\n"
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "mlwf verify --new" in err


VERIFY = """
import sys
from mlwf_tui.cli.main import main
from mlwf_tui.store.store import Store
hold = Store.hold_shared
def say(self):
    print("begin", flush=True)
    return hold(self)
Store.hold_shared = say
sys.exit(main(["--home", sys.argv[1], "verify"]))
"""
