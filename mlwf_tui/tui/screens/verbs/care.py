"""Looking after the bytes of a home: verify, collect, backup and stats."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from textual.content import Content

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form, finish, queue_call, show_problems
from mlwf_tui.tui.screens.verbs.terms import list_detach_fields, read_detached_terms
from mlwf_tui.tui.widgets.completing import PATH_TYPE
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.form import Form, make_field
from mlwf_tui.tui.widgets.sheet import Sheet, draw_lines
from mlwf_tui.workflow.backup import BackupResult, backup
from mlwf_tui.workflow.collect import collect
from mlwf_tui.workflow.stats import ProjectStats, Stats, read_stats
from mlwf_tui.workflow.verify import Scope, VerifyResult, verify

SCOPES = ("all", "new", "sample")
SAMPLE_SHARE = 0.1


class Care:
    """Asks for and does what concerns the whole home."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def verify(self, entry: Entry | None) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            asked = values.get("scope", "all")
            scope: Scope = "new" if asked == "new" else "sample" if asked == "sample" else "all"
            share = SAMPLE_SHARE if scope == "sample" else 1.0
            source = Path(values["repair-from"]) if values.get("repair-from") else None
            terms = read_detached_terms(values)
            if terms is not None:
                call = {"scope": scope, "share": share, "is_rebuilding": False, "repair_from": source}
                queue_call(self._host, "verify", call, terms, again)
                return
            work = partial(verify, self._host.workspace, scope=scope, share=share, repair_from=source)
            self._host.do_long(
                "Verify the home", lambda observer: work(observer), self._say_verified, failed=again
            )

        fields = (
            make_field("scope", "all bytes, those not yet verified, or a tenth", "all", choices=SCOPES),
            make_field(
                "repair-from", "home of a backup that damaged bytes are taken from", type_name=PATH_TYPE
            ),
            *list_detach_fields(self._host.snapshot),
        )
        form = Form("Verify the home", fields, command=command_lines.write_verify, verb="verify")
        ask_form(self._host, form, begin)

    def _say_verified(self, found: VerifyResult) -> None:
        text = f"{format_size(found.checked_bytes)} verified:"
        repaired = f" {format_count(found.repaired, 'record')} repaired." if found.repaired else ""
        if found.ok:
            finish(self._host, f"{text} everything is sound.{repaired}")
        else:
            finish(self._host, f"{text} {format_count(len(found.problems), 'problem')}.{repaired}")
            show_problems(self._host, "What verify found", found.problems)

    def collect(self, entry: Entry | None) -> None:
        """Say what would be freed, ask, and free it."""
        workspace = self._host.workspace

        def apply() -> None:
            self._host.do_long(
                "Collect",
                lambda observer: collect(workspace, observer, is_dry_run=False),
                lambda made: finish(
                    self._host,
                    f"Freed {format_size(made.freed_bytes)}: {made.packs_dropped:,} packs dropped,"
                    f" {made.packs_rewritten:,} rewritten.",
                ),
            )

        def ask(freed_bytes: int, pack_count: int) -> None:
            if not pack_count:
                self._host.say("Nothing can be freed: everything is needed, or was until lately.")
                return
            text = f"{format_size(freed_bytes)} in {format_count(pack_count, 'pack')} can be freed. Versions,"
            text += " heads, models and reports keep everything; so does what was changed in the last 7 days."
            confirm = Confirm("Collect", text, yes="Free it", is_dangerous=True)
            self._host.put(confirm, lambda is_wanted: apply() if is_wanted else None)

        self._host.do_long(
            "Looking for what nothing needs",
            lambda observer: collect(workspace, observer),
            lambda made: ask(made.freed_bytes, made.packs_dropped + made.packs_rewritten),
        )

    def backup(self, entry: Entry | None) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            folder, terms = Path(values["folder"]), read_detached_terms(values)
            if terms is not None:
                queue_call(self._host, "backup", {"folder": folder}, terms, again)
                return
            work = partial(backup, self._host.workspace, folder)
            self._host.do_long(
                f"Back up to {folder.name}",
                lambda observer: work(observer),
                self._say_backed_up,
                failed=again,
            )

        fields = (
            make_field(
                "folder",
                "empty, new, or an earlier backup of this home; it opens like any home",
                type_name=PATH_TYPE,
                is_required=True,
            ),
            *list_detach_fields(self._host.snapshot),
        )
        form = Form("Back the home up", fields, command=command_lines.write_backup, verb="back up")
        ask_form(self._host, form, begin)

    def _say_backed_up(self, made: BackupResult) -> None:
        text = f"Backed up to {made.folder}: {format_size(made.copied_bytes)} in"
        text += f" {format_count(made.packs_copied, 'new pack')}, {made.files_copied:,} other files."
        finish(self._host, text)
        show_problems(self._host, "What the backup lacks", made.problems)

    def stats(self, entry: Entry | None) -> None:
        def shown(stats: Stats) -> None:
            self._host.put(Sheet("How much there is", _draw_stats(stats)), lambda _: None)

        self._host.do_long("Counting", lambda _: read_stats(self._host.workspace), shown)


def _draw_stats(stats: Stats) -> Content:
    lines = [
        ("", "The home"),
        ("on disk", f"{format_size(stats.stored_bytes)} in {format_count(stats.packs, 'pack')}"),
        ("images of all heads", f"{format_size(stats.logical_bytes)}, {format_count(stats.items, 'item')}"),
        ("images of all versions", _describe_history(stats.history_bytes, stats.unique_bytes)),
        ("same bytes kept once", f"× {stats.dedup_factor:.3g}"),
        ("compressed", f"× {stats.compression_factor:.3g} of {format_size(stats.raw_bytes)}"),
        ("blobs", f"{stats.blobs:,}"),
    ]  # fmt: skip
    for project in stats.projects:
        lines += _list_project(project)
    return draw_lines(lines)


def _list_project(project: ProjectStats) -> list[tuple[str, str]]:
    history = _describe_history(project.history_bytes, project.unique_bytes)
    return [
        ("", f"{project.name}  ({project.workspace})"),
        ("head", f"{format_size(project.logical_bytes)}, {format_count(project.items, 'item')}"),
        ("history", f"{format_count(project.versions, 'version')}, {history}"),
    ]


def _describe_history(history_bytes: int, unique_bytes: int) -> str:
    return f"{format_size(history_bytes)}, each image once {format_size(unique_bytes)}"
