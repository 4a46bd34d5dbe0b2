"""One peer's way through all phases on one tree: what each cost, what was stored, and what came back."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from string import Template

from benchmarks.checks import compare_checkout, compare_trees, measure_label_share
from benchmarks.measuring import CommandFailed, Cost, measure_size, run, settle
from benchmarks.peers import LABELS, Peer, Phase, find_missing_commands
from benchmarks.trees import TreeSet

_ROOT = Path(__file__).parents[1]
_SIZED = (Phase.FIRST, Phase.EDIT, Phase.COLLECT)


@dataclass(slots=True)
class Played:
    """What one round of one peer gave."""

    costs: dict[Phase, Cost] = field(default_factory=dict)
    copy_seconds: dict[Phase, float] = field(default_factory=dict)
    sizes: dict[Phase, tuple[int, int]] = field(default_factory=dict)  # bytes on disk, files
    notes: list[str] = field(default_factory=list)


def play(peer: Peer, tree_set: TreeSet, source: Path, folder: Path, own_commands: Collection[str]) -> Played:
    """Take a peer through all phases it has; what fails is noted and left out."""
    folder.mkdir()
    try:
        return _Round(peer, tree_set, source, folder, own_commands).play()
    finally:
        shutil.rmtree(folder)


@dataclass(slots=True)
class _Round:
    peer: Peer
    tree_set: TreeSet
    source: Path
    folder: Path
    own_commands: Collection[str]
    played: Played = field(default_factory=Played)

    def play(self) -> Played:
        self._copy(self.tree)
        for path in (self.repo, self.side):
            path.mkdir()
        self._try("prepare", lambda: self._run(self.peer.prepare))
        for phase in Phase:
            if phase is Phase.EDIT:
                self.tree_set.edit(self.tree)
            if self._has(phase):
                self._try(phase, partial(self._play_phase, phase))
        return self.played

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    @property
    def repo(self) -> Path:
        return self.folder / "repo"

    @property
    def side(self) -> Path:
        return self.folder / "side"

    @property
    def fresh(self) -> Path:
        return self.folder / "fresh"

    def _has(self, phase: Phase) -> bool:
        scripts = self.peer.phases.get(phase, ""), self.peer.setups.get(phase, "")
        return bool(scripts[0]) and not find_missing_commands(" ".join(scripts), self.own_commands)

    def _try(self, name: str, play: Callable[[], object]) -> None:
        try:
            play()
        except CommandFailed as error:
            self.played.notes.append(f"{name}: FAILED")
            print(error, file=sys.stderr)

    def _play_phase(self, phase: Phase) -> None:
        label = LABELS.get(phase, "")
        self._run(self.peer.setups.get(phase, ""), label)
        copy = self.folder / "copy"
        self.played.copy_seconds[phase] = self._copy(copy)
        shutil.rmtree(copy)
        settle(self.folder)
        self.played.costs[phase] = self._run(self.peer.phases[phase], label)
        if phase in _SIZED:
            stores = [Path(self._fill(store)) for store in self.peer.stores]
            self.played.sizes[phase] = measure_size(*stores)
        if phase is Phase.FIRST and self.peer.restores_checkouts:
            share = measure_label_share(self.source, self.repo)
            self.played.notes.append(f"labels in {share:.3f} of their size")
        if phase is Phase.CHECKOUT:
            self._check(phase, self.fresh)
            if not self.peer.is_checkout_reused:
                shutil.rmtree(self.fresh)
        if phase is Phase.IN_PLACE:
            self._check(phase, self.fresh if self.peer.is_checkout_reused else self.tree)

    def _copy(self, target: Path) -> float:
        command = 'cp -a "$SOURCE" "$TARGET"'
        return run(
            command, folder=self.folder, environment={"SOURCE": str(self.source), "TARGET": str(target)}
        ).seconds

    def _run(self, script: str, label: str = "") -> Cost:
        if not script:
            return Cost(seconds=0, cpu_s=0, peak_bytes=0)
        return run(script, folder=self.tree, environment=self._environment(label))

    def _environment(self, label: str) -> dict[str, str]:
        own = {name: self._fill(value) for name, value in self.peer.environment.items()}
        python_path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        return {
            **self._places(),
            **own,
            "LABEL": label,
            "PYTHON": sys.executable,
            "PYTHONPATH": python_path,
            "MLWF": f"{sys.executable} -m mlwf_tui",
            "MLWF_HOME": str(self.repo),
        }

    def _places(self) -> dict[str, str]:
        return {
            "SOURCE": str(self.source),
            "TREE": str(self.tree),
            "REPO": str(self.repo),
            "FRESH": str(self.fresh),
            "SIDE": str(self.side),
        }

    def _fill(self, text: str) -> str:
        return Template(text).substitute(self._places())

    def _check(self, phase: Phase, restored: Path) -> None:
        compare = compare_checkout if self.peer.restores_checkouts else compare_trees
        wrong, extra = compare(self.source, restored)
        if wrong:
            self.played.notes.append(f"{phase}: {wrong} WRONG")
        if extra:
            self.played.notes.append(f"{phase}: leaves {extra} of v2")
