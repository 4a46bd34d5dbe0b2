"""What people and programs have put on nodes of the lineage; each change stays in the journal."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.tables import CardRow
from mlwf_tui.entities.card import Card


class Cards:
    """The cards of a home, by their node's `kind:id`. A card is the sum of its events in the journal."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def get(self, node_id: str) -> Card:
        """Return what is on a node, an empty card where nothing is."""
        query = CardRow.select(CardRow.card).where(CardRow.subject == node_id)
        with self._database.working_on_rows():
            found = self._database.read_value(query)
            return Card() if found is None else msgspec.convert(found, Card)

    def change(self, node_id: str, make: Callable[[Card], Card], *, author: str) -> None:
        """Let a node have what `make` makes of its card; what was on it before stays in its history."""
        with self._database.transaction():  # or what another says meanwhile would be lost
            before = self.get(node_id)
            card = make(before)
            if card == before:
                return
            row = CardRow.insert(subject=node_id, card=msgspec.to_builtins(card))
            self._database.execute(row.on_conflict_replace())
            said = {name: text for name, text in msgspec.to_builtins(card).items() if text}
            self._journal.append("card.changed", node_id.partition(":")[2], author=author, **said)
