"""Signs the files of a folder: what tells that a file is still as it was, without reading it; not a verb.

`python -IS signing.py ROOT` does it as a process of its own, whose answers a scan waits for while it signs
other files itself; with a further word it goes ahead through the folder, and has answers ready. It imports
nothing of the package, and so is there in 10 ms.
"""

from __future__ import annotations

import marshal
import os
import select
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from stat import S_IFREG, S_ISDIR

SIGNATURE = struct.Struct("<QqqQQ")  # size, mtime in ns, ctime in ns, inode, device
_ODD_SIGNATURE = struct.Struct("<QQQQQ")
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
BATCH_FILES = 256
"""Names that are signed at once; the answers to a few questions of so many fit into a pipe."""
_LENGTH = struct.Struct("<I")  # of a message, before it
_ODD = struct.Struct("<H")  # the place of one that is no plain file
_BLANK = bytes(SIGNATURE.size)
_WORD_BITS = (1 << 64) - 1
_DEVICE_BITS = _WORD_BITS  # some systems have negative ones
_KIND_BITS = 0o170000  # of a mode
_MOST_AHEAD = 1024
"""Batches that are signed before somebody asks: 20 MB."""


Signed = tuple[bytes, list[int]]
"""Signatures of files, and the places of those names that have to be seen to, which have blank ones."""
Listed = tuple[list[list[str]], list[Signed]]
"""The names of a folder, as many at once as are signed, and what the first of these were signed with."""
HAND_OVER = b""
"""The message that asks for all folders that were listed ahead; it is sent once, and answered once."""


def sign_status(status: os.stat_result) -> bytes:
    """Return the signature of a file's state."""
    device = status.st_dev & _DEVICE_BITS
    try:
        return SIGNATURE.pack(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, device)
    except struct.error:
        return _sign_odd_times(status)


def _sign_odd_times(status: os.stat_result) -> bytes:
    """Return the signature of a file whose time is behind 2262: it is told from others, and looks old."""
    times = (time_ns & _WORD_BITS for time_ns in (status.st_mtime_ns, status.st_ctime_ns))
    return _ODD_SIGNATURE.pack(status.st_size, *times, status.st_ino, status.st_dev & _DEVICE_BITS)


def split_names(listed: Iterable[str]) -> Iterator[list[str]]:
    """Yield the names of a folder that a scan looks at, in order, as many as are signed at once."""
    names = [name for name in sorted(listed) if name[0] != "." and name != "__MACOSX"]
    for start in range(0, len(names), BATCH_FILES):
        yield names[start : start + BATCH_FILES]


def sign_files(descriptor: int, names: Sequence[str]) -> Signed:
    """Return the signatures of files of an open folder.

    To be seen to is what is no regular file, cannot be read, or has no plain name.
    """
    # What is asked of each file besides, and called by its short name, takes a quarter of the time.
    # DirEntry objects instead would take a seventh longer, and more room.
    signatures: list[bytes] = []
    odd: list[int] = []
    stat_of, add, pack = os.stat, signatures.append, SIGNATURE.pack
    for place, name in enumerate(names):
        try:
            status = stat_of(name, dir_fd=descriptor, follow_symlinks=False)
        except OSError:
            odd.append(place)
            add(_BLANK)
            continue
        if status.st_mode & _KIND_BITS != S_IFREG or not name.isprintable() or "\\" in name:  # few
            odd.append(place)
            add(_BLANK)
            continue
        device = status.st_dev & _DEVICE_BITS
        try:
            add(pack(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, device))
        except struct.error:
            add(_sign_odd_times(status))
    return b"".join(signatures), odd


def open_below(root: str, folder: str) -> int:
    """Open a folder by its path from a root, following no link on the way below it; the caller closes it.

    Raises:
        OSError: it is no folder, or cannot be opened.
    """
    descriptor = os.open(root, FOLDER_FLAGS)
    for name in folder.split("/") if folder else ():
        above = descriptor
        try:
            descriptor = os.open(name, FOLDER_FLAGS, dir_fd=above)
        finally:
            os.close(above)
    return descriptor


