"""Runs real commands under a plan of faults, and compares what they leave with what must be there.

`hook/sitecustomize.py` breaks the command from inside; here are the plans, the power cut that follows
a kill, and the comparison of homes. The commands and their points are chosen by the tests.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from io import StringIO
from math import inf
from pathlib import Path
from typing import Any

import mlwf_tui
from mlwf_tui.cli.main import main
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.verify import verify
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.observers import KeepingObserver

HOOK = Path(__file__).parent / "hook"
ROOT = Path(mlwf_tui.__file__).parents[1]
LINE_BYTES = 512
KILLED = -signal.SIGKILL
LIMIT_S = 60.0
MAX_ERROR_CHARACTERS = 600
NEEDS_SPACE = frozenset({"create", "write", "mkdir", "link", "sql-begin", "sql-write", "sql-commit"})


@dataclass(frozen=True, slots=True)
class Step:
    """One durable step of a command, as the hook saw it; numbers begin with 1."""

    number: int
    kind: str
    path: Path
    source: Path | None = None  # of a rename
    inode: int = 0
    size_bytes: int = 0  # of what was synced
    kept: Path | None = None  # the file that was replaced or removed


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at which step; see `Steps.take` in the hook for the modes."""

    mode: str
    at: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, and the steps that it took."""

    code: int
    out: str
    err: str
    steps: tuple[Step, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        read = json.loads(self.out)
        assert isinstance(read, dict)
        return read


def make_environment(**plan: Any) -> dict[str, str]:
    """Return the environment of a process that is to follow a plan."""
    found = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(HOOK), *([found] if found else [])])
    return {**os.environ, "PYTHONPATH": path, "MLWF_FAULT_PLAN": json.dumps(plan), "OMP_NUM_THREADS": "1"}


def start(
    home: Path, *words: str, environment: Mapping[str, str] | None = None, under: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Start the real command in a process group of its own, `under` another one where that is given."""
    return subprocess.Popen(
        [*under, sys.executable, "-m", "mlwf_tui", "--home", str(home), *words, "--json"],
        cwd=ROOT,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> Outcome:
    """Wait for a command and return how it ended; what hangs is killed and said."""
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"the command hangs: {process.args!r}\n{out}\n{err}") from None
    return Outcome(process.returncode, out, err)


def run_with_fault(place: Path, words: Sequence[str], fault: Fault | None) -> Outcome:
    """Run a command on the home in `place`; all that it does below `place` is counted."""
    ended = finish(start_with_fault(place, words, fault))
    return Outcome(ended.code, ended.out, ended.err, read_steps(_get_trace(place)))


def start_with_fault(place: Path, words: Sequence[str], fault: Fault | None) -> subprocess.Popen[str]:
    """Start a command on the home in `place`."""
    trace = _get_trace(place)
    trace.unlink(missing_ok=True)
    kept = place.with_name(f"{place.name}.kept")
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    plan: dict[str, Any] = {"roots": [str(place)], "trace": str(trace), "kept": str(kept)}
    if fault is not None:
        plan |= {"mode": fault.mode, "at": fault.at}
    return start(place / "home", *words, environment=make_environment(**plan))


def wait_until_paused(process: subprocess.Popen[str]) -> bool:
    """Wait until a command has stopped itself; False where it has ended instead."""
    ended = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    return ended is not None and ended.si_code == os.CLD_STOPPED


def _get_trace(place: Path) -> Path:
    return place.with_name(f"{place.name}.trace")


def read_steps(trace: Path) -> tuple[Step, ...]:
    """Return the steps in the order in which they were begun."""
    if not trace.exists():
        return ()
    lines = [json.loads(line) for line in trace.read_bytes().splitlines()]
    return tuple(
        Step(
            number,
            line["kind"],
            Path(line["path"]),
            Path(line["source"]) if line.get("source") else None,
            line.get("inode", 0),
            line.get("size", 0),
            Path(line["kept"]) if line.get("kept") else None,
        )
        for number, line in enumerate(lines, start=1)
    )


