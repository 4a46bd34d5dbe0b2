"""Completion in bash, zsh and fish: their scripts, and the answer to what a script asks.

A script hands the line up to the cursor to `mlwf` and gets a candidate a line, with a few words about it
behind a tab; `:file` asks the shell for paths. Whatever goes wrong here is silence: a person is typing.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from mlwf_tui.cli.face import Face, command
from mlwf_tui.settings import find_home

if TYPE_CHECKING:  # for the annotations alone: --help looks at all commands, and opens no catalog
    from mlwf_tui.workflow.completion import Kind

group = click.Group()
PLAIN = re.compile(r"[\w@%+=:,./~-]*")
"""A word that a shell takes as it stands; what has other signs is quoted, so that nothing in it is run."""
VARIABLE = "_MLWF_COMPLETE"  # names the shell; set by its script alone
SHELLS = ("bash", "zsh", "fish")

KINDS: Mapping[str, Kind] = {
    "project": "project", "to": "project", "run": "run", "runs": "run", "after": "run", "against": "run",
    "continued": "run", "model": "model", "models": "model", "operation": "operation", "ref": "data",
    "refs": "data", "on": "data", "before": "thing", "others": "thing",
}  # fmt: skip
"""What an argument or option of a name asks for, in every command that is not named below."""
THINGS = (
    "show", "describe", "rename", "delete", "history", "graph", "trace", "hide", "unhide", "tag", "untag",
)  # fmt: skip
KINDS_OF: Mapping[str, Mapping[str, Kind]] = {
    "import": {"format_": "importer"}, "export": {"format_": "exporter"}, "operations": {"name": "operation"},
    "train": {"model": "start"}, "search": {"model": "start"}, "report": {"ref": "report"},
    "diff": {"after": "thing"}, "undelete": {"ref": "deleted"},
    **{name: {"ref": "thing", "refs": "thing", "to": "thing"} for name in THINGS},
}  # fmt: skip
BASH = """\
_mlwf_completion() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case "$line" in
            :file) compopt -o default ;;
            :nospace) compopt -o nospace ;;
            ?*) COMPREPLY+=("$line") ;;
        esac
    done < <(COMP_TEXT="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \\
        _MLWF_COMPLETE=bash "$1" 2>/dev/null)
}
complete -F _mlwf_completion mlwf
"""
ZSH = """\
#compdef mlwf
_mlwf() {
    local line word rest
    local -a found unended
    for line in "${(@f)$(COMP_TEXT="${(j: :)words[1,CURRENT-1]} $PREFIX" \\
        _MLWF_COMPLETE=zsh "$words[1]" 2>/dev/null)}"; do
        word="${line%%$'\\t'*}"; rest="${line#*$'\\t'}"
        case "$line" in
            :file) _files ;;
            '') ;;
            *=$'\\t'*) unended+=("${word//:/\\\\:}:$rest") ;;
            *) found+=("${word//:/\\\\:}:$rest") ;;
        esac
    done
    (( $#found )) && _describe -V mlwf found
    (( $#unended )) && _describe -V mlwf unended -S ''
    return 0
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _mlwf "$@"; else compdef _mlwf mlwf; fi
"""
FISH = """\
function __mlwf_complete
    set -l words (commandline -opc)
    for line in (env COMP_TEXT=(commandline -cp | string collect) _MLWF_COMPLETE=fish $words[1] 2>/dev/null)
        if test "$line" = :file
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete --no-files --command mlwf --arguments '(__mlwf_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


@command(group, "completion")
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(face: Face, shell: str) -> None:
    """Print the script that lets a shell complete commands, options, names, runs and parameters.

    \b
    mlwf completion bash > ~/.local/share/bash-completion/completions/mlwf
    mlwf completion zsh > "${fpath[1]}/_mlwf"
    mlwf completion fish > ~/.config/fish/completions/mlwf.fish
    """
    face.show({"shell": shell, "script": SCRIPTS[shell]}, SCRIPTS[shell].rstrip())


def answer(group: click.Group, shell: str, environment: Mapping[str, str]) -> str:
    """Return what a shell's script is to be told of the line in COMP_TEXT."""
    text = environment.get("COMP_TEXT", "")
    words = split_arg_string(text)
    begun = words.pop() if words and not text[-1:].isspace() else ""
    items = ShellComplete(group, {}, "mlwf", VARIABLE).get_completions(words[1:], begun)
    breaks = environment.get("COMP_BREAKS", "") if shell == "bash" else ""
    return "\n".join(format_items(items, shell, _find_kept(begun, breaks)))


def _find_kept(word: str, breaks: str) -> int:
    """Return how much of a word bash keeps by itself: it completes only what follows the last break."""
    return max((word.rfind(sign) + 1 for sign in "@=:" if sign in breaks), default=0)


def format_items(items: list[CompletionItem[str]], shell: str, kept: int) -> Iterator[str]:
    """Yield the lines that a script is told; `kept` is how much of each word bash keeps by itself."""
    for item in items:
        if not item.value.isprintable():
            continue  # a line break or an escape code has no place in a prompt
        if item.type in ("file", "dir"):
            yield ":file"
        elif shell == "bash":
            yield item.value[kept:] if PLAIN.fullmatch(item.value) else shlex.quote(item.value[kept:])
        else:
            help_ = " ".join((item.help or "").split())
            yield f"{item.value}\t{help_}"
    if shell == "bash" and any(item.value.endswith("=") for item in items):
        yield ":nospace"


def attach(command: click.Command, name: str) -> click.Command:
    """Let the arguments and options of a command complete what they ask for, and return it."""
    special = KINDS_OF.get(name, {})
    for parameter in command.params:
        kind = special.get(parameter.name or "") or KINDS.get(parameter.name or "")
        if isinstance(parameter.type, click.Path | click.Choice):
            continue  # which complete themselves
        if parameter.name == "params":
            parameter.shell_complete = partial(_complete_params, name)  # type: ignore[method-assign]
        elif kind is not None:
            parameter.shell_complete = partial(_complete_kind, kind)  # type: ignore[method-assign]
    return command


def _complete_kind(kind: Kind, context: click.Context, begun: str) -> list[CompletionItem[str]]:
    from mlwf_tui.workflow.completion import complete

    return [CompletionItem(word, help=words) for word, words in complete(_find_home(context), kind, begun)]


def _complete_params(name: str, context: click.Context, begun: str) -> list[CompletionItem[str]]:
    from mlwf_tui.cli.declared import read_declared
    from mlwf_tui.workflow.completion import complete_assignment

    # click leaves unread what stands before an option without its value
    operation = context.params.get("operation") or next(iter(context.args), "")
    of = operation if name == "transform" else name
    found = complete_assignment(lambda: read_declared(of), begun)
    return [CompletionItem(word, help=words) for word, words in found]


def _find_home(context: click.Context) -> Path:
    given = context.params.get("home") or context.find_root().params.get("home")
    return find_home(given, os.environ)
