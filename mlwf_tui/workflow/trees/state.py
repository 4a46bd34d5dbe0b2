"""What a checkout remembers of itself, in its folder's `.mlwf/state`; not a verb.

The state names the manifest that the files are, and the signature of every file as it was written, so
that looking for edits reads no file. It is damaged or missing where somebody else wrote there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mlwf_tui.entities.ids import Digest, ProjectId
from mlwf_tui.errors import InvalidInput, NotFound, StorageFailed
from mlwf_tui.processes import read_boot_id
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.packs import sync_folder
from mlwf_tui.workflow.trees.places import find_state_path, looks_like_checkout

_VERSION = 1
_DIGEST_HEX = 64
_MAX_BYTES = 4 << 30  # twenty million items


class TreeState(msgspec.Struct, frozen=True, kw_only=True):
    """A checkout. While a `verb` writes files `target` is the manifest that they will be.

    Edited files that are in the way of these are named before they are moved: `in_the_way` has where each
    goes, by path. `kept_in` is the folder of them as long as nobody was told of it. Both from the folder.

    `boot` is the machine's boot in which files were written that nobody flushed; empty where all are
    on the disk for certain.
    """

    version: int = _VERSION
    project_id: ProjectId
    ref: str  # what was checked out, as a person calls it
    manifest: Digest
    files: dict[str, bytes]  # signature by path from the folder
    target: Digest = Digest("")
    boot: str = ""
    in_the_way: dict[str, str] = msgspec.field(default_factory=dict)
    kept_in: str = ""
    verb: str = ""  # checkout or sync


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(TreeState)


def find_state(folder: Path) -> TreeState | None:
    """Return the state of a checkout, None where the folder is none.

    Raises:
        InvalidInput: it is damaged.
        StorageFailed: it cannot be read.
    """
    path = find_state_path(folder)
    hint = f"Check out into another folder, or move {path} away and check out with --force."
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            raise InvalidInput(f"{path} is no state of a checkout.", hint=hint)
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageFailed(f"{path} cannot be read: {error.strerror}.", hint="Check its mode.") from error
    digest, body = content[:_DIGEST_HEX], content[_DIGEST_HEX:]
    if compute_digest(body).encode() != digest:
        raise InvalidInput(f"{path} is damaged.", hint=hint)
    try:
        state = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"{path} is of another build of mlwf.", hint=hint) from error
    if state.version != _VERSION:
        raise InvalidInput(f"{path} is of a newer mlwf.", hint="Upgrade mlwf.")
    return state


def check_checkout(folder: Path) -> None:
    """Raise NotFound for a folder that is no checkout; its state is not read."""
    if not looks_like_checkout(folder):
        raise _describe_no_checkout(folder)


def get_state(folder: Path) -> TreeState:
    """Return the state of the checkout in `folder`.

    Raises:
        NotFound: the folder is no checkout.
        InvalidInput, StorageFailed: as `find_state`.
    """
    state = find_state(folder)
    if state is None:
        raise _describe_no_checkout(folder)
    return state


def _describe_no_checkout(folder: Path) -> NotFound:
    return NotFound(f"{folder} is not a checkout.", hint=f"Make one: mlwf checkout PROJECT {folder}")


def write_state(folder: Path, state: TreeState) -> None:
    """Put a state in the place of the former one; whoever reads sees the one or the other.

    Raises:
        StorageFailed: the disk refused.
    """
    path = find_state_path(folder)
    home = path.parent
    body = _encoder.encode(state)
    temporary = home / f"{path.name}.{os.getpid()}.tmp"
    try:
        home.mkdir(exist_ok=True)
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:  # never through a link that lies there
            file.write(compute_digest(body).encode() + body)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(home)
    except OSError as error:
        raise StorageFailed(
            f"{home} could not be written: {error.strerror or error}.", hint="Free some space."
        ) from error


def may_have_lost(state: TreeState) -> bool:
    """Say whether a power cut may have taken what was written: signatures then vouch for nothing."""
    return state.boot not in ("", read_boot_id())


def distrust(state: TreeState) -> TreeState:
    """Return the state without what its signatures say: every file then counts as touched."""
    return msgspec.structs.replace(state, files=dict.fromkeys(state.files, b""), boot="")


def find_touched(state: TreeState, found: Mapping[str, bytes]) -> set[str]:
    """Return the paths of all files that are not as the checkout left them: edited, gone, or new."""
    known = state.files
    edited = {path for path, signature in found.items() if known.get(path) != signature}
    return edited | (known.keys() - found.keys())