def call(home: Path, *words: str) -> Outcome:
    """Run a command in this process: the same code as the real one, without its 300 ms of start."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["--home", str(home), *words, "--json"])
    return Outcome(code, out.getvalue(), err.getvalue())


def call_well(home: Path, *words: str) -> dict[str, Any]:
    """Run a command in this process, which must end well; return its document."""
    ended = call(home, *words)
    assert ended.code == 0, (words, ended)
    return ended.document


def choose(steps: Sequence[Step], count: int, seed: int) -> list[Fault]:
    """Draw kills spread over all kinds of steps; every third write is torn in the middle."""
    draw = random.Random(seed)
    by_kind: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        by_kind[f"{step.kind} {step.path.suffix}"].append(step)
    groups = list(by_kind.values())
    for group in groups:
        draw.shuffle(group)
    draw.shuffle(groups)
    chosen: list[Step] = []
    while any(groups) and len(chosen) < count:
        chosen += [group.pop() for group in groups if group]
    return [make_kill(step, is_torn=index % 3 == 0) for index, step in enumerate(chosen[:count])]


def list_kills(steps: Sequence[Step]) -> list[Fault]:
    """Return a kill before every step and after the last, and in the middle of every write."""
    torn = [make_kill(step, is_torn=True) for step in steps if step.kind == "write"]
    return [*(Fault("kill", step.number) for step in steps), *torn, Fault("kill-after", steps[-1].number)]


def list_refusals(steps: Sequence[Step]) -> list[Fault]:
    """Return a disk full from every step on, or for it alone; writes that take a half; failing syncs."""
    hungry = [step.number for step in steps if step.kind in NEEDS_SPACE]
    syncs = [step.number for step in steps if step.kind in ("sync", "sync-all")]
    full = [Fault(mode, number) for number in hungry for mode in ("full", "full-once")]
    short = [Fault("short", step.number) for step in steps if step.kind == "write"]
    return [*full, *short, *(Fault("eio", number) for number in syncs)]


def list_pauses(steps: Sequence[Step]) -> list[Fault]:
    """Return a pause before every step outside of transactions, which nobody else could wait for."""
    pauses = []
    open_paths: set[Path] = set()
    for step in steps:
        if not open_paths:
            pauses.append(Fault("pause", step.number))
        if step.kind == "sql-begin":
            open_paths.add(step.path)
        elif step.kind == "sql-commit":
            open_paths.discard(step.path)
    return pauses


def make_kill(step: Step, *, is_torn: bool) -> Fault:
    """Return the kill before a step, or in the middle of it where that is possible and wanted."""
    return Fault("torn" if is_torn and step.kind == "write" else "kill", step.number)


def cut_power(place: Path, steps: Sequence[Step], seed: int) -> list[str]:
    """Take back what the disk had not promised to keep when the command died; say what was taken.

    The model is the strict one: bytes written since a file's last sync may be gone, a name may be gone
    or still the old one until its folder is synced. What SQLite wrote stays, but for the log of the
    index, which it syncs only at checkpoints. The last step may not have been done at all.
    """
    draw = random.Random(seed)
    # Files first: they are known by inode, and a name given back is a new one.
    taken = [*_cut_files(place, steps, draw), *_undo_names(steps, draw)]
    log = place / "home" / "store" / "index.sqlite-wal"
    if log.exists() and draw.random() < 0.5:
        kept = draw.randrange(log.stat().st_size + 1)
        os.truncate(log, kept)
        taken.append(f"{log.name} cut to {kept} bytes")
    return taken


def _undo_names(steps: Sequence[Step], draw: random.Random) -> list[str]:
    taken = []
    pending: list[Step] = []
    for step in steps:
        if step.kind in ("create", "rename", "remove"):
            pending.append(step)
        elif step.kind == "sync-all":
            pending = []
        elif step.kind == "sync":
            pending = [kept for kept in pending if kept.path.parent != step.path]
    spoilt: set[Path] = set()  # an older change of the same name came to the disk before a newer one
    for step in reversed(pending):
        if step.path in spoilt or draw.random() < 0.5:
            spoilt |= {step.path, step.source or step.path}
        elif _undo_name(step):
            taken.append(f"{step.kind} of {step.path.name} undone")
    return taken


def _undo_name(step: Step) -> bool:
    """Give a folder the names that it had before a step; False where the step was never done."""
    is_done = step.path.exists() != (step.kind == "remove")
    if not is_done:
        return False
    if step.kind == "rename" and step.source is not None:
        step.path.rename(step.source)
    elif step.kind == "create":
        step.path.unlink()
    if step.kept is not None and step.kept.exists():
        shutil.copy2(step.kept, step.path)
    return True


def _cut_files(place: Path, steps: Sequence[Step], draw: random.Random) -> list[str]:
    taken = []
    synced: dict[int, float] = {}  # bytes, by inode
    for step in steps:
        if step.kind == "write":
            synced.setdefault(step.inode, 0)
        elif step.kind == "sync":
            synced[step.inode] = step.size_bytes
        elif step.kind == "sync-all":
            synced = dict.fromkeys(synced, inf)
    for path in place.rglob("*"):
        if not path.is_file() or path.stat().st_ino not in synced:
            continue
        kept = int(min(synced[path.stat().st_ino], path.stat().st_size))
        if path.stat().st_size > kept:
            lost_from = draw.choice([kept, draw.randrange(kept, path.stat().st_size + 1)])
            os.truncate(path, lost_from)
            taken.append(f"{path.name} cut to {lost_from} bytes")
    return taken


Contents = Mapping[str, str]
"""The digest of an item's bytes and annotation, by its key."""


