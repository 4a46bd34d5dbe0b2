"""What people and programs have put on nodes of the lineage; each change stays in the journal."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.tables import CardRow
from mlwf_tui.entities.card import TEXTS, Card


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

    def list_hidden(self) -> tuple[str, ...]:
        """Return the nodes that are hidden, `kind:id`."""
        query = CardRow.select(CardRow.subject, CardRow.card)
        query = query.where(pw.fn.INSTR(CardRow.card, '"is_hidden"') > 0)
        with self._database.working_on_rows():
            cards = {row.subject: msgspec.convert(row.card, Card) for row in self._database.fetch(query)}
        return tuple(subject for subject, card in cards.items() if card.is_hidden)

    def change(self, node_id: str, make: Callable[[Card], Card], *, author: str) -> Card:
        """Let a node have what `make` makes of its card, and return that; before it stays in its history."""
        with self._database.transaction():  # or what another says meanwhile would be lost
            before = self.get(node_id)
            card = make(before)
            if card != before:
                row = CardRow.insert(subject=node_id, card=msgspec.to_builtins(card))
                self._database.execute(row.on_conflict_replace())
                self._note(node_id.partition(":")[2], before, card, author)
            return card

    def _note(self, subject: str, before: Card, card: Card, author: str) -> None:
        """Append what has changed: all words of the card in one event, each tag in one of its own."""
        said = {name: getattr(card, name) for name in TEXTS if getattr(card, name)}
        if any(getattr(card, name) != getattr(before, name) for name in TEXTS):
            self._journal.append("card.changed", subject, author=author, **said)
        for tag in sorted({*card.tags} - {*before.tags}):
            self._journal.append("card.tagged", subject, author=author, tag=tag)
        for tag in sorted({*before.tags} - {*card.tags}):
            self._journal.append("card.untagged", subject, author=author, tag=tag)
        if card.is_hidden != before.is_hidden:
            self._journal.append("card.hidden" if card.is_hidden else "card.shown", subject, author=author)
