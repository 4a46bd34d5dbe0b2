"""What a command and a hand load to do their work: modules, since seconds differ from machine to machine."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mlwf_tui.tui.app import MlwfApp
from mlwf_tui.workflow.importing.reading_hand import ReadingSetup
from mlwf_tui.workflow.messages import send
from tests.making import write_image

LISTING = """
import runpy, sys
del sys.argv[0]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    print(*sys.modules, sep="\\n", file=sys.stderr)
"""
COUNTING = """
import gc, runpy, sys
del sys.argv[0]
looks = []
default = gc.get_threshold()
gc.callbacks.append(lambda phase, _: looks.append(phase) if gc.get_threshold() != default else None)
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    print(len(looks), gc.get_threshold() != default, file=sys.stderr)
"""
UNNEEDED = {
    "PIL", "asyncio", "difflib", "email", "importlib.metadata", "multiprocessing", "numpy", "pyfastcdc",
    "rich", "subprocess", "textual", "tomllib", "yaml",
    "mlwf_tui.store.verify", "mlwf_tui.workflow.running.follow",
}  # fmt: skip
NOT_FOR_HANDS = {
    "PIL", "click", "email", "importlib.metadata", "numpy", "peewee", "rich", "textual", "yaml",
    "mlwf_tui.catalog", "mlwf_tui.settings", "mlwf_tui.store.verify", "mlwf_tui.workflow.running.recorder",
    "mlwf_tui.workspace",
}  # fmt: skip


WAITING = """
import asyncio, sys
from pathlib import Path
from mlwf_tui.tui.app import MlwfApp
from mlwf_tui.workspace import open_workspace

class Waiting(MlwfApp):
    def on_main_screen_completed(self):
        super().on_main_screen_completed()
        self.exit()

async def wait(workspace):
    app = Waiting(workspace.home, lambda: workspace)
    async with app.run_test():
        while app.is_running:
            await asyncio.sleep(0)

with open_workspace(Path(sys.argv[1])) as workspace:
    asyncio.run(wait(workspace))
print(*sys.modules, sep="\\n", file=sys.stderr)
"""


def run_listing_modules(*words: str, messages: bytes = b"") -> set[str]:
    """Run a module of ours to its end and return the names of all modules that are loaded then."""
    done = subprocess.run(
        [sys.executable, "-c", LISTING, *words], input=messages, capture_output=True, check=True
    )
    return set(done.stderr.decode().split())


def greet(setup: bytes, *messages: bytes) -> bytes:
    """Return what a hand is sent from its start to its farewell."""
    stream = io.BytesIO()
    for message in (setup, *messages, b""):
        send(stream, message)
    return stream.getvalue()


def test_listing_projects_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    loaded = run_listing_modules("mlwf_tui", "--home", str(tmp_path / "home"), "projects")
    assert "mlwf_tui.workflow.projects" in loaded
    assert loaded & (UNNEEDED | {"shutil", "mlwf_tui.workflow.running.recorder"}) == set()


@pytest.mark.parametrize("words", [["--help"], ["import", "--help"], ["stats"], ["runs"]])
def test_a_small_command_loads_no_more_than_it_needs(tmp_path: Path, words: list[str]) -> None:
    loaded = run_listing_modules("mlwf_tui", "--home", str(tmp_path / "home"), *words)
    assert "mlwf_tui.cli.main" in loaded
    assert loaded & UNNEEDED == set()


def test_only_a_command_that_opens_a_home_loads_the_catalog_and_the_store(tmp_path: Path) -> None:
    for words in (["--help"], ["import", "--help"], ["train", "--help"]):
        loaded = run_listing_modules("mlwf_tui", "--home", str(tmp_path / "home"), *words)
        assert not loaded & {"peewee", "sqlite3", "mlwf_tui.workspace"}, words


def test_a_small_command_never_looks_for_garbage(tmp_path: Path) -> None:
    words = ["mlwf_tui", "--home", str(tmp_path / "home"), "import", str(tmp_path / "images"), "p"]
    write_image(tmp_path / "images" / "a.jpg")
    done = subprocess.run([sys.executable, "-c", COUNTING, *words], capture_output=True, check=True)
    assert done.stderr.split()[-2:] == [b"0", b"True"]


def test_the_app_looks_for_garbage_more_often_than_a_command(tmp_path: Path) -> None:
    opening = """
