"""100,000 items looked through in the app, beside as many rows in Textual's own DataTable.

    python -m benchmarks.browsing [ITEMS]

Both run on a real pseudo-terminal of 160 × 45: the app on a home made for it, whose items share a few
images, and a stock Textual app with a DataTable of the same columns. Of each kind of key the bytes sent and
the processor time are told, a key at a time, each awaited until the terminal is quiet; besides, the processor
time until the rows are seen, and the memory of the process at its peak. The ratio is the app's by
DataTable's.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, LabelSchema, define_classes
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.store.manifests import write_manifest
from mlwf_tui.workspace import Workspace, open_workspace
from tests.making import make_image
from tests.tui.pty_terminal import Terminal

COLUMNS, LINES = 160, 45
HELD_S = 1 / 30
QUIET_S = 0.15  # the longest pause between two parts of one answer
LIMIT_S = 600.0  # DataTable takes 24 s of a processor for 100,000 rows, and the machine may be busy
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
ROUNDS = 40
KEYS: Mapping[str, tuple[bytes, int]] = {
    "down": (b"\x1b[B", ROUNDS), "down, held": (b"\x1b[B", -ROUNDS), "page down": (b"\x1b[6~", ROUNDS),
    "to an end": (b"", 10),
}  # fmt: skip
"""What is pressed, and how often; less than none is 30 a second, as a key that is held down."""
ENDS = (b"\x1b[F", b"\x1b[H")
STOCK_ENDS = (b"\x1b[1;5F", b"\x1b[1;5H")  # ctrl+end, ctrl+home


class Cost(msgspec.Struct, frozen=True):
    """What one key takes."""

    sent_bytes: float
    cpu_ms: float


class Looked(msgspec.Struct, frozen=True):
    """What a walk through the rows has cost."""

    ready_cpu_s: float
    by_key: Mapping[str, Cost]
    peak_mib: float


def make_home(home: Path, count: int) -> None:
    """Enter a project of so many items that share three images."""
    with open_workspace(home) as workspace:
        _fill(workspace, count)


def _fill(workspace: Workspace, count: int) -> None:
    with workspace.store.writer() as writer:
        blobs = [writer.put(make_image(seed)) for seed in range(3)]
        box = AnnotatedObject("cell", Geometry.rectangle(4, 4, 30, 30))
        items = (
            Item(
                dataset="plate", name=f"{number:06}.jpg", blob=blobs[number % 3],
                size_bytes=1000 + number % 977, width_px=64, height_px=48,
                split=Split.VAL if number % 5 == 0 else Split.TRAIN,
                annotation=Annotation((box,) * (number % 4)),
            )
            for number in range(count)
        )  # fmt: skip
        made = write_manifest(writer, LabelSchema(define_classes(("cell",))), items)
    workspace.catalog.projects.create("long", workspace="default", manifest=made.digest, item_count=count)


def look_at_app(home: Path, count: int) -> tuple[Looked, Looked, Mapping[str, float]]:
    """Walk through the table and the grid; return both, and the processor seconds of other things."""
    terminal = Terminal(home, COLUMNS, LINES)
    terminal.see("long", limit_s=LIMIT_S)
    press(terminal, b"j")
    before = read_cpu(terminal.pid)
    os.write(terminal.fd, b"v")
    terminal.see(f"of {count:,} items", limit_s=LIMIT_S)
    wait_until_quiet(terminal)
    ready_s = read_cpu(terminal.pid) - before
    table = walk(terminal, ready_s, ENDS)
    others = {
        "sorted by objects, the most first": do(terminal, b",sjj\r,r"),
        "filtered by split:val": do(terminal, b"/split:val\r"),
    }
    press(terminal, b"\x1b")
    before = read_cpu(terminal.pid)
    press(terminal, b"Z")
    grid = walk(terminal, read_cpu(terminal.pid) - before, ENDS)
    os.write(terminal.fd, b"\x11")
    terminal.wait()
    return table, grid, others


def look_at_stock(count: int) -> Looked:
    """Walk through a DataTable of as many rows."""
    terminal = Terminal(
        Path(), COLUMNS, LINES, arguments=("-m", "benchmarks.browsing", "--stock", str(count))
    )
    terminal.see("plate/000000.jpg", limit_s=LIMIT_S)
    wait_until_quiet(terminal)
    looked = walk(terminal, read_cpu(terminal.pid), STOCK_ENDS)
    os.kill(terminal.pid, signal.SIGKILL)
    terminal.wait()
    return looked


def walk(terminal: Terminal, ready_s: float, ends: tuple[bytes, bytes]) -> Looked:
    """Press each kind of key and return what it costs."""
    by_key = {}
    for name, (key, rounds) in KEYS.items():
        keys = [key] * max(rounds, 0) if key else [ends[number % 2] for number in range(rounds)]
        before = read_cpu(terminal.pid)
        sent = sum(press(terminal, one) for one in keys) if rounds > 0 else hold(terminal, key, -rounds)
        rounds = abs(rounds)
        by_key[name] = Cost(sent / rounds, 1e3 * (read_cpu(terminal.pid) - before) / rounds)
    return Looked(ready_s, by_key, read_peak_mib(terminal.pid))


def do(terminal: Terminal, keys: bytes) -> float:
    """Type keys one by one, wait until nothing more comes, and return the processor seconds."""
    before = read_cpu(terminal.pid)
    for number in range(len(keys)):
        press(terminal, keys[number : number + 1])
    return read_cpu(terminal.pid) - before


def press(terminal: Terminal, key: bytes) -> int:
    """Press a key, wait until the terminal is quiet, and return how many bytes were sent."""
    before = len(terminal.written)
    os.write(terminal.fd, key)
    wait_until_quiet(terminal)
    return len(terminal.written) - before


def hold(terminal: Terminal, key: bytes, rounds: int) -> int:
    """Let a key come as if it was held down, and return how many bytes were sent until it is quiet."""
    before = len(terminal.written)
    for _ in range(rounds):
        os.write(terminal.fd, key)
        due = time.monotonic() + HELD_S
        while (left := due - time.monotonic()) > 0:
            if select.select([terminal.fd], [], [], left)[0]:
                terminal.written += os.read(terminal.fd, 65536)
    wait_until_quiet(terminal)
    return len(terminal.written) - before


def wait_until_quiet(terminal: Terminal) -> None:
    """Read what the terminal is sent until nothing came for a while and the process does nothing."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        if select.select([terminal.fd], [], [], QUIET_S)[0]:
            terminal.written += os.read(terminal.fd, 65536)
            continue
        cpu_s = read_cpu(terminal.pid)
        if not select.select([terminal.fd], [], [], QUIET_S)[0] and read_cpu(terminal.pid) - cpu_s < 0.05:
            return


