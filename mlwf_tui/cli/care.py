"""Commands that look after the bytes of a home: check, free, copy and count them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlwf_tui.cli.face import DONE, FAILED, PARTLY, Face, command, to_document
from mlwf_tui.cli.progress import show_progress
from mlwf_tui.cli.terms import detachable, submit
from mlwf_tui.cli.text import format_table
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.queue import Terms, read_duration
from mlwf_tui.entities.run import Problem
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.errors import Cancelled, InvalidParameter
from mlwf_tui.settings import expand_path

if TYPE_CHECKING:  # for the annotation alone; see Face.open
    from mlwf_tui.workflow.verify import Scope

group = click.Group()
SHOWN_PROBLEMS = 50
GRACE = "7d"


@command(group, "verify")
@click.option("--new", "is_new", is_flag=True, help="Read only what was not verified since it was written.")
@click.option(
    "--sample",
    type=float,
    metavar="SHARE",
    help="Read a share of the packs, 0.1 a tenth, oldest check first.",
)
@click.option(
    "--repair-from",
    type=click.Path(path_type=Path),
    metavar="BACKUP",
    help="Take what is damaged from there.",
)
@click.option("--rebuild-index", is_flag=True, help="First make the store's index again from its packs.")
@detachable
def verify_command(
    face: Face,
    is_new: bool,
    sample: float | None,
    repair_from: Path | None,
    rebuild_index: bool,
    terms: Terms | None,
) -> int:
    """Read every stored byte, and ask for everything that versions name.

    What a damage hits is named as PROJECT@N: ITEM. A check that was stopped goes on with --new.

    \b
    mlwf verify --sample 0.1
    mlwf verify --repair-from /backups/mlwf
    """
    from mlwf_tui.workflow.verify import verify

    if is_new and sample is not None:
        raise InvalidParameter("--new and --sample exclude each other.", hint="Give one of them.")
    scope: Scope = "new" if is_new else "all" if sample is None else "sample"
    share = 1.0 if sample is None else sample
    if terms is not None:
        backup = None if repair_from is None else str(expand_path(repair_from))
        call = {"scope": scope, "share": share, "is_rebuilding": rebuild_index, "repair_from": backup}
        with face.open() as workspace:
            return submit(face, workspace, "verify", call, terms)
    with face.open() as workspace, show_progress("verify") as observer:
        try:
            result = verify(
                workspace,
                observer,
                scope=scope,
                share=share,
                is_rebuilding=rebuild_index,
                repair_from=repair_from,
            )
        except KeyboardInterrupt as error:
            raise Cancelled(
                "Stopped on request.", hint="What was checked is remembered: mlwf verify --new goes on."
            ) from error
    mended = f", {result.repaired} records taken from the backup" if repair_from is not None else ""
    text = f"{format_size(result.checked_bytes)} checked, {len(result.problems)} problems{mended}"
    face.show(to_document(result), "\n".join([text, *_list_problems(result.problems)]))
    return DONE if result.ok else FAILED


@command(group, "collect")
@click.option("--apply", "is_applied", is_flag=True, help="Do it; without, only say what it would free.")
@click.option(
    "--grace",
    default=GRACE,
    metavar="TIME",
    show_default=True,
    help="Keep what was deleted since: 7d, 12h, 0.",
)
@detachable
def collect_command(face: Face, is_applied: bool, grace: str, terms: Terms | None) -> int:
    """Free the room of what nothing needs any more.

    Versions, heads, what undo and redo can reach, models and reports keep all their bytes. Other
    runs may go on meanwhile.

    \b
    mlwf collect
    mlwf collect --apply --grace 0
    """
    from mlwf_tui.workflow.collect import collect

    grace_s = read_duration(grace)
    if terms is not None:
        with face.open() as workspace:
            call = {"is_dry_run": not is_applied, "grace_s": grace_s}
            return submit(face, workspace, "collect", call, terms)
    with face.open() as workspace, show_progress("collect") as observer:
        result = collect(workspace, observer, is_dry_run=not is_applied, grace_s=grace_s)
    given = "" if grace == GRACE else f" --grace {shlex.quote(grace)}"
    verb = "freed" if is_applied else f"would be freed: mlwf collect --apply{given}"
    packs = f"{format_count(result.packs_dropped, 'pack')} dropped, {result.packs_rewritten} rewritten"
    lines = [f"{format_size(result.freed_bytes)} {verb} ({packs})", *_list_problems(result.problems)]
    face.show({**to_document(result), "is_dry_run": not is_applied}, "\n".join(lines))
    return PARTLY if result.problems else DONE


@command(group, "backup")
@click.argument("folder", metavar="DEST", type=click.Path(path_type=Path))
@detachable
def backup_command(face: Face, folder: Path, terms: Terms | None) -> int:
    """Bring a second home up to date; what is copied is checked.

    Only what is new is copied. What is there already is told by name and size: verify in DEST reads it,
    as the last example does. The copy opens like any home; to restore, back it up in turn.

    \b
    mlwf backup /backups/mlwf
    mlwf --home /backups/mlwf backup ~/restored
    mlwf --home /backups/mlwf verify
    """
    from mlwf_tui.workflow.backup import backup

    if terms is not None:
        with face.open() as workspace:
            return submit(face, workspace, "backup", {"folder": str(expand_path(folder))}, terms)
    with face.open() as workspace, show_progress("backup") as observer:
        result = backup(workspace, folder, observer)
    text = (
        f"{format_size(result.copied_bytes)} in {format_count(result.packs_copied, 'pack')}"
        f" and {format_count(result.files_copied, 'file')}"
        f" copied to {result.folder}, {format_count(result.packs_removed, 'pack')} removed there"
    )
    lines = [text, *_list_problems(result.problems)]
    if result.packs_kept:
        read_by = f"mlwf --home {shlex.quote(result.folder)} verify"
        lines.append(f"{result.packs_kept} packs were there already and were not read: {read_by} reads them")
    face.show(to_document(result), "\n".join(lines))
    return DONE if result.ok else PARTLY


@command(group, "stats")
def stats_command(face: Face) -> None:
    """Say how much there is, and how much of it is stored.

    \b
    mlwf stats
    """
    from mlwf_tui.workflow.stats import read_stats

    with face.open() as workspace:
        stats = read_stats(workspace)
    rows = [
        (
            project.name,
            f"{project.items:,}",
            format_size(project.logical_bytes),
            str(project.versions),
            format_size(project.history_bytes),
            format_size(project.unique_bytes),
        )
        for project in stats.projects
    ]
    header = ("PROJECT", "ITEMS", "IMAGES", "VERSIONS", "HISTORY", "UNIQUE")
    text = (
        f"{format_table(header, rows, empty='No projects yet.')}\n\n"
        f"{stats.blobs:,} blobs, {format_size(stats.raw_bytes)}, stored in"
        f" {format_size(stats.stored_bytes)} and {stats.packs} packs\n"
        f"each byte kept once saves {stats.dedup_factor:.2f}×, compression {stats.compression_factor:.2f}×"
    )
    face.show(to_document(stats), text)


def _list_problems(problems: Sequence[Problem]) -> list[str]:
    lines = [f"  {problem.path}: {problem.reason}" for problem in problems[:SHOWN_PROBLEMS]]
    if len(problems) > SHOWN_PROBLEMS:
        lines.append(f"  and {len(problems) - SHOWN_PROBLEMS} more; --json lists all")
    return lines
