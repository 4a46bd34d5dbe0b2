"""Writes and removes files below one folder, and never outside of it; not a verb.

Every folder on the way is opened by itself without following links, so neither a hostile name nor a
link that somebody else puts there leads out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Set
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from mlwf_tui.entities.folder import show_path
from mlwf_tui.entities.ids import new_id
from mlwf_tui.errors import Conflict, StorageFailed
from mlwf_tui.workflow.importing.signing import sign_status

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_OPEN = 256
_TEMPORARY = re.compile(r"\.[0-9a-f]{12}\.tmp")
_NO_PARTS = frozenset(("", ".", ".."))


@dataclass(slots=True)
class TreeFiles:
    """The files below a folder, by path from it. Used in a `with`, by one thread."""

    root: Path
    _descriptors: dict[str, int] = field(default_factory=dict)  # by folder, the one used last at the end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

    def write(self, path: str, content: bytes | memoryview, *, is_replacing: bool) -> bytes:
        """Write a file and return its signature; over another one only where `is_replacing`.

        A new file is written under its own name; one that is replaced is whole, old or new, at any
        moment.

        Raises:
            Conflict: something is in the way.
            StorageFailed: the disk refused.
        """
        folder, _, name = path.rpartition("/")
        try:
            _check_path(name if folder in self._descriptors else path)  # those that are open were checked
            parent = self._open(folder)
            if not is_replacing:
                return _write_new(name, content, parent)
            temporary = f".{new_id()}.tmp"
            _write_new(temporary, content, parent)
            try:
                _rename(temporary, parent, name, parent)
            except OSError:
                os.unlink(temporary, dir_fd=parent)
                raise
            return _sign(name, parent)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise _describe_obstacle(self.root / path) from error
        except OSError as error:
            raise _describe_refusal(self.root / path, error) from error

    def rename(self, before: str, after: str) -> bytes:
        """Move a file within the folder and return its signature there; over what is there already.

        Raises:
            Conflict, StorageFailed: as `write`.
        """
        try:
            _check_path(before)
            _check_path(after)
            source, target = before.rpartition("/"), after.rpartition("/")
            origin, parent = self._open(source[0]), self._open(target[0])
            _rename(source[2], origin, target[2], parent)
            return _sign(target[2], parent)
        except (NotADirectoryError, IsADirectoryError) as error:
            raise _describe_obstacle(self.root / after) from error
        except OSError as error:
            raise _describe_refusal(self.root / after, error) from error

    def move_folder(self, before: str, after: str, names: Set[str]) -> bool:
        """Move a whole folder if it holds nothing but these names, and nothing is where it goes to.

        Returns whether it did; if not, nothing has changed.

        Raises:
            Conflict: as `write`.
        """
        try:
            _check_path(before)
            _check_path(after)
            if set(os.listdir(self._open(before, is_made=False))) != names:  # noqa: PTH208 - no Path for a descriptor
                return False
            source, target = before.rpartition("/"), after.rpartition("/")
            origin, parent = self._open(source[0]), self._open(target[0])
            _rename(source[2], origin, target[2], parent)
        except NotADirectoryError as error:
            raise _describe_obstacle(self.root / after) from error
        except OSError:  # something is there: it is told where the files are moved one by one
            return False
        for folder in (before, after):  # which was empty, if it was there
            if folder in self._descriptors:
                os.close(self._descriptors.pop(folder))
        return True

    def remove(self, path: str) -> None:
        """Remove a file if it is there.

        Raises:
            Conflict, StorageFailed: as `write`.
        """
        folder, _, name = path.rpartition("/")
        try:
            _check_path(path)
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self._open(folder, is_made=False))
        except (NotADirectoryError, IsADirectoryError) as error:
            raise _describe_obstacle(self.root / path) from error
        except OSError as error:
            raise _describe_refusal(self.root / path, error) from error

    def remove_empty_folders(self, folders: set[str]) -> None:
        """Remove those folders, and those above them, that hold nothing any more."""
        for folder in sorted(folders, key=len, reverse=True):
            while folder:
                above, _, name = folder.rpartition("/")
                try:
                    _check_path(folder)
                    with suppress(FileNotFoundError):  # it was moved
                        os.rmdir(name, dir_fd=self._open(above, is_made=False))
                except OSError:  # it holds something
                    break
                if folder in self._descriptors:
                    os.close(self._descriptors.pop(folder))
                folder = above

    def make_names_durable(self, folders: Iterable[str]) -> None:
        """Wait until no power cut can take a name in these folders and those above; contents it may.

        Raises:
            Conflict, StorageFailed: as `write`.
        """
        for folder in sorted({folder for lowest in folders for folder in _list_chain(lowest)}):
            try:
                if folder:
                    _check_path(folder)
                with suppress(FileNotFoundError):  # it held nothing any more and was removed
                    os.fsync(self._open(folder, is_made=False))
            except NotADirectoryError as error:
                raise _describe_obstacle(self.root / folder) from error
            except OSError as error:
                raise _describe_refusal(self.root / folder, error) from error

    def _open(self, folder: str, *, is_made: bool = True) -> int:
        """Return the descriptor of a folder, which is made where it is missing if `is_made`."""
        descriptor = self._descriptors.pop(folder, None)
        if descriptor is None and not folder:
            descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        elif descriptor is None:
            above, _, name = folder.rpartition("/")
            parent = self._open(above, is_made=is_made)
            if is_made:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o777, dir_fd=parent)
            try:
                descriptor = os.open(name, _FOLDER, dir_fd=parent)
            except FileNotFoundError:
                raise
            except OSError as error:  # a link, or a file
                raise NotADirectoryError(f"{folder} is not a folder") from error
            self._close_oldest()
        self._descriptors[folder] = descriptor
        return descriptor

    def _close_oldest(self) -> None:
        if len(self._descriptors) >= _MOST_OPEN:
            oldest = next(iter(self._descriptors))
            os.close(self._descriptors.pop(oldest))


def clear_leftovers(root: Path) -> None:
    """Remove what a killed checkout was writing beside files that it replaced."""
    folders = [str(root)]
    while folders:
        # A folder that cannot be listed holds nothing of ours, and a leftover that stays does no harm.
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if _is_leftover(entry):
                    os.unlink(entry.path)  # noqa: PTH108
                elif not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)


def _is_leftover(entry: os.DirEntry[str]) -> bool:
    is_named_so = _TEMPORARY.fullmatch(entry.name) is not None
    return is_named_so and entry.is_file(follow_symlinks=False)


def _list_chain(folder: str) -> list[str]:
    """Return a folder and all above it, the root last."""
    chain = [folder]
    while chain[-1]:
        chain.append(chain[-1].rpartition("/")[0])
    return chain


def _check_path(path: str) -> None:
    """Raise NotADirectoryError where a path cannot be one of a file below a folder."""
    if "\0" in path or not _NO_PARTS.isdisjoint(path.split("/")):
        raise NotADirectoryError(f"{path!r} is no path below a folder")


def _write_new(name: str, content: bytes | memoryview, parent: int) -> bytes:
    descriptor = os.open(name, _NEW_FILE, 0o666, dir_fd=parent)
    try:
        written = os.write(descriptor, content)
        while written < len(content):
            written += os.write(descriptor, memoryview(content)[written:])
        return sign_status(os.fstat(descriptor))
    except BaseException:
        os.unlink(name, dir_fd=parent)
        raise
    finally:
        os.close(descriptor)


def _rename(before: str, source: int, after: str, target: int) -> None:
    os.rename(before, after, src_dir_fd=source, dst_dir_fd=target)


def _sign(name: str, parent: int) -> bytes:
    return sign_status(os.stat(name, dir_fd=parent, follow_symlinks=False))


def _describe_obstacle(path: Path) -> Conflict:
    shown = show_path(str(path))
    return Conflict(f"Something is in the way of {shown}.", hint="Move it away, and try again.")


def _describe_refusal(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed(
        f"{path} could not be written: {error.strerror or error}.",
        hint="Check the disk, and run it again: it goes on where it was.",
    )
