"""Finds reports that can be compared, and where there are none, what has to be measured first."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mlwf_tui.entities.model import Report, ReportKind
from mlwf_tui.entities.part import Part
from mlwf_tui.errors import Conflict, NotFound
from mlwf_tui.workflow.benchmarking.commanding import write_benchmark, write_measured_compare
from mlwf_tui.workflow.benchmarking.grounds import Grounds
from mlwf_tui.workflow.refs import resolve_version
from mlwf_tui.workflow.reports import list_benchmarks
from mlwf_tui.workspace import Workspace

MOST_LOOKED_AT = 20  # of a model's reports, the newest first
MOST_KEYS_SHOWN = 20  # in a command that a person is to read


class ToMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark that is lacking."""

    model: str
    version: str  # PROJECT@N
    part: Part
    evaluator: str  # "" for the one of the model's task

    def write_command(self) -> str:
        """Return the command that measures just it."""
        return write_benchmark(self.model, self.version, self.part, evaluator=self.evaluator)


class NotMeasured(Conflict):
    """What is to be compared was not measured on the same data.

    `missing` would have to be measured first, which `commands` do, and `refs` can be compared then;
    nothing is missing where nobody can say on what.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        missing: tuple[ToMeasure, ...] = (),
        commands: tuple[str, ...] = (),
        refs: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.missing = missing
        self.commands = commands
        self.refs = refs


def choose_reports(
    workspace: Workspace, refs: Sequence[str], *, on: str | None = None, split: str | None = None
) -> tuple[Report, ...]:
    """Return one report for each model, or report, that is named, all of the same items and truths.

    Of several such sets the newest measured is taken.

    Raises:
        NotFound: there is no such model, report or version.
        NotMeasured: they were not measured on the same data.
    """
    version_id = None if on is None else resolve_version(workspace, on).id
    choices = [
        [
            report
            for report in _list_measured(workspace, ref)
            if version_id in (None, report.version_id) and split in (None, report.split)
        ][:MOST_LOOKED_AT]
        for ref in refs
    ]
    grounds = Grounds(workspace)
    common = set.intersection(*({grounds.read(report) for report in found} for found in choices)) - {""}
    newest = max(
        (report for found in choices for report in found if grounds.read(report) in common),
        key=lambda report: report.created_at,
        default=None,
    )
    if newest is None:
        raise _describe_apart(workspace, refs, choices, on, split)
    wanted = grounds.read(newest)
    return tuple(next(report for report in found if grounds.read(report) == wanted) for found in choices)


def find_apart(
    workspace: Workspace, refs: Sequence[str], *, on: str | None = None, split: str | None = None
) -> NotMeasured | None:
    """Return why things cannot be compared yet, with what would have to be measured; None where they can.

    Raises:
        NotFound: there is no such model, report or version.
    """
    try:
        choose_reports(workspace, refs, on=on, split=split)
    except NotMeasured as error:
        return error
    return None


def _list_measured(workspace: Workspace, ref: str) -> tuple[Report, ...]:
    """Return the benchmarks of a model, newest first, or the one report that the ref names."""
    try:
        model = workspace.catalog.models.get(ref)
    except NotFound:
        report = workspace.catalog.reports.get(ref)
        workspace.catalog.versions.get_by_id(report.version_id)  # or it would be told as other data
        return (report,) if report.kind is ReportKind.BENCHMARK else ()
    return list_benchmarks(workspace, model_id=model.id)


def _describe_apart(
    workspace: Workspace, refs: Sequence[str], choices: list[list[Report]], on: str | None, split: str | None
) -> NotMeasured:
    """Return what to raise where no data are common, with the commands that would measure what is missing."""
    names = f"{', '.join(refs[:-1])} and {refs[-1]}"
    evaluators = {report.evaluator for found in choices for report in found}
    grounds = Grounds(workspace)
    data = [{grounds.read(of).partition(" ")[0] for of in found} for found in choices]
    if len(evaluators) > 1 and set.intersection(*data) - {""}:
        return NotMeasured(
            f"{names} were not measured by the same evaluator, but by "
            f"{' and '.join(sorted(evaluators))}: their figures have nothing in common.",
            hint="Name models, or measure again: mlwf benchmark MODEL REF -p evaluator=NAME.",
        )
    newest = max((r for found in choices for r in found), key=lambda r: r.created_at, default=None)
    missing = _list_missing(workspace, refs, choices, newest, on, split)
    commands = _write_commands(missing, refs, on, split)
    models = tuple(_find_model_name(workspace, ref) for ref in refs)
    unknown = [write_benchmark(model, "PROJECT@N", Part(split=split or "val")) for model in models]
    return NotMeasured(
        f"{names} were not measured on the same data.",
        hint=f"Measure them there: {'; '.join(commands or unknown)}."
        + (" --measure does it first." if commands else ""),
        missing=missing,
        commands=commands,
        refs=models,
    )


def _write_commands(
    missing: Sequence[ToMeasure], refs: Sequence[str], on: str | None, split: str | None
) -> tuple[str, ...]:
    """Return the commands that measure what is missing; of many named items the one that does all of it."""
    if any(len(of.part.keys) > MOST_KEYS_SHOWN for of in missing):
        return (write_measured_compare(refs, on=on, split=split),)
    return tuple(of.write_command() for of in missing)


def _list_missing(
    workspace: Workspace,
    refs: Sequence[str],
    choices: Sequence[Sequence[Report]],
    newest: Report | None,
    on: str | None,
    split: str | None,
) -> tuple[ToMeasure, ...]:
    """Return what was not measured where the newest report was, or, without any, on what is asked for."""
    if newest is None and on is None:
        return ()
    if newest is None:
        assert on is not None
        place, part, evaluator = resolve_version(workspace, on).ref, Part(split=split or "val"), ""
        wanted = ""
    else:
        place, part, evaluator = newest.version_ref, newest.part, newest.evaluator
        wanted = Grounds(workspace).read(newest)
    grounds = Grounds(workspace)
    lacking = [
        ref
        for ref, found in zip(refs, choices, strict=True)
        if not wanted or all(grounds.read(report) != wanted for report in found)
    ]
    return tuple(
        ToMeasure(
            model=name, version=place, part=part,
            evaluator="" if evaluator == workspace.catalog.models.get(name).task else evaluator,
        )
        for name in dict.fromkeys(_find_model_name(workspace, ref) for ref in lacking)
    )  # fmt: skip


def _find_model_name(workspace: Workspace, ref: str) -> str:
    """Return the name of a model, or of the one that a report is of."""
    try:
        return workspace.catalog.models.get(ref).name
    except NotFound:
        report = workspace.catalog.reports.get(ref)
        return workspace.catalog.models.get_by_id(report.model_id).name