import gc, sys
from contextlib import ExitStack
from pathlib import Path
from mlwf_tui.tui.app import _open_home
gc.set_threshold(100_000)
with ExitStack() as opened:
    _open_home(Path(sys.argv[1]), opened)
print(gc.get_threshold()[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", opening, str(tmp_path / "home")], capture_output=True, check=True
    )
    assert 700 < int(done.stdout) <= 20_000


@pytest.mark.parametrize("importer", ["yolo", "voc", "coco", "supervisely", "images"])
def test_a_hand_that_reads_loads_no_more_than_it_needs(tmp_path: Path, importer: str) -> None:
    (tmp_path / "home").mkdir()
    setup = msgspec.msgpack.encode(ReadingSetup(importer, os.fsencode(tmp_path), None))
    messages = greet(setup, msgspec.msgpack.encode([]))
    loaded = run_listing_modules("mlwf_tui.hand", str(tmp_path / "home"), "read", messages=messages)
    assert f"mlwf_tui.plugins.importers.{importer}" in loaded
    assert not loaded & (
        NOT_FOR_HANDS | {"subprocess", "mlwf_tui.workflow.hands", "mlwf_tui.workflow.trees.write"}
    )


def test_a_hand_that_reads_loads_the_protocol_of_importers_alone(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    setup = msgspec.msgpack.encode(ReadingSetup("yolo", os.fsencode(tmp_path), None))
    messages = greet(setup, msgspec.msgpack.encode([]))
    loaded = run_listing_modules("mlwf_tui.hand", str(tmp_path / "home"), "read", messages=messages)
    protocols = {name for name in loaded if name.startswith("mlwf_tui.protocols.")}
    assert protocols == {"mlwf_tui.protocols.importers", "mlwf_tui.protocols.observer"}


def test_a_hand_that_writes_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    for name in ("home", "checkout"):
        (tmp_path / name).mkdir()
    setup = msgspec.msgpack.encode([os.fsencode(tmp_path / "checkout"), True])
    loaded = run_listing_modules("mlwf_tui.hand", str(tmp_path / "home"), "write", messages=greet(setup))
    assert "mlwf_tui.workflow.trees.write" in loaded
    assert loaded & (NOT_FOR_HANDS | {"subprocess", "mlwf_tui.workflow.hands"}) == set()


def test_a_hand_that_inspects_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    loaded = run_listing_modules("mlwf_tui.hand", str(tmp_path / "home"), "inspect", messages=greet(b""))
    assert "mlwf_tui.store.inspection" in loaded
    assert loaded & NOT_FOR_HANDS == set()


def test_verbs_and_plots_are_imported_behind_the_start_and_not_with_the_first_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WAITING, str(tmp_path / "home")]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    rooms = {f"mlwf_tui.tui.screens.verbs.{name}" for name in ("table", "several", "excerpts")}
    assert {*rooms, "plotext"} <= set(done.stderr.decode().split())


def test_what_was_made_with_the_start_is_looked_through_for_garbage_no_more(tmp_path: Path) -> None:
    app = MlwfApp(tmp_path, lambda: pytest.fail("it is not opened"))
    kept = [{"made": "with the start"}]
    before = gc.get_freeze_count()
    app.on_main_screen_completed()
    try:
        assert gc.get_freeze_count() > before
        assert not any(one is kept for one in gc.get_objects())
    finally:
        gc.unfreeze()
