"""Finds reports that can be compared, and where there are none, what has to be measured first."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from mlwf_tui.catalog.lookup import hint_undelete
from mlwf_tui.entities.model import Model, Report, ReportKind
from mlwf_tui.entities.part import AUTO, Part
from mlwf_tui.errors import Conflict, InvalidParameter, NotFound
from mlwf_tui.workflow.benchmarking.commanding import write_benchmark, write_measured_compare
from mlwf_tui.workflow.benchmarking.evaluating import choose_evaluator
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
    nothing is missing where nobody can say on what. `evaluator` would measure all of them alike, and `like`
    are reports of what they would be measured on.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        missing: tuple[ToMeasure, ...] = (),
        commands: tuple[str, ...] = (),
        refs: tuple[str, ...] = (),
        evaluator: str | None = None,
        like: tuple[Report, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.missing = missing
        self.commands = commands
        self.refs = refs
        self.evaluator = evaluator
        self.like = like


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of the measurements that are compared; None leaves it open."""

    on: str | None
    split: str | None
    evaluator: str | None


class _Side(msgspec.Struct, frozen=True, kw_only=True):
    """What is named to be compared: a model, or one report of it."""

    ref: str
    model: Model
    report: Report | None = None


def choose_reports(
    workspace: Workspace,
    refs: Sequence[str],
    *,
    on: str | None = None,
    split: str | None = None,
    evaluator: str | None = None,
) -> tuple[Report, ...]:
    """Return one report for each model, or report, that is named, all of the same items and truths.

    All were measured by one evaluator, by `evaluator` where it is given. Of several such sets the
    newest measured is taken; where its speed was not measured, the newest that was timed and says the
    same. What measuring would not help is refused before what is lacking is told.

    Raises:
        NotFound: there is no such model, report or version.
        InvalidParameter: fewer than two, one twice, a comparison, no split, or an evaluator that does not
            measure such models.
        InvalidInput: what a model said was not kept with a report that is named.
        NotMeasured: they were not measured on the same data.
    """
    sides = _find_sides(workspace, refs)
    if split is not None:
        Part(split=split).check()
    if evaluator is not None:
        for side in sides:
            choose_evaluator(workspace, side.model.task, evaluator)
    asked = _Asked(on=on, split=split, evaluator=evaluator)
    looked = _look(workspace, sides, asked)
    common = set.intersection(*map(set, looked.usable))
    ground = max(common, key=lambda of: max(found[of].created_at for found in looked.usable), default=None)
    if ground is None:
        raise _describe_apart(workspace, looked, asked)
    chosen = tuple(
        _prefer_timed(workspace, side, found[ground])
        for side, found in zip(sides, looked.usable, strict=True)
    )
    if len({report.id for report in chosen}) < len(chosen):
        raise _refuse_itself()
    return chosen


def _prefer_timed(workspace: Workspace, side: _Side, report: Report) -> Report:
    """Return the newest report of the same that has a speed and the same figures; without one `report`."""
    if report.speed:
        return report
    grounds = Grounds(workspace)
    alike = (
        other
        for other in _list_measured(workspace, side)
        if other.speed and other.predictions is not None and other.metrics == report.metrics
    )
    on = grounds.find(report)
    return next((of for of in alike if grounds.has_version(of) and grounds.find(of) == on), report)


def find_apart(
    workspace: Workspace,
    refs: Sequence[str],
    *,
    on: str | None = None,
    split: str | None = None,
    evaluator: str | None = None,
    fail_if: Sequence[str] = (),
) -> NotMeasured | None:
    """Return why things cannot be compared yet, with what would have to be measured; None where they can.

    All else that the comparison would refuse is refused here: raises as `choose_reports` does, and
    InvalidParameter for a gate that is no condition.
    """
    conditions = parse_conditions(fail_if)
    try:
        reports = choose_reports(workspace, refs, on=on, split=split, evaluator=evaluator)
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
    except NotFound as no_model:
        report = _find_report(workspace, ref, no_model)
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


def _find_report(workspace: Workspace, ref: str, no_model: NotFound) -> Report:
    """Return the report that is named where no model is; that there is neither is told of the model."""
    try:
        return workspace.catalog.reports.get(ref)
    except NotFound as no_report:
        deleted = hint_undelete(ref)
        was_report = no_report.hint == deleted != no_model.hint
        raise no_report if was_report else no_model from None


def _refuse_itself() -> InvalidParameter:
    return InvalidParameter("A report cannot be compared with itself.", hint="Name different models.")


