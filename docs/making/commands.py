"""Makes docs/reference/commands.md and the man page from the commands as click knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from mlwf_tui import __version__
from mlwf_tui.cli.face import EXIT_CODES, list_declared, split_help
from mlwf_tui.cli.main import mlwf

SHARED: Final = ("home", "is_json", "help")  # told once
ENVIRONMENT: Final = {
    "MLWF_HOME": "The home, where --home is not given; else your user data folder.",
    "MLWF_RUN": "The run that `mlwf run add-input` and its neighbours speak of, where --run is not given.",
    "MLWF_TRACKING": "`off` turns off what the SDK tells of a program.",
    "MLWF_ASCII": "1 is for terminals without our signs.",
    "MLWF_PICTURES": "kitty, sixel or blocks: how pictures are drawn, whatever the terminal is called.",
    "MLWF_PLAIN_OUTPUT": "1 sends whole regions to the terminal instead of the cells that change.",
    "TEXTUAL_FPS": "How often the app draws in a second, at most; 60, and 20 over SSH.",
    "MLWF_DEBUG": "1 shows where mlwf itself has failed.",
    "NO_COLOR": "Anything turns colours off; without a terminal there are none.",
}


def iter_commands() -> Iterator[tuple[str, click.Command]]:
    """Yield all commands by name, `run start` for one of a group, in alphabetical order."""
    context = click.Context(mlwf)
    for name in sorted(mlwf.list_commands(context)):
        found = mlwf.get_command(context, name)
        if isinstance(found, click.Group):
            yield from ((f"{name} {inner}", command) for inner, command in sorted(found.commands.items()))
        elif found is not None:
            yield name, found


def make_commands() -> str:
    """Return the reference of all commands as Markdown."""
    return "\n".join(_iter_markdown()) + "\n"


def _iter_markdown() -> Iterator[str]:
    yield "# Commands\n\nMade from the code by `python -m docs.making.make`.\n"
    yield "Every command takes `--json` (one JSON document on stdout, nothing else), `--home DIR`, `--help`."
    for name, command in iter_commands():
        prose, examples = split_help(command)
        yield f"\n## mlwf {name}\n\n```text\n{_write_usage(name, command)}\n```\n\n{prose}"
        rows = list(_iter_options(command))
        if rows:
            yield "\n| option | what it does |\n|---|---|"
            yield from (f"| `{_escape(option)}` | {_escape(text)} |" for option, text in rows)
        if declared := list_declared(command):
            yield "\n| parameter (`-p`) | what it means |\n|---|---|"
            yield from (f"| `{one.name}` | {_escape(one.meaning)} |" for one in declared)
        if examples:
            yield "\n```bash\n" + "\n".join(examples) + "\n```"


def _write_usage(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"mlwf {name}")
    return " ".join([context.command_path, *command.collect_usage_pieces(context)])


def _iter_options(command: click.Command) -> Iterator[tuple[str, str]]:
    context = click.Context(command)
    for parameter in command.params:
        record = None if parameter.name in SHARED else parameter.get_help_record(context)
        if record is not None and not isinstance(parameter, click.Argument):  # which has no help
            yield record


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def make_exit_codes() -> str:
    """Return the reference of exit codes and of what is read from the environment, as Markdown."""
    lines = ["# Exit codes and environment", "", "Made from the code by `python -m docs.making.make`.", ""]
    lines += [
        "| code | meaning |",
        "|---|---|",
        *(f"| {code} | {text} |" for code, text in EXIT_CODES.items()),
    ]
    lines += ["", "| variable | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {text} |" for name, text in ENVIRONMENT.items()]
    return "\n".join(lines) + "\n"


def make_man_page() -> str:
    """Return mlwf(1) as roff."""
    return "\n".join(_iter_roff()) + "\n"


def _iter_roff() -> Iterator[str]:
    yield f'.TH MLWF 1 "" "mlwf {__version__}" "User Commands"'
    yield ".SH NAME\nmlwf \\- the computer\\-vision MLOps workflow in the terminal"
    yield ".SH SYNOPSIS\n.B mlwf"
    yield "[\\fB\\-\\-home\\fR DIR] [\\fB\\-\\-json\\fR]"
    yield "[\\fICOMMAND\\fR [\\fIARGUMENTS\\fR]]"
    yield ".SH DESCRIPTION"
    yield _roff(
        "Without a command it opens the app. PROJECT@N names a version, PROJECT its present head; models, "
        "reports and runs go by name, id or any unique prefix of an id. Every command takes --json, --home "
        "and --help."
    )
    yield ".SH COMMANDS"
    for name, command in iter_commands():
        prose, examples = split_help(command)
        yield f".SS {_roff(_write_usage(name, command))}"
        yield "\n.PP\n".join(_roff(" ".join(part.split())) for part in prose.split("\n\n"))
        for option, text in _iter_options(command):
            yield f".TP\n.B {_roff(option)}\n{_roff(' '.join(text.split()))}"
        for one in list_declared(command):
            yield f".TP\n.B \\-p {_roff(one.name)}=\\fIVALUE\\fR\n{_roff(one.meaning)}"
        if examples:
            yield ".PP\n.nf\n.RS\n" + "\n".join(_roff(line) for line in examples) + "\n.RE\n.fi"
    yield ".SH EXIT STATUS"
    yield from (f".TP\n.B {code}\n{_roff(text)}" for code, text in EXIT_CODES.items())
    yield ".SH ENVIRONMENT"
    yield from (f".TP\n.B {name}\n{_roff(text)}" for name, text in ENVIRONMENT.items())


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped
