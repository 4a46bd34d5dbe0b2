"""What a power cut takes: undoes on disk what a killed command had not made durable."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Sequence
from math import inf
from pathlib import Path

from tests.faults.harness import Step


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
        step.path.parent.mkdir(parents=True, exist_ok=True)  # a folder that went after its files comes back
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
            size = path.stat().st_size
            lost_from = draw.choice([kept, draw.randrange(kept, size + 1)])
            os.truncate(path, lost_from)
            has_zeros = draw.random() < 0.25  # a file may have its length before it has its bytes
            os.truncate(path, size if has_zeros else lost_from)
            taken.append(f"{path.name} {'zeros from' if has_zeros else 'cut to'} {lost_from} bytes")
    return taken