def read_cpu(pid: int) -> float:
    """Return the processor seconds of a process, its ended children's with them."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS_A_SECOND


def read_peak_mib(pid: int) -> float:
    """Return the most memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def run_stock(count: int) -> None:
    """Be the stock app."""
    from textual.app import App, ComposeResult
    from textual.widgets import DataTable

    class Stock(App[None]):
        def compose(self) -> ComposeResult:
            yield DataTable(cursor_type="row")

        def on_mount(self) -> None:
            table = self.query_one(DataTable)
            table.add_columns("item", "split", "obj", "cls", "size")
            table.add_rows(
                (
                    f"plate/{n:06}.jpg",
                    "val" if n % 5 == 0 else "train",
                    str(n % 4),
                    "1",
                    f"{1000 + n % 977} B",
                )
                for n in range(count)
            )

    Stock().run()


def report(what: str, ours: float, stock: float | None, unit: str) -> None:
    beside = f"   DataTable {stock:9.1f} {unit}   ratio {ours / stock:6.3f}" if stock else ""
    print(f"{what:<44} {ours:9.1f} {unit}{beside}")


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--stock"]:
        run_stock(int(arguments[1]))
        return
    count = int(arguments[0]) if arguments else 100_000
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        make_home(home, count)
        table, grid, others = look_at_app(home, count)
    stock = look_at_stock(count)
    report(f"until {count:,} rows are seen (CPU)", table.ready_cpu_s * 1e3, stock.ready_cpu_s * 1e3, "ms")
    for view, looked in (("table", table), ("thumbnails", grid)):
        for name, cost in looked.by_key.items():
            beside = stock.by_key[name]
            report(f"{view}: {name}, sent", cost.sent_bytes, beside.sent_bytes, "B ")
            report(f"{view}: {name} (CPU)", cost.cpu_ms, beside.cpu_ms, "ms")
    for name, seconds in others.items():
        report(f"{name} (CPU, with the keys)", seconds * 1e3, None, "ms")
    report("memory of the process at its peak", grid.peak_mib, stock.peak_mib, "MiB")


if __name__ == "__main__":
    main()