@dataclass(frozen=True, slots=True)
class ProjectShape:
    """What a person can see of a project."""

    head: str
    versions: tuple[tuple[int, str, str, str], ...]  # number, manifest, message, kind
    tags: tuple[tuple[str, int], ...]


Projects = Mapping[str, ProjectShape]
"""The projects of a home, by name."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a person can see of a home, its backup, and a folder that is checked out."""

    projects: Projects
    backup: Projects
    files: Mapping[str, str]  # digest by path of the files in the work folder


@dataclass(slots=True)
class Known:
    """What every manifest holds, read once from sound homes."""

    contents: dict[str, Contents] = field(default_factory=dict)

    def learn(self, workspace: Workspace) -> None:
        for manifest in list_manifests(workspace):
            if manifest not in self.contents:
                self.contents[manifest] = read_contents(workspace, Digest(manifest))


def list_manifests(workspace: Workspace) -> set[str]:
    """Return the manifests of all heads and versions."""
    projects = workspace.catalog.projects.list()
    heads = {str(project.manifest) for project in projects}
    versions = [version for project in projects for version in workspace.catalog.versions.list(project.id)]
    return heads | {str(version.manifest) for version in versions}


def read_contents(workspace: Workspace, manifest: Digest) -> Contents:
    """Read every byte of a manifest; hashed here, so that the store's own hash is not believed."""
    items = iter_items(workspace.store, manifest)
    return {item.key: digest_item(item, workspace.store.read(item.blob)) for item in items}


def digest_item(item: Item, image: bytes) -> str:
    """Return one digest of all that an item is."""
    rest = repr((item.split, item.width_px, item.height_px, item.annotation)).encode()
    return hashlib.sha256(image + rest).hexdigest()


def read_projects(workspace: Workspace) -> Projects:
    """Return what a person can see of a home."""
    projects = {}
    for project in workspace.catalog.projects.list():
        versions = sorted(workspace.catalog.versions.list(project.id), key=lambda version: version.number)
        rows = tuple((v.number, str(v.manifest), v.message, str(v.kind)) for v in versions)
        tags = tuple(sorted((tag, version.number) for version in versions for tag in version.tags))
        projects[project.name] = ProjectShape(str(project.manifest), rows, tags)
    return projects


