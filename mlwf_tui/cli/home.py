"""The demo, which shows the whole workflow on a sample."""

from __future__ import annotations

import sys

import click

from mlwf_tui.cli.face import DONE, SEED, Face, command, to_document
from mlwf_tui.cli.progress import ProgressLine

group = click.Group()


@command(group, "demo")
@click.option("--no-tui", is_flag=True, help="Print the lineage at the end instead of opening the app.")
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Draws another sample, and another model."
)
def demo_command(face: Face, no_tui: bool, seed: int) -> int:
    """Go through the whole workflow on a sample project made on the spot.

    Import, commit, split, augment, train, benchmark, apply, restore: about three minutes on two
    cores, no network, no GPU needed.

    \b
    mlwf demo
    mlwf --home /tmp/try demo --no-tui
    """
    from mlwf_tui.workflow.demo import run_demo

    with face.open() as workspace:
        announcer = _Announcer()
        announcer.end(f"All of it goes into {face.home} (--home or MLWF_HOME names another).")
        result = run_demo(workspace, seed=seed, announce=announcer)
        announcer.close()
        is_printed = no_tui or face.is_json or not (sys.stdin.isatty() and sys.stdout.isatty())
        if is_printed:
            from mlwf_tui.workflow.graph import read_graph
            from mlwf_tui.workflow.graphs import formats as graph_formats

            graph = read_graph(workspace, result.project)
            document = {**to_document(result), "graph": to_document(graph)}
            face.show(document, lambda: f"\n{graph_formats.to_text(graph)}\n\n{_summarise(result.map50)}")
            return DONE
    from mlwf_tui.tui.app import run_app

    return run_app(face.home)


class _Announcer:
    """Shows the demo's steps: a numbered line each, with a progress line below while it goes."""

    def __init__(self) -> None:
        self._line: ProgressLine | None = None

    def begin(self, number: int, count: int, text: str) -> None:
        self.close()
        click.echo(f"[{number}/{count}] {text}", err=True)
        self._line = ProgressLine("     ")

    def end(self, text: str) -> None:
        self.close()
        click.echo(f"      {text}", err=True)

    def progress(self, step: int, total: int | None, message: str) -> None:
        if self._line is not None:
            self._line.progress(step, total, message)

    def metric(self, key: str, value: float, step: int) -> None:
        """The progress message names what matters."""

    def check_cancelled(self) -> None:
        """Ctrl-C raises KeyboardInterrupt by itself."""

    def close(self) -> None:
        if self._line is not None:
            self._line.close()


def _summarise(map50: float) -> str:
    return f"The model's mAP50 on held-out images is {map50:.3f}. Now look around: mlwf"
