"""A draft is checked part by part, kept in the home, saved as a file and run by its word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from mlwf_tui.cli.main import main
from mlwf_tui.entities.pipeline import Output, Pipeline, Step, StepState
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, NotFound, StorageFailed
from mlwf_tui.workflow.pipeline import make_request, preview_pipeline, run_pipeline
from mlwf_tui.workflow.pipelines import drafting
from mlwf_tui.workflow.pipelines.drafts import (
    Opened,
    check_draft,
    find_preview,
    keep_draft,
    open_pipeline,
    read_draft,
    read_params,
    read_values,
    save_pipeline,
    write_params,
)
from mlwf_tui.workflow.pipelines.files import place_draft
from mlwf_tui.workflow.preview import Previewer
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver


@pytest.fixture
def drafted(imported: Workspace) -> Pipeline:
    """Items with objects, dealt out, put beside small pictures of all of them."""
    pipeline = drafting.make_pipeline(["cells"])
    pipeline = add(pipeline, "filter", min_objects=1)
    return add(pipeline, "split", train=0.5, val=0.5, test=0)


def add(pipeline: Pipeline, operation: str, **params: object) -> Pipeline:
    return drafting.add_step(pipeline, Step(name="", operation=operation, params=params))


def list_faults(workspace: Workspace, pipeline: Pipeline) -> list[tuple[str, str]]:
    faults = check_draft(workspace, pipeline, KeepingObserver()).faults
    return [(fault.part, fault.message) for fault in faults]


def test_a_sound_draft_has_no_fault(imported: Workspace, drafted: Pipeline) -> None:
    check = check_draft(imported, drafted, KeepingObserver())
    assert check.faults == ()
    assert check.is_sound


def test_each_fault_is_told_at_the_part_that_it_is_in(imported: Workspace, drafted: Pipeline) -> None:
    step = drafting.find_step(drafted, "split")
    assert step is not None
    broken = drafting.replace_step(drafted, "split", replace(step, params={"train": 7}, inputs=("filtr",)))
    broken = drafting.add_source(broken, "nowhere")
    broken = drafting.add_output(broken, Output(result="split", project="a/b@2"))
    broken = drafting.add_step(broken, Step(name="", operation="flipp", branch="side"), after="filter")
    parts = dict(list_faults(imported, broken))
    assert set(parts) == {"source:nowhere", "step:split", "output:1", "step:flipp"}
    assert "reads 'filtr'" in " ".join(text for _, text in list_faults(imported, broken))
    assert "no operation 'flipp'" in parts["step:flipp"]


def test_what_no_output_needs_is_a_warning_at_its_part(imported: Workspace, drafted: Pipeline) -> None:
    unused = drafting.add_step(drafted, Step(name="", operation="flip", branch="side"), after="filter")
    check = check_draft(imported, unused, KeepingObserver())
    assert [(fault.part, fault.is_warning) for fault in check.faults] == [("branch:side", True)]
    assert check.is_sound


def test_a_count_goes_through_steps_that_were_not_done(imported: Workspace, drafted: Pipeline) -> None:
    longer = add(add(drafted, "flip", splits=["train"], copies=2), "filter", splits=["train"])
    check = check_draft(imported, longer, KeepingObserver(), is_counting=True)
    counts = [(one.name, one.items_in, one.items_out, one.is_estimate) for one in check.steps]
    kept = counts[0][2]
    assert kept is not None
    trained = kept - kept // 2
    assert counts[1:3] == [
        ("split", kept, kept, False), ("flip", kept, kept + 2 * trained, False),
    ]  # fmt: skip
    assert counts[3] == ("filter-2", kept + 2 * trained, 3 * trained, True)
    run_it(imported, longer)
    again = check_draft(imported, longer, KeepingObserver(), is_counting=True)
    assert {one.state for one in again.steps} == {StepState.CACHED}
    assert [one.items_out for one in again.steps] == [one.items_out for one in check.steps]


def run_it(workspace: Workspace, pipeline: Pipeline) -> None:
    keep_draft(workspace, Opened(pipeline=pipeline))
    run_pipeline(workspace, make_request(workspace, "draft"), observer=KeepingObserver())


def test_a_step_that_would_leave_nothing_is_told_by_a_dry_run(imported: Workspace, drafted: Pipeline) -> None:
    empty = add(drafted, "filter", min_width_px=100_000)
    check = check_draft(imported, empty, KeepingObserver(), is_counting=True)
    assert [(fault.part, fault.is_warning) for fault in check.faults] == [("step:filter-2", True)]
    assert "leaves no item" in check.faults[0].message
    keep_draft(imported, Opened(pipeline=empty))
    preview = preview_pipeline(imported, make_request(imported, "draft"), observer=KeepingObserver())
    assert any("leaves no item" in warning for warning in preview.warnings)


def test_what_only_pixels_tell_is_not_counted_before_they_are_made(
    imported: Workspace, drafted: Pipeline
) -> None:
    flipped = add(add(add(drafted, "flip"), "deduplicate", how="look_alike"), "sample", n=1)
    check = check_draft(imported, flipped, KeepingObserver(), is_counting=True)
    assert [one.items_out is None for one in check.steps] == [False, False, False, True, True]


def test_the_draft_is_kept_for_its_person_and_run_by_its_word(
    imported: Workspace, drafted: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ("--home", str(imported.home))
    assert read_draft(imported) is None
    assert main([*home, "pipeline", "draft"]) == 4
    keep_draft(imported, Opened(pipeline=drafted, path="/x.yaml", saved="name: x\n"))
    kept = read_draft(imported)
    assert kept is not None
    assert (kept.text, kept.path, kept.is_changed) == (Opened(pipeline=drafted).text, "/x.yaml", True)
    capsys.readouterr()
    assert main([*home, "pipeline", "draft", "--show"]) == 0
    assert capsys.readouterr().out.rstrip() == kept.text.rstrip()
    assert main([*home, "pipeline", "draft"]) == 0
    assert "cells-ready@1" in capsys.readouterr().out
    other = replace(imported, settings=replace(imported.settings, author="somebody else"))
    assert read_draft(other) is None


@pytest.mark.parametrize(
    "content",
    [b'{"text": 3', b'{"text": "\xff"}', b'{"more": ' + b"[" * 100_000],
    ids=["odd", "bytes", "deep"],
)
def test_a_draft_that_cannot_be_read_is_said_and_the_next_takes_its_place(
    imported: Workspace, drafted: Pipeline, content: bytes
) -> None:
    place = place_draft(imported)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    with pytest.raises(InvalidParameter, match="cannot be read"):
        read_draft(imported)
    keep_draft(imported, Opened(pipeline=drafted))
    assert read_draft(imported) is not None


def test_a_file_is_saved_normalised_and_not_over_what_nobody_has_seen(
    imported: Workspace, drafted: Pipeline, tmp_path: Path
) -> None:
    saved = save_pipeline(Opened(pipeline=drafted), tmp_path / "mine")
    assert saved.path == str(tmp_path / "mine.yaml")
    assert not saved.is_changed
    assert Path(saved.path).read_text("utf-8") == saved.text
    assert open_pipeline(imported, saved.path).text == saved.text
    changed = replace(saved, pipeline=add(drafted, "flip"))
    assert changed.is_changed
    with pytest.raises(Conflict, match="there already"):
        save_pipeline(Opened(pipeline=drafted), tmp_path / "mine.yaml")
    Path(saved.path).write_text("name: somebody's\n", "utf-8")
    with pytest.raises(Conflict, match="changed meanwhile"):
        save_pipeline(changed, Path(saved.path))
    forced = save_pipeline(changed, Path(saved.path), is_forced=True)
    assert Path(saved.path).read_text("utf-8") == forced.text
    assert sorted(path.name for path in tmp_path.glob("*mine*")) == ["mine.yaml"]


def test_comments_are_not_lost_without_a_word(imported: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "hand.yaml"
    path.write_text("# mine\nsources: [cells]\nsteps: [flip]\noutputs: [{project: x}]\n", "utf-8")
    opened = open_pipeline(imported, str(path))
    assert not opened.is_changed, "another layout is no change"
    with pytest.raises(Conflict, match="comments"):
        save_pipeline(opened, path)
    assert path.read_text("utf-8").startswith("# mine")


def test_a_ready_recipe_is_opened_without_a_file(imported: Workspace) -> None:
    opened = open_pipeline(imported, "k-fold")
    assert opened.path == ""
    assert opened.is_changed
    with pytest.raises(NotFound):
        open_pipeline(imported, "k-fodl")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_said(drafted: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(StorageFailed):
        save_pipeline(Opened(pipeline=drafted), tmp_path / "shut" / "x.yaml")


def test_a_file_is_no_folder(drafted: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match="cannot be written"):
        save_pipeline(Opened(pipeline=drafted), tmp_path / "file" / "x.yaml")


def test_a_folder_is_no_file(drafted: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    with pytest.raises(InvalidParameter, match="is a folder"):
        save_pipeline(Opened(pipeline=drafted), tmp_path / "a.yaml")


def test_texts_of_a_form_become_values_of_a_file_and_back(imported: Workspace) -> None:
    texts = {"min_objects": "2", "invert": "true", "splits": "train,val", "max_objects": "many"}
    params = read_params(imported, "filter", texts, {})
    assert params == {"min_objects": 2, "invert": True, "splits": ["train", "val"], "max_objects": "many"}
    assert write_params(params) == texts
    before = {"names": {"RBC": "red, round"}}
    assert read_params(imported, "rename_classes", write_params(before), before) == before
    assert read_values("1, 2.5, no") == (1, 2.5, "no")
    assert read_values("a,b; c") == ("a,b", "c")


def test_a_step_is_looked_at_on_what_it_reads_or_else_on_the_sources(
    imported: Workspace, drafted: Pipeline
) -> None:
    observer = KeepingObserver()
    first = find_preview(imported, drafted, "filter", observer)
    assert (first.operation, first.refs, first.note) == ("filter", ("cells",), "")
    early = find_preview(imported, drafted, "split", observer)
    assert early.refs == ("cells",)
    assert "not done yet" in early.note
    run_it(imported, drafted)
    there = find_preview(imported, drafted, "split", observer)
    assert (there.refs, there.note) == (("filter",), "")
    with Previewer(imported) as previewer:
        shown = previewer.preview(there.operation, there.refs, params=there.params, sources=there.sources,
                                  observer=observer)  # fmt: skip
    assert shown.counts.items_in < imported.catalog.projects.get("cells").item_count
    model = drafting.add_step(drafted, Step(name="", model="nobody"))
    with pytest.raises(InvalidInput):
        find_preview(imported, model, "apply", observer)
