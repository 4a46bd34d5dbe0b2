"""Verbs that are done to all that is marked: one after the other, in one thread, each for itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.outline import find_tags
from mlwf_tui.tui.screens.verbs.comparing import Comparing
from mlwf_tui.tui.screens.verbs.host import Host, finish, name_keys
from mlwf_tui.tui.screens.verbs.names import tell_way_back
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.context_menu import Choice, ContextMenu
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.delete import delete, list_reasons_to_keep
from mlwf_tui.workflow.hide import hide, unhide
from mlwf_tui.workflow.pause import pause_run
from mlwf_tui.workflow.queue import set_priority
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.retry import retry_run
from mlwf_tui.workflow.star import star_model
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workflow.tag import tag, untag

SeveralVerb = Callable[[Sequence[Entry]], None]
"""Takes entries of one kind."""
MAX_NAMED = 8


class Outcome(msgspec.Struct, frozen=True):
    """What became of a verb that was done to several things."""

    done: tuple[Entry, ...]
    failed: tuple[tuple[Entry, MlwfError], ...]


class Several:
    """Does verbs to several entries; `by_key` has them by the ids of their keys.

    What could not be done is told, and stays marked; the others are done.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        workspace = host.workspace
        self.by_key: Mapping[str, SeveralVerb] = {
            "delete": self.delete,
            "tag": self.tag,
            "untag": self.untag,
            "star": self.star,
            "hide": self.hide,
            "yank": self.yank,
            "yank_id": self.yank_id,
            "compare": Comparing(host).compare_all,
            "stop": partial(self._ask_and_do, "stop", "Stopped", lambda e: stop_run(workspace, e.ref)),
            "pause": partial(self._do, "Paused", lambda entry: pause_run(workspace, entry.ref)),
            "resume": partial(self._do, "Resumed", lambda entry: resume_run(workspace, entry.ref)),
            "retry": partial(self._do, "Queued again", lambda entry: retry_run(workspace, entry.ref)),
            "sooner": partial(self._do, "Raised the priority of", partial(self._move, 1)),
            "later": partial(self._do, "Lowered the priority of", partial(self._move, -1)),
        }

    def delete(self, targets: Sequence[Entry]) -> None:
        """Ask once for all; what speaks against deleting a version is said before."""
        workspace = self._host.workspace

        def look() -> dict[str, tuple[str, ...]]:
            versions = [entry.entity for entry in targets if isinstance(entry.entity, Version)]
            return {version.id: list_reasons_to_keep(workspace, version) for version in versions}

        def ask(reasons: dict[str, tuple[str, ...]]) -> None:
            against = [
                f"· {name_all(targets, id)}: {'; '.join(said)}" for id, said in reasons.items() if said
            ]
            text = "Against it speaks:\n" + "\n".join(against) + "\n\n" if against else ""
            text += f"{name_all(targets)}\n\nThey go out of sight; their places in the lineage stay."
            text += f" {tell_way_back(self._host)}"

            def confirmed(is_wanted: bool) -> None:
                if is_wanted:
                    forced = {id for id, said in reasons.items() if said}
                    self._do("Deleted", partial(self._delete_one, forced), targets, is_deleting=True)

            yes = "Delete all the same" if against else "Delete"
            title = f"Delete {count_all(targets)}"
            self._host.put(Confirm(title, text, yes=yes, is_dangerous=True), confirmed)

        self._host.ask("delete", look, ask)

    def tag(self, targets: Sequence[Entry]) -> None:
        """Give all of them one tag; of versions of one project only the last can keep it."""

        def named(name: str) -> None:
            self._do(
                f"Tagged with {name}:", lambda entry: tag(self._host.workspace, entry.target, name), targets
            )

        self._host.put(Prompt(f"Tag {count_all(targets)}", help="One word, such as golden."), named)

    def untag(self, targets: Sequence[Entry]) -> None:
        """Take one tag off all that have it."""
        having = {entry.key: find_tags(entry, self._host.snapshot) for entry in targets}
        names = sorted({name for tags in having.values() for name in tags})

        def chosen(name: str) -> None:
            tagged = [entry for entry in targets if name in having[entry.key]]
            work = partial(_untag_one, self._host, name)
            self._do(f"Took {name} off", work, tagged)

        choices = [Choice(id=name, label=name) for name in names]
        self._host.put(ContextMenu(f"Take off {count_all(targets)}", choices), chosen)

    def star(self, targets: Sequence[Entry]) -> None:
        """Star all of them; where all are starred, take the stars away."""
        models = [entry.entity for entry in targets if isinstance(entry.entity, Model)]
        is_starred = not all(model.is_starred for model in models)
        said = "Starred" if is_starred else "Took the star of"
        star = partial(star_model, self._host.workspace, is_starred=is_starred)
        self._do(said, lambda entry: star(entry.target), targets)

    def hide(self, targets: Sequence[Entry]) -> None:
        """Leave all of them out of the lineage; where all are hidden, show them again."""
        nodes = [self._host.snapshot.nodes.get(entry.key) for entry in targets]
        verb = unhide if all(node is not None and node.is_hidden for node in nodes) else hide
        said = "Show again" if verb is unhide else "Hid"
        self._do(said, lambda entry: verb(self._host.workspace, (entry.target,)), targets)

    def yank(self, targets: Sequence[Entry]) -> None:
        """Copy what the command line calls them, a line each."""
        self._host.copy("\n".join(entry.ref for entry in targets))

    def yank_id(self, targets: Sequence[Entry]) -> None:
        """Copy their ids, a line each."""
        self._host.copy("\n".join(entry.key.partition(":")[2] for entry in targets))

    def _delete_one(self, forced: set[str], entry: Entry) -> None:
        is_forced = isinstance(entry.entity, Version) and entry.entity.id in forced
        delete(self._host.workspace, entry.target, is_forced=is_forced)

    def _move(self, by: int, entry: Entry) -> None:
        if isinstance(entry.entity, Run):
            set_priority(self._host.workspace, entry.entity.id, entry.entity.priority + by)

    def _ask_and_do(
        self, verb: str, said: str, do: Callable[[Entry], object], targets: Sequence[Entry]
    ) -> None:
        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                self._do(said, do, targets)

        title = f"{verb.capitalize()} {count_all(targets)}"
        self._host.put(Confirm(title, name_all(targets), yes=title, is_dangerous=True), confirmed)

    def _do(
        self,
        said: str,
        do: Callable[[Entry], object],
        targets: Sequence[Entry],
        *,
        is_deleting: bool = False,
    ) -> None:
        """Do it to each, and tell how many it was done to and why not to the others."""

        def told(outcome: Outcome) -> None:
            self._host.marks.drop(outcome.done)
            details = [f"{entry.title}: {error.message} {error.hint}" for entry, error in outcome.failed]
            text = f"{said} {count_all(outcome.done)}." if outcome.done else ""
            if details:
                text = f"{text} Not {count_all([entry for entry, _ in outcome.failed])}: {details[0]}".strip()
            deleted = outcome.done if is_deleting else ()
            if deleted:
                text += name_keys(self._host, " {undo} brings back what was deleted.")
            finish(self._host, text, detail="\n".join(details), deleted=deleted)

        self._host.ask(said, partial(do_all, do, targets), told, is_patient=False)


def do_all(do: Callable[[Entry], object], targets: Sequence[Entry]) -> Outcome:
    """Do something to each of the entries; one that it cannot be done to stops no other."""
    done: list[Entry] = []
    failed: list[tuple[Entry, MlwfError]] = []
    for entry in targets:
        try:
            do(entry)
        except MlwfError as error:
            failed.append((entry, error))
        else:
            done.append(entry)
    return Outcome(tuple(done), tuple(failed))


def count_all(entries: Sequence[Entry]) -> str:
    """Return how many of what they are: "3 runs"; of one alone its name."""
    return entries[0].ref if len(entries) == 1 else format_count(len(entries), entries[0].kind.value)


def name_all(entries: Sequence[Entry], id: str = "") -> str:
    """Return their names, the first of them where they are many; with an id the name of that one."""
    names = [entry.ref or entry.title for entry in entries if not id or entry.key.endswith(f":{id}")]
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _untag_one(host: Host, name: str, entry: Entry) -> None:
    untag(host.workspace, entry.target, name)