class _Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What the sides were measured on."""

    sides: tuple[_Side, ...]
    usable: tuple[dict[Ground, Report], ...]  # of each side: the newest that has kept what the model said
    newest: Report | None  # of all
    ground: Ground | None  # of that one, measured now
    gone: tuple[str, ...]  # versions that were deleted since, whose reports are passed over


def _look(workspace: Workspace, sides: tuple[_Side, ...], asked: _Asked) -> _Looked:
    version_id = None if asked.on is None else resolve_version(workspace, asked.on).id
    grounds = Grounds(workspace)
    usable, there, gone = [], list[Report](), list[str]()
    for side in sides:
        found = [
            report
            for report in _list_measured(workspace, side)
            if version_id in (None, report.version_id)
            and asked.split in (None, report.split)
            and asked.evaluator in (None, report.evaluator)
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


def _describe_apart(workspace: Workspace, looked: _Looked, asked: _Asked) -> NotMeasured:
    """Return what to raise where no data are common, with the commands that would measure what is missing."""
    refs = [side.ref for side in looked.sides]
    names = f"{', '.join(refs[:-1])} and {refs[-1]}"
    reason = _find_reason(looked)
    models = tuple(side.model.name for side in looked.sides)
    if len(set(models)) < len(models):
        return NotMeasured(
            f"{names} were not measured {reason}, and are of one model.",
            hint="Name reports of the same data by the same evaluator, or different models.",
        )
    evaluator = asked.evaluator or _choose_evaluator(workspace, looked)
    if evaluator is None:
        tasks = " and ".join(dict.fromkeys(side.model.task for side in looked.sides))
        return NotMeasured(
            f"{names} are for the tasks {tasks}, which no evaluator measures alike.",
            hint="Name models whose figures have something in common.",
        )
    missing = _list_missing(workspace, looked, asked, evaluator)
    commands = _write_commands(missing, refs, asked)
    unknown = [write_benchmark(model, "PROJECT@N", Part(split=asked.split or AUTO)) for model in models]
    return NotMeasured(
        f"{names} were not measured {reason}.{_tell_gone(looked)}",
        hint=f"{'--measure does it first; or measure' if commands else 'Measure'} them there: "
        + "; ".join(commands or unknown),  # the last words, so that they can be pasted
        missing=missing,
        commands=commands,
        refs=models,
        evaluator=evaluator,
        like=() if looked.newest is None or looked.newest.evaluator != evaluator else (looked.newest,),
    )


def _find_reason(looked: _Looked) -> str:
    """Return in what the measurements of the sides differ, in words."""
    if not _have_common(looked, lambda ground: ground.data):
        return "on the same data"
    if _have_common(looked, lambda ground: (ground.data, ground.evaluator)):
        return "by the same rules: an older mlwf counted crowds, difficult objects and sizes otherwise"
    evaluators = sorted({ground.evaluator for found in looked.usable for ground in found})
    return f"by the same evaluator, but by {' and '.join(evaluators)}"


def _have_common(looked: _Looked, read: Callable[[Ground], object]) -> bool:
    """Return whether a measurement of each side has the same of what is read of it."""
    return bool(set.intersection(*({read(ground) for ground in found} for found in looked.usable)))


def _choose_evaluator(workspace: Workspace, looked: _Looked) -> str | None:
    """Return an evaluator that measures the models of all sides; None where there is none.

    First that of a report that is named, then a task's own, then that of the newest report.
    """
    tasks = {side.model.task for side in looked.sides}
    evaluators = map(workspace.registry.get_evaluator, workspace.registry.list_names("evaluators"))
    fit = [found.name for found in evaluators if tasks.issubset(found.tasks)]
    named = [side.report.evaluator for side in looked.sides if side.report is not None]
    own = [side.model.task for side in looked.sides]
    newest = [looked.newest.evaluator] if looked.newest is not None else []
    return next((name for name in (*named, *own, *newest, *fit) if name in fit), None)


def _tell_gone(looked: _Looked) -> str:
    """Return a sentence on the versions that were deleted and whose reports count for nothing, or ""."""
    if not looked.gone:
        return ""
    what = "that version was" if len(looked.gone) == 1 else "those versions were"
    return f" What was measured on {' and '.join(looked.gone)} does not count: {what} deleted."


def _write_commands(missing: Sequence[ToMeasure], refs: Sequence[str], asked: _Asked) -> tuple[str, ...]:
    """Return the commands that measure what is missing; of many named items the one that does all of it."""
    if any(len(of.part.keys) > MOST_KEYS_SHOWN for of in missing):
        return (write_measured_compare(refs, on=asked.on, split=asked.split, evaluator=asked.evaluator),)
    return tuple(of.write_command() for of in missing)


def _list_missing(
    workspace: Workspace, looked: _Looked, asked: _Asked, evaluator: str
) -> tuple[ToMeasure, ...]:
    """Return what was not measured where the newest report was, or, without any, on what is asked for."""
    if looked.newest is not None:
        place, part = looked.newest.version_ref, looked.newest.part
    elif asked.on is not None:
        place, part = resolve_version(workspace, asked.on).ref, Part(split=asked.split or AUTO)
    else:
        return ()
    ground = None if looked.ground is None else replace(looked.ground, evaluator=evaluator)
    return tuple(
        ToMeasure(
            model=side.model.name, version=place, part=part,
            evaluator="" if evaluator == side.model.task else evaluator,
        )
        for side, found in zip(looked.sides, looked.usable, strict=True)
        if ground not in found
    )  # fmt: skip
