"""Where the home is, who is asking, and what settings.toml says; read once at the edge, passed down."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.errors import InvalidInput, InvalidParameter, StorageFailed

HOME_VARIABLE = "MLWF_HOME"

SETTING_KINDS: Mapping[str, type] = {"author": str, "log_part_mb": int, "theme": str, "workspace": str}
WORDS: Mapping[type, str] = {str: "a text", int: "a whole number"}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may set; each field is a key of settings.toml."""

    author: str
    workspace: str = "default"
    theme: str = "mlwf-dark"
    log_part_mb: int = 64  # of a run's log in one file; what is older goes into parts, 0 for never


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


def prepare_home(home: Path) -> None:
    """Make the home with mode 0700 where it is missing.

    Raises:
        StorageFailed: it cannot be made, is not a folder, belongs to another user, or is read-only.
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
    if not os.access(home, os.W_OK | os.X_OK):
        raise StorageFailed(f"The home {home} cannot be written.", hint=f"Check its mode: chmod 700 {home}")


def read_settings(home: Path) -> Settings:
    """Return the settings of a home, defaults where settings.toml is silent or missing.

    Raises:
        InvalidInput: settings.toml is no TOML, or has a key or a type that is not known.
    """
    path = home / "settings.toml"
    values = _read_toml(path)
    for key, value in values.items():
        kind = SETTING_KINDS.get(key)
        if kind is None or type(value) is not kind or (isinstance(value, int) and value < 0):
            known = ", ".join(f"{name} ({WORDS[kind]})" for name, kind in SETTING_KINDS.items())
            raise InvalidInput(
                f"{path} has {key} = {value!r}, which is not a setting.", hint=f"Settings are {known}."
            )
    return Settings(**{"author": _find_author(), **values})


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
