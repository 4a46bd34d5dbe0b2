"""Questions to the lineage of 100,000 runs, and what tracking costs a program.

    python -m benchmarks.lineage [RUNS] [FOLDER]

The catalog holds chains of 100 runs, each reading what the one before has made, one folder that a tenth of
all runs have read, and one run that has read the ends of 1,000 chains. FOLDER is where it lies for the time.
Prints the median of several rounds in CPU milliseconds and, where a disk is waited for, in milliseconds;
beside each the same by reading the whole graph and walking it in Python, or one bare transaction of SQLite.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.catalog.tables import EdgeRow, FolderRow, RunRow
from mlwf_tui.entities.lineage import index_neighbours, measure_distances
from mlwf_tui.sdk import open_run
from mlwf_tui.workflow.trace import trace
from mlwf_tui.workspace import Workspace, open_workspace

DEPTH = 100
AT_ONCE = 1_000
ROUNDS = 7
EDGES = 200
AT = datetime(2026, 1, 1, tzinfo=UTC)
RUN = {
    "verb": "transform", "state": "done", "author": "ada", "workspace": "default", "params": {}, "result": {},
    "environment": {}, "summary": "", "error": "", "hint": "", "created_at": AT, "started_at": AT,
    "finished_at": AT,
}  # fmt: skip


def fill(catalog: Catalog, runs: int) -> None:
    """Enter the runs, in chains of DEPTH; every tenth run reads the folder `shared` as well."""
    database = catalog._database
    columns = (EdgeRow.run_id, EdgeRow.direction, EdgeRow.kind, EdgeRow.artifact_id)
    with database.transaction():
        database.execute(FolderRow.insert(id="shared", path="/shared", created_at=AT))
    for start in range(0, runs, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, runs))
        folders = [{"id": f"f{n}", "path": f"/data/{n}", "created_at": AT} for n in numbers]
        with database.transaction():
            database.execute(RunRow.insert_many([{"id": f"r{n}", **RUN} for n in numbers]))
            database.execute(FolderRow.insert_many(folders))
            database.execute(EdgeRow.insert_many(list(iter_edges(numbers)), columns))
    with database.transaction():
        database.execute(RunRow.insert({"id": "merge", **RUN}))
        ends = [
            ("merge", "input", "folder", f"f{n}") for n in range(DEPTH - 1, min(runs, 1_000 * DEPTH), DEPTH)
        ]
        for start in range(0, len(ends), AT_ONCE):
            database.execute(EdgeRow.insert_many(ends[start : start + AT_ONCE], columns))


def iter_edges(numbers: range) -> Iterator[tuple[str, str, str, str]]:
    for n in numbers:
        if n % DEPTH:
            yield f"r{n}", "input", "folder", f"f{n - 1}"
        if n % 10 == 0:
            yield f"r{n}", "input", "folder", "shared"
        yield f"r{n}", "output", "folder", f"f{n}"


def measure(work: Callable[[], object], *, rounds: int = ROUNDS) -> tuple[float, float]:
    """Return the median CPU and wall milliseconds of some work."""
    costs = []
    for _ in range(rounds):
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        costs.append((time.process_time() - cpu, time.perf_counter() - wall))
    return median(cost[0] for cost in costs) * 1e3, median(cost[1] for cost in costs) * 1e3


def ask_whole(workspace: Workspace, start: str) -> dict[str, int]:
    """Answer a question the other way: read everything, and walk it in Python."""
    down, up = index_neighbours(workspace.catalog.lineage.read_graph())
    return {**measure_distances([start], up), **measure_distances([start], down)}


def show_questions(workspace: Workspace) -> None:
    whole_ms, _ = measure(lambda: ask_whole(workspace, "folder:f0"), rounds=3)
    print(f"{'question':<44}{'nodes':>9}{'CPU ms':>10}{'the whole graph, ms':>22}{'ratio':>10}")
    questions = {
        f"down from the first of a chain of {DEPTH}": ("folder:f0", False, True),
        f"up from the last of a chain of {DEPTH}": (f"folder:f{DEPTH - 1}", True, False),
        "both ways from the middle": (f"folder:f{DEPTH // 2}", True, True),
        "down from what a tenth of all runs have read": ("folder:shared", False, True),
        "up from a run that has read 1,000 chains": ("run:merge", True, False),
    }
    for name, (ref, is_up, is_down) in questions.items():
        count = len(trace(workspace, ref, is_up=is_up, is_down=is_down).nodes)
        ask = lambda ref=ref, up=is_up, down=is_down: trace(workspace, ref, is_up=up, is_down=down)  # noqa: E731
        cpu_ms, _ = measure(ask, rounds=ROUNDS if count < 10_000 else 3)
        print(f"{name:<44}{count:>9,}{cpu_ms:>10.1f}{whole_ms:>22.0f}{cpu_ms / whole_ms:>10.4f}")


def show_tracking(workspace: Workspace, folder: Path) -> None:
    files = [folder / f"{number}.txt" for number in range(EDGES)]
    for path in files:
        path.write_text(path.name)
    floor_cpu, floor_ms = measure_transactions(folder / "bare.sqlite")
    print(f"\n{'tracking, a call':<44}{'CPU ms':>10}{'ms':>8}{'over a bare transaction':>26}")
    print(f"{'a bare transaction of SQLite':<44}{floor_cpu:>10.2f}{floor_ms:>8.2f}{1:>26.1f}")
    with open_run("benchmark", home=workspace.home, is_strict=True) as run:
        calls: dict[str, Callable[[Path], object]] = {
            "add_input_file": run.add_input_file,
            "add_input_folder, one it has already": lambda path: run.add_input_folder(folder),
            "add_output_file": run.add_output_file,
            "add_input_file, after outputs": lambda path: run.add_input_file(Path(__file__)),
            "log_metric": lambda path: run.log_metric("loss", 1.0),
        }
        for name, call in calls.items():
            run.log_metric("warm", 1.0)
            cpu, wall = measure_calls(call, files)
            print(f"{name:<44}{cpu:>10.3f}{wall:>8.3f}{wall / floor_ms:>26.1f}")
    _, ms = measure(lambda: call_command_line(workspace, run.id), rounds=3)
    print(f"{'mlwf run add-input, a process':<44}{'':>10}{ms:>8.0f}")


def measure_calls(call: Callable[[Path], object], files: list[Path]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    for path in files:
        call(path)
    return (time.process_time() - cpu) * 1e3 / len(files), (time.perf_counter() - wall) * 1e3 / len(files)


def measure_transactions(path: Path) -> tuple[float, float]:
    """Return what one durable INSERT costs in the same folder."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE row (text TEXT)")

    def insert(_: Path) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO row VALUES (?)", (json.dumps({"a": 1}),))
        connection.execute("COMMIT")

    costs = measure_calls(insert, [path] * EDGES)
    connection.close()
    return costs


def call_command_line(workspace: Workspace, run_id: str) -> None:
    code = "import sys; from mlwf_tui.cli.main import main; sys.exit(main(sys.argv[1:]))"
    words = ("--home", str(workspace.home), "run", "add-input", "folder", "/", "--run", run_id)
    subprocess.run([sys.executable, "-c", code, *words], capture_output=True, check=False)


def main(arguments: list[str]) -> None:
    runs = int(arguments[0]) if arguments else 100_000
    parent = Path(arguments[1]) if len(arguments) > 1 else None
    with (
        tempfile.TemporaryDirectory(dir=parent) as name,
        open_workspace(Path(name) / "home") as workspace,
    ):
        fill(workspace.catalog, runs)
        print(f"{runs:,} runs, SQLite {sqlite3.sqlite_version}\n")
        show_questions(workspace)
        show_tracking(workspace, Path(name))


if __name__ == "__main__":
    main(sys.argv[1:])
