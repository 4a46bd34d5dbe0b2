"""How times, JSON and texts stand in a column; no tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import peewee as pw

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Text(pw.TextField):
    """Text for people. What is no Unicode (a file name of odd bytes) is kept escaped, never refused."""

    def db_value(self, value: str | None) -> str | None:
        return None if value is None else value.encode("utf-8", "backslashreplace").decode()


class Time(pw.BigIntegerField):
    """An aware datetime, kept as whole microseconds since the epoch, given back in UTC."""

    def db_value(self, value: datetime | None) -> int | None:
        return None if value is None else (value - EPOCH) // MICROSECOND

    def python_value(self, value: int | None) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Json(pw.TextField):
    """A JSON document as ASCII text, so that NaN and half surrogates survive the way there and back."""

    def db_value(self, value: Any) -> str | None:
        if value is None and self.null:
            return None
        return json.dumps(value, default=msgspec.to_builtins, separators=(",", ":"))

    def python_value(self, value: str | None) -> Any:
        return None if value is None else json.loads(value)
