"""The house stands as docs/architecture.md draws it: import cost, rooms, and a face for every verb."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlwf_tui.cli.main import COMMANDS, mlwf
from mlwf_tui.sdk import Home
from mlwf_tui.sdk.jobs import Jobs

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "ultralytics", "albumentations", "cv2", "datumaro", "sklearn", "numpy", "plotext")
NOT_VERBS = {
    "__init__", "affected", "backup_files", "calls", "combine", "content", "sights", "fixing",
    "hand_processes", "hand_watch", "hands", "hits", "inspecting", "items", "journal", "live", "measuring",
    "messages", "model_diff", "names", "perform", "pictures", "pipes", "ordering", "preview",
    "referee", "refs",
    "run_diff", "serving", "terminal", "whole_files",
}  # fmt: skip
SDK_NAMES = {
    "import": "import_folder",  # a word of Python
    "branch": "copy",  # a second name
    "logs": "iter_log",
    "watch": "outlook",
    "report": "evaluation",
}


def list_imported(module: str) -> set[str]:
    code = f"import sys, {module}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "module", ["mlwf_tui.cli.main", "mlwf_tui.tui.app", "mlwf_tui.worker", "mlwf_tui.sdk"]
)
def test_a_face_imports_no_heavy_library(module: str) -> None:
    assert not list_imported(module) & set(HEAVY)


def test_the_apps_first_picture_of_a_home_waits_for_no_image_and_meter_library() -> None:
    assert not list_imported("mlwf_tui.tui.screens.main") & {*HEAVY, "PIL", "psutil", "optuna"}


def test_the_command_line_starts_without_textual_and_the_catalog() -> None:
    imported = list_imported("mlwf_tui.cli.main")
    assert "textual" not in imported
    assert "rich" not in imported


def test_listing_plug_ins_imports_none_of_them() -> None:
    code = (
        "import sys; from mlwf_tui.registry import Registry; r = Registry();"
        "assert r.list_names('operations'); assert r.list_names('trainers');"
        "assert not [m for m in sys.modules if m.startswith('mlwf_tui.plugins')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_command_has_help_with_a_first_sentence() -> None:
    import click

    context = click.Context(mlwf)
    for name in mlwf.list_commands(context):
        found = mlwf.get_command(context, name)
        assert found is not None, name
        assert found.help, name
        assert found.get_short_help_str(), name


def test_every_verb_is_a_command() -> None:
    commands = {name for names in COMMANDS.values() for name in names}
    files = {path.stem for path in (ROOT / "mlwf_tui" / "workflow").glob("*.py")} - NOT_VERBS
    verbs = {name.rstrip("_") for name in files}
    plural = {"reports": "report"}
    missing = {verb for verb in verbs if plural.get(verb, verb) not in commands}
    assert not missing


def test_every_command_on_data_is_a_method_of_a_home_in_python() -> None:
    modules = [f"mlwf_tui.cli.{name}" for name in ("data", "versions", "diff", "checkout", "care")]
    methods = {name for name in vars(Home) if not name.startswith("_")}
    missing = {SDK_NAMES.get(name, name) for module in modules for name in COMMANDS[module]} - methods
    assert not missing


def test_every_command_on_jobs_is_a_method_of_a_home_or_its_jobs_in_python() -> None:
    modules = [
        f"mlwf_tui.cli.{name}"
        for name in ("models", "experiments", "runs", "lineage", "queue", "curves", "machine", "doctor")
    ]
    methods = {name for owner in (Home, Jobs) for name in vars(owner) if not name.startswith("_")}
    missing = {SDK_NAMES.get(name, name) for module in modules for name in COMMANDS[module]} - methods
    assert not missing


def test_every_command_is_told_at_a_glance_and_in_the_readme() -> None:
    told = (ROOT / "docs" / "commands.md").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    commands = {name for names in COMMANDS.values() for name in names}
    assert not {name for name in commands if f"mlwf {name}" not in told}
    assert not {name for name in commands if f"`{name}`" not in readme and f"mlwf {name}" not in readme}


def test_every_room_is_drawn_in_the_architecture() -> None:
    drawn = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = {path.name for path in (ROOT / "mlwf_tui").iterdir() if path.is_dir() and path.name[0] != "_"}
    assert not {room for room in rooms if f"`{room}/`" not in drawn}
