"""How rows are found: by a person's reference, a name or any unique prefix of an id; by a list of ids."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.tables import ModelRow, ProjectRow, RecipeRow, ReportRow, RunRow
from mlwf_tui.entities.ids import is_id
from mlwf_tui.errors import InvalidParameter, NotFound

LISTED_BY = {"project": "mlwf projects", "run": "mlwf runs", "model": "mlwf models", "report": "mlwf report"}
MAX_CANDIDATES = 5


def find_by_prefix(
    database: Database,
    table: type[ProjectRow | RunRow | ModelRow | ReportRow | RecipeRow],
    ref: str,
    what: str,
) -> str | None:
    """Return the one id that starts with `ref`, or None; what was deleted is not found.

    Raises:
        InvalidParameter: several ids do.
    """
    if not re.fullmatch("[0-9a-f]{1,12}", ref):
        return None
    # A range, as LIKE would not use the index; "g" follows the last hexadecimal digit.
    query = table.select(table.id).where(table.id >= ref, table.id < ref + "g")
    if issubclass(table, ProjectRow | ModelRow | ReportRow):
        query = query.where(table.deleted_at.is_null())
    ids = [row[0] for row in database.fetch(query.order_by(table.id).limit(MAX_CANDIDATES + 1).tuples())]
    if len(ids) > 1:
        raise ambiguous(ref, what, ids)
    return ids[0] if ids else None


def find_named(database: Database, table: type[ModelRow | ReportRow], ref: str, what: str) -> str:
    """Return the id of what has the name `ref`, or whose id alone starts with it; a whole id comes first.

    Raises:
        NotFound: nothing does.
        InvalidParameter: several ids start with it.
    """
    live = table.deleted_at.is_null()
    of_id = find_by_prefix(database, table, ref, what) if is_id(ref) else None
    named: str | None = database.read_value(table.select(table.id).where(live, table.name == ref))
    found = of_id or named or find_by_prefix(database, table, ref, what)
    if found is None:
        names = [row[0] for row in database.fetch(table.select(table.name).where(live).tuples())]
        was_deleted = database.read_value(table.select(table.id).where(~live, table.name == ref)) is not None
        raise missing(ref, what, names, was_deleted=was_deleted)
    return found


def is_one_of(column: pw.Field[str], ids: Iterable[str]) -> Any:
    """Return the condition that a column is one of these; one list is one parameter, however long."""
    return column.in_(pw.SQL("(SELECT value FROM json_each(?))", (json.dumps(sorted(ids)),)))


def ambiguous(ref: str, what: str, candidates: Sequence[str]) -> InvalidParameter:
    """Return the error for a reference that several things answer to."""
    shown = ", ".join(candidates[:MAX_CANDIDATES])
    more = ", …" if len(candidates) > MAX_CANDIDATES else ""
    return InvalidParameter(f"{ref!r} may be more than one {what}: {shown}{more}.", hint="Name one in full.")


def missing(ref: str, what: str, names: Iterable[str], *, was_deleted: bool = False) -> NotFound:
    """Return the error for a reference that nothing answers to, with the names that come near it."""
    if was_deleted:
        return NotFound(f"The {what} {ref!r} was deleted.", hint=hint_undelete(ref))
    import difflib  # only for a name that is not there

    close = difflib.get_close_matches(ref, sorted(set(names)), n=3, cutoff=0.5)
    listed_by = LISTED_BY.get(what, "mlwf graph")
    hint = f"Did you mean {' or '.join(close)}?" if close else f"See what there is: {listed_by}"
    return NotFound(f"There is no {what} {ref!r}.", hint=hint)


def hint_undelete(ref: str) -> str:
    """Return what brings a deleted thing back."""
    from shlex import quote  # only for what is not there

    return f"Bring it back: mlwf undelete {quote(ref)}"
