"""Finds reports that can be compared, and where there are none, what has to be measured first."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from mlwf_tui.entities.model import Model, Report, ReportKind
from mlwf_tui.entities.part import AUTO, Part
from mlwf_tui.errors import Conflict, InvalidParameter, NotFound
from mlwf_tui.workflow.benchmarking.commanding import write_benchmark, write_measured_compare
from mlwf_tui.workflow.benchmarking.gates import Condition, parse_conditions
from mlwf_tui.workflow.benchmarking.grounds import Ground, Grounds, read_noted
from mlwf_tui.workflow.measuring import check_kept
from mlwf_tui.workflow.refs import resolve_version
from mlwf_tui.workflow.reports import list_benchmarks
from mlwf_tui.workspace import Workspace

MOST_LOOKED_AT = 20  # of a model's reports whose items have to be read, the newest first
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
    nothing is missing where nobody can say on what. `like` are reports of what it would be measured on.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        missing: tuple[ToMeasure, ...] = (),
        commands: tuple[str, ...] = (),
        refs: tuple[str, ...] = (),
        like: tuple[Report, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.missing = missing
        self.commands = commands
        self.refs = refs
        self.like = like


class _Side(msgspec.Struct, frozen=True, kw_only=True):
    """What is named to be compared: a model, or one report of it."""

    ref: str
    model: Model
    report: Report | None = None


def choose_reports(
    workspace: Workspace, refs: Sequence[str], *, on: str | None = None, split: str | None = None
) -> tuple[Report, ...]:
    """Return one report for each model, or report, that is named, all of the same items and truths.

    Of several such sets the newest measured is taken. What measuring would not help is refused before what is
    lacking is told.

    Raises:
        NotFound: there is no such model, report or version.
        InvalidParameter: fewer than two, one twice, a comparison, or no split.
        InvalidInput: what a model said was not kept with a report that is named.
        NotMeasured: they were not measured on the same data.
    """
    sides = _find_sides(workspace, refs)
    if split is not None:
        Part(split=split).check()
    looked = _look(workspace, sides, on, split)
    common = set.intersection(*map(set, looked.usable))
    ground = max(common, key=lambda of: max(found[of].created_at for found in looked.usable), default=None)
    if ground is None:
        raise _describe_apart(workspace, looked, on, split)
    chosen = tuple(found[ground] for found in looked.usable)
    if len({report.id for report in chosen}) < len(chosen):
        raise _refuse_itself()
    return chosen


def find_apart(
    workspace: Workspace,
    refs: Sequence[str],
    *,
    on: str | None = None,
    split: str | None = None,
    fail_if: Sequence[str] = (),
) -> NotMeasured | None:
    """Return why things cannot be compared yet, with what would have to be measured; None where they can.

    All else that the comparison would refuse is refused here: raises as `choose_reports` does, and
    InvalidParameter for a gate that is no condition.
    """
    conditions = parse_conditions(fail_if)
    try:
        reports = choose_reports(workspace, refs, on=on, split=split)
    except NotMeasured as error:
        check_gates(conditions, error.like)
        return error
    check_gates(conditions, reports)
    return None


def check_gates(conditions: Sequence[Condition], reports: Sequence[Report]) -> None:
    """Raise InvalidParameter for a gate on a metric that the reports, where there are some, do not have."""
    metrics = dict.fromkeys(name for report in reports for name in report.metrics)
    for condition in conditions if reports else ():
        condition.check(metrics)


def _find_sides(workspace: Workspace, refs: Sequence[str]) -> tuple[_Side, ...]:
    """Return what the refs name, each once."""
    if len(refs) < 2:
        raise InvalidParameter("One model alone has nothing to be compared with.", hint="Name two or more.")
    sides = tuple(_find_side(workspace, ref) for ref in refs)
    if len({(side.model.id, side.report and side.report.id) for side in sides}) < len(sides):
        raise _refuse_itself()
    return sides


def _find_side(workspace: Workspace, ref: str) -> _Side:
    try:
        return _Side(ref=ref, model=workspace.catalog.models.get(ref))
    except NotFound:
        report = workspace.catalog.reports.get(ref)
    if report.kind is not ReportKind.BENCHMARK:
        raise InvalidParameter(
            f"The report {report.name} compares models itself.", hint="Name models, or reports of one each."
        )
    if not Grounds(workspace).has_version(report):
        raise NotFound(
            f"The version {report.version_ref} that the report {report.name} has measured was deleted.",
            hint=f"Measure the model elsewhere: mlwf benchmark {shlex.quote(report.model_name)} PROJECT@N",
        )
    check_kept(report)
    return _Side(ref=ref, model=workspace.catalog.models.get_by_id(report.model_id), report=report)


def _refuse_itself() -> InvalidParameter:
    return InvalidParameter("A report cannot be compared with itself.", hint="Name different models.")


class _Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What the sides were measured on."""

    sides: tuple[_Side, ...]
    usable: tuple[dict[Ground, Report], ...]  # of each side: the newest that has kept what the model said
    newest: Report | None  # of all
    ground: Ground | None  # of that one, measured now
    gone: tuple[str, ...]  # versions that were deleted since, whose reports are passed over


