"""What the processes of a training on several devices and the one that watches them tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.plugins.trainers.ultralytics.params import TrainParams
from mlwf_tui.protocols.trainers import FitRequest, FitResult

ANSWERS = {"go on": b"0", "pause": b"1", "pause at once": b"2", "stop": b"3"}
"""What may be answered to an Ask. Of the answers of several processes the largest would count."""


class Went(msgspec.Struct, tag="progress"):
    """How far it has come."""

    step: int
    total: int | None
    message: str


class Measured(msgspec.Struct, tag="metric"):
    """One value; None where it is not finite."""

    key: str
    value: float | None
    step: int


class Ask(msgspec.Struct, tag="ask"):
    """Have written what was told so far, and say whether it is to go on: one of `ANSWERS`."""


class Finished(msgspec.Struct, tag="finished"):
    """The training is over."""

    result: FitResult


class LetGo(msgspec.Struct, tag="let_go"):
    """It has paused, with its checkpoint."""

    message: str


Message = Went | Measured | Ask | Finished | LetGo


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What a process has failed with."""

    rank: int
    at: float  # seconds since the epoch
    kind: str
    message: str
    hint: str = ""


class Killed(msgspec.Struct, frozen=True, kw_only=True):
    """A process that did not end by itself, as torchrun saw it."""

    rank: int
    at: float
    exit_code: int
    signal: str = ""


def find_folder(folder: Path) -> Path:
    """Return where the processes of a fit in `folder` keep what is between them."""
    return folder / "processes"


def encode(message: Message) -> bytes:
    return msgspec.json.encode(message, enc_hook=str) + b"\n"  # a path is text


def decode(line: bytes) -> Message:
    message: Message = msgspec.json.decode(line, type=Message, dec_hook=_make)
    return message


def write_request(folder: Path, request: FitRequest, params: Mapping[str, Any]) -> None:
    """Write what each process is to do."""
    plain = msgspec.to_builtins(msgspec.structs.replace(request, params=dict(params)), enc_hook=str)
    (folder / "request.json").write_bytes(msgspec.json.encode(plain))


def read_request(folder: Path) -> FitRequest:
    """Return what is to be done."""
    text = (folder / "request.json").read_bytes()
    request = msgspec.json.decode(text, type=FitRequest, dec_hook=_make)
    return msgspec.structs.replace(request, params=TrainParams(**request.params))


def write_failure(folder: Path, failure: Failure) -> None:
    (folder / f"failure-{failure.rank}.json").write_bytes(msgspec.json.encode(failure))


def read_failures(folder: Path) -> list[Failure]:
    """Return what the processes have failed with, the first one first."""
    found = [msgspec.json.decode(path.read_bytes(), type=Failure) for path in folder.glob("failure-*.json")]
    return sorted(found, key=lambda failure: failure.at)


def write_killed(folder: Path, killed: list[Killed]) -> None:
    (folder / "killed.json").write_bytes(msgspec.json.encode(killed))


def read_killed(folder: Path) -> list[Killed]:
    """Return the processes that were ended, the first one first."""
    path = folder / "killed.json"
    found = msgspec.json.decode(path.read_bytes(), type=list[Killed]) if path.exists() else []
    return sorted(found, key=lambda killed: killed.at)


def _make(wanted: type[Any], value: Any) -> Any:
    return wanted(value)
