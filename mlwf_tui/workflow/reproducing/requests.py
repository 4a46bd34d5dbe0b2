"""What a run is to be asked for again: the same versions by refs that hold, and names that are free."""

from __future__ import annotations

from mlwf_tui.entities.ids import RecipeId, VersionId
from mlwf_tui.entities.run import ArtifactKind, Run
from mlwf_tui.errors import InvalidInput
from mlwf_tui.workflow.names import find_free
from mlwf_tui.workflow.pipeline import Request
from mlwf_tui.workspace import Workspace

SUFFIX = "again"


def refer_to(workspace: Workspace, version_id: str) -> str:
    """Return a ref that means a version whatever its project is called now. Raises NotFound."""
    found = workspace.catalog.versions.get_by_id(VersionId(version_id))
    project = workspace.catalog.projects.get_by_id(found.project_id)
    return f"{project.workspace}/{project.name}@{found.number}"


def name_again(workspace: Workspace, name: str) -> str:
    """Return a free name for a project that holds what was made again."""
    taken = {project.name for project in workspace.catalog.projects.list()}
    return find_free(f"{name}-{SUFFIX}", taken)


def make_request_again(workspace: Workspace, run: Run) -> Request:
    """Return the request that does a pipeline's recipe again: from the same versions, into new projects.

    Raises:
        NotFound: a version or the recipe is gone.
        InvalidInput: the run has not noted which versions its sources were.
    """
    recipe = next((ref for ref in run.inputs if ref.kind is ArtifactKind.RECIPE), None)
    if recipe is None or "sources" not in run.result:
        raise InvalidInput("Which versions its sources were was not noted.", hint="Run the pipeline itself.")
    kept = workspace.catalog.recipes.get(RecipeId(recipe.id))
    sources = {name: refer_to(workspace, id) for name, id in run.result["sources"].items()}
    request = Request(name=kept.name, text=kept.text, sources=sources, is_again=True)
    to = {output.result: name_again(workspace, output.project) for output in request.read().outputs}
    return Request(name=kept.name, text=kept.text, sources=sources, to=to, is_again=True)