def read_files(work: Path) -> dict[str, str]:
    """Return the digest of every file of a folder but for what tools keep in it for themselves."""
    files = [path for path in sorted(work.rglob("*")) if path.is_file()]
    return {
        str(path.relative_to(work)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not any(part.startswith(".") for part in path.relative_to(work).parts)
    }


def learn(place: Path, known: Known) -> Shape:
    """Return the shape of a sound place and remember what its manifests hold."""
    with open_workspace(place / "home") as workspace:
        known.learn(workspace)
        projects = read_projects(workspace)
    backup: Projects = {}
    if (inspected := copy_backup(place)) is not None:
        with open_workspace(inspected) as workspace:
            backup = read_projects(workspace)
    return Shape(projects, backup, read_files(place / "work"))


def copy_backup(place: Path) -> Path | None:
    """Copy a place's backup, which is a home that nobody may change, or return None where there is none."""
    inspected = place.with_name("inspected")
    shutil.rmtree(inspected, ignore_errors=True)
    if not (place / "backup" / "catalog.sqlite").exists():
        return None
    shutil.copytree(place / "backup", inspected)
    return inspected


def check(place: Path, before: Shape, after: Shape, known: Known, *, may_tear: bool = False) -> Shape:
    """Open the place as the next command would and fail unless all of it is old or new, and whole.

    With `may_tear` the work folder's files may be cut: nobody syncs them, and in an empty folder they
    are written in place.
    """
    projects = check_home(place / "home", before.projects, after.projects, known)
    backup: Projects = {}
    if (inspected := copy_backup(place)) is not None:
        backup = check_home(inspected, before.backup, after.backup, known)
    assert backup or not before.backup, "the former backup is gone"
    files = read_files(place / "work")
    if not may_tear:
        check_files(files, before.files, after.files)
    return Shape(projects, backup, files)


def check_home(home: Path, before: Projects, after: Projects, known: Known) -> Projects:
    """Fail unless a home is what it was, or on its way to what it becomes, with every byte."""
    with open_workspace(home) as workspace:
        check_runs(workspace)
        projects = read_projects(workspace)
        for name, project in projects.items():
            check_project(project, name, before.get(name), after.get(name))
        lost = (before.keys() & after.keys()) - projects.keys()
        assert not lost, f"projects are gone that nobody deleted: {lost}"
        verified = verify(workspace, KeepingObserver())
        assert verified.ok, verified.problems
        for manifest in list_manifests(workspace):
            assert read_contents(workspace, Digest(manifest)) == known.contents[manifest], manifest
        left = sorted(path.name for path in (home / "store" / "packs").glob("*.tmp"))
        assert not left, f"a dead writer's packs are left: {left}"
    return projects


def check_runs(workspace: Workspace) -> None:
    """Fail where a run of a dead process still counts as going on."""
    going = [(run.verb, run.state) for run in list_runs(workspace, 1000) if not run.state.is_finished]
    assert not going, f"these runs never end: {going}"
    unfinished = workspace.catalog.jobs.list_unfinished()
    assert not unfinished, unfinished


def check_project(found: ProjectShape, name: str, old: ProjectShape | None, new: ProjectShape | None) -> None:
    """Fail where a project is neither as it was nor on its way to what it becomes."""
    if old is None or new is None:
        assert found in (old, new), f"the project {name} is half there: {found}"
        return
    assert found.head in (old.head, new.head), f"the head of {name} is neither old nor new"
    assert found.tags in (old.tags, new.tags), f"the tags of {name} are neither old nor new"
    is_whole = found.versions in (old.versions, new.versions)
    is_longer = len(found.versions) > len(old.versions)
    is_between = is_longer and found.versions == new.versions[: len(found.versions)]
    assert is_whole or is_between, f"versions of {name} were changed: {found.versions}"


def check_files(found: Mapping[str, str], before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Fail where a file of the work folder is neither old nor new, or gone though both have it."""
    for path, digest in found.items():
        assert digest in (before.get(path), after.get(path)), f"{path} is neither old nor new"
    lost = (before.keys() & after.keys()) - found.keys()
    assert not lost, f"files are gone that nobody removed: {sorted(lost)}"


def renew(place: Path, template: Path) -> None:
    """Put a copy of the template at `place`, in place of what is there."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(template, place, symlinks=True)


def describe(steps: Sequence[Step], wrong: Iterable[tuple[Fault, Exception]]) -> str:
    """Return each error once, with the points that it came from."""
    points: dict[str, list[str]] = defaultdict(list)
    for fault, error in wrong:
        step = next((step for step in steps if step.number == fault.at), None)
        where = f"{step.kind} {step.path.name[:20]}" if step else "after the end"
        text = f"{type(error).__name__}: {error}"[:MAX_ERROR_CHARACTERS]
        points[text].append(f"{fault.mode} at {fault.at} ({where})")
    return "\n".join(f"{text}\n  by {'; '.join(found)}" for text, found in points.items())
