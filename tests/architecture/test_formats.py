"""docs/formats.md says what the importers and exporters declare."""

from __future__ import annotations

from mlwf_tui.registry import Registry
from tests.architecture.format_table import PATH, fill_in


def test_the_tables_are_those_that_the_plug_ins_declare() -> None:
    text = PATH.read_text("utf-8")
    assert fill_in(text) == text, "python -m tests.architecture.format_table writes them anew"


def test_every_format_is_named() -> None:
    text = PATH.read_text("utf-8")
    registry = Registry()
    for name in (*registry.list_names("importers"), *registry.list_names("exporters")):
        assert f"`{name}`" in text, name
