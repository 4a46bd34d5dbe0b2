"""Runs a session's event loop within a worker: answers until it is asked to stop, then finishes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

from mlwf_tui.errors import Cancelled
from mlwf_tui.workflow.using.batching import Batcher
from mlwf_tui.workflow.using.session_guard import GuardedProtocol

CHECK_EVERY_S = 0.2
FINISH_WITHIN_S = 40.0  # what was begun; a stop by force comes after a minute


class _Server(uvicorn.Server):
    """Leaves the signals to the worker, which knows what a person has asked for."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def answer_until_stopped(
    app: Any,
    opened: socket.socket,
    batcher: Batcher,
    *,
    protocol: type[GuardedProtocol],
    check: Callable[[], None],
    tell: Callable[[], None],
) -> Cancelled | None:
    """Answer requests until `check` raises Cancelled, then finish what was begun and return that.

    `tell` is called now and again. None where the server has ended by itself.
    """
    return asyncio.run(_serve(app, opened, batcher, protocol, check, tell))


async def _serve(
    app: Any,
    opened: socket.socket,
    batcher: Batcher,
    protocol: type[GuardedProtocol],
    check: Callable[[], None],
    tell: Callable[[], None],
) -> Cancelled | None:
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        log_level="warning",
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=int(FINISH_WITHIN_S),
        log_config=None,
    )
    server = _Server(config)
    working = asyncio.create_task(batcher.run())
    serving = asyncio.create_task(server.serve(sockets=[opened]))
    reason: Cancelled | None = None
    try:
        while not serving.done():
            await asyncio.wait({serving, working}, timeout=CHECK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            tell()
            try:
                if reason is None:
                    check()
            except Cancelled as error:
                reason = error
                server.should_exit = True
            if working.done():
                server.should_exit = True
        await serving
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    return reason
