"""Commands on models: benchmark, apply, and what they leave; train is in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlwf_tui.cli.deploy import TRUST, ask_for_trust
from mlwf_tui.cli.face import DONE, Face, command, params_option
from mlwf_tui.cli.terms import DETACH, say_detached, terms_options
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import ArtifactKind, Run

if TYPE_CHECKING:  # for the annotation alone; see Face.open
    from mlwf_tui.workspace import Workspace

group = click.Group()


@command(group, "benchmark")
@click.argument("model")
@click.argument("ref")
@click.option(
    "--split", default="auto", show_default=True,
    help="The split to measure on, none, or all; auto: test if there is one, else val; all without any.",
)  # fmt: skip
@click.option("--dataset", "datasets", multiple=True, help="Only items of it and of those below; repeatable.")
@click.option("--class", "classes", multiple=True, help="Measure objects of this class alone; repeatable.")
@click.option("--tag", "tags", multiple=True, help="Only items with this tag, or an object that has it.")
@click.option("--select", "where", default="", metavar="EXPR", help="Only items that meet a condition.")
@click.option(
    "--item", "keys", multiple=True, metavar="KEY", help="Only this item, as DATASET/NAME; repeatable."
)
@click.option(
    "--items", "items", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Only items that a file names, one a line.",
)  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="auto, cpu, or a GPU's index.")
@click.option(
    "--runtime", default="", metavar="NAME", help="Measure the speed with onnxruntime instead of pytorch."
)
@click.option("--again", is_flag=True, help="Ask the model and measure though it was done before.")
@TRUST
@params_option
@terms_options
@DETACH
def benchmark_command(
    face: Face,
    model: str,
    ref: str,
    split: str,
    datasets: tuple[str, ...],
    classes: tuple[str, ...],
    tags: tuple[str, ...],
    where: str,
    keys: tuple[str, ...],
    items: Path | None,
    device: str,
    runtime: str,
    again: bool,
    trust: bool,
    params: Mapping[str, str],
    detach: bool,
    terms: Terms,
) -> int:
    """Measure a model of any task on a version, or on a part of it: mAP, precision, recall, speed.

    What the model said of an image is kept, so that another part or threshold asks it nothing again; the
    same benchmark gives the report that is there. Parameters: speed (off, quick or full); confidence, the
    threshold of precision and recall; evaluator, who measures (semantic counts pixels). The model may be
    one that a training will make: name that run with --after.

    \b
    mlwf benchmark small cells@2
    mlwf benchmark small cells@2 --split test -p speed=full
    mlwf benchmark small cells@2 --class rbc --select "width < 400 or tag(night)"
    mlwf benchmark cell-masks cells@2 -p evaluator=semantic
    mlwf benchmark small cells@2 --runtime onnxruntime
    mlwf benchmark 3f9a cells@2 --after 3f9a --detach
    """
    from mlwf_tui.entities.part import Part
    from mlwf_tui.workflow.benchmark import submit_benchmark
    from mlwf_tui.workflow.benchmarking.parts import read_keys

    named = tuple(dict.fromkeys((*keys, *(read_keys(items) if items is not None else ()))))
    part = Part(split=split, datasets=datasets, classes=classes, tags=tags, where=where, keys=named)
    params = {**params, **({"runtime": runtime} if runtime else {})}
    with face.open() as workspace:

        def submit(is_trusted: bool) -> Run:
            return submit_benchmark(
                workspace, model, ref, part=part, params=params, device=device, is_trusted=is_trusted,
                is_again=again, terms=terms,
            )  # fmt: skip

        run = ask_for_trust(face, submit, is_trusted=trust)
        return finish(face, workspace, run, detach=detach)


@command(group, "apply")
@click.argument("model")
@click.argument("ref", metavar="REF|PATH")
@click.option("--to", required=True, help="The project that gets the annotated items.")
@click.option("--dataset", default="", help="Put them into this dataset, beside what else the project has.")
@TRUST
@params_option
@terms_options
@DETACH
def apply_command(
    face: Face,
    model: str,
    ref: str,
    to: str,
    dataset: str,
    trust: bool,
    params: Mapping[str, str],
    detach: bool,
    terms: Terms,
) -> int:
    """Let a model annotate the items of a version, a folder of images, a picture, or the frames of a video.

    What is done before it is stopped or killed is not done again. Parameters: confidence, nms_iou and
    max_objects choose among predictions; tile finds what is small on large images; policy says what
    becomes of the objects that are there; every and track are for videos.

    \b
    mlwf apply cells-1 cells@2 --to cells-labelled -p confidence=0.4
    mlwf apply cells-1 new-images --to cells --dataset guessed
    mlwf apply cells-1 ~/slides --to slides -p tile=640 -p overlap=0.25
    mlwf apply cars-1 street.mp4 --to street -p every=5 -p track=true
    """
    from mlwf_tui.workflow.apply import submit_apply

    with face.open() as workspace:

        def submit(is_trusted: bool) -> Run:
            return submit_apply(
                workspace, model, ref, to=to, dataset=dataset, params=params,
                is_trusted=is_trusted, terms=terms,
            )  # fmt: skip

        run = ask_for_trust(face, submit, is_trusted=trust)
        return finish(face, workspace, run, detach=detach)


def finish(face: Face, workspace: Workspace, run: Run, *, detach: bool) -> int:
    """Follow the run to its end, or leave it to itself, and show what became of it."""
    from mlwf_tui.cli.following import exit_code_of_run, follow_to_end

    if detach:
        document: dict[str, Any] = {
            "run": run.id,
            "state": run.state.value,
            "waits_for": run.waits_for,
            "model": None,
            "metrics": {},
        }
        face.show(document, say_detached(run.verb, run))
        return DONE
    is_known = run.state.is_finished  # the same was asked for before
    finished = (
        run if is_known else follow_to_end(workspace, run, stopping="stopping; what is done so far is kept")
    )
    document = {"run": run.id, "state": finished.state.value, **finished.result}
    document |= {"cached": True} if is_known else {}
    told = "made before; --again measures anew\n" if is_known else ""
    face.show(document, lambda: told + _format_result(finished))
    return exit_code_of_run(finished)


def _format_result(run: Run) -> str:
    from mlwf_tui.cli.following import format_partly

    result: Mapping[str, Any] = run.result
    metrics = "  ".join(f"{name} {value:.3f}" for name, value in list(result.get("metrics", {}).items())[:6])
    if run.verb == "train":
        lines = [f"{run.state}: model {result.get('model', '-')}  {metrics}"]
        lines += map(str, result.get("notes", ()))
        return "\n".join([*lines, *format_partly(run), *_tell_measuring(result)])
    if run.verb == "benchmark":
        return "\n".join(_tell_benchmark(run, metrics))
    resumed = result.get("items_resumed")
    text = (
        f"{run.state}: {result.get('project', '-')}@{result.get('version', '-')}"
        f"  {format_count(result.get('objects_out', 0), 'object')}"
        f" on {format_count(result.get('items_out', 0), 'item')}"
        f"{f', {resumed:,} of them known from a run that did not end' if resumed else ''}"
    )
    if result.get("created") is False:
        text += ", as before: no new version"
    warnings = [f"warning: {conflict}." for conflict in result.get("conflicts", ())]
    return "\n".join([text, *_tell_replaced(run), *warnings, *format_partly(run)])


def _tell_replaced(run: Run) -> Iterator[str]:
    """Yield what was replaced in the project itself, and how to bring it back."""
    count = run.result.get("objects_replaced")
    before = [one.title for one in run.inputs if one.kind is ArtifactKind.VERSION]
    if count and before:
        yield f"{count:,} objects that people drew were replaced: mlwf restore {before[-1]} brings them back"


def _tell_measuring(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the report of a new model comes from, or why there is none."""
    measured = result.get("benchmark")
    if measured and measured.get("run"):
        run = measured["run"][:8]
        yield f"it is measured on {measured['split']} by the run {run}: mlwf watch {run}"
    elif measured:
        yield f"it is not measured: {measured['reason']}"


def _tell_benchmark(run: Run, metrics: str) -> Iterator[str]:
    from mlwf_tui.cli.following import format_partly

    yield f"{run.state}: report {run.result.get('report', '-')}  {metrics}"
    known = run.result.get("items_known")
    if known:
        yield f"cached: what the model says of {known:,} of the {run.result['items']:,} images was known"
    yield from map(str, run.result.get("notes", ()))
    yield from format_partly(run)
