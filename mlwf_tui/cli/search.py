"""The command on searches for parameters: begin one, go on with one, look at one."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mlwf_tui.cli.face import DONE, SEED, Face, command, params_option, read_assignments
from mlwf_tui.cli.terms import DETACH, say_detached, terms_options
from mlwf_tui.cli.text import format_state, format_table
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.entities.search import SEARCH, rank, write_value
from mlwf_tui.errors import InvalidParameter

if TYPE_CHECKING:  # for the annotations alone; see Face.open
    from mlwf_tui.workflow.search import FoundSearch
    from mlwf_tui.workspace import Workspace

group = click.Group()
BAR_CELLS = 24
SHOWN_TRIALS = 20
DEFAULT_TRIALS = 20


@command(group, "search")
@click.argument("ref", metavar="PROJECT[@N]|SEARCH")
@click.option(
    "-s", "--sweep", "space", multiple=True, metavar="PARAMETER=VALUES", callback=read_assignments,
    help="What to try: lr0=0.0001..0.01:log, batch=4,8,16, epochs=5..20:5; may be repeated.",
)  # fmt: skip
@click.option("--model", default="yolov10n", show_default=True, help="The architecture, or weights.")
@click.option(
    "--sampler", type=click.Choice(("grid", "random", "tpe")), default="tpe", show_default=True,
    help="grid: all combinations. tpe: where the better trials lie.",
)  # fmt: skip
@click.option(
    "--trials", metavar="N", default=None, help="How many to do; with --continue so many more.  [default: 20]"
)
@click.option("--parallel", type=click.IntRange(1), default=None, help="So many at once.  [default: 1]")
@click.option(
    "--metric", default="", help="What tells which trial is better.  [default: map50, of classifiers top1]"
)
@click.option("--prune", is_flag=True, help="Stop trials that are worse than the median of the others.")
@click.option(
    "--prune-after", type=click.IntRange(0), default=3, show_default=True, metavar="N",
    help="Judge no trial by its first N values.",
)  # fmt: skip
@click.option(
    "--keep", type=click.IntRange(0), default=3, show_default=True, help="Keep the models of the best N."
)
@click.option("--name", default="", help="Name of the models, which get the trial's number behind it.")
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Decides what is tried, and each trial."
)
@click.option("--continue", "is_continued", is_flag=True, help="Do more trials of a search that has ended.")
@params_option
@terms_options
@DETACH
def search_command(
    face: Face,
    ref: str,
    space: Mapping[str, str],
    model: str,
    sampler: str,
    trials: str | None,
    parallel: int | None,
    metric: str,
    prune: bool,
    prune_after: int,
    keep: int,
    name: str,
    seed: int,
    is_continued: bool,
    params: Mapping[str, str],
    detach: bool,
    terms: Terms,
) -> int:
    """Search for the parameters that train the best model, or look at a search.

    Each trial is a training of its own. Options of the queue, as --gpus, are those of each trial. Ctrl-C
    stops the search with its trials; pause, resume and stop do so too.

    \b
    mlwf search cells --model yolov10n -s lr0=0.0001..0.01:log -s batch=4,8,16 --trials 20 --parallel 2
    mlwf search cells -s mosaic=0..1 -s fliplr=0,0.5 --sampler grid -p epochs=10 --prune --detach
    mlwf search 3f9a
    mlwf search 3f9a --continue --trials +10
    """
    from mlwf_tui.workflow.search import continue_search, submit_search

    with face.open() as workspace:
        if is_continued:
            if space or params:
                raise InvalidParameter(
                    "A search is continued as it was.", hint="Leave out -s and -p, or begin another."
                )
            run = continue_search(workspace, ref, more=_read_count(trials), parallel=parallel)
        elif not space and _is_search(workspace, ref):
            return _show(face, workspace, ref)
        else:
            run = submit_search(
                workspace, ref, space=space, model=model, params=params, sampler=sampler,
                trials=_read_count(trials), parallel=parallel or 1, metric=metric, is_pruning=prune,
                prune_after=prune_after, keep=keep, seed=seed, name=name, terms=terms,
            )  # fmt: skip
        return _finish(face, workspace, run, detach=detach)


def _is_search(workspace: Workspace, ref: str) -> bool:
    from mlwf_tui.errors import NotFound
    from mlwf_tui.workflow.runs import get_run

    try:
        return get_run(workspace, ref).verb == SEARCH
    except NotFound:
        return False


def _read_count(word: str | None) -> int:
    """Return how many trials `20` or `+10` is."""
    if word is None:
        return DEFAULT_TRIALS
    number = word.removeprefix("+")
    if not number.isdecimal() or not 0 < int(number) <= 10_000:
        raise InvalidParameter(f"{word!r} is no number of trials.", hint="Write 20, or +10 to continue.")
    return int(number)


def _show(face: Face, workspace: Workspace, ref: str) -> int:
    from mlwf_tui.workflow.search import describe_found, read_search

    found = read_search(workspace, ref)
    face.show(describe_found(found), lambda: format_search(found))
    return DONE


def _finish(face: Face, workspace: Workspace, run: Run, *, detach: bool) -> int:
    """Follow the search to its end, or leave it to itself, and show what became of it."""
    from mlwf_tui.cli.following import exit_code_of_run, follow_to_end
    from mlwf_tui.workflow.search import describe_found, read_search

    if detach:
        document = {"run": run.id, "state": run.state.value, "waits_for": run.waits_for}
        face.show(document, say_detached(run.verb, run))
        return DONE
    said = "stopping, and the trials with it; what is done so far is kept"
    finished = follow_to_end(workspace, run, stopping=said)
    found = read_search(workspace, run.id)
    face.show(describe_found(found), lambda: format_search(found))
    return exit_code_of_run(finished)


def format_search(found: FoundSearch) -> str:
    """Return a search for a person: its trials, best first, and what made the difference."""
    plan, run = found.plan, found.run
    head = f"search {run.id} of {plan.data}, {plan.model}, {plan.sampler}: {format_state(run.state.value)}"
    failed = [f"{run.error} {run.hint}".rstrip()] if run.error else []
    names = [axis.name for axis in plan.axes]
    ranked = rank(found.trials, is_lower_better=plan.is_lower_better)
    rows = [
        (
            str(trial.number), trial.run, trial.state.value,
            "" if trial.value is None else f"{trial.value:.4f}",
            *(write_value(trial.values.get(name)) for name in names),
            str(len(trial.curve)), trial.model,
        )
        for trial in ranked[:SHOWN_TRIALS]
    ]  # fmt: skip
    header = (
        "TRIAL",
        "RUN",
        "STATE",
        plan.metric.upper(),
        *(name.upper() for name in names),
        "STEPS",
        "MODEL",
    )
    lines = [head, found.summary, *failed, "", format_table(header, rows, empty="No trial yet.")]
    if len(ranked) > SHOWN_TRIALS:
        lines.append(f"and {len(ranked) - SHOWN_TRIALS} more; --json has them all")
    lines += _format_importance(found.importance)
    return "\n".join([*lines, *_hint_at_next(found, ranked)])


def _format_importance(importance: Mapping[str, float]) -> list[str]:
    if not importance:
        return []
    width = max(len(name) for name in importance)
    return [
        "",
        "what made the difference",
        *(f"  {n:<{width}}  {'█' * round(share * BAR_CELLS):<{BAR_CELLS}} {share:4.0%}"
          for n, share in importance.items()),
    ]  # fmt: skip


def _hint_at_next(found: FoundSearch, ranked: Sequence[Any]) -> list[str]:
    if found.run.state is not RunState.DONE:
        return []
    plan = found.plan
    words = ["mlwf", "train", plan.data, "--model", plan.model]
    for name, value in {**plan.params, **ranked[0].values}.items():
        words += ["-p", f"{name}={value}"]
    return ["", f"again: {shlex.join([*words, *(['--seed', str(plan.seed)] if plan.seed else [])])}"]
