"""Commands on what trainings have made: the table of models, and stars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from mlwf_tui.cli.face import Face, command, to_document
from mlwf_tui.cli.text import format_age, format_table
from mlwf_tui.entities.experiment import Experiment, find_main_metric, format_fact, list_fields

group = click.Group()
MAX_METRICS = 2  # that are shown where nobody says which


@command(group, "models")
@click.argument("query", required=False, default="")
@click.option("--where", default="", help="Only models that meet this condition.")
@click.option("--sort", default="", metavar="FIELD", help="A metric, the best first, or any other field.")
@click.option("--reverse", "is_reversed", is_flag=True, help="The other way round.")
@click.option(
    "--columns", default="", metavar="FIELD,…", help="Which fields to show; + keeps the usual ones."
)
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@click.option("--fields", "lists_fields", is_flag=True, help="List the fields that there are.")
def models_command(
    face: Face, query: str, where: str, sort: str, is_reversed: bool, columns: str, limit: int | None,
    lists_fields: bool,
) -> None:  # fmt: skip
    """List models, newest first, or those in which the words of QUERY occur.

    A field is a metric, a parameter of the training, or one of name, starred, architecture, task,
    trainer, project, data, classes, image_size, weights_bytes, seed, took_s, author, created, run.

    \b
    mlwf models --sort map50
    mlwf models cells --where "task = detect and map50 > 0.5 and lr0 in (0.01, 0.002)"
    mlwf models --where starred --columns +,epochs,lr0
    """
    from mlwf_tui.workflow.models import choose_experiments, find_field, read_experiments

    with face.open() as workspace:
        experiments = read_experiments(workspace)
    if lists_fields:
        groups = list_fields(experiments)
        rows = [(name, of) for of, names in groups.items() for name in names]
        face.show({"fields": groups}, lambda: format_table(("FIELD", "OF"), rows, empty=""))
        return
    chosen = choose_experiments(experiments, query=query, where=where, sort=sort, is_reversed=is_reversed)
    chosen = chosen[:limit]
    by = find_field(experiments, sort) if sort else ""
    shown: list[str] = []
    for word in (columns or "+").split(","):
        wanted = word.strip()
        shown += _list_usual(experiments, by) if wanted == "+" else [find_field(experiments, wanted)]
    document = {"models": [_make_document(experiment) for experiment in chosen]}
    face.show(document, lambda: _format_models(chosen, list(dict.fromkeys(shown)), has_any=bool(experiments)))


def _list_usual(experiments: Sequence[Experiment], sort: str) -> list[str]:
    """Return the usual columns: with the metrics that most of the models are judged by."""
    mains = [main[0] for one in experiments if (main := find_main_metric(one.model.metrics)) is not None]
    by_count = sorted(dict.fromkeys(mains), key=lambda name: -mains.count(name))
    also = [name for name in ("map50",) if any(name in one.metrics for one in experiments)]
    metrics = list(dict.fromkeys((*([sort] if sort else []), *by_count, *also)))
    first = ("name", "starred", "architecture", "task", "data")
    return [*first, *metrics[: MAX_METRICS + bool(sort)], "created", "description"]


def _make_document(experiment: Experiment) -> dict[str, Any]:
    facts = experiment.facts
    return {
        **to_document(experiment.model),
        **{name: facts.get(name) for name in ("project", "data", "seed", "took_s", "author")},
        "params": {name.removeprefix("param."): facts[name] for name in experiment.params},
    }


def _format_models(experiments: Sequence[Experiment], columns: Sequence[str], *, has_any: bool) -> str:
    rows = [[_format_cell(experiment, name) for name in columns] for experiment in experiments]
    empty = "No model is like that." if has_any else ""
    empty = empty or "No models yet. Train one: mlwf train PROJECT --model yolov10n"
    header = ["★" if name == "starred" else name.upper() for name in columns]
    return format_table(header, rows, empty=empty)


def _format_cell(experiment: Experiment, name: str) -> str:
    if name == "created":
        return format_age(experiment.model.created_at)
    return format_fact(name, experiment.facts.get(name))


@command(group, "star")
@click.argument("models", nargs=-1, required=True)
@click.option("--off", "is_off", is_flag=True, help="Take the star away.")
def star_command(face: Face, models: Sequence[str], is_off: bool) -> None:
    """Mark models that are to be found again; mlwf models --where starred lists them.

    \b
    mlwf star small
    mlwf star small --off
    """
    from mlwf_tui.workflow.star import star_model

    with face.open() as workspace:
        starred = [star_model(workspace, ref, is_starred=not is_off) for ref in models]
    document = {"models": [{"name": one.name, "id": one.id, "is_starred": one.is_starred} for one in starred]}
    sign = "☆" if is_off else "★"
    face.show(document, lambda: "\n".join(f"{sign} {one.name}" for one in starred))
