"""Names and counts read from a catalog's file in a few milliseconds; no entities.

They are for a shell that completes a word, and for what is started before a command is loaded: opening a
catalog as verbs do takes ten times as long as a person notices at the Tab key. Nothing is written
here, not even the file: a home that is not there stays so.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

Listed = Literal["project", "model", "report", "run"]

MAX_NAMES = 200
TIMEOUT_S = 0.2  # a person waits; a catalog that is busy for longer has no names to tell
_LIVE = "SELECT name, description FROM {} WHERE deleted_at IS NULL AND substr(name, 1, length(?1)) = ?1"
_RUNS = "SELECT id, verb || ', ' || state FROM run WHERE substr(id, 1, length(?1)) = ?1"
_NUMBERS = """
SELECT number, message FROM version WHERE deleted_at IS NULL AND project_id IN
(SELECT id FROM project WHERE name = ?1 AND deleted_at IS NULL) ORDER BY number DESC LIMIT ?2
"""
_TAGS = """
SELECT t.name, 'version ' || v.number FROM version_tag t JOIN version v ON v.id = t.version_id
WHERE t.project_id IN (SELECT id FROM project WHERE name = ?1 AND deleted_at IS NULL) LIMIT ?2
"""
_DELETED = """
SELECT name, kind FROM (
SELECT name, 'project' AS kind, deleted_at FROM project
UNION ALL SELECT name, 'model', deleted_at FROM model
UNION ALL SELECT name, 'report', deleted_at FROM report
UNION ALL SELECT p.name || '@' || v.number, 'version', v.deleted_at FROM version v
JOIN project p ON p.id = v.project_id WHERE p.deleted_at IS NULL
) WHERE deleted_at IS NOT NULL AND substr(name, 1, length(?1)) = ?1 ORDER BY deleted_at DESC LIMIT ?2
"""
_ITEMS = """
SELECT s.item_count, '' FROM project p JOIN project_state s ON s.id = p.head_id
WHERE p.name = ?1 AND p.deleted_at IS NULL ORDER BY s.item_count DESC LIMIT ?2
"""


def read_names(catalog: Path, listed: Listed, prefix: str) -> list[tuple[str, str]]:
    """Return names, or ids of runs, that begin so, newest first, each with a few words about it.

    Raises:
        sqlite3.Error: the file is missing, damaged, busy, or of another time.
    """
    query = _RUNS if listed == "run" else _LIVE.format(listed)
    return _fetch(catalog, f"{query} ORDER BY sequence DESC LIMIT ?2", prefix)


def read_version_names(catalog: Path, project: str) -> list[tuple[str, str]]:
    """Return the numbers and tags that may stand behind PROJECT@.

    Raises:
        sqlite3.Error: as of `read_names`.
    """
    return _fetch(catalog, _NUMBERS, project) + _fetch(catalog, _TAGS, project)


def read_deleted_names(catalog: Path, prefix: str) -> list[tuple[str, str]]:
    """Return what was deleted and is called so, the last first, each with its kind.

    Raises:
        sqlite3.Error: as of `read_names`.
    """
    return _fetch(catalog, _DELETED, prefix)


def read_item_count(catalog: Path, project: str) -> int:
    """Return how many items the largest project of a name has now, 0 where there is none.

    Raises:
        sqlite3.Error: as of `read_names`.
    """
    return max((int(count) for count, _ in _fetch(catalog, _ITEMS, project)), default=0)


def _fetch(catalog: Path, query: str, argument: str) -> list[tuple[str, str]]:
    uri = f"{catalog.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=TIMEOUT_S)) as connection:
        return [(str(name), str(words)) for name, words in connection.execute(query, (argument, MAX_NAMES))]
