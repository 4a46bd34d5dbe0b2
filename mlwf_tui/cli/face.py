"""What every command shares: its options, the opened home, and how results and errors are shown."""

from __future__ import annotations

import functools
import inspect
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
import msgspec

from mlwf_tui.errors import Busy, Cancelled, Conflict, InvalidParameter, MlwfError, NotFound
from mlwf_tui.settings import find_home

if TYPE_CHECKING:  # for the annotation alone; see Face.open
    from mlwf_tui.cli.declared import Declared
    from mlwf_tui.workflow.importing.signing_process import SigningProcess
    from mlwf_tui.workspace import Workspace

SEED = click.IntRange(0, 2**31 - 1)  # what every library takes

_ACTING = re.compile(r"\x1b(?!\[[\d;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_BELOW_0 = re.compile(r"-(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|-inf|-nan", re.IGNORECASE)
DONE, FAILED, USAGE, PARTLY, NOT_FOUND, CONFLICT, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
EXIT_CODES = {
    DONE: "Done.",
    FAILED: "Failed; or what was asked about is not so: check, verify, doctor, lint, reproduce, --fail-if.",
    USAGE: "A word, option or parameter that cannot be used; nothing was begun.",
    PARTLY: "Done, but something was left out, and is listed.",
    NOT_FOUND: "What was named is not there.",
    CONFLICT: "A name is taken, somebody was faster, a merge has conflicts, or what is needed is held.",
    INTERRUPTED: "Stopped on request.",
}


class Face:
    """One call of the command line."""

    def __init__(self, *, home: Path | None, is_json: bool, ahead: SigningProcess | None = None) -> None:
        self.home = find_home(home, os.environ)
        self.is_json = is_json
        self.ahead = ahead  # looks through the folder that the command may be about

    @contextmanager
    def open(self) -> Iterator[Workspace]:
        """Open the home for as long as the command needs it, also one that can only be read."""
        from mlwf_tui.workspace import open_workspace  # 130 ms that --help and usage errors do without

        with open_workspace(self.home, may_be_read_only=True) as workspace:
            yield workspace

    def show(self, document: Mapping[str, Any], text: str | Callable[[], str]) -> None:
        """Print the result: one JSON document, or text for a person."""
        if self.is_json:
            plain = without_nan(document)
            click.echo(json.dumps(plain, default=to_plain, ensure_ascii=False, allow_nan=False))
        else:
            click.echo(make_safe(text() if callable(text) else text))


def make_safe(text: str) -> str:
    """Return a text without what would act on a terminal, but for colours: paths may hold anything."""
    return _ACTING.sub("", text)


class Command(click.Command):
    """A command that takes numbers below 0; its help ends with its docstring's examples, behind \\b."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take -0.5 for a number, where the library sees options of one letter."""
        ctx.ignore_unknown_options = any(_BELOW_0.fullmatch(word) for word in args)
        return super().parse_args(ctx, args)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does, without its examples."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(split_help(self)[0])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and the parameters that `-p` takes."""
        super().format_options(ctx, formatter)
        if declared := list_declared(self):
            with formatter.section("Parameters, each as -p KEY=VALUE"):
                formatter.write_dl([(one.name, one.meaning) for one in declared])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, line by line as they are."""
        examples = split_help(self)[1]
        if examples:
            with formatter.section("Examples"):
                formatter.write("".join(f"{'':{formatter.current_indent}}{line}\n" for line in examples))


class NumberRange(click.FloatRange):
    """A number in a range; the library's lets nan through, which is neither below nor above one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or fail as the library does."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


def split_help(command: click.Command) -> tuple[str, list[str]]:
    """Return a command's help without its examples, and the examples as lines."""
    prose, _, examples = inspect.cleandoc(command.help or "").partition("\b\n")
    return prose.strip(), [line.rstrip() for line in examples.splitlines() if line.strip()]


def list_declared(command: click.Command) -> tuple[Declared, ...]:
    """Return the parameters that are the same however a command is called."""
    from mlwf_tui.cli.declared import read_declared  # only for help

    takes_params = any(parameter.name == "params" for parameter in command.params)
    return read_declared(command.name or "") if takes_params else ()


def command(group: click.Group, name: str) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a function a command of `group`, with --home and --json; it gets a Face first.

    The function returns its exit code, or None for done.
    """

    def decorate(function: Callable[..., int | None]) -> click.Command:
        @functools.wraps(function)
        def run(*args: Any, home: Path | None, is_json: bool, **kwargs: Any) -> int:
            context = click.get_current_context()
            for outer in _iter_outer(context):
                home, is_json = (
                    home or outer.params.get("home"),
                    is_json or outer.params.get("is_json", False),
                )
            face = Face(home=home, is_json=is_json, ahead=context.find_root().obj)
            return function(face, *args, **kwargs) or DONE

        short_help = (function.__doc__ or "").split("\n")[0].rstrip(".")
        return group.command(name, cls=Command, short_help=short_help)(home_option(json_option(run)))

    return decorate


def _iter_outer(context: click.Context) -> Iterator[click.Context]:
    """Yield the groups that a command was called by, the innermost first."""
    while context.parent is not None:
        context = context.parent
        yield context


def home_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --home."""
    return click.option(
        "--home",
        type=click.Path(path_type=Path),
        help="The home folder; else MLWF_HOME, else your data folder.",
    )(function)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --json."""
    return click.option("--json", "is_json", is_flag=True, help="Print one JSON document, and nothing else.")(
        function
    )


def to_document(value: Any) -> dict[str, Any]:
    """Return the fields of a result or an entity by name; what is nested stays as it is."""
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.asdict(value)
    return {field.name: getattr(value, field.name) for field in fields(value)}


def to_plain(value: Any) -> Any:
    """Turn what JSON does not know into what it does: times as ISO 8601 UTC, entities as objects."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, msgspec.Struct) or is_dataclass(value):
        return to_document(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def without_nan(value: Any) -> Any:
    """Return the value with null for numbers that JSON cannot hold."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, msgspec.Struct) or is_dataclass(value):
        value = to_document(value)
    if isinstance(value, Mapping):
        return {key: without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(entry) for entry in value]
    return value


def report_error(error: MlwfError, *, is_json: bool) -> int:
    """Show an error as one sentence and one hint, and return the exit code it means.

    Where nobody can read it any more, the exit code alone says it.
    """
    if is_json:
        said = {"kind": error.kind, "message": error.message, "hint": error.hint}
        document = {"error": {**said, **error.details}}
        try:
            click.echo(json.dumps(document, ensure_ascii=False))
        except OSError:
            discard(sys.stdout)
    lines = [click.style("error: ", fg="red", bold=True) + make_safe(error.message)]
    if error.hint:
        lines.append(click.style("hint:  ", fg="cyan") + make_safe(error.hint))
    try:
        click.echo("\n".join(lines), err=True, color=sys.stderr.isatty() and "NO_COLOR" not in os.environ)
    except OSError:
        discard(sys.stderr)
    return exit_code_of(error)


def discard(stream: TextIO) -> None:
    """Let what is left for a broken output go nowhere, or Python fails on it once more as it leaves."""
    with suppress(OSError, ValueError):  # it is no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def exit_code_of(error: MlwfError) -> int:
    """Return the documented exit code of an error."""
    match error:
        case InvalidParameter():
            return USAGE
        case NotFound():
            return NOT_FOUND
        case Conflict() | Busy():
            return CONFLICT
        case Cancelled():
            return INTERRUPTED
        case _:
            return FAILED


def read_assignments(context: click.Context, option: click.Parameter, words: Sequence[str]) -> dict[str, str]:
    """Turn repeated -p key=value into a mapping; a click callback."""
    from mlwf_tui.params import parse_assignments  # only commands with -p need it

    return parse_assignments(words)


def read_duration(context: click.Context, option: click.Parameter, word: str) -> float:
    """Return a time as `7d`, `12h`, `30m`, `90s` or plain seconds in seconds; a click callback."""
    from mlwf_tui.entities import queue  # only commands with a time need it

    return queue.read_duration(word)


def params_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add -p key=value, given as the mapping `params`."""
    return click.option(
        "-p", "--param", "params", multiple=True, metavar="KEY=VALUE", callback=read_assignments,
        help="A parameter; may be repeated.",
    )(function)  # fmt: skip
