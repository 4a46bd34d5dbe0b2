"""Completes what is typed into a form's field: names, several names between commas, folders on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from textual.suggester import Suggester, SuggestFromList

PATH_TYPE = "path"  # completed with the folders on disk
SOURCE_TYPE = "source"  # completed with folders and archives
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")


def make_suggester(type_name: str, names: Sequence[str], *, takes_several: bool) -> Suggester | None:
    """Return what completes a field of this type, or one of names; None where nothing does."""
    if type_name in (PATH_TYPE, SOURCE_TYPE):
        return FolderSuggester(_ARCHIVES if type_name == SOURCE_TYPE else ())
    if takes_several:
        return ListSuggester(names)
    return SuggestFromList(names) if names else None


class FolderSuggester(Suggester):
    """Completes the path of a folder, or of a file with a suffix, as it is typed; Tab or → takes it."""

    def __init__(self, suffixes: tuple[str, ...] = ()) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._suffixes = suffixes

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(_complete_path, value, self._suffixes)


class ListSuggester(Suggester):
    """Completes the last of several names between commas."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._names = tuple(names)

    async def get_suggestion(self, value: str) -> str | None:
        head, comma, part = value.rpartition(",")
        lead = head + comma + part[: len(part) - len(part.lstrip())]
        given = {name.strip() for name in head.split(",")}
        begun = part.strip()
        names = (name for name in self._names if begun and name.startswith(begun) and name not in given)
        return next((lead + name for name in names), None)


def _complete_path(text: str, suffixes: tuple[str, ...]) -> str | None:
    """Return `text` with the first folder that begins so, or file with a suffix, or None.

    Hidden ones only where asked for.
    """
    head, _, part = text.rpartition("/")
    root = Path(head or ("/" if text.startswith("/") else ".")).expanduser()
    try:
        found = [entry for entry in root.iterdir() if entry.name.startswith(part)]
        folders = sorted(entry.name for entry in found if entry.is_dir())
    except OSError:
        return None  # not a folder yet while a person is typing
    archives = sorted(entry.name for entry in found if suffixes and entry.name.lower().endswith(suffixes))
    names = [name for name in (*folders, *archives) if part or not name.startswith(".")]
    return f"{text}{names[0][len(part) :]}" if names and text else None
