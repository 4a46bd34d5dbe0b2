"""Entry points: the same ones that importlib.metadata finds, in folders, eggs and zip files."""

from __future__ import annotations

import importlib.metadata
import math
import sys
import zipfile
from pathlib import Path

import pytest

from mlwf_tui.entry_points import EntryPoint, find_entry_points

GROUP = "mlwf_tui.importers"


def declare(folder: Path, package: str, text: str, *, suffix: str = ".dist-info") -> None:
    made = folder / f"{package}{suffix}"
    made.mkdir(parents=True)
    (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package.partition('-')[0]}\nVersion: 1\n")
    (made / "entry_points.txt").write_text(text)


def find_both(group: str = GROUP) -> tuple[list[EntryPoint], list[EntryPoint]]:
    """Return what we find and what the standard library finds."""
    found = [EntryPoint(point.name, point.value) for point in find_entry_points(group)]
    expected = [EntryPoint(p.name, p.value) for p in importlib.metadata.entry_points(group=group)]
    return sorted(found), sorted(expected)


@pytest.mark.parametrize("group", [GROUP, "mlwf_tui.operations", "console_scripts", "pytest11", "no.such"])
def test_what_is_installed_here_is_found_as_the_standard_library_finds_it(group: str) -> None:
    found, expected = find_both(group)
    assert found == expected


def test_a_strangers_importer_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(tmp_path, "strange_formats-2.0", f"[{GROUP}]\nstrange = strange.formats:Importer [fast]\n")
    monkeypatch.syspath_prepend(tmp_path)
    found, expected = find_both()
    assert found == expected
    assert ("strange", "strange.formats:Importer [fast]") in found


def test_only_the_first_package_of_a_name_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(tmp_path / "first", "Some.Thing-1", f"[{GROUP}]\nmine = a:b\n")
    declare(tmp_path / "second", "some_thing-2", f"[{GROUP}]\nother = c:d\n", suffix=".egg-info")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), str(tmp_path / "second")])
    found, expected = find_both()
    assert found == expected == [("mine", "a:b")]


def test_comments_other_groups_and_odd_spaces_are_read_as_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"stray = a:b\n\n[other]\nx = a:b\n[{GROUP}]\n# c = a:b\n  d=e.f : g \n h = i\n[more]\ny = a:b\n"
    declare(tmp_path, "odd-1", text)
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "not-there")])
    found, expected = find_both()
    assert found == expected == [("d", "e.f : g"), ("h", "i")]


def test_packages_in_a_zip_file_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(tmp_path / "plain", "plain-1", f"[{GROUP}]\nplain = a:b\n")
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("packed-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: packed\nVersion: 1\n")
        file.writestr("packed-1.dist-info/entry_points.txt", f"[{GROUP}]\npacked = a:b\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "plain"), str(packed)])
    found, expected = find_both()
    assert found == expected == [("packed", "a:b"), ("plain", "a:b")]


def test_packages_of_somebodys_own_finder_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Distribution(importlib.metadata.Distribution):
        def read_text(self, filename: str) -> str | None:
            texts = {"METADATA": "Name: hidden\n", "entry_points.txt": f"[{GROUP}]\nhidden = a:b\n"}
            return texts.get(filename)

        def locate_file(self, path: object) -> Path:
            return Path(str(path))

    class Finder(importlib.metadata.DistributionFinder):
        def find_distributions(
            self, context: importlib.metadata.DistributionFinder.Context | None = None
        ) -> list[importlib.metadata.Distribution]:
            return [Distribution()]

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    found, expected = find_both()
    assert found == expected
    assert ("hidden", "a:b") in found


def test_loading_gives_the_object_or_the_module() -> None:
    assert EntryPoint("x", "math:tau").load() == math.tau
    assert EntryPoint("x", "os : path.join [extra]").load() is __import__("os").path.join
    assert EntryPoint("x", "math").load() is math
    with pytest.raises(ImportError):
        EntryPoint("x", "no_such_module:x").load()