def _look(workspace: Workspace, sides: tuple[_Side, ...], on: str | None, split: str | None) -> _Looked:
    version_id = None if on is None else resolve_version(workspace, on).id
    grounds = Grounds(workspace)
    usable, there, gone = [], list[Report](), list[str]()
    for side in sides:
        found = [
            report
            for report in _list_measured(workspace, side)
            if version_id in (None, report.version_id) and split in (None, report.split)
        ]
        gone += [report.version_ref for report in found if not grounds.has_version(report)]
        measured = [report for report in found if grounds.has_version(report)]
        costly = [report.id for report in measured if not read_noted(report)][MOST_LOOKED_AT:]
        measured = [report for report in measured if report.id not in costly]
        there += measured
        kept = [report for report in reversed(measured) if report.predictions is not None]
        usable.append({ground: report for report in kept if (ground := grounds.find(report))})
    newest = max(there, key=lambda report: report.created_at, default=None)
    return _Looked(
        sides=sides, usable=tuple(usable), newest=newest, gone=tuple(dict.fromkeys(gone)),
        ground=None if newest is None else grounds.find_anew(newest),
    )  # fmt: skip


def _list_measured(workspace: Workspace, side: _Side) -> tuple[Report, ...]:
    """Return the benchmarks of a model, newest first, or the one report that was named."""
    return (side.report,) if side.report is not None else list_benchmarks(workspace, model_id=side.model.id)


def _describe_apart(workspace: Workspace, looked: _Looked, on: str | None, split: str | None) -> NotMeasured:
    """Return what to raise where no data are common, with the commands that would measure what is missing."""
    refs = [side.ref for side in looked.sides]
    names = f"{', '.join(refs[:-1])} and {refs[-1]}"
    evaluators = {ground.evaluator for found in looked.usable for ground in found}
    if len(evaluators) > 1 and set.intersection(*({of.data for of in found} for found in looked.usable)):
        return NotMeasured(
            f"{names} were not measured by the same evaluator, but by "
            f"{' and '.join(sorted(evaluators))}: their figures have nothing in common.",
            hint="Name models, or measure again: mlwf benchmark MODEL REF -p evaluator=NAME.",
        )
    models = tuple(side.model.name for side in looked.sides)
    if len(set(models)) < len(models):
        return NotMeasured(
            f"{names} were not measured on the same data, and are of one model.",
            hint="Name reports of the same data, or different models.",
        )
    missing = _list_missing(workspace, looked, on, split)
    commands = _write_commands(missing, refs, on, split)
    unknown = [write_benchmark(model, "PROJECT@N", Part(split=split or AUTO)) for model in models]
    return NotMeasured(
        f"{names} were not measured on the same data.{_tell_gone(looked)}{_tell_rules(looked)}",
        hint=f"{'--measure does it first; or measure' if commands else 'Measure'} them there: "
        + "; ".join(commands or unknown),  # the last words, so that they can be pasted
        missing=missing,
        commands=commands,
        refs=models,
        like=() if looked.newest is None else (looked.newest,),
    )


def _tell_gone(looked: _Looked) -> str:
    """Return a sentence on the versions that were deleted and whose reports count for nothing, or ""."""
    if not looked.gone:
        return ""
    what = "that version was" if len(looked.gone) == 1 else "those versions were"
    return f" What was measured on {' and '.join(looked.gone)} does not count: {what} deleted."


def _tell_rules(looked: _Looked) -> str:
    """Return a sentence where nothing but the rules of counting differs, or ""."""
    data = [{(ground.data, ground.evaluator) for ground in found} for found in looked.usable]
    if not set.intersection(*data):
        return ""
    return " Of the same data an older mlwf counted crowds, difficult objects and sizes otherwise."


def _write_commands(
    missing: Sequence[ToMeasure], refs: Sequence[str], on: str | None, split: str | None
) -> tuple[str, ...]:
    """Return the commands that measure what is missing; of many named items the one that does all of it."""
    if any(len(of.part.keys) > MOST_KEYS_SHOWN for of in missing):
        return (write_measured_compare(refs, on=on, split=split),)
    return tuple(of.write_command() for of in missing)


def _list_missing(
    workspace: Workspace, looked: _Looked, on: str | None, split: str | None
) -> tuple[ToMeasure, ...]:
    """Return what was not measured where the newest report was, or, without any, on what is asked for."""
    if looked.newest is not None:
        place, part, evaluator = looked.newest.version_ref, looked.newest.part, looked.newest.evaluator
    elif on is not None:
        place, part, evaluator = resolve_version(workspace, on).ref, Part(split=split or AUTO), ""
    else:
        return ()
    return tuple(
        ToMeasure(
            model=side.model.name, version=place, part=part,
            evaluator="" if evaluator == side.model.task else evaluator,
        )
        for side, found in zip(looked.sides, looked.usable, strict=True)
        if looked.ground not in found
    )  # fmt: skip
