"""The store next to other tools: first snapshot, nothing changed, an edit, verify, checkouts, collect.

    python -m benchmarks.store [--work DIR | --loop 16G] [--sets 2k,20k] [--peers mlwf,restic] [--rounds 3]
    python -m benchmarks.store --million

Whole processes, as a person would start them, on a warm cache. A cell is the median of seconds, in
brackets the median of its ratio to a `cp -a` of the unedited tree that ran just before: on a busy machine
only the ratio counts. Every tree that comes back is compared with what went in. The edit changes 1 % of
the labels, adds 1 % of images, deletes 0.5 % and renames a folder with 10 % of the items; of checkpoints,
seven change by a tenth in runs of 1 M, 1 M, 256 K, 256 K, 64 K, 64 K and 4 K, the eighth grows in front.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.disks import loop_disk, warn_of_no_journal
from benchmarks.measuring import compile_package, measure_size
from benchmarks.million import measure_million
from benchmarks.peers import Peer, list_own_commands, list_peers
from benchmarks.rounds import Played, play
from benchmarks.tables import format_costs, format_cpu, format_sizes
from benchmarks.trees import TreeSet, list_sets


def main(arguments: Sequence[str] | None = None) -> None:
    options = _read_options(arguments)
    compile_package()
    with _work_folder(options.work, options.loop) as folder:
        if warning := warn_of_no_journal(folder):
            print(f"warning: {warning}", file=sys.stderr)
        if options.million:
            print(measure_million(folder))
            return
        for tree_set in _choose_sets(options.sets):
            peers = _choose_peers(options.peers, tree_set)
            _measure_set(tree_set, peers, options.rounds, folder)


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.store",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--work", type=Path, help="where to work; else a temporary folder")
    parser.add_argument("--loop", metavar="SIZE", help="work on a loop-mounted ext4 of this size; needs root")
    parser.add_argument("--sets", default="2k", help=f"of {', '.join(one.name for one in list_sets())}")
    parser.add_argument("--peers", default="", help="names or their first words, such as mlwf,git; else all")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--million", action="store_true", help="instead: a project of 1,000,000 items")
    return parser.parse_args(arguments)


@contextmanager
def _work_folder(work: Path | None, loop_size: str | None) -> Iterator[Path]:
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=work) as scratch:
        if loop_size is None:
            yield Path(scratch)
        else:
            with loop_disk(Path(scratch), loop_size) as disk:
                yield disk


def _choose_sets(names: str) -> list[TreeSet]:
    by_name = {one.name: one for one in list_sets()}
    unknown = set(names.split(",")) - by_name.keys()
    if unknown:
        raise SystemExit(f"no set is called {', '.join(sorted(unknown))}; there are {', '.join(by_name)}")
    return [by_name[name] for name in names.split(",")]


def _choose_peers(names: str, tree_set: TreeSet) -> list[Peer]:
    wanted = names.split(",") if names else [peer.name for peer in list_peers()]
    fitting = [
        peer
        for peer in list_peers()
        if (peer.takes_images if tree_set.is_of_images else peer.takes_checkpoints)
        and not {peer.name, peer.name.split()[0]}.isdisjoint(wanted)
    ]
    for peer in fitting:
        if not peer.is_installed:
            print(f"{peer.name} is not installed", file=sys.stderr)
    return [peer for peer in fitting if peer.is_installed]


def _measure_set(tree_set: TreeSet, peers: Sequence[Peer], rounds: int, folder: Path) -> None:
    source = folder / tree_set.name
    source.mkdir()
    tree_set.make(source)
    size_bytes, count = measure_size(source)
    print(f"\n## {tree_set.name}: {tree_set.summary}\n")
    print(f"{count:,} files, {size_bytes / 1e6:,.0f} MB on disk\n", flush=True)
    played: dict[str, list[Played]] = {peer.name: [] for peer in peers}
    own_commands = list_own_commands() if any(peer.is_ours for peer in peers) else set()
    for number in range(rounds):
        for peer in peers:
            print(f"{tree_set.name}, round {number + 1}: {peer.name}", file=sys.stderr, flush=True)
            played[peer.name].append(play(peer, tree_set, source, folder / "round", own_commands))
    print(format_costs(played), format_cpu(played), format_sizes(played), sep="\n\n", flush=True)
    shutil.rmtree(source)


if __name__ == "__main__":
    main()
