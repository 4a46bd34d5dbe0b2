"""Starts what helps a checkout before the verb itself is loaded, which takes as long; not a verb."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlwf_tui.workflow.importing.signing_hand import SigningHand
from mlwf_tui.workflow.importing.signing_process import start_signing
from mlwf_tui.workflow.trees.places import looks_like_checkout

if TYPE_CHECKING:
    from mlwf_tui.workflow.hand_processes import HandProcesses


class Ahead(msgspec.Struct, frozen=True):
    """What was started."""

    processes: HandProcesses | None = None  # that write all files
    hand: SigningHand | None = None  # that signs those which are there


NOTHING = Ahead()


@contextmanager
def start_ahead(home: Path, ref: str, folder: Path) -> Iterator[Ahead]:
    """Start what writes all of a large project into an empty folder, or looks through one that is a checkout.

    Which it is is a guess: what is wrong with a word, the verb says.
    """
    if looks_like_checkout(folder):
        with go_ahead(folder) as hand:
            yield Ahead(hand=hand)
    else:
        with _start_writing(home, ref, folder) as processes:
            yield Ahead(processes)


def go_ahead(folder: Path) -> SigningHand:
    """Return a hand for the scan of a checkout, which looks through it already if it is one."""
    process = start_signing(str(folder), goes_ahead=True) if looks_like_checkout(folder) else None
    return SigningHand(folder, process)


def _start_writing(home: Path, ref: str, folder: Path) -> AbstractContextManager[HandProcesses | None]:
    from mlwf_tui.catalog.glimpse import read_item_count  # what looks through a checkout does not wait for it
    from mlwf_tui.workflow.hand_processes import HandProcesses
    from mlwf_tui.workflow.hands import FEWEST_FOR_HANDS, count_hands

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
