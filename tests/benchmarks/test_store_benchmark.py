"""The store's benchmark runs, and sees what it should; nothing here looks at a time."""

from __future__ import annotations

import json
import shutil
from importlib.util import cache_from_source
from pathlib import Path

import pytest

import mlwf_tui
from benchmarks import store
from benchmarks.checks import compare_checkout, compare_trees, iter_files
from benchmarks.many_files import make_tree, measure
from benchmarks.measuring import CommandFailed, compile_package, measure_size, run
from benchmarks.million import measure_million
from benchmarks.peers import Peer, Phase, find_missing_commands, list_peers
from benchmarks.rounds import play
from benchmarks.trees import HEIGHT_PX, WIDTH_PX, list_sets

TINY = next(one for one in list_sets() if one.name == "tiny")
MIB = 1 << 20


def make_peer(**phases: str) -> Peer:
    return Peer(name="copies", phases={Phase(name.replace("_", " ")): text for name, text in phases.items()})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    TINY.make(folder)
    return folder


def to_checkout(source: Path, folder: Path) -> Path:
    """Lay a YOLO tree out as a checkout does."""
    for image in (source / "images").glob("*/*"):
        part = folder / image.parent.name
        for name in ("img", "ann"):
            (part / name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image, part / "img" / image.name)
        label = source / "labels" / image.parent.name / f"{image.stem}.txt"
        (part / "ann" / f"{image.name}.json").write_text(json.dumps(to_annotation(label)))
    return folder


def to_annotation(label: Path) -> dict[str, object]:
    """Return what an annotation file says of a label, in the places that matter here."""
    objects = []
    for line in label.read_text().splitlines():
        index, *shares = line.split()
        x, y, width, height = map(float, shares)
        corners = [((x + width * side) * WIDTH_PX, (y + height * side) * HEIGHT_PX) for side in (-0.5, 0.5)]
        name = ("car", "person", "dog")[int(index)]
        objects.append({"classTitle": name, "points": {"exterior": corners, "interior": []}})
    return {"size": {"width": WIDTH_PX, "height": HEIGHT_PX}, "objects": objects}


def test_commands_are_measured_as_an_installed_build_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    bytecode = Path(cache_from_source(mlwf_tui.__file__))
    bytecode.unlink(missing_ok=True)
    compile_package()
    assert bytecode.is_file()


def test_a_tree_is_the_same_every_time(source: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    TINY.make(again)
    assert compare_trees(source, again) == (0, 0)


def test_the_edit_changes_adds_deletes_and_renames(source: Path, tmp_path: Path) -> None:
    edited = Path(shutil.copytree(source, tmp_path / "edited"))
    TINY.edit(edited)
    before = {str(path.relative_to(source)): path.read_bytes() for path in iter_files(source)}
    after = {str(path.relative_to(edited)): path.read_bytes() for path in iter_files(edited)}
    renamed = {name.replace("part07-renamed", "part07") for name in after}
    assert len([name for name in after if "part07-renamed" in name]) == 8
    assert len(renamed - before.keys()) == len(before.keys() - renamed) == 2  # one item each
    assert [name for name in after if name in before and after[name] != before[name]] != []


def test_the_edit_of_a_checkout_is_of_the_same_kind(source: Path, tmp_path: Path) -> None:
    edited = to_checkout(source, tmp_path / "checkout")
    assert compare_checkout(source, edited) == (0, 0)
    TINY.edit(edited)
    # One label changed, one item deleted, one new, four renamed; a change may hit what is renamed.
    wrong, extra = compare_checkout(source, edited)
    assert 5 <= wrong <= 6 and extra == 5
    images, labels = len(list(edited.glob("*/img/*"))), len(list(edited.glob("*/ann/*")))
    assert images == labels == 40


def test_a_moved_box_in_a_checkout_is_seen(source: Path, tmp_path: Path) -> None:
    checkout = to_checkout(source, tmp_path / "checkout")
    path = next(checkout.glob("*/ann/*"))
    content = json.loads(path.read_bytes())
    content["objects"][3]["points"]["exterior"][1][0] += 0.01
    path.write_text(json.dumps(content))
    assert compare_checkout(source, checkout) == (1, 0)


@pytest.mark.parametrize("name", ["tiny", "tiny-checkpoints"])
def test_a_wrong_byte_and_a_file_too_many_are_seen(name: str, tmp_path: Path) -> None:
    tree_set = next(one for one in list_sets() if one.name == name)
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    tree_set.make(one)
    shutil.copytree(one, other)
    victim = next(iter_files(other))
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    (other / "extra").touch()
    assert compare_trees(one, other) == (1, 1)


def test_a_peer_that_brings_back_other_bytes_is_noted(source: Path, tmp_path: Path) -> None:
    peer = make_peer(
        first='cp -a "$TREE" "$REPO/v1"',
        checkout='cp -a "$REPO/v1" "$FRESH"; printf x >>"$FRESH/data.yaml"; touch "$FRESH/more"',
        in_place="true",
    )
    notes = play(peer, TINY, source, tmp_path / "round", set()).notes
    assert notes[:2] == ["checkout: 1 WRONG", "checkout: leaves 1 of v2"]
    assert notes[2].startswith("in place: ") and notes[2].endswith(" WRONG")


def test_a_phase_that_fails_is_noted_and_the_others_go_on(source: Path, tmp_path: Path) -> None:
    played = play(make_peer(first="false", verify="true"), TINY, source, tmp_path / "round", set())
    assert played.notes == ["first: FAILED"]
    assert list(played.costs) == [Phase.VERIFY]
    assert not (tmp_path / "round").exists()


def test_a_command_that_this_build_lacks_is_not_called() -> None:
    script = '$MLWF --json checkout items@1 "$FRESH"; $MLWF --json verify'
    assert find_missing_commands(script, {"verify", "import"}) == {"checkout"}


def test_cpu_and_memory_are_those_of_the_command_and_its_children(tmp_path: Path) -> None:
    program = 'data = b"x" * (200 << 20)'
    cost = run(f"python3 -c '{program}'; true", folder=tmp_path, environment={})
    assert cost.cpu_s > 0.01
    assert 200 * MIB < cost.peak_bytes < 300 * MIB
    assert run("true", folder=tmp_path, environment={}).peak_bytes < 20 * MIB
    with pytest.raises(CommandFailed, match="what went wrong"):
        run("echo what went wrong; false", folder=tmp_path, environment={})


def test_a_file_of_two_names_counts_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * 4096)
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert measure_size(tmp_path) == (4096, 1)


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no set is called huge"):
        store.main(["--sets", "tiny,huge", "--work", str(tmp_path)])


def test_peers_have_names_of_their_own() -> None:
    names = [peer.name for peer in list_peers()]
    assert len(names) == len(set(names))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("tree_set", ["tiny", "tiny-checkpoints"])
def test_every_installed_peer_brings_every_byte_back(
    tree_set: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.main(["--sets", tree_set, "--work", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "| mlwf" in printed and "| cp -a" in printed
    assert "WRONG" not in printed and "FAILED" not in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_walk_through_many_items_gets_to_its_end(tmp_path: Path) -> None:
    assert "failed" not in measure_million(tmp_path, 2_000)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_import_of_many_files_gets_to_its_end(tmp_path: Path) -> None:
    make_tree(tmp_path, 700, has_labels=True)
    table = measure(tmp_path, "700 images")
    assert [line.split(" | ")[0] for line in table.splitlines()[2:]] == [
        "| first import", "| nothing changed", "| one image more",
    ]  # fmt: skip
