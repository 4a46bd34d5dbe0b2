"""Small files of what each person likes: in the home, read without trust, and no loss where they are gone."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec

T = TypeVar("T")
logger = logging.getLogger(__name__)


def find_folder(home: Path, author: str) -> Path:
    """Return the folder of a home for what is a person's own; it may not be there yet."""
    name = quote(author, safe=" @") or "unknown"  # no slash, no way out of the folder
    return home / "users" / name.replace(".", "%2E")[:200]


def read_own(path: Path, kind: type[T]) -> T:
    """Return what a file holds; the default of its kind where nothing usable is kept."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return kind()
    except (OSError, msgspec.DecodeError) as error:
        logger.warning("%s cannot be read: %s", path, error)
        return kind()


def write_own(path: Path, value: object) -> None:
    """Keep a value that JSON can hold; of two that write at once the later wins whole.

    It is no loss: where it cannot be written (a full disk), that is logged and no more.
    """
    scratch = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        for folder in (path.parent.parent, path.parent):  # and never the home, which may have been moved
            folder.mkdir(exist_ok=True)
        scratch.write_bytes(msgspec.json.format(msgspec.json.encode(value)))
        scratch.replace(path)
    except OSError as error:
        logger.warning("%s cannot be kept: %s", path, error)
        with suppress(OSError):  # a folder that is none, or a disk that refuses all: nothing was made
            scratch.unlink()
