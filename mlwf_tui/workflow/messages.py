"""What a process and its hands say to each other over two pipes; not a verb.

A hand takes messages on its standard input and answers each on its standard output: first what its role has
to know, then its work, last an empty farewell, whose answer says that all is durable. Its first answer comes
unasked and is its pid.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

import msgspec

_LENGTH = struct.Struct("<I")

Work = Callable[[bytes], bytes]
"""Does one message's work and returns the answer."""
Role = Callable[[Path, bytes], AbstractContextManager[Work]]
"""What a hand can be: opened with the home and the setup; left normally, it makes its work durable."""


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """What a hand says to each message: its work's answer, or what went wrong."""

    body: bytes = b""
    error: str = ""
    hint: str = ""

    def encode(self) -> bytes:
        return _encoder.encode(self)

    @staticmethod
    def decode(message: bytes) -> Answer:
        return _answer_decoder.decode(message)


_encoder = msgspec.msgpack.Encoder()
_answer_decoder = msgspec.msgpack.Decoder(Answer)


def send(pipe: IO[bytes], message: bytes) -> None:
    """Send a message at once.

    Raises:
        OSError: nobody is there to read it.
    """
    pipe.write(_LENGTH.pack(len(message)) + message)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes | None:
    """Return the next message, None where the pipe has ended."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    message = pipe.read(size)
    return message if len(message) == size else None
