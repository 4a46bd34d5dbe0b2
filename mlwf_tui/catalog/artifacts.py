"""Artifacts without a table of their own: files, datasets, sessions, labelling jobs; not what is in them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.edges import add_edge
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.lookup import is_one_of
from mlwf_tui.catalog.tables import ArtifactRow
from mlwf_tui.entities.ids import ArtifactId, Digest, RunId, VersionId, new_id
from mlwf_tui.entities.lineage import Direction
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef


class FileFact(NamedTuple):
    """A file as it was when a run read or made it. `digest` is empty where the file was too large to hash."""

    path: str
    size_bytes: int
    digest: str
    signature: str


class Artifacts:
    """Finds and adds such artifacts. One that was read is the same again until it has changed."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def add_file(
        self,
        path: str,
        *,
        is_weights: bool,
        is_output: bool,
        signature: str,
        digest: Digest | None,
        size_bytes: int,
    ) -> ArtifactRef:
        """Return the artifact of a file outside of the home, as it is now.

        A file that is read is what its path was last, if its signature or its digest is the same. One that
        was written is always new.
        """
        kind = ArtifactKind.WEIGHTS if is_weights else ArtifactKind.FILE
        with self._database.transaction():
            if not is_output:
                known = self._find_newest(ArtifactRow.name == path, ArtifactRow.kind.in_(_FILES))
                if known is not None and (
                    known.signature == signature or (digest is not None and known.digest == digest)
                ):
                    return _to_ref(known)
            return self._add(kind, path, signature=signature, digest=digest or "", size_bytes=size_bytes)

    def read_files(self, ids: Collection[str]) -> dict[str, FileFact]:
        """Return what is known of some files, by their ids."""
        query = ArtifactRow.select().where(is_one_of(ArtifactRow.id, ids))
        with self._database.working_on_rows():
            return {
                row.id: FileFact(row.name, row.size_bytes or 0, row.digest, row.signature)
                for row in self._database.fetch(query)
            }

    def add_dataset(self, version_id: VersionId, name: str, *, is_output: bool) -> ArtifactRef:
        """Return the artifact of a dataset of a version; `name` is PROJECT@N/DATASET."""
        with self._database.transaction():
            mine = (ArtifactRow.version_id == version_id, ArtifactRow.name == name)
            known = None if is_output else self._find_newest(ArtifactRow.kind == ArtifactKind.DATASET, *mine)
            return _to_ref(known) if known else self._add(ArtifactKind.DATASET, name, version_id=version_id)

    def add_labeling_job(self, name: str, *, is_output: bool) -> ArtifactRef:
        """Return the artifact of a labelling job of another system, by what it is called there."""
        with self._database.transaction():
            mine = (ArtifactRow.kind == ArtifactKind.LABELING_JOB, ArtifactRow.name == name)
            known = None if is_output else self._find_newest(*mine)
            return _to_ref(known) if known else self._add(ArtifactKind.LABELING_JOB, name)

    def add_session(self, run_id: RunId, name: str, *, is_new: bool = False) -> ArtifactRef:
        """Return the session that a run offers to others: made by it, also where it has finished since.

        With `is_new` it is one that the run has not offered before, and nobody has made yet.
        """
        with self._database.transaction():
            mine = (ArtifactRow.kind == ArtifactKind.SESSION, ArtifactRow.run_id == run_id)
            known = None if is_new else self._find_newest(*mine)
            if known is not None:
                return _to_ref(known)
            session = self._add(ArtifactKind.SESSION, name, run_id=run_id)
            if not is_new:
                add_edge(self._database, run_id, Direction.OUTPUT, session)
            return session

    def _add(self, kind: ArtifactKind, name: str, **values: Any) -> ArtifactRef:
        artifact_id = ArtifactId(new_id())
        row = {"signature": "", "digest": "", **values}
        now = self._database.now()
        self._database.execute(
            ArtifactRow.insert(id=artifact_id, kind=kind, name=name, created_at=now, **row)
        )
        self._journal.append("artifact.added", artifact_id, of=kind, name=name)
        return ArtifactRef(kind, artifact_id, name)

    def _find_newest(self, *conditions: Any) -> ArtifactRow | None:
        query = ArtifactRow.select().where(*conditions).order_by(ArtifactRow.sequence.desc())
        row: ArtifactRow | None = self._database.find(query)
        return row


_FILES = (ArtifactKind.FILE.value, ArtifactKind.WEIGHTS.value)


def _to_ref(row: ArtifactRow) -> ArtifactRef:
    return ArtifactRef(ArtifactKind(row.kind), row.id, row.name)
