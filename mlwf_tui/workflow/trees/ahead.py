"""Starts the hands of a checkout before the verb itself is loaded, which takes as long; not a verb."""

from __future__ import annotations

import os
import sqlite3
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from mlwf_tui.catalog.glimpse import read_item_count
from mlwf_tui.workflow.hand_processes import HandProcesses
from mlwf_tui.workflow.hands import FEWEST_FOR_HANDS, count_hands


def start_ahead(home: Path, ref: str, folder: Path) -> AbstractContextManager[HandProcesses | None]:
    """Start what writes all of a large project into an empty folder; nothing for any other checkout.

    Whether it is one is a guess: what is wrong with a word, the verb says.
    """
    if count_hands() == 1 or not _is_empty(folder):
        return nullcontext()
    try:
        item_count = read_item_count(home / "catalog.sqlite", ref.partition("@")[0])
    except (sqlite3.Error, UnicodeEncodeError):  # a word of bytes that are no text
        return nullcontext()
    if item_count < FEWEST_FOR_HANDS:
        return nullcontext()
    return HandProcesses(home, "write", count=count_hands())


def _is_empty(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError as error:
        return isinstance(error, FileNotFoundError)
