"""Doing what a key, a menu line or a palette entry stands for, or saying why it cannot be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from mlwf_tui.tui.keys import KEYS_BY_ID, PARTS, READING, Key
from mlwf_tui.tui.screens.choices import find_reason
from mlwf_tui.tui.screens.marks import choose_compared, choose_targets, reach
from mlwf_tui.tui.screens.outline import renew_entry
from mlwf_tui.tui.screens.reader import Reader
from mlwf_tui.tui.screens.selecting import Selection
from mlwf_tui.tui.screens.telling import Teller
from mlwf_tui.tui.widgets.entry import Entry

if TYPE_CHECKING:  # every verb's imports are 120 ms that no one needs before the first verb
    from mlwf_tui.tui.screens.verbs.host import Host
    from mlwf_tui.tui.screens.verbs.several import SeveralVerb
    from mlwf_tui.tui.screens.verbs.table import Verb


def load_verbs() -> None:
    """Import what verbs need; on the loop the first verb would hold it for 0.15 s."""
    from mlwf_tui.tui.screens.verbs import excerpts, several, table  # noqa: F401, PLC0415 - see above


class Performing:
    """Performs an action by its id: one of `by_key`, or else a verb done to what is selected."""

    def __init__(
        self,
        host: Host,
        by_key: Mapping[str, Callable[[], object]],
        *,
        selection: Selection,
        reader: Reader,
        teller: Teller,
        awaiting_dialog: Callable[[bool], AbstractContextManager[None]],
        await_dialog: Callable[[], Callable[[], AbstractContextManager[None]]],
        read_clock: Callable[[], datetime],
    ) -> None:
        self._host = host
        self._by_key = by_key
        self._selection = selection
        self._reader = reader
        self._teller = teller
        self._awaiting_dialog = awaiting_dialog
        self._await_dialog = await_dialog
        self._read_clock = read_clock

    def perform(self, name: str) -> None:
        """Do it. What the home would not allow as it was read last is decided by what it says now."""
        self._selection.follow_keys()
        if name == "undo" and self._host.marks.clear():
            self._teller.refuse("The marks are taken away; the same key again takes back the last change.")
            return
        key = KEYS_BY_ID[name]
        entry = reach(key, self._selection.entry)
        if entry is not None and entry.kind in key.kinds and self._find_reason(key, entry):
            self._perform_anew(key, entry)
        else:
            self._perform(key, entry)

    def _perform_anew(self, key: Key, entry: Entry) -> None:
        """Read the home, then do it to what was selected when the key was pressed; keys behind it wait."""
        answering = self._await_dialog()

        def perform() -> None:
            with answering():
                self._perform(key, renew_entry(entry, self._host.snapshot, self._read_clock()))

        def give_up() -> None:
            with answering():
                pass

        self._reader.read(then=perform, failed=give_up)

    def _perform(self, key: Key, entry: Entry | None) -> None:
        reason = self._find_reason(key, entry)
        if reason:
            self._teller.refuse(f"{key.label}: {reason}")
        elif key.id in self._by_key:
            self._by_key[key.id]()
        else:
            with self._awaiting_dialog(key.id in READING):
                self._do_verb(key.id, entry)

    def _do_verb(self, id: str, entry: Entry | None) -> None:
        """Do a verb to the entry, or to all that is marked of its kind where the verb takes several."""
        choose = choose_compared if id == "compare" else choose_targets
        targets = choose(entry, self._host.marks.entries) if entry is not None else ()
        if entry is not None and entry.kind in PARTS and id in self._of_parts:
            self._of_parts[id](targets)
        elif targets != (entry,) and id in self._of_several:
            self._of_several[id](targets)
        else:
            self._verbs[id](entry)

    def _find_reason(self, key: Key, entry: Entry | None) -> str:
        return find_reason(key, entry, self._host.snapshot, self._host.marks.entries)

    @cached_property
    def _verbs(self) -> Mapping[str, Verb]:
        from mlwf_tui.tui.screens.verbs.table import make_verbs  # noqa: PLC0415 - see TYPE_CHECKING above

        return make_verbs(self._host)

    @cached_property
    def _of_parts(self) -> Mapping[str, SeveralVerb]:
        from mlwf_tui.tui.screens.verbs.excerpts import Excerpts  # noqa: PLC0415 - as above

        return Excerpts(self._host).by_key

    @cached_property
    def _of_several(self) -> Mapping[str, SeveralVerb]:
        from mlwf_tui.tui.screens.verbs.several import Several  # noqa: PLC0415 - as above

        return Several(self._host).by_key
