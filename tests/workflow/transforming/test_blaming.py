"""A stranger's operation that falls over its own code is blamed by name, and stands in nobody else's way."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from tests.making import make_voc

CODE = """
from dataclasses import dataclass

from mlwf_tui.protocols.operations import PlannedItem


@dataclass(frozen=True)
class Params:
    pass


class Planless:
    name, summary, group, version, params_type = "planless", "falls over an item", "pixels", 1, Params

    def plan(self, items, schema, params, *, seed):
        for position, source in enumerate(items):
            if position:
                raise KeyError("no such thing")
            yield PlannedItem(source.item, position)

    def transform_schema(self, schema, params):
        return schema


class Schemaless(Planless):
    name = "schemaless"

    def transform_schema(self, schema, params):
        raise RuntimeError("no classes")
"""
POINTS = """[mlwf_tui.operations]
planless = strangers_operations:Planless
schemaless = strangers_operations:Schemaless
absent = no_such_module_anywhere:Absent
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Install a package of operations, and import some images; the words that every command begins with."""
    package = tmp_path / "packages" / "strangers_operations-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers-operations\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(POINTS)
    (package.parent / "strangers_operations.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(package.parent))
    make_voc(tmp_path / "voc", {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": []})
    words = ["--home", str(tmp_path / "home")]
    assert main([*words, "import", str(tmp_path / "voc"), "drawn"]) == 0
    return words


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        (
            "planless",
            "The operation planless failed: KeyError: 'no such thing' (strangers_operations.py, line",
        ),
        ("schemaless", "The operation schemaless failed: RuntimeError: no classes (strangers_operations.py"),
        ("absent", "'absent' could not be loaded"),
    ],
)
def test_a_fault_of_a_plug_in_is_told_as_its_own(
    home: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], operation: str, told: str
) -> None:
    assert main([*home, "transform", operation, "drawn", "--to", "x"]) == 1
    assert told in capsys.readouterr().err
    text = f"sources: [drawn]\nsteps: [sample, {operation}]\noutputs: [{{project: x}}]\n"
    (tmp_path / "p.yaml").write_text(text.replace("sample", "{operation: sample, params: {n: 2}}"), "utf-8")
    assert main([*home, "pipeline", str(tmp_path / "p.yaml")]) in (1, 2)
    assert told.removeprefix("The ") in capsys.readouterr().err
    assert main([*home, "show", "x"]) == 4, "nothing half-written"


def test_one_that_cannot_be_loaded_is_listed_with_the_others(
    home: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*home, "operations"]) == 0
    told = capsys.readouterr().out
    assert "flip" in told
    assert "not to be used  absent" in told