def send(pipe: int, message: bytes) -> None:
    """Send a message.

    Raises:
        OSError: nobody is there to read it.
    """
    rest = memoryview(_LENGTH.pack(len(message)) + message)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def receive(pipe: int, wait: Callable[[], bool] = lambda: True) -> bytes | None:
    """Return the next message, None where the pipe has ended; no byte behind it is read, for polling.

    `wait` is asked before each part, and ends it where nothing more comes.
    """
    head = _read(pipe, _LENGTH.size, wait)
    return _read(pipe, _LENGTH.unpack(head)[0], wait) if head else None


def _read(pipe: int, size: int, wait: Callable[[], bool]) -> bytes | None:
    parts = []
    while size:
        if not wait():
            return None
        part = os.read(pipe, size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def encode_question(folder: str, names: Sequence[str]) -> bytes:
    """Return the message that asks for the signatures of files of a folder."""
    return os.fsencode(f"{folder}\0{'/'.join(names)}")


def decode_answer(message: bytes, count: int) -> Signed:
    """Return what `sign_files` returned for so many names."""
    cut = count * SIGNATURE.size
    return message[:cut], [place for (place,) in _ODD.iter_unpack(message[cut:])]


def _answer(root: str, question: bytes) -> bytes:
    folder, _, listed = os.fsdecode(question).partition("\0")
    names = listed.split("/")
    try:
        descriptor = open_below(root, folder)
    except OSError:  # whoever asked finds out why
        return _encode_answer((_BLANK * len(names), list(range(len(names)))))
    try:
        return _encode_answer(sign_files(descriptor, names))
    finally:
        os.close(descriptor)


def _encode_answer(signed: Signed) -> bytes:
    return signed[0] + b"".join(map(_ODD.pack, signed[1]))


def decode_listed(message: bytes) -> dict[str, Listed]:
    """Return the folders that a hand listed, by their paths below the root."""
    listed: dict[str, Listed] = marshal.loads(message)  # noqa: S302 - of a process of our own
    return listed


def _go_ahead(
    folder: str, name: str, parent: int | None, listed: dict[str, Listed]
) -> Iterator[tuple[str, list[str], Signed]]:
    """List folders as a scan does; yield names as they are signed."""
    try:
        descriptor = os.open(name, FOLDER_FLAGS, dir_fd=parent)
    except OSError:  # the scan says why
        return
    try:
        batches, done = listed[folder] = list(split_names(os.listdir(descriptor))), []  # noqa: PTH208
        for names in batches:
            signed = sign_files(descriptor, names)
            done.append(signed)
            yield folder, names, signed
            for odd in (names[place] for place in signed[1]):
                if _is_folder(odd, descriptor):
                    yield from _go_ahead(f"{folder}/{odd}" if folder else odd, odd, descriptor, listed)
    finally:
        os.close(descriptor)


def _is_folder(name: str, descriptor: int) -> bool:
    try:
        return S_ISDIR(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode)
    except OSError:
        return False


def main(root: str, *, goes_ahead: bool) -> None:
    """Answer questions from standard input until it ends."""
    questions = select.poll()
    questions.register(0, select.POLLIN)
    listed: dict[str, Listed] = {}
    ahead = _go_ahead("", root, None, listed) if goes_ahead else iter(())
    ready: dict[bytes, bytes] = {}  # what was signed after the listed folders were handed over
    count, is_handed_over = 0, not goes_ahead
    while True:
        while count < _MOST_AHEAD and not questions.poll(0):
            step = next(ahead, None)
            if step is None:
                if not is_handed_over:  # before it is asked for: most of it fits into the pipe
                    send(1, marshal.dumps(listed))
                    is_handed_over = True
                break
            count += 1
            if is_handed_over:
                listed.clear()
                folder, names, signed = step
                ready[encode_question(folder, names)] = _encode_answer(signed)
        question = receive(0)
        if question is None:
            return
        if question == HAND_OVER:
            if not is_handed_over:
                send(1, marshal.dumps(listed))
                count, is_handed_over = 0, True
        elif question in ready:
            send(1, ready.pop(question))
            count -= 1
        else:
            send(1, _answer(root, question))


if __name__ == "__main__":
    main(sys.argv[1], goes_ahead=len(sys.argv) > 2)
