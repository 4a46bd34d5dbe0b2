"""The group of all commands, and the boundary where every error becomes a sentence and an exit code."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlwf_tui import __version__
from mlwf_tui.cli.face import FAILED, Face, discard, home_option, json_option, list_declared, report_error
from mlwf_tui.errors import Cancelled, InvalidParameter, MlwfError, StorageFailed, suggest

# Where each command lives; a module is imported only when one of its commands is called.
COMMANDS = {
    "mlwf_tui.cli.data": ("import", "export"),
    "mlwf_tui.cli.show": ("projects", "show"),
    "mlwf_tui.cli.transform": ("operations", "transform"),
    "mlwf_tui.cli.pipeline": ("pipeline",),
    "mlwf_tui.cli.versions": (
        "commit", "versions", "restore", "undo", "redo", "copy", "branch", "merge", "tag", "untag",
    ),
    "mlwf_tui.cli.names": ("describe", "rename", "delete", "undelete", "history"),
    "mlwf_tui.cli.diff": ("diff",),
    "mlwf_tui.cli.checkout": ("checkout", "status", "sync"),
    "mlwf_tui.cli.train": ("train",),
    "mlwf_tui.cli.models": ("benchmark", "apply"),
    "mlwf_tui.cli.report": ("report",),
    "mlwf_tui.cli.experiments": ("models", "star"),
    "mlwf_tui.cli.leaderboard": ("leaderboard",),
    "mlwf_tui.cli.deploy": ("package", "serve"),
    "mlwf_tui.cli.reports": ("compare",),
    "mlwf_tui.cli.search": ("search",),
    "mlwf_tui.cli.runs": ("runs", "logs", "watch", "stop"),
    "mlwf_tui.cli.lineage": ("graph", "trace", "hide", "unhide", "reproduce"),
    "mlwf_tui.cli.run": ("run",),
    "mlwf_tui.cli.lint": ("lint",),
    "mlwf_tui.cli.queue": ("queue", "pause", "resume", "retry"),
    "mlwf_tui.cli.curves": ("metrics",),
    "mlwf_tui.cli.care": ("verify", "collect", "backup", "stats"),
    "mlwf_tui.cli.check": ("check",),
    "mlwf_tui.cli.doctor": ("doctor",),
    "mlwf_tui.cli.machine": ("machine",),
    "mlwf_tui.cli.home": ("demo",),
    "mlwf_tui.cli.completion": ("completion",),
}  # fmt: skip


if TYPE_CHECKING:  # for the annotation alone
    from mlwf_tui.workflow.importing.signing_process import SigningProcess

FPS_VARIABLE, REMOTE_FPS = "TEXTUAL_FPS", "20"


ELSEWHERE = {
    "add": "import", "clone": "copy", "fit": "train", "get": "checkout", "infer": "apply",
    "list": "projects", "log": "history", "ls": "projects", "mv": "rename", "predict": "apply",
    "ps": "runs", "push": "backup", "pull": "sync", "recover": "undelete", "remove": "delete",
    "repro": "reproduce", "reset": "restore", "rm": "delete", "top": "machine", "track": "run",
    "val": "benchmark", "validate": "benchmark",
}  # fmt: skip
"""What other programs' words are here: shells, git, DVC and the ultralytics command line."""
EXPLAINED = {
    "init": "A home is made by the first command that needs one: begin with mlwf import. ",
    "revert": "You may mean mlwf restore, or mlwf undo of what was done last. ",
    "version": "mlwf --version tells the program's, and mlwf versions those of a project. ",
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in COMMANDS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for module, names in COMMANDS.items():
            if cmd_name in names:
                group: click.Group = importlib.import_module(module).group
                return group.get_command(ctx, cmd_name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; the nearest one is named where there is none."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            meant = ELSEWHERE.get(args[0])
            near = f"You may mean mlwf {meant}. " if meant else suggest(args[0], self.list_commands(ctx))
            near = EXPLAINED.get(args[0], near)
            raise InvalidParameter(f"There is no command {args[0]!r}.", hint=f"{near}mlwf --help lists all.")
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="mlwf", message="%(prog)s, version %(version)s")
@home_option
@json_option
@click.pass_context
def mlwf(context: click.Context, home: Path | None, is_json: bool) -> int | None:
    """The computer-vision MLOps workflow in the terminal.

    Without a command it opens the app. `mlwf demo` shows the whole workflow on a sample project.
    """
    if context.invoked_subcommand is not None:
        return None
    if is_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidParameter(
            "The app needs a terminal.", hint="Give a command instead; mlwf --help lists them."
        )
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise InvalidParameter(
            "This terminal cannot place a cursor: TERM is empty or dumb.",
            hint="Where it can, name it (TERM=xterm-256color mlwf); the commands work here: mlwf --help.",
        )
    spare_link(os.environ)  # before textual is imported, which reads it then
    from mlwf_tui.tui.app import run_app  # textual costs 200 ms that no command needs

    return run_app(Face(home=home, is_json=False).home)


def spare_link(environment: MutableMapping[str, str]) -> None:
    """Draw no more often than is worth sending where the terminal is at the other end of SSH.

    Whoever has set how often, has it.
    """
    from mlwf_tui.workflow.terminal import is_remote

    if is_remote(environment):
        environment.setdefault(FPS_VARIABLE, REMOTE_FPS)


def main(arguments: Sequence[str] | None = None, ahead: SigningProcess | None = None) -> int:
    """Run one command and return its exit code; no traceback ever reaches the person.

    What goes `ahead` looks through the folder that the command may be about.
    """
    _open_missing()
    if shell := os.environ.get("_MLWF_COMPLETE"):
        return _complete(shell)
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_json = _asks_for_json(words)
    try:
        _check_encoding()
        code = mlwf.main(args=words, prog_name="mlwf", standalone_mode=False, obj=ahead)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except MlwfError as error:
        return report_error(error, is_json=is_json)
    except click.UsageError as error:
        return report_error(_explain_usage(error), is_json=is_json)
    except (KeyboardInterrupt, click.Abort):
        stopped = Cancelled(
            "Stopped on request.", hint="What was done before is kept; run it again to go on."
        )
        return report_error(stopped, is_json=is_json)
    except OSError as error:
        return _report_broken_output(error, is_json=is_json)
    except Exception as error:  # one of the three places where everything is caught
        return _report_defect(error, is_json=is_json)


def _check_encoding() -> None:
    """Refuse to work where Python was told to take file names for something else than UTF-8."""
    encoding = sys.getfilesystemencoding()
    if encoding.lower() != "utf-8":
        raise InvalidParameter(
            f"Python takes file names for {encoding} here, and mlwf needs UTF-8.",
            hint="Run it with PYTHONUTF8=1, or set LC_ALL=C.UTF-8.",
        )


def _open_missing() -> None:
    """Give a process whose outputs were closed, as by `>&-`, others, so that no file takes their place.

    What is written to such a stdout fails, as to a full disk; what stderr gets goes nowhere.
    """
    for name, mode, access in (
        ("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY),
    ):  # fmt: skip
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, access)
            setattr(sys, name, open(descriptor, mode))  # noqa: PTH123, SIM115 - open for as long as the process


def _explain_usage(error: click.UsageError) -> InvalidParameter:
    """Return what is wrong with a command's words, also of a parameter that was given as an option."""
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        from difflib import get_close_matches  # 2 ms that only a mistake is worth

        name = error.option_name.lstrip("-").replace("-", "_")
        bare = {option.lstrip("-").replace("-", "_"): option for option in error.possibilities or ()}
        likely = [bare[like] for like in get_close_matches(name, bare)]  # by more than their dashes
        if any(one.name == name for one in list_declared(error.ctx.command)):
            return InvalidParameter(
                f"{error.option_name} is a parameter, no option.", hint=f"Give it as -p {name}=VALUE."
            )
        error = click.NoSuchOption(error.option_name, possibilities=likely, ctx=error.ctx)
    hint = f"{error.ctx.command_path} --help shows how." if error.ctx else "mlwf --help shows how."
    return InvalidParameter(error.format_message(), hint=hint)


def _complete(shell: str) -> int:
    """Tell a shell what the word at its cursor may become; whatever fails, it is told nothing."""
    from mlwf_tui.cli import completion  # only a shell that completes needs it

    with suppress(Exception):
        for name in mlwf.list_commands(click.Context(mlwf)):
            if f" {name} " in os.environ.get("COMP_TEXT", ""):
                found = mlwf.get_command(click.Context(mlwf), name)
                if found is not None:
                    completion.attach(found, name)
        click.echo(completion.answer(mlwf, shell, os.environ))
    return 0


def _report_broken_output(error: OSError, *, is_json: bool) -> int:
    """The reader left, or the output is full: say so on stderr, and do not fail again while leaving."""
    if error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EBADF):
        return _report_defect(error, is_json=is_json)
    discard(sys.stdout)
    if error.errno != errno.EPIPE:
        failure = StorageFailed(
            f"The output cannot be written: {error.strerror}.", hint="Write it elsewhere."
        )
        report_error(failure, is_json=False)
    return FAILED


def _asks_for_json(words: Sequence[str]) -> bool:
    return "--json" in words or ("--format", "json") in pairwise(words)


def _report_defect(error: Exception, *, is_json: bool) -> int:
    if os.environ.get("MLWF_DEBUG"):
        import traceback  # reads the source, which nobody else needs

        traceback.print_exc()
    described = MlwfError(
        f"mlwf itself failed: {type(error).__name__}: {error}.",
        hint="Nothing that was committed is lost. MLWF_DEBUG=1 shows where; please report it.",
    )
    return report_error(described, is_json=is_json)
