"""Hangs up on callers who keep a connection and neither send nor read: uvicorn itself waits for ever.

Its own time limit is for a connection that is idle between two requests. A head that comes a byte at a time,
the rest of a body that was refused already, or an answer that nobody takes, would hold a socket for as long
as somebody likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

Owed = Literal["", "head", "body", "rest"]
"""What a caller has still to send: nothing, a request's head, its body, or more of one that is answered."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a caller may take, each from when it is owed."""

    head_s: float = 10.0  # from the connection, or from a further request's first byte
    body_s: float = 60.0
    take_s: float = 60.0  # an answer, from when the system holds no more of it
    rest_s: float = 5.0  # of a body that nobody reads any more, and for taking an answer once we hang up

    def find_limit(self, owed: Owed) -> float:
        """Return the seconds for what is owed."""
        return {"head": self.head_s, "body": self.body_s, "rest": self.rest_s}[owed]


class GuardedProtocol(H11Protocol):
    """uvicorn's side of one connection, with an eye on the clock. Made by `guard`."""

    patience = Patience()
    on_dropped: Callable[[], None] = staticmethod(lambda: None)

    _owed: Owed = ""
    _limit: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """Take what has come, and look what is still owed."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Go on to what a caller has sent behind a request that is answered now."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """Begin to wait for the caller to take what is answered."""
        super().pause_writing()
        self._taking = self.loop.call_later(self.patience.take_s, self._abort)

    def resume_writing(self) -> None:
        """Take it that the caller reads."""
        self._stop_taking()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, also where its caller does not take the answer."""
        self._hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the clock."""
        self._watch("")
        self._stop_taking()
        super().connection_lost(exc)

    def _look(self) -> None:
        owed = "" if self.transport.is_closing() else self._find_owed()
        if owed != self._owed:
            self._watch(owed)

    def _find_owed(self) -> Owed:
        if self.conn.their_state is h11.SEND_BODY:
            return "body" if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE, h11.SEND_BODY) else "rest"
        if self.conn.their_state is h11.IDLE and (self.cycle is None or self.conn.trailing_data[0]):
            return "head"  # else it is idle between two requests, which uvicorn ends by itself
        return ""

    def _watch(self, owed: Owed) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._owed, self._limit = owed, None
        if owed:
            self._limit = self.loop.call_later(self.patience.find_limit(owed), self._drop)

    def _drop(self) -> None:
        self.on_dropped()
        if self._owed == "head" and self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            answer = h11.Response(status_code=408, headers=[("connection", "close"), ("content-length", "0")])
            self.transport.write(
                (self.conn.send(answer) or b"") + (self.conn.send(h11.EndOfMessage()) or b"")
            )
        self._hang_up()

    def _stop_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _abort(self) -> None:
        self.on_dropped()
        self.transport.abort()

    def _hang_up(self) -> None:
        self._stop_taking()
        if not self.transport.is_closing():
            self.transport.close()  # what was answered goes out first
            self.loop.call_later(self.patience.rest_s, self.transport.abort)


def guard(patience: Patience, on_dropped: Callable[[], None]) -> type[GuardedProtocol]:
    """Return the protocol of a server that is as patient as this; it says so of each caller it drops."""

    class Guarded(GuardedProtocol):
        pass

    Guarded.patience, Guarded.on_dropped = patience, staticmethod(on_dropped)
    return Guarded
