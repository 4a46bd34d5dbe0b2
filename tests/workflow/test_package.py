"""A package is whole or not there, says what it is, and is refused where it says something else."""

from __future__ import annotations

import hashlib
import json
import math
import resource
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.entities.ids import Digest, ModelId, RunId
from mlwf_tui.entities.model import Checkpoint, Model
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.errors import Conflict, InvalidParameter, StorageFailed, Untrusted
from mlwf_tui.protocols.trainers import ExportResult
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.package import _place, submit_package
from mlwf_tui.workflow.queue import pause_queue, resume_queue
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.using.package_files import describe_package, write_document
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.reports import make_report
from tests.fakes.seeing import add_seer

SPOTS = [("spot", 4, 3, 20, 20)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        yield workspace


def package(workspace: Workspace, target: Path, **params: Any) -> Run:
    run = submit_package(workspace, "eye", target, params=params)
    return jobs.wait_for_end(workspace, run)


def test_a_package_says_what_it_is_and_is_known_again(home: Workspace, tmp_path: Path) -> None:
    model = add_seer(home, "eye", SPOTS)
    folder, archive = tmp_path / "out", tmp_path / "sub" / "eye.zip"

    first = package(home, folder)
    assert first.state is RunState.DONE, jobs.describe(home, first)
    assert not first.result["cached"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "model.json",
        "sample.png",
        "seen.json",
    ]
    document = json.loads((folder / "model.json").read_text("utf-8"))
    assert document["classes"] == ["spot"]
    assert document["task"] == "detect"
    assert document["made_from"]["blake3"] == model.checkpoints[0].blob
    assert document["agreement"]["score"] == {"max_difference": 0.0, "tolerance": 0.01}
    assert (
        document["agreement"]["compared_on"] == "4 drawn pictures"
    )  # no version is known that it learned from
    for name, facts in document["files"].items():
        data = (folder / name).read_bytes()
        assert facts == {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
    assert "# eye" in (folder / "README.md").read_text("utf-8")

    second = package(home, archive)
    assert second.result["cached"]
    with zipfile.ZipFile(archive) as opened:
        assert sorted(opened.namelist()) == [f"eye/{path.name}" for path in sorted(folder.iterdir())]
        assert json.loads(opened.read("eye/model.json")) == document
    nodes = {node.title: node for node in read_graph(home).nodes}
    for title, kind in (("out (onnx)", ArtifactKind.FOLDER), ("eye.zip (onnx)", ArtifactKind.FILE)):
        card = next(node.card for node in nodes.values() if node.card and node.card.title == title)
        assert card.description == "a package of eye as onnx"
        assert kind in {node.kind for node in nodes.values()}
    assert not list(tmp_path.glob(".*")), "nothing half-written is left"

    (home.home / "cache" / "packages").rename(tmp_path / "gone")
    assert not package(home, tmp_path / "third").result["cached"]


def test_a_package_says_how_much_its_model_has_learned_from(home: Workspace, tmp_path: Path) -> None:
    add_seer(home, "eye", SPOTS, learned_from="cells")
    ended = package(home, tmp_path / "out")
    assert ended.state is RunState.DONE, jobs.describe(home, ended)
    held = json.loads((tmp_path / "out" / "model.json").read_text("utf-8"))["data"]
    assert held["version"] == "cells@1"
    assert sum(held["splits"].values()) == held["items"]
    learned = held["splits"]["train"]
    assert f"({learned} of {held['items']} items" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_a_package_made_after_a_benchmark_says_what_that_has_measured(
    home: Workspace, tmp_path: Path
) -> None:
    model = add_seer(home, "eye", SPOTS)
    package(home, tmp_path / "before")
    with record(home, "benchmark", params={}) as run:
        project = home.catalog.projects.get("cells")
        version = run.write_version(project, project.manifest, project.item_count, message="as it is")
        made = make_report()
        run.write_report(
            name="eye on cells", model_id=model.id, version_id=version.id, split="val",
            metrics=made.metrics, speed={}, evaluation=made.evaluation,
        )  # fmt: skip

    ended = package(home, tmp_path / "after")

    assert ended.state is RunState.DONE, jobs.describe(home, ended)
    document = json.loads((tmp_path / "after" / "model.json").read_text("utf-8"))
    assert [report["name"] for report in document["reports"]] == ["eye on cells"]
    assert "0.598" in (tmp_path / "after" / "README.md").read_text("utf-8")


def test_what_a_killed_job_of_the_run_has_left_is_in_nobodys_way(home: Workspace, tmp_path: Path) -> None:
    add_seer(home, "eye", SPOTS)
    pause_queue(home)
    run = submit_package(home, "eye", tmp_path / "out", params={})
    left = home.run_folder(run.id) / "scratch" / "export" / "package"
    left.mkdir(parents=True)
    (left / "torn").touch()
    resume_queue(home)
    done = jobs.wait_for_end(home, run)
    assert done.state is RunState.DONE, jobs.describe(home, done)
    assert not (tmp_path / "out" / "torn").exists()


def test_figures_that_are_no_numbers_are_left_out_of_a_package(tmp_path: Path) -> None:
    report = msgspec.structs.replace(make_report(), metrics={"map": 0.5, "class_accuracy": math.nan})
    model = Model(
        id=ModelId("m"), name="eye", description="", architecture="", task="detect", trainer="seer",
        class_names=("spot",), image_size_px=32, checkpoints=(Checkpoint("seen.json", Digest("0" * 64), 1),),
        metrics={"map50": 0.25, "loss": math.inf}, run_id=RunId("r"), created_at=report.created_at,
    )  # fmt: skip
    made = ExportResult(weights="seen.json", interface={}, agreement=(), licence="")
    write_document(
        tmp_path, describe_package(model, made, version=None, reports=(report,), licence="", samples="")
    )
    document = json.loads((tmp_path / "model.json").read_text("utf-8"))
    assert document["metrics"] == {"map50": 0.25}
    assert document["reports"][0]["metrics"] == {"map": 0.5}


def test_what_is_put_in_its_place_meanwhile_stays(home: Workspace, tmp_path: Path) -> None:
    gate, trace, target = tmp_path / "gate", tmp_path / "trace", tmp_path / "out.zip"
    add_seer(home, "eye", SPOTS, gate=str(gate), trace=str(trace))
    run = submit_package(home, "eye", target, params={})
    jobs.wait_until(trace.exists, lambda: jobs.describe(home, run))
    target.write_bytes(b"mine")
    gate.touch()

    ended = jobs.wait_for_end(home, run)

    assert (ended.state, target.read_bytes()) == (RunState.FAILED, b"mine")
    assert "There is something at" in ended.error
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk_is_told_in_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    made = tmp_path / "made"
    (made / "inner").mkdir(parents=True)
    for name in ("a.bin", "b.bin", "inner/c.bin"):
        (made / name).write_bytes(bytes(9000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(StorageFailed) as caught:
            _place(made, tmp_path / "there")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.message == f"{tmp_path / 'there'} could not be written: File too large."
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_two_who_package_the_same_at_once_both_get_it(home: Workspace, tmp_path: Path) -> None:
    gate, trace = tmp_path / "gate", tmp_path / "trace"
    trace.touch()
    add_seer(home, "eye", SPOTS, gate=str(gate), trace=str(trace))
    targets = [tmp_path / "one", tmp_path / "two"]
    terms = Terms(wants=Wants(slots=0))
    runs = [submit_package(home, "eye", target, params={}, terms=terms) for target in targets]
    jobs.wait_until(lambda: trace.read_text().count("onnx") == 2, lambda: jobs.describe(home, runs[1]))
    gate.touch()
    for run, target in zip(runs, targets, strict=True):
        ended = jobs.wait_for_end(home, run)
        assert ended.state is RunState.DONE, jobs.describe(home, ended)
        assert (target / "model.json").is_file()


def test_a_package_that_says_otherwise_is_not_written(home: Workspace, tmp_path: Path) -> None:
    add_seer(home, "eye", SPOTS, differs=0.5)

    run = package(home, tmp_path / "out")

    assert run.state is RunState.FAILED
    assert "score differs by 0.5 (allowed 0.01)" in run.error
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*"))


def test_what_cannot_be_packaged_is_refused_before_anything_is_queued(
    home: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS, danger=True)
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").touch()
    (tmp_path / "a.zip").touch()

    with pytest.raises(InvalidParameter, match="rare is not installed") as caught:
        submit_package(home, "eye", tmp_path / "out", format="rare", params={})
    assert caught.value.hint == "pip install rare"
    with pytest.raises(InvalidParameter, match="no format 'nope'"):
        submit_package(home, "eye", tmp_path / "out", format="nope", params={})
    for taken in (full, tmp_path / "a.zip"):
        with pytest.raises(Conflict, match="something at"):
            submit_package(home, "eye", taken, params={})
    with pytest.raises(InvalidParameter, match="inside of the home"):
        submit_package(home, "eye", home.home / "out", params={})
    with pytest.raises(Untrusted):
        submit_package(home, "eye", tmp_path / "out", params={})
    assert not [run for run in home.catalog.runs.list() if run.verb == "package"]

    words = ["package", "eye", str(tmp_path / "out"), "--home", str(home.home), "--json"]
    assert main(words) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "untrusted"
    assert main([*words, "--trust", "-p", "licence=MIT"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["target"] == str(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "model.json").read_text("utf-8"))["licence"] == "MIT"
