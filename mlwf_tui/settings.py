"""Where the home is, who is asking, and what settings.toml says; read once at the edge, passed down."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.errors import InvalidInput, InvalidParameter, StorageFailed

_LEAST_ROOM_BYTES = 1 << 20
HOME_VARIABLE = "MLWF_HOME"
NOTIFY_WAYS = ("app", "bell", "osc9", "osc777")


def count_slots() -> int:
    """Return how many jobs run at once without a GPU where nothing was set: cores / 4, two at least."""
    return max(2, len(os.sched_getaffinity(0)) // 4)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may set; each field is a key of settings.toml."""

    author: str  # who is named in versions and runs; your login
    workspace: str = "default"  # where a project is looked for by its bare name
    theme: str = "mlwf-dark"  # of the app
    log_part_mb: int = 64  # of a run's log in one file; what is older goes into parts, 0 for never
    slots: int = msgspec.field(default_factory=count_slots)  # jobs without a GPU that run at once
    limits: Mapping[str, int] = {}  # jobs that run at once, by workspace
    gpu_leases: str = ""  # the folder of the machine's GPU leases; chosen where empty
    keys: Mapping[str, str] = {}  # keys of the app by the id of their action, for those that are remapped
    notify: tuple[str, ...] = NOTIFY_WAYS  # by what the app tells that a run has ended
    on_finish: tuple[str, ...] = ()  # a command, called when a queued run has ended
    on_finish_timeout_s: float = 60.0  # it is ended after so long
    benchmark_after_training: bool = True  # measure each new model, as a run of its own


def find_home(given: Path | None, environment: Mapping[str, str]) -> Path:
    """Return the home to use: the one given, else MLWF_HOME, else the platform's user data folder."""
    if given is not None:
        return expand_path(given)
    if environment.get(HOME_VARIABLE):
        return expand_path(Path(environment[HOME_VARIABLE]))
    from platformdirs import user_data_path  # 20 ms that most calls do not need

    return user_data_path("mlwf", appauthor=False)


def expand_path(path: Path) -> Path:
    """Return a path that a person gave as an absolute one.

    Raises:
        InvalidParameter: it begins with the ~ of a user that does not exist, or is too long.
    """
    try:
        absolute = path.expanduser().absolute()
        absolute.exists()  # asks the system, which refuses what is too long
    except PermissionError:
        return absolute
    except (RuntimeError, OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidParameter(
            f"The path {str(path)[:80]} cannot be used: {reason}.", hint="Check it."
        ) from error
    return absolute


def prepare_home(home: Path, *, may_be_read_only: bool = False) -> bool:
    """Make the home with mode 0700 where it is missing, and return whether it can be written.

    Raises:
        StorageFailed: it cannot be made, is not a folder, belongs to another user, or cannot be written
            and `may_be_read_only` is not set.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = home.stat().st_uid
    except OSError as error:
        raise StorageFailed(
            f"The home {home} cannot be opened: {error.strerror or error}.",
            hint=f"Choose another with --home or {HOME_VARIABLE}.",
        ) from error
    if owner != os.geteuid():
        raise StorageFailed(
            f"The home {home} belongs to another user.",
            hint=f"Choose your own with --home or {HOME_VARIABLE}.",
        )
    is_mounted_read_only = bool(os.statvfs(home).f_flag & os.ST_RDONLY)
    is_writable = not is_mounted_read_only and os.access(home, os.W_OK | os.X_OK)
    if is_writable or may_be_read_only:
        return is_writable
    if is_mounted_read_only:
        raise StorageFailed(
            f"The home {home} lies on a file system that is mounted read-only.",
            hint=f"Mount it for writing, or choose another home with --home or {HOME_VARIABLE}.",
        )
    raise StorageFailed(f"The home {home} cannot be written.", hint=f"Check its mode: chmod 700 {home}")


def is_disk_full(folder: Path) -> bool:
    """Say whether a disk has no room for what SQLite puts beside a database, which it calls an I/O error."""
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _LEAST_ROOM_BYTES


def read_settings(home: Path) -> Settings:
    """Return the settings of a home, defaults where settings.toml is silent or missing.

    Raises:
        InvalidInput: settings.toml is no TOML, or has a key or a type that is not known.
    """
    path = home / "settings.toml"
    checked = {key: _check_setting(path, key, value) for key, value in _read_toml(path).items()}
    return Settings(**{"author": _find_author(), **checked})


def _check_setting(path: Path, key: str, value: Any) -> Any:
    match key, value:
        case (("author" | "workspace" | "theme" | "gpu_leases"), str()):
            return value
        case "log_part_mb", int() if value >= 0 and not isinstance(value, bool):
            return value
        case "slots", int() if value > 0 and not isinstance(value, bool):
            return value
        case "benchmark_after_training", bool():
            return value
        case "notify", [*ways] if all(way in NOTIFY_WAYS for way in ways):
            return tuple(ways)
        case "on_finish_timeout_s", int() | float() if value > 0:
            return float(value)
        case "on_finish", str() if value.count('"') % 2 == 0 and value.count("'") % 2 == 0:
            import shlex  # 2 ms that most starts can do without

            return tuple(shlex.split(value))
        case "on_finish", [*words] if all(isinstance(word, str) for word in words):
            return tuple(words)
        case "keys", {**keys} if all(isinstance(key, str) for key in keys.values()):
            return keys
        case "limits", {**limits} if all(isinstance(most, int) and most > 0 for most in limits.values()):
            return limits
    known = ", ".join(name for name in Settings.__struct_fields__)
    raise InvalidInput(
        f"{path} has {key} = {value!r}, which is not a setting.",
        hint=f"There are: {known}; see docs/format.md.",
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        if not path.exists():
            return {}
        import tomllib  # 3 ms that a home without settings can do without

        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:  # bad TOML and bad UTF-8 are ValueErrors
        raise InvalidInput(f"{path} cannot be read: {error}.", hint="Mend or remove it.") from error


def _find_author() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.geteuid())  # a container may run under a uid without a name
