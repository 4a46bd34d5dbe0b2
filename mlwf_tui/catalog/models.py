"""Trained models by name and id; their weights lie in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.lookup import find_named
from mlwf_tui.catalog.tables import ModelRow
from mlwf_tui.entities.ids import ModelId, RunId, new_id
from mlwf_tui.entities.item import check_own_name
from mlwf_tui.entities.model import Checkpoint, Model, ModelFile
from mlwf_tui.errors import Conflict, NotFound

IS_LIVE = ModelRow.deleted_at.is_null()


class Models:
    """The models of a home. Deleted ones keep their rows, for lineage, and their names are free again."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def create(
        self,
        *,
        name: str,
        architecture: str,
        task: str,
        trainer: str,
        class_names: Sequence[str],
        image_size_px: int,
        checkpoints: Sequence[Checkpoint],
        metrics: Mapping[str, float],
        run_id: RunId,
        description: str = "",
        files: Sequence[ModelFile] = (),
    ) -> Model:
        """Add a model.

        Raises:
            Conflict: another has that name.
            InvalidInput: the name cannot be used.
            NotFound: there is no such run.
        """
        check_own_name(name, "model name")
        model_id = ModelId(new_id())
        with self._database.transaction():
            self._check_free(name)
            self._database.execute(
                ModelRow.insert(
                    id=model_id,
                    name=name,
                    description=description,
                    architecture=architecture,
                    task=task,
                    trainer=trainer,
                    class_names=list(class_names),
                    image_size_px=image_size_px,
                    checkpoints=list(checkpoints),
                    metrics={key: float(value) for key, value in metrics.items()},
                    run_id=run_id,
                    created_at=self._database.now(),
                    files=list(files),
                    is_starred=0,
                )
            )
            self._journal.append("model.created", model_id, name=name, run=run_id, text=description)
            return self.get_by_id(model_id)

    def get(self, ref: str) -> Model:
        """Return the model of this name, or whose id alone starts with `ref`.

        Raises:
            NotFound: there is none.
            InvalidInput: several ids start with it.
        """
        return self.get_by_id(ModelId(find_named(self._database, ModelRow, ref, "model")))

    def find(self, name: str) -> Model | None:
        """Return the model of exactly that name, if there is one."""
        found = self._read(IS_LIVE, ModelRow.name == name)
        return found[0] if found else None

    def get_by_id(self, model_id: ModelId) -> Model:
        """Raises NotFound, also where the model was deleted."""
        found = self._read(IS_LIVE, ModelRow.id == model_id)
        if not found:
            raise NotFound(f"There is no model with the id {model_id}.", hint="See mlwf models.")
        return found[0]

    def list(self) -> tuple[Model, ...]:
        """Return all models, newest first."""
        return self._read(IS_LIVE)

    def rename(self, model_id: ModelId, name: str, *, author: str = "") -> Model:
        """Raises NotFound, Conflict where the name is taken, InvalidInput where it cannot be used."""
        check_own_name(name, "model name")
        with self._database.transaction():
            model = self.get_by_id(model_id)
            if model.name != name:
                self._check_free(name)
            self._update(model_id, name=name)
            self._journal.append("model.renamed", model_id, author=author, before=model.name, name=name)
            return self.get_by_id(model_id)

    def describe(self, model_id: ModelId, text: str, *, author: str = "") -> Model:
        """Replace the description. Raises NotFound."""
        with self._database.transaction():
            before = self.get_by_id(model_id).description
            self._update(model_id, description=text)
            self._journal.append("model.described", model_id, author=author, before=before, text=text)
            return self.get_by_id(model_id)

    def star(self, model_id: ModelId, *, is_starred: bool, author: str = "") -> Model:
        """Let a model have a star, or none; where it is so already nothing happens. Raises NotFound."""
        with self._database.transaction():
            if self.get_by_id(model_id).is_starred != is_starred:
                self._update(model_id, is_starred=int(is_starred))
                kind = "model.starred" if is_starred else "model.unstarred"
                self._journal.append(kind, model_id, author=author)
            return self.get_by_id(model_id)

    def delete(self, model_id: ModelId, *, author: str = "") -> None:
        """Hide a model; its row stays for lineage and for reports. Raises NotFound."""
        with self._database.transaction():
            model = self.get_by_id(model_id)
            self._update(model_id, deleted_at=self._database.now())
            self._journal.append("model.deleted", model_id, author=author, name=model.name)

    def undelete(self, model_id: ModelId, name: str, *, author: str = "") -> Model:
        """Bring a deleted model back into sight under a name, its own or another.

        Raises:
            Conflict: another has that name.
            InvalidInput: the name cannot be used.
        """
        with self._database.transaction():
            check_own_name(name, "model name")
            self._check_free(name)
            self._update(model_id, deleted_at=None, name=name)
            self._journal.append("model.undeleted", model_id, author=author, name=name)
            return self.get_by_id(model_id)

    def _check_free(self, name: str) -> None:
        if self.find(name) is not None:
            raise Conflict(f"There is a model {name!r} already.", hint="Choose another name.")

    def _update(self, model_id: ModelId, **values: Any) -> None:
        self._database.execute(ModelRow.update(**values).where(ModelRow.id == model_id))

    def _read(self, *conditions: Any) -> tuple[Model, ...]:
        query = ModelRow.select().where(*conditions).order_by(ModelRow.sequence.desc())
        return self._database.fetch_as(query, _to_model)


def _to_model(row: ModelRow) -> Model:
    return Model(
        id=ModelId(row.id),
        name=row.name,
        description=row.description,
        architecture=row.architecture,
        task=row.task,
        trainer=row.trainer,
        class_names=tuple(row.class_names),
        image_size_px=row.image_size_px,
        checkpoints=msgspec.convert(row.checkpoints, tuple[Checkpoint, ...]),
        metrics=row.metrics,
        run_id=RunId(row.run_id),
        created_at=row.created_at,
        files=msgspec.convert(row.files, tuple[ModelFile, ...]) if row.files else (),
        is_starred=bool(row.is_starred),
    )
