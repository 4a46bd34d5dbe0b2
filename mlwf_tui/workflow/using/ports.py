"""Opens the port of a session, and keeps of its token what nobody can use; needs no web framework."""

from __future__ import annotations

import errno
import hashlib
import ipaddress
import socket

from mlwf_tui.errors import Conflict, InvalidParameter

_BACKLOG = 1024


def open_port(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        Conflict: another program listens there.
        InvalidParameter: this machine has no such address, or the port is not for everybody.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, OverflowError, UnicodeError) as error:
        raise InvalidParameter(
            f"There is no address {host!r}.", hint="Give 127.0.0.1, or 0.0.0.0."
        ) from error
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        opened.close()
        raise _describe_refusal(host, port, error) from error
    return opened


def _describe_refusal(host: str, port: int, error: Exception) -> Conflict | InvalidParameter:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return Conflict(
            f"The port {port} of {host} is in use.", hint="Give another, or --port 0 for a free one."
        )
    if number == errno.EACCES:
        return InvalidParameter(f"The port {port} is not ours to take.", hint="Give one above 1023.")
    return InvalidParameter(f"{host}:{port} cannot be listened on: {error}.", hint="Give 127.0.0.1.")


def digest_token(token: str) -> str:
    """Return what is kept of a token: nobody who reads the home can use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_loopback_address(text: str) -> bool:
    """Whether a text is an address, and no name, that only programs of this machine reach."""
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False
