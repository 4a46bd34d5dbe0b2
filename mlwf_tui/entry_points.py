"""Finds what installed packages declare; importlib.metadata does the same, and costs 40 ms to import."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

_SUFFIXES = (".dist-info", ".egg-info")


class EntryPoint(NamedTuple):
    """A name that a package gives to an object; `value` is `module:object`, extras may follow."""

    name: str
    value: str

    def load(self) -> Any:
        """Return the object, whose module is imported.

        Raises:
            ImportError, AttributeError: there is no such module, or no such object in it.
        """
        module, _, path = self.value.partition("[")[0].partition(":")
        found = importlib.import_module(module.strip())
        return attrgetter(path.strip())(found) if path.strip() else found


def find_entry_points(group: str) -> list[Any]:
    """Return all entry points of a group, those of packages that come first on `sys.path` first.

    Of two packages of one name only the first counts. What only importlib.metadata can read (a zip
    file or an egg on the path, a package finder of somebody's own) is left to it.
    """
    try:
        if any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder):
            raise _Unusual
        return [point for text in _iter_declarations(sys.path) for point in _parse(text, group)]
    except _Unusual:
        from importlib.metadata import entry_points

        return list(entry_points(group=group))


class _Unusual(Exception):
    """Packages lie about in another way than in plain folders."""


def _iter_declarations(folders: Iterable[str]) -> Iterator[str]:
    """Yield the entry_points.txt of every package."""
    seen: set[str] = set()
    for folder in folders:
        for name in _list_folder(folder):
            if not name.lower().endswith(_SUFFIXES):
                continue
            package = re.sub(r"[-_.]+", "-", name.rpartition(".")[0].partition("-")[0]).lower()
            if package in seen:
                continue
            seen.add(package)
            try:
                yield Path(folder, name, "entry_points.txt").read_text("utf-8")
            except (FileNotFoundError, NotADirectoryError, PermissionError):  # it declares nothing
                continue


def _list_folder(folder: str) -> list[str]:
    if folder.lower().endswith(".egg"):
        raise _Unusual
    try:
        return os.listdir(folder or ".")  # noqa: PTH208 - names, not paths
    except NotADirectoryError as error:
        raise _Unusual from error
    except OSError:
        return []  # most paths name a zip file of the standard library that is not there


def _parse(text: str, group: str) -> Iterator[EntryPoint]:
    """Yield what one file says of a group; its format is that of an ini file."""
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line.strip("[]")
        elif section == group and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield EntryPoint(name.strip(), value.strip())
