"""What a look at the machine and the home has found; nothing here looks."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Health(StrEnum):
    """How one thing stands; the worst of all is how the whole stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at: how it stands, what was found, and what to do about it."""

    name: str
    health: Health
    found: str
    hint: str = ""
