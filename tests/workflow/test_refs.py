from __future__ import annotations

import pytest

from mlwf_tui.errors import Conflict, InvalidParameter, NotFound
from mlwf_tui.workflow.copy import copy
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.names import choose_model_name
from mlwf_tui.workflow.refs import resolve
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workflow.running.jobs import queue_run
from mlwf_tui.workspace import Workspace
from tests.fakes.models import add_model


def test_a_whole_name_comes_before_the_beginning_of_an_id(imported: Workspace) -> None:
    prefix = imported.catalog.projects.get("cells").id[:8]
    assert resolve(imported, prefix) == imported.catalog.projects.get("cells")
    model = add_model(imported, prefix)
    assert resolve(imported, prefix) == model


def test_a_name_that_would_hide_an_id_is_refused(imported: Workspace) -> None:
    project = imported.catalog.projects.get("cells")
    first, second = add_model(imported, "first"), add_model(imported, "second")
    for ref, name in (("second", first.id), ("cells", first.id), ("second", "0123456789ab")):
        with pytest.raises(InvalidParameter, match="has the form of an id"):
            rename(imported, ref, name)
    with pytest.raises(InvalidParameter, match="has the form of an id"):
        choose_model_name(imported, first.id, "")
    with pytest.raises(InvalidParameter, match="has the form of an id"):
        copy(imported, "cells", project.id)
    with pytest.raises(InvalidParameter, match="has the form of an id"):
        imported.catalog.models.rename(second.id, first.id)
    assert resolve(imported, first.id) == first


def test_an_id_comes_before_a_name_of_old_that_looks_like_it(imported: Workspace) -> None:
    first, second = add_model(imported, "first"), add_model(imported, "second")
    other = imported.catalog.projects.get("cells")
    imported.catalog.models._update(second.id, name=first.id)  # as an earlier mlwf has let people do
    imported.catalog.projects._update(other.id, name="0123456789ab")
    assert resolve(imported, first.id) == imported.catalog.models.get(first.id) == first
    assert resolve(imported, "0123456789ab").id == other.id


def test_delete_wants_the_whole_name(imported: Workspace) -> None:
    prefix = imported.catalog.projects.get("cells").id[:5]
    with pytest.raises(InvalidParameter, match="beginning"):
        delete(imported, prefix)
    assert delete(imported, "cells") == "project"
    with pytest.raises(NotFound):
        resolve(imported, "cells")


def test_a_version_number_may_not_be_endless(imported: Workspace) -> None:
    with pytest.raises(InvalidParameter):
        resolve(imported, "cells@" + "9" * 5000)


def test_two_trainings_at_once_want_two_names(workspace: Workspace) -> None:
    first = choose_model_name(workspace, "", "yolov10p-cells")
    queue_run(workspace, "train", {"name": first}, 0)
    assert choose_model_name(workspace, "", "yolov10p-cells") == "yolov10p-cells-2"
    with pytest.raises(Conflict):
        choose_model_name(workspace, first, "")
    with pytest.raises(InvalidParameter):
        choose_model_name(workspace, "a/../b", "")
