"""The normalised texts of pipelines that were run; one of each text."""

from __future__ import annotations

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.lookup import find_by_prefix, missing
from mlwf_tui.catalog.tables import RecipeRow
from mlwf_tui.entities.ids import Digest, RecipeId, new_id
from mlwf_tui.entities.pipeline import KeptRecipe


class Recipes:
    """The recipes of a home. They are never changed and never deleted: what was made names them."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def keep(self, name: str, text: str, digest: Digest) -> KeptRecipe:
        """Return the recipe of this digest, added where there is none."""
        with self._database.transaction():
            found = self._find(digest)
            if found is not None:
                return found
            recipe_id = RecipeId(new_id())
            self._database.execute(
                RecipeRow.insert(
                    id=recipe_id, name=name, text=text, digest=digest, created_at=self._database.now()
                )
            )
            self._journal.append("recipe.kept", recipe_id, name=name)
            return self.get(recipe_id)

    def get(self, ref: str) -> KeptRecipe:
        """Return the recipe with this id, or whose id alone starts with it.

        Raises:
            NotFound: there is none.
            InvalidParameter: several ids start with it.
        """
        found = find_by_prefix(self._database, RecipeRow, ref, "recipe")
        if found is None:
            raise missing(ref, "recipe", ())
        return self._database.fetch_as(RecipeRow.select().where(RecipeRow.id == found), _to_recipe)[0]

    def _find(self, digest: Digest) -> KeptRecipe | None:
        found = self._database.fetch_as(RecipeRow.select().where(RecipeRow.digest == digest), _to_recipe)
        return found[0] if found else None


def _to_recipe(row: RecipeRow) -> KeptRecipe:
    return KeptRecipe(
        id=RecipeId(row.id),
        name=row.name,
        text=row.text,
        digest=Digest(row.digest),
        created_at=row.created_at,
    )
