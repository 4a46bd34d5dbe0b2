"""The command check: what is wrong or suspicious in a project, and --fix for what needs no eye."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from mlwf_tui.cli.face import DONE, FAILED, Face, command, to_document
from mlwf_tui.cli.progress import show_progress
from mlwf_tui.cli.text import paint
from mlwf_tui.entities.finding import FIXES, CheckResult, FixResult, FoundPlace, Severity
from mlwf_tui.entities.folder import show_path
from mlwf_tui.errors import InvalidParameter

group = click.Group()
COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
SHOWN_PLACES = 5


@command(group, "check")
@click.argument("ref", metavar="PROJECT[@N]")
@click.option(
    "--near/--no-near",
    "is_near",
    default=None,
    help="Also find images that look alike, each decoded once; without, only if few are left to decode.",
)
@click.option("--items", "with_items", is_flag=True, help="List every item, not the first 5 of each kind.")
@click.option(
    "--fix",
    "fixes",
    multiple=True,
    metavar="KIND",
    type=click.Choice([kind.value for kind in FIXES]),
    help=f"Put this right as a new version; may be repeated: {', '.join(FIXES)}.",
)
def check_command(face: Face, ref: str, is_near: bool | None, with_items: bool, fixes: Sequence[str]) -> int:
    """List what is wrong or suspicious in a project.

    Copies and look-alikes, also across splits, objects outside or without area, classes that are not
    declared or never used, tiny and odd shapes, and more. The exit code is 1 where something was found
    that makes training or measuring wrong. A fix can be taken back by undo.

    \b
    mlwf check cells
    mlwf check cells@3 --near --json
    mlwf check cells --fix no_area --fix outside
    """
    if fixes:
        if is_near is not None or with_items:
            raise InvalidParameter("--fix goes with no other option.", hint="Check first, then fix.")
        return _fix(face, ref, fixes)
    from mlwf_tui.workflow.check import check

    with face.open() as workspace, show_progress("check") as observer:
        result = check(workspace, ref, is_near=is_near, observer=observer)
    document = {**to_document(result), "ok": result.ok}
    most = None if with_items else SHOWN_PLACES
    face.show(document, lambda: "\n".join(_format_check(result, most)))
    return DONE if result.ok else FAILED


def _fix(face: Face, ref: str, fixes: Sequence[str]) -> int:
    from mlwf_tui.workflow.fixing import fix

    with face.open() as workspace, show_progress("check") as observer:
        result = fix(workspace, ref, fixes, observer=observer)
    face.show(to_document(result), lambda: "\n".join(_format_fix(result)))
    return DONE


def _format_check(result: CheckResult, most: int | None) -> Iterator[str]:
    yield f"{result.ref}: {result.items:,} items, {result.objects:,} objects; {_summarize(result)}"
    for finding in result.findings:
        yield ""
        yield f"{_style(f'{finding.severity.value:<8}', finding.severity)} {finding.message}"
        places = finding.places if most is None else finding.places[:most]
        yield from (f"{'':9}{_format_place(place)}" for place in places)
        hidden = finding.count - len(places) if finding.places else 0
        if hidden:
            listing = "; --items lists all" if most is not None else ""
            yield f"{'':9}… and {hidden:,} more{listing}"
        if finding.fix:
            yield f"{'':9}{finding.fix}: mlwf check {result.project} --fix {finding.kind}"
    if result.images_undecoded:
        yield ""
        yield (
            f"{result.images_undecoded:,} images were not decoded yet, so their looks were not compared;"
            " --near does it, once."
        )
    if result.images_partly_compared:
        yield ""
        yield (
            f"{result.images_partly_compared:,} images nearly look like very many others, and were not"
            " compared with each of these."
        )


def _summarize(result: CheckResult) -> str:
    if not result.findings:
        return "nothing suspicious"
    counts = [(s, sum(f.severity is s for f in result.findings)) for s in Severity]
    words = [f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in counts if count]
    return ", ".join(words)


def _format_place(place: FoundPlace) -> str:
    objects = f"  object {', '.join(map(str, place.objects[:8]))}" if place.objects else ""
    more = " …" if len(place.objects) > 8 else ""
    note = f"  ({show_path(place.note)})" if place.note else ""
    return f"{show_path(place.item)}{objects}{more}{note}"


def _format_fix(result: FixResult) -> Iterator[str]:
    if not result.created:
        yield f"Nothing to fix in {result.project}@{result.version}."
        return
    parts = [
        f"{count:,} {one if count == 1 else many} {done}"
        for count, one, many, done in (
            (result.objects_clipped, "object", "objects", "clipped"),
            (result.objects_dropped, "object", "objects", "dropped"),
            (len(result.dropped), "image", "images", "dropped"),
            (len(result.classes_dropped), "class", "classes", "dropped"),
        )
        if count
    ]
    yield f"Made {result.project}@{result.version}: {', '.join(parts)}. Undo: mlwf undo {result.project}"
    yield from (f"  dropped {show_path(d.item)}, kept {show_path(d.kept)}" for d in result.dropped)
    yield from (f"  dropped the class {show_path(name)}" for name in result.classes_dropped)


def _style(text: str, severity: Severity) -> str:
    return paint(text, COLORS[severity])
